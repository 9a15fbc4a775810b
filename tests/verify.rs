//! `trustroot verify`: Sigstore's real repository and signing events, and a small one bent in every way.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::{Path, PathBuf};

use common::tuf::{self, EXPIRES, Files, TIMESTAMP_EXPIRES, key};
use common::{Reply, Server, Trustroot, fits, says};
use serde_json::{Value, json};

const NOW: &str = "2026-08-22T00:00:00Z";

fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(path)
}

fn production(name: &str) -> Vec<u8> {
    std::fs::read(data("sigstore-prod/metadata").join(name)).unwrap()
}

/// Somebody with Sigstore's newest full state in `repository`, and its root of this version in `root.json`.
fn sigstore(root: u64) -> Trustroot {
    let person = Trustroot::new();
    for entry in std::fs::read_dir(data("sigstore-prod/metadata")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        person.write(&format!("repository/{name}"), std::fs::read(&path).unwrap());
    }
    copy(&person, &data("sigstore-prod/targets"), "repository/targets");
    person.write("root.json", production(&format!("{root}.root.json")));
    person
}

fn copy(person: &Trustroot, from: &Path, to: &str) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{to}/{}", path.file_name().unwrap().to_str().unwrap());
        match path.is_dir() {
            true => copy(person, &path, &name),
            false => person.write(&name, std::fs::read(&path).unwrap()),
        }
    }
}

/// Somebody with these files in `repository`, and the first root in `root.json`.
fn with(files: &Files) -> Trustroot {
    let person = Trustroot::new();
    person.write("root.json", &files["1.root.json"]);
    for (path, bytes) in files {
        person.write(&format!("repository/{path}"), bytes);
    }
    person
}

fn audit(person: &Trustroot, code: i32) -> Value {
    person.json(code, &["verify", "--repository", "repository", "--root", "root.json", "--now", NOW])
}

/// What is wrong with the repository of [`tuf::repository`] after `bend`, each as `SUBJECT: WHAT`.
fn problems(bend: impl FnOnce(&mut Files)) -> Vec<String> {
    let mut files = tuf::repository();
    bend(&mut files);
    let answer = audit(&with(&files), 1);
    assert_eq!(answer["ok"], false);
    let text = |problem: &Value| format!("{}: {}", problem["subject"], problem["what"]).replace('"', "");
    answer["problems"].as_array().unwrap().iter().map(text).collect()
}

fn findings(list: &Value) -> Vec<(&str, &str)> {
    list.as_array().unwrap().iter().map(|f| (f["finding"].as_str().unwrap(), f["subject"].as_str().unwrap())).collect()
}

