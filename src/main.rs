//! trustroot: ceremonies for the root of trust of a software-signing system.
#![forbid(unsafe_code)]

mod adopt;
mod advice;
mod ask;
mod audit;
mod ceremony_dir;
mod certificates;
mod cli;
mod client;
mod clock;
mod commands;
mod context;
mod copies;
mod deadlines;
mod devices;
mod disk;
mod error;
mod examine;
mod import;
mod interrupt;
mod machine;
mod material;
mod online;
mod page;
mod pinned;
mod policy_file;
mod published;
mod publishing;
mod records;
mod report;
mod seen;
mod simulate;
mod source;
mod standing;
mod text;
mod ui;
mod wanted;
mod workdir;

use std::process::ExitCode;

fn main() -> ExitCode {
    interrupt::restore_terminal();
    devices::expect_panics();
    cli::run(std::env::args_os())
}
