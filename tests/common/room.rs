//! A ceremony room: people with keys in files, each with a machine of their own, around one directory.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ceremony::{Algorithm, Signature, TufKey};
use keyholders::{
    Action, Ask, AskError, Device as _, FileKey, Home, Kind, Name, Nonce, Pin, PinRequest, Possession, Record,
    RecordKey, State,
};
use serde_json::Value;
use tempfile::TempDir;

use super::tuf::unsigned;
use super::{Run, Trustroot};

/// When everything happens, unless a test says otherwise.
pub const NOW: &str = "2026-11-22T12:00:00Z";

/// The room.
pub struct Room {
    /// The coordinator's machine.
    pub coordinator: Trustroot,
    machines: BTreeMap<String, Trustroot>,
    keys: TempDir,
    now: String,
    id: String,
}

impl Room {
    /// A trust root of these people, with one online key and one target file; nothing is staged.
    pub fn new(people: &[&str], threshold: u64) -> Self {
        Self::build(people, threshold, None)
    }

    /// A trust root of other people and keys that has the id of this one.
    pub fn forged(&self, people: &[&str], threshold: u64) -> Self {
        Self::build(people, threshold, Some(&self.id))
    }

    fn build(people: &[&str], threshold: u64, forged: Option<&str>) -> Self {
        let coordinator = Trustroot::new();
        let threshold = format!("--threshold={threshold}");
        let names: Vec<String> = people.iter().map(|name| format!("--keyholder={name}")).collect();
        let mut arguments = vec!["init", "--name=Test", "--file-keys", &threshold];
        arguments.extend(names.iter().map(String::as_str));
        let mut id = coordinator.json(0, &arguments)["id"].as_str().unwrap().to_owned();
        if let Some(forged) = forged {
            coordinator.write("trustroot.toml", coordinator.read("trustroot.toml").replace(&id, forged));
            forged.clone_into(&mut id);
        }
        if threshold == format!("--threshold={}", people.len()) {
            coordinator.accept_no_spare();
        }
        let keys = tempfile::tempdir().unwrap();
        let mut room = Self { coordinator, machines: BTreeMap::new(), keys, now: NOW.to_owned(), id };
        for name in people {
            room.enroll(name);
        }
        room.write_record("online", Kind::Online);
        room.coordinator.write("targets/a.txt", "first\n");
        room
    }

    /// Writes the record of a new keyholder, and gives them a machine.
    pub fn enroll(&mut self, name: &str) {
        self.write_record(name, Kind::Person);
        self.machines.insert(name.to_owned(), self.coordinator.other_machine());
    }

    /// Writes the record of a new online key.
    pub fn enroll_online(&self, name: &str) {
        self.write_record(name, Kind::Online);
    }

    fn write_record(&self, name: &str, kind: Kind) {
        let mut key = FileKey::generate(Algorithm::EcdsaP256, name).unwrap();
        let tuf_key = TufKey::author(key.public_key()).unwrap();
        std::fs::write(self.key_file(name), key.to_plain_pem().as_bytes()).unwrap();
        let holder = Name::new(name).unwrap();
        let proof = Possession::prove(&mut key, &self.id, &holder, Nonce::random().unwrap(), &mut Nobody).unwrap();
        let key = RecordKey::new(State::Active, tuf_key, Home::File, Some(proof)).unwrap();
        let record = Record::new(holder, kind, vec![key]).unwrap();
        self.coordinator.write(&format!("keyholders/{name}.toml"), record.to_toml());
    }

    /// The file with the key of somebody.
    pub fn key_file(&self, name: &str) -> PathBuf {
        self.keys.path().join(format!("{name}.pem"))
    }

    /// `signed` as a metadata file, signed by the key of somebody: whoever has the file can do it.
    pub fn signed_by(&self, name: &str, signed: &Value) -> Vec<u8> {
        let mut metadata = unsigned(signed);
        let pem = std::fs::read(self.key_file(name)).unwrap();
        let mut key = FileKey::read(&pem, name, None, &mut Nobody).unwrap();
        let sig = key.sign(metadata.payload().bytes(), &mut Nobody).unwrap();
        let keyid = TufKey::author(key.public_key()).unwrap().id;
        metadata.signatures.push(Signature { keyid, sig });
        metadata.to_file()
    }

