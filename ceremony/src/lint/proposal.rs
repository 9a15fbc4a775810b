//! A whole proposal.

use alloc::format;
use alloc::vec::Vec;

use super::{alone, lifetime, of_version, root, root_step, shared_ids, size, targets, targets_step, unsupported};
use crate::finding::{Finding, Rule};
use crate::inputs::{Base, Inputs};
use crate::material::files::is_material;
use crate::metadata::MetadataError;
use crate::policy::Signers;
use crate::quorum::KeySet;
use crate::root::Root;
use crate::stage::Staged;
use crate::targets::{Delegation, Targets};

/// What is wrong with a proposal: with each staged file, with the step to it, with who signs, and with the keyholders
/// whom the policy names. Sorted, each once.
///
/// # Errors
/// If a file cannot be read.
pub fn proposal(inputs: &Inputs, base: &Base, staged: &Staged) -> Result<Vec<Finding>, MetadataError> {
    let mut findings = people(inputs);
    let clients = &inputs.policy.clients;
    let staged_root = staged.root_view();
    for (role, staged) in staged.roles() {
        let file = &staged.metadata;
        findings.extend(lifetime(role, file.kind(), inputs.staging.at, file.expires()));
        findings.extend(size(role, file.kind(), staged.length));
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
                findings.extend(targets_step(role, before, file, |role| is_online(inputs, role))?);
            }
            let names = (of_version("root", staged_root.version), of_version(role, file.version()));
            findings.extend(shared_ids((&names.0, &staged_root.keys), (&names.1, &view.keys)));
            findings.extend(signers(inputs, view.delegations.iter().map(|role| (role.name.as_str(), &role.keys))));
        }
    }
    findings.extend(emergency(staged));
    findings.extend(delegated_material(inputs));
    findings.sort();
    findings.dedup();
    Ok(findings)
}

/// What the policy accepted before anybody tried it: that keys which leave do not sign.
fn emergency(staged: &Staged) -> Option<Finding> {
    let online = ["snapshot", "timestamp"].map(|role| (role, staged.quorum(role)));
    let online = online.iter().filter_map(|(role, quorum)| Some((*role, quorum.as_ref()?)));
    let offline = staged.roles().iter().map(|(role, staged)| (role.as_str(), &staged.quorum));
    let free = online.chain(offline).filter(|(_, quorum)| quorum.emergency && quorum.outgoing.is_some());
    let roles: Vec<&str> = free.map(|(role, _)| role).collect();
    let what = format!("the outgoing keys of {} need not sign", roles.join(" and "));
    let root = format!("root {}", staged.root().version());
    (!roles.is_empty()).then(|| Finding::new(Rule::ClientsBreak, root, what))
}

/// Trust material that a delegated role has: clients find it there, and nobody here reads what it says.
fn delegated_material(inputs: &Inputs) -> Vec<Finding> {
    let material = |path: &str| {
        let custom = inputs.policy.targets.get(path).and_then(|target| target.custom.as_ref());
        is_material(path, custom) && inputs.policy.role_of_target(path) != "targets"
    };
    let found = inputs.targets.iter().filter(|(path, _)| material(path)).map(|(path, _)| {
        let role = inputs.policy.role_of_target(path);
        let what = format!("it is a target of {role}, where nobody is shown what it changes; it belongs to targets");
        Finding::new(Rule::MaterialMissing, path, what)
    });
    found.collect()
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

/// Whether machines sign a delegated role: the policy says so, or it leaves the role to others and the keys say so.
fn is_online(inputs: &Inputs, role: &Delegation) -> bool {
    match inputs.policy.role(&role.name).map(|role| &role.signers) {
        Some(Signers::Online(_)) => true,
        Some(Signers::External) => role.keys.keys.iter().all(|key| key.object.get("x-tuf-on-ci-online-uri").is_some()),
        _ => false,
    }
}
