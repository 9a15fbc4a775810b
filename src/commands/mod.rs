//! The commands, one file each.
//!
//! A command is a struct of `clap` arguments, named like its file, whose doc comment is its help, with
//! `run(self, &Context, &mut Ui) -> Result<Outcome, Failure>`. It prints nothing itself.

use crate::context::Context;
use crate::error::Failure;
use crate::report::Outcome;
use crate::ui::Ui;

mod abandon;
mod accept;
mod adopt;
mod ceremony;
mod fetch;
mod handout;
mod import;
pub(crate) mod init;
mod keyholder;
mod material;
mod publish;
mod rehearse;
mod renew;
mod review;
mod role;
mod sign;
pub(crate) mod stage;
mod status;
mod verify;

/// Makes the enum of commands from the list of their names and files, in the order of `--help`.
macro_rules! commands {
    ($($name:ident($file:ident)),* $(,)?) => {
        #[derive(clap::Subcommand)]
        #[allow(clippy::large_enum_variant, reason = "there is one of them, made once")]
        pub(crate) enum Command {
            $($name($file::$name)),*
        }

        impl Command {
            /// What the program does without a command.
            pub(crate) fn guided() -> Self {
                Self::Ceremony(ceremony::Ceremony {})
            }

            /// Runs the command.
            pub(crate) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
                match self {
                    $(Self::$name(command) => command.run(context, ui)),*
                }
            }
        }
    };
}

commands! {
    Ceremony(ceremony),
    Init(init),
    Keyholder(keyholder),
    Adopt(adopt),
    Role(role),
    Material(material),
    Accept(accept),
    Stage(stage),
    Review(review),
    Sign(sign),
    Status(status),
    Abandon(abandon),
    Import(import),
    Publish(publish),
    Renew(renew),
    Handout(handout),
    Fetch(fetch),
    Rehearse(rehearse),
    Verify(verify),
}
