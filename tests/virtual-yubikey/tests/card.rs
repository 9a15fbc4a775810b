//! The card by itself: commands in, answers out, no reader between.
#![allow(clippy::unwrap_used)]

mod host;

use std::time::{Duration, Instant};

use host::Host;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::pkcs8::DecodePublicKey as _;
use sha2::{Digest as _, Sha256};
use virtual_yubikey::{
    Algorithm, Authority, Card, Failure, Fault, Firmware, PinPolicy, Profile, Slot, StatusWord, Touch, TouchPolicy,
    Touches,
};

const DIGEST: [u8; 32] = [7; 32];

fn card(firmware: Firmware) -> Card {
    let profile = Profile::new(firmware).touch_timeout(Duration::from_millis(200));
    Card::new(profile, &Authority::test())
}

#[test]
fn yubikey_4_knows_no_aes_no_metadata_no_ed25519_and_no_moving() {
    let card = card(Firmware::V4_4_5);
    let host = Host::new(&card);
    host.manage();
    let aes = [&[0x0c, 0x9b, 32][..], &[1; 32]].concat();
    assert_eq!(host.status(0xff, 0xff, 0xff, &aes), StatusWord::DATA);
    assert_eq!(host.generate(0x9c, 0xe0, &[]).1, StatusWord::DATA);
    for instruction in [0xf6, 0xf7, 0xf8] {
        assert_eq!(host.status(instruction, 0x9c, 0x9a, &[]), StatusWord::INSTRUCTION);
    }
    // Its serial number comes from another application.
    assert_eq!(host.status(0xa4, 4, 0, &[0xa0, 0, 0, 5, 0x27, 0x20, 1]), StatusWord::OK);
    assert_eq!(host.send(0x01, 0x10, 0, &[]).0, 12_345_678_u32.to_be_bytes());
}

#[test]
fn a_generated_key_signs_and_is_described() {
    for (firmware, number, bytes) in
        [(Firmware::V5_4_3, 0x11, 65), (Firmware::V5_7_4, 0x14, 97), (Firmware::V5_7_4, 0xe0, 32)]
    {
        let card = card(firmware);
        let host = Host::new(&card);
        assert_eq!(host.generate(0x9c, number, &[]).1, StatusWord::SECURITY_STATUS);
        host.manage();
        let (public, status) = host.generate(0x9c, number, &[0xaa, 1, 3, 0xab, 1, 2]);
        assert_eq!(status, StatusWord::OK);
        assert_eq!(public.len(), bytes + 5);
        let point = &public[5..];
        let (metadata, _) = host.send(0xf7, 0, 0x9c, &[]);
        assert_eq!(metadata[..10], [1, 1, number, 2, 2, 3, 2, 3, 1, 1]);
        assert!(metadata.ends_with(point));

        assert_eq!(host.verify("123456"), StatusWord::OK);
        let (signature, status) = host.sign(0x9c, number, &DIGEST);
        assert_eq!(status, StatusWord::OK);
        match number {
            0x11 => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point).unwrap();
                key.verify_prehash(&DIGEST, &p256::ecdsa::Signature::from_der(&signature).unwrap()).unwrap();
            }
            0x14 => {
                let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(point).unwrap();
                let padded = [&[0; 16][..], &DIGEST].concat();
                key.verify_prehash(&padded, &p384::ecdsa::Signature::from_der(&signature).unwrap()).unwrap();
            }
            _ => {
                let key = ed25519_dalek::VerifyingKey::from_bytes(point.try_into().unwrap()).unwrap();
                key.verify(&DIGEST, &signature.as_slice().try_into().unwrap()).unwrap();
            }
        }
    }
}

#[test]
fn rsa_signs_padded_blocks_that_come_in_a_chain() {
    let card = card(Firmware::V5_4_3);
    let public = card.generate(Slot::AUTHENTICATION, Algorithm::Rsa2048, PinPolicy::Never, TouchPolicy::Never);
    let host = Host::new(&card);
    // RFC 8017, section 9.2.
    let digest_info = [&host::SHA256_DIGEST_INFO[..], &Sha256::digest(b"message")].concat();
    let padding = vec![0xff; 256 - 3 - digest_info.len()];
    let block = [&[0, 1][..], &padding, &[0], &digest_info].concat();
    let (signature, status) = host.sign(0x9a, 0x07, &block);
    assert_eq!(status, StatusWord::OK);
    let key = rsa::RsaPublicKey::from_public_key_der(&public).unwrap();
    let key = rsa::pkcs1v15::VerifyingKey::<Sha256>::new(key);
    key.verify(b"message", &signature.as_slice().try_into().unwrap()).unwrap();
    assert_eq!(host.sign(0x9a, 0x07, &block[1..]).1, StatusWord::DATA);
}

