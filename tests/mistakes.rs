//! What went wrong with other tools, tried here. `docs/mistakes.md` lists all of it, with the tests that are elsewhere.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ceremony::{Digest, Json, Metadata, SignatureFile};
use common::tree::listing;
use common::{BINARY, Room, Trustroot};
use serde_json::Value;

/// Two of three people, and the first ceremony.
fn staged() -> (Room, String) {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    let ceremony = room.stage();
    (room, ceremony)
}

/// The signature files of a role.
fn signatures(room: &Room, ceremony: &str, role: &str) -> Vec<SignatureFile> {
    let directory = room.path(&format!("ceremonies/{ceremony}/signatures/{role}"));
    let files = fs::read_dir(directory).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    files.map(|bytes| SignatureFile::parse(&bytes).unwrap()).collect()
}

#[test]
fn signatures_inside_the_shared_file() {
    let (room, ceremony) = staged();
    let staged = room.path(&format!("ceremonies/{ceremony}/staged"));
    let before = listing(&staged);
    room.sign_all(&["bob", "alice"], &ceremony);
    assert_eq!(listing(&staged), before, "who signs adds a file and changes none");
    assert_eq!((signatures(&room, &ceremony, "root").len(), signatures(&room, &ceremony, "targets").len()), (2, 2));
    for role in ["root", "targets"] {
        let file: Value = serde_json::from_slice(&fs::read(staged.join(format!("{role}.json"))).unwrap()).unwrap();
        assert_eq!(file["signatures"], Value::Array(vec![]), "nobody has a slot that an edit could wipe");
    }
    room.publish(&ceremony);
    for name in ["1.root.json", "1.targets.json"] {
        let bytes = fs::read(room.path(&format!("repository/{name}"))).unwrap();
        let published = Metadata::parse_untrusted(&bytes).unwrap().signatures;
        assert!(published.len() == 2 && published.iter().all(|entry| !entry.sig.is_empty()), "{name}: no placeholder");
    }
}

#[test]
fn signing_something_else_than_what_was_reviewed() {
    let (room, ceremony) = staged();
    let path = format!("ceremonies/{ceremony}/staged/root.json");
    let staged = room.coordinator.read(&path);
    let words = room.words(&ceremony);
    let key = room.key_file("alice");
    let sign = ["sign", &ceremony, "--expect", &words, "--key-file", key.to_str().unwrap()];
    // The same value in other bytes, or one member more that a typed structure would lose: neither is signed.
    let compact = serde_json::to_string(&serde_json::from_str::<Value>(&staged).unwrap()).unwrap();
    let more = staged.replacen("\"spec_version\"", "\"x-unknown\": 1,\n  \"spec_version\"", 1);
    for changed in [compact, more] {
        assert_ne!(changed, staged);
        room.coordinator.write(&path, changed);
        let run = room.run_as(room.machine("alice"), 1, &sign);
        assert!(run.says("not what its inputs give") && run.says("staged/root.json"), "{run:?}");
    }
    room.coordinator.write(&path, &staged);
    room.sign("alice", &ceremony, &words);
    let file = Metadata::parse_untrusted(staged.as_bytes()).unwrap();
    assert_ne!(file.signed().canonical(), staged.as_bytes(), "what lies there is for people, and not what is signed");
    let signed = &signatures(&room, &ceremony, "root")[0];
    assert_eq!(signed.payload, Digest::of(&file.signed().canonical()));
    // The canonical form is of the very value, whatever is in it.
    let odd = br#"{"signed":{"z":"a\nb","a":"e\u0301"}}"#;
    let canonical = Json::parse(odd).unwrap().canonical();
    assert_eq!(canonical, "{\"signed\":{\"a\":\"e\u{301}\",\"z\":\"a\nb\"}}".as_bytes());
}

