//! Sealing: the online keys sign the snapshot and the timestamp that make signed files visible.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::digest::Digest;
use crate::draft::Draft;
use crate::json::{Json, Object};
use crate::key::Fingerprint;
use crate::meta::{Meta, MetaFile};
use crate::metadata::{Kind, Metadata, MetadataError, Signature};
use crate::policy::{Policy, RolePolicy, Signers};
use crate::quorum::Quorum;
use crate::stage::window_open;
use crate::time::Time;
use crate::tuf_key::TufKey;

/// A version from which on an attacker's fast-forward is presumed (TUF specification, section 5.3.11): no repository
/// renewed every second gets there in a lifetime.
const FAST_FORWARDED: u64 = 1 << 31;

/// What is published of the online roles, and who may sign them.
#[derive(Clone, Debug)]
pub struct Online<'a> {
    /// Lifetimes, windows, and whether the roles are somebody else's.
    pub policy: &'a Policy,
    /// Who signs the snapshot.
    pub snapshot_keys: Quorum,
    /// Who signs the timestamp.
    pub timestamp_keys: Quorum,
    /// The snapshot that the next timestamp names, unless a new one is due.
    pub snapshot: Option<&'a SealedFile>,
    /// The published timestamp.
    pub timestamp: Option<&'a Metadata>,
    /// Versions of snapshots that were signed before, seen by clients or not: a new one takes none of them.
    pub snapshots_taken: Vec<u64>,
    /// The same of timestamps.
    pub timestamps_taken: Vec<u64>,
    /// The time of signing.
    pub now: Time,
}

/// One sealed file.
#[derive(Clone, Debug, PartialEq)]
pub struct SealedFile {
    /// The metadata.
    pub metadata: Metadata,
    /// The bytes to publish.
    pub bytes: Arc<[u8]>,
}

/// The online keys, wherever they are.
pub trait SignOnline {
    /// Why a key did not sign.
    type Error;

    /// Signs `payload` of `role` with `key`, in the form that [`PublicKey::verify`](crate::PublicKey::verify) takes.
    ///
    /// # Errors
    /// If the key is not at hand or refuses.
    fn sign(&mut self, role: &str, key: &TufKey, payload: &[u8]) -> Result<Vec<u8>, Self::Error>;
}

/// The online roles after sealing; none where nothing was due, or where they are somebody else's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seals {
    /// The next snapshot.
    pub snapshot: Option<SealedFile>,
    /// The next timestamp.
    pub timestamp: Option<SealedFile>,
}

/// What [`seal`] made, and who had no part in it.
#[derive(Debug)]
pub struct Sealing<E> {
    /// The next online roles.
    pub seals: Seals,
    /// The keys that did not sign, though they may.
    pub absent: Vec<Absent<E>>,
}

/// An online key that did not sign. It is asked once, not for every role: its device may count.
#[derive(Debug)]
pub struct Absent<E> {
    /// The key.
    pub fingerprint: Fingerprint,
    /// What its device said.
    pub error: E,
}

/// Seals `files`, the new versions of targets and delegated roles by role name.
///
/// The snapshot is due when it does not name exactly these files, when its signatures do not meet the incoming keys,
/// or when its window is open; the timestamp likewise. Each key of both sets that is at hand signs once, and the
/// incoming ones meet their threshold. Where the outgoing ones do not, clients of the published root fail for as long
/// as they do not see the next one.
///
/// # Errors
/// If a published file cannot be read, versions are used up, or too few incoming keys sign.
pub fn seal<S: SignOnline>(
    files: &BTreeMap<String, SealedFile>,
    online: &Online<'_>,
    signer: &mut S,
) -> Result<Sealing<S::Error>, SealError<S::Error>> {
    let mut seals = Seals::default();
    let mut absent = Vec::new();
    let policy = |role: &'static str| online.policy.role(role).ok_or(SealError::NoPolicy { role });
    let (snapshot, timestamp) = (policy("snapshot")?, policy("timestamp")?);
    if snapshot.signers != Signers::External {
        let name = |role: &str| [role, ".json"].concat();
        let named = files.iter().map(|(role, file)| (name(role), file)).collect();
        let due = Due { role: "snapshot", kind: Kind::Snapshot, policy: snapshot, keys: &online.snapshot_keys };
        let published = online.snapshot.map(|file| &file.metadata);
        seals.snapshot = due.next(&named, published, &online.snapshots_taken, online.now, signer, &mut absent)?;
    }
    if timestamp.signers != Signers::External {
        let snapshot = seals.snapshot.as_ref().or(online.snapshot);
        let named = snapshot.into_iter().map(|file| ("snapshot.json".to_string(), file)).collect();
        let due = Due { role: "timestamp", kind: Kind::Timestamp, policy: timestamp, keys: &online.timestamp_keys };
        seals.timestamp =
            due.next(&named, online.timestamp, &online.timestamps_taken, online.now, signer, &mut absent)?;
    }
    Ok(Sealing { seals, absent })
}

/// One online role that may be due.
struct Due<'a> {
    role: &'static str,
    kind: Kind,
    policy: &'a RolePolicy,
    keys: &'a Quorum,
}

