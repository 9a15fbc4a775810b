//! First aid for trusted roots that other tools made.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::chain::AuthorityChain;
use super::edit::LogIdForm;
use super::held::pem;
use super::instance::{Instance, Kind, raw_bytes};
use super::log_key::LogKey;
use super::moment::Moment;
use super::signing_config::{Form, SigningConfig};
use super::trusted_root::TrustedRoot;
use super::url::ServiceUrl;
use crate::certificate::Certificate;
use crate::json::{Json, Object};

/// What no file says, and a repair needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// URLs to be replaced, such as those that only a cluster knows, with those that clients use.
    pub urls: Vec<(String, ServiceUrl)>,
    /// When logs started that have no start, or one that stands for none.
    pub log_start: Option<Moment>,
    /// When single ones of them started, by kind and place in the list.
    pub log_starts: BTreeMap<(Kind, usize), Moment>,
}

impl Answers {
    /// The URL in place of `before`: the one that was given, or the same without slashes at its end.
    fn url(&self, before: &str) -> String {
        let plain = before.trim_end_matches('/');
        let named = self.urls.iter().find(|(old, _)| old.trim_end_matches('/') == plain);
        named.map_or(plain, |(_, new)| new.as_str()).to_string()
    }

    fn log_start(&self, log: &Instance<'_>) -> Option<&Moment> {
        self.log_starts.get(&(log.kind, log.index)).or(self.log_start.as_ref())
    }
}

/// One thing that was repaired. Both texts may have untrusted parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The entry by kind and place in its list; none of the file itself, and of a service.
    pub place: Option<(Kind, usize)>,
    /// The entry, as it is called afterwards.
    pub subject: String,
    /// What was done, as a sentence without full stop.
    pub what: String,
}

/// Repairs what tools that are in use got wrong: PEM texts where DER belongs, log ids and kinds of keys that do not fit
/// the key, ids under the name of a later form, chains in the wrong order, missing starts, slashes at the end of URLs,
/// URLs that were asked to be replaced, the media type. Everything else stays as it is, and what is still wrong is for
/// [`lint`](super::lint::lint) to find.
pub fn repair(root: &TrustedRoot, answers: &Answers) -> (TrustedRoot, Vec<Repair>) {
    let (mut root, mut repairs) = (root.clone(), Vec::new());
    if root.media_type() != Some(TrustedRoot::MEDIA_TYPE) {
        let before = root.media_type().unwrap_or("nothing").to_string();
        root = root.with_media_type();
        let what = format!("the media type was {before}");
        repairs.push(Repair { place: None, subject: TrustedRoot::TARGET.to_string(), what });
    }
    for kind in Kind::ALL {
        for index in 0..root.of_kind(*kind).count() {
            let mut whats = Vec::new();
            let mut apply = |root: &mut TrustedRoot, fix: fn(&Instance<'_>, &Answers) -> Option<Fix>| {
                let Some(entry) = root.of_kind(*kind).nth(index) else { return };
                let Some(Fix { path, name, value, what }) = fix(&entry, answers) else { return };
                *root = root.set(&entry, path, name, value.as_ref());
                whats.push(what);
            };
            apply(&mut root, url);
            if kind.is_log() {
                apply(&mut root, log_pem);
                apply(&mut root, key_details);
                apply(&mut root, later_id);
                apply(&mut root, log_id);
            } else {
                apply(&mut root, chain);
            }
            apply(&mut root, later_id_left);
            apply(&mut root, operator);
            apply(&mut root, start);
            let subject = root.of_kind(*kind).nth(index).map(|entry| entry.subject()).unwrap_or_default();
            let place = Some((*kind, index));
            repairs.extend(whats.into_iter().map(|what| Repair { place, subject: subject.clone(), what }));
        }
    }
    (root, repairs)
}

/// Repairs the URLs of the services of a signing config, as [`repair`] does those of entries. One of the old form stays
/// as it is: no client of today reads it.
pub fn repair_services(config: &SigningConfig, answers: &Answers) -> (SigningConfig, Vec<Repair>) {
    let (mut repaired, mut repairs) = (config.clone(), Vec::new());
    for service in config.services().filter(|_| config.form() == Form::V02) {
        let Some(before) = service.url() else { continue };
        let after = answers.url(before);
        if after != before {
            repaired = repaired.with_url(&service, &after);
            let subject = ["signing", service.kind.word(), &after].join(" ");
            repairs.push(Repair { place: None, subject, what: format!("its URL was {before}") });
        }
    }
    (repaired, repairs)
}

/// Without entries that say the very same as one before them, as a broken and a whole one do once both are repaired.
pub fn without_copies(root: &TrustedRoot) -> (TrustedRoot, Vec<Repair>) {
    let (mut left, mut repairs) = (root.clone(), Vec::new());
    // The last first: the places of the others stay.
    for entry in root.instances().collect::<Vec<_>>().into_iter().rev() {
        if root.of_kind(entry.kind).take(entry.index).any(|other| other.entry == entry.entry) {
            left = left.remove(&entry);
            let place = Some((entry.kind, entry.index));
            repairs.push(Repair { place, subject: entry.subject(), what: "it stood there twice".to_string() });
        }
    }
    (left, repairs)
}

/// A member to set or to take away, in the object at a path below the entry.
struct Fix {
    path: &'static [&'static str],
    name: &'static str,
    value: Option<Json>,
    what: String,
}

fn url(entry: &Instance<'_>, answers: &Answers) -> Option<Fix> {
    let before = entry.url()?;
    let after = answers.url(before);
    let what = format!("its URL was {before}");
    let value = Some(Json::string(&after));
    (after != before).then(|| Fix { path: &[], name: entry.kind.url_member(), value, what })
}

