//! Keys in YubiKeys: PIV (NIST SP 800-73-4) over PC/SC.
//!
//! [`cards`] finds the YubiKeys that are plugged in, and a [`Card`] shows its slots and gives a [`SlotKey`], which is a
//! [`Device`](crate::Device): it can describe itself, tell its public key, and sign. Making a key is an act of its own,
//! [`Card::generate`], which takes an empty slot and no other.
//!
//! There is one handle for each YubiKey, found by its serial number and opened once. It is let go without a reset, so
//! that sessions of other programs go on, but never with a verified PIN in it.

mod call;
mod card;
mod cards;
mod certificates;
mod generate;
mod key;
mod login;
mod worker;

pub use self::card::{Card, Defaults, SlotContent};
pub use self::cards::{Cards, PivError, cards};
pub use self::generate::Template;
pub use self::key::SlotKey;
pub use self::worker::THREAD;
