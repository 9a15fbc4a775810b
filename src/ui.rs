//! The only place that talks: reports on stdout, conversation on stderr, questions where there is a terminal.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::str::FromStr;

use ceremony::Json;
use dialoguer::{Confirm, Input, Select};
use keyholders::Pin;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcgetwinsize};
use zeroize::Zeroizing;

use crate::error::Failure;
use crate::interrupt::{self, Prompting};
use crate::report::Report;
use crate::text::{escaped, escaped_json, escaped_lines, wrapped, wrapped_lines};

/// The longest PIN or passphrase that is read, in bytes.
const SECRET_LIMIT: usize = 1024;

/// The person in front of the program, or nobody.
pub(crate) struct Ui {
    json: bool,
    /// Both stdin and stderr are a terminal: what is asked on one is answered on the other.
    terminal: bool,
}

impl Ui {
    /// With `json`, reports and failures are written as JSON.
    pub(crate) fn new(json: bool) -> Self {
        Self { json, terminal: io::stdin().is_terminal() && io::stderr().is_terminal() }
    }

    /// Whether somebody can be asked.
    pub(crate) fn has_terminal(&self) -> bool {
        self.terminal
    }

    /// Says a sentence on stderr, wrapped at 80 columns.
    pub(crate) fn say(&mut self, text: impl fmt::Display) {
        self.err(&wrapped(&text.to_string(), 0));
    }

    /// Shows a report on stderr, before a question about it. Its layout is kept.
    pub(crate) fn show(&mut self, report: &dyn Report) {
        self.err(&report.to_string());
    }

    /// Tells on stderr why something was not done, when the command goes on.
    pub(crate) fn tell(&mut self, failure: &Failure) {
        self.err(&failure.to_string());
    }

    /// Asks a question that `flag` answers.
    pub(crate) fn confirm(&mut self, flag: &str, question: &str, default: Option<bool>) -> Result<bool, Failure> {
        self.ask(flag, question, |question| {
            let confirm = Confirm::new().with_prompt(question).wait_for_newline(true);
            match default {
                Some(default) => confirm.default(default).interact(),
                None => confirm.interact(),
            }
        })
    }

    /// Asks for one of `items`, the first of them proposed; returns its index. `flag` answers it.
    pub(crate) fn select(&mut self, flag: &str, question: &str, items: &[String]) -> Result<usize, Failure> {
        // A line that is wider than the terminal would be painted anew below itself with every key.
        let width = tcgetwinsize(io::stderr()).map_or(80, |size| usize::from(size.ws_col).max(20)) - 3;
        let items: Vec<_> = items.iter().map(|item| shortened(&escaped(item).to_string(), width)).collect();
        self.ask(flag, question, |question| Select::new().with_prompt(question).items(&items).default(0).interact())
    }

    /// Asks for a value that can be read as `T`, until it can be. `flag` answers it.
    pub(crate) fn value<T>(&mut self, flag: &str, question: &str, default: Option<&str>) -> Result<T, Failure>
    where
        T: FromStr<Err: fmt::Display>,
    {
        loop {
            let text: String = self.ask(flag, question, |question| {
                let input = Input::new().with_prompt(question);
                match default {
                    Some(default) => input.default(default.to_owned()).interact(),
                    None => input.interact(),
                }
            })?;
            match text.trim().parse() {
                Ok(value) => return Ok(value),
                Err(error) => self.say(error),
            }
        }
    }

    /// Like [`value`](Self::value); nothing if the person just presses Enter.
    pub(crate) fn value_if_any<T>(&mut self, flag: &str, question: &str) -> Result<Option<T>, Failure>
    where
        T: FromStr<Err: fmt::Display>,
    {
        loop {
            let text: String =
                self.ask(flag, question, |question| Input::new().with_prompt(question).allow_empty(true).interact())?;
            match text.trim() {
                "" => return Ok(None),
                text => match text.parse() {
                    Ok(value) => return Ok(Some(value)),
                    Err(error) => self.say(error),
                },
            }
        }
    }

    /// Asks for a PIN or a passphrase, which is not shown. `flag` answers it.
    ///
    /// The terminal shows the question after its echo is off, so nothing that was typed for it is seen or lost.
    pub(crate) fn secret(&mut self, flag: &str, question: &str) -> Result<Pin, Failure> {
        self.need_terminal(flag, question)?;
        let _prompting = Prompting::new();
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO | LocalModes::ECHONL;
        silent.local_modes |= LocalModes::ICANON | LocalModes::ISIG;
        interrupt::set_modes(OptionalActions::Flush, &silent)?;
        self.err(&format!("{}: ", escaped(question)));
        let answer = secret_line();
        interrupt::set_modes(OptionalActions::Now, &before)?;
        self.err("\n");
        match answer? {
            Some(text) => Ok(Pin::new(text)?),
            None => Err(Failure::could_not("no answer").hint(answered_by(flag))),
        }
    }

