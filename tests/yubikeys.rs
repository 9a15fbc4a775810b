//! YubiKeys: enrolled, and signed with, over the real pcscd. The cards are virtual.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Readers, Trustroot};
use virtual_yubikey::{Card, Firmware};

const NONCE: &str = "00112233445566778899aabbccddeeff";

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

const ENROLL: [&str; 8] =
    ["keyholder", "enroll", "--yubikey", "--generate", "--pin-policy=always", "--touch-policy=always", "--nonce", NONCE];

#[test]
fn a_key_is_made_in_a_yubikey_and_enrolled() {
    for firmware in [Firmware::V4_4_5, Firmware::V5_4_3, Firmware::V5_7_4] {
        let readers = Readers::new();
        let card: Card = readers.with(1001, firmware);
        let room = readers.on(room(&["alice"], 1));
        let pin = readers.pin_file(&room);
        let run = room.run(&[&ENROLL[..], &["alice", "--slot-is-empty", "--keep-pin", "--pin-file", &pin]].concat());
        eprintln!("{}{}", run.stdout, run.stderr);
        for line in card.log() {
            eprintln!("  {line}");
        }
        assert_eq!(run.code, 0);
        eprintln!("{}", room.ok(&["keyholder", "devices"]));
        eprintln!("{}", room.read("keyholders/alice.toml"));
    }
}
