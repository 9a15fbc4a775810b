//! The keys at hand.

use std::path::PathBuf;

use ceremony::Fingerprint;
use keyholders::{Device, DeviceKind, Home, Kind, Name, Nobody, Record, RecordKey, Roster, State, Uri};

use super::{DeviceArgs, InYubikeys, OnTokens, Tokens, Yubikeys, is_locked, key_file, unreached};
use crate::ask::Person;
use crate::context::Context;
use crate::error::Failure;
use crate::text::escaped;

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
        let mut closed: Vec<&Uri> = Vec::new();
        for uri in self.hidden(roster).into_iter().filter_map(|(_, key)| key.uri()) {
            // Two tokens may have one label.
            if !closed.iter().any(|other| other.matches_token(uri) && uri.matches_token(other)) {
                closed.push(uri);
            }
        }
        let name = |uri: &Uri| format!("the token \"{}\"", escaped(uri.token.as_deref().unwrap_or_default()));
        closed.into_iter().map(name).collect()
    }

    /// The key files that a passphrase opens.
    pub(crate) fn locked_files(&self) -> &[PathBuf] {
        &self.locked
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

/// Whether this is how a key is reached that lives at `home`.
fn is_at(device: &dyn Device, home: &Home) -> bool {
    let here = device.describe();
    here.kind == home.kind() && home.uri().is_none_or(|uri| here.uri.is_some_and(|here| uri.matches_token(&here)))
}
