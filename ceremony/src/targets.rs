//! What a targets file says: target files and delegations.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::digest::Digest;
use crate::inputs::WantedTarget;
use crate::json::{Json, Object};
use crate::metadata::{Kind, Metadata, MetadataError};
use crate::quorum::KeySet;
use crate::root::read_keys;
use crate::tuf_key::{KeyId, TufKey};

/// A view of targets metadata, top-level or delegated (TUF specification, section 4.5).
#[derive(Clone, Debug)]
pub struct Targets<'a> {
    entries: &'a Object,
    /// The keys of the roles that this one delegates to.
    pub keys: BTreeMap<KeyId, TufKey>,
    /// The roles that this one delegates to, in the order in which clients ask them.
    pub delegations: Vec<Delegation>,
}

/// One role that a targets file delegates to.
#[derive(Clone, Debug, PartialEq)]
pub struct Delegation {
    /// The role's name.
    pub name: String,
    /// The path patterns that the role may sign; empty where it has hash prefixes.
    pub paths: Vec<String>,
    /// The hash prefixes that the role may sign.
    pub path_hash_prefixes: Vec<String>,
    /// Whether a client that comes here asks no later role.
    pub terminating: bool,
    /// Who may sign the role.
    pub keys: KeySet,
}

/// What a targets file says of one target file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TargetEntry<'a> {
    /// The length in bytes.
    pub length: u64,
    /// SHA-256, if the file lists it; Sigstore's targets 1 has SHA-512 alone.
    pub sha256: Option<Digest>,
    /// The entry as it stands in the file.
    pub entry: &'a Json,
}

impl<'a> Targets<'a> {
    /// Reads a targets file.
    ///
    /// # Errors
    /// If it is other metadata, or its delegations are malformed.
    pub fn of(metadata: &'a Metadata) -> Result<Self, MetadataError> {
        if metadata.kind() != Kind::Targets {
            return Err(MetadataError::Kind { found: metadata.kind(), wanted: Kind::Targets });
        }
        let signed = metadata.signed();
        let entries = signed.get("targets").and_then(Json::as_object);
        let entries = entries.ok_or_else(|| MetadataError::member("signed", "targets", "an object"))?;
        let (keys, delegations) = match signed.get("delegations") {
            None => Default::default(),
            Some(delegations) => {
                let keys = read_keys(delegations.get("keys"), "signed.delegations")?;
                let roles = delegations.get("roles").and_then(Json::as_array);
                let roles = roles.ok_or_else(|| MetadataError::member("signed.delegations", "roles", "an array"))?;
                let read = roles.iter().map(|role| Delegation::read(role, &keys)).collect::<Result<Vec<_>, _>>()?;
                (keys, read)
            }
        };
        Ok(Self { entries, keys, delegations })
    }

    /// How many target files there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no target file.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The paths and raw entries of the target files, sorted by path.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (&'a str, &'a Json)> {
        self.entries.iter()
    }

    /// What is said of the target file `path`.
    ///
    /// # Errors
    /// If the entry is malformed.
    pub fn target(&self, path: &str) -> Option<Result<TargetEntry<'a>, MetadataError>> {
        self.entries.get(path).map(|entry| TargetEntry::read(entry, path))
    }

    /// The delegation to `role`.
    pub fn delegation(&self, role: &str) -> Option<&Delegation> {
        self.delegations.iter().find(|delegation| delegation.name == role)
    }
}

