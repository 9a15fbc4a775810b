//! No YubiKey is ever harmed: what goes wrong costs no more than it must, is said, and is mended by going on. The cards
//! are virtual.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::time::Duration;

use common::desk::signing;
use common::terminal::CTRL_C;
use common::yubikeys::PIN;
use common::{Desk, Trustroot};
use virtual_yubikey::{Card, Failure, Fault, Firmware, Reader, Touch};

/// Alice's YubiKey in a reader, bob's in his pocket, and a proposal for both.
fn desk(firmware: Firmware) -> (Desk, Card, Reader, String) {
    let desk = Desk::new(&["alice", "bob"], 2);
    let bob = desk.readers.card(1002, Firmware::V5_7_4);
    let reader = desk.readers.insert(&bob);
    desk.enroll_new("bob", 1002, &[]);
    let alice = desk.readers.card(1001, firmware);
    desk.readers.rig().swap(reader, &alice).unwrap();
    desk.enroll_new("alice", 1001, &["--slot-is-empty"]);
    if firmware < Firmware(5, 7, 0) {
        desk.accept("firmware-eucleak", "alice");
    }
    let digest = desk.stage();
    alice.clear_log();
    (desk, alice, reader, digest)
}

#[test]
fn a_pin_that_was_typed_for_one_yubikey_never_reaches_another() {
    for firmware in [Firmware::V4_4_5, Firmware::V5_7_4] {
        let (desk, alice, reader, digest) = desk(firmware);
        let other = desk.readers.card(1003, firmware);
        // While the terminal waits for the PIN.
        let mut terminal = desk.terminal(&digest);
        terminal.expect("PIN, for alice").expect_echo(false);
        desk.readers.rig().swap(reader, &other).unwrap();
        terminal.type_secret(PIN);
        terminal.expect("the YubiKey 1001 is no longer there");
        terminal.expect("Is the device in place now").line("y");
        terminal.expect("the YubiKey 1001 is not here; there is 1003");
        assert_eq!((other.pins_received(), other.tries_left()), (Vec::<Vec<u8>>::new(), 3));
        desk.readers.rig().swap(reader, &alice).unwrap();
        terminal.line("y");
        terminal.expect_times("PIN, for alice", 2).type_secret(PIN);
        assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen());
        assert_eq!((desk.signatures().len(), other.pins_received().len()), (2, 0));
        assert_eq!((alice.tries_left(), alice.is_verified()), (3, false));
    }
}

