//! What is wrong with the times of one entry, and with an entry that stands twice.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::finding::{Finding, Rule};
use crate::material::coverage::is_usable;
use crate::material::instance::Instance;
use crate::material::moment::{Moment, MomentError, ValidFor};
use crate::material::signing_config::Service;
use crate::material::trusted_root::TrustedRoot;
use crate::time::{Days, Time};

/// How far ahead a start is believed.
const YEAR: Days = Days(366);

/// An entry of a trusted root.
pub(super) fn entry(instance: &Instance<'_>, now: Time, findings: &mut Vec<Finding>) {
    times(&instance.subject(), instance.valid_for(), now, findings);
    // The start of an authority is judged by its certificate.
    let start = instance.valid_for().ok().filter(|_| instance.kind.is_log()).and_then(|valid| valid.start);
    if let Some(start) = start.filter(Moment::stands_for_none) {
        let what = format!("it starts at {start}, which stands for no start");
        findings.push(Finding::new(Rule::StartMissing, instance.subject(), what));
    }
}

/// An entry of a signing config.
pub(super) fn service(service: &Service<'_>, now: Time, findings: &mut Vec<Finding>) {
    times(&service.subject(), service.valid_for(), now, findings);
    let version = service.major_api_version().and_then(|version| u32::try_from(version).ok());
    if service.url().is_none() || version.is_none() {
        let what = "it has no \"url\", or no \"majorApiVersion\" that is a number of 32 bits";
        findings.push(Finding::new(Rule::MaterialUnreadable, service.subject(), what));
    }
    let over = service.valid_for().is_ok_and(|valid| valid.is_over(&Moment::from(now)));
    if let Some(version) = version.filter(|_| !is_usable(service) && !over) {
        let known: Vec<String> = service.kind.versions().iter().map(ToString::to_string).collect();
        let what = format!(
            "its majorApiVersion is {version}, and signers speak version {} of a {}",
            known.join(" and "),
            service.kind
        );
        findings.push(Finding::new(Rule::ApiVersionUnknown, service.subject(), what));
    }
}

/// Entries with the key or the certificates of one before them.
pub(super) fn repeated(root: &TrustedRoot, findings: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    for instance in root.instances() {
        if !seen.insert(instance.identity()) {
            let what = format!("an entry before it in {} has the same", instance.kind.list());
            findings.push(Finding::new(Rule::EntryRepeated, instance.subject(), what));
        }
    }
}

fn times(subject: &str, valid_for: Result<ValidFor, MomentError>, now: Time, findings: &mut Vec<Finding>) {
    if let Ok(ValidFor { start: Some(start), .. }) = &valid_for
        && now.plus(YEAR).is_some_and(|year| Moment::from(year).is_before(start))
    {
        let what = format!("it starts at {start}, more than a year after {now}");
        findings.push(Finding::new(Rule::StartFarOff, subject, what));
    }
    match valid_for {
        Err(error) => findings.push(Finding::new(Rule::MaterialUnreadable, subject, error.to_string())),
        Ok(ValidFor { start: None, .. }) => {
            let what = "its validity has no start";
            findings.push(Finding::new(Rule::StartMissing, subject, what));
        }
        Ok(ValidFor { start: Some(start), end: Some(end) }) if !start.is_before(&end) => {
            findings.push(Finding::new(
                Rule::ValidityReversed,
                subject,
                format!("it starts at {start} and ends at {end}"),
            ));
        }
        Ok(_) => {}
    }
}
