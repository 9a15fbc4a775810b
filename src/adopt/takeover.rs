//! Files on their way from an adopted repository into the work directory.

use std::collections::{BTreeMap, BTreeSet};

use ceremony::policy::role_name;
use ceremony::source::target_path;
use ceremony::targets::TargetEntry;
use ceremony::{Digest, Json, Meta, Metadata, Source as _, TargetList, Targets, WantedTarget};
use sha2::{Digest as _, Sha512};

use crate::adopt::holding::Holding;
use crate::adopt::origin::{Origin, unprefixed};
use crate::adopt::state::{Role, State};
use crate::disk::{self, Batch, DiskError, Place};
use crate::error::Failure;
use crate::published::{METADATA_LIMIT, PublishedFile, numbered};

/// The most bytes of a target file of an earlier version that are taken.
const TARGET_LIMIT: u64 = 1 << 36;

/// What was copied, and what was not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taken {
    /// How many metadata files.
    pub(crate) metadata: usize,
    /// How many target files that are listed now.
    pub(crate) targets: usize,
    /// The names of files that are in the repository's directories and were left there.
    pub(crate) left: Vec<String>,
    /// The target files that our own roles list: what is wanted.
    pub(crate) wanted: TargetList,
}

/// Copies a repository into `batch`: all its metadata, byte for byte under the names of a consistent snapshot, and all
/// target files that are listed, each checked against the length and every hash that its entry has. Of files that are
/// not in use, the earlier versions come along as far as there is a directory to find them in.
///
/// # Errors
/// With exit code 1 if a target file is missing or not the one that was signed; 2 if something cannot be read or written.
pub(crate) fn take(
    origin: &Origin,
    roots: &[PublishedFile],
    state: &State,
    holding: &Holding<'_>,
    batch: &mut Batch,
) -> Result<Taken, Failure> {
    let mut taken = Taken::default();
    let names = metadata(origin, roots, state, batch, &mut taken)?;
    let targets = targets(origin, state, holding, batch, &mut taken)?;
    for name in origin.metadata_names()? {
        if !names.contains(&name) && !is_copy(origin, state, roots, &name) {
            taken.left.push(name);
        }
    }
    for path in origin.target_paths()? {
        let named = unprefixed(&path);
        if targets.contains(&path) {
            continue;
        }
        let place = origin.target_place(&path);
        match place.zip(named) {
            Some((place, (_, hash))) if hash == hash_of(&place, hash.len())? => {
                batch.copy(&format!("repository/targets/{path}"), &place, TARGET_LIMIT)?;
            }
            _ => taken.left.push(format!("targets/{path}")),
        }
    }
    Ok(taken)
}

/// Copies the metadata; returns the names that it has now.
fn metadata(
    origin: &Origin,
    roots: &[PublishedFile],
    state: &State,
    batch: &mut Batch,
    taken: &mut Taken,
) -> Result<BTreeSet<String>, Failure> {
    let mut names = BTreeSet::new();
    let mut copy = |name: String, bytes: &[u8]| -> Result<(), Failure> {
        batch.create(&format!("repository/{name}"), bytes)?;
        names.insert(name);
        Ok(())
    };
    for root in roots {
        copy(format!("{}.root.json", root.metadata.version()), &root.bytes)?;
    }
    for role in state.published() {
        let (Some(name), Some((file, _))) = (role.file_name(), &role.file) else { continue };
        copy(name, &file.bytes)?;
    }
    let listed = state.snapshot.metadata().map(Meta::of).transpose()?;
    let listed = listed.iter().flat_map(|meta| &meta.files).map(|(name, file)| format!("{}.{name}", file.version));
    let mut others: BTreeSet<String> = listed.chain(origin.metadata_names()?).collect();
    let is_other = |role: &str| !matches!(role, "root" | "timestamp") && role_name(role).is_ok();
    others.retain(|name| numbered(name).is_some_and(|(_, role)| is_other(role)));
    for name in others.difference(&names.clone()) {
        let Some((version, _)) = numbered(name) else { continue };
        // What nothing points to any more may be gone, or be something else.
        let bytes = origin.metadata(name, METADATA_LIMIT)?;
        let is_it = |bytes: &Vec<u8>| Metadata::parse_untrusted(bytes).is_ok_and(|file| file.version() == version);
        if let Some(bytes) = bytes.filter(is_it) {
            batch.create(&format!("repository/{name}"), &bytes)?;
            names.insert(name.clone());
        }
    }
    taken.metadata = names.len();
    Ok(names)
}

