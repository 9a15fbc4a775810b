//! Cards in readers of private pcscds: side by side, in and out, and nothing left behind.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use virtual_yubikey::{Algorithm, Authority, Card, Failure, Fault, Firmware, PinPolicy, Profile, Rig, RigError, Slot};
use virtual_yubikey::{Touch, TouchPolicy};

fn card(serial: u32) -> Card {
    Card::new(Profile::new(Firmware::V5_7_4).serial(serial), &Authority::test())
}

/// The serial number of the card in this reader, if yubico-piv-tool can read it.
fn read(rig: &Rig, reader: &str) -> Option<u32> {
    let mut tool = Command::new("yubico-piv-tool");
    let tool = tool.env(rig.environment().0, rig.environment().1).args(["-r", reader, "-a", "status"]);
    let output = tool.output().expect("yubico-piv-tool is missing: apt-get install yubico-piv-tool");
    let said = String::from_utf8(output.stdout).unwrap();
    let line = said.lines().find_map(|line| line.strip_prefix("Serial Number:"))?;
    line.trim().parse().ok()
}

#[test]
fn cards_go_in_and_out_and_change_places() {
    let rig = Rig::start().unwrap();
    let (one, two) = (card(1), card(2));
    let reader = rig.insert(&one).unwrap();
    let name = rig.name(reader);
    assert_eq!(read(&rig, name), Some(1));
    assert!(matches!(rig.insert(&one), Err(RigError::Inserted { serial: 1 })));
    rig.swap(reader, &two).unwrap();
    assert_eq!(read(&rig, name), Some(2));
    assert!(two.is_plugged() && !one.is_plugged());
    rig.remove(reader).unwrap();
    assert_eq!(read(&rig, name), None);
    assert!(matches!(rig.remove(reader), Err(RigError::Empty)));
    assert!(matches!(rig.swap(reader, &one), Err(RigError::Empty)));
}

#[test]
fn sixteen_readers_have_sixteen_cards() {
    let rig = Rig::with_readers(16).unwrap();
    let cards: Vec<Card> = (101..=116).map(card).collect();
    let readers = rig.insert_all(&cards).unwrap();
    let names: BTreeSet<&str> = readers.iter().map(|reader| rig.name(*reader)).collect();
    assert_eq!(names.len(), 16, "{names:?}");
    for (card, reader) in cards.iter().zip(&readers) {
        assert_eq!(read(&rig, rig.name(*reader)), Some(card.serial()));
    }
    assert!(matches!(rig.insert(&card(117)), Err(RigError::NoFreeReader)));
    assert!(matches!(Rig::with_readers(17), Err(RigError::TooManyReaders { count: 17 })));
}

#[test]
fn rigs_stand_side_by_side() {
    std::thread::scope(|scope| {
        for number in 0..6 {
            scope.spawn(move || {
                let rig = Rig::with_readers(2).unwrap();
                let card = card(1000 + number);
                let reader = rig.insert(&card).unwrap();
                assert_eq!(read(&rig, rig.name(reader)), Some(1000 + number));
            });
        }
    });
}

#[test]
fn a_card_that_is_pulled_by_a_fault_leaves_its_reader_free() {
    let rig = Rig::with_readers(2).unwrap();
    let card = card(3);
    for failure in [Failure::Remove, Failure::RemoveAfter] {
        let reader = rig.insert(&card).unwrap();
        card.fail(Fault::nth_of(0xfd, 1, failure));
        assert_eq!(read(&rig, rig.name(reader)), None);
        assert!(!card.is_plugged());
    }
    let reader = rig.insert(&card).unwrap();
    assert_eq!(read(&rig, rig.name(reader)), Some(3));
}

#[test]
fn answers_that_no_card_gives_harm_no_reader() {
    let rig = Rig::with_readers(2).unwrap();
    let card = card(6);
    let reader = rig.insert(&card).unwrap();
    for length in [1, 2, 3, 255, 256, 1000, 60_000, 65_535, 70_000] {
        card.fail(Fault::nth_of(0xfd, 1, Failure::Answer(vec![0x90; length])));
        read(&rig, rig.name(reader));
        assert!(card.is_plugged(), "{length}");
        assert_eq!(read(&rig, rig.name(reader)), Some(6), "{length}");
    }
    card.clear_log();
    card.fail(Fault::nth_of(0xfd, 1, Failure::Delay(Duration::from_secs(3600))));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| read(&rig, rig.name(reader)));
        while !card.heard(&[0, 0xfd, 0, 0]) {
            std::thread::sleep(Duration::from_millis(5));
        }
        rig.remove(reader).unwrap();
        assert_eq!(reading.join().unwrap(), None);
    });
    assert!(begun.elapsed() < Duration::from_secs(60), "who waits for a card is told that it is gone");
}

#[test]
fn a_card_that_waits_for_a_touch_is_pulled_at_once() {
    let rig = Rig::with_readers(2).unwrap();
    let card = card(4);
    card.generate(Slot::SIGNATURE, Algorithm::EccP256, PinPolicy::Never, TouchPolicy::Always);
    card.touch(Touch::WhenPressed);
    let reader = rig.insert(&card).unwrap();
    let begun = Instant::now();
    let apdu = "00:87:11:9c:28:7c:26:82:00:81:22:".to_owned() + &["11"; 34].join(":");
    let mut tool = Command::new("opensc-tool");
    tool.env(rig.environment().0, rig.environment().1).args(["-c", "default", "-r", rig.name(reader)]);
    tool.args(["-s", "00:a4:04:00:05:a0:00:00:03:08", "-s", &apdu]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut tool = tool.spawn().expect("OpenSC is missing: apt-get install opensc");
    while card.touches().asked == 0 {
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", card.log());
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(rig);
    tool.wait().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(14), "the card would have waited for 15 seconds");
}

#[test]
fn nothing_is_left_of_a_rig() {
    let mounts = || fs::read_to_string("/proc/self/mountinfo").unwrap();
    let before = mounts();
    let rig = Rig::with_readers(2).unwrap();
    let card = card(98_765_432);
    rig.insert(&card).unwrap();
    let directory = rig.environment().1.ancestors().nth(3).unwrap().to_owned();
    assert!(directory.exists() && !processes_of(&directory).is_empty() && has_thread("card 98765432"));
    drop(rig);
    assert!(!directory.exists());
    assert_eq!(processes_of(&directory), Vec::<String>::new());
    assert!(!has_thread("card 98765432"));
    assert_eq!(mounts(), before);
}

#[test]
fn nothing_is_left_of_a_process_that_is_killed() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_virtual-yubikey"));
    let mut program = program.arg("--serial=5").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let socket = line.trim().strip_prefix("export PCSCLITE_CSOCK_NAME=").unwrap();
    let directory = Path::new(socket).ancestors().nth(3).unwrap();
    assert!(directory.exists() && !processes_of(directory).is_empty());
    program.kill().unwrap();
    program.wait().unwrap();
    let begun = Instant::now();
    while directory.exists() || !processes_of(directory).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", processes_of(directory));
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The command lines of the processes that work for the rig in this directory.
fn processes_of(directory: &Path) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = processes.filter_map(|process| fs::read_to_string(process.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(directory.to_str().unwrap())).collect()
}

fn has_thread(name: &str) -> bool {
    let threads = fs::read_dir("/proc/self/task").unwrap().filter_map(Result::ok);
    let mut names = threads.filter_map(|thread| fs::read_to_string(thread.path().join("comm")).ok());
    names.any(|comm| comm.trim() == name)
}
