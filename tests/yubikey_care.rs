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
use virtual_yubikey::{Card, Failure, Fault, Firmware, Reader, Slot, Touch};

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

/// Old firmware does not tell what is in a slot: a device that plays one is believed without a look at the key.
#[test]
fn two_devices_that_say_one_number_are_sent_no_pin() {
    let (desk, alice, _, digest) = desk(Firmware::V5_7_4);
    let twin = desk.readers.with(1001, Firmware::V4_4_5);
    let run = desk.sign(1, &digest);
    assert!(run.says("several devices say that they are the YubiKey 1001"), "{run:?}");
    assert_eq!((alice.pins_received().len(), twin.pins_received().len()), (0, 0));
    let listed = desk.room.ok(&["keyholder", "devices"]);
    assert!(listed.contains("several devices say that they are the YubiKey 1001"), "{listed}");
}

/// The number is not enough to be taken for the YubiKey that was there before.
#[test]
fn a_pin_that_was_accepted_is_not_sent_to_another_device_of_the_same_number() {
    let (desk, alice, reader, digest) = desk(Firmware::V5_7_4);
    let twin = desk.readers.card(1001, Firmware::V4_4_5);
    let mut terminal = desk.terminal(&digest);
    terminal.expect("PIN, for alice").expect_echo(false);
    desk.readers.rig().swap(reader, &twin).unwrap();
    terminal.type_secret(PIN);
    terminal.expect("the YubiKey 1001 is no longer there");
    terminal.expect("Is the device in place now").line("y");
    terminal.expect("the YubiKey 1001 is not here");
    assert_eq!(twin.pins_received().len(), 0);
    desk.readers.rig().swap(reader, &alice).unwrap();
    terminal.line("y");
    terminal.expect_times("PIN, for alice", 2).type_secret(PIN);
    assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen());
    assert_eq!(twin.pins_received().len(), 0);
}

