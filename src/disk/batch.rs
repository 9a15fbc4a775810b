//! New files that appear together: all of them are written before one has its name.

use rustix::fd::OwnedFd;
use rustix::io::Errno;

use super::read::File;
use super::tree::entries;
use super::write::{create, make_dirs, rename_new, sync_dir, write_all};
use super::{Access, DiskError, Entry, LastDir, Lock, Measured, Place, exists};

/// Many new files that appear only when all of them are written and the disk has them: synchronised once, not each.
///
/// They are written to a directory beside their place, which is taken away when the batch is dropped. What a killed
/// process left of one is taken away by the next batch at the place: the lock says that nobody works on it. Files that
/// follow each other in one directory are quick.
pub(crate) struct Batch {
    place: Place,
    open: Open,
}

/// Copies files into a [`Batch`], beside others that do so at the same time.
pub(crate) struct Copier<'a> {
    batch: &'a Batch,
    open: Open,
}

/// The directories that were used last.
#[derive(Default)]
struct Open {
    /// Written to, below the batch's own.
    to: Option<(String, OwnedFd)>,
    /// Copied from.
    from: LastDir,
}

/// The name of the directory of a batch.
pub(super) const BATCH: &str = ".trustroot-new";

impl Batch {
    /// An empty batch for the directory at `place`, which is made if it is not there. `_lock` is the lock of the
    /// directory that `place` lies in.
    pub(crate) fn new(_lock: &Lock, place: &Place) -> Result<Self, DiskError> {
        clear(place)?;
        make_dirs(&place.join(BATCH), false)?;
        Ok(Self { place: place.clone(), open: Open::default() })
    }

    /// Adds a file at `path` below the place.
    pub(crate) fn create(&mut self, path: &str, bytes: &[u8]) -> Result<(), DiskError> {
        let file = self.open.create(&self.place, path)?;
        write_all(&file, bytes).map_err(|errno| DiskError::at(&self.place.join(path), "write", errno))
    }

    /// Adds a copy of the file at `from`, of at most `limit` bytes; returns what was copied.
    pub(crate) fn copy(&mut self, path: &str, from: &Place, limit: u64) -> Result<Measured, DiskError> {
        self.open.copy(&self.place, path, from, limit)
    }

    /// For a thread of its own.
    pub(crate) fn copier(&self) -> Copier<'_> {
        Copier { batch: self, open: Open::default() }
    }

    /// Moves every file to its place; a directory that is not there yet, with all that is in it.
    ///
    /// # Errors
    /// [`DiskError::Exists`] if there is anything under a name. What was moved before stays; it is as good as new.
    pub(crate) fn commit(self) -> Result<(), DiskError> {
        let batch = self.sync()?;
        let mut ahead = vec![String::new()];
        while let Some(below) = ahead.pop() {
            let (from, to) = match below.is_empty() {
                true => (batch.clone(), self.place.clone()),
                false => (batch.join(&below), self.place.join(&below)),
            };
            make_dirs(&to, false)?;
            let (from_dir, to_dir) = (from.open_dir()?, to.open_dir()?);
            for Entry { name, is_dir } in entries(&from, &from_dir, usize::MAX)? {
                match rename_new(&from_dir, &name, &to_dir, &name) {
                    Err(Errno::EXIST | Errno::NOTEMPTY) if is_dir => {
                        ahead.push(if below.is_empty() { name } else { format!("{below}/{name}") });
                    }
                    renamed => renamed.map_err(|errno| DiskError::at(&to.join(&name), "write", errno))?,
                }
            }
        }
        sync_all(&batch.open_dir()?).map_err(|errno| DiskError::at(&self.place, "write", errno))
    }

    /// Adds a directory at `path` below the place, if there is none.
    pub(crate) fn create_dir(&mut self, path: &str) -> Result<(), DiskError> {
        make_dirs(&self.place.join(BATCH).join(path), false)
    }

    /// Makes what the batch has at its top, which is `names`, appear at the place in that order: all of it or nothing.
    ///
    /// If the process is killed in between, the last of `names` is missing, and [`take_back`] undoes the rest.
    ///
    /// # Errors
    /// [`DiskError::Exists`] if there is anything under a name.
    pub(crate) fn commit_whole(self, names: &[&str]) -> Result<(), DiskError> {
        let batch = self.sync()?;
        let (from, to) = (batch.open_dir()?, self.place.open_dir()?);
        for (i, name) in names.iter().enumerate() {
            if let Err(errno) = rename_new(&from, name, &to, self.place.component(name)?) {
                for moved in names.iter().take(i) {
                    let _ = rename_new(&to, moved, &from, moved);
                }
                return Err(DiskError::at(&self.place.join(name), "write", errno));
            }
        }
        sync_dir(&to).map_err(|errno| DiskError::at(&self.place, "write", errno))
    }

    /// Makes the files one new directory `name` at the place.
    ///
    /// # Errors
    /// [`DiskError::Exists`] if there is anything under that name.
    pub(crate) fn commit_as(self, name: &str) -> Result<(), DiskError> {
        let to = self.place.join(name);
        let name = to.component(name)?;
        self.sync()?;
        let dir = self.place.open_dir()?;
        let renamed = rename_new(&dir, BATCH, &dir, name).and_then(|()| sync_dir(&dir));
        renamed.map_err(|errno| DiskError::at(&to, "write", errno))
    }

    /// Waits until the disk has the files; returns where they are.
    fn sync(&self) -> Result<Place, DiskError> {
        let batch = self.place.join(BATCH);
        sync_all(&batch.open_dir()?).map_err(|errno| DiskError::at(&self.place, "write", errno))?;
        Ok(batch)
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let _ = clear(&self.place);
    }
}

