//! What is wrong with going from published material to the next.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::finding::{Finding, Rule};
use crate::material::files::Material;
use crate::material::instance::{Identity, Instance};
use crate::material::moment::{Moment, ValidFor};
use crate::material::signing_config::{Service, SigningConfig};
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
    let (old, new) = (entries(before), identities(after));
    let gone = old.iter().filter(|entry| !new.contains(&entry.identity()));
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
    let (old, new) = (identities(before), entries(after));
    // Nobody signs by the first material before there is any.
    if before.trusted_root.is_some() {
        for entry in new.iter().filter(|entry| !old.contains(&entry.identity())) {
            starts(entry.subject(), entry.valid_for().ok(), publication, &mut findings);
        }
    }
    if let (Some(old), Some(new)) = (before.signing_config(), after.signing_config()) {
        let known = |service: &Service<'_>| {
            let at_home = old.services().any(|other| other.place() == service.place());
            at_home || moved(service, old, new)
        };
        for service in new.services().filter(|service| !known(service)) {
            starts(service.subject(), service.valid_for().ok(), publication, &mut findings);
        }
    }
    findings
}

/// Whether a service of `new` is one of `old` that has got another URL, such as one that not only a cluster knows: in all
/// else it is the same, and the old URL is gone.
fn moved(service: &Service<'_>, old: &SigningConfig, new: &SigningConfig) -> bool {
    let rest = |service: &Service<'_>| {
        let mut rest = service.entry.as_object()?.clone();
        rest.remove("url").map(|_| rest)
    };
    let gone = |other: &Service<'_>| !new.of_kind(other.kind).any(|left| left.place() == other.place());
    let like = |other: &Service<'_>| rest(other).is_some_and(|other| rest(service) == Some(other));
    old.of_kind(service.kind).any(|other| other.index == service.index && gone(&other) && like(&other))
}

fn identities(material: &Material) -> BTreeSet<Identity> {
    entries(material).iter().map(Instance::identity).collect()
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
