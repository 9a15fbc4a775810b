//! What is wrong with the times of one entry.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::finding::{Finding, Rule};
use crate::material::instance::Instance;
use crate::material::moment::{MomentError, ValidFor};
use crate::material::signing_config::Service;

/// An entry of a trusted root.
pub(super) fn entry(instance: &Instance<'_>, findings: &mut Vec<Finding>) {
    times(&instance.subject(), instance.valid_for(), findings);
}

/// An entry of a signing config.
pub(super) fn service(service: &Service<'_>, findings: &mut Vec<Finding>) {
    times(&service.subject(), service.valid_for(), findings);
    if service.url().is_none() || service.major_api_version().is_none() {
        let what = "it has no \"url\", or no \"majorApiVersion\" that is a number";
        findings.push(Finding::new(Rule::MaterialUnreadable, service.subject(), what));
    }
}

fn times(subject: &str, valid_for: Result<ValidFor, MomentError>, findings: &mut Vec<Finding>) {
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
