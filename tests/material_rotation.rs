//! Fulcio, Rekor, CT log and timestamp authority are rotated, and nothing that was signed stops to verify: Sigstore's
//! real targets under keys of the test, real bundles, and a small Sigstore that takes over.
#![allow(clippy::unwrap_used, clippy::panic)]

mod bundles;
mod common;
mod sigstore;

use std::fs;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bundles::{CLIENTS, Published, Signed, answer, by_file, script};
use ceremony::Certificate;
use common::Room;
use common::clients::copy;
use serde_json::Value;
use sigstore::adopted;
use tempfile::TempDir;

/// When Sigstore was adopted, and its material published under keys of the test.
const NOW: &str = "2026-08-22T00:00:00Z";
/// From when on the new material is valid.
const START: &str = "2026-10-01T00:00:00Z";
/// The new material is published, and has not started.
const KNOWN: &str = "2026-09-16T00:00:00Z";
/// Both are valid, and both are used.
const OVERLAP: &str = "2026-10-03T00:00:00Z";
/// The old material has ended.
const AFTER: &str = "2026-11-20T00:00:00Z";

/// When the bundles of the new material are signed: before its start, and behind it.
const SIGNED: [&str; 2] = ["2026-09-15T12:00:00Z", "2026-10-02T12:00:00Z"];

/// A trust root with Sigstore's targets, and the material that is to take over.
struct Rotation {
    room: Room,
    instance: TempDir,
    now: &'static str,
}

impl Rotation {
    /// Of nothing yet.
    fn of_nothing() -> Self {
        let mut room = Room::new(&["alice", "bob", "carol"], 2);
        room.at(NOW);
        let instance = tempfile::tempdir().unwrap();
        let made = script("make_instance").arg(instance.path()).args(SIGNED).output().unwrap();
        answer(&made).unwrap();
        Self { room, instance, now: NOW }
    }

    /// Of what Sigstore has, published at [`NOW`].
    fn of_sigstore() -> Self {
        let theirs = adopted(16, 762, NOW).0;
        let rotation = Self::of_nothing();
        let room = &rotation.room;
        copy(&theirs.dir().join("targets"), &room.path("targets"));
        // What their metadata says of the targets of older clients.
        let policy = theirs.read("trustroot.toml");
        let said = &policy[policy.find("\n[targets.").unwrap()..policy.find("\n# What was found").unwrap()];
        room.coordinator.write("trustroot.toml", room.coordinator.read("trustroot.toml") + said);
        room.run(0, &["material", "legacy"]);
        rotation.hold(&["coverage-hole (ctlog 2021-03-07)"]);
        rotation
    }

    /// Goes on to another day: the online key renews what expires.
    fn at(&mut self, now: &'static str) {
        self.now = now;
        self.room.at(now);
        self.room.run(0, &self.room.with_keys(&["renew"], &["online"]).each());
    }

    /// Accepts exactly these findings, which stop `stage`, whatever the digests of what changes; then stages, signs and
    /// publishes.
    fn hold(&self, findings: &[&str]) {
        let stopped = self.room.json(i32::from(!findings.is_empty()), &["stage", "--dry-run"]);
        let causes = stopped["causes"].as_array().into_iter().flatten().map(|cause| cause.as_str().unwrap());
        let found: Vec<&str> = causes.map(|cause| &cause[..=cause.find(')').unwrap()]).collect();
        assert_eq!(found.iter().map(|finding| without_digest(finding)).collect::<Vec<_>>(), findings);
        for finding in found {
            let (name, subject) = finding.trim_end_matches(')').split_once(" (").unwrap();
            self.room.run(0, &["accept", name, subject, "--reason=a rotation", "--until=2099-01-01T00:00:00Z"]);
        }
        self.room.hold(&["alice", "bob"]);
    }

