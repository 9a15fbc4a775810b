//! The program that plugs cards in for a person.
#![allow(clippy::unwrap_used)]

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, ChildStdout, Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_virtual-yubikey");

struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut child =
            Command::new(PROGRAM).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    /// Enters a line; what is answered is read elsewhere.
    fn enter(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }
}

#[test]
fn cards_are_plugged_in_until_the_input_ends() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root.pem");
    let arguments =
        ["--serial=1", "--firmware=5.4.3", "--serial=2", "--firmware=5.7.4", "--serial=3", "--intermediates"];
    let mut program = Program::start(&[&arguments[..], &["--root", root.to_str().unwrap()]].concat());
    let line = program.line();
    let socket = line.strip_prefix("export PCSCLITE_CSOCK_NAME=").unwrap().to_owned();
    let readers: Vec<String> = (1..=3).map(|_| program.line()).collect();
    let status = |reader: &str| {
        let mut tool = Command::new("yubico-piv-tool");
        tool.env("PCSCLITE_CSOCK_NAME", &socket).args(["-r", reader, "-a", "status"]);
        let output = tool.output().expect("yubico-piv-tool is missing: apt-get install yubico-piv-tool");
        String::from_utf8(output.stdout).unwrap()
    };
    for (line, firmware) in readers.iter().zip(["5.4.3", "5.7.4", "5.7.4"]) {
        let (serial, reader) = line.strip_prefix("# ").unwrap().split_once(" in ").unwrap();
        let said = status(reader);
        assert!(said.contains(&format!("Serial Number:	{serial}")) && said.contains(firmware), "{line}: {said}");
    }
    let authorities = std::fs::read_to_string(&root).unwrap();
    assert_eq!(authorities.matches("BEGIN CERTIFICATE").count(), 3);

    program.enter("log 1");
    assert!(program.line().starts_with("# a4 04 00 "));
    program.enter("remove 2");
    program.enter("remove 2");
    let answers = |program: &mut Program| loop {
        let line = program.line();
        if !line.contains(" bytes)") {
            return line;
        }
    };
    assert_eq!(answers(&mut program), "# it is not plugged in");
    let reader = readers[1].split_once(" in ").unwrap().1;
    assert!(!status(reader).contains("Serial Number:	2"));
    program.enter("insert 2");
    program.enter("touch 2");
    program.enter("touch 9");
    assert_eq!(answers(&mut program), "# there is no such card");
    assert!(status(reader).contains("Serial Number:	2"));
    program.enter("dance 1");
    assert_eq!(answers(&mut program), "# touch, remove, insert or log?");

    drop(program.child.stdin.take());
    assert!(program.child.wait().unwrap().success());
    assert!(!std::path::Path::new(&socket).exists());
}

#[test]
fn what_is_missing_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let fails = || {
        let output = Command::new(PROGRAM).env("PATH", directory.path()).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(fails().contains("apt-get install util-linux"));
    let unshare = directory.path().join("unshare");
    std::fs::write(&unshare, "#!/bin/sh\necho 'unshare: Operation not permitted' >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&unshare, Permissions::from_mode(0o755)).unwrap();
    let said = fails();
    assert!(said.contains("(0 of 2 readers): apt-get install pcscd vsmartcard-vpcd"), "{said}");
    assert!(said.contains("Operation not permitted"), "{said}");

    let output = Command::new(PROGRAM).arg("--firmware=5.7").output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("5.7 is no version like 5.7.4"));
}
