//! Fulcio, Rekor, CT log and timestamp authority are rotated, and nothing that was signed stops to verify: Sigstore's
//! real targets under keys of the test, real bundles, and a small Sigstore that takes over.
#![allow(clippy::unwrap_used, clippy::panic)]

mod bundles;
mod common;
#[path = "bundles/rotation.rs"]
mod rotation;
mod sigstore;

use std::fs;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bundles::{CLIENTS, Signed, data};
use ceremony::Certificate;
use rotation::{AFTER, KNOWN, OVERLAP, Rotation, START, changes};
use serde_json::Value;

/// Every chain of the trusted root, judged by openssl at `AFTER`.
fn judge_chains(trusted_root: &Value) {
    let at = AFTER.parse::<ceremony::Time>().unwrap().unix().to_string();
    let mut judged = 0;
    for (list, purpose) in [("certificateAuthorities", "any"), ("timestampAuthorities", "timestampsign")] {
        for authority in trusted_root[list].as_array().unwrap() {
            let place = tempfile::tempdir().unwrap();
            let certificates = authority["certChain"]["certificates"].as_array().unwrap();
            let pem = |certificate: &Value| {
                let der = STANDARD.decode(certificate["rawBytes"].as_str().unwrap()).unwrap();
                Certificate::from_der(&der).unwrap().to_pem()
            };
            let chain: Vec<String> = certificates.iter().map(pem).collect();
            let write = |name: &str, text: &str| {
                let path = place.path().join(name);
                fs::write(&path, text).unwrap();
                path
            };
            let mut verify = Command::new("openssl");
            verify.args(["verify", "-attime", &at, "-purpose", purpose, "-CAfile"]);
            verify.arg(write("root", chain.last().unwrap()));
            if chain.len() > 2 {
                verify.arg("-untrusted").arg(write("between", &chain[1..chain.len() - 1].concat()));
            }
            let output = verify.arg(write("first", &chain[0])).output().expect("apt-get install openssl");
            assert!(output.status.success(), "{}: {output:?}", authority["uri"]);
            judged += 1;
        }
    }
    assert_eq!(judged, 5);
}

#[test]
fn all_four_are_rotated_and_every_signature_goes_on_to_verify() {
    let mut rotation = Rotation::of_sigstore();
    let reals =
        [Signed::real("happy-path-v0.1"), Signed::real("happy-path-v0.3"), Signed::attestation(), Signed::stamped()];
    let old: Vec<&Signed> = reals.iter().collect();
    let [early, new] = [0, 1].map(|number| Signed::new(rotation.instance.path(), number));
    rotation.everybody(true, &old, "as ever");
    rotation.everybody(false, &[&new], "nobody knows the new one yet");

    let [rekor, ct, fulcio, tsa] = rotation.rotate().map(|answer| changes(&answer));
    assert!(rekor.contains(&"adds Rekor rekor.example (P-256) from 2026-10-01".to_owned()), "{rekor:#?}");
    assert!(ct.contains(&"adds CT log ct.example/2026 (P-256) from 2026-10-01".to_owned()), "{ct:#?}");
    assert!(fulcio.contains(&"adds the CA v1 fulcio.example for signing from 2026-10-01".to_owned()), "{fulcio:#?}");
    assert!(tsa.contains(&"adds TSA timestamp.example (test-tsa) from 2026-10-01".to_owned()), "{tsa:#?}");
    let changed = [
        "target-changed (signing_config.v0.2.json)",
        "target-changed (signing_config_rekor_v2.v0.2.json)",
        "target-changed (trusted_root.json)",
    ];
    rotation.hold(&changed);

    rotation.at(KNOWN);
    assert!(rotation.verifies("sigstore-python", &early).is_err(), "the new one has not started");
    rotation.at(OVERLAP);
    rotation.everybody(true, &[&old[..], &[&new]].concat(), "both are valid");
    for client in ["sigstore-js", "cosign", "sigstore-verify"] {
        assert!(rotation.verifies(client, &early).is_err(), "{client}: signed before the start");
    }
    // It compares the start with the present time alone.
    rotation.verifies("sigstore-python", &early).unwrap();

    rotation.at(AFTER);
    let last = Signed::stamped();
    let write = |name: &str, bytes: &[u8]| rotation.room.coordinator.write(name, bytes);
    write("entry.json", last.entry().as_bytes());
    write("leaf.der", &last.certificate());
    write("stamp", &last.stamp());
    // Nobody outside has a tree head of the CT log that was signed last: that is a word.
    for (kind, name, last, told, proof) in [
        (
            "rekor",
            "https://rekor.sigstore.dev",
            "--evidence=entry.json",
            "ends Rekor rekor.sigstore.dev (P-256) on 2026-11-15",
            "there is its entry 738312748, of 2025-12-03T18:36:43Z, ",
        ),
        (
            "ctlog",
            "2022",
            "--last-use=2026-11-14T00:00:00Z",
            "ends CT log ctfe.sigstore.dev/2022 (P-256) on 2026-11-15",
            "",
        ),
        (
            "fulcio",
            "https://fulcio.sigstore.dev",
            "--evidence=leaf.der",
            "ends the CA v1 fulcio.sigstore.dev for signing on 2026-11-15",
            "there is a certificate that it issued, valid until 2025-12-03T18:46:42Z, ",
        ),
        (
            "tsa",
            "https://timestamp.sigstore.dev",
            "--evidence=stamp",
            "ends the TSA v1 timestamp.sigstore.dev",
            "there is its time stamp, of 2025-12-03T18:36:42Z, ",
        ),
    ] {
        let (ended, proven) = rotation.end(kind, name, &[last]);
        assert!(ended.iter().any(|line| line.starts_with(told)), "{kind}: {ended:#?}");
        assert!(proven.as_str().unwrap_or_default().starts_with(proof), "{kind}: {proven}");
    }
    // Over another file than the one that was signed, the old is as good as nothing; but sigstore-js leaves it to others to
    // compare an attestation with the file.
    let mistaken = [Signed::stamped(), Signed::attestation()].map(|signed| signed.over(data("a.txt")));
    for client in CLIENTS {
        let accepted = mistaken.each_ref().map(|signed| rotation.verifies(client, signed).is_ok());
        assert_eq!(accepted, [false, client == "sigstore-js"], "{client}");
    }

    // Another change than the one that was accepted.
    rotation.hold(&changed);
    rotation.everybody(true, &[&old[..], &[&new]].concat(), "the old one has ended");

    rotation.without(&["tlogs", "ctlogs", "certificateAuthorities"], "sigstore.dev", &old);
    judge_chains(&rotation.fetched());
}

