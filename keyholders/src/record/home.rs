//! Where a key lives.

use crate::claims::Claims;
use crate::device::DeviceKind;
use crate::slot::Slot;
use crate::uri::Uri;

/// Where a key lives, and what names it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Home {
    /// Somewhere that this program does not reach: an adopted key, a cloud service.
    External,
    /// In a file.
    File,
    /// On a PKCS#11 token.
    Pkcs11 {
        /// The name of the key on its token.
        uri: Uri,
        /// What the token claimed when the key was enrolled. Never verified.
        claimed: Option<Box<Claims>>,
    },
    /// In a slot of a YubiKey. What proves it is the evidence beside the record, if there is any.
    Yubikey {
        /// The serial number of the YubiKey.
        serial: u32,
        /// The slot.
        slot: Slot,
    },
}

impl Home {
    /// The kind of it.
    pub fn kind(&self) -> DeviceKind {
        match self {
            Self::External => DeviceKind::External,
            Self::File => DeviceKind::File,
            Self::Pkcs11 { .. } => DeviceKind::Pkcs11,
            Self::Yubikey { .. } => DeviceKind::Yubikey,
        }
    }

    /// The name of the key, where it is on a PKCS#11 token.
    pub fn uri(&self) -> Option<&Uri> {
        match self {
            Self::Pkcs11 { uri, .. } => Some(uri),
            _ => None,
        }
    }

    /// Whether both are on one device, as far as what names them tells.
    ///
    /// Serial numbers of tokens are unique per maker and model; what one of two names leaves out decides nothing. A
    /// YubiKey is one device whether it is reached as itself or through a PKCS#11 module, whose token then has its serial
    /// number.
    pub fn same_device(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pkcs11 { uri: a, .. }, Self::Pkcs11 { uri: b, .. }) => a.same_token(b),
            (Self::Yubikey { serial: a, .. }, Self::Yubikey { serial: b, .. }) => a == b,
            (Self::Yubikey { serial, .. }, Self::Pkcs11 { uri, .. })
            | (Self::Pkcs11 { uri, .. }, Self::Yubikey { serial, .. }) => {
                let number = uri.serial.as_deref().and_then(|text| text.trim_start_matches('0').parse().ok());
                let made_by = |maker: &String| maker.to_ascii_lowercase().starts_with("yubico");
                number == Some(*serial) && uri.manufacturer.as_ref().is_none_or(made_by)
            }
            _ => false,
        }
    }

    /// Whether both may be one place on one device.
    pub(crate) fn same_place(&self, other: &Self) -> bool {
        self.same_device(other)
            && match (self, other) {
                (Self::Pkcs11 { uri: a, .. }, Self::Pkcs11 { uri: b, .. }) => a.same_key(b),
                (Self::Yubikey { slot: a, .. }, Self::Yubikey { slot: b, .. }) => a == b,
                // A module names slots in its own way.
                _ => false,
            }
    }
}

impl std::fmt::Display for Home {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::External => f.write_str("a place that this program does not reach"),
            Self::File => f.write_str("a file"),
            Self::Pkcs11 { uri, .. } => write!(f, "{uri}"),
            Self::Yubikey { serial, slot } => write!(f, "slot {slot} of the YubiKey {serial}"),
        }
    }
}
