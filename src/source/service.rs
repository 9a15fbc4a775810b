//! A service that is asked questions, with the care with which repositories are read.

use std::time::Duration;

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

/// What a service has.
pub(crate) struct Found {
    /// It.
    pub(crate) bytes: Vec<u8>,
    /// The address to which the service redirected, if it did.
    pub(crate) elsewhere: Option<String>,
}

#[cfg(feature = "net")]
impl Service {
    /// The service at an `http` or `https` address; `patience` is how long it may be silent, `total` how long one answer
    /// may take. Nothing is asked yet.
    ///
    /// # Errors
    /// If this is no address, or this machine cannot speak to it.
    pub(crate) fn open(url: &str, patience: Duration, total: Duration) -> Result<Self, ServiceError> {
        match url.parse()? {
            Address::Http(base) => Ok(Self(Site::new(base, patience)?.within(total))),
            Address::Directory(_) => Err(ServiceError::NoUrl { text: url.escape_debug().to_string() }),
        }
    }

    /// What it has at `path` below its address; none if nothing is there.
    ///
    /// # Errors
    /// If the answer is longer than `limit` bytes, or the service could not be asked.
    pub(crate) fn get(&self, path: &str, limit: u64) -> Result<Option<Found>, SourceError> {
        self.0.found(path, limit)
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
    pub(crate) fn open(url: &str, _: Duration, _: Duration) -> Result<Self, ServiceError> {
        let address: Address = url.parse()?;
        Err(OpenError::NoNetwork { address: address.to_string() }.into())
    }

    pub(crate) fn get(&self, _: &str, _: u64) -> Result<Option<Found>, SourceError> {
        match *self {}
    }

    pub(crate) fn post(&self, _: &str, _: &[u8], _: u64) -> Result<Option<Vec<u8>>, SourceError> {
        match *self {}
    }
}

/// What to do about a failure to ask, where that can be told.
#[cfg_attr(not(feature = "net"), expect(unused_variables, reason = "nobody is asked without it"))]
pub(crate) fn hint(error: &SourceError) -> Option<&'static str> {
    #[cfg(feature = "net")]
    if let SourceError::Unreachable { source, .. } = error {
        return source.downcast_ref::<super::http::HttpError>()?.hint();
    }
    None
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
