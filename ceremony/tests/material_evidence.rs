//! What shows when an authority or a log was last used: from real bundles, under Sigstore's real entries.
#![allow(clippy::unwrap_used)]

mod published;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ceremony::material::evidence::{EvidenceError, claim, claim_name, file_name};
use ceremony::material::{Ending, Evidence, Instance, Kind, Moment, TrustedRoot};
use ceremony::{Digest, Json};
use published::{TRUSTED_ROOTS, data, trusted_root};

fn bundle(name: &str) -> Json {
    let bundle = Json::parse(&data(&format!("bundles/{name}/bundle.sigstore.json"))).unwrap();
    bundle.get("verificationMaterial").unwrap().clone()
}

fn text<'a>(json: &'a Json, path: &[&str]) -> &'a str {
    path.iter().fold(json, |json, name| json.get(name).unwrap()).as_str().unwrap()
}

fn sigstore() -> TrustedRoot {
    TrustedRoot::parse(&trusted_root(TRUSTED_ROOTS.len() - 1)).unwrap()
}

fn staging() -> TrustedRoot {
    TrustedRoot::parse(&published::staging()).unwrap()
}

fn entry<'a>(root: &'a TrustedRoot, kind: Kind, url: &str) -> Instance<'a> {
    root.of_kind(kind).filter(|entry| entry.url().unwrap().contains(url)).last().unwrap()
}

/// An entry as Rekor v1 answers it, made of what a bundle holds of it.
fn logged(name: &str) -> String {
    let material = bundle(name);
    let entry = &material.get("tlogEntries").unwrap().as_array().unwrap()[0];
    let log = hex::encode(STANDARD.decode(text(entry, &["logId", "keyId"])).unwrap());
    format!(
        r#"{{"24296fb24b8ad77a": {{"body": "{}", "integratedTime": {}, "logID": "{log}", "logIndex": {},
        "verification": {{"signedEntryTimestamp": "{}"}}}}}}"#,
        text(entry, &["canonicalizedBody"]),
        text(entry, &["integratedTime"]),
        text(entry, &["logIndex"]),
        text(entry, &["inclusionPromise", "signedEntryTimestamp"]),
    )
}

fn checkpoint(name: &str) -> String {
    let material = bundle(name);
    let entry = &material.get("tlogEntries").unwrap().as_array().unwrap()[0];
    text(entry, &["inclusionProof", "checkpoint", "envelope"]).to_owned()
}

fn shown(bytes: &[u8], entry: &Instance<'_>) -> (String, Option<String>) {
    let evidence = Evidence::verify(bytes, entry).unwrap();
    assert_eq!(evidence.sha256, Digest::of(bytes));
    (evidence.what, evidence.until.map(|until| until.to_string()))
}

#[test]
fn what_sigstore_signed_is_evidence_of_its_use() {
    let (root, staging) = (sigstore(), staging());
    let rekor = entry(&root, Kind::Rekor, "https://rekor.sigstore.dev");
    let (what, until) = shown(logged("happy-path-v0.3").as_bytes(), &rekor);
    assert_eq!(what, "its entry 79571823, of 2024-03-19T17:26:26Z");
    assert_eq!(until.as_deref(), Some("2024-03-19T17:26:26Z"));
    let (what, until) = shown(checkpoint("happy-path-v0.3").as_bytes(), &rekor);
    assert_eq!((what.as_str(), until), ("its checkpoint of 75408393 entries, which has no time", None));
    let tiles = entry(&staging, Kind::Rekor, "log2025-alpha1");
    assert!(shown(checkpoint("rekor2-happy-path").as_bytes(), &tiles).0.starts_with("its checkpoint of 736 entries"));

    let leaf = STANDARD.decode(text(&bundle("happy-path-v0.3"), &["certificate", "rawBytes"])).unwrap();
    let fulcio = entry(&root, Kind::Fulcio, "fulcio.sigstore.dev");
    let (what, until) = shown(&leaf, &fulcio);
    assert_eq!(what, "a certificate that it issued, valid until 2024-03-19T17:36:26Z");
    assert_eq!(until.as_deref(), Some("2024-03-19T17:36:26Z"));

    let stamps = bundle("rekor2-happy-path");
    let stamp =
        &stamps.get("timestampVerificationData").unwrap().get("rfc3161Timestamps").unwrap().as_array().unwrap()[0];
    let stamp = STANDARD.decode(text(stamp, &["signedTimestamp"])).unwrap();
    let (what, until) = shown(&stamp, &entry(&staging, Kind::Tsa, "timestamp"));
    assert_eq!(what, format!("its time stamp, of {}", until.unwrap()));
}

