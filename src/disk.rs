//! The disk, mistrusted: the directory may come from a stick or from a pull request.
//!
//! A [`Place`] is a path below a directory that the user named. Up to that directory symbolic links are followed; below
//! it nothing is reached through one, no name leads upwards, and only regular files are read, to a limit. A file that
//! changes while it is read is refused. What is written appears whole under its name, or not at all.

mod batch;
mod foreign;
mod lock;
mod parallel;
mod read;
mod tree;
mod write;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

pub(crate) use batch::{Batch, Copier, take_back};
pub(crate) use foreign::foreign;
pub(crate) use lock::Lock;
pub(crate) use parallel::each;
pub(crate) use read::{Measured, Present, hash, read, read_if_there, read_secret, read_text, stream};
pub(crate) use tree::{Entry, exists, is_plain, list, measure_some, tree};
pub(crate) use write::{Access, create_dir, create_new, create_or_same, remove, remove_empty_dir, replace, sweep};

/// What this program names its own unfinished files: no listing shows them.
const TEMPORARY: &str = ".trustroot-";

/// A path below a directory that the user named.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    base: Arc<Path>,
    /// Components behind `/`; empty for the base itself. They are judged when they are opened.
    below: String,
}

impl Place {
    /// What the user named: symbolic links on the way there are the user's.
    pub(crate) fn named(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        Self { base: path.into(), below: String::new() }
    }

    /// What is at `path`, one or more components with `/`, below this.
    pub(crate) fn join(&self, path: &str) -> Self {
        let below = if self.below.is_empty() { path.to_owned() } else { [&self.below, "/", path].concat() };
        Self { base: self.base.clone(), below }
    }

    /// The path, for messages and for libraries that want one.
    pub(crate) fn path(&self) -> PathBuf {
        if self.below.is_empty() { self.base.to_path_buf() } else { self.base.join(&self.below) }
    }

    /// The directory that this lies in, and the name in it.
    fn split(&self) -> Result<(Self, String), DiskError> {
        if let Some((above, name)) = self.below.rsplit_once('/') {
            return Ok((Self { base: self.base.clone(), below: above.to_owned() }, name.to_owned()));
        }
        if !self.below.is_empty() {
            return Ok((Self::named(&self.base), self.below.clone()));
        }
        let name = self.base.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| DiskError::Name { path: self.path(), name: self.to_string() })?;
        Ok((Self::named(self.base.parent().unwrap_or(Path::new("."))), name.to_owned()))
    }

    /// Opens the directory at this place.
    fn open_dir(&self) -> Result<OwnedFd, DiskError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = openat(CWD, &*self.base, flags, Mode::empty());
        let mut dir = opened.map_err(|errno| DiskError::at(&Self::named(&self.base), "open", errno))?;
        let mut end = 0;
        for name in self.below.split('/').filter(|_| !self.below.is_empty()) {
            end += name.len() + 1;
            let opened = openat(&dir, self.component(name)?, flags | OFlags::NOFOLLOW, Mode::empty());
            dir = opened.map_err(|errno| {
                let below = self.below.get(..end - 1).unwrap_or_default().to_owned();
                DiskError::at(&Self { base: self.base.clone(), below }, "open", errno)
            })?;
        }
        Ok(dir)
    }

    /// `name`, if it may be a component of a path.
    fn component<'a>(&self, name: &'a str) -> Result<&'a str, DiskError> {
        if matches!(name, "" | "." | "..")
            || name.len() > 255
            || name.contains(|c: char| matches!(c, '/' | '\\') || c.is_control())
        {
            return Err(DiskError::Name { path: self.path(), name: name.to_owned() });
        }
        Ok(name)
    }
}

/// The directory that was opened last: files that follow each other in one directory are quick.
#[derive(Default)]
struct LastDir(Option<(Place, Option<OwnedFd>)>);

impl LastDir {
    /// Opens the directory at `place`, unless it is open; none if it is not there, or was not when it was asked for last.
    fn open(&mut self, place: Place) -> Result<Option<&OwnedFd>, DiskError> {
        if self.0.as_ref().is_none_or(|(last, _)| *last != place) {
            let dir = match place.open_dir() {
                Err(error) if error.is_not_there() => None,
                opened => Some(opened?),
            };
            self.0 = Some((place, dir));
        }
        Ok(self.0.as_ref().and_then(|(_, dir)| dir.as_ref()))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path().display().fmt(f)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why the disk did not do what it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiskError {
    /// The file or directory was changed while it was read.
    #[error("{} changed while it was read", path.display())]
    Changed { path: PathBuf },
    /// There is something there already, with other content.
    #[error("{} exists already{}", path.display(), if *differs { ", with other content" } else { "" })]
    Exists { path: PathBuf, differs: bool },
    /// Another process works on this directory.
    #[error("{} is in use by {holder}", path.display())]
    Held { path: PathBuf, holder: String },
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// A name that this program reads nothing from.
    #[error("{}: \"{name}\" is no name that can be used here", path.display())]
    Name { path: PathBuf, name: String },
    /// Something else than a regular file or a directory.
    #[error("{} is {found}, not {wanted}", path.display())]
    NotA { path: PathBuf, wanted: &'static str, found: &'static str },
    /// A symbolic link where none is followed.
    #[error("{} is a symbolic link, or lies behind one", path.display())]
    Symlink { path: PathBuf },
    /// Nothing is there.
    #[error("{} does not exist", path.display())]
    NotThere { path: PathBuf },
    /// Text that is not UTF-8.
    #[error("{} is not UTF-8: byte {position} begins no character", path.display())]
    NotText { path: PathBuf, position: usize },
    /// More than is read.
    #[error("{} has {length} bytes; at most {limit} are read", path.display())]
    TooLarge { path: PathBuf, length: u64, limit: u64 },
    /// More than is listed.
    #[error("{} has more than {limit} entries", path.display())]
    TooMany { path: PathBuf, limit: usize },
}

impl DiskError {
    /// Whether nothing is there.
    pub(crate) fn is_not_there(&self) -> bool {
        matches!(self, Self::NotThere { .. })
    }

    fn at(place: &Place, action: &'static str, errno: Errno) -> Self {
        let path = place.path();
        match errno {
            Errno::NOENT => Self::NotThere { path },
            Errno::LOOP => Self::Symlink { path },
            // With O_NOFOLLOW and O_DIRECTORY a symbolic link is no directory either.
            Errno::NOTDIR if path.is_symlink() => Self::Symlink { path },
            Errno::NOTDIR => Self::NotA { path, wanted: "a directory", found: "a file or something else" },
            Errno::EXIST | Errno::NOTEMPTY => Self::Exists { path, differs: false },
            errno => Self::Io { action, path, source: errno.into() },
        }
    }
}

#[cfg(test)]
mod tests;
