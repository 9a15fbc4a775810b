//! What targets files delegate.

use alloc::format;
use alloc::vec::Vec;

use super::changed_in;
use super::roles::role_step;
use crate::finding::{Finding, Rule};
use crate::targets::{Delegation, Targets};

/// Finds roles that are trusted for every path.
pub(super) fn delegations(targets: &Targets<'_>, findings: &mut Vec<Finding>) {
    for role in &targets.delegations {
        let stars =
            |pattern: &&alloc::string::String| !pattern.is_empty() && pattern.bytes().all(|b| b == b'*' || b == b'/');
        if let Some(pattern) = role.paths.iter().find(stars) {
            let what = format!("it is trusted for \"{pattern}\"");
            findings.push(Finding::new(Rule::DelegationToAll, &role.name, what));
        } else if role.path_hash_prefixes.iter().any(|prefix| prefix.is_empty()) {
            findings.push(Finding::new(Rule::DelegationToAll, &role.name, "it is trusted for every hash"));
        }
    }
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
    use alloc::string::{String, ToString};

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
        for paths in [r#""paths":["*"]"#, r#""paths":["a","**/*"]"#, r#""path_hash_prefixes":[""]"#] {
            assert_eq!(found(paths), expected, "{paths}");
        }
        for paths in [r#""paths":["rekor.*.pub","a/*"]"#, r#""path_hash_prefixes":["0"]"#] {
            assert_eq!(found(paths), [], "{paths}");
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
