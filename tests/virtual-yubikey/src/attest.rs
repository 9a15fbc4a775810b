//! ATTEST: a certificate that says that a key was made on the card, signed with the key of slot `f9`.

use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};

use crate::apdu::Command;
use crate::applet::{Applet, Outcome};
use crate::authority::{Signed, positive_serial};
use crate::key::PrivateKey;
use crate::object::ATTESTATION_CERTIFICATE;
use crate::random;
use crate::slot::{Origin, Slot, SlotKey};
use crate::status::StatusWord;
use crate::tlv::{find, read};

impl Applet {
    /// ATTEST. Only a key that was generated is attested.
    pub(crate) fn attest(&self, command: &Command) -> Outcome {
        let slot = Slot::numbered(command.p1).filter(|slot| *slot != Slot::ATTESTATION && command.p2 == 0);
        let slot = slot.ok_or(StatusWord::PARAMETERS)?;
        let key = self.keys.get(&slot).filter(|key| key.origin == Origin::Generated).ok_or(StatusWord::DATA)?;
        let attestation_key = self.keys.get(&Slot::ATTESTATION).ok_or(StatusWord::DATA)?;
        let issuer = self.attestation_certificate()?;
        let certificate = self.statement(slot, key, &issuer, &attestation_key.private);
        Ok(certificate.ok_or(StatusWord::DATA)?)
    }

    /// The certificate of the attestation key, which its owner may have overwritten with anything.
    fn attestation_certificate(&self) -> Result<Certificate, StatusWord> {
        let object = self.objects.get(&ATTESTATION_CERTIFICATE).ok_or(StatusWord::DATA)?;
        let tlvs = read(object)?;
        let der = find(&tlvs, 0x70).ok_or(StatusWord::DATA)?;
        Certificate::from_der(der).map_err(|_| StatusWord::DATA)
    }

    /// What Yubico documents: a random serial number, the issuer's subject and dates, the slot in the subject, and
    /// firmware, serial number, policies and form factor in extensions.
    fn statement(&self, slot: Slot, key: &SlotKey, issuer: &Certificate, signer: &PrivateKey) -> Option<Vec<u8>> {
        let issuer = issuer.tbs_certificate();
        let profile = &self.profile;
        let mut extensions = vec![
            (3, profile.firmware.to_bytes().to_vec()),
            (7, profile.serial.to_der().ok()?),
            (8, vec![key.pin as u8, key.touch as u8]),
        ];
        if profile.firmware.has_serial() {
            extensions.push((9, vec![profile.form_factor_byte()]));
        }
        let statement = Signed {
            serial: positive_serial(&random::bytes::<16>()),
            issuer: issuer.subject().clone(),
            validity: *issuer.validity(),
            subject: format!("CN=YubiKey PIV Attestation {:02x}", slot.number()).parse().ok()?,
            key: key.private.public_info(),
            path_length: None,
            extensions,
        };
        statement.by(signer)
    }
}
