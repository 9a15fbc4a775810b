//! `trustroot verify CEREMONY_DIR...`: ceremonies that are what they say, and such that are not.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::{Path, PathBuf};

use common::Trustroot;
use serde_json::{Value, json};

/// A trust root of alice, bob and carol with keys in files, two of whom must sign, and one target.
fn room() -> Trustroot {
    let room = Trustroot::new();
    let people = ["--keyholder=alice", "--keyholder=bob", "--keyholder=carol"];
    room.ok(&[&["init", "--name=Room", "--threshold=2", "--file-keys"], &people[..]].concat());
    for name in ["alice", "bob", "carol", "online"] {
        let file = format!("--file={}", key_file(&room, name));
        let online: &[&str] = if name == "online" { &["--online"] } else { &[] };
        let enroll = ["keyholder", "enroll", name, &file, "--generate", "--no-passphrase", "--new-nonce"];
        room.ok(&[&enroll[..], online].concat());
    }
    room.write("targets/a.txt", "a");
    room
}

fn key_file(room: &Trustroot, name: &str) -> String {
    room.home().join(format!("{name}.pem")).to_str().unwrap().to_owned()
}

/// Stages, and returns the path of the ceremony.
fn stage(room: &Trustroot, name: &str) -> String {
    room.ok(&["stage", "--name", name]);
    format!("ceremonies/{name}")
}

/// Has somebody sign on a machine, whose keys lie at `keys`.
fn sign(machine: &Trustroot, keys: &Trustroot, name: &str, ceremony: &str, root: Option<&str>) {
    let root: Vec<&str> = root.into_iter().flat_map(|root| ["--root", root]).collect();
    let review = machine.json(0, &[&["review", ceremony, "--digest"], &root[..]].concat());
    let expect = format!("--expect={}", review["digest"].as_str().unwrap());
    let key = format!("--key-file={}", key_file(keys, name));
    machine.ok(&[&["sign", ceremony, &expect, &key], &root[..]].concat());
}

/// The signature files of a role.
fn signatures(room: &Trustroot, ceremony: &str, role: &str) -> Vec<PathBuf> {
    let dir = room.dir().join(ceremony).join("signatures").join(role);
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::write(&to, std::fs::read(&path).unwrap()).unwrap();
        }
    }
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

/// The problems of the first ceremony, each as `SUBJECT: WHAT`.
fn problems(answer: &Value) -> Vec<String> {
    let list = answer["ceremonies"][0]["problems"].as_array().unwrap().iter();
    list.map(|problem| format!("{}: {}", problem["subject"].as_str().unwrap(), problem["what"].as_str().unwrap()))
        .collect()
}

