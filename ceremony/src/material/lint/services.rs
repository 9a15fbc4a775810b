//! Whether clients trust the services that signers use.

use alloc::format;
use alloc::vec::Vec;

use super::urls::host;
use crate::finding::{Finding, Rule};
use crate::material::moment::Moment;
use crate::material::signing_config::{Service, SigningConfig};
use crate::material::trusted_root::TrustedRoot;

/// Services in use, now or later, at a host of which the trusted root has nothing of their kind. Where an entry of that kind has no URL, it
/// may be that of any service.
pub(super) fn services(root: &TrustedRoot, config: &SigningConfig, now: &Moment, findings: &mut Vec<Finding>) {
    let over = |service: &Service<'_>| service.valid_for().is_ok_and(|valid| valid.is_over(now));
    for service in config.services().filter(|service| !over(service)) {
        let Some(kind) = service.kind.trusted() else { continue };
        let Some(own) = service.url().map(host) else { continue };
        let mut trusted = root.of_kind(kind).map(|entry| entry.url().filter(|url| !url.is_empty()));
        if !trusted.any(|url| url.is_none_or(|url| host(url).eq_ignore_ascii_case(own))) {
            let what = format!("the trusted root has no {kind} at {own}");
            findings.push(Finding::new(Rule::ServiceUntrusted, service.subject(), what));
        }
    }
}
