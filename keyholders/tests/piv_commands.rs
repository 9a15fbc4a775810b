//! What is said to a YubiKey, command by command: no more than its policies for PIN and touch make necessary.
#![cfg(feature = "yubikey")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
#[path = "common/readers.rs"]
mod readers;

use common::Script;
use keyholders::piv::{self, Template};
use keyholders::{Device as _, Name, Slot};
use readers::{MESSAGE, PIN, card, in_readers, instructions, key, opened, plugged};
use virtual_yubikey::{Firmware, PinPolicy, TouchPolicy};

const VERIFY: u8 = 0x20;
const GENERATE: u8 = 0x47;
const AUTHENTICATE: u8 = 0x87;
const SELECT: u8 = 0xa4;
const GET_RESPONSE: u8 = 0xc0;
const GET_DATA: u8 = 0xcb;
const METADATA: u8 = 0xf7;
const SERIAL: u8 = 0xf8;
const ATTEST: u8 = 0xf9;
const VERSION: u8 = 0xfd;
/// The application that tells the serial number before firmware 5, asked for it.
const OTP_SERIAL: u8 = 0x01;

/// To open a YubiKey 5, and a YubiKey 4.
const OPEN: &[u8] = &[SELECT, VERSION, SERIAL];
const OPEN_4: &[u8] = &[SELECT, VERSION, SELECT, OTP_SERIAL, SELECT];
/// To take a verified PIN away.
const LEAVE: &[u8] = &[SELECT, VERIFY];

#[test]
fn a_session_is_as_short_as_the_policies_allow() {
    in_readers("a_session_is_as_short_as_the_policies_allow", |rig| {
        let sign: &[u8] = &[AUTHENTICATE];
        let with_pin: &[u8] = &[VERIFY, AUTHENTICATE];
        // The key, the tries that are left before the PIN is asked for and before it is sent, and then the signatures.
        for (firmware, pin, touch, first, next, leave) in [
            (Firmware::V5_7_4, PinPolicy::Always, TouchPolicy::Always, with_pin, with_pin, LEAVE),
            (Firmware::V5_4_3, PinPolicy::Always, TouchPolicy::Cached, with_pin, with_pin, LEAVE),
            (Firmware::V5_7_4, PinPolicy::Once, TouchPolicy::Always, with_pin, sign, LEAVE),
            (Firmware::V5_7_4, PinPolicy::Once, TouchPolicy::Never, with_pin, sign, LEAVE),
            (Firmware::V5_7_4, PinPolicy::Never, TouchPolicy::Always, sign, sign, &[]),
        ] {
            let (card, reader) = plugged(rig, 1, firmware, pin, touch);
            let (mut person, mut mine) = (Script::of(&[PIN]), key(1));
            assert_eq!(instructions(&card), [OPEN, &[METADATA]].concat());
            card.clear_log();
            mine.sign(MESSAGE, &mut person).unwrap();
            let tries: &[u8] = if pin == PinPolicy::Never { &[] } else { &[METADATA, METADATA] };
            assert_eq!(instructions(&card), [tries, first].concat(), "{firmware} {pin:?}");
            for _ in 0..3 {
                card.clear_log();
                mine.sign(MESSAGE, &mut person).unwrap();
                assert_eq!(instructions(&card), next, "{firmware} {pin:?}");
            }
            card.clear_log();
            drop(mine);
            assert_eq!(instructions(&card), leave, "{firmware} {pin:?}");
            assert_eq!(person.asked.len(), usize::from(pin != PinPolicy::Never));
            let touches = match touch {
                TouchPolicy::Always => 4,
                TouchPolicy::Cached => 1,
                TouchPolicy::Never => 0,
            };
            assert_eq!((card.touches().asked, card.touches().given), (touches, touches), "{firmware} {touch:?}");
            rig.remove(reader).unwrap();
        }
    });
}

