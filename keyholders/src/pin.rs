//! Secrets that a person types.

use std::ops::RangeInclusive;

use zeroize::Zeroizing;

/// A PIN or a passphrase.
///
/// It has no `Debug` and no `Display`, so that it reaches no message and no log, and it is wiped when it is dropped.
///
/// ```compile_fail,E0277
/// let pin = keyholders::Pin::new("123456".to_owned()).expect("it is a line of text");
/// println!("{pin:?}");
/// ```
#[derive(Clone)]
pub struct Pin(Zeroizing<String>);

impl Pin {
    /// The lengths of the PIN of a PIV card in bytes (NIST SP 800-73-4, part 2, section 2.4.3). The card would count one of
    /// another length as wrong.
    pub const PIV_LENGTH: RangeInclusive<usize> = 6..=8;

    /// Takes what a person typed at a prompt.
    ///
    /// # Errors
    /// If it is empty, has a control character, or is longer than 1,024 bytes.
    pub fn new(text: String) -> Result<Self, PinError> {
        let text = Zeroizing::new(text);
        if text.is_empty() {
            return Err(PinError::Empty);
        }
        if text.len() > LIMIT {
            return Err(PinError::TooLong { limit: LIMIT });
        }
        if text.chars().any(char::is_control) {
            return Err(PinError::Control);
        }
        Ok(Self(text))
    }

    /// Takes the bytes of a file that holds nothing but the secret, on one line with or without a line end.
    ///
    /// # Errors
    /// As [`new`](Self::new), and if the file is not UTF-8 or has a second line.
    pub fn from_file(bytes: Zeroizing<Vec<u8>>) -> Result<Self, PinError> {
        // The line end is within the limit of the file, not of the secret.
        if bytes.len() > LIMIT + 2 {
            return Err(PinError::TooLong { limit: LIMIT });
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| PinError::NotText)?;
        let line = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
        Self::new(line.to_owned())
    }

    /// The secret, for the device that asked for it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

const LIMIT: usize = 1024;

/// Why a text is no PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PinError {
    /// There is none.
    #[error("the PIN or passphrase is empty")]
    Empty,
    /// A control character, such as a second line.
    #[error("the PIN or passphrase has a control character or a second line")]
    Control,
    /// Not UTF-8.
    #[error("the PIN or passphrase is not UTF-8 text")]
    NotText,
    /// Far too long.
    #[error("the PIN or passphrase is longer than {limit} bytes")]
    TooLong {
        /// The most that is taken.
        limit: usize,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn file(bytes: &[u8]) -> Result<String, PinError> {
        Pin::from_file(Zeroizing::new(bytes.to_vec())).map(|pin| pin.expose().to_owned())
    }

    #[test]
    fn one_line_end_of_a_file_is_not_part_of_the_secret() {
        assert_eq!(file(b"123456").unwrap(), "123456");
        assert_eq!(file(b"123456\n").unwrap(), "123456");
        assert_eq!(file(b"123456\r\n").unwrap(), "123456");
        assert_eq!(file(b" correct horse \n").unwrap(), " correct horse ");
    }

    #[test]
    fn what_is_no_single_line_is_refused() {
        assert_eq!(file(b"").unwrap_err(), PinError::Empty);
        assert_eq!(file(b"\n").unwrap_err(), PinError::Empty);
        assert_eq!(file(b"1\n2\n").unwrap_err(), PinError::Control);
        assert_eq!(file(b"1\0").unwrap_err(), PinError::Control);
        assert_eq!(file(b"\xff").unwrap_err(), PinError::NotText);
        assert_eq!(file(&[b'x'; 1025]).unwrap_err(), PinError::TooLong { limit: 1024 });
        assert_eq!(file(&vec![b'x'; 1 << 20]).unwrap_err(), PinError::TooLong { limit: 1024 });
    }
}
