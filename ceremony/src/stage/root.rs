//! The next root.

use alloc::collections::BTreeSet;
use alloc::string::ToString;

use super::{StageError, StagedRole, conclude, role_policy, wanted_keys};
use crate::draft::{Draft, child, edit_keys, write_keys, write_role};
use crate::inputs::Inputs;
use crate::json::Json;
use crate::metadata::{Kind, Metadata};
use crate::quorum::Quorum;
use crate::root::Root;

/// Stages the next root if it is due.
pub(super) fn stage_root(
    inputs: &Inputs,
    published: Option<&Metadata>,
    view: Option<&Root>,
) -> Result<Option<StagedRole>, StageError> {
    let mut draft = published.map_or_else(|| Draft::new(Kind::Root), Draft::of);
    for role in Root::ROLES {
        let policy = role_policy(&inputs.policy, role)?;
        let present = view.and_then(|view| view.role(role));
        let Some(wanted) = wanted_keys(inputs, role, policy)? else {
            if present.is_none() {
                return Err(StageError::ExternalWithoutBase { role: role.to_string() });
            }
            continue;
        };
        let edited = edit_keys(present, &wanted);
        write_keys(draft.object("keys"), &edited);
        write_role(child(draft.object("roles"), role), &edited, policy.threshold);
    }
    drop_leavers(&mut draft, view);
    let next = draft.clone().finish(1, inputs.staging.at);
    let incoming = Root::of(&next)?.own().clone();
    // TUF specification, section 5.3.4: a root is signed by a threshold of the keys of its predecessor and of its own.
    // The outgoing set stands even where it is the same, since each root answers to the one before it.
    // No emergency changes that: no client passes a root that its predecessor's keys did not sign.
    let quorum = Quorum { outgoing: view.map(|view| view.own().clone()), incoming, emergency: false };
    let policy = role_policy(&inputs.policy, "root")?;
    conclude(inputs, "root", policy, draft, published, quorum)
}

/// Takes out the keys that were in use and no longer are. A key that was never in use stays: nobody asked for it to go.
fn drop_leavers(draft: &mut Draft, view: Option<&Root>) {
    let mut used = BTreeSet::new();
    for (_, role) in draft.object("roles").iter() {
        let ids = role.get("keyids").and_then(Json::as_array).unwrap_or_default();
        used.extend(ids.iter().filter_map(Json::as_str).map(ToString::to_string));
    }
    let idle: BTreeSet<_> = view.map(Root::unused).unwrap_or_default().into_iter().map(|id| id.as_str()).collect();
    draft.object("keys").retain(|id, _| used.contains(id) || idle.contains(id));
}
