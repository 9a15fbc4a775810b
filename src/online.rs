//! The online keys of this machine, which sign snapshot and timestamp without a person.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ceremony::{Fingerprint, KeySet, Policy, SignOnline, TufKey};
use keyholders::{Device, DeviceKind, FileKey, Home, Name, Pin, RecordKey, Roster, Uri};

use crate::ask::{ATTEMPTS, Robot, secret_file};
use crate::context::Context;
use crate::devices::{self, ModuleArgs, Tokens, Yubikeys};
use crate::error::{Failure, OrFail as _};
use crate::machine::Config;
use crate::ui::Ui;

/// Where the online keys of this machine are, besides what its configuration says.
#[derive(Clone, Default, clap::Args)]
pub(crate) struct OnlineArgs {
    /// Sign snapshot and timestamp with the key in this file; may be given several times
    #[arg(long = "online-key", value_name = "FILE")]
    pub(crate) online_keys: Vec<PathBuf>,
    /// Read the PIN or the passphrase of the online key from this file
    #[arg(long, value_name = "FILE")]
    pub(crate) online_pin_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) modules: ModuleArgs,
    /// What a person typed for the files of online keys.
    #[arg(skip)]
    pub(crate) passphrase: Option<Pin>,
}

impl OnlineArgs {
    /// Asks the person, if there is one, for the files of online keys that neither a flag nor the configuration names, and
    /// for their passphrase.
    ///
    /// # Errors
    /// If the configuration cannot be read. Without a terminal nothing is asked: a timer has nobody to answer.
    pub(crate) fn complete(
        mut self,
        context: &Context,
        ui: &mut Ui,
        policy: &Policy,
        roster: &Roster,
    ) -> Result<Self, Failure> {
        if !ui.has_terminal() {
            return Ok(self);
        }
        let config = context.machine.config()?;
        if !self.online_keys.is_empty() {
            return self.unlock(ui);
        }
        let roles = ["snapshot", "timestamp"].into_iter().filter_map(|role| policy.role(role));
        let names: BTreeSet<&String> = roles.flat_map(|role| role.signers.names()).collect();
        for name in names {
            let key = roster.record(name).and_then(|record| record.active());
            let in_file = key.is_some_and(|key| key.device() == DeviceKind::File);
            if in_file && config.online.iter().all(|online| online.keyholder.as_str() != name) {
                let question = format!("File of the online key of {name}");
                let key_file = |path: PathBuf| devices::is_locked(&path).map(|_| path);
                self.online_keys.push(ui.accepted("--online-key", &question, None, key_file)?);
            }
        }
        self.unlock(ui)
    }

    /// Asks for the passphrase of the first file that has one, where no file answers for it.
    fn unlock(mut self, ui: &mut Ui) -> Result<Self, Failure> {
        let is_locked = |path: &&PathBuf| devices::is_locked(path).unwrap_or_default();
        if let (None, Some(file)) = (&self.online_pin_file, self.online_keys.iter().find(is_locked)) {
            let question = format!("Passphrase of {}", file.display());
            self.passphrase = Some(passphrase(ui, file, &question)?);
        }
        Ok(self)
    }
}

/// The passphrase that opens a key file, asked for until it does, three times at the most.
fn passphrase(ui: &mut Ui, file: &Path, question: &str) -> Result<Pin, Failure> {
    for _ in 1..ATTEMPTS {
        let passphrase = ui.secret("--online-pin-file", question)?;
        match opens(&passphrase, file) {
            Ok(()) => return Ok(passphrase),
            Err(failure) => ui.say(failure.line()),
        }
    }
    let passphrase = ui.secret("--online-pin-file", question)?;
    opens(&passphrase, file).map(|()| passphrase)
}

fn opens(passphrase: &Pin, file: &Path) -> Result<(), Failure> {
    devices::key_file(file, None, &mut Robot::new(Some(passphrase.clone()))).map(drop)
}

