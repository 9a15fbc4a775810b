//! Who issued a certificate: names, the right to issue, and the signature.

use alloc::string::{String, ToString};

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::traits::PublicKeyParts as _;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::{rfc5912, rfc8410};

use super::{Certificate, KeyKind};
use crate::key::{BadSignature, PublicKey};

/// The shortest RSA key that may issue, in bits.
const RSA_LEAST: u32 = 2048;

/// Why a certificate was not issued by what was given as its issuer. All names in it are escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The certificate names somebody else.
    #[error("{subject} was issued by {issuer}, and not by {given}")]
    Name {
        /// The subject of the certificate.
        subject: String,
        /// Who it says issued it.
        issuer: String,
        /// The subject of the issuer that was given.
        given: String,
    },
    /// The issuer's certificate does not make it an authority (RFC 5280, section 4.2.1.9).
    #[error("{issuer} may not issue {subject}: its certificate is not that of a certificate authority")]
    NotAuthority {
        /// The subject of the certificate.
        subject: String,
        /// The issuer.
        issuer: String,
    },
    /// The issuer's key usage leaves out certificates (RFC 5280, section 4.2.1.3).
    #[error("{issuer} may not issue {subject}: the usage of its key leaves out signing certificates")]
    NotForCertificates {
        /// The subject of the certificate.
        subject: String,
        /// The issuer.
        issuer: String,
    },
    /// Signed with SHA-1, for which collisions are made.
    #[error("{subject} is signed with SHA-1 ({algorithm}), which proves nothing any more")]
    Sha1 {
        /// The subject of the certificate.
        subject: String,
        /// The name of the algorithm.
        algorithm: &'static str,
    },
    /// Signed with an algorithm that this program does not know, or with parameters that it must not have.
    #[error("{subject} is signed with {algorithm}, which this program does not verify")]
    Algorithm {
        /// The subject of the certificate.
        subject: String,
        /// The name or the object identifier.
        algorithm: String,
    },
    /// The issuer's key is of a kind that this program does not know.
    #[error("the key of {issuer} is of a kind that this program cannot verify with: {kind}")]
    Key {
        /// The issuer.
        issuer: String,
        /// What the key is.
        kind: String,
    },
    /// The issuer's key is so short that others can sign in its name.
    #[error("the key of {issuer} is RSA with {bits} bits, and {RSA_LEAST} are the least")]
    ShortKey {
        /// The issuer.
        issuer: String,
        /// How long the key is.
        bits: u32,
    },
    /// The signature is of another kind than the issuer's key.
    #[error("{subject} is signed with {algorithm}, and the key of {issuer} is {key}")]
    Mismatch {
        /// The subject of the certificate.
        subject: String,
        /// The name of the algorithm.
        algorithm: &'static str,
        /// The issuer.
        issuer: String,
        /// What the key is.
        key: String,
    },
    /// The key did not make the signature over these bytes.
    #[error("the signature on {subject} is not made by the key of {issuer}")]
    Signature {
        /// The subject of the certificate.
        subject: String,
        /// The issuer.
        issuer: String,
    },
}

impl IssueError {
    /// Whether nothing can be said of the signature, since it or the key is of a kind with which this program verifies
    /// nothing.
    pub(crate) fn is_of_kind(&self) -> bool {
        matches!(self, Self::Algorithm { .. } | Self::Key { .. } | Self::Sha1 { .. } | Self::ShortKey { .. })
    }
}

pub(super) fn verify(certificate: &Certificate, issuer: &Certificate) -> Result<(), IssueError> {
    if certificate.issuer.der != issuer.subject.der {
        return Err(IssueError::Name {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            given: issuer.subject().to_string(),
        });
    }
    may_issue(issuer, certificate.subject())?;
    verify_signature(certificate, issuer.subject(), &issuer.spki)
}

/// Whether `issuer` is the certificate of an authority that may sign certificates, such as that of `subject`.
pub(super) fn may_issue(issuer: &Certificate, subject: &str) -> Result<(), IssueError> {
    let (subject, name) = (|| subject.to_string(), || issuer.subject().to_string());
    if !issuer.is_ca() {
        return Err(IssueError::NotAuthority { subject: subject(), issuer: name() });
    }
    if issuer.may_sign_certificates() == Some(false) {
        return Err(IssueError::NotForCertificates { subject: subject(), issuer: name() });
    }
    Ok(())
}

/// Verifies that the key `spki` of `issuer` made the signature over the signed part of `certificate`.
pub(super) fn verify_signature(certificate: &Certificate, issuer: &str, spki: &[u8]) -> Result<(), IssueError> {
    let scheme = Scheme::of(certificate)?;
    let key = PublicKey::from_spki_der(spki)
        .map_err(|_| IssueError::Key { issuer: issuer.to_string(), kind: KeyKind::of(spki).undecodable() })?;
    if let PublicKey::Rsa(key) = &key {
        let bits = key.n().bits_vartime();
        if bits < RSA_LEAST {
            return Err(IssueError::ShortKey { issuer: issuer.to_string(), bits });
        }
    }
    let subject = || certificate.subject.text.clone();
    let verified = scheme.verify(&key, &certificate.tbs, &certificate.signature);
    let Some(verified) = verified else {
        let (algorithm, key) = (scheme.name(), key.algorithm().to_string());
        return Err(IssueError::Mismatch { subject: subject(), algorithm, issuer: issuer.to_string(), key });
    };
    verified.map_err(|_| IssueError::Signature { subject: subject(), issuer: issuer.to_string() })
}

