//! The only place that talks: reports on stdout, conversation on stderr, questions where there is a terminal.

mod choice;
mod keyboard;

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::str::FromStr;

use ceremony::Json;
use keyholders::Pin;
use keyholders::pin::PinError;

use self::keyboard::Keyboard;
use crate::error::Failure;
use crate::interrupt;
use crate::report::Report;
use crate::text::{COLUMNS, escaped, escaped_json, escaped_lines, wrapped, wrapped_lines};

/// The person in front of the program, or nobody.
pub(crate) struct Ui {
    json: bool,
    /// Both stdin and stderr are a terminal: what is asked on one is answered on the other.
    terminal: bool,
    /// Whether a secret was asked for.
    discreet: bool,
}

impl Ui {
    /// With `json`, reports and failures are written as JSON.
    pub(crate) fn new(json: bool) -> Self {
        Self { json, terminal: io::stdin().is_terminal() && io::stderr().is_terminal(), discreet: false }
    }

    /// Whether somebody can be asked.
    pub(crate) fn has_terminal(&self) -> bool {
        self.terminal
    }

    /// Says a sentence on stderr, wrapped at 80 columns. Line breaks in it are not ours.
    pub(crate) fn say(&mut self, text: impl fmt::Display) {
        self.err(&wrapped(&escaped(&text.to_string()).to_string(), 0));
    }

    /// Says a sentence behind an empty line.
    pub(crate) fn say_apart(&mut self, text: impl fmt::Display) {
        self.err("\n");
        self.say(text);
    }

    /// Shows a report on stderr, before a question about it. Its layout is kept.
    pub(crate) fn show(&mut self, report: &dyn Report) {
        self.err(&report.to_string());
    }

    /// Tells on stderr why something was not done, when the command goes on.
    pub(crate) fn tell(&mut self, failure: &Failure) {
        self.err(&failure.to_string());
    }

    /// Asks a question that `flag` answers. What was typed before it is shown is no answer to it.
    pub(crate) fn confirm(&mut self, flag: &str, question: &str, default: Option<bool>) -> Result<bool, Failure> {
        self.choose(flag, question, |question| choice::confirm(question, default))
    }

    /// Asks for one of `items`, the first of them proposed; returns its index. `flag` answers it.
    pub(crate) fn select(&mut self, flag: &str, question: &str, items: &[String]) -> Result<usize, Failure> {
        self.choose(flag, question, |question| choice::select(question, items))
    }

    /// Asks for a value that can be read as `T`, until it can be. `flag` answers it.
    pub(crate) fn value<T>(&mut self, flag: &str, question: &str, default: Option<&str>) -> Result<T, Failure>
    where
        T: FromStr<Err: fmt::Display>,
    {
        self.accepted(flag, question, default, Ok)
    }

