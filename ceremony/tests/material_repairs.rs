//! What tools in use get wrong, done to Sigstore's trusted root, and undone.
#![allow(clippy::unwrap_used)]

mod published;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ceremony::material::{Answers, Kind, Moment, TrustedRoot, repair};
use ceremony::{Certificate, Digest};
use published::{TRUSTED_ROOTS, staging, trusted_root};

fn production() -> String {
    String::from_utf8(trusted_root(4)).unwrap()
}

/// Breaks production by this replacement, and repairs it; what was repaired.
fn repaired(changes: &[(&str, &str)], answers: &Answers) -> Vec<(String, String)> {
    let mut broken = production();
    for (from, to) in changes {
        assert!(broken.contains(from), "{from}");
        broken = broken.replacen(from, to, 1);
    }
    let (root, repairs) = repair(&TrustedRoot::parse(broken.as_bytes()).unwrap(), answers);
    assert_eq!(String::from_utf8(root.as_bytes().to_vec()).unwrap(), production(), "{repairs:#?}");
    repairs.into_iter().map(|repair| (repair.subject, repair.what)).collect()
}

#[test]
fn what_is_right_is_left_alone() {
    for bytes in (0..TRUSTED_ROOTS.len()).map(trusted_root).chain([staging()]) {
        let root = TrustedRoot::parse(&bytes).unwrap();
        let (same, repairs) = repair(&root, &Answers::default());
        let reversed = root == TrustedRoot::parse(&trusted_root(0)).unwrap();
        assert_eq!((same == root, repairs.len()), (!reversed, usize::from(reversed)), "{repairs:#?}");
    }
}

#[test]
fn the_chain_of_2023_is_put_in_order() {
    let root = TrustedRoot::parse(&trusted_root(0)).unwrap();
    let (mended, repairs) = repair(&root, &Answers::default());
    let next = TrustedRoot::parse(&trusted_root(1)).unwrap();
    let chain = |root: &TrustedRoot| root.of_kind(Kind::Fulcio).nth(1).unwrap().entry.clone();
    assert_eq!(chain(&mended), chain(&next), "as the next version published it");
    assert_eq!(repairs[0].what, "its chain began with the root");
}

/// securesign's `tuf-tool`: PEM texts in rawBytes, log ids of the PEM text under another name, P-256 for every key.
#[test]
fn logs_of_rhtas_are_repaired() {
    let root = TrustedRoot::parse(&trusted_root(4)).unwrap();
    let log = root.of_kind(Kind::Rekor).nth(1).unwrap();
    let key = log.log_key().unwrap();
    let (der, pem) = (STANDARD.encode(key.raw()), key.key().to_spki_pem());
    let wrong_id = STANDARD.encode(Digest::of(pem.as_bytes()).as_bytes());
    let id = STANDARD.encode(log.log_id().unwrap());
    let subject = "rekor https://log2025-1.rekor.sigstore.dev b54813cb".to_owned();
    let changes =
        [(der.as_str(), &*STANDARD.encode(&pem)), ("PKIX_ED25519", "PKIX_ECDSA_P256_SHA_256"), (&id, &wrong_id)];
    let whats: Vec<String> = [
        "its key was a PEM text".to_owned(),
        "keyDetails was PKIX_ECDSA_P256_SHA_256".to_owned(),
        format!("its log id was {wrong_id}"),
    ]
    .into();
    let expected: Vec<(String, String)> = whats.into_iter().map(|what| (subject.clone(), what)).collect();
    assert_eq!(repaired(&changes, &Answers::default()), expected);
    // Not even in base64.
    let raw = pem.replace('\n', "\\n");
    assert_eq!(repaired(&[(der.as_str(), &raw)], &Answers::default()).len(), 1);
}

