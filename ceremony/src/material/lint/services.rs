//! Whether clients trust the services that signers use, and whether signers go on finding them.

use alloc::format;
use alloc::vec::Vec;

use super::coverage::{subject, told};
use super::urls::{host, is_inside};
use crate::finding::{Finding, Rule};
use crate::material::coverage::{Hole, holes, is_usable};
use crate::material::files::Material;
use crate::material::instance::Instance;
use crate::material::moment::{Moment, ValidFor};
use crate::material::signing_config::{Form, Service, SigningConfig};
use crate::material::trusted_root::TrustedRoot;

/// Services in use, now or later, at a host of which the trusted root has nothing of their kind, or nothing that is valid
/// as long as they are used. Where an entry of that kind has no URL, it may be that of any service.
pub(super) fn services(root: &TrustedRoot, config: &SigningConfig, now: &Moment, findings: &mut Vec<Finding>) {
    for service in config.services().filter(|service| !is_over(service, now)) {
        let Some(kind) = service.kind.trusted() else { continue };
        let Some(own) = service.url().map(host) else { continue };
        let there = |entry: &Instance<'_>| {
            let url = entry.url().filter(|url| !url.is_empty());
            url.is_none_or(|url| host(url).eq_ignore_ascii_case(own))
        };
        let trusted: Vec<Instance<'_>> = root.of_kind(kind).filter(there).collect();
        if trusted.is_empty() {
            let what = format!("the trusted root has no {kind} at {own}");
            findings.push(Finding::new(Rule::ServiceUntrusted, service.subject(), what));
        }
        // Times that cannot be read are told elsewhere.
        let spans = trusted.iter().map(Instance::valid_for).collect::<Result<Vec<ValidFor>, _>>();
        let (Ok(valid), Ok(spans)) = (service.valid_for(), spans) else { continue };
        let over = |hole: &Hole| hole.to.as_ref().is_some_and(|to| to.is_before(now));
        for hole in holes(&[valid], &spans).iter().filter(|hole| !spans.is_empty() && !over(hole)) {
            let what = format!("signers use it, and the trusted root has no {kind} at {own} {}", told(hole));
            findings.push(Finding::new(Rule::ServiceUntrusted, subject(&service.subject(), hole), what));
        }
    }
}

/// Services of a signing config that signers use at `now` or later, and that the same file no longer has, though nothing
/// said that they end. A slash at the end of a URL makes no other service.
pub(super) fn removed(before: &Material, after: &Material, now: &Moment, findings: &mut Vec<Finding>) {
    let files =
        before.signing_configs.iter().filter_map(|(path, old)| Some((path, old, after.signing_configs.get(path)?)));
    for (path, old, new) in files.filter(|(_, old, new)| old.form() == Form::V02 && new.form() == Form::V02) {
        let used = |service: &Service<'_>| is_usable(service) && !is_over(service, now);
        for service in old.services().filter(used) {
            let url = |service: &Service<'_>| service.url().map(|url| url.trim_end_matches('/').to_lowercase());
            let same = |other: Service<'_>| {
                url(&other) == url(&service) && other.major_api_version() == service.major_api_version()
            };
            // Nobody outside misses an address that only a cluster knew.
            let inside = service.url().is_some_and(|url| is_inside(host(&url.to_lowercase())));
            let at = |other: Service<'_>| inside && other.index == service.index && moved(&other, old, new);
            if new.of_kind(service.kind).any(|other| same(other) || at(other)) {
                continue;
            }
            let end = service.valid_for().ok().and_then(|valid| valid.end);
            let end = end.map_or_else(|| "it has no end".into(), |end| format!("it ends at {end}"));
            let left = if new.of_kind(service.kind).any(|other| used(&other)) {
                ""
            } else {
                ", and no other of its kind is left for signers"
            };
            let what = format!("{end} in the published {path}, and is not in the wanted one{left}");
            findings.push(Finding::new(Rule::ServiceRemoved, service.subject(), what));
        }
    }
}

/// Whether a service of `new` is one of `old` that has got another URL, such as one that not only a cluster knows: in all
/// else it is the same, and the old URL is gone.
pub(super) fn moved(service: &Service<'_>, old: &SigningConfig, new: &SigningConfig) -> bool {
    let rest = |service: &Service<'_>| {
        let mut rest = service.entry.as_object()?.clone();
        rest.remove("url").map(|_| rest)
    };
    let gone = |other: &Service<'_>| !new.of_kind(other.kind).any(|left| left.place() == other.place());
    let like = |other: &Service<'_>| rest(other).is_some_and(|other| rest(service) == Some(other));
    old.of_kind(service.kind).any(|other| other.index == service.index && gone(&other) && like(&other))
}

fn is_over(service: &Service<'_>, now: &Moment) -> bool {
    service.valid_for().is_ok_and(|valid| valid.is_over(now))
}