impl<'a> TargetEntry<'a> {
    /// Whether the entry is that of a wanted file.
    pub(crate) fn is(&self, wanted: &WantedTarget) -> bool {
        self.length == wanted.length && self.sha256 == Some(wanted.sha256)
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// If it has no length, or a digest that is none.
    pub fn read(entry: &'a Json, path: &str) -> Result<Self, MetadataError> {
        let wrong = |member, wanted| MetadataError::member(path, member, wanted);
        let length = entry.get("length").and_then(Json::as_u64).ok_or_else(|| wrong("length", "a number"))?;
        let sha256 = match entry.get("hashes").and_then(|hashes| hashes.get("sha256")) {
            None => None,
            Some(digest) => {
                let digest = digest.as_str().and_then(|text| text.parse().ok());
                Some(digest.ok_or_else(|| wrong("hashes.sha256", "64 lower-case hex digits"))?)
            }
        };
        Ok(Self { length, sha256, entry })
    }

    /// Every name under which a consistent snapshot holds the file (section 6.2): `DIR/HASH.NAME` for each hash that
    /// the entry lists.
    pub fn file_names(&self, path: &str) -> Vec<String> {
        let hashes = self.entry.get("hashes").and_then(Json::as_object);
        let hashes = hashes.into_iter().flat_map(Object::iter).filter_map(|(_, hash)| hash.as_str());
        hashes.map(|hash| consistent_name(path, hash)).collect()
    }
}

/// The name of the target file `path` in a consistent snapshot (TUF specification, section 6.2).
pub fn consistent_name(path: &str, hash: &str) -> String {
    match path.rsplit_once('/') {
        Some((directory, name)) => [directory, "/", hash, ".", name].concat(),
        None => [hash, ".", path].concat(),
    }
}

impl Delegation {
    fn read(role: &Json, keys: &BTreeMap<KeyId, TufKey>) -> Result<Self, MetadataError> {
        let place = "signed.delegations.roles";
        let name = role.get("name").and_then(Json::as_str);
        let name = name.ok_or_else(|| MetadataError::member(place, "name", "a text"))?;
        let texts = |member: &'static str| match role.get(member) {
            None => Ok(Vec::new()),
            Some(list) => {
                let texts: Option<Vec<String>> =
                    list.as_array().and_then(|list| list.iter().map(|t| t.as_str().map(ToString::to_string)).collect());
                texts.ok_or_else(|| MetadataError::member(name, member, "an array of texts"))
            }
        };
        Ok(Self {
            name: name.to_string(),
            paths: texts("paths")?,
            path_hash_prefixes: texts("path_hash_prefixes")?,
            terminating: role.get("terminating").and_then(Json::as_bool).unwrap_or(false),
            keys: KeySet::read(role, keys, name)?,
        })
    }

    /// Whether a client asks this role for the target file `path` (section 4.5, `paths`).
    pub fn covers(&self, path: &str) -> bool {
        let digest = || Digest::of(path.as_bytes()).to_string();
        self.paths.iter().any(|pattern| matches_pattern(pattern, path))
            || (!self.path_hash_prefixes.is_empty()
                && self.path_hash_prefixes.iter().any(|prefix| digest().starts_with(prefix.as_str())))
    }
}

/// Whether `path` matches a shell pattern in which neither `*` nor `?` crosses a `/` (TUF specification,
/// section 4.5, PATHPATTERN).
pub(crate) fn matches_pattern(pattern: &str, path: &str) -> bool {
    let (patterns, parts): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    patterns.len() == parts.len() && patterns.iter().zip(parts).all(|(pattern, part)| matches_part(pattern, part))
}

/// One path component, by the textbook loop with one point to come back to: linear in practice on hostile patterns.
fn matches_part(pattern: &str, part: &str) -> bool {
    let (pattern, part): (Vec<char>, Vec<char>) = (pattern.chars().collect(), part.chars().collect());
    let (mut p, mut s, mut back) = (0, 0, None);
    while s < part.len() {
        match pattern.get(p) {
            Some('*') => {
                back = Some((p + 1, s));
                p += 1;
            }
            Some(c) if *c == '?' || *c == part[s] => {
                p += 1;
                s += 1;
            }
            _ => match back {
                Some((after, from)) => {
                    back = Some((after, from + 1));
                    p = after;
                    s = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stop_at_slashes() {
        assert!(matches_pattern("registry.npmjs.org/*", "registry.npmjs.org/keys.json"));
        assert!(!matches_pattern("registry.npmjs.org/*", "registry.npmjs.org/a/keys.json"));
        assert!(!matches_pattern("*", "a/b"));
        assert!(matches_pattern("rekor.*.pub", "rekor.0.pub"));
        assert!(matches_pattern("a?c*", "abc"));
        assert!(!matches_pattern("a?c", "ac"));
        assert!(!matches_pattern("*a*a*a*a*b", &"a".repeat(2000)));
    }

    #[test]
    fn consistent_names_put_the_hash_on_the_last_part() {
        assert_eq!(consistent_name("registry.npmjs.org/keys.json", "ab"), "registry.npmjs.org/ab.keys.json");
        assert_eq!(consistent_name("rekor.pub", "ab"), "ab.rekor.pub");
    }
}
