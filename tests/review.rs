//! What a keyholder sees before they sign, and what is refused.
#![allow(clippy::unwrap_used)]

mod common;
mod sigstore;

use common::{Room, Run, Trustroot, fits, says};
use serde_json::Value;
use sigstore::{adopted, metadata, root_file, staged_at};

/// The root that everybody may read, and of which a test says that somebody trusts it.
const ROOT_1: &str = "repository/1.root.json";

/// A trust root that is published, and a ceremony in which dave takes carol's place and two files change.
fn second() -> (Room, String) {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    room.hold(&["alice", "bob"]);
    room.at("2026-12-01T12:00:00Z");
    room.enroll("dave");
    for role in ["root", "targets"] {
        room.run(0, &["role", role, "--add=dave", "--drop=carol", "--threshold=3"]);
    }
    room.run(0, &["accept", "key-lost", "root", "--reason=a test", "--until=2030-01-01T00:00:00Z"]);
    room.coordinator.write("targets/a.txt", "second\n");
    room.coordinator.write("targets/b/c.txt", "new\n");
    room.run(0, &["accept", "target-changed", "--all", "--reason=a new a", "--until=2027-01-01T00:00:00Z"]);
    let ceremony = room.stage();
    (room, ceremony)
}

#[test]
fn the_first_root_has_nothing_that_vouches_for_it() {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    let ceremony = room.stage();
    let run = room.run_as(room.machine("alice"), 0, &["review", &ceremony]);
    says(
        &run,
        &[
            "This is the first root of a new trust root. Nothing published vouches for it",
            "root, version 1: there was none before",
            "Who signs root and targets: 2 of 3 keys must sign.",
            "in a file) joins",
            "Who signs snapshot and timestamp: 1 of 1 key must sign.",
            "+ a.txt, a new target file of 6 bytes",
            "Expires 2027-11-22T12:00:00Z, 365 days after staging.",
            "Nothing speaks against it.",
            "The staged files are what their inputs give, byte for byte.",
            "root version 1: 2 of 3 keys: alice, bob and carol",
        ],
    );
    fits(&run.stdout);
}

#[test]
fn the_meaning_is_told_not_the_json() {
    let (room, ceremony) = second();
    let run = room.run_as(room.machine("alice"), 0, &["review", &ceremony]);
    says(
        &run,
        &[
            "You trust root 1, which was signed at this machine.",
            "root, version 1 -> 2 Expires 2027-12-01T12:00:00Z, 365 days after staging; before: 2027-11-22T12:00:00Z.",
            "Who signs root and targets: 3 of 3 keys must sign; before: 2 of 3 keys.",
            "+ dave (P-256 key ",
            "- carol (P-256 key ",
            "= alice (key in a file) and bob (key in a file) stay",
            "targets, version 1 -> 2",
            "~ a.txt changes: 7 bytes; before: 6 bytes",
            "+ b/c.txt, a new target file of 4 bytes",
            "target-changed: The content of a target changes under the same name. a.txt 480c2336b410f1ad: from sha256 ",
            "accepted until 2027-01-01T00:00:00Z because: a new a",
            "root version 2: 2 of 3 outgoing keys: alice, bob and carol",
            "root version 2: 3 of 3 incoming keys: alice, bob and dave",
        ],
    );
    fits(&run.stdout);
    let answer = room.json_as(room.machine("alice"), 0, &["review", &ceremony]);
    assert_eq!((&answer["ok"], &answer["derived"]), (&true.into(), &"same".into()));
    assert_eq!((&answer["trusted"]["by"], &answer["trusted"]["version"]), (&"signed".into(), &1.into()));
    let keys = &answer["changes"][0]["changes"][1];
    assert_eq!((&keys["change"], &keys["joins"][0]["holder"]), (&"keys".into(), &"dave".into()));
    assert_eq!(keys["leaves"][0]["holder"], "carol");
    assert_eq!(answer["accepted"][1]["reason"], "a new a");
    assert_eq!(answer["signers"][0]["sets"][1]["threshold"], 3);
}

