//! YubiKeys: enrolled, and signed with, over the real pcscd. The cards are virtual.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

use common::desk::{NEW, NONCE};
use common::terminal::ENTER;
use common::yubikeys::PIN;
use common::{Desk, Readers, Trustroot};
use serde_json::Value;
use virtual_yubikey::{Algorithm, Failure, Fault, Firmware, PinPolicy, Slot, StatusWord, TouchPolicy};

/// A trust root of these people, whose keys may not lie in files.
fn room(people: &[&str], threshold: usize) -> Trustroot {
    let room = Trustroot::new();
    let people: Vec<_> = people.iter().map(|name| format!("--keyholder={name}")).collect();
    let mut arguments = vec!["init", "--name=Test"];
    let threshold = format!("--threshold={threshold}");
    arguments.push(&threshold);
    arguments.extend(people.iter().map(String::as_str));
    room.ok(&arguments);
    room
}

const ENROLL: [&str; 8] = [
    "keyholder",
    "enroll",
    "--yubikey",
    "--generate",
    "--pin-policy=always",
    "--touch-policy=always",
    "--nonce",
    NONCE,
];

const GET_RESPONSE: u8 = 0xc0;

/// What it takes to make a key and to prove it. To open the card; which secrets are the first ones, and the tries; whether
/// the slot is free, of a key and of a certificate; the management key, asked for and shown; the key; both certificates;
/// the tries, PIN and signature of the proof of possession; and to leave no PIN.
const ENROLMENT: &[u8] = &[
    0xa4, 0xfd, 0xf8, 0xf7, 0xf7, 0xf7, 0xf7, 0xf7, 0xcb, 0xf7, 0x87, 0x87, 0x47, 0xf9, 0xcb, 0xf7, 0xf7, 0x20, 0x87,
    0xa4, 0x20,
];
/// The same with firmware that tells nothing.
const ENROLMENT_4: &[u8] = &[
    0xa4, 0xfd, 0xa4, 0x01, 0xa4, 0xa4, 0x20, 0xf9, 0xcb, 0x87, 0x87, 0x47, 0xf9, 0xcb, 0xa4, 0x20, 0xa4, 0x20, 0x20,
    0x87, 0xa4, 0x20,
];

#[test]
fn a_key_is_made_in_a_yubikey_and_proven_to_be() {
    for firmware in [Firmware::V4_4_5, Firmware::V5_4_3, Firmware::V5_7_4] {
        let readers = Readers::new();
        let card = readers.with(1001, firmware);
        let room = readers.on(room(&["alice"], 1));
        let (pin, anchor) = (readers.pin_file(&room), readers.anchor(&room));
        let given = ["alice", "--slot-is-empty", "--keep-pin", "--pin-file", &pin, "--anchor", &anchor];
        let answer = room.json(0, &[&ENROLL[..], &given].concat());
        let instructions = card.log().into_iter().map(|apdu| apdu.instruction);
        // Certificates come in several pieces.
        let session: Vec<_> = instructions.filter(|instruction| *instruction != GET_RESPONSE).collect();
        assert_eq!(session, if firmware < Firmware(5, 3, 0) { ENROLMENT_4 } else { ENROLMENT }, "{session:02x?}");
        // Nobody has said yet that the test's own authority is to be trusted.
        assert_eq!(
            (&answer["attested"], &answer["findings"][0]["finding"]),
            (&Value::Null, &"attestation-invalid".into())
        );
        readers.trust(&room);
        // Older firmware has a finding of its own.
        let old = firmware < Firmware(5, 7, 0);
        let answer = room.json(i32::from(old), &["keyholder", "verify"]);
        let attested = &answer["keyholders"][0]["attested"][0];
        assert_eq!((&attested["serial"], &attested["slot"]), (&1001.into(), &"9c".into()), "{answer}");
        assert_eq!(attested["firmware"], firmware.to_string());
        assert_eq!(attested["fingerprint"], answer["keyholders"][0]["keys"][0]["fingerprint"]);
    }
}

