//! The records of the keyholders with their evidence, from a directory or from the inputs of a ceremony.

mod findings;

use std::collections::BTreeMap;
use std::path::PathBuf;

use ceremony::{Holder, HolderKey, Policy, Time};
use keyholders::attestation::{AnchorKind, AttestationError, EvidenceError};
use keyholders::{
    AttestedKey, DeviceKind, Evidence, Kind, Name, Record, RecordError, RecordKey, Roster, RosterError, State,
};

use crate::disk::{self, DiskError, Place};

/// The most files that are read.
const COUNT: usize = 2000;
/// The most bytes of one record that are read, as [`Record::parse`] has it.
const LIMIT: u64 = 64 * 1024;
/// How the evidence of NAME is called, after the name.
const EVIDENCE: &str = ".attestation.pem";

/// A record as it lies on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordFile {
    /// The name of the file, `NAME.toml` or `NAME.attestation.pem`.
    pub(crate) name: String,
    /// Its content.
    pub(crate) bytes: Vec<u8>,
}

/// Reads the files in the directory at `place`, sorted by name; none if it is not there. Nothing in it is judged yet.
///
/// # Errors
/// If there is anything else in it than regular files.
pub(crate) fn read(place: &Place) -> Result<Vec<RecordFile>, RecordsError> {
    let entries = disk::list(place, COUNT)?;
    let files = entries.into_iter().map(|entry| {
        if entry.is_dir {
            return Err(RecordsError::Stray { file: place.join(&entry.name).path() });
        }
        let limit = if entry.name.ends_with(EVIDENCE) { Evidence::LIMIT as u64 } else { LIMIT };
        Ok(RecordFile { bytes: disk::read(&place.join(&entry.name), limit)?, name: entry.name })
    });
    files.collect()
}

/// The records of a directory, and the evidence beside them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Keyholders {
    /// The records.
    pub(crate) roster: Roster,
    /// What proves where keys were made, for those who have such evidence.
    pub(crate) evidence: BTreeMap<Name, Evidence>,
}

impl Keyholders {
    /// Puts `files` together, which lie, or once lay, in the directory at `place`.
    ///
    /// # Errors
    /// If a file is neither a record nor the evidence of somebody on record, is not named like its keyholder, or if two
    /// records do not go together.
    pub(crate) fn of_files<'a>(
        place: &Place,
        files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, RecordsError> {
        let (mut records, mut evidence) = (Vec::new(), Vec::new());
        for (name, bytes) in files {
            match name.strip_suffix(EVIDENCE) {
                Some(stem) => evidence.push((name, stem, bytes)),
                None => records.push(record(place, name, bytes)?),
            }
        }
        let mut keyholders = Self { roster: roster(place, records)?, evidence: BTreeMap::new() };
        for (name, stem, bytes) in evidence {
            let file = place.join(name).path();
            let Some(record) = keyholders.roster.record(stem) else { return Err(RecordsError::Stray { file }) };
            let Ok(text) = std::str::from_utf8(bytes) else { return Err(RecordsError::NotText { file }) };
            let read = Evidence::parse(text).map_err(|source| RecordsError::Evidence { file, source })?;
            keyholders.evidence.insert(record.name().clone(), read);
        }
        Ok(keyholders)
    }

    /// Reads the directory at `place`; nobody if it is not there.
    ///
    /// # Errors
    /// As [`read`] and [`of_files`](Self::of_files).
    pub(crate) fn load(place: &Place) -> Result<Self, RecordsError> {
        let files = read(place)?;
        Self::of_files(place, files.iter().map(|file| (file.name.as_str(), file.bytes.as_slice())))
    }

    /// What staging needs to know of everybody, sorted by name, with what records and evidence show to be wrong under
    /// `policy`. Certificates are judged at `at`.
    pub(crate) fn holders(&self, policy: &Policy, at: Time) -> Vec<Holder> {
        let people = self.roster.records().iter().filter(|record| record.kind() == Kind::Person);
        let serials = people.map(|record| {
            let attested = findings::attested(self.evidence.get(record.name()), policy, at).into_iter().flatten();
            (record.name(), attested.map(|key| key.serial()).collect())
        });
        let mut shared = findings::shared(serials);
        let holders = self.roster.records().iter().map(|record| {
            let mut holder = self.holder(record, policy, at);
            holder.findings.extend(shared.remove(record.name()));
            holder
        });
        holders.collect()
    }

