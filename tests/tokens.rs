//! A ceremony with keys on tokens: people who are asked for their PIN, and an online key that nobody answers for.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

use common::store::PIN;
use common::{Store, Terminal, Trustroot};

const NONCE: &str = "00112233445566778899aabbccddeeff";

/// One directory, and the machines of the people who hand it around, each with its own token.
struct Team {
    coordinator: (Trustroot, Store),
    alice: (Trustroot, Store),
    bob: (Trustroot, Store),
}

impl Team {
    /// A trust root of alice and bob with one target, everybody enrolled.
    fn new() -> Self {
        let room = Trustroot::new();
        room.ok(&["init", "--name=Test", "--keyholder=alice", "--keyholder=bob", "--threshold=2"]);
        room.accept_no_spare();
        room.write("targets/hello.txt", "hello\n");
        let enroll = |name: &str| {
            let store = Store::new(&[name]);
            let machine = store.moody(room.other_machine());
            let uri = format!("pkcs11:token={name}");
            let given = ["keyholder", "enroll", name, "--pkcs11", &uri, "--generate", "--nonce", NONCE];
            machine.ok(&[&given[..], &["--pin-file", &store.pin_file()]].concat());
            store.logins();
            (machine, store)
        };
        let (alice, bob) = (enroll("alice"), enroll("bob"));
        let (machine, store) = enroll("online");
        // The directory lives as long as the room does.
        let coordinator = (store.moody(room), store);
        fs::copy(machine.home().join("config.toml"), coordinator.0.home().join("config.toml")).unwrap();
        coordinator.0.ok(&["keyholder", "verify", "--nonce", NONCE]);
        Self { coordinator, alice, bob }
    }

    /// Stages; returns the digest that everybody hears.
    fn stage(&self) -> String {
        let room = &self.coordinator.0;
        room.ok(&["stage"]);
        room.json(0, &["review", "--digest"])["digest"].as_str().unwrap().to_owned()
    }

    /// Lets the coordinator's configuration answer for the online key.
    fn answer_online(&self, pin: &str) {
        let (room, store) = &self.coordinator;
        let (path, pin_file) = (room.home().join("config.toml"), store.path("online-pin"));
        fs::write(&pin_file, pin).unwrap();
        let config = fs::read_to_string(&path).unwrap();
        let config = config.split("[[pin]]").next().unwrap();
        let pin = format!("[[pin]]\nkeyholder = \"online\"\nfile = \"{}\"\n", pin_file.display());
        fs::write(path, format!("{config}{pin}")).unwrap();
    }

    /// The signature files of the one ceremony.
    fn signatures(&self) -> usize {
        let ceremony = fs::read_dir(self.coordinator.0.dir().join("ceremonies")).unwrap().next().unwrap().unwrap();
        let files = |role| fs::read_dir(ceremony.path().join("signatures").join(role)).map_or(0, Iterator::count);
        ["root", "targets"].into_iter().map(files).sum()
    }
}

fn sign(machine: &Trustroot, digest: &str) -> Terminal {
    let mut terminal = machine.terminal(&["sign", "--expect", digest]);
    terminal.expect("asks for its PIN");
    terminal
}

