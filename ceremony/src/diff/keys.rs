//! Who may sign.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Change, member};
use crate::holder::{Holder, holder_of};
use crate::json::{Json, Object};
use crate::key::{Algorithm, Fingerprint};
use crate::metadata::{Metadata, MetadataError};
use crate::quorum::KeySet;
use crate::root::Root;
use crate::tuf_key::{KeyId, TufKey};

/// A change of the keys or the threshold of one role.
#[derive(Clone, Debug, PartialEq)]
pub struct KeysChange {
    /// The role that they sign.
    pub role: String,
    /// How many of how many; none if nothing delegated to the role.
    pub before: Option<Share>,
    /// How many of how many; none if nothing delegates to it any more.
    pub after: Option<Share>,
    /// Keys that could not sign it before.
    pub joins: Vec<ListedKey>,
    /// Keys that can no longer sign it.
    pub leaves: Vec<ListedKey>,
    /// Keys that make way for another one of the same holder, or for the only other one of an online role.
    pub replaced: Vec<(ListedKey, ListedKey)>,
    /// Keys that stay.
    pub stays: Vec<ListedKey>,
    /// Keys that stay, listed under other ids than before: the ids before, and the key with those after.
    pub renamed: Vec<(Vec<KeyId>, ListedKey)>,
    /// Whether the ids that stay stand in another order, or more or less often, which means nothing to clients.
    pub reordered: bool,
}

/// A threshold, and the number of distinct keys that can meet it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// How many must sign.
    pub threshold: u64,
    /// How many can.
    pub keys: usize,
}

/// A key as a role lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedKey {
    /// The name of the record that has the key.
    pub holder: Option<String>,
    /// Whether the record is that of an online key.
    pub online: bool,
    /// Whether the key lies in a file.
    pub in_file: bool,
    /// The device that is proven to have made it, in words. Escaped.
    pub made_in: Option<String>,
    /// Every id under which the role lists it, in the order of the file.
    pub ids: Vec<KeyId>,
    /// Fingerprint and kind; none if the file lacks the key or has one that cannot be used: no signature counts then.
    pub key: Option<(Fingerprint, Algorithm)>,
    /// Whom the key object itself calls its owner: a claim.
    pub claimed_owner: Option<String>,
}

/// A change in what a file says of a key, whichever roles it signs.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyChange {
    /// A key is listed that no role uses.
    UnusedAdded(ListedKey),
    /// A key that no role used is no longer listed.
    UnusedRemoved(ListedKey),
    /// One id names another object than before.
    Object {
        /// What it named.
        before: Box<ListedKey>,
        /// What it names.
        after: Box<ListedKey>,
        /// The members in which the objects differ, as [`Change::Member`].
        members: Vec<Change>,
    },
}

/// What distinguishes the keys of a role: what they are, and for those that are no keys what they are called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identity {
    Key(Fingerprint),
    Unusable(KeyId),
    Absent(KeyId),
}

/// The keys and roles of a root.
pub(super) fn root(
    before: Option<&Metadata>,
    after: &Metadata,
    holders: &[Holder],
    changes: &mut Vec<Change>,
) -> Result<(), MetadataError> {
    let (old, new) = (before.map(Root::of).transpose()?, Root::of(after)?);
    let nothing = BTreeMap::new();
    let old_roles = old.as_ref().map_or(&nothing, |root| &root.roles);
    let names: BTreeSet<&String> = old_roles.keys().chain(new.roles.keys()).collect();
    // Whoever signs the root decides over everybody else.
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_by_key(|name| *name != "root");
    for name in names {
        changes
            .extend(keys_of(name, old_roles.get(name), new.roles.get(name), holders).map(Box::new).map(Change::Keys));
    }
    let no_keys = BTreeMap::new();
    let old_keys = old.as_ref().map_or(&no_keys, |root| &root.keys);
    let (old_sets, new_sets) = (old_roles.values().collect::<Vec<_>>(), new.roles.values().collect::<Vec<_>>());
    objects(
        Listing { keys: old_keys, sets: &old_sets },
        Listing { keys: &new.keys, sets: &new_sets },
        holders,
        changes,
    );
    let roles = |file: &Metadata| file.signed().get("roles").and_then(Json::as_object).cloned();
    let (old, new) = (before.and_then(roles), roles(after));
    role_members(old.as_ref(), new.as_ref(), changes);
    Ok(())
}

/// The members of role objects beside keys and threshold.
fn role_members(before: Option<&Object>, after: Option<&Object>, changes: &mut Vec<Change>) {
    let names = [before, after].into_iter().flatten().flat_map(Object::iter).map(|(name, _)| name);
    for name in names.collect::<BTreeSet<_>>() {
        let role = |roles: Option<&Object>| roles.and_then(|roles| roles.get(name)).cloned();
        let (old, new) = (role(before), role(after));
        let known = |name: &str| matches!(name, "keyids" | "threshold");
        let (old, new) = (old.as_ref().and_then(Json::as_object), new.as_ref().and_then(Json::as_object));
        member::members(old, new, &member::child("roles", name), &known, changes);
    }
}

