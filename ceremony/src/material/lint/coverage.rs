//! Whether at every moment there is something to verify with, and to sign with.

use alloc::format;
use alloc::vec::Vec;

use crate::finding::{Finding, Rule};
use crate::material::instance::Kind;
use crate::material::moment::{Moment, ValidFor};
use crate::material::signing_config::{Service, ServiceKind, SigningConfig};
use crate::material::timeline::{Hole, holes};
use crate::material::trusted_root::TrustedRoot;

/// Holes in the coverage of each kind. Certificates need logs as long as Fulcio issues them; Fulcio and timestamp
/// authorities need no more than to follow one upon the other.
pub(super) fn coverage(root: &TrustedRoot, findings: &mut Vec<Finding>) {
    let spans = |kind| -> Vec<ValidFor> { root.of_kind(kind).filter_map(|entry| entry.valid_for().ok()).collect() };
    let fulcio = spans(Kind::Fulcio);
    for kind in Kind::ALL {
        let own = spans(*kind);
        let needed: &[ValidFor] = if kind.is_log() { &fulcio } else { &own };
        if own.is_empty() && !needed.is_empty() {
            let what = format!("Fulcio issues certificates, and there is no {kind} at all");
            findings.push(Finding::new(Rule::CoverageHole, kind.word(), what));
            continue;
        }
        for hole in holes(needed, &own) {
            let Hole { from, to } = &hole;
            let from = from.as_ref().map_or("the beginning", Moment::as_str);
            let to = to.as_ref().map_or("for ever", Moment::as_str);
            let to = if to == "for ever" { to.into() } else { format!("to {to}") };
            // Each hole is accepted by itself: the day stays the same however the time is written.
            let day = hole.from.as_ref().and_then(|from| from.as_str().get(..10)).unwrap_or_default();
            let subject = [kind.word(), day].join(" ");
            findings.push(Finding::new(Rule::CoverageHole, subject.trim_end(), format!("no {kind} from {from} {to}")));
        }
    }
}

/// Kinds of services of which there are some, and at `now` none that a signer of today can use any more.
pub(super) fn signing(config: &SigningConfig, now: &Moment, findings: &mut Vec<Finding>) {
    for kind in ServiceKind::ALL {
        let known: &[u64] = if *kind == ServiceKind::Rekor { &[1, 2] } else { &[1] };
        let usable = |service: Service<'_>| {
            // What is no version is told elsewhere.
            let version = service.major_api_version().filter(|version| *version <= u32::MAX.into());
            version.is_none_or(|version| known.contains(&version))
                && service.valid_for().is_ok_and(|valid| !valid.is_over(now))
        };
        let services = config.of_kind(*kind).count();
        if services > 0 && !config.of_kind(*kind).any(usable) {
            let what = format!("of {services} services none is left that signers know how to use");
            findings.push(Finding::new(Rule::CoverageHole, ["signing", kind.word()].join(" "), what));
        }
    }
}
