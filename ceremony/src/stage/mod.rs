//! Staging: wanted minus present is the proposal.

mod root;
mod targets;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::digest::Digest;
use crate::draft::Draft;
use crate::finding::{Finding, Rule};
use crate::holder::Holder;
use crate::inputs::{Base, Inputs, Staging};
use crate::metadata::{Metadata, MetadataError};
use crate::payload::Payload;
use crate::policy::{Policy, RolePolicy, Signers};
use crate::quorum::{KeySet, Quorum};
use crate::root::Root;
use crate::targets::Targets;
use crate::time::Time;
use crate::tuf_key::TufKey;

/// The next versions of the roles that are due: a pure function of [`Inputs`] and [`Base`].
///
/// Only [`stage`] makes one, so whoever holds it holds exactly what everybody else derives.
#[derive(Clone, Debug)]
pub struct Staged {
    roles: BTreeMap<String, StagedRole>,
    at: Time,
    root: Metadata,
    root_view: Root,
    outgoing_root: Option<Root>,
    emergency: bool,
}

/// One staged role.
#[derive(Clone, Debug)]
pub struct StagedRole {
    /// The file without signatures.
    pub metadata: Metadata,
    /// The length of that file in bytes.
    pub length: u64,
    /// The digest of that file.
    pub sha256: Digest,
    /// What signatures cover.
    pub payload: Payload,
    /// Who must sign.
    pub quorum: Quorum,
    /// Why it is due.
    pub reason: Reason,
    /// The version that is published now.
    pub replaces: Option<u64>,
}

/// Why a role is staged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is the first version.
    New,
    /// It differs from what is published.
    Changed,
    /// Its published signatures no longer meet the threshold of the staged delegator.
    BelowThreshold,
    /// Its signing window is open.
    WindowOpen,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::New => "first version",
            Self::Changed => "changed",
            Self::BelowThreshold => "published signatures do not meet the new keys",
            Self::WindowOpen => "signing window is open",
        })
    }
}

impl Staged {
    /// The staged roles, by name.
    pub fn roles(&self) -> &BTreeMap<String, StagedRole> {
        &self.roles
    }

    /// When it was staged.
    pub fn at(&self) -> Time {
        self.at
    }

    /// The root that holds after this ceremony: the staged one, else the published one.
    pub fn root(&self) -> &Metadata {
        &self.root
    }

    /// A view of [`root`](Self::root).
    pub fn root_view(&self) -> &Root {
        &self.root_view
    }

    /// The root that is published now.
    pub fn outgoing_root(&self) -> Option<&Root> {
        self.outgoing_root.as_ref()
    }

    /// Whether the outgoing keys need not sign, but for those of the root: the policy accepts that clients break while
    /// this is published ([`Rule::ClientsBreak`]).
    pub fn emergency(&self) -> bool {
        self.emergency
    }

    /// Who must sign `role`, one of the four of the root, at this step.
    pub fn quorum(&self, role: &str) -> Option<Quorum> {
        let incoming = self.root_view.role(role)?.clone();
        let outgoing = self.outgoing_root.as_ref().and_then(|root| root.role(role)).filter(|set| **set != incoming);
        Some(Quorum { outgoing: outgoing.cloned(), incoming, emergency: self.emergency })
    }
}

/// Derives the proposal.
///
/// A role is due when it differs from what is published, when its signing window is open, or when its published
/// signatures no longer meet the threshold of the staged delegator. With `inputs.staging.only` the first two count for
/// the roles named there alone. The result may be without roles: nothing is due.
///
/// # Errors
/// If a name in the policy has no usable record, or what is published cannot be read.
pub fn stage(inputs: &Inputs, base: &Base) -> Result<Staged, StageError> {
    if inputs.staging.rules != Staging::RULES {
        return Err(StageError::Rules { found: inputs.staging.rules, known: Staging::RULES });
    }
    let outgoing_root = base.root().map(Root::of).transpose()?;
    let mut roles = BTreeMap::new();
    if let Some(staged) = root::stage_root(inputs, base.root(), outgoing_root.as_ref())? {
        roles.insert("root".to_string(), staged);
    }
    let (root, root_view) = match (roles.get("root"), base.root(), &outgoing_root) {
        (Some(staged), _, _) => (staged.metadata.clone(), Root::of(&staged.metadata)?),
        (None, Some(published), Some(view)) => (published.clone(), view.clone()),
        (None, _, _) => return Err(StageError::NoRoot),
    };
    let at = inputs.staging.at;
    let breaks = Finding::new(Rule::ClientsBreak, format!("root {}", root.version()), "");
    let emergency = inputs.policy.accepts(&breaks, at).is_some();
    let mut staged = Staged { roles, at, root, root_view, outgoing_root, emergency };
    targets::stage_targets(inputs, base, &mut staged)?;
    Ok(staged)
}