#[test]
fn sigstores_history_and_present_state() {
    let answer = audit(&sigstore(1), 0);
    assert_eq!(answer["ok"], true);
    assert_eq!(answer["problems"], json!([]));
    let roots = answer["roots"].as_array().unwrap();
    let counted: Vec<_> = roots
        .iter()
        .map(|root| {
            (root["version"].as_u64(), root["outgoing"]["signed"].as_u64(), root["incoming"]["signed"].as_u64())
        })
        .collect();
    let outgoing = [0, 5, 3, 4, 4, 5, 4, 4, 5, 5, 5, 3, 4, 4, 5, 5];
    let incoming = [5, 5, 3, 5, 4, 5, 4, 4, 5, 5, 5, 3, 5, 4, 5, 5];
    for (i, counted) in counted.iter().enumerate() {
        let before = (i > 0).then_some(outgoing[i]);
        assert_eq!(*counted, (Some(i as u64 + 1), before, Some(incoming[i])));
    }
    assert_eq!(roots[0]["outgoing"], Value::Null);
    assert!(roots.iter().all(|root| root["incoming"]["threshold"] == 3));
    assert_eq!(roots[0]["sha256"], "cd7549b15e7b4e660a89c950bca1bce262a524a5cf909952b66951b5c8667bc6");
    assert_eq!(roots[0]["expires"], "2021-12-18T19:28:13Z");
    let stale = "7247f0dbad85b147e1863bade761243cc785dcb7aa410e7105dd3d2b61a36d2c";
    assert_eq!(findings(&roots[10]["findings"]), [("key-id-mismatch", stale), ("root-unreadable", "root 11")]);
    assert_eq!(findings(&roots[11]["findings"]), [("empty-signature", "root 12")]);
    assert_eq!(findings(&roots[13]["findings"]), [("empty-signature", "root 14")]);
    assert_eq!(roots[15]["findings"], json!([]));

    let roles = answer["roles"].as_array().unwrap();
    let roles: Vec<_> = roles
        .iter()
        .map(|role| {
            (role["role"].as_str().unwrap(), role["version"].as_u64().unwrap(), role["incoming"]["signed"].as_u64())
        })
        .collect();
    let expected = [
        ("timestamp", 762, Some(1)),
        ("snapshot", 165, Some(1)),
        ("targets", 14, Some(5)),
        ("registry.npmjs.org", 8, Some(1)),
    ];
    assert_eq!(roles, expected);
    assert_eq!(answer["targets"], 12);
    let starts = &answer["starts"];
    assert_eq!(
        (&starts["tuf-js"], &starts["python-tuf"], &starts["sigstore-python"]),
        (&json!(1), &json!(5), &json!(5))
    );
    assert_eq!((&starts["sigstore-tuf"], &starts["tough"], &starts["tuftool"]), (&json!(5), &json!(12), &json!(12)));
    let all = findings(&answer["findings"]);
    for finding in [("key-id-mismatch", stale), ("empty-signature", "root 13"), ("expiry-too-long", "targets")] {
        assert!(all.contains(&finding), "{finding:?} in {all:?}");
    }
}

#[test]
fn the_table_for_people_fits_80_columns() {
    let arguments = ["verify", "--repository", "repository", "--root", "root.json", "--now", NOW];
    let out = sigstore(1).ok(&arguments);
    assert!(out.contains("\n  13  39277f1f  2026-01-22T13:05:59Z  4 signed, needs 3   5 signed, needs 3\n"), "{out}");
    assert!(out.contains("\n  root 12  sigstore-rs, tough, tuftool\n"), "{out}");
    assert!(out.ends_with("\nYes: a client that trusts root 1 comes to root 16.\n"), "{out}");
    fits(&out);
}

#[test]
fn over_http_as_from_a_directory() {
    let person = sigstore(12);
    let here = audit(&person, 0);
    let server = Server::directory(person.dir().join("repository"));
    let there = person.json(0, &["verify", "--repository", &server.url(), "--root", "root.json", "--now", NOW]);
    assert_eq!(here, there);
    // As it lies in git, with metadata and targets beside each other.
    let in_git = data("sigstore-prod");
    let verify = ["verify", "--repository", in_git.to_str().unwrap(), "--root", "root.json", "--now", NOW];
    assert_eq!(person.json(0, &verify), here);
}

