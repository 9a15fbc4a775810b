//! Snapshot and timestamp that somebody else makes.
#![allow(clippy::unwrap_used)]

mod common;

use ceremony::Digest;
use common::{Room, says};
use serde_json::json;

/// A room in which alice and bob have published once, and whose policy leaves these roles to others since then. A second
/// target is staged and signed, and a root with one person more.
fn room(roles: &[&str]) -> (Room, String) {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    room.hold(&["alice", "bob"]);
    for role in roles {
        let policy = room.coordinator.read("trustroot.toml");
        let (before, after) = policy.split_once(&format!("[roles.{role}]\n")).unwrap();
        let after = after.replacen("online = [\"online\"]", "online = \"external\"", 1);
        room.coordinator.write("trustroot.toml", format!("{before}[roles.{role}]\n{after}"));
    }
    room.coordinator.write("targets/b.txt", "second\n");
    room.enroll("dave");
    room.run(0, &["role", "root", "--add=dave"]);
    let ceremony = room.stage();
    room.sign_all(&["alice", "bob"], &ceremony);
    (room, ceremony)
}

/// The others make their next file `name`, changed so, and it is copied into the repository.
fn others_make(room: &Room, from: &str, name: &str, version: u64, change: impl FnOnce(&mut serde_json::Value)) {
    let mut signed = room.published(from);
    signed["version"] = version.into();
    signed["expires"] = json!("2026-12-07T00:00:00Z");
    change(&mut signed);
    room.coordinator.write(&format!("repository/{name}"), room.signed_by("online", &signed));
}

#[test]
fn where_the_timestamp_of_others_has_expired_theirs_is_copied_and_no_timer_is_set_up() {
    let (mut room, ceremony) = room(&["snapshot", "timestamp"]);
    room.at("2026-11-30T12:00:00Z");
    for publish in [&["publish", &ceremony][..], &["publish", &ceremony, "--dry-run"]] {
        let run = room.run(1, publish);
        let expired =
            "timestamp 1 expired at 2026-11-29T12:00:00Z, and the policy leaves it to others: copy the newer one";
        says(&run, &["no client could use what would be published", expired, "into repository/, and run this again"]);
        assert!(!run.says("trustroot status") && !run.says("clients-break"), "{run:?}");
        assert!(!room.path("repository/2.targets.json").exists());
    }
    others_make(&room, "timestamp.json", "timestamp.json", 2, |_| {});
    let run = room.run(0, &["publish", &ceremony]);
    says(&run, &["Others make snapshot and timestamp", "copy those into repository/"]);
    assert!(!run.stdout.contains("renew") && !run.stdout.contains("timer"), "{run:?}");
    says(&room.run(0, &["renew"]), &["Nothing to do here: the policy leaves snapshot and timestamp to others."]);

    // Once theirs name the new targets, clients see them.
    let fetch = ["fetch", "--root=repository/1.root.json", "--metadata-url=repository", "--cache=cache", "b.txt"];
    says(&room.run(1, &fetch), &["no role that may lists the target \"b.txt\""]);
    others_make(&room, "1.snapshot.json", "2.snapshot.json", 2, |signed| {
        signed["meta"]["targets.json"] = json!({ "version": 2 });
    });
    let snapshot = std::fs::read(room.path("repository/2.snapshot.json")).unwrap();
    others_make(&room, "timestamp.json", "timestamp.json", 3, |signed| {
        let sha256 = Digest::of(&snapshot).to_string();
        signed["meta"]["snapshot.json"] =
            json!({ "version": 2, "length": snapshot.len(), "hashes": { "sha256": sha256 } });
    });
    room.run(0, &fetch);
}

#[test]
fn where_the_snapshot_alone_is_made_by_others_the_timer_stays() {
    let (room, ceremony) = room(&["snapshot"]);
    let run = room.run(0, &room.with_keys(&["publish", &ceremony], &["online"]).each());
    says(&run, &["Others make snapshot: clients see new target files once theirs name them", "Let a timer run this"]);
    assert!(run.stdout.contains("\n  trustroot renew --online-key"), "{run:?}");
}
