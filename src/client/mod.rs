//! The client: from one trusted root to verified metadata and targets, by the rules of `sigstore_tuf`.

mod count;
mod mailbox;
pub(crate) mod second;
pub(crate) mod store;

use ceremony::source::target_path;
use ceremony::{Source, SourceError, Time};
use futures::FutureExt as _;
use jiff::Timestamp;
use sigstore_tuf::transport::FetchFuture;
use sigstore_tuf::{Error, Repository, Role, Updater, UpdaterConfig};

use crate::client::count::CountError;
use crate::client::mailbox::{Answer, Mailbox, Question, Served};
use crate::client::store::{Cache, Store};
use crate::disk::DiskError;

/// Refreshes as a client that trusts `root` and remembers `cache`, then gets every one of `targets`.
///
/// This is what `sigstore_tuf` does, and what any client that follows the specification does.
///
/// # Errors
/// If the client would not take what `source` has, or could not find out.
pub(crate) fn check(
    source: &dyn Source,
    root: &[u8],
    cache: &Cache,
    now: Time,
    targets: &[&str],
    limits: Limits,
) -> Result<Outcome, ClientError> {
    let store = Store::in_memory(cache.clone());
    let mut client = Client::new(source, root, store.clone(), now, limits)?;
    let trusted = client.refresh()?;
    for path in targets {
        client.target(path)?;
    }
    Ok(Outcome { trusted, cache: store.files() })
}

/// What a client trusts after [`check`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    /// The top-level roles.
    pub(crate) trusted: Trusted,
    /// What the client remembers: for a check of the same client later.
    pub(crate) cache: Cache,
}

/// The top-level roles that a client trusts after a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trusted {
    pub(crate) root: Held,
    pub(crate) timestamp: Held,
    pub(crate) snapshot: Held,
    pub(crate) targets: Held,
}

/// One role that a client trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) version: u64,
    /// The first second at which the client does not trust it any more.
    pub(crate) expires: Time,
}

/// A target that a client verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The path, as signed.
    pub(crate) path: String,
    /// The content: its length and hashes are the signed ones.
    pub(crate) bytes: Vec<u8>,
}

/// The longest files that a client takes, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) root: u64,
    pub(crate) timestamp: u64,
    pub(crate) snapshot: u64,
    pub(crate) targets: u64,
    /// For every target file, whatever length is signed.
    pub(crate) target: u64,
}

impl Default for Limits {
    /// The limits that python-tuf, tuf-js, go-tuf and `sigstore_tuf` have unless told otherwise.
    fn default() -> Self {
        let config = UpdaterConfig::default();
        Self {
            root: config.root_max_length,
            timestamp: config.timestamp_max_length,
            snapshot: config.snapshot_max_length,
            targets: config.targets_max_length,
            target: config.target_max_length,
        }
    }
}

impl Limits {
    /// Those of metadata. A target file is never longer than its signed length.
    pub(crate) fn of_metadata(&self) -> [u64; 4] {
        [self.root, self.timestamp, self.snapshot, self.targets]
    }

    /// The largest of them.
    pub(crate) fn largest(&self) -> u64 {
        self.root.max(self.timestamp).max(self.snapshot).max(self.targets).max(self.target)
    }

    fn config(&self) -> UpdaterConfig {
        let mut config = UpdaterConfig::default();
        config.root_max_length = self.root;
        config.timestamp_max_length = self.timestamp;
        config.snapshot_max_length = self.snapshot;
        config.targets_max_length = self.targets;
        config.target_max_length = self.target;
        config.max_root_rotations = ROOTS;
        config
    }
}

/// New roots that one refresh walks through: what tough takes. python-tuf takes 256, others 32.
const ROOTS: u32 = 1024;

/// A client in the middle of its work.
pub(crate) struct Client<'a> {
    source: &'a dyn Source,
    mailbox: Mailbox,
    updater: Updater,
    store: Store,
    root: Vec<u8>,
    now: Timestamp,
}

