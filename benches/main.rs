//! Measures this program beside its peers: `docs/benchmarks.md` says what, and how.
//!
//! ```text
//! bench start                        a program that has nothing to do
//! bench refresh [ROUNDS]             clients of Sigstore's repository, and an audit of it
//! bench compare N [ROUNDS [PEER..]]  a repository of N targets
//! bench                              all of it
//! ```
//!
//! `cargo test` runs all of it as well, with 50 targets and one round: not for its time, but to see that it runs.
#![forbid(unsafe_code)]
#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
mod common;
mod compare;
mod floor;
mod measure;
mod refresh;
#[path = "../tests/sigstore/mod.rs"]
mod sigstore;

use std::env;
use std::process::{Command, ExitCode};

use crate::compare::{PEERS, compare};
use crate::measure::{Table, measure};
use crate::refresh::refresh;

/// How often everything is run; the median counts.
const ROUNDS: usize = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.is_empty() {
        let tables = [start(1), refresh(1), compare(50, 1, &PEERS)];
        tables.iter().for_each(show);
        // Whoever fails at so little was not run.
        return ExitCode::from(u8::from(tables.iter().any(Table::has_failures)));
    }
    // `cargo bench` says that it is one. `cargo test NAME` looks for tests of that name, and there are none here.
    let given: Vec<&str> = arguments.iter().map(String::as_str).filter(|argument| *argument != "--bench").collect();
    if given.len() == arguments.len() {
        return ExitCode::SUCCESS;
    }
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("{text} is no number"));
    match given[..] {
        [] => {
            show(&start(20));
            show(&refresh(5));
            [1_000, 10_000, 100_000].iter().for_each(|targets| show(&compare(*targets, ROUNDS, &PEERS)));
        }
        ["start"] => show(&start(20)),
        ["refresh"] => show(&refresh(5)),
        ["refresh", rounds] => show(&refresh(number(rounds))),
        ["compare", targets] => show(&compare(number(targets), ROUNDS, &PEERS)),
        ["compare", targets, rounds] => show(&compare(number(targets), number(rounds), &PEERS)),
        ["compare", targets, rounds, ref peers @ ..] => show(&compare(number(targets), number(rounds), peers)),
        // What the benchmarks have other processes of this program do.
        ["floor", from, to] => floor::floor(from.as_ref(), to.as_ref()).unwrap(),
        ["client", library, url, root, cache] => assert_eq!(refresh::client(library, url, root, cache), Ok(16)),
        _ => panic!("no such benchmark: {given:?}"),
    }
    ExitCode::SUCCESS
}

fn show(table: &Table) {
    println!("{table}");
}

/// A program that has nothing to do.
fn start(rounds: usize) -> Table {
    let mut table = Table::default();
    for _ in 0..rounds {
        for flag in ["--version", "--help"] {
            table.add(flag, measure(Command::new(common::BINARY).arg(flag)));
        }
    }
    table
}