#[test]
fn a_plan_that_changes_after_somebody_signed() {
    let (room, first) = staged();
    room.sign_all(&["alice"], &first);
    let old = signatures(&room, &first, "targets").remove(0);
    room.coordinator.write("targets/more.txt", "one thing more\n");
    let run = room.run(1, &["stage", "--name", "second"]);
    assert!(run.says("is open and carries root version 1 already"), "{run:?}");
    assert!(run.says("it holds 2 signature(s), which a new proposal would make stale"), "{run:?}");

    room.run(0, &["abandon", &first, "--reason=one thing more"]);
    for subject in ["root 1", "targets 1"] {
        room.run(0, &["accept", "equivocation", subject, "--reason=abandoned", "--until=2027-01-01T00:00:00Z"]);
    }
    room.run(0, &["stage", "--name", "second"]);
    room.coordinator.write(&format!("ceremonies/second/signatures/targets/{}", old.file_name()), old.to_file());
    room.sign_all(&["bob"], "second");
    let status = room.json(0, &["status", "second"]);
    let roles = status["ceremonies"][0]["roles"].as_array().unwrap();
    let targets = roles.iter().find(|role| role["role"] == "targets").unwrap();
    assert_eq!((&targets["stale"][0]["keyholder"], &targets["refused"]), (&"alice".into(), &Value::Array(vec![])));
    let run = room.run(1, &room.with_keys(&["publish", "second"], &["online"]).each());
    assert!(run.says("targets needs 2 of 3 incoming keys; 1 has signed (bob)"), "{run:?}");
    assert!(run.says("1 signature(s) are stale: they cover another proposal"), "{run:?}");
}

#[test]
fn a_secret_in_messages_or_files() {
    const SECRET: &str = "correct horse battery staple";
    let room = Room::new(&["alice", "bob"], 2);
    let keys = tempfile::tempdir().unwrap();
    let (right, wrong, key) = (keys.path().join("right"), keys.path().join("wrong"), keys.path().join("dave.pem"));
    fs::write(&right, SECRET).unwrap();
    fs::write(&wrong, SECRET.to_uppercase()).unwrap();
    let [right, wrong, key] = [&right, &wrong, &key].map(|path| path.to_str().unwrap());
    let enroll = ["keyholder", "enroll", "dave", "--file", key, "--generate", "--new-nonce", "--passphrase-file"];
    let mut said = vec![room.coordinator.exits(0, &[&enroll[..], &[right]].concat())];
    room.run(0, &["role", "root", "--add=dave"]);
    let ceremony = room.stage();
    let words = room.words(&ceremony);
    let sign = ["sign", &ceremony, "--expect", &words, "--key-file", key, "--passphrase-file"];
    for (file, code) in [(wrong, 2), (right, 0)] {
        said.push(room.run(code, &[&sign[..], &[file]].concat()));
        said.push(room.run(code, &[&sign[..], &[file, "--json"]].concat()));
    }
    let secrets = [SECRET.to_owned(), SECRET.to_uppercase()];
    for run in &said {
        assert!(secrets.iter().all(|secret| !format!("{run:?}").contains(secret)), "{run:?}");
    }
    for place in [room.coordinator.dir(), room.coordinator.home()] {
        for file in files(place) {
            let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
            assert!(secrets.iter().all(|secret| !text.contains(secret)), "{}", file.display());
        }
    }
    // What does not log cannot log a secret.
    let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/keyholders/Cargo.toml")).unwrap();
    assert!(["log =", "tracing", "slog"].iter().all(|crates| !manifest.contains(crates)));
}

#[test]
fn a_clock_inside_the_logic() {
    let room = Room::new(&["alice", "bob"], 2);
    let twin = room.coordinator.twin();
    let stage = ["stage", "--name=first", "--now=2001-02-03T04:05:06Z"];
    room.coordinator.exits(0, &stage);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    twin.exits(0, &stage);
    let first = |at: &Trustroot| listing(&at.dir().join("ceremonies/first"));
    assert_eq!(first(&room.coordinator), first(&twin), "another second, the same bytes");
    // What was derived then is derived again in another century.
    for now in ["2001-02-03T04:05:06Z", "2150-01-01T00:00:00Z"] {
        let answer = twin.run(&["verify", "ceremonies/first", "--json", "--now", now]);
        let answer: Value = serde_json::from_str(&answer.stdout).unwrap();
        assert_eq!(
            (&answer["ok"], &answer["ceremonies"][0]["problems"]),
            (&true.into(), &Value::Array(vec![])),
            "{answer}"
        );
    }
}