#[test]
fn a_ceremony_on_its_way_is_sound_and_says_who_signed() {
    let room = room();
    let ceremony = stage(&room, "first");
    let answer = room.json(0, &["verify", &ceremony]);
    let first = &answer["ceremonies"][0];
    assert_eq!((&answer["ok"], &first["ok"], &first["signed"]), (&json!(true), &json!(true), &json!(false)));
    sign(&room, &room, "alice", "first", None);
    sign(&room.other_machine(), &room, "bob", "first", None);
    let answer = room.json(0, &["verify", &ceremony]);
    let first = &answer["ceremonies"][0];
    assert_eq!((&first["name"], &first["signed"], &first["abandoned"]), (&json!("first"), &json!(true), &json!(false)));
    let roles = first["roles"].as_array().unwrap();
    let root = roles.iter().find(|role| role["role"] == "root").unwrap();
    assert_eq!((&root["outgoing"], &root["version"]), (&Value::Null, &json!(1)));
    assert_eq!(root["incoming"], json!({ "threshold": 2, "signed": 2 }));
    assert!(room.ok(&["verify", &ceremony]).lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn a_ceremony_that_was_changed_after_staging_is_named() {
    let room = room();
    let ceremony = stage(&room, "first");
    let file = |path: &str| room.dir().join(&ceremony).join(path);
    replace(&file("staged/root.json"), "\"version\": 1", "\"version\": 2");
    assert_eq!(
        problems(&room.json(1, &["verify", &ceremony])),
        ["staged/root.json: it is not what inputs and base give"]
    );
    replace(&file("staged/root.json"), "\"version\": 2", "\"version\": 1");
    room.json(0, &["verify", &ceremony]);
    replace(&file("inputs/policy.toml"), "threshold = 2", "threshold = 3");
    assert!(!problems(&room.json(1, &["verify", &ceremony])).is_empty());
}

#[test]
fn a_signature_that_does_not_verify_is_named() {
    let room = room();
    let ceremony = stage(&room, "first");
    sign(&room, &room, "alice", "first", None);
    let file = signatures(&room, &ceremony, "root").remove(0);
    let text = std::fs::read_to_string(&file).unwrap();
    let signature = serde_json::from_str::<Value>(&text).unwrap()["signature"].as_str().unwrap().to_owned();
    let end = if signature.ends_with("00") { "01" } else { "00" };
    replace(&file, &signature, &format!("{}{end}", &signature[..signature.len() - 2]));
    let found = problems(&room.json(1, &["verify", &ceremony]));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("signatures/root/alice.") && found[0].ends_with(": the signature does not verify"),
        "{found:?}"
    );
    std::fs::write(&file, "{}").unwrap();
    assert!(problems(&room.json(1, &["verify", &ceremony]))[0].starts_with("signatures/root/alice."));
}

#[test]
fn two_ceremonies_that_contradict_each_other_are_named() {
    let room = room();
    let elsewhere = Trustroot::new();
    copy(room.dir(), elsewhere.dir());
    elsewhere.write("targets/a.txt", "something else");
    let here = stage(&room, "first");
    stage(&elsewhere, "second");
    let there = elsewhere.dir().join("ceremonies/second").to_str().unwrap().to_owned();
    let answer = room.json(1, &["verify", &here, &there]);
    assert_eq!(answer["ok"], false);
    let found = |answer: &Value| {
        let findings = answer["findings"].as_array().unwrap().iter();
        let findings =
            findings.filter(|finding| finding["finding"] == "equivocation" && finding["subject"] == "targets 1");
        findings.map(|finding| finding["what"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found(&answer), ["first and second stage different payloads of it"]);
    // Somebody has alice sign both, on two machines that know nothing of each other.
    sign(&room, &room, "alice", "first", None);
    sign(&elsewhere, &room, "alice", "second", None);
    let answer = room.json(1, &["verify", &here, &there]);
    assert_eq!(found(&answer), ["first and second stage different payloads of it; signed both: alice"]);
    // Each by itself is sound.
    room.json(0, &["verify", &here]);
    room.json(0, &["verify", &there]);
    room.json(0, &["verify", &here, &here]);
}

#[test]
fn a_later_ceremony_is_walked_to_from_the_trusted_root() {
    let room = room();
    std::fs::create_dir(room.dir().join("repository")).unwrap();
    stage(&room, "first");
    sign(&room, &room, "alice", "first", None);
    sign(&room, &room, "bob", "first", None);
    let online = format!("--online-key={}", key_file(&room, "online"));
    room.ok(&["publish", "first", &online]);
    room.write("targets/b.txt", "b");
    let second = stage(&room, "second");
    let root = room.dir().join("repository/1.root.json").to_str().unwrap().to_owned();
    let stranger = room.other_machine();
    let answer = stranger.json(0, &["verify", &second, "--root", &root]);
    let roles = answer["ceremonies"][0]["roles"].as_array().unwrap();
    assert_eq!(roles[0]["role"], "targets");
    assert_eq!(roles[0]["version"], 2);
    let untold = stranger.exits(2, &["verify", &second]);
    assert!(untold.stderr.contains("--root"), "{}", untold.stderr);
    // The audit of what was published says the same as the ceremony.
    room.json(0, &["verify", "--repository", "repository", "--root", &root]);

    let other = self::room();
    std::fs::create_dir(other.dir().join("repository")).unwrap();
    stage(&other, "first");
    sign(&other, &other, "alice", "first", None);
    let forged = other.dir().join("ceremonies/first/staged/root.json").to_str().unwrap().to_owned();
    let answer = stranger.json(1, &["verify", &second, "--root", &forged]);
    assert!(problems(&answer)[0].starts_with("base: base/ does not lead on from the root that you trust"), "{answer}");
}

#[test]
fn what_is_no_ceremony() {
    let room = room();
    std::fs::create_dir(room.dir().join("empty")).unwrap();
    room.exits(2, &["verify", "empty"]);
    room.exits(2, &["verify", "nowhere"]);
    let both = room.exits(2, &["verify", "empty", "trustroot.toml"]);
    assert!(both.stderr.contains("trustroot.toml is no directory of a ceremony"), "{}", both.stderr);
}

#[test]
fn the_first_ceremony_is_sound_for_whoever_trusts_the_root_that_it_made() {
    let room = room();
    let ceremony = stage(&room, "first");
    sign(&room, &room, "alice", &ceremony, None);
    sign(&room.other_machine(), &room, "bob", &ceremony, None);
    room.ok(&["publish", &ceremony, "--online-key", &key_file(&room, "online")]);
    let verify = ["verify", &ceremony, "--root", "repository/1.root.json"];
    let run = room.exits(0, &verify);
    assert!(run.stdout.contains("\nYes: what is staged is what its inputs give"), "{run:?}");
    // Another first root is not the one that it made.
    let root: Value = serde_json::from_str(&room.read("repository/1.root.json")).unwrap();
    let mut other = root.clone();
    other["signed"]["expires"] = json!("2099-01-01T00:00:00Z");
    room.write("repository/1.root.json", other.to_string());
    let answer = room.json(1, &verify);
    assert!(problems(&answer)[0].contains("does not lead on from the root that you trust"), "{answer}");
}
