//! Published repositories, to be read as their clients read them.

pub(crate) mod disk;
#[cfg(feature = "net")]
pub(crate) mod http;
pub(crate) mod service;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ceremony::{Source, SourceError};
use url::Url;

use crate::disk::{Place, exists};
use crate::source::disk::Directory;

/// Where a repository, or the targets of one, is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A directory of this machine.
    Directory(PathBuf),
    /// An `http` or `https` address whose path ends in a slash.
    Http(Url),
}

impl Address {
    /// Where clients look for the targets of a repository whose metadata is here: in `targets` below it.
    pub(crate) fn targets(&self) -> Self {
        match self {
            Self::Directory(path) => Self::Directory(path.join("targets")),
            Self::Http(url) => Self::Http(http_child(url, "targets/")),
        }
    }

    /// Where the metadata is: here, or in `metadata` below a directory that has it there and its targets beside it, as
    /// repositories lie in git.
    fn metadata(&self) -> Self {
        let has = |path: PathBuf| exists(&Place::named(path.join("timestamp.json"))).unwrap_or(false);
        match self {
            Self::Directory(path) if !has(path.clone()) && has(path.join("metadata")) => {
                Self::Directory(path.join("metadata"))
            }
            other => other.clone(),
        }
    }

    fn open(&self, patience: Duration) -> Result<Box<dyn Source>, OpenError> {
        match self {
            Self::Directory(path) => Ok(Box::new(Directory::new(path))),
            #[cfg(feature = "net")]
            Self::Http(url) => Ok(Box::new(http::Site::new(url.clone(), patience)?)),
            #[cfg(not(feature = "net"))]
            Self::Http(_) => {
                let _ = patience;
                Err(OpenError::NoNetwork { address: self.to_string() })
            }
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// Takes `http://`, `https://` and `file://` URLs, and anything without a scheme as the path of a directory.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let refused = |reason| AddressError { text: text.escape_debug().to_string(), reason };
        if text.is_empty() {
            return Err(refused("it is empty"));
        }
        if !text.contains("://") {
            return Ok(Self::Directory(text.into()));
        }
        let mut url = Url::parse(text).map_err(|_| refused("it is no URL"))?;
        match url.scheme() {
            "file" => url.to_file_path().map(Self::Directory).map_err(|()| refused("it names another machine")),
            "http" | "https" if !url.username().is_empty() || url.password().is_some() => {
                Err(refused("it carries a user name or a password"))
            }
            "http" | "https" => {
                url.set_fragment(None);
                let path = url.path().trim_end_matches('/').to_owned();
                url.set_path(&(path + "/"));
                Ok(Self::Http(url))
            }
            _ => Err(refused("its scheme is none of http, https and file")),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "{}", path.display().to_string().escape_debug()),
            Self::Http(url) => f.write_str(&shown(url)),
        }
    }
}

/// A repository whose metadata and targets are each at a place of their own.
pub(crate) struct Served {
    metadata: Box<dyn Source>,
    targets: Box<dyn Source>,
}

impl Served {
    /// The repository with its metadata at `metadata`, or in `metadata` below it, and its targets at `targets`, or else
    /// in `targets` below it.
    ///
    /// Over HTTP, `patience` is how long the other side may be silent.
    ///
    /// # Errors
    /// If this build or this machine cannot speak to such an address. Nothing is read yet.
    pub(crate) fn open(metadata: &Address, targets: Option<&Address>, patience: Duration) -> Result<Self, OpenError> {
        let targets = targets.cloned().unwrap_or_else(|| metadata.targets());
        Ok(Self { metadata: metadata.metadata().open(patience)?, targets: targets.open(patience)? })
    }

    /// The repository in a directory of this machine.
    pub(crate) fn in_directory(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { targets: Box::new(Directory::new(path.join("targets"))), metadata: Box::new(Directory::new(path)) }
    }
}

impl Source for Served {
    fn metadata(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        self.metadata.metadata(name, limit)
    }

    fn stream(&self, path: &str, limit: u64, each: &mut dyn FnMut(&[u8])) -> Result<Option<u64>, SourceError> {
        self.targets.stream(path, limit, each)
    }
}

/// `url` without its query, which may be a secret.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}

/// The address of `name`, percent escapes and all, below `base`.
pub(crate) fn http_child(base: &Url, name: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&[base.path(), name].concat());
    url
}

/// A text that names no place of a repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is refused: {reason}")]
pub(crate) struct AddressError {
    text: String,
    reason: &'static str,
}

/// Why an address cannot be read from at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum OpenError {
    /// No certificate to trust a server by.
    #[error(
        "{address} needs certificates, and this machine has none in the usual places: install ca-certificates, \
             or set SSL_CERT_FILE"
    )]
    #[cfg(feature = "net")]
    NoCertificates {
        /// The address.
        address: String,
    },
    /// Built without HTTP.
    #[cfg(not(feature = "net"))]
    #[error("{address} cannot be read: this trustroot is built without the feature net")]
    NoNetwork {
        /// The address.
        address: String,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_urls_and_directories() {
        let url = |text: &str| Address::Http(text.parse().unwrap());
        assert_eq!("https://a.example/tuf".parse(), Ok(url("https://a.example/tuf/")));
        assert_eq!("HTTP://a.example".parse(), Ok(url("http://a.example/")));
        assert_eq!("http://a.example/t/?sig=secret#x".parse(), Ok(url("http://a.example/t/?sig=secret")));
        assert_eq!("file:///srv/tuf%20x".parse(), Ok(Address::Directory("/srv/tuf x".into())));
        assert_eq!("../repository".parse(), Ok(Address::Directory("../repository".into())));
        for bad in ["", "ftp://a.example/", "file://a.example/tuf", "https://", "http://me:secret@a.example/"] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }

    #[test]
    fn targets_are_below_the_metadata() {
        let address: Address = "http://a.example/t?sig=secret".parse().unwrap();
        let targets = Address::Http("http://a.example/t/targets/?sig=secret".parse().unwrap());
        assert_eq!(address.targets(), targets);
        assert_eq!(targets.to_string(), "http://a.example/t/targets/");
    }
}
