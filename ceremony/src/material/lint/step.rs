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
    let mut findings = Vec::new();
    let entries = |material| -> Vec<Instance<'_>> {
        Option::<&TrustedRoot>::iter(&material).flat_map(|root| root.instances()).collect()
    };
    let (old, new) = (entries(before.trusted_root.as_ref()), entries(after.trusted_root.as_ref()));
    for entry in &old {
        if !new.iter().any(|other| other.identity() == entry.identity()) {
            let what = "what was signed under it no longer verifies; end it instead";
            findings.push(Finding::new(Rule::EntryRemoved, entry.subject(), what));
        }
    }
    // Nobody signs by the first material before there is any.
    if before.trusted_root.is_some() {
        let joins = new.iter().filter(|entry| !old.iter().any(|other| other.identity() == entry.identity()));
        for entry in joins {
            too_soon(entry.subject(), entry.valid_for().ok(), publication, &mut findings);
        }
    }
    if let (Some(old), Some(new)) = (before.signing_config(), after.signing_config()) {
        let known = |url| old.services().any(|service| service.url() == url);
        for service in new.services().filter(|service| !known(service.url())) {
            too_soon(service.subject(), service.valid_for().ok(), publication, &mut findings);
        }
    }
    findings
}

fn too_soon(subject: String, valid_for: Option<ValidFor>, publication: &Publication, findings: &mut Vec<Finding>) {
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
