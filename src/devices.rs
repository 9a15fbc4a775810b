//! The keys that are at hand on this machine.
//!
//! Which PKCS#11 modules are loaded is for this machine to say: by [`ModuleArgs`], by its configuration, or by the
//! system's (p11-kit). Nothing in the directory of a trust root has a part in it.

#[cfg_attr(not(feature = "pkcs11"), path = "devices/no_tokens.rs")]
mod tokens;

use std::path::{Path, PathBuf};

use ceremony::{Fingerprint, PublicKey};
use keyholders::{Ask, Claims, Device, FileKey, Kind, Name, Roster, State, Tries, Uri};
use zeroize::Zeroizing;

use crate::ask::{Person, SecretArgs};
use crate::context::Context;
use crate::disk::{self, Place};
use crate::error::Failure;

pub(crate) use tokens::Tokens;

/// The most bytes of a key file that are read.
const KEY_FILE_LIMIT: u64 = 64 * 1024;

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
    /// Use the key in this file instead of those on tokens; may be given several times
    #[arg(long = "key-file", value_name = "FILE")]
    pub(crate) key_files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) modules: ModuleArgs,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
}

/// The keys at hand, and what kept others from being found.
#[derive(Default)]
pub(crate) struct AtHand {
    /// Each key once, those in files first.
    pub(crate) keys: Vec<KeyAtHand>,
    /// One sentence for each module, token or file that is of no use.
    pub(crate) problems: Vec<String>,
}

/// One key that can sign.
pub(crate) struct KeyAtHand {
    /// What identifies it.
    pub(crate) fingerprint: Fingerprint,
    /// What signs.
    pub(crate) device: Box<dyn Device>,
}

impl AtHand {
    /// Opens every key at hand: the files of `args`; and unless there are files and no modules among the arguments, all
    /// keys on all tokens that show themselves. A person in `roster` whose token shows no key is asked for its PIN.
    ///
    /// # Errors
    /// If this machine's configuration or a file of `args` cannot be read.
    pub(crate) fn find(
        context: &Context,
        args: &DeviceArgs,
        roster: &Roster,
        person: &mut Person<'_>,
    ) -> Result<Self, Failure> {
        let mut found = Self::default();
        for path in &args.key_files {
            found.add(Box::new(key_file(path, None, person)?));
        }
        if args.key_files.is_empty() || !args.modules.modules.is_empty() {
            let tokens = Tokens::load(&args.modules, &context.machine.config()?);
            let (devices, problems) = tokens.devices(roster);
            found.problems = problems;
            devices.into_iter().for_each(|device| found.add(device));
            found.look_closer(&tokens, roster, person);
        }
        Ok(found)
    }

    /// Asks the tokens that show no key at all for the ones that a person has there.
    fn look_closer(&mut self, tokens: &Tokens, roster: &Roster, person: &mut Person<'_>) {
        for record in roster.records().iter().filter(|record| record.kind() == Kind::Person) {
            for key in record.keys().iter().filter(|key| key.state() != State::Retired) {
                let Some(uri) = key.uri().filter(|uri| tokens.is_here(uri)) else { continue };
                let shows = |key: &KeyAtHand| key.device.describe().uri.is_some_and(|other| uri.matches_token(&other));
                if self.keys.iter().any(shows) {
                    continue;
                }
                match tokens.open(uri, Some(record.name()), person) {
                    Ok(device) => self.add(device),
                    Err(failure) => self.problems.push(failure.line()),
                }
            }
        }
    }

    fn add(&mut self, device: Box<dyn Device>) {
        let fingerprint = device.public_key().fingerprint();
        if self.keys.iter().all(|key| key.fingerprint != fingerprint) {
            self.keys.push(KeyAtHand { fingerprint, device });
        }
    }
}

/// A key on a token, and what the token claims about it.
pub(crate) struct ClaimedKey {
    pub(crate) device: Box<dyn Device>,
    /// The full name of the key.
    pub(crate) uri: Uri,
    pub(crate) claims: Claims,
}

/// What the modules of this machine reach, for a person to read. All texts are escaped.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) modules: Vec<ListedModule>,
    pub(crate) tokens: Vec<ListedToken>,
    pub(crate) problems: Vec<String>,
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

/// Opens the key in the file at `path`.
pub(crate) fn key_file(path: &Path, owner: Option<&Name>, ask: &mut dyn Ask) -> Result<FileKey, Failure> {
    let bytes = Zeroizing::new(disk::read(&Place::named(path), KEY_FILE_LIMIT)?);
    Ok(FileKey::read(&bytes, &path.display().to_string(), owner, ask)?)
}
