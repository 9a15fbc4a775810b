//! Listing directories.

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Dir, FileType, statat};

use super::parallel::each;
use super::read::File;
use super::{DiskError, Measured, Place, TEMPORARY};

/// How deep a tree is followed.
const DEPTH: usize = 32;

/// What a directory holds under a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) is_dir: bool,
}

/// Whether anything is there, be it only a symbolic link.
pub(crate) fn exists(place: &Place) -> Result<bool, DiskError> {
    let (dir, name) = match place.below.is_empty() {
        true => {
            return match place.base.symlink_metadata() {
                Ok(_) => Ok(true),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
                Err(source) => Err(DiskError::Io { action: "read", path: place.path(), source }),
            };
        }
        false => place.split()?,
    };
    match dir.open_dir() {
        Err(error) if error.is_not_there() => Ok(false),
        Err(error) => Err(error),
        Ok(dir) => match statat(dir, place.component(&name)?, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(errno) => match DiskError::at(place, "read", errno) {
                error if error.is_not_there() => Ok(false),
                error => Err(error),
            },
        },
    }
}

/// Whether this program gives such a name to a directory of its own: 1 to 255 of `A-Z a-z 0-9 . _ @ + -`, and none that
/// is hidden or could be taken for an option of a command.
pub(crate) fn is_plain(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".-_@+".contains(&b);
    (1..=255).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with(['.', '-'])
}

/// The files and directories in one of this program's own directories, at most `limit`, sorted by name; none if the
/// directory is not there.
///
/// Names are refused that this program does not write: those that [`is_plain`] refuses, but for names that start with a
/// dot. So is what is neither a regular file nor a directory.
pub(crate) fn list(place: &Place, limit: usize) -> Result<Vec<Entry>, DiskError> {
    let dir = match place.open_dir() {
        Err(error) if error.is_not_there() => return Ok(Vec::new()),
        opened => opened?,
    };
    let entries = entries(place, &dir, limit)?;
    match entries.iter().find(|entry| !is_plain(entry.name.trim_start_matches('.'))) {
        Some(odd) => Err(DiskError::Name { path: place.path(), name: odd.name.clone() }),
        None => Ok(entries),
    }
}

/// The paths of all files below a directory, at most `limit`, sorted, with `/` between components; none if the
/// directory is not there.
///
/// Components with control characters or backslashes, and names that are not UTF-8, are refused; so are symbolic links
/// and whatever else is no regular file or directory.
pub(crate) fn tree(place: &Place, limit: usize) -> Result<Vec<String>, DiskError> {
    let mut found = Vec::new();
    walk(
        place,
        limit,
        |_| true,
        |_, at, names| {
            found.extend(names.iter().map(|name| at.path(name)));
            Ok(())
        },
    )?;
    found.sort_unstable();
    Ok(found)
}

/// Like [`tree`], with length and SHA-256 of each file, none larger than `size` bytes; but for the files and directories
/// of which `wanted`, given the path, with `/` at the end of a directory's, says no: they are not opened.
pub(crate) fn measure_some(
    place: &Place,
    limit: usize,
    size: u64,
    wanted: impl FnMut(&str) -> bool,
) -> Result<Vec<(String, Measured)>, DiskError> {
    let mut found = Vec::new();
    walk(place, limit, wanted, |dir, at, names| {
        let measure = |(): &mut (), name: &String| {
            let place = || at.dir.join(name);
            let measured = File::open_in(dir, name, &place, size)?.measure(&place, |_| Ok(()))?;
            Ok((at.path(name), measured))
        };
        found.extend(each(names, || (), measure)?);
        Ok(())
    })?;
    found.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found)
}

/// Where a walk is.
struct At<'a> {
    /// The directory.
    dir: &'a Place,
    /// Its path from where the walk started, empty or with `/` at its end.
    prefix: &'a str,
}

impl At<'_> {
    fn path(&self, name: &str) -> String {
        [self.prefix, name].concat()
    }
}

/// Gives the names of the files of each directory to `files`.
fn walk(
    place: &Place,
    limit: usize,
    mut wanted: impl FnMut(&str) -> bool,
    mut files: impl FnMut(&OwnedFd, At<'_>, &[String]) -> Result<(), DiskError>,
) -> Result<(), DiskError> {
    if !exists(place)? {
        return Ok(());
    }
    let mut count = 0;
    let mut ahead = vec![(place.clone(), String::new())];
    while let Some((place, prefix)) = ahead.pop() {
        if prefix.matches('/').count() > DEPTH {
            return Err(DiskError::NotA { path: place.path(), wanted: "a file", found: "one directory too deep" });
        }
        let dir = place.open_dir()?;
        let at = At { dir: &place, prefix: &prefix };
        let mut names = Vec::new();
        for Entry { name, is_dir } in entries(&place, &dir, limit)? {
            // Directories count too: a tree of empty ones is as endless.
            count += 1;
            if count > limit {
                return Err(DiskError::TooMany { path: place.path(), limit });
            }
            let path = if is_dir { at.path(&name) + "/" } else { at.path(&name) };
            match is_dir {
                _ if !wanted(&path) => {}
                true => ahead.push((place.join(&name), path)),
                false => names.push(name),
            }
        }
        files(&dir, at, &names)?;
    }
    Ok(())
}

/// What is in an open directory, at most `limit`, sorted by name, without what this program has not finished.
pub(super) fn entries(place: &Place, dir: &OwnedFd, limit: usize) -> Result<Vec<Entry>, DiskError> {
    let failed = |errno| DiskError::at(place, "list", errno);
    let mut entries = Vec::new();
    for entry in Dir::read_from(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = String::from_utf8_lossy(entry.file_name().to_bytes());
        if matches!(&*name, "." | "..") || name.starts_with(TEMPORARY) {
            continue;
        }
        if entry.file_name().to_str().is_err() {
            return Err(DiskError::Name { path: place.path(), name: name.into_owned() });
        }
        let name = place.component(&name)?.to_owned();
        let at = || place.join(&name);
        let kind = match entry.file_type() {
            FileType::Unknown => {
                let stat = statat(dir, name.as_str(), AtFlags::SYMLINK_NOFOLLOW);
                FileType::from_raw_mode(stat.map_err(|errno| DiskError::at(&at(), "read", errno))?.st_mode)
            }
            kind => kind,
        };
        let is_dir = match kind {
            FileType::RegularFile => false,
            FileType::Directory => true,
            FileType::Symlink => return Err(DiskError::Symlink { path: at().path() }),
            _ => {
                let wanted = "a regular file or a directory";
                return Err(DiskError::NotA { path: at().path(), wanted, found: "a pipe, a socket or a device" });
            }
        };
        if entries.len() == limit {
            return Err(DiskError::TooMany { path: place.path(), limit });
        }
        entries.push(Entry { name, is_dir });
    }
    entries.sort_unstable();
    Ok(entries)
}