#[test]
fn every_state_of_sigstores_repository_as_it_stood() {
    let states = std::fs::read_to_string(data("sigstore-prod/states.tsv")).unwrap();
    for line in states.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let (root, landed, timestamp): (u64, _, &str) = (cells[0].parse().unwrap(), cells[1], cells[5]);
        let person = Trustroot::new();
        person.write("root.json", production(&format!("{root}.root.json")));
        person.write(
            "repository/timestamp.json",
            std::fs::read(data(&format!("sigstore-prod/timestamps/{timestamp}.timestamp.json"))).unwrap(),
        );
        let snapshot = cells[6];
        let bytes = production(&format!("{snapshot}.snapshot.json"));
        let named: Value = serde_json::from_slice(&bytes).unwrap();
        let consistent = root >= 5;
        let place = |version: &str, role: &str| match consistent {
            true => format!("repository/{version}.{role}"),
            false => format!("repository/{role}"),
        };
        person.write(&place(snapshot, "snapshot.json"), bytes);
        for (role, entry) in named["signed"]["meta"].as_object().unwrap() {
            let version = entry["version"].to_string();
            // Entries of roots stay for ever, and so do those of roles that are gone.
            if let Ok(bytes) = std::fs::read(data(&format!("sigstore-prod/metadata/{version}.{role}"))) {
                person.write(&place(&version, role), bytes);
            }
        }
        copy(&person, &data("sigstore-prod/history-targets"), "repository/targets");
        copy(&person, &data("sigstore-prod/targets"), "repository/targets");
        if !consistent {
            plain_names(&person);
        }
        let now = ceremony::Time::parse_lenient(landed).unwrap().to_string();
        let run = person.run(&["verify", "--repository", "repository", "--root", "root.json", "--now", &now, "--json"]);
        let answer: Value = serde_json::from_str(&run.stdout).unwrap();
        let problems = answer["problems"].as_array().unwrap().iter();
        let problems: Vec<String> =
            problems.map(|problem| format!("{}: {}", problem["subject"], problem["what"]).replace('"', "")).collect();
        assert_eq!(run.code, i32::from(!problems.is_empty()), "root {root}");
        assert!(answer["targets"].as_u64().unwrap() >= 4, "root {root}: {answer}");
        match root {
            // Files of this version were published in two spellings, and the other one is named.
            2..=4 => assert!(problems.iter().all(|problem| problem.ends_with(" named")), "root {root}: {problems:?}"),
            // The new root was published before anything was signed by its keys.
            9 | 10 => {
                for role in ["timestamp", "snapshot", "targets"] {
                    let unsigned = |text: &String| text.contains(role) && text.ends_with("that root names; 0 signed");
                    assert!(problems.iter().any(unsigned), "root {root}: {problems:?}");
                }
            }
            _ => assert_eq!(problems, [] as [String; 0], "root {root}"),
        }
    }
}

/// Lays the target files of a repository without consistent snapshots out under their plain names.
fn plain_names(person: &Trustroot) {
    let place = |path: &str| person.dir().join("repository").join(path);
    for role in ["targets", "rekor", "staging", "revocation"] {
        let Ok(bytes) = std::fs::read(place(&format!("{role}.json"))) else { continue };
        let metadata: Value = serde_json::from_slice(&bytes).unwrap();
        for (path, entry) in metadata["signed"]["targets"].as_object().unwrap() {
            let hash = entry["hashes"]["sha512"].as_str().unwrap();
            person.write(
                &format!("repository/targets/{path}"),
                std::fs::read(place(&format!("targets/{hash}.{path}"))).unwrap(),
            );
        }
    }
}

#[test]
fn a_sound_repository_is_clean() {
    let answer = audit(&with(&tuf::repository()), 0);
    assert_eq!(answer["problems"], json!([]));
    assert_eq!(findings(&answer["findings"]), [("one-meets-threshold", "team")]);
    assert_eq!(answer["targets"], 2);
    assert_eq!(answer["starts"]["tough"], 1);
}

#[test]
fn a_wrong_signature() {
    let found = problems(|files| {
        let mut root: Value = serde_json::from_slice(&files["3.root.json"]).unwrap();
        root["signed"]["expires"] = json!("2027-12-01T00:00:00Z");
        files.insert("3.root.json".into(), root.to_string().into_bytes());
    });
    assert_eq!(found, ["root: root 3 needs 2 of the keys of the root before it; 0 signed"]);
    let found = problems(|files| {
        let mut timestamp: Value = serde_json::from_slice(&files["timestamp.json"]).unwrap();
        timestamp["signed"]["version"] = json!(3);
        files.insert("timestamp.json".into(), timestamp.to_string().into_bytes());
    });
    assert_eq!(found, ["timestamp.json: it needs 1 of the keys that root names; 0 signed"]);
}

