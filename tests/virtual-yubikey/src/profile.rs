//! Which YubiKey a card is.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The version of a YubiKey's firmware: what the card can do follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Firmware(pub u8, pub u8, pub u8);

impl Firmware {
    /// A YubiKey 4: no metadata, no serial number by PIV, no form factor in attestations.
    pub const V4_4_5: Self = Self(4, 4, 5);
    /// A YubiKey 5 with metadata, whose management key is Triple DES unless changed.
    pub const V5_4_3: Self = Self(5, 4, 3);
    /// A YubiKey 5 with Ed25519, keys that move, and AES-192 for the management key.
    pub const V5_7_4: Self = Self(5, 7, 4);

    /// GET SERIAL, and the form factor in attestations.
    pub(crate) fn has_serial(self) -> bool {
        self >= Self(5, 0, 0)
    }

    /// GET METADATA.
    pub(crate) fn has_metadata(self) -> bool {
        self >= Self(5, 3, 0)
    }

    /// Management keys for AES.
    pub(crate) fn has_aes(self) -> bool {
        self >= Self(5, 4, 0)
    }

    /// What came with 5.7: Ed25519, MOVE KEY, and AES-192 for the management key from the start.
    pub(crate) fn is_5_7(self) -> bool {
        self >= Self(5, 7, 0)
    }

    /// The YubiKey 4 FIPS, whose private keys always want a PIN.
    pub(crate) fn wants_pins(self) -> bool {
        Self(4, 4, 0) <= self && self < Self(4, 5, 0)
    }

    /// The version as a card tells it.
    pub(crate) fn to_bytes(self) -> [u8; 3] {
        [self.0, self.1, self.2]
    }
}

impl fmt::Display for Firmware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl FromStr for Firmware {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let no_version = || format!("{text} is no version like 5.7.4");
        let parts: Result<Vec<u8>, _> = text.split('.').map(str::parse).collect();
        match parts.map_err(|_| no_version())?[..] {
            [major, minor, patch] => Ok(Self(major, minor, patch)),
            _ => Err(no_version()),
        }
    }
}

/// What is fixed about a card when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    pub(crate) firmware: Firmware,
    pub(crate) serial: u32,
    pub(crate) form_factor: u8,
    pub(crate) fips: bool,
    pub(crate) touch_timeout: Duration,
}

impl Profile {
    /// A YubiKey with the serial number 12345678 on a USB-A keychain, which waits 15 seconds for a touch.
    pub fn new(firmware: Firmware) -> Self {
        let touch_timeout = Duration::from_secs(15);
        Self { firmware, serial: 12_345_678, form_factor: 1, fips: false, touch_timeout }
    }

    /// The same with another serial number.
    pub fn serial(self, serial: u32) -> Self {
        Self { serial, ..self }
    }

    /// The same with another form factor, as attestations and the management application have it: 1 to 5.
    pub fn form_factor(self, form_factor: u8) -> Self {
        Self { form_factor, ..self }
    }

    /// The same as a FIPS device: in the form factor, and in the certificate of the attestation key.
    pub fn fips(self) -> Self {
        Self { fips: true, ..self }
    }

    /// The same with another patience for touches.
    pub fn touch_timeout(self, touch_timeout: Duration) -> Self {
        Self { touch_timeout, ..self }
    }

    /// The form factor with the bit of FIPS devices.
    pub(crate) fn form_factor_byte(&self) -> u8 {
        self.form_factor | if self.fips { 0x80 } else { 0 }
    }

    /// The answer to reset of a YubiKey 4 or 5 on USB.
    pub(crate) fn answer_to_reset(&self) -> &'static [u8] {
        if self.firmware < Firmware(5, 0, 0) { &YUBIKEY_4 } else { &YUBIKEY_5 }
    }
}

const YUBIKEY_4: [u8; 18] =
    [0x3b, 0xf8, 0x13, 0, 0, 0x81, 0x31, 0xfe, 0x15, b'Y', b'u', b'b', b'i', b'k', b'e', b'y', b'4', 0xd4];
const YUBIKEY_5: [u8; 23] = [
    0x3b, 0xfd, 0x13, 0, 0, 0x81, 0x31, 0xfe, 0x15, 0x80, 0x73, 0xc0, 0x21, 0xc0, 0x57, b'Y', b'u', b'b', b'i', b'K',
    b'e', b'y', 0x40,
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn versions_are_read_and_ordered() {
        assert_eq!("5.7.4".parse(), Ok(Firmware::V5_7_4));
        assert_eq!(Firmware::V4_4_5.to_string(), "4.4.5");
        assert!(Firmware::V5_4_3 < Firmware::V5_7_4);
        for text in ["", "5", "5.7", "5.7.4.1", "5.7.x", "5.7.256"] {
            assert!(text.parse::<Firmware>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_answer_to_reset_ends_with_its_checksum() {
        for firmware in [Firmware::V4_4_5, Firmware::V5_7_4] {
            let atr = Profile::new(firmware).answer_to_reset();
            assert_eq!(atr[1..].iter().fold(0, |sum, byte| sum ^ byte), 0);
        }
    }
}
