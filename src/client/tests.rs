#![allow(clippy::unwrap_used)]
use std::path::{Path, PathBuf};

use ceremony::MemorySource;

use super::second::second_opinion;
use super::store::Offline;
use super::*;
use crate::disk::{self, Place};
use crate::source::Served;

const NOW: &str = "2026-08-22T00:00:00Z";
const NPM: &str = "registry.npmjs.org/keys.json";

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/sigstore-prod")
}

fn metadata(name: &str) -> Vec<u8> {
    std::fs::read(data().join("metadata").join(name)).unwrap()
}

fn root(version: u64) -> Vec<u8> {
    metadata(&format!("{version}.root.json"))
}

/// Sigstore's repository as it stands in the data: metadata and targets side by side.
fn sigstore() -> Served {
    let address = |path: &str| data().join(path).to_str().unwrap().parse().unwrap();
    Served::open(&address("metadata"), Some(&address("targets")), std::time::Duration::ZERO).unwrap()
}

/// A fresh client without further wishes.
fn fresh(source: &dyn Source, root: &[u8], now: &str) -> Result<Outcome, ClientError> {
    check(source, root, &Cache::default(), now.parse().unwrap(), &[], Limits::default())
}

fn versions(outcome: &Outcome) -> [u64; 4] {
    let trusted = outcome.trusted;
    [trusted.root, trusted.timestamp, trusted.snapshot, trusted.targets].map(|held| held.version)
}

#[test]
fn starts_from_every_sigstore_root_since_the_fifth() {
    let published = sigstore();
    for version in 1..=16 {
        let outcome = fresh(&published, &root(version), NOW);
        if version < 5 {
            let refused = outcome.unwrap_err();
            assert!(refused.is_verdict() && matches!(refused, ClientError::Root { .. }), "{refused}");
        } else {
            assert_eq!(versions(&outcome.unwrap()), [16, 762, 165, 14], "from {version}");
        }
    }
}

#[test]
fn the_second_opinion_starts_from_the_twelfth() {
    let published = sigstore();
    for version in 1..=16 {
        match second_opinion(&published, &root(version)) {
            Ok(newest) => assert!(version >= 12 && newest == 16, "from {version}"),
            Err(refused) => assert!(version < 12, "from {version}: {refused}"),
        }
    }
}

#[test]
fn the_second_opinion_is_not_about_an_old_root() {
    // A root that cannot be read is no reason to be content with the one before it.
    let published = sigstore();
    let broken = Broken { below: &published, name: "16.root.json" };
    let error = second_opinion(&broken, &root(12)).unwrap_err();
    assert_eq!(error.to_string(), "16.root.json could not be read");
}

struct Broken<'a> {
    below: &'a dyn Source,
    name: &'static str,
}

impl Source for Broken<'_> {
    fn metadata(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        if name == self.name {
            return Err(SourceError::Unreachable { place: name.into(), source: "unplugged".into() });
        }
        self.below.metadata(name, limit)
    }

    fn stream(&self, path: &str, limit: u64, each: &mut dyn FnMut(&[u8])) -> Result<Option<u64>, SourceError> {
        self.below.stream(path, limit, each)
    }
}

#[test]
fn gets_targets_of_delegated_roles() {
    let published = sigstore();
    let outcome = check(
        &published,
        &root(5),
        &Cache::default(),
        NOW.parse().unwrap(),
        &["trusted_root.json", NPM],
        Limits::default(),
    )
    .unwrap();
    assert_eq!(outcome.cache.0.get("registry.npmjs.org.json"), Some(&metadata("8.registry.npmjs.org.json")));
    let missing = check(
        &published,
        &root(16),
        &outcome.cache,
        NOW.parse().unwrap(),
        &["registry.npmjs.org/other.json"],
        Limits::default(),
    );
    assert!(matches!(missing, Err(ClientError::NoTarget { .. })));
}

#[test]
fn a_file_expires_at_its_last_second() {
    let published = sigstore();
    let expires = fresh(&published, &root(16), NOW).unwrap().trusted.timestamp.expires;
    let before = Time::from_unix(expires.unix() - 1).unwrap();
    assert!(fresh(&published, &root(16), &before.to_string()).is_ok());
    let refused = fresh(&published, &root(16), &expires.to_string()).unwrap_err();
    let text = format!("timestamp.json is refused: timestamp metadata expired at {expires}");
    assert_eq!(refused.to_string(), text);
    assert!(refused.is_verdict());
}

#[test]
fn time_ends_before_the_year_does() {
    let late = fresh(&sigstore(), &root(16), "9999-12-31T23:59:59Z");
    assert!(matches!(late, Err(ClientError::Clock { .. })));
}

/// The repository when root 14 was the newest, just before root 15.
fn at_root_14(published: &Served) -> MemorySource<'_> {
    let mut source = MemorySource::new();
    for version in 1..=14 {
        source.put_metadata(&format!("{version}.root.json"), root(version)).unwrap();
    }
    for name in ["164.snapshot.json", "13.targets.json"] {
        source.put_metadata(name, published.metadata(name, 1 << 20).unwrap().unwrap()).unwrap();
    }
    let timestamp = std::fs::read(data().join("timestamps/675.timestamp.json")).unwrap();
    source.put_metadata("timestamp.json", timestamp).unwrap();
    source
}

