//! The members of a JSON object.

use alloc::borrow::{Cow, ToOwned};
use alloc::vec::Vec;

use super::Json;

/// The members of a JSON object, each name once, sorted by code point.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    pub(super) members: Vec<(Name, Json)>,
}

/// The name of a member. Those that stand in a file as often as there are target files are kept once.
pub(super) type Name = Cow<'static, str>;

pub(super) fn name(text: &str) -> Name {
    let often = ["custom", "hashes", "length", "sha256"].into_iter().find(|often| *often == text);
    often.map_or_else(|| Cow::Owned(text.to_owned()), Cow::Borrowed)
}

impl Object {
    /// An object without members.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value under `name`.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.place(name).ok().map(|i| &self.members[i].1)
    }

    /// The value under `name`, to change.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Json> {
        self.place(name).ok().map(|i| &mut self.members[i].1)
    }

    /// Puts `value` under `name` and returns what was there.
    pub fn insert(&mut self, name: &str, value: Json) -> Option<Json> {
        match self.place(name) {
            Ok(i) => Some(core::mem::replace(&mut self.members[i].1, value)),
            Err(i) => {
                self.members.insert(i, (self::name(name), value));
                None
            }
        }
    }

    /// Takes away what is under `name`.
    pub fn remove(&mut self, name: &str) -> Option<Json> {
        self.place(name).ok().map(|i| self.members.remove(i).1)
    }

    /// Keeps the members for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Json) -> bool) {
        self.members.retain(|(name, value)| keep(name, value));
    }

    /// The members in order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Json)> {
        self.members.iter().map(|(name, value)| (&**name, value))
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.members.binary_search_by(|(other, _)| (**other).cmp(name))
    }
}

impl<N: AsRef<str>> FromIterator<(N, Json)> for Object {
    /// Of two members with one name the later stays.
    fn from_iter<I: IntoIterator<Item = (N, Json)>>(members: I) -> Self {
        let mut members: Vec<(Name, Json)> =
            members.into_iter().map(|(text, value)| (name(text.as_ref()), value)).collect();
        members.reverse();
        members.sort_by(|a, b| a.0.cmp(&b.0));
        members.dedup_by(|later, kept| later.0 == kept.0);
        Self { members }
    }
}
