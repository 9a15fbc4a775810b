//! The keys that a delegator names for a role.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::json::Json;
use crate::key::Fingerprint;
use crate::metadata::{Metadata, MetadataError};
use crate::tuf_key::{KeyId, TufKey};

/// The keys that may sign a role, and how many of them must (TUF specification, section 4.3, `roles`).
#[derive(Clone, Debug, PartialEq)]
pub struct KeySet {
    /// The ids, in the order of the file, duplicates included.
    pub ids: Vec<KeyId>,
    /// How many distinct public keys must sign. At least 1.
    pub threshold: u64,
    /// The keys behind the ids, as far as the file has them.
    pub keys: Vec<TufKey>,
}

impl KeySet {
    /// The most key ids of one role that are read: both sets of keys of a change can then sign, under two ids each.
    /// Public roots have fewer than ten.
    pub const IDS: usize = Metadata::SIGNATURES / 4;

    /// Reads `keyids` and `threshold` of a role, and its keys from `keys`.
    ///
    /// # Errors
    /// If a member is absent or of another type, there are more than [`IDS`](Self::IDS), or the threshold is 0.
    pub fn read(role: &Json, keys: &BTreeMap<KeyId, TufKey>, place: &str) -> Result<Self, MetadataError> {
        let wrong = |member, wanted| MetadataError::member(place, member, wanted);
        let ids = role.get("keyids").and_then(Json::as_array).ok_or_else(|| wrong("keyids", "an array"))?;
        if ids.len() > Self::IDS {
            return Err(MetadataError::too_many(place, "keyids", Self::IDS));
        }
        let ids: Option<Vec<KeyId>> = ids.iter().map(|id| id.as_str().map(KeyId::new)).collect();
        let ids = ids.ok_or_else(|| wrong("keyids", "an array of texts"))?;
        let threshold = role.get("threshold").and_then(Json::as_u64).filter(|threshold| *threshold > 0);
        let threshold = threshold.ok_or_else(|| wrong("threshold", "a number from 1"))?;
        let mut named: Vec<TufKey> = Vec::new();
        for id in &ids {
            if let Some(key) = keys.get(id).filter(|key| named.iter().all(|other| other.id != key.id)) {
                named.push(key.clone());
            }
        }
        Ok(Self { ids, threshold, keys: named })
    }

    /// The key that this set calls `id`.
    pub fn key(&self, id: &KeyId) -> Option<&TufKey> {
        self.keys.iter().find(|key| key.id == *id)
    }

    /// The distinct public keys, each once however many ids name it.
    pub fn fingerprints(&self) -> Vec<Fingerprint> {
        let mut all: Vec<Fingerprint> =
            self.keys.iter().filter_map(|key| key.key.as_ref().ok()).map(|key| key.fingerprint()).collect();
        all.sort();
        all.dedup();
        all
    }

    /// Every id under which this set lists the key with `fingerprint`.
    pub(crate) fn ids_of(&self, fingerprint: &Fingerprint) -> Vec<&KeyId> {
        let is = |key: &&TufKey| key.key.as_ref().is_ok_and(|key| key.fingerprint() == *fingerprint);
        self.keys.iter().filter(is).map(|key| &key.id).collect()
    }
}

/// Who must sign a file at a step: the outgoing keys, if they differ in this step, and the incoming ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Quorum {
    /// The keys of the published delegator.
    pub outgoing: Option<KeySet>,
    /// The keys of the delegator as staged.
    pub incoming: KeySet,
    /// The outgoing keys may sign and need not: the policy accepts that clients break meanwhile.
    pub emergency: bool,
}

impl Quorum {
    /// Both sets, the outgoing first.
    pub fn sets(&self) -> impl Iterator<Item = &KeySet> {
        self.outgoing.iter().chain([&self.incoming])
    }

    /// Every distinct public key of both sets.
    pub fn fingerprints(&self) -> Vec<Fingerprint> {
        let mut all: Vec<_> = self.sets().flat_map(KeySet::fingerprints).collect();
        all.sort();
        all.dedup();
        all
    }

    /// The key with `fingerprint`, if either set has it.
    pub fn key(&self, fingerprint: &Fingerprint) -> Option<&TufKey> {
        let is = |key: &&TufKey| key.key.as_ref().is_ok_and(|key| key.fingerprint() == *fingerprint);
        self.sets().flat_map(|set| &set.keys).find(is)
    }

    /// Every id under which either set lists the key with `fingerprint`: one signature of it is entered under each.
    pub(crate) fn ids_of(&self, fingerprint: &Fingerprint) -> Vec<KeyId> {
        let mut ids: Vec<KeyId> = self.sets().flat_map(|set| set.ids_of(fingerprint)).cloned().collect();
        ids.sort();
        ids.dedup();
        ids
    }
}
