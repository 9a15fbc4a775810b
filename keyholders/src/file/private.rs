//! Private keys, and the forms that they have in files.

use pkcs8::der::asn1::OctetStringRef;
use pkcs8::pkcs5::pbes2;
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{AssociatedOid as _, EncodePrivateKey as _, ObjectIdentifier, PrivateKeyInfoRef, SecretDocument};
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// A private key of a kind that signs metadata. All kinds are wiped when they are dropped.
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
            return ed25519(&document).map(|key| Self::Ed25519(Box::new(key)));
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
            Self::Ed25519(key) => {
                let mut nested = Zeroizing::new([0; INNER.len() + ed25519_dalek::SECRET_KEY_LENGTH]);
                let (inner, secret) = nested.split_at_mut(INNER.len());
                inner.copy_from_slice(&INNER);
                secret.copy_from_slice(key.as_bytes());
                let algorithm = AlgorithmIdentifierRef { oid: ED25519, parameters: None };
                let private_key = OctetStringRef::new(&*nested).expect("34 bytes are an octet string");
                // Version 1, without the public key: OpenSSL does not read version 2.
                SecretDocument::try_from(PrivateKeyInfoRef::new(algorithm, private_key))
            }
        }
        .expect("a private key has an encoding")
    }
}

/// The key of a PKCS#8 document (RFC 8410, section 7). What the library would read it into, and write it from, is not
/// wiped unless a feature of another crate is on, and nothing shows whether it is.
fn ed25519(document: &PrivateKeyInfoRef<'_>) -> Option<ed25519_dalek::SigningKey> {
    let secret = document.private_key.as_bytes().strip_prefix(&INNER)?;
    let key = ed25519_dalek::SigningKey::from_bytes(secret.try_into().ok()?);
    let public = key.verifying_key();
    let is_its_own = document.public_key.is_none_or(|stated| stated.as_bytes() == Some(public.as_bytes()));
    Some(key).filter(|_| is_its_own && document.algorithm.parameters.is_none())
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

// Whether private keys are wiped is a matter of features. Where one is off, this does not build.
const _: fn() = || {
    fn is_wiped<T: ZeroizeOnDrop>() {}
    is_wiped::<p256::SecretKey>();
    is_wiped::<p256::ecdsa::SigningKey>();
    is_wiped::<p384::SecretKey>();
    is_wiped::<p384::ecdsa::SigningKey>();
    is_wiped::<ed25519_dalek::SigningKey>();
    is_wiped::<SecretDocument>();
};

/// What stands before the 32 bytes of an Ed25519 key: they are an octet string within the octet string.
const INNER: [u8; 2] = [0x04, 0x20];
/// RFC 8410, section 3.
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_ed25519_key_may_have_its_public_key_beside_it_and_no_other() {
        let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
        let beside = key.to_pkcs8_der().unwrap();
        let is_it = |read: Option<Private>| matches!(read, Some(Private::Ed25519(read)) if *read == key);
        assert!(is_it(Private::from_pkcs8(beside.as_bytes())));
        let alone = Private::Ed25519(Box::new(key.clone())).to_pkcs8();
        assert!(is_it(Private::from_pkcs8(alone.as_bytes())) && alone.as_bytes().len() < beside.as_bytes().len());
        let mut other = beside.as_bytes().to_vec();
        *other.last_mut().unwrap() ^= 1;
        assert!(Private::from_pkcs8(&other).is_none());
    }
}
