//! What was said to a card, and what it answered.

use std::fmt;

use crate::status::StatusWord;

/// One command as it came over the wire, and its answer. Data is not kept, lest PINs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggedApdu {
    /// The instruction.
    pub instruction: u8,
    /// The first parameter.
    pub p1: u8,
    /// The second parameter.
    pub p2: u8,
    /// How many bytes of data the command had.
    pub length: usize,
    /// The status word of the answer; nothing if the card was pulled before it answered.
    pub status: Option<StatusWord>,
    /// How many bytes the answer had before its status word.
    pub answered: usize,
}

impl fmt::Display for LoggedApdu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { instruction, p1, p2, length, status, answered } = self;
        write!(f, "{instruction:02x} {p1:02x} {p2:02x} ({length} bytes): ")?;
        match status {
            Some(status) => write!(f, "{status} ({answered} bytes)"),
            None => f.write_str("pulled"),
        }
    }
}