/// A signature algorithm that is verified.
#[derive(Clone, Copy)]
pub(crate) enum Scheme {
    /// RSASSA-PKCS1-v1_5 (RFC 8017, section 8.2).
    Rsa(Hash),
    /// ECDSA (FIPS 186-5), on whatever curve the key is.
    Ecdsa(Hash),
    /// Ed25519 (RFC 8410).
    Ed25519,
}

#[derive(Clone, Copy)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Scheme {
    /// Parameters are NULL or absent with RSA (RFC 4055, section 5), absent with the others (RFC 5758,
    /// RFC 8410), where a NULL is taken for that too.
    fn of(certificate: &Certificate) -> Result<Self, IssueError> {
        let algorithm = certificate.algorithm;
        let subject = || certificate.subject.text.clone();
        let scheme = match (Self::named(algorithm.oid), algorithm.oid) {
            (Some(scheme), _) => scheme,
            (_, rfc5912::SHA_1_WITH_RSA_ENCRYPTION) => {
                return Err(IssueError::Sha1 { subject: subject(), algorithm: "sha1WithRSAEncryption" });
            }
            (_, ECDSA_WITH_SHA_1) => return Err(IssueError::Sha1 { subject: subject(), algorithm: "ecdsa-with-SHA1" }),
            (_, oid) => return Err(IssueError::Algorithm { subject: subject(), algorithm: oid.to_string() }),
        };
        if algorithm.has_parameters {
            let algorithm = alloc::format!("{} with parameters", scheme.name());
            return Err(IssueError::Algorithm { subject: subject(), algorithm });
        }
        Ok(scheme)
    }

    /// The scheme of this name, if it is one that is verified.
    pub(crate) fn named(oid: ObjectIdentifier) -> Option<Self> {
        Some(match oid {
            rfc5912::SHA_256_WITH_RSA_ENCRYPTION => Self::Rsa(Hash::Sha256),
            rfc5912::SHA_384_WITH_RSA_ENCRYPTION => Self::Rsa(Hash::Sha384),
            rfc5912::SHA_512_WITH_RSA_ENCRYPTION => Self::Rsa(Hash::Sha512),
            rfc5912::ECDSA_WITH_SHA_256 => Self::Ecdsa(Hash::Sha256),
            rfc5912::ECDSA_WITH_SHA_384 => Self::Ecdsa(Hash::Sha384),
            rfc5912::ECDSA_WITH_SHA_512 => Self::Ecdsa(Hash::Sha512),
            rfc8410::ID_ED_25519 => Self::Ed25519,
            _ => return None,
        })
    }

    /// None if the key is of another kind.
    pub(crate) fn verify(self, key: &PublicKey, message: &[u8], signature: &[u8]) -> Option<Result<(), BadSignature>> {
        let verified = match (self, key) {
            (Self::Rsa(hash), PublicKey::Rsa(key)) => {
                let padding = match hash {
                    Hash::Sha256 => Pkcs1v15Sign::new::<Sha256>(),
                    Hash::Sha384 => Pkcs1v15Sign::new::<Sha384>(),
                    Hash::Sha512 => Pkcs1v15Sign::new::<Sha512>(),
                };
                key.verify(padding, &hash.of(message), signature).is_ok()
            }
            (Self::Ecdsa(hash), PublicKey::EcdsaP256(key)) => p256::ecdsa::DerSignature::from_bytes(signature)
                .and_then(|signature| key.verify_prehash(&hash.of(message), &signature))
                .is_ok(),
            (Self::Ecdsa(hash), PublicKey::EcdsaP384(key)) => p384::ecdsa::DerSignature::from_bytes(signature)
                .and_then(|signature| key.verify_prehash(&hash.of(message), &signature))
                .is_ok(),
            (Self::Ed25519, PublicKey::Ed25519(_)) => key.verify(message, signature).is_ok(),
            _ => return None,
        };
        Some(if verified { Ok(()) } else { Err(BadSignature) })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rsa(Hash::Sha256) => "sha256WithRSAEncryption",
            Self::Rsa(Hash::Sha384) => "sha384WithRSAEncryption",
            Self::Rsa(Hash::Sha512) => "sha512WithRSAEncryption",
            Self::Ecdsa(Hash::Sha256) => "ecdsa-with-SHA256",
            Self::Ecdsa(Hash::Sha384) => "ecdsa-with-SHA384",
            Self::Ecdsa(Hash::Sha512) => "ecdsa-with-SHA512",
            Self::Ed25519 => "Ed25519",
        }
    }
}

impl Hash {
    /// The hash of this name, if it is one that is used.
    pub(crate) fn named(oid: ObjectIdentifier) -> Option<Self> {
        Some(match oid {
            rfc5912::ID_SHA_256 => Self::Sha256,
            rfc5912::ID_SHA_384 => Self::Sha384,
            rfc5912::ID_SHA_512 => Self::Sha512,
            _ => return None,
        })
    }

    pub(crate) fn of(self, message: &[u8]) -> alloc::vec::Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }
}

/// ANSI X9.62: not in the table of RFC 5912, since nobody should want it.
const ECDSA_WITH_SHA_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");
