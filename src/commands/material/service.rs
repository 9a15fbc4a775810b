//! `trustroot material service ...`

use ceremony::Time;
use ceremony::material::{Moment, NewService, Selector, ServiceKind, ServiceUrl, SigningConfig};

use super::change::{Grounds, Wanted};
use super::rotate::operator;
use crate::context::Context;
use crate::error::{Failure, OrFail as _};
use crate::report::Outcome;
use crate::ui::Ui;

/// Say which services signers use: edit the signing config
#[derive(clap::Args)]
pub(super) struct Service {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Add a service, before all that start no later
    Add {
        /// ca, oidc, rekor or tsa
        kind: ServiceKind,
        /// Where signers reach it, without a slash at the end
        url: ServiceUrl,
        /// The major version of its interface
        #[arg(long, value_name = "NUMBER", default_value_t = 1)]
        api_version: u64,
        /// From when on signers use it
        #[arg(long, value_name = "RFC3339")]
        start: Option<Time>,
        /// Who runs it; by default who runs the others of its kind
        #[arg(long, value_name = "NAME")]
        operator: Option<String>,
    },
    /// Have signers no longer use a service
    End {
        /// ca, oidc, rekor or tsa
        kind: ServiceKind,
        /// Its URL, or a part of it
        url: String,
        /// The last moment at which signers use it
        #[arg(long, value_name = "RFC3339")]
        at: Time,
    },
    /// Say how many of the services of a kind a signer uses
    Select {
        /// rekor or tsa
        kind: ServiceKind,
        /// any, all, or a number
        selector: Selector,
    },
}

impl Service {
    pub(super) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let wanted = Wanted::read(context)?;
        let mut after = wanted.material.clone();
        let config = after.signing_configs.remove(SigningConfig::TARGET).unwrap_or_else(SigningConfig::empty);
        let changed = match self.command {
            Command::Add { kind, url, api_version, start, operator: given } => {
                let operator = operator(ui, given, &config, kind)?;
                let start = match start {
                    Some(start) => start,
                    None => ui.value("--start", "From when on signers use it", None)?,
                };
                let new = NewService { url, major_api_version: api_version, start: Moment::from(start), operator };
                config.add(kind, &new)
            }
            Command::End { kind, url, at } => config.end(kind, &url, &Moment::from(at)),
            Command::Select { kind, selector } => config.select(kind, selector),
        };
        let changed = changed.or_fail(|| "the signing config stays as it is")?;
        after.signing_configs.insert(SigningConfig::TARGET.to_owned(), changed);
        wanted.change(context, after, Grounds::default())
    }
}
