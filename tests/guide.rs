//! The guided way in a terminal of 24 rows.
#![allow(clippy::unwrap_used)]

mod common;

use common::Room;
use common::terminal::{CTRL_C, ENTER};

#[test]
fn the_words_stay_on_the_screen_until_they_are_read() {
    let room = Room::new(&["alice", "bob"], 2);
    let ceremony = room.stage();
    let words = room.words(&ceremony);
    let mut terminal = room.coordinator.terminal(&["--now", common::room::NOW]);
    // The first of what can be done is to read the digest out.
    terminal.expect("What to do").send(ENTER).expect("Enter goes on, to what comes next");
    let screen = terminal.screen();
    assert!(words.split(' ').all(|word| screen.contains(&format!("  {word}"))), "{screen}");
    assert!(!screen.contains("What to do"), "{screen}");
    terminal.line("").expect("What to do").send(CTRL_C);
    assert_eq!(terminal.exit_code(), 130);
}
