//! What is wrong with the chain of an authority.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Judgement;
use crate::certificate::Certificate;
use crate::finding::{Finding, Rule};
use crate::material::chain::AuthorityChain;
use crate::material::held::is_pem;
use crate::material::instance::Instance;
use crate::material::moment::Moment;

/// The certificates of Fulcio or of a timestamp authority.
pub(super) fn authority(instance: &Instance<'_>, judgement: &Judgement<'_>, findings: &mut Vec<Finding>) {
    let subject = instance.subject();
    let mut found = |rule, what: String| findings.push(Finding::new(rule, &subject, what));
    let raw = match instance.certificates() {
        Ok(raw) => raw,
        Err(error) => return found(Rule::MaterialUnreadable, error.to_string()),
    };
    if raw.iter().any(|raw| is_pem(raw)) {
        return found(
            Rule::PemInRawBytes,
            "rawBytes of a certificate is a PEM text; clients want the DER in it".to_string(),
        );
    }
    let certificates = match raw.iter().map(|raw| Certificate::from_der(raw)).collect::<Result<Vec<_>, _>>() {
        Ok(certificates) => certificates,
        Err(error) => return found(Rule::MaterialUnreadable, error.to_string()),
    };
    let mut chain = AuthorityChain::unchecked(instance.kind, certificates);
    if chain.is_reversed() {
        let root = chain.signer().map(|first| first.subject().to_string()).unwrap_or_default();
        found(Rule::ChainReversed, format!("it begins with the root {root}"));
        let mut certificates = chain.certificates().to_vec();
        certificates.reverse();
        // What else is wrong with it is told as if it were in order.
        chain = AuthorityChain::unchecked(instance.kind, certificates);
    }
    for fault in chain.faults() {
        found(Rule::ChainInvalid, fault.to_string());
    }
    let Ok(valid) = instance.valid_for() else { return };
    if let (Some(start), Some(signer)) = (&valid.start, chain.signer())
        && start.is_before(&Moment::from(signer.not_before()))
    {
        let what = format!("it starts at {start}, and {} at {}", signer.subject(), signer.not_before());
        found(Rule::StartBeforeCertificate, what);
    }
    if let Some(first) = chain.first_to_expire()
        && first.not_after() < judgement.next
        && !valid.is_over(&Moment::from(judgement.now))
    {
        let tense = if first.not_after() < judgement.now { "expired" } else { "expires" };
        found(Rule::CertificateExpires, format!("{} {tense} at {}", first.subject(), first.not_after()));
    }
}