impl<'a> Client<'a> {
    /// A client that trusts `root`, remembers what is in `store`, and reads from `source`.
    ///
    /// # Errors
    /// If `root` is not signed by itself, or the store fails.
    pub(crate) fn new(
        source: &'a dyn Source,
        root: &[u8],
        store: Store,
        now: Time,
        limits: Limits,
    ) -> Result<Self, ClientError> {
        // sigstore_tuf takes a file for expired when `expires < now`. TUF specification, section 5.3.10: the expiration
        // must be higher than the present time, so that a file expires at its last second, not after it.
        let now = Timestamp::new(now.unix(), 1).map_err(|_| ClientError::Clock { now })?;
        let mailbox = Mailbox::default();
        let updater = Updater::new(Door(mailbox.clone()), root)
            .map_err(|error| ClientError::Root { reason: explain(&error) })?
            .with_config(limits.config())
            .with_store(store.clone());
        store.trouble()?;
        Ok(Self { source, mailbox, updater, store, root: root.to_vec(), now })
    }

    /// Walks to the newest root, then to the newest timestamp, snapshot and targets.
    ///
    /// # Errors
    /// If one of them is not to be trusted, or could not be had, or the store fails.
    pub(crate) fn refresh(&mut self) -> Result<Trusted, ClientError> {
        let refreshed = at_once(self.mailbox.serve(self.source, self.updater.refresh(self.now)));
        // Before all else: what was written to a broken cache protects from nothing.
        self.store.trouble()?;
        refreshed.map_err(|error| self.judge(error))?;
        let trusted = self.updater.trusted();
        let (Some(timestamp), Some(snapshot), Some(targets)) =
            (trusted.timestamp(), trusted.snapshot(), trusted.targets_role("targets"))
        else {
            return Err(self.judge(Error::NotRefreshed));
        };
        Ok(Trusted {
            root: Held::of(trusted.root()),
            timestamp: Held::of(timestamp),
            snapshot: Held::of(snapshot),
            targets: Held::of(targets),
        })
    }

    /// The target at `path`, searched for through the delegations, from the store if it has the right bytes.
    ///
    /// # Errors
    /// If no role that may lists it, its bytes are not the signed ones, or something could not be had.
    pub(crate) fn target(&mut self, path: &str) -> Result<Found, ClientError> {
        target_path(path).map_err(SourceError::Name)?;
        let (updater, now) = (&mut self.updater, self.now);
        let work = async move {
            let Some(file) = updater.get_target_info(path, now).await? else { return Ok(None) };
            match updater.find_cached_target(&file, path) {
                Some(bytes) => Ok(Some(bytes)),
                None => updater.download_target(&file, path).await.map(Some),
            }
        };
        let found = at_once(self.mailbox.serve(self.source, work));
        self.store.trouble()?;
        match found {
            Ok(Some(bytes)) => Ok(Found { path: path.to_owned(), bytes }),
            Ok(None) => Err(ClientError::NoTarget { path: path.escape_debug().to_string() }),
            Err(error) => Err(self.judge(error)),
        }
    }

    /// Counts again who signed what this client trusts, by **distinct public keys**, which no client library does:
    /// every root since the trusted one, the other top-level roles, and the delegated roles met on the way.
    ///
    /// # Errors
    /// If a threshold is met by key ids alone.
    pub(crate) fn count(&self) -> Result<(), ClientError> {
        let trusts = |role: &str| self.updater.trusted().targets_role(role).is_some();
        count::count(&self.root, self.updater.trusted().root().version, &self.store.files(), trusts)?;
        Ok(())
    }

