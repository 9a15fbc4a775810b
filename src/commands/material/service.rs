//! `trustroot material service ...`

mod correct;

use ceremony::Time;
use ceremony::material::{EditError, Moment, NewService, Selector, ServiceKind, ServiceUrl, SigningConfig};

use super::change::{Grounds, Wanted};
use super::configs::{Configs, old_forms, others};
use super::rotate::operator;
use crate::context::Context;
use crate::error::{Failure, OrFail as _};
use crate::report::Outcome;
use crate::ui::Ui;

/// Say which services signers use: edit the signing config
///
/// That is signing_config.v0.2.json, unless --config names others.
#[derive(clap::Args)]
pub(super) struct Service {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Add(Add),
    End(End),
    Correct(correct::Correct),
    Select(Select),
}

/// Add a service, before all that start no later
#[derive(clap::Args)]
struct Add {
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
    #[command(flatten)]
    configs: Configs,
    /// Make the signing config that --config names, as a copy of this one
    #[arg(long, value_name = "PATH", requires = "config")]
    copy_of: Option<String>,
}

/// Have signers no longer use a service
#[derive(clap::Args)]
struct End {
    /// ca, oidc, rekor or tsa
    kind: ServiceKind,
    /// Its URL, or a part of it
    url: String,
    /// The last moment at which signers use it
    #[arg(long, value_name = "RFC3339")]
    at: Time,
    #[command(flatten)]
    configs: Configs,
}

/// Say how many of the services of a kind a signer uses
#[derive(clap::Args)]
struct Select {
    /// rekor or tsa
    kind: ServiceKind,
    /// any, all, or a number
    selector: Selector,
    #[command(flatten)]
    configs: Configs,
}

impl Service {
    pub(super) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let wanted = Wanted::read(context)?;
        match self.command {
            Command::Add(command) => command.run(context, wanted, ui),
            Command::End(command) => command.run(context, wanted),
            Command::Correct(command) => command.run(context, wanted, ui),
            Command::Select(command) => command.run(context, wanted),
        }
    }
}

impl Add {
    fn run(self, context: &Context, wanted: Wanted, ui: &mut Ui) -> Result<Outcome, Failure> {
        let mut after = wanted.material.clone();
        if let Some(from) = &self.copy_of {
            self.configs.copy(from, &mut after, wanted.policy())?;
        }
        let mut configs = Vec::new();
        let named = self.configs.meant(&after).map_err(|failure| match self.copy_of {
            Some(_) => failure,
            None => failure.hint(format!("a new one is made with `--copy-of {}`", SigningConfig::TARGET)),
        });
        for path in named? {
            let config = after.signing_configs.remove(&path).unwrap_or_else(SigningConfig::empty);
            let operator = operator(ui, self.operator.clone(), &config, self.kind)?;
            configs.push((path, config, operator));
        }
        let start = match self.start {
            Some(start) => start,
            None => ui.value("--start", "From when on signers use it", None)?,
        };
        for (path, config, operator) in configs {
            let (url, start) = (self.url.clone(), Moment::from(start));
            let new = NewService { url, major_api_version: self.api_version, start, operator };
            let changed = config.add(self.kind, &new).map_err(|error| {
                let there = matches!(error, EditError::There { .. });
                let failure = Failure::from(error).in_context(stays(&path));
                match there {
                    true => failure.hint("`trustroot material service correct` changes it"),
                    false => failure,
                }
            })?;
            after.signing_configs.insert(path, changed);
        }
        wanted.change(context, after, Grounds::default())
    }
}

impl End {
    fn run(self, context: &Context, wanted: Wanted) -> Result<Outcome, Failure> {
        let (mut after, mut warnings) = (wanted.material.clone(), Vec::new());
        let configs = self.configs.meant(&after)?;
        for path in &configs {
            let config = after.signing_configs.remove(path).unwrap_or_else(SigningConfig::empty);
            let found = config.find(self.kind, &self.url, None).or_fail(|| stays(path))?;
            let ended = config.end(self.kind, &self.url, &Moment::from(self.at)).or_fail(|| stays(path))?;
            if let Some(url) = found.url().filter(|_| warnings.is_empty()) {
                warnings.extend(others(&after, &configs, self.kind, url, true));
                warnings.extend(old_forms(&after, self.kind, url));
            }
            after.signing_configs.insert(path.clone(), ended);
        }
        wanted.change(context, after, Grounds { warnings, ..Grounds::default() })
    }
}

impl Select {
    fn run(self, context: &Context, wanted: Wanted) -> Result<Outcome, Failure> {
        let mut after = wanted.material.clone();
        for path in self.configs.meant(&after)? {
            let config = after.signing_configs.remove(&path).unwrap_or_else(SigningConfig::empty);
            let changed = config.select(self.kind, self.selector).or_fail(|| stays(&path))?;
            after.signing_configs.insert(path, changed);
        }
        wanted.change(context, after, Grounds::default())
    }
}

fn stays(path: &str) -> String {
    format!("{path} stays as it is")
}
