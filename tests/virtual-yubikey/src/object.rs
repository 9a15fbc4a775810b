//! Data objects: GET DATA and PUT DATA (NIST SP 800-73-4, part 2, sections 3.1.2 and 3.3.1).

use crate::apdu::Command;
use crate::applet::{Applet, Outcome};
use crate::slot::Slot;
use crate::status::StatusWord;
use crate::tlv::{find, read, tlv};

impl Applet {
    /// GET DATA.
    pub(crate) fn get_data(&self, command: &Command) -> Outcome {
        if (command.p1, command.p2) != (0x3f, 0xff) {
            return Err(StatusWord::PARAMETERS)?;
        }
        let tlvs = read(&command.data)?;
        let tag = find(&tlvs, 0x5c).ok_or(StatusWord::DATA)?;
        if tag == [0x7e] {
            return Ok(DISCOVERY.to_vec());
        }
        let tag = object(tag)?;
        if BEHIND_PIN.contains(&tag) && !self.session.pin {
            return Err(StatusWord::SECURITY_STATUS)?;
        }
        let value = self.objects.get(&tag).ok_or(StatusWord::NOT_FOUND)?;
        Ok(tlv(0x53, value))
    }

    /// PUT DATA. An object without a value is no object.
    pub(crate) fn put_data(&mut self, command: &Command) -> Outcome {
        self.managed()?;
        if (command.p1, command.p2) != (0x3f, 0xff) {
            return Err(StatusWord::PARAMETERS)?;
        }
        let tlvs = read(&command.data)?;
        let tag = object(find(&tlvs, 0x5c).ok_or(StatusWord::DATA)?)?;
        match find(&tlvs, 0x53).ok_or(StatusWord::DATA)? {
            [] => drop(self.objects.remove(&tag)),
            value if value.len() > LARGEST => Err(StatusWord::NO_SPACE)?,
            value => drop(self.objects.insert(tag, value.to_vec())),
        }
        Ok(Vec::new())
    }
}

impl Applet {
    /// Keeps a certificate for a key (NIST SP 800-73-4, part 1, appendix A; Yubico's for slot `f9`).
    pub(crate) fn put_certificate(&mut self, slot: Slot, certificate: &[u8]) {
        let object = match slot.number() {
            0x9a => 0x5f_c105,
            0x9c => 0x5f_c10a,
            0x9d => 0x5f_c10b,
            0x9e => 0x5f_c101,
            0xf9 => ATTESTATION_CERTIFICATE,
            retired => 0x5f_c10d + u32::from(retired.saturating_sub(0x82)),
        };
        let value = [tlv(0x70, certificate), tlv(0x71, &[0]), tlv(0xfe, &[])].concat();
        self.objects.insert(object, value);
    }
}

/// The number of an object: `5f0000` to `5fffff`.
fn object(tag: &[u8]) -> Result<u32, StatusWord> {
    match tag {
        [0x5f, high, low] => Ok(u32::from_be_bytes([0, 0x5f, *high, *low])),
        _ => Err(StatusWord::NOT_FOUND),
    }
}

/// The certificate of the attestation key.
pub(crate) const ATTESTATION_CERTIFICATE: u32 = 0x5f_ff01;
/// Fingerprints, printed information (where a PIN-protected management key lies), facial image, iris images.
const BEHIND_PIN: [u32; 4] = [0x5f_c103, 0x5f_c109, 0x5f_c108, 0x5f_c121];
/// The most that an object has in it.
const LARGEST: usize = 3052;
/// The application, and that its PIN is the one of the application alone.
const DISCOVERY: [u8; 20] = [0x7e, 0x12, 0x4f, 0x0b, 0xa0, 0, 0, 3, 8, 0, 0, 0x10, 0, 1, 0, 0x5f, 0x2f, 0x02, 0x40, 0];