    /// Accepts whatever is found; then stages, signs and publishes.
    fn hold_all(&self) {
        let stopped = self.room.json(1, &["stage", "--dry-run"]);
        let causes = stopped["causes"].as_array().unwrap().iter().map(|cause| cause.as_str().unwrap());
        let found: Vec<String> = causes.map(|cause| without_digest(&cause[..=cause.find(')').unwrap()])).collect();
        self.hold(&found.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// Rotates all four; says what changes with each.
    fn rotate(&self) -> [Value; 4] {
        [
            self.rotate_one(
                "rekor",
                "https://rekor.example",
                &[("--key", "rekor.pem"), ("--checkpoint", "checkpoint")],
            ),
            self.rotate_one("ctlog", "https://ct.example/2026", &[("--key", "ct.pem"), ("--tree-head", "sth.json")]),
            self.rotate_one("fulcio", "https://fulcio.example", &[("--chain", "fulcio.pem")]),
            self.rotate_one("tsa", "https://timestamp.example", &[("--chain", "tsa.pem")]),
        ]
    }

    fn rotate_one(&self, kind: &str, url: &str, evidence: &[(&str, &str)]) -> Value {
        let files = evidence.iter().flat_map(|(flag, file)| {
            [(*flag).to_owned(), self.instance.path().join(file).to_str().unwrap().to_owned()]
        });
        let files: Vec<String> = files.collect();
        let fixed = ["material", "rotate", kind, "--url", url, "--start", START, "--operator", "example"];
        let arguments: Vec<&str> = fixed.into_iter().chain(files.iter().map(String::as_str)).collect();
        self.room.json(0, &arguments)
    }

    /// Ends one that has retired; says what changes, and what is proven.
    fn end(&self, kind: &str, name: &str, last: &[&str]) -> (Vec<String>, Value) {
        let end = ["material", "end", kind, name, "--at=2026-11-15T00:00:00Z"];
        let answer = self.room.json(0, &[&end[..], last].concat());
        (changes(&answer), answer["proof"].clone())
    }

    /// What a client says of signatures.
    fn judged_by(&self, client: &str, signed: &[&Signed]) -> Vec<Result<(), String>> {
        let repository = self.room.path("repository");
        Published { repository: &repository, now: self.now }.judged_by(client, signed)
    }

    /// Whether a client accepts a signature.
    fn verifies(&self, client: &str, signed: &Signed) -> Result<(), String> {
        self.judged_by(client, &[signed]).remove(0)
    }

    /// Whether all clients accept all of these, or refuse all of them: `why`.
    fn everybody(&self, accepts: bool, signed: &[&Signed], why: &str) {
        std::thread::scope(|scope| {
            for client in CLIENTS {
                scope.spawn(move || {
                    for (signed, said) in signed.iter().zip(self.judged_by(client, signed)) {
                        assert_eq!(said.is_ok(), accepts, "{client}, {}, {why}: {said:?}", signed.bundle.display());
                    }
                });
            }
        });
    }

    /// The published `trusted_root.json`, as a client gets it.
    fn fetched(&self) -> Value {
        let repository = self.room.path("repository");
        serde_json::from_str(&Published { repository: &repository, now: self.now }.fetched()).unwrap()
    }
}

/// A finding by its name and subject, but for the digest of a change.
fn without_digest(finding: &str) -> String {
    match finding.strip_prefix("target-changed (") {
        Some(subject) => format!("target-changed ({})", subject.split(' ').next().unwrap()),
        None => finding.to_owned(),
    }
}

fn changes(answer: &Value) -> Vec<String> {
    assert_eq!(answer["findings"], Value::Array(Vec::new()), "{answer}");
    let files = answer["files"].as_array().unwrap().iter();
    let told = files.flat_map(|file| file["changes"].as_array().unwrap());
    told.map(|change| change["text"].as_str().unwrap().to_owned()).collect()
}

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
    // Another change than the one that was accepted.
    rotation.hold(&changed);
    rotation.everybody(true, &[&old[..], &[&new]].concat(), "the old one has ended");

    // Had an entry been removed instead of ended, what was signed under it would be lost.
    let published = rotation.fetched();
    judge_chains(&published);
    for (list, url) in [("tlogs", "baseUrl"), ("ctlogs", "baseUrl"), ("certificateAuthorities", "uri")] {
        let mut less = published.clone();
        less[list].as_array_mut().unwrap().retain(|entry| !entry[url].as_str().unwrap().contains("sigstore.dev"));
        assert_eq!(less[list].as_array().unwrap().len(), 1);
        for client in ["cosign", "sigstore-verify"] {
            let said = by_file(client, &less.to_string(), &old);
            assert!(said.iter().all(Result::is_err), "{client} without the old {list}: {said:?}");
        }
    }
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
