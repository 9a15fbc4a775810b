//! What this machine alone knows: its modules, its PIN files, the roots it trusts, what its keys have signed.
//!
//! None of it is ever read from the directory of a trust root, which may come from anybody.
//!
//! ```text
//! $TRUSTROOT_HOME/config.toml                 else  $XDG_CONFIG_HOME/trustroot/config.toml
//! $TRUSTROOT_HOME/roots/TRUSTROOTID.json      else  $XDG_STATE_HOME/trustroot/roots/...
//! $TRUSTROOT_HOME/journal/FINGERPRINT.json    else  $XDG_STATE_HOME/trustroot/journal/...
//! $TRUSTROOT_HOME/seen/TRUSTROOTID/ROLE.json  else  $XDG_STATE_HOME/trustroot/seen/...
//! ```

mod config;
mod journal;

use std::env;
use std::path::{Path, PathBuf};

use ceremony::policy::check_id;

use crate::disk::{self, Access, DiskError, Place};
use crate::published::METADATA_LIMIT;

pub(crate) use config::{Config, ConfigError};
#[cfg(test)]
pub(crate) use config::{OnlineFile, PinSource};
pub(crate) use journal::{Entry, Exceptions, JournalError};

/// This machine's own state.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    config: Option<Place>,
    state: Option<Place>,
}

/// Why this machine's own state cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MachineError {
    /// Neither `TRUSTROOT_HOME` nor `HOME` names a directory.
    #[error("neither TRUSTROOT_HOME nor HOME is set to an absolute path, so this machine can remember nothing")]
    Homeless,
    /// An id that is no file name.
    #[error("\"{id}\" is no trust-root id: 16 to 128 letters, digits and hyphens")]
    Id { id: String },
    /// The disk refused.
    #[error("{0}")]
    Disk(#[from] DiskError),
}

impl Machine {
    /// The state that the environment names: `TRUSTROOT_HOME` for all, or the XDG directories.
    pub(crate) fn of_environment() -> Self {
        let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        if let Some(home) = absolute("TRUSTROOT_HOME") {
            return Self { config: Some(Place::named(&home)), state: Some(Place::named(&home)) };
        }
        let xdg = |name, default| {
            let directory = absolute(name).or_else(|| Some(absolute("HOME")?.join(default)))?;
            Some(Place::named(directory.join("trustroot")))
        };
        Self { config: xdg("XDG_CONFIG_HOME", ".config"), state: xdg("XDG_STATE_HOME", ".local/state") }
    }

    /// `config.toml`; the empty one if there is none.
    pub(crate) fn config(&self) -> Result<Config, ConfigError> {
        match &self.config {
            Some(place) => Config::read(&place.join("config.toml")),
            None => Ok(Config::default()),
        }
    }

    /// The root metadata that the keyholder at this machine last trusted for the trust root `id`, as it was given.
    pub(crate) fn trusted(&self, id: &str) -> Result<Option<Vec<u8>>, MachineError> {
        let place = self.root(id)?;
        Ok(disk::read_if_there(&place, METADATA_LIMIT)?)
    }

    /// Remembers `root` as what the keyholder at this machine trusts for the trust root `id`. Whoever calls this has
    /// walked from the root trusted before to this one.
    pub(crate) fn trust(&self, id: &str, root: &[u8]) -> Result<(), MachineError> {
        Ok(disk::replace(&self.root(id)?, root, Access::Private)?)
    }

    /// The file of the online role `role` that was published last in the trust root `id`, as far as this machine knows.
    pub(crate) fn seen(&self, id: &str, role: &str) -> Result<Option<Vec<u8>>, MachineError> {
        Ok(disk::read_if_there(&self.seen_at(id, role)?, METADATA_LIMIT)?)
    }

    /// Where that file lies.
    pub(crate) fn seen_at(&self, id: &str, role: &str) -> Result<Place, MachineError> {
        Ok(self.state()?.join("seen").join(plain(id)?).join(&format!("{role}.json")))
    }

    /// Remembers the file of an online role as published.
    pub(crate) fn see(&self, id: &str, role: &str, bytes: &[u8]) -> Result<(), MachineError> {
        Ok(disk::replace(&self.seen_at(id, role)?, bytes, Access::Private)?)
    }

    /// Where the trusted root lies.
    pub(crate) fn root(&self, id: &str) -> Result<Place, MachineError> {
        let id = plain(id)?;
        Ok(self.state()?.join("roots").join(&format!("{id}.json")))
    }

    fn state(&self) -> Result<&Place, MachineError> {
        self.state.as_ref().ok_or(MachineError::Homeless)
    }

    /// A machine whose state lies in the directory `home`: for rehearsals, where every person has one.
    pub(crate) fn at(home: &Path) -> Self {
        Self { config: Some(Place::named(home)), state: Some(Place::named(home)) }
    }
}

/// Takes an id that is a file name.
fn plain(id: &str) -> Result<&str, MachineError> {
    check_id(id).map(|()| id).map_err(|_| MachineError::Id { id: id.to_owned() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_root_of_any_length_that_is_published_is_read_again() {
        let home = tempfile::tempdir().unwrap();
        let machine = Machine::at(home.path());
        let root = vec![b' '; 3 << 20];
        machine.trust("0123456789abcdef", &root).unwrap();
        assert!(machine.trusted("0123456789abcdef").unwrap().unwrap() == root);
    }

    #[test]
    fn the_trusted_root_is_kept_by_id() {
        let home = tempfile::tempdir().unwrap();
        let machine = Machine::at(home.path());
        assert_eq!(machine.trusted("0123456789abcdef").unwrap(), None);
        machine.trust("0123456789abcdef", b"one").unwrap();
        machine.trust("0123456789abcdef", b"two").unwrap();
        assert_eq!(machine.trusted("0123456789abcdef").unwrap().unwrap(), b"two");
        assert_eq!(machine.trusted("0123456789abcde0").unwrap(), None);
        for odd in ["", "short", "../../../../etc/passwd", "0123456789abcdef/x", &"a".repeat(129)] {
            assert!(matches!(machine.trusted(odd), Err(MachineError::Id { .. })), "{odd}");
        }
    }
}
