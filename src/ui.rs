//! The only place that talks: reports on stdout, conversation on stderr, questions where there is a terminal.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::str::FromStr;

use ceremony::Json;
use dialoguer::{Confirm, Input, Select};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::error::Failure;
use crate::interrupt::{self, Prompting};
use crate::report::Report;
use crate::text::{escaped, escaped_json, escaped_lines, wrapped};

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
        let items: Vec<_> = items.iter().map(|item| escaped(item).to_string()).collect();
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

    /// Asks for a PIN or a passphrase, which is not shown. `flag` answers it.
    ///
    /// The terminal shows the question after its echo is off, so nothing that was typed for it is seen or lost.
    pub(crate) fn secret(&mut self, flag: &str, question: &str) -> Result<Zeroizing<String>, Failure> {
        self.need_terminal(flag, question)?;
        let _prompting = Prompting::new();
        let stdin = io::stdin();
        let before = tcgetattr(&stdin)?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO | LocalModes::ECHONL;
        silent.local_modes |= LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(&stdin, OptionalActions::Flush, &silent)?;
        self.err(&format!("{}: ", escaped(question)));
        let answer = secret_line();
        tcsetattr(&stdin, OptionalActions::Now, &before)?;
        self.err("\n");
        answer?.ok_or_else(|| Failure::could_not("no answer").hint(answered_by(flag)))
    }

    /// Shows how far a long piece of work of `total` steps is, if stderr is a terminal.
    pub(crate) fn progress(&self, total: u64, what: &str) -> Progress {
        let target = match io::stderr().is_terminal() {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let style = ProgressStyle::with_template("{msg} {bar:30} {human_pos} of {human_len}");
        let bar = ProgressBar::with_draw_target(Some(total), target).with_message(escaped(what).to_string());
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Progress(bar)
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
        let _ = usage.print();
        if !usage.use_stderr() {
            return ExitCode::SUCCESS;
        }
        if self.json {
            let text = usage.render().to_string();
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

/// A bar on stderr that goes when it is dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// `steps` more are done.
    pub(crate) fn advance(&self, steps: u64) {
        self.0.inc(steps);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
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
fn secret_line() -> Result<Option<Zeroizing<String>>, Failure> {
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
        Ok(text) => Ok(Some(Zeroizing::new(text.to_owned()))),
        Err(_) => Err(Failure::could_not("what was typed is not UTF-8")),
    }
}