#[test]
fn a_root_below_the_threshold_of_either_set() {
    let found = problems(|files| {
        let next = [key(2), key(4), key(5)];
        files.insert("3.root.json".into(), tuf::signed(&tuf::root(3, &next, 2), &[2, 4, 5]));
    });
    assert_eq!(found, ["root: root 3 needs 2 of the keys of the root before it; 1 signed"]);
    let found = problems(|files| {
        let next = [key(1), key(2), key(5)];
        files.insert("3.root.json".into(), tuf::signed(&tuf::root(3, &next, 3), &[1, 2]));
    });
    assert_eq!(found, ["root: root 3 needs 3 of its own keys; 2 signed"]);
}

#[test]
fn one_private_key_under_two_ids_or_in_two_encodings_never_meets_a_threshold_of_two() {
    for other in [tuf::key_again(1), tuf::key_compressed(1)] {
        let found = problems(|files| {
            let next = [key(1), other.clone()];
            let signers = [(key(1).id, 1), (key(2).id, 2), (other.id.clone(), 1)];
            files.insert("3.root.json".into(), tuf::signed_as(&tuf::root(3, &next, 2), &signers));
        });
        assert_eq!(found, ["root: root 3 needs 2 of its own keys; 1 signed"]);
    }
}

#[test]
fn a_gap_in_the_roots() {
    let mut files = tuf::repository();
    files.remove("2.root.json");
    let answer = audit(&with(&files), 0);
    assert_eq!(answer["roots"].as_array().unwrap().len(), 1);
    assert!(findings(&answer["findings"]).contains(&("version-gap", "root 3")));
    let found = problems(|files| {
        let third = files["3.root.json"].clone();
        files.insert("2.root.json".into(), third);
    });
    assert_eq!(found, ["root: the file of root 2 says that it is version 3"]);
    // Sigstore's root 13 alone had expired by then.
    let person = sigstore(12);
    std::fs::remove_file(person.dir().join("repository/14.root.json")).unwrap();
    let answer = audit(&person, 1);
    assert_eq!(answer["problems"][0]["what"], "it expired at 2026-01-22T13:05:59Z");
}

#[test]
fn what_is_expired() {
    let files = tuf::repository();
    let person = with(&files);
    let at = |now: &str, code| {
        person.json(code, &["verify", "--repository", "repository", "--root", "root.json", "--now", now])
    };
    at("2026-09-19T23:59:59Z", 0);
    assert_eq!(at(TIMESTAMP_EXPIRES, 1)["problems"].as_array().unwrap().len(), 1);
    let answer = at(EXPIRES, 1);
    let subjects: Vec<_> =
        answer["problems"].as_array().unwrap().iter().map(|p| p["subject"].as_str().unwrap()).collect();
    let expected = ["root 3", "timestamp.json", "2.snapshot.json", "1.targets.json", "1.team.json"];
    assert_eq!(subjects, expected);
}

#[test]
fn a_corrupt_missing_or_longer_target() {
    let name = format!("targets/{}.a.txt", ceremony::Digest::of(b"a"));
    let found = problems(|files| drop(files.insert(name.clone(), b"x".to_vec())));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].contains("a.txt: its SHA-256 is 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"),
        "{found:?}"
    );
    let found = problems(|files| drop(files.remove(&name)));
    assert!(found[0].ends_with("a.txt: it is not there"), "{found:?}");
    let found = problems(|files| drop(files.insert(name.clone(), b"aa".to_vec())));
    assert!(found[0].ends_with("is longer than 1 bytes"), "{found:?}");
    let found = problems(|files| drop(files.insert(name.clone(), Vec::new())));
    assert!(found[0].ends_with("it has 0 bytes, its entry says 1"), "{found:?}");
}

