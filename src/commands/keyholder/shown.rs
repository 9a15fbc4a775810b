//! Keyholders and their keys, as every command here shows them.

use ceremony::finding::Finding;
use ceremony::{Json, Object, Policy, Time};
use keyholders::{Claims, Home, Possession, Record, RecordKey, Uri};

use crate::report::object;
use crate::text::escaped;

/// What is said of every key in a file.
pub(super) const THROW_AWAY: &str = "for rehearsals and low stakes only";

/// Where a key is.
pub(in crate::commands) fn place(home: &Home) -> String {
    match home {
        Home::File => format!("in a file: {THROW_AWAY}"),
        Home::Yubikey { serial, slot } => format!("in slot {slot} of the YubiKey {serial}"),
        Home::Pkcs11 { uri, .. } => {
            let token = uri.token.as_deref().filter(|label| !label.is_empty());
            let token = token.map_or(String::new(), |label| format!(" \"{}\"", escaped(label)));
            let serial = uri.serial.as_deref().unwrap_or_default();
            let name = uri.object.as_deref().map_or(String::new(), |name| format!(", named \"{}\"", escaped(name)));
            format!("on the token{token}, serial number {}{name}", escaped(serial))
        }
        Home::External => "where this program does not reach it".to_owned(),
    }
}

/// What a token says of itself, never taken for true.
pub(super) fn claims(claims: &Claims) -> &'static str {
    if claims.born_here() {
        "made on the token and never outside of it: so says the token, nothing verifies it"
    } else {
        "nothing: the token does not say that the key was made on it and never left it"
    }
}

/// The roles that the policy gives to `name`.
pub(super) fn roles<'a>(policy: &'a Policy, name: &str) -> Vec<&'a str> {
    let signs = |role: &&str| policy.role(role).is_some_and(|role| role.signers.names().iter().any(|n| n == name));
    policy.roles.keys().map(String::as_str).filter(signs).collect()
}

/// The reason for which the policy accepts a finding, behind the finding.
pub(super) fn finding(finding: &Finding, policy: &Policy, now: Time) -> String {
    match policy.accepts(finding, now) {
        Some(accept) => format!("accepted {finding}; reason: {}", escaped(&accept.reason)),
        None => format!("{finding}. {}", finding.rule.why()),
    }
}

pub(super) fn finding_json(finding: &Finding, policy: &Policy, now: Time) -> Json {
    let accepted = policy.accepts(finding, now);
    object([
        ("finding", Json::string(finding.rule.name())),
        ("subject", Json::string(&finding.subject)),
        ("what", Json::string(&finding.what)),
        ("accepted", accepted.map_or(Json::Null, |accept| Json::string(&accept.reason))),
    ])
}

pub(super) fn record_json(record: &Record, policy: &Policy) -> Object {
    let roles = roles(policy, record.name().as_str());
    [
        ("name", Json::string(record.name().as_str())),
        ("kind", Json::string(record.kind().as_str())),
        ("roles", roles.into_iter().map(Json::string).collect()),
        ("keys", record.keys().iter().map(key_json).collect()),
    ]
    .into_iter()
    .collect()
}

pub(super) fn key_json(key: &RecordKey) -> Json {
    let optional = |text: Option<String>| text.map_or(Json::Null, Json::string);
    let (serial, slot) = match key.home() {
        Home::Yubikey { serial, slot } => (Json::from(u64::from(*serial)), Json::string(slot.to_string())),
        _ => (Json::Null, Json::Null),
    };
    object([
        ("state", Json::string(key.state().as_str())),
        ("fingerprint", Json::string(key.fingerprint().to_string())),
        ("keyid", Json::string(key.tuf_key().id.as_str())),
        ("algorithm", Json::string(key.public_key().algorithm().to_string())),
        ("device", Json::string(key.device().as_str())),
        ("throw-away", Json::Bool(key.device().is_throw_away())),
        ("uri", optional(key.uri().map(Uri::to_string))),
        ("serial", serial),
        ("slot", slot),
        ("claimed", key.claimed().map_or(Json::Null, claims_json)),
        ("nonce", optional(key.possession().map(|Possession { nonce, .. }| nonce.to_string()))),
    ])
}

fn claims_json(claims: &Claims) -> Json {
    let truth = |claim: Option<bool>| claim.map_or(Json::Null, Json::Bool);
    let text = |claim: &Option<String>| claim.as_ref().map_or(Json::Null, Json::string);
    object([
        ("local", truth(claims.local)),
        ("never-extractable", truth(claims.never_extractable)),
        ("always-sensitive", truth(claims.always_sensitive)),
        ("library", text(&claims.library)),
        ("token", text(&claims.token)),
        ("manufacturer", text(&claims.manufacturer)),
        ("model", text(&claims.model)),
        ("serial", text(&claims.serial)),
        ("firmware", text(&claims.firmware)),
    ])
}
