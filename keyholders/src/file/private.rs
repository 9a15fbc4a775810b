//! Private keys, and the forms that they have in files.

use pkcs8::pkcs5::pbes2;
use pkcs8::{AssociatedOid as _, EncodePrivateKey as _, ObjectIdentifier, PrivateKeyInfoRef, SecretDocument};

/// A private key of a kind that signs metadata.
pub(super) enum Private {
    P256(p256::ecdsa::SigningKey),
    P384(Box<p384::ecdsa::SigningKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

impl Private {
    /// Of PKCS#8 (RFC 5958).
    pub(super) fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let document = PrivateKeyInfoRef::try_from(der).ok()?;
        if document.algorithm.oid == ED25519 {
            return ed25519_dalek::SigningKey::try_from(document).ok().map(|key| Self::Ed25519(Box::new(key)));
        }
        match document.algorithm.parameters_oid().ok()? {
            p256::NistP256::OID => p256::SecretKey::try_from(document).ok().map(Self::from),
            p384::NistP384::OID => p384::SecretKey::try_from(document).ok().map(Self::from),
            _ => None,
        }
    }

    /// Of an `EC PRIVATE KEY` (RFC 5915).
    pub(super) fn from_sec1(der: &[u8]) -> Option<Self> {
        // Each curve refuses the name of the other; where the curve is not named, the length of the scalar tells.
        p256::SecretKey::from_sec1_der(der)
            .map(Self::from)
            .or_else(|_| p384::SecretKey::from_sec1_der(der).map(Self::from))
            .ok()
    }

    /// As PKCS#8.
    pub(super) fn to_pkcs8(&self) -> SecretDocument {
        match self {
            Self::P256(key) => key.to_pkcs8_der(),
            Self::P384(key) => key.to_pkcs8_der(),
            // Version 1, without the public key: OpenSSL does not read version 2.
            Self::Ed25519(key) => {
                ed25519_dalek::pkcs8::KeypairBytes { secret_key: key.to_bytes(), public_key: None }.to_pkcs8_der()
            }
        }
        .expect("a private key has an encoding")
    }
}

impl From<p256::SecretKey> for Private {
    fn from(key: p256::SecretKey) -> Self {
        Self::P256(key.into())
    }
}

impl From<p384::SecretKey> for Private {
    fn from(key: p384::SecretKey) -> Self {
        Self::P384(Box::new(key.into()))
    }
}

/// The first PEM block with a private key, and its label. OpenSSL puts `EC PARAMETERS` before it.
pub(super) fn private_block(text: &str) -> Option<(&str, &str)> {
    text.match_indices("-----BEGIN ").find_map(|(at, begin)| {
        let block = text.get(at..)?;
        let label = block.get(begin.len()..)?.split("-----").next()?;
        let end = format!("-----END {label}-----");
        let length = block.find(&end)? + end.len();
        if label.ends_with("PRIVATE KEY") { Some((label, block.get(..length)?)) } else { None }
    })
}

/// Whether a file may ask for this much work. A file can name any cost, and each is paid before the passphrase is seen
/// to be wrong.
pub(super) fn affordable(kdf: &pbes2::Kdf) -> bool {
    match kdf {
        pbes2::Kdf::Scrypt(scrypt) => {
            let block = 128 * u64::from(scrypt.block_size);
            let memory = block.checked_mul(scrypt.cost_parameter);
            memory.is_some_and(|memory| memory <= 1 << 28) && (1..=64).contains(&scrypt.parallelization)
        }
        pbes2::Kdf::Pbkdf2(pbkdf2) => pbkdf2.iteration_count <= 10_000_000,
        _ => false,
    }
}

/// RFC 8410, section 3.
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
