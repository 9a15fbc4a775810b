//! The whole line on YubiKeys: five people and a robot, two reader daemons, one directory, and the clients of others that
//! start from what comes out. The cards are virtual.
#![allow(clippy::unwrap_used)]

mod common;
mod sigstore;

use std::fs;

use common::clients::{Job, one};
use common::desk::{NEW, NONCE};
use common::yubikeys::PIN;
use common::{Readers, Server, Store, Trustroot, fits};
use virtual_yubikey::{Card, Firmware, Reader};

/// Five people; the last three sign.
const PEOPLE: [(&str, Firmware); 5] = [
    ("alice", Firmware::V5_7_4),
    ("bob", Firmware::V4_4_5),
    ("carol", Firmware::V4_4_5),
    ("dave", Firmware::V5_4_3),
    ("erin", Firmware::V5_7_4),
];

/// Somebody with a machine, readers and a YubiKey.
struct Person<'a> {
    name: &'static str,
    machine: Trustroot,
    readers: &'a Readers,
    card: Card,
}

impl Person<'_> {
    /// Plugs the YubiKey in: the readers are shared, and only one person at a time sits there.
    fn comes(&self) -> Reader {
        self.readers.insert(&self.card)
    }

    fn leaves(&self, reader: Reader) {
        assert!(!self.card.is_verified());
        self.readers.rig().remove(reader).unwrap();
    }

    fn enrolls(&self) {
        let reader = self.comes();
        let (pin, anchor) = (self.readers.pin_file(&self.machine), self.readers.anchor(&self.machine));
        let enroll = ["keyholder", "enroll", self.name, "--yubikey", "--slot-is-empty", "--nonce", NONCE];
        let answers = ["--pin-file", &pin, "--anchor", &anchor];
        self.machine.ok(&[&enroll[..], &NEW, &answers].concat());
        self.leaves(reader);
    }

    /// Reviews, hears the words, and signs at the terminal.
    fn signs(&self, words: &str) {
        let reader = self.comes();
        let touches = self.card.touches().given;
        self.machine.ok(&["review"]);
        let mut terminal = self.machine.terminal(&["sign"]);
        terminal.expect("Digest as you heard it").line(words);
        terminal.expect(&format!("PIN, for {}", self.name)).type_secret(PIN);
        assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen());
        let written = terminal.written();
        assert_eq!((written.matches("PIN, for").count(), written.contains(PIN)), (1, false), "{written}");
        assert_eq!((self.card.touches().given - touches, self.card.tries_left()), (2, 3));
        self.leaves(reader);
    }
}

#[test]
fn five_yubikeys_make_a_trust_root_that_clients_start_from() {
    let (left, right) = (Readers::new(), Readers::new());
    let room = Trustroot::new();
    let names = PEOPLE.map(|(name, _)| format!("--keyholder={name}"));
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    room.ok(&[&["init", "--name=Line", "--template=sigstore", "--threshold=3"], &names[..]].concat());
    left.trust(&room);
    let policy = room.read("trustroot.toml").replace("# attested = true", "attested = true");
    room.write("trustroot.toml", policy.replace("# pin-policy = \"once\"", "pin-policy = \"always\""));
    for name in ["trusted_root.json", "signing_config.v0.2.json"] {
        room.write(&format!("targets/{name}"), sigstore::target(name));
    }

    // The robot has its key on a token, whose PIN lies in a file of the coordinator's machine.
    let store = Store::new(&["online"]);
    let coordinator = store.on(room);
    let file = coordinator.home().join("config.toml");
    let pin = format!("\n[[pin]]\nkeyholder = \"online\"\nfile = \"{}\"\n", store.pin_file());
    fs::write(&file, fs::read_to_string(&file).unwrap() + &pin).unwrap();
    let online = ["keyholder", "enroll", "online", "--pkcs11=pkcs11:token=online", "--generate", "--nonce", NONCE];
    coordinator.ok(&[&online[..], &["--pin-file", &store.pin_file()]].concat());

    let people = PEOPLE.iter().zip(1001..).map(|((name, firmware), serial)| {
        let readers = if serial % 2 == 0 { &left } else { &right };
        let machine = readers.on(coordinator.other_machine());
        Person { name, machine, readers, card: readers.card(serial, *firmware) }
    });
    let people: Vec<_> = people.collect();
    people.iter().for_each(Person::enrolls);
    for (name, _) in PEOPLE.iter().filter(|(_, firmware)| *firmware < Firmware(5, 7, 0)) {
        let accept =
            ["accept", "firmware-eucleak", name, "--reason=replaced in spring", "--until=2099-01-01T00:00:00Z"];
        coordinator.ok(&accept);
    }
    // Sigstore's own material has a week without a CT log.
    let hole = ["accept", "coverage-hole", "ctlog 2021-03-07", "--reason=history", "--until=2099-01-01T00:00:00Z"];
    coordinator.ok(&hole);
    let verified = coordinator.json(0, &["keyholder", "verify", "--nonce", NONCE]);
    let records = verified["keyholders"].as_array().unwrap();
    for ((name, firmware), serial) in PEOPLE.iter().zip(1001..) {
        let record = records.iter().find(|record| record["name"] == *name).unwrap();
        let proof = &record["attested"][0];
        assert_eq!((&proof["serial"], &proof["slot"]), (&serial.into(), &"9c".into()), "{record}");
        assert_eq!((&proof["pin-policy"], &proof["touch-policy"]), (&"always".into(), &"always".into()));
        assert_eq!(proof["firmware"], firmware.to_string());
    }
    let shown = coordinator.ok(&["keyholder", "verify"]);
    assert_eq!(shown.matches("attested: made in the YubiKey").count(), 5, "{shown}");
    fits(&shown);

    coordinator.ok(&["stage"]);
    let words = coordinator.json(0, &["review", "--digest"])["words"].as_str().unwrap().to_owned();
    people[2].signs(&words);
    people[3].signs(&words);
    let early = coordinator.exits(1, &["publish"]);
    assert!(early.says("root needs 3 of 5 incoming keys; 2 have signed (carol, dave)"), "{}", early.said());
    people[4].signs(&words);
    coordinator.ok(&["publish"]);
    coordinator.ok(&["verify", "--repository=repository", "--root=repository/1.root.json"]);

    let server = Server::directory(coordinator.dir().join("repository"));
    let root = coordinator.dir().join("repository/1.root.json");
    let caches = tempfile::tempdir().unwrap();
    for (client, version) in [("cosign", 0), ("sigstore-python", 1), ("sigstore-js", 0)] {
        let job = Job::new(server.url(), &root, &caches.path().join(client), &["trusted_root.json"]);
        fs::create_dir_all(&job.cache).unwrap();
        assert_eq!(one(client, &job, None), Ok(version), "{client}");
    }
}
