//! What the online keys signed for a publication and the ceremony keeps: `published/`.

use super::Ceremony;
use crate::disk;
use crate::error::Failure;
use crate::published::{METADATA_LIMIT, PublishedFile, numbered};
use crate::text::escaped;

/// How many files `published/` may hold.
const FILES: usize = 10_000;

/// A file of `published/`.
pub(crate) struct SealFile {
    /// `published/NAME`, escaped.
    pub(crate) path: String,
    /// A snapshot or a timestamp of the version in its name, or what it is instead.
    pub(crate) file: Result<PublishedFile, String>,
}

impl Ceremony {
    /// The files of `published/`, sorted by name. Who signed them is not looked at.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(crate) fn seals(&self) -> Result<Vec<SealFile>, Failure> {
        let place = self.dir.published();
        let mut seals = Vec::new();
        for entry in disk::list(&place, FILES)? {
            let path = escaped(&format!("published/{}", entry.name)).to_string();
            let named = numbered(&entry.name).filter(|(_, role)| matches!(*role, "snapshot" | "timestamp"));
            let Some((version, role)) = named else {
                seals.push(SealFile { path, file: Err("it has no place in a ceremony".to_owned()) });
                continue;
            };
            let file = PublishedFile::parse(disk::read(&place.join(&entry.name), METADATA_LIMIT)?);
            let file = file.map_err(|error| error.to_string()).and_then(|file| {
                let (kind, found) = (file.metadata.kind(), file.metadata.version());
                match (kind.as_str(), found) == (role, version) {
                    true => Ok(file),
                    false => Err(format!("it is {kind} version {found}")),
                }
            });
            seals.push(SealFile { path, file });
        }
        Ok(seals)
    }
}
