//! `trustroot material import`

use std::path::PathBuf;
use std::str::FromStr;

use ceremony::Time;
use ceremony::material::{Answers, ClientTrustConfig, Kind, Moment, ServiceUrl, SigningConfig, TrustedRoot, repair};

use super::change::{Grounds, Wanted};
use crate::context::Context;
use crate::disk::{self, Place};
use crate::error::{Failure, OrFail as _};
use crate::material::LIMIT;
use crate::report::Outcome;
use crate::ui::Ui;

/// Take over trust material that another tool made, and repair it
///
/// Reads a trusted root, a signing config, or a client trust config that has both. What other tools are known to get
/// wrong is repaired, and each repair is said: PEM texts where DER belongs, log ids, missing starts, chains in the wrong
/// order, slashes and members that clients refuse. Entries that `targets/` has already stay as they are. A whole TUF
/// repository is taken over by `adopt`.
#[derive(clap::Args)]
pub(super) struct Import {
    /// The file
    file: PathBuf,
    /// Replace a URL that only a cluster knows, as OLD=NEW; give it once for each
    #[arg(long, value_name = "OLD=NEW")]
    url: Vec<Replacement>,
    /// When the logs started that have no start
    #[arg(long, value_name = "RFC3339")]
    log_start: Option<Time>,
}

/// `OLD=NEW`
#[derive(Clone)]
struct Replacement(String, ServiceUrl);

impl FromStr for Replacement {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (old, new) = text.split_once('=').ok_or("it is no OLD=NEW")?;
        Ok(Self(old.to_owned(), new.parse().map_err(|error: ceremony::material::url::UrlError| error.to_string())?))
    }
}

impl Import {
    pub(super) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let wanted = Wanted::read(context)?;
        let bytes = disk::read(&Place::named(&self.file), LIMIT)?;
        let (root, config) = read(&bytes).or_fail(|| format!("{} cannot be taken over", self.file.display()))?;
        let mut after = wanted.material.clone();
        if let Some(root) = root {
            let urls = self.url.iter().map(|Replacement(old, new)| (old.clone(), new.clone())).collect();
            let mut log_start = self.log_start;
            let unknown = Kind::ALL.iter().filter(|kind| kind.is_log()).flat_map(|kind| root.of_kind(*kind));
            let mut unknown = unknown.filter(|log| log.valid_for().is_ok_and(|valid| valid.start.is_none()));
            if let Some(log) = unknown.next().filter(|_| log_start.is_none()) {
                let question = format!("{} has no start; when did the logs without one start", log.subject());
                log_start = Some(ui.value("--log-start", &question, None)?);
            }
            let (repaired, repairs) = repair(&root, &Answers { urls, log_start: log_start.map(Moment::from) });
            for repair in repairs {
                ui.say(format!("repaired {}: {}", repair.subject, repair.what));
            }
            after.trusted_root = Some(match &after.trusted_root {
                Some(present) => present.merge(&repaired).0,
                None => repaired,
            });
        }
        if let Some(config) = config {
            if after.signing_configs.contains_key(SigningConfig::TARGET) {
                return Err(Failure::no(format!("targets/{} is there already", SigningConfig::TARGET))
                    .hint("add single services with `trustroot material service add`"));
            }
            after.signing_configs.insert(SigningConfig::TARGET.to_owned(), config);
        }
        wanted.change(context, after, Grounds::default())
    }
}

/// What a file holds, whichever of the three it is.
fn read(bytes: &[u8]) -> Result<(Option<TrustedRoot>, Option<SigningConfig>), Failure> {
    if let Ok(ClientTrustConfig { trusted_root, signing_config }) = ClientTrustConfig::parse(bytes) {
        return Ok((Some(trusted_root), Some(signing_config)));
    }
    match SigningConfig::parse(bytes) {
        Ok(config) if config.form() == ceremony::material::signing_config::Form::V02 => Ok((None, Some(config))),
        Ok(_) => Err(Failure::no("it is a signing config of the form v0.1, which no client of today reads")),
        Err(_) => Ok((Some(TrustedRoot::parse(bytes)?), None)),
    }
}
