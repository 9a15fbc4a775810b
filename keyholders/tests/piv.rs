//! Keys in YubiKeys, over a real pcscd: what they are asked, what they ask, and that no card is ever harmed. The cards
//! are virtual.
#![cfg(feature = "yubikey")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
#[path = "common/readers.rs"]
mod readers;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use common::Script;
use keyholders::piv::{self, PivError};
use keyholders::{Device as _, DeviceError, Home, PinRequest, Secret, Slot, Tries};
use readers::{Busy, MESSAGE, PIN, card, in_process, in_readers, key, opened, plugged, public, show};
use virtual_yubikey::{Algorithm, Firmware, PinPolicy, Reader, Rig, Touch, TouchPolicy};

/// Another program's handle on the card in a reader.
fn other_program(rig: &Rig, reader: Reader, mode: pcsc::ShareMode) -> pcsc::Card {
    let context = pcsc::Context::establish(pcsc::Scope::System).unwrap();
    let name = std::ffi::CString::new(rig.name(reader)).unwrap();
    context.connect(&name, mode, pcsc::Protocols::T1).unwrap()
}

/// What another program hears to its command: the status word.
fn hears(program: &pcsc::Card, command: &[u8]) -> [u8; 2] {
    let mut buffer = [0; 300];
    let answer = program.transmit(command, &mut buffer).unwrap();
    answer[answer.len() - 2..].try_into().unwrap()
}

/// Another program resets the card.
fn reset(rig: &Rig, reader: Reader) {
    let mut program = other_program(rig, reader, pcsc::ShareMode::Shared);
    program.reconnect(pcsc::ShareMode::Shared, pcsc::Protocols::T1, pcsc::Disposition::ResetCard).unwrap();
}

/// VERIFY, with what is nobody's PIN.
const WRONG: [u8; 13] = [0, 0x20, 0, 0x80, 8, 0, 0, 0, 0, 0, 0, 0, 0];
const SELECT: [u8; 10] = [0, 0xa4, 4, 0, 5, 0xa0, 0, 0, 3, 8];
const VERIFIED: [u8; 4] = [0, 0x20, 0, 0x80];

#[test]
fn every_slot_signs_after_one_question() {
    in_readers("every_slot_signs_after_one_question", |rig| {
        for (firmware, serial) in [(Firmware::V4_4_5, 1), (Firmware::V5_4_3, 2), (Firmware::V5_7_4, 3)] {
            let card = card(serial, firmware);
            let slots = ["9a", "9c", "9d", "9e", "82", "95"].map(|slot| slot.parse::<Slot>().unwrap());
            let algorithms = [Algorithm::EccP256, Algorithm::EccP384];
            let made = slots.iter().zip(algorithms.iter().cycle()).map(|(slot, algorithm)| {
                let there = virtual_yubikey::Slot::numbered(slot.number()).unwrap();
                (*slot, public(&card.generate(there, *algorithm, PinPolicy::Always, TouchPolicy::Always)))
            });
            let made: Vec<_> = made.collect();
            let reader = rig.insert(&card).unwrap();
            let there = opened(serial);
            let mut person = Script::of(&[PIN]);
            for (slot, made) in &made {
                let mut key = there.key(*slot).unwrap();
                assert_eq!((key.public_key(), key.home()), (made, Home::Yubikey { serial, slot: *slot }));
                let signature = key.sign(MESSAGE, &mut person).unwrap();
                made.verify(MESSAGE, &signature).unwrap();
            }
            let touches = card.touches();
            assert_eq!((person.asked.len(), person.acts.len(), touches.asked, touches.given), (1, 6, 6, 6));
            assert_eq!(there.slots().unwrap().len(), made.len());
            drop(there);
            rig.remove(reader).unwrap();
        }
    });
}

#[test]
fn keys_that_sign_no_metadata_are_named() {
    in_readers("keys_that_sign_no_metadata_are_named", |rig| {
        let card = card(1, Firmware::V5_7_4);
        for (number, algorithm) in [(0x9a, Algorithm::Ed25519), (0x9d, Algorithm::Rsa2048)] {
            let slot = virtual_yubikey::Slot::numbered(number).unwrap();
            card.generate(slot, algorithm, PinPolicy::Once, TouchPolicy::Never);
        }
        rig.insert(&card).unwrap();
        let there = opened(1);
        let refused = |slot: &str| there.key(slot.parse().unwrap()).err().unwrap().to_string();
        assert!(refused("9a").contains("an Ed25519 key, which cannot sign metadata"), "{}", refused("9a"));
        assert!(refused("9d").contains("an RSA"), "{}", refused("9d"));
        assert!(refused("9c").contains("has no key in slot 9c"), "{}", refused("9c"));
        assert_eq!(there.slots().unwrap().iter().filter(|content| content.public_key.is_err()).count(), 2);
    });
}

