//! Writing a verified publication to the repository.

use ceremony::{TargetWrite, Verified};

use crate::disk::{self, Access, Batch, Copier, DiskError, Lock, Measured, Place, Present, each};
use crate::error::{Failure, OrFail as _};
use crate::published::METADATA_LIMIT;
use crate::workdir::Repository;

/// What was written.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// How many target files.
    pub(crate) targets: usize,
    /// The names of the metadata files, in order.
    pub(crate) metadata: Vec<String>,
}

/// Writes everything that is not there yet, in the order of the list.
///
/// Target files come first and appear together once the disk has them all; nothing names them yet. Each metadata file
/// then appears whole, one after the other. A file that is there with other content ends it: nothing that was ever
/// published is replaced, but for the timestamp. Killed anywhere and run again, it ends in the same state.
pub(crate) fn publish(
    lock: &Lock,
    repository: &Repository,
    wanted: &Place,
    verified: &Verified,
) -> Result<Written, Failure> {
    disk::sweep(lock, repository.root())?;
    let mut written = Written { targets: targets(lock, repository, wanted, verified)?, metadata: Vec::new() };
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
        written.metadata.push(write.name.clone());
    }
    Ok(written)
}

/// Writes the target files that are not there yet; returns how many.
fn targets(lock: &Lock, repository: &Repository, wanted: &Place, verified: &Verified) -> Result<usize, Failure> {
    let mut present = Present::default();
    let mut batch = None;
    let mut count = 0;
    let mut ahead = verified.targets();
    loop {
        let block: Vec<TargetWrite<'_>> = ahead.by_ref().take(AT_ONCE).collect::<Result<_, _>>()?;
        if block.is_empty() {
            break;
        }
        let missing = missing(&mut present, repository, &block)?;
        if missing.is_empty() {
            continue;
        }
        let batch = match &mut batch {
            Some(batch) => batch,
            none => none.insert(Batch::new(lock, repository.root())?),
        };
        let batch = &*batch;
        each(&missing, || batch.copier(), |copier, (target, name)| copy(copier, wanted, target, name))?;
        count += missing.len();
    }
    if let Some(batch) = batch {
        batch.commit()?;
    }
    Ok(count)
}

/// How many target files are looked at together: what their names take does not count beside the metadata.
const AT_ONCE: usize = 4096;

/// Those of `targets` that are not there yet, each with the name that is missing.
fn missing<'a>(
    present: &mut Present,
    repository: &Repository,
    targets: &'a [TargetWrite<'a>],
) -> Result<Vec<(&'a TargetWrite<'a>, &'a str)>, Failure> {
    let mut missing = Vec::new();
    for target in targets {
        for name in &target.names {
            let place = repository.targets().join(name);
            match present.hash(&place, target.content.length)? {
                Some(measured) if measured.sha256 == target.content.sha256 => {}
                Some(_) => {
                    return Err(Failure::no(format!("{place} is not the file that its name says"))
                        .hint("take it away, and find out who put it there"));
                }
                None => missing.push((target, name.as_str())),
            }
        }
    }
    Ok(missing)
}

/// Copies one target file, which must be the one that was staged: not another, not a longer one, and not gone.
fn copy(copier: &mut Copier<'_>, wanted: &Place, target: &TargetWrite<'_>, name: &str) -> Result<(), Failure> {
    let TargetWrite { path, content, .. } = target;
    let say = |file: Measured| format!("{} bytes, SHA-256 {}", file.length, file.sha256);
    let staged = Measured { length: content.length, sha256: content.sha256 };
    let found = match copier.copy(&["targets/", name].concat(), &wanted.join(path), content.length) {
        Ok(measured) if measured == staged => return Ok(()),
        Ok(measured) => say(measured),
        Err(DiskError::TooLarge { length, .. }) => format!("{length} bytes"),
        Err(DiskError::NotThere { .. }) => "nothing".to_owned(),
        Err(error) => return Err(error.into()),
    };
    Err(Failure::no(format!("targets/{path} is not the file that was staged"))
        .and_cause(format!("staged: {}; found: {found}", say(staged)))
        .hint("put the staged file back, or stage again"))
}