#[test]
fn authorities_of_rhtas_are_repaired() {
    let root = TrustedRoot::parse(&trusted_root(4)).unwrap();
    let tsa = root.of_kind(Kind::Tsa).next().unwrap();
    let ders = tsa.certificates().unwrap();
    let pem = Certificate::from_der(&ders[0]).unwrap().to_pem();
    let found = repaired(&[(&STANDARD.encode(&ders[0]), &STANDARD.encode(&pem))], &Answers::default());
    assert_eq!(found[0].1, "a certificate was a PEM text");
    // The start of a certificate is all that can be known of an authority.
    let mut broken = production();
    broken = broken.replacen("\"start\": \"2025-07-04T00:00:00Z\"", "\"start\": \"1970-01-01T00:00:00Z\"", 1);
    let (root, repairs) = repair(&TrustedRoot::parse(broken.as_bytes()).unwrap(), &Answers::default());
    assert_eq!(repairs[0].what, "its start was 1970-01-01T00:00:00Z, and is 2025-04-08T06:59:43Z");
    let start = root.of_kind(Kind::Tsa).next().unwrap().valid_for().unwrap().start.unwrap();
    assert_eq!(start.as_str(), "2025-04-08T06:59:43Z");
}

#[test]
fn members_urls_and_starts_are_repaired() {
    let at = "\"baseUrl\": \"https://log2025-1.rekor.sigstore.dev\",";
    let with = |member: &str| format!("{at}\n      {member},");
    let operator = repaired(&[(at, &with("\"operator\": \"sigstore.dev\""))], &Answers::default());
    assert_eq!(operator[0].1, "it had operator, which belongs to a later form");
    let both = repaired(&[(at, &with("\"checkpointKeyId\": {\"keyId\": \"AA==\"}"))], &Answers::default());
    assert_eq!(both[0].1, "it had checkpointKeyId, which belongs to a later form");
    let alone = production().replacen("\"logId\"", "\"checkpointKeyId\"", 1);
    let (root, repairs) = repair(&TrustedRoot::parse(alone.as_bytes()).unwrap(), &Answers::default());
    assert_eq!(root.json(), TrustedRoot::parse(&trusted_root(4)).unwrap().json());
    assert_eq!(repairs.len(), 2);

    let slash = repaired(&[("https://rekor.sigstore.dev", "https://rekor.sigstore.dev/")], &Answers::default());
    assert_eq!(slash[0].1, "its URL was https://rekor.sigstore.dev/");
    let inside = "http://rekor-server.rekor-system.svc";
    let urls = vec![(inside.to_owned(), "https://rekor.sigstore.dev".parse().unwrap())];
    let answers = Answers { urls, log_start: Some(Moment::parse("2022-10-20T00:00:00Z").unwrap()) };
    let outside = repaired(&[("https://rekor.sigstore.dev", inside)], &answers);
    assert_eq!(outside[0].1, format!("its URL was {inside}"));
    let started = repaired(&[("\n          \"start\": \"2022-10-20T00:00:00Z\"\n        ", "")], &answers);
    assert_eq!(started[0].1, "its start was missing, and is 2022-10-20T00:00:00Z");
    let media_type = "application/vnd.dev.sigstore.trustedroot.v0.2+json";
    let media_type = repaired(&[(TrustedRoot::MEDIA_TYPE, media_type)], &Answers::default());
    assert!(media_type[0].1.starts_with("the media type was application/vnd"));
}

#[test]
fn what_is_there_twice_is_merged_once() {
    let [old, new] = [2, 4].map(|place| TrustedRoot::parse(&trusted_root(place)).unwrap());
    let (merged, count) = old.merge(&new);
    assert_eq!(count, 2, "a Rekor and a timestamp authority");
    assert_eq!(merged.of_kind(Kind::Rekor).nth(1).unwrap().entry, new.of_kind(Kind::Rekor).nth(1).unwrap().entry);
    assert_eq!(merged.merge(&new).1, 0);
    assert_eq!(TrustedRoot::empty().merge(&new).0.json(), new.json());
}
