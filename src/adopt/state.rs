//! What clients of a repository take at a moment, verified from its latest root.

use std::collections::BTreeSet;

use ceremony::meta::MetaFile;
use ceremony::policy::role_name;
use ceremony::targets::Delegation;
use ceremony::{Digest, KeySet, Kind, Meta, Metadata, Root, Source as _, SourceError, Tally, Targets, Time, tally};

use crate::adopt::origin::Origin;
use crate::error::Failure;
use crate::published::{METADATA_LIMIT, PublishedFile};

/// A role below the root that is signed as its delegator asks.
#[derive(Clone, Debug)]
pub(crate) struct Role {
    pub(crate) name: String,
    /// None for a delegated role that was never published.
    pub(crate) file: Option<(PublishedFile, Tally)>,
    /// Who may sign it.
    pub(crate) keys: KeySet,
    /// Where it hangs; none for the roles of the root.
    pub(crate) by: Option<(String, Delegation)>,
}

/// The current files of a repository. Every one is signed as its delegator asks, has the version, length and digest that
/// timestamp and snapshot name, and is not expired.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) timestamp: Role,
    pub(crate) snapshot: Role,
    /// `targets`, then the delegated roles in the order in which clients ask them.
    pub(crate) roles: Vec<Role>,
}

impl State {
    /// Reads what a client reads at `now` that trusts `root`.
    ///
    /// # Errors
    /// With exit code 1 if a client would refuse something, 2 if it could not be read.
    pub(crate) fn read(origin: &Origin, root: &Root, now: Time) -> Result<Self, Failure> {
        let keys = |role: &str| root.role(role).cloned().expect("a root has the four roles");
        let verified = |role: &str, named: Option<&MetaFile>, keys: KeySet| -> Result<Role, Failure> {
            let file = fetch(origin, role, named)?;
            let tally = verify(role, &file.metadata, &keys, now)?;
            Ok(Role { name: role.to_owned(), file: Some((file, tally)), keys, by: None })
        };
        let timestamp = verified("timestamp", None, keys("timestamp"))?;
        let named = meta_of(&timestamp)?;
        let named = named.file("snapshot.json").ok_or_else(|| Failure::no("the timestamp names no snapshot"))?;
        let snapshot = verified("snapshot", Some(named), keys("snapshot"))?;
        let meta = meta_of(&snapshot)?;
        let mut roles = Vec::new();
        let mut seen = BTreeSet::new();
        let mut next = vec![("targets".to_owned(), keys("targets"), None)];
        while let Some((name, keys, by)) = next.pop() {
            if by.is_some() && Root::ROLES.contains(&name.as_str()) {
                return Err(Failure::no(format!("a role is delegated to under the name of a top-level role, {name}")));
            }
            role_name(&name).map_err(|error| Failure::could_not(error.to_string()))?;
            if !seen.insert(name.clone()) {
                return Err(Failure::could_not(format!("{name} is delegated to twice, which no policy can say")));
            }
            let Some(named) = meta.file(&format!("{name}.json")) else {
                if name == "targets" {
                    return Err(Failure::no("the snapshot names no targets"));
                }
                roles.push(Role { name, file: None, keys, by });
                continue;
            };
            let mut role = verified(&name, Some(named), keys)?;
            role.by = by;
            let delegations = role.metadata().map(Targets::of).transpose()?.map(|view| view.delegations);
            next.extend(delegations.into_iter().flatten().rev().map(|delegation| {
                (delegation.name.clone(), delegation.keys.clone(), Some((name.clone(), delegation)))
            }));
            roles.push(role);
        }
        Ok(Self { timestamp, snapshot, roles })
    }

    /// All roles that have a file.
    pub(crate) fn published(&self) -> impl Iterator<Item = &Role> {
        [&self.timestamp, &self.snapshot].into_iter().chain(&self.roles).filter(|role| role.file.is_some())
    }