#[test]
fn only_the_coordinators_screen_shows_the_digest() {
    let room = Room::new(&["alice", "bob"], 2);
    let ceremony = room.stage();
    let shown = room.json(0, &["review", &ceremony, "--digest"]);
    let (hex, words) = (shown["digest"].as_str().unwrap(), shown["words"].as_str().unwrap());
    assert_eq!((hex.len(), words.split(' ').count()), (64, 12));
    let alice = room.machine("alice");
    for arguments in [&["review", &ceremony][..], &["review", &ceremony, "--json"], &["status"], &["status", "--json"]]
    {
        let run = room.run_as(alice, 0, arguments);
        let text = format!("{}{}", run.stdout, run.stderr);
        let spoken = words.split(' ').filter(|word| text.contains(&format!(" {word}\n"))).count();
        assert!(!text.contains(&hex[..8]) && !text.contains(words) && spoken < 3, "{text}");
    }
    says(&room.run_as(alice, 0, &["review", &ceremony]), &["hear it from the coordinator by another channel"]);
    let screen = room.run(0, &["review", &ceremony, "--digest"]).stdout;
    let (_, screen) = screen.split_once("The digest of this proposal.").unwrap();
    assert!(screen.lines().count() < 24, "{screen}");
    fits(screen);
    assert!(screen.contains(hex) && words.split(' ').all(|word| screen.contains(&format!("  {word}\n"))), "{screen}");
    // 29 modules and a margin of two on each side, two rows to a line.
    let code: Vec<&str> = screen.lines().filter(|line| line.contains(['█', '▀', '▄'])).collect();
    let width = |line: &&str| line.chars().take_while(|c| !c.is_ascii_alphanumeric()).take(33).count();
    assert!(code.len() == 17 && code.iter().all(|line| width(line) == 33), "{screen}");
}

#[test]
fn without_a_trusted_root_nothing_is_checked() {
    let (room, ceremony) = second();
    let stranger = room.fresh();
    let run = room.run_as(&stranger, 2, &["review", &ceremony]);
    says(&run, &["no root of \"Test\" is trusted on this machine", "--root FILE"]);
    assert!(run.stdout.is_empty());
    let run = room.run_as(&stranger, 0, &["review", &ceremony, "--root", ROOT_1]);
    says(&run, &["You trust root 1, which you gave."]);
    assert!(!stranger.home().join("roots").exists(), "it was remembered without a word");
    room.run_as(&stranger, 2, &["review", &ceremony]);
    room.run_as(&stranger, 0, &["review", &ceremony, "--root", ROOT_1, "--trust"]);
    says(&room.run_as(&stranger, 0, &["review", &ceremony]), &["which this machine remembers"]);
    room.run_as(&stranger, 2, &["review", &ceremony, "--root", "nowhere.json"]);
}

#[test]
fn a_person_is_asked_whether_to_remember_the_root() {
    let (room, ceremony) = second();
    let stranger = room.fresh();
    let arguments = ["review", &ceremony, "--root", ROOT_1, "--now", "2026-12-01T12:00:00Z"];
    let mut terminal = stranger.terminal(&arguments);
    terminal.expect("Remember this published root as trusted on this machine?").line("y");
    assert_eq!(terminal.exit_code(), 0);
    room.run_as(&stranger, 0, &["review", &ceremony]);
}

/// Takes the ceremony of a forger into the room.
fn plant(room: &Room, forger: &Room, ceremony: &str) -> String {
    let (from, to) = (forger.path("ceremonies").join(ceremony), room.path("ceremonies/planted"));
    copy(&from, &to);
    "planted".to_owned()
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(std::fs::copy(entry.path(), to).unwrap()),
        }
    }
}

#[test]
fn a_forged_base_is_refused() {
    let (room, _) = second();
    let mut forger = room.forged(&["alice", "bob", "carol"], 2);
    forger.hold(&["alice", "bob"]);
    forger.at("2026-12-01T12:00:00Z");
    forger.coordinator.write("targets/evil.txt", "evil\n");
    let staged = forger.stage();
    let planted = plant(&room, &forger, &staged);
    let alice = room.machine("alice");
    // Another root 1, with the id and the names of the true one.
    let run = room.run_as(alice, 1, &["review", &planted, "--root", ROOT_1]);
    says(&run, &["base/ does not lead on from the root that you trust", "base/ has another root 1 than you trust"]);
    room.run_as(&room.fresh(), 2, &["review", &planted]);
    // The true root 1, and a root 2 of the forger's own.
    let true_root = std::fs::read(room.path(ROOT_1)).unwrap();
    let forged_root = std::fs::read(forger.path(ROOT_1)).unwrap();
    let forged_root = String::from_utf8(forged_root).unwrap().replace("\"version\": 1\n", "\"version\": 2\n");
    std::fs::write(room.path("ceremonies/planted/base/1.root.json"), true_root).unwrap();
    std::fs::write(room.path("ceremonies/planted/base/2.root.json"), forged_root).unwrap();
    let run = room.run_as(alice, 1, &["review", &planted, "--root", ROOT_1]);
    says(&run, &["root 2 needs 2 of the keys of the root before it; 0 signed"]);
    assert!(run.stdout.is_empty());
}

