//! Changes of the legacy targets.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Change, FileDiff};
use crate::digest::Digest;
use crate::material::legacy::{LegacyTarget, Piece};

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

/// What changes in a file. Each certificate that joins it or leaves it is named.
fn changes(old: Option<&LegacyTarget>, new: Option<&LegacyTarget>) -> Vec<Change> {
    let certificates =
        |target: Option<&LegacyTarget>| target.map_or_else(Vec::new, |target| Piece::certificates(&target.content));
    let (before, after) = (certificates(old), certificates(new));
    let gone = before.iter().filter(|one| !after.contains(one));
    let gone = gone.map(|one| Change::Removed { name: one.to_string() });
    let come = after.iter().filter(|one| !before.contains(one));
    let come = come.map(|one| Change::Added { name: one.to_string(), start: None, end: None, details: Vec::new() });
    let Some(new) = new else { return [Change::FileRemoved].into_iter().chain(gone).collect() };
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
    changes.extend(come.chain(gone));
    changes
}

/// What a file holds.
fn held(content: &[u8]) -> String {
    let digest = Digest::of(content);
    match [Piece::certificates(content), Piece::key(content)].concat().as_slice() {
        [] => format!("{} bytes, SHA-256 {digest}", content.len()),
        [Piece::Certificate(subject, _)] => format!("the certificate {subject}, SHA-256 of the file {digest}"),
        [Piece::Key(algorithm, _), ..] => format!("a {algorithm} key, SHA-256 of the file {digest}"),
        several => format!("{} certificates, SHA-256 of the file {digest}", several.len()),
    }
}
