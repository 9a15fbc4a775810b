//! A trust root whose Fulcio, Rekor, CT log and timestamp authority are rotated, as its clients see it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic)]

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::bundles::{BY_FILE, CLIENTS, Published, Signed, answer, by_file, data, script};
use crate::common::Room;
use crate::common::clients::copy;
use crate::sigstore::{adopted, target};

/// When Sigstore was adopted, and its material published under keys of the test.
pub const NOW: &str = "2026-08-22T00:00:00Z";
/// From when on the new material is valid.
pub const START: &str = "2026-10-01T00:00:00Z";
/// The new material is published, and has not started.
pub const KNOWN: &str = "2026-09-16T00:00:00Z";
/// Both are valid, and both are used.
pub const OVERLAP: &str = "2026-10-03T00:00:00Z";
/// The old material has ended.
pub const AFTER: &str = "2026-11-20T00:00:00Z";

/// When the bundles of the new material are signed: before its start, and behind it.
pub const SIGNED: [&str; 2] = ["2026-09-15T12:00:00Z", "2026-10-02T12:00:00Z"];

/// A trust root with Sigstore's targets, and the material that is to take over.
pub struct Rotation {
    pub room: Room,
    pub instance: TempDir,
    now: &'static str,
}

impl Rotation {
    /// Of nothing yet.
    pub fn of_nothing() -> Self {
        let mut room = Room::new(&["alice", "bob", "carol"], 2);
        room.at(NOW);
        let instance = tempfile::tempdir().unwrap();
        let made = script("make_instance").arg(instance.path()).args(SIGNED).output().unwrap();
        answer(&made).unwrap();
        Self { room, instance, now: NOW }
    }

    /// Of what Sigstore has, published at [`NOW`].
    pub fn of_sigstore() -> Self {
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

    /// Of what Sigstore's staging had in 2025, whose log is a Rekor of version 2.
    pub fn of_staging() -> Self {
        let rotation = Self::of_nothing();
        let write = |name: &str, content: &[u8]| rotation.room.coordinator.write(&format!("targets/{name}"), content);
        write("trusted_root.json", &fs::read(data("rekor2-happy-path/trusted_root.json")).unwrap());
        let config = String::from_utf8(target("signing_config.v0.2.json")).unwrap();
        write("signing_config.v0.2.json", config.replace("sigstore.dev", "sigstage.dev").as_bytes());
        rotation.hold(&[]);
        rotation
    }

    /// Goes on to another day: the online key renews what expires.
    pub fn at(&mut self, now: &'static str) {
        self.now = now;
        self.room.at(now);
        self.room.run(0, &self.room.with_keys(&["renew"], &["online"]).each());
    }

    /// Accepts exactly these findings, which stop `stage`, whatever the digests of what changes; then stages, signs and
    /// publishes.
    pub fn hold(&self, findings: &[&str]) {
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
    pub fn hold_all(&self) {
        let stopped = self.room.json(1, &["stage", "--dry-run"]);
        let causes = stopped["causes"].as_array().unwrap().iter().map(|cause| cause.as_str().unwrap());
        let found: Vec<String> = causes.map(|cause| without_digest(&cause[..=cause.find(')').unwrap()])).collect();
        self.hold(&found.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// Rotates all four; says what changes with each.
    pub fn rotate(&self) -> [Value; 4] {
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
    pub fn end(&self, kind: &str, name: &str, last: &[&str]) -> (Vec<String>, Value) {
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
    pub fn verifies(&self, client: &str, signed: &Signed) -> Result<(), String> {
        self.judged_by(client, &[signed]).remove(0)
    }

    /// Whether all clients accept all of these, or refuse all of them: `why`.
    pub fn everybody(&self, accepts: bool, signed: &[&Signed], why: &str) {
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

    /// Had the old entries of one of these lists been removed instead of ended, what was signed under them would be lost.
    pub fn without(&self, lists: &[&str], old: &str, signed: &[&Signed]) {
        let published = self.fetched();
        for list in lists {
            let mut less = published.clone();
            let url = if list.ends_with("logs") { "baseUrl" } else { "uri" };
            less[list].as_array_mut().unwrap().retain(|entry| !entry[url].as_str().unwrap().contains(old));
            assert_eq!(less[list].as_array().unwrap().len(), 1);
            for client in BY_FILE {
                let said = by_file(client, &less.to_string(), signed);
                assert!(said.iter().all(Result::is_err), "{client} without the old {list}: {said:?}");
            }
        }
    }

    /// The published `trusted_root.json`, as a client gets it.
    pub fn fetched(&self) -> Value {
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

/// What an answer of `material` says that changes; nothing must be wrong with it.
pub fn changes(answer: &Value) -> Vec<String> {
    assert_eq!(answer["findings"], Value::Array(Vec::new()), "{answer}");
    let files = answer["files"].as_array().unwrap().iter();
    let told = files.flat_map(|file| file["changes"].as_array().unwrap());
    told.map(|change| change["text"].as_str().unwrap().to_owned()).collect()
}
