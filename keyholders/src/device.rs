//! A key at hand that can sign.

use std::fmt;
use std::str::FromStr;

use ceremony::PublicKey;

use crate::ask::{Ask, AskError, Refusal, Secret, Tries};
use crate::slot::Slot;
use crate::uri::Uri;

/// One key that is at hand: it can describe itself, tell its public key, and sign.
///
/// It cannot generate, change or delete anything: what a device holds is safe from whoever has a `Device`. A PIN is
/// tried once per answer of a person, and never when a wrong one would lock the device.
pub trait Device {
    /// What this is, for a person to read.
    fn describe(&self) -> Description;

    /// The public key.
    fn public_key(&self) -> &PublicKey;

    /// Signs `message` in the form that [`PublicKey::verify`] takes: DER for ECDSA, raw for Ed25519. The signature
    /// that is returned verifies.
    ///
    /// # Errors
    /// If the device is gone, refuses, or answers with something else than its signature; if nobody gives the PIN.
    fn sign(&mut self, message: &[u8], ask: &mut dyn Ask) -> Result<Vec<u8>, DeviceError>;
}

/// What a device is, for a person to read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Description {
    /// One line, already escaped.
    pub label: String,
    /// Where the key lives.
    pub kind: DeviceKind,
    /// The device in which the key is, as its errors call it; of a file the same as the label. Escaped.
    pub device: String,
    /// The name of the key on its token.
    pub uri: Option<Uri>,
}

/// The kind of a place where a key lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceKind {
    /// Somewhere that this program does not reach: an adopted key, a cloud service.
    External,
    /// In a file: copied as easily as the file is.
    File,
    /// On a PKCS#11 token.
    Pkcs11,
    /// In a YubiKey.
    Yubikey,
}

impl DeviceKind {
    /// Whether a key of this kind is fit for rehearsals and low stakes only, and is marked so wherever it is shown.
    pub fn is_throw_away(self) -> bool {
        self == Self::File
    }

    /// The word for it in a record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::External => "external",
            Self::File => "file",
            Self::Pkcs11 => "pkcs11",
            Self::Yubikey => "yubikey",
        }
    }
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for DeviceKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let kinds = [Self::External, Self::File, Self::Pkcs11, Self::Yubikey];
        kinds.into_iter().find(|kind| kind.as_str() == text).ok_or(())
    }
}

