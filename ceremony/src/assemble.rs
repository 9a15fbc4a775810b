//! Assembling: staged files and signatures make signed files.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::holder::{Holder, holder_of};
use crate::key::Fingerprint;
use crate::metadata::{Metadata, Signature};
use crate::seal::SealedFile;
use crate::signature_file::SignatureFile;
use crate::stage::{Staged, StagedRole};
use crate::tally::{Tally, tally};

/// How far one staged role is signed.
#[derive(Clone, Debug)]
pub struct Progress {
    /// By the published keys, where they differ or answer for the root.
    pub outgoing: Option<Tally>,
    /// By the keys as staged.
    pub incoming: Tally,
    /// Whether the outgoing keys need not sign.
    pub emergency: bool,
    /// Signatures over another payload of this role: their signers must sign again.
    pub stale: Vec<SignatureFile>,
    /// Signature files that verify with no key that may sign, and why.
    pub refused: Vec<(SignatureFile, Refusal)>,
    entries: Vec<Signature>,
}

/// Why a signature file over the staged payload counts for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The signature is not made by the key over these bytes.
    #[error("the signature does not verify")]
    Bad,
    /// The key has no part in this role.
    #[error("the key is in neither the outgoing nor the incoming keys of the role")]
    NoRole,
    /// The file was made for another trust root.
    #[error("the signature was made for another trust root")]
    OtherTrustRoot,
}

impl Progress {
    /// Whether every threshold is met that must be.
    pub fn met(&self) -> bool {
        self.needed().all(|(_, tally)| tally.met())
    }

    /// The sets of keys that must sign, by name.
    fn needed(&self) -> impl Iterator<Item = (&'static str, &Tally)> {
        let outgoing = self.outgoing.iter().filter(|_| !self.emergency).map(|tally| ("outgoing", tally));
        outgoing.chain([("incoming", &self.incoming)])
    }
}

impl StagedRole {
    /// Who has signed this role so far. `signatures` may hold anything: each is verified here.
    pub fn progress(&self, trust_root: &str, role: &str, signatures: &[SignatureFile]) -> Progress {
        let mut entries: Vec<Signature> = Vec::new();
        let (mut stale, mut refused) = (Vec::new(), Vec::new());
        for file in signatures.iter().filter(|file| file.role == role) {
            if file.payload != self.payload.digest() {
                stale.push(file.clone());
                continue;
            }
            match self.judge(trust_root, file) {
                Ok(()) => {
                    for keyid in self.quorum.ids_of(&file.fingerprint) {
                        if entries.iter().all(|entry| entry.keyid != keyid) {
                            entries.push(Signature { keyid, sig: file.signature.clone() });
                        }
                    }
                }
                Err(refusal) => refused.push((file.clone(), refusal)),
            }
        }
        entries.sort_by(|a, b| a.keyid.cmp(&b.keyid));
        let count = |keys| tally(&self.payload, &entries, keys);
        let outgoing = self.quorum.outgoing.as_ref().map(count);
        let incoming = count(&self.quorum.incoming);
        Progress { outgoing, incoming, emergency: self.quorum.emergency, stale, refused, entries }
    }

    fn judge(&self, trust_root: &str, file: &SignatureFile) -> Result<(), Refusal> {
        if file.trust_root != trust_root {
            return Err(Refusal::OtherTrustRoot);
        }
        let key = self.quorum.key(&file.fingerprint).and_then(|key| key.key.as_ref().ok());
        self.payload.verify(key.ok_or(Refusal::NoRole)?, &file.signature).map_err(|_| Refusal::Bad)
    }
}

/// The staged roles with signatures that meet every threshold. Only [`Staged::assemble`] makes one.
#[derive(Clone, Debug)]
pub struct Assembled {
    staged: Staged,
    files: BTreeMap<String, SealedFile>,
}

impl Assembled {
    /// The proposal.
    pub fn staged(&self) -> &Staged {
        &self.staged
    }

    /// The signed files, by role.
    pub fn files(&self) -> &BTreeMap<String, SealedFile> {
        &self.files
    }

    /// Goes on from a publication that was interrupted: a role that is published already, with this payload and with
    /// signatures that are enough, stays the file that it is. Signatures that came later, or were exchanged for others
    /// of the same key, do not make a second file of its name.
    #[must_use]
    pub fn continued<'a>(mut self, published: impl Fn(&str) -> Option<&'a Metadata>) -> Self {
        for (role, file) in &mut self.files {
            let (Some(present), Some(staged)) = (published(role), self.staged.roles().get(role)) else { continue };
            if present.payload() == staged.payload && staged.quorum.met_by(present) {
                *file = signed(staged, present.signatures.clone());
            }
        }
        self
    }
}

