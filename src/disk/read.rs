//! Reading files.

use ceremony::Digest;
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, openat};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{DiskError, LastDir, Place};

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
    let file = File::open(place, limit)?;
    let mut bytes = file.room();
    file.fill(&|| place.clone(), &mut bytes)?;
    Ok(bytes)
}

/// Like [`read`], into memory that is wiped when it is dropped. There is no other copy of it, also after an error.
pub(crate) fn read_secret(place: &Place, limit: u64) -> Result<Zeroizing<Vec<u8>>, DiskError> {
    let file = File::open(place, limit)?;
    let mut bytes = Zeroizing::new(file.room());
    file.fill(&|| place.clone(), &mut bytes)?;
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
    String::from_utf8(read(place, limit)?).map_err(|error| {
        let position = error.utf8_error().valid_up_to();
        DiskError::NotText { path: place.path(), position }
    })
}

/// Length and SHA-256 of a file of at most `limit` bytes, which is never held whole.
pub(crate) fn hash(place: &Place, limit: u64) -> Result<Measured, DiskError> {
    File::open(place, limit)?.measure(&|| place.clone(), |_| Ok(()))
}

/// What is there already of many files, which are quick if they follow each other in one directory.
#[derive(Default)]
pub(crate) struct Present(LastDir);

impl Present {
    /// Like [`hash`]; none if nothing is there.
    pub(crate) fn hash(&mut self, place: &Place, limit: u64) -> Result<Option<Measured>, DiskError> {
        let (above, name) = place.split()?;
        let Some(dir) = self.0.open(above)? else { return Ok(None) };
        match File::open_in(dir, place.component(&name)?, &|| place.clone(), limit) {
            Err(error) if error.is_not_there() => Ok(None),
            opened => opened?.measure(&|| place.clone(), |_| Ok(())).map(Some),
        }
    }
}

/// Gives a file of at most `limit` bytes to `each`, part by part; returns its length.
pub(crate) fn stream(place: &Place, limit: u64, each: &mut dyn FnMut(&[u8])) -> Result<u64, DiskError> {
    File::open(place, limit)?.pass(&|| place.clone(), |chunk| {
        each(chunk);
        Ok(())
    })
}

/// A regular file that is open, as it was when it was opened.
pub(super) struct File {
    fd: OwnedFd,
    before: Stat,
}

impl File {
    /// Opens the file at `place`.
    pub(super) fn open(place: &Place, limit: u64) -> Result<Self, DiskError> {
        if place.below.is_empty() {
            let fd = openat(CWD, &*place.base, FLAGS, Mode::empty());
            return Self::new(fd, &|| place.clone(), limit);
        }
        let (dir, name) = place.split()?;
        Self::open_in(&dir.open_dir()?, place.component(&name)?, &|| place.clone(), limit)
    }

    /// Opens the file `name` in the directory `dir`; `place` says where that is.
    pub(super) fn open_in(dir: &OwnedFd, name: &str, place: &dyn Fn() -> Place, limit: u64) -> Result<Self, DiskError> {
        Self::new(openat(dir, name, FLAGS | OFlags::NOFOLLOW, Mode::empty()), place, limit)
    }

    fn new(fd: rustix::io::Result<OwnedFd>, place: &dyn Fn() -> Place, limit: u64) -> Result<Self, DiskError> {
        let fd = fd.map_err(|errno| DiskError::at(&place(), "open", errno))?;
        let before = fstat(&fd).map_err(|errno| DiskError::at(&place(), "read", errno))?;
        let file = Self { fd, before };
        regular(&place(), FileType::from_raw_mode(file.before.st_mode))?;
        match file.length() <= limit {
            true => Ok(file),
            false => Err(DiskError::TooLarge { path: place().path(), length: file.length(), limit }),
        }
    }

    /// Its length when it was opened.
    fn length(&self) -> u64 {
        u64::try_from(self.before.st_size).unwrap_or(u64::MAX)
    }

    /// Zeros, as many as it has bytes.
    fn room(&self) -> Vec<u8> {
        vec![0; usize::try_from(self.length()).unwrap_or(0)]
    }

    /// Reads its content into the [`room`](Self::room) for it.
    fn fill(&self, place: &dyn Fn() -> Place, mut room: &mut [u8]) -> Result<(), DiskError> {
        let mut left = self.length();
        while !room.is_empty() {
            let count = self.some(place, room)?;
            if count == 0 {
                break;
            }
            left = left.saturating_sub(count as u64);
            room = room.get_mut(count..).unwrap_or_default();
        }
        self.settle(place, left)
    }

    /// Gives its content to `each`, and measures it.
    pub(super) fn measure(
        &self,
        place: &dyn Fn() -> Place,
        mut each: impl FnMut(&[u8]) -> Result<(), DiskError>,
    ) -> Result<Measured, DiskError> {
        let mut hasher = Sha256::new();
        let length = self.pass(place, |chunk| {
            hasher.update(chunk);
            each(chunk)
        })?;
        Ok(Measured { length, sha256: Digest::from(<[u8; 32]>::from(hasher.finalize())) })
    }

