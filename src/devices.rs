//! The keys that are at hand on this machine.

use std::path::{Path, PathBuf};

use keyholders::{Ask, FileKey, Name};
use zeroize::Zeroizing;

use crate::disk::{self, Place};
use crate::error::Failure;

/// The most bytes of a key file that are read.
const KEY_FILE_LIMIT: u64 = 64 * 1024;

/// The PKCS#11 modules to use.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ModuleArgs {
    /// Use this PKCS#11 module instead of those that this machine configures; may be given several times
    #[arg(long = "module", value_name = "LIBRARY")]
    pub(crate) modules: Vec<PathBuf>,
}

/// Opens the key in the file at `path`.
pub(crate) fn key_file(path: &Path, owner: Option<&Name>, ask: &mut dyn Ask) -> Result<FileKey, Failure> {
    let bytes = Zeroizing::new(disk::read(&Place::named(path), KEY_FILE_LIMIT)?);
    Ok(FileKey::read(&bytes, &path.display().to_string(), owner, ask)?)
}
