//! Target files, and the roles that list them.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::keys::{Listing, keys_of, objects};
use super::{Change, member};
use crate::digest::Digest;
use crate::holder::Holder;
use crate::json::{Json, Object};
use crate::metadata::{Metadata, MetadataError};
use crate::quorum::KeySet;
use crate::targets::{Delegation, TargetEntry, Targets};

/// A target file that changes.
#[derive(Clone, Debug, PartialEq)]
pub enum TargetChange {
    /// Clients find a new file.
    Added {
        /// Its path.
        path: String,
        /// What it holds.
        content: Content,
        /// `custom` of its entry.
        custom: Option<Json>,
    },
    /// Clients no longer find it.
    Removed {
        /// Its path.
        path: String,
        /// What it held.
        content: Content,
    },
    /// It holds something else under the same name.
    Content {
        /// Its path.
        path: String,
        /// What it held.
        before: Content,
        /// What it holds.
        after: Content,
    },
    /// Something else is said of it in `custom`.
    Custom {
        /// Its path.
        path: String,
        /// What was said.
        before: Option<Json>,
        /// What is said.
        after: Option<Json>,
    },
}

/// What a target file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// In bytes.
    pub length: u64,
    /// The digest, if the entry has it.
    pub sha256: Option<Digest>,
}

/// A change in how a role is delegated to. Its keys and threshold are a [`Change::Keys`].
#[derive(Clone, Debug, PartialEq)]
pub enum DelegationChange {
    /// A role is delegated to for the first time.
    Added {
        /// The role.
        name: String,
        /// The paths that it may sign.
        paths: Vec<Pattern>,
        /// Whether clients that come to it ask no later role.
        terminating: bool,
    },
    /// A role is no longer delegated to: what it signed is gone for clients.
    Removed {
        /// The role.
        name: String,
        /// The paths that it could sign.
        paths: Vec<Pattern>,
    },
    /// A role may sign other paths.
    Paths {
        /// The role.
        name: String,
        /// Those that it gets.
        added: Vec<Pattern>,
        /// Those that it loses.
        removed: Vec<Pattern>,
    },
    /// Clients go on to later roles, or no longer do.
    Terminating {
        /// The role.
        name: String,
        /// Whether they stop there.
        after: bool,
    },
}

/// Paths that a delegated role may sign.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    /// Those that match.
    Path(String),
    /// Those whose SHA-256 starts with it.
    HashPrefix(String),
}

/// The target files and delegations of a targets file.
pub(super) fn targets(
    before: Option<&Metadata>,
    after: &Metadata,
    holders: &[Holder],
    changes: &mut Vec<Change>,
) -> Result<(), MetadataError> {
    let (old, new) = (before.map(Targets::of).transpose()?, Targets::of(after)?);
    delegations(before, old.as_ref(), after, &new, holders, changes);
    // Both lists are sorted: 100,000 files are compared in one pass.
    let mut old = old.iter().flat_map(Targets::entries).peekable();
    for (path, entry) in new.entries() {
        while let Some((gone, was)) = old.next_if(|(gone, _)| *gone < path) {
            target(gone, Some(was), None, changes)?;
        }
        target(path, old.next_if(|(same, _)| *same == path).map(|(_, was)| was), Some(entry), changes)?;
    }
    old.try_for_each(|(gone, was)| target(gone, Some(was), None, changes))
}

