//! What is published, verified as clients verify it, so that it may be handed out.

use std::path::Path;
use std::time::Duration;

use ceremony::lint::Reader;
use ceremony::material::legacy::is_legacy;
use ceremony::material::{ClientTrustConfig, SigningConfig, TrustedRoot};
use ceremony::{Digest, Metadata, Policy, Source as _, Targets, Time};

use super::{Addresses, File};
use crate::audit::Audit;
use crate::client::store::{Cache, Store};
use crate::client::{self, Client, ClientError, Limits};
use crate::context::Context;
use crate::disk;
use crate::error::{Failure, OrFail as _};
use crate::pinned::pin;
use crate::published::METADATA_LIMIT;
use crate::source::{Address, Served};

/// How long a server may be silent.
const PATIENCE: Duration = Duration::from_secs(30);

/// A repository that clients accept, from a root that is trusted here to the root that is handed out, and on.
///
/// Only [`Verified::of`] makes one.
pub(super) struct Verified {
    /// The trusted root from which it was verified.
    pub(super) pinned: Pinned,
    /// The root that is handed out.
    pub(super) root: Root,
    /// What a client that starts from it comes to.
    pub(super) roles: client::Trusted,
    /// What clients trust, if there is such a target.
    pub(super) trusted_root: Option<TrustedRoot>,
    /// What signers use, if there is such a target.
    pub(super) signing_config: Option<SigningConfig>,
    /// Whether there are single keys and certificates for older clients among the targets.
    pub(super) legacy: bool,
    /// For each known client the root from which it comes to the newest one.
    starts: Vec<(&'static Reader, Option<u64>)>,
}

/// The root that was trusted beforehand.
pub(super) struct Pinned {
    pub(super) version: u64,
    pub(super) sha256: Digest,
    /// Whether it was named with `--root`; if not, this machine remembers it.
    pub(super) given: bool,
}

/// The root that is handed out.
pub(super) struct Root {
    pub(super) version: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) sha256: Digest,
    pub(super) expires: Time,
}

impl Verified {
    /// Verifies what lies in `repository/` from the root in the file `given`, or else from the one that this machine
    /// remembers, and again from the root of version `wanted`, or else the newest.
    ///
    /// # Errors
    /// If no root is trusted; if clients refuse what is published; if `wanted` is not published, or older than the
    /// trusted root, so that nothing vouches for it.
    pub(super) fn of(
        context: &Context,
        policy: &Policy,
        given: Option<&Path>,
        wanted: Option<u64>,
    ) -> Result<Self, Failure> {
        let repository = context.workdir.repository();
        if !disk::exists(repository.root())? {
            return Err(Failure::could_not("nothing is published yet, so there is nothing to hand out"));
        }
        let trusted = pin(context, given, &policy.id)?;
        let source = Served::in_directory(repository.root().path());
        let audit = Audit::of(&source, &trusted, context.now).or_fail(|| "what is published was not verified")?;
        let (first, last) = match (audit.history.steps.first(), audit.trusted()) {
            (Some(first), Some(last)) if audit.ok() => (first, last),
            _ => {
                let problems = audit.problems.iter().map(|problem| format!("{}: {}", problem.subject, problem.what));
                let refused = Failure::no("clients refuse what is published: nothing is handed out");
                return Err(problems.fold(refused, Failure::and_cause));
            }
        };
        let version = wanted.unwrap_or(last.root.version);
        if version < first.root.version {
            let trusted = first.root.version;
            return Err(Failure::no(format!("root {version} is older than root {trusted}, which is trusted here"))
                .and_cause("nothing vouches for a root but those before it")
                .hint("trust an older root with --root FILE, or hand out a later one"));
        }
        let step = audit.history.steps.iter().find(|step| step.root.version == version).ok_or_else(|| {
            Failure::could_not(format!("there is no root {version}: the newest is root {}", last.root.version))
        })?;
        let published = source.metadata(&format!("{version}.root.json"), METADATA_LIMIT)?;
        // The repository may have the trusted version with other signatures, or no longer have it.
        let bytes = published.unwrap_or(trusted);
        let metadata = Metadata::parse_untrusted(&bytes)?;
        if metadata.payload() != step.metadata.payload() {
            return Err(Failure::no(format!("repository/ has another root {version} than the one that is trusted")));
        }
        let store = Store::in_memory(Cache::default());
        let refused = |error: ClientError| {
            let message = format!("a client that starts from root {version} does not come to what is published");
            match error.is_verdict() {
                true => Failure::no(message).caused_by(&error),
                false => Failure::could_not(message).caused_by(&error),
            }
        };
        let mut client =
            Client::new(&source, &bytes, store.clone(), context.now, Limits::default()).map_err(refused)?;
        let roles = client.refresh().map_err(refused)?;
        let trusted_root = target(&mut client, TrustedRoot::TARGET).map_err(refused)?;
        let signing_config = target(&mut client, SigningConfig::TARGET).map_err(refused)?;
        client.count().map_err(refused)?;
        let unreadable = |name: &str| format!("the published {name} cannot be read");
        let trusted_root = trusted_root.map(|bytes| TrustedRoot::parse(&bytes)).transpose();
        let signing_config = signing_config.map(|bytes| SigningConfig::parse(&bytes)).transpose();
        Ok(Self {
            pinned: Pinned { version: first.root.version, sha256: first.sha256, given: given.is_some() },
            root: Root { version, sha256: Digest::of(&bytes), expires: metadata.expires(), bytes },
            roles,
            trusted_root: trusted_root.or_fail(|| unreadable(TrustedRoot::TARGET))?,
            signing_config: signing_config.or_fail(|| unreadable(SigningConfig::TARGET))?,
            legacy: has_legacy(&store.files())?,
            starts: audit.starts,
        })
    }

