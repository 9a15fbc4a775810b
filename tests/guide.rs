//! The guided way in a terminal of 24 rows.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use common::room::NOW;
use common::terminal::{CTRL_C, DOWN, ENTER};
use common::{Room, Trustroot};

const WHAT: &str = "What to do";
const GO_ON: &str = "\n\nEnter goes on, to what comes next";

/// What the guide says without a terminal, with one blank between any two words.
fn guide(room: &Room, machine: &Trustroot) -> String {
    let said = room.run_as(machine, 0, &["ceremony"]).stdout;
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The commands that the guide offers, without the program's name, the proposed one first.
fn offered(room: &Room, machine: &Trustroot) -> Vec<String> {
    let answer = room.json_as(machine, 0, &["ceremony"]);
    let words = |step: &serde_json::Value| {
        let words = step["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
        words.collect::<Vec<_>>().join(" ")
    };
    answer["next"].as_array().unwrap().iter().map(words).collect()
}

/// A machine with a directory of its own, in which there is nothing but one ceremony.
fn stick(room: &Room, ceremony: &str) -> Trustroot {
    let stick = Trustroot::new();
    common::clients::copy(&room.path("ceremonies").join(ceremony), &stick.dir().join("ceremonies").join(ceremony));
    stick
}

#[test]
fn the_words_are_for_the_coordinator_and_stay_on_the_screen_until_they_are_read() {
    let room = Room::new(&["alice", "bob"], 2);
    let ceremony = room.stage();
    let words = room.words(&ceremony);
    let [review, sign] = ["review", "sign"].map(|command| format!("{command} {ceremony}"));
    let digest = format!("{review} --digest");
    assert_eq!(offered(&room, &room.coordinator), [review, sign, "status".to_owned(), digest.clone()]);
    let mut terminal = room.coordinator.terminal(&["--now", NOW]);
    let question = "Are you the coordinator, who reads it to the others?";
    terminal.expect(WHAT).send(&DOWN.repeat(3)).expect(&format!("> trustroot {digest}")).send(ENTER);
    // Who just presses Enter sees no word of it.
    terminal.expect(question).send(ENTER).expect("hear it from the coordinator");
    let written = terminal.written();
    assert!(words.split(' ').all(|word| !written.contains(&format!("  {word}\r\n"))), "{written}");
    terminal.expect(GO_ON).line("").expect("> trustroot review").send(&DOWN.repeat(3));
    terminal.expect(&format!("> trustroot {digest}")).send(ENTER);
    terminal.expect_times(&format!("{question} [y/N]"), 2).line("y").expect(GO_ON);
    let screen = terminal.screen();
    assert!(words.split(' ').all(|word| screen.contains(&format!("  {word}"))), "{screen}");
    assert!(!screen.contains(WHAT), "{screen}");
    terminal.line("").expect(WHAT).send(CTRL_C);
    assert_eq!(terminal.exit_code(), 130);
}

#[test]
fn a_keyholder_signs_and_is_told_what_to_hand_over() {
    let room = Room::new(&["alice", "bob"], 2);
    let ceremony = room.stage();
    let words = room.words(&ceremony);
    let alice = room.machine("alice");
    let mut terminal = alice.terminal(&["--now", NOW]);
    // What is misheard ends the step, and its reason stays until it is read.
    let wrong = words.split(' ').rev().collect::<Vec<_>>().join(" ");
    for (heard, says) in [(&wrong, "nothing was signed"), (&words, "alice signed targets version 1")] {
        terminal.expect(WHAT).send(DOWN).expect("> trustroot sign").send(ENTER).expect("Path of your key file");
        terminal.line(room.key_file("alice").to_str().unwrap()).expect("Digest as you heard it").line(heard);
        terminal.expect(says).expect(GO_ON);
        assert!(!terminal.screen().contains(WHAT), "{}", terminal.screen());
        terminal.line("");
    }
    // Nothing is left to do here.
    terminal.expect("> trustroot status").send(CTRL_C);
    terminal.exit_code();
    let said = guide(&room, alice);
    let handed = format!("You have signed. Give these files to the coordinator: ./ceremonies/{ceremony}/signatures/");
    assert!(said.contains(&handed) && said.matches("/alice.").count() == 2, "{said}");
    assert!(!guide(&room, room.machine("bob")).contains("You have signed"));
    let next = [format!("review {ceremony}"), format!("sign {ceremony}")];
    assert_eq!(offered(&room, room.machine("bob"))[..2], next);
    assert_eq!(offered(&room, alice)[1..3], next);
    fs::remove_dir_all(room.path(&format!("ceremonies/{ceremony}/signatures/root"))).unwrap();
    assert_eq!(offered(&room, alice)[..2], next);
}

#[test]
fn a_ceremony_without_anything_else_is_seen_and_the_root_is_asked_for() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    room.hold(&["alice", "bob"]);
    room.at("2026-11-23T12:00:00Z");
    room.coordinator.write("targets/b.txt", "new\n");
    let ceremony = room.stage();
    let stick = stick(&room, &ceremony);
    let said = guide(&room, &stick);
    assert!(said.contains("There is no policy here, but a ceremony is"), "{said}");
    assert!(said.contains("Only a new copy shows whether it is published already."), "{said}");
    let next = offered(&room, &stick);
    assert_eq!(next[..2], [format!("review {ceremony}"), format!("sign {ceremony}")]);
    assert!(next.iter().all(|command| !command.starts_with("abandon") && command != "init"), "{next:?}");

    let mut terminal = stick.terminal(&["--now", "2026-11-23T12:00:00Z"]);
    let question = "File of the root that you trust";
    terminal.expect("> trustroot review").send(ENTER).expect("No root of \"Test\" is trusted on this machine");
    terminal.expect(question).line("nowhere.json").expect("error:").expect_times(question, 2);
    terminal.line(room.path("repository/1.root.json").to_str().unwrap());
    terminal.expect("Remember this published root as trusted on this machine?").line("y").expect(GO_ON);
    terminal.line("").expect(WHAT).send(CTRL_C);
    terminal.exit_code();
    // It is remembered: nothing is asked for again.
    room.run_as(&stick, 0, &["review", &ceremony]);

    let other = self::stick(&room, &ceremony);
    let mut terminal = other.terminal(&["review", "--now", "2026-11-23T12:00:00Z"]);
    terminal.expect(question).line("").expect("is trusted on this machine, so nothing vouches for base/");
    assert_eq!(terminal.exit_code(), 2);
}

#[test]
fn an_open_ceremony_comes_before_records_that_are_missing() {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    let ceremony = room.stage();
    fs::remove_file(room.path("keyholders/carol.toml")).unwrap();
    let next = offered(&room, room.machine("alice"));
    assert_eq!(next[..2], [format!("review {ceremony}"), format!("sign {ceremony}")]);
    assert!(next.contains(&"keyholder enroll carol".to_owned()), "{next:?}");
}

#[test]
fn who_has_an_old_copy_is_told_to_get_a_new_one() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    room.hold(&["alice", "bob"]);
    let old = room.coordinator.twin();
    room.at("2026-11-23T12:00:00Z");
    room.coordinator.write("targets/b.txt", "second\n");
    room.hold(&["alice", "bob"]);
    room.at("2026-11-24T12:00:00Z");
    room.coordinator.write("targets/c.txt", "third\n");
    let third = room.stage();
    let copy = |from: &Path| common::clients::copy(from, &old.dir().join("ceremonies").join(&third));
    copy(&room.path("ceremonies").join(&third));
    let said = guide(&room, &old);
    assert!(said.contains("Your copy of repository/ is older than what this ceremony follows: it has"), "{said}");
    let next = offered(&room, &old);
    assert_eq!(next[..2], [format!("review {third}"), format!("sign {third}")]);
    assert!(next.iter().all(|command| !command.starts_with("abandon")), "{next:?}");
    assert_eq!(room.json_as(&old, 0, &["status", &third])["ceremonies"][0]["state"], "behind");
    room.run_as(&old, 1, &["publish", &third]);
}

