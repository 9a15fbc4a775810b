//! Sealing: the online keys sign the snapshot and the timestamp that make signed files visible.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::digest::Digest;
use crate::draft::Draft;
use crate::json::{Json, Object};
use crate::key::Fingerprint;
use crate::meta::Meta;
use crate::metadata::{Kind, Metadata, MetadataError, Signature};
use crate::policy::{Policy, RolePolicy, Signers};
use crate::quorum::Quorum;
use crate::stage::window_open;
use crate::tally::tally;
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
    /// Versions of snapshots whose files exist: a new one takes none of them.
    pub snapshots_taken: Vec<u64>,
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

/// Seals `files`, the new versions of targets and delegated roles by role name.
///
/// The snapshot is due when it does not name exactly these versions, when its signatures do not meet the keys, or when
/// its window is open; the timestamp likewise. Each key of both sets signs once.
///
/// # Errors
/// If a published file cannot be read, versions are used up, or a key does not sign.
pub fn seal<S: SignOnline>(
    files: &BTreeMap<String, SealedFile>,
    online: &Online<'_>,
    signer: &mut S,
) -> Result<Seals, SealError<S::Error>> {
    let mut seals = Seals::default();
    let policy = |role: &'static str| online.policy.role(role).ok_or(SealError::NoPolicy { role });
    let (snapshot, timestamp) = (policy("snapshot")?, policy("timestamp")?);
    if snapshot.signers != Signers::External {
        let name = |role: &str| [role, ".json"].concat();
        let named = files.iter().map(|(role, file)| (name(role), file)).collect();
        let due = Due { role: "snapshot", kind: Kind::Snapshot, policy: snapshot, keys: &online.snapshot_keys };
        let published = online.snapshot.map(|file| &file.metadata);
        seals.snapshot = due.next(&named, published, &online.snapshots_taken, online.now, signer)?;
    }
    if timestamp.signers != Signers::External {
        let snapshot = seals.snapshot.as_ref().or(online.snapshot);
        let named = snapshot.into_iter().map(|file| ("snapshot.json".to_string(), file)).collect();
        let due = Due { role: "timestamp", kind: Kind::Timestamp, policy: timestamp, keys: &online.timestamp_keys };
        seals.timestamp = due.next(&named, online.timestamp, &[], online.now, signer)?;
    }
    Ok(seals)
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
            if present.is_none_or(|present| present.version != file.metadata.version()) {
                // TUF specification, section 5.5.5: entries of files that are gone stay for ever.
                draft.object("meta").insert(name, entry(file, pins));
            }
        }
        let due = draft.changed_from(published)
            || published.is_none_or(|file| window_open(file, self.policy, now) || !self.meets(file));
        if !due {
            return Ok(None);
        }
        let version = self.version(published, taken).ok_or(SealError::VersionsExhausted { role: self.role })?;
        let expires = now.plus(self.policy.lifetime).ok_or(SealError::BeyondTime { role: self.role })?;
        let mut metadata = draft.finish(version, expires);
        let payload = metadata.payload();
        for fingerprint in self.keys.fingerprints() {
            let Some(key) = self.keys.key(&fingerprint) else { continue };
            let sig = signer
                .sign(self.role, key, payload.bytes())
                .map_err(|error| SealError::Sign { role: self.role, error })?;
            let verified = key.key.as_ref().is_ok_and(|key| key.verify(payload.bytes(), &sig).is_ok());
            if !verified {
                return Err(SealError::BadSignature { role: self.role, fingerprint });
            }
            let ids = self.keys.ids_of(&fingerprint);
            metadata.signatures.extend(ids.into_iter().map(|keyid| Signature { keyid, sig: sig.clone() }));
        }
        let bytes = metadata.to_file().into();
        Ok(Some(SealedFile { metadata, bytes }))
    }

    fn meets(&self, file: &Metadata) -> bool {
        let payload = file.payload();
        self.keys.sets().all(|set| tally(payload.bytes(), &file.signatures, set).met())
    }

    /// The version after the published one and after every one that is taken. Where an attacker has used the numbers
    /// up and none of the keys stays, clients drop what they have (TUF specification, section 5.3.11), so counting
    /// starts again below.
    fn version(&self, published: Option<&Metadata>, taken: &[u64]) -> Option<u64> {
        let present = published.map_or(0, Metadata::version);
        let replaced = self.keys.outgoing.as_ref().is_some_and(|outgoing| {
            let incoming = self.keys.incoming.fingerprints();
            outgoing.fingerprints().iter().all(|key| !incoming.contains(key))
        });
        if replaced && present >= FAST_FORWARDED {
            let sane = taken.iter().copied().filter(|version| *version < FAST_FORWARDED).max();
            return Some(sane.unwrap_or(0) + 1);
        }
        taken.iter().copied().chain([present]).max().unwrap_or(0).checked_add(1)
    }
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
    /// The published version is the largest number there is.
    #[error("{role}: the published version is the largest number; replace the online key to start again")]
    VersionsExhausted {
        /// The role.
        role: &'static str,
    },
}
