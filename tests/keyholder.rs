//! Enrolling, listing and verifying keyholders; the devices of a machine.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::Command;

use common::store::{PIN, evil_queries, softhsm};
use common::terminal::{CTRL_C, DOWN, ENTER};
use common::{Store, Terminal, Trustroot, fits};
use serde_json::Value;

const NONCE: &str = "00112233445566778899aabbccddeeff";

/// A trust root of alice, bob and carol, whose policy allows keys in files.
fn room() -> Trustroot {
    let room = Trustroot::new();
    let people = ["--keyholder=alice", "--keyholder=bob", "--keyholder=carol", "--threshold=2"];
    room.ok(&[&["init", "--name=Test", "--file-keys"], &people[..]].concat());
    room
}

/// A place for a private key, outside of the room.
fn key_file(room: &Trustroot, name: &str) -> String {
    room.home().join(name).to_str().unwrap().to_owned()
}

fn enroll_file(room: &Trustroot, name: &str) {
    let file = format!("--file={}", key_file(room, &format!("{name}.pem")));
    room.ok(&["keyholder", "enroll", name, &file, "--generate", "--no-passphrase", "--nonce", NONCE]);
}

fn enroll_token<'a>(name: &'a str, uri: &'a str, pin_file: &'a str) -> Vec<&'a str> {
    vec!["keyholder", "enroll", name, "--pkcs11", uri, "--nonce", NONCE, "--pin-file", pin_file]
}

fn records(room: &Trustroot) -> usize {
    fs::read_dir(room.dir().join("keyholders")).map_or(0, Iterator::count)
}

fn key(answer: &Value, holder: usize, key: usize) -> &Value {
    &answer["keyholders"][holder]["keys"][key]
}

#[test]
fn a_team_enrolls_from_tokens_with_one_nonce() {
    let store = Store::new(&["alice", "bob", "carol"]);
    let room = store.on(room());
    let nonce = room.ok(&["keyholder", "nonce"]);
    let pin = store.pin_file();
    for (name, algorithm) in [("alice", "--generate"), ("bob", "--generate=p384"), ("carol", "--generate=ed25519")] {
        let uri = format!("pkcs11:token={name}");
        let given = ["keyholder", "enroll", name, "--pkcs11", &uri, algorithm, "--nonce", nonce.trim()];
        let answer = room.json(0, &[&given[..], &["--pin-file", &pin]].concat());
        let key = &answer["keys"][0];
        assert_eq!((&answer["enrolled"], &key["device"]), (&key["fingerprint"], &"pkcs11".into()));
        assert_eq!((&key["state"], &key["throw-away"]), (&"active".into(), &false.into()));
        for claim in ["local", "never-extractable", "always-sensitive"] {
            assert_eq!(key["claimed"][claim], true, "{key}");
        }
        assert!(!room.read(&format!("keyholders/{name}.toml")).contains(PIN));
    }
    let answer = room.json(1, &["keyholder", "verify", "--nonce", nonce.trim()]);
    let holders = answer["keyholders"].as_array().unwrap();
    // The template promises clients that read neither P-384 nor Ed25519.
    let verdicts: Vec<_> = holders.iter().map(|holder| holder["ok"].as_bool().unwrap()).collect();
    assert_eq!(verdicts.first(), Some(&true), "{answer}");
    assert!(holders.iter().all(|holder| holder["other-nonces"] == Value::Array(vec![])), "{answer}");
    let answer = room.json(0, &["keyholder", "verify", "alice"]);
    assert_eq!(answer["ok"], true);
    let answer = room.json(1, &["keyholder", "verify", "alice", "--nonce", NONCE]);
    assert!(answer["keyholders"][0]["other-nonces"][0].as_str().unwrap().contains(nonce.trim()));

    let list = room.ok(&["keyholder", "list"]);
    assert!(list.contains("alice (person): root, targets") && list.contains("\"trustroot-alice\""), "{list}");
    assert!(list.contains("Not enrolled yet: online."), "{list}");
    fits(&list);
    let verified = room.exits(1, &["keyholder", "verify"]).stdout;
    assert!(verified.contains("alice: yes") && verified.contains("so says the token"), "{verified}");
    fits(&verified);
}

