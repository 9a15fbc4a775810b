//! The public key of a log.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rsa::pkcs1::DecodeRsaPublicKey as _;
use rsa::signature::Verifier as _;
use rsa::traits::PublicKeyParts as _;

use crate::json::Json;
use crate::key::{Algorithm, BadSignature, KeyError, PublicKey};

/// The key with which a Rekor or CT log signs, with what its file says it is.
#[derive(Clone, Debug, PartialEq)]
pub struct LogKey {
    details: String,
    raw: Vec<u8>,
    key: PublicKey,
}

impl LogKey {
    /// Decodes `rawBytes` as `keyDetails` says: PKCS#1 where its name begins so (RFC 8017, appendix A.1.1), else a
    /// SubjectPublicKeyInfo (RFC 5280).
    ///
    /// # Errors
    /// If it is no such key, or of another algorithm.
    pub fn read(details: &str, raw: &[u8]) -> Result<Self, KeyError> {
        let pkcs1 = details.starts_with("PKCS1_");
        let key = if pkcs1 { pkcs1_key(raw)? } else { PublicKey::from_spki_der(raw)? };
        let wanted = match details {
            "PKIX_ECDSA_P256_SHA_256" | "PKIX_ECDSA_P256_HMAC_SHA_256" => Algorithm::EcdsaP256,
            "PKIX_ECDSA_P384_SHA_384" => Algorithm::EcdsaP384,
            "PKIX_ED25519" => Algorithm::Ed25519,
            _ if pkcs1 || details.starts_with("PKIX_RSA_") => Algorithm::Rsa,
            _ => return Err(KeyError::unknown("keyDetails", details)),
        };
        if key.algorithm() != wanted {
            let scheme = details.escape_debug().to_string();
            return Err(KeyError::Mismatch { scheme, algorithm: key.algorithm() });
        }
        Ok(Self { details: details.to_owned(), raw: raw.to_vec(), key })
    }

    /// A key for a new entry, in the form that clients read: SubjectPublicKeyInfo, and the `keyDetails` of its kind.
    ///
    /// # Errors
    /// If `keyDetails` has no name for it: RSA of another length than 2048, 3072 or 4096 bits.
    pub fn author(key: PublicKey) -> Result<Self, KeyError> {
        let details = match &key {
            PublicKey::EcdsaP256(_) => "PKIX_ECDSA_P256_SHA_256",
            PublicKey::EcdsaP384(_) => "PKIX_ECDSA_P384_SHA_384",
            PublicKey::Ed25519(_) => "PKIX_ED25519",
            PublicKey::Rsa(key) => match key.n().bits() {
                2048 => "PKIX_RSA_PKCS1V15_2048_SHA256",
                3072 => "PKIX_RSA_PKCS1V15_3072_SHA256",
                4096 => "PKIX_RSA_PKCS1V15_4096_SHA256",
                bits => return Err(KeyError::unknown("RSA", &alloc::format!("{bits} bits"))),
            },
        };
        Ok(Self { details: details.to_owned(), raw: key.to_spki_der(), key })
    }

    /// Reads a key in any form in which services and people hand it out: PEM (`PUBLIC KEY` or `RSA PUBLIC KEY`), DER
    /// of either, a JSON Web Key (RFC 7517), or a C2SP note key (`NAME+HASH+KEY`).
    ///
    /// # Errors
    /// If it is in none of these forms, or a key of an unknown kind.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyError> {
        let text = core::str::from_utf8(bytes).unwrap_or_default().trim();
        let key = if text.starts_with("-----BEGIN") {
            let undecodable = |_| KeyError::Undecodable { encoding: "PEM public key" };
            let (label, der) = p256::pkcs8::der::pem::decode_vec(text.as_bytes()).map_err(undecodable)?;
            if label == "RSA PUBLIC KEY" { pkcs1_key(&der)? } else { PublicKey::from_spki_pem(text)? }
        } else if text.starts_with('{') {
            jwk(text)?
        } else if let Some((_, key)) = text.rsplit_once('+').filter(|(rest, _)| rest.contains('+')) {
            return Self::author(note_key(key)?);
        } else {
            let known = PublicKey::from_spki_der(bytes).or_else(|_| pkcs1_key(bytes));
            known.map_err(|_| KeyError::Undecodable { encoding: FORMS })?
        };
        Self::author(key)
    }

    /// `keyDetails`, the kind of the key as the file calls it.
    pub fn details(&self) -> &str {
        &self.details
    }

    /// `rawBytes`
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The decoded key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Verifies a signature as logs make them: ECDSA in DER, Ed25519, RSA with PKCS#1 v1.5 and SHA-256.
    ///
    /// # Errors
    /// If this key did not make it.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        match &self.key {
            PublicKey::Rsa(key) => {
                let key = rsa::pkcs1v15::VerifyingKey::<sha2::Sha256>::new((**key).clone());
                let signature = rsa::pkcs1v15::Signature::try_from(signature).map_err(|_| BadSignature)?;
                key.verify(message, &signature).map_err(|_| BadSignature)
            }
            key => key.verify(message, signature),
        }
    }
}

