//! A ceremony with YubiKeys, each of them asked as little as it allows and used for its own person. The cards are
//! virtual.
#![allow(clippy::unwrap_used)]

mod common;

use common::Desk;
use common::desk::{NEW, signing};
use common::yubikeys::PIN;
use serde_json::Value;
use virtual_yubikey::{Algorithm, Card, Firmware, PinPolicy, Slot, TouchPolicy};

fn instructions(card: &Card) -> Vec<u8> {
    card.log().iter().map(|apdu| apdu.instruction).collect()
}

#[test]
fn two_roles_are_one_question_and_two_touches() {
    let desk = Desk::new(&["alice", "bob"], 2);
    let (card, bob) = (desk.readers.with(1001, Firmware::V5_7_4), desk.readers.card(1002, Firmware::V5_7_4));
    let reader = desk.readers.insert(&bob);
    desk.enroll_new("alice", 1001, &[]);
    desk.enroll_new("bob", 1002, &[]);
    desk.readers.rig().remove(reader).unwrap();
    let digest = desk.stage();
    card.clear_log();
    let touches = card.touches().given;
    let mut terminal = desk.terminal(&digest);
    terminal.expect("the YubiKey 1001 asks for its PIN; 3 of 3 tries are left");
    terminal.expect("PIN, for alice").type_secret(PIN);
    assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen());
    let written = terminal.written();
    assert!(!written.contains(PIN));
    assert_eq!(written.matches("PIN, for").count(), 1, "{written}");
    assert_eq!(written.matches("Touch the YubiKey 1001 now.").count(), 2, "{written}");
    assert!(written.contains("root version 1: slot 9c of the YubiKey 1001 signs, for alice"), "{written}");
    assert_eq!(desk.signatures().into_iter().collect::<Vec<_>>(), ["root alice", "targets alice"]);
    // Open, the key, the tries before and after the question; PIN and signature for each role; and no PIN is left there.
    let session = [0xa4, 0xfd, 0xf8, 0xf7, 0xf7, 0xf7, 0x20, 0x87, 0x20, 0x87, 0xa4, 0x20];
    assert_eq!(instructions(&card), session);
    assert_eq!((card.touches().given - touches, card.pins_received().len(), card.is_verified()), (2, 2, false));

    // Nothing is left to sign, so that nothing is asked.
    card.clear_log();
    let run = desk.room.exits(0, &signing(&digest));
    assert!(run.stdout.contains("alice signed root version 1 before"), "{run:?}");
    assert_eq!((card.pins_received().len(), card.touches().given - touches), (0, 2));
    desk.readers.insert(&bob);
    desk.sign(0, &digest);
    desk.publish();
    desk.room.ok(&["verify", "--repository=repository", "--root=repository/1.root.json"]);
}

#[test]
fn several_yubikeys_are_each_used_for_their_person() {
    let desk = Desk::new(&["alice", "bob", "carol"], 3);
    let cards = [(1001, Firmware::V5_7_4), (1002, Firmware::V5_7_4), (1003, Firmware::V5_7_4)];
    let cards = cards.map(|(serial, firmware)| desk.readers.with(serial, firmware));
    let policies = |pin: &'static str, touch: &'static str| ["--generate", pin, touch];
    desk.enroll_new("alice", 1001, &[]);
    let bob = desk.room.home().join("bob's pin");
    std::fs::write(&bob, "bobs-pin").unwrap();
    let changed = ["--slot=9a", "--new-pin-file", bob.to_str().unwrap()];
    desk.enroll(0, "bob", 1002, &[&policies("--pin-policy=once", "--touch-policy=cached")[..], &changed].concat());
    let never = policies("--pin-policy=never", "--touch-policy=never");
    desk.enroll(0, "carol", 1003, &[&never[..], &["--slot=9e", "--keep-pin"]].concat());
    let digest = desk.stage();
    for card in &cards {
        card.clear_log();
    }
    let given = cards.each_ref().map(|card| card.touches().given);
    let mut terminal = desk.terminal(&digest);
    terminal.expect("PIN, for alice").type_secret(PIN);
    terminal.expect("PIN, for bob").type_secret("bobs-pin");
    assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen());
    assert_eq!(desk.signatures().len(), 6);
    let pins = cards.each_ref().map(|card| card.pins_received());
    assert_eq!(pins, [vec![PIN.as_bytes().to_vec(); 2], vec![b"bobs-pin".to_vec()], vec![]]);
    // Once is once, and a touch that is cached is good for the second role.
    let touched: Vec<_> = cards.iter().zip(given).map(|(card, before)| card.touches().given - before).collect();
    assert_eq!(touched[0], 2);
    assert!(touched[1] <= 1 && touched[2] == 0, "{touched:?}");
    assert!(cards.iter().all(|card| !card.is_verified() && card.tries_left() == 3));

    // A file answers for one YubiKey, and its PIN does not reach the next, nor one of the two by chance.
    let desk = Desk::new(&["alice", "bob"], 2);
    let cards = [1, 2].map(|serial| desk.readers.with(serial, Firmware::V5_7_4));
    desk.enroll_new("alice", 1, &[]);
    desk.enroll_new("bob", 2, &[]);
    let digest = desk.stage();
    cards.iter().for_each(Card::clear_log);
    let run = desk.sign(2, &digest);
    assert!(run.says("--pin-file is for one device, and 2 here may sign"), "{run:?}");
    assert!(run.says("slot 9c of the YubiKey 1 and slot 9c of the YubiKey 2"), "{run:?}");
    assert_eq!((desk.signatures().len(), cards.each_ref().map(|card| card.pins_received().len())), (0, [0, 0]));
    let pin = desk.readers.pin_file(&desk.room);
    desk.room.ok(&[&signing(&digest)[..], &["--pin-file", &pin, "--keyholder=alice"]].concat());
    assert_eq!((desk.signatures().len(), cards[1].pins_received().len()), (2, 0));
}

