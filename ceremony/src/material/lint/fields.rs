//! Members that strict clients refuse a file for.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::finding::{Finding, Rule};
use crate::json::{Json, Object};
use crate::material::instance::Kind;
use crate::material::moment::Moment;
use crate::material::signing_config::{Form, Selector, Service, ServiceKind, SigningConfig};
use crate::material::trusted_root::TrustedRoot;

/// The members that one object may have, each with what it must be.
struct Shape(&'static [(&'static str, Value)]);

/// What a member must be. JSON of protocol buffers also has null for what is not there, and numbers for names: some
/// clients take that, and others refuse the whole file.
#[derive(Clone, Copy)]
enum Value {
    /// Whatever it is, it is judged elsewhere.
    Any,
    Text,
    Object(&'static Shape),
    Objects(&'static Shape),
}

const BYTES: Shape = Shape(&[("rawBytes", Value::Any)]);
const VALID_FOR: Shape = Shape(&[("start", Value::Any), ("end", Value::Any)]);
const KEY: Shape =
    Shape(&[("rawBytes", Value::Any), ("keyDetails", Value::Any), ("validFor", Value::Object(&VALID_FOR))]);
const LOG_ID: Shape = Shape(&[("keyId", Value::Any)]);
const LOG: Shape = Shape(&[
    ("baseUrl", Value::Text),
    ("hashAlgorithm", Value::Text),
    ("publicKey", Value::Object(&KEY)),
    ("logId", Value::Object(&LOG_ID)),
]);
const SUBJECT: Shape = Shape(&[("organization", Value::Text), ("commonName", Value::Text)]);
const CHAIN: Shape = Shape(&[("certificates", Value::Objects(&BYTES))]);
const AUTHORITY: Shape = Shape(&[
    ("subject", Value::Object(&SUBJECT)),
    ("uri", Value::Text),
    ("certChain", Value::Object(&CHAIN)),
    ("validFor", Value::Object(&VALID_FOR)),
]);
const SERVICE: Shape = Shape(&[
    ("url", Value::Any),
    ("majorApiVersion", Value::Any),
    ("validFor", Value::Object(&VALID_FOR)),
    ("operator", Value::Text),
]);
const SELECTION: Shape = Shape(&[("selector", Value::Any), ("count", Value::Any)]);

/// What the later form of a trusted root has beside that of 0.1.
const LATER: &[&str] = &["operator", "checkpointKeyId"];

/// The members of a trusted root that version 0.1 does not have, and what those that it has are not, under the entry in
/// which they are.
pub(super) fn trusted_root(root: &TrustedRoot, findings: &mut Vec<Finding>) {
    let Some(object) = root.json().as_object() else { return };
    let known = |name: &str| name == "mediaType" || Kind::ALL.iter().any(|kind| kind.list() == name);
    for (name, _) in object.iter().filter(|(name, _)| !known(name)) {
        let what = format!("\"{name}\" is no member of a trusted root");
        findings.push(Finding::new(Rule::FieldUnknown, TrustedRoot::TARGET, what));
    }
    for instance in root.instances() {
        let shape = if instance.kind.is_log() { &LOG } else { &AUTHORITY };
        let needed: &[&str] = if instance.kind.is_log() { &["baseUrl", "hashAlgorithm"] } else { &["subject"] };
        let subject = instance.subject();
        for path in strangers(instance.entry, shape) {
            let later = LATER.contains(&path.as_str());
            let (rule, what) = match later {
                true => {
                    (Rule::FieldOfLaterForm, format!("\"{path}\" belongs to a later form than the media type says"))
                }
                false => (Rule::FieldUnknown, format!("\"{path}\" is no member that clients know")),
            };
            findings.push(Finding::new(rule, &subject, what));
        }
        let unreadable = misshapen(instance.entry, shape, needed).into_iter();
        findings.extend(unreadable.map(|what| Finding::new(Rule::MaterialUnreadable, &subject, what)));
    }
}

/// The members of a signing config that its form does not have, and what its services are not.
pub(super) fn signing_config(path: &str, config: &SigningConfig, findings: &mut Vec<Finding>) {
    let Some(object) = config.json().as_object() else { return };
    for (name, value) in object.iter() {
        let list = ServiceKind::ALL.iter().any(|kind| kind.list(Form::V02) == name);
        let selection = ServiceKind::ALL.iter().any(|kind| kind.config() == Some(name));
        let strangers = match (list, selection) {
            (true, _) => strangers(value, &SERVICE),
            (_, true) => strangers(value, &SELECTION),
            _ if name == "mediaType" => continue,
            _ => [String::from(name)].to_vec(),
        };
        for member in strangers {
            let what = format!("\"{member}\" is no member that clients know");
            findings.push(Finding::new(Rule::FieldUnknown, path, what));
        }
    }
    for service in config.services() {
        let unreadable = misshapen(service.entry, &SERVICE, &["operator"]).into_iter();
        findings.extend(unreadable.map(|what| Finding::new(Rule::MaterialUnreadable, service.subject(), what)));
    }
    for kind in ServiceKind::ALL {
        let what = unselectable(config, *kind);
        findings.extend(what.map(|what| Finding::new(Rule::MaterialUnreadable, path, what)));
    }
}

/// Why signers can select no service of this kind, though there are some, or will not be able to. That none is left is told
/// elsewhere.
fn unselectable(config: &SigningConfig, kind: ServiceKind) -> Option<String> {
    let name = kind.config()?;
    let services = config.of_kind(kind).count();
    let end = |service: Service<'_>| service.valid_for().ok().and_then(|valid| valid.end);
    match config.selector(kind) {
        None if config.json().get(name).is_some() => {
            Some(format!("\"{name}\" is none of ANY, ALL, or EXACT with a count"))
        }
        None => {
            (services > 0).then(|| format!("there is no \"{name}\" that says how many of the services signers use"))
        }
        Some(Selector::Exact(count)) => {
            let spare = usize::try_from(count).ok().filter(|count| *count > 0);
            let Some(spare) = spare.and_then(|count| services.checked_sub(count)) else {
                return Some(format!("\"{name}\" asks for {count} of {services} services"));
            };
            let mut ends: Vec<Moment> = config.of_kind(kind).filter_map(end).collect();
            ends.sort_by_key(Moment::unix);
            let last = ends.get(spare)?;
            let left = services - ends.iter().take_while(|end| !last.is_before(end)).count();
            (left > 0)
                .then(|| format!("\"{name}\" asks for {count} services, and of {services} {left} is left after {last}"))
        }
        Some(_) => None,
    }
}

/// What members are not that they must be, and which of the `needed` are not there.
fn misshapen(json: &Json, shape: &Shape, needed: &[&str]) -> Vec<String> {
    let absent = needed.iter().filter(|name| json.get(name).is_none()).map(|name| format!("there is no \"{name}\""));
    let mut wrong: Vec<String> = absent.collect();
    for (name, value) in shape.0 {
        let Some(found) = json.get(name) else { continue };
        let (is_so, wanted) = match value {
            Value::Any => continue,
            Value::Text => (found.as_str().is_some(), "a text"),
            Value::Object(shape) => {
                let below = misshapen(found, shape, &[]).into_iter();
                wrong.extend(below.map(|what| format!("in \"{name}\": {what}")));
                (found.as_object().is_some(), "an object")
            }
            Value::Objects(_) => {
                let objects = |found: &[Json]| found.iter().all(|one| one.as_object().is_some());
                (found.as_array().is_some_and(objects), "an array of objects")
            }
        };
        if !is_so {
            wrong.push(format!("\"{name}\" is not {wanted}"));
        }
    }
    wrong
}

/// The paths of the members that `shape` does not have.
fn strangers(json: &Json, shape: &Shape) -> Vec<String> {
    let objects: Vec<&Object> = match json {
        Json::Object(object) => [object].to_vec(),
        Json::Array(elements) => elements.iter().filter_map(Json::as_object).collect(),
        _ => Vec::new(),
    };
    let mut found = Vec::new();
    for (name, value) in objects.into_iter().flat_map(Object::iter) {
        match shape.0.iter().find(|(known, _)| *known == name) {
            None => found.push(String::from(name)),
            Some((_, Value::Object(shape) | Value::Objects(shape))) => {
                found.extend(strangers(value, shape).into_iter().map(|path| format!("{name}.{path}")));
            }
            Some(_) => {}
        }
    }
    found.dedup();
    found
}
