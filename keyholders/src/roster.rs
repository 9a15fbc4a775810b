//! All keyholders together.

use ceremony::key::{Fingerprint, PublicKey};

use crate::name::Name;
use crate::record::{Home, Kind, Record, RecordKey, State};

/// The records of all keyholders, sorted by name.
///
/// No name and no key is in it twice, no two keys have one place on a device, and no two people share a device:
/// whoever holds it could meet a threshold for both.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roster {
    records: Vec<Record>,
}

impl Roster {
    /// Puts records together.
    ///
    /// # Errors
    /// If two of them have one name, one key, or one device.
    pub fn new(records: impl IntoIterator<Item = Record>) -> Result<Self, RosterError> {
        let mut roster = Self::default();
        for record in records {
            roster.insert(record)?;
        }
        Ok(roster)
    }

    /// Adds a record.
    ///
    /// # Errors
    /// As [`new`](Self::new); nothing is added then.
    pub fn insert(&mut self, record: Record) -> Result<(), RosterError> {
        let place = match self.records.binary_search_by(|other| other.name().cmp(record.name())) {
            Ok(_) => return Err(RosterError::NameTwice { name: record.name().clone() }),
            Err(place) => place,
        };
        for (i, key) in record.keys().iter().enumerate() {
            if let Some((other, _)) = self.find(&key.fingerprint()) {
                return Err(RosterError::KeyTwice {
                    fingerprint: key.fingerprint(),
                    first: other.name().clone(),
                    second: record.name().clone(),
                });
            }
            let within = record.keys().iter().take(i).map(|other| (&record, other));
            for (owner, other) in self.all_keys().chain(within) {
                let (Some(here), Some(there)) = (live(key), live(other)) else { continue };
                let two_people =
                    owner.name() != record.name() && (owner.kind() == Kind::Person || record.kind() == Kind::Person);
                if here.same_device(there) && (two_people || here.same_place(there)) {
                    return Err(RosterError::DeviceTwice {
                        home: Box::new(here.clone()),
                        first: owner.name().clone(),
                        second: record.name().clone(),
                    });
                }
            }
        }
        self.records.insert(place, record);
        Ok(())
    }

    /// Whether `name` may have a key on the device that `home` names, wherever on it.
    ///
    /// # Errors
    /// If somebody else has one there already, and one of the two is a person.
    pub fn may_use(&self, home: &Home, name: &Name, kind: Kind) -> Result<(), RosterError> {
        let others = self.all_keys().filter(|(owner, _)| owner.name() != name);
        let mut taken = others.filter(|(_, key)| live(key).is_some_and(|there| there.same_device(home)));
        match taken.find(|(owner, _)| owner.kind() == Kind::Person || kind == Kind::Person) {
            None => Ok(()),
            Some((owner, _)) => Err(RosterError::DeviceTwice {
                home: Box::new(home.clone()),
                first: owner.name().clone(),
                second: name.clone(),
            }),
        }
    }

    /// Whether keys of others than `name` may be in a device although its serial number does not tell: those on tokens,
    /// which may call it otherwise, and those that this program does not reach.
    pub fn others_anywhere(&self, name: &Name) -> bool {
        let mut others = self.all_keys().filter(|(owner, key)| owner.name() != name && key.state() != State::Retired);
        others.any(|(_, key)| matches!(key.home(), Home::External | Home::Pkcs11 { .. }))
    }

    /// Whether `name` may have a key on the device that `home` names and that holds these keys. Two ways to one device
    /// may call it by two names, but show the same keys.
    ///
    /// # Errors
    /// If one of the keys is in use by somebody else, and one of the two is a person.
    pub fn may_join(&self, keys: &[PublicKey], home: &Home, name: &Name, kind: Kind) -> Result<(), RosterError> {
        let owners = keys.iter().filter_map(|key| self.find(&key.fingerprint()));
        let mut others = owners.filter(|(owner, key)| owner.name() != name && key.state() != State::Retired);
        match others.find(|(owner, _)| owner.kind() == Kind::Person || kind == Kind::Person) {
            None => Ok(()),
            Some((owner, _)) => Err(RosterError::DeviceTwice {
                home: Box::new(home.clone()),
                first: owner.name().clone(),
                second: name.clone(),
            }),
        }
    }