#[test]
fn a_snapshot_that_leaves_something_out() {
    let found = problems(|files| {
        let snapshot = tuf::online("snapshot", 2, &[("targets.json", 1)]);
        files.insert("2.snapshot.json".into(), tuf::signed(&snapshot, &[9]));
    });
    let expected = [
        "snapshot: it leaves out team.json, which the snapshot before it names",
        "snapshot: it does not name team.json, to which targets delegates",
    ];
    assert_eq!(found, expected);
    let found = problems(|files| {
        let snapshot = tuf::online("snapshot", 2, &[("team.json", 1)]);
        files.insert("2.snapshot.json".into(), tuf::signed(&snapshot, &[9]));
    });
    assert!(found.contains(&"snapshot: it does not name targets.json".to_owned()), "{found:?}");
}

#[test]
fn what_is_rolled_back() {
    // The snapshot is older than the timestamp says.
    let found = problems(|files| {
        let first = files["1.snapshot.json"].clone();
        files.insert("2.snapshot.json".into(), first);
    });
    assert_eq!(found, ["2.snapshot.json: it is version 1, where version 2 is named"]);
    // An entry falls back.
    let found = problems(|files| {
        let before = tuf::online("snapshot", 1, &[("targets.json", 4), ("team.json", 1)]);
        files.insert("1.snapshot.json".into(), tuf::signed(&before, &[9]));
    });
    assert_eq!(found, ["snapshot: targets.json falls back from version 4 to 1"]);
    // The timestamp itself is an old one: no client can tell, but the repository has the newer snapshot.
    let mut files = tuf::repository();
    let old = tuf::online("timestamp", 1, &[("snapshot.json", 1)]);
    files.insert("timestamp.json".into(), tuf::signed(&old, &[9]));
    let answer = audit(&with(&files), 0);
    assert!(findings(&answer["findings"]).contains(&("newer-unused", "snapshot 2")));
}

#[test]
fn content_that_is_not_what_is_named() {
    let found = problems(|files| {
        let mut snapshot = tuf::online("snapshot", 2, &[("targets.json", 1), ("team.json", 1)]);
        snapshot["meta"]["team.json"]["hashes"] = json!({ "sha256": "00".repeat(32) });
        snapshot["meta"]["targets.json"]["length"] = json!(7);
        files.insert("2.snapshot.json".into(), tuf::signed(&snapshot, &[9]));
    });
    assert!(
        found[0].starts_with("1.targets.json: it has ") && found[0].ends_with(" bytes, where 7 are named"),
        "{found:?}"
    );
    assert_eq!(found[1], "1.team.json: its content has another hash than the one that is named");
}

#[test]
fn a_delegated_role_that_its_delegator_does_not_trust() {
    let found = problems(|files| {
        files.insert("1.team.json".into(), tuf::signed(&tuf::delegated(1, &[("team/b.txt", b"b")]), &[1]));
    });
    assert_eq!(found, ["1.team.json: it needs 1 of the keys that targets names; 0 signed"]);
}

#[test]
fn hostile_names_reach_neither_the_terminal_nor_other_files() {
    let mut files = tuf::repository();
    let mut targets = tuf::targets(1, &[("../../root.json", b"a"), ("\u{1b}[2J", b"b")]);
    targets["delegations"]["roles"][0]["name"] = json!("../\u{1b}[2J\u{202e}");
    files.insert("1.targets.json".into(), tuf::signed(&targets, &[1, 3]));
    let meta = [("targets.json", 1), ("team.json", 1), ("../\u{1b}[2J\u{202e}.json", 1)];
    files.insert("2.snapshot.json".into(), tuf::signed(&tuf::online("snapshot", 2, &meta), &[9]));
    let person = with(&files);
    let run = person.exits(1, &["verify", "--repository", "repository", "--root", "root.json", "--now", NOW]);
    assert!(run.stdout.contains("root.json\" is refused"), "{}", run.stdout);
    assert!(run.stdout.contains("1...%2F%1B%5B2J%E2%80%AE.json: it is not there"), "{}", run.stdout);
    let harmless = |c: char| c == '\n' || !(c.is_control() || c == '\u{202e}');
    assert!(run.stdout.chars().chain(run.stderr.chars()).all(harmless), "{}", run.stdout);
}