#[test]
fn people_sign_at_their_tokens_and_the_online_key_by_itself() {
    let team = Team::new();
    let digest = team.stage();

    // Alice mistypes: her PIN is sent once, and she is told; this time she does not go on.
    let (machine, store) = &team.alice;
    let mut terminal = sign(machine, &digest);
    terminal.expect("how many tries are left").type_secret("654321");
    terminal.expect("few tries are left").expect("Do you want to type another PIN").line("n");
    assert_eq!((terminal.exit_code(), store.logins(), team.signatures()), (2, 1, 0));
    // One PIN for two roles; a token that hides its keys until then is asked all the same.
    store.mood("hidden");
    let mut terminal = sign(machine, &digest);
    terminal.expect("PIN, for alice").type_secret("111111").expect("Do you want to type another PIN").line("y");
    terminal.expect_times("PIN, for alice", 2).type_secret(PIN);
    assert_eq!((terminal.exit_code(), store.logins()), (0, 2), "{}", terminal.screen());
    assert!(!terminal.written().contains(PIN));

    let (machine, store) = &team.bob;
    assert_eq!(team.signatures(), 2);
    machine.ok(&["sign", "--expect", &digest, "--pin-file", &store.pin_file()]);
    assert_eq!(team.signatures(), 4);

    let (room, store) = &team.coordinator;
    let run = room.exits(2, &["publish"]);
    assert!(run.says("--online-pin-file"), "{run:?}");
    assert_eq!(store.logins(), 0);

    // A timer that has a wrong PIN spends one try, not all of them.
    team.answer_online("654321");
    let run = room.exits(2, &["publish"]);
    assert!(run.says("refused the PIN"), "{run:?}");
    assert_eq!(store.logins(), 1);
    store.mood("low");
    for _ in 0..3 {
        let run = room.exits(2, &["publish"]);
        assert!(run.says("a file is not tried then"), "{run:?}");
    }
    assert_eq!(store.logins(), 0);
    assert!(!room.dir().join("repository/timestamp.json").exists());

    // Somebody comes and uses the token by hand.
    store.mood("");
    team.answer_online(PIN);
    let uri = "pkcs11:token=online;object=trustroot-online";
    let by_hand = ["keyholder", "enroll", "online", "--replace", "--pkcs11", uri, "--nonce", NONCE];
    room.ok(&[&by_hand[..], &["--pin-file", &store.pin_file()]].concat());
    store.logins();
    room.ok(&["publish"]);
    assert_eq!(store.logins(), 1, "one login for snapshot and timestamp");
    room.ok(&["verify", "--repository=repository", "--root=repository/1.root.json"]);

    // While nothing is due the key is found without its PIN, which only has to be there, and to be one that would be given.
    let renew = |code, logins| {
        let run = room.exits(code, &["renew"]);
        assert_eq!(store.logins(), logins, "{run:?}");
        run
    };
    assert!(renew(0, 0).stdout.starts_with("Nothing is due."));
    store.mood("low");
    let run = renew(2, 0);
    assert!(run.says("could not be signed when it is") && run.says("a file is not tried then"), "{run:?}");
    store.mood("hidden");
    renew(0, 1);
    store.mood("");
    fs::remove_file(store.path("online-pin")).unwrap();
    assert!(renew(2, 0).says("online-pin"));
    let (config, path) =
        (fs::read_to_string(room.home().join("config.toml")).unwrap(), room.home().join("config.toml"));
    fs::write(&path, config.split("[[pin]]").next().unwrap()).unwrap();
    assert!(renew(2, 0).says("--online-pin-file, or [[pin]] in config.toml"));
    fs::write(&path, "").unwrap();
    assert!(renew(2, 0).says("snapshot is not due yet, and could not be signed when it is"));
    fs::write(&path, config).unwrap();
    team.answer_online(PIN);

    // A key that is no throw-away never signs at a made-up time.
    let run = room.exits(2, &["renew", "--now=2098-01-01T00:00:00Z"]);
    assert!(run.says("is no throw-away key"), "{run:?}");
    assert_eq!(store.logins(), 0);
}

/// The machine of a ceremony room, which sees the tokens of everybody.
#[test]
fn a_pin_goes_to_no_token_of_somebody_else() {
    let room = Trustroot::new();
    room.ok(&["init", "--name=Test", "--keyholder=alice", "--keyholder=bob", "--threshold=2"]);
    room.accept_no_spare();
    room.write("targets/hello.txt", "hello\n");
    let store = Store::new(&["alice", "bob", "zed"]);
    let room = store.moody(room);
    let file = room.home().join("online.pem");
    let online = ["keyholder", "enroll", "online", "--file", file.to_str().unwrap(), "--nonce", NONCE];
    room.ok(&[&online[..], &["--generate", "--no-passphrase"]].concat());
    for name in ["alice", "bob"] {
        let uri = format!("pkcs11:token={name}");
        let given = ["keyholder", "enroll", name, "--pkcs11", &uri, "--generate", "--nonce", NONCE];
        room.ok(&[&given[..], &["--pin-file", &store.pin_file()]].concat());
    }
    room.ok(&["stage"]);
    let digest = room.json(0, &["review", "--digest"])["digest"].as_str().unwrap().to_owned();
    store.logins();

    // One PIN, and two tokens that may sign: it is given to neither.
    let pin = store.pin_file();
    let sign = ["sign", "--expect", &digest, "--pin-file", &pin];
    let run = room.exits(2, &sign);
    assert!(run.says("--pin-file is for one device, and 2 here may sign") && run.says("--keyholder NAME"), "{run:?}");
    assert_eq!(store.logins(), 0);
    let run = room.exits(2, &[&sign[..], &["--keyholder=dora"]].concat());
    assert!(run.says("nobody of the name dora is on record"), "{run:?}");

    // At a terminal one token is passed over, and that costs nothing.
    let mut terminal = room.terminal(&["sign", "--expect", &digest]);
    terminal.expect("has alice's active key").expect("it may sign root version 1 and targets version 1");
    // The tokens come in the order of their serial numbers, which are random.
    for turn in 1..=2 {
        let asked = terminal.expect_times("PIN, for ", turn).screen();
        let last = asked.rsplit("PIN, for ").next().unwrap();
        terminal.type_secret(if last.starts_with("alice") { "" } else { PIN });
    }
    assert_eq!((terminal.exit_code(), store.logins()), (0, 1), "{}", terminal.screen());
    let mut terminal = room.terminal(&["sign", "--expect", &digest]);
    terminal.expect("PIN, for alice").type_secret("");
    assert_eq!((terminal.exit_code(), store.logins()), (0, 0), "{}", terminal.screen());

    // Bob's has signed, so the PIN can only be for the other.
    let run = room.exits(0, &[&sign[..], &["--keyholder=alice"]].concat());
    assert!(run.stdout.contains("alice signed root version 1") && !run.says("bob's active key"), "{run:?}");
    room.ok(&["publish", "--online-key", file.to_str().unwrap()]);
}
