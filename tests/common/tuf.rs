//! A small TUF repository in memory, signed by keys that everybody knows: to be bent in every way.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ceremony::tuf_key::whole_object_id;
use ceremony::{Json, KeyId, Metadata, PublicKey, Signature, TufKey};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use serde_json::{Value, json};

/// The private key of this number.
pub fn secret(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

/// The key of this number as this program lists it.
pub fn key(seed: u8) -> TufKey {
    TufKey::author(&PublicKey::EcdsaP256(*secret(seed).verifying_key())).unwrap()
}

/// The same key under another id, since its object has one more member.
pub fn key_again(seed: u8) -> TufKey {
    let mut object = key(seed).object;
    object.as_object_mut().unwrap().insert("x-owner", Json::string("somebody else"));
    TufKey::read(whole_object_id(&object), object)
}

/// The same key in another encoding: a compressed point in hex.
pub fn key_compressed(seed: u8) -> TufKey {
    let mut object = key(seed).object;
    let point = hex::encode(secret(seed).verifying_key().to_sec1_point(true).as_bytes());
    let keyval = object.as_object_mut().unwrap().get_mut("keyval").unwrap().as_object_mut().unwrap();
    keyval.insert("public", Json::string(point));
    TufKey::read(whole_object_id(&object), object)
}

/// The same key in a third encoding: a compressed point in PEM.
pub fn key_compressed_pem(seed: u8) -> TufKey {
    // SubjectPublicKeyInfo of a point on P-256 in 33 bytes.
    let head = hex::decode("3039301306072a8648ce3d020106082a8648ce3d030107032200").unwrap();
    let spki = [&head[..], secret(seed).verifying_key().to_sec1_point(true).as_bytes()].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(spki));
    let mut object = key(seed).object;
    let keyval = object.as_object_mut().unwrap().get_mut("keyval").unwrap().as_object_mut().unwrap();
    keyval.insert("public", Json::string(pem));
    TufKey::read(whole_object_id(&object), object)
}

/// `signed` as a file, with a signature by each of these: under which id, by which hand.
pub fn signed_as(signed: &Value, signers: &[(KeyId, u8)]) -> Vec<u8> {
    let mut metadata = unsigned(signed);
    let payload = metadata.payload();
    metadata.signatures.extend(signers.iter().map(|(id, hand)| {
        let sig: DerSignature = secret(*hand).sign(payload.bytes());
        Signature { keyid: id.clone(), sig: sig.as_bytes().to_vec() }
    }));
    metadata.to_file()
}

/// `signed` as a file, signed by the keys of these numbers.
pub fn signed(signed: &Value, signers: &[u8]) -> Vec<u8> {
    signed_as(signed, &signers.iter().map(|seed| (key(*seed).id, *seed)).collect::<Vec<_>>())
}

/// `signed` as it will be signed.
pub fn unsigned(signed: &Value) -> Metadata {
    let signed = Json::parse(signed.to_string().as_bytes()).unwrap();
    Metadata::new(signed, Vec::new()).unwrap()
}

/// `keys` of a metadata file.
pub fn keys(keys: &[TufKey]) -> Value {
    let value = |object: &Json| serde_json::from_str::<Value>(&object.pretty()).unwrap();
    keys.iter().map(|key| (key.id.as_str().to_owned(), value(&key.object))).collect::<serde_json::Map<_, _>>().into()
}

/// `keyids` and `threshold` of a role.
pub fn role(keys: &[TufKey], threshold: u64) -> Value {
    json!({ "keyids": keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>(), "threshold": threshold })
}

/// When all but timestamps expires.
pub const EXPIRES: &str = "2026-12-01T00:00:00Z";

/// A root in which these keys sign root and targets, and key 9 the rest.
pub fn root(version: u64, offline: &[TufKey], threshold: u64) -> Value {
    let online = [key(9)];
    let all: Vec<TufKey> = offline.iter().chain(&online).cloned().collect();
    let (people, machine) = (role(offline, threshold), role(&online, 1));
    json!({
        "_type": "root", "spec_version": "1.0.31", "version": version, "expires": EXPIRES, "consistent_snapshot": true,
        "keys": keys(&all),
        "roles": { "root": people, "targets": people, "snapshot": machine, "timestamp": machine },
    })
}

/// A targets file of these target files, which delegates `team/*` to key 7.
pub fn targets(version: u64, files: &[(&str, &[u8])]) -> Value {
    let mut team = role(&[key(7)], 1);
    let members = team.as_object_mut().unwrap();
    members.extend([("name".to_owned(), json!("team")), ("paths".to_owned(), json!(["team/*"]))]);
    members.insert("terminating".to_owned(), json!(true));
    let mut signed = delegated(version, files);
    signed["delegations"] = json!({ "keys": keys(&[key(7)]), "roles": [team] });
    signed
}

/// A targets file of these target files.
pub fn delegated(version: u64, files: &[(&str, &[u8])]) -> Value {
    let entry = |bytes: &[u8]| json!({ "length": bytes.len(), "hashes": { "sha256": ceremony::Digest::of(bytes).to_string() } });
    let entries: serde_json::Map<_, _> = files.iter().map(|(path, bytes)| ((*path).to_owned(), entry(bytes))).collect();
    json!({ "_type": "targets", "spec_version": "1.0.31", "version": version, "expires": EXPIRES, "targets": entries })
}

/// When a timestamp expires.
pub const TIMESTAMP_EXPIRES: &str = "2026-09-20T00:00:00Z";

/// A snapshot or timestamp that names these files.
pub fn online(kind: &str, version: u64, meta: &[(&str, u64)]) -> Value {
    let expires = if kind == "timestamp" { TIMESTAMP_EXPIRES } else { EXPIRES };
    let meta: serde_json::Map<_, _> =
        meta.iter().map(|(name, version)| ((*name).to_owned(), json!({ "version": version }))).collect();
    json!({ "_type": kind, "spec_version": "1.0.31", "version": version, "expires": expires, "meta": meta })
}

/// Files of a repository by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A repository that every client takes: roots 1 to 3 of keys 1 to 3, two of which must sign; targets `a.txt` and, by
/// the delegated role, `team/b.txt`.
pub fn repository() -> Files {
    let people: Vec<TufKey> = (1..=3).map(key).collect();
    let mut files = Files::new();
    for version in 1..=3 {
        files.insert(format!("{version}.root.json"), signed(&root(version, &people, 2), &[1, 2]));
    }
    files.insert("1.targets.json".into(), signed(&targets(1, &[("a.txt", b"a")]), &[1, 3]));
    files.insert("1.team.json".into(), signed(&delegated(1, &[("team/b.txt", b"b")]), &[7]));
    let meta = [("targets.json", 1), ("team.json", 1)];
    for version in 1..=2 {
        files.insert(format!("{version}.snapshot.json"), signed(&online("snapshot", version, &meta), &[9]));
    }
    files.insert("timestamp.json".into(), signed(&online("timestamp", 2, &[("snapshot.json", 2)]), &[9]));
    for (path, bytes) in [("a.txt", b"a"), ("team/b.txt", b"b")] {
        let name = ceremony::targets::consistent_name(path, &ceremony::Digest::of(bytes).to_string());
        files.insert(format!("targets/{name}"), bytes.to_vec());
    }
    files
}