/// The staged file with signatures.
fn signed(staged: &StagedRole, signatures: Vec<Signature>) -> SealedFile {
    let mut metadata = staged.metadata.clone();
    metadata.signatures = signatures;
    SealedFile { bytes: metadata.to_file().into(), metadata }
}

impl Staged {
    /// The keys that may sign one of the roles, each once.
    pub fn fingerprints(&self) -> Vec<Fingerprint> {
        let mut all: Vec<Fingerprint> = self.roles().values().flat_map(|role| role.quorum.fingerprints()).collect();
        all.sort();
        all.dedup();
        all
    }

    /// Puts the signatures that verify into the staged files.
    ///
    /// # Errors
    /// Every threshold that is not met, with who has signed and who is missing.
    pub fn assemble(
        self,
        trust_root: &str,
        signatures: &[SignatureFile],
        holders: &[Holder],
    ) -> Result<Assembled, Vec<Unmet>> {
        let mut files = BTreeMap::new();
        let mut unmet = Vec::new();
        let among = self.fingerprints();
        for (role, staged) in self.roles() {
            let progress = staged.progress(trust_root, role, signatures);
            for (set, tally) in progress.needed().filter(|(_, tally)| !tally.met()) {
                unmet.push(Unmet::new(role, set, tally, &among, holders));
            }
            files.insert(role.clone(), signed(staged, progress.entries));
        }
        if unmet.is_empty() { Ok(Assembled { staged: self, files }) } else { Err(unmet) }
    }
}

/// A threshold that is not met.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{role} needs {threshold} of {total} {set} keys; {} signed{}; missing: {}", have(.signed), list(.signed), .missing.join(", "))]
pub struct Unmet {
    /// The role.
    pub role: String,
    /// `outgoing` or `incoming`.
    pub set: &'static str,
    /// How many distinct keys must sign.
    pub threshold: u64,
    /// How many distinct keys there are.
    pub total: usize,
    /// Who has signed, by name, or by the start of the fingerprint where no record has the key.
    pub signed: Vec<String>,
    /// Who has not.
    pub missing: Vec<String>,
}

impl Unmet {
    fn new(role: &str, set: &'static str, tally: &Tally, among: &[Fingerprint], holders: &[Holder]) -> Self {
        let names = |keys: &[Fingerprint]| names_of(keys, among, holders);
        let total = tally.signed.len() + tally.missing.len();
        let (signed, missing) = (names(&tally.signed), names(&tally.missing));
        Self { role: role.to_string(), set, threshold: tally.threshold, total, signed, missing }
    }
}

/// The names on record for `keys`, sorted. Where one holder has several keys `among` those that may sign, each is told
/// from the other: `bob (old key 9134a73c in the YubiKey 2222223)`.
pub fn names_of(keys: &[Fingerprint], among: &[Fingerprint], holders: &[Holder]) -> Vec<String> {
    let name = |fingerprint: &Fingerprint| {
        let name = name_of(fingerprint, holders);
        let Some(holder) = holder_of(holders, fingerprint) else { return name };
        let Some(key) = holder.key(fingerprint) else { return name };
        if among.iter().filter(|other| holder.key(other).is_some()).count() < 2 {
            return name;
        }
        let age = if key.active { "new" } else { "old" };
        let device = key.made_in.as_ref().map_or_else(String::new, |device| alloc::format!(" in {device}"));
        alloc::format!("{name} ({age} key {}{device})", fingerprint.short())
    };
    let mut names: Vec<String> = keys.iter().map(name).collect();
    names.sort();
    names
}

/// The name on record for a key, or the start of its fingerprint.
pub fn name_of(fingerprint: &Fingerprint, holders: &[Holder]) -> String {
    holder_of(holders, fingerprint).map_or_else(|| fingerprint.short(), |holder| holder.name.clone())
}

fn have(signed: &[String]) -> String {
    match signed.len() {
        0 => "none has".to_string(),
        1 => "1 has".to_string(),
        many => alloc::format!("{many} have"),
    }
}