#[test]
fn wrong_pins_stop_before_the_last_try() {
    in_readers("wrong_pins_stop_before_the_last_try", |rig| {
        for (firmware, of) in [(Firmware::V4_4_5, None), (Firmware::V5_4_3, Some(3)), (Firmware::V5_7_4, Some(3))] {
            let (card, reader) = plugged(rig, 1, firmware, PinPolicy::Always, TouchPolicy::Always);
            let mut key = key(1);
            let tries = |left| Tries::Left { left, of };
            let mut person = Script::of(&["short", "123456789", "654321", "654321", "111111", "222222"]);
            let mut sign = |person: &mut Script| key.sign(MESSAGE, person).unwrap_err();
            // What cannot be a PIN is not sent.
            for _ in 0..2 {
                let unfit = sign(&mut person);
                assert!(matches!(unfit, DeviceError::PinLength { least: 6, most: 8, .. }), "{unfit:?}");
            }
            assert_eq!((card.pins_received().len(), card.tries_left()), (0, 3));
            assert!(matches!(sign(&mut person), DeviceError::WrongPin { tries: Tries::Left { left: 2, .. }, .. }));
            // The same once more would be wrong once more.
            assert!(matches!(sign(&mut person), DeviceError::RefusedBefore { .. }));
            assert_eq!(card.tries_left(), 2);
            assert!(matches!(sign(&mut person), DeviceError::WrongPin { tries: Tries::Final, .. }));
            let told = |asked: &PinRequest| (asked.secret, asked.tries);
            let told: Vec<_> = person.asked.iter().map(told).collect();
            assert_eq!(told, [3, 3, 3, 2, 2].map(|left| (Secret::TokenPin, tries(left))));
            // From here on nobody is asked, and nothing is sent.
            for _ in 0..2 {
                assert!(matches!(sign(&mut person), DeviceError::FinalTry { .. }));
            }
            assert_eq!((person.asked.len(), card.pins_received().len(), card.tries_left()), (5, 2, 1));
            // Somebody else blocks it.
            card.transmit(&WRONG).unwrap();
            card.clear_log();
            assert!(matches!(sign(&mut person), DeviceError::Locked { .. }));
            assert_eq!((person.asked.len(), card.pins_received(), card.puk_tries_left()), (5, Vec::new(), 3));
            assert_eq!(card.touches().asked, 0);
            rig.remove(reader).unwrap();
        }
    });
}

#[test]
fn a_try_that_another_program_spends_meanwhile_is_not_the_last_one() {
    in_readers("a_try_that_another_program_spends_meanwhile_is_not_the_last_one", |rig| {
        for (firmware, resets) in [(Firmware::V5_7_4, true), (Firmware::V5_7_4, false), (Firmware::V4_4_5, true)] {
            let (card, reader) = plugged(rig, 1, firmware, PinPolicy::Always, TouchPolicy::Never);
            // Two tries are left when the person is asked, and one when they have typed.
            let spend = || _ = card.transmit(&WRONG).unwrap();
            let meddle = || {
                spend();
                if resets {
                    reset(rig, reader);
                }
            };
            let mut mine = key(1);
            spend();
            let mut person = Busy { script: Script::of(&["654321"]), before_pin: meddle, at_touch: || {} };
            let told = mine.sign(MESSAGE, &mut person).unwrap_err();
            assert!(matches!(told, DeviceError::FinalTry { .. }), "{firmware} {resets}: {told}");
            assert!(matches!(person.script.asked[0].tries, Tries::Left { left: 2, .. }), "{:?}", person.script.asked);
            assert_eq!((person.script.asked.len(), card.tries_left()), (1, 1), "{firmware} {resets}");
            rig.remove(reader).unwrap();
        }
        // Where tries are left after that, what was typed before the reset is sent, and nobody is asked again.
        let (card, reader) = plugged(rig, 1, Firmware::V5_7_4, PinPolicy::Always, TouchPolicy::Never);
        let meddle = || {
            card.transmit(&WRONG).unwrap();
            reset(rig, reader);
        };
        let mut person = Busy { script: Script::of(&[PIN]), before_pin: meddle, at_touch: || {} };
        key(1).sign(MESSAGE, &mut person).unwrap();
        assert_eq!((person.script.asked.len(), card.tries_left()), (1, 3));
    });
}