#[test]
fn what_a_client_remembers_is_never_rolled_back() {
    let published = sigstore();
    let before = at_root_14(&published);
    let then = "2026-05-15T00:00:00Z";
    let outcome = fresh(&before, &root(12), then).unwrap();
    assert_eq!(versions(&outcome), [14, 675, 164, 13]);

    // Forward.
    let newest = check(&published, &root(12), &outcome.cache, NOW.parse().unwrap(), &[], Limits::default()).unwrap();
    assert_eq!(versions(&newest), [16, 762, 165, 14]);
    // And back: the root stays, the timestamp is refused.
    let refused = check(&before, &root(12), &newest.cache, then.parse().unwrap(), &[], Limits::default()).unwrap_err();
    assert!(refused.to_string().contains("trusted version 762 > new version 675"), "{refused}");
    assert!(refused.is_verdict());
}

#[test]
fn says_whether_it_judged_or_could_not() {
    let published = sigstore();
    let refused = |name: &str, bytes: &[u8]| {
        let mut source = MemorySource::over(&published);
        source.put_metadata(name, bytes).unwrap();
        fresh(&source, &root(14), NOW).unwrap_err()
    };
    for (name, bytes) in [
        ("timestamp.json", &b"<html>"[..]),
        ("timestamp.json", &[b' '; 20_000]),
        ("165.snapshot.json", &metadata("164.snapshot.json")),
        ("14.targets.json", &metadata("13.targets.json")),
        ("15.root.json", &root(16)),
        ("17.root.json", &root(16)),
    ] {
        let error = refused(name, bytes);
        assert!(error.is_verdict() && error.to_string().starts_with(name), "{name}: {error}");
    }
    let unplugged = fresh(&Broken { below: &published, name: "timestamp.json" }, &root(14), NOW).unwrap_err();
    assert!(!unplugged.is_verdict());
    assert_eq!(unplugged.to_string(), "timestamp.json could not be read");
    let empty = fresh(&MemorySource::new(), &root(16), NOW).unwrap_err();
    assert!(!empty.is_verdict());
    assert_eq!(empty.to_string(), "timestamp.json is not there");
}

#[test]
fn limits_are_those_of_clients_unless_raised() {
    let published = sigstore();
    let mut limits = Limits { targets: 1000, ..Limits::default() };
    let short = |limits| check(&published, &root(16), &Cache::default(), NOW.parse().unwrap(), &[], limits);
    let refused = short(limits).unwrap_err();
    assert!(
        refused.is_verdict() && refused.to_string().ends_with("14.targets.json is longer than 1000 bytes"),
        "{refused}"
    );
    limits.targets = 100_000;
    assert!(short(limits).is_ok());
}

#[test]
fn counts_people_in_all_of_sigstore() {
    let published = sigstore();
    for version in 5..=16 {
        let store = Store::in_memory(Cache::default());
        let mut client =
            Client::new(&published, &root(version), store, NOW.parse().unwrap(), Limits::default()).unwrap();
        client.refresh().unwrap();
        client.target(NPM).unwrap();
        client.count().unwrap();
    }
}

#[test]
fn the_cache_is_laid_out_like_ngclients() {
    let published = sigstore();
    let dir = tempfile::tempdir().unwrap();
    let place = Place::named(dir.path().join("cache"));
    let store = Store::in_directory(place.clone(), 1 << 20);
    let mut client = Client::new(&published, &root(14), store, NOW.parse().unwrap(), Limits::default()).unwrap();
    client.refresh().unwrap();
    let keys = client.target(NPM).unwrap();
    let expected = [
        ("root.json", root(16)),
        ("root_history/14.root.json", root(14)),
        ("root_history/15.root.json", root(15)),
        ("root_history/16.root.json", root(16)),
        ("timestamp.json", metadata("timestamp.json")),
        ("snapshot.json", metadata("165.snapshot.json")),
        ("targets.json", metadata("14.targets.json")),
        ("registry.npmjs.org.json", metadata("8.registry.npmjs.org.json")),
        ("targets/registry.npmjs.org%2Fkeys.json", keys.bytes.clone()),
    ];
    for (name, bytes) in &expected {
        assert_eq!(&disk::read(&place.join(name), 1 << 20).unwrap(), bytes, "{name}");
    }
    let entries = |path: &str| std::fs::read_dir(dir.path().join("cache").join(path)).unwrap().count();
    assert_eq!(entries("") + entries("root_history") + entries("targets"), expected.len() + 2);

    // Without the repository, from the oldest root: the same.
    let offline = Store::read_only(place.clone(), 1 << 20);
    let from = Offline(offline.clone());
    let mut client = Client::new(&from, &root(14), offline, NOW.parse().unwrap(), Limits::default()).unwrap();
    assert_eq!(client.refresh().unwrap().root.version, 16);
    assert_eq!(client.target(NPM).unwrap(), keys);
    client.count().unwrap();
    assert!(matches!(client.target("trusted_root.json"), Err(ClientError::Missing { .. })));
}

#[test]
fn a_broken_cache_is_not_an_empty_one() {
    let published = sigstore();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, b"in the way").unwrap();
    let blocked = dir.path().join("blocked");
    std::fs::create_dir_all(blocked.join("timestamp.json")).unwrap();
    let linked = dir.path().join("linked");
    std::fs::create_dir_all(&linked).unwrap();
    std::os::unix::fs::symlink(&file, linked.join("snapshot.json")).unwrap();
    for path in [&file, &blocked, &linked] {
        let store = Store::in_directory(Place::named(path), 1 << 20);
        let client = Client::new(&published, &root(16), store, NOW.parse().unwrap(), Limits::default());
        let error = client.and_then(|mut client| client.refresh()).unwrap_err();
        assert!(matches!(error, ClientError::Store(_)) && !error.is_verdict(), "{}: {error}", path.display());
    }
    // What was there before the trouble is untouched.
    assert!(!blocked.join("snapshot.json").exists());
    assert!(!linked.join("timestamp.json").exists() && linked.join("snapshot.json").is_symlink());
}
