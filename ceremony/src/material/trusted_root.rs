//! `trusted_root.json`

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::document::Document;
use super::instance::{Instance, Kind};
use super::spans::Step;
use crate::json::{Json, JsonError, Object};

/// What clients trust: the file `trusted_root.json`, of which an edit changes nothing but what it is about.
///
/// Entries may say anything that is JSON: what is wrong with them is for [`lint`](super::lint::lint) to find.
#[derive(Clone, Debug, PartialEq)]
pub struct TrustedRoot {
    document: Document,
}

impl TrustedRoot {
    /// The media type that clients read, all of them.
    pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";
    /// The name of the target.
    pub const TARGET: &str = "trusted_root.json";

    /// Reads a file.
    ///
    /// # Errors
    /// If it is not strict JSON, not an object, or one of its four lists is no array of objects.
    pub fn parse(bytes: &[u8]) -> Result<Self, MaterialError> {
        let document = Document::parse(bytes)?;
        let object = document.json().as_object().ok_or(MaterialError::Shape { member: "", wanted: "an object" })?;
        for kind in Kind::ALL {
            objects(object, kind.list())?;
        }
        Ok(Self { document })
    }

    /// A trusted root that trusts nothing yet.
    pub fn empty() -> Self {
        let lists = Kind::ALL.iter().map(|kind| (kind.list(), Json::Array(Vec::new())));
        let members: Object = lists.chain([("mediaType", Json::string(Self::MEDIA_TYPE))]).collect();
        Self { document: Document::new(&Json::Object(members)) }
    }

    /// The file; of a root that was only read, the very bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.document.text().as_bytes()
    }

    /// What the file says.
    pub fn json(&self) -> &Json {
        self.document.json()
    }

    /// `mediaType`, if there is one.
    pub fn media_type(&self) -> Option<&str> {
        self.json().get("mediaType").and_then(Json::as_str)
    }

    /// The entries of one kind, in the order of the file.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = Instance<'_>> {
        let list = self.json().get(kind.list()).and_then(Json::as_array).unwrap_or_default();
        list.iter().enumerate().map(move |(index, entry)| Instance { kind, index, entry })
    }

    /// All entries: Fulcio, Rekor, CT logs, timestamp authorities.
    pub fn instances(&self) -> impl Iterator<Item = Instance<'_>> {
        Kind::ALL.iter().flat_map(|kind| self.of_kind(*kind))
    }

    /// The bytes of an entry in the file.
    pub fn text_of(&self, instance: &Instance<'_>) -> &str {
        self.document.text_at(&[Step::Name(instance.kind.list()), Step::Index(instance.index)])
    }

    /// With a new entry at `index` of its list.
    pub(super) fn with(&self, kind: Kind, index: usize, entry: &Json) -> Self {
        let list = [Step::Name(kind.list())];
        let listed = if self.json().get(kind.list()).is_some() {
            self.document.clone()
        } else {
            self.document.set(&[], kind.list(), &Json::Array(Vec::new()))
        };
        Self { document: listed.insert(&list, index, entry) }
    }

    /// Without this entry: nothing verifies any longer that was ever signed under it.
    #[must_use]
    pub fn remove(&self, entry: &Instance<'_>) -> Self {
        Self { document: self.document.remove(&[Step::Name(entry.kind.list())], entry.index) }
    }

    /// With another value under `name` in the object at `path` of an entry; without that member if there is no value.
    pub(super) fn set(&self, entry: &Instance<'_>, path: &[&str], name: &str, value: Option<&Json>) -> Self {
        let start = [Step::Name(entry.kind.list()), Step::Index(entry.index)];
        let path: Vec<Step<'_>> = start.into_iter().chain(path.iter().map(|name| Step::Name(name))).collect();
        let document = match value {
            Some(value) => self.document.set(&path, name, value),
            None => self.document.unset(&path, name),
        };
        Self { document }
    }

    /// With the media type that clients read.
    pub(super) fn with_media_type(&self) -> Self {
        Self { document: self.document.set(&[], "mediaType", &Json::string(Self::MEDIA_TYPE)) }
    }
}

/// The most entries of one list. Sigstore's have five.
pub(super) const MOST_ENTRIES: usize = 256;

/// The objects of the list `name`; none if it is not there, as protocol buffers write empty lists.
pub(super) fn objects<'a>(object: &'a Object, name: &'static str) -> Result<&'a [Json], MaterialError> {
    let Some(list) = object.get(name) else { return Ok(&[]) };
    let list = list.as_array().filter(|list| list.iter().all(|entry| entry.as_object().is_some()));
    let list = list.ok_or(MaterialError::Shape { member: name, wanted: "an array of objects" })?;
    if list.len() > MOST_ENTRIES {
        return Err(MaterialError::TooMany { member: name, found: list.len() });
    }
    Ok(list)
}

/// Why a file is no trust material.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MaterialError {
    /// It is not the JSON that this program reads.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It is neither a trusted root, nor a signing config of a version that this program knows.
    #[error("media type \"{found}\" is not {wanted}")]
    MediaType {
        /// What the file says, escaped.
        found: String,
        /// What it should say.
        wanted: &'static str,
    },
    /// More entries than any list has: to compare them all would take for ever.
    #[error("{member} has {found} entries, and {MOST_ENTRIES} are the most that are read")]
    TooMany {
        /// The list.
        member: &'static str,
        /// How many it has.
        found: usize,
    },
    /// A member is not what it must be.
    #[error("{} is not {wanted}", if member.is_empty() { "the file" } else { member })]
    Shape {
        /// The member; empty for the whole file.
        member: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
}

impl MaterialError {
    pub(super) fn media_type(found: Option<&str>, wanted: &'static str) -> Self {
        Self::MediaType { found: found.unwrap_or_default().escape_debug().to_string(), wanted }
    }
}
