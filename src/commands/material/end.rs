//! `trustroot material end`

use std::path::{Path, PathBuf};

use ceremony::Time;
use ceremony::material::evidence::{claim, claim_name, file_name};
use ceremony::material::{EditError, Evidence, Instance, Kind, Material, Moment, ServiceKind, TrustedRoot};

use super::change::{Grounds, Wanted};
use super::configs::old_forms;
use crate::context::Context;
use crate::disk::{self, Place};
use crate::error::{Failure, OrFail as _};
use crate::material::compromised::{Stated, stated};
use crate::material::{self, LIMIT};
use crate::report::Outcome;
use crate::ui::Ui;

/// End an authority or a log that has retired
///
/// Give what it signed last: an end before that would make what was signed invalid. The ceremony carries it, and whoever
/// reviews it sees what it shows. Where no open entry is left at its URL, signers stop using it too.
#[derive(clap::Args)]
pub(super) struct End {
    /// fulcio, rekor, ctlog or tsa
    kind: Kind,
    /// Which: its URL or a part of it, or the eight digits at the end of its name in `material show`
    name: String,
    /// The last moment at which it is valid
    #[arg(long, value_name = "RFC3339")]
    at: Option<Time>,
    /// What it signed last: of a CT log the answer of /ct/v1/get-sth or a checkpoint; of a Rekor the last entry as
    /// /api/v1/log/entries answers it, or a checkpoint; of Fulcio the last certificate; of a TSA the last time stamp
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
    /// When it was last used, where no evidence says so: the last log entry, the end of the last certificate, the last
    /// time stamp
    #[arg(long, value_name = "RFC3339")]
    last_use: Option<Time>,
    /// Its key is compromised: end it at --at, from when on others may have used it, although it was used later. Whoever
    /// reviews it reads that, and nothing of the last use
    #[arg(long, conflicts_with_all = ["evidence", "last_use"])]
    compromised: bool,
}

impl End {
    pub(super) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let wanted = Wanted::read(context)?;
        let root = wanted.trusted_root()?;
        let now = Moment::from(context.now);
        let entry = root.find(self.kind, &self.name, Some(&now)).or_fail(|| "nothing was ended")?;
        if self.compromised {
            return self.compromised(context, ui, wanted, &root, &entry);
        }
        let published = material::published(&context.workdir)?;
        let roots = [published.trusted_root.as_ref(), Some(&root)];
        if let Some(Stated { since, file }) = stated(&context.workdir, &entry, roots)? {
            return Err(Failure::no(format!("{} is not ended by its last use", entry.subject()))
                .and_cause(format!("its key is compromised since {since}, says {file}"))
                .hint(
                    "say --compromised, at that time or an earlier one; if nobody of you said that, take the file away",
                ));
        }
        let evidence = self.evidence.map(|path| Shown::read(&path, &entry)).transpose()?;
        let shown = evidence.as_ref().and_then(|shown| shown.evidence.until);
        let last_use = match self.last_use.max(shown) {
            Some(time) => time,
            None => ui.value("--last-use", &format!("When was {} last used", entry.subject()), None)?,
        };
        let at = match self.at {
            Some(time) => time,
            None => ui.value("--at", "The last moment at which it is valid", Some(&last_use.to_string()))?,
        };
        let claimed = claim(last_use);
        let (at, last_use) = (Moment::from(at), Moment::from(last_use));
        let (after, warnings) = ended(&wanted.material, &root, &entry, &at, Some(&last_use))?;
        let mut grounds = Grounds { warnings, ..Grounds::default() };
        if shown.is_none_or(|shown| Moment::from(shown).is_before(&last_use)) {
            grounds.word =
                Some(format!("that it was last used at {last_use} is your word; --evidence takes what shows it"));
        }
        // Whoever reviews it reads the word. One that was given before does not stand beside what shows more.
        let word = claim_name(&entry);
        if grounds.word.is_some() || disk::exists(&context.workdir.evidence(&word))? {
            grounds.evidence.insert(word, Some(claimed.into_bytes()));
        }
        let name = file_name(&entry);
        if let Some(Shown { evidence, bytes }) = evidence {
            grounds.proof =
                Some(format!("there is {}, SHA-256 {}, saved as evidence/{name}", evidence.what, evidence.sha256));
            grounds.evidence.insert(name, Some(bytes));
        }
        wanted.change(context, after, grounds)
    }

    /// Ends what was used later, by others.
    fn compromised(
        self,
        context: &Context,
        ui: &mut Ui,
        wanted: Wanted,
        root: &TrustedRoot,
        entry: &Instance<'_>,
    ) -> Result<Outcome, Failure> {
        let since = match self.at {
            Some(time) => time,
            None => ui.value("--at", "Since when may others have used its key", None)?,
        };
        if since > context.now {
            return Err(Failure::could_not(format!(
                "no key leaks in the future: --at is {since}, and it is {}",
                context.now
            )));
        }
        let (after, warnings) = ended(&wanted.material, root, entry, &Moment::from(since), None)?;
        let statement = Evidence::compromised(since).into_bytes();
        let evidence = [(claim_name(entry), None), (file_name(entry), Some(statement))].into_iter().collect();
        let word = format!(
            "that its key is compromised since {since} is your word; what was signed with it later no longer verifies in \
             clients that look at the end, whoever signed it"
        );
        wanted.change(context, after, Grounds { word: Some(word), evidence, warnings, ..Grounds::default() })
    }
}

