//! Whether clients trust the services that signers use.

use alloc::format;
use alloc::vec::Vec;

use super::urls::host;
use crate::finding::{Finding, Rule};
use crate::material::instance::Kind;
use crate::material::signing_config::{ServiceKind, SigningConfig};
use crate::material::trusted_root::TrustedRoot;

/// Services at a host of which the trusted root has nothing of their kind. Where an entry of that kind has no URL, it
/// may be that of any service.
pub(super) fn services(root: &TrustedRoot, config: &SigningConfig, findings: &mut Vec<Finding>) {
    for service in config.services() {
        let kind = match service.kind {
            ServiceKind::Ca => Kind::Fulcio,
            ServiceKind::Rekor => Kind::Rekor,
            ServiceKind::Tsa => Kind::Tsa,
            // Clients trust issuers of identity tokens by what they verify, not by the trusted root.
            ServiceKind::Oidc => continue,
        };
        let Some(own) = service.url().map(host) else { continue };
        let mut trusted = root.of_kind(kind).map(|entry| entry.url().filter(|url| !url.is_empty()));
        if !trusted.any(|url| url.is_none_or(|url| host(url).eq_ignore_ascii_case(own))) {
            let what = format!("the trusted root has no {kind} at {own}");
            findings.push(Finding::new(Rule::ServiceUntrusted, service.subject(), what));
        }
    }
}
