//! Sigstore's own trust material, edited: entries are added and ended, and nothing else changes by a byte.
#![allow(clippy::unwrap_used)]

mod published;

use ceremony::Certificate;
use ceremony::material::legacy::in_step;
use ceremony::material::timestamp::TimestampError;
use ceremony::material::{
    AuthorityChain, Checkpoint, Correction, EditError, End, Kind, LogIdForm, LogKey, Moment, NewEntry, NewService,
    Selector, ServiceKind, ServiceUrl, SigningConfig, Times, Timestamp, TrustedRoot, diff,
};
use published::{data, material, staging, trusted_root};

fn moment(text: &str) -> Moment {
    Moment::parse(text).unwrap()
}

fn url(text: &str) -> ServiceUrl {
    text.parse().unwrap()
}

/// The key of Rekor v2 log2025-1, as the trusted root of 2025-10 has it.
fn tiles() -> LogKey {
    let root = TrustedRoot::parse(&trusted_root(4)).unwrap();
    root.of_kind(Kind::Rekor).nth(1).unwrap().log_key().unwrap()
}

/// The chain of an authority.
fn chain(root: &TrustedRoot, kind: Kind, place: usize) -> Vec<Certificate> {
    let chain = root.of_kind(kind).nth(place).unwrap().certificates().unwrap();
    chain.iter().map(|der| Certificate::from_der(der).unwrap()).collect()
}

#[test]
fn the_edit_of_october_2025_gives_the_published_bytes() {
    let before = TrustedRoot::parse(&trusted_root(3)).unwrap();
    let at = url("https://log2025-1.rekor.sigstore.dev");
    let form = LogIdForm::likely(Kind::Rekor, &tiles());
    let entry = NewEntry::log(Kind::Rekor, &at, &tiles(), form, moment("2025-09-23T00:00:00Z"));
    let after = before.add(&entry).unwrap();
    assert_eq!(after.as_bytes(), trusted_root(4), "the file that Sigstore published");
    assert!(matches!(after.add(&entry), Err(EditError::There { .. })));
}

#[test]
fn the_edit_of_july_2025_gives_the_published_entry() {
    let [before, published] = [2, 3].map(|place| TrustedRoot::parse(&trusted_root(place)).unwrap());
    let certificates = chain(&published, Kind::Tsa, 0);
    let mut reversed = certificates.clone();
    reversed.reverse();
    let ordered = AuthorityChain::new(Kind::Tsa, reversed).unwrap();
    assert_eq!(ordered.certificates(), certificates);
    let at = url("https://timestamp.sigstore.dev/api/v1/timestamp");
    let entry = NewEntry::authority(Kind::Tsa, &at, &ordered, moment("2025-07-04T00:00:00Z")).unwrap();
    let after = before.add(&entry).unwrap();
    let text = |root: &TrustedRoot| root.text_of(&root.of_kind(Kind::Tsa).next().unwrap()).to_owned();
    assert_eq!(text(&after), text(&published));
    let early = NewEntry::authority(Kind::Tsa, &at, &ordered, moment("1970-01-01T00:00:00Z"));
    assert!(matches!(early, Err(EditError::StartBeforeCertificate { .. })));
}

#[test]
fn an_end_is_one_line_more() {
    let root = TrustedRoot::parse(&trusted_root(4)).unwrap();
    let now = moment("2026-06-01T00:00:00Z");
    let end = moment("2026-12-31T23:59:59.999Z");
    let log = root.find(Kind::CtLog, "ctfe.sigstore.dev", Some(&now)).unwrap();
    assert_eq!(log.url(), Some("https://ctfe.sigstore.dev/2022"), "the other has ended");
    let after = root.end(&log, &end, Some(&moment("2026-12-01T00:00:00Z"))).unwrap();
    let published = String::from_utf8(trusted_root(4)).unwrap();
    let expected = published.replacen(
        "\"start\": \"2022-10-20T00:00:00Z\"\n",
        "\"start\": \"2022-10-20T00:00:00Z\",\n          \"end\": \"2026-12-31T23:59:59.999Z\"\n",
        1,
    );
    assert_eq!(String::from_utf8(after.as_bytes().to_vec()).unwrap(), expected);
    assert_eq!(
        diff::trusted_root(Some(&root), Some(&after)).unwrap().to_string(),
        "ends CT log ctfe.sigstore.dev/2022 (P-256) on 2026-12-31T23:59:59.999Z; Fulcio, Rekor and TSA unchanged (same \
         bytes)"
    );
    let used = root.end(&log, &end, Some(&moment("2027-01-01T00:00:00Z")));
    assert!(matches!(used, Err(EditError::EndBeforeUse { .. })));
    assert!(matches!(root.end(&log, &moment("2020-01-01T00:00:00Z"), None), Err(EditError::EndBeforeStart { .. })));
    let ended = after.find(Kind::CtLog, "/2022", Some(&now)).unwrap();
    assert!(matches!(after.end(&ended, &end, None), Err(EditError::Ended { .. })));
}

