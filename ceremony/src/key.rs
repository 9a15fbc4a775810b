//! Public keys, by what they decode to.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::pkcs8::{DecodePublicKey as _, EncodePublicKey as _, LineEnding};

use crate::digest::{Digest, DigestError};

/// A decoded public key. Two encodings of one key are equal.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PublicKey {
    /// ECDSA on NIST P-256 with SHA-256 (FIPS 186-5).
    EcdsaP256(p256::ecdsa::VerifyingKey),
    /// ECDSA on NIST P-384 with SHA-384 (FIPS 186-5).
    EcdsaP384(Box<p384::ecdsa::VerifyingKey>),
    /// Ed25519 (RFC 8032).
    Ed25519(Box<ed25519_dalek::VerifyingKey>),
    /// RSASSA-PSS with SHA-256 (RFC 8017).
    Rsa(Box<rsa::RsaPublicKey>),
}

impl PublicKey {
    /// Decodes a DER SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7).
    ///
    /// # Errors
    /// If it is not DER, or holds a key of another kind than these four.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        if let Ok(key) = p256::PublicKey::from_public_key_der(der) {
            return Ok(Self::EcdsaP256(key.into()));
        }
        if let Ok(key) = p384::PublicKey::from_public_key_der(der) {
            return Ok(Self::EcdsaP384(Box::new(key.into())));
        }
        if let Ok(key) = ed25519_dalek::VerifyingKey::from_public_key_der(der) {
            return Ok(Self::Ed25519(Box::new(key)));
        }
        if let Ok(key) = rsa::RsaPublicKey::from_public_key_der(der) {
            return Ok(Self::Rsa(Box::new(key)));
        }
        Err(KeyError::Undecodable { encoding: "SubjectPublicKeyInfo" })
    }

    /// Decodes a PEM `PUBLIC KEY` (RFC 7468, section 13).
    ///
    /// # Errors
    /// As [`from_spki_der`](Self::from_spki_der), and if it is not such a PEM.
    pub fn from_spki_pem(pem: &str) -> Result<Self, KeyError> {
        let undecodable = KeyError::Undecodable { encoding: "PEM public key" };
        let (label, der) = p256::pkcs8::der::pem::decode_vec(pem.as_bytes()).map_err(|_| undecodable.clone())?;
        if label == "PUBLIC KEY" { Self::from_spki_der(&der) } else { Err(undecodable) }
    }

    /// Decodes an elliptic-curve point on P-256 or P-384, compressed or not (SEC 1, section 2.3.4).
    ///
    /// # Errors
    /// If the bytes are not a point of either curve.
    pub fn from_point(point: &[u8]) -> Result<Self, KeyError> {
        if let Ok(key) = p256::ecdsa::VerifyingKey::from_sec1_bytes(point) {
            return Ok(Self::EcdsaP256(key));
        }
        p384::ecdsa::VerifyingKey::from_sec1_bytes(point)
            .map(|key| Self::EcdsaP384(Box::new(key)))
            .map_err(|_| KeyError::Undecodable { encoding: "elliptic-curve point" })
    }

    /// Decodes the 32 bytes of an Ed25519 key (RFC 8032, section 5.1.5).
    ///
    /// # Errors
    /// If the bytes are not a point of the curve.
    pub fn from_ed25519(bytes: &[u8]) -> Result<Self, KeyError> {
        ed25519_dalek::VerifyingKey::try_from(bytes)
            .map(|key| Self::Ed25519(Box::new(key)))
            .map_err(|_| KeyError::Undecodable { encoding: "Ed25519 key" })
    }

    /// The key as DER SubjectPublicKeyInfo: named curve and uncompressed point, whatever form it was read in.
    pub fn to_spki_der(&self) -> Vec<u8> {
        let der = match self {
            Self::EcdsaP256(key) => p256::PublicKey::from(key).to_public_key_der(),
            Self::EcdsaP384(key) => p384::PublicKey::from(**key).to_public_key_der(),
            Self::Ed25519(key) => key.to_public_key_der(),
            Self::Rsa(key) => key.to_public_key_der(),
        };
        der.expect("a decoded key has an encoding").into_vec()
    }

    /// The key as PEM `PUBLIC KEY`, with a newline at its end.
    pub fn to_spki_pem(&self) -> String {
        p256::pkcs8::der::pem::encode_string("PUBLIC KEY", LineEnding::LF, &self.to_spki_der())
            .expect("any DER has a PEM")
    }

    /// What identifies this key everywhere: the SHA-256 of [`to_spki_der`](Self::to_spki_der).
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Digest::of(&self.to_spki_der()))
    }

    /// Which kind of key this is.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::EcdsaP256(_) => Algorithm::EcdsaP256,
            Self::EcdsaP384(_) => Algorithm::EcdsaP384,
            Self::Ed25519(_) => Algorithm::Ed25519,
            Self::Rsa(_) => Algorithm::Rsa,
        }
    }

    /// Verifies that this key signed `message`.
    ///
    /// `signature` is DER for ECDSA (RFC 3279, section 2.2.3; both values of *s* are taken, as every client does) and
    /// raw for Ed25519 (64 bytes) and RSASSA-PSS (any salt length).
    ///
    /// # Errors
    /// If it did not.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        self.verify_hashed(message, || Digest::of(message), signature)
    }

    /// Like [`verify`](Self::verify), of a message whose SHA-256 may be known: many signatures cover one large file.
    pub(crate) fn verify_hashed(
        &self,
        message: &[u8],
        sha256: impl FnOnce() -> Digest,
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        let verified = match self {
            Self::EcdsaP256(key) => p256::ecdsa::DerSignature::from_bytes(signature)
                .and_then(|s| key.verify_prehash(sha256().as_bytes(), &s)),
            Self::EcdsaP384(key) => {
                p384::ecdsa::DerSignature::from_bytes(signature).and_then(|s| key.verify(message, &s))
            }
            Self::Ed25519(key) => {
                ed25519_dalek::Signature::from_slice(signature).and_then(|s| key.verify_strict(message, &s))
            }
            Self::Rsa(key) => rsa::pss::Signature::try_from(signature).and_then(|s| {
                let key = rsa::pss::VerifyingKey::<sha2::Sha256>::new_with_auto_salt_len((**key).clone());
                key.verify_prehash(sha256().as_bytes(), &s)
            }),
        };
        verified.map_err(|_| BadSignature)
    }

    /// The signature in the form that [`verify`](Self::verify) takes, of one in the form of IEEE P1363, as PKCS#11 and
    /// some key services give it: *r* and *s* side by side. None if this is no such signature, or no ECDSA key.
    pub fn from_p1363(&self, signature: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::EcdsaP256(_) => {
                Some(p256::ecdsa::Signature::from_slice(signature).ok()?.to_der().as_bytes().to_vec())
            }
            Self::EcdsaP384(_) => {
                Some(p384::ecdsa::Signature::from_slice(signature).ok()?.to_der().as_bytes().to_vec())
            }
            Self::Ed25519(_) | Self::Rsa(_) => None,
        }
    }
}

