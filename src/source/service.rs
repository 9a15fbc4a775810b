//! A service that is asked questions, with the care with which repositories are read.

use std::time::Duration;

#[cfg(feature = "net")]
use ceremony::Source as _;
use ceremony::SourceError;

#[cfg(feature = "net")]
use super::http::Site;
use super::{Address, AddressError, OpenError};

/// A service on the web.
#[cfg(feature = "net")]
pub(crate) struct Service(Site);

/// There is none without the feature `net`.
#[cfg(not(feature = "net"))]
pub(crate) enum Service {}

#[cfg(feature = "net")]
impl Service {
    /// The service at an `http` or `https` address; `patience` is how long it may be silent. Nothing is asked yet.
    ///
    /// # Errors
    /// If this is no address, or this machine cannot speak to it.
    pub(crate) fn open(url: &str, patience: Duration) -> Result<Self, ServiceError> {
        match url.parse()? {
            Address::Http(base) => Ok(Self(Site::new(base, patience)?)),
            Address::Directory(_) => Err(ServiceError::NoUrl { text: url.escape_debug().to_string() }),
        }
    }

    /// What it has at `path` below its address; none if nothing is there.
    ///
    /// # Errors
    /// If the answer is longer than `limit` bytes, or the service could not be asked.
    pub(crate) fn get(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        self.0.target(path, limit)
    }

    /// What it answers to `body`, of the media type `kind`, sent to its address; none if nothing is there.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(crate) fn post(&self, kind: &str, body: &[u8], limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        self.0.post(kind, body, limit)
    }
}

#[cfg(not(feature = "net"))]
impl Service {
    /// Refuses: this build asks nobody.
    pub(crate) fn open(url: &str, _: Duration) -> Result<Self, ServiceError> {
        let address: Address = url.parse()?;
        Err(OpenError::NoNetwork { address: address.to_string() }.into())
    }

    pub(crate) fn get(&self, _: &str, _: u64) -> Result<Option<Vec<u8>>, SourceError> {
        match *self {}
    }

    pub(crate) fn post(&self, _: &str, _: &[u8], _: u64) -> Result<Option<Vec<u8>>, SourceError> {
        match *self {}
    }
}

/// Why a service cannot be asked at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ServiceError {
    /// It is no address.
    #[error("{0}")]
    Address(#[from] AddressError),
    /// It is no address on the web.
    #[cfg(feature = "net")]
    #[error("\"{text}\" is no http or https address")]
    NoUrl {
        /// What it is, escaped.
        text: String,
    },
    /// This build or this machine cannot speak to it.
    #[error("{0}")]
    Open(#[from] OpenError),
}
