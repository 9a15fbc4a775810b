//! The signed tree head of a CT log.

use alloc::vec::Vec;

#[cfg(test)]
use base64::Engine as _;
#[cfg(test)]
use base64::engine::general_purpose::STANDARD;

use super::instance::{EntryError, raw_bytes};
use super::log_id;
use super::log_key::LogKey;
use super::note::{Checkpoint, NoteError, SignedNote};
use crate::json::{Json, JsonError};
use crate::key::Algorithm;
use crate::time::Time;

/// The state of a CT log at one moment, as `get-sth` answers it (RFC 6962, section 4.3), or as a log in tiles writes it
/// under its checkpoint (C2SP static-ct-api).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeHead {
    /// How many certificates the log has.
    pub size: u64,
    /// When, in milliseconds after 1970-01-01T00:00:00Z.
    pub timestamp: u64,
    root_hash: [u8; 32],
    signature: Vec<u8>,
}

impl TreeHead {
    /// Reads an answer to `get-sth` or a checkpoint, and checks that the log with this key signed it (section 3.5).
    ///
    /// # Errors
    /// If it is neither, or of another log.
    pub fn verify(bytes: &[u8], key: &LogKey) -> Result<Self, TreeHeadError> {
        if let Ok(note) = SignedNote::parse(bytes) {
            return Self::of_checkpoint(&note, key);
        }
        let json = Json::parse(bytes)?;
        let number = |member| json.get(member).and_then(Json::as_u64).ok_or(EntryError::Absent { member });
        let root_hash = raw_bytes(json.get("sha256_root_hash"), "sha256_root_hash")?;
        let head = Self {
            size: number("tree_size")?,
            timestamp: number("timestamp")?,
            root_hash: root_hash.try_into().map_err(|_| TreeHeadError::RootHash)?,
            signature: raw_bytes(json.get("tree_head_signature"), "tree_head_signature")?,
        };
        head.check(key)?;
        Ok(head)
    }

    /// In a note the signature begins with the timestamp.
    fn of_checkpoint(note: &SignedNote, key: &LogKey) -> Result<Self, TreeHeadError> {
        let Checkpoint { origin, size, root_hash } = note.checkpoint()?;
        let root_hash: [u8; 32] = root_hash.try_into().map_err(|_| TreeHeadError::RootHash)?;
        let hash = log_id::of_static_ct(&origin, key);
        let heads = note.signatures(&origin, hash.as_bytes()).filter_map(|signature| {
            let (timestamp, signature) = signature.split_first_chunk()?;
            Some(Self { size, timestamp: u64::from_be_bytes(*timestamp), root_hash, signature: signature.to_vec() })
        });
        let mut signed = heads.filter(|head| head.check(key).is_ok());
        signed.next().ok_or(TreeHeadError::Signature)
    }

    /// Whether the log with this key signed it.
    fn check(&self, key: &LogKey) -> Result<(), TreeHeadError> {
        // `DigitallySigned` of TLS 1.2 (RFC 5246, section 4.7): two bytes of algorithm, a length, the signature.
        let (algorithm, rest) = self.signature.split_at_checked(2).ok_or(TreeHeadError::Signature)?;
        let (length, signature) = rest.split_at_checked(2).ok_or(TreeHeadError::Signature)?;
        let wanted: &[u8] = match key.key().algorithm() {
            Algorithm::EcdsaP256 => &[4, 3],
            Algorithm::Rsa => &[4, 1],
            // Section 2.1.4 has no other.
            _ => return Err(TreeHeadError::Signature),
        };
        let length = usize::from(u16::from_be_bytes(length.try_into().map_err(|_| TreeHeadError::Signature)?));
        if algorithm != wanted || length != signature.len() {
            return Err(TreeHeadError::Signature);
        }
        key.verify(&self.signed(), signature).map_err(|_| TreeHeadError::Signature)
    }

    /// When, in whole seconds, rounded up; none if it is later than any time that can be written.
    pub fn at(&self) -> Option<Time> {
        Time::from_unix(i64::try_from(self.timestamp.div_ceil(1000)).ok()?)
    }

    /// `TreeHeadSignature`: version, type, timestamp, size, hash.
    fn signed(&self) -> Vec<u8> {
        let head: &[u8] = &[0, 1];
        [head, &self.timestamp.to_be_bytes(), &self.size.to_be_bytes(), &self.root_hash].concat()
    }
}