#[test]
fn a_missing_touch_is_told_from_a_wrong_pin() {
    in_readers("a_missing_touch_is_told_from_a_wrong_pin", |rig| {
        for (firmware, pin) in [(Firmware::V4_4_5, PinPolicy::Always), (Firmware::V5_7_4, PinPolicy::Once)] {
            let (card, reader) = plugged(rig, 1, firmware, pin, TouchPolicy::Always);
            card.touch(Touch::Never);
            let (mut key, mut person) = (key(1), Script::of(&[PIN]));
            let missed = key.sign(MESSAGE, &mut person).unwrap_err();
            assert!(matches!(missed, DeviceError::NotTouched { .. }), "{missed:?}");
            card.touch(Touch::After(Duration::ZERO));
            key.sign(MESSAGE, &mut person).unwrap();
            assert_eq!((person.asked.len(), person.acts.len(), card.tries_left()), (1, 2, 3));
            rig.remove(reader).unwrap();
        }
    });
}

#[test]
fn a_pin_never_reaches_another_card() {
    in_readers("a_pin_never_reaches_another_card", |rig| {
        let reader = rig.insert(&card(9, Firmware::V5_7_4)).unwrap();
        let (first, second) = (card(1, Firmware::V5_7_4), card(2, Firmware::V5_7_4));
        let slot = virtual_yubikey::Slot::SIGNATURE;
        for card in [&first, &second] {
            card.generate(slot, Algorithm::EccP256, PinPolicy::Always, TouchPolicy::Always);
        }
        rig.swap(reader, &first).unwrap();
        let mut key = key(1);
        // The cards are swapped while the person types.
        let swap = || rig.swap(reader, &second).unwrap();
        let mut person = Busy { script: Script::of(&[PIN]), before_pin: swap, at_touch: || {} };
        assert!(matches!(key.sign(MESSAGE, &mut person), Err(DeviceError::Gone { .. })));
        // And once more, when the PIN was accepted before.
        rig.swap(reader, &first).unwrap();
        let mut person = Script::of(&[PIN]);
        key.sign(MESSAGE, &mut person).unwrap();
        rig.swap(reader, &second).unwrap();
        let gone = key.sign(MESSAGE, &mut person).unwrap_err();
        assert!(matches!(gone, DeviceError::Gone { .. }), "{gone}");
        let gone = key.sign(MESSAGE, &mut person).unwrap_err();
        let DeviceError::NoCard { device, present } = &gone else { panic!("{gone}") };
        assert_eq!((device.as_str(), present.as_str()), ("the YubiKey 1", "there is 2"));
        assert_eq!((second.pins_received(), second.tries_left()), (Vec::new(), 3));
        // The right one, in another reader, goes on by itself: its serial number is read, and its PIN is known.
        rig.insert(&first).unwrap();
        key.sign(MESSAGE, &mut person).unwrap();
        assert_eq!((person.asked.len(), second.pins_received()), (1, Vec::new()));
    });
}

#[test]
fn what_another_program_takes_away_is_mended_once() {
    in_readers("what_another_program_takes_away_is_mended_once", |rig| {
        let card = card(1, Firmware::V5_7_4);
        for (number, pin) in [(0x9c, PinPolicy::Always), (0x9a, PinPolicy::Once)] {
            let slot = virtual_yubikey::Slot::numbered(number).unwrap();
            card.generate(slot, Algorithm::EccP256, pin, TouchPolicy::Never);
        }
        let reader = rig.insert(&card).unwrap();
        let there = opened(1);
        let (mut once, mut always) = (there.key("9a".parse().unwrap()).unwrap(), there.key(Slot::default()).unwrap());
        let mut person = Script::of(&[PIN]);
        once.sign(MESSAGE, &mut person).unwrap();
        let selects = || assert_eq!(hears(&other_program(rig, reader, pcsc::ShareMode::Shared), &SELECT), [0x90, 0]);
        let resets = || reset(rig, reader);
        selects();
        once.sign(MESSAGE, &mut person).unwrap();
        resets();
        once.sign(MESSAGE, &mut person).unwrap();
        resets();
        always.sign(MESSAGE, &mut person).unwrap();
        assert_eq!((person.asked.len(), card.tries_left(), card.pins_received().len()), (1, 3, 4));

        // A program that resets the card whenever somebody is told to touch it.
        let slot = virtual_yubikey::Slot::numbered(0x9d).unwrap();
        card.generate(slot, Algorithm::EccP256, PinPolicy::Once, TouchPolicy::Always);
        let mut touched = there.key("9d".parse().unwrap()).unwrap();
        let mut times = 0;
        let at_touch = || {
            times += 1;
            resets();
        };
        let mut person = Busy { script: Script::of(&[PIN]), before_pin: || {}, at_touch };
        let told = touched.sign(MESSAGE, &mut person).unwrap_err();
        assert!(matches!(told, DeviceError::Disturbed { .. }), "{told}");
        assert_eq!((times, card.tries_left()), (2, 3));
    });
}

