//! Reading files.

use ceremony::Digest;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, openat};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::{DiskError, Place};

/// How many bytes are read at once.
const CHUNK: usize = 1 << 16;

/// The length and the digest of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Measured {
    pub(crate) length: u64,
    pub(crate) sha256: Digest,
}

/// The whole of a regular file of at most `limit` bytes.
pub(crate) fn read(place: &Place, limit: u64) -> Result<Vec<u8>, DiskError> {
    let (file, stat) = open(place, limit)?;
    let mut bytes = Vec::with_capacity(usize::try_from(stat.st_size).unwrap_or(0).saturating_add(1));
    pass(place, &file, &stat, |chunk| {
        bytes.extend_from_slice(chunk);
        Ok(())
    })?;
    Ok(bytes)
}

/// Like [`read`]; none if nothing is there.
pub(crate) fn read_if_there(place: &Place, limit: u64) -> Result<Option<Vec<u8>>, DiskError> {
    match read(place, limit) {
        Err(error) if error.is_not_there() => Ok(None),
        result => result.map(Some),
    }
}

/// The whole of a UTF-8 file of at most `limit` bytes.
pub(crate) fn read_text(place: &Place, limit: u64) -> Result<String, DiskError> {
    String::from_utf8(read(place, limit)?)
        .map_err(|error| DiskError::NotText { path: place.path(), position: error.utf8_error().valid_up_to() })
}

/// Length and SHA-256 of a file of at most `limit` bytes, which is never held whole.
pub(crate) fn hash(place: &Place, limit: u64) -> Result<Measured, DiskError> {
    let mut hasher = Sha256::new();
    let length = stream(place, limit, |chunk| {
        hasher.update(chunk);
        Ok(())
    })?;
    Ok(Measured { length, sha256: Digest::from(<[u8; 32]>::from(hasher.finalize())) })
}

/// Gives a file of at most `limit` bytes to `each`, part by part; returns its length.
pub(crate) fn stream(
    place: &Place,
    limit: u64,
    each: impl FnMut(&[u8]) -> Result<(), DiskError>,
) -> Result<u64, DiskError> {
    let (file, stat) = open(place, limit)?;
    pass(place, &file, &stat, each)
}

/// Opens a regular file. Nothing else is waited for or acted on: a pipe, a terminal, a device.
fn open(place: &Place, limit: u64) -> Result<(OwnedFd, Stat), DiskError> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = if place.below.is_empty() {
        openat(CWD, &*place.base, flags, Mode::empty())
    } else {
        let (dir, name) = place.split()?;
        openat(dir.open_dir()?, place.component(&name)?, flags | OFlags::NOFOLLOW, Mode::empty())
    }
    .map_err(|errno| DiskError::at(place, "open", errno))?;
    let stat = stat(place, &file)?;
    let found = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {
            let length = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
            let too_large = DiskError::TooLarge { path: place.path(), length, limit };
            return if length > limit { Err(too_large) } else { Ok((file, stat)) };
        }
        FileType::Directory => "a directory",
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        _ => "a device",
    };
    Err(DiskError::NotA { path: place.path(), wanted: "a regular file", found })
}

/// Reads an open file to its end and refuses it if it is not the one that it was at `before`.
fn pass(
    place: &Place,
    file: &OwnedFd,
    before: &Stat,
    mut each: impl FnMut(&[u8]) -> Result<(), DiskError>,
) -> Result<u64, DiskError> {
    let changed = || DiskError::Changed { path: place.path() };
    let expected = u64::try_from(before.st_size).unwrap_or(u64::MAX);
    let mut buffer = vec![0; CHUNK.min(usize::try_from(expected).unwrap_or(CHUNK).saturating_add(1))];
    let mut length = 0;
    loop {
        match rustix::io::read(file, &mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                length += count as u64;
                if length > expected {
                    return Err(changed());
                }
                each(buffer.get(..count).unwrap_or_default())?;
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(DiskError::at(place, "read", errno)),
        }
    }
    let after = stat(place, file)?;
    let marks = |s: &Stat| (s.st_size, s.st_mtime, s.st_mtime_nsec, s.st_ctime, s.st_ctime_nsec);
    if length != expected || marks(before) != marks(&after) { Err(changed()) } else { Ok(length) }
}

fn stat(place: &Place, file: impl AsFd) -> Result<Stat, DiskError> {
    fstat(file).map_err(|errno| DiskError::at(place, "read", errno))
}
