//! What is wrong with trust material: mistakes that were published somewhere, each by its name.

mod authorities;
mod coverage;
mod entries;
mod environment;
mod fields;
mod kin;
mod legacy;
mod logs;
mod services;
mod step;
mod urls;
mod validity;

use alloc::string::String;
use alloc::vec::Vec;

pub use step::{Publication, step, too_soon};

use super::files::Material;
use super::moment::Moment;
use super::signing_config::{Form, SigningConfig};
use super::trusted_root::{MaterialError, TrustedRoot};
use crate::finding::{Finding, Rule};
use crate::time::Time;

/// By when and for whom material is judged.
#[derive(Clone, Copy, Debug)]
pub struct Judgement<'a> {
    /// The present time.
    pub now: Time,
    /// When the next ceremony will have replaced what expires.
    pub next: Time,
    /// The clients that must be able to use it, by name; all that are known if there are none.
    pub clients: &'a [String],
}

/// What is wrong with material by itself.
///
/// A repository without any trust material is none of this program's business here, and has no findings.
pub fn lint(material: &Material, judgement: &Judgement<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if material.is_empty() {
        return findings;
    }
    files(material, &mut findings);
    if let Some(root) = &material.trusted_root {
        fields::trusted_root(root, &mut findings);
        for instance in root.instances() {
            entries::entry(&instance, judgement.now, &mut findings);
            urls::url(&instance.subject(), instance.url(), &mut findings);
            if instance.kind.is_log() {
                logs::log(&instance, material, judgement, &mut findings);
            } else {
                authorities::authority(&instance, judgement, &mut findings);
            }
        }
        entries::repeated(root, &mut findings);
        coverage::coverage(material, root, &mut findings);
        environment::trusted_root(root, &mut findings);
        legacy::legacy(root, &material.legacy, &Moment::from(judgement.now), &mut findings);
    }
    for (path, config) in &material.signing_configs {
        for service in config.services() {
            urls::url(&service.subject(), service.url(), &mut findings);
        }
        // No client of today reads the old form.
        if config.form() == Form::V01 {
            continue;
        }
        fields::signing_config(path, config, &mut findings);
        for service in config.services() {
            entries::service(&service, judgement.now, &mut findings);
        }
        coverage::signing(config, &Moment::from(judgement.now), &mut findings);
        environment::signing_config(material.trusted_root.as_ref(), config, &mut findings);
        if let Some(root) = &material.trusted_root {
            services::services(root, config, &Moment::from(judgement.now), &mut findings);
        }
    }
    legacy::words(&material.legacy, &mut findings);
    findings.sort();
    findings.dedup();
    findings
}

/// Whether the files that clients look for are there, and are what they look for.
fn files(material: &Material, findings: &mut Vec<Finding>) {
    for (path, error) in &material.unreadable {
        let rule = match error {
            MaterialError::MediaType { .. } => Rule::MediaTypeRefused,
            _ => Rule::MaterialUnreadable,
        };
        findings.push(Finding::new(rule, path, alloc::format!("{error}")));
    }
    if let Some(root) = material.trusted_root.as_ref().filter(|root| root.media_type() != Some(TrustedRoot::MEDIA_TYPE))
    {
        let found = root.media_type().unwrap_or("none");
        let what = alloc::format!("it is \"{found}\", and clients take \"{}\" alone", TrustedRoot::MEDIA_TYPE);
        findings.push(Finding::new(Rule::MediaTypeRefused, TrustedRoot::TARGET, what));
    }
    let unreadable = |path: &str| material.unreadable.iter().any(|(other, _)| other == path);
    let missing = [
        (TrustedRoot::TARGET, material.trusted_root.is_none()),
        (SigningConfig::TARGET, material.signing_config().is_none()),
    ];
    for (path, _) in missing.into_iter().filter(|(path, missing)| *missing && !unreadable(path)) {
        let what = "there is other trust material, and no target of this name";
        findings.push(Finding::new(Rule::MaterialMissing, path, what));
    }
}
