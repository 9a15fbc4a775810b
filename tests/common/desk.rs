//! A desk with readers on it: a trust root whose people come there to sign with virtual YubiKeys.

use std::collections::BTreeSet;
use std::fs;

use super::store::{Store, softhsm};
use super::yubikeys::Readers;
use super::{Run, Terminal, Trustroot};

/// The coordinator's nonce.
pub const NONCE: &str = "00112233445566778899aabbccddeeff";

/// The desk, and the machine below it.
pub struct Desk {
    pub readers: Readers,
    pub room: Trustroot,
    /// No tokens, behind the only PKCS#11 module: another one that this system has may look into YubiKeys too.
    _store: Store,
}

impl Desk {
    /// A trust root of these people, of whom `threshold` must sign. Its policy trusts the authority of the virtual
    /// YubiKeys; its online key lies in a file; it has one target. No YubiKey is plugged in.
    pub fn new(people: &[&str], threshold: usize) -> Self {
        let readers = Readers::new();
        let store = Store::new(&[]);
        let room = store.seen_by(readers.on(Trustroot::new()));
        let people: Vec<_> = people.iter().map(|name| format!("--keyholder={name}")).collect();
        let threshold = format!("--threshold={threshold}");
        let mut arguments = vec!["init", "--name=Test", &threshold];
        arguments.extend(people.iter().map(String::as_str));
        room.ok(&arguments);
        if threshold == format!("--threshold={}", people.len()) {
            room.accept_no_spare();
        }
        room.write("targets/a.txt", "first\n");
        readers.trust(&room);
        let online = room.home().join("online.pem");
        let online = ["keyholder", "enroll", "online", "--file", online.to_str().unwrap(), "--nonce", NONCE];
        room.ok(&[&online[..], &["--generate", "--no-passphrase"]].concat());
        Self { readers, room, _store: store }
    }

    /// The command with which somebody makes a key in the YubiKey with this serial number, with the PIN of every new
    /// one.
    pub fn enroll(&self, code: i32, name: &str, serial: u32, more: &[&str]) -> Run {
        let (serial, anchor) = (serial.to_string(), self.readers.anchor(&self.room));
        let pin = self.readers.pin_file(&self.room);
        let enroll = ["keyholder", "enroll", name, "--yubikey", "--serial", &serial, "--nonce", NONCE];
        let answers = ["--pin-file", &pin, "--anchor", &anchor];
        self.room.exits(code, &[&enroll[..], &answers, more].concat())
    }

    /// Makes a key that wants the PIN and a touch each time.
    pub fn enroll_new(&self, name: &str, serial: u32, more: &[&str]) {
        self.enroll(0, name, serial, &[&NEW, more].concat());
    }

    /// Asks something of devices: a line of the policy that is a comment so far.
    pub fn ask(&self, line: &str) {
        let (name, _) = line.split_once(" = ").unwrap();
        let policy = self.room.read("trustroot.toml");
        let lines = policy.lines().map(|old| match old.strip_prefix("# ") {
            Some(old) if old.starts_with(&format!("{name} = ")) => line,
            _ => old,
        });
        let asked = lines.collect::<Vec<_>>().join("\n") + "\n";
        assert_ne!(asked, policy, "{line}");
        self.room.write("trustroot.toml", asked);
    }

    /// Writes into the policy that a finding is known.
    pub fn accept(&self, finding: &str, subject: &str) {
        self.room.ok(&["accept", finding, subject, "--reason=tested", "--until=2099-01-01T00:00:00Z"]);
    }

    /// Stages; returns the digest that everybody hears.
    pub fn stage(&self) -> String {
        self.room.ok(&["stage"]);
        self.room.json(0, &["review", "--digest"])["digest"].as_str().unwrap().to_owned()
    }

    /// Signs without a terminal, with the PIN that every new YubiKey has.
    pub fn sign(&self, code: i32, digest: &str) -> Run {
        let pin = self.readers.pin_file(&self.room);
        self.room.exits(code, &[&signing(digest)[..], &["--pin-file", &pin]].concat())
    }

    /// Signs at a terminal.
    pub fn terminal(&self, digest: &str) -> Terminal {
        self.room.terminal(&signing(digest))
    }

    /// Publishes the one ceremony.
    pub fn publish(&self) {
        let online = self.room.home().join("online.pem");
        self.room.ok(&["publish", "--online-key", online.to_str().unwrap()]);
    }

    /// Who has signed what in the one ceremony, as `ROLE NAME`.
    pub fn signatures(&self) -> BTreeSet<String> {
        let ceremony = fs::read_dir(self.room.dir().join("ceremonies")).unwrap().next().unwrap().unwrap();
        let of = |role: &str| {
            let files = fs::read_dir(ceremony.path().join("signatures").join(role)).into_iter().flatten();
            let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
            names.map(|name| format!("{role} {}", name.split('.').next().unwrap())).collect::<Vec<_>>()
        };
        ["root", "targets"].into_iter().flat_map(of).collect()
    }
}

/// The command that signs.
pub fn signing(digest: &str) -> [&str; 5] {
    let module = softhsm().to_str().unwrap().to_owned().leak();
    ["sign", "--expect", digest, "--module", module]
}

/// Makes a key in an empty slot, which wants the PIN and a touch each time, and leaves the PIN as it is.
pub const NEW: [&str; 4] = ["--generate", "--pin-policy=always", "--touch-policy=always", "--keep-pin"];
