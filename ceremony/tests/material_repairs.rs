//! What tools in use get wrong, done to Sigstore's trusted root, and undone.
#![allow(clippy::unwrap_used)]

mod published;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ceremony::material::evidence::ends;
use ceremony::material::{
    Answers, Kind, Material, Moment, Publication, SigningConfig, TrustedRoot, diff, repair, repair_services, step,
    without_copies,
};
use ceremony::{Certificate, Days, Digest};
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
    let log_start = Some(Moment::parse("2022-10-20T00:00:00Z").unwrap());
    let answers = Answers { urls, log_start, ..Answers::default() };
    let outside = repaired(&[("https://rekor.sigstore.dev", inside)], &answers);
    assert_eq!(outside[0].1, format!("its URL was {inside}"));
    let started = repaired(&[("\n          \"start\": \"2022-10-20T00:00:00Z\"\n        ", "")], &answers);
    assert_eq!(started[0].1, "its start was missing, and is 2022-10-20T00:00:00Z");
    let media_type = "application/vnd.dev.sigstore.trustedroot.v0.2+json";
    let media_type = repaired(&[(TrustedRoot::MEDIA_TYPE, media_type)], &Answers::default());
    assert!(media_type[0].1.starts_with("the media type was application/vnd"));
}

/// Production with its first Rekor and its second Fulcio as RHTAS would write them.
fn of_rhtas() -> String {
    let root = TrustedRoot::parse(&trusted_root(4)).unwrap();
    let pem = |der: &[u8]| Certificate::from_der(der).unwrap().to_pem();
    let key = root.of_kind(Kind::Rekor).next().unwrap().log_key().unwrap();
    let chain = root.of_kind(Kind::Fulcio).nth(1).unwrap().certificates().unwrap();
    let [signer, above] = [&chain[0], &chain[1]].map(|der| STANDARD.encode(der));
    let broken = production()
        .replace(&STANDARD.encode(key.raw()), &STANDARD.encode(key.key().to_spki_pem()))
        .replace(&signer, "SIGNER")
        .replace(&above, &STANDARD.encode(pem(&chain[0])))
        .replace("SIGNER", &STANDARD.encode(pem(&chain[1])));
    assert_ne!(broken, production());
    broken
}

#[test]
fn an_entry_stays_the_same_when_it_is_repaired() {
    let broken = TrustedRoot::parse(of_rhtas().as_bytes()).unwrap();
    let (mended, repairs) = repair(&broken, &Answers::default());
    assert_eq!(repairs.len(), 2, "{repairs:#?}");
    for (before, after) in broken.instances().zip(mended.instances()) {
        assert_eq!(before.identity(), after.identity());
        assert!(before.kind == Kind::Fulcio || before.subject() == after.subject(), "{}", before.subject());
    }
    let files = [&broken, &mended].map(|root| Material { trusted_root: Some(root.clone()), ..Material::default() });
    let publication = Publication { at: "2026-08-20T00:00:00Z".parse().unwrap(), timestamp_lifetime: Days(7) };
    assert_eq!(step(&files[0], &files[1], &[], &publication), []);
    let told: Vec<String> = diff(&files[0], &files[1])[0].changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "puts the certificates of Fulcio fulcio.sigstore.dev (sigstore-intermediate) in another order: \
             sigstore-intermediate, sigstore; before: sigstore, sigstore-intermediate",
            "writes the certificates of Fulcio fulcio.sigstore.dev (sigstore-intermediate) as DER instead of PEM text: \
             they are the same",
            "writes the key of Rekor rekor.sigstore.dev (P-256) as DER instead of PEM text: it is the same",
        ]
    );
    // The bytes are there for programs.
    let json = diff(&files[0], &files[1])[0].json().pretty();
    let key = broken.of_kind(Kind::Rekor).next().unwrap().entry.get("publicKey").unwrap().get("rawBytes").cloned();
    assert!(json.contains(key.unwrap().as_str().unwrap()), "{json}");
    // What ends in the same step is known, and shown to have been used, by what can be read of it.
    let (at, now) = (Moment::parse("2027-01-01T00:00:00Z").unwrap(), Moment::parse("2026-08-20T00:00:00Z").unwrap());
    let ended = mended.end(&mended.find(Kind::Rekor, "c0d23d6a", Some(&now)).unwrap(), &at, None).unwrap();
    let ends = ends(Some(&broken), Some(&ended));
    assert!(ends.len() == 1 && ends[0].1 == at && ends[0].0.log_key().is_ok(), "{ends:?}");
    assert_eq!((mended.merge(&broken).1, broken.merge(&mended).1), (0, 0), "neither goes in beside the other");
}

