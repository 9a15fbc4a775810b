//! What targets files say of target files.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{delegations, of_version};
use crate::finding::{Finding, Rule};
use crate::json::Json;
use crate::metadata::{Metadata, MetadataError};
use crate::targets::{Delegation, Targets};

/// Finds entries with `custom: null`.
pub(super) fn targets(targets: &Targets<'_>, findings: &mut Vec<Finding>) {
    for (path, entry) in targets.entries().filter(|(_, entry)| entry.get("custom") == Some(&Json::Null)) {
        let length = entry.get("length").and_then(Json::as_u64).unwrap_or_default();
        findings.push(Finding::new(Rule::CustomNull, path, format!("the entry of {length} bytes has it")));
    }
}

/// Finds what goes away from one targets file of `role` to a later one: targets, delegated roles, thresholds; and
/// targets whose content changes. `online` says of a delegated role whether machines sign it.
///
/// The subject of a target is its path and its content, the old one of a target that goes and the new one of a target
/// that changes: whoever accepts one change accepts no other.
///
/// # Errors
/// If one of them is no targets file.
pub fn targets_step(
    role: &str,
    before: &Metadata,
    after: &Metadata,
    online: impl Fn(&Delegation) -> bool,
) -> Result<Vec<Finding>, MetadataError> {
    let (old, new) = (Targets::of(before)?, Targets::of(after)?);
    let mut findings = Vec::new();
    // Both are sorted by path.
    let mut later = new.entries().peekable();
    for (path, entry) in old.entries() {
        while later.next_if(|(other, _)| *other < path).is_some() {}
        match later.next_if(|(other, _)| *other == path) {
            None => {
                let what = format!("targets {} has it, {} does not", before.version(), after.version());
                findings.push(Finding::new(Rule::TargetRemoved, of_content(path, entry), what));
            }
            Some((_, next)) if !same_content(entry, next) => {
                let digest = |entry: &Json| {
                    let (name, hash) = hash(entry);
                    format!("{name} {}", hash.chars().take(8).collect::<String>())
                };
                let what = format!("from {} to {}", digest(entry), digest(next));
                findings.push(Finding::new(Rule::TargetChanged, of_content(path, next), what));
            }
            Some(_) => {}
        }
    }
    delegations::step(&of_version(role, after.version()), &old, &new, online, &mut findings);
    Ok(findings)
}

/// `PATH DIGEST`: the subject of findings on one content of a target.
fn of_content(path: &str, entry: &Json) -> String {
    format!("{path} {}", hash(entry).1.chars().take(DIGITS).collect::<String>())
}

/// How many digits of a hash tell one change from the next. What is signed is bound by all of them.
const DIGITS: usize = 16;

/// The hash by which people know a target, with its name: SHA-256 if there is one, else the first.
fn hash(entry: &Json) -> (&str, &str) {
    let hashes = entry.get("hashes").and_then(Json::as_object);
    let sha256 = hashes.and_then(|hashes| Some(("sha256", hashes.get("sha256")?)));
    let (name, hash) = sha256.or_else(|| hashes?.iter().next()).unwrap_or(("hash", &Json::Null));
    (name, hash.as_str().unwrap_or("none"))
}

/// Whether two entries are of one content: lengths and all hashes that both have are equal, and they have one in
/// common.
fn same_content(one: &Json, other: &Json) -> bool {
    let hashes = |entry: &Json| entry.get("hashes").and_then(Json::as_object).cloned().unwrap_or_default();
    let (ours, theirs) = (hashes(one), hashes(other));
    let mut common = ours.iter().filter_map(|(name, hash)| Some((hash, theirs.get(name)?))).peekable();
    one.get("length") == other.get("length") && common.peek().is_some() && common.all(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::string::ToString;

    use super::super::tests::{names, targets_of};
    use super::*;
    use crate::lint;

    fn step(before: &str, after: &str) -> Vec<(Rule, String)> {
        names(
            &targets_step("targets", &targets_of(1, before, &[], ""), &targets_of(2, after, &[], ""), |_| false)
                .unwrap(),
        )
    }

    #[test]
    fn a_null_custom_is_found() {
        let entry = r#""trusted_root.json":{"length":1,"hashes":{"sha256":"00"},"custom":null}"#;
        let findings = lint::targets("targets", &targets_of(1, entry, &[], "")).unwrap();
        assert_eq!(names(&findings), [(Rule::CustomNull, "trusted_root.json".to_string())]);
    }

    #[test]
    fn a_target_that_goes_is_found() {
        let (a, b) = (r#""a":{"length":1,"hashes":{"sha256":"00"}}"#, r#""b":{"length":1,"hashes":{"sha256":"00"}}"#);
        assert_eq!(step(&[a, b].join(","), b), [(Rule::TargetRemoved, "a 00".to_string())]);
        assert_eq!(step(b, &[a, b].join(",")), []);
        assert_eq!(step(&[a, b].join(","), a), [(Rule::TargetRemoved, "b 00".to_string())]);
    }

    #[test]
    fn other_content_under_the_same_name_is_found() {
        let with = |length: u8, hashes: &str| format!(r#""a":{{"length":{length},"hashes":{{{hashes}}}}}"#);
        let changed = |digest: &str| [(Rule::TargetChanged, format!("a {digest}"))];
        let (one, both) = (r#""sha256":"00""#, r#""sha256":"00","sha512":"11""#);
        assert_eq!(step(&with(1, one), &with(1, r#""sha256":"0123456789abcdef01""#)), changed("0123456789abcdef"));
        assert_eq!(step(&with(1, one), &with(2, one)), changed("00"));
        assert_eq!(step(&with(1, both), &with(1, one)), [] as [(Rule, String); 0]);
        // Nothing shows that the content is the same.
        assert_eq!(step(&with(1, r#""sha512":"11""#), &with(1, one)), changed("00"));
        assert_eq!(step(&with(1, both), &with(1, r#""sha256":"00","sha512":"12""#)), changed("00"));
    }
}
