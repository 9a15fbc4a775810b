//! `trustroot material ...`

mod add;
pub(super) mod change;
mod configs;
mod correct;
mod discard;
mod end;
pub(super) mod entry;
mod evidence;
mod given;
mod import;
mod import_legacy;
mod legacy;
mod lint;
pub(super) mod listing;
pub(super) mod live;
pub(super) mod picture;
mod remove;
mod repair;
pub(super) mod rotate;
mod service;
mod show;
mod timeline;

use crate::context::Context;
use crate::error::Failure;
use crate::report::Outcome;
use crate::ui::Ui;

/// Show and change what Sigstore's clients trust and signers use
///
/// The material is the standard files among the targets: `trusted_root.json`, `signing_config.v0.2.json`, and the
/// single keys and certificates that older clients read. These commands change the files in `targets/`, entry by entry,
/// and leave every other byte of them as it is; the next ceremony carries them.
///
/// A rotation is two ceremonies. `material rotate` adds the new key from a moment on at which every client can know it,
/// and has signers use it from then; the old one stays. When the old one has really retired, `material end` ends it.
#[derive(clap::Args)]
pub(crate) struct Material {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Show(show::Show),
    Lint(lint::Lint),
    Add(Box<add::Add>),
    Rotate(Box<rotate::Rotate>),
    End(end::End),
    Correct(correct::Correct),
    Remove(remove::Remove),
    Discard(discard::Discard),
    Service(service::Service),
    Legacy(legacy::Legacy),
    Import(Box<import::Import>),
    Repair(repair::Repair),
}

impl Material {
    pub(crate) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        match self.command {
            Command::Show(command) => command.run(context),
            Command::Lint(command) => command.run(context),
            Command::Add(command) => command.run(context, ui),
            Command::Rotate(command) => command.run(context, ui),
            Command::End(command) => command.run(context, ui),
            Command::Correct(command) => command.run(context, ui),
            Command::Remove(command) => command.run(context),
            Command::Discard(command) => command.run(context, ui),
            Command::Service(command) => command.run(context, ui),
            Command::Legacy(command) => command.run(context),
            Command::Import(command) => command.run(context, ui),
            Command::Repair(command) => command.run(context, ui),
        }
    }
}