fn target(
    path: &str,
    before: Option<&Json>,
    after: Option<&Json>,
    changes: &mut Vec<Change>,
) -> Result<(), MetadataError> {
    if before == after {
        return Ok(());
    }
    let content = |entry: &Json| {
        TargetEntry::read(entry, path).map(|entry| Content { length: entry.length, sha256: entry.sha256 })
    };
    let custom = |entry: Option<&Json>| entry.and_then(|entry| entry.get("custom")).cloned();
    let name = path.to_string();
    match (before, after) {
        (None, None) => {}
        (None, Some(new)) => {
            let added = TargetChange::Added { path: name, content: content(new)?, custom: custom(after) };
            changes.push(Change::Target(added));
        }
        (Some(old), None) => {
            changes.push(Change::Target(TargetChange::Removed { path: name, content: content(old)? }));
            return Ok(());
        }
        (Some(old), Some(new)) => {
            let (old, new) = (content(old)?, content(new)?);
            if old != new {
                let change = TargetChange::Content { path: name.clone(), before: old, after: new };
                changes.push(Change::Target(change));
            }
            if custom(before) != custom(after) {
                let change = TargetChange::Custom { path: name, before: custom(before), after: custom(after) };
                changes.push(Change::Target(change));
            }
        }
    }
    if [before, after].into_iter().flatten().all(is_told) {
        return Ok(());
    }
    let (old, new) = (before.and_then(Json::as_object), after.and_then(Json::as_object));
    let place = member::child("targets", path);
    member::members(old, new, &place, &|name| matches!(name, "custom" | "hashes" | "length"), changes);
    let hashes = |entry: Option<&Json>| entry.and_then(|entry| entry.get("hashes")).cloned();
    match (hashes(before), hashes(after)) {
        (Some(Json::Object(old)), Some(Json::Object(new))) => {
            let place = member::child(&place, "hashes");
            member::members(Some(&old), Some(&new), &place, &|name| name == "sha256", changes);
        }
        (None, Some(Json::Object(new))) => {
            let place = member::child(&place, "hashes");
            member::members(None, Some(&new), &place, &|name| name == "sha256", changes);
        }
        (old, new) => member::values(old.as_ref(), new.as_ref(), &member::child(&place, "hashes"), changes),
    }
    Ok(())
}

/// Whether an entry holds no more than a [`TargetChange`] tells.
fn is_told(entry: &Json) -> bool {
    let only = |object: Option<&Object>, names: &[&str]| {
        object.is_some_and(|object| object.iter().all(|(name, _)| names.contains(&name)))
    };
    only(entry.as_object(), &["custom", "hashes", "length"])
        && only(entry.get("hashes").and_then(Json::as_object), &["sha256"])
}

fn delegations(
    before: Option<&Metadata>,
    old: Option<&Targets<'_>>,
    after: &Metadata,
    new: &Targets<'_>,
    holders: &[Holder],
    changes: &mut Vec<Change>,
) {
    let raw = |file: &Metadata| file.signed().get("delegations").cloned();
    let (raw_old, raw_new) = (before.and_then(raw), raw(after));
    if raw_old == raw_new {
        return;
    }
    let none = BTreeMap::new();
    let (old_roles, old_keys) = old.map_or((&[][..], &none), |old| (&old.delegations[..], &old.keys));
    let new_roles = &new.delegations[..];
    let entries = |raw: &Option<Json>| {
        let roles = raw.as_ref().and_then(|raw| raw.get("roles"));
        roles.and_then(Json::as_array).unwrap_or_default().to_vec()
    };
    let (old_entries, new_entries) = (entries(&raw_old), entries(&raw_new));
    if unique(old_roles) && unique(new_roles) {
        let order = |roles: &[Delegation], other: &[Delegation]| -> Vec<String> {
            let stays = |role: &&Delegation| other.iter().any(|other| other.name == role.name);
            roles.iter().filter(stays).map(|role| role.name.clone()).collect()
        };
        let (was, is) = (order(old_roles, new_roles), order(new_roles, old_roles));
        let names: BTreeSet<&String> = old_roles.iter().chain(new_roles).map(|role| &role.name).collect();
        for name in names {
            let old = old_roles.iter().zip(&old_entries).find(|(role, _)| role.name == *name);
            let new = new_roles.iter().zip(&new_entries).find(|(role, _)| role.name == *name);
            delegation(name, old, new, holders, changes);
        }
        if was != is {
            changes.push(Change::DelegationOrder { before: was, after: is });
        }
    } else {
        // Two entries of one name: no sentence fits.
        let (old, new) = (Json::Array(old_entries), Json::Array(new_entries));
        member::values(Some(&old), Some(&new), "delegations.roles", changes);
    }
    let old_sets: Vec<&KeySet> = old_roles.iter().map(|role| &role.keys).collect();
    let new_sets: Vec<&KeySet> = new_roles.iter().map(|role| &role.keys).collect();
    let (was, is) = (Listing { keys: old_keys, sets: &old_sets }, Listing { keys: &new.keys, sets: &new_sets });
    objects(was, is, holders, changes);
    let known = |name: &str| matches!(name, "keys" | "roles");
    match (&raw_old, &raw_new) {
        (Some(Json::Object(old)), Some(Json::Object(new))) => {
            member::members(Some(old), Some(new), "delegations", &known, changes);
        }
        // A member that comes or goes empty means nothing, and is named all the same.
        (None, Some(Json::Object(new))) if !new_roles.is_empty() => {
            member::members(None, Some(new), "delegations", &known, changes);
        }
        (Some(Json::Object(old)), None) if !old_roles.is_empty() => {
            member::members(Some(old), None, "delegations", &known, changes);
        }
        (old, new) => member::values(old.as_ref(), new.as_ref(), "delegations", changes),
    }
}