/// In a Rekor of version 2 a signature has the time of a timestamp authority alone.
#[test]
fn what_is_in_a_rekor_of_version_2_goes_on_to_verify_too() {
    let mut rotation = Rotation::of_staging();
    let old = Signed::real("rekor2-happy-path");
    let new = Signed::new(rotation.instance.path(), 1);
    rotation.everybody(true, &[&old], "as ever");
    rotation.everybody(false, &[&new], "nobody knows the new one yet");
    rotation.rotate();
    rotation.hold_all();
    rotation.at(OVERLAP);
    rotation.everybody(true, &[&old, &new], "both are valid");

    rotation.at(AFTER);
    let write = |name: &str, bytes: &[u8]| rotation.room.coordinator.write(name, bytes);
    write("checkpoint", old.checkpoint().as_bytes());
    write("leaf.der", &old.certificate());
    write("stamp", &old.stamp());
    let word = "--last-use=2026-11-14T00:00:00Z";
    // A checkpoint has no time, and nobody has a tree head.
    for (kind, name, last, told, proof) in [
        (
            "rekor",
            "https://log2025-alpha1.rekor.sigstage.dev",
            &["--evidence=checkpoint", word][..],
            "ends Rekor v2 log2025-alpha1.rekor.sigstage.dev (Ed25519) on 2026-11-15",
            "there is its checkpoint of 736 entries, which has no time, ",
        ),
        ("ctlog", "2022-2", &[word], "ends CT log ctfe.sigstage.dev/2022-2 (P-256) on 2026-11-15", ""),
        (
            "fulcio",
            "https://fulcio.sigstage.dev",
            &["--evidence=leaf.der"],
            "ends Fulcio fulcio.sigstage.dev (sigstore-intermediate) on 2026-11-15",
            "there is a certificate that it issued, valid until 2025-06-12T12:12:16Z, ",
        ),
        (
            "tsa",
            "https://timestamp.sigstage.dev",
            &["--evidence=stamp"],
            "ends TSA timestamp.sigstage.dev/api/v1/timestamp (sigstore-tsa) on 2026-11-15",
            "there is its time stamp, of 2025-06-12T12:02:20Z, ",
        ),
    ] {
        let (ended, proven) = rotation.end(kind, name, last);
        assert!(ended.iter().any(|line| line == told), "{kind}: {ended:#?}");
        assert!(proven.as_str().unwrap_or_default().starts_with(proof), "{kind}: {proven}");
    }
    rotation.hold_all();
    rotation.everybody(true, &[&old, &new], "the old one has ended");
    rotation.without(&["tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities"], "sigstage.dev", &[&old]);
}

/// Since when a key was in other hands: before what [`SIGNED`] says last.
const LEAK: &str = "2026-10-02T00:00:00Z";