#[test]
fn a_broken_entry_beside_the_whole_one_goes() {
    let whole = TrustedRoot::parse(&trusted_root(4)).unwrap();
    let entry = whole.text_of(&whole.of_kind(Kind::Rekor).next().unwrap()).to_owned();
    let key = whole.of_kind(Kind::Rekor).next().unwrap().log_key().unwrap();
    let raw = STANDARD.encode(key.raw());
    let broken = entry.replace(&raw, &STANDARD.encode(key.key().to_spki_pem()));
    let both = production().replacen(&entry, &format!("{broken},\n    {entry}"), 1);
    let (mended, repairs) = repair(&TrustedRoot::parse(both.as_bytes()).unwrap(), &Answers::default());
    let (once, copies) = without_copies(&mended);
    assert_eq!((repairs.len(), copies.len(), copies[0].what.as_str()), (1, 1, "it stood there twice"));
    assert_eq!(String::from_utf8(once.as_bytes().to_vec()).unwrap(), production());
    assert_eq!(without_copies(&once), (once.clone(), Vec::new()));
}

#[test]
fn a_start_of_1970_is_no_start() {
    let broken = production().replacen("2022-10-20T00:00:00Z", "1970-01-01T00:00:00Z", 1);
    let root = TrustedRoot::parse(broken.as_bytes()).unwrap();
    assert_eq!(repair(&root, &Answers::default()).1, [], "nobody said a better one");
    let moment = |text: &str| Moment::parse(text).unwrap();
    let log_starts = [((Kind::CtLog, 1), moment("2022-10-20T00:00:00Z"))].into();
    let answers = Answers { log_start: Some(moment("2026-01-01T00:00:00Z")), log_starts, ..Answers::default() };
    let (mended, repairs) = repair(&root, &answers);
    assert_eq!(String::from_utf8(mended.as_bytes().to_vec()).unwrap(), production(), "{repairs:#?}");
    assert_eq!(repairs[0].what, "its start was 1970-01-01T00:00:00Z, and is 2022-10-20T00:00:00Z");
    assert_eq!(repairs[0].place, Some((Kind::CtLog, 1)));
}

/// A signing config of these services of Rekor, all of them of one start.
fn config(urls: &[&str]) -> SigningConfig {
    let of = |url: &&str| {
        format!(
            r#"{{"url": "{url}", "majorApiVersion": 1, "validFor": {{"start": "2026-01-01T00:00:00Z"}},
            "operator": "x"}}"#
        )
    };
    let services = urls.iter().map(of).collect::<Vec<_>>().join(", ");
    let text = format!(r#"{{"mediaType": "{}", "rekorTlogUrls": [{services}]}}"#, SigningConfig::MEDIA_TYPE);
    SigningConfig::parse(text.as_bytes()).unwrap()
}

#[test]
fn services_keep_their_place_when_their_urls_are_repaired() {
    let (inside, outside) = ("http://rekor-server.rekor.svc", "https://rekor.example");
    let before = config(&[inside, "https://b.example/"]);
    let answers = Answers { urls: vec![(inside.to_owned(), outside.parse().unwrap())], ..Answers::default() };
    let (after, repairs) = repair_services(&before, &answers);
    assert_eq!(after, config(&[outside, "https://b.example"]));
    assert_eq!((repairs.len(), repairs[1].what.as_str()), (2, "its URL was https://b.example/"));
    let material = |config: &SigningConfig| {
        let signing_configs = [(SigningConfig::TARGET.to_owned(), config.clone())].into();
        Material { signing_configs, ..Material::default() }
    };
    let publication = Publication { at: "2026-08-20T00:00:00Z".parse().unwrap(), timestamp_lifetime: Days(7) };
    let found = |after: &SigningConfig| step(&material(&before), &material(after), &[], &publication).len();
    assert_eq!(found(&after), 0, "they are the same services");
    assert_eq!(found(&config(&[inside, "https://b.example", "https://c.example"])), 1, "this one is new");
    assert_eq!(found(&config(&["https://c.example", inside, "https://b.example"])), 1, "the old one is still there");

    let (merged, count) = config(&["https://b.example/"]).merge(&config(&[outside, "https://b.example"])).unwrap();
    assert_eq!(count, 1);
    let expected = config(&["https://b.example/", outside]);
    assert_eq!(merged.json(), expected.json(), "of one start, those that were there are used first");
    let old = format!(r#"{{"mediaType": "{}", "caUrl": "x/"}}"#, SigningConfig::MEDIA_TYPE_V01);
    let old = SigningConfig::parse(old.as_bytes()).unwrap();
    assert_eq!(repair_services(&old, &answers), (old.clone(), Vec::new()));
    assert!(old.merge(&before).is_err() && before.merge(&old).is_err());
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