    /// Asks for a new PIN or passphrase, twice, until both are the same. `flag` answers it.
    pub(crate) fn new_secret(&mut self, flag: &str, question: &str) -> Result<Pin, Failure> {
        loop {
            let secret = self.secret(flag, question)?;
            if self.secret(flag, "Once more")?.expose() == secret.expose() {
                return Ok(secret);
            }
            self.say("The two are not the same.");
        }
    }

    /// Writes the report of a command to stdout.
    pub(crate) fn report(&mut self, report: &dyn Report) -> Result<(), Failure> {
        match self.json {
            true => self.out_json(&report.json()),
            false => out(&escaped_lines(&report.to_string())),
        }
        .map_err(|error| Failure::could_not("the answer cannot be written to stdout").caused_by(&error))
    }

    /// Writes a failure to stderr, with `--json` to stdout too; returns its exit code.
    pub(crate) fn failure(&mut self, failure: &Failure) -> ExitCode {
        self.err(&failure.to_string());
        if self.json {
            let _ = self.out_json(&failure.json());
        }
        ExitCode::from(failure.code())
    }

    /// Writes what `clap` says instead of a command: help and version to stdout, a usage error to stderr.
    pub(crate) fn usage(&mut self, usage: &clap::Error) -> ExitCode {
        if !usage.use_stderr() {
            return match usage.print() {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::from(2),
                _ => ExitCode::SUCCESS,
            };
        }
        let text = usage.render().to_string();
        self.err(&wrapped_lines(&text));
        if self.json {
            let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
            let _ = self.out_json(&Failure::could_not(message).json());
        }
        ExitCode::from(2)
    }

    fn ask<T>(
        &mut self,
        flag: &str,
        question: &str,
        prompt: impl FnOnce(String) -> dialoguer::Result<T>,
    ) -> Result<T, Failure> {
        self.need_terminal(flag, question)?;
        let _prompting = Prompting::new();
        prompt(escaped(question).to_string()).map_err(|error| match io::Error::from(error) {
            error if error.kind() == io::ErrorKind::Interrupted => interrupt::exit_interrupted(),
            error => Failure::could_not("no answer").caused_by(&error).hint(answered_by(flag)),
        })
    }

    fn need_terminal(&self, flag: &str, question: &str) -> Result<(), Failure> {
        if self.terminal {
            return Ok(());
        }
        let message = format!("there is no terminal to ask on: {question}");
        Err(Failure::could_not(message).hint(answered_by(flag)))
    }

    fn err(&self, text: &str) {
        // Nobody is left to be told that stderr is closed.
        let _ = write!(io::stderr(), "{}", escaped_lines(text));
    }

    fn out_json(&self, json: &Json) -> io::Result<()> {
        out(&escaped_json(&json.pretty()))
    }
}

/// Says a sentence on stderr, as [`Ui::say`] does, from a thread that nobody talks to.
#[cfg(feature = "pkcs11")]
pub(crate) fn aside(text: impl fmt::Display) {
    let _ = write!(io::stderr(), "{}", escaped_lines(&wrapped(&text.to_string(), 0)));
}

/// `text` in at most `width` characters.
fn shortened(text: &str, width: usize) -> String {
    match text.chars().count() > width {
        true => text.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

fn answered_by(flag: &str) -> String {
    format!("answer it with {flag}")
}

/// Writes to stdout. A reader who has seen enough and went away is no error.
fn out(text: &dyn fmt::Display) -> io::Result<()> {
    let mut stdout = io::BufWriter::new(io::stdout().lock());
    match write!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// One line from the terminal, byte by byte, so that no buffer keeps a copy. None at its end.
fn secret_line() -> Result<Option<String>, Failure> {
    let mut line = Zeroizing::new(Vec::with_capacity(SECRET_LIMIT));
    loop {
        let mut byte = [0];
        match rustix::io::read(io::stdin(), &mut byte) {
            Ok(0) => return Ok(None),
            Ok(_) if byte == *b"\n" => break,
            Ok(_) if line.len() == SECRET_LIMIT => {
                return Err(Failure::could_not(format!("a PIN or passphrase has at most {SECRET_LIMIT} bytes")));
            }
            Ok(_) => line.extend(byte),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Failure::could_not("no answer").caused_by(&io::Error::from(error))),
        }
    }
    match std::str::from_utf8(&line) {
        Ok(text) => Ok(Some(text.to_owned())),
        Err(_) => Err(Failure::could_not("what was typed is not UTF-8")),
    }
}

#[cfg(test)]
#[path = "../tests/common/terminal.rs"]
mod terminal;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::terminal::{CTRL_C, CTRL_D, DOWN, ENTER, Terminal};
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
        terminal.expect("PIN of").type_secret(&"x".repeat(1500)).expect("at most 1024 bytes");
        assert!(terminal.echo());
        terminal.exit_code();
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
                terminal.send(ENTER).expect("Third: ");
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
}
