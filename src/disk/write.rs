//! Writing files: each appears whole under its name, or not at all.

use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RenameFlags, fsync, mkdirat, openat, renameat, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

use super::batch::{BATCH, clear};
use super::read::regular;
use super::{DiskError, Lock, Place, TEMPORARY, exists, read};

/// Who may read what is written, as far as the process's mask allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Whoever may read the directory.
    Shared,
    /// The user alone: keys, journals.
    Private,
}

/// Makes a directory, and those above it that lie below what the user named, unless they are there. The directory that
/// the user named is made too.
pub(crate) fn create_dir(place: &Place) -> Result<(), DiskError> {
    make_dirs(place, true)
}

/// Writes a new file and waits until the disk has it. Missing directories are made.
///
/// # Errors
/// [`DiskError::Exists`] if there is anything under that name.
pub(crate) fn create_new(place: &Place, bytes: &[u8], access: Access) -> Result<(), DiskError> {
    put(place, bytes, access, true)
}

/// Writes a new file, unless a file with the same content is there; returns whether it wrote.
///
/// # Errors
/// [`DiskError::Exists`] if there is anything else under that name.
pub(crate) fn create_or_same(place: &Place, bytes: &[u8], access: Access) -> Result<bool, DiskError> {
    match create_new(place, bytes, access) {
        Err(DiskError::Exists { path, .. }) => match read(place, bytes.len() as u64) {
            Ok(present) if present == bytes => Ok(false),
            Ok(_) | Err(DiskError::TooLarge { .. }) => Err(DiskError::Exists { path, differs: true }),
            Err(error) => Err(error),
        },
        result => result.map(|()| true),
    }
}

/// Puts a file in the place of the file that has its name, if one has, and waits until the disk has it. Who reads at the
/// same time sees the old file or the new one.
///
/// # Errors
/// If anything else than a file or a symbolic link has its name.
pub(crate) fn replace(place: &Place, bytes: &[u8], access: Access) -> Result<(), DiskError> {
    put(place, bytes, access, false)
}

fn put(place: &Place, bytes: &[u8], access: Access, new: bool) -> Result<(), DiskError> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let (above, name) = place.split()?;
    let name = place.component(&name)?;
    create_dir(&above)?;
    let dir = above.open_dir()?;
    let failed = |errno| DiskError::at(place, "write", errno);
    match statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) if new => return Err(DiskError::Exists { path: place.path(), differs: false }),
        // A device or a pipe that somebody named is not taken away for a file; a link is, and is not written through.
        Ok(there) => match FileType::from_raw_mode(there.st_mode) {
            FileType::Symlink => {}
            kind => regular(place, kind)?,
        },
        Err(_) => {}
    }
    let (file, temporary) = loop {
        let temporary = format!("{TEMPORARY}{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        match create(&dir, &temporary, access) {
            // A process of this number was killed here.
            Err(Errno::EXIST) => {}
            created => break (created.map_err(failed)?, temporary),
        }
    };
    let written = write_all(&file, bytes).and_then(|()| fsync(&file)).and_then(|()| match new {
        true => rename_new(&dir, &temporary, &dir, name),
        false => renameat(&dir, &temporary, &dir, name),
    });
    if written.is_err() {
        let _ = unlinkat(&dir, &temporary, AtFlags::empty());
    }
    written.map_err(failed)?;
    sync_dir(&dir).map_err(failed)
}

/// Takes away what killed processes left unfinished in the directory at `place`, if there is one. `_lock` is the lock of
/// the directory that `place` lies in: nobody else works on it.
pub(crate) fn sweep(_lock: &Lock, place: &Place) -> Result<(), DiskError> {
    if !exists(place)? {
        return Ok(());
    }
    place.open_dir()?;
    let failed = |source| DiskError::Io { action: "clear", path: place.path(), source };
    for entry in std::fs::read_dir(place.path()).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(TEMPORARY) && name != BATCH) {
            std::fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    clear(place)
}

/// Takes a file away, and waits until the disk knows.
pub(crate) fn remove(place: &Place) -> Result<(), DiskError> {
    let (above, name) = place.split()?;
    let dir = above.open_dir()?;
    let removed = unlinkat(&dir, place.component(&name)?, AtFlags::empty()).and_then(|()| sync_dir(&dir));
    removed.map_err(|errno| DiskError::at(place, "remove", errno))
}

/// Takes an empty directory away. One that is not empty stays.
pub(crate) fn remove_empty_dir(place: &Place) {
    let _ = std::fs::remove_dir(place.path());
}

pub(super) fn create(dir: &OwnedFd, name: &str, access: Access) -> rustix::io::Result<OwnedFd> {
    let mode = match access {
        Access::Shared => 0o666,
        Access::Private => 0o600,
    };
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(dir, name, flags, Mode::from_raw_mode(mode))
}

/// With `sync`, the disk has the directories when this returns.
pub(super) fn make_dirs(place: &Place, sync: bool) -> Result<(), DiskError> {
    if !place.base.is_dir() {
        let made = std::fs::create_dir_all(&place.base);
        made.map_err(|source| DiskError::Io { action: "make", path: place.base.to_path_buf(), source })?;
    }
    let mut at = Place::named(&place.base);
    for name in place.below.split('/').filter(|_| !place.below.is_empty()) {
        let dir = at.open_dir()?;
        at = at.join(place.component(name)?);
        match mkdirat(&dir, name, Mode::from_raw_mode(0o777)) {
            Ok(()) if sync => sync_dir(&dir),
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(errno),
        }
        .map_err(|errno| DiskError::at(&at, "make", errno))?;
    }
    at.open_dir().map(drop)
}

pub(super) fn write_all(file: &OwnedFd, mut bytes: &[u8]) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(file, bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Renames, unless the new name is taken. File systems that cannot do both at once are asked first.
pub(super) fn rename_new(from: &OwnedFd, old: &str, to: &OwnedFd, new: &str) -> rustix::io::Result<()> {
    match renameat_with(from, old, to, new, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => match statat(to, new, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Err(Errno::EXIST),
            Err(Errno::NOENT) => renameat(from, old, to, new),
            Err(errno) => Err(errno),
        },
        result => result,
    }
}

/// Waits until the disk has the names in a directory. Some file systems have nothing to wait for.
pub(super) fn sync_dir(dir: impl AsFd) -> rustix::io::Result<()> {
    match fsync(dir) {
        Err(Errno::INVAL | Errno::ROFS) => Ok(()),
        result => result,
    }
}