#[test]
fn a_correction_changes_its_members_and_no_other_byte() {
    let root = TrustedRoot::parse(&trusted_root(4)).unwrap();
    let now = moment("2026-06-01T00:00:00Z");
    let never = Times { end: Some(End::Never), ..Times::default() };
    for entry in root.instances() {
        let open = entry.valid_for().unwrap().end.is_none();
        let end = moment("2027-01-01T00:00:00Z");
        let ended = if open { root.end(&entry, &end, None).unwrap() } else { root.clone() };
        let entry = ended.of_kind(entry.kind).nth(entry.index).unwrap();
        let opened = ended.correct(&entry, &never, None).unwrap();
        if open {
            assert_eq!(opened.as_bytes(), root.as_bytes(), "an end that is taken back leaves nothing");
            let none = root.correct(&root.of_kind(entry.kind).nth(entry.index).unwrap(), &never, None);
            assert!(matches!(none, Err(EditError::NoEnd { .. })));
        }
        let valid = entry.valid_for().unwrap();
        let start = valid.start.unwrap();
        let there = url("https://elsewhere.example");
        let times = Times { start: Some(moment("2020-01-01T00:00:00Z")), end: Some(End::At(end.clone())) };
        let moved = ended.correct(&entry, &times, Some(&there)).unwrap();
        let [old, new] =
            [&ended, &moved].map(|root| root.text_of(&root.of_kind(entry.kind).nth(entry.index).unwrap()).to_owned());
        let by_hand = old.replacen(start.as_str(), "2020-01-01T00:00:00Z", 1);
        let by_hand = by_hand.replacen(valid.end.unwrap().as_str(), end.as_str(), 1);
        assert_eq!(new, by_hand.replacen(entry.url().unwrap(), there.as_str(), 1));
        let reversed = Times { start: Some(moment("2099-01-01T00:00:00Z")), ..Times::default() };
        assert!(matches!(ended.correct(&entry, &reversed, None), Err(EditError::EndBeforeStart { .. })));
    }
    // The same time is the same text.
    let log = root.find(Kind::CtLog, "https://ctfe.sigstore.dev/test", Some(&now)).unwrap();
    let end = log.valid_for().unwrap().end.unwrap();
    let again = Times { end: Some(End::At(end.clone())), ..Times::default() };
    assert_eq!(root.correct(&log, &again, None).unwrap(), root);
    let written = Times { end: Some(End::At(moment("2022-11-01T00:59:59.999+01:00"))), ..Times::default() };
    assert_eq!(root.correct(&log, &written, None).unwrap(), root);
}

#[test]
fn a_service_is_corrected_unless_it_would_be_there_twice() {
    let config = SigningConfig::empty();
    let service = |at: &str, start: &str| NewService {
        url: url(at),
        major_api_version: 1,
        start: moment(start),
        operator: "a".to_owned(),
    };
    let (first, second) = ("https://a.example", "https://b.example");
    let config = config.add(ServiceKind::Tsa, &service(first, "2026-01-01T00:00:00Z")).unwrap();
    let both = config.add(ServiceKind::Tsa, &service(second, "2026-02-01T00:00:00Z")).unwrap();
    let found = both.find(ServiceKind::Tsa, second, None).unwrap();
    let moved = Correction { url: Some(url(first)), ..Correction::default() };
    assert!(matches!(both.correct(&found, &moved), Err(EditError::There { .. })));
    let version = Correction { major_api_version: Some(2), ..moved.clone() };
    let apart = both.correct(&found, &version).unwrap();
    assert_eq!(apart.find(ServiceKind::Tsa, first, Some(&moment("2026-02-01T00:00:00Z"))).unwrap().index, 0);
    assert!(matches!(apart.find(ServiceKind::Tsa, first, None), Err(EditError::Several { .. })));
    // One after the other they are two.
    let over = both.end(ServiceKind::Tsa, first, &moment("2026-01-15T00:00:00Z")).unwrap();
    let found = over.find(ServiceKind::Tsa, second, None).unwrap();
    assert!(over.correct(&found, &moved).is_ok());
    let operator = Correction { operator: Some("b".to_owned()), ..Correction::default() };
    let other = over.correct(&found, &operator).unwrap();
    let text = String::from_utf8(over.as_bytes().to_vec()).unwrap();
    assert_eq!(other.as_bytes(), text.replacen("\"a\"", "\"b\"", 1).as_bytes());
}

