//! Versions: one file each, one after the other.

use alloc::format;
use alloc::vec::Vec;

use super::keys::shared_ids;
use super::of_version;
use super::roles::role_step;
use crate::finding::{Finding, Rule};
use crate::metadata::Metadata;
use crate::root::Root;

/// Finds what a step from one root to the next weakens or breaks.
pub fn root_step(before: &Root, after: &Root) -> Vec<Finding> {
    let mut findings = Vec::new();
    if before.version.checked_add(1) != Some(after.version) {
        let what = format!("it comes after root {}", before.version);
        findings.push(Finding::new(Rule::VersionGap, of_version("root", after.version), what));
    }
    let file = of_version("root", after.version);
    for (role, keys) in &before.roles {
        if let Some(next) = after.role(role) {
            findings.extend(role_step(role, &file, keys, next, matches!(role.as_str(), "snapshot" | "timestamp")));
        }
    }
    let names = (of_version("root", before.version), file);
    findings.extend(shared_ids((&names.0, &before.keys), (&names.1, &after.keys)));
    findings
}

/// Finds two files of `role` that are of one version and say different things. Signatures may differ.
pub fn one_version_two_files(role: &str, one: &Metadata, other: &Metadata) -> Option<Finding> {
    let (a, b) = (one.payload().digest(), other.payload().digest());
    if one.version() != other.version() || a == b {
        return None;
    }
    let what = format!("payloads {} and {}", a.short(), b.short());
    Some(Finding::new(Rule::Equivocation, of_version(role, one.version()), what))
}

/// The finding that the repository has version `newer` of `role`, and that clients are told to read `used`.
pub fn newer_unused(role: &str, newer: u64, used: u64) -> Finding {
    Finding::new(Rule::NewerUnused, of_version(role, newer), format!("clients are told to read version {used}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::string::ToString;

    use super::super::tests::{key, names, root_of};
    use super::*;
    use crate::json::Json;

    #[test]
    fn a_gap_in_root_versions_is_found() {
        let root = |version| Root::of(&root_of(version, &[key(1)], 1)).unwrap();
        assert_eq!(names(&root_step(&root(1), &root(3))), [(Rule::VersionGap, "root 3".to_string())]);
        assert_eq!(names(&root_step(&root(2), &root(2))), [(Rule::VersionGap, "root 2".to_string())]);
        assert_eq!(names(&root_step(&root(u64::MAX), &root(1))), [(Rule::VersionGap, "root 1".to_string())]);
        assert_eq!(root_step(&root(1), &root(2)), []);
    }

    #[test]
    fn two_roots_of_one_version_are_found() {
        let (one, other) = (root_of(4, &[key(1)], 1), root_of(4, &[key(2)], 1));
        let found = one_version_two_files("root", &one, &other).unwrap();
        assert_eq!((found.rule, found.subject.as_str()), (Rule::Equivocation, "root 4"));
        let mut signed_further = one.clone();
        signed_further.signatures.push(crate::Signature { keyid: key(1).id, sig: alloc::vec![1] });
        assert_eq!(one_version_two_files("root", &one, &signed_further), None);
        assert_eq!(one_version_two_files("root", &one, &root_of(5, &[key(2)], 1)), None);
    }

    #[test]
    fn an_online_key_beside_the_old_is_found_in_a_root_step() {
        let before = root_of(1, &[key(1)], 1);
        let mut signed = root_of(2, &[key(1)], 1).signed().clone();
        let object = signed.as_object_mut().unwrap();
        let added = key(201);
        object.get_mut("keys").unwrap().as_object_mut().unwrap().insert(added.id.as_str(), added.object.clone());
        let timestamp = object.get_mut("roles").unwrap().as_object_mut().unwrap().get_mut("timestamp").unwrap();
        let ids = [key(200), added].map(|key| Json::string(key.id.as_str()));
        timestamp.as_object_mut().unwrap().insert("keyids", Json::Array(ids.to_vec()));
        let after = Metadata::new(signed, alloc::vec![]).unwrap();
        let findings = root_step(&Root::of(&before).unwrap(), &Root::of(&after).unwrap());
        assert_eq!(names(&findings), [(Rule::OnlineKeyAdded, "timestamp in root 2".to_string())]);
    }
}
