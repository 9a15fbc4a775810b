//! What devices ask of a person.

use std::fmt;

use crate::name::Name;
use crate::pin::{Pin, PinError};

/// The only way in which a device talks to a person.
///
/// A terminal implements it, and so does a file with a PIN in it, and a script in a test.
pub trait Ask {
    /// Asks for a secret. Called once per attempt: a device never asks again by itself, but after [`again`](Self::again).
    ///
    /// # Errors
    /// If there is nobody to answer, or they will not.
    fn pin(&mut self, request: PinRequest) -> Result<Pin, AskError>;

    /// Says that the answer was of no use, and whether there shall be another question. Whoever does not answer this
    /// themselves is not asked again.
    fn again(&mut self, _: &Refusal) -> bool {
        false
    }

    /// Says that the device now waits for a person to do something. Returns at once; the device goes on waiting.
    fn act(&mut self, action: Action);
}

/// Nobody: every question is left open. For keys that need no secret.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Ask for Nobody {
    fn pin(&mut self, _: PinRequest) -> Result<Pin, AskError> {
        Err(AskError::Cancelled)
    }

    fn act(&mut self, _: Action) {}
}

/// A question for a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinRequest {
    /// Which secret.
    pub secret: Secret,
    /// What wants it, in words for a person: already escaped.
    pub device: String,
    /// Whose key it is, where that is known.
    pub owner: Option<Name>,
    /// What the device says about the tries that are left. Never [`Tries::Final`] or [`Tries::Locked`]: a device does
    /// not ask then.
    pub tries: Tries,
}

/// An answer that was of no use, where another one can help. It is never about the last try of a device, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which secret was asked for.
    pub secret: Secret,
    /// What wants it, as in [`PinRequest::device`].
    pub device: String,
    /// What was wrong, as a sentence without a full stop: already escaped.
    pub reason: String,
    /// Whether the device counted it: so many of them lock it.
    pub counted: bool,
}

/// Which secret is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Secret {
    /// The PIN of a token, for as long as the token is open.
    TokenPin,
    /// The PIN of a token once more, for one signature with a key that wants it each time.
    SignaturePin,
    /// The passphrase that opens a key file.
    Passphrase,
    /// The management key of a PIV card, in hex: what a key is made with.
    ManagementKey,
}

/// How often the PIN may still be wrong, as the device says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tries {
    /// The device reports no wrong PIN, or does not report at all.
    Unknown,
    /// At least one wrong PIN was given since the last right one.
    Low,
    /// So many wrong PINs lock the device, two at least.
    Left {
        /// How many.
        left: u8,
        /// How many there are after a right one, where the device says that.
        of: Option<u8>,
    },
    /// The next wrong PIN locks the device.
    Final,
    /// The device is locked.
    Locked,
}

impl Tries {
    /// What a counter of tries means.
    #[cfg(feature = "yubikey")]
    pub(crate) fn of_counter(left: u8, of: Option<u8>) -> Self {
        match left {
            0 => Self::Locked,
            1 => Self::Final,
            _ => Self::Left { left, of },
        }
    }

    /// Whether nobody gave a wrong PIN lately, as far as the device tells.
    pub fn untouched(self) -> bool {
        match self {
            Self::Unknown => true,
            Self::Left { left, of } => of.is_none_or(|of| left >= of),
            Self::Low | Self::Final | Self::Locked => false,
        }
    }
}

impl fmt::Display for Tries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left { left, of: Some(of) } => return write!(f, "{left} of {of} tries are left"),
            Self::Left { left, of: None } => return write!(f, "{left} tries are left"),
            Self::Unknown => "the device does not say how many tries are left",
            Self::Low => "wrong PINs were given before: few tries are left",
            Self::Final => "one try is left, and this program never spends the last one",
            Self::Locked => "the PIN is locked",
        })
    }
}

/// Something that a person has to do at the device itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Type the PIN on the device's own keys.
    EnterPin {
        /// The device, in words for a person: already escaped.
        device: String,
    },
    /// Touch the device.
    Touch {
        /// The device, in words for a person: already escaped.
        device: String,
    },
}

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The person broke off.
    #[error("nothing was entered")]
    Cancelled,
    /// What was entered cannot be a secret.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// There is no terminal, and what would answer instead is not set.
    #[error("there is nobody to ask: give {flag}")]
    Unattended {
        /// The flag that answers.
        flag: &'static str,
    },
    /// There is an answer, and it is not given to this device now.
    #[error("{reason}")]
    Withheld {
        /// Why not.
        reason: &'static str,
    },
}
