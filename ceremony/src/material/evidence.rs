//! What shows until when an authority or a log was used, when it is ended.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::chain::AuthorityChain;
use super::instance::{EntryError, Identity, Instance, Kind};
use super::log_entry::{LogEntry, LogEntryError};
use super::moment::Moment;
use super::note::{Checkpoint, NoteError};
use super::timestamp::{Timestamp, TimestampError};
use super::tree_head::{TreeHead, TreeHeadError};
use super::trusted_root::TrustedRoot;
use crate::certificate::{Certificate, CertificateError, IssueError};
use crate::digest::Digest;
use crate::finding::{Finding, Rule};
use crate::json::Json;
use crate::time::Time;

/// The last that an authority or a log is known to have signed; or the statement that its key is compromised.
///
/// It shows that it was used until then, and cannot show that it was not used later. The statement shows nothing, and says
/// that the end lies before the last use on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What it is, as a part of a sentence. Escaped.
    pub what: String,
    /// Until when what it signed has to go on to verify: the moment of the log's state or entry or of the time stamp, the
    /// end of the certificate. None for a checkpoint, which has no time.
    pub until: Option<Time>,
    /// Since when others than its owner may have used its key, by the word of whoever ends it.
    pub compromised: Option<Time>,
    /// The digest of the file.
    pub sha256: Digest,
}

/// The one member of the statement that a key is compromised.
const COMPROMISED: &str = "compromised-since";

impl Evidence {
    /// The file that states that the key of an entry is compromised since then: `{"compromised-since": "TIME"}`.
    pub fn compromised(since: Time) -> String {
        let members = [(COMPROMISED, Json::string(since.to_string()))];
        Json::Object(members.into_iter().collect()).pretty()
    }

    /// Reads evidence of an entry of a trusted root, and checks that it signed that: of a CT log a tree head, of a Rekor
    /// a checkpoint or an entry as version 1 answers it, of a Fulcio a certificate, of a TSA a time stamp. Of all of
    /// them the statement that [`compromised`](Self::compromised) makes.
    ///
    /// # Errors
    /// If it is none of these, or signed by another.
    pub fn verify(bytes: &[u8], entry: &Instance<'_>) -> Result<Self, EvidenceError> {
        if let Some(since) = statement(bytes) {
            let what = format!("the word of whoever ends it that its key is compromised since {since}");
            return Ok(Self { what, until: None, compromised: Some(since), sha256: Digest::of(bytes) });
        }
        let (what, until) = match entry.kind {
            Kind::CtLog => {
                let head = TreeHead::verify(bytes, &entry.log_key()?)?;
                (format!("its tree head of {} certificates", head.size), head.at())
            }
            Kind::Rekor => of_rekor(bytes, entry)?,
            Kind::Fulcio => {
                let issued = certificate(bytes)?;
                let issuer = chain(entry)?.signer().cloned().ok_or(EntryError::Absent { member: "certChain" })?;
                issued.verify_issued_by(&issuer)?;
                ("a certificate that it issued, valid".to_owned(), Some(issued.not_after()))
            }
            Kind::Tsa => {
                let stamp = Timestamp::verify(bytes, &chain(entry)?)?;
                ("its time stamp".to_owned(), Some(stamp.at))
            }
        };
        let until_word = if entry.kind == Kind::Fulcio { " until" } else { ", of" };
        let what = until.map_or_else(|| what.clone(), |until| format!("{what}{until_word} {until}"));
        Ok(Self { what, until, compromised: None, sha256: Digest::of(bytes) })
    }
}

/// Since when a key is compromised, by a file that says this and nothing else.
fn statement(bytes: &[u8]) -> Option<Time> {
    let json = Json::parse(bytes).ok()?;
    let object = json.as_object().filter(|object| object.iter().count() == 1)?;
    object.get(COMPROMISED)?.as_str()?.parse().ok()
}

/// A checkpoint, alone or as the answer of `/api/v1/log`, or an entry as `/api/v1/log/entries` answers it.
fn of_rekor(bytes: &[u8], entry: &Instance<'_>) -> Result<(String, Option<Time>), EvidenceError> {
    let key = entry.log_key()?;
    let json = Json::parse(bytes).ok();
    let state = json.as_ref().and_then(|json| json.get("signedTreeHead")?.as_str());
    if let (Some(json), None) = (&json, state) {
        let logged = LogEntry::verify(json, &key)?;
        return Ok((format!("its entry {}", logged.index), Some(logged.at)));
    }
    let url = entry.url().ok_or(EntryError::Absent { member: "baseUrl" })?;
    let checkpoint = Checkpoint::verify(state.map_or(bytes, str::as_bytes), url, &entry.log_id()?, &key)?;
    Ok((format!("its checkpoint of {} entries, which has no time", checkpoint.size), None))
}

