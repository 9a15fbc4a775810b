//! Taking in signatures that other tools and key services made.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;
mod sigstore;

use std::path::Path;

use common::{Room, Trustroot};
use serde_json::Value;
use sigstore::{adopted, data, metadata, root_file, staged_at};

/// Sigstore at root 14, with root 15 staged as it was on 2026-05-07.
fn staged() -> Trustroot {
    let (trustroot, _) = adopted(14, 675, &staged_at(15));
    trustroot.ok(&["stage", "--name", "next", "--now", &staged_at(15)]);
    trustroot
}

fn fates(answer: &Value) -> Vec<&str> {
    answer["signatures"].as_array().unwrap().iter().map(|row| row["fate"].as_str().unwrap()).collect()
}

fn signed(answer: &Value, set: &str) -> u64 {
    answer["roles"][0][set]["signed"].as_u64().unwrap()
}

#[test]
fn the_real_signatures_of_root_15_meet_the_threshold() {
    let trustroot = staged();
    let answer = trustroot.json(0, &["import", &root_file(15)]);
    assert_eq!(fates(&answer), ["kept"; 5]);
    assert_eq!((signed(&answer, "outgoing"), signed(&answer, "incoming")), (5, 5));
    let again = trustroot.json(0, &["import", &root_file(15)]);
    assert_eq!(fates(&again), ["was there"; 5]);
    let files = std::fs::read_dir(trustroot.dir().join("ceremonies/next/signatures/root")).unwrap();
    assert_eq!(files.count(), 5);
}

fn event(name: &str) -> String {
    data().join("../sigstore-events").join(name).to_str().unwrap().to_owned()
}

#[test]
fn signatures_that_a_merge_lost_are_not_lost_here() {
    // In the real event of root 15 two branches overwrote each other's signatures, and two people signed twice.
    let trustroot = staged();
    let first = trustroot.json(0, &["import", &event("root-v15/001-20260507T210629Z-b355613d-root-v15-1of5.json")]);
    assert_eq!(fates(&first), ["kept", "left", "left", "left", "left"]);
    assert!(first["signatures"][1]["reason"].as_str().unwrap().contains("empty"), "{first}");
    let second = trustroot.json(0, &["import", &event("root-v15/002-20260511T201106Z-ba84d414-root-v15-1of5.json")]);
    assert_eq!(signed(&second, "incoming"), 2);
    assert_eq!(second["signatures"][2]["keyholder"], "bobcallaway");
    let third = trustroot.json(0, &["import", &event("root-v15/004-20260513T121155Z-251b6c9a-root-v15-2of5.json")]);
    assert_eq!(fates(&third), ["was there", "left", "left", "kept", "left"]);
    assert_eq!(signed(&third, "outgoing"), 3);
}

#[test]
fn three_of_three_under_the_new_keys_is_not_done_under_the_old() {
    let (trustroot, _) = adopted(12, 404, &staged_at(13));
    let (later, _) = adopted(13, 542, &staged_at(14));
    trustroot.write("keyholders/lance.toml", later.read("keyholders/lance.toml"));
    let gone = metadata(root_file(12));
    let gone = ceremony::Root::of(&gone).unwrap().own().keys[0].owner().unwrap()[1..].to_owned();
    for role in ["root", "targets"] {
        trustroot.ok(&["role", role, "--drop", &gone, "--add", "lance"]);
    }
    let accept = ["accept", "possession-unproven", "lance", "--reason", "replay", "--until", "2027-01-01T00:00:00Z"];
    trustroot.ok(&accept);
    trustroot.ok(&["stage", "--only", "root", "--name", "next", "--now", &staged_at(13)]);
    let sixth = trustroot.json(0, &["import", &event("root-v13/006-20250710T063752Z-f032a498-root-v13-3of6.json")]);
    assert_eq!((signed(&sixth, "outgoing"), signed(&sixth, "incoming")), (2, 3));
    let refused = trustroot.exits(1, &["publish", "next", "--now", &staged_at(13)]);
    assert!(refused.said().contains("outgoing"), "{}", refused.stderr);
    let last = trustroot.json(0, &["import", &event("root-v13/008-20250711T143836Z-0375aad3-root-v13-5of6.json")]);
    assert_eq!((signed(&last, "outgoing"), signed(&last, "incoming")), (4, 5));
    trustroot.ok(&["publish", "next", "--now", &staged_at(13)]);
}

