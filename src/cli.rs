//! The command line: global flags, the commands, and the way from arguments to an exit code.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use ceremony::Time;
use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use crate::commands::Command;
use crate::context::Context;
use crate::error::Failure;
use crate::machine::Machine;
use crate::report::{Answer, Outcome};
use crate::text::COLUMNS;
use crate::ui::Ui;
use crate::workdir::Workdir;

/// Make, change and publish the root of trust of software signing, together
#[derive(Parser)]
#[command(name = "trustroot", version, max_term_width = COLUMNS)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// The directory of the trust root; files that other options name are still looked for from here
    #[arg(short = 'C', long = "directory", value_name = "DIR", default_value = ".", global = true)]
    directory: PathBuf,
    /// Take this for the present time: audits, rehearsals
    #[arg(long, value_name = "RFC3339", global = true)]
    now: Option<Time>,
    /// Write the answer as JSON
    #[arg(long, global = true)]
    json: bool,
}

/// Runs the command that `arguments` name, program name first, and returns its exit code.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<_> = arguments.collect();
    let cli = match Cli::read(&arguments) {
        Ok(cli) => cli,
        Err(usage) => {
            let json = arguments.iter().skip(1).take_while(|argument| *argument != "--").any(|a| a == "--json");
            return Ui::new(json).usage(&usage);
        }
    };
    let mut ui = Ui::new(cli.global.json);
    match cli.global.context().and_then(|context| cli.command.unwrap_or_else(Command::guided).run(&context, &mut ui)) {
        Ok(outcome) => match ui.report(&*outcome.report) {
            Ok(()) if outcome.answer == Answer::Yes => ExitCode::SUCCESS,
            Ok(()) => ExitCode::from(1),
            Err(failure) => ui.failure(&failure),
        },
        Err(failure) => ui.failure(&failure),
    }
}

/// Runs one command inside another, as if it had been typed on the machine `machine`: the same parsing, the same code.
///
/// `arguments` are without the program's name. The present time is that of `context` unless `--now` is among them.
///
/// # Errors
/// As the command, and if the arguments are none.
pub(crate) fn within(
    context: &Context,
    machine: &Machine,
    arguments: &[OsString],
    ui: &mut Ui,
) -> Result<Outcome, Failure> {
    let arguments: Vec<OsString> = [OsString::from("trustroot")].into_iter().chain(arguments.iter().cloned()).collect();
    let cli = Cli::read(&arguments);
    let cli = cli.map_err(|usage| Failure::could_not(usage.render().to_string()))?;
    let context = Context {
        workdir: Workdir::at(cli.global.directory),
        now: cli.global.now.unwrap_or(context.now),
        now_given: context.now_given || cli.global.now.is_some(),
        machine: machine.clone(),
    };
    cli.command.unwrap_or_else(Command::guided).run(&context, ui)
}

impl Cli {
    fn read(arguments: &[OsString]) -> Result<Self, clap::Error> {
        let mut command = with_exit_codes(Self::command());
        let matches = command.try_get_matches_from_mut(arguments)?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

/// The command and those below it, with what their exit codes mean at the end of each help.
fn with_exit_codes(command: clap::Command) -> clap::Command {
    const CODES: &str = "Exit codes: 0 done or yes; 1 checked, and the answer is no; 2 could not check;\n\
                         130 Ctrl-C at a prompt.";
    let text = command.get_after_help().map_or_else(String::new, |own| format!("{own}\n\n"));
    command.after_help(text + CODES).mut_subcommands(with_exit_codes)
}

impl Global {
    fn context(self) -> Result<Context, Failure> {
        let now = self.now.map_or_else(clock, Ok)?;
        let (workdir, machine) = (Workdir::at(self.directory), Machine::of_environment());
        Ok(Context { workdir, now, now_given: self.now.is_some(), machine })
    }
}

/// The present time, by this machine's clock.
pub(crate) fn clock() -> Result<Time, Failure> {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .and_then(Time::from_unix)
        .ok_or_else(|| Failure::could_not("this machine's clock shows no year from 1970 to 9999").hint("set the clock"))
}
