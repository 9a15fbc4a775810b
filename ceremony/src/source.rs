//! What a client of a repository reads from.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

/// A TUF repository as a client sees it: bytes by name, nothing of it trusted.
///
/// Names that [`metadata_name`] or [`target_path`] refuse are never looked up.
pub trait Source {
    /// The metadata file `name`, like `3.root.json` or `timestamp.json`; `None` if the repository has none.
    ///
    /// # Errors
    /// If the file is longer than `limit` bytes, or the repository could not be asked.
    fn metadata(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError>;

    /// The target file at `path` below the targets, with the hash in its name where the repository has one there;
    /// `None` if the repository has none.
    ///
    /// # Errors
    /// If the file is longer than `limit` bytes, or the repository could not be asked.
    fn target(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        let mut bytes = Vec::new();
        let length = self.stream(path, limit, &mut |part| bytes.extend_from_slice(part))?;
        Ok(length.map(|_| bytes))
    }

    /// Gives the target file at `path` to `each`, part by part and never whole in memory; returns its length.
    ///
    /// # Errors
    /// As [`target`](Self::target). Parts may have been given before.
    fn stream(&self, path: &str, limit: u64, each: &mut dyn FnMut(&[u8])) -> Result<Option<u64>, SourceError>;
}

/// Takes `name` if it is the name of a metadata file: one file name of letters, digits, `-`, `_`, `.`, `~` and percent
/// escapes, which does not start with a dot and ends in `.json`.
///
/// # Errors
/// With what is wrong.
pub fn metadata_name(name: &str) -> Result<&str, NameError> {
    let refuse = |reason| Err(NameError { name: name.escape_debug().to_string(), reason });
    if !name.ends_with(".json") {
        return refuse("it does not end in .json");
    }
    if name.starts_with('.') {
        return refuse("it starts with a dot");
    }
    if name.len() > 255 {
        return refuse("it is longer than 255 bytes");
    }
    let mut escapes = name.split('%');
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"-_.~".contains(&c);
    let escaped = |part: &[u8]| part.len() >= 2 && part.iter().take(2).all(u8::is_ascii_hexdigit);
    let first = escapes.next().unwrap_or_default();
    if !first.bytes().all(plain) || !escapes.all(|part| escaped(part.as_bytes()) && part.bytes().all(plain)) {
        return refuse("it has a character other than letters, digits, - _ . ~ and percent escapes");
    }
    Ok(name)
}

/// Takes `path` if it stays below the directory that it is joined to, on every system: parts between single slashes,
/// none of them empty, `.` or `..`, without backslashes and control characters.
///
/// # Errors
/// With what is wrong.
pub fn target_path(path: &str) -> Result<&str, NameError> {
    let refuse = |reason| Err(NameError { name: path.escape_debug().to_string(), reason });
    if path.chars().any(char::is_control) {
        return refuse("it has a control character");
    }
    if path.contains('\\') {
        return refuse("it has a backslash");
    }
    if path.split('/').any(|part| matches!(part, "." | "..")) {
        return refuse("it has a part that is . or ..");
    }
    if path.split('/').any(str::is_empty) {
        return refuse("it is empty, or starts, ends or repeats a slash");
    }
    Ok(path)
}

/// The metadata of a repository in memory, over the files of another source.
///
/// A clone shares the files until either of the two changes.
#[derive(Clone, Default)]
pub struct MemorySource<'a> {
    below: Option<&'a dyn Source>,
    metadata: Arc<BTreeMap<String, Arc<[u8]>>>,
}

impl<'a> MemorySource<'a> {
    /// A repository without a file.
    pub fn new() -> Self {
        Self::default()
    }

    /// A repository that reads from `below` what is not put into it.
    pub fn over(below: &'a dyn Source) -> Self {
        Self { below: Some(below), ..Self::default() }
    }

    /// Puts a metadata file in, over one of this name.
    ///
    /// # Errors
    /// If [`metadata_name`] refuses the name.
    pub fn put_metadata(&mut self, name: &str, bytes: impl Into<Arc<[u8]>>) -> Result<(), NameError> {
        Arc::make_mut(&mut self.metadata).insert(metadata_name(name)?.to_string(), bytes.into());
        Ok(())
    }
}

