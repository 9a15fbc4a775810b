//! Keys on PKCS#11 tokens (OASIS PKCS#11, versions 2.40 and 3.0).
//!
//! [`Modules`] are the libraries that this machine configures; a [`Token`] is named by its label and serial number,
//! never by a slot, whose numbers change; a [`TokenKey`] is a key on it, and a [`Device`](crate::Device). Making a key
//! is a separate act: [`Token::generate`]. What a token says about a key, [`TokenKey::claims`], is its own word.

mod call;
mod claims;
mod config;
mod generate;
mod key;
mod login;
mod modules;
mod objects;
mod token;

pub use call::{PATIENCE, Unanswered, is_calling};
pub use config::{Configured, configured};
pub use generate::Template;
pub use key::TokenKey;
pub use modules::{Module, ModuleError, Modules};
pub use token::Token;
