//! `trustroot material repair`

use ceremony::material::{repair, repair_services, without_copies};

use super::change::{Grounds, Wanted};
use super::given::{self, Given};
use crate::context::Context;
use crate::error::Failure;
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
            let answers = self.given.answers(root, |_| true, |_| None, context, ui)?;
            let (repaired, repairs) = repair(root, &answers);
            grounds.repairs = repairs;
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