#[test]
fn a_machine_that_knows_a_root_is_not_talked_out_of_it() {
    let (room, ceremony) = second();
    let alice = room.machine("alice");
    room.run_as(alice, 0, &["review", &ceremony, "--root", ROOT_1, "--trust"]);
    let mut forger = room.forged(&["alice", "bob", "carol"], 2);
    forger.hold(&["alice", "bob"]);
    forger.at("2026-12-01T12:00:00Z");
    forger.coordinator.write("targets/evil.txt", "evil\n");
    let planted = plant(&room, &forger, &forger.stage());
    let root = forger.path(ROOT_1);
    let run = room.run_as(alice, 1, &["review", &planted, "--root", root.to_str().unwrap()]);
    says(&run, &["this is not the trust root that this machine knows"]);
    // Nor is a first root taken for a new beginning.
    let beginner = room.forged(&["mallet", "mallory"], 2);
    std::fs::remove_dir_all(room.path("ceremonies/planted")).unwrap();
    let planted = plant(&room, &beginner, &beginner.stage());
    says(&room.run_as(alice, 1, &["review", &planted]), &["you trust root 1, and the proposal is for a first root"]);
}

#[test]
fn a_base_that_was_never_signed_is_refused() {
    let (room, ceremony) = second();
    let alice = room.machine("alice");
    let base = |file: &str| format!("ceremonies/{ceremony}/base/{file}");
    for (file, from, to) in [
        ("targets.json", "\"length\": 6", "\"length\": 7"),
        ("snapshot.json", "\"version\": 1\n", "\"version\": 2\n"),
        ("timestamp.json", "2026-11-29T12:00:00Z", "2036-11-29T12:00:00Z"),
    ] {
        let before = room.coordinator.read(&base(file));
        room.replace(&base(file), from, to);
        let run = room.run_as(alice, 1, &["review", &ceremony]);
        let message = format!("base/{file} is not signed by those who may sign it");
        says(&run, &[&message, "its signatures do not meet the keys of root 1"]);
        room.coordinator.write(&base(file), before);
    }
    // A signed file in another's place.
    let timestamp = room.coordinator.read(&base("timestamp.json"));
    let snapshot = room.coordinator.read(&base("snapshot.json"));
    room.coordinator.write(&base("snapshot.json"), timestamp);
    says(&room.run_as(alice, 1, &["review", &ceremony]), &["it is timestamp metadata"]);
    room.coordinator.write(&base("snapshot.json"), snapshot);
    // A role that nobody delegates to.
    room.coordinator.write(&base("team.json"), room.coordinator.read(&base("targets.json")));
    says(&room.run_as(alice, 1, &["review", &ceremony]), &["base/team.json", "no published role delegates to it"]);
}

#[test]
fn a_delegated_role_answers_to_its_delegator() {
    let room = Room::new(&["alice", "bob"], 2);
    let policy = room.coordinator.read("trustroot.toml");
    let team = "[[delegation]]\nname = \"team\"\npaths = [\"team/*\"]\nkeyholders = [\"bob\"]\nthreshold = 1\n";
    let team = format!("{policy}\n{team}lifetime-days = 90\nsigning-window-days = 30\n");
    room.coordinator.write("trustroot.toml", team);
    room.run(0, &["accept", "one-meets-threshold", "team", "--reason=small", "--until=2027-01-01T00:00:00Z"]);
    room.coordinator.write("targets/team/x.txt", "x\n");
    let first = room.stage();
    says(
        &room.run_as(room.machine("bob"), 0, &["review", &first]),
        &[
            "+ role team is trusted for \"team/*\"",
            "Who signs team: 1 of 1 key must sign.",
            "+ team/x.txt, a new target",
        ],
    );
    room.sign_all(&["alice", "bob"], &first);
    room.publish(&first);
    room.coordinator.write("targets/team/y.txt", "y\n");
    let second = room.stage();
    says(&room.run_as(room.machine("bob"), 0, &["review", &second]), &["team, version 1 -> 2", "+ team/y.txt"]);
    room.replace(&format!("ceremonies/{second}/base/team.json"), "\"length\": 2", "\"length\": 3");
    let refused = "base/team.json is not signed by those who may sign it: 0 of 1 keys that targets names for it signed";
    says(&room.run_as(room.machine("bob"), 1, &["review", &second]), &[refused]);
}