#[test]
fn two_online_keys_of_one_yubikey_share_its_handle_and_its_pin() {
    let desk = Desk::new(&["alice", "bob"], 2);
    let people = [("alice", 1001), ("bob", 1002)].map(|(name, serial)| {
        let card = desk.readers.with(serial, Firmware::V5_7_4);
        desk.enroll_new(name, serial, &[]);
        card
    });
    let robots = desk.readers.with(1003, Firmware::V5_7_4);
    let made = ["--online", "--generate", "--pin-policy=once", "--touch-policy=never", "--keep-pin"];
    for (name, slot) in [("snap", "--slot=9a"), ("stamp", "--slot=9c")] {
        desk.enroll(0, name, 1003, &[&made[..], &[slot]].concat());
    }
    desk.room.ok(&["role", "snapshot", "--add=snap", "--drop=online"]);
    desk.room.ok(&["role", "timestamp", "--add=stamp", "--drop=online"]);
    let digest = desk.stage();
    let mut terminal = desk.terminal(&digest);
    terminal.expect("PIN, for alice").type_secret(PIN).expect("PIN, for bob").type_secret(PIN);
    assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen());
    robots.clear_log();
    desk.room.ok(&["publish", "--online-pin-file", &desk.readers.pin_file(&desk.room)]);
    // Open; the key, the tries before and after the question, PIN and signature; the other key and its signature; and no
    // PIN is left there.
    let session = [0xa4, 0xfd, 0xf8, 0xf7, 0xf7, 0xf7, 0x20, 0x87, 0xf7, 0x87, 0xa4, 0x20];
    assert_eq!(instructions(&robots), session);
    assert_eq!((robots.pins_received().len(), robots.tries_left(), robots.is_verified()), (1, 3, false));
    assert!(people.iter().all(|card| card.tries_left() == 3));
    desk.room.ok(&["verify", "--repository=repository", "--root=repository/1.root.json"]);
}

#[test]
fn the_wrong_yubikey_is_named() {
    let desk = Desk::new(&["alice", "bob"], 2);
    let (alice, bob) = (desk.readers.card(1001, Firmware::V5_7_4), desk.readers.card(1002, Firmware::V5_7_4));
    let spare = desk.readers.card(1003, Firmware::V5_7_4);
    let reader = desk.readers.insert(&alice);
    desk.enroll_new("alice", 1001, &[]);
    desk.readers.rig().swap(reader, &bob).unwrap();
    desk.enroll_new("bob", 1002, &[]);
    desk.readers.rig().swap(reader, &spare).unwrap();
    desk.enroll_new("alice", 1003, &["--spare"]);
    let digest = desk.stage();
    spare.clear_log();
    // The spare of alice is in no role until the next root.
    let run = desk.sign(1, &digest);
    assert!(run.says("no key at hand may sign this proposal"), "{run:?}");
    assert!(run.says("slot 9c of the YubiKey 1003 has alice's spare key"), "{run:?}");
    assert!(run.says("alice (in slot 9c of the YubiKey 1001), bob (in slot 9c of the YubiKey 1002)"), "{run:?}");
    assert_eq!(spare.pins_received(), Vec::<Vec<u8>>::new());
    // One with nobody's key.
    let other = desk.readers.card(1004, Firmware::V5_7_4);
    other.generate(Slot::SIGNATURE, Algorithm::EccP256, PinPolicy::Always, TouchPolicy::Always);
    desk.readers.rig().swap(reader, &other).unwrap();
    let run = desk.sign(1, &digest);
    assert!(run.says("the YubiKey 1004 is plugged in, and holds nobody's key on record"), "{run:?}");
    assert!(run.says("alice (in slot 9c of the YubiKey 1001)"), "{run:?}");
    assert_eq!(other.pins_received(), Vec::<Vec<u8>>::new());
    // One that was reset and has another key now, where a record has alice's.
    let again = desk.readers.card(1001, Firmware::V5_7_4);
    again.generate(Slot::SIGNATURE, Algorithm::EccP256, PinPolicy::Always, TouchPolicy::Always);
    desk.readers.rig().swap(reader, &again).unwrap();
    let run = desk.sign(1, &digest);
    assert!(run.says("the YubiKey 1001 has the key") && run.says("in slot 9c, not"), "{run:?}");
    assert_eq!((again.pins_received().len(), desk.signatures().len()), (0, 0));
    // Beside the right one it does not matter.
    desk.readers.rig().swap(reader, &other).unwrap();
    desk.readers.insert(&bob);
    desk.sign(0, &digest);
    assert_eq!(desk.signatures().into_iter().collect::<Vec<_>>(), ["root bob", "targets bob"]);
}

