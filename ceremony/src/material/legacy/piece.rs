//! What a file of older clients holds.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::certificate::Certificate;
use crate::digest::Digest;
use crate::material::log_key::LogKey;

/// A key or a certificate in a file. Clients take every certificate of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A key, by its algorithm and its digest.
    Key(String, Digest),
    /// A certificate, by its subject and its digest.
    Certificate(String, Digest),
}

impl Piece {
    /// The key in a file; none if it is no key.
    pub(crate) fn key(content: &[u8]) -> Vec<Self> {
        let key = LogKey::parse(content).ok();
        let piece = |key: LogKey| Self::Key(key.key().algorithm().to_string(), Digest::of(&key.key().to_spki_der()));
        key.map(piece).into_iter().collect()
    }

    /// The certificates in a file, in its order; none if one of them is no certificate.
    pub(crate) fn certificates(content: &[u8]) -> Vec<Self> {
        let chain = certificates(content);
        chain.iter().map(|one| Self::Certificate(one.subject().to_string(), one.sha256())).collect()
    }

    /// Its digest, as the entry of a trusted root would hold it.
    pub(crate) fn sha256(&self) -> &Digest {
        match self {
            Self::Key(_, digest) | Self::Certificate(_, digest) => digest,
        }
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(algorithm, digest) => write!(f, "the {algorithm} key, SHA-256 {digest}"),
            Self::Certificate(subject, digest) => write!(f, "the certificate {subject}, SHA-256 {digest}"),
        }
    }
}

/// The file without the certificates that `goes` names; none if nothing is left of it.
pub(super) fn without(content: &[u8], goes: impl Fn(&Digest) -> bool) -> Option<Vec<u8>> {
    let stays: String =
        certificates(content).iter().filter(|one| !goes(&one.sha256())).map(Certificate::to_pem).collect();
    (!stays.is_empty()).then(|| stays.into_bytes())
}

fn certificates(content: &[u8]) -> Vec<Certificate> {
    let text = core::str::from_utf8(content).unwrap_or_default();
    Certificate::from_pem_chain(text).unwrap_or_default()
}