#[test]
fn an_older_base_is_refused() {
    let mut room = Room::new(&["alice", "bob"], 2);
    room.hold(&["alice", "bob"]);
    let old = room.path("old");
    copy(&room.path("repository"), &old);
    room.at("2026-12-01T12:00:00Z");
    room.coordinator.write("targets/b.txt", "new\n");
    room.enroll("carol");
    room.run(0, &["role", "root", "--add=carol"]);
    room.hold(&["alice", "bob"]);
    let latest = room.path("repository/2.root.json");
    let latest = std::fs::read(latest).unwrap();
    // The coordinator's machine comes from a backup.
    std::fs::remove_dir_all(room.path("repository")).unwrap();
    copy(&old, &room.path("repository"));
    std::fs::remove_dir_all(room.path("ceremonies")).unwrap();
    room.coordinator.write("2.root.json", latest);
    let ceremony = room.stage();
    let run = room.run_as(&room.fresh(), 1, &["review", &ceremony, "--root", "2.root.json"]);
    says(&run, &["base/ ends with root 1, and the root that you trust leads to root 2"]);
}

#[test]
fn targets_put_back_to_an_older_version_are_refused() {
    let mut room = Room::new(&["alice", "bob"], 2);
    room.hold(&["alice", "bob"]);
    let first = std::fs::read(room.path("repository/1.targets.json")).unwrap();
    room.at("2026-12-01T12:00:00Z");
    room.coordinator.write("targets/b.txt", "new\n");
    room.hold(&["alice", "bob"]);
    room.coordinator.write("targets/c.txt", "newer\n");
    let ceremony = room.stage();
    std::fs::write(room.path(&format!("ceremonies/{ceremony}/base/targets.json")), first).unwrap();
    let run = room.run_as(room.machine("alice"), 1, &["review", &ceremony]);
    says(&run, &["base/targets.json was put back to an older version: it is version 1, and the snapshot names 2"]);
}

#[test]
fn what_changed_since_the_trusted_root_is_told_too() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    room.hold(&["alice", "bob"]);
    room.enroll("dave");
    room.at("2026-12-01T12:00:00Z");
    room.run(0, &["role", "root", "--add=dave", "--drop=carol"]);
    room.hold(&["alice", "bob"]);
    room.coordinator.write("targets/b.txt", "new\n");
    let ceremony = room.stage();
    let stranger = room.fresh();
    let run = room.run_as(&stranger, 0, &["review", &ceremony, "--root", ROOT_1, "--trust"]);
    says(
        &run,
        &[
            "It leads to root 2, which is published: each root on the way is signed by enough keys of the one before it.",
            "What has changed already since the root that you trust root, version 1 -> 2",
            "- carol (P-256 key ",
            "What changes if you sign targets, version 1 -> 2",
        ],
    );
    let answer = room.json_as(&stranger, 0, &["review", &ceremony]);
    assert_eq!(answer["trusted"]["version"], 2, "the latest root is remembered");
    assert_eq!(answer["since"], Value::Array(vec![]));
}

#[test]
fn changed_files_are_noticed_and_change_the_words() {
    let (room, ceremony) = second();
    let alice = room.machine("alice");
    let words = room.words(&ceremony);
    let file = |path: &str| format!("ceremonies/{ceremony}/{path}");
    let staged = room.coordinator.read(&file("staged/root.json"));
    room.replace(&file("staged/root.json"), "\"threshold\": 3", "\"threshold\": 1");
    let run = room.run_as(alice, 1, &["review", &ceremony]);
    says(&run, &["not what its inputs give; different: staged/root.json"]);
    room.coordinator.write(&file("staged/root.json"), staged);
    // An input that changes nothing in the proposal, and so is no difference: the words tell.
    room.replace(&file("inputs/policy.toml"), "name = \"Test\"", "name = \"Rest\"");
    assert_ne!(room.words(&ceremony), words);
    room.replace(&file("inputs/policy.toml"), "threshold = 3", "threshold = 2");
    let run = room.run_as(alice, 1, &["review", &ceremony]);
    says(&run, &["not what its inputs give; different: staged/root.json"]);
}

