//! Target files, by length and hash.

use ceremony::source::target_path;
use ceremony::targets::{Delegation, TargetEntry};
use ceremony::{Digest, Json, Root, Source, SourceError, Targets};
use sha2::{Digest as _, Sha256, Sha512};

use super::{Audit, Problem};
use crate::error::Failure;
use crate::text::escaped;

/// Reads every target file that clients find in this role, by every name that clients ask for.
pub(super) fn files(
    source: &dyn Source,
    root: &Root,
    by: Option<&Delegation>,
    targets: &Targets<'_>,
    audit: &mut Audit,
) -> Result<(), Failure> {
    for (path, _) in targets.entries().filter(|(path, _)| by.is_none_or(|by| by.covers(path))) {
        match one(source, root, targets, path)? {
            None => audit.files += 1,
            Some(what) => audit.problems.push(Problem::new(escaped(path).to_string(), what)),
        }
    }
    Ok(())
}

/// What is wrong with the files of one target.
fn one(source: &dyn Source, root: &Root, targets: &Targets<'_>, path: &str) -> Result<Option<String>, Failure> {
    let entry = match targets.target(path) {
        None => return Ok(None),
        Some(Err(error)) => return Ok(Some(error.to_string())),
        Some(Ok(entry)) => entry,
    };
    if let Err(error) = target_path(path) {
        return Ok(Some(error.to_string()));
    }
    // A client asks for the name with whichever of the hashes it likes best (TUF specification, section 5.7.3).
    let names = match root.consistent_snapshot {
        true => entry.file_names(path),
        false => vec![path.to_owned()],
    };
    if names.is_empty() {
        return Ok(Some("its entry has no hash".to_owned()));
    }
    for name in names {
        if let Some(what) = compare(source, &name, &entry)? {
            return Ok(Some(format!("{}: {what}", escaped(&name))));
        }
    }
    Ok(None)
}

/// What is wrong with the file `name`, which should be what `entry` says.
fn compare(source: &dyn Source, name: &str, entry: &TargetEntry<'_>) -> Result<Option<String>, Failure> {
    let hash = |name: &str| entry.entry.get("hashes").and_then(|hashes| hashes.get(name)).and_then(Json::as_str);
    let (wanted256, wanted512) = (hash("sha256"), hash("sha512"));
    if wanted256.is_none() && wanted512.is_none() {
        return Ok(Some("its entry has neither SHA-256 nor SHA-512".to_owned()));
    }
    let (mut sha256, mut sha512) = (Sha256::new(), Sha512::new());
    let length = source.stream(name, entry.length, &mut |part| {
        sha256.update(part);
        if wanted512.is_some() {
            sha512.update(part);
        }
    });
    let length = match length {
        Ok(Some(length)) => length,
        Ok(None) => return Ok(Some("it is not there".to_owned())),
        Err(error @ (SourceError::TooLarge { .. } | SourceError::Name(_))) => return Ok(Some(error.to_string())),
        Err(error) => return Err(Failure::could_not("the repository cannot be read").caused_by(&error)),
    };
    if length != entry.length {
        return Ok(Some(format!("it has {length} bytes, its entry says {}", entry.length)));
    }
    let (sha256, sha512) = (Digest::from(<[u8; 32]>::from(sha256.finalize())).to_string(), sha512.finalize());
    if wanted256.is_some_and(|wanted| wanted != sha256) {
        return Ok(Some(format!("its SHA-256 is {sha256}, which is not what its entry says")));
    }
    if wanted512.is_some_and(|wanted| wanted != hex::encode(sha512)) {
        return Ok(Some("its SHA-512 is not what its entry says".to_owned()));
    }
    Ok(None)
}