    /// The signed part of a metadata file of the repository.
    pub fn published(&self, name: &str) -> Value {
        let file: Value = serde_json::from_str(&self.coordinator.read(&format!("repository/{name}"))).unwrap();
        file["signed"].clone()
    }

    /// The machine of somebody.
    pub fn machine(&self, name: &str) -> &Trustroot {
        &self.machines[name]
    }

    /// Another machine of somebody, which remembers nothing.
    pub fn fresh(&self) -> Trustroot {
        self.coordinator.other_machine()
    }

    /// The path of a file of the directory.
    pub fn path(&self, path: &str) -> PathBuf {
        self.coordinator.dir().join(path)
    }

    /// Replaces text in a file of the directory, which must have it.
    pub fn replace(&self, path: &str, from: &str, to: &str) {
        let text = self.coordinator.read(path);
        assert!(text.contains(from), "{path} has no {from}: {text}");
        self.coordinator.write(path, text.replace(from, to));
    }

    /// From now on it is another time.
    pub fn at(&mut self, now: &str) {
        self.now = now.to_owned();
    }

    /// Runs a command on the coordinator's machine.
    pub fn run(&self, code: i32, arguments: &[&str]) -> Run {
        self.run_as(&self.coordinator, code, arguments)
    }

    /// Runs a command on a machine.
    pub fn run_as(&self, machine: &Trustroot, code: i32, arguments: &[&str]) -> Run {
        machine.exits(code, &[arguments, &["--now", &self.now]].concat())
    }

    /// Runs a command on the coordinator's machine with `--json`.
    pub fn json(&self, code: i32, arguments: &[&str]) -> Value {
        self.json_as(&self.coordinator, code, arguments)
    }

    /// Runs a command on a machine with `--json`.
    pub fn json_as(&self, machine: &Trustroot, code: i32, arguments: &[&str]) -> Value {
        machine.json(code, &[arguments, &["--now", &self.now]].concat())
    }

    /// Stages what is due, and returns the name of the ceremony.
    pub fn stage(&self) -> String {
        self.json(0, &["stage"])["ceremony"].as_str().unwrap().to_owned()
    }

    /// The words of the digest of a ceremony, from the coordinator's screen.
    pub fn words(&self, ceremony: &str) -> String {
        self.json(0, &["review", ceremony, "--digest"])["words"].as_str().unwrap().to_owned()
    }

    /// Has these people sign.
    pub fn sign_all(&self, people: &[&str], ceremony: &str) {
        let words = self.words(ceremony);
        for name in people {
            self.sign(name, ceremony, &words);
        }
    }

    /// Has somebody sign, who heard `words`, and trusts the first root once there is one.
    pub fn sign(&self, name: &str, ceremony: &str, words: &str) -> Run {
        let key = self.key_file(name);
        let mut arguments = vec!["sign", ceremony, "--expect", words, "--key-file", key.to_str().unwrap()];
        if self.path("repository/1.root.json").exists() {
            arguments.extend(["--root", "repository/1.root.json"]);
        }
        self.run_as(self.machine(name), 0, &arguments)
    }

    /// Publishes a ceremony, with the online key at hand.
    pub fn publish(&self, ceremony: &str) -> Run {
        self.run(0, &self.with_keys(&["publish", ceremony], &["online"]).each())
    }

    /// A command for whoever has these online keys at hand.
    pub fn with_keys(&self, arguments: &[&str], keys: &[&str]) -> Arguments {
        let keys = keys.iter().flat_map(|name| ["--online-key".into(), self.key_file(name).display().to_string()]);
        Arguments(arguments.iter().map(|argument| argument.to_string()).chain(keys).collect())
    }

    /// Stages, has these people sign, and publishes; returns the name of the ceremony.
    pub fn hold(&self, people: &[&str]) -> String {
        let ceremony = self.stage();
        self.sign_all(people, &ceremony);
        self.publish(&ceremony);
        ceremony
    }
}

/// The arguments of a command.
pub struct Arguments(Vec<String>);

impl Arguments {
    /// These.
    pub fn of(arguments: &[&str]) -> Self {
        Self(arguments.iter().map(|argument| argument.to_string()).collect())
    }

    /// Each of them.
    pub fn each(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }
}

struct Nobody;

impl Ask for Nobody {
    fn pin(&mut self, _: PinRequest) -> Result<Pin, AskError> {
        Err(AskError::Cancelled)
    }

    fn act(&mut self, _: Action) {}
}
