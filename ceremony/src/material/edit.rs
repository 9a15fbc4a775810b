//! Changes of trust material: entries are added and ended.

mod correct;
mod entry;
mod error;
mod services;

use alloc::collections::BTreeSet;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::chain::AuthorityChain;
use super::instance::{Identity, Instance, Kind};
use super::log_id;
use super::log_key::LogKey;
use super::moment::Moment;
use super::trusted_root::TrustedRoot;
use super::url::ServiceUrl;
use crate::json::Json;
use crate::key::Algorithm;

pub use correct::{Correction, End, Times};
use entry::object;
pub(super) use entry::{authority, log};
pub use error::{EditError, Subjects};
pub use services::NewService;

/// A new entry of a trusted root.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEntry {
    kind: Kind,
    start: Moment,
    json: Json,
}

/// What a log is called by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogIdForm {
    /// SHA-256 of the key: Rekor v1 and CT logs.
    Key,
    /// The key hash of C2SP signed notes: Rekor v2.
    Note,
}

impl LogIdForm {
    /// The form that a log with this key has, if nobody says otherwise: of the keys of Rekor only ECDSA is used by
    /// version 1, where both forms are the same.
    pub fn likely(kind: Kind, key: &LogKey) -> Self {
        match (kind, key.key().algorithm()) {
            (Kind::Rekor, Algorithm::Ed25519 | Algorithm::Rsa) => Self::Note,
            _ => Self::Key,
        }
    }

    /// The log id of this form.
    pub fn id(self, url: &ServiceUrl, key: &LogKey) -> [u8; 32] {
        let id = match self {
            Self::Key => log_id::of_key(key),
            Self::Note => log_id::of_note(&log_id::origin(url.as_str()), key),
        };
        *id.as_bytes()
    }
}

impl NewEntry {
    /// A log: Rekor or CT.
    pub fn log(kind: Kind, url: &ServiceUrl, key: &LogKey, form: LogIdForm, start: Moment) -> Self {
        let json = log(url.as_str(), key, form.id(url, key), Some(&start));
        Self { kind, start, json }
    }

    /// An authority: Fulcio, or one of time stamps.
    ///
    /// # Errors
    /// If it would start before the certificate that signs for it is valid, or when one of its certificates has expired.
    pub fn authority(kind: Kind, url: &ServiceUrl, chain: &AuthorityChain, start: Moment) -> Result<Self, EditError> {
        if let Some(signer) = chain.signer().filter(|signer| start.is_before(&Moment::from(signer.not_before()))) {
            let certificate = signer.subject().to_string();
            return Err(EditError::StartBeforeCertificate { start, certificate, not_before: signer.not_before() });
        }
        if let Some(first) = chain.first_to_expire().filter(|first| !start.is_before(&Moment::from(first.not_after())))
        {
            let certificate = first.subject().to_string();
            return Err(EditError::StartBehindCertificate { start, certificate, not_after: first.not_after() });
        }
        let json = authority(url.as_str(), chain, Some(&start));
        Ok(Self { kind, start, json })
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// From when on it is valid.
    pub fn start(&self) -> &Moment {
        &self.start
    }

    fn instance(&self) -> Instance<'_> {
        Instance { kind: self.kind, index: 0, entry: &self.json }
    }
}

impl TrustedRoot {
    /// With a new entry, behind all that start no later: clients read the lists in the order of their starts.
    ///
    /// # Errors
    /// If an entry with the same key or certificates is there.
    pub fn add(&self, new: &NewEntry) -> Result<Self, EditError> {
        let identity = new.instance().identity();
        if let Some(there) = self.of_kind(new.kind).find(|entry| entry.identity() == identity) {
            return Err(EditError::There { subject: there.subject() });
        }
        Ok(self.place(new))
    }

