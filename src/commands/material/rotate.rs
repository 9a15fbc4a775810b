//! `trustroot material rotate`

use ceremony::material::signing_config::Form;
use ceremony::material::{Material, NewService, Service, ServiceKind, SigningConfig, TrustedRoot};

use super::change::{Grounds, Wanted};
use super::configs::Configs;
use super::entry::{Entry, Proven};
use crate::context::Context;
use crate::error::{Failure, OrFail as _};
use crate::report::Outcome;
use crate::ui::Ui;

/// Add the successor of an authority or a log; the old one stays
///
/// Choose a start at which every client can know the new one: after the publication, plus the life of a timestamp. When
/// nobody uses the old one any more, end it with `material end`. Signers find it in signing_config.v0.2.json, and in
/// variants that have such a service; with --config in those alone that are named.
#[derive(clap::Args)]
pub(super) struct Rotate {
    #[command(flatten)]
    entry: Entry,
    /// Who runs the new service; by default who runs the others of its kind
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    #[command(flatten)]
    configs: Configs,
}

impl Rotate {
    pub(super) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let wanted = Wanted::read(context)?;
        let kind = ServiceKind::behind(self.entry.kind());
        let configs = self.configs.named(&wanted.material)?;
        if kind.is_none() && configs.is_some() {
            let word = self.entry.kind().word();
            return Err(Failure::could_not(format!("--config is not for {word}: signers do not use it themselves")));
        }
        let root = wanted.material.trusted_root.clone().unwrap_or_else(TrustedRoot::empty);
        let proven = self.entry.prove(context, wanted.policy(), &root, ui)?;
        let after = take_up(&wanted.material, &proven, self.operator, configs, ui)?;
        let uses = |config: &SigningConfig| {
            kind.is_none_or(|kind| config.of_kind(kind).any(|known| known.url() == Some(proven.url.as_str())))
        };
        let behind = after.signing_configs.iter().filter(|(_, config)| !uses(config)).map(|(path, _)| path.clone());
        let behind = behind.collect();
        wanted.change(context, after, Grounds { behind, ..proven.into() })
    }
}

/// `material` with a new entry, and with its service for signers, who use it from its start: in these signing configs, or
/// where none is named in the one that clients read, and in variants that have such a service.
pub(in crate::commands) fn take_up(
    material: &Material,
    proven: &Proven,
    given: Option<String>,
    configs: Option<&[String]>,
    ui: &mut Ui,
) -> Result<Material, Failure> {
    let mut after = material.clone();
    let root = after.trusted_root.unwrap_or_else(TrustedRoot::empty);
    after.trusted_root = Some(root.add(&proven.entry).or_fail(|| "nothing was added")?);
    let Some(kind) = ServiceKind::behind(proven.entry.kind()) else { return Ok(after) };
    if configs.is_none() {
        after.signing_configs.entry(SigningConfig::TARGET.to_owned()).or_insert_with(SigningConfig::empty);
    }
    // A variant that signers opt in to goes along where it has such a service: what ends, ends there too.
    let like = |service: &Service<'_>| service.major_api_version() == Some(proven.api_version);
    for (path, config) in &mut after.signing_configs {
        let goes_along = || config.form() == Form::V02 && config.of_kind(kind).any(|service| like(&service));
        let meant = match configs {
            Some(configs) => configs.contains(path),
            None => path == SigningConfig::TARGET || goes_along(),
        };
        if meant {
            *config = used(config, kind, proven, |config| operator(ui, given.clone(), config, kind))?;
        }
    }
    Ok(after)
}

/// `config` with signers using the service of a new entry from its start on. A new key or certificate behind the same URL
/// is the same service for them; one that would have ended goes on.
fn used(
    config: &SigningConfig,
    kind: ServiceKind,
    proven: &Proven,
    operator: impl FnOnce(&SigningConfig) -> Result<String, Failure>,
) -> Result<SigningConfig, Failure> {
    let (url, start) = (proven.url.clone(), proven.entry.start().clone());
    if let Some(config) = config.go_on(kind, &url, proven.api_version, &start) {
        return Ok(config);
    }
    let operator = operator(config)?;
    let new = NewService { url, major_api_version: proven.api_version, start, operator };
    config.add(kind, &new).or_fail(|| "nothing was added")
}

/// Who runs a service: who runs the first of its kind, or the first of all.
pub(in crate::commands) fn operator(
    ui: &mut Ui,
    given: Option<String>,
    config: &SigningConfig,
    kind: ServiceKind,
) -> Result<String, Failure> {
    let known =
        || config.of_kind(kind).chain(config.services()).find_map(|service| service.operator().map(str::to_owned));
    match given.or_else(known) {
        Some(operator) => Ok(operator),
        None => ui.value("--operator", "Who runs it, one name for all services of one operator", None),
    }
}