/// Why a device did not do what was asked. All texts in it are escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// Nobody gave the PIN.
    #[error("no PIN for {device}")]
    Ask {
        /// The device.
        device: String,
        /// Why not.
        #[source]
        source: AskError,
    },
    /// Nobody gave the management key.
    #[error("no management key for {device}")]
    NoManagementKey {
        /// The device.
        device: String,
        /// Why not.
        #[source]
        source: AskError,
    },
    /// The PIN was refused. It was sent once.
    #[error("{device} refused the PIN: {tries}")]
    WrongPin {
        /// The device.
        device: String,
        /// What the device says now.
        tries: Tries,
    },
    /// The device refused this PIN before.
    #[error("{device} refused this PIN before: it was not sent again")]
    RefusedBefore {
        /// The device.
        device: String,
    },
    /// A PIN of this length is not sent: it would cost a try for nothing.
    #[error("{device} takes PINs of {least} to {most} bytes, and this one has {length}: it was not sent")]
    PinLength {
        /// The device.
        device: String,
        /// The shortest.
        least: usize,
        /// The longest.
        most: usize,
        /// What was given.
        length: usize,
    },
    /// One try is left, so that nothing was asked and nothing sent.
    #[error(
        "{device} has one try left for its PIN, and this program never spends the last one: unlock it with its vendor's tool"
    )]
    FinalTry {
        /// The device.
        device: String,
    },
    /// The PIN is locked.
    #[error("the PIN of {device} is locked: unlock it with its vendor's tool")]
    Locked {
        /// The device.
        device: String,
    },
    /// The PIN must be set or changed before the device can be used.
    #[error("the PIN of {device} {state}: set it with its vendor's tool")]
    PinNotReady {
        /// The device.
        device: String,
        /// What is the matter.
        state: &'static str,
    },
    /// No token that this machine sees is the one wanted.
    #[error("no token here is {uri}; {present}")]
    NoToken {
        /// What was wanted.
        uri: Box<Uri>,
        /// What is there.
        present: Present,
    },
    /// Several tokens are the one wanted.
    #[error("several tokens here are {uri}, add the serial number; {present}")]
    SeveralTokens {
        /// What was wanted.
        uri: Box<Uri>,
        /// What is there.
        present: Present,
    },
    /// The token has no such key.
    #[error("{device} has no key {uri}")]
    NoKey {
        /// The device.
        device: String,
        /// What was wanted.
        uri: Box<Uri>,
    },
    /// The token has several such keys.
    #[error("{device} has {count} keys {uri}, add the id")]
    SeveralKeys {
        /// The device.
        device: String,
        /// What was wanted.
        uri: Box<Uri>,
        /// How many.
        count: usize,
    },
    /// The key or the token cannot do what is needed.
    #[error("{device} {reason}")]
    Unsupported {
        /// The device.
        device: String,
        /// Completes the sentence.
        reason: String,
    },
    /// The token was exchanged, re-initialised or taken away since it was found.
    #[error("{device} is no longer there")]
    Gone {
        /// The device.
        device: String,
    },
    /// A place that a new key would take is taken.
    #[error("{device} already has an object with {what}, nothing was generated")]
    Occupied {
        /// The device.
        device: String,
        /// The label or id.
        what: String,
    },
    /// The YubiKey that answers is another one than the one wanted.
    #[error("{device} is not here; {present}")]
    NoCard {
        /// The one that is wanted.
        device: String,
        /// Those that are here, in words.
        present: String,
    },
    /// Another program keeps the card to itself.
    #[error(
        "another program holds {device}: if it is gpg, `gpgconf --kill scdaemon` makes it let go; else close the program"
    )]
    Busy {
        /// The device.
        device: String,
    },
    /// What talks to smart cards does not run any more.
    #[error("{device} cannot be reached, since pcscd is not running: `systemctl start pcscd.socket` starts it")]
    NoService {
        /// The device.
        device: String,
    },
    /// Nobody touched the device.
    #[error(
        "{device} was not touched in time, or another program used it meanwhile; its PIN was right, and no try is lost"
    )]
    NotTouched {
        /// The device.
        device: String,
    },
    /// Another program took the login away, again and again.
    #[error("{device} does not sign although its PIN was right: another program uses it, close that program")]
    Disturbed {
        /// The device.
        device: String,
    },
    /// No answer came.
    #[error("{device} did not answer {command} within {seconds} seconds: pull it, put it back, and try again")]
    TimedOut {
        /// The device.
        device: String,
        /// What it was asked.
        command: &'static str,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The answer is none that such a device gives.
    #[error("{device} answered {command} with something that no such device answers")]
    Malformed {
        /// The device.
        device: String,
        /// What it was asked.
        command: &'static str,
    },
    /// The management key was refused. There is no counter of tries for it.
    #[error("{device} refused the management key")]
    WrongManagementKey {
        /// The device.
        device: String,
    },
    /// What was given is no management key.
    #[error("{device} takes a management key of {length} bytes, {} hex digits", length * 2)]
    ManagementKeyForm {
        /// The device.
        device: String,
        /// How many bytes.
        length: usize,
    },
    /// A place that a new key would take may be taken: the device does not tell.
    #[error(
        "{device} does not tell whether slot {slot} is empty: its firmware is older than 5.3, and a new key would destroy \
         what is there"
    )]
    PerhapsOccupied {
        /// The device.
        device: String,
        /// The slot.
        slot: Slot,
    },
    /// What came back is no signature of this key.
    #[error("{device} answered with something that is not a signature of its key")]
    BadSignature {
        /// The device.
        device: String,
    },
    /// A call into the module failed in a way that has no better name.
    #[error("{device}: {call} failed: {reason}")]
    Call {
        /// The device.
        device: String,
        /// The PKCS#11 function.
        call: String,
        /// What the module answered.
        reason: String,
    },
}

impl DeviceError {
    /// What there is to say to whoever gave `secret`, where another answer can help; none where it cannot, or where one
    /// try is left.
    pub fn refusal(&self, secret: Secret) -> Option<Refusal> {
        let (device, counted) = match self {
            Self::WrongPin { tries: Tries::Final | Tries::Locked, .. } => return None,
            Self::WrongPin { device, .. } => (device, true),
            Self::RefusedBefore { device }
            | Self::PinLength { device, .. }
            | Self::WrongManagementKey { device }
            | Self::ManagementKeyForm { device, .. } => (device, false),
            _ => return None,
        };
        Some(Refusal { secret, device: device.clone(), reason: self.to_string(), counted })
    }
}

/// The tokens that are there, for errors about those that are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present(pub Vec<Uri>);

impl fmt::Display for Present {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("there is no token at all");
        }
        f.write_str("there is ")?;
        for (i, uri) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{uri}")?;
        }
        Ok(())
    }
}
