//! Which client can read which root.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::of_version;
use crate::finding::{Finding, Rule};
use crate::key::Algorithm;
use crate::metadata::{Kind, Metadata, MetadataError};
use crate::root::Root;
use crate::targets::Targets;
use crate::time::Time;
use crate::tuf_key::{IdForm, TufKey};

/// A client, and what it cannot read.
///
/// The table comes from running the clients on Sigstore's roots and on repositories with one change at a time, in
/// their versions of late 2026; go-tuf, and with it cosign and sigstore-go, from its source.
#[derive(Debug, PartialEq, Eq)]
pub struct Reader {
    name: &'static str,
    stops_at: &'static [Obstacle],
}

/// What keeps some clients from reading a metadata file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Obstacle {
    /// A role lists a key id twice.
    DuplicateKeyId,
    /// `expires` has a fraction of a second.
    ExpiryFraction,
    /// `expires` is not in `Z`.
    ExpiryOffset,
    /// A root has a role beside the four.
    ExtraRole,
    /// An ECDSA key is a point in hex, not PEM.
    HexPoint,
    /// A key id is not the hash of its whole key object.
    KeyIdMismatch,
    /// A key is on NIST P-384.
    P384,
}

impl Reader {
    /// All clients that are known, in alphabetical order.
    pub const ALL: &[Self] = &[
        Self { name: "cosign", stops_at: GO_TUF },
        Self { name: "go-tuf", stops_at: GO_TUF },
        Self { name: "python-tuf", stops_at: PYTHON_TUF },
        Self { name: "sigstore-go", stops_at: GO_TUF },
        Self { name: "sigstore-js", stops_at: TUF_JS },
        Self { name: "sigstore-python", stops_at: PYTHON_TUF },
        Self { name: "sigstore-rs", stops_at: TOUGH },
        Self { name: "sigstore-tuf", stops_at: &[Obstacle::HexPoint] },
        Self { name: "tough", stops_at: TOUGH },
        Self { name: "tuf-js", stops_at: TUF_JS },
        Self { name: "tuftool", stops_at: TOUGH },
    ];

    /// The client of this name, as a policy lists it.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|reader| reader.name == name)
    }

    /// The clients of these names as far as they are known; all that are known if there are none.
    pub fn among(names: &[String]) -> impl Iterator<Item = &'static Self> {
        Self::ALL.iter().filter(move |reader| names.is_empty() || names.iter().any(|name| *name == reader.name))
    }

    /// The name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the client cannot read a file with this in it.
    pub fn stops_at(&self, obstacle: Obstacle) -> bool {
        self.stops_at.contains(&obstacle)
    }
}

const GO_TUF: &[Obstacle] = &[Obstacle::HexPoint];
const PYTHON_TUF: &[Obstacle] = &[
    Obstacle::DuplicateKeyId,
    Obstacle::ExpiryFraction,
    Obstacle::ExpiryOffset,
    Obstacle::ExtraRole,
    Obstacle::HexPoint,
];
const TOUGH: &[Obstacle] = &[Obstacle::ExpiryOffset, Obstacle::ExtraRole, Obstacle::KeyIdMismatch, Obstacle::P384];
const TUF_JS: &[Obstacle] = &[Obstacle::DuplicateKeyId];

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DuplicateKeyId => "a key id is listed twice",
            Self::ExpiryFraction => "its expiry has a fraction",
            Self::ExpiryOffset => "its expiry is not in Z",
            Self::ExtraRole => "it has a fifth role",
            Self::HexPoint => "its keys are not PEM",
            Self::KeyIdMismatch => "a key id is not the hash of the key",
            Self::P384 => "a key is on P-384",
        })
    }
}

