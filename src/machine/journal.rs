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

/// Why a signature must not leave this machine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
    /// The key has signed another payload for this version.
    #[error(
        "this key was asked at {} to sign {} version {} with the digest {}; now it is asked for the digest {asked}",
        recorded.at, recorded.role, recorded.version, recorded.digest
    )]
    Equivocation { recorded: Box<Entry>, asked: Digest },
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
    /// Records that the key with `fingerprint` is about to sign `entry`; when this returns, the disk has it.
    ///
    /// The same payload may be recorded again: signing is repeatable, and only the first time is kept.
    ///
    /// # Errors
    /// [`JournalError::Equivocation`] if another payload is on record for the same trust root, role and version.
    /// [`DiskError::Held`] if another process of this machine keeps the journal for seconds.
    pub(crate) fn check_and_record(&self, fingerprint: &Fingerprint, entry: &Entry) -> Result<(), JournalError> {
        let directory = self.journals()?;
        disk::create_dir(&directory)?;
        let _lock = Lock::take_within(&directory, PATIENCE)?;
        let mut entries = self.journal(fingerprint)?;
        let same = |e: &&Entry| (&e.id, &e.role, e.version) == (&entry.id, &entry.role, entry.version);
        match entries.iter().find(same) {
            Some(recorded) if recorded.digest == entry.digest => return Ok(()),
            Some(recorded) => {
                return Err(JournalError::Equivocation { recorded: Box::new(recorded.clone()), asked: entry.digest });
            }
            None => entries.push(entry.clone()),
        }
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
        machine.check_and_record(&key, &entry(1, b"a")).unwrap();
        machine.check_and_record(&key, &entry(1, b"a")).unwrap();
        machine.check_and_record(&key, &entry(2, b"b")).unwrap();
        let error = machine.check_and_record(&key, &entry(1, b"b")).unwrap_err();
        let (text, a, b) = (error.to_string(), Digest::of(b"a").to_string(), Digest::of(b"b").to_string());
        assert!(matches!(error, JournalError::Equivocation { .. }));
        assert!(text.contains(&a) && text.contains(&b), "{text}");
        let elsewhere = Entry { id: "fedcba9876543210".to_owned(), ..entry(1, b"b") };
        machine.check_and_record(&key, &elsewhere).unwrap();
        assert_eq!(machine.journal(&key).unwrap(), [entry(1, b"a"), entry(2, b"b"), elsewhere]);
    }

    #[test]
    fn a_damaged_journal_is_no_empty_journal() {
        let home = tempfile::tempdir().unwrap();
        let machine = Machine::at(home.path());
        let key = fingerprint();
        machine.check_and_record(&key, &entry(1, b"a")).unwrap();
        let path = home.path().join(format!("journal/{key}.json"));
        for damaged in ["", "{}", "[{}]", "[{\"id\": \"x\"}]"] {
            std::fs::write(&path, damaged).unwrap();
            let result = machine.check_and_record(&key, &entry(1, b"b"));
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
                        let entry = entry(thread * 100 + i, b"a");
                        machine.check_and_record(&key, &entry).unwrap();
                    }
                });
            }
        });
        assert_eq!(machine.journal(&key).unwrap().len(), 100);
    }
}
