//! Timestamp, snapshot, targets and delegated roles, as clients read them one after the other.

use std::collections::{BTreeSet, VecDeque};

use ceremony::lint::{self, Obstacle};
use ceremony::meta::MetaFile;
use ceremony::targets::Delegation;
use ceremony::{Digest, Finding, KeySet, Kind, Meta, Metadata, Root, Source, SourceError, Targets, Time, tally};
use sha2::{Digest as _, Sha512};

use super::{Audit, Problem, Role, expired, files, unmet};
use crate::client::store::encoded;
use crate::error::Failure;
use crate::published::METADATA_LIMIT;
use crate::text::escaped;

/// Delegated roles that are read. Hash bins are some ten thousand.
const ROLES: usize = 100_000;

/// Reads what clients read under `root`, and adds to `audit` what is wrong with it; returns what keeps some clients
/// from reading it. Without `now`, expiries are not judged, nor what was published before and what may come.
pub(super) fn roles(
    source: &dyn Source,
    root: &Root,
    now: Option<Time>,
    audit: &mut Audit,
) -> Result<Vec<Obstacle>, Failure> {
    let mut reading = Reading { source, root, now, audit, obstacles: BTreeSet::new() };
    reading.all()?;
    Ok(reading.obstacles.into_iter().collect())
}

struct Reading<'a> {
    source: &'a dyn Source,
    root: &'a Root,
    now: Option<Time>,
    audit: &'a mut Audit,
    obstacles: BTreeSet<Obstacle>,
}

/// What names a role: where its file is, who may sign it, and what is said of it.
struct Named<'a> {
    role: &'a str,
    kind: Kind,
    delegator: &'a str,
    keys: &'a KeySet,
    said: Option<&'a MetaFile>,
}

