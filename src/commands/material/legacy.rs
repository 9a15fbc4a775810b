//! `trustroot material legacy`

use ceremony::material::Moment;
use ceremony::material::legacy::in_step;

use super::change::{Grounds, Wanted};
use crate::context::Context;
use crate::error::Failure;
use crate::report::Outcome;

/// Bring what older clients read in step with the trusted root
///
/// Makes the files that are missing, and sets status and URL of the others in the policy. Every change of the material
/// does that too, where there are such files; `[material] legacy-targets` in the policy says otherwise.
#[derive(clap::Args)]
pub(super) struct Legacy {}

impl Legacy {
    pub(super) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let wanted = Wanted::read(context)?;
        let root = wanted.trusted_root()?;
        let mut after = wanted.material.clone();
        after.legacy = in_step(&root, &after.legacy, &Moment::from(context.now));
        wanted.change(context, after, Grounds::default())
    }
}
