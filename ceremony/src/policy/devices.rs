//! What the policy asks of the devices of people.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

use super::PolicyError;
use crate::device::{Firmware, FormFactor, PinPolicy, TouchPolicy};
use crate::digest::Digest;

/// What devices are good enough to keep the key of a person. The keys of robots are measured by nothing here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DevicePolicy {
    /// Whether keys in files may sign as keyholders.
    pub file_keys: bool,
    /// Whether each key must be proven to be made in hardware, by an attestation that leads to an anchor.
    pub attested: bool,
    /// The oldest firmware.
    pub firmware_at_least: Option<Firmware>,
    /// The weakest PIN policy.
    pub pin_policy: Option<PinPolicy>,
    /// The weakest touch policy.
    pub touch_policy: Option<TouchPolicy>,
    /// The shapes that are good enough; any if there are none.
    pub form_factors: Vec<FormFactor>,
    /// Whether the keys of one person must be in distinct devices.
    pub distinct_devices: bool,
    /// SHA-256 of certificates that attestations may lead to, besides the vendor's own. The certificate itself is among
    /// the evidence.
    pub anchors: Vec<Digest>,
}

impl DevicePolicy {
    /// Whether it asks anything that only an attestation can show.
    pub fn wants_evidence(&self) -> bool {
        self.attested
            || self.firmware_at_least.is_some()
            || self.pin_policy.is_some()
            || self.touch_policy.is_some()
            || !self.form_factors.is_empty()
    }
}

/// `[devices]`, as TOML.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WireDevices {
    #[serde(default)]
    file_keys: bool,
    #[serde(default)]
    attested: bool,
    firmware_at_least: Option<String>,
    pin_policy: Option<String>,
    touch_policy: Option<String>,
    #[serde(default)]
    form_factors: Vec<String>,
    #[serde(default)]
    distinct_devices: bool,
    #[serde(default)]
    anchors: Vec<String>,
}

impl WireDevices {
    pub(super) fn policy(self) -> Result<DevicePolicy, PolicyError> {
        fn read<T>(field: &str, text: &str) -> Result<T, PolicyError>
        where
            T: core::str::FromStr<Err: core::fmt::Display>,
        {
            text.parse().map_err(|error: T::Err| PolicyError::Devices { problem: format!("{field}: {error}") })
        }
        Ok(DevicePolicy {
            file_keys: self.file_keys,
            attested: self.attested,
            firmware_at_least: self.firmware_at_least.map(|text| read("firmware-at-least", &text)).transpose()?,
            pin_policy: self.pin_policy.map(|text| read("pin-policy", &text)).transpose()?,
            touch_policy: self.touch_policy.map(|text| read("touch-policy", &text)).transpose()?,
            form_factors: self.form_factors.iter().map(|text| read("form-factors", text)).collect::<Result<_, _>>()?,
            distinct_devices: self.distinct_devices,
            anchors: self.anchors.iter().map(|text| read("anchors", text)).collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::string::ToString as _;

    use super::*;

    fn read(text: &str) -> Result<DevicePolicy, String> {
        let wire: WireDevices = toml::from_str(text).map_err(|error| error.to_string())?;
        wire.policy().map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_asked_of_devices_is_read() {
        assert_eq!(read("").unwrap(), DevicePolicy::default());
        assert!(!read("file-keys = true").unwrap().wants_evidence());
        let digest = "ab".repeat(32);
        let policy = read(&format!(
            "attested = true\nfirmware-at-least = '5.7.0'\npin-policy = 'once'\ntouch-policy = 'cached'\n\
             form-factors = ['usb-a-nano', 'usb-c-nano']\nanchors = ['{digest}']"
        ));
        let policy = policy.unwrap();
        assert!(policy.attested && policy.wants_evidence());
        assert_eq!(policy.firmware_at_least, Some(Firmware(5, 7, 0)));
        assert_eq!((policy.pin_policy, policy.touch_policy), (Some(PinPolicy::Once), Some(TouchPolicy::Cached)));
        assert_eq!(policy.form_factors, [FormFactor::UsbANano, FormFactor::UsbCNano]);
        assert_eq!(policy.anchors[0].to_string(), digest);
    }

    #[test]
    fn what_cannot_be_asked_is_named() {
        for (text, named) in [
            ("firmware-at-least = '5.7'", "firmware-at-least: \"5.7\" is not a firmware version"),
            ("pin-policy = 'often'", "pin-policy: \"often\" is not a PIN policy"),
            ("touch-policy = 'once'", "touch-policy: \"once\""),
            ("form-factors = ['usb']", "form-factors: \"usb\""),
            ("anchors = ['abcd']", "anchors: "),
            ("pins = 1", "unknown field `pins`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }
}
