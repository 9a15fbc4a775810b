//! The keys that are at hand on this machine.
//!
//! Which PKCS#11 modules are loaded is for this machine to say: by [`ModuleArgs`], by its configuration, or by the
//! system's (p11-kit). Nothing in the directory of a trust root has a part in it.

#[cfg_attr(not(feature = "pkcs11"), path = "devices/no_tokens.rs")]
mod tokens;
#[cfg_attr(not(feature = "yubikey"), path = "devices/no_yubikeys.rs")]
mod yubikeys;

use std::path::{Path, PathBuf};

use ceremony::{Algorithm, Certificate, Fingerprint, Firmware, PinPolicy, PublicKey, TouchPolicy};
use keyholders::{
    Ask, Claims, Device, DeviceKind, FileKey, FileKeyError, Home, Kind, Name, Nobody, Record, RecordKey, Roster, Slot,
    State, Tries, Uri,
};

use crate::ask::{Person, SecretArgs};
use crate::context::Context;
use crate::disk::{self, Place};
use crate::error::Failure;

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

/// The keys at hand, and what kept others from being found.
#[derive(Default)]
pub(crate) struct AtHand {
    /// Each key once, those in files first.
    pub(crate) keys: Vec<KeyAtHand>,
    /// One sentence for each module, token or file that is of no use.
    pub(crate) problems: Vec<String>,
    /// Key files that a passphrase opens.
    locked: Vec<PathBuf>,
    /// The tokens that were looked at, some of which may hide their keys.
    tokens: Option<Tokens>,
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

/// One key that can sign.
pub(crate) struct KeyAtHand {
    /// What identifies it.
    pub(crate) fingerprint: Fingerprint,
    /// What signs.
    pub(crate) device: Box<dyn Device>,
}

impl AtHand {
    /// Finds every key at hand that shows itself without a secret: the files of `args`; and unless there are files and no
    /// modules among the arguments, the keys of people in `roster` in all YubiKeys, and all keys on all tokens.
    ///
    /// # Errors
    /// If this machine's configuration or a file of `args` cannot be read.
    pub(crate) fn look(context: &Context, args: &DeviceArgs, roster: &Roster) -> Result<Self, Failure> {
        let mut found = Self::default();
        for path in &args.key_files {
            match is_locked(path)? {
                true => found.locked.push(path.clone()),
                false => found.add(Box::new(key_file(path, None, &mut Nobody)?), roster),
            }
        }
        if args.key_files.is_empty() || !args.modules.modules.is_empty() {
            let tokens = Tokens::load(&args.modules, &context.machine.config()?);
            let OnTokens { devices: on_tokens, mut problems, views } = tokens.devices(roster);
            // Modules may look into YubiKeys too. To open one after that takes it from them, not the other way round.
            let yubikeys = Yubikeys::open();
            problems.extend(unreached(views, &yubikeys));
            let InYubikeys { devices: in_yubikeys, direct, problems: more } = yubikeys.devices(roster);
            found.problems = problems.into_iter().chain(more).collect();
            // Two ways into one YubiKey would each ask for its PIN.
            let asks_anew = |device: &dyn Device| direct.contains(&device.public_key().fingerprint());
            let on_tokens = on_tokens.into_iter().filter(|device| !asks_anew(&**device));
            in_yubikeys.into_iter().chain(on_tokens).for_each(|device| found.add(device, roster));
            let in_use = |key: &RecordKey| key.state() != State::Retired && key.device() == DeviceKind::Yubikey;
            if found.keys.is_empty() || roster.records().iter().flat_map(Record::keys).any(in_use) {
                found.problems.extend(yubikeys.no_service().map(str::to_owned));
            }
            found.tokens = Some(tokens);
        }
        Ok(found)
    }

    /// Adds what was found elsewhere.
    pub(crate) fn extend(&mut self, other: Self) {
        self.keys.extend(other.keys);
        self.problems.extend(other.problems);
        self.locked.extend(other.locked);
    }

    /// Whether no secret would bring another key to light.
    pub(crate) fn is_all(&self, roster: &Roster) -> bool {
        self.locked.is_empty() && self.hidden(roster).is_empty()
    }