/// A PEM text in place of the key, base64 or not.
fn log_pem(entry: &Instance<'_>, _: &Answers) -> Option<Fix> {
    let text = entry.entry.get("publicKey")?.get("rawBytes")?;
    let pem = pem(text)?;
    let key = LogKey::parse(pem.as_bytes()).ok()?;
    let value = Some(Json::string(STANDARD.encode(key.raw())));
    Some(Fix { path: &["publicKey"], name: "rawBytes", value, what: "its key was a PEM text".to_string() })
}

/// The kind of the key, where it is said wrongly or not at all.
fn key_details(entry: &Instance<'_>, _: &Answers) -> Option<Fix> {
    if entry.log_key().is_ok() {
        return None;
    }
    let raw = raw_bytes(entry.entry.get("publicKey")?.get("rawBytes"), "rawBytes").ok()?;
    let key = LogKey::parse(&raw).ok().filter(|key| key.raw() == raw)?;
    let before = entry.entry.get("publicKey")?.get("keyDetails").and_then(Json::as_str).unwrap_or("missing");
    let what = format!("keyDetails was {before}");
    Some(Fix { path: &["publicKey"], name: "keyDetails", value: Some(Json::string(key.details())), what })
}

/// The log id under the name that a later form has for it.
fn later_id(entry: &Instance<'_>, _: &Answers) -> Option<Fix> {
    let id = entry.entry.get("checkpointKeyId").filter(|_| entry.entry.get("logId").is_none())?;
    let what = "its log id stood under checkpointKeyId alone".to_string();
    Some(Fix { path: &[], name: "logId", value: Some(id.clone()), what })
}

fn log_id(entry: &Instance<'_>, _: &Answers) -> Option<Fix> {
    let key = entry.log_key().ok()?;
    let url: ServiceUrl = entry.url()?.parse().ok()?;
    let likely = LogIdForm::likely(entry.kind, &key);
    // Whether a Rekor of another key than ECDSA is of version 1 is not known here: both of its ids may be right.
    if [likely, LogIdForm::Key].iter().any(|form| entry.log_id().is_ok_and(|id| id == form.id(&url, &key))) {
        return None;
    }
    let before = entry.log_id().map_or_else(|_| "missing".to_string(), |id| STANDARD.encode(id));
    let id = Json::string(STANDARD.encode(likely.id(&url, &key)));
    let value = Some(Json::Object([("keyId", id)].into_iter().collect::<Object>()));
    Some(Fix { path: &[], name: "logId", value, what: format!("its log id was {before}") })
}

/// A chain with PEM texts in it, or in the wrong order.
fn chain(entry: &Instance<'_>, _: &Answers) -> Option<Fix> {
    let listed = entry.entry.get("certChain")?.get("certificates")?.as_array()?;
    let mut certificates = Vec::new();
    let mut whats = Vec::new();
    for one in listed {
        let text = one.get("rawBytes")?;
        match pem(text) {
            Some(pem) => {
                certificates.extend(Certificate::from_pem_chain(&pem).ok()?);
                whats.push("a certificate was a PEM text");
            }
            None => certificates.push(Certificate::from_der(&raw_bytes(Some(text), "rawBytes").ok()?).ok()?),
        }
    }
    let mut chain = AuthorityChain::unchecked(entry.kind, certificates);
    if chain.is_reversed() {
        chain = AuthorityChain::new(entry.kind, chain.certificates().to_vec()).ok()?;
        whats.push("its chain began with the root");
    }
    whats.dedup();
    let one = |certificate: &Certificate| {
        let raw = Json::string(STANDARD.encode(certificate.der()));
        Json::Object([("rawBytes", raw)].into_iter().collect::<Object>())
    };
    let value = Some(chain.certificates().iter().map(one).collect());
    let what = whats.join("; ");
    (!what.is_empty()).then_some(Fix { path: &["certChain"], name: "certificates", value, what })
}

fn later_id_left(entry: &Instance<'_>, _: &Answers) -> Option<Fix> {
    entry.entry.get("checkpointKeyId")?;
    let what = "it had checkpointKeyId, which belongs to a later form".to_string();
    Some(Fix { path: &[], name: "checkpointKeyId", value: None, what })
}

fn operator(entry: &Instance<'_>, _: &Answers) -> Option<Fix> {
    entry.entry.get("operator")?;
    Some(Fix {
        path: &[],
        name: "operator",
        value: None,
        what: "it had operator, which belongs to a later form".to_string(),
    })
}

/// The start of an authority is the beginning of the certificate that signs; that of a log must be said.
fn start(entry: &Instance<'_>, answers: &Answers) -> Option<Fix> {
    let valid = entry.valid_for().ok()?;
    let (holder, path): (Option<&Json>, &'static [&'static str]) =
        if entry.kind.is_log() { (entry.entry.get("publicKey"), &["publicKey"]) } else { (Some(entry.entry), &[]) };
    let start = if entry.kind.is_log() {
        let missing = valid.start.as_ref().is_none_or(Moment::stands_for_none);
        answers.log_start(entry).filter(|_| missing)?.clone()
    } else {
        let first = entry.certificates().ok()?.into_iter().next()?;
        let begins = Moment::from(Certificate::from_der(&first).ok()?.not_before());
        let early = valid.start.as_ref().is_none_or(|start| start.is_before(&begins));
        early.then_some(begins)?
    };
    let before = valid.start.map_or_else(|| "missing".to_string(), |start| start.to_string());
    let what = format!("its start was {before}, and is {start}");
    let mut object = holder?.get("validFor").and_then(Json::as_object).cloned().unwrap_or_default();
    object.insert("start", Json::string(start.as_str()));
    Some(Fix { path, name: "validFor", value: Some(Json::Object(object)), what })
}
