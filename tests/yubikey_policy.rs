//! What the policy asks of devices, and what evidence proves of them: refused where it proves something else. The cards
//! are virtual.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

use common::Desk;
use common::desk::NONCE;
use serde_json::Value;
use virtual_yubikey::{Authority, Card, Firmware, Profile, Slot};

/// The findings about keyholders, as `NAME what`.
fn findings(desk: &Desk) -> Vec<(String, String)> {
    let run = desk.room.run(&["keyholder", "verify", "--json"]);
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    let records = answer["keyholders"].as_array().unwrap().iter();
    let all = records.flat_map(|record| record["findings"].as_array().unwrap());
    let text = |finding: &Value, what: &str| finding[what].as_str().unwrap().to_owned();
    let found: Vec<_> = all.map(|finding| (text(finding, "finding"), text(finding, "what"))).collect();
    assert_eq!((run.code, answer["ok"].as_bool()), (i32::from(!found.is_empty()), Some(found.is_empty())));
    found
}

/// The only finding.
fn finding(desk: &Desk) -> (String, String) {
    let mut found = findings(desk);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn a_yubikey_below_the_policy_is_a_finding() {
    let desk = Desk::new(&["alice"], 1);
    desk.readers.with(1001, Firmware::V5_7_4);
    let weak = ["--generate", "--pin-policy=once", "--touch-policy=cached", "--keep-pin"];
    desk.enroll(0, "alice", 1001, &weak);
    desk.ask("attested = true");
    assert_eq!(findings(&desk), []);
    let policy = desk.room.read("trustroot.toml");
    for (asked, said) in [
        ("firmware-at-least = \"5.7.5\"", "is in a YubiKey with firmware 5.7.4, and the policy wants 5.7.5 at least"),
        ("pin-policy = \"always\"", "has the PIN policy once, and the policy wants always at least"),
        ("touch-policy = \"always\"", "has the touch policy cached, and the policy wants always at least"),
        ("form-factors = [\"usb-c-keychain\"]", "usb-a-keychain, and the policy wants usb-c-keychain"),
    ] {
        desk.ask(asked);
        let (rule, what) = finding(&desk);
        assert_eq!(rule, "device-below-policy");
        assert!(what.contains(said), "{what}");
        let staged = desk.room.exits(1, &["stage"]);
        assert!(staged.says("device-below-policy"), "{staged:?}");
        desk.room.write("trustroot.toml", &policy);
    }
    // Each is met by a policy that asks for what is there.
    for asked in ["firmware-at-least = \"5.7.4\"", "pin-policy = \"once\"", "form-factors = [\"usb-a-keychain\"]"] {
        desk.ask(asked);
    }
    assert_eq!(findings(&desk), []);
    // A new key is not made weaker than the policy wants it.
    desk.ask("touch-policy = \"always\"");
    let run = desk.enroll(1, "alice", 1001, &[&weak[..], &["--replace", "--slot=9a"]].concat());
    assert!(run.says("the policy of this trust root wants the touch policy always at least, not cached"), "{run:?}");
    assert!(run.says("it is fixed for the life of the key"), "{run:?}");
    // Two keys of one person in one YubiKey.
    desk.room.write("trustroot.toml", &policy);
    desk.enroll_new("alice", 1001, &["--spare", "--slot=9a"]);
    assert_eq!(findings(&desk), []);
    desk.ask("distinct-devices = true");
    let (rule, what) = finding(&desk);
    assert_eq!(rule, "device-below-policy");
    assert!(what.contains("are in one device"), "{what}");
}

#[test]
fn an_imported_key_proves_nothing() {
    let desk = Desk::new(&["alice"], 1);
    let card = desk.readers.with(1001, Firmware::V5_7_4);
    let key = [&[0x06, 32], &[7; 32][..]].concat();
    assert_eq!(card.administer(0xfe, 0x11, Slot::SIGNATURE.number(), &key).0, 0x9000);
    let run = desk.enroll(0, "alice", 1001, &["--keep-pin"]);
    assert!(run.stdout.contains("not attested: nothing proves that the key was made in the YubiKey"), "{run:?}");
    assert!(!desk.room.dir().join("keyholders/alice.attestation.pem").exists());
    assert_eq!(findings(&desk), []);
    desk.ask("attested = true");
    let (rule, what) = finding(&desk);
    assert_eq!(rule, "device-below-policy");
    assert!(what.contains("is not proven to be made in hardware"), "{what}");
}

#[test]
fn evidence_of_something_else_is_refused() {
    let desk = Desk::new(&["alice", "bob"], 2);
    desk.readers.with(1001, Firmware::V5_7_4);
    desk.readers.with(1002, Firmware::V5_7_4);
    desk.enroll_new("alice", 1001, &[]);
    desk.enroll_new("bob", 1002, &[]);
    desk.ask("attested = true");
    assert_eq!(findings(&desk), []);
    let [alices, bobs] = ["alice", "bob"].map(|name| format!("keyholders/{name}.attestation.pem"));
    let (evidence, record) = (desk.room.read(&alices), desk.room.read("keyholders/alice.toml"));
    let invalid = |count: usize, said: &str| {
        let found = findings(&desk);
        assert_eq!(found.len(), count, "{found:?}");
        let says = |(rule, what): &(String, String)| rule == "attestation-invalid" && what.contains(said);
        assert!(found.iter().any(says), "{found:?}");
    };
    // Of another key: whoever has a good one could show it for any.
    desk.room.write(&alices, desk.room.read(&bobs));
    invalid(3, "which is not on record");
    // Of another place than the record says.
    desk.room.write(&alices, &evidence);
    desk.room.write("keyholders/alice.toml", record.replace("serial = 1001", "serial = 1003"));
    invalid(1, "its attestation is of slot 9c of the YubiKey 1001");
    desk.room.write("keyholders/alice.toml", record.replace("slot = \"9c\"", "slot = \"9a\""));
    invalid(1, "its attestation is of slot 9c of the YubiKey 1001");
    desk.room.write("keyholders/alice.toml", &record);
    // By an authority of the same name.
    let forged = Card::new(Profile::new(Firmware::V5_7_4).serial(1005), &Authority::forged());
    desk.readers.insert(&forged);
    let enroll = desk.enroll(0, "alice", 1005, &[&common::desk::NEW[..], &["--replace"]].concat());
    assert!(enroll.stdout.contains("not attested"), "{enroll:?}");
    invalid(2, "attestation");
    desk.room.write("keyholders/alice.toml", &record);
    desk.room.write(&alices, &evidence);
    // Altered by one character: the file is named, and the place in it.
    let lines: Vec<_> = evidence.lines().collect();
    let altered = |line: usize, text: &str| {
        let mut lines = lines.clone();
        lines[line - 1] = text;
        desk.room.write(&alices, lines.join("\n") + "\n");
        desk.room.exits(2, &["keyholder", "verify"])
    };
    let run = altered(1, " -----BEGIN CERTIFICATE-----");
    assert!(run.says("alice.attestation.pem is no evidence of where keys were made"), "{run:?}");
    let run = altered(3, "!!!!");
    assert!(run.says("alice.attestation.pem") && run.says("block 1 is no PEM"), "{run:?}");
    desk.room.write(&alices, evidence.replace('\n', "\r\n"));
    let run = desk.room.exits(2, &["keyholder", "verify"]);
    assert!(run.says("alice.attestation.pem") && run.says("line 1"), "{run:?}");
    let changed: String = lines[4].chars().rev().collect();
    desk.room.write(&alices, evidence.replace(lines[4], &changed));
    let run = desk.room.run(&["keyholder", "verify"]);
    assert_ne!(run.harmless().code, 0);
    // Without a record.
    desk.room.write(&alices, &evidence);
    fs::rename(desk.room.dir().join("keyholders/alice.toml"), desk.room.home().join("alice.toml")).unwrap();
    let run = desk.room.exits(2, &["keyholder", "verify"]);
    assert!(run.says("alice.attestation.pem is no NAME.toml, nor the NAME.attestation.pem of one"), "{run:?}");
}

#[test]
fn a_yubikey_that_two_people_have_is_found_out() {
    let desk = Desk::new(&["alice", "bob"], 2);
    desk.readers.with(1001, Firmware::V5_7_4);
    desk.enroll_new("alice", 1001, &[]);
    let refused = desk.enroll(1, "bob", 1001, &[&common::desk::NEW[..], &["--slot=9a"]].concat());
    assert!(refused.says("alice") && refused.says("1001"), "{refused:?}");
    // Where a record says something else, the evidence does not.
    let hidden = desk.room.home().join("alice.toml");
    let record = desk.room.dir().join("keyholders/alice.toml");
    let evidence = ["alice.attestation.pem", "kept.pem"].map(|name| desk.room.home().join(name));
    fs::rename(&record, &hidden).unwrap();
    fs::rename(desk.room.dir().join("keyholders/alice.attestation.pem"), &evidence[0]).unwrap();
    desk.enroll_new("bob", 1001, &["--slot=9a"]);
    fs::rename(&hidden, &record).unwrap();
    fs::rename(&evidence[0], desk.room.dir().join("keyholders/alice.attestation.pem")).unwrap();
    let bob = desk.room.read("keyholders/bob.toml");
    desk.room.write("keyholders/bob.toml", bob.replace("serial = 1001", "serial = 1002"));
    let found = findings(&desk);
    let shared = found.iter().find(|(rule, _)| rule == "device-shared").unwrap();
    assert!(shared.1.contains("keys of alice and bob are attested to be in this one YubiKey"), "{shared:?}");
    assert!(found.iter().any(|(rule, _)| rule == "attestation-invalid"), "{found:?}");
}

#[test]
fn evidence_goes_with_the_keys_into_the_ceremony() {
    let desk = Desk::new(&["alice", "bob"], 2);
    let serials = [1001, 1002, 1003, 1004];
    for serial in serials {
        desk.readers.with(serial, Firmware::V5_7_4);
    }
    desk.ask("attested = true");
    desk.enroll_new("bob", 1004, &[]);
    desk.enroll_new("alice", 1001, &[]);
    desk.enroll_new("alice", 1002, &["--spare"]);
    desk.enroll_new("alice", 1003, &["--replace"]);
    // What proves the spare key and the one that was replaced is still there.
    let answer = desk.room.json(0, &["keyholder", "verify", "--nonce", NONCE]);
    let alice = answer["keyholders"].as_array().unwrap().iter().find(|record| record["name"] == "alice").unwrap();
    let of = |list: &str, what: &str| {
        let mut all: Vec<_> = alice[list].as_array().unwrap().iter().map(|one| one[what].to_string()).collect();
        all.sort();
        all
    };
    assert_eq!(of("attested", "serial"), ["1001", "1002", "1003"]);
    assert_eq!(of("attested", "fingerprint"), of("keys", "fingerprint"));

    let digest = desk.stage();
    let ceremony = fs::read_dir(desk.room.dir().join("ceremonies")).unwrap().next().unwrap().unwrap().path();
    let evidence = desk.room.read("keyholders/alice.attestation.pem");
    let inputs = ceremony.join("inputs/keyholders/alice.attestation.pem");
    assert_eq!(fs::read_to_string(&inputs).unwrap(), evidence);
    // Another machine derives the same words from it, also when the records went on.
    let other = desk.room.other_machine();
    fs::remove_file(desk.room.dir().join("keyholders/alice.attestation.pem")).unwrap();
    assert_eq!(other.json(0, &["review", "--digest"])["digest"], digest.as_str());
    let shown = other.ok(&["review"]);
    // Whoever writes the policy may name an authority of their own, whatever it calls itself.
    let shown_words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    let word = "made in the YubiKey 1003, on the word of CN=Virtual YubiKey PIV Root CA and not of its vendor";
    assert!(shown_words.contains(word), "{shown}");
    let verified = other.run(&["keyholder", "verify"]).stdout;
    let verified = verified.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(verified.contains("proven up to CN=Virtual YubiKey PIV Root CA, which is not its vendor's"), "{verified}");
    let evidence = ceremony.join("inputs/keyholders");
    let asked = ["keyholder", "verify", "--evidence", evidence.to_str().unwrap()];
    let said = other.ok(&asked).split_whitespace().collect::<Vec<_>>().join(" ");
    for line in [
        "On the word of an authority that is not the vendor's, and was named:",
        "alice: CN=Virtual YubiKey PIV Root CA, SHA-256",
        "Yes: 3 of 3 keys of people on record are proven to be made in hardware, 3 of them not on the word of the vendor.",
    ] {
        assert!(said.contains(line), "{said}");
    }
    assert!(shown.contains("The staged files are what their inputs give, byte for byte."), "{shown}");
    // Without it the proposal is another one.
    fs::remove_file(&inputs).unwrap();
    let pin = desk.readers.pin_file(&other);
    let run = other.run(&["sign", "--expect", &digest, "--pin-file", &pin]);
    assert_ne!(run.harmless().code, 0, "{run:?}");
    assert_eq!(desk.signatures().len(), 0);
}
