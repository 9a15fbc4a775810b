//! What the keys at this machine have signed: for one version of a role, one payload.

use std::path::PathBuf;
use std::time::Duration;

use ceremony::{Digest, Fingerprint, Json, Object, Time};

use super::{Machine, MachineError};
use crate::disk::{self, Access, DiskError, Lock, Place};

/// The most bytes of a journal that are read: about 300,000 signatures.
const LIMIT: u64 = 1 << 26;

/// How long another process of this machine may take to write its entry.
const PATIENCE: Duration = Duration::from_secs(5);

/// One payload that a key was asked to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The trust-root id.
    pub(crate) id: String,
    /// The role.
    pub(crate) role: String,
    /// Its version.
    pub(crate) version: u64,
    /// The digest of the payload.
    pub(crate) digest: Digest,
    /// When it was first asked.
    pub(crate) at: Time,
}

/// What the policy accepts of a key, for all signers to see. By default nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exceptions {
    /// A second payload for one version, or a lower version than it has signed, as after a ceremony that was abandoned
    /// with signatures in it.
    pub(crate) second: bool,
    /// That it signs for another trust root as well.
    pub(crate) elsewhere: bool,
}

/// Why a signature must not leave this machine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
    /// The key has signed another payload for this version.
    #[error(
        "this key signed {1} version {2} with the digest {3} at {0}; now it is asked to sign another, {asked}",
        recorded.at, recorded.role, recorded.version, recorded.digest
    )]
    Equivocation { recorded: Box<Entry>, asked: Digest },
    /// The key has signed a later version: what it is shown as published was put back.
    #[error("this key signed {1} version {2} at {0}; now it is asked to sign version {asked}",
        recorded.at, recorded.role, recorded.version)]
    Older { recorded: Box<Entry>, asked: u64 },
    /// The key has signed for another trust root. TUF metadata does not say which trust root it is of, so that a
    /// signature made for one can be used in the other.
    #[error("this key signed {1} version {2} of the trust root {3} at {0}; now it is asked to sign for {asked}",
        recorded.at, recorded.role, recorded.version, recorded.id)]
    Elsewhere { recorded: Box<Entry>, asked: String },
    /// The file is not a journal.
    #[error("{} is no journal: {problem}", path.display())]
    Unreadable { path: PathBuf, problem: String },
    /// There is no place for a journal.
    #[error("{0}")]
    Machine(#[from] MachineError),
    /// The disk refused.
    #[error("{0}")]
    Disk(#[from] DiskError),
}

impl Machine {
    /// Whether the key with `fingerprint` may sign `entry`, as far as the journal goes. A device is not troubled for a
    /// signature that would not leave.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub(crate) fn may_sign(
        &self,
        fingerprint: &Fingerprint,
        entry: &Entry,
        accepted: Exceptions,
    ) -> Result<(), JournalError> {
        judge(&self.journal(fingerprint)?, entry, accepted).map(drop)
    }

    /// Records that a signature of the key with `fingerprint` over `entry` is about to leave; when this returns, the
    /// disk has it.
    ///
    /// The same payload may be recorded again: signing is repeatable, and only the first time is kept.
    ///
    /// # Errors
    /// Unless it is `accepted`: [`JournalError::Equivocation`] if another payload is on record for the same trust root,
    /// role and version; [`JournalError::Older`] if a later version is; [`JournalError::Elsewhere`] if anything is for
    /// another trust root. [`DiskError::Held`] if another process of this machine keeps the journal for seconds.
    pub(crate) fn record(
        &self,
        fingerprint: &Fingerprint,
        entry: &Entry,
        accepted: Exceptions,
    ) -> Result<(), JournalError> {
        let directory = self.journals()?;
        disk::create_dir(&directory)?;
        let _lock = Lock::take_within(&directory, PATIENCE)?;
        let mut entries = self.journal(fingerprint)?;
        if judge(&entries, entry, accepted)? {
            return Ok(());
        }
        entries.push(entry.clone());
        let text = entries.iter().map(Entry::json).collect::<Json>().pretty();
        Ok(disk::replace(&place(&directory, fingerprint), text.as_bytes(), Access::Private)?)
    }

    /// What the key with `fingerprint` has been asked to sign at this machine, oldest first.
    pub(crate) fn journal(&self, fingerprint: &Fingerprint) -> Result<Vec<Entry>, JournalError> {
        let place = place(&self.journals()?, fingerprint);
        let Some(bytes) = disk::read_if_there(&place, LIMIT)? else { return Ok(Vec::new()) };
        let unreadable = |problem: String| JournalError::Unreadable { path: place.path(), problem };
        let json = Json::parse(&bytes).map_err(|error| unreadable(error.to_string()))?;
        let entries = json.as_array().ok_or_else(|| unreadable("it is no array".to_owned()))?;
        let entry = |(i, entry)| Entry::read(entry).ok_or_else(|| unreadable(format!("entry {i} lacks a member")));
        entries.iter().enumerate().map(entry).collect()
    }

    fn journals(&self) -> Result<Place, MachineError> {
        Ok(self.state()?.join("journal"))
    }
}

