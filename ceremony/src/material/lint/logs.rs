//! What is wrong with the key of a log.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Judgement;
use crate::finding::{Finding, Rule};
use crate::json::Json;
use crate::key::PublicKey;
use crate::material::files::Material;
use crate::material::held::is_pem;
use crate::material::instance::{Instance, Kind, raw_bytes};
use crate::material::log_id;
use crate::material::log_key::LogKey;
use crate::material::signing_config::ServiceKind;

/// The key and log id of a log.
pub(super) fn log(
    instance: &Instance<'_>,
    material: &Material,
    judgement: &Judgement<'_>,
    findings: &mut Vec<Finding>,
) {
    let subject = instance.subject();
    let mut found = |rule, what: String| findings.push(Finding::new(rule, &subject, what));
    let raw = raw_bytes(instance.entry.get("publicKey").and_then(|key| key.get("rawBytes")), "publicKey.rawBytes");
    if raw.as_ref().is_ok_and(|raw| is_pem(raw)) {
        found(Rule::PemInRawBytes, "rawBytes of its key is a PEM text; clients want the DER in it".to_string());
        return;
    }
    // sigstore-go refuses the whole file.
    if let Some(hash) = instance.entry.get("hashAlgorithm").and_then(Json::as_str).filter(|hash| *hash != HASH) {
        found(Rule::MaterialUnreadable, format!("hashAlgorithm is \"{hash}\", and clients take {HASH} alone"));
    }
    let details = instance.entry.get("publicKey").and_then(|key| key.get("keyDetails")).and_then(Json::as_str);
    let refusing: Vec<&str> = refusing(details.unwrap_or_default(), judgement.clients);
    if !refusing.is_empty() {
        let what = format!("{} cannot use {}", refusing.join(", "), details.unwrap_or("a key without keyDetails"));
        found(Rule::LogKeyUnsupported, what);
    }
    let key = match instance.log_key() {
        Ok(key) => key,
        Err(error) => return found(Rule::MaterialUnreadable, error.to_string()),
    };
    match instance.log_id() {
        Err(error) => found(Rule::LogIdMismatch, error.to_string()),
        Ok(id) => {
            let wanted = wanted(instance, &key, material);
            if id != wanted {
                let (id, wanted) = (STANDARD.encode(&id), STANDARD.encode(wanted));
                found(Rule::LogIdMismatch, format!("it says {id}, and the key gives {wanted}"));
            }
        }
    }
}

/// The log id that goes with a key. Only Rekor v2 has that of notes, and only keys that are not ECDSA show which it is:
/// Rekor v1 has none of those in public; where a private one has, the signing config knows its version.
fn wanted(instance: &Instance<'_>, key: &LogKey, material: &Material) -> Vec<u8> {
    let url = instance.url().unwrap_or_default();
    let services = material.signing_configs.values().flat_map(|config| config.of_kind(ServiceKind::Rekor));
    let mut versions = services.filter(|service| service.url() == Some(url)).map(|service| service.major_api_version());
    let of_v1 = versions.any(|version| version == Some(1));
    let of_note = instance.kind == Kind::Rekor && !of_v1 && matches!(key.key(), PublicKey::Ed25519(_));
    let id = if of_note { log_id::of_note(&log_id::origin(url), key) } else { log_id::of_key(key) };
    // An RSA key shows nothing.
    let other = log_id::of_note(&log_id::origin(url), key);
    let is_other = matches!(key.key(), PublicKey::Rsa(_))
        && instance.kind == Kind::Rekor
        && instance.log_id().is_ok_and(|id| id == other.as_bytes());
    (if is_other { other } else { id }).as_bytes().to_vec()
}

/// The clients that cannot use a log key of this kind, of these; of all that are known if there are none.
fn refusing(details: &str, clients: &[String]) -> Vec<&'static str> {
    let all = CLIENTS.iter().filter(|(name, _)| clients.is_empty() || clients.iter().any(|client| client == name));
    all.filter(|(_, reads)| !reads.contains(&details)).map(|(name, _)| *name).collect()
}

/// The one hash that logs build their trees with.
const HASH: &str = "SHA2_256";

/// What the clients read as `keyDetails` of a log, from their sources: sigstore-go's `ParseTransparencyLogs`,
/// sigstore-python's `Key`, sigstore-js's `createTLogAuthority`, which reads every RSA key as PKCS#1.
const CLIENTS: &[(&str, &[&str])] = &[
    ("cosign", SIGSTORE_GO),
    ("sigstore-go", SIGSTORE_GO),
    ("sigstore-js", &["PKIX_ECDSA_P256_SHA_256", "PKIX_ECDSA_P384_SHA_384", "PKIX_ED25519", "PKCS1_RSA_PKCS1V5"]),
    ("sigstore-python", SIGSTORE_GO),
];

const SIGSTORE_GO: &[&str] = &[
    "PKIX_ECDSA_P256_SHA_256",
    "PKIX_ECDSA_P384_SHA_384",
    "PKIX_ECDSA_P521_SHA_512",
    "PKIX_RSA_PKCS1V15_2048_SHA256",
    "PKIX_RSA_PKCS1V15_3072_SHA256",
    "PKIX_RSA_PKCS1V15_4096_SHA256",
    "PKIX_ED25519",
    "PKCS1_RSA_PKCS1V5",
];
