//! One key's signature over one payload: a file of its own, so that two keyholders never conflict.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::digest::Digest;
use crate::json::{Json, JsonError, Object};
use crate::key::Fingerprint;
use crate::time::Time;

/// `signatures/ROLE/KEYHOLDER.FP8.DIGEST8.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureFile {
    /// The trust root that it was made for.
    pub trust_root: String,
    /// The role.
    pub role: String,
    /// The version of the role's file.
    pub version: u64,
    /// SHA-256 of the canonical bytes that were signed. What is staged may have another by now: then this is *stale*.
    pub payload: Digest,
    /// Whose key it is said to be, by the name of the record.
    pub keyholder: String,
    /// The key that signed.
    pub fingerprint: Fingerprint,
    /// The signature, as [`PublicKey::verify`](crate::PublicKey::verify) takes it.
    pub signature: Vec<u8>,
    /// When, by the signer's clock: a claim.
    pub signed_at: Time,
}

impl SignatureFile {
    /// Reads a signature file.
    ///
    /// # Errors
    /// If it is not exactly what [`to_file`](Self::to_file) writes.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignatureFileError> {
        let json = Json::parse(bytes)?;
        let member =
            |name: &'static str| json.get(name).and_then(Json::as_str).ok_or(SignatureFileError::Member { name });
        let wrong = |name| SignatureFileError::Member { name };
        let version = json.get("version").and_then(Json::as_u64).ok_or(wrong("version"))?;
        let file = Self {
            trust_root: member("trust-root")?.to_string(),
            role: member("role")?.to_string(),
            version,
            payload: member("payload")?.parse().map_err(|_| wrong("payload"))?,
            keyholder: member("keyholder")?.to_string(),
            fingerprint: member("fingerprint")?.parse().map_err(|_| wrong("fingerprint"))?,
            signature: hex::decode(member("signature")?).map_err(|_| wrong("signature"))?,
            signed_at: member("signed-at")?.parse().map_err(|_| wrong("signed-at"))?,
        };
        if file.to_file() == bytes { Ok(file) } else { Err(SignatureFileError::Rendering) }
    }

    /// The file.
    pub fn to_file(&self) -> Vec<u8> {
        let object: Object = [
            ("trust-root", Json::string(&self.trust_root)),
            ("role", Json::string(&self.role)),
            ("version", self.version.into()),
            ("payload", Json::string(self.payload.to_string())),
            ("keyholder", Json::string(&self.keyholder)),
            ("fingerprint", Json::string(self.fingerprint.to_string())),
            ("signature", Json::string(hex::encode(&self.signature))),
            ("signed-at", Json::string(self.signed_at.to_string())),
        ]
        .into_iter()
        .collect();
        Json::Object(object).pretty().into_bytes()
    }

    /// The name of the file in `signatures/ROLE/`.
    pub fn file_name(&self) -> String {
        Self::name(&self.keyholder, &self.fingerprint, &self.payload)
    }

    /// The name that a signature file of this keyholder and key over this payload has.
    pub fn name(keyholder: &str, fingerprint: &Fingerprint, payload: &Digest) -> String {
        format!("{keyholder}.{}.{}.json", fingerprint.short(), payload.short())
    }
}

/// Why bytes are no signature file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureFileError {
    /// Not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A member is absent or malformed.
    #[error("the signature file has no usable \"{name}\"")]
    Member {
        /// The member.
        name: &'static str,
    },
    /// It is not in the form in which this program writes it.
    #[error("the signature file is not in the form in which it is written")]
    Rendering,
}