    /// Reads what is served at the addresses as a client that starts from the root that is handed out.
    ///
    /// # Errors
    /// If it cannot be read, is refused, or is another state than that of `repository/`.
    pub(super) fn is_served(&self, context: &Context, place: &Addresses) -> Result<(), Failure> {
        let (metadata, targets): (Address, Address) = (place.metadata.as_str().parse()?, place.targets.parse()?);
        let source = Served::open(&metadata, Some(&targets), PATIENCE)?;
        let files = [
            self.trusted_root.as_ref().map(|_| TrustedRoot::TARGET),
            self.signing_config.as_ref().map(|_| SigningConfig::TARGET),
        ];
        let files: Vec<&str> = files.into_iter().flatten().collect();
        let (root, memory) = (&self.root.bytes, Cache::default());
        let served = client::check(&source, root, &memory, context.now, &files, Limits::default());
        let served = served.map_err(|error| match error.is_verdict() {
            true => Failure::no(format!("clients refuse what is served at {metadata}")).caused_by(&error),
            false => Failure::could_not(format!("{metadata} could not be read")).caused_by(&error),
        })?;
        if served.trusted == self.roles {
            return Ok(());
        }
        let versions = |roles: &client::Trusted| {
            let [root, timestamp] = [roles.root.version, roles.timestamp.version];
            let [snapshot, targets] = [roles.snapshot.version, roles.targets.version];
            format!("root {root}, timestamp {timestamp}, snapshot {snapshot}, targets {targets}")
        };
        let (there, here) = (versions(&served.trusted), versions(&self.roles));
        Err(Failure::no(format!("{metadata} serves {there}, and repository/ has {here}"))
            .hint("bring the address up to date, or this directory"))
    }

    /// The name under which the root is handed out.
    pub(super) fn root_name(&self) -> String {
        format!("{}.root.json", self.root.version)
    }

    /// Whether the client of this name comes from the root that is handed out to the newest; of a client that is not
    /// known nothing is said.
    pub(super) fn can_start(&self, client: &str) -> Option<bool> {
        let (_, from) = self.starts.iter().find(|(reader, _)| reader.name() == client)?;
        Some(from.is_some_and(|from| from <= self.root.version))
    }

    /// The root, and what is among the targets.
    pub(super) fn files(&self) -> Vec<File> {
        let mut files =
            vec![File::new(self.root_name(), "the root that clients start from", self.root.bytes.as_slice())];
        if let Some(root) = &self.trusted_root {
            files.push(File::new(TrustedRoot::TARGET, "what clients trust, for those without TUF", root.as_bytes()));
        }
        if let Some(config) = &self.signing_config {
            files.push(File::new(SigningConfig::TARGET, "which services signers use", config.as_bytes()));
        }
        if let Some((trusted_root, signing_config)) = self.trusted_root.clone().zip(self.signing_config.clone()) {
            let config = ClientTrustConfig { trusted_root, signing_config };
            files.push(File::new(TRUST_CONFIG, "both in one file (ClientTrustConfig)", config.to_file()));
        }
        files
    }
}

/// The name under which the client trust config is handed out.
pub(super) const TRUST_CONFIG: &str = "trust_config.json";

/// The content of a target, if it is one.
fn target(client: &mut Client<'_>, path: &str) -> Result<Option<Vec<u8>>, ClientError> {
    match client.target(path) {
        Ok(found) => Ok(Some(found.bytes)),
        Err(ClientError::NoTarget { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the targets that a client has verified list single keys and certificates.
fn has_legacy(held: &Cache) -> Result<bool, Failure> {
    let Some(bytes) = held.0.get("targets.json") else { return Ok(false) };
    let targets = Metadata::parse_untrusted(bytes)?;
    Ok(Targets::of(&targets)?.entries().any(|(_, entry)| entry.get("custom").is_some_and(is_legacy)))
}
