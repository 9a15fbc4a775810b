//! Writing a verified publication to the repository.

use ceremony::{TargetWrite, Verified};

use crate::disk::{self, Access, Batch, Lock, Measured, Place};
use crate::error::{Failure, OrFail as _};
use crate::published::METADATA_LIMIT;
use crate::workdir::Repository;

/// Writes everything that is not there yet, in the order of the list, and returns the names of what it wrote.
///
/// Target files come first and appear together once the disk has them all; nothing names them yet. Each metadata file
/// then appears whole, one after the other. A file that is there with other content ends it: nothing that was ever
/// published is replaced, but for the timestamp. Killed anywhere and run again, it ends in the same state.
pub(crate) fn publish(
    lock: &Lock,
    repository: &Repository,
    wanted: &Place,
    verified: &Verified,
) -> Result<Vec<String>, Failure> {
    disk::sweep(lock, repository.root())?;
    disk::sweep(lock, &repository.targets())?;
    let mut written = Vec::new();
    let missing = missing_targets(repository, verified.targets())?;
    if !missing.is_empty() {
        let mut batch = Batch::new(lock, &repository.targets())?;
        for (target, name) in &missing {
            let measured = batch.copy(name, &wanted.join(&target.path), target.content.length)?;
            if measured != (Measured { length: target.content.length, sha256: target.content.sha256 }) {
                let message = format!("targets/{} is not the file that was staged", target.path);
                let cause = format!(
                    "staged: {} bytes, SHA-256 {}; found: {} bytes, SHA-256 {}",
                    target.content.length, target.content.sha256, measured.length, measured.sha256
                );
                return Err(Failure::no(message).and_cause(cause).hint("put the staged file back, or stage again"));
            }
        }
        batch.commit()?;
        written.extend(missing.into_iter().map(|(_, name)| format!("targets/{name}")));
    }
    for write in verified.writes() {
        let place = repository.metadata(&write.name);
        let present = disk::read_if_there(&place, METADATA_LIMIT)?;
        if present.as_deref() == Some(&*write.bytes) {
            continue;
        }
        if write.replaces {
            disk::replace(&place, &write.bytes, Access::Shared)?;
        } else {
            disk::create_new(&place, &write.bytes, Access::Shared)
                .or_fail(|| format!("{} is published already, with other content", write.name))
                .map_err(|failure| failure.hint("find out who wrote it; what clients may have seen is not replaced"))?;
        }
        written.push(write.name.clone());
    }
    Ok(written)
}

/// The target files that the repository does not have, with each missing name.
fn missing_targets<'a>(
    repository: &Repository,
    targets: &'a [TargetWrite],
) -> Result<Vec<(&'a TargetWrite, &'a str)>, Failure> {
    let mut missing = Vec::new();
    for target in targets {
        for name in &target.names {
            let place = repository.targets().join(name);
            if !disk::exists(&place)? {
                missing.push((target, name.as_str()));
                continue;
            }
            let measured = disk::hash(&place, target.content.length)?;
            if measured.sha256 != target.content.sha256 {
                let message = format!("{place} is not the file that its name says");
                return Err(Failure::no(message).hint("take it away, and find out who put it there"));
            }
        }
    }
    Ok(missing)
}