#[test]
fn a_person_is_led_from_a_new_yubikey_to_a_record() {
    let desk = Desk::new(&["alice"], 1);
    let card = desk.readers.with(1001, Firmware::V5_7_4);
    desk.ask("pin-policy = \"once\"");
    let anchor = desk.readers.anchor(&desk.room);
    let mut terminal =
        desk.room.terminal(&["keyholder", "enroll", "alice", "--nonce", NONCE, "--yubikey", "--generate"]);
    terminal.expect("slot 9c of the YubiKey 1001").expect("PIN: 3 of 3 tries are left");
    terminal.expect("Warning: this YubiKey still has what every new one has");
    terminal.expect("PIN, PUK, management key").expect("`ykman piv access` changes all three");
    terminal.expect("Change the PIN now?").expect_echo(false).line("y");
    let new = "New PIN, 6 to 8 characters";
    // What can be no PIN is said before it is typed twice.
    terminal.expect(new).type_secret("alice").expect("has 6 to 8 bytes, and this one has 5.");
    terminal.expect_times(new, 2).type_secret(PIN).expect("That is the PIN that every new YubiKey has.");
    assert!(!terminal.written().contains("Once more"), "{}", terminal.screen());
    // Typed twice, until it is the same.
    terminal.expect_times(new, 3).type_secret("alices-1").expect("Once more").type_secret("alices-2");
    terminal.expect("The two are not the same.").expect_times(new, 4).type_secret("alices-1");
    terminal.expect_times("Once more", 2).type_secret("alices-1");
    terminal.expect("The PIN is changed.");
    // What the policy does not allow is not offered.
    terminal.expect("When shall the key want the PIN?").expect("always: the PIN for each signature");
    assert!(!terminal.screen().contains("never: whoever has the YubiKey can sign"), "{}", terminal.screen());
    terminal.expect_echo(false).send(ENTER);
    terminal.expect("When shall the key want a touch?").expect_echo(false).send(ENTER);
    terminal.expect("Touch the YubiKey 1001 now.");
    assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen());
    let written = terminal.written();
    assert!(!written.contains("alices-1") && !written.contains("PIN, for alice"), "{written}");
    assert_eq!(card.pins_received(), [PIN, "alices-1", "alices-1"].map(|pin| pin.as_bytes().to_vec()));
    assert_eq!((card.tries_left(), card.is_verified(), card.touches().given), (3, false, 1));
    // The anchor was not given, so that nothing leads anywhere yet.
    let answer = desk.room.json(1, &["keyholder", "verify"]);
    let findings = answer["keyholders"][0]["findings"].as_array().unwrap();
    let findings: Vec<_> = findings.iter().map(|finding| finding["finding"].as_str().unwrap()).collect();
    assert_eq!(findings, ["device-below-policy", "attestation-invalid"]);
    let what = answer["keyholders"][0]["findings"][1]["what"].as_str().unwrap();
    assert!(what.ends_with("is to be trusted, enroll again with its certificate: --anchor FILE"), "{what}");
    let new = desk.room.home().join("new pin");
    fs::write(&new, "alices-1").unwrap();
    let again = ["keyholder", "enroll", "alice", "--replace", "--yubikey", "--nonce", NONCE, "--anchor", &anchor];
    let run = desk.room.exits(0, &[&again[..], &["--pin-file", new.to_str().unwrap()]].concat());
    assert!(run.says("everybody can look up: PUK, management key."), "{run:?}");
    desk.room.ok(&["keyholder", "verify"]);
}

