//! Trust material in words.

use std::fmt::Write as _;

use ceremony::material::{
    Instance, Kind, LegacyTarget, Material, Moment, Service, ServiceKind, SigningConfig, ValidFor,
};
use ceremony::{Certificate, Digest, Json, Object, Time};

use crate::report::object;
use crate::text::{columns, escaped, wrapped};

/// All entries, by kind.
pub(super) fn text(material: &Material, now: Time) -> String {
    let mut out = String::new();
    if let Some(root) = &material.trusted_root {
        for kind in Kind::ALL {
            let entries: Vec<Instance<'_>> = root.of_kind(*kind).collect();
            if !entries.is_empty() {
                let _ = writeln!(out, "\n{}", title(*kind));
            }
            entries.iter().for_each(|entry| instance(entry, now, &mut out));
        }
    }
    for (path, config) in &material.signing_configs {
        let _ = writeln!(out, "\nServices of signers, {}", escaped(path));
        config.services().for_each(|service| self::service(&service, &mut out));
        for kind in ServiceKind::ALL {
            if let Some(selector) = config.selector(*kind) {
                let _ = writeln!(out, "  signers use {} of kind {kind}", selector_text(selector));
            }
        }
    }
    if !material.legacy.is_empty() {
        out.push_str("\nSingle files for older clients\n");
        let rows: Vec<[String; 3]> = material.legacy.iter().map(legacy).collect();
        out.push_str(&columns(&rows, 2));
    }
    for (path, error) in &material.unreadable {
        out.push_str(&wrapped(&format!("\n{} cannot be read: {error}", escaped(path)), 0));
    }
    out
}

fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Fulcio => "Fulcio: who certifies identities",
        Kind::Rekor => "Rekor: where signatures are logged",
        Kind::CtLog => "CT logs: where certificates are logged",
        Kind::Tsa => "TSA: who says when",
    }
}

fn instance(entry: &Instance<'_>, now: Time, out: &mut String) {
    let subject = entry.subject();
    let short = subject.rsplit(' ').next().unwrap_or_default();
    let url = entry.url().map_or_else(|| "without a URL".to_owned(), |url| escaped(url).to_string());
    out.push_str(&wrapped(&format!("{url}  {}", escaped(short)), 2));
    let valid = entry.valid_for();
    let valid = valid.map_or_else(|error| error.to_string(), |valid| validity(&valid, Some(now)));
    out.push_str(&wrapped(&valid, 4));
    if entry.kind.is_log() {
        let key = entry.log_key();
        let key = key.map_or_else(
            |error| error.to_string(),
            |key| format!("{} key, {}", key.key().algorithm(), escaped(key.details())),
        );
        out.push_str(&wrapped(&key, 4));
        let id = entry.log_id().map_or_else(|error| error.to_string(), |id| format!("log id {}", hex::encode(id)));
        out.push_str(&wrapped(&id, 4));
        return;
    }
    for der in entry.certificates().unwrap_or_default() {
        match Certificate::from_der(&der) {
            Ok(certificate) => {
                let text = format!("{}, until {}", certificate.subject(), certificate.not_after());
                out.push_str(&wrapped(&text, 4));
                let constraints = certificate.name_constraints();
                constraints.iter().for_each(|constraint| out.push_str(&wrapped(constraint, 6)));
                out.push_str(&wrapped(&format!("SHA-256 {}", certificate.sha256()), 6));
            }
            Err(error) => out.push_str(&wrapped(&format!("{error}, SHA-256 {}", Digest::of(&der)), 4)),
        }
    }
}

fn service(service: &Service<'_>, out: &mut String) {
    let version = service.major_api_version().map_or_else(String::new, |version| format!(" v{version}"));
    let url = service.url().map_or_else(|| "without a URL".to_owned(), |url| escaped(url).to_string());
    out.push_str(&wrapped(&format!("{}{version} {url}", service.kind), 2));
    // The old form has nothing but URLs.
    if service.entry.as_str().is_some() {
        return;
    }
    let valid = service.valid_for().map_or_else(|error| error.to_string(), |valid| validity(&valid, None));
    let operator = service.operator().map_or_else(String::new, |operator| format!(", run by {}", escaped(operator)));
    out.push_str(&wrapped(&format!("{valid}{operator}"), 4));
}

