//! What holds for every input: counting, and the canonical form.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use ceremony::quorum::KeySet;
use ceremony::tuf_key::whole_object_id;
use ceremony::{Json, KeyId, Metadata, Payload, PublicKey, Root, Rule, Signature, Tally, TufKey, lint, tally};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use proptest::prelude::*;
use proptest::sample::Index;
use serde::Serialize as _;

fn payload() -> Payload {
    Payload::of(&Json::string("payload"))
}

fn secret(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed + 1; 32]).unwrap()
}

/// One of several ways in which a file can list the key of this seed: each has its own id.
fn listed(seed: u8, form: u8) -> TufKey {
    let public = *secret(seed).verifying_key();
    let mut object = TufKey::author(&PublicKey::EcdsaP256(public)).unwrap().object;
    let members = object.as_object_mut().unwrap();
    match form {
        0 => {}
        1 => drop(members.insert("x-owner", Json::string("somebody"))),
        form => {
            let point = hex::encode(public.to_sec1_point(form == 2).as_bytes());
            members.get_mut("keyval").unwrap().as_object_mut().unwrap().insert("public", Json::string(point));
        }
    }
    TufKey::read(whole_object_id(&object), object)
}

#[derive(Clone, Debug)]
struct Case {
    keys: Vec<(u8, u8)>,
    threshold: u64,
    /// Whose id, whose hand, and whether over the payload.
    signatures: Vec<(Index, u8, bool)>,
}

fn case() -> impl Strategy<Value = Case> {
    let keys = prop::collection::vec((0..4_u8, 0..4_u8), 1..6);
    let signatures = prop::collection::vec((any::<Index>(), 0..5_u8, prop::bool::weighted(0.8)), 0..8);
    (keys, 1..5_u64, signatures).prop_map(|(keys, threshold, signatures)| Case { keys, threshold, signatures })
}

fn count(case: &Case) -> (Vec<Signature>, KeySet, Tally) {
    let keys: Vec<TufKey> = case.keys.iter().map(|(seed, form)| listed(*seed, *form)).collect();
    let sign = |(whose, hand, right): &(Index, u8, bool)| {
        let payload = if *right { payload() } else { Payload::of(&Json::string("something else")) };
        // The fifth hand is that of the key's owner.
        let (owner, _) = whose.get(&case.keys);
        let sig: DerSignature = secret(if *hand == 4 { *owner } else { *hand }).sign(payload.bytes());
        Signature { keyid: whose.get(&keys).id.clone(), sig: sig.as_bytes().to_vec() }
    };
    let signatures: Vec<Signature> = case.signatures.iter().map(sign).collect();
    let set = KeySet { ids: keys.iter().map(|key| key.id.clone()).collect(), threshold: case.threshold, keys };
    let tally = tally(&payload(), &signatures, &set);
    (signatures, set, tally)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_tally_never_counts_one_key_twice(case in case()) {
        let (signatures, set, tally) = count(&case);
        let seeds: BTreeSet<u8> = case.keys.iter().map(|(seed, _)| *seed).collect();
        prop_assert_eq!(set.fingerprints().len(), seeds.len());
        prop_assert!(tally.signed.len() <= seeds.len());
        prop_assert!(tally.signed.len() <= signatures.len());
        prop_assert!(tally.signed.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert_eq!(tally.signed.len() + tally.missing.len(), seeds.len());
        // Whoever is counted did sign, with a key of the set.
        let hands: BTreeSet<u8> = case.signatures.iter().filter(|(.., right)| *right).map(|(whose, hand, _)| {
            if *hand == 4 { whose.get(&case.keys).0 } else { *hand }
        }).collect();
        let able: Vec<_> =
            hands.intersection(&seeds).map(|seed| listed(*seed, 0).key.unwrap().fingerprint()).collect();
        prop_assert!(tally.signed.iter().all(|key| able.contains(key)));
        prop_assert_eq!(tally.met(), tally.signed.len() as u64 >= case.threshold);
    }

    #[test]
    fn a_tally_does_not_depend_on_the_order_of_ids_and_keys(case in case(), turn in any::<Index>()) {
        let (signatures, mut set, tally) = count(&case);
        set.ids.reverse();
        let places = set.keys.len();
        set.keys.rotate_left(turn.index(places));
        prop_assert_eq!(&ceremony::tally(&payload(), &signatures, &set), &tally);
    }

    #[test]
    fn a_tally_does_not_depend_on_the_order_of_signatures(case in case(), turn in any::<Index>()) {
        let (mut signatures, set, _) = count(&case);
        // Of two signatures under one id the first is looked at: keep one.
        let mut seen: BTreeSet<KeyId> = BTreeSet::new();
        signatures.retain(|signature| seen.insert(signature.keyid.clone()));
        let before = tally(&payload(), &signatures, &set);
        if !signatures.is_empty() {
            let places = signatures.len();
            signatures.rotate_left(turn.index(places));
        }
        signatures.reverse();
        let after = tally(&payload(), &signatures, &set);
        prop_assert_eq!(after.signed, before.signed);
        prop_assert_eq!(after.missing, before.missing);
    }

    #[test]
    fn a_file_that_was_cut_or_bent_is_never_taken_for_the_whole(at in any::<Index>(), flip in 1..=255_u8) {
        let whole = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/sigstore-prod/metadata/16.root.json"));
        let whole = whole.unwrap();
        let root = Metadata::parse_untrusted(&whole).unwrap();
        let at = at.index(whole.len() - 2);
        prop_assert!(Metadata::parse_untrusted(&whole[..at]).is_err());
        let mut bent = whole;
        bent[at] ^= flip;
        if let Ok(bent) = Metadata::parse_untrusted(&bent) {
            // White space and the case of hex digits alone can change without a trace.
            let set = Root::of(&root).unwrap().own().clone();
            let count = |metadata: &Metadata| tally(&metadata.payload(), &metadata.signatures, &set).signed.len();
            prop_assert!(bent.signatures == root.signatures && bent.signed() == root.signed() || count(&bent) < count(&root));
        }
    }
}

/// Texts in which implementations are apart more often than in most.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => "[ -~]{0,3}",
        2 => prop::sample::select(vec!["\n", "\u{1}", "\"", "\\", "a", "a b", "a!", "a\"", "a#", "é", "e\u{301}"])
            .prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..3).prop_map(|pieces| pieces.concat())
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(|number| Json::Number(number.into())),
        any::<u64>().prop_map(|number| Json::Number(number.into())),
        text().prop_map(Json::string),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::Array),
            prop::collection::btree_map(text(), inner, 0..6)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

