//! Signed notes, and the checkpoints that logs write as such.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::log_id;
use super::log_key::LogKey;

/// A note with signatures below it (C2SP signed-note).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedNote {
    /// What is signed, with the newline at its end.
    body: String,
    signatures: Vec<NoteSignature>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct NoteSignature {
    name: String,
    /// The first bytes of the hash of the key.
    hint: [u8; 4],
    signature: Vec<u8>,
}

impl SignedNote {
    /// Reads a note: text, an empty line, and lines `— NAME BASE64`.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        let text = core::str::from_utf8(bytes).map_err(|_| NoteError::Malformed { what: "UTF-8" })?;
        let (body, signatures) = text.rsplit_once("\n\n").ok_or(NoteError::Malformed { what: "an empty line" })?;
        let signatures = signatures.strip_suffix('\n').unwrap_or(signatures).lines();
        let signatures = signatures.map(NoteSignature::parse).collect::<Option<Vec<_>>>();
        let signatures = signatures.filter(|signatures| !signatures.is_empty());
        let signatures = signatures.ok_or(NoteError::Malformed { what: "signature lines like \"— NAME BASE64\"" })?;
        Ok(Self { body: [body, "\n"].concat(), signatures })
    }

    /// The signatures under `name` whose hint is the beginning of `hash`, as they stand in the note.
    pub(super) fn signatures<'a>(&'a self, name: &'a str, hash: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let named = self.signatures.iter().filter(move |line| line.name == name && hash.starts_with(&line.hint));
        named.map(|line| line.signature.as_slice())
    }

    /// The state of a log that the note is about. Nothing is verified.
    pub(super) fn checkpoint(&self) -> Result<Checkpoint, NoteError> {
        Checkpoint::read(&self.body)
    }

    /// Whether `key` signed it under `name`. The hint of the line must be the beginning of `hash`.
    ///
    /// # Errors
    /// If no line has that name and hash, or none of those verifies.
    pub fn verify(&self, name: &str, hash: &[u8], key: &LogKey) -> Result<(), NoteError> {
        let mut found = false;
        for signature in self.signatures(name, hash) {
            found = true;
            if key.verify(self.body.as_bytes(), signature).is_ok() {
                return Ok(());
            }
        }
        if found {
            return Err(NoteError::Signature { name: name.escape_debug().to_string() });
        }
        let signers = self
            .signatures
            .iter()
            .map(|line| alloc::format!("{} with key hash {}", line.name.escape_debug(), hex::encode(line.hint)));
        Err(NoteError::OtherSigner {
            wanted: name.escape_debug().to_string(),
            hash: hex::encode(hash.get(..4).unwrap_or(hash)),
            signers: signers.collect::<Vec<_>>().join(", "),
        })
    }
}

impl NoteSignature {
    fn parse(line: &str) -> Option<Self> {
        let (name, base64) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        let bytes = STANDARD.decode(base64).ok()?;
        let (hint, signature) = bytes.split_at_checked(4)?;
        Some(Self { name: name.to_owned(), hint: hint.try_into().ok()?, signature: signature.to_vec() })
    }
}

/// The state of a log, as it signs it (C2SP tlog-checkpoint).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The first line, which names the log.
    pub origin: String,
    /// How many entries the log has.
    pub size: u64,
    /// The hash at the root of its tree.
    pub root_hash: Vec<u8>,
}

impl Checkpoint {
    /// Reads a checkpoint that the log at `url` signed with `key`, and checks that it did: signature, key hash, and
    /// origin. Rekor v1 adds a number to its origin: `rekor.sigstore.dev - 2605736670972794746`.
    ///
    /// `id` is the log id that the trusted root has or gets; the key hash of the signature must begin it.
    ///
    /// # Errors
    /// If it is no checkpoint, or of another log.
    pub fn verify(bytes: &[u8], url: &str, id: &[u8], key: &LogKey) -> Result<Self, NoteError> {
        let note = SignedNote::parse(bytes)?;
        let checkpoint = note.checkpoint()?;
        let origin = log_id::origin(url);
        let of_v1 = checkpoint.origin.strip_prefix(&origin).and_then(|rest| rest.strip_prefix(" - "));
        let of_v1 = of_v1.is_some_and(|tree| !tree.is_empty() && tree.bytes().all(|b| b.is_ascii_digit()));
        if checkpoint.origin != origin && !of_v1 {
            let found = checkpoint.origin.escape_debug().to_string();
            return Err(NoteError::Origin { found, wanted: origin.escape_debug().to_string() });
        }
        note.verify(&origin, id, key)?;
        Ok(checkpoint)
    }

    fn read(body: &str) -> Result<Self, NoteError> {
        let malformed = |what| NoteError::Malformed { what };
        let mut lines = body.lines();
        let origin = lines.next().filter(|origin| !origin.is_empty()).ok_or(malformed("an origin"))?;
        let size = lines.next().and_then(|size| size.parse().ok()).ok_or(malformed("a tree size"))?;
        let hash = lines.next().and_then(|hash| STANDARD.decode(hash).ok()).filter(|hash| hash.len() == 32);
        Ok(Self { origin: origin.to_owned(), size, root_hash: hash.ok_or(malformed("a root hash of 32 bytes"))? })
    }
}