#[test]
fn firmware_that_tells_nothing_is_asked_for_more() {
    in_readers("firmware_that_tells_nothing_is_asked_for_more", |rig| {
        let (card, _) = plugged(rig, 1, Firmware::V4_4_5, PinPolicy::Once, TouchPolicy::Always);
        let there = opened(1);
        assert_eq!(instructions(&card), OPEN_4);
        card.clear_log();
        // What is in the slot comes out of an attestation, in pieces of 256 bytes.
        let mut mine = there.key(Slot::default()).unwrap();
        let attest = instructions(&card);
        assert_eq!((attest[0], attest.len() <= 4), (ATTEST, true));
        assert!(attest[1..].iter().all(|more| *more == GET_RESPONSE), "{attest:?}");
        // A key on record costs nothing.
        card.clear_log();
        let known = there.known_key(Slot::default(), mine.public_key()).unwrap();
        assert!(instructions(&card).is_empty());
        drop(known);
        // The tries that are left are told by an application that is selected anew.
        let mut person = Script::of(&[PIN]);
        mine.sign(MESSAGE, &mut person).unwrap();
        assert_eq!(instructions(&card), [SELECT, VERIFY, SELECT, VERIFY, VERIFY, AUTHENTICATE]);
        card.clear_log();
        // Nobody knows the policies of the key: it is taken to want all of it.
        mine.sign(MESSAGE, &mut person).unwrap();
        assert_eq!(instructions(&card), [VERIFY, AUTHENTICATE]);
        card.clear_log();
        drop((there, mine));
        assert_eq!(instructions(&card), LEAVE);
    });
}

#[test]
fn two_keys_of_one_card_share_its_pin() {
    in_readers("two_keys_of_one_card_share_its_pin", |rig| {
        let (card, _) = plugged(rig, 1, Firmware::V5_7_4, PinPolicy::Always, TouchPolicy::Never);
        let slot = virtual_yubikey::Slot::AUTHENTICATION;
        card.generate(slot, virtual_yubikey::Algorithm::EccP384, PinPolicy::Once, TouchPolicy::Never);
        let there = opened(1);
        let (mut once, mut always) = (there.key("9a".parse().unwrap()).unwrap(), there.key(Slot::default()).unwrap());
        card.clear_log();
        let mut person = Script::of(&[PIN]);
        once.sign(MESSAGE, &mut person).unwrap();
        once.sign(MESSAGE, &mut person).unwrap();
        always.sign(MESSAGE, &mut person).unwrap();
        once.sign(MESSAGE, &mut person).unwrap();
        let first = [METADATA, METADATA, VERIFY, AUTHENTICATE, AUTHENTICATE];
        assert_eq!(instructions(&card), [&first[..], &[VERIFY, AUTHENTICATE, VERIFY, AUTHENTICATE]].concat());
        assert_eq!(person.asked.len(), 1);
    });
}

#[test]
fn to_look_at_a_card_takes_one_command_for_each_slot() {
    in_readers("to_look_at_a_card_takes_one_command_for_each_slot", |rig| {
        let (card, _) = plugged(rig, 1, Firmware::V5_7_4, PinPolicy::Always, TouchPolicy::Always);
        assert_eq!(opened(1).slots().unwrap().len(), 1);
        assert_eq!(instructions(&card), [OPEN, &[METADATA; 24]].concat());
    });
}

#[test]
fn a_key_is_made_and_attested_in_one_go() {
    in_readers("a_key_is_made_and_attested_in_one_go", |rig| {
        let card = card(1, Firmware::V5_7_4);
        rig.insert(&card).unwrap();
        let there = opened(1);
        card.clear_log();
        let template = Template {
            slot: Slot::default(),
            algorithm: ceremony::Algorithm::EcdsaP256,
            pin_policy: ceremony::PinPolicy::Always,
            touch_policy: ceremony::TouchPolicy::Always,
            known_empty: false,
        };
        let alice = Name::new("alice").unwrap();
        let key = there.generate(&template, Some(&alice), &mut Script::silent()).unwrap();
        // Whether the slot is empty, of a key and of a certificate; whether the management key is the first; then challenge and answer.
        let before = [METADATA, GET_DATA, METADATA];
        assert_eq!(instructions(&card), [&before[..], &[AUTHENTICATE, AUTHENTICATE, GENERATE]].concat());
        card.clear_log();
        there.attestation(Slot::default()).unwrap().unwrap();
        let pieces: Vec<_> = instructions(&card).into_iter().filter(|one| *one != GET_RESPONSE).collect();
        assert_eq!(pieces, [ATTEST, GET_DATA]);
        drop((key, there));
        assert_eq!(piv::cards().unwrap().cards.len(), 1);
    });
}
