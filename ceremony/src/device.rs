//! What is known of a device that keeps a key, in the words of its vendor.

use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

/// The firmware of a YubiKey: major, minor, patch. A later one is greater.
///
/// It is written `5.7.4`, and read in that form alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Firmware(pub u8, pub u8, pub u8);

impl Firmware {
    /// Whether it describes what is in its slots, and which secrets were never changed: since 5.3.
    pub fn tells(self) -> bool {
        self >= Self(5, 3, 0)
    }
}

impl fmt::Display for Firmware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl FromStr for Firmware {
    type Err = DeviceWordError;

    fn from_str(text: &str) -> Result<Self, DeviceWordError> {
        let mut parts = text.split('.').map(|part| part.parse::<u8>().ok());
        let firmware = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Some(major)), Some(Some(minor)), Some(Some(patch)), None) => Some(Self(major, minor, patch)),
            _ => None,
        };
        let known = "a firmware version like 5.7.4";
        firmware.filter(|firmware| firmware.to_string() == text).ok_or_else(|| DeviceWordError::new(text, known))
    }
}

macro_rules! words {
    ($(#[$about:meta])* $name:ident $known:literal { $($variant:ident $byte:literal $word:literal $doc:literal;)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = $doc] $variant,)*
        }

        impl $name {
            /// All of them, in ascending order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The one that the card writes as `byte`.
            pub fn from_byte(byte: u8) -> Option<Self> {
                match byte { $($byte => Some(Self::$variant),)* _ => None }
            }

            /// The byte that the card writes.
            pub fn to_byte(self) -> u8 {
                match self { $(Self::$variant => $byte,)* }
            }

            /// The word for it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = DeviceWordError;

            fn from_str(text: &str) -> Result<Self, DeviceWordError> {
                let found = Self::ALL.iter().copied().find(|word| word.as_str() == text);
                found.ok_or_else(|| DeviceWordError::new(text, $known))
            }
        }
    };
}

words! {
    /// When a YubiKey asks for its PIN. What asks more is greater; a fingerprint counts for less than the PIN.
    PinPolicy "a PIN policy: never, match-once, once, match-always or always" {
        Never 1 "never" "It signs without.";
        MatchOnce 4 "match-once" "A fingerprint or the PIN, once for each session.";
        Once 2 "once" "Once for each session.";
        MatchAlways 5 "match-always" "A fingerprint or the PIN, for each signature.";
        Always 3 "always" "For each signature.";
    }
}

words! {
    /// When a YubiKey wants to be touched. What asks more is greater.
    TouchPolicy "a touch policy: never, cached or always" {
        Never 1 "never" "It signs without.";
        Cached 3 "cached" "A touch is good for the next 15 seconds.";
        Always 2 "always" "For each signature.";
    }
}

words! {
    /// The shape of a YubiKey.
    FormFactor "a form factor: usb-a-keychain, usb-a-nano, usb-c-keychain, usb-c-nano, usb-c-lightning, usb-a-bio or usb-c-bio" {
        UsbAKeychain 1 "usb-a-keychain" "For a keychain, USB-A.";
        UsbANano 2 "usb-a-nano" "Nano, USB-A.";
        UsbCKeychain 3 "usb-c-keychain" "For a keychain, USB-C.";
        UsbCNano 4 "usb-c-nano" "Nano, USB-C.";
        UsbCLightning 5 "usb-c-lightning" "For a keychain, USB-C and Lightning.";
        UsbABio 6 "usb-a-bio" "With a fingerprint reader, USB-A.";
        UsbCBio 7 "usb-c-bio" "With a fingerprint reader, USB-C.";
    }
}

impl FormFactor {
    /// Whether the device has a fingerprint reader.
    pub fn is_bio(self) -> bool {
        matches!(self, Self::UsbABio | Self::UsbCBio)
    }
}

/// A text that is none of the words that were expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not {known}")]
pub struct DeviceWordError {
    text: String,
    known: &'static str,
}

impl DeviceWordError {
    fn new(text: &str, known: &'static str) -> Self {
        Self { text: text.escape_debug().to_string(), known }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn firmware_is_read_in_one_form_and_ordered() {
        assert_eq!("5.7.4".parse::<Firmware>().unwrap(), Firmware(5, 7, 4));
        assert!(Firmware(5, 4, 3) < Firmware(5, 7, 0) && Firmware(5, 7, 0) < Firmware(5, 10, 0));
        for odd in ["5.7", "5.7.4.1", "05.7.4", "+5.7.4", "5.7.256", "5.7.x", "", " 5.7.4"] {
            assert!(odd.parse::<Firmware>().is_err(), "{odd}");
        }
    }

    #[test]
    fn every_word_and_byte_is_found_again() {
        for policy in PinPolicy::ALL {
            assert_eq!(policy.as_str().parse::<PinPolicy>().unwrap(), *policy);
            assert_eq!(PinPolicy::from_byte(policy.to_byte()), Some(*policy));
        }
        for policy in TouchPolicy::ALL {
            assert_eq!(policy.as_str().parse::<TouchPolicy>().unwrap(), *policy);
            assert_eq!(TouchPolicy::from_byte(policy.to_byte()), Some(*policy));
        }
        for form in FormFactor::ALL {
            assert_eq!(form.as_str().parse::<FormFactor>().unwrap(), *form);
            assert_eq!(FormFactor::from_byte(form.to_byte()), Some(*form));
        }
        assert_eq!(PinPolicy::from_byte(0), None);
        assert_eq!(
            "Always\u{1b}".parse::<TouchPolicy>().unwrap_err().to_string(),
            "\"Always\\u{1b}\" is not a touch policy: never, cached or always"
        );
    }

    #[test]
    fn what_asks_more_is_greater() {
        assert!(PinPolicy::ALL.is_sorted() && TouchPolicy::ALL.is_sorted());
        assert!(PinPolicy::Never < PinPolicy::Once && PinPolicy::Once < PinPolicy::Always);
        assert!(TouchPolicy::Never < TouchPolicy::Cached && TouchPolicy::Cached < TouchPolicy::Always);
    }
}
