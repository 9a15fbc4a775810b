//! Keys in their slots: GENERATE ASYMMETRIC KEY PAIR, GENERAL AUTHENTICATE (NIST SP 800-73-4, part 2, sections 3.2.4 and
//! 3.3.2) and Yubico's IMPORT, METADATA, MOVE.

use crate::apdu::Command;
use crate::applet::{Applet, Outcome};
use crate::key::{Algorithm, PrivateKey};
use crate::policy::{PinPolicy, TouchPolicy};
use crate::profile::Firmware;
use crate::status::StatusWord;
use crate::tlv::{find, read, tlv};

/// A place for a key: `9a`, `9c`, `9d`, `9e`, the retired `82` to `95`, and `f9` for attestations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u8);

impl Slot {
    /// PIV authentication.
    pub const AUTHENTICATION: Self = Self(0x9a);
    /// Digital signature.
    pub const SIGNATURE: Self = Self(0x9c);
    /// What the card signs attestations with.
    pub const ATTESTATION: Self = Self(0xf9);

    /// The slot of this number.
    pub fn numbered(number: u8) -> Option<Self> {
        matches!(number, 0x9a | 0x9c..=0x9e | 0x82..=0x95 | 0xf9).then_some(Self(number))
    }

    /// The number.
    pub fn number(self) -> u8 {
        self.0
    }

    fn pin_policy(self) -> PinPolicy {
        match self.0 {
            0x9c => PinPolicy::Always,
            0x9e => PinPolicy::Never,
            _ => PinPolicy::Once,
        }
    }
}

/// A key with what it wants before it is used.
pub(crate) struct SlotKey {
    pub(crate) private: PrivateKey,
    pub(crate) pin: PinPolicy,
    pub(crate) touch: TouchPolicy,
    pub(crate) origin: Origin,
}

impl SlotKey {
    fn metadata(&self) -> Vec<u8> {
        let algorithm = tlv(0x01, &[self.private.algorithm() as u8]);
        let policy = tlv(0x02, &[self.pin as u8, self.touch as u8]);
        [algorithm, policy, tlv(0x03, &[self.origin as u8]), tlv(0x04, &self.private.public())].concat()
    }
}

/// Where a key was made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Generated = 1,
    Imported = 2,
}

impl Applet {
    /// GENERATE ASYMMETRIC KEY PAIR.
    pub(crate) fn generate(&mut self, command: &Command) -> Outcome {
        self.managed()?;
        let slot = wanted(command.p1 == 0, command.p2)?;
        let outer = read(&command.data)?;
        let template = read(find(&outer, 0xac).ok_or(StatusWord::DATA)?)?;
        let Some([number]) = find(&template, 0x80) else { return Err(StatusWord::DATA)? };
        let algorithm = Algorithm::numbered(*number, self.profile.firmware).ok_or(StatusWord::DATA)?;
        let (pin, touch) = policies(&template, slot, self.profile.firmware)?;
        let private = PrivateKey::generate(algorithm);
        let public = tlv(0x7f49, &private.public());
        self.keys.insert(slot, SlotKey { private, pin, touch, origin: Origin::Generated });
        Ok(public)
    }

    /// IMPORT ASYMMETRIC KEY.
    pub(crate) fn import(&mut self, command: &Command) -> Outcome {
        self.managed()?;
        let slot = wanted(true, command.p2)?;
        let algorithm = Algorithm::numbered(command.p1, self.profile.firmware).ok_or(StatusWord::DATA)?;
        let parts = read(&command.data)?;
        let (pin, touch) = policies(&parts, slot, self.profile.firmware)?;
        let private = PrivateKey::import(algorithm, &parts)?;
        self.keys.insert(slot, SlotKey { private, pin, touch, origin: Origin::Imported });
        Ok(Vec::new())
    }

