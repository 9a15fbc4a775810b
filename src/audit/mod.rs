//! Audits of what is published: from a pinned root, everything that clients read, judged by their rules and by ours.

pub(crate) mod ceremonies;
pub(crate) mod file;
mod files;
mod report;
mod roles;
mod seals;

use std::collections::BTreeMap;

use ceremony::history::{Step, WalkError};
use ceremony::lint::{self, Reader};
use ceremony::{Digest, Finding, History, Metadata, Root, Rule, Source, SourceError, Tally, Time};

use crate::client::store::Cache;
use crate::client::{ClientError, Limits, check};
use crate::error::Failure;
use crate::published::METADATA_LIMIT;

/// What an audit of a repository showed.
///
/// Problems are what clients refuse by the rules of TUF, counted by distinct public keys; findings never are.
pub(crate) struct Audit {
    pub(crate) history: History,
    pub(crate) roles: Vec<Role>,
    /// How many target files are as signed.
    pub(crate) files: u64,
    /// For each known client the root from which it comes to the last one.
    pub(crate) starts: Vec<(&'static Reader, Option<u64>)>,
    pub(crate) problems: Vec<Problem>,
    /// Those that belong to no single root.
    pub(crate) findings: Vec<Finding>,
}

/// One role beside the root, as clients read it.
pub(crate) struct Role {
    pub(crate) name: String,
    /// Who delegates to it.
    pub(crate) delegator: String,
    pub(crate) version: u64,
    pub(crate) sha256: Digest,
    pub(crate) expires: Time,
    pub(crate) tally: Tally,
    pub(crate) findings: Vec<Finding>,
}

/// Why clients refuse what is published, or one metadata file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    /// A file, or a role.
    pub(crate) subject: String,
    /// What is wrong with it.
    pub(crate) what: String,
}

/// How far behind the last root is looked for more.
const GAP: u64 = 4;

impl Problem {
    fn new(subject: impl Into<String>, what: impl Into<String>) -> Self {
        Self { subject: subject.into(), what: what.into() }
    }
}

impl Audit {
    /// Audits the repository in `source` from the bytes of a pinned root, at `now`.
    ///
    /// # Errors
    /// If the pinned root is none, or the repository cannot be read. That something is missing from a repository that
    /// can be read is a problem.
    pub(crate) fn of(source: &dyn Source, pinned: &[u8], now: Time) -> Result<Self, Failure> {
        let mut last = pinned.to_vec();
        let history = History::walk(pinned, |version| {
            let bytes = source.metadata(&format!("{version}.root.json"), METADATA_LIMIT)?;
            if let Some(bytes) = &bytes {
                last.clone_from(bytes);
            }
            Ok::<_, SourceError>(bytes)
        });
        let history = history.map_err(|error| match error {
            WalkError::Fetch { source: SourceError::TooLarge { .. }, .. } => {
                Failure::no("the repository is not to be trusted").caused_by(&error)
            }
            WalkError::Fetch { .. } => Failure::could_not("the repository cannot be read").caused_by(&error),
            _ => error.into(),
        })?;
        let findings = two_faces(source, &history)?;
        let mut audit = Self { findings, ..Self::empty(history) };
        audit.findings.extend(audit.gap(source)?);
        if let Some(stop) = &audit.history.stop {
            audit.problems.push(Problem::new("root", stop.to_string()));
            audit.starts = audit.history.starts(&[]);
            return Ok(audit);
        }
        let root = audit.trusted().expect("a walk that was not stopped ends at a root").clone();
        if now >= root.metadata.expires() {
            audit.problems.push(Problem::new(format!("root {}", root.root.version), expired(&root.metadata)));
        }
        let obstacles = roles::roles(source, &root.root, Some(now), &mut audit)?;
        audit.starts = audit.history.starts(&obstacles);
        audit.ask_a_client(source, &last, now, &obstacles)?;
        audit.findings.sort();
        audit.findings.dedup();
        Ok(audit)
    }

    /// Looks for files below `root` that clients ask for and refuse, whenever that is: timestamp, snapshot, targets,
    /// delegated roles, and every target file, which is read to its end and never held whole.
    ///
    /// # Errors
    /// If the repository cannot be read.
    pub(crate) fn damage(source: &dyn Source, root: &Root) -> Result<Vec<Problem>, Failure> {
        let mut audit = Self::empty(History { steps: Vec::new(), stop: None });
        roles::roles(source, root, None, &mut audit)?;
        Ok(audit.problems)
    }