/// The first certificate of a PEM text, or one as DER.
fn certificate(bytes: &[u8]) -> Result<Certificate, CertificateError> {
    let pem = core::str::from_utf8(bytes).ok().map(Certificate::from_pem_chain).transpose()?;
    pem.and_then(|chain| chain.into_iter().next()).map_or_else(|| Certificate::from_der(bytes), Ok)
}

fn chain(entry: &Instance<'_>) -> Result<AuthorityChain, EvidenceError> {
    let certificates = entry.certificates()?.iter().map(|der| Certificate::from_der(der)).collect::<Result<_, _>>()?;
    Ok(AuthorityChain::unchecked(entry.kind, certificates))
}

/// An entry that ends, and what shows that it does not end too early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The entry, as findings name it. Untrusted text.
    pub subject: String,
    /// Its end.
    pub end: Moment,
    /// What it was used for last; without it, that is the word of whoever ends it.
    pub evidence: Option<Evidence>,
    /// When it was last used, by that word alone.
    pub claimed: Option<Time>,
}

impl Ending {
    /// The entries of `before` that end otherwise in `after`, with their evidence and what is claimed among `files`: by
    /// names as [`file_name`] and [`claim_name`] make them.
    ///
    /// # Errors
    /// With the name of the file, if one is no evidence of its entry, no claim, or of no entry that ends.
    pub fn all(
        before: Option<&TrustedRoot>,
        after: Option<&TrustedRoot>,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Result<Vec<Self>, (String, EvidenceError)> {
        let ends = ends(before, after);
        let is_of = |entry: &Instance<'_>, file: &str| file == file_name(entry) || file == claim_name(entry);
        if let Some(stranger) = files.keys().find(|file| !ends.iter().any(|(entry, _)| is_of(entry, file))) {
            return Err((stranger.clone(), EvidenceError::OfNothing));
        }
        let ending = |(entry, end): (Instance<'_>, Moment)| {
            let (file, claim) = (file_name(&entry), claim_name(&entry));
            let evidence = files.get(&file).map(|bytes| Evidence::verify(bytes, &entry)).transpose();
            let evidence = evidence.map_err(|error| (file, error))?;
            let claimed = files.get(&claim).map(|bytes| claimed(bytes)).transpose();
            let claimed = claimed.map_err(|error| (claim, error))?;
            Ok(Self { subject: entry.subject(), end, evidence, claimed })
        };
        ends.into_iter().map(ending).collect()
    }

    /// Whether something is said of its last use, or that its key is compromised by its end: whether it ends too early is
    /// judged by that.
    pub fn is_grounded(&self) -> bool {
        let shown = self.evidence.as_ref().is_some_and(|evidence| evidence.until.is_some());
        shown || self.claimed.is_some() || self.is_compromised()
    }

    /// Whether its key is compromised by its end, by the word of whoever ends it.
    pub(super) fn is_compromised(&self) -> bool {
        let since = self.evidence.as_ref().and_then(|evidence| evidence.compromised);
        since.is_some_and(|since| !self.end.is_before(&Moment::from(since)))
    }

    /// Whether it ends too early for what shows its last use, or for what is claimed of it. One whose key is compromised
    /// by its end cannot.
    pub fn finding(&self) -> Option<Finding> {
        if self.is_compromised() {
            return None;
        }
        let early = |until: Time| self.end.is_before(&Moment::from(until));
        let shown = self.evidence.as_ref().filter(|evidence| evidence.until.is_some_and(early));
        let used = match (shown, self.claimed.filter(|claimed| early(*claimed))) {
            (Some(evidence), _) => evidence.what.clone(),
            (None, Some(claimed)) => format!("its last use at {claimed}, as it is claimed"),
            (None, None) => return None,
        };
        let what = format!("it ends at {}, too early for {used}", self.end);
        Some(Finding::new(Rule::EndBeforeUse, format!("{} {}", self.subject, self.end), what))
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ends at {}: ", self.subject.escape_debug(), self.end)?;
        match &self.evidence {
            Some(evidence) if evidence.compromised.is_some() => {
                let what = &evidence.what;
                write!(f, "there is {what}. What was signed with it later no longer verifies, whoever signed it")?;
            }
            Some(evidence) => write!(f, "there is {}, SHA-256 {}", evidence.what, evidence.sha256)?,
            None => f.write_str("there is no evidence of its last use, and whoever ends it vouches for that")?,
        }
        let shown = self.evidence.as_ref().and_then(|evidence| evidence.until);
        match self.claimed.filter(|claimed| shown.is_none_or(|shown| shown < *claimed)) {
            Some(claimed) => write!(f, "; they say that it was last used at {claimed}"),
            None => Ok(()),
        }
    }
}

/// The entries of `before` that have another end in `after`, with that end. One that is open again does not end. Of entries
/// that stand twice, what they say together counts.
pub fn ends<'a>(before: Option<&'a TrustedRoot>, after: Option<&'a TrustedRoot>) -> Vec<(Instance<'a>, Moment)> {
    let all = |root: Option<&'a TrustedRoot>| -> Vec<Instance<'a>> {
        root.into_iter().flat_map(TrustedRoot::instances).collect()
    };
    // The entries of each identity, with the last of their ends; none if one is open.
    let together = |root| {
        let mut held: Vec<(Identity, Instance<'a>, Option<Moment>)> = Vec::new();
        let mut places = BTreeMap::new();
        for entry in all(root) {
            let end = entry.valid_for().ok().and_then(|valid| valid.end);
            let identity = entry.identity();
            let place = *places.entry(identity.clone()).or_insert(held.len());
            match held.get_mut(place) {
                None => held.push((identity, entry, end)),
                Some((.., last)) => {
                    *last = last.take().zip(end).map(|(one, other)| if one.is_before(&other) { other } else { one });
                }
            }
        }
        (held, places)
    };
    let (next, places) = together(after);
    let ending = |(identity, entry, end): (Identity, Instance<'a>, Option<Moment>)| {
        let (_, after, end_then) = next.get(*places.get(&identity)?)?;
        let end_then = end_then.clone()?;
        let same = end.is_some_and(|before| before.same(&end_then));
        // What is repaired with the same step is the same key, and only then verifies anything.
        (!same).then_some((if is_usable(&entry) { entry } else { *after }, end_then))
    };
    together(before).0.into_iter().filter_map(ending).collect()
}

/// Whether evidence can be verified under an entry: its key can be read, or its chain begins with who signs.
fn is_usable(entry: &Instance<'_>) -> bool {
    if entry.kind.is_log() { entry.log_key().is_ok() } else { chain(entry).is_ok_and(|chain| !chain.is_reversed()) }
}

/// The name of a file with evidence of an entry: `ctlog-1a2b3c4d`, with the digits of its subject.
pub fn file_name(entry: &Instance<'_>) -> String {
    let subject = entry.subject();
    format!("{}-{}", entry.kind.word(), subject.rsplit(' ').next().unwrap_or_default())
}

/// The name of a file that says when an entry was last used, where nothing shows it: `ctlog-1a2b3c4d.claimed`.
pub fn claim_name(entry: &Instance<'_>) -> String {
    file_name(entry) + ".claimed"
}

/// What such a file says.
pub fn claim(last_use: Time) -> String {
    format!("{last_use}\n")
}

/// Reads what [`claim`] writes, and nothing else.
fn claimed(bytes: &[u8]) -> Result<Time, EvidenceError> {
    let time = core::str::from_utf8(bytes).ok().and_then(|text| text.trim_end().parse().ok());
    time.filter(|time| claim(*time).as_bytes() == bytes).ok_or(EvidenceError::Claim)
}

/// Why something is no evidence of an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// What is claimed is no time.
    #[error("it is not one time, like 2027-01-01T00:00:00Z")]
    Claim,
    /// It holds no certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The entry cannot be used.
    #[error("the entry of the trusted root cannot be used: {0}")]
    Entry(#[from] EntryError),
    /// Another authority issued the certificate.
    #[error(transparent)]
    Issued(#[from] IssueError),
    /// It is no entry of the log.
    #[error(transparent)]
    LogEntry(#[from] LogEntryError),
    /// It is no checkpoint of the log.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Nothing of this name ends.
    #[error("it is evidence of nothing that ends")]
    OfNothing,
    /// It is no time stamp of the authority.
    #[error(transparent)]
    Timestamp(#[from] TimestampError),
    /// It is no tree head of the log.
    #[error(transparent)]
    TreeHead(#[from] TreeHeadError),
}
