//! Keys that are made in YubiKeys: in empty slots alone, and with whatever management key the card has.
#![cfg(feature = "yubikey")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
#[path = "common/readers.rs"]
mod readers;

use ceremony::{Algorithm, PublicKey};
use common::Script;
use keyholders::piv::Template;
use keyholders::{Device as _, DeviceError, Pin, Secret, Slot};
use readers::{MESSAGE, PIN, card, in_readers, instructions, opened, plugged};
use virtual_yubikey::{Card, Failure, Fault, Firmware, PinPolicy, StatusWord, TouchPolicy};

const GENERATE: u8 = 0x47;

/// A P-256 key in a slot, with the PIN once and a touch each time.
fn template(slot: &str) -> Template {
    Template {
        slot: slot.parse().unwrap(),
        algorithm: Algorithm::EcdsaP256,
        pin_policy: ceremony::PinPolicy::Once,
        touch_policy: ceremony::TouchPolicy::Always,
        known_empty: false,
    }
}

/// Has somebody change the management key of a card: SET MANAGEMENT KEY with its algorithm's number in PIV.
fn set_management_key(card: &Card, algorithm: u8, key: &[u8]) {
    let length = u8::try_from(key.len()).unwrap();
    assert_eq!(card.administer(0xff, 0xff, 0xff, &[&[algorithm, 0x9b, length], key].concat()), StatusWord::OK);
}

/// PUT DATA, with less than 128 bytes unless they bring their own tags.
fn put_data(card: &Card, object: [u8; 3], content: &[u8]) {
    let length = u8::try_from(content.len()).unwrap();
    let data = [&[0x5c, 3], &object[..], &[0x53, length], content].concat();
    assert_eq!(card.administer(0xdb, 0x3f, 0xff, &data), StatusWord::OK);
}

/// Puts a P-256 key into a slot, as other programs do.
fn import(card: &Card, slot: u8) {
    let key = [&[0x06, 32], &[7; 32][..]].concat();
    assert_eq!(card.administer(0xfe, 0x11, slot, &key), StatusWord::OK);
}

#[test]
fn a_key_is_made_and_proven_with_every_firmware() {
    in_readers("a_key_is_made_and_proven_with_every_firmware", |rig| {
        for (firmware, serial) in [(Firmware::V4_4_5, 1), (Firmware::V5_4_3, 2), (Firmware::V5_7_4, 3)] {
            let card = card(serial, firmware);
            rig.insert(&card).unwrap();
            let there = opened(serial);
            for (slot, algorithm) in [("9c", Algorithm::EcdsaP256), ("82", Algorithm::EcdsaP384)] {
                let template = Template { algorithm, known_empty: true, ..template(slot) };
                let mut key = there.generate(&template, None, &mut Script::silent()).unwrap();
                assert_eq!(key.public_key().algorithm(), algorithm);
                key.sign(MESSAGE, &mut Script::of(&[PIN])).unwrap();
                let (leaf, _) = there.attestation(slot.parse().unwrap()).unwrap().unwrap();
                assert_eq!(leaf.public_key().unwrap(), *key.public_key());
                assert_eq!(card.touches().given, usize::from(slot == "82") + 1);
            }
            let other = there.generate(
                &Template { algorithm: Algorithm::Ed25519, ..template("9e") },
                None,
                &mut Script::silent(),
            );
            assert!(other.err().unwrap().to_string().contains("signs no metadata with Ed25519 keys"));
        }
    });
}

