//! `trustroot keyholder ...`

mod attest;
mod attested;
mod devices;
mod enroll;
mod hardware;
mod list;
mod nonce;
pub(super) mod shown;
mod verify;

use crate::context::Context;
use crate::error::Failure;
use crate::report::Outcome;
use crate::ui::Ui;

/// Enroll the people and online keys that sign, list and verify them
///
/// How a team of five comes together: the coordinator runs `keyholder nonce` once, and tells the nonce to everybody. It
/// is no secret; it shows that each proof was made after that.
///
/// Each of the five, with a copy of this directory and their own device, runs `keyholder enroll NAME`, which proves that
/// they can sign with the key, and writes keyholders/NAME.toml. That one file goes back to the coordinator.
///
/// The coordinator puts the five files into keyholders/, runs `keyholder verify --nonce NONCE`, and hears from each
/// person, in a call, the fingerprint that `keyholder list` shows.
#[derive(clap::Args)]
pub(crate) struct Keyholder {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Enroll(Box<enroll::Enroll>),
    List(list::List),
    Attest(attest::Attest),
    Verify(verify::Verify),
    Devices(devices::Devices),
    Nonce(nonce::Nonce),
}

impl Keyholder {
    pub(crate) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        match self.command {
            Command::Enroll(command) => command.run(context, ui),
            Command::List(command) => command.run(context),
            Command::Attest(command) => command.run(context, ui),
            Command::Verify(command) => command.run(context),
            Command::Devices(command) => command.run(context),
            Command::Nonce(command) => command.run(ui),
        }
    }
}
