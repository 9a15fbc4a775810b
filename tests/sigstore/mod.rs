//! Sigstore's real repository, as it stood at moments of its history.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ceremony::{Meta, Metadata};
use serde_json::Value;
use tempfile::TempDir;

use crate::common::Trustroot;

pub fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/sigstore-prod")
}

/// A target file as Sigstore publishes it today.
pub fn target(name: &str) -> Vec<u8> {
    let mut files = fs::read_dir(data().join("targets")).unwrap().map(|entry| entry.unwrap().path());
    let is = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().split_once('.').unwrap().1 == name;
    fs::read(files.find(is).unwrap()).unwrap()
}

pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &to)
        } else {
            assert!(fs::copy(entry.path(), to).is_ok())
        }
    }
}

pub fn metadata(path: impl AsRef<Path>) -> Metadata {
    let path = path.as_ref();
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Metadata::parse_untrusted(&bytes).unwrap()
}

/// Sigstore's repository as it stood when root `root` was the latest and `timestamp` live.
pub fn sigstore(root: u64, timestamp: u64) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let copy = |from: &str, name: &str| assert!(fs::copy(data().join(from), dir.path().join(name)).is_ok(), "{from}");
    copy(&format!("timestamps/{timestamp}.timestamp.json"), "timestamp.json");
    let versions = |file: Metadata| -> BTreeMap<String, u64> {
        let meta = Meta::of(&file).unwrap();
        meta.files.into_iter().map(|(name, file)| (name.trim_end_matches(".json").to_owned(), file.version)).collect()
    };
    let mut live = versions(metadata(dir.path().join("timestamp.json")));
    live.extend(versions(metadata(data().join(format!("metadata/{}.snapshot.json", live["snapshot"])))));
    live.insert("root".to_owned(), root);
    for (role, live) in live {
        for version in 1..=live {
            let name = format!("{version}.{role}.json");
            if data().join("metadata").join(&name).exists() {
                copy(&format!("metadata/{name}"), &name);
            }
        }
    }
    for targets in ["history-targets", "targets"] {
        copy_tree(&data().join(targets), &dir.path().join("targets"));
    }
    dir
}

pub fn path(dir: &TempDir) -> &str {
    dir.path().to_str().unwrap()
}

pub fn root_file(version: u64) -> String {
    data().join(format!("metadata/{version}.root.json")).to_str().unwrap().to_owned()
}

/// Adopts Sigstore as it stood at `root`.
pub fn adopted(root: u64, timestamp: u64, now: &str) -> (Trustroot, Value) {
    let (trustroot, repository) = (Trustroot::new(), sigstore(root, timestamp));
    let answer = trustroot.json(0, &["adopt", path(&repository), "--root", &root_file(1), "--now", now]);
    (trustroot, answer)
}

/// The staging time of a published root: its expiry less the 197 days of Sigstore's policy.
pub fn staged_at(version: u64) -> String {
    metadata(root_file(version)).expires().minus(ceremony::Days(197)).unwrap().to_string()
}

/// All sentences of an answer of `material`, by file.
pub fn told(answer: &Value) -> Vec<(String, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let files = answer["files"].as_array().unwrap().iter();
    let file = |file: &Value| {
        (text(&file["path"]), file["changes"].as_array().unwrap().iter().map(|change| text(&change["text"])).collect())
    };
    files.map(file).collect()
}

/// What an answer of `material` finds, with its subjects.
pub fn names(answer: &Value) -> Vec<String> {
    let findings = answer["findings"].as_array().unwrap().iter();
    findings.map(|f| format!("{} ({})", f["finding"].as_str().unwrap(), f["subject"].as_str().unwrap())).collect()
}

/// Stages the targets as the ceremony `next`; whatever is found is accepted.
pub fn stage(trustroot: &Trustroot, now: &str) {
    let stopped = trustroot.json(1, &["stage", "--dry-run", "--now", now]);
    for cause in stopped["causes"].as_array().unwrap() {
        let (name, subject) = cause.as_str().unwrap().split_once(" (").unwrap();
        let subject = subject.split_once("): ").unwrap().0;
        trustroot.ok(&["accept", name, subject, "--reason=a test", "--until=2027-01-01T00:00:00Z", "--now", now]);
    }
    trustroot.ok(&["stage", "--name=next", "--only=targets", "--now", now]);
}