#[test]
fn what_is_in_a_slot_stays_there() {
    in_readers("what_is_in_a_slot_stays_there", |rig| {
        for (firmware, serial) in [(Firmware::V4_4_5, 1), (Firmware::V5_7_4, 3)] {
            let (card, reader) = plugged(rig, serial, firmware, PinPolicy::Once, TouchPolicy::Never);
            import(&card, 0x9a);
            put_data(&card, [0x5f, 0xc1, 0x0b], b"\x70\x03no!\x71\x01\x00\xfe\x00");
            let there = opened(serial);
            let made = there.key(Slot::default()).unwrap().public_key().clone();
            let refused = |slot: &str, known_empty: bool| {
                card.clear_log();
                let wanted = Template { known_empty, ..template(slot) };
                let error = there.generate(&wanted, None, &mut Script::silent()).err().unwrap();
                assert!(!instructions(&card).contains(&GENERATE) && !instructions(&card).contains(&0x87));
                error
            };
            // A key that was made there, and a certificate alone, readable or not: however sure somebody is.
            for known_empty in [false, true] {
                let DeviceError::Occupied { what, .. } = refused("9c", known_empty) else { panic!() };
                assert_eq!(what, "a key in slot 9c");
                let DeviceError::Occupied { what, .. } = refused("9d", known_empty) else { panic!() };
                assert_eq!(what, "a certificate in slot 9d");
            }
            match firmware >= Firmware(5, 3, 0) {
                // It tells of a key that was imported.
                true => assert!(matches!(refused("9a", true), DeviceError::Occupied { .. })),
                false => {
                    let told = refused("9a", false);
                    assert!(matches!(told, DeviceError::PerhapsOccupied { .. }), "{told}");
                    assert!(told.to_string().contains("older than 5.3"), "{told}");
                }
            }
            // A card that does not say whether there is a certificate is not taken for empty.
            card.fail(Fault::nth_of(0xcb, 1, Failure::Status(StatusWord(0x6f00))));
            let unsaid = refused("9e", true);
            assert!(matches!(unsaid, DeviceError::Call { .. }), "{unsaid}");
            assert_eq!(there.key(Slot::default()).unwrap().public_key(), &made);
            drop(there);
            rig.remove(reader).unwrap();
        }
    });
}

#[test]
fn a_changed_management_key_is_asked_for() {
    in_readers("a_changed_management_key_is_asked_for", |rig| {
        let hex_of =
            |key: &[u8]| -> &'static str { String::leak(key.iter().map(|byte| format!("{byte:02x}")).collect()) };
        let (tdes, aes128) = ([0xa1; 24], [0xa2; 16]);
        let (aes192, aes256) = ([0xa3; 24], [0xa4; 32]);
        let keys: [(u8, &[u8]); 4] = [(0x03, &tdes), (0x08, &aes128), (0x0a, &aes192), (0x0c, &aes256)];
        let card = card(1, Firmware::V5_7_4);
        rig.insert(&card).unwrap();
        for ((algorithm, key), slot) in keys.into_iter().zip(["82", "83", "84", "85"]) {
            set_management_key(&card, algorithm, key);
            let there = opened(1);
            let wrong = hex_of(&vec![0; key.len()]);
            // The PIN is asked for first: the card may keep its management key behind it.
            let mut person = Script::of(&[PIN, "a1a2", wrong, hex_of(key)]);
            let form = there.generate(&template(slot), None, &mut person).err().unwrap();
            assert!(matches!(form, DeviceError::ManagementKeyForm { length, .. } if length == key.len()), "{form}");
            let refused = there.generate(&template(slot), None, &mut person).err().unwrap();
            assert!(matches!(refused, DeviceError::WrongManagementKey { .. }), "{refused}");
            there.generate(&template(slot), None, &mut person).unwrap();
            let asked: Vec<_> = person.asked.iter().map(|asked| asked.secret).collect();
            let key = Secret::ManagementKey;
            assert_eq!((asked, card.tries_left()), (vec![Secret::TokenPin, key, key, key], 3));
            let nobody = there.generate(&template("95"), None, &mut Script::silent()).err().unwrap();
            assert_eq!(nobody.to_string(), "no management key for the YubiKey 1");
        }
    });
}