fn list(signed: &[String]) -> String {
    if signed.is_empty() { String::new() } else { alloc::format!(" ({})", signed.join(", ")) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use p256::ecdsa::DerSignature;
    use p256::ecdsa::signature::Signer as _;

    use super::*;
    use crate::digest::Digest;
    use crate::holder::HolderKey;
    use crate::json::Json;
    use crate::key::tests::signing_key;
    use crate::lint::tests::{key, set, targets_of};
    use crate::quorum::{KeySet, Quorum};
    use crate::stage::Reason;
    use crate::tuf_key::{TufKey, whole_object_id};

    const ID: &str = "0123456789abcdef";

    fn staged(outgoing: Option<KeySet>, incoming: KeySet) -> StagedRole {
        let metadata = targets_of(2, "", &[], "");
        let payload = metadata.payload();
        let quorum = Quorum { outgoing, incoming, emergency: false };
        let file = metadata.to_file();
        let (length, sha256) = (file.len() as u64, Digest::of(&file));
        StagedRole { metadata, length, sha256, payload, quorum, reason: Reason::Changed, replaces: Some(1) }
    }

    fn signature(role: &StagedRole, seed: u8) -> SignatureFile {
        let signature: DerSignature = signing_key(seed).sign(role.payload.bytes());
        SignatureFile {
            trust_root: ID.to_string(),
            role: "targets".to_string(),
            version: 2,
            payload: role.payload.digest(),
            keyholder: "alice".to_string(),
            fingerprint: key(seed).key.unwrap().fingerprint(),
            signature: signature.as_bytes().to_vec(),
            signed_at: "2026-11-22T12:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn one_signature_serves_every_id_of_its_key() {
        let mut object = key(1).object;
        object.as_object_mut().unwrap().insert("x-owner", Json::string("@alice"));
        let renamed = TufKey::read(whole_object_id(&object), object);
        let incoming = KeySet { ids: Vec::from([renamed.id.clone()]), threshold: 1, keys: Vec::from([renamed]) };
        let role = staged(Some(set(&[1], 1)), incoming);
        let progress = role.progress(ID, "targets", &[signature(&role, 1)]);
        assert!(progress.met() && progress.entries.len() == 2, "{progress:?}");
        assert_ne!(progress.entries[0].keyid, progress.entries[1].keyid);
        assert_eq!(progress.entries[0].sig, progress.entries[1].sig);
    }

    #[test]
    fn what_a_signature_file_claims_counts_for_nothing() {
        let role = staged(None, set(&[1, 2], 2));
        let alice = signature(&role, 1);
        let at = |time: &str| SignatureFile { signed_at: time.parse().unwrap(), ..alice.clone() };
        // Another name, another version, a time before the first ceremony or after the last: it is one key all the same.
        let claims = [
            SignatureFile { keyholder: "bob".to_string(), ..alice.clone() },
            SignatureFile { version: 7, ..alice.clone() },
            at("1970-01-01T00:00:00Z"),
            at("9999-12-31T23:59:59Z"),
        ];
        for claim in &claims {
            assert_eq!(role.progress(ID, "targets", &[alice.clone(), claim.clone()]).incoming.signed.len(), 1);
        }
        assert_eq!(role.progress(ID, "targets", &claims).incoming.signed.len(), 1);
    }

    #[test]
    fn two_keys_of_one_person_are_told_apart() {
        let held = |seed, active: bool| HolderKey {
            active,
            in_file: false,
            made_in: (!active).then(|| "the YubiKey 2222223".to_string()),
            key: key(seed),
        };
        let bob = Holder {
            name: "bob".to_string(),
            online: false,
            keys: Vec::from([held(1, false), held(2, true)]),
            findings: Vec::new(),
        };
        let keys = [1, 2, 3].map(|seed| key(seed).key.unwrap().fingerprint());
        let (old, new, other) = (keys[0].short(), keys[1].short(), keys[2].short());
        let mut named = [
            alloc::format!("bob (new key {new})"),
            alloc::format!("bob (old key {old} in the YubiKey 2222223)"),
            other.clone(),
        ];
        named.sort();
        assert_eq!(names_of(&keys, &keys, core::slice::from_ref(&bob)), named);
        // Only one of them may sign here: the name is enough.
        assert_eq!(names_of(&keys[..1], &[keys[0], keys[2]], &[bob]), ["bob"]);
    }

    #[test]
    fn stale_is_told_from_bad_and_from_a_stranger() {
        let role = staged(None, set(&[1, 2], 1));
        let good = signature(&role, 1);
        let stale = SignatureFile { payload: Digest::of(b"before"), ..good.clone() };
        let bad = SignatureFile { signature: signature(&role, 2).signature, ..good.clone() };
        let elsewhere = SignatureFile { trust_root: "another-trust-root".to_string(), ..good.clone() };
        let stranger = signature(&role, 3);
        let files = [stale.clone(), bad.clone(), elsewhere.clone(), stranger.clone()];
        let progress = role.progress(ID, "targets", &files);
        assert!(!progress.met() && progress.entries.is_empty());
        assert_eq!(progress.stale, [stale]);
        let refused = [(bad, Refusal::Bad), (elsewhere, Refusal::OtherTrustRoot), (stranger, Refusal::NoRole)];
        assert_eq!(progress.refused, refused);
        assert!(role.progress(ID, "root", &[good]).entries.is_empty(), "it is for another role");
    }
}