#[test]
fn a_pin_that_is_always_wanted_is_wanted_right_before() {
    let card = card(Firmware::V5_7_4);
    card.generate(Slot::SIGNATURE, Algorithm::EccP256, PinPolicy::Always, TouchPolicy::Never);
    card.generate(Slot::AUTHENTICATION, Algorithm::EccP256, PinPolicy::Once, TouchPolicy::Never);
    let host = Host::new(&card);
    assert_eq!(host.sign(0x9c, 0x11, &DIGEST).1, StatusWord::SECURITY_STATUS);
    assert_eq!(host.verify("123456"), StatusWord::OK);
    assert_eq!(host.sign(0x9c, 0x11, &DIGEST).1, StatusWord::OK);
    assert_eq!(host.sign(0x9c, 0x11, &DIGEST).1, StatusWord::SECURITY_STATUS);
    // What is wanted once stays.
    assert_eq!(host.sign(0x9a, 0x11, &DIGEST).1, StatusWord::OK);
    for between in [0xf7, 0xfd, 0xcb, 0x20] {
        assert_eq!(host.verify("123456"), StatusWord::OK);
        host.send(between, 0, 0x80, &[]);
        assert_eq!(host.sign(0x9c, 0x11, &DIGEST).1, StatusWord::SECURITY_STATUS, "{between:x}");
    }
    assert_eq!(host.verify("123456"), StatusWord::OK);
    assert_eq!(host.sign(0x9a, 0x11, &DIGEST).1, StatusWord::OK);
    assert_eq!(host.sign(0x9c, 0x11, &DIGEST).1, StatusWord::SECURITY_STATUS);
    assert_eq!(host.verify("123456"), StatusWord::OK);
    host.select();
    assert_eq!(host.sign(0x9a, 0x11, &DIGEST).1, StatusWord::SECURITY_STATUS, "selecting again forgets");
    assert_eq!(host.verify("123456"), StatusWord::OK);
    card.reset();
    host.select();
    assert_eq!(host.sign(0x9a, 0x11, &DIGEST).1, StatusWord::SECURITY_STATUS, "a reset forgets");
}

#[test]
fn touches_are_waited_for_and_counted() {
    let card = card(Firmware::V5_7_4);
    card.generate(Slot::SIGNATURE, Algorithm::EccP256, PinPolicy::Never, TouchPolicy::Always);
    card.generate(Slot::AUTHENTICATION, Algorithm::EccP256, PinPolicy::Never, TouchPolicy::Cached);
    let host = Host::new(&card);
    card.touch(Touch::After(Duration::from_millis(50)));
    let begun = Instant::now();
    assert_eq!(host.sign(0x9c, 0x11, &DIGEST).1, StatusWord::OK);
    assert!(begun.elapsed() >= Duration::from_millis(50));
    assert_eq!(card.touches(), Touches { asked: 1, given: 1 });
    // The last touch is recent.
    assert_eq!(host.sign(0x9a, 0x11, &DIGEST).1, StatusWord::OK);
    assert_eq!(card.touches(), Touches { asked: 1, given: 1 });

    card.touch(Touch::Never);
    let begun = Instant::now();
    assert_eq!(host.sign(0x9c, 0x11, &DIGEST).1, StatusWord::SECURITY_STATUS);
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert_eq!(card.touches(), Touches { asked: 2, given: 1 });
    card.touch(Touch::After(Duration::MAX));
    assert_eq!(host.sign(0x9c, 0x11, &DIGEST).1, StatusWord::SECURITY_STATUS);
}

#[test]
fn a_missed_touch_costs_the_pin_and_a_missing_pin_costs_no_touch() {
    let card = card(Firmware::V5_7_4);
    card.generate(Slot::SIGNATURE, Algorithm::EccP256, PinPolicy::Always, TouchPolicy::Always);
    let host = Host::new(&card);
    assert_eq!(host.sign(0x9c, 0x11, &DIGEST).1, StatusWord::SECURITY_STATUS);
    assert_eq!(card.touches(), Touches { asked: 0, given: 0 });
    card.touch(Touch::Never);
    assert_eq!(host.verify("123456"), StatusWord::OK);
    assert_eq!(host.sign(0x9c, 0x11, &DIGEST).1, StatusWord::SECURITY_STATUS);
    card.touch(Touch::After(Duration::ZERO));
    assert_eq!(host.sign(0x9c, 0x11, &DIGEST).1, StatusWord::SECURITY_STATUS);
    assert_eq!(host.verify("123456"), StatusWord::OK);
    assert_eq!(host.sign(0x9c, 0x11, &DIGEST).1, StatusWord::OK);
}