    /// Like [`value`](Self::value), until `accept` takes the value too.
    pub(crate) fn accepted<T, U>(
        &mut self,
        flag: &str,
        question: &str,
        default: Option<&str>,
        mut accept: impl FnMut(T) -> Result<U, Failure>,
    ) -> Result<U, Failure>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let shown = default.map_or(question.to_owned(), |default| format!("{question} [{default}]"));
        loop {
            let line = self.line(flag, &shown)?;
            let text = if line.is_empty() { default.unwrap_or_default() } else { &line };
            match text.parse().map(&mut accept) {
                _ if text.is_empty() => self.say("Nothing was typed. Ctrl-C ends this program."),
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(failure)) => self.tell(&failure),
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
            match &*self.line(flag, question)? {
                "" => return Ok(None),
                text => match text.parse() {
                    Ok(value) => return Ok(Some(value)),
                    Err(error) => self.say(error),
                },
            }
        }
    }

    /// Waits until the person has read what was shown, and presses Enter. An empty line sets the question apart.
    pub(crate) fn pause(&mut self, question: &str) -> Result<(), Failure> {
        self.err("\n");
        self.line("a terminal", question).map(drop)
    }

    /// Asks for a PIN or a passphrase, which is not shown, until it can be one. `flag` answers it.
    ///
    /// The terminal shows the question after its echo is off, so nothing that was typed for it is seen or lost.
    pub(crate) fn secret(&mut self, flag: &str, question: &str) -> Result<Pin, Failure> {
        loop {
            match self.secret_if_any(flag, question)? {
                Some(secret) => return Ok(secret),
                None => self.say(PinError::Empty),
            }
        }
    }

    /// Like [`secret`](Self::secret), with none for Enter alone.
    pub(crate) fn secret_if_any(&mut self, flag: &str, question: &str) -> Result<Option<Pin>, Failure> {
        self.need_terminal(flag, question)?;
        self.discreet = true;
        let keyboard = Keyboard::secret_lines().map_err(|error| no_answer(flag).caused_by(&error))?;
        loop {
            self.prompt(&format!("{question}:"), 0);
            let line = keyboard.line().map_err(|error| no_answer(flag).caused_by(&error))?;
            self.err("\n");
            let line = line.ok_or_else(|| no_answer(flag))?;
            if line.is_empty() {
                return Ok(None);
            }
            match std::str::from_utf8(&line).map_err(|_| PinError::NotText).and_then(|text| Pin::new(text.to_owned())) {
                Ok(secret) => return Ok(Some(secret)),
                Err(error) => self.say(error),
            }
        }
    }

    /// Asks for a new PIN or passphrase, twice, until it is one that `fits` and both are the same. `flag` answers it.
    pub(crate) fn new_secret(
        &mut self,
        flag: &str,
        question: &str,
        fits: impl Fn(&Pin) -> Result<(), String>,
    ) -> Result<Pin, Failure> {
        loop {
            let secret = self.secret(flag, question)?;
            match fits(&secret) {
                Err(reason) => self.say(reason),
                Ok(()) if self.secret(flag, "Once more")?.expose() == secret.expose() => return Ok(secret),
                Ok(()) => self.say("The two are not the same."),
            }
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

    /// Has `ask` put the last line of a question, which is painted anew with every key.
    fn choose<T>(
        &mut self,
        flag: &str,
        question: &str,
        ask: impl FnOnce(&str) -> dialoguer::Result<T>,
    ) -> Result<T, Failure> {
        self.need_terminal(flag, question)?;
        let _keyboard = Keyboard::keys().map_err(|error| no_answer(flag).caused_by(&error))?;
        let text = wrapped(&escaped(question).to_string(), 0);
        let (above, last) = match text.trim_end().rsplit_once('\n') {
            Some((above, last)) => (format!("{above}\n"), last),
            None => (String::new(), text.trim_end()),
        };
        // Room for the longest that stands behind it.
        let fits = last.chars().count() + " [y/n] ".len() < COLUMNS;
        let (above, last) = if fits { (above, last) } else { (text.clone(), "") };
        self.err(&above);
        ask(last).map_err(|error| match io::Error::from(error) {
            error if error.kind() == io::ErrorKind::Interrupted => interrupt::step_aside(),
            error => no_answer(flag).caused_by(&error),
        })
    }

    /// One line, without the blanks around it.
    fn line(&mut self, flag: &str, question: &str) -> Result<String, Failure> {
        self.need_terminal(flag, question)?;
        let keyboard = Keyboard::lines().map_err(|error| no_answer(flag).caused_by(&error))?;
        loop {
            self.prompt(&format!("{question}:"), COLUMNS / 2);
            let line = keyboard.line().map_err(|error| no_answer(flag).caused_by(&error))?;
            let Some(line) = line else {
                self.err("\n");
                return Err(no_answer(flag));
            };
            match std::str::from_utf8(&line) {
                Ok(text) => return Ok(text.trim().to_owned()),
                Err(_) => self.say("What was typed is not UTF-8."),
            }
        }
    }

    /// Shows a question, with room for an answer of so many columns behind it, or below it: the terminal cannot correct
    /// what goes on over the end of a line.
    fn prompt(&self, question: &str, room: usize) {
        let text = wrapped(&escaped(question).to_string(), 0);
        let text = text.trim_end();
        let last = text.lines().last().map_or(0, |line| line.chars().count());
        self.err(&format!("{text}{}", if last + 1 + room > COLUMNS { "\n> " } else { " " }));
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

impl Drop for Ui {
    /// Whoever types a secret once too often does not give it to the shell.
    fn drop(&mut self) {
        if self.discreet {
            keyboard::forget();
        }
    }
}

/// Says a sentence on stderr, as [`Ui::say`] does, from a thread that nobody talks to.
#[cfg(feature = "pkcs11")]
pub(crate) fn aside(text: impl fmt::Display) {
    let _ = write!(io::stderr(), "{}", escaped_lines(&wrapped(&text.to_string(), 0)));
}

fn answered_by(flag: &str) -> String {
    format!("answer it with {flag}")
}

fn no_answer(flag: &str) -> Failure {
    Failure::could_not("no answer").hint(answered_by(flag))
}

/// Writes to stdout. A reader who has seen enough and went away is no error.
fn out(text: &dyn fmt::Display) -> io::Result<()> {
    let mut stdout = io::BufWriter::new(io::stdout().lock());
    match write!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests;
