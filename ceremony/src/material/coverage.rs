//! Whether at every moment there is something to verify with, and to sign with.

use alloc::vec::Vec;

use super::files::Material;
use super::instance::{Instance, Kind};
use super::moment::{Moment, ValidFor};
use super::signing_config::{Service, ServiceKind, SigningConfig};
use crate::key::PublicKey;

/// A time in which nothing is valid, without its ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Hole {
    /// The last valid moment before it; none if there is nothing before.
    pub from: Option<Moment>,
    /// The first valid moment after it; none if there is nothing after.
    pub to: Option<Moment>,
}

/// When clients need an entry of this kind, and none is valid: certificates need logs as long as Fulcio issues them; a
/// Rekor of version 2 says no times, so it needs a timestamp authority; signers need a Fulcio as long as they are sent to
/// one. Beyond that entries need no more than to follow one upon the other.
pub fn of_kind(material: &Material, kind: Kind) -> Vec<Hole> {
    let Some(root) = &material.trusted_root else { return Vec::new() };
    let spans = |kind| -> Vec<ValidFor> { root.of_kind(kind).filter_map(|entry| entry.valid_for().ok()).collect() };
    let own = spans(kind);
    let mut needed = if kind.is_log() { spans(Kind::Fulcio) } else { own.clone() };
    match kind {
        Kind::Tsa => {
            let untimed = root.of_kind(Kind::Rekor).filter(|log| is_v2(log, material));
            needed.extend(untimed.filter_map(|log| log.valid_for().ok()));
        }
        Kind::Fulcio => {
            // From when on is for the trusted root to say.
            let services = material.signing_config().into_iter().flat_map(|config| config.of_kind(ServiceKind::Ca));
            let services = services.filter(is_usable).filter_map(|service| service.valid_for().ok());
            if let Some(first) = own.first() {
                needed.extend(services.map(|service| ValidFor { start: first.start.clone(), end: service.end }));
            }
        }
        Kind::Rekor | Kind::CtLog => {}
    }
    holes(&needed, &own)
}

/// When signers need a service of this kind, and none that they know how to use is valid: from the first on for ever, and
/// a timestamp authority as long as a Rekor of version 2. There is no hole where they need none at all.
pub fn of_service(config: &SigningConfig, kind: ServiceKind) -> Vec<Hole> {
    let spans = |kind: ServiceKind, version: fn(&Service<'_>) -> bool| -> Vec<ValidFor> {
        let usable = config.of_kind(kind).filter(is_usable).filter(version);
        usable.filter_map(|service| service.valid_for().ok()).collect()
    };
    let own = spans(kind, |_| true);
    let mut needed: Vec<ValidFor> = own.iter().map(|span| ValidFor { start: span.start.clone(), end: None }).collect();
    if kind == ServiceKind::Tsa {
        needed.extend(spans(ServiceKind::Rekor, |service| service.major_api_version() == Some(2)));
    }
    holes(&needed, &own)
}

/// Whether a log says no times, as Rekor of version 2. Signers know the version of a log; where they do not use it, its
/// key shows it: Rekor v1 has none but ECDSA keys in public.
pub fn is_v2(log: &Instance<'_>, material: &Material) -> bool {
    let url = log.url().unwrap_or_default();
    let services = material.signing_configs.values().flat_map(|config| config.of_kind(ServiceKind::Rekor));
    let versions: Vec<u64> =
        services.filter(|service| service.url() == Some(url)).filter_map(|s| s.major_api_version()).collect();
    let key = || log.log_key().is_ok_and(|key| matches!(key.key(), PublicKey::Ed25519(_)));
    log.kind == Kind::Rekor && !versions.contains(&1) && (versions.contains(&2) || key())
}

/// Whether signers of today know how to use a service. What is no version is told elsewhere.
pub(super) fn is_usable(service: &Service<'_>) -> bool {
    let version = service.major_api_version().filter(|version| *version <= u32::MAX.into());
    version.is_none_or(|version| service.kind.versions().contains(&version))
}

