//! One file in two versions.

use alloc::collections::BTreeSet;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::item::Item;
use super::{Change, FileDiff, pairs};
use crate::json::{Json, Object};
use crate::material::signing_config::SigningConfig;
use crate::material::trusted_root::TrustedRoot;

/// What a file of either kind has: lists of entries, and other members.
pub(super) struct File<'a> {
    pub(super) path: &'a str,
    pub(super) lists: &'a [&'a str],
    /// What a new file says of itself without saying anything.
    pub(super) media_types: &'a [&'a str],
}

/// One version of a file; everything is empty where there is none.
#[derive(Default)]
pub(super) struct Side<'a> {
    bytes: Option<&'a [u8]>,
    object: Option<&'a Object>,
    items: Vec<Item>,
}

impl<'a> Side<'a> {
    pub(super) fn of_root(root: Option<&'a TrustedRoot>) -> Self {
        let Some(root) = root else { return Self::default() };
        let items = root.instances().map(|instance| Item::of_instance(&instance, root.text_of(&instance)));
        Self { bytes: Some(root.as_bytes()), object: root.json().as_object(), items: items.collect() }
    }

    pub(super) fn of_config(config: Option<&'a SigningConfig>) -> Self {
        let Some(config) = config else { return Self::default() };
        let items = config.services().map(|service| Item::of_service(&service, config.text_of(&service)));
        Self { bytes: Some(config.as_bytes()), object: config.json().as_object(), items: items.collect() }
    }
}

impl File<'_> {
    /// What changes; none if not a byte does. `member` says what it knows better of a member, and whether it did.
    pub(super) fn diff(
        &self,
        before: &Side<'_>,
        after: &Side<'_>,
        member: impl Fn(&str, &mut Vec<Change>) -> bool,
    ) -> Option<FileDiff> {
        let path = self.path.to_string();
        let diff = |changes, same, open| Some(FileDiff { path, changes, same, open });
        let mut changes = Vec::new();
        match (before.bytes, after.bytes) {
            (old, new) if old == new => return None,
            (_, None) => return diff([Change::FileRemoved].to_vec(), Vec::new(), Vec::new()),
            (None, _) => changes.push(Change::FileAdded),
            _ => {}
        }
        pairs::entries(&before.items, &after.items, &mut changes);
        self.members(before.object, after.object, &member, &mut changes);
        if changes.is_empty() {
            changes.push(Change::Layout);
        }
        let same = pairs::same(&before.items, &after.items);
        let open = pairs::open(&before.items, &after.items, &same);
        diff(changes, same, open)
    }

    /// Members beside the lists; and lists that come or go empty.
    fn members(
        &self,
        old: Option<&Object>,
        new: Option<&Object>,
        member: &impl Fn(&str, &mut Vec<Change>) -> bool,
        changes: &mut Vec<Change>,
    ) {
        let names = [old, new].into_iter().flatten().flat_map(Object::iter).map(|(name, _)| name);
        for name in names.collect::<BTreeSet<_>>() {
            let (before, after) = (old.and_then(|old| old.get(name)), new.and_then(|new| new.get(name)));
            let empty = |json: Option<&Json>| json.is_some_and(|json| json.as_array().is_some_and(<[Json]>::is_empty));
            let comes_or_goes = before.is_some() != after.is_some() && (empty(before) || empty(after));
            if before == after || (self.lists.contains(&name) && !(comes_or_goes && old.is_some())) {
                continue;
            }
            let usual = after.and_then(Json::as_str).is_some_and(|media_type| self.media_types.contains(&media_type));
            if old.is_none() && ((name == "mediaType" && usual) || self.lists.contains(&name)) {
                continue;
            }
            let told = member(name, changes);
            let mut others = Vec::new();
            pairs::members(None, name, before, after, &mut others);
            changes.extend(others.into_iter().flat_map(|change| untold(change, name, told)));
        }
    }
}

/// What of a change in the object `name` is not said yet, if how many services signers use is.
fn untold(change: Change, name: &str, selects: bool) -> Vec<Change> {
    let Change::Member { path, before, after, .. } = &change else { return [change].to_vec() };
    if !selects {
        return [change].to_vec();
    }
    let selection = |path: &str| path.strip_prefix(name).is_some_and(|rest| matches!(rest, ".selector" | ".count"));
    if *path != *name {
        return if selection(path) { Vec::new() } else { [change].to_vec() };
    }
    // The whole object comes or goes: told by its members.
    let empty = Json::Object(Object::new());
    let mut members = Vec::new();
    pairs::members(None, name, before.as_ref().or(Some(&empty)), after.as_ref().or(Some(&empty)), &mut members);
    members.retain(|member| !matches!(member, Change::Member { path, .. } if selection(path)));
    members
}
