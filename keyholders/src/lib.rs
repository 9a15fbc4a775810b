//! People and devices of a signing ceremony.
//!
//! A [`Record`] says who a keyholder is and which keys are theirs; a [`Roster`] is all records together. A [`Device`]
//! is one key at hand: in a file ([`FileKey`]) or on a PKCS#11 token ([`pkcs11`]). A device describes itself, tells
//! its public key and signs; it never harms what it runs on. Whatever a device wants to know of a person, it asks
//! through [`Ask`]. Nothing in here owns a terminal or a network.
#![forbid(unsafe_code)]

pub mod ask;
pub mod claims;
pub mod device;
pub mod file;
pub mod name;
pub mod pin;
#[cfg(feature = "pkcs11")]
pub mod pkcs11;
pub mod possession;
pub mod record;
pub mod roster;
mod text;
pub mod uri;

pub use ask::{Action, Ask, AskError, PinRequest, Secret, Tries};
pub use claims::Claims;
pub use device::{Description, Device, DeviceError, DeviceKind};
pub use file::{FileKey, FileKeyError};
pub use name::Name;
pub use pin::Pin;
pub use possession::{Nonce, Possession};
pub use record::{Kind, Record, RecordError, RecordKey, State};
pub use roster::{Roster, RosterError};
pub use uri::Uri;