/// What was signed with a key of the instance after it leaked: which clients go on to accept it when the entry is ended at
/// the leak, and when it is removed. The bundle has two times, from Rekor and from the timestamp authority.
#[test]
fn what_was_signed_with_a_leaked_key() {
    for (kind, url, ended, removed) in [
        ("fulcio", "https://fulcio.example", &["sigstore-python"][..], &[][..]),
        ("rekor", "https://rekor.example", &["sigstore-python"], &[]),
        ("ctlog", "https://ct.example/2026", &["sigstore-python"], &[]),
        ("tsa", "https://timestamp.example", &["sigstore-python", "cosign"], &["cosign"]),
    ] {
        let mut rotation = Rotation::of_nothing();
        rotation.rotate();
        let issuer =
            ["material", "service", "add", "oidc", "https://login.example", "--operator=example", "--start", START];
        rotation.room.run(0, &issuer);
        rotation.hold(&[]);
        rotation.at(OVERLAP);
        let signed = Signed::new(rotation.instance.path(), 1);
        let early = rotation.room.run(2, &["material", "end", kind, url, "--at", LEAK, "--last-use", OVERLAP]);
        assert!(early.says("so it cannot end at"), "{}", early.stderr);
        rotation.room.run(0, &["material", "end", kind, url, "--at", LEAK, "--compromised"]);
        rotation.hold_all();
        let accepted = |rotation: &Rotation| -> Vec<&str> {
            CLIENTS.into_iter().filter(|client| rotation.verifies(client, &signed).is_ok()).collect()
        };
        assert_eq!(accepted(&rotation), ended, "{kind} is ended");
        rotation.room.run(0, &["material", "remove", kind, url]);
        rotation.hold_all();
        assert_eq!(accepted(&rotation), removed, "{kind} is removed");
    }
}

#[test]
fn a_private_instance_is_made_from_nothing() {
    let mut rotation = Rotation::of_nothing();
    rotation.rotate();
    let issuer =
        ["material", "service", "add", "oidc", "https://login.example", "--operator=example", "--start", START];
    rotation.room.run(0, &issuer);
    rotation.hold(&[]);
    rotation.at(OVERLAP);
    let new = Signed::new(rotation.instance.path(), 1);
    rotation.everybody(true, &[&new], "the only one");
    rotation.everybody(false, &[&Signed::real("happy-path-v0.3")], "Sigstore is not trusted");
    let address = ["handout", "--metadata-url=https://tuf.example", "--root=repository/1.root.json"];
    assert!(rotation.room.run(0, &address).stdout.contains("trust_config.json"));
}

/// A rotation that was staged early, and whose signatures took two weeks.
#[test]
fn a_start_that_comes_near_while_signatures_are_awaited_stops_the_ceremony() {
    let mut rotation = Rotation::of_sigstore();
    rotation.rotate();
    let room = &mut rotation.room;
    room.run(0, &["accept", "target-changed", "--all", "--reason=a rotation", "--until=2099-01-01T00:00:00Z"]);
    let ceremony = room.stage();
    let words = room.words(&ceremony);
    room.sign("alice", &ceremony, &words);
    assert_eq!(room.json(0, &["status"])["ceremonies"][0]["too-soon"], Value::Array(Vec::new()));

    // The evening before, a second signature would complete it; hours behind the start it is no better.
    for late in ["2026-09-30T20:00:00Z", "2026-10-01T08:00:00Z"] {
        room.at(late);
        room.run(0, &room.with_keys(&["renew"], &["online"]).each());
        let told = "start-too-soon (ctlog https://ct.example/2026";
        let review = room.run(1, &["review", &ceremony, "--root=repository/1.root.json"]);
        assert!(review.stdout.contains("start-too-soon: An entry is in use before every client"), "{}", review.stdout);
        assert!(review.stdout.contains("What is wrong with it: do not sign"), "{}", review.stdout);
        let key = room.key_file("bob");
        let sign = ["sign", &ceremony, "--expect", &words, "--root=repository/1.root.json", "--key-file"];
        let refused = room.run_as(room.machine("bob"), 1, &[&sign[..], &[key.to_str().unwrap()]].concat());
        assert!(refused.says(told) && refused.says("trustroot abandon"), "{}", refused.stderr);
        let publish = room.run(1, &room.with_keys(&["publish", &ceremony], &["online"]).each());
        assert!(publish.says(told) && publish.says("give a later start"), "{}", publish.stderr);
        let status = room.run(0, &["status"]);
        let said = status.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(&format!("! {told}")), "{said}");
        assert!(said.contains(&format!("trustroot abandon {ceremony}")), "{said}");
        assert!(!said.contains("trustroot sign"), "{said}");
    }
}
