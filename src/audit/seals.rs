//! What the online keys signed for a publication and the ceremony keeps: `published/`.

use std::collections::BTreeMap;

use ceremony::metadata::MetadataError;
use ceremony::{Digest, Kind, Meta, Staged};

use super::Problem;
use crate::ceremony_dir::{Ceremony, SealFile};
use crate::error::Failure;
use crate::published::PublishedFile;

/// What is wrong with the snapshots and timestamps of `ceremony`: each must be of the version in its name, signed by
/// the keys that the staged root names for it, and name what the ceremony stages or what was there before.
///
/// # Errors
/// If a file cannot be read.
pub(super) fn judge(ceremony: &Ceremony, staged: &Staged) -> Result<Vec<Problem>, Failure> {
    let (mut problems, mut seals) = (Vec::new(), Vec::new());
    for SealFile { path, file } in ceremony.seals()? {
        match file {
            Err(what) => problems.push(Problem::new(path, what)),
            Ok(file) => {
                let role = file.metadata.kind().as_str();
                match staged.quorum(role).is_some_and(|quorum| quorum.met_by(&file.metadata)) {
                    true => seals.push((path, file)),
                    false => {
                        let what = "the keys that the staged root names for it did not sign it";
                        problems.push(Problem::new(path, what.to_owned()));
                    }
                }
            }
        }
    }
    let snapshots = seals.iter().filter(|(_, file)| file.metadata.kind() == Kind::Snapshot);
    let snapshots: BTreeMap<u64, &PublishedFile> = snapshots.map(|(_, file)| (file.metadata.version(), file)).collect();
    for (path, file) in &seals {
        let what = match file.metadata.kind() {
            Kind::Snapshot => of_snapshot(file, staged)?,
            _ => of_timestamp(file, &snapshots, ceremony)?,
        };
        problems.extend(what.map(|what| Problem::new(path.clone(), what)));
    }
    Ok(problems)
}

/// What a snapshot says otherwise than the ceremony that it was signed for.
fn of_snapshot(file: &PublishedFile, staged: &Staged) -> Result<Option<String>, MetadataError> {
    let meta = Meta::of(&file.metadata)?;
    let others = staged.roles().iter().filter(|(role, _)| *role != "root").find_map(|(role, staged)| {
        let (staged, named) =
            (staged.metadata.version(), meta.file(&format!("{role}.json")).map(|named| named.version));
        let named = named.map_or_else(|| "none".to_owned(), |named| format!("version {named}"));
        (named != format!("version {staged}"))
            .then(|| format!("it names {named} of {role}, and version {staged} is staged"))
    });
    Ok(others)
}

/// What a timestamp names that is neither here nor was there before.
fn of_timestamp(
    file: &PublishedFile,
    snapshots: &BTreeMap<u64, &PublishedFile>,
    ceremony: &Ceremony,
) -> Result<Option<String>, MetadataError> {
    let meta = Meta::of(&file.metadata)?;
    let Some(named) = meta.file("snapshot.json") else { return Ok(Some("it names no snapshot".to_owned())) };
    let Some(held) = snapshots.get(&named.version) else {
        let before = ceremony.base.snapshot.as_ref().is_some_and(|before| before.version() == named.version);
        return Ok((!before).then(|| format!("it names snapshot {}, which is not here", named.version)));
    };
    let length = named.length.is_none_or(|length| length == held.bytes.len() as u64);
    let same = length && named.sha256.is_none_or(|sha256| sha256 == Digest::of(&held.bytes));
    Ok((!same).then(|| format!("the snapshot {} that it names is another file than the one here", named.version)))
}