    fn empty(history: History) -> Self {
        let (roles, starts) = (Vec::new(), Vec::new());
        Self { history, roles, files: 0, starts, problems: Vec::new(), findings: Vec::new() }
    }

    /// Whether a client that starts from the pinned root ends with what is published.
    pub(crate) fn ok(&self) -> bool {
        self.problems.is_empty()
    }

    /// The root that clients arrive at.
    pub(crate) fn trusted(&self) -> Option<&Step> {
        self.history.trusted()
    }

    /// Every finding, of roots and roles too.
    pub(crate) fn all_findings(&self) -> Vec<&Finding> {
        let roots = self.history.steps.iter().flat_map(|step| &step.findings);
        let roles = self.roles.iter().flat_map(|role| &role.findings);
        let mut all: Vec<&Finding> = roots.chain(roles).chain(&self.findings).collect();
        all.dedup();
        all
    }

    /// Finds keys of the last root that the root of another trust root lists too.
    pub(crate) fn compare(&mut self, other: &Root) {
        let found = self.trusted().map(|step| lint::used_elsewhere(&step.root, other)).unwrap_or_default();
        self.findings.extend(found);
    }

    /// Finds a root that clients never come to, since one before it is missing.
    fn gap(&self, source: &dyn Source) -> Result<Option<Finding>, Failure> {
        let last = self.history.steps.last().map_or(0, |step| step.root.version);
        if self.history.stop.is_some() {
            return Ok(None);
        }
        for beyond in (2..=GAP).filter_map(|ahead| last.checked_add(ahead)) {
            if source.metadata(&format!("{beyond}.root.json"), METADATA_LIMIT)?.is_some() {
                let what = format!("root {} is not there, so clients stay with root {last}", last + 1);
                return Ok(Some(Finding::new(Rule::VersionGap, format!("root {beyond}"), what)));
            }
        }
        Ok(None)
    }

    /// Has `sigstore_tuf` refresh from the last root, where it can read that at all: what it refuses and we do not is
    /// a rule of TUF that we missed.
    fn ask_a_client(
        &mut self,
        source: &dyn Source,
        root: &[u8],
        now: Time,
        obstacles: &[lint::Obstacle],
    ) -> Result<(), Failure> {
        let reader = Reader::named("sigstore-tuf").expect("the table has the client that is built in");
        let last = self.trusted().and_then(|step| lint::obstacles(&step.metadata).ok()).unwrap_or_default();
        if !self.ok() || obstacles.iter().chain(&last).any(|obstacle| reader.stops_at(*obstacle)) {
            return Ok(());
        }
        let most = METADATA_LIMIT;
        let limits = Limits { root: most, timestamp: most, snapshot: most, targets: most, ..Limits::default() };
        match check(source, root, &Cache::default(), now, &[], limits) {
            Ok(_) => Ok(()),
            Err(ClientError::Source(error)) => Err(error.into()),
            Err(error @ ClientError::Store(_)) => Err(error.into()),
            Err(error) => {
                self.problems.push(Problem::new("client", error.to_string()));
                Ok(())
            }
        }
    }
}

/// Finds files of the repository that are of the version of a root that clients trust, and say something else: the
/// pinned one under its own name, and the unnumbered `root.json`.
fn two_faces(source: &dyn Source, history: &History) -> Result<Vec<Finding>, Failure> {
    let steps: BTreeMap<u64, &Metadata> =
        history.steps.iter().map(|step| (step.root.version, &step.metadata)).collect();
    let pinned = history.steps.first().map_or(1, |step| step.root.version);
    let mut findings = Vec::new();
    for name in [format!("{pinned}.root.json"), "root.json".to_owned()] {
        let bytes = match source.metadata(&name, METADATA_LIMIT) {
            Err(SourceError::TooLarge { .. }) => None,
            bytes => bytes?,
        };
        // What nobody can read says nothing.
        let Some(Ok(found)) = bytes.map(|bytes| Metadata::parse_untrusted(&bytes)) else { continue };
        if let Some(step) = steps.get(&found.version()) {
            findings.extend(lint::one_version_two_files("root", step, &found));
        }
    }
    Ok(findings)
}

fn expired(metadata: &Metadata) -> String {
    format!("it expired at {}", metadata.expires())
}

fn unmet(tally: &Tally, whose: &str) -> Option<String> {
    let (threshold, signed) = (tally.threshold, tally.signed.len());
    (!tally.met()).then(|| format!("it needs {threshold} of {whose}; {signed} signed"))
}
