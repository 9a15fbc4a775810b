//! Listing directories that another program made.

use rustix::fs::{AtFlags, Dir, FileType, statat};

use super::{DiskError, Place, TEMPORARY};

/// How deep a tree is followed.
const DEPTH: usize = 32;

/// The paths of the files in a directory that another program made, at most `limit`, sorted, with `/` between
/// components; of those in directories below it too if it is to be `deep`. None if the directory is not there.
///
/// What this program would not read is passed over: symbolic links, devices, names that no path can have here.
pub(crate) fn foreign(place: &Place, limit: usize, deep: bool) -> Result<Vec<String>, DiskError> {
    let mut found = Vec::new();
    let mut ahead = vec![String::new()];
    let mut count = 0;
    while let Some(prefix) = ahead.pop() {
        let at = if prefix.is_empty() { place.clone() } else { place.join(prefix.trim_end_matches('/')) };
        let dir = match at.open_dir() {
            Err(error) if error.is_not_there() => continue,
            opened => opened?,
        };
        let failed = |errno| DiskError::at(&at, "list", errno);
        for entry in Dir::read_from(&dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name.starts_with(TEMPORARY) || at.component(name).is_err() {
                continue;
            }
            count += 1;
            if count > limit {
                return Err(DiskError::TooMany { path: place.path(), limit });
            }
            let stat = statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => found.push(format!("{prefix}{name}")),
                FileType::Directory if deep && prefix.matches('/').count() < DEPTH => {
                    ahead.push(format!("{prefix}{name}/"));
                }
                _ => {}
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn lists_plain_files_and_passes_over_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        for name in ["x y.json", "a/1", "a/b/2", "bad\\name", ".trustroot-1"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        symlink("a", dir.path().join("link")).unwrap();
        symlink("x y.json", dir.path().join("root.json")).unwrap();
        let place = Place::named(dir.path());
        assert_eq!(foreign(&place, 9, true).unwrap(), ["a/1", "a/b/2", "x y.json"]);
        assert_eq!(foreign(&place, 9, false).unwrap(), ["x y.json"]);
        assert!(matches!(foreign(&place, 2, true), Err(DiskError::TooMany { .. })));
        assert!(foreign(&place.join("none"), 9, true).unwrap().is_empty());
    }
}
