//! What a change means: who may sign what from now on, until when, and which target files clients get.

mod json;
mod keys;
pub(crate) mod member;
mod targets;

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::holder::Holder;
use crate::inputs::Base;
use crate::json::{Json, Object};
use crate::metadata::{Kind, Metadata, MetadataError};
use crate::stage::Staged;

pub use keys::{KeyChange, KeysChange, ListedKey, Share};
pub use targets::{Content, DelegationChange, Pattern, TargetChange};

/// What a proposal changes, role by role: the root first, then targets, then the delegated roles by name.
///
/// Nothing that differs between the published and the staged files is missing: what has no sentence of its own is a
/// [`Change::Member`]. Signatures are no part of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Diff {
    /// One entry for each staged role.
    pub roles: Vec<RoleDiff>,
}

/// What changes from one version of a role to another.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleDiff {
    /// The role whose file it is.
    pub role: String,
    /// The version before; none if there was no such file.
    pub before: Option<u64>,
    /// The version after.
    pub after: u64,
    /// What else changes, in the order in which people want to know it.
    pub changes: Vec<Change>,
}

/// One thing that changes. Small, since there may be as many as there are target files.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// When the file expires: the texts as they stand in the files.
    Expires {
        /// None if there was no such file.
        before: Option<String>,
        /// From when on.
        after: String,
    },
    /// Who may sign a role, or how many of them must.
    Keys(Box<KeysChange>),
    /// What a file says of a key, apart from which roles it signs.
    Key(KeyChange),
    /// A role to which a targets file delegates.
    Delegation(DelegationChange),
    /// The order in which clients ask the delegated roles that stay.
    DelegationOrder {
        /// The names as clients ask them so far.
        before: Vec<String>,
        /// The same names as they ask them then.
        after: Vec<String>,
    },
    /// A target file.
    Target(TargetChange),
    /// Any other member of the file.
    Member {
        /// Where it is, from the signed part on, like `x-note` or `roles.root.comment`.
        path: String,
        /// None if it was not there.
        before: Option<Json>,
        /// None if it is gone.
        after: Option<Json>,
    },
}

impl Diff {
    /// What `staged` changes of `base`. `holders` give the names.
    ///
    /// # Errors
    /// If a published file cannot be read.
    pub fn of(base: &Base, staged: &Staged, holders: &[Holder]) -> Result<Self, MetadataError> {
        let mut roles = Vec::new();
        for (role, file) in staged.roles() {
            let published = if role == "root" { base.root() } else { base.roles.get(role) };
            roles.push(RoleDiff::of(role, published, &file.metadata, holders)?);
        }
        roles.sort_by_key(|diff| match &*diff.role {
            "root" => 0,
            "targets" => 1,
            _ => 2,
        });
        Ok(Self { roles })
    }
}

impl RoleDiff {
    /// What changes from `before` to `after`, two versions of the file of `role`.
    ///
    /// # Errors
    /// If one of them cannot be read as the metadata that `after` says it is.
    pub fn of(
        role: &str,
        before: Option<&Metadata>,
        after: &Metadata,
        holders: &[Holder],
    ) -> Result<Self, MetadataError> {
        if let Some(before) = before.filter(|before| before.kind() != after.kind()) {
            return Err(MetadataError::Kind { found: before.kind(), wanted: after.kind() });
        }
        let mut changes = Vec::new();
        if before.map(Metadata::expires_text) != Some(after.expires_text()) {
            let before = before.map(|file| file.expires_text().to_string());
            changes.push(Change::Expires { before, after: after.expires_text().to_string() });
        }
        let known: &[&str] = match after.kind() {
            Kind::Root => {
                keys::root(before, after, holders, &mut changes)?;
                &["keys", "roles"]
            }
            Kind::Targets => {
                targets::targets(before, after, holders, &mut changes)?;
                &["delegations", "targets"]
            }
            Kind::Snapshot | Kind::Timestamp => &[],
        };
        // Files of two types were refused above.
        let known = |name: &str| matches!(name, "_type" | "expires" | "version") || known.contains(&name);
        let (old, new) = (before.and_then(signed), signed(after));
        member::members(old, new, "", &known, &mut changes);
        Ok(Self { role: role.to_string(), before: before.map(Metadata::version), after: after.version(), changes })
    }

    /// Whether the two files say the same.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.before == Some(self.after)
    }
}

fn signed(file: &Metadata) -> Option<&Object> {
    file.signed().as_object()
}

#[cfg(test)]
mod tests;
