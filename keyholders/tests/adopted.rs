//! Records of the keys that Sigstore's published roots list.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ceremony::{Json, KeyId, TufKey};
use keyholders::{Home, Kind, Name, Record, RecordKey, Roster, RosterError, State};

/// The key objects of one published root, as they stand in it.
fn keys(version: u32) -> Vec<TufKey> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/sigstore-prod/metadata");
    let root = Json::parse(&fs::read(data.join(format!("{version}.root.json"))).unwrap()).unwrap();
    let keys = root.get("signed").unwrap().get("keys").unwrap().as_object().unwrap();
    keys.iter().map(|(id, object)| TufKey::read(KeyId::new(id), object.clone())).collect()
}

fn record(number: usize, key: TufKey) -> Record {
    let key = RecordKey::new(State::Active, key, Home::External, None).unwrap();
    Record::new(Name::new(format!("k{number}")).unwrap(), Kind::Person, vec![key]).unwrap()
}

#[test]
fn every_published_key_is_kept_to_the_letter() {
    let mut seen = BTreeSet::new();
    for version in 1..=16 {
        for (number, key) in keys(version).into_iter().enumerate() {
            let wanted = key.clone();
            let record = record(number, key);
            let read = Record::parse(&record.to_toml()).unwrap();
            let kept = read.keys()[0].tuf_key();
            assert_eq!((kept, kept.object.canonical()), (&wanted, wanted.object.canonical()));
            seen.insert(read.keys()[0].fingerprint());
        }
    }
    assert!(seen.len() > 8, "{}", seen.len());
}

#[test]
fn keyholders_of_two_roots_are_one_roster_until_a_key_is_there_twice() {
    let [old, new] = [15, 16].map(keys);
    let roster = Roster::new(old.iter().cloned().enumerate().map(|(i, key)| record(i, key))).unwrap();
    assert_eq!(roster.records().len(), old.len());
    let both = old.into_iter().chain(new).enumerate().map(|(i, key)| record(i, key));
    assert!(matches!(Roster::new(both), Err(RosterError::KeyTwice { .. })));
}
