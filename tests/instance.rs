//! A Sigstore instance's first trust root: `init` is told of the services, proves them, and makes the trust material.
#![allow(clippy::unwrap_used)]

mod common;

use common::services::{checkpoint, fulcio_chain, log_key, tree_head, tsa_chain};
use common::terminal::ENTER;
use common::{Trustroot, fits};
use serde_json::Value;

const NOW: &str = "2026-11-22T12:00:00Z";
const START: &str = "2026-11-01T00:00:00Z";
const INIT: [&str; 8] = [
    "init",
    "--template=sigstore",
    "--name=Test",
    "--keyholder=alice",
    "--keyholder=bob",
    "--threshold=2",
    "--file-keys",
    "--now=2026-11-22T12:00:00Z",
];
const SERVICES: [&str; 7] = [
    "--fulcio=https://fulcio.example=fulcio.pem",
    "--rekor=https://rekor.example=rekor.pem,checkpoint",
    "--ctlog=https://ct.example/2026=ct.pem,sth.json",
    "--tsa=https://tsa.example=tsa.pem",
    "--oidc=https://login.example",
    "--operator=example",
    "--start=2026-11-01T00:00:00Z",
];

/// A directory with what services that run handed out.
fn room() -> Trustroot {
    let room = Trustroot::new();
    room.write("rekor.pem", log_key(5).key().to_spki_pem());
    room.write("checkpoint", checkpoint(5, "rekor.example"));
    room.write("ct.pem", log_key(6).key().to_spki_pem());
    room.write("sth.json", tree_head(6));
    room.write("fulcio.pem", fulcio_chain());
    room.write("tsa.pem", tsa_chain());
    room
}

fn init(more: &[&str]) -> Vec<String> {
    INIT.iter().chain(more).map(|one| (*one).to_owned()).collect()
}

fn strs(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

fn made(room: &Trustroot) -> [String; 2] {
    ["trusted_root.json", "signing_config.v0.2.json"].map(|name| room.read(&format!("targets/{name}")))
}

#[test]
fn all_of_it_is_made_in_one_command() {
    let room = room();
    let answer = room.json(0, &strs(&init(&SERVICES)));
    assert_eq!(answer["proofs"].as_array().unwrap().len(), 4, "{answer}");
    assert_eq!((&answer["findings"], &answer["next"]), (&Value::Array(vec![]), &Value::Array(vec![])));
    room.ok(&["material", "lint", "--now", NOW]);
    let config: Value = serde_json::from_str(&room.read("targets/signing_config.v0.2.json")).unwrap();
    for (list, url) in [
        ("caUrls", "https://fulcio.example"),
        ("oidcUrls", "https://login.example"),
        ("rekorTlogUrls", "https://rekor.example"),
        ("tsaUrls", "https://tsa.example"),
    ] {
        let service = &config[list][0];
        assert_eq!((&service["url"], &service["operator"]), (&url.into(), &"example".into()));
        assert_eq!(service["validFor"]["start"], START);
    }

    // The commands that it stands for make the same bytes.
    let by_hand = self::room();
    let said = by_hand.ok(&strs(&init(&[])));
    for line in
        ["rotate fulcio --from URL", "rotate rekor --from URL", "rotate ctlog", "rotate tsa", "service add oidc URL"]
    {
        assert!(said.contains(&format!("  trustroot material {line}")), "no {line} in {said}");
    }
    fits(&said);
    for (kind, url, given) in [
        ("fulcio", "--url=https://fulcio.example", &["--chain=fulcio.pem", "--operator=example"][..]),
        ("rekor", "--url=https://rekor.example", &["--key=rekor.pem", "--checkpoint=checkpoint"]),
        ("ctlog", "--url=https://ct.example/2026", &["--key=ct.pem", "--tree-head=sth.json"]),
        ("tsa", "--url=https://tsa.example", &["--chain=tsa.pem"]),
    ] {
        by_hand.ok(&[&["material", "rotate", kind, url, "--start", START, "--now", NOW], given].concat());
    }
    by_hand.ok(&["material", "service", "add", "oidc", "https://login.example", "--start", START, "--now", NOW]);
    assert_eq!(made(&room), made(&by_hand));
}

#[test]
fn what_is_not_proven_makes_nothing() {
    let room = room();
    room.write("other", checkpoint(7, "rekor.example"));
    for (given, code, reason) in [
        ("--rekor=https://rekor.example=rekor.pem,other", 1, "does not prove that this is the key of the log"),
        ("--fulcio=https://fulcio.example=tsa.pem", 1, "holds no chain that clients accept"),
        ("--tsa=https://tsa.example=nowhere.pem", 2, "nowhere.pem"),
        ("--ctlog=https://ct.example/2026", 2, "a CT log does not hand out its key"),
        ("--ctlog=https://ct.example/2026=ct.pem,", 2, "comes the name of a file"),
        ("--fulcio=https://fulcio.example=", 2, "comes the name of a file"),
        ("--fulcio=https://fulcio.example/=fulcio.pem", 2, "ends with a slash"),
    ] {
        let run = room.exits(code, &strs(&init(&["--operator=example", given])));
        let said = run.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(reason), "no {reason:?} in {said}");
        for path in ["trustroot.toml", "targets"] {
            assert!(!room.dir().join(path).exists(), "{given} left {path}");
        }
    }
    let run = room.exits(2, &strs(&init(&["--fulcio=https://fulcio.example=fulcio.pem"])));
    assert!(run.stderr.contains("hint: answer it with --operator"), "{run:?}");
    let run = room.exits(2, &["init", "--name=Test", "--keyholder=alice", "--oidc=https://login.example"]);
    assert!(run.stderr.contains("give --template sigstore"), "{run:?}");
}

