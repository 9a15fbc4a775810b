//! A program in a real pseudo-terminal of 80 columns and 24 rows, and what its screen shows.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{Read as _, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How long a program may take to show what is expected of it.
const PATIENCE: Duration = Duration::from_secs(30);
const ROWS: u16 = 24;
const COLUMNS: u16 = 80;
/// The flag `ECHO` of a terminal's local modes, the same on Linux, the BSDs and macOS.
const ECHO: u64 = 0o10;

/// The keys that are not characters.
pub const ENTER: &str = "\r";
pub const DOWN: &str = "\x1b[B";
pub const CTRL_C: &str = "\x03";
pub const CTRL_D: &str = "\x04";

/// A running program in its terminal. It is killed when this is dropped.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    seen: Arc<Mutex<Seen>>,
}

struct Seen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
    ended: bool,
}

impl Terminal {
    /// Starts `program` with nothing but `environment`, and waits for nothing.
    pub fn start(program: &Path, arguments: &[&str], directory: &Path, environment: &[(String, String)]) -> Self {
        let size = PtySize { rows: ROWS, cols: COLUMNS, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.cwd(directory);
        command.env_clear();
        command.env("TERM", "xterm-256color");
        environment.iter().for_each(|(name, value)| command.env(name, value));
        let child = pair.slave.spawn_command(command).unwrap();
        let seen =
            Seen { parser: vt100::Parser::new(nonzero(ROWS), nonzero(COLUMNS), 0), bytes: Vec::new(), ended: false };
        let seen = Arc::new(Mutex::new(seen));
        let mut reader = pair.master.try_clone_reader().unwrap();
        std::thread::spawn({
            let seen = seen.clone();
            move || {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = reader.read(&mut buffer) {
                    let mut seen = seen.lock().unwrap();
                    seen.parser.process(&buffer[..count]);
                    seen.bytes.extend_from_slice(&buffer[..count]);
                }
                seen.lock().unwrap().ended = true;
            }
        });
        let writer = pair.master.take_writer().unwrap();
        Self { master: pair.master, writer, child, seen }
    }

    /// Waits until the screen shows `text`, in one line or broken, at blanks or by the edge of the screen.
    pub fn expect(&mut self, text: &str) -> &mut Self {
        self.wait(&format!("expected {text:?}"), |this| this.shows(text));
        self
    }

    /// Waits until `text` was written in one line for the `times`th time, be it on the screen now or not.
    pub fn expect_times(&mut self, text: &str, times: usize) -> &mut Self {
        let what = format!("expected {text:?} for the {times}th time");
        self.wait(&what, |this| this.written().matches(text).count() >= times);
        self
    }

    /// Waits until the terminal shows what is typed, or does not.
    pub fn expect_echo(&mut self, on: bool) -> &mut Self {
        self.wait(&format!("expected echo to be {}", if on { "on" } else { "off" }), |this| this.echo() == on);
        self
    }

    /// Waits until the cursor is to be seen, or is not.
    pub fn expect_cursor(&mut self, seen: bool) -> &mut Self {
        let what = format!("expected the cursor to be {}", if seen { "seen" } else { "hidden" });
        self.wait(&what, |this| this.cursor() == seen);
        self
    }

    /// Types.
    pub fn send(&mut self, text: &str) -> &mut Self {
        self.writer.write_all(text.as_bytes()).unwrap();
        self.writer.flush().unwrap();
        self
    }

    /// Types a line.
    pub fn line(&mut self, text: &str) -> &mut Self {
        self.send(text).send(ENTER)
    }

    /// Waits until the terminal does not show what is typed, then types a line.
    pub fn type_secret(&mut self, secret: &str) -> &mut Self {
        self.expect_echo(false).line(secret)
    }

    /// Whether the terminal shows what is typed.
    pub fn echo(&self) -> bool {
        u64::from(self.master.get_termios().unwrap().local_flags.bits()) & ECHO != 0
    }

    /// Whether the cursor is to be seen.
    pub fn cursor(&self) -> bool {
        !self.seen.lock().unwrap().parser.screen().hide_cursor()
    }

    /// What the screen shows.
    pub fn screen(&self) -> String {
        self.seen.lock().unwrap().parser.screen().contents()
    }

    /// Everything that was written to the terminal, control sequences included.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap().bytes).into_owned()
    }

    /// Waits for the end of the program; returns its exit code.
    pub fn exit_code(&mut self) -> u32 {
        let mut code = None;
        self.wait("expected the program to end", |this| {
            code = code.take().or_else(|| this.child.try_wait().unwrap().map(|status| status.exit_code()));
            code.is_some()
        });
        // What it wrote last is still on its way. The slave is closed, so the reader ends by itself.
        let until = Instant::now() + Duration::from_secs(2);
        while !self.seen.lock().unwrap().ended && Instant::now() < until {
            sleep(Duration::from_millis(1));
        }
        code.unwrap()
    }

    fn shows(&self, text: &str) -> bool {
        let seen = self.seen.lock().unwrap();
        let screen = seen.parser.screen();
        let rows = screen.rows(0, COLUMNS).collect::<String>();
        let contents = screen.contents();
        let words = contents.split_whitespace().collect::<Vec<_>>().join(" ");
        contents.contains(text) || rows.contains(text) || words.contains(text)
    }

    fn wait(&mut self, what: &str, mut until: impl FnMut(&mut Self) -> bool) {
        let start = Instant::now();
        while !until(self) {
            // A program that is gone shows nothing more; only its exit code may take a moment.
            let ended = self.seen.lock().unwrap().ended && self.child.try_wait().unwrap().is_some() && !until(self);
            if ended || start.elapsed() > PATIENCE {
                let why = if ended { "the program has ended" } else { "time is over" };
                panic!("{what}, but {why}. The screen:\n{}\n{}\n{0}", "-".repeat(80), self.screen());
            }
            sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

fn nonzero(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}
