//! Who can sign alone.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::finding::{Finding, Rule};
use crate::holder::{Holder, holder_of};
use crate::quorum::KeySet;

/// Finds that one person, or one key under several ids, meets the threshold of `role` alone, as clients count.
///
/// A key belongs to the holder who has it on record, else to the owner that the key object names, else to somebody of
/// its own. Snapshot, timestamp and delegated roles that machines alone sign are left out: there a threshold of one is
/// what the role is for.
pub fn alone(role: &str, keys: &KeySet, holders: &[Holder]) -> Option<Finding> {
    let holder = |key: &crate::TufKey| key.key.as_ref().ok().and_then(|key| holder_of(holders, &key.fingerprint()));
    let machine = |key: &crate::TufKey| match holder(key) {
        Some(holder) => holder.online,
        None => key.object.get("x-tuf-on-ci-online-uri").is_some(),
    };
    let by_machines = match role {
        "root" | "targets" => false,
        "snapshot" | "timestamp" => true,
        _ => !keys.keys.is_empty() && keys.keys.iter().all(machine),
    };
    if by_machines {
        return None;
    }
    let mut ids: BTreeMap<String, u64> = BTreeMap::new();
    for key in &keys.keys {
        let Ok(public) = &key.key else { continue };
        let owner = holder(key).map(|holder| holder.name.clone()).or_else(|| key.owner().map(ToString::to_string));
        *ids.entry(owner.unwrap_or_else(|| format!("key {}", public.fingerprint().short()))).or_default() += 1;
    }
    let able: Vec<&str> =
        ids.iter().filter(|(_, ids)| **ids >= keys.threshold).map(|(name, _)| name.as_str()).collect();
    let who = match able.len() {
        1..=3 => able.join(" or "),
        more => format!("each of {more} people"),
    };
    let what = || format!("{who} can sign alone: {} of {} keys are enough", keys.threshold, keys.ids.len());
    (!able.is_empty()).then(|| Finding::new(Rule::OneMeetsThreshold, role, what()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::vec;

    use super::super::tests::{key, set};
    use super::*;
    use crate::holder::HolderKey;
    use crate::json::Json;
    use crate::tuf_key::{TufKey, whole_object_id};

    fn holder(name: &str, online: bool, seeds: &[u8]) -> Holder {
        let on_record =
            |seed: &u8| HolderKey { active: *seed == seeds[0], in_file: false, made_in: None, key: key(*seed) };
        Holder { name: name.to_string(), online, keys: seeds.iter().map(on_record).collect(), findings: vec![] }
    }

    #[test]
    fn one_person_with_two_keys_is_found() {
        let holders = [holder("alice", false, &[1, 2]), holder("bob", false, &[3])];
        let found = alone("root", &set(&[1, 2, 3], 2), &holders).unwrap();
        assert_eq!((found.rule, found.subject.as_str()), (Rule::OneMeetsThreshold, "root"));
        assert!(found.what.contains("alice") && !found.what.contains("bob"), "{}", found.what);
        assert_eq!(alone("root", &set(&[1, 2, 3], 3), &holders), None);
        assert_eq!(alone("root", &set(&[1, 2, 3], 2), &[]), None);
    }

    #[test]
    fn one_key_under_two_ids_is_found() {
        let mut object = key(1).object;
        object.as_object_mut().unwrap().insert("x-owner", Json::string("x"));
        let again = TufKey::read(whole_object_id(&object), object);
        let mut keys = set(&[1, 2], 2);
        keys.ids.push(again.id.clone());
        keys.keys.push(again);
        assert!(alone("targets", &keys, &[]).is_some());
    }

    #[test]
    fn a_threshold_of_one_is_found_where_people_sign() {
        let everybody = set(&[1, 2, 3, 4], 1);
        assert!(alone("root", &everybody, &[]).unwrap().what.contains("each of 4 people can sign alone"));
        assert_eq!(alone("timestamp", &set(&[1], 1), &[]), None);
        assert_eq!(alone("team", &set(&[1], 1), &[holder("robot", true, &[1])]), None);
        assert!(alone("root", &set(&[1], 1), &[holder("robot", true, &[1])]).is_some());
        assert!(alone("team", &set(&[1], 1), &[holder("alice", false, &[1])]).is_some());
    }
}
