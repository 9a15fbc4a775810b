//! A YubiKey in software, for tests alone: a PIV card that Debian's pcscd talks to, and private pcscds that see it.
#![forbid(unsafe_code)]

mod apdu;
mod applet;
mod attest;
mod authority;
mod card;
mod fault;
mod key;
mod log;
mod management;
mod object;
mod pcscd;
mod pin;
mod policy;
mod ports;
mod profile;
mod random;
mod rig;
mod slot;
mod status;
mod tlv;
mod touch;
mod vpcd;

pub use apdu::{Answer, Command};
pub use authority::Authority;
pub use card::Card;
pub use fault::{Failure, Fault};
pub use key::Algorithm;
pub use log::LoggedApdu;
pub use policy::{PinPolicy, TouchPolicy};
pub use profile::{Firmware, Profile};
pub use rig::{Reader, Rig, RigError};
pub use slot::Slot;
pub use status::StatusWord;
pub use touch::{Touch, Touches};