fn unique(roles: &[Delegation]) -> bool {
    roles.iter().map(|role| &role.name).collect::<BTreeSet<_>>().len() == roles.len()
}

/// One delegated role, as two versions of its delegator have it: the view, and the entry behind it.
fn delegation(
    name: &str,
    before: Option<(&Delegation, &Json)>,
    after: Option<(&Delegation, &Json)>,
    holders: &[Holder],
    changes: &mut Vec<Change>,
) {
    let (old, new) = (before.map(|(old, _)| old), after.map(|(new, _)| new));
    let (mut paths, mut end) = (old.is_none() || new.is_none(), old.is_none() || new.is_none());
    let mut push = |change| changes.push(Change::Delegation(change));
    let role = || name.to_string();
    match (old, new) {
        (None, Some(new)) => {
            let paths = Pattern::of(new).into_iter().collect();
            push(DelegationChange::Added { name: role(), paths, terminating: new.terminating });
        }
        (Some(old), None) => {
            push(DelegationChange::Removed { name: role(), paths: Pattern::of(old).into_iter().collect() });
        }
        (Some(old), Some(new)) => {
            let (was, is) = (Pattern::of(old), Pattern::of(new));
            paths = was != is;
            if paths {
                let added = is.difference(&was).cloned().collect();
                let removed = was.difference(&is).cloned().collect();
                push(DelegationChange::Paths { name: role(), added, removed });
            }
            end = old.terminating != new.terminating;
            if end {
                push(DelegationChange::Terminating { name: role(), after: new.terminating });
            }
        }
        (None, None) => {}
    }
    changes.extend(
        keys_of(name, old.map(|old| &old.keys), new.map(|new| &new.keys), holders).map(Box::new).map(Change::Keys),
    );
    // What is left: the same paths in another order, or `terminating` left out instead of false.
    let told = |name: &str| match name {
        "keyids" | "name" | "threshold" => true,
        "path_hash_prefixes" | "paths" => paths,
        "terminating" => end,
        _ => false,
    };
    let entry = |side: Option<(&Delegation, &'_ Json)>| side.and_then(|(_, entry)| entry.as_object().cloned());
    let place = member::child("delegations.roles", name);
    member::members(entry(before).as_ref(), entry(after).as_ref(), &place, &told, changes);
}

impl Pattern {
    fn of(role: &Delegation) -> BTreeSet<Self> {
        let paths = role.paths.iter().cloned().map(Self::Path);
        paths.chain(role.path_hash_prefixes.iter().cloned().map(Self::HashPrefix)).collect()
    }
}
