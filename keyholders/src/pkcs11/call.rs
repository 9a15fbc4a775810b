//! Answers of modules, as errors of devices.

use cryptoki::error::{Error, RvError};

use crate::device::DeviceError;
use crate::text::escaped;

/// What an error of the module means for the device that `device` names.
pub(super) fn failed(device: &str, error: Error) -> DeviceError {
    let device = device.to_owned();
    match error {
        Error::Pkcs11(
            RvError::DeviceRemoved
            | RvError::SessionClosed
            | RvError::SessionHandleInvalid
            | RvError::SlotIdInvalid
            | RvError::TokenNotPresent
            | RvError::TokenNotRecognized,
            _,
        ) => DeviceError::Gone { device },
        Error::Pkcs11(RvError::PinExpired, _) => DeviceError::PinNotReady { device, state: "has expired" },
        Error::Pkcs11(RvError::PinLocked, _) => DeviceError::Locked { device },
        Error::Pkcs11(RvError::TokenWriteProtected, _) => {
            DeviceError::Unsupported { device, reason: "is write-protected".into() }
        }
        Error::Pkcs11(RvError::UserPinNotInitialized, _) => DeviceError::PinNotReady { device, state: "is not set" },
        Error::Pkcs11(value, function) => {
            DeviceError::Call { device, call: format!("C_{function}"), reason: format!("{value:?}") }
        }
        other => DeviceError::Call { device, call: "the module".into(), reason: escaped(&other.to_string()) },
    }
}
