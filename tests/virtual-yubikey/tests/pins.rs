//! Who may do what: PIN, PUK, management key.
#![allow(clippy::unwrap_used)]

mod host;

use std::time::Duration;

use host::Host;
use virtual_yubikey::{
    Algorithm, Authority, Card, Firmware, PinPolicy, Profile, Slot, StatusWord, Touch, TouchPolicy, Touches,
};

const FIRMWARES: [Firmware; 3] = [Firmware::V4_4_5, Firmware::V5_4_3, Firmware::V5_7_4];
const DIGEST: [u8; 32] = [7; 32];

fn card(firmware: Firmware) -> Card {
    let profile = Profile::new(firmware).touch_timeout(Duration::from_millis(200));
    Card::new(profile, &Authority::test())
}

#[test]
fn a_pin_has_three_tries_and_the_puk_gives_them_back() {
    for firmware in FIRMWARES {
        let card = card(firmware);
        let host = Host::new(&card);
        assert_eq!(host.status(0x20, 0, 0x80, &[]), StatusWord(0x63c3));
        assert_eq!(host.verify("000000"), StatusWord(0x63c2));
        assert_eq!(host.verify("123456"), StatusWord::OK);
        assert_eq!(host.status(0x20, 0, 0x80, &[]), StatusWord::OK);
        assert_eq!(host.status(0x20, 0xff, 0x80, &[]), StatusWord::OK);
        assert_eq!(host.status(0x20, 0, 0x80, &[]), StatusWord(0x63c3));
        for left in [2, 1, 0] {
            assert_eq!(host.verify("000000"), StatusWord::tries(left));
            assert_eq!(card.tries_left(), left);
        }
        assert_eq!(host.verify("123456"), StatusWord::BLOCKED);
        assert_eq!(host.status(0x20, 0, 0x80, &[]), StatusWord::BLOCKED);
        assert_eq!(host.pair(0x2c, 0x80, "00000000", "654321"), StatusWord(0x63c2));
        assert_eq!(host.pair(0x2c, 0x80, "12345678", "654321"), StatusWord::OK);
        assert_eq!((card.tries_left(), card.puk_tries_left()), (3, 3));
        assert_eq!(host.verify("654321"), StatusWord::OK);
    }
}

#[test]
fn a_wrong_pin_takes_the_verification_away() {
    let card = card(Firmware::V5_7_4);
    let host = Host::new(&card);
    assert_eq!(host.verify("123456"), StatusWord::OK);
    assert_eq!(host.verify("000000"), StatusWord(0x63c2));
    assert_eq!(host.status(0x20, 0, 0x80, &[]), StatusWord(0x63c2));
    assert_eq!(host.verify("123456"), StatusWord::OK);
    assert_eq!(host.pair(0x24, 0x80, "000000", "654321"), StatusWord(0x63c2));
    assert_eq!(host.status(0x20, 0, 0x80, &[]), StatusWord(0x63c2));
}

#[test]
fn pins_are_changed_within_their_limits() {
    for firmware in FIRMWARES {
        let card = card(firmware);
        let host = Host::new(&card);
        assert_eq!(host.pair(0x24, 0x80, "123456", "12345"), StatusWord::CONDITIONS);
        assert_eq!(host.pair(0x24, 0x80, "123456", "7654321"), StatusWord::OK);
        assert_eq!(host.verify("7654321"), StatusWord::OK);
        assert_eq!(host.pair(0x24, 0x81, "12345678", "87654321"), StatusWord::OK);
        assert_eq!(host.pair(0x24, 0x81, "12345678", "87654321"), StatusWord(0x63c2));
        assert_eq!(host.status(0x24, 0, 0x80, b"too short"), StatusWord::DATA);
        assert_eq!(host.status(0x24, 0, 0x82, &[0; 16]), StatusWord::NO_REFERENCE);
        assert_eq!(host.status(0x20, 0, 0x81, b"12345678"), StatusWord::NO_REFERENCE);
        assert_eq!(host.status(0x20, 0, 0x80, b"123456"), StatusWord::DATA);
        assert_eq!(card.tries_left(), 3, "what is no PIN at all costs no try");
    }
}

