//! Proof that a keyholder has the key that they enroll.

use std::fmt;
use std::str::FromStr;

use ceremony::PublicKey;
use ceremony::key::BadSignature;

use crate::ask::Ask;
use crate::device::{Device, DeviceError};
use crate::name::Name;

/// A signature over trust root, name, key and the coordinator's nonce, made when the key was enrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Possession {
    /// The coordinator's nonce.
    pub nonce: Nonce,
    /// The signature, as the device gave it.
    pub signature: Vec<u8>,
}

impl Possession {
    /// Signs the proof with the key that it is about.
    ///
    /// # Errors
    /// As [`Device::sign`].
    pub fn prove(
        device: &mut dyn Device,
        trust_root: &str,
        name: &Name,
        nonce: Nonce,
        ask: &mut dyn Ask,
    ) -> Result<Self, DeviceError> {
        let message = message(device.public_key(), trust_root, name, &nonce);
        let signature = device.sign(&message, ask)?;
        Ok(Self { nonce, signature })
    }

    /// Verifies that `key` made this proof as `name` for `trust_root`. Whether the nonce is the one that the
    /// coordinator gave is for the caller to compare.
    ///
    /// # Errors
    /// If it did not.
    pub fn verify(&self, key: &PublicKey, trust_root: &str, name: &Name) -> Result<(), BadSignature> {
        key.verify(&message(key, trust_root, name, &self.nonce), &self.signature)
    }
}

/// The bytes that a proof of possession signs.
///
/// They can never be metadata, whose canonical form starts with `{`. The last three lines have fixed forms without a
/// line end in them, so that no two sets of values give the same bytes, whatever the trust root is called.
pub fn message(key: &PublicKey, trust_root: &str, name: &Name, nonce: &Nonce) -> Vec<u8> {
    let fingerprint = key.fingerprint();
    format!("trustroot possession v1\n{trust_root}\n{name}\n{fingerprint}\n{nonce}\n").into_bytes()
}

/// Bytes that nobody could know before the coordinator gave them out: 16 to 64 of them, shown in hex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(Vec<u8>);

impl Nonce {
    /// 16 random bytes of the operating system's.
    ///
    /// # Errors
    /// If the operating system has none.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = vec![0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl FromStr for Nonce {
    type Err = NonceError;

    fn from_str(text: &str) -> Result<Self, NonceError> {
        let lower = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match hex::decode(text) {
            Ok(bytes) if lower && (16..=64).contains(&bytes.len()) => Ok(Self(bytes)),
            _ => Err(NonceError { length: text.len() }),
        }
    }
}

/// A text that is no nonce.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a nonce is 32 to 128 lower-case hex digits, and this text of {length} bytes is not")]
pub struct NonceError {
    length: usize,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ceremony::Algorithm;

    use super::*;
    use crate::ask::Nobody;
    use crate::file::FileKey;

    #[test]
    fn a_proof_holds_for_one_key_name_root_and_nonce() {
        let mut key = FileKey::generate(Algorithm::EcdsaP256, "a").unwrap();
        let other = FileKey::generate(Algorithm::EcdsaP256, "b").unwrap();
        let (alice, bob) = (Name::new("alice").unwrap(), Name::new("bob").unwrap());
        let nonce = Nonce::random().unwrap();
        let proof = Possession::prove(&mut key, "r1", &alice, nonce, &mut Nobody).unwrap();
        let public = key.public_key();
        assert_eq!(proof.verify(public, "r1", &alice), Ok(()));
        assert_eq!(proof.verify(public, "r2", &alice), Err(BadSignature));
        assert_eq!(proof.verify(public, "r1", &bob), Err(BadSignature));
        assert_eq!(proof.verify(other.public_key(), "r1", &alice), Err(BadSignature));
        let fresh = Possession { nonce: Nonce::random().unwrap(), ..proof };
        assert_eq!(fresh.verify(public, "r1", &alice), Err(BadSignature));
    }

    #[test]
    fn the_message_is_no_metadata() {
        let key = FileKey::generate(Algorithm::Ed25519, "a").unwrap();
        let nonce: Nonce = "00112233445566778899aabbccddeeff".parse().unwrap();
        let message = message(key.public_key(), "{\"signed\":{}}", &Name::new("alice").unwrap(), &nonce);
        assert!(ceremony::Json::parse(&message).is_err());
        assert_ne!(message.first(), Some(&b'{'));
        let text = String::from_utf8(message).unwrap();
        assert!(text.ends_with("\n00112233445566778899aabbccddeeff\n"), "{text}");
    }

    #[test]
    fn nonces_are_long_enough_and_written_in_one_way() {
        for bad in ["", "00", "00112233445566778899AABBCCDDEEFF", "0011223344556677", &"0".repeat(130), &"0".repeat(33)]
        {
            assert!(bad.parse::<Nonce>().is_err(), "{bad}");
        }
        assert!("0".repeat(128).parse::<Nonce>().is_ok());
    }
}
