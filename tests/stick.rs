//! A stick that somebody evil has written: a ceremony, no trust root, and what a record of it names.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

use common::clients::copy;
use common::store::{PIN, evil_queries, softhsm};
use common::{BINARY, Run, Store, Trustroot, says, tuf};

const NONCE: &str = "00112233445566778899aabbccddeeff";

/// What a machine might take for a PIN, had it been told to.
const VARIABLES: [&str; 4] = ["TRUSTROOT_PIN", "PIN", "PKCS11_PIN", "YUBIKEY_PIN"];

/// alice, whose key is on a token of her machine, and the ceremony `next`, which follows a published root.
struct Alice {
    store: Store,
    room: Trustroot,
    words: String,
}

impl Alice {
    fn new() -> Self {
        let store = Store::new(&["alice"]);
        let room = store.on(Trustroot::new());
        let people = ["--keyholder=alice", "--keyholder=bob", "--keyholder=carol", "--threshold=2"];
        room.ok(&[&["init", "--name=Test", "--file-keys"], &people[..]].concat());
        let pin = store.pin_file();
        let token = ["keyholder", "enroll", "alice", "--pkcs11", "pkcs11:token=alice", "--pin-file", &pin];
        room.ok(&[&token[..], &["--generate", "--nonce", NONCE]].concat());
        let key = |name: &str| room.home().join(format!("{name}.pem")).to_str().unwrap().to_owned();
        for name in ["bob", "carol", "online"] {
            let file = key(name);
            let enroll = ["keyholder", "enroll", name, "--file", &file, "--generate", "--no-passphrase"];
            room.ok(&[&enroll[..], &["--nonce", NONCE]].concat());
        }
        room.write("targets/a.txt", "first\n");
        room.ok(&["stage", "--name=first"]);
        let words = |name: &str| room.json(0, &["review", name, "--digest"])["words"].as_str().unwrap().to_owned();
        let heard = words("first");
        room.ok(&["sign", "--expect", &heard, "--pin-file", &pin]);
        room.ok(&["sign", "--expect", &heard, "--key-file", &key("bob")]);
        room.ok(&["publish", "--online-key", &key("online")]);
        room.write("targets/b.txt", "second\n");
        room.ok(&["stage", "--name=next"]);
        let words = words("next");
        Self { store, room, words }
    }

    /// A stick with that ceremony alone, beside it what a record might name; in a machine of alice's that trusts the
    /// published root, and has her PIN in its environment.
    fn stick(&self) -> Trustroot {
        let mut stick = self.store.on(Trustroot::new());
        for name in VARIABLES {
            stick = stick.env(name, PIN);
        }
        copy(&self.room.dir().join("ceremonies/next"), &stick.dir().join("ceremonies/next"));
        stick
    }

    fn root(&self) -> String {
        self.room.dir().join("repository/1.root.json").to_str().unwrap().to_owned()
    }
}

/// What a run on a stick said, which ran no other program and went to no network, and the files that it opened.
fn traced(stick: &Trustroot, arguments: &[&str], code: i32) -> (Run, String) {
    let log = stick.home().join("calls");
    let trace = "trace=open,openat,openat2,execve,execveat,connect";
    let strace = [&["-f", "-qqq", "-o", log.to_str().unwrap(), "-e", trace, BINARY], arguments].concat();
    let output = stick.program("strace", &strace).output().expect("strace is missing: apt-get install strace");
    let run = Run::from(output);
    assert_eq!(run.code, code, "{arguments:?}: {run:?}");
    let calls = fs::read_to_string(&log).unwrap();
    assert!(calls.contains("\"alice.toml\""), "strace saw nothing: {calls}");
    assert_eq!(calls.matches("execve").count(), 1, "{arguments:?}: {calls}");
    assert!(!calls.contains("AF_INET") && !calls.contains("evil"), "{arguments:?}: {calls}");
    // What it was given is not what it opened.
    let opened = calls.lines().filter(|line| !line.contains("execve(")).collect::<Vec<_>>().join("\n");
    (run, opened)
}

