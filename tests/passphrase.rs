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
    let asked = "Passphrase of";
    let mut terminal = room.terminal(&["publish", "--online-key", &key("online")]);
    terminal.expect(asked).type_secret("one").expect_times(asked, 2).type_secret("two").expect_times(asked, 3);
    terminal.type_secret("three").expect("error: the passphrase does not open");
    assert_eq!((terminal.exit_code(), room.dir().join("repository/timestamp.json").exists()), (2, false));
    let mut terminal = room.terminal(&["publish"]);
    terminal.expect("File of the online key of online").line("nowhere").expect("nowhere does not exist");
    terminal.expect_times("File of the online key", 2).line(&key("online")).expect(asked).type_secret("wrong");
    terminal.expect("the passphrase does not open").expect_times(asked, 2).type_secret(PASSPHRASE);
    terminal.expect("Published one");
    assert_eq!((terminal.exit_code(), terminal.echo()), (0, true), "{}", terminal.screen());
    assert!(!terminal.written().contains(PASSPHRASE));
}