/// The online keys of this machine. Each is looked for when it is to sign, and asked for nothing that a person would
/// have to answer.
///
/// A key file that [`OnlineArgs`] names is taken for whatever key it holds. Else the record of the key decides: a file
/// that the configuration names for the keyholder, or the token that the record names, through the modules of this
/// machine.
pub(crate) struct OnlineKeys<'a> {
    roster: &'a Roster,
    args: &'a OnlineArgs,
    config: Config,
    /// The time is not the real one: no key may sign that is not throw-away.
    throw_away_only: bool,
    tokens: OnceCell<Tokens>,
    /// One handle for each YubiKey, whichever of its keys sign: a second one would take the PIN from the first.
    yubikeys: OnceCell<Yubikeys>,
    open: BTreeMap<Fingerprint, Open>,
}

/// A key at hand, and what answers its device.
struct Open {
    device: Box<dyn Device>,
    robot: Robot,
}

impl<'a> OnlineKeys<'a> {
    /// The keys that `args` and the configuration name for the keyholders in `roster`. Nothing is opened yet.
    pub(crate) fn new(context: &Context, args: &'a OnlineArgs, roster: &'a Roster) -> Result<Self, Failure> {
        Ok(Self::configured(context.machine.config()?, context.now_given, args, roster))
    }

    fn configured(config: Config, throw_away_only: bool, args: &'a OnlineArgs, roster: &'a Roster) -> Self {
        let (tokens, yubikeys) = (OnceCell::new(), OnceCell::new());
        Self { roster, args, config, throw_away_only, tokens, yubikeys, open: BTreeMap::new() }
    }

    /// Looks for as many of `keys` as must sign `role`, and has none of them sign. On a token a key that shows itself is
    /// found without its PIN, which has only to be there, and to be one that would be given; a hidden one is found by
    /// logging in, as when it signs.
    ///
    /// # Errors
    /// What the keys that are not at hand lack.
    pub(crate) fn at_hand(&mut self, role: &str, keys: &KeySet) -> Result<(), Failure> {
        let (mut found, mut absent) = (0, Vec::new());
        for fingerprint in keys.fingerprints() {
            match self.look(fingerprint) {
                Ok(()) => found += 1,
                Err(failure) => absent.push(failure),
            }
        }
        if found >= keys.threshold {
            return Ok(());
        }
        let unusable = || Failure::could_not("the root names fewer keys that this program can use than must sign");
        let failure = absent.into_iter().reduce(Failure::and_failure).unwrap_or_else(unusable);
        Err(failure.in_context(format!("{role} is not due yet, and could not be signed when it is")))
    }

    fn look(&mut self, fingerprint: Fingerprint) -> Result<(), Failure> {
        if self.open.contains_key(&fingerprint) {
            return Ok(());
        }
        if let Some((record, key)) = self.roster.find(&fingerprint)
            && self.args.online_keys.is_empty()
            && let Some(uri) = key.uri()
            && let Some(tries) = self.tokens().tries(uri)?
        {
            let robot = Robot::new(self.secret(Some(record.name()), Some(uri))?);
            robot.ready(tries).or_fail(|| format!("the PIN of {uri} cannot be given"))?;
        }
        let open = self.find(&fingerprint)?;
        self.open.insert(fingerprint, open);
        Ok(())
    }

    fn tokens(&self) -> &Tokens {
        self.tokens.get_or_init(|| Tokens::load(&self.args.modules, &self.config))
    }

    fn find(&self, fingerprint: &Fingerprint) -> Result<Open, Failure> {
        let record = self.roster.find(fingerprint);
        let owner = record.map(|(record, _)| record.name());
        let (mut shut, mut others) = (Vec::new(), Vec::new());
        for path in &self.args.online_keys {
            match self.file(path, owner) {
                Ok(key) if key.public_key().fingerprint() == *fingerprint => return Ok(key.into()),
                Ok(key) => {
                    let held = key.public_key().fingerprint().short();
                    others.push(format!("{} holds the key {held}", path.display()));
                }
                Err(failure) => shut.push(failure),
            }
        }
        let Some((record, key)) = record else {
            let message = format!("no keyholder on record has the online key {}", fingerprint.short());
            return Err(absent(message, shut, others));
        };
        let name = record.name();
        match key.device() {
            DeviceKind::File => {
                // While a key is being replaced, its owner has two files.
                for online in self.config.online.iter().filter(|online| online.keyholder == *name) {
                    match self.file(&online.file, owner) {
                        Ok(key) if key.public_key().fingerprint() == *fingerprint => return Ok(key.into()),
                        Ok(key) => {
                            let (found, wanted) = (key.public_key().fingerprint().short(), fingerprint.short());
                            let file = online.file.display();
                            others.push(format!("{file} holds the key {found}, not {name}'s {wanted}"));
                        }
                        Err(failure) => shut.push(failure),
                    }
                }
                let message = format!("the online key {} of {name} is not at hand", fingerprint.short());
                let hint = "name its file with --online-key, or as [[online]] in config.toml";
                let is_elsewhere = shut.is_empty();
                let absent = absent(message, shut, others);
                Err(if is_elsewhere { absent.hint(hint) } else { absent })
            }
            DeviceKind::Pkcs11 => self.on_token(name, key),
            DeviceKind::Yubikey => self.in_yubikey(name, key),
            DeviceKind::External => {
                let short = fingerprint.short();
                let message = format!("the online key {short} of {name} is not reached by this program");
                Err(Failure::could_not(message)
                    .hint("if somebody else signs these roles, the policy says online = \"external\""))
            }
        }
    }

