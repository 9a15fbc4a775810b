//! What all commands share: arguments, answers, failures, prompts, locks.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::time::Duration;

use common::terminal::{CTRL_C, ENTER};
use common::{Trustroot, fits};

const GIVEN: [&str; 9] = ["init", "--name", "Test", "--keyholder", "alice", "--keyholder", "bob", "--threshold", "2"];

#[test]
fn a_usage_error_is_exit_2() {
    let trustroot = Trustroot::new();
    for arguments in [&["frobnicate"][..], &["init", "--no-such-flag"], &["init", "--now", "yesterday"]] {
        let run = trustroot.exits(2, arguments);
        assert!(run.stderr.starts_with("error: ") && run.stdout.is_empty(), "{run:?}");
    }
    let run = trustroot.exits(2, &["a\x1b[2J\u{202e}"]);
    assert!(run.stderr.contains(r"\u{202e}") && !run.stderr.contains(['\x1b', '\u{202e}']), "{run:?}");
    let answer = trustroot.json(2, &["init", "--threshold", "many"]);
    assert_eq!(answer["ok"], false);
    assert!(answer["error"].as_str().unwrap().contains("many"), "{answer}");
}

#[test]
fn help_and_version_are_answers() {
    let trustroot = Trustroot::new();
    assert!(trustroot.ok(&["--version"]).starts_with("trustroot "));
    let help = trustroot.ok(&["--help"]);
    assert!(help.contains("init") && help.contains("Global options:"), "{help}");
    assert!(helps(&trustroot, &[]) > 30);
}

/// Reads the help of a command and of those below it; returns how many there are.
fn helps(trustroot: &Trustroot, command: &[&str]) -> usize {
    let long = trustroot.ok(&[command, &["--help"]].concat());
    let short = trustroot.ok(&[command, &["-h"]].concat());
    for help in [&long, &short] {
        fits(help);
        let codes =
            "Exit codes: 0 done or yes; 1 checked, and the answer is no; 2 could not check;\n130 Ctrl-C at a prompt.\n";
        assert!(help.ends_with(codes), "{help}");
    }
    let commands = short.split_once("Commands:\n").map_or("", |(_, rest)| rest.split("\n\n").next().unwrap());
    assert!(commands.lines().all(|line| !line.starts_with("   ")), "a summary takes two lines: {commands}");
    let names = commands.lines().filter_map(|line| line.split_whitespace().next());
    let below = names.filter(|name| *name != "help").map(|name| helps(trustroot, &[command, &[name]].concat()));
    1 + below.sum::<usize>()
}

#[test]
fn usage_errors_fit_a_terminal() {
    let trustroot = Trustroot::new();
    let run = trustroot.exits(2, &["keyholder", "enroll", "Alice of the company with the long name"]);
    assert!(run.stderr.lines().count() > 3 && run.stderr.lines().all(|line| line.len() <= 80), "{run:?}");
    let answer = trustroot.json(2, &["keyholder", "enroll", "Alice of the company with the long name"]);
    assert!(answer["error"].as_str().unwrap().ends_with("only"), "{answer}");
}

#[test]
fn without_a_terminal_an_error_names_the_flag() {
    let trustroot = Trustroot::new();
    let run = trustroot.exits(2, &["init"]);
    assert!(run.stderr.contains("hint: answer it with --name"), "{run:?}");
    let run = trustroot.exits(2, &["init", "--name", "Test"]);
    assert!(run.stderr.contains("hint: answer it with --keyholder"), "{run:?}");
    let answer = trustroot.json(2, &["init"]);
    assert_eq!((&answer["ok"], &answer["hints"][0]), (&false.into(), &"answer it with --name".into()));
    assert_eq!(std::fs::read_dir(trustroot.dir()).unwrap().count(), 0);
}

#[test]
fn input_from_a_pipe_is_no_person() {
    // Standard error is a terminal here, standard input is not: a prompt would wait for ever.
    let trustroot = Trustroot::new();
    let script = format!("{} init < /dev/null", common::BINARY);
    let mut terminal = trustroot.program_in_terminal("/bin/sh", &["-c", &script]);
    terminal.expect("answer it with --name");
    assert_eq!(terminal.exit_code(), 2);
}

