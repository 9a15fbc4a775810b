//! Writing files: each appears whole under its name, or not at all.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use ceremony::Digest;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{
    AtFlags, Mode, OFlags, RenameFlags, fsync, mkdirat, openat, renameat, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::{DiskError, Lock, Measured, Place, TEMPORARY, read, stream};

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
    if !place.base.is_dir() {
        let source = std::fs::create_dir_all(&place.base);
        source.map_err(|source| DiskError::Io { action: "make", path: place.base.to_path_buf(), source })?;
    }
    let mut at = Place::named(&place.base);
    for name in place.below.split('/').filter(|_| !place.below.is_empty()) {
        let dir = at.open_dir()?;
        make_dir(&dir, place.component(name)?).map_err(|errno| DiskError::at(place, "make", errno))?;
        at = at.join(name);
    }
    at.open_dir().map(drop)
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

/// Puts a file in the place of what has its name, if anything has, and waits until the disk has it. Who reads at the
/// same time sees the old file or the new one.
pub(crate) fn replace(place: &Place, bytes: &[u8], access: Access) -> Result<(), DiskError> {
    put(place, bytes, access, false)
}

/// Takes a file away, if it is there.
pub(crate) fn remove(place: &Place) -> Result<(), DiskError> {
    let (dir, name) = place.split()?;
    match unlinkat(dir.open_dir()?, place.component(&name)?, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(DiskError::at(place, "remove", errno)),
    }
}

fn put(place: &Place, bytes: &[u8], access: Access, new: bool) -> Result<(), DiskError> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let (above, name) = place.split()?;
    let name = place.component(&name)?;
    create_dir(&above)?;
    let dir = above.open_dir()?;
    let failed = |errno| DiskError::at(place, "write", errno);
    if new && statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
        return Err(DiskError::Exists { path: place.path(), differs: false });
    }
    let temporary = format!("{TEMPORARY}{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let written = create(&dir, &temporary, access)
        .and_then(|file| write_all(&file, bytes).and_then(|()| fsync(&file)))
        .and_then(|()| match new {
            true => rename_new(&dir, &temporary, &dir, name),
            false => renameat(&dir, &temporary, &dir, name),
        });
    if written.is_err() {
        let _ = unlinkat(&dir, &temporary, AtFlags::empty());
    }
    written.map_err(failed)?;
    sync_dir(&dir).map_err(failed)
}

/// Many new files that appear only when all of them are written and the disk has them: one synchronisation for all.
///
/// They are written to a directory beside their place, which is taken away when the batch is dropped. What a killed
/// process left of one is taken away by the next batch at the place: the lock says that nobody works on it.
pub(crate) struct Batch {
    place: Place,
    parent: OwnedFd,
    files: OwnedFd,
    paths: Vec<String>,
    dirs: BTreeSet<String>,
}

/// The name of the directory of a batch.
const BATCH: &str = ".trustroot-new";

impl Batch {
    /// An empty batch for the directory at `place`, which is made if it is not there. `_lock` is the lock of the
    /// directory that `place` lies in.
    pub(crate) fn new(_lock: &Lock, place: &Place) -> Result<Self, DiskError> {
        create_dir(place)?;
        let parent = place.open_dir()?;
        clear(place)?;
        let failed = |errno| DiskError::at(place, "write below", errno);
        mkdirat(&parent, BATCH, Mode::from_raw_mode(0o777)).map_err(failed)?;
        let files = place.join(BATCH).open_dir()?;
        Ok(Self { place: place.clone(), parent, files, paths: Vec::new(), dirs: BTreeSet::new() })
    }

    /// Adds a file at `path` below the place.
    pub(crate) fn create(&mut self, path: &str, bytes: &[u8]) -> Result<(), DiskError> {
        let file = self.open(path)?;
        write_all(&file, bytes).map_err(|errno| DiskError::at(&self.place.join(path), "write", errno))
    }

    /// Adds a copy of the file at `from`, of at most `limit` bytes; returns what was copied.
    pub(crate) fn copy(&mut self, path: &str, from: &Place, limit: u64) -> Result<Measured, DiskError> {
        let file = self.open(path)?;
        let to = self.place.join(path);
        let mut hasher = Sha256::new();
        let length = stream(from, limit, |chunk| {
            hasher.update(chunk);
            write_all(&file, chunk).map_err(|errno| DiskError::at(&to, "write", errno))
        })?;
        Ok(Measured { length, sha256: Digest::from(<[u8; 32]>::from(hasher.finalize())) })
    }

