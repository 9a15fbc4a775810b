//! Who has signed, what comes next, which deadline is near; and closing a ceremony.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Room, fits, says};
use serde_json::{Value, json};

fn online(room: &Room) -> String {
    room.key_file("online").to_str().unwrap().to_owned()
}

#[test]
fn tallies_are_by_name_and_lead_to_the_next_command() {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    let ceremony = room.stage();
    let run = room.run(0, &["status"]);
    let waits = "2 of 3 keys must sign; nobody has; missing: alice, bob, carol";
    says(&run, &["signatures are missing", waits, "alice, bob or carol", &format!("trustroot sign {ceremony}")]);
    assert_eq!(room.json(0, &["status"])["ceremonies"][0]["state"], "signing");
    room.sign_all(&["bob"], &ceremony);
    let run = room.run(0, &["status"]);
    says(&run, &["2 of 3 keys must sign; signed: bob; missing: alice, carol", "alice or carol"]);
    fits(&run.stdout);
    room.sign_all(&["carol"], &ceremony);
    let run = room.run(0, &["status", &ceremony]);
    let enough = "signed: bob, carol (enough); not signed: alice";
    says(&run, &["signed completely, not published yet", enough, &format!("trustroot publish {ceremony}")]);
    let answer = room.json(0, &["status"]);
    assert_eq!((&answer["ceremonies"][0]["state"], &answer["deadlines"]), (&"signed".into(), &json!([])));
    assert_eq!(answer["ceremonies"][0]["roles"][0]["met"], true);
    room.publish(&ceremony);
    let run = room.run(0, &["status"]);
    says(&run, &["No ceremony is open.", &format!("Published: {ceremony}.")]);
    says(&room.run(0, &["status", &ceremony]), &["published: clients see all of it", "root 1; published"]);
    assert_eq!(room.json(0, &["status"])["published"], json!([ceremony]));
}

#[test]
fn outgoing_and_incoming_keys_are_counted_apart() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    room.hold(&["alice", "bob"]);
    room.enroll("dave");
    room.run(0, &["role", "root", "--add=dave", "--drop=carol"]);
    let ceremony = room.stage();
    room.sign_all(&["carol", "dave"], &ceremony);
    let run = room.run(0, &["status"]);
    says(
        &run,
        &[
            "root 1 -> 2",
            "2 of 3 outgoing keys must sign; signed: carol; missing: alice, bob",
            "2 of 3 incoming keys must sign; signed: dave; missing: alice, bob",
            "Next, each at their own machine: alice or bob",
        ],
    );
    fits(&run.stdout);
    let sets = &room.json(0, &["status"])["ceremonies"][0]["roles"][0]["sets"];
    assert_eq!(
        (&sets[0]["set"], &sets[0]["signed"], &sets[1]["signed"]),
        (&json!("outgoing"), &json!(["carol"]), &json!(["dave"]))
    );
}