/// Whether `entry` is on record already; an error if it must not be, beside what is.
fn judge(entries: &[Entry], entry: &Entry, accepted: Exceptions) -> Result<bool, JournalError> {
    let (here, elsewhere): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(|other| other.id == entry.id);
    if let Some(recorded) = elsewhere.last().filter(|_| !accepted.elsewhere) {
        return Err(JournalError::Elsewhere { recorded: Box::new((*recorded).clone()), asked: entry.id.clone() });
    }
    let role: Vec<&Entry> = here.into_iter().filter(|other| other.role == entry.role).collect();
    let same = || role.iter().filter(|other| other.version == entry.version);
    if same().any(|recorded| recorded.digest == entry.digest) {
        return Ok(true);
    }
    if accepted.second {
        return Ok(false);
    }
    let boxed = |recorded: &&Entry| Box::new((*recorded).clone());
    if let Some(recorded) = same().next() {
        return Err(JournalError::Equivocation { recorded: boxed(recorded), asked: entry.digest });
    }
    match role.iter().find(|other| other.version > entry.version) {
        Some(recorded) => Err(JournalError::Older { recorded: boxed(recorded), asked: entry.version }),
        None => Ok(false),
    }
}

impl Entry {
    fn json(&self) -> Json {
        let mut object = Object::new();
        object.insert("id", Json::string(&self.id));
        object.insert("role", Json::string(&self.role));
        object.insert("version", Json::from(self.version));
        object.insert("digest", Json::string(self.digest.to_string()));
        object.insert("at", Json::string(self.at.to_string()));
        Json::Object(object)
    }

    fn read(json: &Json) -> Option<Self> {
        let text = |name| json.get(name).and_then(Json::as_str);
        Some(Self {
            id: text("id")?.to_owned(),
            role: text("role")?.to_owned(),
            version: json.get("version")?.as_u64()?,
            digest: text("digest")?.parse().ok()?,
            at: text("at")?.parse().ok()?,
        })
    }
}

