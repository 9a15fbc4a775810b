//! What staging needs to know of a keyholder.

use alloc::string::String;
use alloc::vec::Vec;

use crate::finding::Finding;
use crate::key::Fingerprint;
use crate::tuf_key::TufKey;

/// A person or a robot, their keys, and what is wrong with the evidence for them.
#[derive(Clone, Debug, PartialEq)]
pub struct Holder {
    /// The name of the record.
    pub name: String,
    /// Whether this is an online key, which signs without a person.
    pub online: bool,
    /// All keys on record.
    pub keys: Vec<HolderKey>,
    /// What the record and its evidence show to be wrong.
    pub findings: Vec<Finding>,
}

/// One key of a keyholder.
#[derive(Clone, Debug, PartialEq)]
pub struct HolderKey {
    /// Whether this is the key that signs now.
    pub active: bool,
    /// Whether it lies in a file: for rehearsals and low-stakes roots.
    pub in_file: bool,
    /// The device that is proven to have made it, in words; none without such a proof. Escaped.
    pub made_in: Option<String>,
    /// The key as metadata lists it.
    pub key: TufKey,
}

impl Holder {
    /// The key that signs now.
    pub fn active(&self) -> Option<&HolderKey> {
        self.keys.iter().find(|key| key.active)
    }

    /// The key with `fingerprint`, active or not.
    pub fn key(&self, fingerprint: &Fingerprint) -> Option<&HolderKey> {
        self.keys.iter().find(|key| key.key.key.as_ref().is_ok_and(|key| key.fingerprint() == *fingerprint))
    }
}

/// Refuses what cannot be the name of a keyholder, which is the stem of file names on every system and never an option of a
/// command: 1 to 64 of `a-z 0-9 . _ -`, first a letter or a digit, no `..`, no dot at the end, and none of the names that
/// Windows keeps for devices.
///
/// # Errors
/// The rule that `name` breaks, which completes a sentence about it.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > 64 {
        return Err("must have 1 to 64 characters");
    }
    if !name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-')) {
        return Err("may have lower-case letters, digits, '.', '_' and '-' only");
    }
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err("must start with a letter or a digit");
    }
    if name.contains("..") || name.ends_with('.') {
        return Err("may not have \"..\" or a dot at its end");
    }
    let stem = name.split('.').next().unwrap_or(name);
    let numbered = |prefix| stem.strip_prefix(prefix).is_some_and(|n: &str| n.len() == 1 && n >= "1");
    if matches!(stem, "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt") {
        return Err("is kept by Windows for a device");
    }
    Ok(())
}

/// The holder on record for the key with `fingerprint`.
pub fn holder_of<'a>(holders: &'a [Holder], fingerprint: &Fingerprint) -> Option<&'a Holder> {
    holders.iter().find(|holder| holder.key(fingerprint).is_some())
}
