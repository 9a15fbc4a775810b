//! The records of the keyholders, from a directory or from the inputs of a ceremony.

use std::path::PathBuf;

use ceremony::{Finding, Holder, HolderKey, Policy, Rule};
use keyholders::{DeviceKind, Kind, Record, RecordError, RecordKey, Roster, RosterError, State};

use crate::disk::{self, DiskError, Place};

/// The most records that are read.
const COUNT: usize = 1000;
/// The most bytes of one record that are read, as [`Record::parse`] has it.
const LIMIT: u64 = 64 * 1024;

/// A record as it lies on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordFile {
    /// The name of the file, `NAME.toml`.
    pub(crate) name: String,
    /// Its content.
    pub(crate) bytes: Vec<u8>,
}

/// Reads the records in the directory at `place`, sorted by name; none if it is not there. Nothing in it is judged yet.
///
/// # Errors
/// If there is anything else in it than regular files.
pub(crate) fn read(place: &Place) -> Result<Vec<RecordFile>, RecordsError> {
    let entries = disk::list(place, COUNT)?;
    let files = entries.into_iter().map(|entry| {
        if entry.is_dir {
            return Err(RecordsError::Stray { file: place.join(&entry.name).path() });
        }
        Ok(RecordFile { bytes: disk::read(&place.join(&entry.name), LIMIT)?, name: entry.name })
    });
    files.collect()
}

/// Puts `files` together, which lie, or once lay, in the directory at `place`.
///
/// # Errors
/// If a file is no record, is not named like its keyholder, or if two of them do not go together.
pub(crate) fn roster<'a>(
    place: &Place,
    files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> Result<Roster, RecordsError> {
    let records = files.into_iter().map(|(name, bytes)| record(place, name, bytes));
    Ok(Roster::new(records.collect::<Result<Vec<_>, _>>()?)?)
}

/// The roster of the directory at `place`; empty if it is not there.
///
/// # Errors
/// As [`read`] and [`roster`].
pub(crate) fn load(place: &Place) -> Result<Roster, RecordsError> {
    let files = read(place)?;
    roster(place, files.iter().map(|file| (file.name.as_str(), file.bytes.as_slice())))
}

/// What staging needs to know of everybody in `roster`, sorted by name, with what the records show to be wrong under
/// `policy`.
pub(crate) fn holders(roster: &Roster, policy: &Policy) -> Vec<Holder> {
    roster.records().iter().map(|record| holder(record, policy)).collect()
}

/// One of [`holders`].
pub(crate) fn holder(record: &Record, policy: &Policy) -> Holder {
    let key = |key: &RecordKey| HolderKey {
        active: key.state() == State::Active,
        in_file: key.device() == DeviceKind::File,
        key: key.tuf_key().clone(),
    };
    Holder {
        name: record.name().to_string(),
        online: record.kind() == Kind::Online,
        keys: record.keys().iter().map(key).collect(),
        findings: findings(record, policy),
    }
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

fn findings(record: &Record, policy: &Policy) -> Vec<Finding> {
    let name = record.name();
    // A key that is no longer used has nothing left to prove.
    let used = || record.keys().iter().filter(|key| key.state() != State::Retired);
    let below = used().filter(|key| record.kind() == Kind::Person && key.device() == DeviceKind::File);
    let below = below.filter(|_| !policy.devices.file_keys).map(|key| {
        let what = format!("the {} key {} lies in a file", key.state().as_str(), key.fingerprint());
        Finding::new(Rule::DeviceBelowPolicy, name.as_str(), what)
    });
    let unproven = used().filter_map(|key| {
        let problem = match key.possession() {
            None => "has no proof of possession",
            Some(proof) if proof.verify(key.public_key(), &policy.id, name).is_err() => {
                "has a proof of possession that does not verify for this name and this trust root"
            }
            Some(_) => return None,
        };
        let what = format!("the {} key {} {problem}", key.state().as_str(), key.fingerprint());
        Some(Finding::new(Rule::PossessionUnproven, name.as_str(), what))
    });
    below.chain(unproven).collect()
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
    /// Two records do not go together.
    #[error("{0}")]
    Roster(#[from] RosterError),
    /// Something else among the records.
    #[error("{} is no NAME.toml: nothing else belongs among the records", file.display())]
    Stray { file: PathBuf },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ceremony::{Algorithm, PublicKey, TufKey};
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

    fn rules(record: &Record, file_keys: bool) -> Vec<Rule> {
        holder(record, &policy(file_keys)).findings.iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn a_file_key_of_a_person_is_below_a_policy_without_file_keys() {
        let alice = record("alice", Kind::Person, Home::File, Some(ID));
        assert_eq!(rules(&alice, true), []);
        assert_eq!(rules(&alice, false), [Rule::DeviceBelowPolicy]);
        let robot = record("robot", Kind::Online, Home::File, Some(ID));
        assert_eq!(rules(&robot, false), []);
        assert!(holder(&robot, &policy(false)).keys.iter().all(|key| key.in_file && key.active));
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
        assert_eq!(load(&place).unwrap(), Roster::default());
        let alice = record("alice", Kind::Person, Home::File, Some(ID));
        let bob = record("bob", Kind::Person, Home::File, Some(ID));
        std::fs::create_dir(place.path()).unwrap();
        let write = |name: &str, text: &str| std::fs::write(place.join(name).path(), text).unwrap();
        write("bob.toml", &bob.to_toml());
        write("alice.toml", &alice.to_toml());
        let roster = load(&place).unwrap();
        assert_eq!(roster.records(), [alice.clone(), bob.clone()]);
        let holders = holders(&roster, &policy(true));
        let key: &PublicKey = alice.keys()[0].public_key();
        assert_eq!(ceremony::holder::holder_of(&holders, &key.fingerprint()).unwrap().name, "alice");

        write("carol.toml", &bob.to_toml());
        assert!(matches!(load(&place), Err(RecordsError::Misnamed { name, .. }) if name == "bob"));
        write("carol.toml", "name = 'carol'");
        let error = crate::error::Failure::from(load(&place).unwrap_err()).to_string();
        assert!(error.contains("keyholders/carol.toml") && error.contains("line 1"), "{error}");
        std::fs::remove_file(place.join("carol.toml").path()).unwrap();
        std::os::unix::fs::symlink("bob.toml", place.join("carol.toml").path()).unwrap();
        assert!(matches!(load(&place), Err(RecordsError::Disk(DiskError::Symlink { .. }))));
        std::fs::remove_file(place.join("carol.toml").path()).unwrap();
        write("notes.txt", "");
        assert!(matches!(load(&place), Err(RecordsError::Stray { .. })));
    }
}