    fn file(&self, path: &Path, owner: Option<&Name>) -> Result<FileKey, Failure> {
        let mut robot = Robot::new(self.secret(owner, None)?);
        devices::key_file(path, owner, &mut robot)
    }

    fn on_token(&self, name: &Name, key: &RecordKey) -> Result<Open, Failure> {
        let uri = key.uri().expect("a key on a token has a URI");
        let mut robot = Robot::new(self.secret(Some(name), Some(uri))?);
        let device = self.tokens().open(uri, Some(name), &mut robot)?;
        let (found, wanted) = (device.public_key().fingerprint(), key.fingerprint());
        if found != wanted {
            let message = format!("{uri} is the key {}, not {name}'s {}", found.short(), wanted.short());
            return Err(Failure::could_not(message));
        }
        Ok(Open { device, robot })
    }

    fn in_yubikey(&self, name: &Name, key: &RecordKey) -> Result<Open, Failure> {
        let Home::Yubikey { serial, slot } = *key.home() else {
            return Err(Failure::could_not(format!("the key of {name} is in no YubiKey")));
        };
        let device = self.yubikeys.get_or_init(Yubikeys::open).key((serial, slot), key.public_key(), name)?;
        Ok(Open { device, robot: Robot::new(self.secret(Some(name), None)?) })
    }

    /// The PIN or the passphrase for a key of `owner`, on the token `uri`.
    fn secret(&self, owner: Option<&Name>, uri: Option<&Uri>) -> Result<Option<Pin>, Failure> {
        if let Some(file) = &self.args.online_pin_file {
            return secret_file(file).map(Some);
        }
        if let Some(passphrase) = &self.args.passphrase {
            return Ok(Some(passphrase.clone()));
        }
        for source in &self.config.pin {
            let for_owner = source.keyholder.is_some() && source.keyholder.as_ref() == owner;
            let for_token = source.uri.as_ref().is_some_and(|named| uri.is_some_and(|uri| named.matches_token(uri)));
            if for_owner || for_token {
                return secret_file(&source.file).map(Some);
            }
        }
        Ok(None)
    }
}

/// No key that was looked for is at hand: some files could not be opened, and others hold other keys.
fn absent(message: String, shut: Vec<Failure>, others: Vec<String>) -> Failure {
    let failure = shut.into_iter().fold(Failure::could_not(message), Failure::and_failure);
    others.into_iter().fold(failure, Failure::and_cause)
}

impl From<FileKey> for Open {
    fn from(key: FileKey) -> Self {
        Self { device: Box::new(key), robot: Robot::new(None) }
    }
}

