//! Questions at a real terminal.
#![allow(clippy::unwrap_used)]
#[path = "../../tests/common/terminal.rs"]
mod terminal;

use self::terminal::{CTRL_C, CTRL_D, DOWN, ENTER, Terminal};
use super::*;

/// Runs the test `name` of this file in a terminal, with this variable set: then it is the one who asks.
const ASKING: &str = "TRUSTROOT_TEST_ASKING";

fn in_terminal(name: &str) -> Terminal {
    let program = std::env::current_exe().unwrap();
    let name = format!("ui::tests::{name}");
    let environment = [(ASKING.to_owned(), "yes".to_owned())];
    Terminal::start(&program, &["--exact", &name, "--nocapture"], std::path::Path::new("/"), &environment)
}

fn asks(question: impl FnOnce(&mut Ui) -> String) -> bool {
    if std::env::var_os(ASKING).is_none() {
        return false;
    }
    interrupt::restore_terminal();
    let mut ui = Ui::new(false);
    let answer = question(&mut ui);
    ui.say(format!("answer: {answer}"));
    true
}

#[test]
fn a_secret_is_not_shown() {
    let secret = |ui: &mut Ui| match ui.secret("--pin-file", "PIN of \u{1b}[2J the token") {
        Ok(pin) => pin.expose().chars().rev().collect(),
        Err(failure) => failure.to_string(),
    };
    if asks(secret) {
        return;
    }
    let mut terminal = in_terminal("a_secret_is_not_shown");
    terminal.expect(r"PIN of \u{1b}[2J the token: ").type_secret("12345é").expect("answer: é54321");
    assert_eq!((terminal.exit_code(), terminal.echo()), (0, true));
    assert!(!terminal.written().contains("12345"));

    let mut terminal = in_terminal("a_secret_is_not_shown");
    terminal.expect("PIN of").send(CTRL_D).expect("no answer").expect("answer it with --pin-file");
    assert!(terminal.echo());
    terminal.exit_code();

    let mut terminal = in_terminal("a_secret_is_not_shown");
    terminal.expect("PIN of").type_secret(&"x".repeat(1500)).expect("is longer than 1024 bytes");
    terminal.type_secret("").expect("is empty").type_secret("a\tb").expect("has a control character");
    terminal.type_secret("12345").expect("answer: 54321");
    assert_eq!((terminal.exit_code(), terminal.echo()), (0, true));
}

#[test]
fn an_interrupted_question_gives_echo_and_cursor_back() {
    let everything = |ui: &mut Ui| {
        let _ = ui.confirm("--yes", "First?", None);
        let _ = ui.select("--which", "Second?", &["a".to_owned(), "b".to_owned()]);
        let _ = ui.secret("--pin-file", "Third");
        String::new()
    };
    if asks(everything) {
        return;
    }
    for steps in 0..3 {
        let mut terminal = in_terminal("an_interrupted_question_gives_echo_and_cursor_back");
        terminal.expect("First?");
        if steps > 0 {
            terminal.line("y").expect("Second?").expect("> a");
        }
        if steps > 1 {
            terminal.send(ENTER).expect("Second? a").expect("Third: ");
        }
        terminal.expect_echo(false).expect_cursor(steps == 2).send(CTRL_C);
        assert_eq!(terminal.exit_code(), 130);
        assert!(terminal.echo() && terminal.cursor(), "after question {steps}");
    }
}

#[test]
fn a_choice_starts_on_the_first() {
    let choose = |ui: &mut Ui| {
        let items = ["one".to_owned(), "t\u{202e}wo".to_owned()];
        let first = ui.select("--which", "Which", &items).unwrap();
        let second = ui.select("--which", "And now", &items).unwrap();
        let sure = ui.confirm("--yes", "Sure?", Some(true)).unwrap();
        format!("{first} {second} {sure}")
    };
    if asks(choose) {
        return;
    }
    let mut terminal = in_terminal("a_choice_starts_on_the_first");
    terminal.expect("> one").expect(r"t\u{202e}wo").send(ENTER).expect("And now").expect("> one");
    terminal.send(DOWN).expect("> t").send(ENTER).expect("Sure?").line("n").expect("answer: 0 1 false");
    assert_eq!((terminal.exit_code(), terminal.echo(), terminal.cursor()), (0, true, true));
}

#[test]
fn a_secret_that_is_typed_at_the_next_question_is_no_answer_and_is_not_shown() {
    let ask = |ui: &mut Ui| {
        let _ = ui.secret("--pin-file", "PIN");
        ui.confirm("--yes", "Once more?", None).unwrap().to_string()
    };
    if asks(ask) {
        return;
    }
    let mut terminal = in_terminal("a_secret_that_is_typed_at_the_next_question_is_no_answer_and_is_not_shown");
    terminal.expect("PIN: ").type_secret("123456").expect("Once more? [y/n]").expect_echo(false);
    // The PIN again, and an impatient Enter, say neither yes nor no.
    terminal.line("123456").line("").send("y").expect("Once more? [Y/n]").line("").expect("answer: true");
    assert_eq!((terminal.exit_code(), terminal.echo(), terminal.cursor()), (0, true, true));
    assert!(!terminal.written().contains("123456"), "{}", terminal.written());
}

#[test]
fn a_value_is_asked_for_until_it_is_one() {
    let ask = |ui: &mut Ui| {
        let limited = |number: u8| match number {
            0..=9 => Ok(number),
            _ => Err(Failure::no("it is too large").hint("take a smaller one")),
        };
        ui.accepted("--number", "How many", Some("7"), limited).unwrap().to_string()
            + &ui.value::<String>("--name", "Name", None).unwrap()
    };
    if asks(ask) {
        return;
    }
    let mut terminal = in_terminal("a_value_is_asked_for_until_it_is_one");
    terminal.expect("How many [7]: ").line("many").expect("invalid digit").line("12");
    terminal.expect("error: it is too large").expect("hint: take a smaller one").line("");
    terminal.expect("Name: ").line("").expect("Nothing was typed.").line(" \u{1b}[2J x ").expect("answer: 7");
    assert_eq!((terminal.exit_code(), terminal.echo()), (0, true));
}

#[test]
fn a_long_answer_is_shown_once() {
    let question = "A question that takes more than half of the line";
    let ask = |ui: &mut Ui| ui.value::<String>("--words", question, None).unwrap().len().to_string();
    if asks(ask) {
        return;
    }
    let mut terminal = in_terminal("a_long_answer_is_shown_once");
    let words = "abandon ".repeat(12);
    terminal.expect(&format!("{question}:")).line(&words).expect("answer: 95");
    assert_eq!(terminal.exit_code(), 0);
    let written = terminal.written();
    assert_eq!((written.matches(question).count(), written.matches("abandon").count()), (1, 12), "{written}");
}

#[test]
fn a_menu_is_shorter_than_the_terminal() {
    let ask = |ui: &mut Ui| {
        let items: Vec<_> = (0..100).map(|number| format!("item {number} {}", "x".repeat(100))).collect();
        ui.select("--which", "Which", &items).unwrap().to_string()
    };
    if asks(ask) {
        return;
    }
    let mut terminal = in_terminal("a_menu_is_shorter_than_the_terminal");
    terminal.expect("> item 0 x").send("k").expect("> item 99 x").send(DOWN).expect("> item 0 x");
    terminal.send(&DOWN.repeat(30)).expect("> item 30 x").send(ENTER).expect("answer: 30");
    assert_eq!((terminal.exit_code(), terminal.cursor()), (0, true));
}