    /// GENERAL AUTHENTICATE with the key of a slot: the PIN first, then the touch, then the operation. `fresh` says that
    /// the command before this one verified the PIN.
    pub(crate) fn use_key(&mut self, command: &Command, fresh: bool) -> Outcome {
        let slot = wanted(command.p2 != Slot::ATTESTATION.0, command.p2)?;
        let key = self.keys.get(&slot).ok_or(StatusWord::DATA)?;
        if command.p1 != key.private.algorithm() as u8 {
            return Err(StatusWord::DATA)?;
        }
        let outer = read(&command.data)?;
        let template = read(find(&outer, 0x7c).ok_or(StatusWord::DATA)?)?;
        let (Some([]), Some(input)) = (find(&template, 0x82), find(&template, 0x81)) else {
            return Err(StatusWord::DATA)?;
        };
        let verified = match key.pin {
            PinPolicy::Never => true,
            PinPolicy::Once => self.session.pin,
            PinPolicy::Always => fresh,
        };
        if !verified {
            return Err(StatusWord::SECURITY_STATUS)?;
        }
        self.touched(key.touch)?;
        let result = key.private.operate(input)?;
        Ok(tlv(0x7c, &tlv(0x82, &result)))
    }

    /// GET METADATA.
    pub(crate) fn metadata(&self, command: &Command) -> Outcome {
        if !self.profile.firmware.has_metadata() {
            return Err(StatusWord::INSTRUCTION)?;
        }
        let found = match command.p2 {
            _ if command.p1 != 0 => Err(StatusWord::PARAMETERS)?,
            0x9b => Some(self.management.metadata()),
            number => self.reference_metadata(number).or_else(|| Some(self.keys.get(&Slot(number))?.metadata())),
        };
        Ok(found.ok_or(StatusWord::NO_REFERENCE)?)
    }

    /// MOVE KEY, and DELETE KEY, which is a move to nowhere.
    pub(crate) fn move_key(&mut self, command: &Command) -> Outcome {
        if !self.profile.firmware.is_5_7() {
            return Err(StatusWord::INSTRUCTION)?;
        }
        self.managed()?;
        let from = wanted(true, command.p2)?;
        if command.p1 == NOWHERE {
            self.keys.remove(&from).ok_or(StatusWord::NO_REFERENCE)?;
            return Ok(Vec::new());
        }
        let to = wanted(from != Slot::ATTESTATION && command.p1 != Slot::ATTESTATION.0, command.p1)?;
        if self.keys.contains_key(&to) {
            return Err(StatusWord::DATA)?;
        }
        let key = self.keys.remove(&from).ok_or(StatusWord::NO_REFERENCE)?;
        self.keys.insert(to, key);
        Ok(Vec::new())
    }
}

/// The slot that a command names, if the rest of its parameters is right.
fn wanted(right: bool, number: u8) -> Result<Slot, StatusWord> {
    Slot::numbered(number).filter(|_| right).ok_or(StatusWord::PARAMETERS)
}

/// The policies of a new key: as asked for, or those of its slot.
fn policies(template: &[(u8, &[u8])], slot: Slot, firmware: Firmware) -> Result<(PinPolicy, TouchPolicy), StatusWord> {
    let pin = match find(template, 0xaa) {
        None | Some([0]) => slot.pin_policy(),
        Some([number]) => PinPolicy::numbered(*number).ok_or(StatusWord::DATA)?,
        Some(_) => return Err(StatusWord::DATA),
    };
    let touch = match find(template, 0xab) {
        None | Some([0]) => TouchPolicy::Never,
        Some([number]) => TouchPolicy::numbered(*number).ok_or(StatusWord::DATA)?,
        Some(_) => return Err(StatusWord::DATA),
    };
    if pin == PinPolicy::Never && firmware.wants_pins() && slot.pin_policy() != PinPolicy::Never {
        return Err(StatusWord::DATA);
    }
    Ok((pin, touch))
}

/// Where deleted keys move to.
const NOWHERE: u8 = 0xff;
