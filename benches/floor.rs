//! The floor: what nobody who publishes target files can do without.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// Hashes every file of `from`, and writes it as a new file to `to` under the name that consistent snapshots give it.
pub(crate) fn floor(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let bytes = fs::read(entry.path())?;
        let name = format!("{}.{}", hex::encode(Sha256::digest(&bytes)), entry.file_name().display());
        File::create_new(to.join(name))?.write_all(&bytes)?;
    }
    Ok(())
}