#[test]
fn somebody_presses_the_card_or_pulls_it_while_it_waits() {
    let card = Card::new(Profile::new(Firmware::V5_7_4), &Authority::test());
    card.generate(Slot::SIGNATURE, Algorithm::EccP256, PinPolicy::Never, TouchPolicy::Always);
    card.touch(Touch::WhenPressed);
    let asked = |times| {
        while card.touches().asked < times {
            std::thread::yield_now();
        }
    };
    let host = Host::new(&card);
    std::thread::scope(|scope| {
        let signing = scope.spawn(|| host.sign(0x9c, 0x11, &DIGEST).1);
        asked(1);
        card.press();
        assert_eq!(signing.join().unwrap(), StatusWord::OK);
        let signing = scope.spawn(|| card.transmit(&[0, 0x87, 0x11, 0x9c, 6, 0x7c, 4, 0x82, 0, 0x81, 0]));
        asked(2);
        card.pull();
        assert_eq!(signing.join().unwrap(), None);
    });
    assert_eq!(card.touches(), Touches { asked: 2, given: 1 });
}

#[test]
fn objects_are_kept_and_some_are_behind_the_pin() {
    let card = card(Firmware::V5_7_4);
    let host = Host::new(&card);
    let printed = [0x5f, 0xc1, 0x09];
    let long = vec![0x55; 2000];
    assert_eq!(host.put(&printed, &long), StatusWord::SECURITY_STATUS);
    host.manage();
    assert_eq!(host.put(&printed, &long), StatusWord::OK);
    assert_eq!(host.put(&[0x5f, 0xc1, 0x05], b"short"), StatusWord::OK);
    assert_eq!(host.put(&[0x5f, 0xc1, 0x05], &[0; 3060]), StatusWord::NO_SPACE);
    assert_eq!(host.get(&[0x5f, 0xc1, 0x05]), (b"short".to_vec(), StatusWord::OK));
    assert_eq!(host.get(&printed).1, StatusWord::SECURITY_STATUS);
    assert_eq!(host.verify("123456"), StatusWord::OK);
    assert_eq!(host.get(&printed), (long, StatusWord::OK));
    assert_eq!(host.put(&[0x5f, 0xc1, 0x05], b""), StatusWord::OK);
    assert_eq!(host.get(&[0x5f, 0xc1, 0x05]).1, StatusWord::NOT_FOUND);
    let (discovery, _) = host.send(0xcb, 0x3f, 0xff, &[0x5c, 1, 0x7e]);
    assert_eq!(discovery[..2], [0x7e, 0x12]);
}

#[test]
fn keys_move_where_nothing_is_and_are_deleted() {
    let card = card(Firmware::V5_7_4);
    card.generate(Slot::SIGNATURE, Algorithm::EccP256, PinPolicy::Never, TouchPolicy::Never);
    card.generate(Slot::AUTHENTICATION, Algorithm::EccP256, PinPolicy::Never, TouchPolicy::Never);
    let host = Host::new(&card);
    assert_eq!(host.status(0xf6, 0x82, 0x9c, &[]), StatusWord::SECURITY_STATUS);
    host.manage();
    assert_eq!(host.status(0xf6, 0x9a, 0x9c, &[]), StatusWord::DATA);
    assert_eq!(host.status(0xf6, 0x82, 0x9c, &[]), StatusWord::OK);
    assert_eq!(host.status(0xf6, 0x83, 0x9c, &[]), StatusWord::NO_REFERENCE);
    assert_eq!(host.status(0xf6, 0x83, 0xf9, &[]), StatusWord::PARAMETERS);
    assert_eq!(host.sign(0x82, 0x11, &DIGEST).1, StatusWord::OK);
    assert_eq!(host.sign(0x9c, 0x11, &DIGEST).1, StatusWord::DATA);
    assert_eq!(host.status(0xf6, 0xff, 0x82, &[]), StatusWord::OK);
    assert_eq!(host.status(0xf7, 0, 0x82, &[]), StatusWord::NO_REFERENCE);
}

#[test]
fn imported_keys_sign_and_are_not_attested() {
    let card = card(Firmware::V5_7_4);
    let host = Host::new(&card);
    host.manage();
    let import = [&[0x06, 32][..], &[3; 32], &[0xaa, 1, 1]].concat();
    assert_eq!(host.status(0xfe, 0x11, 0x9a, &import), StatusWord::OK);
    assert_eq!(host.sign(0x9a, 0x11, &DIGEST).1, StatusWord::OK);
    assert_eq!(host.send(0xf7, 0, 0x9a, &[]).0[..10], [1, 1, 0x11, 2, 2, 1, 1, 3, 1, 2]);
    assert_eq!(host.status(0xf9, 0x9a, 0, &[]), StatusWord::DATA);
    assert_eq!(host.status(0xf9, 0x9c, 0, &[]), StatusWord::DATA);
    assert_eq!(host.status(0xfe, 0x11, 0x9a, &[0x06, 2, 0, 0]), StatusWord::DATA);
}