#[test]
fn a_card_is_left_without_a_pin_and_without_a_reset() {
    in_readers("a_card_is_left_without_a_pin_and_without_a_reset", |rig| {
        for (firmware, pin) in [
            (Firmware::V5_7_4, PinPolicy::Once),
            (Firmware::V5_7_4, PinPolicy::Always),
            (Firmware::V4_4_5, PinPolicy::Always),
        ] {
            let (card, reader) = plugged(rig, 1, firmware, pin, TouchPolicy::Never);
            // Its handle is the proof that there was no reset: it would hear nothing else from then on.
            let program = other_program(rig, reader, pcsc::ShareMode::Shared);
            assert_eq!(hears(&program, &SELECT), [0x90, 0]);
            let mut mine = key(1);
            mine.sign(MESSAGE, &mut Script::of(&[PIN])).unwrap();
            drop(mine);
            assert!(!card.is_verified(), "{firmware} {pin:?}");
            assert_eq!(hears(&program, &VERIFIED), [0x63, 0xc3]);
            // A run that finds fault leaves no PIN either.
            let mut mine = key(1);
            mine.sign(MESSAGE, &mut Script::of(&[PIN])).unwrap();
            card.fail(virtual_yubikey::Fault::nth_of(0x87, 1, virtual_yubikey::Failure::Answer(vec![0x90, 0])));
            mine.sign(MESSAGE, &mut Script::silent()).unwrap_err();
            drop(mine);
            assert!(!card.is_verified(), "{firmware} {pin:?}");
            drop(program);
            rig.remove(reader).unwrap();
        }
    });
}

#[test]
fn a_card_that_another_program_keeps_is_named() {
    in_readers("a_card_that_another_program_keeps_is_named", |rig| {
        let (_card, reader) = plugged(rig, 1, Firmware::V5_7_4, PinPolicy::Always, TouchPolicy::Always);
        let program = other_program(rig, reader, pcsc::ShareMode::Exclusive);
        let found = piv::cards().unwrap();
        assert!(found.cards.is_empty());
        assert!(found.problems[0].contains("gpgconf --kill scdaemon"), "{found:?}");
        drop(program);
        // A program that uses the card for a moment is waited for.
        let mut program = other_program(rig, reader, pcsc::ShareMode::Shared);
        let busy = program.transaction().unwrap();
        let (say, said) = mpsc::channel();
        let signer = thread::spawn(move || {
            let mut mine = key(1);
            say.send(()).unwrap();
            mine.sign(MESSAGE, &mut Script::of(&[PIN])).is_ok()
        });
        assert_eq!(said.recv_timeout(Duration::from_millis(100)), Err(RecvTimeoutError::Timeout));
        drop(busy);
        assert!(signer.join().unwrap());
    });
}

#[test]
fn what_is_missing_is_named() {
    in_process("what_is_missing_is_named", |socket| {
        assert_eq!(piv::cards().unwrap_err(), PivError::NoService);
        let empty = Rig::with_readers(2).unwrap();
        show(&empty, socket);
        let found = piv::cards().unwrap();
        assert_eq!((found.cards.len(), found.problems), (0, Vec::new()));
        let (card, reader) = plugged(&empty, 1, Firmware::V5_7_4, PinPolicy::Always, TouchPolicy::Always);
        let (mut key, mut person) = (key(1), Script::of(&[PIN, PIN]));
        key.sign(MESSAGE, &mut person).unwrap();
        empty.remove(reader).unwrap();
        assert!(matches!(key.sign(MESSAGE, &mut person), Err(DeviceError::Gone { .. })));
        let missing = key.sign(MESSAGE, &mut person).unwrap_err().to_string();
        assert_eq!(missing, "the YubiKey 1 is not here; no YubiKey is");
        empty.insert(&card).unwrap();
        key.sign(MESSAGE, &mut person).unwrap();
        // pcscd ends, and another one comes.
        drop(empty);
        let gone = key.sign(MESSAGE, &mut person).unwrap_err();
        assert!(gone.to_string().contains("pcscd"), "{gone}");
        let gone = key.sign(MESSAGE, &mut person).unwrap_err();
        assert!(gone.to_string().contains("pcscd"), "{gone}");
        let rig = Rig::start().unwrap();
        show(&rig, socket);
        rig.insert(&card).unwrap();
        key.sign(MESSAGE, &mut person).unwrap();
        assert_eq!(person.asked.len(), 1);
    });
}