#[test]
fn devices_shows_whose_key_is_on_which_token() {
    let store = Store::new(&["alice", "bob"]);
    let room = store.on(room());
    room.ok(&[&enroll_token("alice", "pkcs11:token=alice", &store.pin_file())[..], &["--generate"]].concat());
    let answer = room.json(0, &["keyholder", "devices"]);
    let token = |label: &str| {
        let uri = format!("pkcs11:token={label};");
        let tokens = answer["tokens"].as_array().unwrap();
        tokens.iter().find(|token| token["uri"].as_str().unwrap().starts_with(&uri)).unwrap().clone()
    };
    assert_eq!(token("alice")["keys"][0]["keyholder"], "alice");
    assert_eq!(token("bob")["keys"], Value::Array(vec![]));
    assert_eq!(answer["problems"].as_array().unwrap().len(), 1, "only that pcscd does not run");

    // One bad module does not hide the tokens of a good one.
    let bad = room.home().join("no-module.so");
    fs::write(&bad, "not a library").unwrap();
    let bad = bad.to_str().unwrap();
    let answer = room.json(0, &["keyholder", "devices", "--module", bad, "--module", softhsm().to_str().unwrap()]);
    assert_eq!(answer["tokens"].as_array().unwrap().len(), 2);
    assert!(answer["problems"][0].as_str().unwrap().contains("no-module.so"), "{answer}");
    let shown = room.ok(&["keyholder", "devices", "--module", bad]);
    assert!(shown.contains("No YubiKey and no token is here.") && shown.contains("problem: "), "{shown}");
    let run = room.exits(2, &[&enroll_token("bob", "pkcs11:token=bob", bad)[..], &["--module", bad]].concat());
    assert!(run.says("no-module.so") && run.says("no PKCS#11 module is loaded"), "{run:?}");
}

#[test]
fn an_existing_key_on_a_token_is_enrolled_by_its_name() {
    let store = Store::new(&["alice"]);
    let room = store.on(room());
    let pem = key_file(&room, "imported.pem");
    let openssl = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &pem];
    assert!(Command::new("openssl").args(openssl).output().unwrap().status.success());
    store.util(&["--import", &pem, "--token", "alice", "--label", "old key", "--id", "0a0b", "--pin", PIN]);
    let pin = store.pin_file();
    let run = room.exits(2, &enroll_token("alice", "pkcs11:token=alice", &pin));
    assert!(run.says("names a token, and no key on it"), "{run:?}");
    let run = room.exits(2, &enroll_token("alice", "pkcs11:token=alice;object=new", &pin));
    assert!(run.says("has no key"), "{run:?}");
    let run = room.exits(2, &enroll_token("alice", "pkcs11:token=bob;object=old%20key", &pin));
    assert!(run.says("no token here is pkcs11:token=bob"), "{run:?}");
    let shown = room.ok(&enroll_token("alice", "pkcs11:token=alice;object=old%20key", &pin));
    assert!(shown.contains("claimed: nothing"), "{shown}");
    let list = room.json(0, &["keyholder", "list"]);
    let key = key(&list, 0, 0);
    assert_eq!(key["claimed"]["local"], false);
    assert!(key["uri"].as_str().unwrap().ends_with(";object=old%20key;id=%0A%0B"), "{key}");
}

#[test]
fn a_key_file_is_marked_as_throw_away_wherever_it_is_shown() {
    let room = room();
    let file = key_file(&room, "alice.pem");
    let passphrase = room.home().join("passphrase");
    fs::write(&passphrase, "correct horse battery\n").unwrap();
    let passphrase = passphrase.to_str().unwrap();
    let given = ["keyholder", "enroll", "alice", "--file", &file, "--nonce", NONCE, "--passphrase-file", passphrase];
    let shown = room.ok(&[&given[..], &["--generate"]].concat());
    assert!(shown.contains("for rehearsals and low stakes only"), "{shown}");
    let pem = fs::read_to_string(&file).unwrap();
    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{pem}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    for command in ["list", "verify"] {
        let shown = room.ok(&["keyholder", command]);
        assert!(shown.contains("for rehearsals and low stakes only"), "{shown}");
        assert_eq!(key(&room.json(0, &["keyholder", command]), 0, 0)["throw-away"], true);
    }
    // The record of the present file, once more under another name: the key is known.
    let run = room.exits(1, &[&["keyholder", "enroll", "bob"], &given[3..]].concat());
    assert!(run.says("is the active key of alice"), "{run:?}");

    let policy = room.read("trustroot.toml").replace("file-keys = true", "file-keys = false");
    room.write("trustroot.toml", policy);
    let answer = room.json(1, &["keyholder", "verify"]);
    assert_eq!(answer["keyholders"][0]["findings"][0]["finding"], "device-below-policy", "{answer}");
}

