//! Whether what was valid stays so, and what has ended stays ended.

use alloc::format;
use alloc::vec::Vec;

use super::kin::{Held, successors};
use crate::certificate::Certificate;
use crate::finding::{Finding, Rule};
use crate::material::coverage::{Hole, holes};
use crate::material::evidence::Ending;
use crate::material::moment::{Moment, ValidFor};

/// Entries that are no longer valid at a time before `now` at which they were, entries whose published end is taken back or
/// moved later, and new ones that trust a key beyond the published end of another entry.
///
/// Of entries that stand twice, what they say together counts.
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
        if old.iter().take(place).any(|other| other.is(held)) {
            continue;
        }
        let before = spans(old.iter().filter(|other| other.is(held)));
        let after = spans(successors(held, old, new, Held::has_signer_of).into_iter());
        let (Some(before), Some(after)) = (before, after) else { continue };
        let (Some(was), Some(is)) = (all(&before), all(&after)) else { continue };
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
        for Hole { from, to } in holes(&after, &after) {
            let (Some(from), Some(to)) = (from, to) else { continue };
            let lost = |valid: &ValidFor| {
                span(valid, &held.chain, now).is_some_and(|(first, last)| {
                    let (first, last) = (latest(first, from.clone()), earliest(last, to.clone()));
                    later(&last, &first)
                })
            };
            if before.iter().any(lost) {
                let what = format!("it is not valid from {from} to {to}, and was");
                found(Rule::ValidityCut, from.as_str(), what);
            }
        }
        if let Some((to, end)) = taken_back(&was, &is) {
            let what = match &is.end {
                None => format!("it has no end, and the published one is {end}"),
                Some(after) => format!("it ends at {after}, and the published end is {end}"),
            };
            found(Rule::EndTakenBack, to, what);
        }
    }
    retired(old, new, endings, findings);
}

/// Entries that are new, or have other certificates, with the key of others that have an end, which are valid beyond it: a
/// published end, or one of this step where the key is said to be compromised.
fn retired<'a>(old: &[Held<'a>], new: &[Held<'a>], endings: &[Ending], findings: &mut Vec<Finding>) {
    let leaked = |other: &Held<'_>| {
        let subject = other.entry.subject();
        endings.iter().any(|ending| ending.subject == subject && ending.is_compromised())
    };
    for held in new.iter().filter(|held| !old.iter().any(|other| other.is(held))) {
        // What goes on with its own signer is judged with it.
        let of_key = || old.iter().filter(|other| held.goes_by_key_of(other) && !held.has_signer_of(other));
        let ended = of_key().flat_map(|other| {
            let now = new.iter().filter(move |after| leaked(other) && after.is(other));
            let mut now = now.peekable();
            let was = now.peek().is_none().then_some(other);
            now.chain(was)
        });
        let was = spans(ended).as_deref().and_then(all);
        let (Some(was), Ok(is), Some(first)) = (was, held.entry.valid_for(), of_key().next()) else { continue };
        let Some((to, end)) = taken_back(&was, &is) else { continue };
        let subject = first.entry.subject();
        let what = match &is.end {
            None => format!("it has no end, and the published one of {subject}, which has its key, is {end}"),
            Some(after) => {
                format!("it ends at {after}, and the published end of {subject}, which has its key, is {end}")
            }
        };
        findings.push(Finding::new(Rule::EndTakenBack, format!("{} {to}", held.entry.subject()), what));
    }
}

/// The end of `is` as a finding names it, and that of `was`, if this one is taken back.
fn taken_back<'v>(was: &'v ValidFor, is: &'v ValidFor) -> Option<(&'v str, &'v Moment)> {
    let before = was.end.as_ref()?;
    match &is.end {
        None => Some(("open", before)),
        Some(after) => later(after, before).then(|| (after.as_str(), before)),
    }
}

/// When these are valid. None if one has times that cannot be read, which is told elsewhere.
fn spans<'h, 'a: 'h>(entries: impl Iterator<Item = &'h Held<'a>>) -> Option<Vec<ValidFor>> {
    entries.map(|held| held.entry.valid_for()).collect::<Result<_, _>>().ok()
}

/// From the first start to the last end of these. None if there are none.
fn all(spans: &[ValidFor]) -> Option<ValidFor> {
    spans.iter().cloned().reduce(|one, other| ValidFor {
        start: one.start.zip(other.start).map(|(a, b)| earliest(a, b)),
        end: one.end.zip(other.end).map(|(a, b)| latest(a, b)),
    })
}

/// The time before `now` at which an entry was valid, with all of its certificates; none if there is none.
fn span(valid: &ValidFor, chain: &[Certificate], now: &Moment) -> Option<(Moment, Moment)> {
    let mut from = valid.start.clone().unwrap_or_else(Moment::beginning);
    let mut to = valid.end.clone().unwrap_or_else(|| now.clone());
    for certificate in chain {
        let (first, last) = (Moment::from(certificate.not_before()), Moment::from(certificate.not_after()));
        from = latest(from, first);
        to = earliest(to, last);
    }
    to = earliest(to, now.clone());
    from.is_before(&to).then_some((from, to))
}

fn earliest(one: Moment, other: Moment) -> Moment {
    if other.is_before(&one) { other } else { one }
}

fn latest(one: Moment, other: Moment) -> Moment {
    if one.is_before(&other) { other } else { one }
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