    /// Keeps the keys of people in `roster` alone.
    pub(crate) fn only(&mut self, roster: &Roster) {
        self.keys.retain(|key| roster.find(&key.fingerprint).is_some());
    }

    /// The tokens that are here and show no key to anybody without the PIN, each once.
    pub(crate) fn closed_tokens(&self, roster: &Roster) -> Vec<String> {
        let mut closed: Vec<String> = Vec::new();
        for uri in self.hidden(roster).into_iter().filter_map(|(_, key)| key.uri()) {
            let label = uri.token.as_deref().unwrap_or_default();
            let token = format!("the token \"{}\"", label.escape_debug());
            if !closed.contains(&token) {
                closed.push(token);
            }
        }
        closed
    }

    /// Opens the keys that show themselves only with a secret: those in locked files, and those on tokens that show no key
    /// at all to anybody without the PIN.
    ///
    /// # Errors
    /// If a file cannot be opened.
    pub(crate) fn open(&mut self, roster: &Roster, person: &mut Person<'_>) -> Result<(), Failure> {
        for path in std::mem::take(&mut self.locked) {
            self.add(Box::new(key_file(&path, None, person)?), roster);
        }
        for (owner, key) in self.hidden(roster) {
            // A token that was opened for another key may show this one by now.
            let is_hidden = self.hidden(roster).iter().any(|(_, hidden)| *hidden == key);
            let (Some(tokens), Some(uri), true) = (&self.tokens, key.uri(), is_hidden) else { continue };
            match tokens.open(uri, Some(owner), person) {
                Ok(device) => self.add(device, roster),
                Err(_) if person.passed_over() => {}
                Err(failure) => {
                    let line = failure.line();
                    if !self.problems.contains(&line) {
                        self.problems.push(line);
                    }
                }
            }
        }
        Ok(())
    }

    /// The keys of people on tokens that are here, and show no key at all.
    fn hidden<'r>(&self, roster: &'r Roster) -> Vec<(&'r Name, &'r RecordKey)> {
        let Some(tokens) = &self.tokens else { return Vec::new() };
        let people = roster.records().iter().filter(|record| record.kind() == Kind::Person);
        let keys = people.flat_map(|record| record.keys().iter().map(move |key| (record.name(), key)));
        let is_hidden = |key: &RecordKey| {
            let Some(uri) = key.uri().filter(|uri| tokens.is_here(uri)) else { return false };
            self.keys.iter().all(|there| {
                let shown = there.device.describe().uri.is_some_and(|other| uri.matches_token(&other));
                there.fingerprint != key.fingerprint() && !shown
            })
        };
        keys.filter(|(_, key)| key.state() != State::Retired && is_hidden(key)).collect()
    }

    /// Adds a key. One that is reached in two ways is used as its record says, and else as it was found first.
    fn add(&mut self, device: Box<dyn Device>, roster: &Roster) {
        let fingerprint = device.public_key().fingerprint();
        let home = roster.find(&fingerprint).map(|(_, key)| key.home());
        match self.keys.iter_mut().find(|key| key.fingerprint == fingerprint) {
            None => self.keys.push(KeyAtHand { fingerprint, device }),
            Some(key) if home.is_some_and(|home| !is_at(&*key.device, home) && is_at(&*device, home)) => {
                key.device = device;
            }
            Some(_) => {}
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

/// What this machine reaches, for a person to read. All texts are escaped.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) modules: Vec<ListedModule>,
    pub(crate) tokens: Vec<ListedToken>,
    pub(crate) yubikeys: Vec<ListedYubikey>,
    pub(crate) problems: Vec<String>,
    /// The problems of tokens that are YubiKeys behind a module, as it seems.
    views: Vec<String>,
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

/// Whether this is how a key is reached that lives at `home`.
fn is_at(device: &dyn Device, home: &Home) -> bool {
    let here = device.describe();
    here.kind == home.kind() && home.uri().is_none_or(|uri| here.uri.is_some_and(|here| uri.matches_token(&here)))
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