/// `material` with this entry valid until `at`, and its service for signers where no open entry is left at its URL; what
/// is to be said of signing configs that no command edits.
fn ended(
    material: &Material,
    root: &TrustedRoot,
    entry: &Instance<'_>,
    at: &Moment,
    last_use: Option<&Moment>,
) -> Result<(Material, Vec<String>), Failure> {
    let mut after = material.clone();
    let ended = root.end(entry, at, last_use).map_err(|error| {
        let late = matches!(error, EditError::Ended { .. });
        let failure = Failure::from(error).in_context("nothing was ended");
        if late {
            failure.hint("`trustroot material correct` moves an end that was wrong, or takes it back")
        } else {
            failure
        }
    })?;
    let warnings = end_service(&mut after, &ended, entry, at).or_fail(|| "nothing was ended")?;
    after.trusted_root = Some(ended);
    Ok((after, warnings))
}

/// Signers use the service of `entry` until `at`, if no open entry is left at its URL in `root`. Returns what is to be
/// said of signing configs that no command edits.
pub(super) fn end_service(
    material: &mut Material,
    root: &TrustedRoot,
    entry: &Instance<'_>,
    at: &Moment,
) -> Result<Vec<String>, EditError> {
    let (Some(kind), Some(url)) = (ServiceKind::behind(entry.kind), entry.url()) else { return Ok(Vec::new()) };
    if is_open_at(root, entry.kind, url) {
        return Ok(Vec::new());
    }
    for config in material.signing_configs.values_mut() {
        let uses = config.of_kind(kind).any(|service| service.url() == Some(url));
        match config.end(kind, url, at) {
            Ok(ended) if uses => *config = ended,
            Ok(_) | Err(EditError::Ended { .. } | EditError::Absent { .. } | EditError::OldForm) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(old_forms(material, kind, url))
}

/// Whether an entry of this kind at `url` has no end.
pub(super) fn is_open_at(root: &TrustedRoot, kind: Kind, url: &str) -> bool {
    let open = |entry: &Instance<'_>| entry.valid_for().is_ok_and(|valid| valid.end.is_none());
    root.of_kind(kind).any(|entry| entry.url() == Some(url) && open(&entry))
}

/// Evidence as it was given.
struct Shown {
    evidence: Evidence,
    bytes: Vec<u8>,
}

impl Shown {
    fn read(path: &Path, entry: &Instance<'_>) -> Result<Self, Failure> {
        let bytes = disk::read(&Place::named(path), LIMIT)?;
        let evidence = Evidence::verify(&bytes, entry).map_err(|error| {
            let message = format!("{} is nothing that {} signed", path.display(), entry.subject());
            Failure::no(message).caused_by(&error)
        })?;
        Ok(Self { evidence, bytes })
    }
}
