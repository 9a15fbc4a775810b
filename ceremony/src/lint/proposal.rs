//! A whole proposal.

use alloc::vec::Vec;

use super::{alone, lifetime, role_step, root, root_step, size, targets, targets_step, unsupported};
use crate::finding::Finding;
use crate::inputs::{Base, Inputs};
use crate::metadata::MetadataError;
use crate::policy::Signers;
use crate::quorum::KeySet;
use crate::root::Root;
use crate::stage::Staged;
use crate::targets::Targets;

/// What is wrong with a proposal: with each staged file, with the step to it, with who signs, and with the keyholders
/// whom the policy names. Sorted, each once.
///
/// # Errors
/// If a file cannot be read.
pub fn proposal(inputs: &Inputs, base: &Base, staged: &Staged) -> Result<Vec<Finding>, MetadataError> {
    let mut findings = people(inputs);
    let clients = &inputs.policy.clients;
    for (role, staged) in staged.roles() {
        let file = &staged.metadata;
        findings.extend(lifetime(role, file.kind(), inputs.staging.at, file.expires()));
        findings.extend(size(role, file.kind(), file.to_file().len() as u64));
        if role == "root" {
            let view = Root::of(file)?;
            findings.extend(root(file, clients)?);
            findings.extend(unsupported(view.keys.values(), clients));
            if let Some(before) = base.root() {
                findings.extend(root_step(&Root::of(before)?, &view));
            }
            findings.extend(signers(inputs, view.roles.iter().map(|(role, keys)| (role.as_str(), keys))));
        } else {
            let view = Targets::of(file)?;
            findings.extend(targets(role, file)?);
            findings.extend(unsupported(view.keys.values(), clients));
            if let Some(before) = base.roles.get(role) {
                findings.extend(targets_step(before, file)?);
                let published = Targets::of(before)?;
                for delegation in &view.delegations {
                    let Some(before) = published.delegation(&delegation.name) else { continue };
                    let online = is_online(inputs, &delegation.name);
                    findings.extend(role_step(&delegation.name, &before.keys, &delegation.keys, online));
                }
            }
            findings.extend(signers(inputs, view.delegations.iter().map(|role| (role.name.as_str(), &role.keys))));
        }
    }
    findings.sort();
    findings.dedup();
    Ok(findings)
}

/// What is wrong with the evidence for everybody whom the policy names.
fn people(inputs: &Inputs) -> Vec<Finding> {
    let named = |name: &str| inputs.policy.roles.values().any(|role| role.signers.names().iter().any(|n| n == name));
    let holders = inputs.holders.iter().filter(|holder| named(&holder.name));
    holders.flat_map(|holder| holder.findings.iter().cloned()).collect()
}

fn signers<'a>(inputs: &Inputs, roles: impl Iterator<Item = (&'a str, &'a KeySet)>) -> Vec<Finding> {
    roles.filter_map(|(role, keys)| alone(role, keys, &inputs.holders)).collect()
}

fn is_online(inputs: &Inputs, role: &str) -> bool {
    inputs.policy.role(role).is_some_and(|role| matches!(role.signers, Signers::Online(_)))
}