/// `review` and `sign` on a stick, both of which end with `code`; what alice might type is all given.
fn refused(alice: &Alice, stick: &Trustroot, code: i32, why: &[&str]) {
    let (root, pin) = (alice.root(), alice.store.pin_file());
    let review = ["review", "next", "--root", &root];
    let sign = ["sign", "next", "--root", &root, "--expect", &alice.words, "--pin-file", &pin];
    for command in [&review[..], &sign] {
        let (run, calls) = traced(stick, command, code);
        says(&run, why);
        // No device was looked for, and no PIN.
        assert!(!calls.contains("softhsm") && !calls.contains(&pin), "{command:?}: {calls}");
    }
    assert!(!stick.dir().join("ceremonies/next/signatures").exists());
}

const RECORD: &str = "ceremonies/next/inputs/keyholders/alice.toml";

/// Records of alice that name a module, or where her PIN is.
fn evil_records(stick: &Trustroot) -> Vec<String> {
    let record = stick.read(RECORD);
    let uri = record.lines().find(|line| line.starts_with("uri = ")).unwrap().trim_end_matches('"');
    let evil = stick.dir().join("evil");
    let queries = evil_queries(&evil);
    queries.iter().map(|query| record.replace(&format!("{uri}\""), &format!("{uri}?{query}\""))).collect()
}

/// Puts the module and the PIN there that the records name, and what this machine would be told at home.
fn plant(stick: &Trustroot) {
    stick.write("evil/evil-module.so", fs::read(softhsm()).unwrap());
    stick.write("evil/evil-pin", PIN);
    let evil = stick.dir().join("evil");
    let modules = format!("pkcs11-modules = [\"{}/evil-module.so\"]", evil.display());
    let pin = format!("[[pin]]\nkeyholder = \"alice\"\nfile = \"{}/evil-pin\"", evil.display());
    stick.write("config.toml", format!("{modules}\n{pin}\n"));
}

#[test]
fn nothing_that_a_record_on_a_stick_names_is_loaded_or_read() {
    let alice = Alice::new();
    let stick = alice.stick();
    let honest = stick.read(RECORD);
    plant(&stick);
    let records = evil_records(&stick);
    assert_eq!(records.len(), 5);
    for record in records {
        assert_ne!(record, honest);
        stick.write(RECORD, record);
        refused(&alice, &stick, 2, &["query attribute", "alice.toml"]);
    }
}

#[test]
fn nothing_on_a_stick_is_loaded_or_read_where_its_base_is_forged() {
    let alice = Alice::new();
    let stick = alice.stick();
    plant(&stick);
    // Another root 1, whose keys are the enemy's; then the true one, and a root 2 of the enemy's.
    let forged = |version| tuf::signed(&tuf::root(version, &[tuf::key(1), tuf::key(2)], 2), &[1, 2]);
    stick.write("ceremonies/next/base/1.root.json", forged(1));
    let leads = "base/ does not lead on from the root that you trust";
    refused(&alice, &stick, 1, &[leads, "base/ has another root 1 than you trust"]);
    stick.write("ceremonies/next/base/1.root.json", fs::read(alice.root()).unwrap());
    stick.write("ceremonies/next/base/2.root.json", forged(2));
    refused(&alice, &stick, 1, &[leads, "root 2 needs 2 of the keys of the root before it; 0 signed"]);
    // And records that name what they must not.
    for record in evil_records(&stick) {
        stick.write(RECORD, record);
        refused(&alice, &stick, 2, &["query attribute", "alice.toml"]);
    }
}

#[test]
fn an_honest_stick_is_signed_with_what_the_machine_has_and_not_with_its_environment() {
    let alice = Alice::new();
    let stick = alice.stick();
    plant(&stick);
    let (root, pin) = (alice.root(), alice.store.pin_file());
    let (run, _) = traced(&stick, &["review", "next", "--root", &root], 0);
    assert!(run.stdout.contains("b.txt"), "{run:?}");
    let sign = ["sign", "next", "--root", &root, "--expect", &alice.words];
    let (run, _) = traced(&stick, &sign, 2);
    says(&run, &["--pin-file"]);
    assert!(!stick.dir().join("ceremonies/next/signatures").exists());
    let (_, calls) = traced(&stick, &[&sign[..], &["--pin-file", &pin]].concat(), 0);
    assert!(calls.contains("softhsm") && calls.contains(&pin), "strace sees the module and the PIN: {calls}");
    let signed = fs::read_dir(stick.dir().join("ceremonies/next/signatures/targets")).unwrap();
    assert_eq!(signed.count(), 1);
}
