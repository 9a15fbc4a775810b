//! What the user of this machine configured.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use keyholders::{Name, Uri};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::disk::{self, DiskError, Place};

/// The most bytes of the file that are read.
const LIMIT: u64 = 1 << 20;

/// `config.toml`:
///
/// ```toml
/// pkcs11-modules = ["/usr/lib/softhsm/libsofthsm2.so"]
///
/// [[online]]
/// keyholder = "online"
/// file = "/etc/trustroot/online.pem"
///
/// [[pin]]
/// keyholder = "online"        # or: uri = "pkcs11:token=online"
/// file = "/etc/trustroot/online.pin"
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Config {
    /// The PKCS#11 modules to load, besides those that the system registers.
    #[serde(default)]
    pub(crate) pkcs11_modules: Vec<PathBuf>,
    /// Where the key files of online keyholders lie.
    #[serde(default)]
    pub(crate) online: Vec<OnlineFile>,
    /// Where PINs and passphrases lie that nobody types.
    #[serde(default)]
    pub(crate) pin: Vec<PinSource>,
}

/// The key file of an online keyholder.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OnlineFile {
    /// Whose key it is.
    #[serde(deserialize_with = "parsed")]
    pub(crate) keyholder: Name,
    /// The file.
    pub(crate) file: PathBuf,
}

/// A file with the PIN of a token or the passphrase of a key file, one line.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PinSource {
    /// For the keys of the keyholder with this name.
    #[serde(default, deserialize_with = "given")]
    pub(crate) keyholder: Option<Name>,
    /// For the token that this `pkcs11:` URI names.
    #[serde(default, deserialize_with = "given")]
    pub(crate) uri: Option<Uri>,
    /// The file.
    pub(crate) file: PathBuf,
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The disk refused.
    #[error("{0}")]
    Disk(#[from] DiskError),
    /// Another path than an absolute one: where would it start?
    #[error("{}: {} is no absolute path", config.display(), path.display())]
    Relative { config: PathBuf, path: PathBuf },
    /// A `[[pin]]` for nobody, or for two.
    #[error("{}: [[pin]] number {number} needs either keyholder or uri", config.display())]
    Pin { config: PathBuf, number: usize },
    /// Not the TOML that a configuration is.
    #[error("{}: {message}", config.display())]
    Toml { config: PathBuf, message: String },
}

impl Config {
    /// Reads the file at `place`; the empty configuration if there is none.
    pub(crate) fn read(place: &Place) -> Result<Self, ConfigError> {
        let path = || place.path();
        let text = match disk::read_text(place, LIMIT) {
            Err(error) if error.is_not_there() => return Ok(Self::default()),
            text => text?,
        };
        let config: Self = toml::from_str(&text)
            .map_err(|error: toml::de::Error| ConfigError::Toml { config: path(), message: error.to_string() })?;
        let files = config.pin.iter().map(|pin| &pin.file).chain(config.online.iter().map(|online| &online.file));
        if let Some(relative) = config.pkcs11_modules.iter().chain(files).find(|path| !path.is_absolute()) {
            return Err(ConfigError::Relative { config: path(), path: relative.clone() });
        }
        match config.pin.iter().position(|pin| pin.keyholder.is_some() == pin.uri.is_some()) {
            Some(index) => Err(ConfigError::Pin { config: path(), number: index + 1 }),
            None => Ok(config),
        }
    }
}

/// What a string says, or else an error at its place.
fn parsed<'de, D: Deserializer<'de>, T: FromStr<Err: fmt::Display>>(text: D) -> Result<T, D::Error> {
    String::deserialize(text)?.parse().map_err(D::Error::custom)
}

fn given<'de, D: Deserializer<'de>, T: FromStr<Err: fmt::Display>>(text: D) -> Result<Option<T>, D::Error> {
    parsed(text).map(Some)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.toml"), text).unwrap();
        Config::read(&Place::named(dir.path()).join("config.toml"))
    }

    #[test]
    fn reads_modules_and_pins() {
        let config =
            read("pkcs11-modules = ['/usr/lib/a.so']\n[[online]]\nkeyholder = 'a'\nfile = '/a'\n[[pin]]\nkeyholder = 'online'\nfile = '/run/pin'").unwrap();
        assert_eq!(config.pkcs11_modules, [PathBuf::from("/usr/lib/a.so")]);
        assert_eq!(config.pin.first().unwrap().keyholder.as_ref().unwrap().as_str(), "online");
        assert_eq!(read("").unwrap(), Config::default());
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        let error = read("pkcs11-modules = []\npin-value = '1234'").unwrap_err().to_string();
        assert!(error.contains("pin-value") && error.contains("line 2"), "{error}");
        for (mistake, said) in [
            ("[[online]]\nkeyholder = 'Online'\nfile = '/a'", "lower-case letters"),
            ("[[pin]]\nkeyholder = 'a..b'\nfile = '/a'", "may not have"),
            ("[[pin]]\nuri = 'pkcs11:tokn=a'\nfile = '/a'", "tokn"),
        ] {
            let error = read(mistake).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("line 2"), "{error}");
        }
        assert!(matches!(read("pkcs11-modules = ['a.so']"), Err(ConfigError::Relative { .. })));
        assert!(matches!(read("[[pin]]\nfile = '/a'"), Err(ConfigError::Pin { number: 1, .. })));
        assert!(matches!(read("[[pin]]\nfile = '/a'\nuri = 'pkcs11:'\nkeyholder = 'a'"), Err(ConfigError::Pin { .. })));
    }
}
