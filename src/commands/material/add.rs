//! `trustroot material add`

use ceremony::material::TrustedRoot;

use super::change::Wanted;
use super::entry::Entry;
use crate::context::Context;
use crate::error::{Failure, OrFail as _};
use crate::report::Outcome;
use crate::ui::Ui;

/// Add an authority or a log to what clients trust, once it is proven
///
/// A log is proven by something that it signed, an authority by its chain. Signers are not told to use it: `rotate`
/// does that too.
#[derive(clap::Args)]
pub(super) struct Add {
    #[command(flatten)]
    entry: Entry,
}

impl Add {
    pub(super) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let wanted = Wanted::read(context)?;
        let root = wanted.material.trusted_root.clone().unwrap_or_else(TrustedRoot::empty);
        let proven = self.entry.prove(context, wanted.policy(), &root, ui)?;
        let mut after = wanted.material.clone();
        after.trusted_root = Some(root.add(&proven.entry).or_fail(|| "nothing was added")?);
        wanted.change(context, after, proven.into())
    }
}
