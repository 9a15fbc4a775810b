//! Roots that the client library cannot start from, though others can.

use ceremony::lint::{self, Reader};
use ceremony::tally::tally;
use ceremony::{History, Metadata, Root, Source, SourceError};

use crate::error::Failure;
use crate::published::METADATA_LIMIT;

/// Why the library does not start from `root`, with `reason`, which is what it says itself.
///
/// It counts a key that it cannot read as one that did not sign. So our own count decides: where that is met the answer
/// is that this client could not check, which keys it does not read, and the first root in `source` that it does and
/// that our own walk from `root` comes to.
pub(super) fn refused(reason: &str, root: &[u8], source: Option<&dyn Source>) -> Failure {
    let message = "clients cannot start from the trusted root";
    let no = || Failure::no(format!("{message}: {reason}"));
    let reader = Reader::named("sigstore-tuf").expect("the table has the client that is built in");
    let Ok(file) = Metadata::parse_untrusted(root) else { return no() };
    let (Ok(view), Ok(obstacles)) = (Root::of(&file), lint::obstacles(&file)) else { return no() };
    let signed = tally(&file.payload(), &file.signatures, view.own());
    if !signed.met() || !obstacles.iter().any(|obstacle| reader.stops_at(*obstacle)) {
        return no();
    }
    let count = format!(
        "root {} is signed by {} of its own keys and needs {}; but they are points in hex, as this kind of client does \
         not read them",
        view.version,
        signed.signed.len(),
        signed.threshold,
    );
    let failure = Failure::could_not(format!("{message}: its keys are not PEM")).and_cause(count).and_cause(reason);
    match source.and_then(|source| first(root, source, reader)) {
        Some(start) => failure.hint(start),
        None => failure.hint(
            "start from a later root; `trustroot verify --repository` with this one shows from which each client can",
        ),
    }
}

/// Where the first root is that `reader` can start from, which `root` leads to; none if that is not to be found.
fn first(root: &[u8], source: &dyn Source, reader: &Reader) -> Option<String> {
    let fetch = |version| source.metadata(&format!("{version}.root.json"), METADATA_LIMIT);
    let history = History::walk::<SourceError>(root, fetch).ok()?;
    let (_, start) = history.starts(&[]).into_iter().find(|(other, _)| *other == reader)?;
    let step = history.steps.iter().find(|step| Some(step.root.version) == start)?;
    let version = step.root.version;
    Some(format!(
        "root {version} is the first that it reads: give the {version}.root.json of this repository with --root. By our \
         own count the trusted root leads to it, and its SHA-256 is\n{}",
        step.sha256
    ))
}