#[test]
fn a_signature_over_another_payload_is_stale() {
    let (trustroot, _) = adopted(14, 675, &staged_at(15));
    trustroot.ok(&["stage", "--name", "next", "--now", "2026-05-08T00:00:00Z"]);
    let answer = trustroot.json(1, &["import", &root_file(15)]);
    assert_eq!(answer["ok"], false);
    assert_eq!(fates(&answer), ["left"; 5]);
    let reason = answer["signatures"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("it was made over version 15 with payload"), "{reason}");
}

#[test]
fn one_signature_comes_in_any_form() {
    let trustroot = staged();
    let real = metadata(root_file(15));
    let (hex, base64): (Vec<_>, Vec<_>) = real
        .signatures
        .iter()
        .map(|signature| {
            let config = base64::engine::general_purpose::STANDARD;
            (hex::encode(&signature.sig), base64::Engine::encode(&config, &signature.sig))
        })
        .unzip();
    let keys: Vec<&str> = real.signatures.iter().map(|signature| signature.keyid.as_str()).collect();
    let one = |signature: &str, key: &str| trustroot.json(0, &["import", "--signature", signature, "--key", key]);
    assert_eq!(fates(&one(&hex[0], keys[0])), ["kept"]);
    assert_eq!(fates(&one(&base64[1], &keys[1][..8])), ["kept"]);
    trustroot.write("sig.bin", &real.signatures[2].sig);
    assert_eq!(fates(&one("sig.bin", "bobcallaway")), ["kept"]);
    trustroot.write("sig.txt", format!("{}\n", base64[3]));
    assert_eq!(signed(&one("sig.txt", "joshuagl"), "incoming"), 4);

    let wrong = trustroot.json(1, &["import", "--signature", &hex[0], "--key", "lance"]);
    assert_eq!(wrong["signatures"][0]["reason"], "it does not verify over what is staged");
    let nobody = trustroot.exits(1, &["import", "--signature", &hex[0], "--key", "mallory"]);
    assert!(nobody.said().contains("no key mallory may sign"), "{}", nobody.stderr);
    let none = trustroot.exits(2, &["import", "--signature", &hex[0], "--key", "lance", "--role", "targets"]);
    assert!(none.said().contains("targets is not staged"), "{}", none.stderr);
}

#[test]
fn the_payload_goes_out_and_the_signature_comes_back() {
    let trustroot = staged();
    let answer = trustroot.json(0, &["import", "--role", "root", "--payload", "root.payload"]);
    let real = metadata(root_file(15)).payload();
    assert_eq!(std::fs::read(trustroot.dir().join("root.payload")).unwrap(), real.bytes());
    assert_eq!(answer["sha256"], real.digest().to_string());
    trustroot.exits(2, &["import", "--role", "root", "--payload", "root.payload"]);
}

