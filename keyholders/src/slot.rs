//! Slots of a PIV card.

use std::fmt;
use std::str::FromStr;

/// A slot of a PIV card that holds a key pair (NIST SP 800-73-4, part 1, section 4.3): `9a`, `9c`, `9d`, `9e`, or one of
/// the twenty for retired keys, `82` to `95`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u8);

impl Slot {
    /// `9c`, for digital signatures: where a key is unless somebody says otherwise.
    pub const SIGNATURE: Self = Self(0x9c);

    /// All slots, those that people use first.
    pub fn all() -> impl Iterator<Item = Self> {
        [0x9c, 0x9a, 0x9d, 0x9e].into_iter().chain(0x82..=0x95).map(Self)
    }

    /// The slot that commands to the card name by this number; none if it keeps no key of the card holder.
    pub(crate) fn of_number(number: u8) -> Option<Self> {
        Self::all().find(|slot| slot.0 == number)
    }

    /// The number that commands to the card name it by.
    pub fn number(self) -> u8 {
        self.0
    }

    /// What the slot is for, in words.
    pub fn purpose(self) -> &'static str {
        match self.0 {
            0x9a => "authentication",
            0x9c => "digital signatures",
            0x9d => "key management",
            0x9e => "card authentication",
            _ => "retired keys",
        }
    }
}

impl Default for Slot {
    fn default() -> Self {
        Self::SIGNATURE
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}", self.0)
    }
}

impl FromStr for Slot {
    type Err = SlotError;

    fn from_str(text: &str) -> Result<Self, SlotError> {
        // The text of a slot is two lower-case digits: it must be written in one way, as all of a record.
        let found = Self::all().find(|slot| slot.to_string() == text);
        found.ok_or_else(|| SlotError { text: text.escape_debug().to_string() })
    }
}

/// A text that names no slot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is no slot for a key: it is 9a, 9c, 9d, 9e, or one of 82 to 95")]
pub struct SlotError {
    text: String,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn slots_are_written_in_one_way() {
        assert_eq!(Slot::all().count(), 24);
        for slot in Slot::all() {
            assert_eq!(slot.to_string().parse::<Slot>().unwrap(), slot);
            assert_eq!(Slot::of_number(slot.number()), Some(slot));
        }
        for bad in ["", "9b", "f9", "81", "96", "9C", "09c", "0x9c", " 9c", "9c\u{1b}[2J"] {
            let error = bad.parse::<Slot>().unwrap_err().to_string();
            assert!(!error.contains('\u{1b}'), "{error}");
        }
    }
}