fn as_olpc_cjson(value: &serde_json::Value) -> Vec<u8> {
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, olpc_cjson::CanonicalFormatter::new());
    value.serialize(&mut serializer).unwrap();
    out
}

/// Whether the linter says that implementations write this differently.
fn diverges(json: &Json) -> bool {
    let signed = Json::Object(
        [
            ("_type", Json::string("timestamp")),
            ("expires", Json::string("2030-01-01T00:00:00Z")),
            ("version", Json::Number(1)),
            ("x-any", json.clone()),
        ]
        .into_iter()
        .collect(),
    );
    let findings = lint::file("timestamp", &Metadata::new(signed, vec![]).unwrap());
    findings.iter().any(|finding| finding.rule == Rule::CanonicalDivergence)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn three_canonical_forms_are_one_where_the_linter_is_silent(json in json()) {
        let value: serde_json::Value = serde_json::from_str(&json.pretty()).unwrap();
        let ours = json.canonical();
        let theirs = sigstore_tuf::canonical_json::to_canonical_bytes(&value).unwrap();
        prop_assert_eq!(String::from_utf8_lossy(&ours), String::from_utf8_lossy(&theirs));
        let toughs = as_olpc_cjson(&value);
        if ours != toughs {
            prop_assert!(diverges(&json), "{} {}", String::from_utf8_lossy(&ours), String::from_utf8_lossy(&toughs));
        }
    }

    #[test]
    fn what_is_written_reads_back(json in json()) {
        prop_assert_eq!(Json::parse(json.pretty().as_bytes()).unwrap(), json);
    }
}

#[test]
fn the_linter_is_silent_about_what_is_usual() {
    for usual in
        [r#"{"a/b.json":1,"a/b.json.sig":2,"a":3}"#, "[\"é\",\"-----BEGIN\\nA\\n\",\"ü ✓\"]", "9007199254740991"]
    {
        assert!(!diverges(&Json::parse(usual.as_bytes()).unwrap()), "{usual}");
    }
}