#[test]
fn other_rules_cannot_be_judged() {
    let (room, ceremony) = second();
    room.replace(&format!("ceremonies/{ceremony}/inputs/staging.json"), "\"rules\": 1", "\"rules\": 99");
    let run = room.run_as(room.machine("alice"), 2, &["review", &ceremony]);
    says(&run, &["staged by rules 99; this program derives by rules 1"]);
}

#[test]
fn a_finding_that_is_no_longer_accepted_speaks_against_it() {
    let (mut room, ceremony) = second();
    room.at("2027-02-01T12:00:00Z");
    let run = room.run_as(room.machine("alice"), 1, &["review", &ceremony]);
    says(&run, &["What is wrong with it: do not sign target-changed: "]);
    let answer = room.json_as(room.machine("alice"), 1, &["review", &ceremony]);
    assert_eq!((&answer["ok"], &answer["findings"][0]["finding"]), (&false.into(), &"target-changed".into()));
}

#[test]
fn what_the_policy_accepts_beforehand_is_shown() {
    let room = Room::new(&["alice", "bob"], 2);
    room.run(0, &["accept", "clients-break", "root 1", "--reason=emergency", "--until=2027-01-01T00:00:00Z"]);
    let ceremony = room.stage();
    let run = room.run_as(room.machine("alice"), 0, &["review", &ceremony]);
    says(&run, &["should it be found clients-break of root 1, until 2027-01-01T00:00:00Z: emergency"]);
}

