//! What is wrong with going from published material to the next.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::finding::{Finding, Rule};
use crate::material::files::Material;
use crate::material::instance::Instance;
use crate::material::moment::{Moment, ValidFor};
use crate::material::trusted_root::TrustedRoot;
use crate::time::{Days, Time};

/// When the next material gets to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publication {
    /// The earliest moment at which it is published.
    pub at: Time,
    /// How long clients may go on with the timestamp that they have, and so without it.
    pub timestamp_lifetime: Days,
}

/// Entries that go away, and entries that are used before every client can know them.
pub fn step(before: &Material, after: &Material, publication: &Publication) -> Vec<Finding> {
    let (old, new) = (entries(before), entries(after));
    let gone = old.iter().filter(|entry| !new.iter().any(|other| other.identity() == entry.identity()));
    let what = "what was signed under it no longer verifies; end it instead";
    let mut findings: Vec<Finding> =
        gone.map(|entry| Finding::new(Rule::EntryRemoved, entry.subject(), what)).collect();
    findings.extend(too_soon(before, after, publication));
    findings
}

/// Entries that are used before every client can know them. The same step comes too soon one day that did not when it
/// was proposed: it is judged again for the day on which it is published.
pub fn too_soon(before: &Material, after: &Material, publication: &Publication) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (old, new) = (entries(before), entries(after));
    // Nobody signs by the first material before there is any.
    if before.trusted_root.is_some() {
        let joins = new.iter().filter(|entry| !old.iter().any(|other| other.identity() == entry.identity()));
        for entry in joins {
            starts(entry.subject(), entry.valid_for().ok(), publication, &mut findings);
        }
    }
    if let (Some(old), Some(new)) = (before.signing_config(), after.signing_config()) {
        let known = |url| old.services().any(|service| service.url() == url);
        for service in new.services().filter(|service| !known(service.url())) {
            starts(service.subject(), service.valid_for().ok(), publication, &mut findings);
        }
    }
    findings
}

fn entries(material: &Material) -> Vec<Instance<'_>> {
    material.trusted_root.iter().flat_map(TrustedRoot::instances).collect()
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
