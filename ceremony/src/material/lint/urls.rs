//! What is wrong with a URL.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::finding::{Finding, Rule};
use crate::material::url::ServiceUrl;

/// What is wrong with the URL of an entry.
pub(super) fn url(subject: &str, url: Option<&str>, findings: &mut Vec<Finding>) {
    let Some(url) = url.filter(|url| !url.is_empty()) else { return };
    if url.ends_with('/') {
        let what = format!("clients compare or append to \"{url}\" as it stands");
        findings.push(Finding::new(Rule::UrlTrailingSlash, subject, what));
    }
    let lower = url.to_ascii_lowercase();
    if !lower.starts_with("https://") {
        findings.push(Finding::new(Rule::UrlInsecure, subject, format!("\"{url}\" is not https")));
    }
    let of_http = lower.starts_with("https://") || lower.starts_with("http://");
    if of_http && let Err(error) = url.trim_end_matches('/').parse::<ServiceUrl>() {
        findings.push(Finding::new(Rule::MaterialUnreadable, subject, error.to_string()));
    }
    let host = host(&lower);
    if is_inside(host) {
        findings.push(Finding::new(
            Rule::UrlInCluster,
            subject,
            format!("the name \"{host}\" means nothing elsewhere"),
        ));
    }
}

/// The host of a URL, without port and user.
pub(super) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// Whether only one cluster or one machine knows the name (RFC 6761, 6762; Kubernetes' `SERVICE.NAMESPACE.svc`).
pub(super) fn is_inside(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    let ends = [".svc", ".cluster.local", ".local", ".localhost", ".internal"];
    let loopback = host == "::1" || host.starts_with("127.");
    loopback || (!host.contains('.') && !host.contains(':')) || ends.iter().any(|end| host.ends_with(end))
}