/// What [`LogKey::parse`] reads.
const FORMS: &str = "public key in PEM, DER or PKCS#1, JSON Web Key, or C2SP note key";

fn pkcs1_key(der: &[u8]) -> Result<PublicKey, KeyError> {
    let key = rsa::RsaPublicKey::from_pkcs1_der(der);
    key.map(|key| PublicKey::Rsa(Box::new(key))).map_err(|_| KeyError::Undecodable { encoding: "PKCS#1 public key" })
}

/// A JSON Web Key of one of the kinds that logs have.
fn jwk(text: &str) -> Result<PublicKey, KeyError> {
    let undecodable = KeyError::Undecodable { encoding: "JSON Web Key" };
    let json = Json::parse(text.as_bytes()).map_err(|_| undecodable.clone())?;
    let member = |name: &'static str| json.get(name).and_then(Json::as_str).ok_or(KeyError::Missing { name });
    let bytes = |name| URL_SAFE_NO_PAD.decode(member(name)?.trim_end_matches('=')).map_err(|_| undecodable.clone());
    match (member("kty")?, json.get("crv").and_then(Json::as_str)) {
        ("EC", Some("P-256" | "P-384")) => PublicKey::from_point(&[&[4][..], &bytes("x")?, &bytes("y")?].concat()),
        ("OKP", Some("Ed25519")) => PublicKey::from_ed25519(&bytes("x")?),
        ("RSA", _) => {
            let number = |name| Ok(rsa::BoxedUint::from_be_slice_vartime(&bytes(name)?));
            let key = rsa::RsaPublicKey::new(number("n")?, number("e")?).map_err(|_| undecodable.clone())?;
            Ok(PublicKey::Rsa(Box::new(key)))
        }
        (kind, curve) => Err(KeyError::unknown(kind, curve.unwrap_or_default())),
    }
}

/// The last part of a note key: an algorithm byte, and the key (C2SP signed-note, section *Verifier keys*).
fn note_key(text: &str) -> Result<PublicKey, KeyError> {
    let undecodable = KeyError::Undecodable { encoding: "note key" };
    let bytes = STANDARD.decode(text).map_err(|_| undecodable.clone())?;
    match bytes.split_first() {
        Some((1, key)) => PublicKey::from_ed25519(key),
        Some((2, key)) => PublicKey::from_spki_der(key),
        _ => Err(undecodable),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::format;

    use super::*;

    /// Rekor v2 log2025-1, from Sigstore's trusted root.
    const ED25519: &str = "MCowBQYDK2VwAyEAt8rlp1knGwjfbcXAYPYAkn0XiLz1x8O4t0YkEhie244=";
    /// Rekor v1, from the same.
    const P256: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwrkBbmLSGtks4L3qX6yYY0zufBnhC8Ur\
                        /iy55GhWP/9A/bY2LhC30M9+RYtw==";

    #[test]
    fn one_key_in_any_form_is_one_key() {
        let der = STANDARD.decode(P256).unwrap();
        let key = LogKey::parse(&der).unwrap();
        assert_eq!((key.details(), key.raw()), ("PKIX_ECDSA_P256_SHA_256", &der[..]));
        assert_eq!(LogKey::parse(key.key().to_spki_pem().as_bytes()).unwrap(), key);
        let point = &der[der.len() - 64..];
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[..32]), URL_SAFE_NO_PAD.encode(&point[32..]));
        let jwk = format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}","kid":"1"}}"#);
        assert_eq!(LogKey::parse(jwk.as_bytes()).unwrap(), key);
        let ed = LogKey::parse(&STANDARD.decode(ED25519).unwrap()).unwrap();
        let note =
            format!("log2025-1.rekor.sigstore.dev+cf119915+{}", STANDARD.encode([&[1], &ed.raw()[12..]].concat()));
        assert_eq!(LogKey::parse(note.as_bytes()).unwrap(), ed);
    }

    #[test]
    fn what_the_file_calls_a_key_must_be_so() {
        let der = STANDARD.decode(P256).unwrap();
        assert!(LogKey::read("PKIX_ECDSA_P256_SHA_256", &der).is_ok());
        for (details, said) in [
            ("PKIX_ED25519", "scheme \"PKIX_ED25519\" does not fit the key, which is P-256"),
            ("PKCS1_RSA_PKCS1V5", "not a usable PKCS#1 public key"),
            ("LMS_SHA256", "unknown key type \"keyDetails\" with scheme \"LMS_SHA256\""),
        ] {
            assert_eq!(LogKey::read(details, &der).unwrap_err().to_string(), said);
        }
    }

    #[test]
    fn garbage_is_refused_without_panic() {
        let forms = LogKey::parse(b"no key").unwrap_err().to_string();
        assert!(["PEM", "DER", "PKCS#1", "JSON Web Key", "C2SP"].iter().all(|form| forms.contains(form)), "{forms}");
        for garbage in
            ["", "{", "{}", "a+b+c", "a+b+AQ==", "-----BEGIN X-----", r#"{"kty":"RSA","n":"","e":""}"#, "\u{0}"]
        {
            assert!(LogKey::parse(garbage.as_bytes()).is_err(), "{garbage}");
        }
    }
}
