//! `trustroot material remove`

use ceremony::Time;
use ceremony::material::legacy::without;
use ceremony::material::{Kind, Moment};

use super::change::{Grounds, Wanted};
use super::end::end_service;
use crate::context::Context;
use crate::error::{Failure, OrFail as _};
use crate::report::Outcome;

/// Remove an authority or a log whose key leaked
///
/// In no client does anything verify any longer that was ever signed under it. `trustroot material end` keeps what was
/// signed before the end; docs/leaked-keys.md tells when that is not enough. Its copies for older clients go too, and
/// where no open entry is left at its URL, signers stop using it now.
#[derive(clap::Args)]
pub(super) struct Remove {
    /// fulcio, rekor, ctlog or tsa
    kind: Kind,
    /// Which: its URL or a part of it, or the eight digits at the end of its name in `material show`
    name: String,
}

impl Remove {
    pub(super) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let wanted = Wanted::read(context)?;
        let root = wanted.trusted_root()?;
        let now = Moment::from(context.now);
        // Of several at one URL none is picked.
        let entry = root.find(self.kind, &self.name, None).or_fail(|| "nothing was removed")?;
        let left = root.remove(&entry);
        let mut after = wanted.material.clone();
        // An end is the last moment of use, and that is over.
        let before = Time::from_unix(context.now.unix() - 1).map_or_else(|| now.clone(), Moment::from);
        let warnings = end_service(&mut after, &left, &entry, &before).or_fail(|| "nothing was removed")?;
        after.legacy = without(&entry, &left, &after.legacy);
        after.trusted_root = Some(left);
        wanted.change(context, after, Grounds { warnings, ..Grounds::default() })
    }
}