#[test]
fn wrong_pins_end_before_the_last_try() {
    for firmware in [Firmware::V4_4_5, Firmware::V5_7_4] {
        let (desk, alice, _, digest) = desk(firmware);
        let mut terminal = desk.terminal(&digest);
        let (asked, again) = ("PIN, for alice", "Do you want to type another PIN for the YubiKey 1001?");
        // What the card would count for nothing is not sent, and asked for again at once.
        terminal.expect(asked).type_secret("12345").expect("and this one has 5: it was not sent");
        terminal.expect_times(asked, 2).type_secret("123456789").expect("and this one has 9: it was not sent");
        assert_eq!((alice.pins_received().len(), alice.tries_left()), (0, 3));
        terminal.expect_times(asked, 3).type_secret("654321").expect("refused the PIN: 2 tries are left").expect(again);
        assert_eq!(alice.tries_left(), 2);
        terminal.line("y").expect_times(asked, 4).type_secret("654321").expect("refused this PIN before");
        terminal.expect_times(asked, 5).type_secret("111111").expect("one try is left, and this program never spends");
        terminal.expect("`ykman piv access unblock-pin`");
        assert_eq!((terminal.exit_code(), alice.tries_left(), terminal.echo()), (2, 1, true), "{}", terminal.screen());
        assert_eq!(terminal.screen().matches("another PIN for").count(), 1, "{}", terminal.screen());
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
fn a_wrong_pin_is_typed_again_and_nothing_else_is() {
    let (desk, alice, _, digest) = desk(Firmware::V5_7_4);
    let words = desk.room.json(0, &["review", "--digest"])["words"].as_str().unwrap().to_owned();
    let [_, _, _, flag, module] = signing(&digest);
    let mut terminal = desk.room.terminal(&["sign", flag, module]);
    let heard = "Digest as you heard it";
    let wrong = words.replacen(words.split(' ').nth(6).unwrap(), "trustr\u{16}\u{1b}[2Joot", 1);
    terminal
        .expect(heard)
        .line(&wrong)
        .expect(r"\u{1b}[2joot")
        .expect("is not a word of the list; ask for word 7 again");
    terminal.expect_times(heard, 2).line("abandon").expect("words given: 1");
    terminal.expect_times(heard, 3).line(&words).expect("PIN, for alice").type_secret("654321");
    terminal.expect("Do you want to type another PIN for the YubiKey 1001? [y/n]").line("y");
    terminal.expect("the YubiKey 1001 asks for its PIN; 2 of 3 tries are left").type_secret(PIN);
    assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen());
    assert_eq!(terminal.written().matches(heard).count(), 3);
    assert_eq!((desk.signatures().len(), alice.tries_left(), alice.is_verified()), (2, 3, false));
    assert!(!terminal.written().contains(PIN), "{}", terminal.written());
}

#[test]
fn an_answer_for_one_yubikey_is_no_answer_for_another() {
    let desk = Desk::new(&["alice", "bob"], 2);
    let cards = [("alice", 1001), ("bob", 1002)].map(|(name, serial)| {
        let card = desk.readers.with(serial, Firmware::V5_7_4);
        desk.enroll_new(name, serial, &[]);
        card
    });
    let digest = desk.stage();
    let [alice, bob] = &cards;
    cards.iter().for_each(Card::clear_log);
    // Alice gives up; bob's card knows nothing of it, and what he signed is kept.
    let mut terminal = desk.terminal(&digest);
    terminal.expect("PIN, for alice").type_secret("654321").expect("another PIN for the YubiKey 1001").line("n");
    terminal.expect("Going on with the next device").expect("the YubiKey 1002 asks for its PIN; 3 of 3 tries are left");
    assert_eq!((alice.tries_left(), bob.tries_left(), bob.pins_received().len()), (2, 3, 0));
    terminal
        .expect("PIN, for bob")
        .type_secret(PIN)
        .expect("error: root was not signed with slot 9c of the YubiKey 1001");
    assert_eq!(terminal.exit_code(), 2, "{}", terminal.screen());
    terminal.expect("what was signed is kept").expect("signatures/targets/bob");
    assert_eq!(desk.signatures().into_iter().collect::<Vec<_>>(), ["root bob", "targets bob"]);
    assert_eq!((alice.pins_received(), bob.tries_left()), (vec![b"654321".to_vec()], 3));
    // Without a terminal the first refusal is the end.
    let pin = desk.room.home().join("wrong");
    std::fs::write(&pin, "111111").unwrap();
    let run = desk.room.exits(2, &[&signing(&digest)[..], &["--pin-file", pin.to_str().unwrap()]].concat());
    assert!(run.says("one try is left") && !run.says("Going on"), "{run:?}");
    assert_eq!((alice.tries_left(), bob.tries_left()), (1, 3));
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
fn what_is_typed_once_too_often_does_not_reach_the_shell() {
    let (desk, alice, _, digest) = desk(Firmware::V5_7_4);
    alice.touch(Touch::After(Duration::from_millis(200)));
    let [_, expect, digest, flag, module] = signing(&digest);
    let run = format!("{} sign {expect} {digest} {flag} {module}", common::BINARY);
    let shell = format!("{run}; echo 'the end'; read -r line; echo \"the shell got <$line>\"");
    let mut terminal = desk.room.program_in_terminal("/bin/sh", &["-c", &shell]);
    terminal.expect("PIN, for alice").type_secret(PIN).expect("Touch the YubiKey 1001 now.").line("nothing");
    terminal.expect("the end").line("something").expect("the shell got <something>");
    assert_eq!((terminal.exit_code(), desk.signatures().len()), (0, 2), "{}", terminal.screen());
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
            assert!(run.stdout.contains("alice signed root version 1 before"), "{run:?}");
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
fn a_module_that_sees_the_same_yubikeys_is_not_heard() {
    let (desk, alice, _, digest) = desk(Firmware::V5_7_4);
    let other = desk.readers.card(1003, Firmware::V5_7_4);
    let reader = desk.readers.insert(&other);
    alice.certify(Slot::numbered(0x9c).unwrap());
    let module = OPENSC.iter().find(|path| Path::new(path).exists());
    let module = module.expect("OpenSC is missing: apt-get install opensc");
    // OpenSC calls both of them by one name, which is nobody's problem here.
    let mut terminal = desk.room.terminal(&["sign", "--expect", &digest, "--module", module]);
    terminal.expect("the YubiKey 1001 asks for its PIN").type_secret(PIN);
    assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen());
    assert_eq!(terminal.written().matches("PIN, for").count(), 1);
    assert!(
        !terminal.written().contains("the token") && !terminal.written().contains("twice"),
        "{}",
        terminal.screen()
    );
    assert_eq!((desk.signatures().len(), alice.tries_left(), other.tries_left()), (2, 3, 3));
    assert_eq!((alice.pins_received(), other.pins_received().len()), (vec![PIN.as_bytes().to_vec(); 2], 0));
    // Whoever enrolls is offered each key once, also where OpenSC reaches it.
    desk.readers.rig().remove(reader).unwrap();
    let mut terminal = desk.room.terminal(&["keyholder", "enroll", "alice", "--spare", "--module", module]);
    terminal.expect("> the P-256 key in slot 9c of the YubiKey 1001").expect("a public key in a file").send(CTRL_C);
    assert_eq!(terminal.exit_code(), 130);
    assert!(!terminal.written().contains("on the token"), "{}", terminal.written());
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
