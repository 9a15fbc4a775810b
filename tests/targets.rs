//! What lies below targets/: what becomes a target, and of which role.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

use common::{Room, says};
use serde_json::{Value, json};

/// The paths that the ceremony lists as wanted.
fn listed(room: &Room, ceremony: &str) -> Vec<String> {
    let list = room.coordinator.read(&format!("ceremonies/{ceremony}/inputs/targets.txt"));
    list.lines().map(|line| line.rsplit("  ").next().unwrap().to_owned()).collect()
}

#[test]
fn what_other_programs_leave_there_is_no_target() {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    for path in [".DS_Store", ".git/config", "a.txt~", "sub/#b#", "sub/.gitkeep", "sub/.b.swp"] {
        room.coordinator.write(&format!("targets/{path}"), "left behind\n");
    }
    let run = room.run(0, &["stage", "--dry-run"]);
    says(&run, &["left out: targets/.DS_Store, targets/.git/, targets/a.txt~"]);
    says(&run, &["and 1 more; hidden files and backups are targets only if"]);
    let staged: Value = room.json(0, &["stage", "--name=first"]);
    let left_out = [".DS_Store", ".git/", "a.txt~", "sub/#b#", "sub/.b.swp", "sub/.gitkeep"];
    assert_eq!(staged["left-out"], json!(left_out));
    assert_eq!(listed(&room, "first"), ["a.txt"]);
}

#[test]
fn a_hidden_file_that_the_policy_names_is_a_target_and_stays_one() {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    room.coordinator.write("targets/.well-known/keys.json", "{}\n");
    room.coordinator.write("targets/.well-known/.keys.json.swp", "left behind\n");
    let policy = room.coordinator.read("trustroot.toml");
    room.coordinator.write("trustroot.toml", format!("{policy}\n[targets.\".well-known/keys.json\"]\n"));
    room.hold(&["alice", "bob"]);
    room.coordinator.write("trustroot.toml", policy);
    // It is published now, and does not vanish because it is no longer named.
    room.coordinator.write("targets/b.txt", "second\n");
    let staged: Value = room.json(0, &["stage", "--name=second"]);
    assert_eq!(staged["left-out"], json!([".well-known/.keys.json.swp"]));
    assert_eq!(listed(&room, "second"), [".well-known/keys.json", "a.txt", "b.txt"]);
    room.run(0, &["abandon", "second", "--reason=x"]);
    std::fs::remove_file(room.path("targets/b.txt")).unwrap();
    let run = room.run(1, &["stage"]);
    says(&run, &["nothing is due"]);
    says(&run, &["left out: targets/.well-known/.keys.json.swp"]);
}

#[test]
fn a_role_lists_nothing_that_it_is_not_trusted_for() {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    let policy = room.coordinator.read("trustroot.toml");
    let terms = "threshold = 2\nlifetime-days = 90\nsigning-window-days = 30\n";
    let team =
        format!("[[delegation]]\nname = \"team\"\npaths = [\"t/*\"]\nkeyholders = [\"alice\", \"bob\"]\n{terms}");
    let given = |role: &str| format!("{policy}\n{team}\n[targets.\"a.txt\"]\nrole = \"{role}\"\n");
    room.coordinator.write("trustroot.toml", given("team"));
    let run = room.run(2, &["stage"]);
    says(&run, &["team would list \"a.txt\", which it is not trusted for"]);
    room.coordinator.write("trustroot.toml", given("root"));
    let run = room.run(2, &["stage"]);
    says(&run, &["is given to \"root\", which is no role for targets"]);
    room.coordinator.write("trustroot.toml", given("targets"));
    room.run(0, &["stage"]);
}

#[test]
fn a_role_that_is_trusted_for_every_name_is_found_however_that_is_written() {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    let policy = room.coordinator.read("trustroot.toml");
    let terms = "threshold = 2\nlifetime-days = 90\nsigning-window-days = 30\n";
    let stage = |code, pattern: &str| {
        let team = format!("[[delegation]]\nname = \"team\"\npaths = [\"t.txt\", \"{pattern}\"]\n");
        room.coordinator.write("trustroot.toml", format!("{policy}\n{team}keyholders = [\"alice\", \"bob\"]\n{terms}"));
        room.run(code, &["stage", "--dry-run"])
    };
    for pattern in ["*", "?*", "*?", "??*", "*/?*"] {
        let found = format!("delegation-to-all (team): it is trusted for \"{pattern}\"");
        says(&stage(1, pattern), &["a finding stops this proposal", &found]);
    }
    for pattern in ["t*", "????.txt", "team/*"] {
        stage(0, pattern);
    }
}

#[test]
fn a_target_that_is_not_the_staged_one_is_said_so_whatever_became_of_it() {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    room.coordinator.write("targets/deep/new", "new");
    let ceremony = room.stage();
    room.sign_all(&["alice", "bob"], &ceremony);
    let publish = room.with_keys(&["publish", &ceremony], &["online"]);
    let place = room.path("targets/deep/new");
    let of = |text: &str| format!("SHA-256 {}", ceremony::Digest::of(text.as_bytes()));
    let refused = |found: &str| {
        let run = room.run(1, &publish.each());
        let staged = format!("staged: 3 bytes, {}; found: {found}", of("new"));
        let hint = "hint: put the staged file back, or stage again";
        says(&run, &["error: targets/deep/new is not the file that was staged", &staged, hint]);
        assert!(!room.path("repository/1.root.json").exists());
    };
    for (text, found) in [("own", format!("3 bytes, {}", of("own"))), ("longer text", "11 bytes".to_owned())] {
        room.coordinator.write("targets/deep/new", text);
        refused(&found);
    }
    room.coordinator.write("targets/deep/new", "");
    refused(&format!("0 bytes, {}", of("")));
    fs::remove_file(&place).unwrap();
    refused("nothing");
    fs::remove_dir(place.parent().unwrap()).unwrap();
    refused("nothing");
    room.coordinator.write("targets/deep/new", "new");
    room.run(0, &publish.each());
}
