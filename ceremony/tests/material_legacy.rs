//! A trusted root of the single keys and certificates that clients read before there was one.
#![allow(clippy::unwrap_used)]

mod made;
mod published;

use ceremony::Certificate;
use ceremony::material::legacy::{FromLegacy, LegacyError};
use ceremony::material::{Kind, LegacyTarget, TrustedRoot};
use made::{Draft, Key};
use published::{material, trusted_root};

fn target(path: &str, usage: &str, status: &str, content: impl AsRef<[u8]>) -> LegacyTarget {
    LegacyTarget {
        path: path.to_owned(),
        usage: Some(usage.to_owned()),
        status: Some(status.to_owned()),
        uri: None,
        misspelled: Vec::new(),
        content: content.as_ref().to_vec(),
    }
}

/// The certificate of an authority, as a PEM text.
fn authority(name: &str, key: &Key, issuer: &str, by: &Key) -> String {
    Certificate::from_der(&Draft::authority(name, key, None).signed_by(issuer, by)).unwrap().to_pem()
}

fn paths(entries: &[FromLegacy]) -> Vec<Vec<&str>> {
    entries.iter().map(|entry| entry.paths.iter().map(String::as_str).collect()).collect()
}

#[test]
fn sigstores_are_worth_its_trusted_root() {
    let legacy = material(12).legacy;
    let entries = FromLegacy::all(&legacy).unwrap();
    let made = FromLegacy::trusted_root(&entries);
    let whole = TrustedRoot::parse(&trusted_root(3)).unwrap();
    let of_old_clients = whole.instances().filter(|entry| entry.kind != Kind::Tsa);
    let known: Vec<_> = of_old_clients.map(|entry| entry.identity()).collect();
    assert_eq!(made.instances().count(), 5);
    assert!(made.instances().all(|entry| known.contains(&entry.identity())));
    assert!(made.instances().all(|entry| entry.valid_for().unwrap().start.is_none()), "nothing says a start");
    assert!(entries.iter().all(|entry| entry.is_in(&whole) && !entry.is_in(&TrustedRoot::empty())));
    let expired: Vec<_> = entries.iter().filter(|entry| entry.expired).map(|entry| &entry.paths[0]).collect();
    assert_eq!(expired, ["fulcio.crt.pem"]);
    assert_eq!(entries[0].signer().unwrap().subject(), "CN=sigstore,O=sigstore.dev");
}

#[test]
fn certificates_form_chains_by_who_issued_them() {
    let [root, one, two, other] = [1, 2, 3, 4].map(Key::new);
    let top = authority("root", &root, "root", &root);
    let renewed = Draft::authority("root", &root, None).valid("20210101000000Z", "20410101000000Z");
    let renewed = Certificate::from_der(&renewed.signed_by("root", &root)).unwrap().to_pem();
    let first = authority("one", &one, "root", &root);
    let second = authority("two", &two, "root", &root);
    let orphan = authority("orphan", &other, "nobody", &other);
    let files = |files: &[(&str, String)]| -> Vec<LegacyTarget> {
        files.iter().map(|(path, text)| target(path, "Fulcio", "Active", text)).collect()
    };
    let all = FromLegacy::all(&files(&[("r", top.clone()), ("one", first.clone()), ("two", second.clone())])).unwrap();
    assert_eq!(paths(&all), [["one", "r"], ["two", "r"]], "both end with the one root");
    let bundle = FromLegacy::all(&files(&[("all", [top.clone(), first.clone(), second].concat())])).unwrap();
    assert_eq!(paths(&bundle), [["all"], ["all"]]);
    let roots = FromLegacy::all(&files(&[("old", top.clone()), ("new", renewed)])).unwrap();
    assert_eq!(paths(&roots), [["old"], ["new"]], "a root that was renewed is an authority of its own");
    let alone = FromLegacy::all(&files(&[("orphan", orphan), ("r", top)])).unwrap();
    assert_eq!(paths(&alone), [["orphan"], ["r"]], "what is wrong with it is for `lint` to find");
    let again = FromLegacy::all(&files(&[("a", first.clone()), ("b", first)])).unwrap();
    assert_eq!(paths(&again), [["a", "b"]]);
}

#[test]
fn one_key_is_one_log_and_the_first_url_counts() {
    let key = ceremony::material::LogKey::parse(&Key::new(7).spki()).unwrap();
    let pem = key.key().to_spki_pem();
    let mut targets =
        [target("rekor.0.pub", "Rekor", "Expired", &pem), target("rekor.pub", "Rekor", "Active", key.raw())];
    targets[0].uri = Some(String::new());
    targets[1].uri = Some("https://rekor.example/".to_owned());
    let [log] = FromLegacy::all(&targets).unwrap().try_into().unwrap();
    assert_eq!((log.url.as_deref(), log.expired), (Some("https://rekor.example/"), false));
    assert_eq!(log.paths, ["rekor.0.pub", "rekor.pub"]);
    targets[1].status = Some("Expired".to_owned());
    assert!(FromLegacy::all(&targets).unwrap()[0].expired);
    assert_eq!(FromLegacy::all(&[target("x", "Unknown", "Active", "x")]), Ok(Vec::new()));
    for usage in ["Rekor", "CTFE", "Fulcio", "TSA"] {
        let refused = FromLegacy::all(&[target("x", usage, "Active", "x")]).unwrap_err();
        assert!(matches!(refused, LegacyError::Unreadable { .. }), "{refused}");
    }
}