#[test]
fn answers_may_be_typed_or_given() {
    let given = Trustroot::new();
    given.ok(&GIVEN);
    let typed = Trustroot::new();
    let mut terminal = typed.terminal(&["init"]);
    terminal.expect("Name of the trust root").line("Test").expect("Names of the keyholders");
    terminal.line("alice Bob").expect("lower-case").line("alice, bob");
    let many = "How many of the 2 must sign [2]";
    terminal
        .expect(many)
        .line("both")
        .expect("it is a number from 1 to 2")
        .expect_times(many, 2)
        .send(ENTER)
        .expect("May keyholders sign with keys in files? [y/N]")
        .send(ENTER)
        .expect("Wrote ./trustroot.toml");
    assert_eq!(terminal.exit_code(), 0);
    let without_id = |trustroot: &Trustroot| {
        let policy = trustroot.read("trustroot.toml");
        policy.lines().filter(|line| !line.starts_with("id = ")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(without_id(&given), without_id(&typed));
    assert_ne!(given.read("trustroot.toml"), typed.read("trustroot.toml"), "both have one id");
}

#[test]
fn what_is_answered_wrong_is_asked_again() {
    let trustroot = Trustroot::new();
    let mut terminal = trustroot.terminal(&["init"]);
    let (name, people, many) = ("Name of the trust root", "Names of the keyholders", "How many of the 3 must sign");
    terminal.expect(name).line("").expect("Nothing was typed.").line("a\u{16}\u{1b}[2Jb").expect("one line of text");
    terminal.expect_times(name, 3).line("Test").expect(people).line("alice alice").expect("alice is named twice");
    terminal.expect_times(people, 2).line("alice online").expect("a person is no robot").expect_times(people, 3);
    terminal.line("alice bob carol").expect(many).line("4").expect("it is a number from 1 to 3");
    terminal.expect_times(many, 2).line("3").expect("can be copied unnoticed").expect("May keyholders sign");
    terminal.line("what? y").expect("Wrote ./trustroot.toml");
    assert_eq!(terminal.exit_code(), 0);
    let policy = trustroot.read("trustroot.toml");
    for line in ["name = \"Test\"", "keyholders = [\"alice\", \"bob\", \"carol\"]", "threshold = 3", "file-keys = true"]
    {
        assert!(policy.lines().any(|other| other == line), "{line}: {policy}");
    }
}

#[test]
fn init_never_overwrites() {
    let trustroot = Trustroot::new();
    let answer = trustroot.json(0, &GIVEN);
    let policy = trustroot.read("trustroot.toml");
    assert!(policy.contains(answer["id"].as_str().unwrap()));
    let run = trustroot.exits(1, &GIVEN);
    assert!(run.stderr.contains("exists already"), "{run:?}");
    assert_eq!(trustroot.read("trustroot.toml"), policy);
}

#[test]
fn where_nothing_is_nobody_is_sent_on() {
    let trustroot = Trustroot::new();
    for command in ["review", "sign", "publish", "import"] {
        let run = trustroot.exits(2, &[command]);
        assert!(run.says("there is neither a trust root nor a ceremony in .") && run.says("-C DIR"), "{run:?}");
    }
    trustroot.ok(&GIVEN);
    let run = trustroot.exits(1, &["review"]);
    assert!(run.says("no ceremony is open") && run.says("trustroot stage"), "{run:?}");
}

#[test]
fn who_is_named_and_not_enrolled_is_told_beside_the_role() {
    let trustroot = Trustroot::new();
    trustroot.ok(&GIVEN);
    let said = trustroot.ok(&["role", "root", "--add", "carol"]);
    assert!(said.contains("carol") && said.contains("trustroot keyholder enroll carol\n"), "{said}");
    let said = trustroot.ok(&["role", "timestamp"]);
    assert!(said.contains("trustroot keyholder enroll online --online\n"), "{said}");
}

#[test]
fn init_refuses_answers_that_make_no_policy() {
    let trustroot = Trustroot::new();
    for (arguments, reason) in [
        (&["--keyholder", "alice", "--threshold", "2"][..], "2 of 1"),
        (&["--keyholder", "alice", "--keyholder", "alice"], "alice is named twice"),
        (&["--keyholder", "online"], "no robot"),
        (&["--keyholder", "../alice"], "alice"),
        (&["--keyholder", "alice", "--name", "a\x1b[2Jb"], "one line of text"),
    ] {
        let name: &[&str] = if arguments.contains(&"--name") { &["init"] } else { &["init", "--name", "Test"] };
        let run = trustroot.exits(2, &[name, arguments].concat());
        assert!(run.says(reason) && !run.stderr.contains('\x1b'), "{run:?}");
    }
    assert_eq!(std::fs::read_dir(trustroot.dir()).unwrap().count(), 0);
}

#[test]
fn ctrl_c_at_a_question_gives_the_terminal_back() {
    let trustroot = Trustroot::new();
    for pause in 0..20 {
        let mut terminal = trustroot.terminal(&["init"]);
        terminal.expect("Name of the trust root").send("Te").expect("Te");
        // Nothing is set back and forth between two keys: there would be a moment at which Ctrl-C comes amiss.
        assert!(terminal.echo());
        std::thread::sleep(Duration::from_micros(pause * 20));
        terminal.send(CTRL_C);
        assert_eq!(terminal.exit_code(), 130);
        assert!(terminal.echo() && terminal.cursor());
    }
    assert_eq!(std::fs::read_dir(trustroot.dir()).unwrap().count(), 0);
}

#[test]
fn a_reader_who_goes_away_is_no_failure() {
    let trustroot = Trustroot::new();
    let mut child = trustroot.command(&GIVEN).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), &*stderr), (Some(0), ""));
}

#[test]
fn a_full_disk_under_stdout_is_a_failure() {
    let trustroot = Trustroot::new();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = trustroot.command(&["init", "--help"]).stdout(full.try_clone().unwrap()).output().unwrap();
    assert!(!output.status.success());
    let output = trustroot.command(&GIVEN).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("cannot be written to stdout"));
}

#[test]
fn the_directory_may_be_elsewhere() {
    let trustroot = Trustroot::new();
    trustroot.ok(&[&["-C", "not/yet/there"][..], &GIVEN].concat());
    assert!(trustroot.read("not/yet/there/trustroot.toml").contains("name = \"Test\""));
}

#[test]
fn who_comes_second_is_told_who_was_first() {
    let trustroot = Trustroot::new();
    trustroot.ok(&GIVEN);
    let path = trustroot.dir().join(".trustroot.lock");
    let mut file = std::fs::File::create_new(path).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
    write!(file, "4321").unwrap();
    let before = trustroot.read("trustroot.toml");
    let run = trustroot.exits(2, &["stage"]);
    assert!(run.stderr.contains("is in use by process 4321") && run.stderr.contains("hint: wait"), "{run:?}");
    // What a killed process leaves of the lock locks nothing. A child that another test starts may have the file, too.
    rustix::fs::flock(&file, rustix::fs::FlockOperation::Unlock).unwrap();
    drop(file);
    let run = trustroot.run(&["stage"]);
    assert!(!run.stderr.contains("in use"), "{run:?}");
    assert_eq!((trustroot.read("trustroot.toml"), trustroot.dir().join(".trustroot.lock").exists()), (before, false));
}