    /// What `error` means, by what was asked for last and how it was answered.
    fn judge(&self, error: Error) -> ClientError {
        match (self.mailbox.last(), error) {
            (Some((_, Served::Failed(error))), _) => ClientError::Source(error),
            (Some((file, Served::Missing)), Error::Transport { .. }) => {
                ClientError::Missing { file: file.escape_debug().to_string() }
            }
            (_, Error::Transport { .. }) => ClientError::Roots { limit: ROOTS },
            (Some((file, Served::Bytes)), error) => {
                ClientError::Refused { file: file.escape_debug().to_string(), reason: explain(&error) }
            }
            (_, error) => ClientError::Refused { file: "the repository".into(), reason: explain(&error) },
        }
    }
}

impl Held {
    fn of(role: &impl Role) -> Self {
        let expires = Time::from_unix(role.expires().as_second());
        Self { version: role.version(), expires: expires.expect("what is trusted expires between now and 9999") }
    }
}

/// The library's side of the mailbox.
struct Door(Mailbox);

impl Repository for Door {
    fn fetch_metadata<'a>(&'a self, name: &'a str, limit: u64) -> FetchFuture<'a> {
        Box::pin(async move { told(self.0.ask(Question::Metadata { name: name.to_owned(), limit }).await) })
    }

    fn fetch_target<'a>(&'a self, path: &'a str, limit: u64) -> FetchFuture<'a> {
        Box::pin(async move { told(self.0.ask(Question::Target { path: path.to_owned(), limit }).await) })
    }
}

fn told(answer: Answer) -> sigstore_tuf::Result<Option<Vec<u8>>> {
    match answer {
        Answer::Bytes(bytes) => Ok(Some(bytes)),
        Answer::Missing => Ok(None),
        Answer::Failed(reason) => Err(Error::transport(reason)),
    }
}

fn at_once<T>(work: impl Future<Output = T>) -> T {
    work.now_or_never().expect("sigstore_tuf waits for its repository alone, which the mailbox answers")
}

/// The error and its causes in one line, each said once. Metadata names what stands in them, so that they are escaped.
fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = [&text, ": ", &said].concat();
        }
        source = cause.source();
    }
    ceremony::text::escaped(&text)
}

/// Why a client does not trust a repository, or cannot tell.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ClientError {
    /// The library cannot represent the time.
    #[error("clients cannot tell what is expired at {now}: their time ends before")]
    Clock {
        /// The time.
        now: Time,
    },
    /// A threshold of key ids is not one of keys.
    #[error(transparent)]
    Count(#[from] CountError),
    /// The repository lacks a file that it must have.
    #[error("{file} is not there")]
    Missing {
        /// Which, escaped.
        file: String,
    },
    /// No role lists a target.
    #[error("no role that may lists the target \"{path}\"")]
    NoTarget {
        /// Which, escaped.
        path: String,
    },
    /// A file that is not to be trusted.
    #[error("{file} is refused: {reason}")]
    Refused {
        /// Which, escaped.
        file: String,
        /// What the library says, escaped.
        reason: String,
    },
    /// The root to start from has not the signatures that it asks for, or is none that clients read.
    #[error("clients cannot start from the trusted root: {reason}")]
    Root {
        /// What the library says, escaped.
        reason: String,
    },
    /// As many new roots as are walked through at once: there may be more.
    #[error("{limit} new roots were verified, and no more are at once")]
    Roots {
        /// How many are walked through.
        limit: u32,
    },
    /// The source has no answer, or too long a one.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The cache fails.
    #[error("{0}")]
    Store(#[from] DiskError),
}

impl ClientError {
    /// Whether this is a verdict on the repository, and not a failure to reach one.
    pub(crate) fn is_verdict(&self) -> bool {
        match self {
            Self::Count(_) | Self::NoTarget { .. } | Self::Refused { .. } => true,
            Self::Root { .. } => true,
            Self::Source(error) => matches!(error, SourceError::TooLarge { .. }),
            Self::Clock { .. } | Self::Missing { .. } | Self::Roots { .. } | Self::Store(_) => false,
        }
    }
}

#[cfg(test)]
mod tests;
