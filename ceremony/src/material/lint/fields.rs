//! Members that strict clients refuse a file for.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::finding::{Finding, Rule};
use crate::json::{Json, Object};
use crate::material::instance::Kind;
use crate::material::signing_config::{Form, ServiceKind, SigningConfig};
use crate::material::trusted_root::TrustedRoot;

/// The members that one object may have: their names, and what the objects below them may have.
struct Shape(&'static [(&'static str, Option<&'static Shape>)]);

const BYTES: Shape = Shape(&[("rawBytes", None)]);
const VALID_FOR: Shape = Shape(&[("start", None), ("end", None)]);
const KEY: Shape = Shape(&[("rawBytes", None), ("keyDetails", None), ("validFor", Some(&VALID_FOR))]);
const LOG_ID: Shape = Shape(&[("keyId", None)]);
const LOG: Shape =
    Shape(&[("baseUrl", None), ("hashAlgorithm", None), ("publicKey", Some(&KEY)), ("logId", Some(&LOG_ID))]);
const SUBJECT: Shape = Shape(&[("organization", None), ("commonName", None)]);
const CHAIN: Shape = Shape(&[("certificates", Some(&BYTES))]);
const AUTHORITY: Shape =
    Shape(&[("subject", Some(&SUBJECT)), ("uri", None), ("certChain", Some(&CHAIN)), ("validFor", Some(&VALID_FOR))]);
const SERVICE: Shape =
    Shape(&[("url", None), ("majorApiVersion", None), ("validFor", Some(&VALID_FOR)), ("operator", None)]);
const SELECTION: Shape = Shape(&[("selector", None), ("count", None)]);

/// What the later form of a trusted root has beside that of 0.1.
const LATER: &[&str] = &["operator", "checkpointKeyId"];

/// The members of a trusted root that version 0.1 does not have, under the entry in which they are.
pub(super) fn trusted_root(root: &TrustedRoot, findings: &mut Vec<Finding>) {
    let Some(object) = root.json().as_object() else { return };
    let known = |name: &str| name == "mediaType" || Kind::ALL.iter().any(|kind| kind.list() == name);
    for (name, _) in object.iter().filter(|(name, _)| !known(name)) {
        let what = format!("\"{name}\" is no member of a trusted root");
        findings.push(Finding::new(Rule::FieldUnknown, TrustedRoot::TARGET, what));
    }
    for instance in root.instances() {
        let shape = if instance.kind.is_log() { &LOG } else { &AUTHORITY };
        for path in strangers(instance.entry, shape) {
            let later = LATER.contains(&path.as_str());
            let (rule, what) = match later {
                true => {
                    (Rule::FieldOfLaterForm, format!("\"{path}\" belongs to a later form than the media type says"))
                }
                false => (Rule::FieldUnknown, format!("\"{path}\" is no member that clients know")),
            };
            findings.push(Finding::new(rule, instance.subject(), what));
        }
    }
}

/// The members of a signing config that its form does not have.
pub(super) fn signing_config(config: &SigningConfig, findings: &mut Vec<Finding>) {
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
        for path in strangers {
            let what = format!("\"{path}\" is no member that clients know");
            findings.push(Finding::new(Rule::FieldUnknown, SigningConfig::TARGET, what));
        }
    }
    for kind in ServiceKind::ALL {
        let Some(name) = kind.config() else { continue };
        if object.get(name).is_some() && config.selector(*kind).is_none() {
            let what = format!("\"{name}\" is none of ANY, ALL, or EXACT with a count");
            findings.push(Finding::new(Rule::MaterialUnreadable, SigningConfig::TARGET, what));
        }
    }
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
            Some((_, None)) => {}
            Some((_, Some(shape))) => {
                found.extend(strangers(value, shape).into_iter().map(|path| format!("{name}.{path}")));
            }
        }
    }
    found.dedup();
    found
}
