//! Whether at every moment there is something to verify with, and to sign with.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::finding::{Finding, Rule};
use crate::material::coverage::{Hole, is_usable, is_v2, of_kind, of_service};
use crate::material::files::Material;
use crate::material::instance::Kind;
use crate::material::moment::{Moment, ValidFor};
use crate::material::signing_config::{Form, ServiceKind, SigningConfig};
use crate::material::trusted_root::TrustedRoot;

/// Holes in what clients trust.
pub(super) fn coverage(material: &Material, root: &TrustedRoot, findings: &mut Vec<Finding>) {
    let untimed = root.of_kind(Kind::Rekor).any(|log| is_v2(&log, material));
    for kind in Kind::ALL {
        let because = if *kind == Kind::Tsa && untimed { UNTIMED } else { "" };
        let holes = of_kind(material, *kind);
        if root.of_kind(*kind).next().is_none() && !holes.is_empty() {
            let what = match kind {
                Kind::Tsa => format!("there is no TSA at all{because}"),
                _ => format!("Fulcio issues certificates, and there is no {kind} at all"),
            };
            findings.push(Finding::new(Rule::CoverageHole, kind.word(), what));
            continue;
        }
        for hole in holes {
            let what = format!("no {kind} {}{because}", told(&hole));
            findings.push(Finding::new(Rule::CoverageHole, subject(kind.word(), &hole), what));
        }
    }
}

/// Holes in what signers use, now or later: nobody signs in the past. Of a kind of which none is left that they can use
/// at `now`, nor will be, that is told.
pub(super) fn signing(config: &SigningConfig, now: &Moment, findings: &mut Vec<Finding>) {
    let untimed = config
        .of_kind(ServiceKind::Rekor)
        .any(|service| service.major_api_version() == Some(2) && service.valid_for().is_ok_and(|v| !v.is_over(now)));
    for kind in ServiceKind::ALL {
        let because = if *kind == ServiceKind::Tsa && untimed { UNTIMED } else { "" };
        let signing = ["signing", kind.word()].join(" ");
        let services = config.of_kind(*kind).count();
        let left = |service: &_| is_usable(service) && service.valid_for().is_ok_and(|valid| !valid.is_over(now));
        if !config.of_kind(*kind).any(|service| left(&service)) {
            let none = match services {
                0 => format!("signers are sent to no {kind} at all"),
                services => format!("of {services} services none is left that signers know how to use"),
            };
            if services > 0 || !because.is_empty() {
                findings.push(Finding::new(Rule::CoverageHole, signing, [&none, because].concat()));
            }
            continue;
        }
        let over = |hole: &Hole| hole.to.as_ref().is_some_and(|to| to.is_before(now));
        for hole in of_service(config, *kind).iter().filter(|hole| !over(hole)) {
            let what = format!("no {kind} for signers {}{because}", told(hole));
            findings.push(Finding::new(Rule::CoverageHole, subject(&signing, hole), what));
        }
    }
}

/// Kinds of services of which signers use one at `now`, and by the new form of the same file none before some day to come.
pub(super) fn interrupted(before: &Material, after: &Material, now: &Moment, findings: &mut Vec<Finding>) {
    let files = before.signing_configs.iter().filter_map(|(path, old)| Some((old, after.signing_configs.get(path)?)));
    for (old, new) in files.filter(|(old, new)| old.form() == Form::V02 && new.form() == Form::V02) {
        for kind in ServiceKind::ALL {
            let spans = |config: &SigningConfig| -> Vec<ValidFor> {
                let usable = config.of_kind(*kind).filter(is_usable).filter_map(|service| service.valid_for().ok());
                usable.filter(|valid| !valid.is_over(now)).collect()
            };
            let (used, left) = (spans(old), spans(new));
            let now_on = |spans: &[ValidFor]| spans.iter().any(|valid| valid.contains(now));
            let next = left.iter().filter_map(|valid| valid.start.as_ref()).min_by_key(|start| start.unix());
            if let Some(next) = next.filter(|_| now_on(&used) && !now_on(&left)) {
                let what = format!("signers use a {kind}, and find none before {next}");
                findings.push(Finding::new(Rule::CoverageHole, ["signing", kind.word()].join(" "), what));
            }
        }
    }
}

/// Each hole is accepted by itself: the day stays the same however the time is written.
pub(super) fn subject(word: &str, hole: &Hole) -> String {
    let day = hole.from.as_ref().and_then(|from| from.as_str().get(..10)).unwrap_or_default();
    String::from([word, day].join(" ").trim_end())
}

/// `from 2021-03-07T03:20:29Z to 2021-03-14T00:00:00Z`
pub(super) fn told(hole: &Hole) -> String {
    let from = hole.from.as_ref().map_or("the beginning", Moment::as_str);
    match &hole.to {
        Some(to) => format!("from {from} to {to}"),
        None => format!("from {from} for ever"),
    }
}

/// Why there must be a timestamp authority (sigstore-go, sigstore-python, sigstore-js refuse a bundle without any time).
const UNTIMED: &str = "; a Rekor of version 2 says no times, and without a time stamp nobody signs or verifies";