/// Decides whether a role is due, and numbers and dates its next version.
fn conclude(
    inputs: &Inputs,
    name: &str,
    policy: &RolePolicy,
    draft: Draft,
    published: Option<&Metadata>,
    quorum: Quorum,
) -> Result<Option<StagedRole>, StageError> {
    let at = inputs.staging.at;
    let asked = inputs.staging.only.is_empty() || inputs.staging.only.contains(name);
    let reason = match published {
        None => Some(Reason::New),
        Some(file) if name != "root" && !quorum.incoming.met_by(file) => Some(Reason::BelowThreshold),
        Some(file) if asked && draft.changed_from(Some(file)) => Some(Reason::Changed),
        Some(file) if asked && window_open(file, policy, at) => Some(Reason::WindowOpen),
        Some(_) => None,
    };
    let Some(reason) = reason else { return Ok(None) };
    let exhausted = || StageError::VersionsExhausted { role: name.to_string() };
    let version = draft.next_version().ok_or_else(exhausted)?;
    let expires = at.plus(policy.lifetime).ok_or_else(|| StageError::BeyondTime { role: name.to_string() })?;
    let metadata = draft.finish(version, expires);
    let payload = metadata.payload();
    let replaces = published.map(Metadata::version);
    let file = metadata.to_file();
    let (length, sha256) = (file.len() as u64, Digest::of(&file));
    Ok(Some(StagedRole { metadata, length, sha256, payload, quorum, reason, replaces }))
}

/// Whether the next version of `file` may be signed at `at`: its signing window is open.
pub(crate) fn window_open(file: &Metadata, policy: &RolePolicy, at: Time) -> bool {
    file.expires().minus(policy.window).is_none_or(|opens| at >= opens)
}

/// The keys that the policy wants for a role, as the records have them; none where the signers are external.
fn wanted_keys(inputs: &Inputs, role: &str, policy: &RolePolicy) -> Result<Option<Vec<TufKey>>, StageError> {
    if policy.signers == Signers::External {
        return Ok(None);
    }
    let find = |name: &String| -> Result<TufKey, StageError> {
        let holder: Option<&Holder> = inputs.holders.iter().find(|holder| holder.name == *name);
        let holder = holder.ok_or_else(|| StageError::NoRecord { role: role.to_string(), name: name.clone() })?;
        let active = holder.active();
        let active = active.ok_or_else(|| StageError::NoActiveKey { role: role.to_string(), name: name.clone() })?;
        match &active.key.key {
            Ok(_) => Ok(active.key.clone()),
            Err(_) => Err(StageError::NoActiveKey { role: role.to_string(), name: name.clone() }),
        }
    };
    policy.signers.names().iter().map(find).collect::<Result<_, _>>().map(Some)
}

fn role_policy<'a>(policy: &'a Policy, role: &str) -> Result<&'a RolePolicy, StageError> {
    policy.role(role).ok_or_else(|| StageError::NoPolicy { role: role.to_string() })
}

/// The keys of a delegated role, as a published delegator has them.
fn published_delegation(delegator: Option<&Metadata>, role: &str) -> Result<Option<KeySet>, StageError> {
    let Some(delegator) = delegator else { return Ok(None) };
    Ok(Targets::of(delegator)?.delegation(role).map(|delegation| delegation.keys.clone()))
}

/// Why nothing can be staged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StageError {
    /// Its expiry would lie beyond the year 9999.
    #[error("{role}: the lifetime reaches beyond the year 9999")]
    BeyondTime {
        /// The role.
        role: String,
    },
    /// External roles keep their published keys, and there are none.
    #[error("{role} is external in the policy, but nothing is published whose keys it could keep")]
    ExternalWithoutBase {
        /// The role.
        role: String,
    },
    /// A published file cannot be read.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The record has no active key, or one that cannot be used.
    #[error("{role}: {name} has no active key that can be used")]
    NoActiveKey {
        /// The role.
        role: String,
        /// The keyholder.
        name: String,
    },
    /// The policy does not know a role.
    #[error("the policy says nothing of {role}")]
    NoPolicy {
        /// The role.
        role: String,
    },
    /// There is no record of a name in the policy.
    #[error("{role}: there is no record of {name}")]
    NoRecord {
        /// The role.
        role: String,
        /// The keyholder.
        name: String,
    },
    /// There is neither a published nor a staged root.
    #[error("there is neither a published nor a staged root")]
    NoRoot,
    /// A target file is given to a role in which no client looks for it.
    #[error("{role} would list \"{path}\", which it is not trusted for: no client would find it there")]
    NotTrusted {
        /// The role.
        role: String,
        /// The path, escaped.
        path: String,
    },
    /// The directory was staged by rules that this program does not have.
    #[error("staged by rules {found}; this program derives by rules {known}")]
    Rules {
        /// The rules of the directory.
        found: u64,
        /// The rules of this program.
        known: u64,
    },
    /// The published version is the largest number there is.
    #[error("{role}: the published version is the largest number; nothing can follow it")]
    VersionsExhausted {
        /// The role.
        role: String,
    },
}
