//! YubiKeys: enrolled, and signed with, over the real pcscd. The cards are virtual.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Readers, Trustroot};
use serde_json::Value;
use virtual_yubikey::Firmware;

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

#[test]
fn a_key_is_made_in_a_yubikey_and_proven_to_be() {
    for firmware in [Firmware::V4_4_5, Firmware::V5_4_3, Firmware::V5_7_4] {
        let readers = Readers::new();
        readers.with(1001, firmware);
        let room = readers.on(room(&["alice"], 1));
        let (pin, anchor) = (readers.pin_file(&room), readers.anchor(&room));
        let given = ["alice", "--slot-is-empty", "--keep-pin", "--pin-file", &pin, "--anchor", &anchor];
        let answer = room.json(0, &[&ENROLL[..], &given].concat());
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
