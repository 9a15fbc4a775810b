//! Where an adopted repository is: a directory or an address, in the layout of whatever tool made it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ceremony::targets::consistent_name;
use ceremony::{Metadata, Source, SourceError};

use crate::disk::{self, DiskError, Place};
use crate::error::Failure;
use crate::published::numbered;
use crate::source::{Address, Served};

/// How long a server may be silent.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most entries of one directory that are listed.
const ENTRIES: usize = 1_000_000;

/// A repository to be taken over.
///
/// It answers by the names of a consistent snapshot (TUF specification, section 6.2), whatever names its files have:
/// where `N.ROLE.json` is not there, `ROLE.json` of that version is taken, and for a root `root_history/N.root.json`;
/// where `HASH.NAME` is not there, `NAME` is. So git keeps the repositories of tuf-on-ci.
pub(crate) struct Origin {
    files: Served,
    history: Option<Served>,
    metadata_dir: Option<PathBuf>,
    targets_dir: Option<PathBuf>,
}

impl Origin {
    /// The repository at `address`, with its targets at `targets`, or else where they are by custom: in `targets` below
    /// the metadata, or beside it. The metadata of a directory may lie in `metadata` below it.
    ///
    /// # Errors
    /// If this build or this machine cannot speak to such an address.
    pub(crate) fn open(address: &Address, targets: Option<&Address>) -> Result<Self, Failure> {
        let Address::Directory(path) = address else {
            let files = Served::open(address, targets, PATIENCE)?;
            return Ok(Self { files, history: None, metadata_dir: None, targets_dir: None });
        };
        let there = |path: &Path| disk::exists(&Place::named(path));
        let mut metadata = path.clone();
        if !there(&path.join("timestamp.json"))? && there(&path.join("metadata").join("timestamp.json"))? {
            metadata.push("metadata");
        }
        let mut custom = metadata.join("targets");
        let beside = metadata.parent().unwrap_or(Path::new("..")).join("targets");
        if !there(&custom)? && there(&beside)? {
            custom = beside;
        }
        let targets = targets.cloned().unwrap_or(Address::Directory(custom));
        let root_history = metadata.join("root_history");
        Ok(Self {
            files: Served::open(&Address::Directory(metadata.clone()), Some(&targets), PATIENCE)?,
            history: there(&root_history)?.then(|| Served::in_directory(root_history)),
            metadata_dir: Some(metadata),
            targets_dir: match targets {
                Address::Directory(path) => Some(path),
                Address::Http(_) => None,
            },
        })
    }

    /// The names of the files in the metadata directory, as far as there is one to list.
    pub(crate) fn metadata_names(&self) -> Result<Vec<String>, DiskError> {
        let Some(path) = &self.metadata_dir else { return Ok(Vec::new()) };
        let mut names = disk::foreign(&Place::named(path), ENTRIES, false)?;
        names.extend(disk::foreign(&Place::named(path.join("root_history")), ENTRIES, false)?);
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// The paths of the files below the directory of the targets, as far as there is one to list.
    pub(crate) fn target_paths(&self) -> Result<Vec<String>, DiskError> {
        match &self.targets_dir {
            Some(path) => disk::foreign(&Place::named(path), ENTRIES, true),
            None => Ok(Vec::new()),
        }
    }

    /// The file at `path` below the directory of the targets, if there is such a directory.
    pub(crate) fn target_place(&self, path: &str) -> Option<Place> {
        Some(Place::named(self.targets_dir.as_ref()?).join(path))
    }
}

impl Source for Origin {
    fn metadata(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        if let Some(bytes) = self.files.metadata(name, limit)? {
            return Ok(Some(bytes));
        }
        let Some((version, role)) = numbered(name) else { return Ok(None) };
        if let Some(history) = self.history.as_ref().filter(|_| role == "root")
            && let Some(bytes) = history.metadata(name, limit)?
        {
            return Ok(Some(bytes));
        }
        let plain = self.files.metadata(&format!("{role}.json"), limit)?;
        let is_it = |bytes: &Vec<u8>| Metadata::parse_untrusted(bytes).is_ok_and(|file| file.version() == version);
        Ok(plain.filter(is_it))
    }

    fn stream(&self, path: &str, limit: u64, each: &mut dyn FnMut(&[u8])) -> Result<Option<u64>, SourceError> {
        match self.files.stream(path, limit, each)? {
            Some(length) => Ok(Some(length)),
            None => match unprefixed(path) {
                Some((plain, _)) => self.files.stream(&plain, limit, each),
                None => Ok(None),
            },
        }
    }
}

/// Path and hash of `DIR/HASH.NAME`.
pub(crate) fn unprefixed(path: &str) -> Option<(String, &str)> {
    let (dir, file) = path.rsplit_once('/').map_or(("", path), |(dir, file)| (dir, file));
    let (hash, name) = file.split_once('.')?;
    let is_hash = matches!(hash.len(), 64 | 128) && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let plain = if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") };
    (is_hash && !name.is_empty() && consistent_name(&plain, hash) == path).then_some((plain, hash))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn metadata(version: u64) -> String {
        format!(
            r#"{{"signatures":[],"signed":{{"_type":"root","version":{version},"expires":"2030-01-01T00:00:00Z"}}}}"#
        )
    }

    #[test]
    fn reads_the_layout_that_git_keeps() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("metadata/timestamp.json", "{}");
        write("metadata/root.json", &metadata(2));
        write("metadata/root_history/1.root.json", "one");
        write("targets/a/b.txt", "hello");
        let origin = Origin::open(&Address::Directory(dir.path().into()), None).unwrap();
        assert_eq!(origin.metadata("1.root.json", 99).unwrap().unwrap(), b"one");
        assert_eq!(origin.metadata("2.root.json", 999).unwrap().unwrap(), metadata(2).as_bytes());
        assert!(origin.metadata("3.root.json", 999).unwrap().is_none());
        assert!(origin.metadata("1.targets.json", 999).unwrap().is_none());
        let name = format!("a/{}.b.txt", "0".repeat(64));
        assert_eq!(origin.target(&name, 9).unwrap().unwrap(), b"hello");
        assert_eq!(origin.metadata_names().unwrap(), ["1.root.json", "root.json", "timestamp.json"]);
        assert_eq!(origin.target_paths().unwrap(), ["a/b.txt"]);
        let same = Origin::open(&Address::Directory(dir.path().join("metadata")), None).unwrap();
        assert_eq!(same.target(&name, 9).unwrap().unwrap(), b"hello");
    }

    #[test]
    fn knows_prefixed_names() {
        let hash = "ab".repeat(32);
        assert_eq!(unprefixed(&format!("x/{hash}.a.b")), Some(("x/a.b".to_owned(), hash.as_str())));
        assert_eq!(unprefixed("x/a.b"), None);
        assert_eq!(unprefixed(&format!("{hash}.")), None);
    }
}
