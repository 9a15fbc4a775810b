//! What `trustroot sign` finds out before it asks anybody for twelve words.
#![allow(clippy::unwrap_used)]

mod common;

use common::Room;
use common::room::NOW;

const WORDS: &str = "Digest as you heard it";

#[test]
fn a_key_that_is_not_there_is_found_before_the_words_are_asked_for() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    room.enroll("mallory");
    let ceremony = room.stage();
    let sign = |key: &str| room.machine("alice").terminal(&["sign", &ceremony, "--now", NOW, "--key-file", key]);
    let mut terminal = sign("nowhere.pem");
    terminal.expect("nowhere.pem does not exist");
    assert_eq!(terminal.exit_code(), 2);
    assert!(!terminal.written().contains(WORDS), "{}", terminal.screen());
    let mut terminal = sign(room.key_file("mallory").to_str().unwrap());
    terminal.expect("no key at hand may sign this proposal");
    assert_eq!(terminal.exit_code(), 1);
    assert!(!terminal.written().contains(WORDS), "{}", terminal.screen());
}

#[test]
fn a_key_file_on_record_is_asked_for_where_no_new_one_is_taken() {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    room.replace("trustroot.toml", "file-keys = true", "file-keys = false");
    for name in ["alice", "bob", "carol"] {
        let because = ["--reason=tested", "--until=2027-01-01T00:00:00Z"];
        room.run(0, &[&["accept", "device-below-policy", name][..], &because].concat());
    }
    let ceremony = room.stage();
    let words = room.words(&ceremony);
    let mut terminal = room.machine("alice").terminal(&["sign", "--now", NOW]);
    terminal.expect("Path of your key file").line("nowhere.pem").expect("nowhere.pem does not exist");
    terminal.expect_times("Path of your key file", 2).line(room.key_file("alice").to_str().unwrap());
    terminal.expect(WORDS).line(&words).expect("alice signed targets version 1");
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn where_all_is_published_nothing_is_left_to_sign() {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    let ceremony = room.hold(&["alice", "bob"]);
    for command in ["sign", "review"] {
        let run = room.run_as(room.machine("carol"), 1, &[command]);
        assert!(run.says("no ceremony is open"), "{run:?}");
        assert!(run.says(&format!("{ceremony} is published: nothing is left to sign")), "{run:?}");
    }
}

#[test]
fn what_is_signed_already_asks_for_nothing() {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    let ceremony = room.stage();
    room.sign_all(&["alice"], &ceremony);
    let key = room.key_file("alice");
    let again = ["sign", &ceremony, "--key-file", key.to_str().unwrap()];
    let run = room.run_as(room.machine("alice"), 0, &again);
    assert!(run.stdout.contains("alice signed root version 1 before\n"), "{run:?}");
    assert!(run.stdout.contains(&format!("ceremonies/{ceremony}/signatures/root/alice.")), "{run:?}");
    assert!(run.stdout.contains("Nothing is left to sign here."), "{run:?}");
    let answer = room.json_as(room.machine("alice"), 0, &again);
    assert_eq!((&answer["signed"][0]["new"], &answer["signed"][1]["new"]), (&false.into(), &false.into()));
    // A signature that is taken away is made again, with the words.
    std::fs::remove_dir_all(room.path(&format!("ceremonies/{ceremony}/signatures/root"))).unwrap();
    let run = room.run_as(room.machine("alice"), 2, &again);
    assert!(run.says("--expect"), "{run:?}");
}
