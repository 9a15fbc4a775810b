//! Private keys: made or imported, never read, used for one operation (NIST SP 800-78).

use ed25519_dalek::Signer as _;
use p256::ecdsa::signature::hazmat::RandomizedPrehashSigner as _;
use p256::elliptic_curve::Generate as _;
use p256::pkcs8::EncodePublicKey as _;
use rsa::BoxedUint;
use rsa::traits::PublicKeyParts as _;

use crate::profile::Firmware;
use crate::random;
use crate::status::StatusWord;
use crate::tlv::{find, tlv};

/// The algorithm of a key, by its number at YubiKeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// RSA with 2048 bits: raw blocks, padded by the host.
    Rsa2048 = 0x07,
    /// ECDSA on P-256.
    EccP256 = 0x11,
    /// ECDSA on P-384.
    EccP384 = 0x14,
    /// Ed25519, from firmware 5.7 on.
    Ed25519 = 0xe0,
}

impl Algorithm {
    /// The algorithm of this number, if a card of this firmware has it.
    pub(crate) fn numbered(number: u8, firmware: Firmware) -> Option<Self> {
        let all = [Self::Rsa2048, Self::EccP256, Self::EccP384, Self::Ed25519];
        let known = |algorithm: &Self| *algorithm != Self::Ed25519 || firmware.is_5_7();
        all.into_iter().filter(known).find(|algorithm| *algorithm as u8 == number)
    }
}

/// A private key.
#[derive(Clone)]
pub(crate) enum PrivateKey {
    Rsa2048(Box<rsa::RsaPrivateKey>),
    EccP256(p256::ecdsa::SigningKey),
    EccP384(Box<p384::ecdsa::SigningKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

impl PrivateKey {
    /// A new key.
    pub(crate) fn generate(algorithm: Algorithm) -> Self {
        let mut generator = random::generator();
        match algorithm {
            Algorithm::Rsa2048 => {
                let key = rsa::RsaPrivateKey::new(&mut generator, 2048).expect("RSA has keys of 2048 bits");
                Self::Rsa2048(Box::new(key))
            }
            Algorithm::EccP256 => Self::EccP256(p256::SecretKey::generate_from_rng(&mut generator).into()),
            Algorithm::EccP384 => Self::EccP384(Box::new(p384::SecretKey::generate_from_rng(&mut generator).into())),
            Algorithm::Ed25519 => Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&random::bytes()))),
        }
    }

    /// The key that IMPORT ASYMMETRIC KEY brings.
    ///
    /// # Errors
    /// If its parts are no key of the algorithm.
    pub(crate) fn import(algorithm: Algorithm, parts: &[(u8, &[u8])]) -> Result<Self, StatusWord> {
        let part = |tag| find(parts, tag).ok_or(StatusWord::DATA);
        match algorithm {
            Algorithm::Rsa2048 => {
                let prime = |tag| BoxedUint::from_be_slice(part(tag)?, 1024).map_err(|_| StatusWord::DATA);
                let exponent = BoxedUint::from(65_537_u64);
                let key = rsa::RsaPrivateKey::from_p_q(prime(0x01)?, prime(0x02)?, exponent);
                let key = key.map_err(|_| StatusWord::DATA)?;
                if key.size() != 256 {
                    return Err(StatusWord::DATA);
                }
                Ok(Self::Rsa2048(Box::new(key)))
            }
            Algorithm::EccP256 => {
                let key = p256::ecdsa::SigningKey::from_slice(part(0x06)?).map_err(|_| StatusWord::DATA)?;
                Ok(Self::EccP256(key))
            }
            Algorithm::EccP384 => {
                let key = p384::ecdsa::SigningKey::from_slice(part(0x06)?).map_err(|_| StatusWord::DATA)?;
                Ok(Self::EccP384(Box::new(key)))
            }
            Algorithm::Ed25519 => {
                let seed = part(0x07)?.try_into().map_err(|_| StatusWord::DATA)?;
                Ok(Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(seed))))
            }
        }
    }

    /// The algorithm.
    pub(crate) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa2048(_) => Algorithm::Rsa2048,
            Self::EccP256(_) => Algorithm::EccP256,
            Self::EccP384(_) => Algorithm::EccP384,
            Self::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// The public key as a card tells it: modulus and exponent, or the point.
    pub(crate) fn public(&self) -> Vec<u8> {
        match self {
            Self::Rsa2048(key) => {
                let exponent = key.e().to_be_bytes_trimmed_vartime();
                [tlv(0x81, &key.n().to_be_bytes()), tlv(0x82, &exponent)].concat()
            }
            Self::EccP256(key) => tlv(0x86, key.verifying_key().to_sec1_point(false).as_bytes()),
            Self::EccP384(key) => tlv(0x86, key.verifying_key().to_sec1_point(false).as_bytes()),
            Self::Ed25519(key) => tlv(0x86, key.verifying_key().as_bytes()),
        }
    }

    /// The public key as DER SubjectPublicKeyInfo (RFC 5280).
    pub(crate) fn public_info(&self) -> Vec<u8> {
        let document = match self {
            Self::Rsa2048(key) => key.to_public_key().to_public_key_der(),
            Self::EccP256(key) => key.verifying_key().to_public_key_der(),
            Self::EccP384(key) => key.verifying_key().to_public_key_der(),
            Self::Ed25519(key) => key.verifying_key().to_public_key_der(),
        };
        document.expect("a public key has a DER form").into_vec()
    }

    /// The private operation: a raw block for RSA, a digest no longer than the curve for ECDSA, which is answered as
    /// DER, a message for Ed25519.
    ///
    /// # Errors
    /// If the input is none of this.
    pub(crate) fn operate(&self, input: &[u8]) -> Result<Vec<u8>, StatusWord> {
        let mut generator = random::generator();
        match self {
            Self::Rsa2048(key) => {
                if input.len() != key.size() {
                    return Err(StatusWord::DATA);
                }
                let block = BoxedUint::from_be_slice(input, 2048).map_err(|_| StatusWord::DATA)?;
                let result = rsa::hazmat::rsa_decrypt(Some(&mut generator), key.as_ref(), &block);
                Ok(result.map_err(|_| StatusWord::DATA)?.to_be_bytes().into_vec())
            }
            Self::EccP256(key) => {
                let digest: [u8; 32] = padded(input)?;
                let signature: p256::ecdsa::DerSignature =
                    key.sign_prehash_with_rng(&mut generator, &digest).map_err(|_| StatusWord::DATA)?;
                Ok(signature.as_bytes().to_vec())
            }
            Self::EccP384(key) => {
                let digest: [u8; 48] = padded(input)?;
                let signature: p384::ecdsa::DerSignature =
                    key.sign_prehash_with_rng(&mut generator, &digest).map_err(|_| StatusWord::DATA)?;
                Ok(signature.as_bytes().to_vec())
            }
            Self::Ed25519(key) => Ok(key.sign(input).to_bytes().to_vec()),
        }
    }
}

/// A digest, with zeros before it if it is shorter than the curve's field.
fn padded<const LENGTH: usize>(digest: &[u8]) -> Result<[u8; LENGTH], StatusWord> {
    let start = LENGTH.checked_sub(digest.len()).ok_or(StatusWord::DATA)?;
    let mut padded = [0; LENGTH];
    padded[start..].copy_from_slice(digest);
    Ok(padded)
}
