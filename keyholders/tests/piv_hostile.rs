//! Cards that answer what no YubiKey answers: an error in time, with nothing spent and nothing harmed.
#![cfg(feature = "yubikey")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
#[path = "common/readers.rs"]
mod readers;

use std::time::{Duration, Instant};

use common::Script;
use keyholders::piv::{self, Template};
use keyholders::{Device as _, DeviceError, Secret, Slot};
use readers::{MESSAGE, PIN, card, in_readers, instructions, key, plugged};
use virtual_yubikey::{Card, Failure, Fault, Firmware, PinPolicy, RigError, StatusWord, TouchPolicy};

/// More than any call may take that nobody has to touch anything for.
const LIMIT: Duration = Duration::from_secs(12);

/// What hostile cards do instead of what they should, or after it.
fn hostilities() -> Vec<Failure> {
    let mut all: Vec<Failure> = STATUS_WORDS.iter().map(|word| Failure::Status(StatusWord(*word))).collect();
    // Half a status word, a status word that promises more, tags without a length or a value.
    let answers: [&[u8]; 8] = [
        &[0x90],
        &[0x61, 0xff],
        &[0x7c, 0x90, 0x00],
        &[0x7c, 0x7f, 0x90, 0x00],
        &[0x7c, 0x84, 0xff, 0xff, 0xff, 0xff, 0x90, 0x00],
        &[0x30, 0x80, 0x90, 0x00],
        &[0x01, 0x00, 0x02, 0x00, 0x03, 0x00, 0x04, 0x00, 0x06, 0x00, 0x90, 0x00],
        &[0x01, 0x01, 0x11, 0x04, 0x02, 0x86, 0x00, 0x90, 0x00],
    ];
    all.extend(answers.iter().map(|answer| Failure::Answer(answer.to_vec())));
    all.extend([0, 1, 2, 3, 5, 64].map(Failure::Shorten));
    all.extend([1, 250, 65_000].map(Failure::Lengthen));
    // The tag of everything, wrong; then bytes that look like nothing.
    let noise = |length: usize| (0..length).map(|i| (i * 167 + 13) as u8).chain([0x90, 0x00]).collect();
    all.extend([1, 24, 300, 65_000].map(|length| Failure::Answer(noise(length))));
    all
}

const STATUS_WORDS: [u16; 12] =
    [0x0000, 0x6100, 0x63c0, 0x63c1, 0x6982, 0x6983, 0x6a80, 0x6a82, 0x6a88, 0x6d00, 0x6f00, 0xffff];

/// One session after another, in each of which one command is answered as a hostile card does it. Returns how many
/// sessions came to an end without an error.
fn beset(card: &Card, session: fn(&mut Script) -> Result<(), String>, harmless: impl Fn(&Card)) -> usize {
    card.clear_log();
    session(&mut Script::of(&[PIN])).unwrap();
    let commands = card.log().len();
    let mut ended_well = 0;
    for number in 1..=commands {
        for failure in hostilities() {
            card.clear_log();
            card.fail(Fault::nth(number, failure.clone()));
            let (begun, mut person) = (Instant::now(), Script::of(&[PIN]));
            let outcome = session(&mut person);
            let what = format!("command {number}, {failure:?}: {outcome:?}\n{:02x?}", instructions(card));
            assert!(begun.elapsed() < LIMIT, "{what}");
            // The fault was met, and it is over.
            assert!(card.log().len() >= number, "{what}");
            assert_eq!((card.tries_left(), card.puk_tries_left()), (3, 3), "{what}");
            let asked = person.asked.iter().filter(|asked| asked.secret == Secret::TokenPin).count();
            assert!(asked <= 1 && card.pins_received().iter().all(|pin| pin == PIN.as_bytes()), "{what}");
            match outcome {
                Ok(()) => ended_well += 1,
                Err(said) => assert!(said.len() > 20 && !said.contains(char::is_control), "{what}"),
            }
            harmless(card);
        }
    }
    ended_well
}

/// Opens the one card that is plugged in, signs with it, and has it prove its key.
fn signs(person: &mut Script) -> Result<(), String> {
    let found = piv::cards().map_err(|error| error.to_string())?;
    let [card] = &found.cards[..] else { return Err(format!("no card: {:?}", found.problems)) };
    let said = |error: DeviceError| error.to_string();
    let mut key = card.key(Slot::default()).map_err(said)?;
    let signature = key.sign(MESSAGE, person).map_err(said)?;
    key.public_key().verify(MESSAGE, &signature).map_err(|error| format!("no signature: {error}"))?;
    match card.attestation(Slot::default()).map_err(said)? {
        Some((leaf, _)) => assert!(!leaf.spki_der().is_empty()),
        None => return Err("the card says that the key was imported".to_owned()),
    }
    Ok(())
}