#[test]
fn what_is_there_already_stays() {
    let room = room();
    room.write("targets/trusted_root.json", "{");
    let run = room.exits(1, &strs(&init(&SERVICES)));
    assert!(run.stderr.contains("targets/trusted_root.json cannot be changed"), "{run:?}");
    assert_eq!(room.read("targets/trusted_root.json"), "{");
    let other = self::room();
    other.json(0, &strs(&init(&SERVICES)));
    room.write("targets/trusted_root.json", other.read("targets/trusted_root.json"));
    let run = room.exits(1, &strs(&init(&SERVICES)));
    assert!(run.stderr.contains("the trusted root has what is in fulcio.pem already"), "{run:?}");
    assert!(!room.dir().join("trustroot.toml").exists());
}

#[test]
fn a_person_is_asked_and_may_err_or_pass() {
    let room = room();
    let mut terminal = room.terminal(&INIT);
    terminal.expect("URL of the Fulcio").line("fulcio.example").expect("does not begin with https://");
    terminal.line("https://fulcio.example").expect("From when on is it valid").line(START);
    terminal.expect("File with its certificates").line("tsa.pem").expect("holds no chain");
    terminal.expect_times("URL of the Fulcio", 3).line("https://fulcio.example");
    terminal.expect_times("File with its certificates", 2).line("fulcio.pem");
    terminal.expect("Who runs it").line("example");
    terminal.expect("URL of the Rekor").line("https://rekor.example").expect("File with its key").line("rekor.pem");
    terminal.expect("File with its checkpoint").line("checkpoint");
    terminal.expect("URL of the CT log").send(ENTER).expect("URL of the TSA").send(ENTER);
    terminal.expect("URL of the OpenID Connect provider").line("https://login.example");
    terminal.expect("trustroot material rotate ctlog --from URL --key FILE").expect("enroll a key for each of");
    assert_eq!(terminal.exit_code(), 0);
    let given = self::room();
    let services: Vec<&str> = [0, 1, 4, 5, 6].map(|i| SERVICES[i]).to_vec();
    given.json(0, &strs(&init(&services)));
    assert_eq!(made(&room), made(&given));
}

#[test]
fn nothing_needs_to_run_yet() {
    let room = Trustroot::new();
    let mut terminal = room.terminal(&INIT);
    for kind in ["Fulcio", "Rekor", "CT log", "TSA", "OpenID Connect provider"] {
        terminal.expect(&format!("URL of the {kind}")).send(ENTER);
    }
    terminal.expect("trustroot material service add oidc URL");
    assert_eq!(terminal.exit_code(), 0);
    assert!(room.dir().join("trustroot.toml").exists() && !room.dir().join("targets").exists());
}
