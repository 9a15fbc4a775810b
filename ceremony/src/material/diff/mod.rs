//! What changes in trust material, in sentences.
//!
//! Nothing that differs between two files is missing: what has no sentence of its own is a [`Change::Member`], and
//! where only white space or the order of members differs, that is said.

mod encoding;
mod file;
mod item;
mod legacy;
mod pairs;
mod words;

use alloc::string::String;
use alloc::vec::Vec;

use super::files::Material;
use super::moment::Moment;
use super::signing_config::{Form, Selector, ServiceKind, SigningConfig};
use super::trusted_root::TrustedRoot;
use crate::json::Json;
use file::{File, Side};

/// What changes in one file of trust material.
#[derive(Clone, Debug, PartialEq)]
pub struct FileDiff {
    /// The path of the target.
    pub path: String,
    /// What changes, in the order in which people want to know it.
    pub changes: Vec<Change>,
    /// What of it stays the same, byte for byte: `Fulcio`, `CT log`.
    pub same: Vec<String>,
    /// The entries of what else there is that stay as they are, and have no end. Escaped.
    pub open: Vec<String>,
}

/// One thing that changes. Names of entries are escaped.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// The file is new.
    FileAdded,
    /// The file goes away.
    FileRemoved,
    /// An entry is added.
    Added {
        /// What it is: `Rekor v2 log.example (Ed25519)`.
        name: String,
        /// From when it is valid.
        start: Option<Moment>,
        /// Until when.
        end: Option<Moment>,
        /// Everything else that the entry says, one line each. Escaped.
        details: Vec<String>,
    },
    /// An entry goes away.
    Removed {
        /// What it was.
        name: String,
    },
    /// An entry is valid until another time than before.
    Ends {
        /// What it is.
        name: String,
        /// Until when; none if it was open.
        before: Option<Moment>,
        /// Until when; none if it is open again.
        after: Option<Moment>,
    },
    /// An entry is valid from another time on.
    Starts {
        /// What it is.
        name: String,
        /// From when.
        before: Option<Moment>,
        /// From when.
        after: Option<Moment>,
    },
    /// Times are written otherwise, and are the same.
    Rewritten {
        /// The entries.
        names: Vec<String>,
    },
    /// The certificates of an authority are the same, in another order.
    ChainOrder {
        /// What it is.
        name: String,
        /// The names in the certificates.
        before: Vec<String>,
        /// The same in the new order.
        after: Vec<String>,
    },
    /// The key or the certificates of an entry are the same, and written otherwise: as DER instead of a PEM text.
    Encoded {
        /// What it is.
        name: String,
        /// Where in it.
        path: String,
        /// As it stood in the file.
        before: Json,
        /// As it stands there.
        after: Json,
    },
    /// The entries of one kind that stay are in another order.
    Order {
        /// The entries as they are called, in the new order.
        names: Vec<String>,
    },
    /// Signers use more or less of the services.
    Selects {
        /// Of what.
        kind: ServiceKind,
        /// How many before.
        before: Option<Selector>,
        /// How many now.
        after: Option<Selector>,
    },
    /// A legacy target says something else of itself.
    Legacy {
        /// `usage`, `status` or `uri`.
        member: &'static str,
        /// What it said. Escaped.
        before: Option<String>,
        /// What it says. Escaped.
        after: Option<String>,
    },
    /// The content of a legacy target is another.
    Content {
        /// What it held. Escaped.
        before: String,
        /// What it holds. Escaped.
        after: String,
    },
    /// Any other member.
    Member {
        /// Of which entry; none of the file itself.
        name: Option<String>,
        /// Where in it.
        path: String,
        /// None if it was not there.
        before: Option<Json>,
        /// None if it is gone.
        after: Option<Json>,
    },
    /// The file says the same in other bytes.
    Layout,
}

/// What changes from one material to the next, file by file: the trusted root, the signing configs, the legacy targets.
/// Files that stay the same are not in it.
pub fn diff(before: &Material, after: &Material) -> Vec<FileDiff> {
    let mut files = Vec::new();
    files.extend(trusted_root(before.trusted_root.as_ref(), after.trusted_root.as_ref()));
    let mut paths: Vec<&String> = before.signing_configs.keys().chain(after.signing_configs.keys()).collect();
    paths.sort();
    paths.dedup();
    for path in paths {
        files.extend(signing_config(path, before.signing_configs.get(path), after.signing_configs.get(path)));
    }
    files.extend(legacy::legacy(&before.legacy, &after.legacy));
    files
}

/// What changes in the trusted root; none if nothing does, not even a byte.
pub fn trusted_root(before: Option<&TrustedRoot>, after: Option<&TrustedRoot>) -> Option<FileDiff> {
    let file = File {
        path: TrustedRoot::TARGET,
        lists: &["certificateAuthorities", "ctlogs", "timestampAuthorities", "tlogs"],
        media_types: &[TrustedRoot::MEDIA_TYPE],
    };
    file.diff(&Side::of_root(before), &Side::of_root(after), |_, _| false)
}

/// What changes in the signing config at `path`; none if nothing does, not even a byte.
pub fn signing_config(path: &str, before: Option<&SigningConfig>, after: Option<&SigningConfig>) -> Option<FileDiff> {
    let lists = match before.or(after).map(SigningConfig::form) {
        Some(Form::V01) => &["caUrl", "oidcUrl", "tlogUrls", "tsaUrls"],
        _ => &["caUrls", "oidcUrls", "rekorTlogUrls", "tsaUrls"],
    };
    let file = File { path, lists, media_types: &[SigningConfig::MEDIA_TYPE, SigningConfig::MEDIA_TYPE_V01] };
    file.diff(&Side::of_config(before), &Side::of_config(after), |member, changes| {
        let Some(kind) = ServiceKind::ALL.iter().find(|kind| kind.config() == Some(member)) else { return false };
        let selector = |config: Option<&SigningConfig>| config.and_then(|config| config.selector(*kind));
        // Which of none they use is no news.
        let of_none = before.is_none() && after.is_some_and(|config| config.of_kind(*kind).next().is_none());
        let (before, after) = (selector(before), selector(after));
        let told = before != after && after.is_some();
        if told && !of_none {
            changes.push(Change::Selects { kind: *kind, before, after });
        }
        told
    })
}
