//! People and devices of a signing ceremony.
//!
//! A [`Record`] says who a keyholder is and which keys are theirs; a [`Roster`] is all records together. A [`Device`]
//! is one key at hand: in a file ([`FileKey`]), on a PKCS#11 token ([`pkcs11`]) or in a YubiKey ([`piv`]). A device describes itself, tells
//! its public key and signs; it never harms what it runs on. Whatever a device wants to know of a person, it asks
//! through [`Ask`]. Nothing in here owns a terminal or a network. That a key was made in a YubiKey is proven by
//! [`Evidence`], out of which the key comes as an [`AttestedKey`].
//!
//! A keyholder is enrolled by proving to have a key, and found again by it:
//!
//! ```
//! use ceremony::{Algorithm, TufKey};
//! use keyholders::{
//!     Device, FileKey, Home, Kind, Name, Nobody, Nonce, Possession, Record, RecordKey, Roster, State,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let alice = Name::new("alice")?;
//! // A key in a plain file asks nobody; one on a token would ask for its PIN.
//! let mut device = FileKey::generate(Algorithm::EcdsaP256, "alice.pem")?;
//! let proof = Possession::prove(&mut device, "the trust root's id", &alice, Nonce::random()?, &mut Nobody)?;
//! let key = TufKey::author(device.public_key())?;
//! let key = RecordKey::new(State::Active, key, Home::File, Some(proof))?;
//! let text = Record::new(alice, Kind::Person, vec![key])?.to_toml();
//!
//! let roster = Roster::new([Record::parse(&text)?])?;
//! let signature = device.sign(b"payload", &mut Nobody)?;
//! device.public_key().verify(b"payload", &signature)?;
//! assert_eq!(roster.owner(device.public_key()).map(|record| record.name().as_str()), Some("alice"));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

pub mod ask;
pub mod attestation;
pub mod claims;
pub mod device;
pub mod file;
pub mod name;
pub mod pin;
#[cfg(feature = "yubikey")]
pub mod piv;
#[cfg(feature = "pkcs11")]
pub mod pkcs11;
pub mod possession;
pub mod record;
pub mod roster;
pub mod slot;
mod text;
pub mod uri;

pub use ask::{Action, Ask, AskError, Nobody, PinRequest, Refusal, Secret, Tries};
pub use attestation::{Anchors, Attestation, AttestedKey, Evidence, attest};
pub use claims::Claims;
pub use device::{Description, Device, DeviceError, DeviceKind};
pub use file::{FileKey, FileKeyError};
pub use name::Name;
pub use pin::Pin;
pub use possession::{Nonce, Possession};
pub use record::{Home, Kind, Record, RecordError, RecordKey, State};
pub use roster::{Roster, RosterError};
pub use slot::Slot;
pub use uri::Uri;
