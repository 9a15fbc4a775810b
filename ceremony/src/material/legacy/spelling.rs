//! Members of `custom` as Go reads them: in whatever letters.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::json::Json;

/// Whether Go takes a member of this name for the one called `known` (encoding/json), and old clients a word for this one
/// (sigstore/sigstore, `pkg/tuf`): they tell no capitals from small letters, nor the long s and the Kelvin sign from the
/// letters that they are.
pub fn is_spelled(name: &str, known: &str) -> bool {
    let small = |letter: char| match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        letter => letter.to_ascii_lowercase(),
    };
    name.chars().map(small).eq(known.chars().map(small))
}

/// Whether `custom` says that its target is a legacy one, as clients read it.
pub fn is_legacy(custom: &Json) -> bool {
    custom.as_object().is_some_and(|custom| custom.iter().any(|(name, _)| is_spelled(name, "sigstore")))
}

/// The members of an object that Go takes for `known`, in the order of the file: the last one counts.
fn spelled<'a>(object: &'a Json, known: &'static str) -> impl Iterator<Item = (&'a str, &'a Json)> {
    let members = object.as_object().into_iter().flat_map(|object| object.iter());
    members.filter(move |(name, _)| is_spelled(name, known))
}

/// What `custom.sigstore` says, however its names are spelled.
pub(super) struct Said<'a> {
    /// Every object that is taken for `sigstore`.
    objects: Vec<(&'a str, &'a Json)>,
}

impl<'a> Said<'a> {
    /// What is said in `custom`; none if it has nothing that is taken for `sigstore`.
    pub(super) fn read(custom: &'a Json) -> Option<Self> {
        let objects: Vec<_> = spelled(custom, "sigstore").collect();
        (!objects.is_empty()).then_some(Self { objects })
    }

    /// The text of a member.
    pub(super) fn text(&self, known: &'static str) -> Option<String> {
        let values = self.objects.iter().flat_map(|(_, object)| spelled(object, known));
        values.filter_map(|(_, value)| value.as_str()).last().map(ToString::to_string)
    }

    /// The names of the members that are not spelled as they are called.
    pub(super) fn misspelled(&self) -> Vec<String> {
        let outer = self.objects.iter().map(|(name, _)| (*name, "sigstore"));
        let inner = self.objects.iter().flat_map(|(_, object)| {
            ["status", "uri", "usage"].iter().flat_map(|known| spelled(object, known).map(|(name, _)| (name, *known)))
        });
        outer.chain(inner).filter(|(name, known)| name != known).map(|(name, _)| name.to_string()).collect()
    }
}
