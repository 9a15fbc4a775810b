//! What a card says of a command.

use std::fmt;

/// The status word at the end of an answer (ISO/IEC 7816-4, section 5.6).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StatusWord(pub u16);

impl StatusWord {
    /// Done.
    pub const OK: Self = Self(0x9000);
    /// The lengths of a command do not add up, or are more than the card takes.
    pub const WRONG_LENGTH: Self = Self(0x6700);
    /// PIN, management key or touch is missing.
    pub const SECURITY_STATUS: Self = Self(0x6982);
    /// No tries are left.
    pub const BLOCKED: Self = Self(0x6983);
    /// The card is not in the state that the command needs.
    pub const CONDITIONS: Self = Self(0x6985);
    /// The data of the command is not what the card takes.
    pub const DATA: Self = Self(0x6a80);
    /// No such object, or no such application.
    pub const NOT_FOUND: Self = Self(0x6a82);
    /// No room.
    pub const NO_SPACE: Self = Self(0x6a84);
    /// No such key, PIN or PUK.
    pub const NO_REFERENCE: Self = Self(0x6a88);
    /// P1 or P2 is not what the card takes.
    pub const PARAMETERS: Self = Self(0x6b00);
    /// The card does not know the instruction.
    pub const INSTRUCTION: Self = Self(0x6d00);
    /// The card does not know the class.
    pub const CLASS: Self = Self(0x6e00);

    /// A PIN or PUK was wrong, or is asked for. The word has room for no more than 15 tries.
    pub fn tries(left: u8) -> Self {
        Self(0x63c0 | u16::from(left.min(15)))
    }

    /// There is more: `left` bytes, or 256 and more.
    pub(crate) fn more(left: usize) -> Self {
        Self(0x6100 | u16::from(u8::try_from(left).unwrap_or(0)))
    }
}

impl fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}", self.0)
    }
}

impl fmt::Display for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}", self.0)
    }
}