#[test]
fn what_another_signed_is_no_evidence() {
    let (root, staging) = (sigstore(), staging());
    let rekor = entry(&root, Kind::Rekor, "https://rekor.sigstore.dev");
    let good = logged("happy-path-v0.3");
    for (from, to) in [("1710869186", "1710869187"), ("79571823", "79571824"), ("\"body\": \"e", "\"body\": \"f")] {
        let error = Evidence::verify(good.replace(from, to).as_bytes(), &rekor).unwrap_err();
        assert_eq!(error.to_string(), "the signed entry timestamp is not of this log", "{from}");
    }
    for (from, to) in [("logID", "logid"), ("signedEntryTimestamp", "x"), ("1710869186", "\"1710869186\"")] {
        assert!(Evidence::verify(good.replace(from, to).as_bytes(), &rekor).is_err(), "{from}");
    }
    let tiles = entry(&staging, Kind::Rekor, "log2025-alpha1");
    let other = Evidence::verify(good.as_bytes(), &tiles).unwrap_err().to_string();
    assert!(other.starts_with("the entry is of the log c0d23d6ad406973f"), "{other}");
    let leaf = STANDARD.decode(text(&bundle("happy-path-v0.3"), &["certificate", "rawBytes"])).unwrap();
    let old = root.of_kind(Kind::Fulcio).next().unwrap();
    assert!(matches!(Evidence::verify(&leaf, &old), Err(EvidenceError::Issued(_))));
    for kind in Kind::ALL {
        for garbage in ["", "{", "{}", "[]", "\u{0}", "{\"a\": {}}", "a\n\nb\n", "{\"signedTreeHead\": \"\"}"] {
            assert!(Evidence::verify(garbage.as_bytes(), &entry(&root, *kind, "sigstore.dev")).is_err(), "{garbage:?}");
        }
    }
}

#[test]
fn an_end_before_the_evidence_is_found() {
    let root = sigstore();
    let rekor = entry(&root, Kind::Rekor, "https://rekor.sigstore.dev");
    let end = |at: &str| root.end(&rekor, &Moment::parse(at).unwrap(), None).unwrap();
    let (early, late) = (end("2024-03-19T17:26:25.999Z"), end("2024-03-19T17:26:26Z"));
    let name = file_name(&rekor);
    assert_eq!(name, "rekor-c0d23d6a");
    let files = |name: &str| BTreeMap::from([(name.to_owned(), logged("happy-path-v0.3").into_bytes())]);
    let endings = |after: &TrustedRoot, name: &str| Ending::all(Some(&root), Some(after), &files(name));
    let found = endings(&early, &name).unwrap()[0].finding().unwrap();
    assert_eq!(
        found.to_string(),
        "end-before-use (rekor https://rekor.sigstore.dev c0d23d6a 2024-03-19T17:26:25.999Z): it ends at \
         2024-03-19T17:26:25.999Z, too early for its entry 79571823, of 2024-03-19T17:26:26Z"
    );
    let good = endings(&late, &name).unwrap();
    assert_eq!((good.len(), good[0].finding()), (1, None));
    let said = good[0].to_string();
    assert!(said.contains("ends at 2024-03-19T17:26:26Z: there is its entry 79571823, of"), "{said}");
    // Without evidence it is somebody's word, and evidence of what does not end is none.
    let none = Ending::all(Some(&root), Some(&early), &BTreeMap::new()).unwrap();
    assert!(none[0].finding().is_none() && none[0].to_string().ends_with("whoever ends it vouches for that"));
    // What is only claimed is held against the end too.
    let claimed = |text: &str| {
        let files = BTreeMap::from([(claim_name(&rekor), text.as_bytes().to_vec())]);
        Ending::all(Some(&root), Some(&early), &files)
    };
    let told = claimed(&claim("2024-03-20T00:00:00Z".parse().unwrap())).unwrap();
    assert!(told[0].to_string().ends_with("; they say that it was last used at 2024-03-20T00:00:00Z"), "{}", told[0]);
    assert!(told[0].finding().unwrap().what.ends_with("its last use at 2024-03-20T00:00:00Z, as it is claimed"));
    assert_eq!(claimed("2024-03-01T00:00:00Z\n").unwrap()[0].finding(), None);
    for text in ["2024-03-01T00:00:00Z", "2024-03-01T00:00:00Z\n\n", "yesterday\n", ""] {
        assert_eq!(claimed(text), Err((claim_name(&rekor), EvidenceError::Claim)), "{text:?}");
    }
    assert_eq!(endings(&root, &name), Err((name.clone(), EvidenceError::OfNothing)));
    assert_eq!(endings(&late, "rekor-00000000").unwrap_err().1, EvidenceError::OfNothing);
    // The end moves; it is taken back.
    assert_eq!(Ending::all(Some(&late), Some(&early), &files(&name)).unwrap().len(), 1);
    assert!(Ending::all(Some(&late), Some(&root), &BTreeMap::new()).unwrap().is_empty());
    assert!(Ending::all(None, Some(&early), &BTreeMap::new()).unwrap().is_empty());
}
