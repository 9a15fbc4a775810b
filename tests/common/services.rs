//! Services of a Sigstore that is yet to run: their keys, and what they answer.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ceremony::Certificate;
use ceremony::material::{LogKey, log_id};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::{EncodePrivateKey as _, LineEnding};

use super::Trustroot;
use super::made::{Draft, Key, object, sequence};

/// Rotates Fulcio, Rekor, the CT log and the timestamp authority to these services from `start` on.
pub fn rotate_all(trustroot: &Trustroot, start: &str) {
    trustroot.write("services/rekor.pem", log_key(5).key().to_spki_pem());
    trustroot.write("services/checkpoint", checkpoint(5, "rekor.example/2"));
    trustroot.write("services/ct.pem", log_key(6).key().to_spki_pem());
    trustroot.write("services/sth.json", tree_head(6));
    trustroot.write("services/fulcio.pem", fulcio_chain());
    trustroot.write("services/tsa.pem", tsa_chain());
    let rekor = ["--key=services/rekor.pem", "--checkpoint=services/checkpoint", "--api-version=2"];
    for (kind, url, given) in [
        ("rekor", "--url=https://rekor.example/2", &rekor[..]),
        ("ctlog", "--url=https://ct.example/2", &["--key=services/ct.pem", "--tree-head=services/sth.json"]),
        ("fulcio", "--url=https://fulcio.example", &["--chain=services/fulcio.pem"]),
        ("tsa", "--url=https://tsa.example/stamp", &["--chain=services/tsa.pem"]),
    ] {
        trustroot.ok(&[&["material", "rotate", kind, url, "--start", start], given].concat());
    }
}

/// The same until long after everybody here.
fn lasting(draft: Draft) -> Draft {
    draft.valid("20200101000000Z", "20991231235959Z")
}

fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

pub fn log_key(seed: u8) -> LogKey {
    LogKey::author(ceremony::PublicKey::EcdsaP256(*signing_key(seed).verifying_key())).unwrap()
}

fn signed(seed: u8, message: &[u8]) -> Vec<u8> {
    let signature: DerSignature = signing_key(seed).sign(message);
    signature.as_bytes().to_vec()
}

/// What a log with this key and origin answers.
pub fn checkpoint(seed: u8, origin: &str) -> String {
    let body = format!("{origin}\n42\n{}\n", STANDARD.encode([7; 32]));
    let hint = &log_id::of_key(&log_key(seed)).as_bytes()[..4].to_vec();
    let line = STANDARD.encode([hint.as_slice(), &signed(seed, body.as_bytes())].concat());
    format!("{body}\n\u{2014} {origin} {line}\n")
}

pub fn tree_head(seed: u8) -> String {
    let head = [&[0, 1][..], &1_700_000_000_000_u64.to_be_bytes(), &5_u64.to_be_bytes(), &[7; 32]].concat();
    let signature = signed(seed, &head);
    let length = u16::try_from(signature.len()).unwrap().to_be_bytes();
    let signature = STANDARD.encode([&[4, 3][..], &length, &signature].concat());
    let hash = STANDARD.encode([7; 32]);
    format!(
        r#"{{"tree_size":5,"timestamp":1700000000000,"sha256_root_hash":"{hash}","tree_head_signature":"{signature}"}}"#
    )
}

/// The same from a CT log in tiles.
pub fn static_ct_checkpoint(seed: u8, origin: &str) -> String {
    let head: serde_json::Value = serde_json::from_str(&tree_head(seed)).unwrap();
    let signature = STANDARD.decode(head["tree_head_signature"].as_str().unwrap()).unwrap();
    let hint = log_id::of_static_ct(origin, &log_key(seed)).as_bytes()[..4].to_vec();
    let line = STANDARD.encode([&hint, &1_700_000_000_000_u64.to_be_bytes()[..], &signature].concat());
    format!("{origin}\n5\n{}\n\n\u{2014} {origin} {line}\n", head["sha256_root_hash"].as_str().unwrap())
}

/// A chain for Fulcio as PEM, the root first.
pub fn fulcio_chain() -> String {
    let (root, middle) = (Key::new(1), Key::new(2));
    let usage = sequence(&[object("1.3.6.1.5.5.7.3.3")]);
    let draft = lasting(Draft::authority("new-intermediate", &middle, Some(0))).extension("2.5.29.37", false, &usage);
    let root = lasting(Draft::authority("new-root", &root, None));
    [root.signed_by("new-root", &Key::new(1)), draft.signed_by("new-root", &Key::new(1))]
        .map(|der| Certificate::from_der(&der).unwrap().to_pem())
        .concat()
}

/// A chain for a timestamp authority as PEM.
pub fn tsa_chain() -> String {
    let usage = sequence(&[object("1.3.6.1.5.5.7.3.8")]);
    let leaf = lasting(Draft::new("new-tsa", &Key::new(3))).extension("2.5.29.37", true, &usage);
    let root = lasting(Draft::authority("new-tsa-root", &Key::new(4), Some(0)));
    [leaf.signed_by("new-tsa-root", &Key::new(4)), root.signed_by("new-tsa-root", &Key::new(4))]
        .map(|der| Certificate::from_der(&der).unwrap().to_pem())
        .concat()
}

/// What the timestamp authority of [`tsa_chain`] answers to a request, now: openssl plays it.
pub fn stamp(request: &[u8]) -> Vec<u8> {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| std::fs::write(place.path().join(name), content).unwrap();
    write("query", request);
    write("chain", tsa_chain().as_bytes());
    write("key", signing_key(3).to_pkcs8_pem(LineEnding::LF).unwrap().as_bytes());
    write("serial", b"01\n");
    write("config", b"[tsa]\ndefault_tsa = it\n[it]\nserial = serial\ndefault_policy = 1.2.3.4.1\ndigests = sha256\n");
    let mut reply = Command::new("openssl");
    reply.args(["ts", "-reply", "-config", "config", "-queryfile", "query", "-inkey", "key", "-signer", "chain"]);
    let reply = reply.args(["-sha256", "-out", "reply"]).current_dir(place.path()).output();
    let reply = reply.expect("apt-get install openssl");
    assert!(reply.status.success(), "{reply:?}");
    std::fs::read(place.path().join("reply")).unwrap()
}
