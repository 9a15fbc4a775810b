//! The keys that are at hand on this machine.
//!
//! Which PKCS#11 modules are loaded is for this machine to say: by [`ModuleArgs`], by its configuration, or by the
//! system's (p11-kit). Nothing in the directory of a trust root has a part in it.

mod at_hand;
mod listing;
#[cfg_attr(not(feature = "pkcs11"), path = "devices/no_tokens.rs")]
mod tokens;
#[cfg_attr(not(feature = "yubikey"), path = "devices/no_yubikeys.rs")]
mod yubikeys;

use std::path::{Path, PathBuf};

use ceremony::{Algorithm, Certificate, Fingerprint, PinPolicy, TouchPolicy};
use keyholders::{Ask, Claims, Device, FileKey, FileKeyError, Home, Name, Nobody, Slot, Uri};

use crate::ask::SecretArgs;
use crate::disk::{self, Place};
use crate::error::Failure;

pub(crate) use at_hand::{AtHand, KeyAtHand};
pub(crate) use listing::{ListedYubikey, Listing};
pub(crate) use tokens::Tokens;
pub(crate) use yubikeys::Yubikeys;

/// The most bytes of a key file that are read.
pub(crate) const KEY_FILE_LIMIT: u64 = 64 * 1024;

/// The PKCS#11 modules to use.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ModuleArgs {
    /// Use this PKCS#11 module instead of those that this machine configures; may be given several times
    #[arg(long = "module", value_name = "LIBRARY")]
    pub(crate) modules: Vec<PathBuf>,
}

/// Where a keyholder's keys are, and what answers for their PINs.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct DeviceArgs {
    /// Use the key in this file instead of those in devices; may be given several times
    #[arg(long = "key-file", value_name = "FILE")]
    pub(crate) key_files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) modules: ModuleArgs,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
}

/// The keys on tokens that show themselves, and what kept others from being found.
#[derive(Default)]
pub(crate) struct OnTokens {
    pub(crate) devices: Vec<Box<dyn Device>>,
    pub(crate) problems: Vec<String>,
    /// The problems of tokens that are YubiKeys behind a module, as it seems.
    pub(crate) views: Vec<String>,
}

/// The keys in YubiKeys that are somebody's, and what kept others from being found.
#[derive(Default)]
pub(crate) struct InYubikeys {
    pub(crate) devices: Vec<Box<dyn Device>>,
    /// Those in YubiKeys of which a key is on record: whatever module reaches them too, they are used directly.
    pub(crate) direct: Vec<Fingerprint>,
    pub(crate) problems: Vec<String>,
}

/// A key on a token, and what the token claims about it.
pub(crate) struct ClaimedKey {
    pub(crate) device: Box<dyn Device>,
    /// The full name of the key.
    pub(crate) uri: Uri,
    pub(crate) claims: Claims,
}

/// A key in a YubiKey, and what the YubiKey says to prove that it made it.
pub(crate) struct KeyInYubikey {
    pub(crate) device: Box<dyn Device>,
    pub(crate) home: Home,
    /// The certificate of the key and that of the device; none where the key was imported.
    pub(crate) attestation: Option<(Certificate, Certificate)>,
}

impl KeyInYubikey {
    /// What a person can do about a new key that did not come into the record.
    pub(crate) fn hint(serial: u32, slot: Slot) -> String {
        format!(
            "the key is in the YubiKey now: enroll it with --yubikey --serial {serial} --slot {slot} and without --generate"
        )
    }
}

/// A key that is to be made in a YubiKey.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "yubikey"), expect(dead_code, reason = "without YubiKeys nobody makes one"))]
pub(crate) struct NewKey {
    pub(crate) slot: Slot,
    pub(crate) algorithm: Algorithm,
    pub(crate) pin_policy: PinPolicy,
    pub(crate) touch_policy: TouchPolicy,
    /// A person knows that the slot is empty, where the firmware does not tell.
    pub(crate) known_empty: bool,
}

/// Opens the key in the file at `path`.
pub(crate) fn key_file(path: &Path, owner: Option<&Name>, ask: &mut dyn Ask) -> Result<FileKey, Failure> {
    let bytes = disk::read_secret(&Place::named(path), KEY_FILE_LIMIT)?;
    Ok(FileKey::read(&bytes, &path.display().to_string(), owner, ask)?)
}

/// Whether this is what a module calls a card that may be a YubiKey: Yubico's own module, or OpenSC's for any PIV card.
pub(crate) fn is_view(token: &Uri) -> bool {
    let is = |part: &Option<String>, name: &str| part.as_deref().is_some_and(|part| part.starts_with(name));
    is(&token.manufacturer, "Yubico") || is(&token.manufacturer, "piv_II")
}

/// The problems among `views` that matter: none while there are not more of them than YubiKeys that are reached directly.
fn unreached(mut views: Vec<String>, yubikeys: &Yubikeys) -> Vec<String> {
    if views.len() <= yubikeys.count() {
        return Vec::new();
    }
    views.dedup();
    views
}

/// Whether a passphrase opens the key in the file at `path`.
///
/// # Errors
/// If no key is in it.
pub(crate) fn is_locked(path: &Path) -> Result<bool, Failure> {
    let bytes = disk::read_secret(&Place::named(path), KEY_FILE_LIMIT)?;
    match FileKey::read(&bytes, &path.display().to_string(), None, &mut Nobody) {
        Ok(_) => Ok(false),
        Err(FileKeyError::Ask { .. }) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Says nothing of a panic in the libraries that talk to YubiKeys and modules: whoever called them gets an error instead.
pub(crate) fn expect_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        #[cfg(feature = "yubikey")]
        if std::thread::current().name() == Some(keyholders::piv::THREAD) {
            return;
        }
        #[cfg(feature = "pkcs11")]
        if keyholders::pkcs11::is_calling() {
            return;
        }
        usual(panic);
    }));
}