#[test]
fn who_signs_at_a_terminal_is_asked_for_what_is_lacking() {
    let room = Room::new(&["alice", "bob"], 2);
    let ceremony = room.stage();
    let words = room.words(&ceremony);
    let mut terminal = room.machine("alice").terminal(&["sign", "--now", common::room::NOW]);
    terminal.expect("Path of your key file").line(room.key_file("alice").to_str().unwrap());
    terminal.expect("Digest as you heard it").line("I forgot").expect("words given: 2");
    terminal.expect("Digest as you heard it").line(&words).expect("alice signed targets version 1");
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn a_ceremony_that_is_published_is_over_and_no_forgery() {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    let ceremony = room.hold(&["alice", "bob"]);
    let run = room.run(1, &["review", &ceremony]);
    assert!(run.says(&format!("ceremony {ceremony} is over: it proposed root 1")), "{run:?}");
    assert!(!run.says("do not sign"), "{run:?}");
}

#[test]
fn a_closed_ceremony_says_so() {
    let (room, ceremony) = second();
    room.run(0, &["abandon", &ceremony, "--reason=a typo"]);
    let run = room.run_as(room.machine("alice"), 1, &["review", &ceremony]);
    says(&run, &["IT WAS CLOSED at 2026-12-01T12:00:00Z: a typo"]);
}

#[test]
fn names_tell_the_terminal_nothing() {
    let room = Room::new(&["alice", "bob"], 2);
    room.replace("trustroot.toml", "name = \"Test\"", "name = \"T\\u202eest root, version 9\"");
    room.coordinator.write("targets/a\u{202e}b.txt", "reversed\n");
    let ceremony = room.stage();
    let run: Run = room.run_as(room.machine("alice"), 0, &["review", &ceremony]);
    says(&run, &[r#"trust root "T\u{202e}est root, version 9""#, r"a\u{202e}b.txt"]);
    assert!(!run.stdout.contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn nothing_is_added_by_looking() {
    let (room, ceremony) = second();
    let before = listing(&room.coordinator);
    room.run_as(room.machine("alice"), 0, &["review", &ceremony, "--trust"]);
    room.run(0, &["status"]);
    assert_eq!(listing(&room.coordinator), before);
}

fn listing(trustroot: &Trustroot) -> Vec<String> {
    fn walk(path: &std::path::Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => walk(&path, found),
                false => found.push(format!("{} {:?}", path.display(), std::fs::read(&path).unwrap().len())),
            }
        }
    }
    let mut found = Vec::new();
    walk(trustroot.dir(), &mut found);
    found.sort();
    found
}

/// Sigstore's trust root at root 12, and the ceremony that makes root 13 of it: one keyholder for another.
fn sigstore_13() -> (Trustroot, String) {
    let (trustroot, _) = adopted(12, 404, "2025-07-09T13:05:59Z");
    let real = ceremony::Root::of(&metadata(root_file(13))).unwrap();
    let lance = real.own().keys.iter().find(|key| key.owner() == Some("@lance")).unwrap();
    trustroot.write("lance.json", lance.object.pretty());
    trustroot.ok(&["keyholder", "enroll", "lance", "--public", "lance.json"]);
    for role in ["root", "targets"] {
        trustroot.ok(&["role", role, "--drop", "dlorenc", "--add", "lance"]);
    }
    let now = staged_at(13);
    let accept = ["accept", "possession-unproven", "lance", "--reason=replay", "--until=2026-07-09T00:00:00Z"];
    trustroot.ok(&[&accept[..], &["--now", &now]].concat());
    trustroot.ok(&["stage", "--only", "root", "--now", &now]);
    (trustroot, now)
}

#[test]
fn a_real_keyholder_is_replaced() {
    let (trustroot, now) = sigstore_13();
    let run = trustroot.exits(0, &["review", "--now", &now]);
    says(
        &run,
        &[
            "You trust root 12, which this machine remembers.",
            "root, version 12 -> 13 Expires 2026-01-22T13:05:59Z, 197 days after staging; before: 2025-08-19T14:33:09Z. \
             Who signs root and targets: 3 of 5 keys must sign, as before. + lance (P-256 key b3413f6d) joins \
             - dlorenc (P-256 key 5330d64c) leaves = bobcallaway, joshuagl, mnm678 and santiagotorres stay What was",
            "root version 13: 3 of 5 outgoing keys: bobcallaway, dlorenc, joshuagl, mnm678 and santiagotorres",
            "Only a record says whose key it is, and no proof: bobcallaway, dlorenc, joshuagl, lance,",
        ],
    );
    let status = trustroot.ok(&["status", "--now", &now]);
    fits(&status);
    assert!(status.contains("registry.npmjs.org 6") && status.contains("by others, from 2025-11-14"), "{status}");
}

#[test]
fn who_trusts_a_root_of_years_ago_sees_all_that_came_since() {
    let (trustroot, now) = sigstore_13();
    let machine = trustroot.other_machine();
    let run = machine.exits(0, &["review", "--now", &now, "--root", &root_file(1)]);
    says(
        &run,
        &[
            "You trust root 1, which you gave.",
            "It leads to root 12, which is published",
            "root, version 1 -> 2",
            "~ a key without a record (P-256 key da10c911) is listed under another id: 7247f0db -> 0c87432c",
        ],
    );
    let answer = machine.json(0, &["review", "--now", &now, "--root", &root_file(5)]);
    assert_eq!(answer["since"].as_array().unwrap().len(), 7);
}

#[test]
fn what_only_an_older_root_vouches_for_hides_nothing() {
    // Root 9 gave every key another id, and the targets of root 8 have 0 of 3 signatures under it.
    let (trustroot, _) = adopted(8, 165, "2024-03-13T05:00:00Z");
    trustroot.write("repository/9.root.json", std::fs::read(root_file(9)).unwrap());
    let now = ["--now", "2024-03-13T07:00:00Z"];
    trustroot.ok(&[&["stage", "--only", "targets"][..], &now].concat());
    let machine = trustroot.other_machine();
    let review = |code, root| machine.exits(code, &[&["review", "--root", &root_file(root)][..], &now].concat());
    let run = review(0, 8);
    says(
        &run,
        &[
            "What is published of targets is signed by the keys of root 8 only, so nothing of it is taken as known below.",
            "there was none before",
            "+ fulcio.crt.pem, a new target file of 744 bytes",
        ],
    );
    // For who trusts root 9 alone, nobody vouches for these targets.
    let refused =
        "base/targets.json is not signed by those who may sign it: its signatures do not meet the keys of root 9";
    says(&review(1, 9), &[refused]);
}
