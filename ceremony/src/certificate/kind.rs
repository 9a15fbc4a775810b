//! What kind of key a certificate has, whether this program verifies with it or not.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use x509_cert::der::Decode as _;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::{rfc5912, rfc8410};
use x509_cert::spki::SubjectPublicKeyInfoRef;

/// The kind of a key, as its SubjectPublicKeyInfo names it; whether it is well-formed is another matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// An elliptic curve, by its name.
    Curve(ObjectIdentifier),
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// RSA (RFC 3279).
    Rsa,
    /// An algorithm of another name.
    Other(ObjectIdentifier),
    /// No SubjectPublicKeyInfo, or an elliptic curve without a name.
    Unknown,
}

impl KeyKind {
    /// Reads the DER of a SubjectPublicKeyInfo.
    pub(crate) fn of(spki: &[u8]) -> Self {
        let Ok(info) = SubjectPublicKeyInfoRef::from_der(spki) else { return Self::Unknown };
        let curve = info.algorithm.parameters.and_then(|parameters| parameters.decode_as::<ObjectIdentifier>().ok());
        match info.algorithm.oid {
            rfc5912::ID_EC_PUBLIC_KEY => curve.map_or(Self::Unknown, Self::Curve),
            rfc5912::RSA_ENCRYPTION => Self::Rsa,
            rfc8410::ID_ED_25519 => Self::Ed25519,
            other => Self::Other(other),
        }
    }

    /// Whether it is on one of these curves.
    pub(crate) fn is_on(self, curves: &[ObjectIdentifier]) -> bool {
        matches!(self, Self::Curve(curve) if curves.contains(&curve))
    }

    /// Why this program does not verify with a key of this kind that it cannot decode.
    pub(super) fn undecodable(self) -> String {
        match self {
            Self::Rsa => "RSA, malformed or of less than 1024 or more than 8192 bits".to_string(),
            Self::Ed25519 => "Ed25519, malformed".to_string(),
            kind if kind.is_on(&[P256, P384]) => format!("{kind}, malformed"),
            kind => kind.to_string(),
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Curve(curve) => match NAMES.iter().find(|(known, _)| *known == curve) {
                Some((_, name)) => f.write_str(name),
                None => write!(f, "the curve {curve}"),
            },
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Rsa => f.write_str("RSA"),
            Self::Other(oid) => write!(f, "the algorithm {oid}"),
            Self::Unknown => f.write_str("none that has a name"),
        }
    }
}

pub(crate) const P224: ObjectIdentifier = rfc5912::SECP_224_R_1;
pub(crate) const P256: ObjectIdentifier = rfc5912::SECP_256_R_1;
pub(crate) const P384: ObjectIdentifier = rfc5912::SECP_384_R_1;
pub(crate) const P521: ObjectIdentifier = rfc5912::SECP_521_R_1;
/// SEC 2, section A.2.1.
const SECP256K1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.10");

/// What curves are called here. Those that this program does not verify with have the name that openssl has for them, too.
const NAMES: [(ObjectIdentifier, &str); 5] = [
    (P224, "P-224 (secp224r1)"),
    (P256, "P-256"),
    (P384, "P-384"),
    (P521, "P-521 (secp521r1)"),
    (SECP256K1, "secp256k1"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name() {
        let named = |kind: KeyKind| (kind.to_string(), kind.undecodable());
        let both = |kind: &str, why: &str| (kind.to_string(), why.to_string());
        assert_eq!(named(KeyKind::Curve(P256)), both("P-256", "P-256, malformed"));
        assert_eq!(named(KeyKind::Curve(P521)), both("P-521 (secp521r1)", "P-521 (secp521r1)"));
        assert_eq!(named(KeyKind::Curve(SECP256K1)), both("secp256k1", "secp256k1"));
        let brainpool = ObjectIdentifier::new_unwrap("1.3.36.3.3.2.8.1.1.7");
        assert_eq!(KeyKind::Curve(brainpool).to_string(), "the curve 1.3.36.3.3.2.8.1.1.7");
        assert_eq!(KeyKind::of(b"no key"), KeyKind::Unknown);
    }
}