#[test]
fn no_key_is_written_over_another_or_into_the_room() {
    let room = room();
    let (taken, inside) = (key_file(&room, "taken.pem"), room.dir().join("alice.pem"));
    fs::write(&taken, "mine").unwrap();
    let enroll = |file: &str, code| {
        let rest = ["--generate", "--no-passphrase", "--new-nonce"];
        room.exits(code, &[&["keyholder", "enroll", "alice", "--file", file], &rest[..]].concat()).said()
    };
    assert!(enroll(&taken, 1).contains("no key is written over another"));
    assert_eq!(fs::read_to_string(&taken).unwrap(), "mine");
    for path in ["alice.pem", "./targets/../alice.pem", inside.to_str().unwrap()] {
        fs::create_dir_all(room.dir().join("targets")).unwrap();
        assert!(enroll(path, 1).contains("handed to others"), "{path}");
    }
    assert!(enroll("/nonexistent/alice.pem", 2).contains("/nonexistent"));
    assert!(!inside.exists() && records(&room) == 0);
}

#[test]
fn without_a_terminal_every_question_names_its_flag() {
    let store = Store::new(&["alice"]);
    let room = store.on(room());
    let file = key_file(&room, "alice.pem");
    let says = |arguments: &[&str], flag: &str| {
        let run = room.exits(2, &[&["keyholder", "enroll"], arguments].concat());
        assert!(run.says(flag), "{arguments:?}: {run:?}");
    };
    says(&[], "answer it with NAME");
    says(&["alice"], "--pkcs11 URI, --file PATH or --public FILE");
    says(&["alice", "--file", &file], "--generate");
    says(&["alice", "--file", &file, "--generate"], "--nonce HEX or --new-nonce");
    says(&["alice", "--file", &file, "--generate", "--new-nonce"], "--passphrase-file");
    says(&["alice", "--pkcs11", "pkcs11:token=alice", "--generate", "--new-nonce"], "--pin-file");
    says(&["Alice"], "lower-case letters");
    says(&["alice", "--nonce", "1234"], "32 to 128");
    assert_eq!(records(&room), 0);
    assert!(!PathBuf::from(file).exists());
}

#[test]
fn a_secret_in_the_environment_answers_nothing() {
    let store = Store::new(&["alice"]);
    let room = store.on(room()).env("TRUSTROOT_PIN", PIN).env("PIN", PIN).env("PKCS11_PIN", PIN);
    let given = ["keyholder", "enroll", "alice", "--pkcs11", "pkcs11:token=alice", "--generate", "--new-nonce"];
    let run = room.exits(2, &given);
    assert!(run.says("--pin-file"), "{run:?}");
    room.exits(2, &[&given[..], &["--pin", PIN]].concat());
    assert_eq!(records(&room), 0);
}

#[test]
fn a_token_and_a_name_belong_to_one_person() {
    let store = Store::new(&["alice", "bob"]);
    let room = store.on(room());
    let pin = store.pin_file();
    let enroll =
        |name, uri, more: &[&str], code| room.exits(code, &[&enroll_token(name, uri, &pin)[..], more].concat()).said();
    enroll("alice", "pkcs11:token=alice", &["--generate"], 0);
    assert!(enroll("bob", "pkcs11:token=alice", &["--generate"], 1).contains("alice has one on that device"));
    let devices = room.json(0, &["keyholder", "devices"]).to_string();
    assert!(!devices.contains("trustroot-bob"), "nothing was made on the token of somebody else");
    let again = enroll("alice", "pkcs11:token=bob", &["--generate"], 1);
    assert!(again.contains("alice is enrolled already") && again.contains("--replace"), "{again}");
    assert!(enroll("bob", "pkcs11:token=bob", &["--generate", "--replace"], 1).contains("bob is not enrolled"));
    let spare = &["--generate", "--spare"];
    assert!(enroll("alice", "pkcs11:token=alice", spare, 2).contains("already has an object with the label"));
    enroll("bob", "pkcs11:token=bob;object=mine;id=%01", &["--generate"], 0);
    assert!(enroll("bob", "pkcs11:token=bob;object=other;id=%01", spare, 2).contains("with the id 01"));
    assert!(enroll("alice", "pkcs11:token=alice", &["--generate", "--online", "--spare"], 1).contains("as a person"));
    assert!(enroll("carol", "pkcs11:token=bob", &["--generate", "--online"], 1).contains("among the keyholders"));
}

