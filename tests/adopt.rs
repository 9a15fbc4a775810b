//! Taking over repositories that other tools made: Sigstore's real one at several moments of its history, and small ones.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;
mod sigstore;

use std::fs;

use common::{Trustroot, fits};
use serde_json::Value;
use sigstore::{adopted, metadata, root_file, sigstore};

const NOW: &str = "2026-08-22T00:00:00Z";

#[test]
fn sigstore_is_adopted_byte_for_byte() {
    let (trustroot, answer) = adopted(16, 762, NOW);
    let tallies = |set: &str| -> Vec<_> {
        answer["roots"].as_array().unwrap().iter().map(|root| root[set]["signed"].as_u64()).collect()
    };
    let own = [5, 5, 3, 5, 4, 5, 4, 4, 5, 5, 5, 3, 5, 4, 5, 5].map(Some);
    assert_eq!(tallies("incoming"), own);
    let outgoing = [5, 3, 4, 4, 5, 4, 4, 5, 5, 5, 3, 4, 4, 5, 5].map(Some);
    assert_eq!(tallies("outgoing"), [&[None], &outgoing[..]].concat());

    let repository = sigstore(16, 762);
    let mut names: Vec<_> = fs::read_dir(repository.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.retain(|name| name != "targets");
    assert_eq!(names.len(), 211);
    for name in names {
        let copied = fs::read(trustroot.dir().join("repository").join(&name)).unwrap();
        assert_eq!(copied, fs::read(repository.path().join(&name)).unwrap(), "{name:?}");
    }
    let npm = "160677eb6e1c7083c89b166b20f8fe4e837fb71181506aff1991b80b89184f7d.keys.json";
    let npm = trustroot.dir().join("repository/targets/registry.npmjs.org").join(npm);
    assert_eq!(fs::metadata(npm).unwrap().len(), 2121);
    // Others make the delegated role; what is wanted of us are the eleven targets of our own.
    let wanted: Vec<_> = fs::read_dir(trustroot.dir().join("targets")).unwrap().collect();
    assert_eq!(wanted.len(), 11);
    assert_eq!(answer["left"].as_array().unwrap().len(), 0, "{}", answer["left"]);

    let findings = answer["findings"].as_array().unwrap();
    let has = |rule: &str, subject: &str, accepted: bool| {
        let is = |f: &&Value| f["finding"] == rule && f["subject"] == subject && f["accepted"] == accepted;
        assert!(findings.iter().any(|finding| is(&finding)), "{rule} {subject}");
    };
    has("key-id-mismatch", "7247f0dbad85b147e1863bade761243cc785dcb7aa410e7105dd3d2b61a36d2c", true);
    has("empty-signature", "root 12", true);
    has("expiry-too-long", "targets", true);
    has("possession-unproven", "lance", true);
    has("threshold-lowered", "timestamp in root 2", false);
    let policy = trustroot.read("trustroot.toml");
    assert!(!policy.contains("threshold-lowered"));

    let machine = trustroot.home().join(format!("roots/{}.json", answer["id"].as_str().unwrap()));
    assert_eq!(fs::read(machine).unwrap(), fs::read(root_file(16)).unwrap());
}

#[test]
fn the_policy_says_what_the_metadata_says() {
    let (trustroot, answer) = adopted(16, 762, NOW);
    let policy = ceremony::Policy::parse(&trustroot.read("trustroot.toml")).unwrap();
    let people = ["mnm678", "santiagotorres", "bobcallaway", "joshuagl", "lance"];
    for (role, lifetime, window) in [("root", 197, 46), ("targets", 3650, 31)] {
        let role = policy.role(role).unwrap();
        assert_eq!((role.signers.names(), role.threshold), (&people.map(str::to_owned)[..], 3));
        assert_eq!((role.lifetime.0, role.window.0), (lifetime, window));
    }
    for (role, lifetime, window) in [("snapshot", 3650, 365), ("timestamp", 7, 6), ("registry.npmjs.org", 182, 31)] {
        let role = policy.role(role).unwrap();
        assert_eq!(role.signers, ceremony::policy::Signers::External);
        assert_eq!((role.lifetime.0, role.window.0), (lifetime, window));
    }
    assert_eq!(policy.delegated, ["registry.npmjs.org"]);
    let custom = policy.targets["ctfe.pub"].custom.as_ref().unwrap();
    assert_eq!(custom.get("sigstore").unwrap().get("uri").unwrap().as_str(), Some("https://ctfe.sigstore.dev/test"));
    assert_eq!(policy.id, answer["id"]);
    // Key objects and ids verbatim, unknown members included.
    let record = keyholders::Record::parse(&trustroot.read("keyholders/bobcallaway.toml")).unwrap();
    let key = record.active().unwrap().tuf_key();
    let real = ceremony::Root::of(&metadata(root_file(16))).unwrap();
    assert_eq!(real.keys.get(&key.id), Some(key));
    assert!(key.object.get("keyid_hash_algorithms").is_some());
}

#[test]
fn the_answer_fits_a_terminal() {
    let (trustroot, repository) = (Trustroot::new(), sigstore(16, 762));
    let path = repository.path().to_str().unwrap();
    let out = trustroot.ok(&["adopt", path, "--root", &root_file(1), "--now", NOW]);
    fits(&out);
    for part in [
        "\n12    2025-08-19T14:33:09Z             3/3       3/3       1\n",
        "\ntimestamp           762      2026-08-28T19:25:56Z  1/1     somebody else\n",
        "\n183e64f3  b3413f6d     lance           root, targets\n",
        "\n0c87432c  ",
        "  threshold-lowered (timestamp in root 2): from 3 to 1\n",
        "  Others go on to make snapshot, timestamp, registry.npmjs.org: copy what they\n",
    ] {
        assert!(out.contains(part), "{part} in {out}");
    }
}

#[test]
fn nothing_is_due_right_after() {
    let (trustroot, answer) = adopted(16, 762, NOW);
    assert_eq!(answer["due"].as_array().unwrap().len(), 0);
    let stage = trustroot.exits(1, &["stage", "--now", NOW]);
    assert!(stage.said().contains("nothing is due"), "{}", stage.stderr);
}