/// What in this file keeps some clients from reading it, sorted.
///
/// # Errors
/// If it is a malformed root or targets file.
pub fn obstacles(metadata: &Metadata) -> Result<Vec<Obstacle>, MetadataError> {
    let mut found = Vec::new();
    let text = metadata.expires_text();
    if text.parse::<Time>().is_err() {
        found.extend(text.contains('.').then_some(Obstacle::ExpiryFraction));
        found.extend((!text.ends_with('Z')).then_some(Obstacle::ExpiryOffset));
    }
    let (keys, sets): (_, Vec<_>) = match metadata.kind() {
        Kind::Root => {
            let root = Root::of(metadata)?;
            found.extend((root.roles.len() > Root::ROLES.len()).then_some(Obstacle::ExtraRole));
            (root.keys, root.roles.into_values().collect())
        }
        Kind::Targets => {
            let targets = Targets::of(metadata)?;
            (targets.keys, targets.delegations.into_iter().map(|role| role.keys).collect())
        }
        Kind::Snapshot | Kind::Timestamp => Default::default(),
    };
    let twice = sets.iter().any(|set| set.ids.iter().enumerate().any(|(i, id)| set.ids[..i].contains(id)));
    found.extend(twice.then_some(Obstacle::DuplicateKeyId));
    found.extend(keys.values().any(is_hex_point).then_some(Obstacle::HexPoint));
    let mismatch = keys.values().any(|key| key.id_form() != IdForm::WholeObject);
    found.extend(mismatch.then_some(Obstacle::KeyIdMismatch));
    let p384 = |key: &TufKey| key.key.as_ref().is_ok_and(|key| key.algorithm() == Algorithm::EcdsaP384);
    found.extend(keys.values().any(p384).then_some(Obstacle::P384));
    found.sort();
    Ok(found)
}

/// Finds which clients cannot read a root. Key types are left to [`unsupported`](super::unsupported).
pub(super) fn root_unreadable(metadata: &Metadata, root: &Root, clients: &[String], findings: &mut Vec<Finding>) {
    let Ok(mut obstacles) = obstacles(metadata) else { return };
    obstacles.retain(|obstacle| *obstacle != Obstacle::P384);
    let mut parts: Vec<String> = Vec::new();
    for obstacle in obstacles {
        let names: Vec<&str> =
            Reader::among(clients).filter(|reader| reader.stops_at(obstacle)).map(Reader::name).collect();
        if !names.is_empty() {
            parts.push(format!("{obstacle} ({})", names.join(", ")));
        }
    }
    if !parts.is_empty() {
        let subject = of_version("root", root.version);
        findings.push(Finding::new(Rule::RootUnreadable, subject, parts.join("; ")));
    }
}

fn is_hex_point(key: &TufKey) -> bool {
    let ecdsa = key.object.get("keytype").and_then(|keytype| keytype.as_str()).is_some_and(|t| t.starts_with("ecdsa"));
    let public = key.object.get("keyval").and_then(|keyval| keyval.get("public")).and_then(|public| public.as_str());
    ecdsa && public.is_some_and(|public| public.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::string::ToString;
    use alloc::vec;

    use super::super::tests::{key, metadata, names, root_of, targets_of};
    use super::*;
    use crate::json::Json;
    use crate::lint;

    #[test]
    fn names_are_sorted_and_found() {
        assert!(Reader::ALL.is_sorted_by_key(|reader| reader.name));
        assert_eq!(Reader::named("tough").map(Reader::name), Some("tough"));
        assert_eq!(Reader::named("browser"), None);
    }

    #[test]
    fn a_fifth_role_is_found_for_those_who_cannot_read_it() {
        let mut signed = root_of(3, &[key(1)], 1).signed().clone();
        let roles = signed.as_object_mut().unwrap().get_mut("roles").unwrap().as_object_mut().unwrap();
        let mirrors = roles.get("timestamp").unwrap().clone();
        roles.insert("mirrors", mirrors);
        let root = Metadata::new(signed, vec![]).unwrap();
        let found = |client: &str| names(&lint::root(&root, &[client.to_string()]).unwrap());
        assert_eq!(found("tough"), [(Rule::RootUnreadable, "root 3".to_string())]);
        assert_eq!(found("tuf-js"), []);
    }

    #[test]
    fn each_obstacle_is_seen() {
        let mut object = key(1).object;
        let keyval = object.as_object_mut().unwrap().get_mut("keyval").unwrap().as_object_mut().unwrap();
        keyval.insert("public", Json::string("04aa"));
        let hex = TufKey::read(key(1).id, object);
        let seen = obstacles(&targets_of(1, "", &[hex], "")).unwrap();
        assert_eq!(seen, [Obstacle::HexPoint, Obstacle::KeyIdMismatch]);
        let root = obstacles(&root_of(1, &[key(1), key(1)], 1)).unwrap();
        assert_eq!(root, [Obstacle::DuplicateKeyId]);
        let text = r#"{"_type":"snapshot","version":1,"expires":"2021-12-18T13:28:12.99008-06:00","meta":{}}"#;
        assert_eq!(obstacles(&metadata(text)).unwrap(), [Obstacle::ExpiryFraction, Obstacle::ExpiryOffset]);
    }
}