/// When, within what `needed` spans from its first start to its last end, none of `spans` is valid. What lies within
/// one second is no hole: `23:59:59.999Z` is followed by midnight.
pub(super) fn holes(needed: &[ValidFor], spans: &[ValidFor]) -> Vec<Hole> {
    if needed.is_empty() {
        return Vec::new();
    }
    let since_ever = needed.iter().any(|span| span.start.is_none());
    let first = needed.iter().filter_map(|span| span.start.as_ref()).min_by_key(|start| start.unix());
    let first = first.filter(|_| !since_ever);
    let for_ever = needed.iter().any(|span| span.end.is_none());
    let last = needed.iter().filter_map(|span| span.end.as_ref()).max_by_key(|end| end.unix()).filter(|_| !for_ever);
    let mut sorted: Vec<&ValidFor> = spans.iter().collect();
    sorted.sort_by_key(|span| span.start.as_ref().map_or(i64::MIN, Moment::unix));
    let mut holes = Vec::new();
    // Up to where there is coverage; none as long as there is none at all.
    let mut covered = first;
    let mut open_start = first.is_none();
    for span in sorted {
        if let Some(start) = span.start.as_ref() {
            let gap = open_start || covered.is_some_and(|covered| start.unix() - covered.unix() > 1);
            let wanted = last.is_none_or(|last| covered.is_none_or(|covered| covered.is_before(last)));
            if gap && wanted {
                holes.push(Hole { from: covered.cloned(), to: Some(start.clone()) });
            }
        }
        open_start = false;
        match &span.end {
            None => return holes,
            Some(end) if covered.is_none_or(|covered| covered.is_before(end)) => covered = Some(end),
            Some(_) => {}
        }
    }
    if last.is_none_or(|last| covered.is_none_or(|covered| last.unix() - covered.unix() > 1)) {
        holes.push(Hole { from: covered.cloned(), to: last.cloned() });
    }
    holes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::string::{String, ToString};

    use super::super::moment::tests::span;
    use super::*;

    fn told(needed: &[ValidFor], spans: &[ValidFor]) -> Vec<(String, String)> {
        let text = |moment: &Option<Moment>| moment.as_ref().map_or("-".to_string(), ToString::to_string);
        holes(needed, spans).iter().map(|hole| (text(&hole.from), text(&hole.to))).collect()
    }

    #[test]
    fn holes_are_where_nothing_is_valid() {
        let fulcio = [span("2021-03-07T03:20:29Z", "2022-12-31T23:59:59.999Z"), span("2022-04-13T20:06:15Z", "")];
        assert!(told(&fulcio, &fulcio).is_empty());
        // As Sigstore published its CT logs: the first was said to start a week after Fulcio.
        let logs = [span("2021-03-14T00:00:00Z", "2022-10-31T23:59:59.999Z"), span("2022-10-20T00:00:00Z", "")];
        let week = ("2021-03-07T03:20:29Z".to_string(), "2021-03-14T00:00:00Z".to_string());
        assert_eq!(told(&fulcio, &logs), core::slice::from_ref(&week));
        let ended = [logs[0].clone(), span("2022-11-01T00:00:00Z", "2023-01-01T00:00:00Z")];
        assert_eq!(told(&fulcio, &ended), [week, ("2023-01-01T00:00:00Z".to_string(), "-".to_string())]);
        let years = [span("2021-01-01T00:00:00Z", "2021-12-31T23:59:59Z"), span("2023-01-01T00:00:00Z", "")];
        assert_eq!(told(&years, &years), [("2021-12-31T23:59:59Z".to_string(), "2023-01-01T00:00:00Z".to_string())]);
        let without = [span("", "2021-12-31T23:59:59Z")];
        assert!(told(&without, &without).is_empty());
        assert_eq!(told(&[span("2021-01-01T00:00:00Z", "")], &[]).len(), 1);
    }
}
