//! What targets files delegate.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::changed_in;
use super::roles::role_step;
use crate::finding::{Finding, Rule};
use crate::targets::{Delegation, Targets};

/// Finds roles that are trusted for every path, but perhaps for the shortest.
pub(super) fn delegations(targets: &Targets<'_>, findings: &mut Vec<Finding>) {
    for role in &targets.delegations {
        let what = match role.paths.iter().find(|pattern| is_open(pattern)) {
            Some(pattern) => format!("it is trusted for \"{pattern}\""),
            None if every_hash(&role.path_hash_prefixes) => "it is trusted for every hash".to_string(),
            None => continue,
        };
        findings.push(Finding::new(Rule::DelegationToAll, &role.name, what));
    }
}

/// Whether a pattern asks nothing of a name but that it is long enough: in each part wildcards alone, of which one takes
/// as much as there is. A part between slashes may be empty.
fn is_open(pattern: &str) -> bool {
    let wild = |part: &str| part.bytes().all(|byte| matches!(byte, b'*' | b'?'));
    let open = |part: &str| part.is_empty() || part.contains('*') && wild(part);
    !pattern.is_empty() && pattern.split('/').all(open)
}

/// Whether each hash begins with one of these.
fn every_hash(prefixes: &[String]) -> bool {
    covered("", &prefixes.iter().map(String::as_str).collect())
}

/// The hexadecimal digits of the SHA-256 of a path.
const HASH_DIGITS: usize = 64;

/// Whether each hash that begins with `start` begins with one of `prefixes`: with `start` itself, or with each digit after
/// it. It looks no further than the prefixes go, nor than a hash is long.
fn covered(start: &str, prefixes: &BTreeSet<&str>) -> bool {
    let longer = || prefixes.range(start..).next().is_some_and(|prefix| prefix.starts_with(start));
    prefixes.contains(start)
        || start.len() < HASH_DIGITS && longer() && (0..16).all(|digit| covered(&format!("{start}{digit:x}"), prefixes))
}

/// Finds delegated roles that go away, and changes of those that stay. `file` is the later one: `targets 2`.
pub(super) fn step(
    file: &str,
    before: &Targets<'_>,
    after: &Targets<'_>,
    online: impl Fn(&Delegation) -> bool,
    findings: &mut Vec<Finding>,
) {
    for role in &before.delegations {
        match after.delegation(&role.name) {
            None => {
                let subject = changed_in(&role.name, file);
                findings.push(Finding::new(Rule::RoleRemoved, subject, "nothing delegates to it any more"));
            }
            Some(next) => findings.extend(role_step(&role.name, file, &role.keys, &next.keys, online(role))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::tests::{key, names, role, targets_of};
    use super::*;
    use crate::lint;

    fn delegation(name: &str, paths: &str, seeds: &[u8], threshold: u64) -> String {
        let keys: Vec<_> = seeds.iter().map(|seed| key(*seed)).collect();
        let rest = role(&keys, threshold);
        format!(r#"{{"name":"{name}","terminating":false,{paths},{}"#, rest.trim_start_matches('{'))
    }

    fn found(paths: &str) -> Vec<(Rule, String)> {
        let targets = targets_of(2, "", &[key(1)], &delegation("staging", paths, &[1], 1));
        names(&lint::targets("targets", &targets).unwrap())
    }

    #[test]
    fn a_delegation_to_everything_is_found() {
        // As Sigstore's targets 2 to 4.
        let expected = [(Rule::DelegationToAll, "staging".to_string())];
        for pattern in ["*", "**", "?*", "*?", "??*", "*?*", "**/*", "*/?*", "/*"] {
            assert_eq!(found(&format!(r#""paths":["a","{pattern}"]"#)), expected, "{pattern}");
        }
        let digits: Vec<String> = (0..16).map(|digit| format!(r#""{digit:x}""#)).collect();
        let below = |first: &str| (0..16).map(|digit| format!(r#""{first}{digit:x}""#)).collect::<Vec<_>>().join(",");
        let two = (0..16).map(|digit| below(&format!("{digit:x}"))).collect::<Vec<_>>().join(",");
        let mixed = [&digits[..15].join(","), &below("f")[5..], &below("f0")].map(str::to_string).join(",");
        for prefixes in [r#""""#, &digits.join(","), &two, &mixed] {
            assert_eq!(found(&format!(r#""path_hash_prefixes":[{prefixes}]"#)), expected, "{prefixes}");
        }
        for pattern in ["?", "????", "a*", "*.json", "*a*", "?/*", "a/*", "rekor.*.pub"] {
            assert_eq!(found(&format!(r#""paths":["{pattern}"]"#)), [], "{pattern}");
        }
        let most = digits[1..].join(",");
        let no_f00 = [&digits[..15].join(","), &below("f")[5..], &below("f0")[6..]].map(str::to_string).join(",");
        for prefixes in [r#""0""#, &most, &two[5..], &no_f00] {
            assert_eq!(found(&format!(r#""path_hash_prefixes":[{prefixes}]"#)), [], "{prefixes}");
        }
    }

    #[test]
    fn a_removed_role_and_a_lowered_threshold_are_found() {
        let paths = r#""paths":["a"]"#;
        let two = [delegation("one", paths, &[1, 2, 3], 2), delegation("two", paths, &[1], 1)].join(",");
        let one = delegation("one", paths, &[1, 2, 3], 1);
        let keys = [key(1), key(2), key(3)];
        let (before, after) = (targets_of(1, "", &keys, &two), targets_of(2, "", &keys, &one));
        let findings = lint::targets_step("targets", &before, &after, |_| false).unwrap();
        let expected = [
            (Rule::ThresholdLowered, "one in targets 2".to_string()),
            (Rule::RoleRemoved, "two in targets 2".to_string()),
        ];
        assert_eq!(names(&findings), expected);
    }
}
