//! Lints: what is wrong with a metadata file, with the step from one version to the next, and with who signs.
//!
//! Nothing in here decides whether a file is valid: clients count signatures, versions and expiry. A finding is what
//! they do not look at, or what some of them trip over. Its subject has the form that [`Rule::subject`] names.

mod delegations;
mod expiry;
mod keys;
mod people;
mod proposal;
mod readers;
mod roles;
mod signatures;
mod size;
mod targets;
mod text;
mod versions;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub use expiry::lifetime;
pub use keys::{shared_ids, unsupported, used_elsewhere};
pub use people::alone;
pub use proposal::proposal;
pub use readers::{Obstacle, Reader, obstacles};
pub use roles::role_step;
pub use signatures::invalid;
pub use size::size;
pub use targets::targets_step;
pub use versions::{newer_unused, one_version_two_files, root_step};

use crate::finding::Finding;
#[cfg(doc)]
use crate::finding::Rule;
use crate::metadata::{Metadata, MetadataError};
use crate::root::Root;
use crate::targets::Targets;

/// What is wrong with a root file by itself, for clients of these names; for all that are known if there are none.
///
/// # Errors
/// If it is no root.
pub fn root(metadata: &Metadata, clients: &[String]) -> Result<Vec<Finding>, MetadataError> {
    let root = Root::of(metadata)?;
    let mut findings = file("root", metadata);
    let sets: Vec<_> = root.roles.iter().map(|(name, keys)| (name.as_str(), keys)).collect();
    keys::keys("root", metadata.version(), &root.keys, &sets, &mut findings);
    findings.extend(roles::no_spare(&root));
    readers::root_unreadable(metadata, &root, clients, &mut findings);
    Ok(findings)
}

/// What is wrong with the targets file of `role` by itself.
///
/// # Errors
/// If it is no targets file.
pub fn targets(role: &str, metadata: &Metadata) -> Result<Vec<Finding>, MetadataError> {
    let view = Targets::of(metadata)?;
    let mut findings = file(role, metadata);
    targets::targets(&view, &mut findings);
    let sets: Vec<_> = view.delegations.iter().map(|role| (role.name.as_str(), &role.keys)).collect();
    keys::keys(role, metadata.version(), &view.keys, &sets, &mut findings);
    delegations::delegations(&view, &mut findings);
    Ok(findings)
}

/// What is wrong with any metadata file by itself: all there is to say of a snapshot or timestamp.
pub fn file(role: &str, metadata: &Metadata) -> Vec<Finding> {
    let mut findings = Vec::new();
    text::text(role, metadata, &mut findings);
    expiry::form(role, metadata, &mut findings);
    signatures::signatures(role, metadata, &mut findings);
    findings
}

/// The subject of findings on one file of a role.
fn of_version(role: &str, version: u64) -> String {
    format!("{role} {version}")
}

/// The subject of findings on a change of who signs `role`, which `file` makes: `timestamp in root 2`, `root 2`.
fn changed_in(role: &str, file: &str) -> String {
    match file.strip_prefix(role).is_some_and(|rest| rest.starts_with(' ')) {
        true => file.into(),
        false => format!("{role} in {file}"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::string::ToString;
    use alloc::vec;

    use super::*;
    use crate::finding::Rule;
    use crate::json::Json;
    use crate::key::PublicKey;
    use crate::key::tests::signing_key;
    use crate::quorum::KeySet;
    use crate::tuf_key::TufKey;

    pub(crate) fn key(seed: u8) -> TufKey {
        TufKey::author(&PublicKey::EcdsaP256(*signing_key(seed).verifying_key())).unwrap()
    }

    pub(crate) fn set(seeds: &[u8], threshold: u64) -> KeySet {
        let keys: Vec<TufKey> = seeds.iter().map(|seed| key(*seed)).collect();
        KeySet { ids: keys.iter().map(|key| key.id.clone()).collect(), threshold, keys }
    }

    /// `{ID: OBJECT, ..}` of these keys.
    pub(crate) fn listed(keys: &[TufKey]) -> String {
        let members = keys.iter().map(|key| (key.id.as_str(), key.object.clone()));
        Json::Object(members.collect()).pretty()
    }

    pub(crate) fn role(keys: &[TufKey], threshold: u64) -> String {
        let ids: Vec<String> = keys.iter().map(|key| format!("\"{}\"", key.id)).collect();
        format!("{{\"keyids\":[{}],\"threshold\":{threshold}}}", ids.join(","))
    }

    /// A root in which these keys sign root and targets, and key 200 signs the rest.
    pub(crate) fn root_of(version: u64, keys: &[TufKey], threshold: u64) -> Metadata {
        let online = [key(200)];
        let all: Vec<TufKey> = keys.iter().chain(&online).cloned().collect();
        let (offline, online) = (role(keys, threshold), role(&online, 1));
        metadata(&format!(
            r#"{{"_type":"root","spec_version":"1.0.31","version":{version},"expires":"2030-01-01T00:00:00Z",
            "consistent_snapshot":true,"keys":{},"roles":{{"root":{offline},"targets":{offline},
            "snapshot":{online},"timestamp":{online}}}}}"#,
            listed(&all)
        ))
    }

    /// A targets file with these members of `targets` and `delegations`.
    pub(crate) fn targets_of(version: u64, targets: &str, keys: &[TufKey], roles: &str) -> Metadata {
        metadata(&format!(
            r#"{{"_type":"targets","spec_version":"1.0.31","version":{version},"expires":"2030-01-01T00:00:00Z",
            "targets":{{{targets}}},"delegations":{{"keys":{},"roles":[{roles}]}}}}"#,
            listed(keys)
        ))
    }

    pub(crate) fn metadata(signed: &str) -> Metadata {
        Metadata::new(Json::parse(signed.as_bytes()).unwrap(), vec![]).unwrap()
    }

    /// The rules and subjects of findings.
    pub(crate) fn names(findings: &[Finding]) -> Vec<(Rule, String)> {
        findings.iter().map(|finding| (finding.rule, finding.subject.clone())).collect()
    }

    #[test]
    fn a_root_as_this_program_writes_it_is_clean() {
        let keys: Vec<TufKey> = (1..=3).map(key).collect();
        assert_eq!(root(&root_of(1, &keys, 2), &[]).unwrap(), []);
    }

    #[test]
    fn targets_as_this_program_writes_them_are_clean() {
        let entry = r#""a/b":{"length":1,"hashes":{"sha256":"00"}}"#;
        let delegation = format!(
            r#"{{"name":"team","paths":["a/*"],"terminating":true,{}"#,
            role(&[key(1), key(2)], 2).trim_start_matches('{')
        );
        assert_eq!(targets("targets", &targets_of(1, entry, &[key(1), key(2)], &delegation)).unwrap(), []);
        assert!(targets("targets", &root_of(1, &[key(1)], 1)).is_err());
        assert!(root(&targets_of(1, "", &[], ""), &["tough".to_string()]).is_err());
    }
}
