//! What a client remembers: the metadata that it verified, in memory or in a directory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ceremony::{Kind, Metadata, Source, SourceError};
use sigstore_tuf::{Error, MetadataStore};

use crate::disk::{self, Access, DiskError, Place};

/// Files that a client remembers, by name: `root.json`, `root_history/N.root.json`, `timestamp.json`, `snapshot.json`,
/// `targets.json`, and `ROLE.json` for each delegated role that it met, its name percent-encoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cache(pub(crate) BTreeMap<String, Vec<u8>>);

/// The memory of a client. A clone is the same memory.
///
/// In a directory the files are those of python-tuf's ngclient, byte for byte as served, each replaced in one step as
/// soon as it is verified. Target files are kept below `targets`, under their percent-encoded paths.
#[derive(Clone)]
pub(crate) struct Store(Arc<Mutex<Shelf>>);

struct Shelf {
    files: Cache,
    directory: Option<Directory>,
    trouble: Option<DiskError>,
    broken: bool,
}

struct Directory {
    place: Place,
    read_only: bool,
    limit: u64,
}

impl Store {
    /// A memory that starts with `files` and ends with the program.
    pub(crate) fn in_memory(files: Cache) -> Self {
        Self(Arc::new(Mutex::new(Shelf { files, directory: None, trouble: None, broken: false })))
    }

    /// The memory in the directory at `place`; files of more than `limit` bytes are refused.
    pub(crate) fn in_directory(place: Place, limit: u64) -> Self {
        Self::with(Directory { place, read_only: false, limit })
    }

    /// The memory in the directory at `place`, which stays as it is.
    pub(crate) fn read_only(place: Place, limit: u64) -> Self {
        Self::with(Directory { place, read_only: true, limit })
    }

    /// All metadata that was loaded from this memory or stored in it since it was opened.
    pub(crate) fn files(&self) -> Cache {
        self.shelf().files.clone()
    }

    /// The first failure since this memory was opened. After one nothing more is written.
    ///
    /// The library takes such a failure for an empty memory, and would lose its protection from rollbacks.
    ///
    /// # Errors
    /// That failure; the next time there is none.
    pub(crate) fn trouble(&self) -> Result<(), DiskError> {
        self.shelf().trouble.take().map_or(Ok(()), Err)
    }

    fn with(directory: Directory) -> Self {
        let (files, directory) = (Cache::default(), Some(directory));
        Self(Arc::new(Mutex::new(Shelf { files, directory, trouble: None, broken: false })))
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MetadataStore for Store {
    fn load(&self, name: &str) -> sigstore_tuf::Result<Option<Vec<u8>>> {
        let loaded = self.shelf().load(name);
        loaded.map_err(|error| self.remember(error))
    }

    fn store(&self, name: &str, bytes: &[u8]) -> sigstore_tuf::Result<()> {
        let stored = self.shelf().store(name, bytes);
        stored.map_err(|error| self.remember(error))
    }
}

impl Store {
    fn remember(&self, error: DiskError) -> Error {
        let message = error.to_string();
        let mut shelf = self.shelf();
        shelf.broken = true;
        shelf.trouble.get_or_insert(error);
        Error::transport(message)
    }
}

impl Shelf {
    fn load(&mut self, name: &str) -> Result<Option<Vec<u8>>, DiskError> {
        if let Some(bytes) = self.files.0.get(name) {
            return Ok(Some(bytes.clone()));
        }
        let Some(directory) = &self.directory else { return Ok(None) };
        let bytes = disk::read_if_there(&directory.place.join(&file_of(name)), directory.limit)?;
        if let Some(bytes) = bytes.as_ref().filter(|_| is_metadata(name)) {
            self.files.0.insert(name.to_owned(), bytes.clone());
        }
        Ok(bytes)
    }

    fn store(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        // The library stores a snapshot as 165.snapshot.json too, which no other client looks at. A delegated role may
        // have such a name.
        let numbered = name
            .split_once('.')
            .is_some_and(|(number, rest)| number.bytes().all(|c| c.is_ascii_digit()) && rest == "snapshot.json");
        if numbered && Metadata::parse_untrusted(bytes).is_ok_and(|file| file.kind() == Kind::Snapshot) {
            return Ok(());
        }
        if is_metadata(name) {
            self.files.0.insert(name.to_owned(), bytes.to_vec());
        }
        let Some(directory) = self.directory.as_ref().filter(|directory| !directory.read_only && !self.broken) else {
            return Ok(());
        };
        let place = directory.place.join(&file_of(name));
        let same = disk::read(&place, directory.limit).is_ok_and(|present| present == bytes);
        if !same {
            disk::replace(&place, bytes, Access::Shared)?;
        }
        Ok(())
    }
}

/// A repository that is nothing but the memory of a client: what a refresh without a network reads.
///
/// It has no new roots, and `8.registry.npmjs.org.json` is what is remembered as `registry.npmjs.org.json`; whether that
/// is version 8, the client sees.
pub(crate) struct Offline(pub(crate) Store);

impl Source for Offline {
    fn metadata(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        let (number, rest) = name.split_once('.').unwrap_or_default();
        let numbered = !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit()) && rest != "json";
        if numbered && rest == "root.json" {
            return Ok(None);
        }
        let unnumbered = if numbered { rest } else { name };
        match self.0.shelf().load(unnumbered) {
            Ok(Some(bytes)) if bytes.len() as u64 > limit => {
                Err(SourceError::TooLarge { place: unnumbered.to_owned(), limit })
            }
            Ok(bytes) => Ok(bytes),
            Err(error) => Err(SourceError::Unreachable { place: unnumbered.to_owned(), source: Box::new(error) }),
        }
    }

    fn stream(&self, _: &str, _: u64, _: &mut dyn FnMut(&[u8])) -> Result<Option<u64>, SourceError> {
        // The client looked at its memory before it asked.
        Ok(None)
    }
}

/// The file of a cache that has what the library calls `name`.
fn file_of(name: &str) -> String {
    match name.strip_prefix(TARGETS) {
        Some(path) => [TARGETS, &encoded(path)].concat(),
        None => name.to_owned(),
    }
}

fn is_metadata(name: &str) -> bool {
    !name.starts_with(TARGETS)
}

/// Where the library keeps target files.
const TARGETS: &str = "targets/";

/// `text` as one file name: everything but letters, digits, `-`, `_`, `.` and `~` percent-encoded, as ngclient does.
pub(crate) fn encoded(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => name.push(byte.into()),
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    name
}
