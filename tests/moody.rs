//! PKCS#11 modules that hang, crash, or lie: what the person is told, and that nothing is half done.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::room::Arguments;
use common::store::PIN;
use common::terminal::CTRL_C;
use common::{Run, Store, Trustroot};

const NONCE: &str = "00112233445566778899aabbccddeeff";

/// Alice with a key on a token, and a proposal that she may sign.
struct Desk {
    alice: Trustroot,
    store: Store,
    digest: String,
}

impl Desk {
    fn new() -> Self {
        let store = Store::new(&["alice"]);
        let alice = store.moody(Trustroot::new());
        alice.ok(&["init", "--name=Test", "--file-keys", "--keyholder=alice", "--keyholder=bob", "--threshold=2"]);
        alice.accept_no_spare();
        alice.write("targets/hello.txt", "hello\n");
        for name in ["bob", "online"] {
            let file = alice.home().join(name);
            let file = file.to_str().unwrap();
            alice.ok(&["keyholder", "enroll", name, "--file", file, "--generate", "--no-passphrase", "--nonce", NONCE]);
        }
        let desk = Self { alice, store, digest: String::new() };
        desk.alice.ok(&desk.enroll(&desk.store.pin_file()));
        desk.alice.ok(&["stage"]);
        let digest = desk.alice.json(0, &["review", "--digest"])["digest"].as_str().unwrap().to_owned();
        Self { digest, ..desk }
    }

    fn enroll<'a>(&self, pin: &'a str) -> [&'a str; 9] {
        [
            "keyholder",
            "enroll",
            "alice",
            "--pkcs11=pkcs11:token=alice",
            "--generate",
            "--nonce",
            NONCE,
            "--pin-file",
            pin,
        ]
    }

    fn sign(&self) -> Run {
        self.alice
            .run(&self.with_moods(&["sign", "--expect", &self.digest, "--pin-file", &self.store.pin_file()]).each())
    }

    /// A command that uses the module with moods, and none of this machine.
    fn with_moods(&self, arguments: &[&str]) -> Arguments {
        let library = self.store.path("moody.so").display().to_string();
        Arguments::of(&[arguments, &["--module", &library]].concat())
    }
}

