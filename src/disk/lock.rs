//! One process at a time.

use std::process::id;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, flock, fstat, openat, statat, unlinkat};
use rustix::io::Errno;

use super::{DiskError, Place};

/// The name of the lock file.
const NAME: &str = ".trustroot.lock";

/// While this lives, no other process that asks has the lock of the directory.
///
/// The lock is advisory (`flock`) and gone when the process ends, however it ends. The file goes with it.
#[derive(Debug)]
pub(crate) struct Lock {
    dir: OwnedFd,
    file: OwnedFd,
}

impl Lock {
    /// Takes the lock of the directory, without waiting.
    ///
    /// # Errors
    /// [`DiskError::Held`] with the id of the process that has it.
    pub(crate) fn take(directory: &Place) -> Result<Self, DiskError> {
        let dir = directory.open_dir()?;
        let place = directory.join(NAME);
        let failed = |errno| DiskError::at(&place, "lock", errno);
        loop {
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
            let file = openat(&dir, NAME, flags, Mode::from_raw_mode(0o644)).map_err(failed)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => {
                    return Err(DiskError::Held { path: directory.path(), holder: holder(&file) });
                }
                Err(errno) => return Err(failed(errno)),
            }
            // The one before takes the file away while it still has the lock: then this one locks nothing.
            let mine = fstat(&file).map_err(failed)?;
            match statat(&dir, NAME, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(there) if (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino) => {}
                Ok(_) | Err(Errno::NOENT) => continue,
                Err(errno) => return Err(failed(errno)),
            }
            // What is no file of ours, such as a pipe, is not emptied, and stays.
            rustix::fs::ftruncate(&file, 0).map_err(failed)?;
            let lock = Self { dir, file };
            rustix::io::write(&lock.file, format!("{}\n", id()).as_bytes()).map_err(failed)?;
            return Ok(lock);
        }
    }
}

impl Lock {
    /// Takes the lock of a directory that everybody holds for a moment only, waiting for at most `patience`.
    ///
    /// # Errors
    /// As [`Self::take`], when the time is over.
    pub(crate) fn take_within(directory: &Place, patience: Duration) -> Result<Self, DiskError> {
        let until = Instant::now() + patience;
        loop {
            match Self::take(directory) {
                Err(DiskError::Held { .. }) if Instant::now() < until => sleep(Duration::from_millis(5)),
                result => return result,
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = unlinkat(&self.dir, NAME, AtFlags::empty());
    }
}

fn holder(file: &OwnedFd) -> String {
    let mut text = [0; 16];
    let count = rustix::io::pread(file, &mut text, 0).unwrap_or(0);
    let text = text.get(..count).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default().trim();
    match text.parse::<u32>() {
        Ok(pid) => format!("process {pid}"),
        Err(_) => "another process".to_owned(),
    }
}