#[test]
fn a_hostile_card_gets_no_further_than_an_error() {
    in_readers("a_hostile_card_gets_no_further_than_an_error", |rig| {
        for firmware in [Firmware::V5_7_4, Firmware::V4_4_5] {
            let (card, reader) = plugged(rig, 1, firmware, PinPolicy::Always, TouchPolicy::Never);
            let all = hostilities().len();
            let ended_well = beset(&card, signs, |card| assert!(card.tries_left() == 3));
            // Most is noticed; what is not is of no consequence, such as zeros behind a public key.
            assert!(ended_well > 0 && ended_well < 8 * all, "{ended_well}");
            rig.remove(reader).unwrap();
        }
    });
}

/// Makes a key in an empty slot.
fn makes(person: &mut Script) -> Result<(), String> {
    let found = piv::cards().map_err(|error| error.to_string())?;
    let [card] = &found.cards[..] else { return Err(format!("no card: {:?}", found.problems)) };
    let template = Template {
        slot: "82".parse().unwrap(),
        algorithm: ceremony::Algorithm::EcdsaP256,
        pin_policy: ceremony::PinPolicy::Once,
        touch_policy: ceremony::TouchPolicy::Never,
        known_empty: false,
    };
    card.generate(&template, None, person).map_err(|error| error.to_string())?;
    Ok(())
}

#[test]
fn a_hostile_card_is_not_made_to_lose_a_key() {
    in_readers("a_hostile_card_is_not_made_to_lose_a_key", |rig| {
        let (card, _) = plugged(rig, 1, Firmware::V5_7_4, PinPolicy::Once, TouchPolicy::Never);
        let empty = |card: &Card| {
            // DELETE KEY.
            card.administer(0xf6, 0xff, 0x82, &[]);
        };
        let made = key(1).public_key().clone();
        beset(&card, makes, empty);
        // With a session that left a key behind by then, the slot would be refused.
        assert_eq!(key(1).public_key(), &made);
    });
}

#[test]
fn a_card_that_is_pulled_at_any_command_is_missed() {
    in_readers("a_card_that_is_pulled_at_any_command_is_missed", |rig| {
        let (card, _) = plugged(rig, 1, Firmware::V5_7_4, PinPolicy::Always, TouchPolicy::Never);
        card.clear_log();
        signs(&mut Script::of(&[PIN])).unwrap();
        // With the last two commands the card is left, after everything is done.
        for (number, instruction) in (1..=card.log().len() - 2).zip(instructions(&card)) {
            let failure = if number % 2 == 0 { Failure::Remove } else { Failure::RemoveAfter };
            card.fail(Fault::nth(number, failure));
            let said = signs(&mut Script::of(&[PIN])).unwrap_err();
            match instruction {
                0x20 | 0x87 | 0xf9 => assert_eq!(said, "the YubiKey 1 is no longer there"),
                _ => assert!(
                    ["no card: []", "is no longer there", "says no"].iter().any(|it| said.contains(it)),
                    "{said}"
                ),
            }
            assert_eq!(card.tries_left(), 3);
            // The reader may not have noticed yet.
            while let Err(RigError::Inserted { .. }) = rig.insert(&card) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        signs(&mut Script::of(&[PIN])).unwrap();
    });
}

#[test]
fn a_card_that_does_not_answer_is_given_up_in_time() {
    in_readers("a_card_that_does_not_answer_is_given_up_in_time", |rig| {
        let (slow, _) = plugged(rig, 1, Firmware::V5_7_4, PinPolicy::Always, TouchPolicy::Always);
        let mut mine = key(1);
        slow.fail(Fault::nth_of(0x20, 1, Failure::Delay(Duration::from_secs(120))));
        let begun = Instant::now();
        let told = mine.sign(MESSAGE, &mut Script::of(&[PIN])).unwrap_err();
        assert!(matches!(told, DeviceError::TimedOut { command: "VERIFY", seconds: 10, .. }), "{told}");
        drop(mine);
        assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
        slow.pull();
    });
}

#[test]
fn a_card_that_never_answers_is_no_yubikey() {
    in_readers("a_card_that_never_answers_is_no_yubikey", |rig| {
        let mute = card(2, Firmware::V5_7_4);
        rig.insert(&mute).unwrap();
        mute.fail(Fault::nth(1, Failure::Delay(Duration::from_secs(120))));
        let begun = Instant::now();
        let found = piv::cards().unwrap();
        assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
        assert!(found.problems[0].contains("did not answer SELECT within 10 seconds"), "{found:?}");
        mute.pull();
    });
}