#[test]
fn a_spare_becomes_active_and_the_active_key_retires() {
    let room = room();
    enroll_file(&room, "alice");
    let first = key(&room.json(0, &["keyholder", "list"]), 0, 0)["fingerprint"].clone();
    let file = format!("--file={}", key_file(&room, "spare.pem"));
    let base = ["keyholder", "enroll", "alice", &file, "--new-nonce"];
    room.ok(&[&base[..], &["--spare", "--generate", "--no-passphrase"]].concat());
    let list = room.json(0, &["keyholder", "list"]);
    assert_eq!((&key(&list, 0, 0)["state"], &key(&list, 0, 1)["state"]), (&"active".into(), &"spare".into()));
    let run = room.exits(1, &[&base[..], &["--spare"]].concat());
    assert!(run.says("is the spare key of alice"), "{run:?}");
    let shown = room.ok(&[&base[..], &["--replace"]].concat());
    assert!(shown.contains("beside the retired key"), "{shown}");
    let list = room.json(0, &["keyholder", "list"]);
    assert_eq!(list["keyholders"][0]["keys"].as_array().unwrap().len(), 2);
    assert_eq!((&key(&list, 0, 1)["fingerprint"], &key(&list, 0, 1)["state"]), (&first, &"retired".into()));
    assert_eq!(key(&list, 0, 0)["state"], "active");
    room.ok(&["keyholder", "verify"]);
}

#[test]
fn an_adopted_key_proves_itself_and_keeps_its_object_and_id() {
    let room = room();
    enroll_file(&room, "alice");
    let record = room.read("keyholders/alice.toml");
    let mut object: Value = serde_json::from_str(record.split("'''").nth(1).unwrap()).unwrap();
    object["x-tuf-on-ci-keyowner"] = "@alice".into();
    room.write("key.json", object.to_string());
    fs::remove_file(room.dir().join("keyholders/alice.toml")).unwrap();
    let adopted = room.json(0, &["keyholder", "enroll", "alice", "--public=key.json"]);
    room.exits(1, &["keyholder", "verify"]);
    let file = format!("--file={}", key_file(&room, "alice.pem"));
    let answer = room.json(0, &["keyholder", "enroll", "alice", &file, "--new-nonce", "--replace"]);
    assert_eq!(answer["keys"].as_array().unwrap().len(), 1);
    assert_eq!(answer["keys"][0]["keyid"], adopted["keys"][0]["keyid"]);
    assert_eq!(answer["keys"][0]["device"], "file");
    assert!(room.read("keyholders/alice.toml").contains("@alice"));
    room.ok(&["keyholder", "verify"]);
}

#[test]
fn a_key_object_keeps_its_id_and_members_and_proves_nothing() {
    let room = room();
    let root: Value = serde_json::from_slice(&fs::read(data("sigstore-prod/metadata/13.root.json")).unwrap()).unwrap();
    let keys = root["signed"]["keys"].as_object().unwrap();
    let (id, object) = keys.iter().find(|(_, key)| key.get("x-tuf-on-ci-keyowner").is_some()).unwrap();
    room.write("key.json", serde_json::json!({ "keyid": id, "object": object }).to_string());
    let answer = room.json(0, &["keyholder", "enroll", "alice", "--public=key.json"]);
    assert_eq!((&answer["keys"][0]["keyid"], &answer["keys"][0]["device"]), (&id.as_str().into(), &"external".into()));
    assert_eq!(answer["findings"][0]["finding"], "possession-unproven");
    let record = room.read("keyholders/alice.toml");
    let text = record.split("'''").nth(1).unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), *object);
    let answer = room.json(1, &["keyholder", "verify"]);
    let findings = answer["keyholders"][0]["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["finding"] == "possession-unproven"), "{answer}");
    let accept = "\n[[accept]]\nfinding = \"possession-unproven\"\nsubject = \"alice\"\n\
                  reason = \"known for years\"\nuntil = \"2999-01-01T00:00:00Z\"\n";
    room.write("trustroot.toml", room.read("trustroot.toml") + accept);
    let answer = room.json(0, &["keyholder", "verify"]);
    assert_eq!(answer["keyholders"][0]["findings"][0]["accepted"], "known for years", "{answer}");

    room.write("bad.json", "{\"keyid\":\"a\"}");
    let run = room.exits(2, &["keyholder", "enroll", "bob", "--public=bad.json"]);
    assert!(run.says("bad.json holds no public key"), "{run:?}");
}

