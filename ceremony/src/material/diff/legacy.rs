//! Changes of the legacy targets.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Change, FileDiff};
use crate::certificate::Certificate;
use crate::digest::Digest;
use crate::material::legacy::LegacyTarget;
use crate::material::log_key::LogKey;

/// The legacy targets in which anything changes.
pub(super) fn legacy(before: &[LegacyTarget], after: &[LegacyTarget]) -> Vec<FileDiff> {
    let mut all: BTreeMap<&str, (Option<&LegacyTarget>, Option<&LegacyTarget>)> = BTreeMap::new();
    before.iter().for_each(|target| all.entry(&target.path).or_default().0 = Some(target));
    after.iter().for_each(|target| all.entry(&target.path).or_default().1 = Some(target));
    let files = all.into_iter().map(|(path, (old, new))| FileDiff {
        path: path.to_string(),
        changes: changes(old, new),
        same: Vec::new(),
        open: Vec::new(),
    });
    files.filter(|file| !file.changes.is_empty()).collect()
}

fn changes(old: Option<&LegacyTarget>, new: Option<&LegacyTarget>) -> Vec<Change> {
    let Some(new) = new else { return [Change::FileRemoved].to_vec() };
    let mut changes = Vec::new();
    if old.is_none() {
        changes.push(Change::FileAdded);
    }
    let escaped = |text: &Option<String>| text.as_ref().map(|text| text.escape_debug().to_string());
    let members = [
        ("usage", old.and_then(|old| old.usage.clone()), &new.usage),
        ("status", old.and_then(|old| old.status.clone()), &new.status),
        ("uri", old.and_then(|old| old.uri.clone()), &new.uri),
    ];
    for (member, before, after) in members {
        if before != *after {
            changes.push(Change::Legacy { member, before: escaped(&before), after: escaped(after) });
        }
    }
    if let Some(old) = old.filter(|old| old.content != new.content) {
        changes.push(Change::Content { before: held(&old.content), after: held(&new.content) });
    }
    changes
}

/// What a file holds.
fn held(content: &[u8]) -> String {
    let digest = Digest::of(content);
    let text = core::str::from_utf8(content).unwrap_or_default();
    if let Some(first) = Certificate::from_pem_chain(text).ok().and_then(|chain| chain.into_iter().next()) {
        return format!("the certificate {}, SHA-256 of the file {digest}", first.subject());
    }
    match LogKey::parse(content) {
        Ok(key) => format!("a {} key, SHA-256 of the file {digest}", key.key().algorithm()),
        Err(_) => format!("{} bytes, SHA-256 {digest}", content.len()),
    }
}
