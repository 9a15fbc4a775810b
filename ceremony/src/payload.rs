//! The bytes that signatures cover.

use alloc::sync::Arc;

use crate::digest::Digest;
use crate::json::Json;
use crate::key::{BadSignature, PublicKey};

/// The canonical bytes that signatures of one metadata file cover, and their digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    bytes: Arc<[u8]>,
    digest: Digest,
}

impl Payload {
    /// The payload of a signed part.
    pub fn of(signed: &Json) -> Self {
        let bytes = signed.canonical();
        Self { digest: Digest::of(&bytes), bytes: bytes.into() }
    }

    /// The canonical bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of the canonical bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Verifies that `key` signed these bytes, as [`PublicKey::verify`] does.
    ///
    /// # Errors
    /// If it did not.
    pub fn verify(&self, key: &PublicKey, signature: &[u8]) -> Result<(), BadSignature> {
        key.verify_hashed(&self.bytes, || self.digest, signature)
    }
}
