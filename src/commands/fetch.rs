//! `trustroot fetch`

mod start;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ceremony::source::target_path;
use ceremony::{Digest, Json, Metadata, Source, SourceError, Time};

use crate::client::store::{Offline, Store};
use crate::client::{Client, ClientError, Found, Held, Limits, Trusted};
use crate::context::Context;
use crate::disk::{self, Access, DiskError, Lock, Place};
use crate::error::{Failure, OrFail as _};
use crate::published::numbered;
use crate::report::{Outcome, Report, object};
use crate::source::{Address, Served};
use crate::text::{columns, escaped, wrapped};
use crate::ui::Ui;

/// What helps where a file is longer than clients take.
const MORE: &str = "clients take no more by default; --limit ROLE=BYTES takes more here";

/// How many files a cache may have.
const FILES: usize = 1_000_000;

/// Refresh as a client does, from one trusted root to verified targets
///
/// Walks from the root in FILE to the newest one, then to timestamp, snapshot and targets, and remembers them in the
/// cache: what is in it is never rolled back. Thresholds are counted by distinct public keys, not by key ids. Each TARGET
/// is searched for through the delegations and verified; without one the metadata alone is refreshed.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  trustroot fetch --root 1.root.json --metadata-url https://tuf.example.com \\
      --cache cache --out . trusted_root.json")]
pub(crate) struct Fetch {
    /// Trust the root in this file
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// Read the metadata here: an http, https or file URL, or a directory
    #[arg(long, value_name = "URL")]
    metadata_url: Option<Address>,
    /// Read the target files here instead of in targets below the metadata
    #[arg(long, value_name = "URL")]
    targets_url: Option<Address>,
    /// Remember what was verified in this directory, in the layout of python-tuf
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Write the targets below this directory, in the place of older ones
    #[arg(long, value_name = "DIR", requires = "targets")]
    out: Option<PathBuf>,
    /// Ask nobody: use what the cache has
    #[arg(long)]
    offline: bool,
    /// Give up on a server that is silent for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// Take more than clients take by default; ROLE is root, timestamp, snapshot, targets, or target for target files
    #[arg(long = "limit", value_name = "ROLE=BYTES")]
    limits: Vec<Limit>,
    /// The path of a target, as signed
    #[arg(value_name = "TARGET", value_parser = |path: &str| target_path(path).map(str::to_owned))]
    targets: Vec<String>,
}

impl Fetch {
    /// Asks for what is not given, refreshes, and gets the targets.
    pub(crate) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let limits = self.limits.iter().fold(Limits::default(), |limits, limit| limit.set(limits));
        let root = match &self.root {
            Some(root) => root.clone(),
            None => ui.value("--root", "File with the root that you trust", None)?,
        };
        let root = read_root(&Place::named(root), limits)?;
        let cache = match &self.cache {
            Some(cache) => cache.clone(),
            None => ui.value("--cache", "Directory to remember metadata in", None)?,
        };
        let cache = Place::named(cache);
        refuse_repository(&cache)?;
        let (trusted, found) = if self.offline {
            if !disk::exists(&cache)? {
                return Err(
                    Failure::could_not(format!("there is no cache at {cache}")).hint("fetch once without --offline")
                );
            }
            let store = Store::read_only(cache.clone(), limits.largest());
            let offline = Offline(store.clone());
            self.refresh(&offline, &root, store, context.now, limits).map_err(|error| match error {
                ClientError::Root { reason } => start::refused(&reason, &root, None),
                error => explain(error, &format!("the cache {cache}"), limits)
                    .hint("without --offline a newer state may be had"),
            })?
        } else {
            let address = match &self.metadata_url {
                Some(address) => address.clone(),
                None => ui.value("--metadata-url", "URL or directory of the repository's metadata", None)?,
            };
            let source = Served::open(&address, self.targets_url.as_ref(), Duration::from_secs(self.timeout))?;
            disk::create_dir(&cache)?;
            let _lock = Lock::take(&cache)?;
            let store = Store::in_directory(cache, limits.largest());
            let refreshed = self.refresh(&source, &root, store, context.now, limits);
            refreshed.map_err(|error| match error {
                ClientError::Root { reason } => start::refused(&reason, &root, Some(&source)),
                error => explain(error, &address.to_string(), limits),
            })?
        };
        let mut targets = Vec::new();
        for found in found {
            targets.push(self.keep(found)?);
        }
        Ok(Outcome::done(Fetched { trusted, targets }))
    }

    fn refresh(
        &self,
        source: &dyn Source,
        root: &[u8],
        store: Store,
        now: Time,
        limits: Limits,
    ) -> Result<(Trusted, Vec<Found>), ClientError> {
        let mut client = Client::new(source, root, store, now, limits)?;
        let trusted = client.refresh()?;
        client.count()?;
        let found = self.targets.iter().map(|path| client.target(path)).collect::<Result<_, _>>()?;
        // Once more, for the delegated roles that the search met.
        client.count()?;
        Ok((trusted, found))
    }

    fn keep(&self, found: Found) -> Result<Kept, Failure> {
        let place = self.out.as_ref().map(|out| Place::named(out).join(&found.path));
        if let Some(place) = &place {
            disk::replace(place, &found.bytes, Access::Shared)?;
        }
        Ok(Kept {
            length: found.bytes.len() as u64,
            sha256: Digest::of(&found.bytes),
            path: found.path,
            file: place.map(|place| place.path()),
        })
    }
}