#[test]
fn every_kind_of_key_is_enrolled_and_signs() {
    let desk = Desk::new(&["alice", "bob", "carol"], 3);
    let (alice, bob) = (desk.readers.with(1001, Firmware::V5_7_4), desk.readers.with(1002, Firmware::V4_4_5));
    // P-384 in a retired slot; what firmware 4 has, in 9d; and one that was adopted, wherever it is.
    desk.enroll(0, "alice", 1001, &[&["--generate=p384", "--slot=82"], &NEW[1..]].concat());
    desk.enroll(0, "bob", 1002, &[&["--slot=9d", "--slot-is-empty"], &NEW[..]].concat());
    let carol = desk.readers.with(1003, Firmware::V5_4_3);
    let number = Slot::numbered(0x95).unwrap();
    let public = carol.generate(number, Algorithm::EccP256, PinPolicy::Once, TouchPolicy::Always);
    let public = ceremony::PublicKey::from_spki_der(&public).unwrap();
    desk.room.write("carol.pem", public.to_spki_pem());
    desk.room.ok(&["keyholder", "enroll", "carol", "--public", "carol.pem"]);
    std::fs::remove_file(desk.room.dir().join("carol.pem")).unwrap();
    let findings: Value = desk.room.json(1, &["keyholder", "verify"]);
    for record in findings["keyholders"].as_array().unwrap() {
        for finding in record["findings"].as_array().unwrap() {
            desk.accept(finding["finding"].as_str().unwrap(), finding["subject"].as_str().unwrap());
        }
    }
    let digest = desk.stage();
    let mut terminal = desk.terminal(&digest);
    for name in ["alice", "bob", "carol"] {
        terminal.expect(&format!("PIN, for {name}")).type_secret(PIN);
    }
    assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen());
    assert_eq!(desk.signatures().len(), 6);
    for card in [&alice, &bob, &carol] {
        assert_eq!((card.tries_left(), card.is_verified()), (3, false));
    }
}

#[test]
fn keys_that_sign_no_metadata_are_refused_with_their_reason() {
    let desk = Desk::new(&["alice"], 1);
    let card = desk.readers.with(1001, Firmware::V5_7_4);
    card.generate(Slot::AUTHENTICATION, Algorithm::Ed25519, PinPolicy::Once, TouchPolicy::Never);
    card.generate(Slot::SIGNATURE, Algorithm::Rsa2048, PinPolicy::Once, TouchPolicy::Never);
    let run = desk.enroll(2, "alice", 1001, &["--slot=9a", "--keep-pin"]);
    assert!(run.says("an Ed25519 key, which cannot sign metadata"), "{run:?}");
    let run = desk.enroll(2, "alice", 1001, &["--keep-pin"]);
    assert!(run.says("an RSA"), "{run:?}");
    let run = desk.enroll(2, "alice", 1001, &["--generate=ed25519", "--slot=9d", "--keep-pin", NEW[1], NEW[2]]);
    assert!(run.says("signs no metadata with Ed25519 keys"), "{run:?}");
    let run = desk.enroll(2, "alice", 1001, &["--slot=9e", "--keep-pin"]);
    assert!(run.says("the YubiKey 1001 has no key in slot 9e"), "{run:?}");
    assert!(!desk.room.dir().join("keyholders/alice.toml").exists());
    assert_eq!(card.pins_received(), Vec::<Vec<u8>>::new());
    let listed = desk.room.ok(&["keyholder", "devices"]);
    assert!(listed.contains("an Ed25519 key"), "{listed}");
    assert!(listed.lines().all(|line| line.chars().count() <= 80), "{listed}");
}