    /// One of [`holders`](Self::holders), without what only several together show.
    pub(crate) fn holder(&self, record: &Record, policy: &Policy, at: Time) -> Holder {
        let attested = self.attested(record.name(), policy, at);
        let made_in = |key: &RecordKey| {
            let attested = attested.iter().flatten().find(|attested| attested.key() == key.public_key())?;
            let device = format!("the YubiKey {}", attested.serial());
            Some(match attested.anchor_kind() {
                // Whoever writes the policy could have made the authority, and given it the name of the vendor's.
                AnchorKind::Given => format!("{device}, on the word of {} and not of its vendor", attested.anchor()),
                _ => device,
            })
        };
        let key = |key: &RecordKey| HolderKey {
            active: key.state() == State::Active,
            in_file: key.device() == DeviceKind::File,
            made_in: made_in(key),
            key: key.tuf_key().clone(),
        };
        Holder {
            name: record.name().to_string(),
            online: record.kind() == Kind::Online,
            keys: record.keys().iter().map(key).collect(),
            findings: findings::of_record(record, self.evidence.get(record.name()), policy, at),
        }
    }

    /// What the evidence beside the record of `name` comes to.
    pub(crate) fn attested(
        &self,
        name: &Name,
        policy: &Policy,
        at: Time,
    ) -> Vec<Result<AttestedKey, AttestationError>> {
        findings::attested(self.evidence.get(name), policy, at)
    }
}

fn roster(place: &Place, records: Vec<Record>) -> Result<Roster, RecordsError> {
    Roster::new(records).map_err(|error| match error {
        RosterError::KeyTwice { fingerprint, first, second } => {
            let file = |name: &Name| place.join(&format!("{name}.toml")).path();
            RecordsError::KeyTwice { first: file(&first), second: file(&second), fingerprint: fingerprint.short() }
        }
        error => error.into(),
    })
}

fn record(place: &Place, name: &str, bytes: &[u8]) -> Result<Record, RecordsError> {
    let file = place.join(name).path();
    let Some(stem) = name.strip_suffix(".toml") else { return Err(RecordsError::Stray { file }) };
    let Ok(text) = std::str::from_utf8(bytes) else { return Err(RecordsError::NotText { file }) };
    match Record::parse(text) {
        Ok(record) if record.name().as_str() == stem => Ok(record),
        Ok(record) => Err(RecordsError::Misnamed { file, name: record.name().to_string() }),
        Err(source) => Err(RecordsError::Record { file, source }),
    }
}

