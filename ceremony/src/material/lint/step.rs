//! What is wrong with going from published material to the next.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::kin::{Held, successors};
use super::validity::validity;
use super::{coverage, services};
use crate::finding::{Finding, Rule};
use crate::material::evidence::Ending;
use crate::material::files::Material;
use crate::material::moment::{Moment, ValidFor};
use crate::material::signing_config::Service;
use crate::time::{Days, Time};

/// When the next material gets to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publication {
    /// The earliest moment at which it is published.
    pub at: Time,
    /// How long clients may go on with the timestamp that they have, and so without it.
    pub timestamp_lifetime: Days,
}

/// What goes away, what is used before every client can know it, what is cut off, and what is trusted again. `endings` are
/// the entries that end, with what is said of them.
pub fn step(before: &Material, after: &Material, endings: &[Ending], publication: &Publication) -> Vec<Finding> {
    let (old, new) = (Held::all(before), Held::all(after));
    let gone = old.iter().filter(|held| successors(held, &old, &new, Held::has_signer_of).is_empty());
    let what = "what was signed under it no longer verifies; end it instead";
    let mut findings: Vec<Finding> =
        gone.map(|held| Finding::new(Rule::EntryRemoved, held.entry.subject(), what)).collect();
    let now = Moment::from(publication.at);
    validity(&old, &new, endings, &now, &mut findings);
    services::removed(before, after, &now, &mut findings);
    coverage::interrupted(before, after, &now, &mut findings);
    findings.extend(too_soon(before, after, publication));
    findings
}

/// Entries that are used before every client can know them. The same step comes too soon one day that did not when it
/// was proposed: it is judged again for the day on which it is published. An authority that goes on with its key is known.
pub fn too_soon(before: &Material, after: &Material, publication: &Publication) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (old, new) = (Held::all(before), Held::all(after));
    // Nobody signs by the first material before there is any.
    if before.trusted_root.is_some() {
        let known: Vec<&Held<'_>> =
            old.iter().flat_map(|held| successors(held, &old, &new, Held::has_key_of)).collect();
        for held in new.iter().filter(|held| !known.iter().any(|other| other.is(held))) {
            starts(held.entry.subject(), held.entry.valid_for().ok(), publication, &mut findings);
        }
    }
    if let (Some(old), Some(new)) = (before.signing_config(), after.signing_config()) {
        let known = |service: &Service<'_>| {
            let at_home = old.services().any(|other| other.place() == service.place());
            at_home || services::moved(service, old, new)
        };
        for service in new.services().filter(|service| !known(service)) {
            starts(service.subject(), service.valid_for().ok(), publication, &mut findings);
        }
    }
    findings
}

fn starts(subject: String, valid_for: Option<ValidFor>, publication: &Publication, findings: &mut Vec<Finding>) {
    let Some(start) = valid_for.and_then(|valid| valid.start) else { return };
    let Some(known) = publication.at.plus(publication.timestamp_lifetime) else { return };
    if start.is_before(&Moment::from(known)) {
        let Publication { at, timestamp_lifetime } = publication;
        let what = format!(
            "it starts at {start}; published at {at}, with timestamps that last {timestamp_lifetime}, every client knows it at {known}"
        );
        findings.push(Finding::new(Rule::StartTooSoon, format!("{subject} {start}"), what));
    }
}