#[test]
fn wrong_pins_end_before_the_last_try() {
    for firmware in [Firmware::V4_4_5, Firmware::V5_7_4] {
        let (desk, alice, _, digest) = desk(firmware);
        for (typed, left) in [("12345", 3), ("123456789", 3), ("654321", 2), ("111111", 1)] {
            let mut terminal = desk.terminal(&digest);
            terminal.expect("PIN, for alice").type_secret(typed);
            assert_eq!((terminal.exit_code(), alice.tries_left()), (2, left), "{}", terminal.screen());
            let said = if left == 3 { "takes PINs of 6 to 8 bytes" } else { "refused the PIN" };
            terminal.expect(said);
        }
        assert_eq!(alice.pins_received(), [b"654321", b"111111"]);
        // It stops by itself, and says what to do.
        let mut terminal = desk.terminal(&digest);
        assert_eq!(terminal.exit_code(), 2);
        terminal.expect("the YubiKey 1001 has one try left for its PIN, and this program never spends the last one");
        terminal.expect("`ykman piv access unblock-pin`");
        assert!(!terminal.written().contains("PIN, for alice"));
        desk.sign(2, &digest);
        assert_eq!((alice.pins_received().len(), alice.tries_left()), (2, 1));
        // Blocked by somebody else: nothing is sent, and the way by the PUK is named.
        alice.transmit(&[0, 0x20, 0, 0x80, 8, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        alice.clear_log();
        let run = desk.sign(2, &digest);
        assert!(run.says("the PIN of the YubiKey 1001 is locked"), "{run:?}");
        assert!(run.says("with its PUK: `ykman piv access unblock-pin`"), "{run:?}");
        assert_eq!((alice.pins_received().len(), alice.puk_tries_left(), desk.signatures().len()), (0, 3, 0));
    }
}

#[test]
fn a_touch_that_was_missed_can_be_given_after_all() {
    let (desk, alice, _, digest) = desk(Firmware::V5_7_4);
    alice.touch(Touch::Never);
    let mut terminal = desk.terminal(&digest);
    terminal.expect("PIN, for alice").type_secret(PIN);
    terminal.expect("the YubiKey 1001 was not touched in time");
    terminal.expect("its PIN was right, and no try is lost");
    terminal.expect("Is the device in place now");
    alice.touch(Touch::After(Duration::ZERO));
    terminal.line("y");
    assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen());
    assert_eq!(terminal.written().matches("PIN, for").count(), 1);
    assert_eq!((desk.signatures().len(), alice.tries_left()), (2, 3));
}

#[test]
fn a_yubikey_that_is_pulled_between_two_signatures_loses_nothing() {
    // Put back while the terminal asks, in another reader; then by a second run.
    for second_run in [false, true] {
        let (desk, alice, _, digest) = desk(Firmware::V5_7_4);
        alice.fail(Fault::nth_of(0x20, 2, Failure::Remove));
        let mut terminal = desk.terminal(&digest);
        terminal.expect("PIN, for alice").type_secret(PIN);
        terminal.expect("the YubiKey 1001 is no longer there");
        terminal.expect("Is the device in place now").expect_echo(false);
        // The first signature is there, whatever comes.
        assert_eq!(desk.signatures().into_iter().collect::<Vec<_>>(), ["root alice"]);
        if second_run {
            terminal.line("n");
            assert_eq!(terminal.exit_code(), 2, "{}", terminal.screen());
            desk.readers.put_back(&alice);
            let run = desk.sign(0, &digest);
            assert!(run.stdout.contains("alice had signed already root version 1"), "{run:?}");
        } else {
            desk.readers.put_back(&alice);
            terminal.line("y");
            assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen());
            assert_eq!(terminal.written().matches("PIN, for").count(), 1);
        }
        assert_eq!((desk.signatures().len(), alice.tries_left(), alice.is_verified()), (2, 3, false));
    }
}

#[test]
fn a_run_that_is_broken_off_leaves_nothing_half_done() {
    let (desk, alice, _, digest) = desk(Firmware::V5_7_4);
    alice.touch(Touch::Never);
    let mut terminal = desk.terminal(&digest);
    terminal.expect("PIN, for alice").send(CTRL_C);
    assert_eq!((terminal.exit_code(), alice.pins_received().len()), (130, 0));
    let mut terminal = desk.terminal(&digest);
    terminal.expect("PIN, for alice").type_secret(PIN);
    terminal.expect("Touch the YubiKey 1001 now.").send(CTRL_C);
    assert_eq!((terminal.exit_code(), desk.signatures().len(), alice.tries_left()), (130, 0, 3));
    terminal.expect_cursor(true);
    // Nor does a PIN stay behind when somebody breaks off instead of going on.
    let mut terminal = desk.terminal(&digest);
    terminal.expect("PIN, for alice").type_secret(PIN);
    terminal.expect("was not touched in time").expect("Is the device in place now").expect_echo(false).send(CTRL_C);
    assert_eq!((terminal.exit_code(), alice.is_verified(), alice.tries_left()), (130, false, 3));
    alice.touch(Touch::After(Duration::ZERO));
    desk.sign(0, &digest);
}

#[test]
fn a_module_may_look_into_the_same_yubikey() {
    let (desk, alice, _, digest) = desk(Firmware::V5_7_4);
    let module = OPENSC.iter().find(|path| Path::new(path).exists());
    let module = module.expect("OpenSC is missing: apt-get install opensc");
    let pin = desk.readers.pin_file(&desk.room);
    desk.room.ok(&["sign", "--expect", &digest, "--pin-file", &pin, "--module", module]);
    assert_eq!((desk.signatures().len(), alice.tries_left(), alice.is_verified()), (2, 3, false));
    assert_eq!(alice.pins_received(), [PIN.as_bytes(); 2]);
}