#[test]
fn a_proof_holds_for_its_own_name_and_trust_root_only() {
    let room = room();
    enroll_file(&room, "alice");
    let record = room.read("keyholders/alice.toml");
    let refused = |name: &str| {
        let answer = room.json(1, &["keyholder", "verify"]);
        assert_eq!(answer["keyholders"][0]["name"], name);
        assert_eq!(answer["keyholders"][0]["findings"][0]["finding"], "possession-unproven", "{answer}");
        assert!(room.exits(1, &["keyholder", "verify"]).stdout.contains(&format!("{name}: NO")));
    };
    // Somebody presents the key of alice as their own.
    fs::remove_file(room.dir().join("keyholders/alice.toml")).unwrap();
    room.write("keyholders/mallory.toml", record.replace("name = \"alice\"", "name = \"mallory\""));
    refused("mallory");
    fs::remove_file(room.dir().join("keyholders/mallory.toml")).unwrap();
    // The nonce of today, on the proof of last year.
    room.write("keyholders/alice.toml", record.replace(NONCE, "ffeeddccbbaa99887766554433221100"));
    refused("alice");
    room.write("keyholders/alice.toml", &record);
    room.ok(&["keyholder", "verify"]);
    let policy = room.read("trustroot.toml");
    let id = policy.lines().find(|line| line.starts_with("id = ")).unwrap().to_owned();
    room.write("trustroot.toml", policy.replace(&id, "id = \"another-trust-root\""));
    refused("alice");
}

#[test]
fn a_bad_record_is_refused_with_its_file_and_place() {
    let room = room();
    enroll_file(&room, "alice");
    let record = room.read("keyholders/alice.toml");
    let refused = |bytes: &[u8], says: &str| {
        room.write("keyholders/alice.toml", bytes);
        for command in [&["keyholder", "list"][..], &["keyholder", "verify"], &["keyholder", "devices"], &["stage"]] {
            let run = room.exits(2, command);
            assert!(run.says("keyholders/alice.toml") && run.says(says), "{command:?}: {run:?}");
            assert!(!run.stderr.contains('\x1b'), "{run:?}");
        }
    };
    let changed = |from: &str, to: &str| {
        assert!(record.contains(from), "{from}");
        record.replacen(from, to, 1).into_bytes()
    };
    refused(&record.as_bytes()[..record.len() / 2], "line ");
    refused(&[record.as_bytes(), &vec![b'\n'; 70_000]].concat(), "at most 65536");
    refused(b"name = \"\xff\"", "UTF-8");
    refused(&changed("kind = ", "name = \"alice\"\nkind = "), "line 2");
    refused(&changed("kind = \"person\"", "kind = 1"), "line 2");
    refused(&changed("kind = ", "\"\\u001b[2J\" = 1\nkind = "), "line 2");
    refused(&changed("name = \"alice\"", "name = \"../alice\""), "may have lower-case");
    refused(&changed("name = \"alice\"", "name = \"bob\""), "must be named bob.toml");
    refused(format!("a = {}1{}", "[".repeat(5000), "]".repeat(5000)).as_bytes(), "line 1");
    refused(&changed("\"keytype\": \"ecdsa\"", "\"keytype\": \"ecdsa\", \"keytype\": \"rsa\""), "key 1");
    refused(&changed("\n", "  \n"), "line 1");
    fs::remove_file(room.dir().join("keyholders/alice.toml")).unwrap();
    room.write("alice.toml", &record);
    symlink("../alice.toml", room.dir().join("keyholders/alice.toml")).unwrap();
    let run = room.exits(2, &["keyholder", "list"]);
    assert!(run.says("alice.toml is a symbolic link"), "{run:?}");
}