/// The root in the file at `place`, which is no longer than those that are fetched may be.
fn read_root(place: &Place, limits: Limits) -> Result<Vec<u8>, Failure> {
    let bytes = disk::read(place, limits.root).map_err(|error| match &error {
        DiskError::TooLarge { .. } => Failure::from(error).hint(MORE),
        _ => error.into(),
    })?;
    Metadata::parse_untrusted(&bytes).or_fail(|| format!("{place} is no root"))?;
    Ok(bytes)
}

/// Whoever names a repository as the cache would have its timestamp replaced by that of another one.
fn refuse_repository(cache: &Place) -> Result<(), Failure> {
    let names = disk::foreign(cache, FILES, false)?;
    if names.iter().any(|name| matches!(numbered(name), Some((_, "root")))) {
        return Err(Failure::could_not(format!("{cache} holds a repository, and not what a client remembers"))
            .hint("name another directory with --cache; it is made if it does not exist"));
    }
    Ok(())
}

const GOES_ON: &str = "what was verified so far is in the cache, and the same command goes on from there";

/// What went wrong with `repository`, and what can be done about it.
fn explain(error: ClientError, repository: &str, limits: Limits) -> Failure {
    let failure = match error.is_verdict() {
        true => Failure::no(format!("{repository} is not to be trusted")),
        false => Failure::could_not(format!("{repository} could not be checked")),
    };
    let hint = match &error {
        ClientError::NoTarget { .. } => return Failure::no(error.to_string()),
        ClientError::Roots { .. } => {
            return Failure::could_not(format!(
                "{repository} has more roots than are read at once: the newest was not reached"
            ))
            .caused_by(&error)
            .hint(GOES_ON);
        }
        ClientError::Store(_) => return Failure::could_not("the cache cannot be relied on").caused_by(&error),
        ClientError::Source(SourceError::TooLarge { limit, .. }) if !limits.of_metadata().contains(limit) => {
            "its length is signed: this is another file, and those who publish the repository have to put the right one \
             back"
        }
        ClientError::Missing { .. } => "those who publish the repository have to put it back",
        ClientError::Source(SourceError::TooLarge { .. }) => MORE,
        ClientError::Source(SourceError::Unreachable { .. }) => GOES_ON,
        _ => return failure.caused_by(&error),
    };
    failure.caused_by(&error).hint(hint)
}

/// A limit that is not what clients have by default.
#[derive(Clone, Copy, Debug)]
struct Limit {
    role: Role,
    bytes: u64,
}

#[derive(Clone, Copy, Debug)]
enum Role {
    Root,
    Timestamp,
    Snapshot,
    Targets,
    Target,
}

impl Limit {
    fn set(&self, limits: Limits) -> Limits {
        let bytes = self.bytes;
        match self.role {
            Role::Root => Limits { root: bytes, ..limits },
            Role::Timestamp => Limits { timestamp: bytes, ..limits },
            Role::Snapshot => Limits { snapshot: bytes, ..limits },
            Role::Targets => Limits { targets: bytes, ..limits },
            Role::Target => Limits { target: bytes, ..limits },
        }
    }
}

impl FromStr for Limit {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let (role, bytes) = text.split_once('=').ok_or(LimitError)?;
        let role = match role {
            "root" => Role::Root,
            "timestamp" => Role::Timestamp,
            "snapshot" => Role::Snapshot,
            "targets" => Role::Targets,
            "target" => Role::Target,
            _ => return Err(LimitError),
        };
        Ok(Self { role, bytes: bytes.parse().map_err(|_| LimitError)? })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("not root, timestamp, snapshot, targets or target, an equals sign, and a number of bytes")]
struct LimitError;

/// What the client trusts now.
struct Fetched {
    trusted: Trusted,
    targets: Vec<Kept>,
}

/// A verified target, and where it was written.
struct Kept {
    path: String,
    length: u64,
    sha256: Digest,
    file: Option<PathBuf>,
}

impl Fetched {
    fn roles(&self) -> [(&'static str, Held); 4] {
        let Trusted { root, timestamp, snapshot, targets } = self.trusted;
        [("root", root), ("timestamp", timestamp), ("snapshot", snapshot), ("targets", targets)]
    }
}

impl fmt::Display for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |(role, held): (&str, Held)| {
            [role.to_owned(), format!("version {}", held.version), format!("expires {}", held.expires)]
        };
        f.write_str(&columns(&self.roles().map(row), 0))?;
        for target in &self.targets {
            let Kept { path, length, sha256, file } = target;
            write!(f, "\n{}\n  {length} bytes, SHA-256\n  {sha256}\n", escaped(path))?;
            if let Some(file) = file {
                f.write_str(&wrapped(&format!("written to {}", escaped(&file.display().to_string())), 2))?;
            }
        }
        Ok(())
    }
}

impl Report for Fetched {
    fn json(&self) -> Json {
        let role = |(role, held): (&str, Held)| {
            object([
                ("role", Json::string(role)),
                ("version", Json::from(held.version)),
                ("expires", Json::string(held.expires.to_string())),
            ])
        };
        let target = |target: &Kept| {
            let file = target.file.as_ref().map_or(Json::Null, |file| Json::string(file.display().to_string()));
            object([
                ("path", Json::string(&target.path)),
                ("length", Json::from(target.length)),
                ("sha256", Json::string(target.sha256.to_string())),
                ("file", file),
            ])
        };
        object([
            ("ok", Json::Bool(true)),
            ("roles", self.roles().into_iter().map(role).collect()),
            ("targets", self.targets.iter().map(target).collect()),
        ])
    }
}