#[test]
fn deadlines_come_in_order() {
    let mut room = Room::new(&["alice", "bob"], 2);
    room.hold(&["alice", "bob"]);
    let roles = |answer: &Value| -> Vec<String> {
        let deadlines = answer["deadlines"].as_array().unwrap();
        deadlines.iter().map(|deadline| deadline["role"].as_str().unwrap().to_owned()).collect()
    };
    let answer = room.json(0, &["status"]);
    assert_eq!(roles(&answer)[..2], ["timestamp", "snapshot"]);
    assert_eq!(answer["deadlines"][0]["expires-in-days"], 7);
    assert_eq!(answer["deadlines"][0]["window-opens"], "2026-11-25T12:00:00Z");
    assert_eq!(answer["deadlines"][0]["window-open"], false);
    // On the fourth day, the timestamp may be renewed until the seventh; the snapshot from the seventh.
    room.at("2026-11-26T12:00:00Z");
    let run = room.run(0, &["status"]);
    says(&run, &["timestamp 1 2026-11-29 in 3 days now: trustroot renew", "from 2026-11-29 in 3 days"]);
    fits(&run.stdout);
    room.at("2026-12-14T12:00:00Z");
    let run = room.run(0, &["status"]);
    says(&run, &["timestamp 1 EXPIRED 2026-11-29 15 days ago", "snapshot 1 EXPIRED 2026-12-13"]);
    assert_eq!(room.json(0, &["status"])["deadlines"][0]["expires-in-days"], -15);
    room.at("2027-10-01T12:00:00Z");
    says(&room.run(0, &["status"]), &["root 1 2027-11-22 in 52 days now: trustroot stage"]);
    // Nobody is sent to stage what a ceremony carries.
    let ceremony = room.stage();
    says(&room.run(0, &["status"]), &[&format!("root 1 2027-11-22 in 52 days now: in ceremony {ceremony}")]);
    let answer = room.json(0, &["status"]);
    let root = answer["deadlines"].as_array().unwrap().iter().find(|deadline| deadline["role"] == "root").unwrap();
    assert_eq!(root["staged-in"], ceremony.as_str());
}

#[test]
fn the_guide_says_what_is_missing_and_what_comes_next() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    std::fs::remove_file(room.path("targets/a.txt")).unwrap();
    room.coordinator.write("targets/.gitkeep", "");
    let due = "A ceremony is due: root 1 (first version) and targets 1 (first version).";
    says(&room.run(0, &["ceremony"]), &["No target file yet: what clients shall trust is put below targets/.", due]);
    room.coordinator.write("targets/a.txt", "first\n");
    room.hold(&["alice", "bob"]);
    let run = room.run(0, &["ceremony"]);
    let renewal = "Next to renew: timestamp 1, from 2026-11-25 (in 3 days).";
    let people = "Next to sign at a ceremony: targets 1 and root 1, from 2027-09-23 (in 305 days).";
    says(&run, &["No ceremony is open, and none is due.", renewal, people]);
    assert!(!run.stdout.contains("No target file") && !run.stdout.contains("renew\n"), "{run:?}");
    room.at("2026-11-26T12:00:00Z");
    says(&room.run(0, &["ceremony"]), &["trustroot renew a timer: it is time to follow timestamp 1"]);
    room.coordinator.write("targets/a.txt", "second\n");
    let run = room.run(0, &["ceremony"]);
    says(&run, &["No ceremony is open: a finding stops this proposal.", "trustroot stage coordinator: hear why"]);
    fits(&run.stdout);
}

#[test]
fn a_change_of_a_role_says_who_must_sign_it() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    let first = room.run(0, &["role", "root", "--lifetime-days=300"]);
    says(&first, &["The next root carries it: 2 of alice, bob and carol must sign it."]);
    room.hold(&["alice", "bob"]);
    room.enroll("dave");
    let run = room.run(0, &["role", "root", "--drop=carol"]);
    says(&run, &["carries it: 2 of alice, bob and carol, who sign it today, and alice and bob must sign it."]);
    let change = &room.json(0, &["role", "root", "--add=dave"])["change"];
    assert_eq!((&change["carrier"], &change["outgoing"]["names"]), (&json!("root"), &json!(["alice", "bob", "carol"])));
    assert_eq!(change["incoming"], json!({ "threshold": 2, "names": ["alice", "bob", "dave"] }));
    let terms = "threshold = 1\nlifetime-days = 90\nsigning-window-days = 30\n";
    let team = format!("[[delegation]]\nname = \"team\"\npaths = [\"t/*\"]\nkeyholders = [\"dave\"]\n{terms}");
    let policy = room.coordinator.read("trustroot.toml");
    room.coordinator.write("trustroot.toml", format!("{policy}\n{team}"));
    let run = room.run(0, &["role", "team", "--add=carol"]);
    says(&run, &["The next targets carries it: 2 of alice, bob and carol must sign it."]);
    assert_eq!(room.json(0, &["role", "team"])["change"], Value::Null);
}