#[test]
fn nothing_that_a_record_names_is_loaded_or_read() {
    let store = Store::new(&["alice"]);
    let room = store.on(room());
    let pin = store.pin_file();
    room.ok(&[&enroll_token("alice", "pkcs11:token=alice", &pin)[..], &["--generate"]].concat());
    let record = room.read("keyholders/alice.toml");
    let evil = room.dir().join("evil");
    fs::create_dir(&evil).unwrap();
    fs::copy(softhsm(), evil.join("evil-module.so")).unwrap();
    fs::write(evil.join("evil-pin"), PIN).unwrap();
    // What this program takes from the machine, it never takes from the directory.
    fs::write(room.dir().join("config.toml"), format!("pkcs11-modules = [\"{}/evil-module.so\"]", evil.display()))
        .unwrap();
    let uri = record.lines().find(|line| line.starts_with("uri = ")).unwrap().trim_end_matches('"').to_owned();
    let queries = evil_queries(&evil);
    let log = room.home().join("strace.log");
    let traced = |arguments: &[&str], code: i32| {
        let command = room.command(&[]);
        let mut strace = Command::new("strace");
        strace.env_clear().current_dir(room.dir());
        strace.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let trace = "trace=open,openat,openat2,execve,execveat,connect";
        strace.args(["-f", "-o", log.to_str().unwrap(), "-e", trace, common::BINARY]);
        let output = strace.args(arguments).output().expect("strace is missing: apt-get install strace");
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        let calls = fs::read_to_string(&log).unwrap();
        assert!(calls.contains("alice.toml"), "strace saw nothing: {calls}");
        assert!(!calls.contains("evil"), "{arguments:?}: {calls}");
        assert_eq!(calls.matches("execve").count(), 1, "{arguments:?}: {calls}");
        text
    };
    for query in &queries {
        let hostile = record.replace(&format!("{uri}\""), &format!("{uri}?{query}\""));
        assert_ne!(hostile, record);
        room.write("keyholders/alice.toml", hostile);
        for command in [&["keyholder", "list"][..], &["keyholder", "verify"], &["keyholder", "devices"], &["stage"]] {
            let text = traced(command, 2);
            assert!(text.contains("query attribute") && text.contains("alice.toml"), "{text}");
        }
        let again = ["--generate", "--replace"];
        let text = traced(&[&enroll_token("alice", "pkcs11:token=alice;object=x", &pin)[..], &again].concat(), 2);
        assert!(text.contains("query attribute"), "{text}");
    }
    room.write("keyholders/alice.toml", &record);
    traced(&["keyholder", "devices"], 0);
    // Not on the command line either: a URI is copied from anywhere.
    let run = room.exits(2, &enroll_token("bob", "pkcs11:token=alice?module-path=evil-module.so", &pin));
    assert!(run.says("query attribute"), "{run:?}");
}

/// Answers what `keyholder enroll` asks of alice, up to the PIN.
fn enroll_in_terminal(room: &Trustroot) -> Terminal {
    let mut terminal = room.terminal(&["keyholder", "enroll"]);
    terminal.expect("Whose key is it").line("alice");
    terminal.expect("Where is the key of alice?").expect("a new P-256 key on the token \"alice\"").send(ENTER);
    terminal.expect("Are you the coordinator").line("n").expect("The coordinator's nonce").line(NONCE);
    terminal
}

#[test]
fn a_person_is_asked_for_everything() {
    let store = Store::new(&["alice"]);
    let room = store.on(room());
    let mut terminal = enroll_in_terminal(&room);
    terminal.expect("the token \"alice\"").expect("how many tries are left").type_secret(PIN);
    terminal.expect("possession proven for the nonce");
    assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen());
    assert!(!terminal.written().contains(PIN) && terminal.echo() && terminal.cursor());
    assert_eq!(key(&room.json(0, &["keyholder", "verify"]), 0, 0)["nonce"], NONCE);

    // A key file: asked for its path, whether to make it, and for a new passphrase until it is the same twice.
    let file = key_file(&room, "bob.pem");
    let mut terminal = room.terminal(&["keyholder", "enroll", "bob"]);
    terminal.expect("Where is the key of bob?").expect("for rehearsals and low stakes only").send(ENTER);
    terminal.expect("Path of the key file").line(&file);
    terminal.expect("Make a new P-256 key there?").line("");
    terminal.expect("Are you the coordinator").line("n");
    terminal.expect("The coordinator's nonce").line("1234").expect("32 to 128").line(NONCE);
    terminal.expect("New passphrase for").type_secret("correct horse");
    terminal.expect("Once more").type_secret("correct house");
    terminal.expect("not the same").type_secret("correct horse");
    terminal.expect_times("Once more", 2).type_secret("correct horse");
    terminal.expect("Enrolled bob");
    assert_eq!(terminal.exit_code(), 0);
    assert!(!terminal.written().contains("correct h"));
    let mut terminal = room.terminal(&["keyholder", "enroll", "bob", "--file", &file, "--replace", "--new-nonce"]);
    let (asked, wrong) = ("Passphrase of the key file", "the passphrase does not open");
    terminal.expect(asked).type_secret("correct house").expect_times(wrong, 1);
    terminal.expect_times(asked, 2).type_secret("").expect("is empty").type_secret("correct hose");
    terminal.expect_times(asked, 4).type_secret("correct horse").expect("Enrolled bob");
    assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen());
    // Three wrong ones are enough.
    let mut terminal = room.terminal(&["keyholder", "enroll", "bob", "--file", &file, "--replace", "--new-nonce"]);
    for times in 1..=3 {
        terminal.expect_times(asked, times).type_secret("correct house");
    }
    assert_eq!(terminal.exit_code(), 2);
    terminal.expect("error: the passphrase does not open");
}

