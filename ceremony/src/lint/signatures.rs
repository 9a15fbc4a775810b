//! Entries of `signatures` that should not be there.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::of_version;
use crate::finding::{Finding, Rule};
use crate::metadata::Metadata;
use crate::tally::{Rejection, Tally, rejected};
use crate::tuf_key::KeyId;

/// Finds empty signatures, and key ids that sign twice.
pub(super) fn signatures(role: &str, metadata: &Metadata, findings: &mut Vec<Finding>) {
    let subject = || of_version(role, metadata.version());
    let mut seen = BTreeSet::new();
    let twice: Vec<&KeyId> = metadata.signatures.iter().map(|s| &s.keyid).filter(|id| !seen.insert(*id)).collect();
    let empty: Vec<&KeyId> = metadata.signatures.iter().filter(|s| s.sig.is_empty()).map(|s| &s.keyid).collect();
    if !twice.is_empty() {
        let what = format!("more than one signature of key id {}", list(&twice));
        findings.push(Finding::new(Rule::DuplicateSignature, subject(), what));
    }
    if !empty.is_empty() {
        findings.push(Finding::new(
            Rule::EmptySignature,
            subject(),
            format!("that of {} has nothing in it", list(&empty)),
        ));
    }
}

/// Finds signatures of a key in one of the key sets that these tallies counted by, which it did not make.
///
/// A signature of an id that no set names is no finding: keys that left have signed too.
pub fn invalid(role: &str, metadata: &Metadata, tallies: &[&Tally]) -> Option<Finding> {
    let bad = rejected(&metadata.signatures, tallies).into_iter().filter(|(_, why)| *why == Rejection::Bad);
    let bad: Vec<KeyId> = bad.map(|(id, _)| id).collect();
    if bad.is_empty() {
        return None;
    }
    let what = format!("that of {} does not verify", list(&bad.iter().collect::<Vec<_>>()));
    Some(Finding::new(Rule::SignatureInvalid, of_version(role, metadata.version()), what))
}

fn list(ids: &[&KeyId]) -> String {
    ids.iter().map(|id| id.short()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::string::ToString;
    use alloc::vec;

    use super::super::tests::{key, names, root_of, set};
    use super::*;
    use crate::metadata::Signature;
    use crate::tally::tally;

    #[test]
    fn an_empty_signature_is_found() {
        let mut root = root_of(12, &[key(1)], 1);
        root.signatures.push(Signature { keyid: key(1).id, sig: vec![] });
        let mut findings = Vec::new();
        signatures("root", &root, &mut findings);
        assert_eq!(names(&findings), [(Rule::EmptySignature, "root 12".to_string())]);
        assert!(findings[0].what.contains(&key(1).id.short()));
    }

    #[test]
    fn two_signatures_of_one_key_id_are_found() {
        let mut root = root_of(2, &[key(1)], 1);
        root.signatures = vec![Signature { keyid: key(1).id, sig: vec![1] }; 2];
        let mut findings = Vec::new();
        signatures("root", &root, &mut findings);
        assert_eq!(names(&findings), [(Rule::DuplicateSignature, "root 2".to_string())]);
    }

    #[test]
    fn a_signature_that_does_not_verify_is_found_and_one_of_a_stranger_is_not() {
        let mut root = root_of(2, &[key(1)], 1);
        root.signatures = vec![Signature { keyid: key(9).id, sig: vec![1] }];
        let count = |root: &Metadata| tally(&root.payload(), &root.signatures, &set(&[1], 1));
        assert_eq!(invalid("root", &root, &[&count(&root)]), None);
        root.signatures.push(Signature { keyid: key(1).id, sig: vec![1] });
        assert_eq!(invalid("root", &root, &[&count(&root)]).unwrap().rule, Rule::SignatureInvalid);
    }
}
