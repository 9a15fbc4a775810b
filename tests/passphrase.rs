//! An online key behind a passphrase, and a person at the terminal who knows it.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

use common::Trustroot;

const PASSPHRASE: &str = "correct horse battery";

#[test]
fn whoever_publishes_is_asked_for_the_passphrase_of_the_online_key() {
    let room = Trustroot::new();
    room.ok(&["init", "--name=Test", "--file-keys", "--keyholder=alice", "--keyholder=bob", "--threshold=2"]);
    room.accept_no_spare();
    room.write("targets/a.txt", "a");
    let key = |name: &str| room.home().join(name).to_str().unwrap().to_owned();
    fs::write(key("passphrase"), PASSPHRASE).unwrap();
    let passphrase = format!("--passphrase-file={}", key("passphrase"));
    for (name, secret) in [("alice", "--no-passphrase"), ("bob", "--no-passphrase"), ("online", &passphrase)] {
        room.ok(&["keyholder", "enroll", name, "--file", &key(name), "--generate", secret, "--new-nonce"]);
    }
    room.ok(&["stage", "--name=one"]);
    let words = room.json(0, &["review", "--digest"])["words"].as_str().unwrap().to_owned();
    for name in ["alice", "bob"] {
        room.ok(&["sign", "--key-file", &key(name), "--expect", &words]);
    }
    let run = room.exits(2, &["publish", "--online-key", &key("online")]);
    assert!(run.says("give --online-pin-file"), "{run:?}");
    let mut terminal = room.terminal(&["publish", "--online-key", &key("online")]);
    terminal.expect("Passphrase of").type_secret(PASSPHRASE).expect("Published one");
    assert_eq!((terminal.exit_code(), terminal.echo()), (0, true), "{}", terminal.screen());
    assert!(!terminal.written().contains(PASSPHRASE));
}