fn legacy(target: &LegacyTarget) -> [String; 3] {
    let text = |text: &Option<String>| text.as_ref().map_or_else(|| "-".to_owned(), |text| escaped(text).to_string());
    let uri = target
        .uri
        .as_ref()
        .map_or_else(String::new, |uri| format!(", {}", escaped(uri.trim_start_matches("https://"))));
    [escaped(&target.path).to_string(), text(&target.usage), format!("{}{uri}", text(&target.status))]
}

/// `from 2021-01-12T11:53:27Z, open`
pub(super) fn validity(valid: &ValidFor, now: Option<Time>) -> String {
    let start = valid
        .start
        .as_ref()
        .map_or_else(|| "without a start".to_owned(), |start| format!("from {}", escaped(start.as_str())));
    let end = valid.end.as_ref().map_or_else(|| "open".to_owned(), |end| format!("to {}", escaped(end.as_str())));
    let now = now.map(Moment::from);
    let state = match now {
        Some(now) if valid.is_over(&now) => ": over",
        Some(now) if !valid.contains(&now) => ": not yet",
        _ => "",
    };
    format!("{start}, {end}{state}")
}

fn selector_text(selector: ceremony::material::Selector) -> String {
    match selector {
        ceremony::material::Selector::All => "all of them".to_owned(),
        ceremony::material::Selector::Any => "any one of them".to_owned(),
        ceremony::material::Selector::Exact(count) => format!("exactly {count} of them"),
    }
}

/// All entries, for programs.
pub(super) fn json(material: &Material) -> Object {
    let moment = |moment: &Option<Moment>| moment.as_ref().map_or(Json::Null, |at| Json::string(at.as_str()));
    let text = |text: Option<&str>| text.map_or(Json::Null, Json::string);
    let entries = material.trusted_root.iter().flat_map(|root| root.instances());
    let entries = entries.map(|entry| {
        let valid = entry.valid_for().unwrap_or_default();
        let certificates = entry.certificates().unwrap_or_default();
        let certificates = certificates.iter().filter_map(|der| Certificate::from_der(der).ok()).map(|certificate| {
            object([
                ("subject", Json::string(certificate.subject())),
                ("not-before", Json::string(certificate.not_before().to_string())),
                ("not-after", Json::string(certificate.not_after().to_string())),
                ("sha256", Json::string(certificate.sha256().to_string())),
                ("name-constraints", certificate.name_constraints().iter().map(Json::string).collect()),
            ])
        });
        let key = entry.log_key().ok();
        object([
            ("kind", Json::string(entry.kind.word())),
            ("name", Json::string(entry.subject())),
            ("url", text(entry.url())),
            ("start", moment(&valid.start)),
            ("end", moment(&valid.end)),
            ("algorithm", key.as_ref().map_or(Json::Null, |key| Json::string(key.key().algorithm().to_string()))),
            ("key-details", text(key.as_ref().map(|key| key.details()))),
            ("log-id", entry.log_id().map_or(Json::Null, |id| Json::string(hex::encode(id)))),
            ("certificates", certificates.collect()),
        ])
    });
    let configs = material
        .signing_configs
        .iter()
        .map(|(path, config)| object([("path", Json::string(path)), ("services", services(config))]));
    let legacy = material.legacy.iter().map(|target| {
        object([
            ("path", Json::string(&target.path)),
            ("usage", text(target.usage.as_deref())),
            ("status", text(target.status.as_deref())),
            ("uri", text(target.uri.as_deref())),
        ])
    });
    let members = [
        ("ok", Json::Bool(material.unreadable.is_empty())),
        ("entries", entries.collect()),
        ("signing-configs", configs.collect()),
        ("legacy", legacy.collect()),
        ("unreadable", material.unreadable.iter().map(|(path, _)| Json::string(path)).collect()),
    ];
    members.into_iter().collect()
}

fn services(config: &SigningConfig) -> Json {
    let moment = |moment: &Option<Moment>| moment.as_ref().map_or(Json::Null, |at| Json::string(at.as_str()));
    let text = |text: Option<&str>| text.map_or(Json::Null, Json::string);
    let services = config.services().map(|service| {
        let valid = service.valid_for().unwrap_or_default();
        object([
            ("kind", Json::string(service.kind.word())),
            ("url", text(service.url())),
            ("api-version", service.major_api_version().map_or(Json::Null, Json::from)),
            ("operator", text(service.operator())),
            ("start", moment(&valid.start)),
            ("end", moment(&valid.end)),
        ])
    });
    services.collect()
}