#[test]
fn faults_happen_when_they_are_told_to() {
    let card = card(Firmware::V5_7_4);
    let host = Host::new(&card);
    let version = || card.transmit(&[0, 0xfd, 0, 0]);
    card.fail(Fault::nth(2, Failure::Status(StatusWord(0x6f00))));
    card.fail(Fault::nth_of(0xfd, 3, Failure::Answer(vec![1, 2])));
    card.fail(Fault::nth_of(0xfd, 4, Failure::Shorten(1)));
    card.fail(Fault::nth_of(0xfd, 5, Failure::Lengthen(2)));
    card.fail(Fault::nth_of(0xf8, 1, Failure::Answer(vec![0; 70_000])));
    let answers: Vec<_> = (0..6).map(|_| version().unwrap()).collect();
    let right = vec![5, 7, 4, 0x90, 0];
    let expected =
        [right.clone(), vec![0x6f, 0], vec![1, 2], vec![5, 0x90, 0], vec![5, 7, 4, 0, 0, 0x90, 0], right.clone()];
    assert_eq!(answers, expected);
    assert_eq!(card.transmit(&[0, 0xf8, 0, 0]).unwrap().len(), 70_000);

    card.fail(Fault::nth(1, Failure::Delay(Duration::from_millis(30))));
    let begun = Instant::now();
    assert_eq!(version(), Some(right));
    assert!(begun.elapsed() >= Duration::from_millis(30));

    // Whether a try is spent depends on when the card is pulled.
    for (failure, left) in [(Failure::Remove, 3), (Failure::RemoveAfter, 2)] {
        host.select();
        card.fail(Fault::nth_of(0x20, 1, failure));
        assert_eq!(card.transmit(b"\x00\x20\x00\x80\x08000000\xff\xff"), None);
        assert_eq!(card.tries_left(), left);
        assert_eq!(version(), Some(vec![0x6d, 0]), "without power nothing is selected");
    }
}

#[test]
fn what_was_said_is_remembered() {
    let card = card(Firmware::V5_7_4);
    let host = Host::new(&card);
    host.verify("000000");
    card.fail(Fault::nth(1, Failure::Status(StatusWord(0x6f00))));
    host.verify("111111");
    host.pair(0x24, 0x80, "123456", "7654321");
    let received: Vec<_> = ["000000", "111111", "123456", "7654321"].map(|pin| pin.as_bytes().to_vec()).into();
    assert_eq!(card.pins_received(), received);
    assert!(card.heard(b"111111") && !card.heard(b"222222"));
    let log: Vec<String> = card.log().iter().map(ToString::to_string).collect();
    let expected = [
        "a4 04 00 (5 bytes): 9000 (19 bytes)",
        "20 00 80 (8 bytes): 63c2 (0 bytes)",
        "20 00 80 (8 bytes): 6f00 (0 bytes)",
        "24 00 80 (16 bytes): 9000 (0 bytes)",
    ];
    assert_eq!(log, expected);
    card.clear_log();
    assert!(card.log().is_empty() && card.pins_received().is_empty() && !card.heard(b"000000"));
}

#[test]
fn the_device_describes_itself() {
    let profile = Profile::new(Firmware::V5_4_3).serial(0x0102_0304).form_factor(3).fips();
    let card = Card::new(profile, &Authority::test());
    let host = Host::new(&card);
    assert_eq!(host.send(0xf8, 0, 0, &[]).0, [1, 2, 3, 4]);
    let (name, _) = host.send(0xa4, 4, 0, &[0xa0, 0, 0, 5, 0x27, 0x47, 0x11, 0x17]);
    assert_eq!(name, b"Virtual mgr - FW version 5.4.3");
    let (config, _) = host.send(0x1d, 0, 0, &[]);
    assert_eq!(usize::from(config[0]), config.len() - 1);
    assert!(config.windows(6).any(|tlv| tlv == [2, 4, 1, 2, 3, 4]));
    assert!(config.windows(3).any(|tlv| tlv == [4, 1, 0x83]));
    assert_eq!(host.status(0xfd, 0, 0, &[]), StatusWord::INSTRUCTION, "another application is selected");
    assert_eq!(host.status(0xa4, 4, 0, &[0xa0, 0, 0, 6, 0x47, 0x2f]), StatusWord::NOT_FOUND);
}