impl Due<'_> {
    fn next<S: SignOnline>(
        &self,
        files: &BTreeMap<String, &SealedFile>,
        published: Option<&Metadata>,
        taken: &[u64],
        now: Time,
        signer: &mut S,
        absent: &mut Vec<Absent<S::Error>>,
    ) -> Result<Option<SealedFile>, SealError<S::Error>> {
        let view = published.map(Meta::of).transpose()?;
        let mut draft = published.map_or_else(|| Draft::new(self.kind), Draft::of);
        // New repositories pin length and digest; adopted ones keep their form.
        let pins = view.as_ref().is_none_or(|view| {
            let main = if self.kind == Kind::Snapshot { "targets.json" } else { "snapshot.json" };
            view.file(main).is_none_or(|file| file.length.is_some() || file.sha256.is_some())
        });
        for (name, file) in files {
            let present = view.as_ref().and_then(|view| view.file(name));
            if present.is_none_or(|present| !names(present, file)) {
                // TUF specification, section 5.5.5: entries of files that are gone stay for ever.
                draft.object("meta").insert(name, entry(file, pins));
            }
        }
        // The outgoing keys are not asked about: what is published meets them, or they are lost.
        let due = draft.changed_from(published)
            || published.is_none_or(|file| window_open(file, self.policy, now) || !self.keys.incoming.met_by(file));
        if !due {
            return Ok(None);
        }
        let version = self.version(published, taken).ok_or(SealError::VersionsExhausted { role: self.role })?;
        let expires = now.plus(self.policy.lifetime).ok_or(SealError::BeyondTime { role: self.role })?;
        let metadata = self.sign(draft.finish(version, expires), signer, absent)?;
        let bytes = metadata.to_file().into();
        Ok(Some(SealedFile { metadata, bytes }))
    }

    /// Has every key sign that is not known to be absent, and verifies each signature.
    fn sign<S: SignOnline>(
        &self,
        mut metadata: Metadata,
        signer: &mut S,
        absent: &mut Vec<Absent<S::Error>>,
    ) -> Result<Metadata, SealError<S::Error>> {
        let (role, payload) = (self.role, metadata.payload());
        for fingerprint in self.keys.fingerprints() {
            let Some(key) = self.keys.key(&fingerprint) else { continue };
            if absent.iter().any(|absent| absent.fingerprint == fingerprint) {
                continue;
            }
            let sig = match signer.sign(role, key, payload.bytes()) {
                Ok(sig) => sig,
                Err(error) => {
                    absent.push(Absent { fingerprint, error });
                    continue;
                }
            };
            let verified = key.key.as_ref().is_ok_and(|key| payload.verify(key, &sig).is_ok());
            if !verified {
                return Err(SealError::BadSignature { role, fingerprint });
            }
            let ids = self.keys.ids_of(&fingerprint);
            metadata.signatures.extend(ids.into_iter().map(|keyid| Signature { keyid, sig: sig.clone() }));
        }
        if self.keys.incoming.met_by(&metadata) {
            return Ok(metadata);
        }
        let incoming = self.keys.incoming.fingerprints();
        let missing = absent.iter().position(|key| incoming.contains(&key.fingerprint));
        Err(match missing {
            Some(missing) => SealError::Sign { role, error: absent.swap_remove(missing).error },
            None => SealError::Unreachable { role },
        })
    }

    /// The next version that no file has. Where an attacker has used the numbers up and none of the keys stays, clients
    /// drop what they have (TUF specification, section 5.3.11), so counting starts again below.
    fn version(&self, published: Option<&Metadata>, taken: &[u64]) -> Option<u64> {
        let present = published.map_or(0, Metadata::version);
        let replaced = self.keys.outgoing.as_ref().is_some_and(|outgoing| {
            let incoming = self.keys.incoming.fingerprints();
            outgoing.fingerprints().iter().all(|key| !incoming.contains(key))
        });
        let last = match replaced && present >= FAST_FORWARDED {
            true => taken.iter().copied().filter(|version| *version < FAST_FORWARDED).max().unwrap_or(0),
            false => present,
        };
        // What an attacker left in the repository stays there, and is stepped over.
        (last..u64::MAX).map(|version| version + 1).find(|version| !taken.contains(version))
    }
}

/// Whether an entry names this very file, as far as it says.
fn names(entry: &MetaFile, file: &SealedFile) -> bool {
    entry.version == file.metadata.version()
        && entry.length.is_none_or(|length| length == file.bytes.len() as u64)
        && entry.sha256.is_none_or(|sha256| sha256 == Digest::of(&file.bytes))
}

fn entry(file: &SealedFile, pins: bool) -> Json {
    let mut entry: Object = [("version", file.metadata.version().into())].into_iter().collect();
    if pins {
        let sha256 = Json::string(Digest::of(&file.bytes).to_string());
        let hashes: Object = [("sha256", sha256)].into_iter().collect();
        entry.insert("hashes", Json::Object(hashes));
        entry.insert("length", (file.bytes.len() as u64).into());
    }
    Json::Object(entry)
}

/// Why the online roles could not be sealed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError<E> {
    /// The device answered with something that its key did not sign.
    #[error("{role}: the signature of online key {} does not verify", .fingerprint.short())]
    BadSignature {
        /// The role.
        role: &'static str,
        /// The key.
        fingerprint: Fingerprint,
    },
    /// Its expiry would lie beyond the year 9999.
    #[error("{role}: the lifetime reaches beyond the year 9999")]
    BeyondTime {
        /// The role.
        role: &'static str,
    },
    /// A published file cannot be read.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The policy does not know the role.
    #[error("the policy says nothing of {role}")]
    NoPolicy {
        /// The role.
        role: &'static str,
    },
    /// The online key did not sign.
    #[error("{role} could not be signed")]
    Sign {
        /// The role.
        role: &'static str,
        /// What the key's device said.
        error: E,
    },
    /// There are fewer keys than must sign.
    #[error("{role}: the root names fewer usable keys than must sign")]
    Unreachable {
        /// The role.
        role: &'static str,
    },
    /// The published version is the largest number there is.
    #[error("{role}: the published version is the largest number; replace the online key to start again")]
    VersionsExhausted {
        /// The role.
        role: &'static str,
    },
}

#[cfg(test)]
mod tests;