/// Why there is no roster.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordsError {
    /// The disk refused.
    #[error("{0}")]
    Disk(#[from] DiskError),
    /// The file is named for somebody else.
    #[error("{} is the record of \"{name}\": it must be named {name}.toml", file.display())]
    Misnamed { file: PathBuf, name: String },
    /// Not UTF-8.
    #[error("{} is not UTF-8", file.display())]
    NotText { file: PathBuf },
    /// No record.
    #[error("{} is no keyholder's record", file.display())]
    Record { file: PathBuf, source: RecordError },
    /// No evidence.
    #[error("{} is no evidence of where keys were made", file.display())]
    Evidence { file: PathBuf, source: EvidenceError },
    /// One key in two records.
    #[error(
        "{} and {} have the same key {fingerprint}: ask both whose it is, and take the other file away",
        first.display(),
        second.display()
    )]
    KeyTwice { first: PathBuf, second: PathBuf, fingerprint: String },
    /// Two records do not go together.
    #[error("{0}")]
    Roster(#[from] RosterError),
    /// Something else among the records.
    #[error(
        "{} is no NAME.toml, nor the NAME.attestation.pem of one: nothing else belongs among the records",
        file.display()
    )]
    Stray { file: PathBuf },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ceremony::{Algorithm, PublicKey, Rule, TufKey};
    use keyholders::{Device as _, FileKey, Home, Name, Nobody, Nonce, Possession};

    use super::*;

    const ID: &str = "0123456789abcdef";

    fn policy(file_keys: bool) -> Policy {
        let role = |signers| format!("{{ {signers}, lifetime-days = 100, signing-window-days = 10 }}");
        let people = role("keyholders = ['alice'], threshold = 1");
        let online = role("online = ['robot']");
        let text = format!(
            "trust-root = {{ id = '{ID}', name = 'x' }}\ndevices = {{ file-keys = {file_keys} }}\n[roles]\n\
             root = {people}\ntargets = {people}\nsnapshot = {online}\ntimestamp = {online}\n"
        );
        Policy::parse(&text).unwrap()
    }

    fn record(name: &str, kind: Kind, home: Home, proven_for: Option<&str>) -> Record {
        let mut key = FileKey::generate(Algorithm::EcdsaP256, "k").unwrap();
        let name = Name::new(name).unwrap();
        let prove = |id| Possession::prove(&mut key, id, &name, Nonce::random().unwrap(), &mut Nobody).unwrap();
        let possession = proven_for.map(prove);
        let tuf_key = TufKey::author(key.public_key()).unwrap();
        let key = RecordKey::new(State::Active, tuf_key, home, possession).unwrap();
        Record::new(name, kind, vec![key]).unwrap()
    }

    /// Nobody has evidence.
    fn alone() -> Keyholders {
        Keyholders::default()
    }

    fn at() -> Time {
        "2026-11-26T00:00:00Z".parse().unwrap()
    }

    fn rules(record: &Record, file_keys: bool) -> Vec<Rule> {
        alone().holder(record, &policy(file_keys), at()).findings.iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn a_file_key_of_a_person_is_below_a_policy_without_file_keys() {
        let alice = record("alice", Kind::Person, Home::File, Some(ID));
        assert_eq!(rules(&alice, true), []);
        assert_eq!(rules(&alice, false), [Rule::DeviceBelowPolicy]);
        let robot = record("robot", Kind::Online, Home::File, Some(ID));
        assert_eq!(rules(&robot, false), []);
        assert!(alone().holder(&robot, &policy(false), at()).keys.iter().all(|key| key.in_file && key.active));
    }

    #[test]
    fn possession_is_proven_for_this_trust_root_or_not_at_all() {
        let unproven = [Rule::PossessionUnproven];
        assert_eq!(rules(&record("alice", Kind::Person, Home::External, Some(ID)), true), []);
        assert_eq!(rules(&record("alice", Kind::Person, Home::External, None), true), unproven);
        assert_eq!(rules(&record("alice", Kind::Person, Home::File, Some("another-trust-root")), true), unproven);
        let adopted = record("alice", Kind::Person, Home::External, None);
        let retired = adopted.keys().iter().map(|key| key.clone().in_state(State::Retired)).collect();
        assert_eq!(rules(&Record::new(adopted.name().clone(), Kind::Person, retired).unwrap(), true), []);
    }

    #[test]
    fn a_directory_of_records_is_a_roster() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::named(dir.path()).join("keyholders");
        assert_eq!(Keyholders::load(&place).unwrap(), Keyholders::default());
        let alice = record("alice", Kind::Person, Home::File, Some(ID));
        let bob = record("bob", Kind::Person, Home::File, Some(ID));
        std::fs::create_dir(place.path()).unwrap();
        let write = |name: &str, text: &str| std::fs::write(place.join(name).path(), text).unwrap();
        write("bob.toml", &bob.to_toml());
        write("alice.toml", &alice.to_toml());
        let roster = Keyholders::load(&place).unwrap();
        assert_eq!(roster.roster.records(), [alice.clone(), bob.clone()]);
        let holders = roster.holders(&policy(true), at());
        let key: &PublicKey = alice.keys()[0].public_key();
        assert_eq!(ceremony::holder::holder_of(&holders, &key.fingerprint()).unwrap().name, "alice");

        let name = Name::new("gina").unwrap();
        write("gina.toml", &Record::new(name, Kind::Person, alice.keys().to_vec()).unwrap().to_toml());
        let error = Keyholders::load(&place).unwrap_err().to_string();
        assert!(error.contains("keyholders/alice.toml and ") && error.contains("keyholders/gina.toml have"), "{error}");
        std::fs::remove_file(place.join("gina.toml").path()).unwrap();

        write("carol.toml", &bob.to_toml());
        assert!(matches!(Keyholders::load(&place), Err(RecordsError::Misnamed { name, .. }) if name == "bob"));
        write("carol.toml", "name = 'carol'");
        let error = crate::error::Failure::from(Keyholders::load(&place).unwrap_err()).to_string();
        assert!(error.contains("keyholders/carol.toml") && error.contains("line 1"), "{error}");
        std::fs::remove_file(place.join("carol.toml").path()).unwrap();
        std::os::unix::fs::symlink("bob.toml", place.join("carol.toml").path()).unwrap();
        assert!(matches!(Keyholders::load(&place), Err(RecordsError::Disk(DiskError::Symlink { .. }))));
        std::fs::remove_file(place.join("carol.toml").path()).unwrap();
        write("notes.txt", "");
        assert!(matches!(Keyholders::load(&place), Err(RecordsError::Stray { .. })));
    }
}