    /// All records, sorted by name.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The record with this name.
    pub fn record(&self, name: &str) -> Option<&Record> {
        self.records.iter().find(|record| record.name().as_str() == name)
    }

    /// Whose key has this fingerprint, in whatever state.
    pub fn find(&self, fingerprint: &Fingerprint) -> Option<(&Record, &RecordKey)> {
        self.all_keys().find(|(_, key)| key.fingerprint() == *fingerprint)
    }

    /// Whose key this is, in whatever state.
    pub fn owner(&self, key: &PublicKey) -> Option<&Record> {
        self.find(&key.fingerprint()).map(|(record, _)| record)
    }

    fn all_keys(&self) -> impl Iterator<Item = (&Record, &RecordKey)> {
        self.records.iter().flat_map(|record| record.keys().iter().map(move |key| (record, key)))
    }
}

/// Where a key in use is. A device may have been wiped and given on after its key was retired.
fn live(key: &RecordKey) -> Option<&Home> {
    Some(key.home()).filter(|_| key.state() != State::Retired)
}

/// Why records do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RosterError {
    /// Two records have one name.
    #[error("there are two keyholders \"{name}\"")]
    NameTwice {
        /// The name.
        name: Name,
    },
    /// One key is in two records.
    #[error("{first} and {second} have the same key {fingerprint}")]
    KeyTwice {
        /// The key.
        fingerprint: Fingerprint,
        /// Who has it.
        first: Name,
        /// Who has it too.
        second: Name,
    },
    /// Two people share a device, or two keys a place on one.
    #[error("{second} cannot have a key at {home}: {first} has one on that device")]
    DeviceTwice {
        /// The place.
        home: Box<Home>,
        /// Who has it.
        first: Name,
        /// Who has it too.
        second: Name,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ceremony::{Algorithm, TufKey};

    use super::*;
    use crate::device::Device as _;
    use crate::file::FileKey;
    use crate::possession::{Nonce, Possession};

    fn key(uri: Option<&str>) -> RecordKey {
        let public = FileKey::generate(Algorithm::EcdsaP256, "k").unwrap().public_key().clone();
        let possession = Possession { nonce: Nonce::random().unwrap(), signature: vec![1] };
        let home = uri.map_or(Home::File, on_token);
        RecordKey::new(State::Active, TufKey::author(&public).unwrap(), home, Some(possession)).unwrap()
    }

    fn on_token(uri: &str) -> Home {
        Home::Pkcs11 { uri: uri.parse().unwrap(), claimed: None }
    }

    fn record(name: &str, kind: Kind, keys: Vec<RecordKey>) -> Record {
        Record::new(Name::new(name).unwrap(), kind, keys).unwrap()
    }

    fn person(name: &str, uri: &str) -> Record {
        record(name, Kind::Person, vec![key(Some(uri))])
    }

    #[test]
    fn two_people_have_two_names_and_two_keys() {
        let shared = key(None);
        let alice = record("alice", Kind::Person, vec![shared.clone()]);
        let bob = record("bob", Kind::Person, vec![shared.clone().in_state(State::Retired)]);
        let fingerprint = shared.fingerprint();
        let (first, second) = (alice.name().clone(), bob.name().clone());
        assert_eq!(Roster::new([alice.clone(), bob]), Err(RosterError::KeyTwice { fingerprint, first, second }));
        let again = record("alice", Kind::Person, vec![key(None)]);
        assert!(matches!(Roster::new([alice.clone(), again]), Err(RosterError::NameTwice { .. })));
        let roster = Roster::new([record("zoe", Kind::Person, vec![key(None)]), alice]).unwrap();
        assert_eq!(roster.owner(shared.public_key()).unwrap().name().as_str(), "alice");
        assert_eq!(roster.records()[0].name().as_str(), "alice");
        assert!(roster.record("bob").is_none());
    }

    #[test]
    fn two_people_never_share_a_token() {
        let alice = || person("alice", "pkcs11:serial=1;object=a");
        let refused = |other: Record| {
            let result = Roster::new([alice(), other]);
            assert!(matches!(result, Err(RosterError::DeviceTwice { .. })), "{result:?}");
        };
        refused(person("bob", "pkcs11:serial=1;object=a"));
        refused(person("bob", "pkcs11:serial=1;object=b"));
        refused(person("bob", "pkcs11:token=t;manufacturer=m;serial=1;object=b"));
        refused(record("robot", Kind::Online, vec![key(Some("pkcs11:serial=1;object=b"))]));
        assert!(Roster::new([alice(), person("bob", "pkcs11:serial=2;object=a")]).is_ok());

        let roster = Roster::new([alice()]).unwrap();
        let may =
            |name: &str, token: &str| roster.may_use(&on_token(token), &Name::new(name).unwrap(), Kind::Online).is_ok();
        assert!(!may("bob", "pkcs11:token=t;serial=1"));
        assert!(may("alice", "pkcs11:token=t;serial=1") && may("bob", "pkcs11:token=t;serial=2"));
    }

    #[test]
    fn a_yubikey_is_one_device_through_whatever_it_is_reached() {
        let public = FileKey::generate(Algorithm::EcdsaP256, "k").unwrap().public_key().clone();
        let possession = Possession { nonce: Nonce::random().unwrap(), signature: vec![1] };
        let home = |slot: &str| Home::Yubikey { serial: 123, slot: slot.parse().unwrap() };
        let tuf_key = TufKey::author(&public).unwrap();
        let key = RecordKey::new(State::Active, tuf_key, home("9c"), Some(possession)).unwrap();
        let alice = || record("alice", Kind::Person, vec![key.clone()]);
        for (uri, free) in [
            ("pkcs11:manufacturer=Yubico%20%28www.yubico.com%29;serial=123;id=%02", false),
            ("pkcs11:serial=00000123;id=%02", false),
            ("pkcs11:manufacturer=SoftHSM%20project;serial=123;id=%02", true),
            ("pkcs11:serial=124;id=%02", true),
        ] {
            let result = Roster::new([alice(), person("bob", uri)]);
            assert_eq!(result.is_ok(), free, "{result:?}");
        }
        let roster = Roster::new([alice()]).unwrap();
        let may = |name: &str, slot: &str| roster.may_use(&home(slot), &Name::new(name).unwrap(), Kind::Person).is_ok();
        assert!(may("alice", "9a") && !may("bob", "9a"));
    }

    #[test]
    fn robots_share_an_hsm_but_not_a_place_on_it() {
        let robot = |name, uri| record(name, Kind::Online, vec![key(Some(uri))]);
        let first = || robot("a", "pkcs11:manufacturer=m;serial=1;object=x;id=%01");
        assert!(Roster::new([first(), robot("b", "pkcs11:serial=1;object=x;id=%02")]).is_ok());
        assert!(Roster::new([first(), robot("b", "pkcs11:manufacturer=n;serial=1;id=%01")]).is_ok());
        assert!(Roster::new([first(), robot("b", "pkcs11:serial=1;id=%01")]).is_err());
        assert!(Roster::new([first(), robot("b", "pkcs11:serial=1;object=x")]).is_err());
    }

    #[test]
    fn one_person_may_have_a_spare_on_the_same_token_and_a_wiped_token_may_go_to_another() {
        let at = |uri| key(Some(uri)).in_state(State::Spare);
        let spare = |uri| record("alice", Kind::Person, vec![at("pkcs11:serial=1;id=%01"), at(uri)]);
        assert!(Roster::new([spare("pkcs11:serial=1;id=%02")]).is_ok());
        assert!(Roster::new([spare("pkcs11:serial=1;id=%01")]).is_err());
        let gone = key(Some("pkcs11:serial=1;id=%01")).in_state(State::Retired);
        let alice = record("alice", Kind::Person, vec![gone]);
        assert!(Roster::new([alice, person("bob", "pkcs11:serial=1;id=%01")]).is_ok());
    }
}