    /// The role `name`.
    pub(crate) fn role(&self, name: &str) -> Option<&Role> {
        [&self.timestamp, &self.snapshot].into_iter().chain(&self.roles).find(|role| role.name == name)
    }
}

impl Role {
    /// The metadata, if there is any.
    pub(crate) fn metadata(&self) -> Option<&Metadata> {
        self.file.as_ref().map(|(file, _)| &file.metadata)
    }

    /// The name of its file in a consistent snapshot (TUF specification, section 6.2).
    pub(crate) fn file_name(&self) -> Option<String> {
        let metadata = self.metadata()?;
        Some(match metadata.kind() {
            Kind::Timestamp => "timestamp.json".to_owned(),
            _ => format!("{}.{}.json", metadata.version(), self.name),
        })
    }
}

fn meta_of(role: &Role) -> Result<Meta, Failure> {
    let meta = role.metadata().map(Meta::of).transpose()?;
    Ok(meta.expect("timestamp and snapshot were just read"))
}

fn fetch(origin: &Origin, role: &str, named: Option<&MetaFile>) -> Result<PublishedFile, Failure> {
    let name = match named {
        Some(named) => format!("{}.{role}.json", named.version),
        None => format!("{role}.json"),
    };
    let limit = named.and_then(|named| named.length).map_or(METADATA_LIMIT, |length| length.min(METADATA_LIMIT));
    let bytes = match origin.metadata(&name, limit) {
        Err(error @ SourceError::TooLarge { .. }) => {
            return Err(Failure::no(format!("{name} is refused")).caused_by(&error));
        }
        bytes => bytes?.ok_or_else(|| Failure::no(format!("{name} is not there")))?,
    };
    let metadata = Metadata::parse_untrusted(&bytes);
    let metadata = metadata.map_err(|error| Failure::no(format!("{name} is no usable metadata")).caused_by(&error))?;
    if let Some(named) = named {
        let pins = [
            ("version", Some(named.version.to_string()), metadata.version().to_string()),
            ("length", named.length.map(|length| length.to_string()), bytes.len().to_string()),
            ("SHA-256", named.sha256.map(|sha256| sha256.to_string()), Digest::of(&bytes).to_string()),
        ];
        if let Some((what, Some(wanted), found)) =
            pins.into_iter().find(|(_, wanted, found)| wanted.as_ref().is_some_and(|wanted| wanted != found))
        {
            return Err(Failure::no(format!("{name} has {what} {found}, and is listed with {wanted}")));
        }
    }
    Ok(PublishedFile { bytes: bytes.into(), metadata })
}

/// Refuses what a client refuses, counted by distinct keys.
fn verify(role: &str, file: &Metadata, keys: &KeySet, now: Time) -> Result<Tally, Failure> {
    let kind = match role {
        "timestamp" => Kind::Timestamp,
        "snapshot" => Kind::Snapshot,
        _ => Kind::Targets,
    };
    if file.kind() != kind {
        return Err(Failure::no(format!("the file of {role} is {} metadata, not {kind}", file.kind())));
    }
    let tally = tally(&file.payload(), &file.signatures, keys);
    if !tally.met() {
        let (version, signed, threshold) = (file.version(), tally.signed.len(), tally.threshold);
        return Err(Failure::no(format!("{role} {version} needs {threshold} of its keys; {signed} signed")));
    }
    refuse_expired(role, file, now)?;
    Ok(tally)
}

/// Refuses what is expired at `now` (TUF specification, section 5.3.10).
pub(crate) fn refuse_expired(role: &str, file: &Metadata, now: Time) -> Result<(), Failure> {
    let (version, expires) = (file.version(), file.expires());
    if now < expires {
        return Ok(());
    }
    Err(Failure::no(format!("{role} {version} expired at {expires}, and it is {now}")).hint(
        "find a newer copy; or, if nobody can make one any more, take it over as it was, with `--now` at a time before \
         anything of it expired, the timestamp too; docs/expired.md has the rest",
    ))
}