#[test]
fn retries_are_set_by_whom_has_both_pin_and_management_key() {
    let card = card(Firmware::V5_4_3);
    let host = Host::new(&card);
    assert_eq!(host.status(0xfa, 5, 9, &[]), StatusWord::SECURITY_STATUS);
    host.manage();
    assert_eq!(host.status(0xfa, 5, 9, &[]), StatusWord::SECURITY_STATUS);
    assert_eq!(host.pair(0x24, 0x80, "123456", "654321"), StatusWord::OK);
    assert_eq!(host.verify("654321"), StatusWord::OK);
    assert_eq!(host.status(0xfa, 0, 9, &[]), StatusWord::PARAMETERS);
    assert_eq!(host.status(0xfa, 5, 9, &[]), StatusWord::OK);
    assert_eq!((card.tries_left(), card.puk_tries_left()), (5, 9));
    assert_eq!(host.verify("123456"), StatusWord::OK, "the PIN of the factory is back");
}

#[test]
fn the_management_key_is_proven_in_either_way_and_changed() {
    for (firmware, old, others) in [
        (Firmware::V4_4_5, 0x03, &[0x03][..]),
        (Firmware::V5_4_3, 0x03, &[0x03, 0x08, 0x0a, 0x0c]),
        (Firmware::V5_7_4, 0x0a, &[0x03, 0x08, 0x0a, 0x0c]),
    ] {
        let card = card(firmware);
        let host = Host::new(&card);
        let mut cipher = old;
        let mut key = host::FACTORY_KEY.to_vec();
        for new in others {
            assert_eq!(host.status(0xff, 0xff, 0xff, &[]), StatusWord::SECURITY_STATUS);
            assert_eq!(host.prove_singly(cipher, &vec![9; key.len()]), StatusWord::SECURITY_STATUS);
            assert_eq!(host.prove_mutually(cipher, &vec![9; key.len()]), None);
            assert_eq!(host.prove_singly(cipher, &key), StatusWord::OK);
            host.select();
            assert_eq!(host.prove_mutually(cipher, &key), Some(true), "the card proves itself");
            cipher = *new;
            key = vec![0x42; host::key_length(cipher)];
            let data = [&[cipher, 0x9b, key.len() as u8][..], &key].concat();
            assert_eq!(host.status(0xff, 0xff, 0xff, &data), StatusWord::OK);
            host.select();
        }
        let last = [&[0x03, 0x9b, 23][..], &[1; 23]].concat();
        assert_eq!(host.prove_singly(cipher, &key), StatusWord::OK);
        assert_eq!(host.status(0xff, 0xff, 0xff, &last), StatusWord::DATA, "a key has the length of its cipher");
    }
}

#[test]
fn the_management_key_may_want_a_touch() {
    let card = card(Firmware::V5_4_3);
    let host = Host::new(&card);
    host.manage();
    let data = [&[0x03, 0x9b, 24][..], &host::FACTORY_KEY].concat();
    assert_eq!(host.status(0xff, 0xff, 0xfe, &data), StatusWord::OK);
    host.select();
    card.touch(Touch::Never);
    assert_eq!(host.prove_singly(0x03, &host::FACTORY_KEY), StatusWord::SECURITY_STATUS);
    card.touch(Touch::After(Duration::ZERO));
    assert_eq!(host.prove_singly(0x03, &host::FACTORY_KEY), StatusWord::OK);
    assert_eq!(card.touches(), Touches { asked: 2, given: 1 });
}

#[test]
fn a_reset_needs_both_blocked_and_spares_the_attestation_key() {
    let card = card(Firmware::V5_7_4);
    card.generate(Slot::SIGNATURE, Algorithm::EccP256, PinPolicy::Never, TouchPolicy::Never);
    let host = Host::new(&card);
    assert_eq!(host.status(0xfb, 0, 0, &[]), StatusWord::CONDITIONS);
    for _ in 0..3 {
        host.verify("000000");
    }
    assert_eq!(host.status(0xfb, 0, 0, &[]), StatusWord::CONDITIONS);
    for _ in 0..3 {
        host.pair(0x2c, 0x80, "00000000", "123456");
    }
    assert_eq!(host.status(0xfb, 0, 0, &[]), StatusWord::OK);
    assert_eq!(host.verify("123456"), StatusWord::OK);
    assert_eq!(host.sign(0x9c, 0x11, &DIGEST).1, StatusWord::DATA);
    card.generate(Slot::SIGNATURE, Algorithm::EccP256, PinPolicy::Never, TouchPolicy::Never);
    assert_eq!(host.status(0xf9, 0x9c, 0, &[]), StatusWord::OK);
}