#[test]
fn whoever_leaves_is_taken_out_of_every_role() {
    let mut room = Room::new(&["alice", "bob", "carol", "dave"], 2);
    room.hold(&["alice", "bob"]);
    room.enroll("erin");
    let run = room.run(0, &["role", "root", "--drop=carol"]);
    says(&run, &["carol is still named in targets. If nobody has that key", "trustroot role targets --drop carol"]);
    let last = room.run(0, &["role", "targets", "--drop=carol", "--add=erin"]);
    says(&last, &["carol is named in no role now. Leave keyholders/carol.toml until this is published"]);
    fits(&last.stdout);
    let ceremony = room.hold(&["alice", "bob"]);
    room.replace("keyholders/carol.toml", "state = \"active\"", "state = \"retired\"");
    room.run(0, &["keyholder", "list"]);
    says(&room.run(0, &["status", &ceremony]), &["signed: alice, bob (enough); not signed: carol, dave"]);
}

#[test]
fn stale_refused_and_unreadable_signatures_are_named() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    room.enroll("dave");
    let first = room.stage();
    room.sign_all(&["alice", "bob", "carol"], &first);
    room.run(0, &["abandon", &first, "--reason=the wrong file"]);
    for role in ["root 1", "targets 1"] {
        room.run(0, &["accept", "equivocation", role, "--reason=abandoned", "--until=2027-01-01T00:00:00Z"]);
    }
    room.coordinator.write("targets/a.txt", "right\n");
    let second = room.json(0, &["stage", "--name=second"])["ceremony"].as_str().unwrap().to_owned();
    // alice's signature of before; bob's, damaged; carol's under dave's name; and something else.
    let signature = |ceremony: &str, role: &str, name: &str| {
        let directory = room.path(&format!("ceremonies/{ceremony}/signatures/{role}"));
        let mut files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        files.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(name)).unwrap()
    };
    let alice = signature(&first, "targets", "alice");
    let place = format!("ceremonies/{second}/signatures/targets");
    room.coordinator.write(&format!("{place}/{}", alice.file_name().unwrap().to_str().unwrap()), read(&alice));
    room.sign_all(&["bob", "carol"], &second);
    let bob = signature(&second, "targets", "bob");
    std::fs::write(&bob, read(&bob).replace("\"signature\": \"30", "\"signature\": \"31")).unwrap();
    let carol = signature(&second, "targets", "carol");
    let name = file_name(&carol).replace("carol", "dave");
    room.coordinator.write(&format!("{place}/{name}"), read(&carol));
    room.coordinator.write(&format!("{place}/note.json"), "{}");
    let run = room.run(0, &["status", &second]);
    says(
        &run,
        &[
            "targets 1; expires",
            "2 of 3 keys must sign; signed: carol; missing: alice, bob",
            "stale: alice signed version 1 with the digest ",
            "is staged: sign again",
            &format!(
                "refused: signatures/targets/{}, said to be bob's: the signature does not verify; take",
                file_name(&bob)
            ),
            "ask bob for it again",
            &format!("signatures/targets/{name} counts for nothing: its name is not the one that its content gives"),
            &format!("`trustroot import` puts it under signatures/targets/{}", file_name(&carol)),
            "signatures/targets/note.json counts for nothing",
        ],
    );
    fits(&run.stdout);
    let answer = room.json(0, &["status", &second]);
    let targets = &answer["ceremonies"][0]["roles"][1];
    assert_eq!(targets["stale"][0]["keyholder"], "alice");
    assert_ne!(targets["stale"][0]["covers"], targets["stale"][0]["staged"]);
    assert_eq!((&targets["refused"][0]["keyholder"], &targets["met"]), (&json!("bob"), &json!(false)));
    assert_eq!(answer["ceremonies"][0]["unreadable"].as_array().unwrap().len(), 2);
    says(&room.run(0, &["status"]), &[&format!("Closed: {first}, at 2026-11-22T12:00:00Z: the wrong file")]);
}

