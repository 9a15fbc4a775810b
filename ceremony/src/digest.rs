//! SHA-256 of bytes.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use sha2::{Digest as _, Sha256};

/// How many words of eleven bits each are spoken: 132 bits.
pub(crate) const WORDS: usize = 12;

/// A SHA-256 digest (FIPS 180-4), shown as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first eight hex digits: enough to tell files apart, never enough to consent to.
    pub fn short(&self) -> String {
        self.to_string().chars().take(8).collect()
    }

    /// The first 132 bits as twelve words of the BIP-39 English list, whose words differ in their first four letters.
    pub fn words(&self) -> Vec<&'static str> {
        let list = bip39::Language::English.word_list();
        let bit = |i: usize| usize::from(self.0[i / 8] >> (7 - i % 8) & 1);
        (0..WORDS).map(|word| list[(0..11).fold(0, |value, i| value << 1 | bit(word * 11 + i))]).collect()
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 64];
        hex::encode_to_slice(self.0, &mut digits).expect("32 bytes are 64 digits");
        f.write_str(core::str::from_utf8(&digits).expect("digits are ASCII"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        parse(text).map(Self).ok_or_else(|| DigestError { text: text.escape_debug().to_string() })
    }
}

/// Without a branch for each digit: there are as many digests as target files.
fn parse(text: &str) -> Option<[u8; 32]> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => 0xff,
    };
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let values = digits.map(digit);
    let mut bytes = [0; 32];
    for (byte, [high, low]) in bytes.iter_mut().zip(values.as_chunks::<2>().0) {
        *byte = high << 4 | low;
    }
    values.iter().all(|value| *value < 16).then_some(bytes)
}

/// A text that is not a SHA-256 digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not 64 lower-case hex digits")]
pub struct DigestError {
    text: String,
}