#[test]
fn files_that_are_missing_or_no_metadata() {
    let found = problems(|files| drop(files.remove("timestamp.json")));
    assert_eq!(found, ["timestamp.json: it is not there"]);
    let found = problems(|files| drop(files.insert("1.targets.json".into(), b"{\"a\":1,\"a\":2}".to_vec())));
    assert_eq!(found, ["1.targets.json: duplicate name \\a\\ at line 1 column 10"]);
    let found = problems(|files| {
        let timestamp = files["timestamp.json"].clone();
        files.insert("2.snapshot.json".into(), timestamp);
    });
    assert_eq!(found, ["2.snapshot.json: it is timestamp metadata, not snapshot"]);
    let found = problems(|files| drop(files.insert("2.root.json".into(), b"[".to_vec())));
    assert!(found[0].starts_with("root: root 2 cannot be read: "), "{found:?}");
}

#[test]
fn another_root_of_one_version_is_named() {
    let mut files = tuf::repository();
    let person = with(&files);
    let other = tuf::signed(&tuf::root(1, &[key(1), key(2)], 1), &[1, 2]);
    person.write("root.json", &other);
    files.clear();
    let answer = audit(&person, 0);
    assert!(findings(&answer["findings"]).contains(&("equivocation", "root 1")));
}

#[test]
fn keys_that_another_trust_root_lists_too_are_named() {
    let person = with(&tuf::repository());
    person.write("other.json", tuf::signed(&tuf::root(4, &[key(3), key(5)], 2), &[]));
    let prints = [3, 9].map(|seed| key(seed).key.unwrap().fingerprint().to_string());
    let more = ["--other-root", "other.json", "--now", NOW];
    let repository = ["verify", "--repository", "repository", "--root", "root.json"];
    let file = ["verify", "repository/2.root.json", "--root", "root.json"];
    for arguments in [&repository[..], &file[..]] {
        let answer = person.json(0, &[arguments, &more[..]].concat());
        let found: Vec<_> =
            findings(&answer["findings"]).into_iter().filter(|(rule, _)| *rule == "key-used-elsewhere").collect();
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|(_, subject)| prints.iter().any(|print| print == subject)));
    }
}

#[test]
fn what_cannot_be_checked() {
    let person = with(&tuf::repository());
    let nowhere = person.exits(2, &["verify", "--repository", "nowhere", "--root", "root.json", "--now", NOW]);
    assert!(nowhere.stderr.contains("nowhere"), "{}", nowhere.stderr);
    person.exits(2, &["verify", "--repository", "repository", "--root", "missing.json", "--now", NOW]);
    person.write("bad.json", "{}");
    let bad = person.exits(2, &["verify", "--repository", "repository", "--root", "bad.json", "--now", NOW]);
    assert!(bad.stderr.contains("bad.json is no root"), "{}", bad.stderr);
    let flag = person.exits(2, &["verify", "--repository", "repository", "--now", NOW]);
    assert!(flag.stderr.contains("--root"), "{}", flag.stderr);
    let refused = Server::new(|_| Reply::Status(500));
    person.exits(2, &["verify", "--repository", &refused.url(), "--root", "root.json", "--now", NOW]);
    person.write("hostile.json", "{\"signed\":\"\u{1b}[2J\"}");
    let hostile = person.exits(2, &["verify", "hostile.json"]);
    assert!(!hostile.stderr.contains('\u{1b}'));
}

/// The judgement of one state of a signing event.
fn event(person: &Trustroot, name: &str, before: u64, now: &str, code: i32) -> Value {
    let dir = data("sigstore-events").join(name.split('/').next().unwrap());
    let state = name.split('/').next_back().unwrap();
    let file = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut file = file.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(state));
    person.write("state.json", std::fs::read(file.next().unwrap()).unwrap());
    person.write("before.json", production(&format!("{before}.root.json")));
    person.json(code, &["verify", "state.json", "--root", "before.json", "--now", now])
}

