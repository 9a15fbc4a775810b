//! A YubiKey in software, for tests alone: a PIV card that Debian's pcscd talks to, and private pcscds that see it.
//!
//! A [`Card`] is what somebody holds in his hand: it is put into a reader of a [`Rig`], touched or not, pulled at the worst
//! moment, and asked what it heard. Programs see a rig by one variable of their environment.
//!
//! ```
//! use virtual_yubikey::{Authority, Card, Failure, Fault, Firmware, Profile, Rig, Touch};
//!
//! let authority = Authority::test();
//! let alice = Card::new(Profile::new(Firmware::V5_7_4).serial(1), &authority);
//! let bob = Card::new(Profile::new(Firmware::V5_4_3).serial(2), &authority);
//!
//! let rig = Rig::start()?;
//! let reader = rig.insert(&alice)?;
//! let (variable, socket) = rig.environment();
//! std::process::Command::new("true").env(variable, socket).status()?;
//!
//! alice.touch(Touch::Never);
//! // The card is pulled when it is asked for its second signature.
//! alice.fail(Fault::nth_of(0x87, 2, Failure::Remove));
//!
//! rig.swap(reader, &bob)?;
//! assert!(bob.pins_received().is_empty() && !bob.heard(b"123456"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How far it is a YubiKey
//! Commands, status words and defaults are those of Yubico's documentation; the programs of others judge that they are
//! right: ykman, yubico-piv-tool, ykcs11 and OpenSC, on a YubiKey 4 and two of YubiKey 5. The extensions of attestations
//! are compared with real ones. What firmware can do follows from its number.
//!
//! Where the documentation is silent, the card is as strict as a real one could be:
//! - a key whose PIN policy says *always* wants VERIFY to be the very command before it, and a touch that was missed costs
//!   the verification;
//! - an attestation of a key that was imported, or is not there, is refused with `6a80`;
//! - the PIN is verified by VERIFY alone, not by changing it.
//!
//! It has no application but PIV that does more than tell what the device is, no key agreement, no RSA but with 2048 bits,
//! no biometry and no secure channels. An attestation key that was overwritten attests if it is RSA or on P-256.
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
