//! Whether at every moment there is something to verify with.

use alloc::format;
use alloc::vec::Vec;

use crate::finding::{Finding, Rule};
use crate::material::instance::Kind;
use crate::material::moment::{Moment, ValidFor};
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