#[test]
fn signature_files_are_placed_by_what_they_hold() {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    let first = room.stage();
    room.sign_all(&["alice"], &first);
    room.run(0, &["abandon", &first, "--reason=the wrong file"]);
    room.coordinator.write("targets/a.txt", "second\n");
    room.run(0, &["accept", "equivocation", "targets 1", "--reason=abandoned", "--until=2027-01-01T00:00:00Z"]);
    room.run(0, &["accept", "equivocation", "root 1", "--reason=abandoned", "--until=2027-01-01T00:00:00Z"]);
    let second = room.stage();
    room.sign_all(&["bob", "carol"], &second);

    // What everybody signed comes by mail, under other names.
    let made = room.path(&format!("ceremonies/{second}/signatures"));
    let mail = room.path("mail");
    std::fs::rename(&made, &mail).unwrap();
    let only = |directory: &Path, who: &str| {
        let mut files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
        files.find(|file| file.file_name().to_str().unwrap().starts_with(who)).unwrap().path()
    };
    let bob = only(&mail.join("targets"), "bob");
    let name = bob.file_name().unwrap().to_owned();
    let bytes = std::fs::read(&bob).unwrap();
    std::fs::rename(&bob, mail.join("attachment (1).json")).unwrap();
    let text = std::fs::read_to_string(only(&mail.join("targets"), "carol")).unwrap();
    std::fs::write(mail.join("bad.json"), text.replace("\"signature\": \"30", "\"signature\": \"31")).unwrap();
    std::fs::write(mail.join("cut.json"), &text[..text.len() - 2]).unwrap();
    std::fs::write(mail.join("note.json"), "{}").unwrap();
    let stale = only(&room.path(&format!("ceremonies/{first}/signatures/targets")), "alice");
    std::fs::copy(stale, mail.join("stale.json")).unwrap();

    let answer = room.json(0, &["import", "mail"]);
    let reason = |file: &str| {
        let rows = answer["signatures"].as_array().unwrap();
        let row = rows.iter().find(|row| row["file"].as_str().unwrap().ends_with(file)).unwrap();
        (row["fate"].as_str().unwrap(), row["reason"].as_str().unwrap_or_default())
    };
    assert_eq!(reason("attachment (1).json"), ("kept", ""));
    assert_eq!(reason("bad.json"), ("left", "it does not verify over what is staged"));
    assert!(reason("cut.json").1.contains("neither a signature file nor"), "{answer}");
    assert!(reason("note.json").1.contains("neither a signature file nor"), "{answer}");
    assert!(reason("stale.json").1.contains("it is stale, sign again"), "{answer}");
    // Byte for byte what bob has, where he has it.
    assert_eq!(std::fs::read(made.join("targets").join(name)).unwrap(), bytes);
    let carol = only(&mail.join("targets"), "carol");
    let named = carol.strip_prefix(room.coordinator.dir()).unwrap().to_str().unwrap();
    assert_eq!(fates(&room.json(0, &["import", named])), ["kept"]);
    let again = room.run(0, &["import", named, "mail/attachment (1).json"]);
    assert!(
        again.stdout.contains("was there") && again.stdout.lines().all(|line| line.len() <= 80),
        "{}",
        again.stdout
    );

    // A whole directory that somebody hands back has the rest in signatures/.
    let handed_back = room.path("back");
    std::fs::create_dir(&handed_back).unwrap();
    std::fs::rename(&mail, handed_back.join("signatures")).unwrap();
    let answer = room.json(0, &["import", "back"]);
    assert_eq!(fates(&answer).iter().filter(|fate| **fate == "kept").count(), 2, "{answer}");
    room.publish(&second);
}

#[test]
fn files_that_hold_nothing_for_this_ceremony_are_refused() {
    let trustroot = staged();
    let snapshot = data().join("metadata/165.snapshot.json");
    let refused = trustroot.exits(1, &["import", snapshot.to_str().unwrap()]);
    assert!(refused.said().contains("snapshot metadata, and none is staged"), "{}", refused.stderr);
    trustroot.write("odd.json", "{\"signatures\":[],\"signatures\":[],\"signed\":{}}");
    trustroot.write("deep.json", "[".repeat(100_000));
    trustroot.write("text.json", [0xff, 0xfe, 0x00]);
    for file in ["odd.json", "deep.json", "text.json", "missing.json", "keyholders"] {
        trustroot.exits(2, &["import", file]);
    }
    let all = trustroot.json(1, &["import", "."]);
    assert_eq!(fates(&all), ["left"; 3], "{all}");
    let empty = trustroot.exits(2, &["import"]);
    assert!(empty.said().contains("FILE"), "{}", empty.stderr);
    let hostile = trustroot.exits(1, &["import", "--signature", "\u{1b}[2J", "--key", "lance\u{1b}[2J"]);
    assert!(!hostile.stderr.contains('\u{1b}'), "{}", hostile.stderr);
    assert!(!trustroot.dir().join("ceremonies/next/signatures").exists());
}
