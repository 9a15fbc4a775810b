//! One entry, as a diff looks at it.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::instance::Instance;
use super::super::log_id;
use super::super::log_key::LogKey;
use super::super::moment::ValidFor;
use super::super::signing_config::Service;
use super::Change;
use crate::certificate::Certificate;
use crate::diff::{Change as JsonChange, member};
use crate::digest::Digest;
use crate::json::Json;
use crate::key::PublicKey;

/// An entry of a trusted root or of a signing config.
pub(super) struct Item {
    /// What there is several of: `Rekor`, `signing with Rekor`.
    pub(super) list: String,
    /// How people call it. Escaped.
    pub(super) name: String,
    /// What makes it the same entry in two files.
    pub(super) identity: String,
    /// The names in its certificates, in the order of the file. Escaped.
    pub(super) chain: Vec<String>,
    /// The member that holds the times, from the entry on; empty if the entry itself does.
    pub(super) times: &'static str,
    /// The member that holds the URL.
    url: &'static str,
    pub(super) entry: Json,
    /// The bytes of the entry in the file.
    pub(super) text: String,
}

impl Item {
    pub(super) fn of_instance(instance: &Instance<'_>, text: &str) -> Self {
        let url = instance.url().map_or_else(|| "without URL".to_string(), short);
        let certificates = instance.held_certificates().unwrap_or_default();
        let certificates: Vec<Certificate> =
            certificates.iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
        let chain: Vec<String> = certificates.iter().map(common_name).collect();
        let name = if instance.kind.is_log() {
            let key = instance.log_key();
            let tiles = instance.url().zip(key.as_ref().ok()).is_some_and(|(url, key)| is_tiles(instance, url, key));
            let kind = if tiles { "Rekor v2".to_string() } else { instance.kind.to_string() };
            let algorithm = key.map_or_else(|_| "unreadable key".to_string(), |key| key.key().algorithm().to_string());
            format!("{kind} {url} ({algorithm})")
        } else {
            let signer = chain.first().map_or("unreadable chain", String::as_str);
            format!("{} {url} ({signer})", instance.kind)
        };
        let identity = format!("{:?}", instance.identity());
        let (times, url) = if instance.kind.is_log() { ("publicKey", "baseUrl") } else { ("", "uri") };
        Self {
            list: instance.kind.to_string(),
            name,
            identity,
            chain,
            times,
            url,
            entry: instance.entry.clone(),
            text: text.to_string(),
        }
    }

    pub(super) fn of_service(service: &Service<'_>, text: &str) -> Self {
        let url = service.url().map_or_else(|| "without URL".to_string(), short);
        let version = service.major_api_version().map_or_else(String::new, |version| format!(" v{version}"));
        let name = format!("the {}{version} {url} for signing", service.kind);
        Self {
            list: format!("{} for signing", service.kind),
            name,
            identity: format!("{:?} {:?}", service.kind, service.place()),
            chain: Vec::new(),
            times: "",
            // In the old form the entry is the URL.
            url: if service.entry.as_str().is_some() { "" } else { "url" },
            entry: service.entry.clone(),
            text: text.to_string(),
        }
    }

    /// When the entry is valid; without limits where its times cannot be read.
    pub(super) fn valid_for(&self) -> Option<ValidFor> {
        let holder = if self.times.is_empty() { Some(&self.entry) } else { self.entry.get(self.times) };
        ValidFor::read(holder.and_then(|holder| holder.get("validFor"))).ok()
    }

    /// The change that this entry is when it is new: all that it says.
    pub(super) fn added(&self) -> Change {
        let valid = self.valid_for();
        let mut changes = Vec::new();
        leaves(&self.entry, "", &mut changes);
        let times = member::child(self.times, "validFor");
        let told = |path: &str| {
            path == self.url
                || (valid.is_some() && (path == format!("{times}.start") || path == format!("{times}.end")))
        };
        let details = changes.iter().filter_map(|change| match change {
            JsonChange::Member { path, after: Some(value), .. } if !told(path) => Some(detail(path, value)),
            _ => None,
        });
        let details = details.collect();
        let ValidFor { start, end } = valid.unwrap_or_default();
        Change::Added { name: self.name.clone(), start, end, details }
    }
}

/// Every innermost value of an entry.
fn leaves(json: &Json, path: &str, changes: &mut Vec<JsonChange>) {
    match json {
        Json::Object(object) if !object.is_empty() => {
            object.iter().for_each(|(name, value)| leaves(value, &member::child(path, name), changes));
        }
        Json::Array(elements) if !elements.is_empty() => {
            elements.iter().enumerate().for_each(|(i, value)| leaves(value, &format!("{path}[{i}]"), changes));
        }
        leaf => changes.push(JsonChange::Member { path: path.to_string(), before: None, after: Some(leaf.clone()) }),
    }
}

/// A line on one member: of keys and certificates what they are, of a log id also the hex digits by which logs are known.
fn detail(path: &str, value: &Json) -> String {
    let text = value.as_str().unwrap_or_default();
    let raw = STANDARD.decode(text).ok().filter(|raw| STANDARD.encode(raw) == text);
    if let Some(raw) = raw.as_ref().filter(|_| path.ends_with("rawBytes")) {
        let digest = Digest::of(raw);
        if let Ok(certificate) = Certificate::from_der(raw) {
            let (subject, from, to) = (certificate.subject(), certificate.not_before(), certificate.not_after());
            return format!("certificate {subject}, {from} to {to}, SHA-256 {digest}");
        }
        let key =
            LogKey::parse(raw).map_or_else(|_| "bytes".to_string(), |key| format!("{} key", key.key().algorithm()));
        return format!("{key}, SHA-256 {digest}");
    }
    if let Some(raw) = raw.filter(|_| path.ends_with("logId.keyId")) {
        return format!("{} {text}, in hex {}", path.escape_debug(), hex::encode(raw));
    }
    let text = if value.as_str().is_some() { text.to_string() } else { value.pretty().trim_end().to_string() };
    let path = path.rsplit_once("publicKey.").map_or(path, |(_, path)| path);
    format!("{} {}", path.escape_debug(), text.escape_debug())
}

/// Whether a log is a Rekor v2: its log id is that of notes, and could not be that of the key.
fn is_tiles(instance: &Instance<'_>, url: &str, key: &LogKey) -> bool {
    let ecdsa = matches!(key.key(), PublicKey::EcdsaP256(_) | PublicKey::EcdsaP384(_));
    let id = log_id::of_note(&log_id::origin(url), key);
    !ecdsa && instance.log_id().is_ok_and(|claimed| claimed == id.as_bytes())
}

/// A URL as people say it.
fn short(url: &str) -> String {
    url.strip_prefix("https://").unwrap_or(url).escape_debug().to_string()
}

fn common_name(certificate: &Certificate) -> String {
    let name = certificate.common_names().first().map(|name| name.escape_debug().to_string());
    name.unwrap_or_else(|| certificate.subject().to_string())
}