/// Copies the target files that are listed now; returns the paths that they can have below the directory of the targets.
fn targets(
    origin: &Origin,
    state: &State,
    holding: &Holding<'_>,
    batch: &mut Batch,
    taken: &mut Taken,
) -> Result<BTreeSet<String>, Failure> {
    let mut paths = BTreeSet::new();
    let mut wanted: BTreeMap<String, WantedTarget> = BTreeMap::new();
    for role in &state.roles {
        let Some(metadata) = role.metadata() else { continue };
        let own = holding.own().any(|held| held.name == role.name);
        for (path, entry) in Targets::of(metadata)?.entries() {
            let entry = TargetEntry::read(entry, path)?;
            let bytes = target(origin, role, path, &entry)?;
            for name in entry.file_names(path) {
                if paths.insert(name.clone()) {
                    batch.create(&format!("repository/targets/{name}"), &bytes)?;
                }
            }
            paths.insert(path.to_owned());
            taken.targets += 1;
            if !own {
                continue;
            }
            let file = WantedTarget { length: entry.length, sha256: Digest::of(&bytes) };
            if wanted.insert(path.to_owned(), file).is_some() {
                return Err(Failure::could_not(format!("two roles list the target {path}, which no policy can say")));
            }
            batch.create(&format!("targets/{path}"), &bytes)?;
        }
    }
    taken.wanted = wanted.into_iter().collect();
    Ok(paths)
}

/// The target file at `path`, which is the one that its entry describes.
fn target(origin: &Origin, role: &Role, path: &str, entry: &TargetEntry<'_>) -> Result<Vec<u8>, Failure> {
    let refused = |why: String| Failure::no(format!("the target {path}, which {} lists, {why}", role.name));
    target_path(path)?;
    let names = entry.file_names(path);
    let mut found = None;
    for name in &names {
        found = origin.target(name, entry.length).map_err(|error| match error {
            ceremony::SourceError::TooLarge { limit, .. } => refused(format!("is longer than {limit} bytes")),
            error => error.into(),
        })?;
        if found.is_some() {
            break;
        }
    }
    let bytes = found.ok_or_else(|| refused("is not there".to_owned()))?;
    if bytes.len() as u64 != entry.length {
        return Err(refused(format!("has {} bytes, not {}", bytes.len(), entry.length)));
    }
    let hash = |kind: &str| entry.entry.get("hashes").and_then(|hashes| hashes.get(kind)).and_then(Json::as_str);
    let found = [("sha256", Digest::of(&bytes).to_string()), ("sha512", hex::encode(Sha512::digest(&bytes)))];
    let mut known = found.iter().filter_map(|(kind, found)| Some((kind, found, hash(kind)?))).peekable();
    if known.peek().is_none() {
        return Err(refused("has neither SHA-256 nor SHA-512 in its entry".to_owned()));
    }
    match known.find(|(_, found, wanted)| found != wanted) {
        Some((kind, found, wanted)) => Err(refused(format!("has {kind} {found}, not {wanted}"))),
        None => Ok(bytes),
    }
}

/// The hash of a file, of so many hex digits: 64 for SHA-256; 128 for SHA-512, of a file that is not large.
fn hash_of(place: &Place, digits: usize) -> Result<String, DiskError> {
    if digits == 64 {
        return Ok(disk::hash(place, TARGET_LIMIT)?.sha256.to_string());
    }
    match disk::read(place, METADATA_LIMIT) {
        Ok(bytes) => Ok(hex::encode(Sha512::digest(bytes))),
        Err(DiskError::TooLarge { .. }) => Ok(String::new()),
        Err(error) => Err(error),
    }
}

/// Whether the file `name` of a metadata directory says nothing that was not copied under another name, as `root.json`
/// beside `5.root.json`.
fn is_copy(origin: &Origin, state: &State, roots: &[PublishedFile], name: &str) -> bool {
    let Some(role) = name.strip_suffix(".json") else { return false };
    let Ok(Some(bytes)) = origin.metadata(name, METADATA_LIMIT) else { return false };
    let file = state.role(role).and_then(|role| role.file.as_ref()).map(|(file, _)| file);
    file.into_iter().chain(roots.iter().filter(|_| role == "root")).any(|file| *file.bytes == *bytes)
}