#[test]
fn a_management_key_behind_the_pin_is_found_there() {
    in_readers("a_management_key_behind_the_pin_is_found_there", |rig| {
        for (firmware, algorithm, serial) in [(Firmware::V5_4_3, 0x03, 1), (Firmware::V5_7_4, 0x0a, 2)] {
            let card = card(serial, firmware);
            rig.insert(&card).unwrap();
            let key = [0xb1; 24];
            set_management_key(&card, algorithm, &key);
            put_data(&card, [0x5f, 0xff, 0x00], b"\x80\x03\x81\x01\x02");
            put_data(&card, [0x5f, 0xc1, 0x09], &[&[0x88, 26, 0x89, 24][..], &key].concat());
            let there = opened(serial);
            let mut person = Script::of(&["654321", PIN]);
            let refused = there.generate(&template("9c"), None, &mut person).err().unwrap();
            assert!(matches!(refused, DeviceError::WrongPin { .. }), "{refused}");
            let mut made = there.generate(&template("9c"), None, &mut person).unwrap();
            // The same PIN is good for the proof of possession.
            made.sign(MESSAGE, &mut person).unwrap();
            assert!(person.asked.iter().all(|asked| asked.secret == Secret::TokenPin) && person.asked.len() == 2);
            drop((there, made));
            assert!(!card.is_verified());
        }
    });
}

#[test]
fn the_pin_is_changed_once_it_is_sure_to_be_right() {
    in_readers("the_pin_is_changed_once_it_is_sure_to_be_right", |rig| {
        for (firmware, serial) in [(Firmware::V4_4_5, 1), (Firmware::V5_7_4, 2)] {
            let (card, reader) = plugged(rig, serial, firmware, PinPolicy::Always, TouchPolicy::Never);
            let there = opened(serial);
            let pin = |text: &str| Pin::new(text.to_owned()).unwrap();
            let change = |present: &str, new: &str| there.change_pin(&pin(present), &pin(new));
            assert!(matches!(change(PIN, "1234"), Err(DeviceError::PinLength { .. })));
            assert_eq!(card.pins_received(), Vec::<Vec<u8>>::new());
            assert!(matches!(change("654321", "87654321"), Err(DeviceError::WrongPin { .. })));
            change(PIN, "87654321").unwrap();
            assert_eq!(card.tries_left(), 3);
            // Nobody has to type it again.
            let mut key = there.key(Slot::default()).unwrap();
            key.sign(MESSAGE, &mut Script::silent()).unwrap();
            drop(key);
            let defaults = there.defaults().unwrap();
            assert_eq!(
                defaults.map(|defaults| (defaults.pin, defaults.puk)),
                (firmware > Firmware(5, 3, 0)).then_some((false, true))
            );
            for _ in 0..2 {
                let _ = change("654321", PIN);
            }
            assert!(matches!(change("87654321", PIN), Err(DeviceError::FinalTry { .. })));
            assert_eq!(card.tries_left(), 1);
            rig.remove(reader).unwrap();
        }
    });
}

#[test]
fn an_imported_key_signs_and_proves_nothing() {
    in_readers("an_imported_key_signs_and_proves_nothing", |rig| {
        let card = card(1, Firmware::V5_7_4);
        import(&card, 0x9c);
        rig.insert(&card).unwrap();
        let there = opened(1);
        let mut key = there.key(Slot::default()).unwrap();
        let signature = key.sign(MESSAGE, &mut Script::of(&[PIN])).unwrap();
        let public: PublicKey = key.public_key().clone();
        public.verify(MESSAGE, &signature).unwrap();
        assert!(there.attestation(Slot::default()).unwrap().is_none());
        assert_eq!(there.slot(Slot::default()).unwrap().unwrap().generated, Some(false));
        // One that was made there, and whose card does not prove it now, is not taken for imported.
        card.generate(
            virtual_yubikey::Slot::AUTHENTICATION,
            virtual_yubikey::Algorithm::EccP256,
            PinPolicy::Once,
            TouchPolicy::Never,
        );
        card.fail(Fault::nth_of(0xf9, 1, Failure::Status(StatusWord(0x6f00))));
        let unproven = there.attestation("9a".parse().unwrap()).unwrap_err();
        assert!(unproven.to_string().contains("ATTEST failed: the card says no"), "{unproven}");
        card.fail(Fault::nth_of(0xcb, 1, Failure::Status(StatusWord::NOT_FOUND)));
        let unproven = there.attestation("9a".parse().unwrap()).unwrap_err();
        assert!(unproven.to_string().contains("has no certificate of its own"), "{unproven}");
    });
}
