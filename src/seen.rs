//! What this machine has seen published: its online keys sign over nothing older.
//!
//! Whoever can write to the repository can put back an old snapshot and an old timestamp, which the right keys signed.
//! Clients that remember better refuse them until they expire; signed anew, they would hold every other client.

use ceremony::{Metadata, Quorum};

use crate::context::Context;
use crate::error::Failure;
use crate::machine::MachineError;
use crate::published::{Published, PublishedFile};

/// The online roles, in the order in which they are signed.
pub(crate) const ROLES: [&str; 2] = ["snapshot", "timestamp"];

/// Refuses a `published` file of `role` that is older than one of the `known` ones, or gone.
///
/// A file from before its keys were replaced binds nobody: clients forget it, as they must when a number was used up.
///
/// # Errors
/// With both versions.
pub(crate) fn refuse_older(
    role: &str,
    published: Option<&Metadata>,
    known: &[(&Metadata, &str)],
    keys: &Quorum,
) -> Result<(), Failure> {
    for (known, whence) in known {
        let binding =
            |set: &&ceremony::KeySet| set.met_by(known) && published.is_none_or(|published| set.met_by(published));
        let older = published.is_none_or(|published| published.version() < known.version());
        if older && keys.sets().any(|set| binding(&set)) {
            let found = published.map_or_else(|| "none".to_owned(), |file| format!("version {}", file.version()));
            let message =
                format!("the {role} in repository/ was put back to an older state: nothing is signed over it");
            let cause = format!("{whence} {role} version {}, and repository/ has {found}", known.version());
            return Err(Failure::no(message)
                .and_cause(cause)
                .hint("find out who did that, and put back what was published last; the ceremonies keep copies"));
        }
    }
    Ok(())
}

/// What this machine has seen of `role` in the trust root `id`; nothing where it can remember nothing.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn seen(context: &Context, id: &str, role: &str) -> Result<Option<Metadata>, Failure> {
    match context.machine.seen(id, role) {
        Err(MachineError::Homeless) => Ok(None),
        bytes => Ok(bytes?.map(|bytes| Metadata::parse_untrusted(&bytes)).transpose()?),
    }
}

/// Remembers what was just published, or found to be right: `signed` where it is, else what was there before.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn remember(
    context: &Context,
    id: &str,
    signed: &ceremony::Seals,
    published: &Published,
) -> Result<(), Failure> {
    let signed = [&signed.snapshot, &signed.timestamp].map(|file| file.as_ref().map(|file| &file.bytes));
    let published = [&published.snapshot, &published.timestamp].map(|file: &Option<PublishedFile>| file.as_ref());
    for ((role, signed), published) in ROLES.into_iter().zip(signed).zip(published) {
        let Some(bytes) = signed.or(published.map(|file| &file.bytes)) else { continue };
        match context.machine.see(id, role, bytes) {
            Err(MachineError::Homeless) => {}
            result => result?,
        }
    }
    Ok(())
}