#[test]
fn what_is_named_is_one_entry() {
    let root = TrustedRoot::parse(&trusted_root(4)).unwrap();
    let now = moment("2021-06-01T00:00:00Z");
    let find = |kind, name| root.find(kind, name, Some(&now)).map(|entry| entry.subject());
    assert_eq!(find(Kind::Rekor, "log2025-1").unwrap(), "rekor https://log2025-1.rekor.sigstore.dev b54813cb");
    assert_eq!(find(Kind::Rekor, "b54813cb").unwrap(), find(Kind::Rekor, "log2025-1").unwrap());
    assert_eq!(find(Kind::Rekor, "https://rekor.sigstore.dev").unwrap(), "rekor https://rekor.sigstore.dev c0d23d6a");
    assert!(matches!(find(Kind::Fulcio, "fulcio"), Err(EditError::Several { .. })));
    let absent = find(Kind::Tsa, "x\u{1b}").unwrap_err().to_string();
    assert!(absent.starts_with("there is no \"x\\u{1b}\"; there is: tsa https://timestamp.sigstore.dev"), "{absent}");
    // Where one is open and the other is not, the open one is meant.
    let later = root.find(Kind::Fulcio, "fulcio", Some(&moment("2026-06-01T00:00:00Z"))).unwrap();
    assert_eq!(later.index, 1);
}

#[test]
fn a_new_service_comes_first_and_the_old_one_stays() {
    let bytes = data(
        "sigstore-prod/targets/9711a6d5375706957a4859af31c5866a4474f81f0544f9f4b76c9c4f4c8a539c.signing_config.v0.2.json",
    );
    let before = SigningConfig::parse(&bytes).unwrap();
    let new = NewService {
        url: url("https://log2025-1.rekor.sigstore.dev"),
        major_api_version: 2,
        start: moment("2026-01-01T00:00:00Z"),
        operator: "sigstore.dev".to_owned(),
    };
    let after = before.add(ServiceKind::Rekor, &new).unwrap();
    let published = data(
        "sigstore-prod/targets/0f5f38554e29e770d4d5d6f0e1b51fcbf84f61dc6934530a09b7a901eaad5bee.signing_config_rekor_v2.v0.2.json",
    );
    assert_eq!(after.as_bytes(), published, "the variant that Sigstore published");
    assert!(matches!(after.add(ServiceKind::Rekor, &new), Err(EditError::There { .. })));
    let ended = after.end(ServiceKind::Rekor, "https://rekor.sigstore.dev", &moment("2027-01-01T00:00:00Z")).unwrap();
    let told = diff::signing_config(SigningConfig::TARGET, Some(&after), Some(&ended)).unwrap();
    assert_eq!(
        told.to_string(),
        "ends the Rekor v1 rekor.sigstore.dev for signing on 2027-01-01; CA for signing, OIDC issuer for signing and TSA \
         for signing unchanged (same bytes)"
    );
    assert!(matches!(
        after.end(ServiceKind::Rekor, "sigstore.dev", &moment("2027-01-01T00:00:00Z")),
        Err(EditError::Several { .. })
    ));
    let two = after.select(ServiceKind::Rekor, Selector::Exact(2)).unwrap();
    assert_eq!(two.selector(ServiceKind::Rekor), Some(Selector::Exact(2)));
    let told = diff::signing_config(SigningConfig::TARGET, Some(&after), Some(&two)).unwrap().to_string();
    assert!(told.starts_with("has signers use exactly 2 of Rekor; before: any one Rekor;"), "{told}");
    assert_eq!(two.select(ServiceKind::Rekor, Selector::Any).unwrap().json(), after.json());
    assert!(matches!(after.select(ServiceKind::Ca, Selector::All), Err(EditError::NoSelector { .. })));
    let old = data(
        "sigstore-prod/targets/d358c75d032833f4193500f5b01b5760409410558fac962c599439adbb268b0f.signing_config.json",
    );
    assert_eq!(SigningConfig::parse(&old).unwrap().add(ServiceKind::Rekor, &new), Err(EditError::OldForm));
}

#[test]
fn empty_files_grow_into_what_clients_read() {
    let start = moment("2025-09-23T00:00:00Z");
    let at = url("https://log2025-1.rekor.sigstore.dev");
    let root = TrustedRoot::empty();
    let root = root.add(&NewEntry::log(Kind::Rekor, &at, &tiles(), LogIdForm::Note, start.clone())).unwrap();
    let published = TrustedRoot::parse(&trusted_root(4)).unwrap();
    let published = published.of_kind(Kind::Rekor).nth(1).unwrap();
    assert_eq!(root.of_kind(Kind::Rekor).next().unwrap().entry, published.entry);
    assert_eq!(TrustedRoot::parse(root.as_bytes()).unwrap(), root);
    let new = NewService { url: at, major_api_version: 2, start, operator: "example".to_owned() };
    let config = SigningConfig::empty().add(ServiceKind::Rekor, &new).unwrap();
    assert_eq!(SigningConfig::parse(config.as_bytes()).unwrap(), config);
}

