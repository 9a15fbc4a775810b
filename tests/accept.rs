//! Findings that the policy accepts: which change a reason covers, and what `accept` says of it.
#![allow(clippy::unwrap_used)]

mod common;

use common::terminal::ENTER;
use common::{Room, fits, says};

#[test]
fn an_old_reason_covers_no_new_change() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    room.hold(&["alice", "bob"]);
    room.at("2026-12-01T12:00:00Z");
    let accept = ["accept", "target-changed", "--all", "--until=2027-06-01T00:00:00Z"];
    room.coordinator.write("targets/a.txt", "second\n");
    room.run(0, &[&accept[..], &["--reason=the first change"]].concat());
    room.stage();
    room.run(0, &["abandon", "2026-12-targets-2", "--reason=another one"]);
    room.coordinator.write("targets/a.txt", "third\n");
    let run = room.run(1, &["stage"]);
    says(&run, &["a finding stops this proposal", "target-changed (a.txt 5eef8098ed6ec0a1): from sha256 "]);
    fits(&run.stderr);
    // The same again takes the place of what was said first.
    room.run(0, &[&accept[..], &["--reason=the second change"]].concat());
    let again = ["accept", "target-changed", "a.txt 5eef8098ed6ec0a1", "--until=2027-05-01T00:00:00Z"];
    let run = room.run(0, &[&again[..], &["--reason=better said"]].concat());
    says(&run, &["It replaces what was accepted until 2027-06-01T00:00:00Z: the second change"]);
    let policy = room.coordinator.read("trustroot.toml");
    assert_eq!(policy.matches("subject = \"a.txt ").count(), 2, "{policy}");
    says(&room.run(0, &["stage", "--dry-run"]), &["reason: better said"]);
}

#[test]
fn what_is_not_found_is_accepted_with_a_word() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    room.hold(&["alice", "bob"]);
    room.at("2026-12-01T12:00:00Z");
    room.coordinator.write("targets/a.txt", "second\n");
    let accept = |subject: &str| {
        room.json(0, &["accept", "target-changed", subject, "--reason=x", "--until=2027-01-01T00:00:00Z"])
    };
    let run = room.run(0, &["accept", "target-changed", "a.txt", "--reason=x", "--until=2027-01-01T00:00:00Z"]);
    says(&run, &["No target-changed of this subject is found now", "It is found of \"a.txt 480c2336b410f1ad\"."]);
    assert_eq!(accept("b.txt")["accepted"][0]["found"], false);
    assert_eq!(accept("a.txt 480c2336b410f1ad")["accepted"][0]["found"], true);
    assert_eq!(accept("a.txt 480c2336b410f1ad")["accepted"][0]["replaced"]["reason"], "x");
    let none = room.run(1, &["accept", "target-changed", "--all", "--reason=x", "--until=2027-01-01T00:00:00Z"]);
    says(&none, &["no target-changed stops the proposal: nothing was accepted"]);
    says(&room.run(2, &["accept", "target-change", "a.txt"]), &["perhaps target-changed"]);
}

#[test]
fn a_long_time_is_asked_for_twice() {
    let room = Room::new(&["alice", "bob"], 2);
    let accept = ["accept", "clients-break", "root 1", "--reason=x", "--until=2099-01-01T00:00:00Z"];
    let mut terminal = room.coordinator.terminal(&[&accept[..], &["--now", common::room::NOW]].concat());
    terminal.expect("in the next 72 years reads this reason. Accept it for so long?").line("n");
    terminal.expect("nothing was accepted");
    assert_eq!(terminal.exit_code(), 1);
}

/// At a terminal every command asks for what it lacks.
#[test]
fn what_stops_the_proposal_is_offered_at_a_terminal() {
    let room = Room::new(&["alice", "bob"], 2);
    room.hold(&["alice", "bob"]);
    room.coordinator.write("targets/a.txt", "other\n");
    let mut terminal = room.coordinator.terminal(&["accept", "--now", common::room::NOW]);
    terminal.expect("Which finding is accepted?").expect("> target-changed (a.txt ").send(ENTER);
    terminal.expect("Why it is accepted").line("it moved").expect("Until when").line("");
    assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen());
    let mut terminal = room.coordinator.terminal(&["role", "--now", common::room::NOW]);
    terminal.expect("Which role?").expect("> root").send(ENTER).expect("alice");
    assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen());
    room.coordinator.write("targets/b.txt", "new\n");
    room.stage();
    let mut terminal = room.coordinator.terminal(&["import", "--signature", "00", "--now", common::room::NOW]);
    terminal.expect("Whose key signed").line("alice");
    assert_eq!(terminal.exit_code(), 1, "{}", terminal.screen());
    says(&room.run(1, &["accept"]), &["no finding stops the proposal: nothing was accepted"]);
    room.coordinator.write("targets/a.txt", "another\n");
    for (arguments, flag) in [
        (&["accept"][..], "answer it with FINDING SUBJECT"),
        (&["accept", "target-changed"], "answer it with SUBJECT or --all"),
        (&["role"], "answer it with ROLE"),
        (&["keyholder", "attest"], "answer it with KEY_CERT"),
        (&["import", "--signature=00"], "answer it with --key"),
    ] {
        says(&room.run(2, arguments), &["there is no terminal to ask on", flag]);
    }
}
