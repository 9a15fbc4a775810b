//! The root from which a command that asks nobody believes what is published.

use std::convert::Infallible;
use std::path::Path;

use ceremony::history::History;
use ceremony::{Metadata, Root};

use crate::context::Context;
use crate::disk::{self, Place};
use crate::error::{Failure, OrFail as _};
use crate::published::{METADATA_LIMIT, Published};

/// The bytes of the root in `given`, or else of the one that this machine trusts for the trust root `id`.
///
/// # Errors
/// If it cannot be read, or there is none.
pub(crate) fn pin(context: &Context, given: Option<&Path>, id: &str) -> Result<Vec<u8>, Failure> {
    if let Some(path) = given {
        return read(path);
    }
    context.machine.trusted(id)?.ok_or_else(|| {
        Failure::could_not("this machine remembers no trusted root of this trust root")
            .hint("name one with --root FILE, such as the root that your clients start from")
    })
}

/// The bytes of the root in the file that a person named.
///
/// # Errors
/// If the file cannot be read, or is no root.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let place = Place::named(path);
    let bytes = disk::read(&place, METADATA_LIMIT)?;
    Metadata::parse_untrusted(&bytes).and_then(|file| Root::of(&file)).or_fail(|| format!("{place} is no root"))?;
    Ok(bytes)
}

/// The newest published root, if the pinned one leads to it, each counted by its distinct keys.
///
/// # Errors
/// If it does not.
pub(crate) fn led_to(pin: &[u8], published: &Published) -> Result<Root, Failure> {
    let refused = || Failure::no("what is published does not follow from the trusted root: nothing was signed over it");
    let root = |version| published.roots.iter().find(|root| root.metadata.version() == version);
    let history = History::walk(pin, |version| Ok::<_, Infallible>(root(version).map(|root| root.bytes.to_vec())));
    let history = history.or_fail(|| "the trusted root cannot be used")?;
    if let Some(stop) = &history.stop {
        return Err(refused().caused_by(stop));
    }
    let (last, newest) = (history.steps.last(), published.roots.last());
    match last.zip(newest) {
        Some((step, root)) if step.metadata.payload() == root.metadata.payload() => Ok(step.root.clone()),
        _ => Err(refused().and_cause("it leads to another root than the last one in repository/")),
    }
}