impl Copier<'_> {
    /// As [`Batch::copy`].
    pub(crate) fn copy(&mut self, path: &str, from: &Place, limit: u64) -> Result<Measured, DiskError> {
        self.open.copy(&self.batch.place, path, from, limit)
    }
}

impl Open {
    /// Makes the file at `path` of the batch at `place`.
    fn create(&mut self, place: &Place, path: &str) -> Result<OwnedFd, DiskError> {
        let (below, name) = path.rsplit_once('/').unwrap_or(("", path));
        if self.to.as_ref().is_none_or(|(last, _)| last != below) {
            let batch = place.join(BATCH);
            let dir = if path.contains('/') { batch.join(below) } else { batch };
            make_dirs(&dir, false)?;
            self.to = Some((below.to_owned(), dir.open_dir()?));
        }
        let (_, dir) = self.to.as_ref().expect("it was opened above");
        let opened = create(dir, place.component(name)?, Access::Shared);
        opened.map_err(|errno| DiskError::at(&place.join(path), "write", errno))
    }

    fn copy(&mut self, place: &Place, path: &str, from: &Place, limit: u64) -> Result<Measured, DiskError> {
        let to = self.create(place, path)?;
        let (dir, name) = from.split()?;
        let dir = self.from.open(dir)?.ok_or_else(|| DiskError::NotThere { path: from.path() })?;
        let file = File::open_in(dir, from.component(&name)?, &|| from.clone(), limit)?;
        file.measure(&|| from.clone(), |chunk| {
            write_all(&to, chunk).map_err(|errno| DiskError::at(&place.join(path), "write", errno))
        })
    }
}

/// Undoes what a killed process did of [`Batch::commit_whole`] with these `names` at `place`. `_lock` is the lock of the
/// directory at `place`: nobody else works on it.
///
/// While the last of the names is still in the batch, the batch was complete, and what it has no more was moved.
pub(crate) fn take_back(_lock: &Lock, place: &Place, names: &[&str]) -> Result<(), DiskError> {
    let batch = place.join(BATCH);
    let Some((last, moved)) = names.split_last() else { return Ok(()) };
    if !exists(&batch.join(last))? || exists(&place.join(last))? {
        return Ok(());
    }
    let (here, there) = (place.open_dir()?, batch.open_dir()?);
    for name in moved {
        if exists(&place.join(name))? && !exists(&batch.join(name))? {
            rename_new(&here, name, &there, name).map_err(|errno| DiskError::at(&place.join(name), "move", errno))?;
        }
    }
    clear(place)
}

/// Takes away what is left of a batch.
pub(super) fn clear(place: &Place) -> Result<(), DiskError> {
    let place = place.join(BATCH);
    // No symbolic link is followed on the way down: std opens each directory with O_NOFOLLOW.
    match std::fs::remove_dir_all(place.path()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(DiskError::Io { action: "remove", path: place.path(), source: error })
        }
        _ => Ok(()),
    }
}

/// Waits until the disk has all that was written to the file system of `dir`.
#[cfg(target_os = "linux")]
fn sync_all(dir: &OwnedFd) -> rustix::io::Result<()> {
    rustix::fs::syncfs(dir)
}

#[cfg(not(target_os = "linux"))]
fn sync_all(_dir: &OwnedFd) -> rustix::io::Result<()> {
    rustix::fs::sync();
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    /// What is in a directory, by name.
    fn names(place: &Place) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(place.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.retain(|name| name != ".trustroot.lock");
        names.sort();
        names
    }

    fn batch(lock: &Lock, place: &Place) -> Batch {
        let mut batch = Batch::new(lock, place).unwrap();
        batch.create("a/x", b"x").unwrap();
        batch.create_dir("b").unwrap();
        batch.create("c", b"c").unwrap();
        batch
    }

    #[test]
    fn all_of_a_batch_appears_or_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::named(dir.path());
        let lock = Lock::take(&place).unwrap();
        fs::write(dir.path().join("c"), "mine").unwrap();
        let refused = batch(&lock, &place).commit_whole(&["a", "b", "c"]);
        assert!(matches!(refused, Err(DiskError::Exists { .. })));
        assert_eq!(names(&place), ["c"]);
        fs::remove_file(dir.path().join("c")).unwrap();
        batch(&lock, &place).commit_whole(&["a", "b", "c"]).unwrap();
        assert_eq!(names(&place), ["a", "b", "c"]);
    }

    #[test]
    fn what_a_killed_process_moved_is_taken_back_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::named(dir.path());
        let lock = Lock::take(&place).unwrap();
        std::mem::forget(batch(&lock, &place));
        fs::rename(dir.path().join(BATCH).join("a"), dir.path().join("a")).unwrap();
        fs::write(dir.path().join("b"), "mine").unwrap();
        take_back(&lock, &place, &["a", "b", "c"]).unwrap();
        assert_eq!(names(&place), ["b"], "b was not moved: the batch still had one");
        take_back(&lock, &place, &["a", "b", "c"]).unwrap();
        fs::write(dir.path().join("a"), "mine").unwrap();
        take_back(&lock, &place, &["a", "b", "c"]).unwrap();
        assert_eq!(names(&place), ["a", "b"]);
    }
}