fn place(directory: &Place, fingerprint: &Fingerprint) -> Place {
    directory.join(&format!("{fingerprint}.json"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SECOND: Exceptions = Exceptions { second: true, elsewhere: false };

    fn fingerprint() -> Fingerprint {
        Digest::of(b"key").to_string().parse().unwrap()
    }

    fn entry(version: u64, payload: &[u8]) -> Entry {
        Entry {
            id: "0123456789abcdef".to_owned(),
            role: "root".to_owned(),
            version,
            digest: Digest::of(payload),
            at: "2026-05-07T13:58:18Z".parse().unwrap(),
        }
    }

    #[test]
    fn one_version_has_one_payload() {
        let home = tempfile::tempdir().unwrap();
        let machine = Machine::at(home.path());
        let key = fingerprint();
        machine.record(&key, &entry(1, b"a"), Exceptions::default()).unwrap();
        machine.record(&key, &entry(1, b"a"), Exceptions::default()).unwrap();
        machine.record(&key, &entry(2, b"b"), Exceptions::default()).unwrap();
        let error = machine.record(&key, &entry(1, b"b"), Exceptions::default()).unwrap_err();
        let (text, a, b) = (error.to_string(), Digest::of(b"a").to_string(), Digest::of(b"b").to_string());
        assert!(matches!(error, JournalError::Equivocation { .. }));
        assert!(text.contains(&a) && text.contains(&b), "{text}");
        assert_eq!(machine.journal(&key).unwrap(), [entry(1, b"a"), entry(2, b"b")]);
    }

    #[test]
    fn a_key_signs_for_one_trust_root() {
        let home = tempfile::tempdir().unwrap();
        let machine = Machine::at(home.path());
        let key = fingerprint();
        machine.record(&key, &entry(1, b"a"), Exceptions::default()).unwrap();
        let elsewhere = Entry { id: "fedcba9876543210".to_owned(), ..entry(2, b"b") };
        for accepted in [Exceptions::default(), SECOND] {
            let error = machine.record(&key, &elsewhere, accepted).unwrap_err();
            assert!(matches!(error, JournalError::Elsewhere { .. }), "{error}");
            assert!(error.to_string().contains("0123456789abcdef") && error.to_string().contains("fedcba9876543210"));
        }
        machine.record(&key, &elsewhere, Exceptions { elsewhere: true, second: false }).unwrap();
        assert_eq!(machine.journal(&key).unwrap(), [entry(1, b"a"), elsewhere]);
    }

    #[test]
    fn versions_do_not_go_back() {
        let home = tempfile::tempdir().unwrap();
        let machine = Machine::at(home.path());
        let key = fingerprint();
        machine.record(&key, &entry(1, b"a"), Exceptions::default()).unwrap();
        machine.record(&key, &entry(3, b"c"), Exceptions::default()).unwrap();
        let error = machine.record(&key, &entry(2, b"b"), Exceptions::default()).unwrap_err();
        assert!(matches!(error, JournalError::Older { asked: 2, .. }), "{error}");
        // What it signed before, it may sign again.
        machine.record(&key, &entry(1, b"a"), Exceptions::default()).unwrap();
        machine.may_sign(&key, &Entry { role: "targets".to_owned(), ..entry(2, b"b") }, Exceptions::default()).unwrap();
        machine.record(&key, &entry(2, b"b"), SECOND).unwrap();
    }

    #[test]
    fn a_second_payload_is_recorded_where_it_is_accepted() {
        let home = tempfile::tempdir().unwrap();
        let machine = Machine::at(home.path());
        let key = fingerprint();
        machine.record(&key, &entry(1, b"a"), Exceptions::default()).unwrap();
        machine.may_sign(&key, &entry(1, b"b"), Exceptions::default()).unwrap_err();
        machine.may_sign(&key, &entry(1, b"b"), SECOND).unwrap();
        machine.record(&key, &entry(1, b"b"), SECOND).unwrap();
        machine.record(&key, &entry(1, b"c"), Exceptions::default()).unwrap_err();
        machine.record(&key, &entry(1, b"b"), Exceptions::default()).unwrap();
        assert_eq!(machine.journal(&key).unwrap(), [entry(1, b"a"), entry(1, b"b")]);
    }

    #[test]
    fn a_damaged_journal_is_no_empty_journal() {
        let home = tempfile::tempdir().unwrap();
        let machine = Machine::at(home.path());
        let key = fingerprint();
        machine.record(&key, &entry(1, b"a"), Exceptions::default()).unwrap();
        let path = home.path().join(format!("journal/{key}.json"));
        for damaged in ["", "{}", "[{}]", "[{\"id\": \"x\"}]"] {
            std::fs::write(&path, damaged).unwrap();
            let result = machine.record(&key, &entry(1, b"b"), Exceptions::default());
            assert!(matches!(result, Err(JournalError::Unreadable { .. })), "{damaged}");
        }
    }

    #[test]
    fn two_processes_lose_nothing() {
        let home = tempfile::tempdir().unwrap();
        let machine = Machine::at(home.path());
        let key = fingerprint();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let machine = &machine;
                scope.spawn(move || {
                    for i in 0..25 {
                        let entry = Entry { role: format!("role-{thread}"), ..entry(i, b"a") };
                        machine.record(&key, &entry, Exceptions::default()).unwrap();
                    }
                });
            }
        });
        assert_eq!(machine.journal(&key).unwrap().len(), 100);
    }
}
