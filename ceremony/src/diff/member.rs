//! Members that have no sentence of their own.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Change;
use crate::json::{Json, Object};

/// Names every member in which two objects differ, apart from those that are `known` to be told otherwise.
pub(crate) fn members(
    before: Option<&Object>,
    after: Option<&Object>,
    path: &str,
    known: &dyn Fn(&str) -> bool,
    changes: &mut Vec<Change>,
) {
    let old = before.into_iter().flat_map(Object::iter);
    for (name, value) in old.filter(|(name, _)| !known(name)) {
        values(Some(value), after.and_then(|after| after.get(name)), &child(path, name), changes);
    }
    let new = after.into_iter().flat_map(Object::iter);
    for (name, value) in new.filter(|(name, _)| !known(name)) {
        if before.is_none_or(|before| before.get(name).is_none()) {
            values(None, Some(value), &child(path, name), changes);
        }
    }
}

/// Names the innermost values in which two values differ.
pub(crate) fn values(before: Option<&Json>, after: Option<&Json>, path: &str, changes: &mut Vec<Change>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Some(Json::Object(before)), Some(Json::Object(after))) => {
            members(Some(before), Some(after), path, &|_| false, changes);
        }
        (Some(Json::Array(before)), Some(Json::Array(after))) if before.len() == after.len() => {
            for (i, (before, after)) in before.iter().zip(after).enumerate() {
                values(Some(before), Some(after), &format!("{path}[{i}]"), changes);
            }
        }
        (before, after) => {
            changes.push(Change::Member { path: path.to_string(), before: before.cloned(), after: after.cloned() });
        }
    }
}

/// The path of the member `name` of the object at `path`.
pub(crate) fn child(path: &str, name: &str) -> String {
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    match (path.is_empty(), plain) {
        (true, true) => name.to_string(),
        (false, true) => format!("{path}.{name}"),
        (_, false) => format!("{path}[{}]", Json::string(name).pretty().trim_end()),
    }
}