fn file_name(path: &std::path::Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

fn read(path: &std::path::Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn an_interrupted_publication_is_run_again() {
    let mut room = Room::new(&["alice", "bob"], 2);
    room.hold(&["alice", "bob"]);
    let timestamp = room.coordinator.read("repository/timestamp.json");
    room.at("2026-11-23T12:00:00Z");
    room.coordinator.write("targets/b.txt", "new\n");
    let ceremony = room.stage();
    room.sign_all(&["alice", "bob"], &ceremony);
    room.publish(&ceremony);
    let after = room.coordinator.read("repository/timestamp.json");
    room.coordinator.write("repository/timestamp.json", timestamp);
    // Who is interrupted there has not noted yet what was published.
    std::fs::remove_dir_all(room.coordinator.home().join("seen")).unwrap();
    let run = room.run(0, &["status"]);
    let again = format!("It was interrupted. Next, the coordinator runs it again: trustroot publish {ceremony}");
    says(&run, &["published in part", "targets 1 -> 2; written, not yet visible to clients", &again]);
    assert_eq!(room.json(0, &["status"])["ceremonies"][0]["state"], "partly-published");
    let run = room.run(1, &["abandon", &ceremony, "--reason=no"]);
    says(&run, &["is published, or was begun to be", "trustroot publish"]);
    room.publish(&ceremony);
    assert_eq!(room.coordinator.read("repository/timestamp.json"), after);
    says(&room.run(0, &["status"]), &["No ceremony is open."]);
}

#[test]
fn a_ceremony_that_another_one_overtook_says_so() {
    let mut room = Room::new(&["alice", "bob"], 2);
    room.hold(&["alice", "bob"]);
    room.at("2026-11-23T12:00:00Z");
    room.coordinator.write("targets/b.txt", "new\n");
    let first = room.stage();
    room.run(0, &["abandon", &first, "--reason=for now"]);
    room.coordinator.write("targets/c.txt", "newer\n");
    let second = room.json(0, &["stage", "--name=second"])["ceremony"].as_str().unwrap().to_owned();
    room.sign_all(&["alice", "bob"], &second);
    room.publish(&second);
    std::fs::remove_file(room.path(&format!("ceremonies/{first}/abandoned.json"))).unwrap();
    let run = room.run(0, &["status", &first]);
    let overtaken = "targets was to follow version 1, and version 2 is published now.";
    says(&run, &["it can no longer be published", overtaken, &format!("trustroot abandon {first}")]);
    assert_eq!(room.json(0, &["status", &first])["ceremonies"][0]["state"], "overtaken");
    room.run(0, &["abandon", &first, "--reason=overtaken"]);
}

#[test]
fn an_expired_proposal_says_so() {
    let mut room = Room::new(&["alice", "bob"], 2);
    let ceremony = room.stage();
    room.sign_all(&["alice", "bob"], &ceremony);
    room.at("2028-01-01T12:00:00Z");
    says(&room.run(0, &["status"]), &["it can no longer be published", "The staged root has expired."]);
    assert_eq!(room.json(0, &["status"])["ceremonies"][0]["state"], "expired");
}

#[test]
fn a_damaged_ceremony_does_not_hide_the_others() {
    let room = Room::new(&["alice", "bob"], 2);
    let first = room.hold(&["alice", "bob"]);
    room.coordinator.write("targets/b.txt", "new\n");
    let second = room.stage();
    room.replace(&format!("ceremonies/{second}/staged/targets.json"), "\"length\": 4", "\"length\": 5");
    room.coordinator.write("ceremonies/third/note.txt", "?");
    let run = room.run(1, &["status"]);
    says(
        &run,
        &[
            &format!("Ceremony {second}: it cannot be used error: "),
            "staged/targets.json",
            "Ceremony third: it cannot be used",
            &format!("Published: {first}."),
            "What is published, the first to expire first",
        ],
    );
    let answer = room.json(1, &["status"]);
    assert_eq!((&answer["ok"], &answer["broken"][1]["ceremony"]), (&json!(false), &json!("third")));
    room.run(0, &["abandon", &second, "--reason=damaged"]);
    room.run(2, &["status", "fourth"]);
}

#[test]
fn a_copy_of_a_ceremony_is_enough() {
    let room = Room::new(&["alice", "bob"], 2);
    let ceremony = room.stage();
    for path in ["trustroot.toml", "targets", "keyholders"] {
        let path = room.path(path);
        if path.is_dir() { std::fs::remove_dir_all(path).unwrap() } else { std::fs::remove_file(path).unwrap() }
    }
    let run = room.run(0, &["status"]);
    says(&run, &["signatures are missing", "missing: alice, bob"]);
    assert!(!run.stdout.contains("Deadlines"));
    room.sign_all(&["alice"], &ceremony);
    says(&room.run(0, &["status"]), &["signed: alice; missing: bob"]);
}

#[test]
fn without_a_trust_root_there_is_no_status() {
    let empty = common::Trustroot::new();
    let run = empty.exits(2, &["status"]);
    says(&run, &["there is no trust root here", "trustroot init"]);
}

#[test]
fn closing_needs_a_reason_and_is_for_good() {
    let room = Room::new(&["alice", "bob"], 2);
    let ceremony = room.stage();
    room.sign_all(&["alice"], &ceremony);
    let words = room.words(&ceremony);
    says(&room.run(2, &["abandon", &ceremony]), &["answer it with --reason"]);
    says(&room.run(2, &["abandon", "--reason=x"]), &["Which ceremony is closed for good?", "CEREMONY"]);
    says(&room.run(2, &["abandon", &ceremony, "--reason= "]), &["the reason is empty"]);
    let mut terminal = room.coordinator.terminal(&["abandon", "--now", common::room::NOW]);
    terminal
        .expect("Which ceremony is closed for good?")
        .send(common::terminal::ENTER)
        .expect("Why is it closed")
        .line("the wrong\x1b[2J file");
    terminal.expect(&format!("Closed {ceremony}"));
    assert_eq!(terminal.exit_code(), 0);
    says(&room.run(1, &["abandon", &ceremony, "--reason=again"]), &["was closed at"]);
    says(&room.run(0, &["status", &ceremony]), &["closed", "Closed at 2026-11-22T12:00:00Z: the wrong"]);
    let key = room.key_file("bob");
    let sign = ["sign", &ceremony, "--expect", &words, "--key-file", key.to_str().unwrap()];
    says(&room.run_as(room.machine("bob"), 1, &sign), &["was closed at"]);
    says(&room.run(1, &["publish", &ceremony, "--online-key", &online(&room)]), &["was closed at"]);
}

#[test]
fn closing_says_what_the_signatures_still_bind() {
    let room = Room::new(&["alice", "bob"], 2);
    let ceremony = room.stage();
    room.sign_all(&["alice", "bob"], &ceremony);
    let run = room.run(0, &["abandon", &ceremony, "--reason=no"]);
    says(
        &run,
        &[
            "root version 1 was signed by alice, bob. Whoever has the signatures could still publish it.",
            "trustroot accept equivocation 'root 1'",
        ],
    );
    fits(&run.stdout);
}

#[test]
fn what_is_published_is_not_closed() {
    let room = Room::new(&["alice", "bob"], 2);
    let ceremony = room.hold(&["alice", "bob"]);
    says(&room.run(1, &["abandon", &ceremony, "--reason=no"]), &["is published, or was begun to be"]);
    assert!(!room.path(&format!("ceremonies/{ceremony}/abandoned.json")).exists());
}
