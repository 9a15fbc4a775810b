//! The digest that people compare and consent to.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::digest::{Digest, WORDS};

/// The fewest hex digits that consent may be given with: 128 bits.
const HEX_DIGITS: usize = 32;

/// The digest of everything in a ceremony directory that a signature stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProposalDigest(Digest);

impl ProposalDigest {
    /// SHA-256 over `trustroot proposal v1`, the trust-root id, and a line `SHA256  PATH` for each file of `inputs/`,
    /// `base/` and `staged/`, sorted by path, each line with its newline. Any changed byte of any input changes it.
    pub fn of(trust_root_id: &str, files: &BTreeMap<String, Digest>) -> Self {
        let mut text = String::from("trustroot proposal v1\n");
        text.push_str(trust_root_id);
        text.push('\n');
        let covered = |path: &str| ["inputs/", "base/", "staged/"].iter().any(|folder| path.starts_with(folder));
        for (path, digest) in files.iter().filter(|(path, _)| covered(path)) {
            text.push_str(&alloc::format!("{digest}  {path}\n"));
        }
        Self(Digest::of(text.as_bytes()))
    }

    /// Its twelve words: see [`Digest::words`].
    pub fn words(&self) -> Vec<&'static str> {
        self.0.words()
    }

    /// Whether `heard` is this digest, given as the twelve words (four letters of each suffice) or as at least 32 of
    /// its hex digits, with any spaces, commas and hyphens between.
    ///
    /// # Errors
    /// If it is neither form, with what is wrong.
    pub fn is(&self, heard: &str) -> Result<bool, HeardError> {
        let lower = heard.to_lowercase();
        let parts: Vec<&str> =
            lower.split(|c: char| c.is_whitespace() || ",-:.;".contains(c)).filter(|part| !part.is_empty()).collect();
        let joined: String = parts.concat();
        if joined.len() >= HEX_DIGITS && joined.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(joined.len() <= 64 && self.0.to_string().starts_with(&joined));
        }
        if parts.len() != WORDS {
            return Err(HeardError::Length { words: parts.len() });
        }
        let list = bip39::Language::English.word_list();
        let mut same = true;
        for (place, (part, word)) in (1..).zip(parts.iter().zip(self.words())) {
            let known = list.iter().find(|word| *word == part || (part.len() >= 4 && word.starts_with(part)));
            let known = known.ok_or_else(|| HeardError::NoWord { word: shown(part), place })?;
            same &= *known == word;
        }
        Ok(same)
    }
}

impl fmt::Display for ProposalDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The beginning of a word, escaped.
fn shown(word: &str) -> String {
    word.chars().take(32).flat_map(char::escape_debug).collect()
}

/// Why a text is not a digest at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeardError {
    /// Too few or too many words, and not hex.
    #[error("neither twelve words nor 32 or more hex digits; words given: {words}")]
    Length {
        /// How many parts there are.
        words: usize,
    },
    /// A word that is not in the list.
    #[error("\"{word}\" is not a word of the list; ask for word {place} again")]
    NoWord {
        /// The first 32 characters of the word, escaped.
        word: String,
        /// Which one it is, from 1.
        place: usize,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn digest(changed: u8) -> ProposalDigest {
        let files = [("base/1.root.json", 1), ("inputs/policy.toml", changed), ("signatures/root/a.json", 9)];
        let files = files.into_iter().map(|(path, seed)| (path.to_string(), Digest::of(&[seed]))).collect();
        ProposalDigest::of("0123456789abcdef", &files)
    }

    #[test]
    fn any_changed_input_changes_the_words() {
        assert_ne!(digest(1).words(), digest(2).words());
        assert_eq!(digest(1).words().len(), 12);
    }

    #[test]
    fn is_heard_as_words_or_hex() {
        let digest = digest(1);
        let words = digest.words().join(" ");
        assert_eq!(digest.is(&words), Ok(true));
        assert_eq!(digest.is(&words.to_uppercase().replace(' ', " - ")), Ok(true));
        let short: Vec<String> = digest.words().iter().map(|word| word.chars().take(4).collect()).collect();
        assert_eq!(digest.is(&short.join(" ")), Ok(true));
        let hex = digest.to_string();
        assert_eq!(digest.is(&hex), Ok(true));
        assert_eq!(digest.is(&hex[..32]), Ok(true));
        assert_eq!(digest.is(&hex[..31]), Err(HeardError::Length { words: 1 }));
        assert_eq!(digest.is(&"0".repeat(64)), Ok(false));
        assert_eq!(digest.is(&super::tests::digest(2).words().join(" ")), Ok(false));
        let misheard = words.replacen(digest.words()[0], "trustroot", 1);
        assert_eq!(digest.is(&misheard), Err(HeardError::NoWord { word: "trustroot".to_string(), place: 1 }));
        let hostile = words.replacen(digest.words()[11], &"\u{1b}[2J".repeat(20), 1);
        let said = digest.is(&hostile).unwrap_err().to_string();
        assert!(said.contains(r"\u{1b}[2j") && said.contains("word 12") && said.len() < 300, "{said}");
    }
}