impl SignOnline for OnlineKeys<'_> {
    type Error = Failure;

    fn sign(&mut self, role: &str, key: &TufKey, payload: &[u8]) -> Result<Vec<u8>, Failure> {
        let fingerprint = key.key.as_ref().map_err(Clone::clone)?.fingerprint();
        if !self.open.contains_key(&fingerprint) {
            let open = self.find(&fingerprint)?;
            self.open.insert(fingerprint, open);
        }
        let Open { device, robot } = self.open.get_mut(&fingerprint).expect("it was opened above");
        let description = device.describe();
        if self.throw_away_only && !description.kind.is_throw_away() {
            let message = format!("--now was given, and {} is no throw-away key", description.label);
            return Err(Failure::could_not(message).hint("leave --now out: a real key signs at the real time"));
        }
        device.sign(payload, robot).or_fail(|| format!("{role} is not signed"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ceremony::Algorithm;
    use keyholders::{Kind, Nonce, Possession, Record, State};

    use super::*;
    use crate::machine::{OnlineFile, PinSource};

    fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
        let path = dir.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn roster(key: &mut FileKey) -> Roster {
        let name = Name::new("robot").unwrap();
        let possession = Possession::prove(key, "id", &name, Nonce::random().unwrap(), &mut Robot::new(None)).unwrap();
        let tuf_key = TufKey::author(key.public_key()).unwrap();
        let key = RecordKey::new(State::Active, tuf_key, Home::File, Some(possession)).unwrap();
        Roster::new([Record::new(name, Kind::Online, vec![key]).unwrap()]).unwrap()
    }

    fn sign(roster: &Roster, args: &OnlineArgs, config: Config, key: &TufKey) -> Result<Vec<u8>, Failure> {
        OnlineKeys::configured(config, true, args, roster).sign("timestamp", key, b"payload")
    }

    #[test]
    fn a_key_file_is_found_by_its_flag_or_by_the_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let mut key = FileKey::generate(Algorithm::EcdsaP256, "k").unwrap();
        let other = FileKey::generate(Algorithm::EcdsaP256, "o").unwrap();
        let pin = write(dir.path(), "pin", "correct horse\n");
        let file =
            write(dir.path(), "key.pem", &key.to_encrypted_pem(&Pin::new("correct horse".into()).unwrap()).unwrap());
        let wrong = write(dir.path(), "other.pem", &other.to_plain_pem());
        let (roster, tuf_key) = (roster(&mut key), TufKey::author(key.public_key()).unwrap());
        let args = |files: &[&PathBuf], pin: Option<&PathBuf>| OnlineArgs {
            online_keys: files.iter().map(|file| file.to_path_buf()).collect(),
            online_pin_file: pin.cloned(),
            ..OnlineArgs::default()
        };
        let config = |file: &PathBuf| Config {
            online: vec![OnlineFile { keyholder: Name::new("robot").unwrap(), file: file.clone() }],
            pin: vec![PinSource { keyholder: Some(Name::new("robot").unwrap()), uri: None, file: pin.clone() }],
            ..Config::default()
        };
        let verifies = |signature: Vec<u8>| key.public_key().verify(b"payload", &signature).unwrap();

        verifies(sign(&roster, &args(&[&wrong, &file], Some(&pin)), Config::default(), &tuf_key).unwrap());
        verifies(sign(&Roster::default(), &args(&[&file], Some(&pin)), Config::default(), &tuf_key).unwrap());
        verifies(sign(&roster, &args(&[], None), config(&file), &tuf_key).unwrap());

        let fails = |args: &OnlineArgs, config| sign(&roster, args, config, &tuf_key).unwrap_err().to_string();
        let absent = fails(&args(&[], None), Config::default());
        assert!(absent.contains("of robot is not at hand") && absent.contains("--online-key"), "{absent}");
        let others = fails(&args(&[&wrong], None), Config::default());
        let held = other.public_key().fingerprint().short();
        assert!(others.contains("of robot is not at hand") && others.contains(&held), "{others}");
        let unanswered = fails(&args(&[&file], None), Config::default());
        assert!(unanswered.contains("--online-pin-file"), "{unanswered}");
        let exchanged = fails(&args(&[], None), config(&wrong));
        assert!(exchanged.contains("not robot's"), "{exchanged}");
        let broken = write(dir.path(), "broken.pem", "-----BEGIN PRIVATE KEY-----\n");
        let everywhere = fails(&args(&[&broken, &wrong, &file], None), Config { pin: Vec::new(), ..config(&wrong) });
        for lacks in ["broken.pem", &held, "no passphrase for", "--online-pin-file", "not robot's"] {
            assert!(everywhere.contains(lacks), "{lacks}: {everywhere}");
        }
        let unknown = sign(&roster, &args(&[], None), config(&file), &TufKey::author(other.public_key()).unwrap());
        assert!(unknown.unwrap_err().to_string().contains("no keyholder on record"));
    }
}
