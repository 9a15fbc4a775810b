//! PIN and PUK: VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER (NIST SP 800-73-4, part 2, section 3.2) and Yubico's
//! SET PIN RETRIES.

use crate::apdu::Command;
use crate::applet::{Applet, Outcome};
use crate::profile::Firmware;
use crate::status::StatusWord;
use crate::tlv::tlv;

/// A PIN or PUK, and how often it may still be guessed.
pub(crate) struct Reference {
    value: [u8; 8],
    factory: [u8; 8],
    limit: u8,
    left: u8,
}

impl Reference {
    /// The PIN of a new card: 123456, three tries.
    pub(crate) fn pin() -> Self {
        Self::new(*b"123456\xff\xff")
    }

    /// The PUK of a new card: 12345678, three tries.
    pub(crate) fn puk() -> Self {
        Self::new(*b"12345678")
    }

    fn new(value: [u8; 8]) -> Self {
        Self { value, factory: value, limit: 3, left: 3 }
    }

    /// How many tries are left.
    pub(crate) fn left(&self) -> u8 {
        self.left
    }

    /// Spends a try, and gets all of them back if it was right.
    fn check(&mut self, candidate: [u8; 8]) -> Result<(), StatusWord> {
        self.left = self.left.checked_sub(1).ok_or(StatusWord::BLOCKED)?;
        if candidate != self.value {
            return Err(StatusWord::tries(self.left));
        }
        self.left = self.limit;
        Ok(())
    }

    fn set(&mut self, value: [u8; 8]) {
        self.value = value;
        self.left = self.limit;
    }

    fn restart(&mut self, limit: u8) {
        *self = Self { limit, left: limit, ..Self::new(self.factory) };
    }

    fn metadata(&self) -> Vec<u8> {
        let default = u8::from(self.value == self.factory);
        [tlv(0x01, &[0xff]), tlv(0x05, &[default]), tlv(0x06, &[self.limit, self.left])].concat()
    }
}

impl Applet {
    /// VERIFY. Without data it says how many tries are left, or that none is needed; with P1 `ff` it takes the
    /// verification back.
    pub(crate) fn verify(&mut self, command: &Command) -> Outcome {
        match (command.p1, command.p2, &command.data[..]) {
            (0xff, PIN, []) => {
                self.session.pin = false;
                Ok(Vec::new())
            }
            (0, PIN, []) if self.session.pin => Ok(Vec::new()),
            (0, PIN, []) if self.pin.left == 0 => Err(StatusWord::BLOCKED)?,
            (0, PIN, []) => Err(StatusWord::tries(self.pin.left))?,
            (0, PIN, data) => {
                let pin = <[u8; 8]>::try_from(data).map_err(|_| StatusWord::DATA)?;
                self.session.pin = false;
                self.pin.check(pin)?;
                self.session.pin = true;
                self.session.fresh = true;
                Ok(Vec::new())
            }
            _ => Err(StatusWord::NO_REFERENCE)?,
        }
    }

    /// CHANGE REFERENCE DATA: the PIN or the PUK, by itself.
    pub(crate) fn change_reference(&mut self, command: &Command) -> Outcome {
        let (old, new) = two(&command.data)?;
        let firmware = self.profile.firmware;
        let reference = match (command.p1, command.p2) {
            (0, PIN) => &mut self.pin,
            (0, PUK) => &mut self.puk,
            _ => Err(StatusWord::NO_REFERENCE)?,
        };
        if let Err(status) = reference.check(old) {
            self.session.pin &= command.p2 != PIN;
            return Err(status)?;
        }
        acceptable(new, command.p2, firmware)?;
        reference.set(new);
        Ok(Vec::new())
    }

    /// RESET RETRY COUNTER: a new PIN, by the PUK.
    pub(crate) fn reset_retry(&mut self, command: &Command) -> Outcome {
        let (puk, new) = two(&command.data)?;
        if (command.p1, command.p2) != (0, PIN) {
            return Err(StatusWord::NO_REFERENCE)?;
        }
        self.puk.check(puk)?;
        acceptable(new, PIN, self.profile.firmware)?;
        self.pin.set(new);
        Ok(Vec::new())
    }

    /// SET PIN RETRIES: other limits, and PIN and PUK as they were in the factory.
    pub(crate) fn set_retries(&mut self, command: &Command) -> Outcome {
        if !self.session.management || !self.session.pin {
            return Err(StatusWord::SECURITY_STATUS)?;
        }
        if command.p1 == 0 || command.p2 == 0 {
            return Err(StatusWord::PARAMETERS)?;
        }
        self.pin.restart(command.p1);
        self.puk.restart(command.p2);
        Ok(Vec::new())
    }

    /// What GET METADATA says of the PIN or the PUK.
    pub(crate) fn reference_metadata(&self, key: u8) -> Option<Vec<u8>> {
        match key {
            PIN => Some(self.pin.metadata()),
            PUK => Some(self.puk.metadata()),
            _ => None,
        }
    }
}

/// Two references of eight bytes each.
fn two(data: &[u8]) -> Result<([u8; 8], [u8; 8]), StatusWord> {
    let pair = <[u8; 16]>::try_from(data).map_err(|_| StatusWord::DATA)?;
    let half = |from: usize| std::array::from_fn(|i| pair[from + i]);
    Ok((half(0), half(8)))
}

/// Whether a card takes this for a new PIN or PUK: six to eight characters, then padding. A PUK may be any bytes before
/// firmware 5.7.
fn acceptable(new: [u8; 8], key: u8, firmware: Firmware) -> Result<(), StatusWord> {
    let length = new.iter().position(|byte| *byte == 0xff).unwrap_or(new.len());
    let (text, padding) = new.split_at(length);
    let any = key == PUK && !firmware.is_5_7();
    let fits = length >= 6 && padding.iter().all(|byte| *byte == 0xff) && text.is_ascii();
    if any || fits { Ok(()) } else { Err(StatusWord::CONDITIONS) }
}

/// The PIN as a key reference.
const PIN: u8 = 0x80;
/// The PUK as a key reference.
const PUK: u8 = 0x81;
