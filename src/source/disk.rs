//! A repository, or a part of one, in a directory.

use std::path::Path;

use ceremony::source::{metadata_name, target_path};
use ceremony::{Source, SourceError};

use crate::disk::{self, DiskError, Place};

/// Files of a directory as a web server would serve them, without symbolic links and odd files.
pub(crate) struct Directory {
    place: Place,
}

impl Directory {
    /// The files of the directory at `path`.
    pub(crate) fn new(path: impl AsRef<Path>) -> Self {
        Self { place: Place::named(path) }
    }

    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        self.answer(path, |place| disk::read(place, limit))
    }

    fn answer<T>(
        &self,
        path: &str,
        read: impl FnOnce(&Place) -> Result<T, DiskError>,
    ) -> Result<Option<T>, SourceError> {
        let place = self.place.join(path);
        let shown = place.to_string().escape_debug().to_string();
        match read(&place) {
            Ok(answer) => Ok(Some(answer)),
            // A directory without the file has an answer, no directory has none.
            Err(error) if error.is_not_there() && self.place.path().is_dir() => Ok(None),
            Err(DiskError::TooLarge { limit, .. }) => Err(SourceError::TooLarge { place: shown, limit }),
            Err(error) => Err(SourceError::Unreachable { place: shown, source: Box::new(error) }),
        }
    }
}

impl Source for Directory {
    fn metadata(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        match decoded(metadata_name(name)?) {
            // No file has a name with a slash or a control character in it.
            Some(name) if target_path(&name).is_ok() && !name.contains('/') => self.read(&name, limit),
            _ => Ok(None),
        }
    }

    fn stream(&self, path: &str, limit: u64, each: &mut dyn FnMut(&[u8])) -> Result<Option<u64>, SourceError> {
        let path = target_path(path)?;
        self.answer(path, |place| disk::stream(place, limit, each))
    }
}

/// Clients ask for `1.a%20b.json`, and web servers serve the file `1.a b.json`.
fn decoded(name: &str) -> Option<String> {
    let mut parts = name.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend(part.get(2..)?.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::error::Error as _;

    use super::*;

    #[test]
    fn serves_what_a_web_server_would() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("1.a b.json"), b"{}").unwrap();
        std::fs::create_dir(dir.path().join("1.x")).unwrap();
        std::fs::write(dir.path().join("1.x/y.json"), b"{}").unwrap();
        let repository = Directory::new(dir.path());
        assert_eq!(repository.metadata("1.a%20b.json", 9).unwrap().unwrap(), b"{}");
        assert!(repository.metadata("1.x%2Fy.json", 9).unwrap().is_none());
        assert!(repository.metadata("1.%ff.json", 9).unwrap().is_none());
        assert!(matches!(repository.metadata("1.a b.json", 9), Err(SourceError::Name(_))));
        assert!(matches!(repository.target("../secret", 9), Err(SourceError::Name(_))));
        assert!(matches!(repository.metadata("1.a%20b.json", 1), Err(SourceError::TooLarge { limit: 1, .. })));
        std::os::unix::fs::symlink("1.a b.json", dir.path().join("link.json")).unwrap();
        std::os::unix::fs::symlink("..", dir.path().join("up")).unwrap();
        for (odd, why) in [("link.json", "a symbolic link"), ("up/secret", "a symbolic link"), ("1.x", "a directory")] {
            let error = repository.target(odd, 9).unwrap_err();
            assert!(error.source().unwrap().to_string().contains(why), "{odd}");
        }
        assert!(repository.target("no/such/file", 9).unwrap().is_none());
        let missing = Directory::new(dir.path().join("missing")).metadata("timestamp.json", 9).unwrap_err();
        assert!(missing.to_string().ends_with("missing/timestamp.json could not be read"), "{missing}");
    }
}
