//! Whether clients trust the services that signers use.

use alloc::format;
use alloc::vec::Vec;

use super::urls::host;
use crate::finding::{Finding, Rule};
use crate::material::signing_config::SigningConfig;
use crate::material::trusted_root::TrustedRoot;

/// Services at a host of which the trusted root has nothing of their kind. Where an entry of that kind has no URL, it
/// may be that of any service.
pub(super) fn services(root: &TrustedRoot, config: &SigningConfig, findings: &mut Vec<Finding>) {
    for service in config.services() {
        let Some(kind) = service.kind.trusted() else { continue };
        let Some(own) = service.url().map(host) else { continue };
        let mut trusted = root.of_kind(kind).map(|entry| entry.url().filter(|url| !url.is_empty()));
        if !trusted.any(|url| url.is_none_or(|url| host(url).eq_ignore_ascii_case(own))) {
            let what = format!("the trusted root has no {kind} at {own}");
            findings.push(Finding::new(Rule::ServiceUntrusted, service.subject(), what));
        }
    }
}
