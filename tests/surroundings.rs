//! A disk that takes nothing, a machine that says little, files of another kind: a clear answer, and nothing is lost.
#![allow(clippy::unwrap_used)]

mod common;

use std::process::{Output, Stdio};

use common::room::NOW;
use common::tree::listing;
use common::{BINARY, Room};

/// Runs `script` in the room, in which `trustroot` is the program, with nobody at the keyboard.
fn shell(room: &Room, script: &str) -> Output {
    let script = format!("trustroot() {{ '{BINARY}' \"$@\" --now {NOW}; }}\n{script}");
    let mut command = room.coordinator.program("/bin/sh", &["-c", &script]);
    command.current_dir(room.coordinator.dir()).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_disk_that_takes_nothing_leaves_everything_as_it_was() {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    let ceremony = room.stage();
    let before = listing(room.coordinator.dir());
    let words = room.words(&ceremony);
    let key = room.key_file("alice").display().to_string();
    for command in [
        "accept target-removed x --reason y --until 2030-01-01T00:00:00Z".to_owned(),
        "role root --lifetime-days 300".to_owned(),
        format!("sign --key-file '{key}' --expect '{words}'"),
        format!("abandon {ceremony} --reason x"),
        "review --html review.html".to_owned(),
        "import --role root --payload payload.bin".to_owned(),
    ] {
        // A signal that is ignored makes it an error of the write.
        let run = shell(&room, &format!("trap '' XFSZ; ulimit -f 0; trustroot {command}"));
        let said = text(&run.stderr);
        assert_eq!(run.status.code(), Some(2), "{command}: {said}");
        assert!(said.contains(": cannot ") && said.contains("os error 27"), "{command}: {said}");
        assert_eq!(listing(room.coordinator.dir()), before, "{command}");
    }
}

#[test]
fn a_machine_that_says_little_gets_the_same_answer() {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    room.stage();
    let usual = text(&shell(&room, "trustroot status").stdout);
    assert!(usual.contains("signatures are missing"), "{usual}");
    for little in ["LANG=C LC_ALL=C", "TERM=dumb NO_COLOR=1", "COLUMNS=20", "-u HOME -u TRUSTROOT_HOME", "-i"] {
        let run = shell(&room, &format!("env {little} '{BINARY}' status --now {NOW}"));
        assert_eq!((run.status.code(), text(&run.stdout)), (Some(0), usual.clone()), "{little}");
    }
    // What is remembered needs a place.
    let run = shell(&room, &format!("env -u HOME -u TRUSTROOT_HOME '{BINARY}' review --now {NOW}"));
    let said = text(&run.stderr);
    assert_eq!(run.status.code(), Some(2), "{said}");
    assert!(said.contains("hint: set TRUSTROOT_HOME to a directory of your own"), "{said}");
}

#[test]
fn a_file_of_another_kind_is_named() {
    let mut room = Room::new(&["alice", "bob", "carol"], 2);
    room.hold(&["alice", "bob"]);
    room.at("2026-11-26T12:00:00Z");
    let online = room.key_file("online").display().to_string();
    for arguments in [
        &["verify", "--repository=repository", "--root=trustroot.toml"][..],
        &["verify", "ceremonies/2026-11-root-1", "--root=trustroot.toml"],
        &["handout", "--metadata-url=https://tuf.example", "--root=trustroot.toml"],
        &["renew", "--root=trustroot.toml", "--online-key", &online],
        &["fetch", "--root=trustroot.toml", "--metadata-url=repository", "--cache=../cache"],
    ] {
        let run = room.run(2, arguments);
        assert!(run.stderr.contains("trustroot.toml is no root"), "{arguments:?}: {run:?}");
    }
    for dir in ["ceremonies", "repository"] {
        let run = room.run(2, &["verify", dir]);
        assert!(run.stderr.contains(&format!("{dir} is no ceremony: it has no inputs/")), "{run:?}");
    }
    let run = room.run(2, &["status", "-C", "trustroot.toml"]);
    assert!(run.stderr.contains("trustroot.toml is a file or something else, not a directory"), "{run:?}");
}