#[test]
fn what_is_answered_wrong_at_enrolment_is_asked_again() {
    let store = Store::new(&[]);
    let room = store.on(room());
    enroll_file(&room, "alice");
    let (alice, bob) = (key_file(&room, "alice.pem"), key_file(&room, "bob.pem"));
    room.write("notes.pem", "nothing\n");
    let mut terminal = room.terminal(&["keyholder", "enroll"]);
    let (name, path) = ("Whose key is it", "Path of the key file");
    terminal.expect(name).line("Bob").expect("lower-case").line("alice").expect("alice is enrolled already");
    terminal.expect_times(name, 3).line("bob").expect("Where is the key of bob?").send(ENTER);
    terminal.expect(path).line("notes.pem").expect("holds no private key");
    terminal.expect_times(path, 2).line("bob.pem").expect("which is handed to others");
    terminal.expect_times(path, 3).line("/nonexistent/bob.pem").expect("is no directory");
    terminal.expect_times(path, 4).line(&bob).expect("Make a new P-256 key there?").line("n");
    terminal.expect("there is no key to enroll").expect_times(path, 5).line(&bob);
    terminal.expect_times("Make a new P-256 key there? [Y/n]", 2).line("y").expect("Are you the coordinator").line("y");
    terminal.expect("New passphrase for").type_secret("").expect("is empty").type_secret("correct horse");
    terminal.expect("Once more").type_secret("correct horse").expect("Enrolled bob");
    assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen());
    assert!(PathBuf::from(alice).exists() && records(&room) == 2);
}

#[test]
fn a_policy_without_key_files_says_so_before_a_key_is_made() {
    let store = Store::new(&[]);
    let room = store.on(room());
    room.write("trustroot.toml", room.read("trustroot.toml").replace("file-keys = true", "file-keys = false"));
    let (file, line) = (key_file(&room, "alice.pem"), "`file-keys = true` under [devices] in trustroot.toml");
    let given = ["keyholder", "enroll", "alice", "--file", &file, "--generate", "--no-passphrase", "--new-nonce"];
    let mut terminal = room.terminal(&given);
    terminal.expect(line).expect("Enroll a key in a file all the same? [y/N]").send(ENTER);
    terminal.expect("none was enrolled");
    assert_eq!((terminal.exit_code(), records(&room), PathBuf::from(&file).exists()), (1, 0, false));
    let mut terminal = room.terminal(&["keyholder", "enroll", "alice"]);
    terminal.expect(line).expect("> a public key in a file");
    assert!(!terminal.screen().contains("for rehearsals"), "{}", terminal.screen());
    terminal.send(CTRL_C);
    assert_eq!(terminal.exit_code(), 130);
    // An online key may be in a file, and where nobody can be asked nothing changes.
    let online = ["keyholder", "enroll", "online", "--file", &key_file(&room, "online.pem"), "--generate"];
    let mut terminal = room.terminal(&[&online[..], &["--no-passphrase", "--new-nonce"]].concat());
    terminal.expect("Enrolled online");
    assert_eq!(terminal.exit_code(), 0);
    assert!(room.ok(&given).contains("Enrolled alice"));
}

#[test]
fn whoever_has_no_trust_root_is_sent_to_the_coordinator() {
    let nowhere = Trustroot::new();
    let run = nowhere.exits(2, &["keyholder", "enroll", "alice"]);
    assert!(run.says("there is no trust root here") && run.says("ask for one, and for the nonce"), "{run:?}");
}

