//! What a publication writes, in which order.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::assemble::Assembled;
use crate::inputs::WantedTarget;
use crate::json::{Json, Object};
use crate::metadata::MetadataError;
use crate::seal::{Online, SealError, SealedFile, Sealing, Seals, SignOnline, seal};
use crate::targets::TargetEntry;

/// Signed files and the online roles that make them visible, before anybody has looked at them as a client.
#[derive(Clone, Debug)]
pub struct Sealed {
    root: Option<SealedFile>,
    files: BTreeMap<String, SealedFile>,
    seals: Seals,
}

/// A publication that every client was shown to accept, after every single write. Only [`Sealed::verify`] makes one.
///
/// ```compile_fail,E0451
/// // Nobody puts other files into what was verified.
/// fn exchange(verified: ceremony::Verified) -> ceremony::Verified {
///     ceremony::Verified { writes: Vec::new(), ..verified }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Verified {
    sealed: Sealed,
    writes: Vec<Write>,
}

/// One metadata file to write.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// The name in the repository.
    pub name: String,
    /// The content.
    pub bytes: Arc<[u8]>,
    /// Whether a file of this name is replaced. All others are created, and an existing one must be the same.
    pub replaces: bool,
}

/// One target file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetWrite<'a> {
    /// The path of the target.
    pub path: &'a str,
    /// Its names below the repository's `targets/`: one for each hash that the metadata lists.
    pub names: Vec<String>,
    /// The length and SHA-256 that the metadata lists.
    pub content: WantedTarget,
}

/// Where in the list the root stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// After everything. Clients of both roots accept what is there, because both sets of keys signed it.
    RootLast,
    /// Before the timestamp, so that the window in which clients fail is one write long.
    RootBeforeTimestamp,
}

impl<'a> TargetWrite<'a> {
    /// None if the entry lists no SHA-256: Sigstore's first targets list SHA-512 alone; nothing that is made here does.
    fn of(path: &'a str, entry: &'a Json) -> Result<Option<Self>, MetadataError> {
        let entry = TargetEntry::read(entry, path)?;
        let write = |sha256| Self {
            path,
            names: entry.file_names(path),
            content: WantedTarget { length: entry.length, sha256 },
        };
        Ok(entry.sha256.map(write))
    }
}

impl Assembled {
    /// Has the online keys sign.
    ///
    /// # Errors
    /// As [`seal`].
    pub fn seal<S: SignOnline>(
        &self,
        online: &Online<'_>,
        signer: &mut S,
    ) -> Result<Sealing<S::Error>, SealError<S::Error>> {
        seal(&self.split().1, online, signer)
    }

    /// Puts the online roles to the files, as they were signed for this publication now or before it was interrupted.
    pub fn with(&self, seals: Seals) -> Sealed {
        let (root, files) = self.split();
        Sealed { root, files, seals }
    }

    /// The root, which no snapshot names, and the others.
    fn split(&self) -> (Option<SealedFile>, BTreeMap<String, SealedFile>) {
        let mut files = self.files().clone();
        (files.remove("root"), files)
    }
}

impl Sealed {
    /// Online roles alone.
    pub fn renewal(seals: Seals) -> Self {
        Self { root: None, files: BTreeMap::new(), seals }
    }

    /// The online roles.
    pub fn seals(&self) -> &Seals {
        &self.seals
    }

    /// The metadata files in the order in which they are written: delegated roles and targets, which nothing names yet;
    /// the snapshot; the timestamp, which makes all of it visible; and the root, for which clients look by its number.
    pub fn writes(&self, order: Order) -> Vec<Write> {
        let numbered = |role: &str, file: &SealedFile| Write {
            name: format!("{}.{role}.json", file.metadata.version()),
            bytes: file.bytes.clone(),
            replaces: false,
        };
        let mut files: Vec<_> = self.files.iter().collect();
        // Delegated roles before targets, which delegates to them.
        files.sort_by_key(|(role, _)| *role == "targets");
        let mut writes: Vec<Write> = files.into_iter().map(|(role, file)| numbered(role, file)).collect();
        writes.extend(self.seals.snapshot.iter().map(|file| numbered("snapshot", file)));
        let root = self.root.iter().map(|file| numbered("root", file));
        let timestamp = self.seals.timestamp.iter().map(|file| Write {
            name: "timestamp.json".to_string(),
            bytes: file.bytes.clone(),
            replaces: true,
        });
        match order {
            Order::RootLast => writes.extend(timestamp.chain(root)),
            Order::RootBeforeTimestamp => writes.extend(root.chain(timestamp)),
        }
        writes
    }

    /// Shows the list to `check`, which looks at it as every client would, after every write; returns what it saw.
    ///
    /// # Errors
    /// What `check` says.
    pub fn verify<T, E>(self, order: Order, check: impl FnOnce(&[Write]) -> Result<T, E>) -> Result<(Verified, T), E> {
        let writes = self.writes(order);
        let seen = check(&writes)?;
        Ok((Verified { sealed: self, writes }, seen))
    }
}

impl Verified {
    /// The target files that the new metadata lists, written first: nothing names them yet. One after the other, since
    /// there may be very many; an error for each entry that is malformed.
    pub fn targets(&self) -> impl Iterator<Item = Result<TargetWrite<'_>, MetadataError>> {
        let listed = self.sealed.files.values().filter_map(|file| file.metadata.signed().get("targets")?.as_object());
        listed.flat_map(Object::iter).filter_map(|(path, entry)| TargetWrite::of(path, entry).transpose())
    }

    /// The metadata files, in order.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// The online roles.
    pub fn seals(&self) -> &Seals {
        self.sealed.seals()
    }
}