#[test]
fn a_drawer_for_everything() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for file in ["src", "ceremony/src", "keyholders/src"].iter().flat_map(|place| files(&project.join(place))) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 500, "{} has {lines} lines: it is about more than one thing", file.display());
        seen += 1;
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn an_escape_hatch_on_the_command_line() {
    let at = Trustroot::new();
    let commands = |arguments: &[&str]| -> Vec<String> {
        let help = at.ok(&[arguments, &["--help"]].concat());
        let listed = help.split("Commands:\n").nth(1).unwrap_or_default().split("\n\n").next().unwrap().to_owned();
        let rows = listed.lines().filter_map(|line| line.strip_prefix("  ")).filter(|row| !row.starts_with(' '));
        let names = rows.filter_map(|row| row.split_whitespace().next());
        names.filter(|name| *name != "help").map(str::to_owned).collect()
    };
    let mut flags = BTreeSet::new();
    let mut seen = 0;
    let tops = commands(&[]);
    for top in &tops {
        let below = commands(&[top]);
        let below = below.iter().map(|name| vec![top.as_str(), name]).chain([vec![top.as_str()]]);
        for command in below {
            let help = at.ok(&[&command[..], &["--help"]].concat());
            let words = help.split(|c: char| !(c.is_alphanumeric() || c == '-')).filter(|word| word.starts_with("--"));
            flags.extend(words.map(str::to_owned));
            seen += 1;
        }
    }
    assert!(seen > 18 && flags.len() > 30, "{seen} commands: {flags:?}");
    for hatch in ["force", "ignore", "skip", "insecure", "unsafe", "allow", "no-verify", "no-check", "yes", "override"]
    {
        let found = flags.iter().find(|flag| flag.contains(hatch));
        assert_eq!(found, None, "an exception is a line in the policy, for everybody to read");
    }
    // Nor is there one in the environment.
    let (room, ceremony) = staged();
    room.sign_all(&["alice"], &ceremony);
    let mut hatched = room.fresh();
    for name in ["FORCE", "IGNORE_THRESHOLD", "SKIP_VERIFY", "INSECURE"] {
        hatched = hatched.env(&format!("TRUSTROOT_{name}"), "1");
    }
    let run = room.run_as(&hatched, 1, &room.with_keys(&["publish", &ceremony], &["online"]).each());
    assert!(run.says("root needs 2 of 3 incoming keys; 1 has signed (alice)"), "{run:?}");
}

#[test]
fn a_signer_that_phones_home() {
    let (room, ceremony) = staged();
    let words = room.words(&ceremony);
    let keys = ["alice", "bob"].map(|name| room.key_file(name).to_str().unwrap().to_owned());
    let sign = |key: &str| ["sign", &ceremony, "--expect", &words, "--key-file", key].map(str::to_owned).to_vec();
    let online =
        |command: &[&str]| room.with_keys(command, &["online"]).each().into_iter().map(str::to_owned).collect();
    let commands: [Vec<String>; 5] = [
        vec!["review".to_owned(), ceremony.clone()],
        sign(&keys[0]),
        sign(&keys[1]),
        online(&["publish", &ceremony]),
        online(&["renew"]),
    ];
    for command in &commands {
        let log = room.coordinator.home().join("calls");
        let mut traced = vec!["-f", "-qqq", "-o", log.to_str().unwrap(), "-e", "trace=%process,%network", BINARY];
        traced.extend(command.iter().map(String::as_str).chain(["--now", common::room::NOW]));
        let output = room.coordinator.program("strace", &traced).output();
        let output = output.expect("strace is missing: apt-get install strace");
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        let calls = fs::read_to_string(&log).unwrap();
        assert_eq!(calls.matches("execve").count(), 1, "{command:?} runs a program: {calls}");
        assert!(!calls.contains("AF_INET"), "{command:?} opens an internet socket: {calls}");
    }
}

/// Every file below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}