/// Everything that a directory and a machine hold, but for the lock of a process that was killed.
fn all(machine: &Trustroot) -> BTreeMap<PathBuf, Vec<u8>> {
    fn add(root: &Path, path: &Path, all: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for path in std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                add(root, &path, all);
            } else if !path.ends_with(".trustroot.lock") {
                all.insert(path.strip_prefix(root).unwrap().to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    let mut all = BTreeMap::new();
    [machine.dir(), machine.home()].into_iter().for_each(|root| add(root, root, &mut all));
    all
}

#[test]
fn a_module_that_hangs_is_named_and_ends_with_ctrl_c() {
    let desk = Desk::new();
    let before = all(&desk.alice);
    let pin = desk.store.pin_file();
    let sign = desk.with_moods(&["sign", "--expect", &desk.digest, "--pin-file", &pin]);
    let waiting: Vec<_> = ["load", "C_Initialize", "C_GetSlotList", "C_Login", "C_Sign"]
        .into_iter()
        .map(|function| {
            let words = desk.store.path(function);
            // What it does at the end of the process does not keep the process either.
            std::fs::write(&words, format!("hang-{function} hang-unload")).unwrap();
            let machine = desk.alice.twin().env("MOODY_WORDS", words.to_str().unwrap());
            let terminal = machine.terminal(&sign.each());
            (function, machine, terminal)
        })
        .collect();
    for (function, machine, mut terminal) in waiting {
        let said = if function == "load" { "C_GetFunctionList" } else { function };
        terminal.expect(&format!("moody.so has not answered {said} for 3 seconds."));
        terminal.send(CTRL_C);
        assert_eq!((terminal.exit_code(), terminal.echo(), terminal.cursor()), (130, true, true));
        assert_eq!(all(&machine), before);
    }
    desk.store.mood("");
    assert_eq!(desk.sign().code, 0);
}

#[test]
fn a_module_that_crashes_leaves_nothing_half_done() {
    let desk = Desk::new();
    let before = all(&desk.alice);
    let functions = ["load", "C_Initialize", "C_GetSlotList", "C_OpenSession", "C_FindObjects", "C_Login", "C_Sign"];
    let crashes = functions.map(|function| format!("crash-{function}"));
    // The library below takes the module's word for the length of a signature, and there is not so much memory.
    for mood in crashes.iter().map(String::as_str).chain(["endless-signature"]) {
        desk.store.mood(mood);
        let run = desk.sign();
        assert!(run.code == -1 && run.stdout.is_empty(), "{mood}: {run:?}");
        assert_eq!(all(&desk.alice), before, "{mood}");
    }
    desk.store.mood("");
    let run = desk.sign();
    assert!(run.code == 0 && all(&desk.alice).len() > before.len(), "{run:?}");
}

#[test]
fn a_module_that_crashes_while_it_makes_a_key_leaves_no_record() {
    let desk = Desk::new();
    std::fs::remove_file(desk.alice.dir().join("keyholders/alice.toml")).unwrap();
    let store = Store::new(&["alice"]);
    let alice = store.moody(desk.alice.other_machine());
    let before = all(&desk.alice);
    for (function, code) in [("crash-C_GenerateKeyPair", -1), ("garbage-C_GenerateKeyPair", 2), ("crash-C_Sign", -1)] {
        store.mood(function);
        alice.exits(code, &desk.enroll(&store.pin_file()));
        assert_eq!(all(&desk.alice), before, "{function}");
    }
    // The key that it made before the last crash stays on the token, and is not written over.
    store.mood("");
    let run = alice.exits(2, &desk.enroll(&store.pin_file()));
    assert!(run.says("already has an object with the label"), "{run:?}");
    let existing = ["keyholder", "enroll", "alice", "--pkcs11=pkcs11:token=alice;object=trustroot-alice"];
    alice.ok(&[&existing[..], &["--nonce", NONCE, "--pin-file", &store.pin_file()]].concat());
}

#[test]
fn a_module_that_lies_is_an_error_without_a_panic() {
    let desk = Desk::new();
    let before = all(&desk.alice);
    let no_key = "no key at hand may sign this proposal";
    for (mood, code, said) in [
        ("endless-slots", 1, "does not list its tokens"),
        ("endless-objects", 1, "answered C_FindObjects with something that no such device answers"),
        ("endless-attributes", 1, "answered C_FindObjects with something that no such device answers"),
        ("long-attributes", 1, "a key on a curve that takes 60000 bytes to name"),
        ("short", 2, "is not a signature of its key"),
        ("lying", 2, "is not a signature of its key"),
        ("garbage-C_Initialize", 1, "does not start"),
        ("garbage-C_GetSlotList", 1, "does not list its tokens"),
        ("garbage-C_GetTokenInfo", 1, no_key),
        ("garbage-C_OpenSession", 1, "C_OpenSession failed"),
        ("garbage-C_FindObjects", 1, "C_FindObjects failed"),
        ("garbage-C_GetAttributeValue", 1, "C_GetAttributeValue failed"),
        ("garbage-C_Login", 2, "C_Login failed"),
        ("garbage-C_Sign", 2, "C_Sign failed"),
    ] {
        desk.store.mood(mood);
        let run = desk.sign();
        assert!(run.harmless().code == code && run.says(said), "{mood}: {run:?}");
        assert!(
            run.stderr.lines().all(|line| line.chars().count() <= 80 || line.starts_with("pkcs11:")),
            "{mood}: {run:?}"
        );
        assert_eq!(all(&desk.alice), before, "{mood}");
    }
    desk.store.mood("");
    assert_eq!(desk.sign().code, 0);
}

#[test]
fn names_of_a_token_tell_the_terminal_nothing() {
    let desk = Desk::new();
    desk.store.mood("bad-names");
    let run = desk.alice.run(&desk.with_moods(&["keyholder", "devices"]).each());
    assert!(run.harmless().code == 0 && run.stdout.contains(r"\u{1b}[2J\n\0ok"), "{run:?}");
    let listed = desk.alice.json(0, &desk.with_moods(&["keyholder", "devices"]).each());
    // Whatever it says of itself names it, and what was written down is read again.
    let uri = listed["tokens"][0]["keys"][0]["uri"].as_str().unwrap();
    let pin = desk.store.pin_file();
    let again = ["keyholder", "enroll", "alice", "--replace", "--pkcs11", uri, "--nonce", NONCE, "--pin-file", &pin];
    let again = desk.with_moods(&again);
    let again = again.each();
    desk.alice.run(&again).harmless();
    let run = desk.alice.exits(0, &["keyholder", "list"]);
    assert!(run.harmless().stdout.contains("alice"), "{run:?}");
    assert!(desk.alice.read("keyholders/alice.toml").contains("%1B"), "{run:?}");
}

#[test]
fn a_pin_is_typed_on_the_token_itself() {
    let desk = Desk::new();
    desk.store.mood("pad");
    desk.store.logins();
    let mut terminal = desk.alice.terminal(&["sign", "--expect", &desk.digest]);
    terminal.expect("Type the PIN on the keys of the token \"alice\"");
    assert_eq!((terminal.exit_code(), desk.store.logins()), (0, 1), "{}", terminal.screen());
    assert!(!terminal.written().contains("PIN, for alice"));
}

#[test]
fn a_pin_for_one_signature_is_asked_for_each_time_it_is_not_known() {
    let desk = Desk::new();
    desk.store.mood("open always");
    desk.store.logins();
    let mut terminal = desk.alice.terminal(&["sign", "--expect", &desk.digest]);
    terminal.expect("PIN for this signature, for alice: ").type_secret(PIN);
    // Accepted once, it serves the second role as well.
    assert_eq!((terminal.exit_code(), desk.store.logins()), (0, 2), "{}", terminal.screen());
}
