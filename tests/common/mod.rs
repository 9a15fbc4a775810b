//! Runs the binary as a person or a robot would: own directory, own home, nothing else of the environment.
#![allow(dead_code, unused_imports, unreachable_pub, clippy::unwrap_used, clippy::panic)]

pub mod clients;
pub mod desk;
#[path = "../../ceremony/tests/made/mod.rs"]
pub mod made;
pub mod room;
pub mod said;
pub mod server;
pub mod services;
pub mod store;
pub mod terminal;
pub mod tree;
pub mod tuf;
pub mod yubikeys;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub use desk::Desk;
pub use room::Room;
pub use said::{fits, says};
pub use server::{Reply, Server};
pub use store::Store;
pub use terminal::Terminal;
pub use yubikeys::Readers;

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_trustroot");

/// A trust root's directory and a machine: what the binary is run with.
pub struct Trustroot {
    directory: PathBuf,
    home: PathBuf,
    environment: Vec<(String, String)>,
    _temporary: Vec<TempDir>,
}

/// What came of a run.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Trustroot {
    /// An empty directory and a machine that remembers nothing.
    pub fn new() -> Self {
        let (directory, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let paths = (directory.path().to_owned(), home.path().to_owned());
        Self { directory: paths.0, home: paths.1, environment: Vec::new(), _temporary: vec![directory, home] }
    }

    /// Another machine with the same directory.
    pub fn other_machine(&self) -> Self {
        let home = tempfile::tempdir().unwrap();
        Self {
            directory: self.directory.clone(),
            home: home.path().to_owned(),
            environment: self.environment.clone(),
            _temporary: vec![home],
        }
    }

    /// The same machine, in another directory. Both last no longer than where they come from.
    pub fn elsewhere(&self, directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            home: self.home.clone(),
            environment: self.environment.clone(),
            _temporary: Vec::new(),
        }
    }

    /// A copy of the directory and of the machine, as they are now.
    pub fn twin(&self) -> Self {
        let twin = Self { environment: self.environment.clone(), ..Self::new() };
        clients::copy(&self.directory, &twin.directory);
        clients::copy(&self.home, &twin.home);
        twin
    }

    /// The same with a variable in the environment.
    pub fn env(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.environment.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// The directory of the trust root, which the binary runs in.
    pub fn dir(&self) -> &Path {
        &self.directory
    }

    /// The directory of the machine's own state.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Writes a file below the directory, and the directories above it.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.directory.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Reads a text file below the directory.
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.directory.join(path)).unwrap()
    }

    /// The command, not yet started, without input.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.program(BINARY, arguments)
    }

    /// The command of another program, in the same environment.
    pub fn program(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.directory).env_clear().envs(self.environment()).stdin(Stdio::null());
        command
    }

    /// Runs the binary to its end, without a terminal and without input.
    pub fn run(&self, arguments: &[&str]) -> Run {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs the binary, which must exit with `code`.
    pub fn exits(&self, code: i32, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.code, code, "trustroot {arguments:?}\n--- stdout\n{}--- stderr\n{}", run.stdout, run.stderr);
        if !arguments.contains(&"--json") {
            let wide: Vec<_> = run.stdout.lines().chain(run.stderr.lines()).filter(|line| is_too_wide(line)).collect();
            assert!(wide.is_empty(), "trustroot {arguments:?} fills more than 80 columns: {wide:#?}");
        }
        run
    }

    /// Runs the binary, which must exit with 0; returns its stdout.
    pub fn ok(&self, arguments: &[&str]) -> String {
        self.exits(0, arguments).stdout
    }

    /// Accepts that all keys of the root are needed: two of two are enough for a test.
    pub fn accept_no_spare(&self) {
        let until = "--until=9000-01-01T00:00:00Z";
        self.ok(&["accept", "key-lost", "root", "--reason=a test", until]);
    }

    /// Runs the binary with `--json`, which must exit with `code`; returns what it answers.
    pub fn json(&self, code: i32, arguments: &[&str]) -> Value {
        let arguments = [arguments, &["--json"]].concat();
        let run = self.exits(code, &arguments);
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error} in the answer: {}", run.stdout))
    }

    /// Starts the binary in a terminal.
    pub fn terminal(&self, arguments: &[&str]) -> Terminal {
        Terminal::start(Path::new(BINARY), arguments, &self.directory, &self.environment())
    }

    /// Starts another program in a terminal, with the same environment.
    pub fn program_in_terminal(&self, program: &str, arguments: &[&str]) -> Terminal {
        Terminal::start(Path::new(program), arguments, &self.directory, &self.environment())
    }

    fn environment(&self) -> Vec<(String, String)> {
        let kept = ["PATH", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"];
        let kept = kept.iter().filter_map(|name| Some((name.to_string(), std::env::var(name).ok()?)));
        let home = self.home.to_str().unwrap();
        let homes = ["HOME", "TRUSTROOT_HOME"].map(|name| (name.to_owned(), home.to_owned()));
        // Nothing in the readers of this machine is ever touched.
        let no_pcscd = ("PCSCLITE_CSOCK_NAME".to_owned(), format!("{home}/no-pcscd"));
        kept.chain(homes).chain([no_pcscd]).chain(self.environment.iter().cloned()).collect()
    }
}

/// Whether a line is wider than 80 columns, and could be broken: long words and commands are copied whole.
fn is_too_wide(line: &str) -> bool {
    let longest = line.split(' ').map(|word| word.chars().count()).max().unwrap_or(0);
    let is_command = line.trim_start().trim_start_matches("$ ").starts_with("trustroot ");
    line.chars().count() > 80 && longest < 70 && !is_command
}

impl Run {
    /// Whether stderr says `text`, wherever its lines are broken.
    pub fn says(&self, text: &str) -> bool {
        self.said().contains(text)
    }

    /// Stderr with one blank between any two words, wherever its lines are broken.
    pub fn said(&self) -> String {
        self.stderr.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The run came to an end of its own, and told the terminal nothing but text.
    pub fn harmless(&self) -> &Self {
        assert!((0..=2).contains(&self.code) && !self.stderr.contains("panicked"), "{self:#?}");
        let acts = |c: char| {
            (c.is_control() && c != '\n')
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        assert!(!self.stdout.contains(acts) && !self.stderr.contains(acts), "{self:#?}");
        self
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("a program writes UTF-8");
        Self { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}
