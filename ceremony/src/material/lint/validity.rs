//! Whether what was valid stays so, and what has ended stays ended.

use alloc::format;
use alloc::vec::Vec;

use super::kin::{Held, successors};
use crate::certificate::Certificate;
use crate::finding::{Finding, Rule};
use crate::material::evidence::Ending;
use crate::material::moment::{Moment, ValidFor};

/// Entries that are no longer valid at a time before `now` at which they were, and entries whose published end is taken
/// back or moved later.
///
/// An end is none of this where something is said of the last use of what ends: it is held against that. A certificate
/// signs nothing before or after its own time, so that is not missed; nor is the start of a log that was none, or stood for
/// none.
pub(super) fn validity<'a>(
    old: &[Held<'a>],
    new: &[Held<'a>],
    endings: &[Ending],
    now: &Moment,
    findings: &mut Vec<Finding>,
) {
    for (place, held) in old.iter().enumerate() {
        // Of entries that stand twice, what they say together counts.
        if old.iter().take(place).any(|other| other.is(held)) {
            continue;
        }
        let was = of(old.iter().filter(|other| other.is(held)));
        let is = of(successors(held, old, new, Held::has_signer_of).into_iter());
        let (Some(was), Some(is)) = (was, is) else { continue };
        let subject = held.entry.subject();
        let grounded = endings.iter().any(|ending| ending.subject == subject && ending.is_grounded());
        let mut found = |rule, to: &str, what| findings.push(Finding::new(rule, format!("{subject} {to}"), what));
        if let Some((from, to)) = span(&was, &held.chain, now) {
            let guessed = held.entry.kind.is_log() && was.start.as_ref().is_none_or(Moment::stands_for_none);
            if let Some(start) = is.start.as_ref().filter(|start| !guessed && later(start, &from)) {
                let what = format!("it starts at {start}, and was valid from {from} on");
                found(Rule::ValidityCut, start.as_str(), what);
            }
            if let Some(end) = is.end.as_ref().filter(|end| !grounded && later(&to, end)) {
                let what = format!("it ends at {end}, was valid until {to}, and nothing says when it was last used");
                found(Rule::ValidityCut, end.as_str(), what);
            }
        }
        match (&was.end, &is.end) {
            (Some(before), None) => {
                found(Rule::EndTakenBack, "open", format!("it has no end, and the published one is {before}"));
            }
            (Some(before), Some(after)) if later(after, before) => {
                let what = format!("it ends at {after}, and the published end is {before}");
                found(Rule::EndTakenBack, after.as_str(), what);
            }
            _ => {}
        }
    }
}

/// From the first start to the last end of these. None if there are none, or one has times that cannot be read, which is
/// told elsewhere.
fn of<'h, 'a: 'h>(entries: impl Iterator<Item = &'h Held<'a>>) -> Option<ValidFor> {
    let spans = entries.map(|held| held.entry.valid_for()).collect::<Result<Vec<ValidFor>, _>>().ok()?;
    spans.into_iter().reduce(|one, other| ValidFor {
        start: one.start.zip(other.start).map(|(a, b)| if b.is_before(&a) { b } else { a }),
        end: one.end.zip(other.end).map(|(a, b)| if a.is_before(&b) { b } else { a }),
    })
}

/// The time before `now` at which an entry was valid, with all of its certificates; none if there is none.
fn span(valid: &ValidFor, chain: &[Certificate], now: &Moment) -> Option<(Moment, Moment)> {
    let mut from = valid.start.clone().unwrap_or_else(Moment::beginning);
    let mut to = valid.end.clone().unwrap_or_else(|| now.clone());
    for certificate in chain {
        let (first, last) = (Moment::from(certificate.not_before()), Moment::from(certificate.not_after()));
        from = if from.is_before(&first) { first } else { from };
        to = if last.is_before(&to) { last } else { to };
    }
    to = if now.is_before(&to) { now.clone() } else { to };
    from.is_before(&to).then_some((from, to))
}

/// Whether `one` is later, by more than a second: `23:59:59.999Z` and midnight are one end.
fn later(one: &Moment, other: &Moment) -> bool {
    one.unix() - other.unix() > 1
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::string::ToString;

    use super::super::super::moment::tests::span as valid;
    use super::*;

    fn spanned(start: &str, end: &str) -> Option<(alloc::string::String, alloc::string::String)> {
        let now = Moment::parse("2026-08-22T00:00:00Z").unwrap();
        span(&valid(start, end), &[], &now).map(|(from, to)| (from.to_string(), to.to_string()))
    }

    #[test]
    fn what_was_valid_is_valid_until_now() {
        let told = |from: &str, to: &str| Some((from.to_string(), to.to_string()));
        let (day, now) = ("2025-07-04T00:00:00Z", "2026-08-22T00:00:00Z");
        assert_eq!(spanned(day, ""), told(day, now));
        assert_eq!(spanned(day, "2027-01-01T00:00:00Z"), told(day, now));
        assert_eq!(spanned("", day), told("1970-01-01T00:00:00Z", day));
        assert_eq!(spanned("2027-01-01T00:00:00Z", ""), None);
    }
}
