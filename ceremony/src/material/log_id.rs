//! What logs are called by.

use alloc::string::String;

use sha2::{Digest as _, Sha256};

use super::log_key::LogKey;
use crate::digest::Digest;
use crate::key::PublicKey;

/// What RSA keys of notes are marked by, behind the byte 0xff (C2SP signed-note, signature type 0xff).
const RSA_MARK: &[u8] = b"\xffPKIX-RSA-PKCS#1v1.5";

/// The log id of Rekor v1 and of CT logs: SHA-256 of the SubjectPublicKeyInfo (RFC 6962, section 3.2), also where the
/// file has the key in another form.
pub fn of_key(key: &LogKey) -> Digest {
    Digest::of(&key.key().to_spki_der())
}

/// The log id of Rekor v2: the whole key hash of C2SP signed notes, of which checkpoints carry the first four bytes.
///
/// It is SHA-256 over the origin, a newline, the signature type and the key: 0x01 and 32 bytes for Ed25519, 0xff with
/// `PKIX-RSA-PKCS#1v1.5` and the SubjectPublicKeyInfo for RSA. For ECDSA it is SHA-256 of the SubjectPublicKeyInfo
/// alone, as in Rekor v1.
pub(crate) fn of_note(origin: &str, key: &LogKey) -> Digest {
    let mut hash = Sha256::new();
    hash.update(origin.as_bytes());
    hash.update(b"\n");
    match key.key() {
        PublicKey::Ed25519(key) => {
            hash.update([1]);
            hash.update(key.as_bytes());
        }
        PublicKey::Rsa(_) => {
            hash.update(RSA_MARK);
            hash.update(key.key().to_spki_der());
        }
        PublicKey::EcdsaP256(_) | PublicKey::EcdsaP384(_) => return Digest::of(&key.key().to_spki_der()),
    }
    Digest::from(<[u8; 32]>::from(hash.finalize()))
}

/// What the signature of a CT log in tiles is marked by under a checkpoint (C2SP static-ct-api): SHA-256 over the origin,
/// a newline, the signature type 0x05 and the log id.
pub fn of_static_ct(origin: &str, key: &LogKey) -> Digest {
    Digest::of(&[origin.as_bytes(), b"\n\x05", of_key(key).as_bytes()].concat())
}

/// The origin of a log at `url`: the URL without scheme and without slash at its end (C2SP tlog-checkpoint).
pub fn origin(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.trim_end_matches('/').into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::string::ToString;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn ids_are_those_that_sigstore_published() {
        let rekor = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwrkBbmLSGtks4L3qX6yYY0zufBnhC8Ur/iy55\
                     GhWP/9A/bY2LhC30M9+RYtw==";
        let rekor = LogKey::parse(&STANDARD.decode(rekor).unwrap()).unwrap();
        assert_eq!(STANDARD.encode(of_key(&rekor).as_bytes()), "wNI9atQGlz+VWfO6LRygH4QUfY/8W4RFwiT5i5WRgB0=");
        assert_eq!(of_note("rekor.sigstore.dev", &rekor), of_key(&rekor));
        let tiles =
            LogKey::parse(&STANDARD.decode("MCowBQYDK2VwAyEAt8rlp1knGwjfbcXAYPYAkn0XiLz1x8O4t0YkEhie244=").unwrap());
        let id = of_note(&origin("https://log2025-1.rekor.sigstore.dev"), &tiles.unwrap());
        assert_eq!(STANDARD.encode(id.as_bytes()), "zxGZFVvd0FEmjR8WrFwMdcAJ9vtaY/QXf44Y1wUeP6A=");
    }

    #[test]
    fn rsa_note_keys_are_marked() {
        let mut der = STANDARD.decode("MIIBCgKCAQEA").unwrap();
        der.extend([0xc1; 256]);
        der.extend([2, 3, 1, 0, 1]);
        let key = LogKey::parse(&der).unwrap();
        let marked = [b"log.example\n", RSA_MARK, key.raw()].concat();
        assert_eq!(of_note("log.example", &key), Digest::of(&marked));
        assert_eq!(key.details(), "PKIX_RSA_PKCS1V15_2048_SHA256");
        assert_eq!(origin("https://log.example/2026/"), "log.example/2026".to_string());
    }
}