/// Where Debian, Fedora and Arch put the module of OpenSC.
const OPENSC: [&str; 3] =
    ["/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so", "/usr/lib64/opensc-pkcs11.so", "/usr/lib/opensc-pkcs11.so"];

#[test]
fn a_hostile_yubikey_spends_nothing_and_writes_nothing() {
    let (desk, alice, _, digest) = desk(Firmware::V5_7_4);
    let answers = [
        Failure::Answer(vec![0x90]),
        Failure::Answer([&[0x7c; 300][..], &[0x90, 0]].concat()),
        Failure::Answer([&[0; 65_000][..], &[0x90, 0]].concat()),
        Failure::Shorten(1),
        Failure::Lengthen(4096),
        Failure::Status(virtual_yubikey::StatusWord(0x6f00)),
    ];
    // Whatever comes for the version, the metadata, the PIN, or instead of the signature.
    for instruction in [0xfd, 0xf7, 0x20, 0x87] {
        for answer in &answers {
            alice.clear_log();
            alice.fail(Fault::nth_of(instruction, 1, answer.clone()));
            let pin = desk.readers.pin_file(&desk.room);
            let run = desk.room.run(&[&signing(&digest)[..], &["--pin-file", &pin]].concat());
            run.harmless();
            assert_eq!(alice.tries_left(), 3, "{instruction:02x} {answer:?}: {run:?}");
            assert!(run.stderr.lines().all(|line| line.chars().count() <= 80 || line.contains('/')), "{run:?}");
            if run.code == 0 {
                // It was of no consequence, and the signatures were verified: they are made once more below.
                assert!(matches!(answer, Failure::Lengthen(_) | Failure::Shorten(_)), "{answer:?}: {run:?}");
                let ceremony = std::fs::read_dir(desk.room.dir().join("ceremonies")).unwrap().next().unwrap();
                std::fs::remove_dir_all(ceremony.unwrap().path().join("signatures")).unwrap();
            }
            assert!(run.code == 0 || run.stderr.contains("error: "), "{run:?}");
            assert_eq!(desk.signatures().len(), 0, "{instruction:02x} {answer:?}");
        }
    }
    desk.sign(0, &digest);
    assert_eq!(desk.signatures().len(), 2);
}

#[test]
fn what_is_missing_is_named_with_what_helps() {
    let (desk, _, reader, digest) = desk(Firmware::V5_7_4);
    let without = |machine: &Trustroot| {
        let pin = desk.readers.pin_file(machine);
        let anchor = desk.readers.anchor(machine);
        let enroll = ["keyholder", "enroll", "bob", "--replace", "--yubikey", "--new-nonce"];
        let more = ["--pin-file", &pin, "--anchor", &anchor];
        (machine.run(&signing(&digest)), machine.run(&[&enroll[..], &more].concat()))
    };
    // No card.
    desk.readers.rig().remove(reader).unwrap();
    let (sign, enroll) = without(&desk.room);
    assert_eq!((sign.code, enroll.code), (1, 2), "{sign:?} {enroll:?}");
    assert!(sign.says("no key at hand may sign this proposal"), "{sign:?}");
    assert!(sign.says("alice (in slot 9c of the YubiKey 1001)"), "{sign:?}");
    assert!(enroll.says("no YubiKey is plugged in"), "{enroll:?}");
    // No pcscd, which is of concern to those whose YubiKeys are on record.
    let socket = desk.room.home().join("nothing");
    let machine = desk.room.other_machine().env("PCSCLITE_CSOCK_NAME", socket.to_str().unwrap());
    let (sign, enroll) = without(&machine);
    for run in [&sign, &enroll] {
        assert!(run.says("`systemctl start pcscd.socket` starts it"), "{run:?}");
    }
    assert_eq!((sign.code, enroll.code), (1, 2), "{sign:?} {enroll:?}");
}