    /// With a new entry that is not there, behind all that start no later.
    fn place(&self, new: &NewEntry) -> Self {
        let no_later = |entry: &Instance<'_>| {
            let start = entry.valid_for().ok().and_then(|valid| valid.start);
            start.is_none_or(|start| !new.start.is_before(&start))
        };
        let entries: Vec<Instance<'_>> = self.of_kind(new.kind).collect();
        let index = entries.iter().rposition(no_later).map_or(0, |last| last + 1);
        self.with(new.kind, index, &new.json)
    }

    /// With every entry of `other` that is not here, as it stands there. Returns how many there were.
    pub fn merge(&self, other: &Self) -> (Self, usize) {
        let mut merged = self.clone();
        let mut count = 0;
        let mut known: BTreeSet<Identity> = self.instances().map(|entry| entry.identity()).collect();
        for entry in other.instances().filter(|entry| known.insert(entry.identity())) {
            let start = entry.valid_for().ok().and_then(|valid| valid.start).unwrap_or_else(Moment::beginning);
            let new = NewEntry { kind: entry.kind, start, json: entry.entry.clone() };
            (merged, count) = (merged.place(&new), count + 1);
        }
        (merged, count)
    }

    /// The one entry of this kind that `name` names: its subject in findings, its URL, the digits at the end of its
    /// subject, or any part of its URL. Entries that ended at `now`, if it is given, are passed over where others are
    /// named too.
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub fn find(&self, kind: Kind, name: &str, now: Option<&Moment>) -> Result<Instance<'_>, EditError> {
        self.find_among(&[kind], name, now)
    }

    /// The one entry of one of these kinds that `name` names, as [`find`](Self::find) does.
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub fn find_among(&self, kinds: &[Kind], name: &str, now: Option<&Moment>) -> Result<Instance<'_>, EditError> {
        let entries = || kinds.iter().flat_map(|kind| self.of_kind(*kind));
        let exact = |entry: &Instance<'_>| {
            let subject = entry.subject();
            subject == name || entry.url() == Some(name) || subject.rsplit(' ').next() == Some(name)
        };
        let part = |entry: &Instance<'_>| entry.url().is_some_and(|url| url.contains(name));
        let open =
            |entry: &Instance<'_>| entry.valid_for().is_ok_and(|valid| now.is_none_or(|now| !valid.is_over(now)));
        let of = |named: &dyn Fn(&Instance<'_>) -> bool| -> Vec<Instance<'_>> {
            let all: Vec<Instance<'_>> = entries().filter(|entry| named(entry)).collect();
            let current: Vec<Instance<'_>> = all.iter().copied().filter(|entry| open(entry)).collect();
            if current.is_empty() { all } else { current }
        };
        let mut found = of(&exact);
        if found.is_empty() {
            found = of(&part);
        }
        match found.as_slice() {
            [one] => Ok(*one),
            [] => {
                let present = entries().map(|entry| entry.subject()).collect();
                Err(EditError::Absent { name: name.escape_debug().to_string(), present: Subjects(present) })
            }
            several => {
                let several = several.iter().map(Instance::subject).collect();
                Err(EditError::Several { name: name.escape_debug().to_string(), several: Subjects(several) })
            }
        }
    }

    /// With this entry valid until `at`: an end that it has is only ever made earlier. `last_use` is the last thing known
    /// to be signed with it.
    ///
    /// # Errors
    /// If it has no start or starts later, has ended by then already, or was used after `at`.
    pub fn end(&self, entry: &Instance<'_>, at: &Moment, last_use: Option<&Moment>) -> Result<Self, EditError> {
        let valid = entry.valid_for()?;
        let subject = || entry.subject();
        if let Some(end) = valid.end.filter(|end| !at.is_before(end)) {
            return Err(EditError::Ended { subject: subject(), end });
        }
        if let Some(start) = valid.start.filter(|start| !start.is_before(at)) {
            return Err(EditError::EndBeforeStart { subject: subject(), start, end: at.clone() });
        }
        if let Some(used) = last_use.filter(|used| at.is_before(used)) {
            return Err(EditError::EndBeforeUse { subject: subject(), end: at.clone(), used: used.clone() });
        }
        Ok(self.timed(entry, "end", Some(at)))
    }

    /// With another `start` or `end` of this entry; without it if there is no moment.
    fn timed(&self, entry: &Instance<'_>, name: &str, at: Option<&Moment>) -> Self {
        let time = at.map(|at| Json::string(at.as_str()));
        let holder: &[&str] = if entry.kind.is_log() { &["publicKey"] } else { &[] };
        // As the entry stands here, which may have been edited since it was looked up.
        let now = self.of_kind(entry.kind).nth(entry.index).map_or(entry.entry, |entry| entry.entry);
        let object = holder.iter().try_fold(now, |json, name| json.get(name)).and_then(|json| json.get("validFor"));
        match time {
            Some(time) if object.is_none() => self.set(entry, holder, "validFor", Some(&self::object([(name, time)]))),
            time => {
                let path: Vec<&str> = holder.iter().copied().chain(["validFor"]).collect();
                self.set(entry, &path, name, time.as_ref())
            }
        }
    }
}