/// Why a tree head proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeHeadError {
    /// A member is missing.
    #[error("the tree head is not that of a CT log: {0}")]
    Member(#[from] EntryError),
    /// It is not JSON.
    #[error("the tree head is not JSON: {0}")]
    Json(#[from] JsonError),
    /// The note is no checkpoint.
    #[error("the note is no state of a log: {0}")]
    Note(#[from] NoteError),
    /// The root hash is not one.
    #[error("the root hash of the tree head does not have 32 bytes")]
    RootHash,
    /// The key did not sign it.
    #[error("the signature under the tree head is not of this key")]
    Signature,
}

/// What a log with this key would answer; for tests and rehearsals that have no log.
#[cfg(test)]
pub(super) fn answer(size: u64, timestamp: u64, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let head = TreeHead { size, timestamp, root_hash: [7; 32], signature: Vec::new() };
    let signature = sign(&head.signed());
    let length = u16::try_from(signature.len()).unwrap_or_default().to_be_bytes();
    let signature = STANDARD.encode([&[4, 3][..], &length, &signature].concat());
    let hash = STANDARD.encode(head.root_hash);
    alloc::format!(
        r#"{{"tree_size":{size},"timestamp":{timestamp},"sha256_root_hash":"{hash}","tree_head_signature":"{signature}"}}"#
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::string::String;

    use p256::ecdsa::DerSignature;
    use p256::ecdsa::signature::Signer as _;

    use super::*;
    use crate::key::PublicKey;
    use crate::key::tests::signing_key;

    fn key(seed: u8) -> LogKey {
        LogKey::author(PublicKey::EcdsaP256(*signing_key(seed).verifying_key())).unwrap()
    }

    fn head() -> Vec<u8> {
        answer(5, 1_700_000_000_000, |signed| {
            let signature: DerSignature = signing_key(1).sign(signed);
            signature.as_bytes().to_vec()
        })
    }

    /// What a log in tiles with this key and origin answers.
    fn checkpoint(seed: u8, origin: &str) -> String {
        let json = Json::parse(&head()).unwrap();
        let text = |member| json.get(member).unwrap().as_str().unwrap();
        let signature = STANDARD.decode(text("tree_head_signature")).unwrap();
        let hint = log_id::of_static_ct(origin, &key(seed)).as_bytes()[..4].to_vec();
        let line = STANDARD.encode([&hint, &1_700_000_000_000_u64.to_be_bytes()[..], &signature].concat());
        alloc::format!("{origin}\n5\n{}\n\n\u{2014} {origin} {line}\n", text("sha256_root_hash"))
    }

    #[test]
    fn a_log_in_tiles_proves_its_key_by_its_checkpoint() {
        let good = checkpoint(1, "ct.example/2027");
        let read = TreeHead::verify(good.as_bytes(), &key(1)).unwrap();
        assert_eq!(read, TreeHead::verify(&head(), &key(1)).unwrap());
        assert_eq!(read.at(), "2023-11-14T22:13:20Z".parse().ok());
        let refused = [
            (good.replace("\n5\n", "\n6\n"), key(1)),
            (good.replace("ct.example/2027\n", "ct.example/2028\n"), key(1)),
            (good.clone(), key(2)),
            // The hint is that of the second key, the signature of the first.
            (checkpoint(2, "ct.example/2027"), key(2)),
        ];
        for (text, key) in refused {
            assert_eq!(TreeHead::verify(text.as_bytes(), &key), Err(TreeHeadError::Signature), "{text}");
        }
        let none = good.replace("\n5\n", "\n-\n");
        assert!(matches!(TreeHead::verify(none.as_bytes(), &key(1)), Err(TreeHeadError::Note(_))));
        for end in (0..good.len()).filter(|end| good.is_char_boundary(*end)) {
            assert!(TreeHead::verify(&good.as_bytes()[..end], &key(1)).is_err() || end + 1 == good.len(), "{end}");
        }
    }

    #[test]
    fn only_the_log_itself_proves_its_key() {
        assert_eq!(TreeHead::verify(&head(), &key(1)).unwrap().size, 5);
        assert_eq!(TreeHead::verify(&head(), &key(2)), Err(TreeHeadError::Signature));
        let text = String::from_utf8(head()).unwrap();
        let other = text.replace("\"tree_size\":5", "\"tree_size\":6");
        assert_eq!(TreeHead::verify(other.as_bytes(), &key(1)), Err(TreeHeadError::Signature));
        for (from, to) in [("\"tree_head_signature\":\"", "\"tree_head_signature\":\"AAAA"), ("tree_size", "size")] {
            assert!(TreeHead::verify(text.replace(from, to).as_bytes(), &key(1)).is_err());
        }
        assert!(TreeHead::verify(b"{}", &key(1)).is_err() && TreeHead::verify(b"", &key(1)).is_err());
    }
}
