//! The next targets and delegated roles.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{StageError, Staged, conclude, published_delegation, role_policy, wanted_keys};
use crate::draft::{Draft, child, edit_keys, write_keys, write_role};
use crate::inputs::{Base, Inputs, WantedTarget};
use crate::json::{Json, Object};
use crate::metadata::{Kind, Metadata};
use crate::policy::{RolePolicy, Signers};
use crate::quorum::Quorum;
use crate::targets::{TargetEntry, Targets};
use crate::tuf_key::KeyId;

/// Stages targets, then the roles below it, each under its delegator as staged or published.
pub(super) fn stage_targets(inputs: &Inputs, base: &Base, staged: &mut Staged) -> Result<(), StageError> {
    let quorum = staged.quorum("targets").ok_or(StageError::NoRoot)?;
    let mut due = Vec::from([("targets".to_string(), quorum)]);
    while let Some((role, quorum)) = due.pop() {
        let policy = role_policy(&inputs.policy, &role)?;
        let published = base.roles.get(&role);
        if policy.signers != Signers::External {
            let draft = draft(inputs, &role, published)?;
            if let Some(next) = conclude(inputs, &role, policy, draft, published, quorum)? {
                staged.roles.insert(role.clone(), next);
            }
        }
        let next = staged.roles.get(&role).map(|staged| &staged.metadata).or(published);
        for (name, _) in inputs.policy.delegated_by(&role) {
            let Some(incoming) = published_delegation(next, name)? else { continue };
            let outgoing = published_delegation(published, name)?.filter(|outgoing| *outgoing != incoming);
            due.push((name.to_string(), Quorum { outgoing, incoming, emergency: staged.emergency }));
        }
    }
    Ok(())
}

fn draft(inputs: &Inputs, role: &str, published: Option<&Metadata>) -> Result<Draft, StageError> {
    let mut draft = published.map_or_else(|| Draft::new(Kind::Targets), Draft::of);
    let view = published.map(Targets::of).transpose()?;
    write_targets(inputs, role, view.as_ref(), &mut draft)?;
    write_delegations(inputs, role, view.as_ref(), &mut draft)?;
    Ok(draft)
}

fn write_targets(
    inputs: &Inputs,
    role: &str,
    published: Option<&Targets<'_>>,
    draft: &mut Draft,
) -> Result<(), StageError> {
    let mut entries = Vec::new();
    for (path, wanted) in inputs.targets.iter().filter(|(path, _)| inputs.policy.role_of_target(path) == role) {
        let custom = inputs.policy.targets.get(path).and_then(|target| target.custom.as_ref());
        let present = published.and_then(|published| published.target(path)).transpose()?;
        // A file of one role may be shown as one of another that the same keys sign: see decision 21.
        if !inputs.policy.is_trusted(role, path) && !present.as_ref().is_some_and(|present| present.is(wanted)) {
            return Err(StageError::NotTrusted { role: role.to_string(), path: path.escape_debug().to_string() });
        }
        entries.push((path, entry(wanted, custom, present)));
    }
    draft.signed().insert("targets", Json::Object(entries.into_iter().collect()));
    Ok(())
}

/// The entry of a target file. One that says what is wanted already stays as it was published.
fn entry(wanted: &WantedTarget, custom: Option<&Json>, present: Option<TargetEntry<'_>>) -> Json {
    let same = present.filter(|present| present.is(wanted));
    let mut entry = match same {
        Some(present) => {
            let there = present.entry.get("custom").filter(|custom| **custom != Json::Null);
            if there == custom {
                return present.entry.clone();
            }
            present.entry.as_object().cloned().unwrap_or_default()
        }
        None => {
            let hashes: Object = [("sha256", Json::string(wanted.sha256.to_string()))].into_iter().collect();
            [("hashes", Json::Object(hashes)), ("length", wanted.length.into())].into_iter().collect()
        }
    };
    match custom {
        Some(custom) => entry.insert("custom", custom.clone()),
        None => entry.remove("custom"),
    };
    Json::Object(entry)
}

fn write_delegations(
    inputs: &Inputs,
    role: &str,
    published: Option<&Targets<'_>>,
    draft: &mut Draft,
) -> Result<(), StageError> {
    let wanted: Vec<(&str, &RolePolicy)> = inputs.policy.delegated_by(role).collect();
    if wanted.is_empty() && published.is_none_or(|published| published.delegations.is_empty()) {
        return Ok(());
    }
    let delegations = draft.object("delegations");
    let present: Vec<Json> = delegations.get("roles").and_then(Json::as_array).unwrap_or_default().to_vec();
    let is = |entry: &Json, name: &str| entry.get("name").and_then(Json::as_str) == Some(name);
    // Order is priority: what is published stays where it is, what is new comes last.
    let names = present.iter().filter_map(|entry| entry.get("name").and_then(Json::as_str));
    let mut order: Vec<&str> = names.filter(|name| wanted.iter().any(|(other, _)| other == name)).collect();
    let new: Vec<&str> = wanted.iter().map(|(name, _)| *name).filter(|name| !order.contains(name)).collect();
    order.extend(new);

    let mut entries = Vec::new();
    for name in order {
        let Some((_, policy)) = wanted.iter().find(|(other, _)| *other == name) else { continue };
        let mut object = present.iter().find(|entry| is(entry, name)).and_then(Json::as_object).cloned();
        let keys = published.and_then(|published| published.delegation(name)).map(|delegation| &delegation.keys);
        match (wanted_keys(inputs, name, policy)?, &object) {
            (None, None) => return Err(StageError::ExternalWithoutBase { role: name.to_string() }),
            (None, Some(_)) => {}
            (Some(wanted), _) => {
                let edited = edit_keys(keys, &wanted);
                write_keys(child(delegations, "keys"), &edited);
                write_role(object.get_or_insert_default(), &edited, policy.threshold);
            }
        }
        let mut object = object.unwrap_or_default();
        if let Some(delegation) = &policy.delegation {
            object.insert("name", Json::string(name));
            object.insert("paths", delegation.paths.iter().map(Json::string).collect());
            object.insert("terminating", Json::Bool(delegation.terminating));
        }
        entries.push(Json::Object(object));
    }
    drop_leavers(delegations, &entries, published);
    delegations.insert("roles", Json::Array(entries));
    Ok(())
}

/// Takes out the keys that were in use and no longer are.
fn drop_leavers(delegations: &mut Object, entries: &[Json], published: Option<&Targets<'_>>) {
    let ids = |entry: &Json| -> Vec<String> {
        let ids = entry.get("keyids").and_then(Json::as_array).unwrap_or_default();
        ids.iter().filter_map(Json::as_str).map(ToString::to_string).collect()
    };
    let used: BTreeSet<String> = entries.iter().flat_map(ids).collect();
    let idle: BTreeSet<&str> = published
        .map(|published| {
            let used: BTreeSet<&KeyId> = published.delegations.iter().flat_map(|d| &d.keys.ids).collect();
            published.keys.keys().filter(|id| !used.contains(id)).map(KeyId::as_str).collect()
        })
        .unwrap_or_default();
    child(delegations, "keys").retain(|id, _| used.contains(id) || idle.contains(id));
}
