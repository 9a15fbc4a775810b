//! Signatures that were made elsewhere, on their way into a ceremony.

pub(crate) mod own;
pub(crate) mod raw;
pub(crate) mod report;

use std::collections::BTreeSet;
use std::fmt;

use ceremony::stage::StagedRole;
use ceremony::{Digest, Fingerprint, KeyId, Metadata, PublicKey, Signature, Staged, Time};

/// One signature from elsewhere, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judged {
    /// The role that it is for.
    pub(crate) role: String,
    /// What its key is called where it came from.
    pub(crate) key: String,
    pub(crate) verdict: Result<Good, Left>,
}

/// A signature by a key that may sign a staged role, over its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Good {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) signature: Vec<u8>,
    /// When, if a signature file says so.
    pub(crate) signed_at: Option<Time>,
}

/// Why a signature is left where it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Left {
    /// Neither the key nor the payload is right.
    #[error("it does not verify over what is staged")]
    Bad,
    /// An unsigned slot, as tuf-on-ci leaves them.
    #[error("it is empty")]
    Empty,
    /// The file has another signature by the key.
    #[error("the same key has signed above")]
    Repeated,
    /// A good signature over something else.
    #[error("it was made over {found}, and {staged} is staged: it is stale, sign again")]
    Stale { found: Payload, staged: Payload },
    /// The key has no part in the role.
    #[error("neither the outgoing nor the incoming keys of the role have it")]
    Unknown,
    /// A signature file of another trust root.
    #[error("it was made for another trust root")]
    OtherTrustRoot,
    /// A signature file of a role that is not in this ceremony.
    #[error("{role} is not staged here; staged are {staged}")]
    NotStaged { role: String, staged: String },
    /// The name of its file is taken in the ceremony.
    #[error("{path} is there, and is no good signature: look where it came from, take it away, import again")]
    Taken { path: String },
    /// One of several files, and of no use.
    #[error("{0}")]
    NoSignature(String),
    /// The key object cannot be decoded.
    #[error("its key cannot be used")]
    Unusable,
}

/// What was signed, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Payload {
    version: u64,
    digest: Digest,
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {} with payload {}", self.version, self.digest.short())
    }
}

/// The staged roles that `file` can be a copy of: the one with its payload, else the one that `name`, the name of the
/// file, is of, else every one of its type.
pub(crate) fn roles_of<'a>(staged: &'a Staged, file: &Metadata, name: &str) -> Vec<&'a str> {
    let payload = file.payload().digest();
    let roles = || staged.roles().iter().filter(|(_, role)| role.metadata.kind() == file.kind());
    let same = roles().find(|(_, role)| role.payload.digest() == payload);
    let stem = name.strip_suffix(".json").unwrap_or(name);
    let stem = stem.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches('.');
    let named = || roles().find(|(role, _)| *role == stem);
    match same.or_else(named) {
        Some((role, _)) => vec![role],
        None => roles().map(|(role, _)| role.as_str()).collect(),
    }
}

/// Judges every signature of `file` as one of the staged `role`.
pub(crate) fn judge(role: &str, staged: &StagedRole, file: &Metadata) -> Vec<Judged> {
    let own = file.payload();
    let is_other = own.digest() != staged.payload.digest();
    let mut seen = BTreeSet::new();
    let verdict = |signature: &Signature, seen: &mut BTreeSet<Fingerprint>| -> Result<Good, Left> {
        if signature.sig.is_empty() {
            return Err(Left::Empty);
        }
        let key = key_of(staged, &signature.keyid)?;
        if staged.payload.verify(key, &signature.sig).is_err() {
            let stale = is_other && own.verify(key, &signature.sig).is_ok();
            let found = Payload { version: file.version(), digest: own.digest() };
            let staged = Payload { version: staged.metadata.version(), digest: staged.payload.digest() };
            return Err(if stale { Left::Stale { found, staged } } else { Left::Bad });
        }
        if !seen.insert(key.fingerprint()) {
            return Err(Left::Repeated);
        }
        Ok(Good { fingerprint: key.fingerprint(), signature: signature.sig.clone(), signed_at: None })
    };
    let judged = file.signatures.iter().map(|signature| Judged {
        role: role.to_owned(),
        key: signature.keyid.as_str().to_owned(),
        verdict: verdict(signature, &mut seen),
    });
    judged.collect()
}

fn key_of<'a>(staged: &'a StagedRole, id: &KeyId) -> Result<&'a PublicKey, Left> {
    let mut keys = staged.quorum.sets().filter_map(|set| set.key(id)).peekable();
    if keys.peek().is_none() {
        return Err(Left::Unknown);
    }
    keys.find_map(|key| key.key.as_ref().ok()).ok_or(Left::Unusable)
}
