//! What snapshot and timestamp say of other files.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};

use crate::digest::Digest;
use crate::json::Json;
use crate::metadata::{Kind, Metadata, MetadataError};

/// A view of the `meta` member of snapshot and timestamp metadata (TUF specification, sections 4.4 and 4.6).
#[derive(Clone, Debug, PartialEq)]
pub struct Meta {
    /// By file name, such as `targets.json`.
    pub files: BTreeMap<String, MetaFile>,
}

/// What is said of one metadata file.
#[derive(Clone, Debug, PartialEq)]
pub struct MetaFile {
    /// The version.
    pub version: u64,
    /// The length in bytes, if said.
    pub length: Option<u64>,
    /// SHA-256, if said.
    pub sha256: Option<Digest>,
    /// The entry as it stands in the file.
    pub entry: Json,
}

impl Meta {
    /// Reads the `meta` of a snapshot or timestamp.
    ///
    /// # Errors
    /// If it is other metadata, or an entry has no version.
    pub fn of(metadata: &Metadata) -> Result<Self, MetadataError> {
        if !matches!(metadata.kind(), Kind::Snapshot | Kind::Timestamp) {
            return Err(MetadataError::Kind { found: metadata.kind(), wanted: Kind::Snapshot });
        }
        let entries = metadata.signed().get("meta").and_then(Json::as_object);
        let entries = entries.ok_or_else(|| MetadataError::member("signed", "meta", "an object"))?;
        let read = |(name, entry): (&str, &Json)| MetaFile::read(name, entry).map(|file| (name.to_string(), file));
        Ok(Self { files: entries.iter().map(read).collect::<Result<_, _>>()? })
    }

    /// What is said of `file`, such as `targets.json`.
    pub fn file(&self, file: &str) -> Option<&MetaFile> {
        self.files.get(file)
    }
}

impl MetaFile {
    fn read(name: &str, entry: &Json) -> Result<Self, MetadataError> {
        let wrong = |member, wanted| MetadataError::member(name, member, wanted);
        let version = entry.get("version").and_then(Json::as_u64).filter(|version| *version > 0);
        let version = version.ok_or_else(|| wrong("version", "a number from 1"))?;
        let length = entry.get("length").map(|length| length.as_u64().ok_or_else(|| wrong("length", "a number")));
        let sha256 = entry.get("hashes").and_then(|hashes| hashes.get("sha256")).map(|digest| {
            let digest = digest.as_str().and_then(|text| text.parse().ok());
            digest.ok_or_else(|| wrong("hashes.sha256", "64 lower-case hex digits"))
        });
        Ok(Self { version, length: length.transpose()?, sha256: sha256.transpose()?, entry: entry.clone() })
    }
}
