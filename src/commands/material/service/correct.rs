//! `trustroot material service correct`

use ceremony::material::{Correction, Moment, ServiceKind, ServiceUrl, SigningConfig};

use super::super::change::{Grounds, Wanted};
use super::super::configs::{Configs, old_forms, others};
use super::super::correct::{Given, member, time_members};
use super::stays;
use crate::context::Context;
use crate::error::{Failure, OrFail as _};
use crate::report::Outcome;
use crate::ui::Ui;

/// Correct what is wrong with a service
///
/// Changes the members that are given, and no other byte: its times, who runs it, its version, its URL.
#[derive(clap::Args)]
pub(super) struct Correct {
    /// ca, oidc, rekor or tsa
    kind: ServiceKind,
    /// Its URL, or a part of it
    name: String,
    /// Which, where several are at its URL: the one that starts then
    #[arg(long, value_name = "RFC3339")]
    started: Option<Moment>,
    #[command(flatten)]
    times: Given,
    /// Who runs it
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    /// The major version of its interface
    #[arg(long, value_name = "NUMBER")]
    api_version: Option<u64>,
    /// Where signers reach it, without a slash at the end
    #[arg(long, value_name = "URL")]
    url: Option<ServiceUrl>,
    #[command(flatten)]
    configs: Configs,
}

impl Correct {
    pub(super) fn run(mut self, context: &Context, wanted: Wanted, ui: &mut Ui) -> Result<Outcome, Failure> {
        let (mut after, mut warnings) = (wanted.material.clone(), Vec::new());
        let configs = self.configs.meant(&after)?;
        if !self.times.any() && self.operator.is_none() && self.api_version.is_none() && self.url.is_none() {
            let path = configs.first().map_or(SigningConfig::TARGET, String::as_str);
            let config = after.signing_configs.get(path).cloned().unwrap_or_else(SigningConfig::empty);
            self.ask(&config, path, ui)?;
        }
        let Self { operator, api_version: major_api_version, url, .. } = self;
        let correction = Correction { url, major_api_version, times: self.times.times(), operator };
        for path in &configs {
            let config = after.signing_configs.remove(path).unwrap_or_else(SigningConfig::empty);
            let service = config.find(self.kind, &self.name, self.started.as_ref()).or_fail(|| stays(path))?;
            let corrected = config.correct(&service, &correction).or_fail(|| stays(path))?;
            if let Some(url) = service.url().filter(|_| warnings.is_empty()) {
                warnings.extend(others(&after, &configs, self.kind, url, false));
                if correction.url.as_ref().is_some_and(|new| new.as_str() != url) {
                    warnings.extend(old_forms(&after, self.kind, url));
                }
            }
            after.signing_configs.insert(path.clone(), corrected);
        }
        wanted.change(context, after, Grounds { warnings, ..Grounds::default() })
    }

    /// Asks what is wrong, and how it should be.
    fn ask(&mut self, config: &SigningConfig, path: &str, ui: &mut Ui) -> Result<(), Failure> {
        let service = config.find(self.kind, &self.name, self.started.as_ref()).or_fail(|| stays(path))?;
        let mut members = time_members(&service.valid_for().or_fail(|| stays(path))?);
        members.push(("--operator", "who runs it", service.operator().map(str::to_owned)));
        members.push(("--api-version", "its version", service.major_api_version().map(|version| version.to_string())));
        members.push(("--url", "its URL", service.url().map(str::to_owned)));
        let flag = member(&members, ui)?;
        match flag {
            _ if self.times.ask(flag, ui)? => {}
            "--operator" => self.operator = Some(ui.value(flag, "Who runs it", None)?),
            "--api-version" => self.api_version = Some(ui.value(flag, "The major version of its interface", None)?),
            _ => self.url = Some(ui.value(flag, "Where signers reach it", None)?),
        }
        Ok(())
    }
}
