//! What a root says.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::json::Json;
use crate::metadata::{Kind, Metadata, MetadataError};
use crate::quorum::KeySet;
use crate::tuf_key::{KeyId, TufKey};

/// A view of root metadata (TUF specification, section 4.3).
#[derive(Clone, Debug, PartialEq)]
pub struct Root {
    /// The version.
    pub version: u64,
    /// Whether files carry their version or digest in their names (section 6.2).
    pub consistent_snapshot: bool,
    /// Every key that the file lists, used or not.
    pub keys: BTreeMap<KeyId, TufKey>,
    /// The keys and thresholds of the roles, by role name.
    pub roles: BTreeMap<String, KeySet>,
}

impl Root {
    /// The four roles that every root delegates to.
    pub const ROLES: [&str; 4] = ["root", "snapshot", "targets", "timestamp"];

    /// Reads a root.
    ///
    /// # Errors
    /// If it is other metadata, or lacks one of the four roles, or one of them is malformed.
    pub fn of(metadata: &Metadata) -> Result<Self, MetadataError> {
        if metadata.kind() != Kind::Root {
            return Err(MetadataError::Kind { found: metadata.kind(), wanted: Kind::Root });
        }
        let signed = metadata.signed();
        let keys = read_keys(signed.get("keys"), "signed")?;
        let entries = signed.get("roles").and_then(Json::as_object);
        let entries = entries.ok_or_else(|| MetadataError::member("signed", "roles", "an object"))?;
        let mut roles = BTreeMap::new();
        for (name, role) in entries.iter() {
            roles.insert(name.to_string(), KeySet::read(role, &keys, name)?);
        }
        for name in Self::ROLES {
            if !roles.contains_key(name) {
                return Err(MetadataError::member("signed.roles", name, "an object"));
            }
        }
        let consistent_snapshot = signed.get("consistent_snapshot").and_then(Json::as_bool).unwrap_or(false);
        Ok(Self { version: metadata.version(), consistent_snapshot, keys, roles })
    }

    /// The keys that may sign `role`, if this root delegates to it.
    pub fn role(&self, role: &str) -> Option<&KeySet> {
        self.roles.get(role)
    }

    /// The keys that may sign the next root.
    pub fn own(&self) -> &KeySet {
        self.roles.get("root").expect("the constructor found the role root")
    }

    /// The ids of keys that no role names.
    pub fn unused(&self) -> Vec<&KeyId> {
        let used: BTreeSet<&KeyId> = self.roles.values().flat_map(|role| &role.ids).collect();
        self.keys.keys().filter(|id| !used.contains(id)).collect()
    }
}

/// Reads a `keys` member. What cannot be decoded is kept.
pub(crate) fn read_keys(keys: Option<&Json>, place: &str) -> Result<BTreeMap<KeyId, TufKey>, MetadataError> {
    let keys = keys.and_then(Json::as_object).ok_or_else(|| MetadataError::member(place, "keys", "an object"))?;
    let read = |(id, object): (&str, &Json)| (KeyId::new(id), TufKey::read(KeyId::new(id), object.clone()));
    Ok(keys.iter().map(read).collect())
}