impl Source for MemorySource<'_> {
    fn metadata(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        match (self.metadata.get(metadata_name(name)?), self.below) {
            (Some(bytes), _) => within(name, bytes, limit).map(Some),
            (None, Some(below)) => below.metadata(name, limit),
            (None, None) => Ok(None),
        }
    }

    fn stream(&self, path: &str, limit: u64, each: &mut dyn FnMut(&[u8])) -> Result<Option<u64>, SourceError> {
        let path = target_path(path)?;
        self.below.map_or(Ok(None), |below| below.stream(path, limit, each))
    }
}

impl fmt::Debug for MemorySource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySource").field("metadata", &self.metadata.keys()).finish_non_exhaustive()
    }
}

fn within(name: &str, bytes: &[u8], limit: u64) -> Result<Vec<u8>, SourceError> {
    if bytes.len() as u64 > limit {
        return Err(SourceError::TooLarge { place: name.escape_debug().to_string(), limit });
    }
    Ok(bytes.to_vec())
}

/// Why a source has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The name leads out of the repository, or is none that a repository has.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The answer is longer than a client takes.
    #[error("{place} is longer than {limit} bytes")]
    TooLarge {
        /// The path or address, escaped.
        place: String,
        /// The most that the client takes, in bytes.
        limit: u64,
    },
    /// The repository could not be asked, or did not finish its answer.
    #[error("{place} could not be read")]
    Unreachable {
        /// The path or address, escaped.
        place: String,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

/// A name that no repository has a file under.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name \"{name}\" is refused: {reason}")]
pub struct NameError {
    name: String,
    reason: &'static str,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn takes_names_that_stay_where_they_are() {
        for good in ["timestamp.json", "16.root.json", "8.registry.npmjs.org.json", "1.a%2Fb~c_d.json", "1...json"] {
            assert_eq!(metadata_name(good), Ok(good));
        }
        let long = "a".repeat(251) + ".json";
        let hostile =
            ["", ".json", "..json", "../1.root.json", "a/b.json", "a\\b.json", "root", "a%2.json", "a%zz.json"];
        let rest = ["a%", "\u{1b}[2J.json", "a b.json", "é.json", "a\0.json", "a?b.json", "a#.json", &long];
        for bad in hostile.into_iter().chain(rest) {
            assert!(metadata_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn takes_paths_that_stay_below() {
        for good in ["trusted_root.json", "registry.npmjs.org/keys.json", "a b/ü", "...", "a/..b"] {
            assert_eq!(target_path(good), Ok(good));
        }
        for bad in
            ["", "/", "/etc/passwd", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a\\..\\b", "a\nb", "\0"]
        {
            assert!(target_path(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn reads_from_below_what_it_lacks() {
        let mut published = MemorySource::new();
        published.put_metadata("1.root.json", *b"one").unwrap();
        let mut next = MemorySource::over(&published);
        next.put_metadata("2.root.json", *b"two").unwrap();
        let before = next.clone();
        next.put_metadata("2.root.json", *b"new").unwrap();
        assert_eq!(next.metadata("1.root.json", 3).unwrap().unwrap(), b"one");
        assert_eq!(next.metadata("2.root.json", 3).unwrap().unwrap(), b"new");
        assert_eq!(before.metadata("2.root.json", 3).unwrap().unwrap(), b"two");
        assert!(next.metadata("3.root.json", 3).unwrap().is_none());
    }

    #[test]
    fn refuses_what_is_longer_than_asked_for() {
        let mut source = MemorySource::new();
        source.put_metadata("timestamp.json", *b"four").unwrap();
        assert!(source.metadata("timestamp.json", 4).is_ok());
        let refused = source.metadata("timestamp.json", 3).unwrap_err();
        assert_eq!(refused.to_string(), "timestamp.json is longer than 3 bytes");
        assert!(matches!(source.target("../x", 3), Err(SourceError::Name(_))));
    }
}
