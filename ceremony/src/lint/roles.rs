//! Who may sign a role, before and after.

use alloc::format;
use alloc::vec::Vec;

use super::changed_in;
use crate::finding::{Finding, Rule};
use crate::quorum::KeySet;
use crate::root::Root;

/// Finds what a change of the keys of `role` weakens, which `file` makes: `root 2`. `online`: machines sign the role.
/// That a root has no key to spare is found in the root itself, whether it changes or not.
pub fn role_step(role: &str, file: &str, before: &KeySet, after: &KeySet, online: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let subject = changed_in(role, file);
    if after.threshold < before.threshold {
        let what = format!("from {} to {}", before.threshold, after.threshold);
        findings.push(Finding::new(Rule::ThresholdLowered, &subject, what));
    }
    let (old, new) = (before.fingerprints(), after.fingerprints());
    let kept = old.iter().filter(|key| new.contains(key)).count();
    if online {
        if kept > 0 && new.len() > kept {
            let what = format!("{} beside {kept} that it had before", new.len() - kept);
            findings.push(Finding::new(Rule::OnlineKeyAdded, &subject, what));
        }
        return findings;
    }
    // One key that replaces one is how a role of one key is rotated.
    if (kept as u64) < before.threshold && before.threshold > 1 {
        let what = format!("{kept} of {} keys stay, {} were needed to sign", old.len(), before.threshold);
        findings.push(Finding::new(Rule::KeyLost, &subject, what));
    } else if role != "root" && new.len() < old.len() && new.len() as u64 == after.threshold {
        let what = format!("{} keys become {}, and all of them are needed to sign", old.len(), new.len());
        findings.push(Finding::new(Rule::KeyLost, &subject, what));
    }
    findings
}

/// Finds that all keys of the root are needed to sign: of a lost one nothing can be the successor. Of every other role the
/// root, or what delegates to it, can name new keys.
pub(super) fn no_spare(root: &Root) -> Option<Finding> {
    let keys = root.role("root")?;
    let distinct = keys.fingerprints().len() as u64;
    let what = || format!("all of its {distinct} keys are needed to sign: if one is lost, no root can ever follow");
    (distinct == keys.threshold && distinct > 1).then(|| Finding::new(Rule::KeyLost, "root", what()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::vec::Vec;

    use super::super::tests::{key, names, root_of, set};
    use super::*;

    fn found(before: (&[u8], u64), after: (&[u8], u64), online: bool) -> Vec<Rule> {
        let findings = role_step("targets", "root 2", &set(before.0, before.1), &set(after.0, after.1), online);
        names(&findings).into_iter().map(|(rule, _)| rule).collect()
    }

    #[test]
    fn a_lowered_threshold_is_found() {
        assert_eq!(found((&[1, 2, 3], 2), (&[1, 2, 3], 1), false), [Rule::ThresholdLowered]);
        assert_eq!(found((&[1, 2, 3], 2), (&[1, 2, 3, 4], 3), false), []);
    }

    #[test]
    fn the_change_is_named_by_the_file_that_makes_it() {
        let subjects = |role: &str, file: &str| -> Vec<_> {
            let findings = role_step(role, file, &set(&[1, 2, 3], 2), &set(&[1, 4], 1), false);
            findings.into_iter().map(|finding| finding.subject).collect()
        };
        assert_eq!(subjects("targets", "root 2"), ["targets in root 2", "targets in root 2"]);
        assert_eq!(subjects("root", "root 2"), ["root 2", "root 2"]);
        assert_eq!(subjects("rooted", "root 2"), ["rooted in root 2", "rooted in root 2"]);
    }

    #[test]
    fn a_quorum_that_leaves_at_once_is_found() {
        assert_eq!(found((&[1, 2, 3], 2), (&[1, 4, 5], 2), false), [Rule::KeyLost]);
        assert_eq!(found((&[1, 2, 3], 2), (&[1, 2, 4], 2), false), []);
        assert_eq!(found((&[1], 1), (&[2], 1), false), []);
    }

    #[test]
    fn a_role_that_loses_its_last_spare_key_is_found() {
        assert_eq!(found((&[1, 2, 3], 2), (&[1, 2], 2), false), [Rule::KeyLost]);
        assert_eq!(found((&[1, 2, 3, 4], 2), (&[1, 2, 3], 2), false), []);
    }

    #[test]
    fn a_root_that_needs_all_of_its_keys_is_found() {
        let found = |seeds: &[u8], threshold| {
            let keys: Vec<_> = seeds.iter().map(|seed| key(*seed)).collect();
            no_spare(&Root::of(&root_of(1, &keys, threshold)).unwrap()).map(|finding| finding.subject)
        };
        assert_eq!(found(&[1, 2, 3], 3).as_deref(), Some("root"));
        assert_eq!(found(&[1, 2, 3], 2), None);
        // That one person signs alone is another finding.
        assert_eq!(found(&[1], 1), None);
    }

    #[test]
    fn an_online_key_added_beside_the_old_is_found() {
        assert_eq!(found((&[1], 1), (&[1, 2], 1), true), [Rule::OnlineKeyAdded]);
        assert_eq!(found((&[1], 1), (&[2], 1), true), []);
        assert_eq!(found((&[1, 2], 1), (&[2], 1), true), []);
    }
}