/// The kind of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA on NIST P-256 with SHA-256.
    EcdsaP256,
    /// ECDSA on NIST P-384 with SHA-384.
    EcdsaP384,
    /// Ed25519.
    Ed25519,
    /// RSASSA-PSS with SHA-256.
    Rsa,
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EcdsaP256 => "P-256",
            Self::EcdsaP384 => "P-384",
            Self::Ed25519 => "Ed25519",
            Self::Rsa => "RSA",
        })
    }
}

/// The identity of a key: SHA-256 of its DER SubjectPublicKeyInfo with an uncompressed point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(Digest);

impl Fingerprint {
    /// The first eight hex digits, as in the names of signature files.
    pub fn short(&self) -> String {
        self.0.short()
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Fingerprint {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        text.parse().map(Self)
    }
}

/// A signature that does not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A member of the key object is absent or of another type.
    #[error("the key object has no text \"{name}\"")]
    Missing {
        /// The member.
        name: &'static str,
    },
    /// The key type and scheme are none that this program knows.
    #[error("unknown key type \"{keytype}\" with scheme \"{scheme}\"")]
    Unknown {
        /// `keytype` of the object, escaped.
        keytype: String,
        /// `scheme` of the object, escaped.
        scheme: String,
    },
    /// The bytes are no key in this encoding.
    #[error("not a usable {encoding}")]
    Undecodable {
        /// What was expected.
        encoding: &'static str,
    },
    /// The key is of another algorithm than its key type and scheme say.
    #[error("scheme \"{scheme}\" does not fit the key, which is {algorithm}")]
    Mismatch {
        /// `scheme` of the object.
        scheme: String,
        /// What the key really is.
        algorithm: Algorithm,
    },
}

impl KeyError {
    pub(crate) fn unknown(keytype: &str, scheme: &str) -> Self {
        Self::Unknown { keytype: keytype.escape_debug().to_string(), scheme: scheme.escape_debug().to_string() }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    pub(crate) fn signing_key(seed: u8) -> p256::ecdsa::SigningKey {
        p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap()
    }

    #[test]
    fn one_key_in_two_encodings_is_one_key() {
        let key = *signing_key(7).verifying_key();
        let uncompressed = PublicKey::from_point(key.to_sec1_point(false).as_bytes()).unwrap();
        let compressed = PublicKey::from_point(key.to_sec1_point(true).as_bytes()).unwrap();
        assert_eq!(uncompressed.fingerprint(), compressed.fingerprint());
        let pem = uncompressed.to_spki_pem();
        assert!(pem.ends_with("-----END PUBLIC KEY-----\n"));
        assert_eq!(PublicKey::from_spki_pem(&pem).unwrap(), compressed);
    }

    #[test]
    fn garbage_is_refused_without_panic() {
        for length in 0..200 {
            let garbage: Vec<u8> = (0..length).map(|i: u8| i.wrapping_mul(31)).collect();
            assert!(PublicKey::from_spki_der(&garbage).is_err());
            let key = PublicKey::EcdsaP256(*signing_key(1).verifying_key());
            assert_eq!(key.verify(b"message", &garbage), Err(BadSignature));
        }
    }
}