#[test]
fn legacy_targets_keep_in_step() {
    let now = moment("2026-06-01T00:00:00Z");
    let published = material(14);
    let root = published.trusted_root.unwrap();
    let kept = in_step(&root, &published.legacy, &now);
    let changed: Vec<(&str, &str)> = published
        .legacy
        .iter()
        .zip(&kept)
        .filter(|(old, new)| old != new)
        .map(|(_, new)| (new.path.as_str(), new.status.as_deref().unwrap()))
        .collect();
    // The mistake that is published to this day, and nothing else.
    assert_eq!(changed, [("ctfe.pub", "Expired")]);
    assert_eq!(kept.len(), published.legacy.len());
    let fresh = in_step(&root, &[], &now);
    let paths: Vec<&str> = fresh.iter().map(|target| target.path.as_str()).collect();
    let wanted = [
        "ctfe.pub",
        "fulcio.crt.pem",
        "fulcio_intermediate.crt.pem",
        "rekor.pub",
        "tsa_leaf.crt.pem",
        "tsa_root.crt.pem",
    ];
    assert_eq!(paths, wanted);
    for (old, path) in [("rekor.pub", "rekor.pub"), ("fulcio_intermediate_v1.crt.pem", "fulcio_intermediate.crt.pem")] {
        let content = |targets: &[ceremony::material::LegacyTarget], path: &str| {
            targets.iter().find(|target| target.path == path).unwrap().content.trim_ascii_end().to_vec()
        };
        assert_eq!(content(&fresh, path), content(&published.legacy, old));
    }
    assert_eq!(in_step(&root, &fresh, &now), fresh);
}

#[test]
fn a_real_checkpoint_and_a_real_time_stamp_prove_the_staging_services() {
    let bundle = ceremony::Json::parse(&data("bundles/rekor2-happy-path/bundle.sigstore.json")).unwrap();
    let material = bundle.get("verificationMaterial").unwrap();
    let entry = &material.get("tlogEntries").unwrap().as_array().unwrap()[0];
    let checkpoint = entry.get("inclusionProof").unwrap().get("checkpoint").unwrap().get("envelope").unwrap();
    let root = TrustedRoot::parse(&staging()).unwrap();
    let log = root.of_kind(Kind::Rekor).nth(1).unwrap();
    let (key, id) = (log.log_key().unwrap(), log.log_id().unwrap());
    let proven = Checkpoint::verify(checkpoint.as_str().unwrap().as_bytes(), log.url().unwrap(), &id, &key).unwrap();
    assert_eq!(proven.size, 736);

    let stamps = material.get("timestampVerificationData").unwrap().get("rfc3161Timestamps").unwrap();
    let stamp = stamps.as_array().unwrap()[0].get("signedTimestamp").unwrap().as_str().unwrap();
    let stamp = base64(stamp);
    let authority = AuthorityChain::new(Kind::Tsa, chain(&root, Kind::Tsa, 0)).unwrap();
    let proven = Timestamp::verify(&stamp, &authority).unwrap();
    assert_eq!(proven.at.to_string(), "2025-06-12T12:02:20Z");
    let signature = bundle.get("messageSignature").unwrap().get("signature").unwrap().as_str().unwrap();
    assert!(proven.is_of(&base64(signature)) && !proven.is_of(b"something else"));

    // Production's authority has the same names, and once stood in staging (root-signing-staging 3655034).
    let production = TrustedRoot::parse(&trusted_root(4)).unwrap();
    let other = AuthorityChain::new(Kind::Tsa, chain(&production, Kind::Tsa, 0)).unwrap();
    assert!(matches!(Timestamp::verify(&stamp, &other), Err(TimestampError::OtherSigner { .. })));
    for place in (0..stamp.len()).step_by(7) {
        let mut broken = stamp.clone();
        broken[place] ^= 1;
        let verified = Timestamp::verify(&broken, &authority);
        // Certificates inside are not trusted, so not all of the bytes count.
        assert!(verified.is_err() || verified.as_ref() == Ok(&proven), "{place}");
        assert!(Timestamp::verify(&stamp[..place], &authority).is_err());
    }
    assert!(matches!(
        Timestamp::verify(b"\x30\x05\x30\x03\x02\x01\x02", &authority),
        Err(TimestampError::Refused { status: 2 })
    ));
}

fn base64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}