impl Reading<'_> {
    fn all(&mut self) -> Result<(), Failure> {
        let keys = |role: &str| self.root.role(role).expect("a root has every top-level role").clone();
        let (timestamp, snapshot, targets) = (keys("timestamp"), keys("snapshot"), keys("targets"));
        for (role, keys) in [("root", self.root.own()), ("targets", &targets)] {
            self.audit.findings.extend(lint::alone(role, keys, &[]));
        }
        let named = |role, kind, keys, said| Named { role, kind, delegator: "root", keys, said };

        let Some(file) = self.read(&named("timestamp", Kind::Timestamp, &timestamp, None))? else { return Ok(()) };
        let Some(said) = self.said(&file, "timestamp", "snapshot.json") else { return Ok(()) };
        let Some(file) = self.read(&named("snapshot", Kind::Snapshot, &snapshot, Some(&said)))? else { return Ok(()) };
        self.rolled_back(&file, &snapshot)?;
        self.newer("snapshot", file.version(), &snapshot)?;
        let Some(meta) = self.meta(&file, "snapshot") else { return Ok(()) };
        let Some(said) = self.said(&file, "snapshot", "targets.json") else { return Ok(()) };
        let Some(file) = self.read(&named("targets", Kind::Targets, &targets, Some(&said)))? else { return Ok(()) };
        self.newer("targets", file.version(), &targets)?;
        self.delegations(file, &meta)
    }

    /// Reads the targets role and all below it, each once, in the order in which clients search them.
    fn delegations(&mut self, targets: Metadata, snapshot: &Meta) -> Result<(), Failure> {
        let mut seen = BTreeSet::from(["targets".to_owned()]);
        let mut open: VecDeque<(String, Option<Delegation>, Metadata)> =
            VecDeque::from([("targets".to_owned(), None, targets)]);
        while let Some((role, by, file)) = open.pop_front() {
            let view = match Targets::of(&file) {
                Ok(view) => view,
                Err(error) => {
                    self.problem(&role, error.to_string());
                    continue;
                }
            };
            let names = (format!("root {}", self.root.version), format!("{role} {}", file.version()));
            self.audit.findings.extend(lint::shared_ids((&names.0, &self.root.keys), (&names.1, &view.keys)));
            self.obstacles.extend(lint::obstacles(&file).unwrap_or_default());
            files::files(self.source, self.root, by.as_ref(), &view, self.audit)?;
            for delegation in &view.delegations {
                self.audit.findings.extend(lint::alone(&delegation.name, &delegation.keys, &[]));
                if Root::ROLES.contains(&delegation.name.as_str()) {
                    let what = format!("it delegates to \"{}\", which is a top-level role", delegation.name);
                    self.problem(&role, what);
                } else if seen.len() > ROLES {
                    self.problem(&role, format!("there are more than {ROLES} delegated roles"));
                    return Ok(());
                } else if seen.insert(delegation.name.clone())
                    && let Some(file) = self.delegated(&role, delegation, snapshot)?
                {
                    open.push_back((delegation.name.clone(), Some(delegation.clone()), file));
                }
            }
        }
        Ok(())
    }

    fn delegated(&mut self, by: &str, role: &Delegation, snapshot: &Meta) -> Result<Option<Metadata>, Failure> {
        let Some(said) = snapshot.file(&format!("{}.json", role.name)) else {
            if self.now.is_some() {
                self.problem("snapshot", format!("it does not name {}.json, to which {by} delegates", role.name));
            }
            return Ok(None);
        };
        let keys = &role.keys;
        let named = Named { role: &role.name, kind: Kind::Targets, delegator: by, keys, said: Some(said) };
        let file = self.read(&named)?;
        if let Some(file) = &file {
            self.newer(&role.name, file.version(), keys)?;
        }
        Ok(file)
    }

    /// Reads one role and judges it. What is there and can be read is returned even if clients refuse it.
    fn read(&mut self, named: &Named<'_>) -> Result<Option<Metadata>, Failure> {
        let name = self.file_name(named.role, named.said.map(|said| said.version));
        let Some(bytes) = self.fetch(&name)? else {
            self.problem(&name, "it is not there".to_owned());
            return Ok(None);
        };
        if let Some(said) = named.said {
            self.as_said(&name, &bytes, said);
        }
        let file = match Metadata::parse_untrusted(&bytes) {
            Ok(file) if file.kind() == named.kind => file,
            Ok(file) => {
                self.problem(&name, format!("it is {} metadata, not {}", file.kind(), named.kind));
                return Ok(None);
            }
            Err(error) => {
                self.problem(&name, error.to_string());
                return Ok(None);
            }
        };
        if let Some(said) = named.said.filter(|said| said.version != file.version()) {
            self.problem(&name, format!("it is version {}, where version {} is named", file.version(), said.version));
        }
        let tally = tally(&file.payload(), &file.signatures, named.keys);
        if let Some(unmet) = unmet(&tally, &format!("the keys that {} names", named.delegator)) {
            self.problem(&name, unmet);
        }
        if self.now.is_some_and(|now| now >= file.expires()) {
            self.problem(&name, expired(&file));
        }
        let findings = self.findings(named, &file, &tally, bytes.len() as u64);
        self.audit.roles.push(Role {
            name: named.role.to_owned(),
            delegator: named.delegator.to_owned(),
            version: file.version(),
            sha256: Digest::of(&bytes),
            expires: file.expires(),
            tally,
            findings,
        });
        Ok(Some(file))
    }

    fn findings(&self, named: &Named<'_>, file: &Metadata, tally: &ceremony::Tally, length: u64) -> Vec<Finding> {
        let mut findings = match named.kind {
            // What cannot be read is a problem by then.
            Kind::Targets => lint::targets(named.role, file).unwrap_or_default(),
            _ => lint::file(named.role, file),
        };
        findings.extend(lint::invalid(named.role, file, &[tally]));
        findings.extend(lint::size(named.role, named.kind, length));
        // When it was made is written nowhere; it was before now, so only what is too long can be told.
        let lifetime = self.now.into_iter().flat_map(|now| lint::lifetime(named.role, named.kind, now, file.expires()));
        findings.extend(lifetime.filter(|finding| finding.rule == ceremony::Rule::ExpiryTooLong));
        findings
    }

    /// "The hashes and version number of the new file MUST match" (TUF specification, sections 5.5.2, 5.6.2).
    fn as_said(&mut self, name: &str, bytes: &[u8], said: &MetaFile) {
        if let Some(length) = said.length.filter(|length| *length != bytes.len() as u64) {
            self.problem(name, format!("it has {} bytes, where {length} are named", bytes.len()));
        }
        let sha512 = said.entry.get("hashes").and_then(|hashes| hashes.get("sha512")).and_then(|hash| hash.as_str());
        let other = said.sha256.is_some_and(|digest| digest != Digest::of(bytes))
            || sha512.is_some_and(|digest| digest != hex::encode(Sha512::digest(bytes)));
        if other {
            self.problem(name, "its content has another hash than the one that is named".to_owned());
        }
    }

    /// Clients that hold the snapshot before this one compare: no entry goes, no version falls (section 5.5.5).
    fn rolled_back(&mut self, snapshot: &Metadata, keys: &KeySet) -> Result<(), Failure> {
        let Some(before) = self.numbered("snapshot", snapshot.version() - 1, keys)? else { return Ok(()) };
        let (Ok(before), Ok(after)) = (Meta::of(&before), Meta::of(snapshot)) else { return Ok(()) };
        for (name, old) in &before.files {
            let what = match after.file(name) {
                None => format!("it leaves out {name}, which the snapshot before it names"),
                Some(new) if new.version < old.version => {
                    format!("{name} falls back from version {} to {}", old.version, new.version)
                }
                Some(_) => continue,
            };
            self.problem("snapshot", what);
        }
        Ok(())
    }

    /// Finds a version after the one that clients are told to read.
    fn newer(&mut self, role: &str, used: u64, keys: &KeySet) -> Result<(), Failure> {
        let Some(next) = used.checked_add(1) else { return Ok(()) };
        if self.numbered(role, next, keys)?.is_some() {
            self.audit.findings.push(lint::newer_unused(role, next, used));
        }
        Ok(())
    }

    /// A version of a role that the repository keeps beside the present one, if these keys signed it.
    fn numbered(&self, role: &str, version: u64, keys: &KeySet) -> Result<Option<Metadata>, Failure> {
        if !self.root.consistent_snapshot || version == 0 || self.now.is_none() {
            return Ok(None);
        }
        let bytes = match self.source.metadata(&self.file_name(role, Some(version)), METADATA_LIMIT) {
            Err(SourceError::TooLarge { .. } | SourceError::Name(_)) => None,
            bytes => bytes?,
        };
        let file = bytes.and_then(|bytes| Metadata::parse_untrusted(&bytes).ok());
        Ok(file.filter(|file| file.version() == version && tally(&file.payload(), &file.signatures, keys).met()))
    }

    fn fetch(&mut self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        match self.source.metadata(name, METADATA_LIMIT) {
            Err(error @ (SourceError::TooLarge { .. } | SourceError::Name(_))) => {
                self.problem(name, error.to_string());
                Ok(None)
            }
            Err(error) => Err(Failure::could_not("the repository cannot be read").caused_by(&error)),
            Ok(bytes) => Ok(bytes),
        }
    }

    fn meta(&mut self, file: &Metadata, role: &str) -> Option<Meta> {
        Meta::of(file).map_err(|error| self.problem(role, error.to_string())).ok()
    }

    fn said(&mut self, file: &Metadata, role: &str, wanted: &str) -> Option<MetaFile> {
        let said = self.meta(file, role)?.file(wanted).cloned();
        if said.is_none() {
            self.problem(role, format!("it does not name {wanted}"));
        }
        said
    }

    /// "The filename is of the form VERSION_NUMBER.FILENAME.EXT if consistent snapshots are enabled" (section 5.6.1).
    fn file_name(&self, role: &str, version: Option<u64>) -> String {
        let role = encoded(role);
        match version.filter(|_| self.root.consistent_snapshot) {
            Some(version) => format!("{version}.{role}.json"),
            None => format!("{role}.json"),
        }
    }

    fn problem(&mut self, subject: &str, what: String) {
        self.audit.problems.push(Problem::new(escaped(subject).to_string(), what));
    }
}
