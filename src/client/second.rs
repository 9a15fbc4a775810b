//! A second opinion, by `tough`: another implementation of the TUF client rules.

use bytes::Bytes;
use ceremony::{Source, SourceError};
use tough::{ExpirationEnforcement, RepositoryLoader, Transport, TransportError, TransportErrorKind, TransportStream};
use url::Url;

use crate::client::explain;
use crate::client::mailbox::{Answer, Mailbox, Question, Served};

/// Loads the repository as a fresh client of `tough` that trusts `root`: the version of the newest root, or what it says.
///
/// `tough` has no clock to set, so that it is not asked about expiry, and it looks at no target file. It refuses every
/// root before Sigstore's twelfth.
///
/// # Errors
/// If `tough` refuses the repository or `source` fails.
pub(crate) fn second_opinion(source: &dyn Source, root: &[u8]) -> Result<u64, SecondError> {
    let mailbox = Mailbox::default();
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(SecondError::Runtime)?;
    let url = |text| Url::parse(text).expect("a constant URL");
    let (metadata, targets) = (url("https://repository.invalid/metadata/"), url("https://repository.invalid/targets/"));
    let loader = RepositoryLoader::new(&root, metadata, targets)
        .transport(Door(mailbox.clone()))
        .expiration_enforcement(ExpirationEnforcement::Unsafe);
    let loaded = runtime.block_on(mailbox.serve(source, loader.load()));
    if let Some((_, Served::Failed(error))) = mailbox.last() {
        return Err(SecondError::Source(error));
    }
    match loaded {
        Ok(repository) => Ok(repository.root().signed.version.get()),
        Err(error) => Err(SecondError::Refused { reason: explain(&error) }),
    }
}

/// The library's side of the mailbox.
///
/// `tough` takes every error of `fetch` for "there is no newer root", and would then check an old one: all but "not
/// there" come as errors of the stream.
#[derive(Clone, Debug)]
struct Door(Mailbox);

#[async_trait::async_trait]
impl Transport for Door {
    async fn fetch(&self, url: Url) -> Result<TransportStream, TransportError> {
        let path = url.path();
        let question = match (path.strip_prefix("/metadata/"), path.strip_prefix("/targets/")) {
            (Some(name), _) => Question::Metadata { name: name.to_owned(), limit: LIMIT },
            (_, Some(path)) => Question::Target { path: path.to_owned(), limit: LIMIT },
            _ => return Err(TransportError::new(TransportErrorKind::UnsupportedUrlScheme, url)),
        };
        let item = match self.0.ask(question).await {
            Answer::Bytes(bytes) => Ok(Bytes::from(bytes)),
            Answer::Missing => return Err(TransportError::new(TransportErrorKind::FileNotFound, url)),
            Answer::Failed(reason) => Err(TransportError::new_with_cause(TransportErrorKind::Other, url, reason)),
        };
        Ok(Box::pin(futures::stream::iter([item])))
    }
}

/// More than any limit that `tough` sets itself, in bytes.
const LIMIT: u64 = 256 * 1024 * 1024;

/// Why there is no good second opinion.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SecondError {
    /// `tough` does not take the repository.
    #[error("tough refuses: {reason}")]
    Refused {
        /// What it says, escaped.
        reason: String,
    },
    /// No thread to run `tough` on.
    #[error("tough could not be started")]
    Runtime(#[source] std::io::Error),
    /// The source failed.
    #[error(transparent)]
    Source(SourceError),
}
