//! `trustroot material end`

use ceremony::Time;
use ceremony::material::{EditError, Kind, Moment, ServiceKind};

use super::change::Wanted;
use crate::context::Context;
use crate::error::{Failure, OrFail as _};
use crate::report::Outcome;
use crate::ui::Ui;

/// End an authority or a log that has retired
///
/// Give the moment of the last entry of the log, or the end of the last certificate that the authority issued: an end
/// before that would make what was signed invalid. Where no open entry is left at its URL, signers stop using it too.
#[derive(clap::Args)]
pub(super) struct End {
    /// fulcio, rekor, ctlog or tsa
    kind: Kind,
    /// Which: its URL or a part of it, or the eight digits at the end of its name in `material show`
    name: String,
    /// The last moment at which it is valid
    #[arg(long, value_name = "RFC3339")]
    at: Option<Time>,
    /// When it was last used: the last log entry, the end of the last certificate, the last time stamp
    #[arg(long, value_name = "RFC3339")]
    last_use: Option<Time>,
}

impl End {
    pub(super) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let wanted = Wanted::read(context)?;
        let missing = || Failure::no("there is no targets/trusted_root.json");
        let root = wanted.material.trusted_root.clone().ok_or_else(missing)?;
        let now = Moment::from(context.now);
        let entry = root.find(self.kind, &self.name, &now).or_fail(|| "nothing was ended")?;
        let last_use = match self.last_use {
            Some(time) => time,
            None => ui.value("--last-use", &format!("When was {} last used", entry.subject()), None)?,
        };
        let at = match self.at {
            Some(time) => time,
            None => ui.value("--at", "The last moment at which it is valid", Some(&last_use.to_string()))?,
        };
        let (at, last_use) = (Moment::from(at), Moment::from(last_use));
        let mut after = wanted.material.clone();
        let ended = root.end(&entry, &at, Some(&last_use)).or_fail(|| "nothing was ended")?;
        let open = ended
            .of_kind(self.kind)
            .any(|other| other.url() == entry.url() && other.valid_for().is_ok_and(|valid| valid.end.is_none()));
        let service = match self.kind {
            Kind::Fulcio => Some(ServiceKind::Ca),
            Kind::Rekor => Some(ServiceKind::Rekor),
            Kind::Tsa => Some(ServiceKind::Tsa),
            Kind::CtLog => None,
        };
        if let (Some(kind), Some(url), false) = (service, entry.url(), open) {
            for config in after.signing_configs.values_mut() {
                let uses = config.of_kind(kind).any(|service| service.url() == Some(url));
                match config.end(kind, url, &at) {
                    Ok(ended) if uses => *config = ended,
                    Ok(_) | Err(EditError::Ended { .. } | EditError::Absent { .. } | EditError::OldForm) => {}
                    Err(error) => return Err(Failure::from(error).in_context("nothing was ended")),
                }
            }
        }
        after.trusted_root = Some(ended);
        wanted.change(context, after, None)
    }
}
