//! What a YubiKey says of a key, in the certificate that it answers to ATTEST.

use ceremony::{Certificate, Firmware, FormFactor, PinPolicy, TouchPolicy};
use pkcs8::der::Decode as _;

use crate::slot::Slot;
use crate::text::escaped;

/// Yubico's extensions (*PIV attestation*). Their values are raw bytes, but for the serial number, which is DER.
const FIRMWARE: &str = "1.3.6.1.4.1.41482.3.3";
const SERIAL: &str = "1.3.6.1.4.1.41482.3.7";
const POLICIES: &str = "1.3.6.1.4.1.41482.3.8";
const FORM_FACTOR: &str = "1.3.6.1.4.1.41482.3.9";
/// On the device certificate: the vendor says that the device is FIPS certified.
const FIPS: &str = "1.3.6.1.4.1.41482.3.10";
/// On the device certificate: the vendor says that the device is CSPN certified.
pub(super) const CSPN: &str = "1.3.6.1.4.1.41482.3.11";

/// Set in the form factor of devices of the FIPS series.
const FIPS_BIT: u8 = 0x80;

/// The subject of every attestation is this and the slot, in hex.
const SUBJECT: &str = "YubiKey PIV Attestation ";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) serial: u32,
    pub(super) firmware: Firmware,
    pub(super) form_factor: Option<FormFactor>,
    pub(super) pin_policy: PinPolicy,
    pub(super) touch_policy: TouchPolicy,
    pub(super) slot: Slot,
    pub(super) fips: bool,
}

impl Statement {
    /// Reads what `key` says, and what `device` adds. Both have verified.
    pub(super) fn of(key: &Certificate, device: &Certificate) -> Result<Self, StatementError> {
        let firmware = firmware(key)?.ok_or(StatementError::Missing { what: "firmware", oid: FIRMWARE })?;
        if let Some(other) = self::firmware(device)?.filter(|other| *other != firmware) {
            return Err(StatementError::TwoFirmwares { key: firmware, device: other });
        }
        let serial = key.extension(SERIAL).ok_or(StatementError::Missing { what: "serial number", oid: SERIAL })?.1;
        let serial = u32::from_der(serial).map_err(|_| malformed("serial number", SERIAL, serial))?;
        let policies = key.extension(POLICIES).ok_or(StatementError::Missing { what: "policies", oid: POLICIES })?.1;
        let [pin, touch] = *policies else { return Err(malformed("policies", POLICIES, policies)) };
        let unknown = |what, byte| StatementError::Unknown { what, byte };
        let (form_factor, fips) = match key.extension(FORM_FACTOR) {
            None => (None, false),
            Some((_, &[byte])) => {
                let form = FormFactor::from_byte(byte & !FIPS_BIT).ok_or_else(|| unknown("form factor", byte))?;
                (Some(form), byte & FIPS_BIT != 0)
            }
            Some((_, value)) => return Err(malformed("form factor", FORM_FACTOR, value)),
        };
        Ok(Self {
            serial,
            firmware,
            form_factor,
            pin_policy: PinPolicy::from_byte(pin).ok_or_else(|| unknown("PIN policy", pin))?,
            touch_policy: TouchPolicy::from_byte(touch).ok_or_else(|| unknown("touch policy", touch))?,
            slot: slot(key)?,
            fips: fips || device.extension(FIPS).is_some(),
        })
    }
}

/// Why a certificate is not what a YubiKey answers to ATTEST. All texts in it are escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// An extension is absent.
    #[error("the certificate of the key does not say the {what} of the device (extension {oid})")]
    Missing {
        /// What it would say.
        what: &'static str,
        /// The extension.
        oid: &'static str,
    },
    /// An extension has another form.
    #[error("extension {oid}, which should say the {what}, is malformed: {found}")]
    Malformed {
        /// What it should say.
        what: &'static str,
        /// The extension.
        oid: &'static str,
        /// Its value in hex, or how it begins.
        found: String,
    },
    /// A value that no known device has.
    #[error("the {what} {byte:#04x} is unknown")]
    Unknown {
        /// What it should say.
        what: &'static str,
        /// Its value.
        byte: u8,
    },
    /// The subject is another.
    #[error("the subject of the key's certificate is {found}, and not \"{SUBJECT}\" and a slot")]
    Subject {
        /// What it is.
        found: String,
    },
    /// Key and device certificate contradict each other. A YubiKey is never updated.
    #[error("the certificate of the key says firmware {key}, and that of the device {device}")]
    TwoFirmwares {
        /// What the device says.
        key: Firmware,
        /// What its vendor says.
        device: Firmware,
    },
}

fn firmware(certificate: &Certificate) -> Result<Option<Firmware>, StatementError> {
    match certificate.extension(FIRMWARE) {
        None => Ok(None),
        Some((_, &[major, minor, patch])) => Ok(Some(Firmware(major, minor, patch))),
        Some((_, value)) => Err(malformed("firmware", FIRMWARE, value)),
    }
}

fn slot(key: &Certificate) -> Result<Slot, StatementError> {
    let slot = match key.common_names() {
        [name] => name.strip_prefix(SUBJECT).and_then(|digits| {
            let slot = Slot::of_number(u8::from_str_radix(digits, 16).ok()?)?;
            (slot.to_string() == digits).then_some(slot)
        }),
        _ => None,
    };
    slot.ok_or_else(|| StatementError::Subject { found: escaped(key.subject()) })
}

fn malformed(what: &'static str, oid: &'static str, value: &[u8]) -> StatementError {
    let shown = value.get(..16).unwrap_or(value);
    let more = if shown.len() < value.len() { "..." } else { "" };
    StatementError::Malformed { what, oid, found: format!("{}{more}", hex::encode(shown)) }
}