#[test]
fn a_wrong_pin_is_sent_once_and_told() {
    let store = Store::new(&["alice"]);
    let room = store.moody(room());
    let (refused, again) = ("refused the PIN: wrong PINs were given before: few tries are left", "type another PIN");
    for answer in ["n", "y"] {
        let mut terminal = enroll_in_terminal(&room);
        terminal.expect("PIN, for alice").type_secret("654321").expect(refused).expect(again).expect_echo(false);
        assert_eq!((store.logins(), records(&room)), (1, 0));
        // What is typed at once is no answer, and is not sent.
        terminal.line(PIN).line(answer);
        if answer == "n" {
            assert_eq!((terminal.exit_code(), store.logins(), records(&room)), (2, 0, 0));
            assert_eq!(terminal.written().matches("PIN, for alice").count(), 1);
            continue;
        }
        terminal.expect_times("PIN, for alice", 2).type_secret("654321").expect("refused this PIN before");
        terminal.expect_times("PIN, for alice", 3).type_secret(PIN).expect("Enrolled alice");
        assert_eq!((terminal.exit_code(), store.logins(), terminal.echo()), (0, 1, true), "{}", terminal.screen());
        assert!(!terminal.written().contains(PIN));
    }
    // A PIN from a file is given once, whoever sits there.
    let wrong = room.home().join("wrong");
    fs::write(&wrong, "654321").unwrap();
    let given = ["keyholder", "enroll", "alice", "--replace", "--generate", "--new-nonce"];
    let uri = ["--pkcs11", "pkcs11:token=alice;object=new", "--pin-file", wrong.to_str().unwrap()];
    let mut terminal = room.terminal(&[&given[..], &uri].concat());
    terminal.expect("refused the PIN");
    assert_eq!((terminal.exit_code(), store.logins()), (2, 1));
    assert!(!terminal.written().contains(again), "{}", terminal.screen());
}

#[test]
fn who_has_one_try_left_is_not_asked_for_another() {
    let store = Store::new(&["alice"]);
    let room = store.moody(room());
    let mut terminal = enroll_in_terminal(&room);
    terminal.expect("PIN, for alice").expect_echo(false);
    // A token that takes one wrong PIN, and no second one.
    store.mood("strict");
    terminal.type_secret("654321").expect("one try is left, and this program never spends the last one");
    terminal.expect("an HSM's by its security officer");
    assert_eq!((terminal.exit_code(), store.logins()), (2, 1));
    assert!(!terminal.written().contains("type another PIN"), "{}", terminal.screen());
}

#[test]
fn the_last_try_is_never_spent() {
    let store = Store::new(&["alice"]);
    let room = store.moody(room());
    let pin = store.pin_file();
    let asked = ["keyholder", "enroll", "alice", "--pkcs11=pkcs11:token=alice", "--generate", "--new-nonce"];
    let given = [&asked[..], &["--pin-file", &pin]].concat();
    for (mood, says) in [("low final", "never spends the last one"), ("locked", "is locked")] {
        store.mood(mood);
        let run = room.exits(2, &given);
        assert!(run.says(says), "{run:?}");
        let mut terminal = room.terminal(&asked);
        terminal.expect(says);
        assert_eq!((terminal.exit_code(), store.logins()), (2, 0));
        let shown = room.ok(&["keyholder", "devices"]);
        assert!(shown.contains(if mood == "locked" { "the PIN is locked" } else { "one try is left" }), "{shown}");
    }
    store.mood("");
    room.ok(&given);
    assert_eq!(store.logins(), 1);
}

#[test]
fn ctrl_c_at_a_pin_leaves_nothing_behind() {
    let store = Store::new(&["alice"]);
    let room = store.on(room());
    let mut terminal = enroll_in_terminal(&room);
    terminal.expect("PIN, for alice");
    assert!(!terminal.echo());
    terminal.send(CTRL_C);
    assert_eq!(terminal.exit_code(), 130);
    assert!(terminal.echo() && records(&room) == 0);
    let mut terminal = room.terminal(&["keyholder", "enroll", "alice"]);
    terminal.expect("Where is the key of alice?").send(DOWN).send(CTRL_C);
    assert_eq!(terminal.exit_code(), 130);
    assert!(terminal.cursor());
}

#[test]
fn a_name_that_is_taken_meanwhile_is_not_taken_twice() {
    let store = Store::new(&["alice"]);
    let room = store.on(room());
    let mut terminal = enroll_in_terminal(&room);
    terminal.expect("PIN, for alice");
    enroll_file(&room, "alice");
    let record = room.read("keyholders/alice.toml");
    terminal.type_secret(PIN).expect("the records changed meanwhile");
    assert_eq!(terminal.exit_code(), 2);
    assert_eq!(room.read("keyholders/alice.toml"), record);
}

fn data(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(path)
}