    /// Gives its content to `each`, and refuses it if it is not the file any more that it was when it was opened.
    fn pass(
        &self,
        place: &dyn Fn() -> Place,
        mut each: impl FnMut(&[u8]) -> Result<(), DiskError>,
    ) -> Result<u64, DiskError> {
        let mut left = self.length();
        let mut buffer = vec![0; CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
        while left > 0 {
            let wanted = buffer.len().min(usize::try_from(left).unwrap_or(CHUNK));
            let count = self.some(place, buffer.get_mut(..wanted).unwrap_or_default())?;
            if count == 0 {
                break;
            }
            left = left.saturating_sub(count as u64);
            each(buffer.get(..count).unwrap_or_default())?;
        }
        self.settle(place, left)?;
        Ok(self.length())
    }

    /// Reads on, into the beginning of `buffer`; returns how many bytes, none at the end.
    fn some(&self, place: &dyn Fn() -> Place, buffer: &mut [u8]) -> Result<usize, DiskError> {
        loop {
            match rustix::io::read(&self.fd, &mut *buffer) {
                Err(Errno::INTR) => {}
                answer => return answer.map_err(|errno| DiskError::at(&place(), "read", errno)),
            }
        }
    }

    /// Refuses the file if it is not the one any more that it was when it was opened, or if there is something `left`.
    fn settle(&self, place: &dyn Fn() -> Place, left: u64) -> Result<(), DiskError> {
        // Whoever wrote in the meantime moved the time stamps, longer or shorter or not.
        let after = fstat(&self.fd).map_err(|errno| DiskError::at(&place(), "read", errno))?;
        let marks = |s: &Stat| (s.st_size, s.st_mtime, s.st_mtime_nsec, s.st_ctime, s.st_ctime_nsec);
        match left > 0 || marks(&self.before) != marks(&after) {
            true => Err(DiskError::Changed { path: place().path() }),
            false => Ok(()),
        }
    }
}

/// Nothing is waited for, and no terminal is taken: what is no regular file is closed again.
const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;
    use std::os::unix::fs::FileExt as _;

    use super::*;

    /// The byte that follows another one in the secret, which stands nowhere in the program.
    fn next(byte: u8) -> u8 {
        byte.wrapping_mul(5).wrapping_add(7)
    }

    /// Whether all of it may be a piece of the secret.
    fn is_secret(bytes: &[u8]) -> bool {
        bytes.windows(2).all(|pair| pair[1] == next(pair[0]))
    }

    /// How many pieces of the secret are in the memory of this process. It is looked through with a `buffer` from before
    /// the secret was read: a new one could lie where a copy was.
    fn pieces(buffer: &mut [u8]) -> usize {
        let memory = fs::File::open("/proc/self/mem").unwrap();
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let mut found = 0;
        // What this process wrote itself is in memory that belongs to no file.
        for map in maps.lines().filter(|map| map.contains(" rw") && !map.contains(" /")) {
            let (from, to) = map.split(' ').next().unwrap().split_once('-').unwrap();
            let [mut from, to] = [from, to].map(|address| u64::from_str_radix(address, 16).unwrap());
            while from < to {
                let wanted = buffer.len().min((to - from) as usize);
                let Ok(count @ 1..) = memory.read_at(&mut buffer[..wanted], from) else { break };
                found += buffer[..count].windows(64).filter(|piece| is_secret(piece)).count();
                // The last of it might begin here and end in the next part.
                from += if count > 64 { count as u64 - 63 } else { count as u64 };
            }
        }
        buffer.fill(0);
        found
    }

    #[test]
    fn a_secret_leaves_no_copy_of_itself() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        let mut secret = Zeroizing::new(vec![0; 60_000]);
        secret.iter_mut().fold(0, |last, each| {
            *each = next(last);
            *each
        });
        fs::write(&path, &*secret).unwrap();
        drop(secret);
        let (place, mut buffer) = (Place::named(&path), vec![0; 1 << 16]);
        assert_eq!(pieces(&mut buffer), 0);
        let read = read_secret(&place, 60_000).unwrap();
        assert!(read.len() == 60_000 && is_secret(&read));
        assert!(pieces(&mut buffer) > 0, "what is there is found");
        drop(read);
        assert_eq!(pieces(&mut buffer), 0);
        assert!(matches!(read_secret(&place, 59_999), Err(DiskError::TooLarge { .. })));
    }
}

/// Refuses what is no regular file.
pub(super) fn regular(place: &Place, kind: FileType) -> Result<(), DiskError> {
    let found = match kind {
        FileType::RegularFile => return Ok(()),
        FileType::Symlink => return Err(DiskError::Symlink { path: place.path() }),
        FileType::Directory => "a directory",
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        _ => "a device",
    };
    Err(DiskError::NotA { path: place.path(), wanted: "a regular file", found })
}