#[test]
fn nothing_in_a_yubikey_is_overwritten() {
    for firmware in [Firmware::V4_4_5, Firmware::V5_7_4] {
        let desk = Desk::new(&["alice", "bob"], 2);
        let card = desk.readers.with(1001, firmware);
        let slot = Slot::SIGNATURE;
        let public = card.generate(slot, Algorithm::EccP256, PinPolicy::Always, TouchPolicy::Always);
        // A certificate and nothing else, as other programs leave it: the card's own, which is as good as any.
        let object = [&[0x5c, 3, 0x5f, 0xc1, 0x05, 0x53, 7][..], b"\x70\x00\x71\x01\x00\xfe\x00"].concat();
        assert_eq!(card.administer(0xdb, 0x3f, 0xff, &object).0, 0x9000);
        for (slot, what) in [("9c", "a key in slot 9c"), ("9a", "a certificate in slot 9a")] {
            let given = ["--slot-is-empty", "--slot", slot];
            let run = desk.enroll(2, "alice", 1001, &[&NEW[..], &given].concat());
            assert!(run.says(what) && run.says("nothing was generated"), "{run:?}");
            assert!(run.says("`trustroot keyholder devices` shows what is there"), "{run:?}");
        }
        let asked = desk.enroll(
            if firmware < Firmware(5, 3, 0) { 2 } else { 0 },
            "bob",
            1001,
            &[&NEW[..], &["--slot=82"]].concat(),
        );
        if firmware < Firmware(5, 3, 0) {
            // It does not tell: a person has to know.
            assert!(asked.says("does not tell whether slot 82 is empty"), "{asked:?}");
            assert!(asked.says("say so with --slot-is-empty"), "{asked:?}");
            let enroll = ["keyholder", "enroll", "bob", "--yubikey", "--slot=82", "--nonce", NONCE];
            let mut terminal = desk.room.terminal(&[&enroll[..], &NEW].concat());
            terminal.expect("A new key would destroy it.");
            terminal.expect("Do you know that slot 82 is empty?").expect_echo(false).send(ENTER);
            assert_eq!(terminal.exit_code(), 2, "{}", terminal.screen());
        }
        // What is there is enrolled as it is.
        fs::remove_file(desk.room.dir().join("keyholders/bob.toml")).unwrap_or_default();
        fs::remove_file(desk.room.dir().join("keyholders/bob.attestation.pem")).unwrap_or_default();
        desk.enroll(0, "alice", 1001, &[]);
        let record = desk.room.read("keyholders/alice.toml");
        let public = ceremony::PublicKey::from_spki_der(&public).unwrap();
        assert!(record.contains(&public.fingerprint().to_string()), "{record}");
    }
}

#[test]
fn a_management_key_comes_from_a_file_or_a_prompt() {
    let desk = Desk::new(&["alice"], 1);
    let card = desk.readers.with(1001, Firmware::V5_7_4);
    let file = desk.room.home().join("management-key");
    let change = |algorithm: u8, length: usize, byte: u8| {
        let key = vec![byte; length];
        let data = [&[algorithm, 0x9b, length as u8][..], &key].concat();
        assert_eq!(card.administer(0xff, 0xff, 0xff, &data).0, 0x9000);
        fs::write(&file, format!("{byte:02x}").repeat(length) + "\n").unwrap();
    };
    let with_file = ["--management-key-file", file.to_str().unwrap()];
    let enroll = |code: i32, slot: &str, more: &[&str]| {
        let replace: &[&str] = if slot == "--slot=82" { &[] } else { &["--replace"] };
        desk.enroll(code, "alice", 1001, &[&NEW[..], &[slot], more, replace].concat())
    };
    change(0x03, 24, 0xa1);
    let run = enroll(2, "--slot=82", &[]);
    assert!(run.says("no management key for the YubiKey 1001") && run.says("--management-key-file"), "{run:?}");
    fs::write(&file, "00".repeat(24)).unwrap();
    let run = enroll(2, "--slot=82", &with_file);
    assert!(run.says("the YubiKey 1001 refused the management key"), "{run:?}");
    fs::write(&file, "0011").unwrap();
    let run = enroll(2, "--slot=82", &with_file);
    assert!(run.says("takes a management key of 24 bytes, 48 hex digits"), "{run:?}");
    assert!(!desk.room.dir().join("keyholders/alice.toml").exists());
    for (slot, algorithm, length) in [("--slot=82", 0x03, 24), ("--slot=83", 0x0a, 24), ("--slot=84", 0x0c, 32)] {
        change(algorithm, length, 0xb2);
        enroll(0, slot, &with_file);
    }
    // At a terminal it is asked for, and not shown. The PIN comes first: the key may lie behind it.
    let again = ["keyholder", "enroll", "alice", "--replace", "--yubikey", "--slot=85", "--nonce", NONCE];
    let mut terminal = desk.room.terminal(&[&again[..], &NEW].concat());
    terminal.expect("PIN, for alice").type_secret(PIN);
    terminal.expect("Management key of the YubiKey 1001, in hex").type_secret(&"b2".repeat(32));
    assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen());
    assert!(!terminal.written().contains("b2b2"));
    // Behind the PIN it is found, and nobody is asked for it.
    change(0x0a, 24, 0xc3);
    let kept = [&[0x5c, 3, 0x5f, 0xc1, 0x09, 0x53, 28, 0x88, 26, 0x89, 24][..], &[0xc3; 24]].concat();
    assert_eq!(card.administer(0xdb, 0x3f, 0xff, &kept).0, 0x9000);
    enroll(0, "--slot=86", &[]);
    assert_eq!((card.tries_left(), card.is_verified()), (3, false));
}