    /// Moves every file to its place.
    ///
    /// # Errors
    /// [`DiskError::Exists`] if there is anything under a name. What was moved before stays; it is as good as new.
    pub(crate) fn commit(self) -> Result<(), DiskError> {
        self.sync()?;
        let mut made = BTreeSet::new();
        for path in &self.paths {
            let to = self.place.join(path);
            let failed = |errno| DiskError::at(&to, "write", errno);
            if let Some((dir, _)) = path.rsplit_once('/')
                && made.insert(dir)
            {
                create_dir(&self.place.join(dir))?;
            }
            match path.contains('/') {
                true => {
                    let (dir, name) = to.split()?;
                    let (from, _) = self.place.join(BATCH).join(path).split()?;
                    rename_new(&from.open_dir()?, &name, &dir.open_dir()?, &name).map_err(failed)?;
                }
                false => rename_new(&self.files, path, &self.parent, path).map_err(failed)?,
            }
        }
        for dir in made {
            let place = self.place.join(dir);
            sync_dir(&place.open_dir()?).map_err(|errno| DiskError::at(&place, "write", errno))?;
        }
        sync_dir(&self.parent).map_err(|errno| DiskError::at(&self.place, "write", errno))
    }

    /// Makes the files one new directory `name` at the place.
    ///
    /// # Errors
    /// [`DiskError::Exists`] if there is anything under that name.
    pub(crate) fn commit_as(self, name: &str) -> Result<(), DiskError> {
        let to = self.place.join(name);
        self.sync()?;
        rename_new(&self.parent, BATCH, &self.parent, to.component(name)?)
            .and_then(|()| sync_dir(&self.parent))
            .map_err(|errno| DiskError::at(&to, "write", errno))
    }

    fn open(&mut self, path: &str) -> Result<OwnedFd, DiskError> {
        let place = self.place.join(path);
        let failed = |errno| DiskError::at(&place, "write", errno);
        let file = match path.rsplit_once('/') {
            None => create(&self.files, place.component(path)?, Access::Shared),
            Some((dir, name)) => {
                let at = self.place.join(BATCH).join(dir);
                if self.dirs.insert(dir.to_owned()) {
                    create_dir(&at)?;
                }
                create(&at.open_dir()?, place.component(name)?, Access::Shared)
            }
        }
        .map_err(failed)?;
        self.paths.push(path.to_owned());
        Ok(file)
    }

    fn sync(&self) -> Result<(), DiskError> {
        sync_all(&self.files, &self.place).map_err(|errno| DiskError::at(&self.place, "write", errno))
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let _ = clear(&self.place);
    }
}

/// Takes away what is left of a batch.
fn clear(place: &Place) -> Result<(), DiskError> {
    let place = place.join(BATCH);
    // No symbolic link is followed on the way down: std opens each directory with O_NOFOLLOW.
    match std::fs::remove_dir_all(place.path()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(DiskError::Io { action: "remove", path: place.path(), source: error })
        }
        _ => Ok(()),
    }
}

fn create(dir: &OwnedFd, name: &str, access: Access) -> rustix::io::Result<OwnedFd> {
    let mode = match access {
        Access::Shared => 0o666,
        Access::Private => 0o600,
    };
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(dir, name, flags, Mode::from_raw_mode(mode))
}

fn make_dir(dir: &OwnedFd, name: &str) -> rustix::io::Result<()> {
    match mkdirat(dir, name, Mode::from_raw_mode(0o777)) {
        Err(Errno::EXIST) => Ok(()),
        result => result,
    }
}

fn write_all(file: &OwnedFd, mut bytes: &[u8]) -> rustix::io::Result<()> {
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
fn rename_new(from: &OwnedFd, old: &str, to: &OwnedFd, new: &str) -> rustix::io::Result<()> {
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
fn sync_dir(dir: impl AsFd) -> rustix::io::Result<()> {
    match fsync(dir) {
        Err(Errno::INVAL | Errno::ROFS) => Ok(()),
        result => result,
    }
}

/// Waits until the disk has all that was written to the file system of `dir`.
#[cfg(target_os = "linux")]
fn sync_all(dir: &OwnedFd, _place: &Place) -> rustix::io::Result<()> {
    rustix::fs::syncfs(dir)
}

#[cfg(not(target_os = "linux"))]
fn sync_all(_dir: &OwnedFd, _place: &Place) -> rustix::io::Result<()> {
    rustix::fs::sync();
    Ok(())
}
