//! `trustroot material repair`

use ceremony::material::{Moment, Times, TrustedRoot, repair, repair_services, without_copies};

use super::change::{Grounds, Wanted};
use super::given::{self, Given};
use crate::context::Context;
use crate::error::Failure;
use crate::material;
use crate::report::Outcome;
use crate::ui::Ui;

/// Repair the trust material in `targets/`
///
/// What other tools are known to get wrong is repaired in place, in the trusted root and in the signing configs, and each
/// repair is said: PEM texts where DER belongs, log ids, missing starts, chains in the wrong order, slashes and members
/// that clients refuse. An entry stays the same entry: it goes by its key or its certificates. `material lint` says what
/// else is wrong.
#[derive(clap::Args)]
pub(super) struct Repair {
    #[command(flatten)]
    given: Given,
}

impl Repair {
    pub(super) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let wanted = Wanted::read(context)?;
        let mut after = wanted.material.clone();
        let mut grounds = Grounds::default();
        if let Some(root) = &mut after.trusted_root {
            let published = material::published(&context.workdir)?;
            if let Some(published) = &published.trusted_root {
                (*root, grounds.repairs) = with_published_starts(root, published);
            }
            let answers = self.given.answers(root, |_| true, |_| None, context, ui)?;
            let (repaired, repairs) = repair(root, &answers);
            grounds.repairs.extend(repairs);
            let (once, copies) = without_copies(&repaired);
            grounds.repairs.extend(copies);
            *root = once;
        }
        for config in after.signing_configs.values_mut() {
            let (repaired, repairs) = repair_services(config, &self.given.urls());
            *config = repaired;
            grounds.repairs.extend(repairs);
        }
        if grounds.repairs.is_empty() {
            return Err(Failure::no("there is nothing to repair in the trust material of targets/")
                .hint("`trustroot material lint` says what is wrong with it"));
        }
        given::say(&grounds.repairs, ui);
        wanted.change(context, after, grounds)
    }
}

/// With the published starts of entries that lost theirs, and what was done.
fn with_published_starts(
    root: &TrustedRoot,
    published: &TrustedRoot,
) -> (TrustedRoot, Vec<ceremony::material::Repair>) {
    let (mut whole, mut repairs) = (root.clone(), Vec::new());
    for entry in root.instances() {
        let Ok(valid) = entry.valid_for() else { continue };
        if valid.start.as_ref().is_some_and(|start| !start.stands_for_none()) {
            continue;
        }
        // Of entries that stand twice nothing tells which start it was.
        let same = published.of_kind(entry.kind).filter(|other| other.identity() == entry.identity());
        let mut starts = same.map(|other| other.valid_for().ok()?.start.filter(|start| !start.stands_for_none()));
        let (Some(Some(start)), None) = (starts.next(), starts.next()) else { continue };
        let was = valid.start.as_ref().map_or_else(|| "missing".to_owned(), Moment::to_string);
        let what = format!("its start was {was}, and is the published one, {start}");
        // An end before it is another mistake, which `lint` names.
        let Ok(corrected) = whole.correct(&entry, &Times { start: Some(start), end: None }, None) else { continue };
        whole = corrected;
        let place = Some((entry.kind, entry.index));
        repairs.push(ceremony::material::Repair { place, subject: entry.subject(), what });
    }
    (whole, repairs)
}