#[test]
fn a_pin_that_was_changed_before_is_left_alone() {
    let desk = Desk::new(&["alice", "bob"], 2);
    let (new, old) = (desk.readers.with(1001, Firmware::V5_7_4), desk.readers.with(1002, Firmware::V4_4_5));
    let file = desk.room.home().join("new-pin");
    fs::write(&file, "alices-1").unwrap();
    let change =
        ["--generate", "--pin-policy=always", "--touch-policy=always", "--new-pin-file", file.to_str().unwrap()];
    let run = desk.enroll(0, "alice", 1001, &change);
    assert!(run.says("The PIN is changed."), "{run:?}");
    // Once more with the same answers: nothing is tried on suspicion.
    new.clear_log();
    let again = ["--replace", "--slot=9a"];
    let run = desk.enroll(2, "alice", 1001, &[&change[..], &again].concat());
    assert!(run.says("The PIN was changed before") && run.says("refused the PIN"), "{run:?}");
    assert!(run.says("enroll it with --yubikey --serial 1001 --slot 9a and without --generate"), "{run:?}");
    assert_eq!((new.pins_received(), new.tries_left()), (vec![PIN.as_bytes().to_vec()], 2));
    // Firmware that does not tell is not made to lose a try either.
    let run = desk.enroll(2, "bob", 1002, &[&change[..], &["--slot-is-empty"]].concat());
    assert!(run.says("does not tell whether the YubiKey 1002 has its first PIN still"), "{run:?}");
    assert!(run.says("`ykman piv access change-pin`"), "{run:?}");
    assert_eq!((old.pins_received().len(), old.tries_left()), (0, 3));
    assert!(!desk.room.dir().join("keyholders/bob.toml").exists());
}

#[test]
fn a_hostile_yubikey_is_not_enrolled() {
    let desk = Desk::new(&["alice"], 1);
    let card = desk.readers.with(1001, Firmware::V5_7_4);
    let answers = [
        Failure::Answer(vec![0x90]),
        Failure::Answer([&[0x30; 300][..], &[0x90, 0]].concat()),
        Failure::Answer([&[0; 65_000][..], &[0x90, 0]].concat()),
        Failure::Shorten(20),
        Failure::Status(StatusWord(0x6f00)),
    ];
    // Version, metadata, certificate, management key, the key itself, its proof, the PIN.
    for instruction in [0xfd, 0xf7, 0xcb, 0x87, 0x47, 0xf9, 0x20] {
        for answer in &answers {
            card.fail(Fault::nth_of(instruction, 1, answer.clone()));
            let (pin, anchor) = (desk.readers.pin_file(&desk.room), desk.readers.anchor(&desk.room));
            let enroll = ["keyholder", "enroll", "alice", "--yubikey", "--nonce", NONCE, "--pin-file", &pin];
            let run = desk.room.run(&[&enroll[..], &["--anchor", &anchor], &NEW].concat());
            let what = format!("{instruction:02x} {answer:?}: {run:?}");
            assert_eq!((run.harmless().code == 0, card.tries_left()), (run.stdout.contains("Enrolled"), 3), "{what}");
            assert!(run.stderr.lines().all(|line| line.chars().count() <= 80 || line.contains('/')), "{what}");
            let written =
                ["alice.toml", "alice.attestation.pem"].map(|file| desk.room.dir().join("keyholders").join(file));
            if run.code == 0 {
                // What was answered is of no consequence: everything that counts is proven.
                desk.room.ok(&["keyholder", "verify"]);
                written.iter().for_each(|file| fs::remove_file(file).unwrap());
            }
            assert!(!written.iter().any(|file| file.exists()), "{what}");
            // DELETE KEY: what was made until then.
            card.administer(0xf6, 0xff, 0x9c, &[]);
        }
    }
    desk.enroll_new("alice", 1001, &[]);
    desk.room.ok(&["keyholder", "verify"]);
}