#[test]
fn the_states_of_two_signing_events_one_by_one() {
    let person = Trustroot::new();
    let thirteen = [(0, 0), (0, 0), (0, 0), (0, 1), (1, 2), (1, 2), (2, 3), (3, 4), (4, 5)];
    let fifteen = [(0, 0), (1, 1), (1, 1), (1, 1), (2, 2), (3, 3), (4, 4), (4, 4), (5, 5)];
    let events =
        [("root-v13", 12, "2025-07-11T00:00:00Z", thirteen), ("root-v15", 14, "2026-05-16T00:00:00Z", fifteen)];
    for (name, before, now, states) in events {
        for (i, (outgoing, incoming)) in states.into_iter().enumerate() {
            let done = outgoing >= 3 && incoming >= 3;
            let answer = event(&person, &format!("{name}/{i:03}"), before, now, i32::from(!done));
            assert_eq!(answer["ok"], done);
            assert_eq!((&answer["role"], &answer["version"]), (&json!("root"), &json!(before + 1)));
            assert_eq!(answer["outgoing"], json!({ "threshold": 3, "signed": outgoing }), "{name} {i}");
            assert_eq!(answer["incoming"], json!({ "threshold": 3, "signed": incoming }), "{name} {i}");
        }
    }
    // Three of three under the new keys and two of three under the old: not done.
    let answer = event(&person, "root-v13/006", 12, "2025-07-11T00:00:00Z", 1);
    let problems = answer["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0]["what"], "it needs 3 of the keys of the root before it; 2 signed");
    let rejected = answer["rejected"].as_array().unwrap();
    assert_eq!(rejected.len(), 3);
    assert!(rejected.iter().all(|rejected| rejected["reason"] == "the signature is empty"));
}

#[test]
fn one_file_of_every_role() {
    let person = Trustroot::new();
    for (name, file) in [("root", "16.root.json"), ("targets", "14.targets.json"), ("npm", "8.registry.npmjs.org.json")]
    {
        person.write(&format!("{name}.json"), production(file));
    }
    person.write("first.json", production("1.root.json"));
    person.write("timestamp.json", production("timestamp.json"));
    let judge = |code, arguments: &[&str]| person.json(code, &[&["verify", "--now", NOW], arguments].concat());

    let first = person.json(0, &["verify", "first.json", "--now", "2021-06-18T00:00:00Z"]);
    assert_eq!((&first["outgoing"], &first["incoming"]["signed"]), (&Value::Null, &json!(5)));
    assert_eq!((&first["expired"], &judge(0, &["first.json"])["expired"]), (&json!(false), &json!(true)));
    let targets = judge(0, &["targets.json", "--root", "root.json"]);
    assert_eq!((&targets["role"], &targets["incoming"]), (&json!("targets"), &json!({ "threshold": 3, "signed": 5 })));
    assert_eq!(targets["outgoing"], Value::Null);
    assert_eq!(judge(0, &["timestamp.json", "--root", "root.json"])["version"], 762);
    let npm = ["npm.json", "--root", "root.json", "--role", "registry.npmjs.org", "--delegator", "targets.json"];
    assert_eq!(judge(0, &npm)["incoming"], json!({ "threshold": 1, "signed": 1 }));
    // A root is not its own successor, and two after it is none either.
    let gap = judge(1, &["root.json", "--root", "first.json"]);
    assert_eq!(gap["problems"].as_array().unwrap().last().unwrap()["what"], "after root 1 comes root 2 and no other");
    assert!(findings(&gap["findings"]).contains(&("version-gap", "root 16")));

    let needs = person.exits(2, &["verify", "targets.json", "--now", NOW]);
    assert!(needs.stderr.contains("--root"), "{}", needs.stderr);
    let needs =
        person.exits(2, &["verify", "npm.json", "--root", "root.json", "--role", "registry.npmjs.org", "--now", NOW]);
    assert!(needs.stderr.contains("--delegator"), "{}", needs.stderr);
}

#[test]
fn a_root_that_has_expired_is_taken_on_the_way_to_a_later_one() {
    let person = Trustroot::new();
    for version in 2..=16 {
        person.write("root.json", production(&format!("{version}.root.json")));
        person.write("before.json", production(&format!("{}.root.json", version - 1)));
        let answer = person.json(0, &["verify", "root.json", "--root", "before.json", "--now", NOW]);
        assert_eq!((&answer["ok"], &answer["problems"]), (&json!(true), &json!([])), "root {version}");
        assert_eq!(answer["expired"], json!(version < 15), "root {version}");
    }
    person.write("12.root.json", production("12.root.json"));
    person.write("13.root.json", production("13.root.json"));
    let run = person.exits(0, &["verify", "13.root.json", "--root", "12.root.json", "--now", NOW]);
    let said = "Yes, but it has expired: it is signed well, and clients take it on the way to a later root only.";
    says(&run, &["expires 2026-01-22T13:05:59Z", "4 signed, needs 3", said]);
    // Of a repository it is the last root, and of another file there is no later one on the way.
    let gone = sigstore(12);
    std::fs::remove_file(gone.dir().join("repository/14.root.json")).unwrap();
    assert_eq!(audit(&gone, 1)["problems"][0]["what"], "it expired at 2026-01-22T13:05:59Z");
    person.write("timestamp.json", production("timestamp.json"));
    person.write("root.json", production("16.root.json"));
    let late = ["verify", "timestamp.json", "--root", "root.json", "--now", "2026-08-28T19:25:56Z"];
    says(&person.exits(1, &late), &["it expired at 2026-08-28T19:25:56Z", "No: clients refuse it."]);
}

#[test]
fn a_targets_file_that_is_named_like_a_delegated_role_is_not_judged_as_the_top_level_one() {
    let files = tuf::repository();
    let person = with(&files);
    // The keys of the top-level role signed it: as that role they would vouch for it.
    let team = tuf::signed(&tuf::delegated(1, &[("team/b.txt", b"b")]), &[1, 2]);
    let root = ["--root", "root.json", "--now", NOW];
    for name in ["1.team.json", "team.json", "in/ceremony/team.json"] {
        person.write(name, &team);
        let run = person.exits(2, &[&["verify", name], &root[..]].concat());
        says(&run, &["is by its name the role team", "--role ROLE --delegator FILE"]);
        let delegator = ["--role", "team", "--delegator", "repository/1.targets.json"];
        let judged = person.exits(1, &[&["verify", name], &root[..], &delegator].concat());
        says(&judged, &["it needs 1 of the keys that its delegator names; 0 signed"]);
        let as_targets = person.json(0, &[&["verify", name, "--role", "targets"], &root[..]].concat());
        assert_eq!((&as_targets["role"], &as_targets["incoming"]["signed"]), (&json!("targets"), &json!(2)));
    }
    for name in ["1.targets.json", "targets.json", "mail (2)"] {
        person.write(name, &files["1.targets.json"]);
        says(&person.exits(0, &[&["verify", name], &root[..]].concat()), &["Yes: clients take it."]);
    }
    person.write("\u{1b}[2J.json", &team);
    person.exits(2, &[&["verify", "\u{1b}[2J.json"], &root[..]].concat()).harmless();
}

#[test]
fn a_delegator_that_the_root_does_not_trust_vouches_for_nobody() {
    let files = tuf::repository();
    let person = with(&files);
    person.write("team.json", &files["1.team.json"]);
    person.write("targets.json", tuf::signed(&tuf::targets(1, &[]), &[4, 5]));
    let arguments =
        ["verify", "team.json", "--root", "root.json", "--role", "team", "--delegator", "targets.json", "--now", NOW];
    let answer = person.json(1, &arguments);
    assert_eq!(answer["incoming"]["signed"], 1);
    assert_eq!(answer["problems"][0]["what"], "delegator 1 is not signed by the keys that may");
}
