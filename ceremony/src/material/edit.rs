//! Changes of trust material: entries are added and ended.

mod entry;
mod services;

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::chain::AuthorityChain;
use super::instance::{Identity, Instance, Kind};
use super::log_id;
use super::log_key::LogKey;
use super::moment::{Moment, MomentError};
use super::trusted_root::TrustedRoot;
use super::url::ServiceUrl;
use crate::json::Json;
use crate::key::Algorithm;

use entry::object;
pub(super) use entry::{authority, log};
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
    /// subject, or any part of its URL. Entries that ended at `now` are passed over where others are named too.
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub fn find(&self, kind: Kind, name: &str, now: &Moment) -> Result<Instance<'_>, EditError> {
        self.find_among(&[kind], name, now)
    }

    /// The one entry of one of these kinds that `name` names, as [`find`](Self::find) does.
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub fn find_among(&self, kinds: &[Kind], name: &str, now: &Moment) -> Result<Instance<'_>, EditError> {
        let entries = || kinds.iter().flat_map(|kind| self.of_kind(*kind));
        let exact = |entry: &Instance<'_>| {
            let subject = entry.subject();
            subject == name || entry.url() == Some(name) || subject.rsplit(' ').next() == Some(name)
        };
        let part = |entry: &Instance<'_>| entry.url().is_some_and(|url| url.contains(name));
        let open = |entry: &Instance<'_>| entry.valid_for().is_ok_and(|valid| !valid.is_over(now));
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
        let end = Json::string(at.as_str());
        let (holder, object): (&[&str], _) = if entry.kind.is_log() {
            (&["publicKey"], entry.entry.get("publicKey").and_then(|key| key.get("validFor")))
        } else {
            (&[], entry.entry.get("validFor"))
        };
        if object.is_none() {
            return Ok(self.set(entry, holder, "validFor", Some(&self::object([("end", end)]))));
        }
        let path: Vec<&str> = holder.iter().copied().chain(["validFor"]).collect();
        Ok(self.set(entry, &path, "end", Some(&end)))
    }
}

/// Entries by their subjects, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subjects(pub Vec<String>);

impl core::fmt::Display for Subjects {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let escaped: Vec<String> = self.0.iter().map(|subject| subject.escape_debug().to_string()).collect();
        f.write_str(&escaped.join(", "))
    }
}

/// Why material is not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// Nothing has this name.
    #[error("there is no \"{name}\"; there is: {present}")]
    Absent {
        /// What was looked for, escaped.
        name: String,
        /// What there is.
        present: Subjects,
    },
    /// The end lies before the start.
    #[error("{} starts at {start}, so it cannot end at {end}", subject.escape_debug())]
    EndBeforeStart {
        /// The entry.
        subject: String,
        /// Its start.
        start: Moment,
        /// The end that was wanted.
        end: Moment,
    },
    /// Something is signed with it after its end.
    #[error("{} was used at {used}, so it cannot end at {end}", subject.escape_debug())]
    EndBeforeUse {
        /// The entry.
        subject: String,
        /// The end that was wanted.
        end: Moment,
        /// The last use that is known.
        used: Moment,
    },
    /// It has an end that is no later.
    #[error("{} has ended already, at {end}", subject.escape_debug())]
    Ended {
        /// The entry.
        subject: String,
        /// Its end.
        end: Moment,
    },
    /// A time in the file is none.
    #[error(transparent)]
    Moment(#[from] MomentError),
    /// Signers always use one.
    #[error("signers always use one {kind}; only for rekor and tsa can it be more")]
    NoSelector {
        /// The kind of service.
        kind: &'static str,
    },
    /// A signing config of version 0.1.
    #[error("a signing config of the form v0.1 is not edited: no client of today reads it")]
    OldForm,
    /// Several have this name.
    #[error("\"{name}\" is more than one: {several}")]
    Several {
        /// What was looked for, escaped.
        name: String,
        /// Those that are so named.
        several: Subjects,
    },
    /// An authority cannot sign before its certificate is valid.
    #[error("it would start at {start}, before the certificate of {certificate} at {not_before}")]
    StartBeforeCertificate {
        /// The start that was wanted.
        start: Moment,
        /// Whose certificate.
        certificate: String,
        /// From when it is valid.
        not_before: crate::time::Time,
    },
    /// An authority signs nothing once its certificate has expired.
    #[error("it would start at {start}, when the certificate of {certificate} has expired, at {not_after}")]
    StartBehindCertificate {
        /// The start that was wanted.
        start: Moment,
        /// Whose certificate.
        certificate: String,
        /// Until when it is valid.
        not_after: crate::time::Time,
    },
    /// The same key or certificates are there.
    #[error("it is there already: {}", subject.escape_debug())]
    There {
        /// The entry.
        subject: String,
    },
}
