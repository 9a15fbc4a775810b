//! The binary for the ceremony room asks no service: it says what to do instead.
#![cfg(not(feature = "net"))]
#![allow(clippy::unwrap_used)]

mod common;

use common::Trustroot;

const INIT: [&str; 5] =
    ["init", "--template=sigstore", "--name=Test", "--keyholder=alice", "--now=2026-11-22T12:00:00Z"];

#[test]
fn services_are_known_by_what_they_answered_elsewhere() {
    let room = Trustroot::new();
    room.ok(&INIT);
    for (kind, url, said) in [
        (
            "fulcio",
            "https://fulcio.example",
            "https://fulcio.example/api/v2/trustBundle elsewhere, and give the files with --chain",
        ),
        ("rekor", "https://rekor.example", "/api/v1/log elsewhere, and give the files with --key and --checkpoint"),
        ("ctlog", "https://ct.example/2027", "/2027/ct/v1/get-sth elsewhere, and give the files with --tree-head"),
        ("tsa", "https://tsa.example", "https://tsa.example/api/v1/timestamp/certchain elsewhere"),
    ] {
        let run = room.exits(2, &["material", "rotate", kind, "--from", url, "--start=2026-12-15T00:00:00Z"]);
        assert!(run.says("this trustroot is built without the feature net"), "{}", run.stderr);
        assert!(run.says(said), "no {said:?} in {}", run.stderr);
    }
    let other = Trustroot::new();
    let run = other.exits(2, &[&INIT[..], &["--operator=example", "--fulcio=https://fulcio.example"]].concat());
    assert!(run.says("without the feature net") && !other.dir().join("trustroot.toml").exists(), "{}", run.stderr);
}
