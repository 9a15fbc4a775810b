//! What this machine reaches, for a person to read.

use std::path::PathBuf;

use ceremony::{Firmware, PinPolicy, PublicKey, TouchPolicy};
use keyholders::{Slot, Tries, Uri};

use super::{Tokens, Yubikeys, unreached};

/// What this machine reaches, for a person to read. All texts are escaped.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) modules: Vec<ListedModule>,
    pub(crate) tokens: Vec<ListedToken>,
    pub(crate) yubikeys: Vec<ListedYubikey>,
    pub(crate) problems: Vec<String>,
    /// The problems of tokens that are YubiKeys behind a module, as it seems.
    pub(super) views: Vec<String>,
}

impl Listing {
    /// All that is there.
    pub(crate) fn of(tokens: &Tokens, yubikeys: &Yubikeys) -> Self {
        let mut listing = tokens.list();
        yubikeys.list(&mut listing);
        let views = std::mem::take(&mut listing.views);
        listing.problems.extend(unreached(views, yubikeys));
        listing
    }

    /// Whether the key of a token is in a YubiKey that is reached directly.
    pub(crate) fn is_in_yubikey(&self, key: &PublicKey) -> bool {
        self.yubikeys.iter().flat_map(|yubikey| &yubikey.keys).any(|slot| slot.key.as_ref() == Ok(key))
    }
}

/// A YubiKey that is plugged in, for a person to read. All texts are escaped.
#[derive(Debug)]
pub(crate) struct ListedYubikey {
    pub(crate) serial: u32,
    pub(crate) firmware: Firmware,
    pub(crate) tries: Tries,
    /// Names of the secrets that are still what every new YubiKey has.
    pub(crate) defaults: Vec<&'static str>,
    pub(crate) keys: Vec<ListedSlot>,
}

/// A slot with a key in it.
#[derive(Debug)]
pub(crate) struct ListedSlot {
    pub(crate) slot: Slot,
    /// The key, or what it is instead of one that this program signs with.
    pub(crate) key: Result<PublicKey, String>,
    pub(crate) pin_policy: Option<PinPolicy>,
    pub(crate) touch_policy: Option<TouchPolicy>,
}

/// A module that is loaded.
#[derive(Debug)]
pub(crate) struct ListedModule {
    pub(crate) path: PathBuf,
    /// What it says it is.
    pub(crate) library: String,
}

/// A token that is there.
#[derive(Debug)]
pub(crate) struct ListedToken {
    pub(crate) label: String,
    pub(crate) uri: Uri,
    pub(crate) module: PathBuf,
    pub(crate) tries: Tries,
    /// The keys that show themselves without a PIN.
    pub(crate) keys: Vec<(Uri, PublicKey)>,
}