#[test]
fn the_newest_ceremony_comes_first() {
    let mut room = Room::new(&["alice", "bob"], 2);
    room.json(0, &["stage", "--name=b-first"]);
    room.at("2026-11-23T12:00:00Z");
    room.run(0, &["abandon", "b-first", "--reason=for now"]);
    room.json(0, &["stage", "--name=c-second"]);
    fs::remove_file(room.path("ceremonies/b-first/abandoned.json")).unwrap();
    assert_eq!(offered(&room, room.machine("alice"))[0], "review c-second");
    let mut terminal = room.machine("alice").terminal(&["review", "--now", "2026-11-23T12:00:00Z"]);
    terminal.expect("> c-second: signatures are missing").expect("b-first: signatures are missing").send(CTRL_C);
    terminal.exit_code();
    room.sign("alice", "c-second", &room.words("c-second"));
    assert_eq!(offered(&room, room.machine("alice"))[0], "review b-first");
    assert_eq!(offered(&room, room.machine("bob"))[0], "review c-second");
}

#[test]
fn who_has_enrolled_is_not_led_to_the_enrolment_of_somebody_else() {
    let trustroot = Trustroot::new();
    trustroot.ok(&["init", "--name=Test", "--file-keys", "--keyholder=alice", "--keyholder=bob", "--threshold=1"]);
    let mut terminal = trustroot.terminal(&["--now", NOW]);
    terminal.expect("> trustroot keyholder nonce").send(ENTER).expect(GO_ON).line("");
    terminal.expect_times("> trustroot keyholder nonce", 2).send(DOWN).expect("> trustroot keyholder enroll alice");
    terminal.send(ENTER).expect("Where is the key of alice?").expect("> a key in a file").send(ENTER);
    let key = trustroot.home().join("alice.pem");
    terminal.expect("Path of the key file").line(key.to_str().unwrap()).expect("Make a new P-256 key there?").line("y");
    terminal.expect("Are you the coordinator").line("y").expect("New passphrase for").type_secret("correct horse");
    terminal
        .expect("Once more")
        .type_secret("correct horse")
        .expect("the coordinator needs this file, and the fingerprint");
    // The guide ends with what alice hands over.
    assert_eq!(terminal.exit_code(), 0);
    assert!(terminal.screen().contains("keyholders/alice.toml"), "{}", terminal.screen());
    let mut terminal = trustroot.terminal(&["--now", NOW]);
    terminal.expect("> trustroot keyholder list").send(ENTER).expect("alice").expect(GO_ON).send(CTRL_C);
    assert_eq!(terminal.exit_code(), 130);
}
