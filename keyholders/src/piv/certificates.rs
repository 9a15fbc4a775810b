//! The certificates of a YubiKey: those that lie in it, and those that it makes to prove its keys.

use ceremony::{Certificate, CertificateError};
use yubikey::{YubiKey, piv};

use super::call::CallError;
use super::card::{Card, slot_id};
use super::worker::ANSWER;
use crate::device::DeviceError;
use crate::slot::Slot;

impl Card {
    /// The certificate with which the card says that it made the key in `slot` itself, and the card's own certificate
    /// (slot `f9`), which signed it. Both are what the card says: what they prove is for
    /// [`attest`](crate::attestation::attest) to judge. None if the key was imported.
    ///
    /// # Errors
    /// If the card is gone, has no certificate of its own, or does not answer as a YubiKey does; if it says elsewhere
    /// that it made the key, and does not prove it.
    pub fn attestation(&self, slot: Slot) -> Result<Option<(Certificate, Certificate)>, DeviceError> {
        let Some(key) = self.attest(slot)? else { return Ok(None) };
        match self.certificate_in(ATTESTATION)? {
            Some(Ok(device)) => Ok(Some((key, device))),
            Some(Err(_)) => Err(self.malformed(GET_DATA)),
            None => Err(self.unsupported("has no certificate of its own (slot f9), and so proves nothing of its keys")),
        }
    }

    /// None where the slot is empty or its key was imported: cards do not tell these apart.
    pub(super) fn attest(&self, slot: Slot) -> Result<Option<Certificate>, DeviceError> {
        let id = slot_id(slot);
        match self.try_call(ANSWER, move |card| piv::attest(card, id)) {
            Ok(certificate) => Ok(Some(Certificate::from_der(&certificate).map_err(|_| self.malformed(ATTEST))?)),
            Err(CallError::Card(yubikey::Error::NotSupported)) => Ok(None),
            // A card that was just pulled says the same.
            Err(error @ CallError::Card(yubikey::Error::GenericError)) if self.tells() => {
                match self.described(slot)?.and_then(|content| content.generated) {
                    Some(true) => Err(error.of(self.label(), ATTEST)),
                    _ => Ok(None),
                }
            }
            Err(CallError::Card(yubikey::Error::GenericError)) => Ok(None),
            Err(error) => Err(error.of(self.label(), ATTEST)),
        }
    }

    /// The certificate that somebody put beside the key in `slot`, if it is one.
    pub(super) fn stored_certificate(
        &self,
        slot: Slot,
    ) -> Result<Option<Result<Certificate, CertificateError>>, DeviceError> {
        self.certificate_in(object(slot))
    }

    /// None if the object is not there. What the card does not say is an error: a place is not empty because a card was
    /// pulled meanwhile.
    fn certificate_in(&self, object: u32) -> Result<Option<Result<Certificate, CertificateError>>, DeviceError> {
        let read = move |card: &mut YubiKey| card.fetch_object(object);
        match self.try_call(ANSWER, read) {
            Ok(content) if content.is_empty() => Ok(None),
            Ok(content) => Ok(Some(Certificate::from_der(certificate(&content)))),
            Err(CallError::Card(yubikey::Error::NotFound)) => Ok(None),
            Err(error) => Err(error.of(self.label(), GET_DATA)),
        }
    }
}

/// The object with the certificate of a slot (NIST SP 800-73-4, part 1, table 3).
fn object(slot: Slot) -> u32 {
    match slot.number() {
        0x9a => 0x5f_c105,
        0x9c => 0x5f_c10a,
        0x9d => 0x5f_c10b,
        0x9e => 0x5f_c101,
        retired => 0x5f_c10d + u32::from(retired) - 0x82,
    }
}

/// The value of the first tag, `70`, of an object with a certificate; nothing if there is none.
fn certificate(object: &[u8]) -> &[u8] {
    let (length, rest) = match object {
        [0x70, 0x82, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        [0x70, 0x81, length, rest @ ..] | [0x70, length @ ..=0x7f, rest @ ..] => (usize::from(*length), rest),
        _ => (0, &[][..]),
    };
    rest.get(..length).unwrap_or_default()
}

/// The object with the certificate of the key that attests.
const ATTESTATION: u32 = 0x5f_ff01;
const ATTEST: &str = "ATTEST";
const GET_DATA: &str = "GET DATA";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_found_in_its_object() {
        for (found, object) in [
            (&b"abc"[..], &b"\x70\x03abc\x71\x01\x00\xfe\x00"[..]),
            (b"abc", b"\x70\x81\x03abc"),
            (b"abc", b"\x70\x82\x00\x03abc\x71\x01\x00"),
            (b"", b"\x70\x04abc"),
            (b"", b"\x70\x84\x00\x00\x00\x03abc"),
            (b"", b"\x71\x01\x00"),
            (b"", b"\x70"),
            (b"", b""),
        ] {
            assert_eq!(certificate(object), found, "{object:02x?}");
        }
    }

    #[test]
    fn every_slot_has_its_own_object() {
        let mut objects: Vec<_> = Slot::all().map(object).collect();
        assert_eq!((objects.len(), objects.iter().max()), (24, Some(&0x5f_c120)));
        objects.sort_unstable();
        objects.dedup();
        assert_eq!(objects.len(), 24);
    }
}
