//! Hostile hosts: the card answers everything and falls over nothing.
#![allow(clippy::unwrap_used)]

mod host;

use std::time::Duration;

use host::{Host, tlv};
use virtual_yubikey::{Algorithm, Authority, Card, Firmware, PinPolicy, Profile, Slot, StatusWord, Touch, TouchPolicy};

/// A generator of numbers that are the same in every run (xorshift, 64 bits).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most + 1);
        (0..length).map(|_| self.next() as u8).collect()
    }
}

const INSTRUCTIONS: [u8; 19] =
    [0x20, 0x24, 0x2c, 0x87, 0xa4, 0xc0, 0xcb, 0xdb, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfd, 0xfe, 0xff, 0x1d, 0x01];
const REFERENCES: [u8; 10] = [0x80, 0x81, 0x82, 0x9a, 0x9b, 0x9c, 0x9e, 0xf9, 0xff, 0x00];

fn card(firmware: Firmware) -> Card {
    let card = Card::new(Profile::new(firmware).touch_timeout(Duration::from_millis(1)), &Authority::test());
    card.touch(Touch::Never);
    card.generate(Slot::SIGNATURE, Algorithm::EccP256, PinPolicy::Always, TouchPolicy::Always);
    card.generate(Slot::AUTHENTICATION, Algorithm::EccP384, PinPolicy::Never, TouchPolicy::Never);
    card
}

#[test]
fn any_bytes_are_answered() {
    for firmware in [Firmware::V4_4_5, Firmware::V5_4_3, Firmware::V5_7_4] {
        let card = card(firmware);
        let mut numbers = Numbers(0x5eed + u64::from(firmware.1));
        for _ in 0..20_000 {
            let bytes = numbers.bytes(40);
            assert!(card.transmit(&bytes).unwrap().len() >= 2, "{bytes:x?}");
        }
        // No guess among these was the PIN's.
        Host::new(&card);
    }
}

#[test]
fn commands_with_any_data_are_answered() {
    for firmware in [Firmware::V5_4_3, Firmware::V5_7_4] {
        let card = card(firmware);
        let mut numbers = Numbers(0xface);
        for round in 0..20_000 {
            if round % 50 == 0 {
                let host = Host::new(&card);
                if round % 100 == 0 && card.tries_left() > 0 {
                    host.verify("123456");
                }
            }
            let mut data = numbers.bytes(200);
            // Half of them look like what the card expects.
            if round % 2 == 0 {
                let tags = [0x7c, 0xac, 0x5c, 0x53, 0x80, 0x81, 0x82, 0x06, 0x01];
                let inner = tlv(tags[numbers.below(tags.len())], &numbers.bytes(60));
                data = tlv(tags[numbers.below(tags.len())], &inner);
            }
            let class = [0, 0, 0, 0x10, 0x80][numbers.below(5)];
            let instruction = INSTRUCTIONS[numbers.below(INSTRUCTIONS.len())];
            let p1 = [0, 4, 0x11, 0x3f, 0xff, 0x03, 0x0a, 0x9c, 0xe0][numbers.below(9)];
            let p2 = REFERENCES[numbers.below(REFERENCES.len())];
            let apdu = [&[class, instruction, p1, p2, data.len() as u8][..], &data].concat();
            assert!(card.transmit(&apdu).unwrap().len() >= 2, "{apdu:x?}");
        }
    }
}

#[test]
fn every_beginning_of_a_command_and_every_flipped_bit_is_answered() {
    let card = card(Firmware::V5_7_4);
    let host = Host::new(&card);
    host.manage();
    let import = [&[0x06, 32][..], &[3; 32], &[0xaa, 1, 1, 0xab, 1, 1]].concat();
    let put = [tlv(0x5c, &[0x5f, 0xc1, 5]), tlv(0x53, &[7; 20])].concat();
    for (instruction, p1, p2, data) in [
        (0x20, 0, 0x80, b"123456\xff\xff".to_vec()),
        (0x47, 0, 0x9d, vec![0xac, 3, 0x80, 1, 0x11]),
        (0x87, 0x14, 0x9a, tlv(0x7c, &[&[0x82, 0][..], &tlv(0x81, &[5; 48])].concat())),
        (0x87, 0x0a, 0x9b, tlv(0x7c, &[tlv(0x80, &[1; 16]), tlv(0x81, &[2; 16])].concat())),
        (0xfe, 0x11, 0x9d, import),
        (0xdb, 0x3f, 0xff, put),
    ] {
        let whole = [&[0, instruction, p1, p2, data.len() as u8][..], &data].concat();
        for end in 0..whole.len() {
            assert!(card.transmit(&whole[..end]).unwrap().len() >= 2, "{whole:x?} until {end}");
        }
        for bit in 0..8 * whole.len() {
            let mut apdu = whole.clone();
            apdu[bit / 8] ^= 1 << (bit % 8);
            assert!(card.transmit(&apdu).unwrap().len() >= 2, "{apdu:x?}");
        }
    }
}

#[test]
fn more_than_the_buffer_is_refused() {
    let card = card(Firmware::V5_7_4);
    let host = Host::new(&card);
    host.manage();
    let object = [tlv(0x5c, &[0x5f, 0xc1, 5]), tlv(0x53, &[0; 60_000])].concat();
    assert_eq!(host.status(0xdb, 0x3f, 0xff, &object), StatusWord::WRONG_LENGTH);
    let extended = [&[0, 0xdb, 0x3f, 0xff, 0][..], &60_000_u16.to_be_bytes(), &[0; 60_000]].concat();
    assert_eq!(card.transmit(&extended).unwrap(), [0x67, 0]);
    // An Ed25519 key signs whole messages, as long as they fit.
    card.generate(Slot::AUTHENTICATION, Algorithm::Ed25519, PinPolicy::Never, TouchPolicy::Never);
    assert_eq!(host.sign(0x9a, 0xe0, &[1; 3000]).1, StatusWord::OK);
    assert_eq!(host.sign(0x9a, 0xe0, &[1; 3100]).1, StatusWord::WRONG_LENGTH);
}

#[test]
fn an_attestation_certificate_of_garbage_attests_nothing() {
    let card = card(Firmware::V5_7_4);
    let host = Host::new(&card);
    host.manage();
    let mut numbers = Numbers(0xbad);
    let (_, device) = card.attestation(Slot::SIGNATURE).unwrap();
    for round in 0..200 {
        let mut certificate = device.clone();
        if round % 2 == 0 {
            certificate.truncate(numbers.below(device.len()));
        } else {
            let place = numbers.below(device.len());
            certificate[place] = numbers.next() as u8;
        }
        assert_eq!(host.put(&[0x5f, 0xff, 1], &tlv(0x70, &certificate)), StatusWord::OK);
        let status = host.status(0xf9, 0x9c, 0, &[]);
        assert!(round % 2 == 1 || status == StatusWord::DATA);
    }
}