/// Why a checkpoint proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// It is no note, or no checkpoint.
    #[error("the checkpoint has not {what}")]
    Malformed {
        /// What it lacks.
        what: &'static str,
    },
    /// It is the checkpoint of another log.
    #[error("the checkpoint is of the log \"{found}\", not of \"{wanted}\"")]
    Origin {
        /// The origin that it names, escaped.
        found: String,
        /// The origin that belongs to the URL.
        wanted: String,
    },
    /// Another key signed it.
    #[error("the checkpoint is not signed by {wanted} with key hash {hash}, but by {signers}")]
    OtherSigner {
        /// Whose signature was looked for.
        wanted: String,
        /// Four bytes in hex.
        hash: String,
        /// Whose signatures there are, escaped.
        signers: String,
    },
    /// The signature is not made by the key over this checkpoint.
    #[error("the signature of {name} under the checkpoint does not verify")]
    Signature {
        /// Whose signature, escaped.
        name: String,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// From a bundle of Sigstore's conformance tests.
    const V1: &str = "rekor.sigstore.dev - 2605736670972794746\n75408393\nFnnj13Uu1jdksPc4HZLapKX329dVlD5+MGNsiqBq1XM=\n\n\u{2014} \
                      rekor.sigstore.dev wNI9ajBFAiBTyiBM9WtyOTgohje6QZ5rFGJUdMq7Wk3A6oThE98SUgIhAMvxDwa7FyqRqg+YV3rdPPr\
                      fS23w19iK+piMSGVOmP5w\n";
    const V1_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwrkBbmLSGtks4L3qX6yYY0zufBnhC8Ur\
                          /iy55GhWP/9A/bY2LhC30M9+RYtw==";
    const V2: &str = "log2025-alpha1.rekor.sigstage.dev\n736\nrs1YPY0ydAV0lxgfrq5pE4oRpUJwo3syeps5+eGUTDI=\n\n\u{2014} \
                      log2025-alpha1.rekor.sigstage.dev 8w1amdbj1mjNN674dHAkD92+QZoEgBC7o0mXYSTRluDjQrOPjrps3zQB9ut+Sh\
                      LepyZPsWBDi5IB3yXyjgjQT6OG9A8=\n";
    const V2_KEY: &str = "MCowBQYDK2VwAyEAPn+AREHoBaZ7wgS1zBqpxmLSGnyhxXj4lFxSdWVB8o8=";

    fn key(base64: &str) -> LogKey {
        LogKey::parse(&STANDARD.decode(base64).unwrap()).unwrap()
    }

    fn v1(text: &str, url: &str) -> Result<Checkpoint, NoteError> {
        let key = key(V1_KEY);
        Checkpoint::verify(text.as_bytes(), url, log_id::of_key(&key).as_bytes(), &key)
    }

    #[test]
    fn checkpoints_of_both_rekors_verify() {
        let (rekor, tiles) = (v1(V1, "https://rekor.sigstore.dev").unwrap(), key(V2_KEY));
        assert_eq!((rekor.size, rekor.origin.as_str()), (75_408_393, "rekor.sigstore.dev - 2605736670972794746"));
        let url = "https://log2025-alpha1.rekor.sigstage.dev";
        let id = log_id::of_note(&log_id::origin(url), &tiles);
        assert_eq!(Checkpoint::verify(V2.as_bytes(), url, id.as_bytes(), &tiles).unwrap().size, 736);
        // The SPKI hash, which staging published once (sigstore/root-signing-staging 90c6633).
        let wrong = log_id::of_key(&tiles);
        let error = Checkpoint::verify(V2.as_bytes(), url, wrong.as_bytes(), &tiles).unwrap_err();
        assert!(matches!(error, NoteError::OtherSigner { .. }), "{error}");
    }

    #[test]
    fn a_checkpoint_of_something_else_proves_nothing() {
        let url = "https://rekor.sigstore.dev";
        assert!(matches!(v1(V1, "https://rekor.example").unwrap_err(), NoteError::Origin { .. }));
        let other = V1.replace("75408393", "75408394");
        let error = v1(&other, url).unwrap_err().to_string();
        assert_eq!(error, "the signature of rekor.sigstore.dev under the checkpoint does not verify");
        assert!(v1(&V1.replace("2605736670972794746", "x"), url).is_err());
        let tiles = key(V2_KEY);
        let id = log_id::of_key(&key(V1_KEY));
        assert!(Checkpoint::verify(V1.as_bytes(), url, id.as_bytes(), &tiles).is_err());
    }

    #[test]
    fn garbage_is_refused_without_panic() {
        for end in (0..V1.len()).filter(|end| V1.is_char_boundary(*end)) {
            assert!(v1(&V1[..end], "https://rekor.sigstore.dev").is_err() || end + 1 == V1.len(), "{end}");
        }
        assert!(SignedNote::parse(b"\n\n\xe2\x80\x94 a AA==\n").is_err());
        assert!(SignedNote::parse(b"\xff").is_err());
    }
}