/// What changes in the keys of `role`.
pub(super) fn keys_of(
    role: &str,
    before: Option<&KeySet>,
    after: Option<&KeySet>,
    holders: &[Holder],
) -> Option<KeysChange> {
    if before == after || (before.is_none() && after.is_none()) {
        return None;
    }
    let (old, new) = (listed(before, holders), listed(after, holders));
    let mut change = KeysChange {
        role: role.to_string(),
        before: before.map(Share::of),
        after: after.map(Share::of),
        joins: new.iter().filter(|(key, _)| !old.contains_key(key)).map(|(_, key)| key.clone()).collect(),
        leaves: old.iter().filter(|(key, _)| !new.contains_key(key)).map(|(_, key)| key.clone()).collect(),
        replaced: Vec::new(),
        stays: new.iter().filter(|(key, _)| old.contains_key(key)).map(|(_, key)| key.clone()).collect(),
        renamed: Vec::new(),
        reordered: false,
    };
    let distinct = |key: &ListedKey| key.ids.iter().cloned().collect::<BTreeSet<_>>();
    for (identity, key) in &new {
        if let Some(old) = old.get(identity).filter(|old| distinct(old) != distinct(key)) {
            change.renamed.push((old.ids.clone(), key.clone()));
        }
    }
    change.reordered = staying(before, after) != staying(after, before);
    change.pair();
    for keys in [&mut change.joins, &mut change.leaves, &mut change.stays] {
        keys.sort_by(|a, b| a.holder.cmp(&b.holder));
    }
    let same = change.before == change.after
        && change.joins.is_empty()
        && change.leaves.is_empty()
        && change.replaced.is_empty()
        && change.renamed.is_empty()
        && !change.reordered;
    // An object that changed under its id is told with the objects.
    (!same).then_some(change)
}

/// The ids of `of` that `other` has too, in their order.
fn staying<'a>(of: Option<&'a KeySet>, other: Option<&KeySet>) -> Vec<&'a KeyId> {
    let stays = |id: &&KeyId| other.is_some_and(|other| other.ids.contains(id));
    of.into_iter().flat_map(|set| &set.ids).filter(stays).collect()
}

/// The keys of a set, each once however often it is listed.
fn listed(set: Option<&KeySet>, holders: &[Holder]) -> BTreeMap<Identity, ListedKey> {
    let mut all: BTreeMap<Identity, ListedKey> = BTreeMap::new();
    for id in set.into_iter().flat_map(|set| &set.ids) {
        let key = set.and_then(|set| set.key(id));
        let identity = match key.map(|key| &key.key) {
            Some(Ok(key)) => Identity::Key(key.fingerprint()),
            Some(Err(_)) => Identity::Unusable(id.clone()),
            None => Identity::Absent(id.clone()),
        };
        all.entry(identity)
            .and_modify(|listed| listed.ids.push(id.clone()))
            .or_insert_with(|| ListedKey::of(id, key, holders));
    }
    all
}

/// The `keys` member of a file, and the key sets that name its ids.
#[derive(Clone, Copy)]
pub(super) struct Listing<'a> {
    pub(super) keys: &'a BTreeMap<KeyId, TufKey>,
    pub(super) sets: &'a [&'a KeySet],
}

impl Listing<'_> {
    fn uses(&self, id: &KeyId) -> bool {
        self.sets.iter().any(|set| set.ids.contains(id))
    }
}

/// What changes in the key objects that is not a key that starts or ends to sign something.
pub(super) fn objects(before: Listing<'_>, after: Listing<'_>, holders: &[Holder], changes: &mut Vec<Change>) {
    let ids: BTreeSet<&KeyId> = before.keys.keys().chain(after.keys.keys()).collect();
    for id in ids {
        let view = |key: &TufKey| ListedKey::of(id, Some(key), holders);
        let change = match (before.keys.get(id), after.keys.get(id)) {
            (Some(old), Some(new)) if old.object != new.object => {
                let mut members = Vec::new();
                member::values(Some(&old.object), Some(&new.object), "", &mut members);
                Some(KeyChange::Object { before: view(old).into(), after: view(new).into(), members })
            }
            // An id that no role names any more or yet; those that a role names are told there.
            (Some(old), None) if !before.uses(id) => Some(KeyChange::UnusedRemoved(view(old))),
            (None, Some(new)) if !after.uses(id) => Some(KeyChange::UnusedAdded(view(new))),
            _ => None,
        };
        changes.extend(change.map(Change::Key));
    }
}

impl KeysChange {
    /// Finds the keys that were replaced rather than taken away.
    fn pair(&mut self) {
        for old in core::mem::take(&mut self.leaves) {
            let same = |new: &ListedKey| new.holder.is_some() && new.holder == old.holder;
            match self.joins.iter().position(same) {
                Some(i) => self.replaced.push((old, self.joins.remove(i))),
                None => self.leaves.push(old),
            }
        }
        let online = matches!(&*self.role, "snapshot" | "timestamp");
        if online && self.leaves.len() == 1 && self.joins.len() == 1 {
            self.replaced.extend(self.leaves.pop().zip(self.joins.pop()));
        }
    }
}

impl Share {
    fn of(set: &KeySet) -> Self {
        Self { threshold: set.threshold, keys: set.fingerprints().len() }
    }
}

impl ListedKey {
    fn of(id: &KeyId, key: Option<&TufKey>, holders: &[Holder]) -> Self {
        let usable = key.and_then(|key| key.key.as_ref().ok());
        let print = usable.map(|key| key.fingerprint());
        let holder = print.and_then(|print| holder_of(holders, &print));
        let on_record = holder.zip(print).and_then(|(holder, print)| holder.key(&print));
        Self {
            holder: holder.map(|holder| holder.name.clone()),
            online: holder.is_some_and(|holder| holder.online),
            in_file: on_record.is_some_and(|key| key.in_file),
            made_in: on_record.and_then(|key| key.made_in.clone()),
            ids: [id.clone()].into(),
            key: print.zip(usable.map(|key| key.algorithm())),
            claimed_owner: key.and_then(TufKey::owner).map(ToString::to_string),
        }
    }
}
