//! A ceremony of long ago, in the hands of somebody who had years to change its files.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
mod sigstore;

use std::fs;
use std::path::{Path, PathBuf};

use common::Room;
use serde_json::{Value, json};

const CEREMONY: &str = "ceremonies/old";

/// A ceremony with trust material that was published, its directory, and its digest as it was written down.
fn published() -> (Room, String) {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    for name in ["trusted_root.json", "signing_config.v0.2.json"] {
        room.coordinator.write(&format!("targets/{name}"), sigstore::target(name));
    }
    let accept = ["--reason=it is so", "--until=2099-01-01T00:00:00Z"];
    room.run(0, &[&["accept", "coverage-hole", "ctlog 2021-03-07"], &accept[..]].concat());
    room.hold(&["alice", "bob"]);
    room.at("2026-11-24T12:00:00Z");
    room.coordinator.write("targets/b.txt", "b");
    room.run(0, &["stage", "--name", "old"]);
    let words = room.words("old");
    room.sign_all(&["alice", "bob"], "old");
    room.publish("old");
    (room, words)
}

fn verify(room: &Room, code: i32, more: &[&str]) -> Value {
    let root = "--root=repository/1.root.json";
    room.json(code, &[&["verify", CEREMONY, root], more].concat())["ceremonies"][0].clone()
}

/// The files below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    files.sort();
    files
}

/// `path` in the ceremony.
fn named(room: &Room, path: &Path) -> String {
    path.strip_prefix(room.path(CEREMONY)).unwrap().to_str().unwrap().to_owned()
}

fn problems(audited: &Value) -> Vec<String> {
    let problems = audited["problems"].as_array().unwrap().iter();
    problems.map(|problem| format!("{}: {}", problem["subject"], problem["what"]).replace('"', "")).collect()
}

#[test]
fn it_is_noticed_whichever_file_was_changed_or_taken_away() {
    let (room, words) = published();
    let heard = format!("--expect={words}");
    let whole = verify(&room, 0, &[&heard]);
    assert_eq!(problems(&whole), [""; 0]);
    let all = files(&room.path(CEREMONY));
    let places = ["inputs/keyholders", "inputs/material", "base/material", "staged", "signatures", "published"];
    assert!(places.iter().all(|place| all.iter().any(|path| named(&room, path).starts_with(place))), "{all:?}");
    for path in &all {
        let (name, content) = (named(&room, path), fs::read(path).unwrap());
        let run = |what: &str| {
            let arguments = ["verify", CEREMONY, "--root=repository/1.root.json", &heard, "--json"];
            let run = room.coordinator.run(&arguments);
            assert!((0..=2).contains(&run.code) && !run.stderr.contains("panicked"), "{name} {what}: {run:?}");
            let answer: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
            (run.code, answer["ceremonies"][0].clone())
        };
        let middle = content.len() / 2;
        let mut bent = content.clone();
        bent[middle] ^= 1;
        fs::write(path, &bent).unwrap();
        assert_ne!(run("bent").0, 0, "{name} with another byte {middle}");
        fs::remove_file(path).unwrap();
        let (code, audited) = run("away");
        // Fewer signatures are no forgery, and are told. A later timestamp may be all that there ever was.
        let told = code != 0 || (name.starts_with("signatures/") && audited["signers"] != whole["signers"]);
        let told = told || audited["roles"] != whole["roles"] || name == "published/2.timestamp.json";
        assert!(told, "{name} was taken away: {audited}");
        fs::write(path, &content).unwrap();
    }
    assert_eq!(verify(&room, 0, &[&heard]), whole);
}

/// The signatures cover what is staged, and say nothing of what lay beside it.
#[test]
fn a_policy_a_record_or_evidence_that_was_exchanged_has_another_digest() {
    let (room, words) = published();
    room.replace(&format!("{CEREMONY}/inputs/policy.toml"), "it is so", "it was so");
    assert_eq!(problems(&verify(&room, 0, &[])), [""; 0]);
    let said = "old: the digest of inputs, base and staged files is not the one that was heard";
    assert_eq!(problems(&verify(&room, 1, &[&format!("--expect={words}")])), [said]);
    let odd = room.run(2, &["verify", CEREMONY, "--root=repository/1.root.json", "--expect=abandon"]);
    assert!(odd.says("neither twelve words nor 32 or more hex digits"), "{odd:?}");
}

#[test]
fn an_auditor_reads_who_signed_and_what_was_found_and_accepted() {
    let (room, _) = published();
    let audited = verify(&room, 0, &[]);
    let signers = audited["signers"].as_array().unwrap();
    let names: Vec<_> = signers.iter().map(|signer| (&signer["keyholder"], &signer["made-in"])).collect();
    assert_eq!(names, [(&json!("alice"), &Value::Null), (&json!("bob"), &Value::Null)]);
    // The first ceremony is the one in which the material came.
    let first = fs::read_dir(room.path("ceremonies")).unwrap().map(|entry| entry.unwrap().file_name());
    let first = first.map(|name| name.into_string().unwrap()).find(|name| name != "old").unwrap();
    let answer = room.json(0, &["verify", &format!("ceremonies/{first}")]);
    let accepted = &answer["ceremonies"][0]["accepted"][0];
    let wanted = (&json!("coverage-hole"), &json!("ctlog 2021-03-07"), &json!("it is so"));
    assert_eq!((&accepted["finding"], &accepted["subject"], &accepted["reason"]), wanted);
    assert_eq!(answer["ceremonies"][0]["findings"], json!([]));
}

/// A snapshot that the online key signed for something else, under the name of the one that was made here.
#[test]
fn a_seal_of_another_publication_is_named() {
    let (room, _) = published();
    let before = room.path("repository/1.snapshot.json");
    for (from, to, said) in [
        (before.clone(), "2.snapshot.json", "it is snapshot version 1"),
        (before.clone(), "1.snapshot.json", "it names version 1 of targets, and version 2 is staged"),
        (before, "1.targets.json", "it has no place in a ceremony"),
    ] {
        let place = room.path(&format!("{CEREMONY}/published/{to}"));
        let kept = fs::read(&place).ok();
        fs::copy(from, &place).unwrap();
        let found = problems(&verify(&room, 1, &[]));
        assert!(found.contains(&format!("published/{to}: {said}")), "{found:?}");
        match kept {
            Some(kept) => fs::write(&place, kept).unwrap(),
            None => fs::remove_file(&place).unwrap(),
        }
    }
}
