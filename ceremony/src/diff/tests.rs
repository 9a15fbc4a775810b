#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::string::String;
use std::vec::Vec;
use std::{format, vec};

use proptest::prelude::*;

use super::*;
use crate::holder::HolderKey;
use crate::key::PublicKey;
use crate::key::tests::signing_key;
use crate::root::Root;
use crate::tuf_key::{KeyId, TufKey, whole_object_id};

fn real(name: &str) -> Metadata {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/sigstore-prod/metadata");
    Metadata::parse_untrusted(&std::fs::read(data.join(name)).unwrap()).unwrap()
}

fn with(file: &Metadata, signed: Json) -> Result<Metadata, MetadataError> {
    Metadata::new(signed, file.signatures.clone())
}

/// How many values are in a JSON value, itself included.
fn count(json: &Json) -> usize {
    1 + match json {
        Json::Array(elements) => elements.iter().map(count).sum(),
        Json::Object(object) => object.iter().map(|(_, value)| count(value)).sum(),
        _ => 0,
    }
}

/// `json` with its `n`th value, in depth first order, put through `edit`, which may take it away.
fn edited(json: &Json, n: &mut usize, edit: &dyn Fn(&Json) -> Option<Json>) -> Option<Json> {
    let here = *n == 0;
    *n = n.wrapping_sub(1);
    if here {
        return edit(json);
    }
    Some(match json {
        Json::Array(elements) => elements.iter().filter_map(|element| edited(element, n, edit)).collect(),
        Json::Object(object) => {
            let members = object.iter().filter_map(|(name, value)| Some((name, edited(value, n, edit)?)));
            Json::Object(members.collect())
        }
        leaf => leaf.clone(),
    })
}

fn changed(value: &Json) -> Option<Json> {
    Some(match value {
        Json::Null => Json::Bool(true),
        Json::Bool(value) => Json::Bool(!value),
        Json::Number(number) => Json::Number(number + 1),
        Json::String(text) => Json::string(match text.parse::<crate::Time>() {
            Ok(time) => time.plus(crate::Days(1)).unwrap().to_string(),
            Err(_) => format!("{text}0"),
        }),
        Json::Array(elements) => elements.iter().rev().chain(elements.first()).cloned().collect(),
        Json::Object(object) => {
            let mut object = object.clone();
            object.insert("x-new", Json::Null);
            Json::Object(object)
        }
    })
}

/// What is done to a value, and its name.
type Edit<'a> = (&'a str, &'a dyn Fn(&Json) -> Option<Json>);

/// Whatever a mutation does, the diff names it or the file is refused.
fn every_mutation_is_told(file: &Metadata, role: &str) {
    let null = |value: &Json| Some(if *value == Json::Null { Json::Bool(false) } else { Json::Null });
    let text = |value: &Json| Some(Json::string(if value.as_str() == Some("x") { "y" } else { "x" }));
    let edits: [Edit<'_>; 4] =
        [("changed", &changed), ("removed", &|_| None), ("another type", &null), ("text", &text)];
    let mut told = 0;
    for (name, edit) in edits {
        for n in 1..count(file.signed()) {
            let signed = edited(file.signed(), &mut n.clone(), edit).unwrap();
            if signed == *file.signed() {
                continue;
            }
            let Ok(after) = with(file, signed) else { continue };
            for (before, after) in [(file, &after), (&after, file)] {
                let Ok(diff) = RoleDiff::of(role, Some(before), after, &[]) else { continue };
                assert!(!diff.is_empty(), "{name} value {n} of {role}: {}", after.signed().pretty());
                told += 1;
            }
        }
    }
    assert!(told > 50, "{told} mutations of {role}");
}

#[test]
fn nothing_that_changes_is_missing() {
    every_mutation_is_told(&real("15.root.json"), "root");
    every_mutation_is_told(&real("11.root.json"), "root");
    every_mutation_is_told(&real("14.targets.json"), "targets");
    every_mutation_is_told(&real("1.targets.json"), "targets");
    every_mutation_is_told(&real("4.targets.json"), "targets");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn two_mutations_are_told(a in 1usize..200, b in 1usize..200, take in any::<bool>()) {
        for (name, role) in [("15.root.json", "root"), ("14.targets.json", "targets")] {
            let file = real(name);
            let edit: &dyn Fn(&Json) -> Option<Json> = if take { &|_| None } else { &changed };
            let Some(once) = edited(file.signed(), &mut a.clone(), &changed) else { continue };
            let Some(twice) = edited(&once, &mut b.clone(), edit) else { continue };
            let Ok(after) = with(&file, twice) else { continue };
            if let Ok(diff) = RoleDiff::of(role, Some(&file), &after, &[]) {
                prop_assert_eq!(diff.is_empty(), after.signed() == file.signed());
            }
        }
    }
}

#[test]
fn a_root_that_is_signed_again_changes_its_expiry_alone() {
    let diff = RoleDiff::of("root", Some(&real("14.root.json")), &real("15.root.json"), &[]).unwrap();
    let before = Some(real("14.root.json").expires_text().into());
    let expires = Change::Expires { before, after: "2026-11-20T13:58:18Z".into() };
    assert_eq!((diff.before, diff.after, diff.changes), (Some(14), 15, vec![expires]));
}

fn keys<'a>(diff: &'a RoleDiff, role: &str) -> &'a KeysChange {
    let find = |change: &'a Change| match change {
        Change::Keys(keys) if keys.role == role => Some(&**keys),
        _ => None,
    };
    diff.changes.iter().find_map(find).unwrap()
}

#[test]
fn a_keyholder_joins_and_another_leaves() {
    let diff = RoleDiff::of("root", Some(&real("12.root.json")), &real("13.root.json"), &[]).unwrap();
    for role in ["root", "targets"] {
        let keys = keys(&diff, role);
        assert_eq!((keys.joins.len(), keys.leaves.len(), keys.stays.len()), (1, 1, 4), "{role}");
        assert!(keys.replaced.is_empty() && keys.renamed.is_empty() && !keys.reordered);
        assert_eq!(keys.before, Some(Share { threshold: 3, keys: 5 }));
        assert_eq!(keys.before, keys.after);
        assert!(keys.joins[0].claimed_owner.is_some());
    }
    assert_eq!(diff.changes.len(), 3, "{diff:?}");
}

#[test]
fn the_online_key_of_root_12_only_gets_another_id() {
    let diff = RoleDiff::of("root", Some(&real("11.root.json")), &real("12.root.json"), &[]).unwrap();
    for role in ["snapshot", "timestamp"] {
        let keys = keys(&diff, role);
        assert!(keys.joins.is_empty() && keys.leaves.is_empty() && keys.replaced.is_empty());
        let (before, after) = &keys.renamed[0];
        assert!(before[0].as_str().starts_with("7247f0db"), "{before:?}");
        assert_ne!(*before, after.ids);
    }
}

fn authored(seed: u8) -> TufKey {
    TufKey::author(&PublicKey::EcdsaP256(*signing_key(seed).verifying_key())).unwrap()
}

fn holder(name: &str, online: bool, keys: &[&TufKey]) -> Holder {
    let keys = keys
        .iter()
        .map(|key| HolderKey { active: true, in_file: online, made_in: None, key: (*key).clone() })
        .collect();
    Holder { name: name.into(), online, keys, findings: vec![] }
}

fn root_of(people: &[&TufKey], online: &[&TufKey], threshold: u64) -> Metadata {
    let role = |keys: &[&TufKey], threshold: u64| {
        let ids = keys.iter().map(|key| Json::string(key.id.as_str())).collect();
        Json::Object([("keyids", ids), ("threshold", Json::from(threshold))].into_iter().collect())
    };
    let all: Object = people.iter().chain(online).map(|key| (key.id.as_str(), key.object.clone())).collect();
    let roles = Root::ROLES.map(|name| match name {
        "root" | "targets" => (name, role(people, threshold)),
        _ => (name, role(online, 1)),
    });
    let signed: Object = [
        ("_type", Json::string("root")),
        ("version", Json::from(1)),
        ("expires", Json::string("2026-01-01T00:00:00Z")),
        ("keys", Json::Object(all)),
        ("roles", Json::Object(roles.into_iter().collect())),
    ]
    .into_iter()
    .collect();
    Metadata::new(Json::Object(signed), vec![]).unwrap()
}

#[test]
fn a_key_of_the_same_person_or_robot_is_replaced() {
    let [alice, bob, new, robot, new_robot] = [1, 2, 3, 4, 5].map(authored);
    let holders = [
        holder("alice", false, &[&alice, &new]),
        holder("bob", false, &[&bob]),
        holder("online", true, &[&robot]),
        holder("online-2", true, &[&new_robot]),
    ];
    let (before, after) = (root_of(&[&alice, &bob], &[&robot], 2), root_of(&[&bob, &new], &[&new_robot], 1));
    let diff = RoleDiff::of("root", Some(&before), &after, &holders).unwrap();
    let root = keys(&diff, "root");
    assert!(root.joins.is_empty() && root.leaves.is_empty());
    let (old, new) = &root.replaced[0];
    assert_eq!((old.holder.as_deref(), new.holder.as_deref()), (Some("alice"), Some("alice")));
    assert_ne!(old.key, new.key);
    assert_eq!((root.before.unwrap().threshold, root.after.unwrap().threshold), (2, 1));
    let (old, new) = &keys(&diff, "timestamp").replaced[0];
    assert_eq!((old.holder.as_deref(), new.holder.as_deref()), (Some("online"), Some("online-2")));
    assert!(old.online && old.in_file);
    assert_eq!(diff.changes.len(), 4);
}

#[test]
fn the_first_root_is_told_whole() {
    let [alice, robot] = [1, 2].map(authored);
    let diff = RoleDiff::of("root", None, &root_of(&[&alice], &[&robot], 1), &[]).unwrap();
    assert_eq!(keys(&diff, "root").before, None);
    assert_eq!(keys(&diff, "root").joins.len(), 1);
    let kinds: Vec<String> = diff.changes.iter().map(|change| change_name(&change.json())).collect();
    assert_eq!(kinds, ["expires", "keys", "keys", "keys", "keys"]);
}

fn change_name(json: &Json) -> String {
    json.get("change").unwrap().as_str().unwrap().into()
}

#[test]
fn an_object_that_changes_under_its_id_is_told() {
    let [alice, robot] = [1, 2].map(authored);
    let mut other = authored(3);
    other.id = alice.id.clone();
    let mut owned = alice.clone();
    owned.object.as_object_mut().unwrap().insert("x-tuf-on-ci-keyowner", Json::string("@eve"));
    let before = root_of(&[&alice], &[&robot], 1);
    let swapped = RoleDiff::of("root", Some(&before), &root_of(&[&other], &[&robot], 1), &[]).unwrap();
    assert_eq!((keys(&swapped, "root").joins.len(), keys(&swapped, "root").leaves.len()), (1, 1));
    let renamed = RoleDiff::of("root", Some(&before), &root_of(&[&owned], &[&robot], 1), &[]).unwrap();
    let Change::Key(KeyChange::Object { members, after, .. }) = &renamed.changes[0] else { unreachable!() };
    assert_eq!(after.claimed_owner.as_deref(), Some("@eve"));
    let path = "x-tuf-on-ci-keyowner".into();
    assert_eq!(*members, [Change::Member { path, before: None, after: Some(Json::string("@eve")) }]);
}

#[test]
fn an_unused_key_is_told() {
    let [alice, robot, idle] = [1, 2, 3].map(authored);
    let before = root_of(&[&alice], &[&robot], 1);
    let mut signed = before.signed().clone();
    let keys = signed.as_object_mut().unwrap().get_mut("keys").unwrap().as_object_mut().unwrap();
    keys.insert(idle.id.as_str(), idle.object.clone());
    let after = Metadata::new(signed, vec![]).unwrap();
    let added = RoleDiff::of("root", Some(&before), &after, &[]).unwrap();
    assert!(matches!(&added.changes[..], [Change::Key(KeyChange::UnusedAdded(key))] if key.ids == [idle.id.clone()]));
    let removed = RoleDiff::of("root", Some(&after), &before, &[]).unwrap();
    assert!(matches!(&removed.changes[..], [Change::Key(KeyChange::UnusedRemoved(_))]));
}

fn targets(text: &str) -> Metadata {
    let head = r#""_type": "targets", "version": 1, "expires": "2026-01-01T00:00:00Z""#;
    let signed = format!("{{{head}, {text}}}");
    Metadata::new(Json::parse(signed.as_bytes()).unwrap(), vec![]).unwrap()
}

fn entry(digit: char, length: u64, more: &str) -> String {
    let sha256: String = core::iter::repeat_n(digit, 64).collect();
    format!(r#"{{"length": {length}, "hashes": {{"sha256": "{sha256}"}}{more}}}"#)
}

#[test]
fn target_files_come_go_and_change() {
    let before = targets(&format!(
        r#""targets": {{"a": {}, "b": {}, "c": {}, "z": {}}}"#,
        entry('1', 1, ""),
        entry('2', 2, ""),
        entry('3', 3, r#", "custom": {"a": 1}"#),
        entry('4', 4, ""),
    ));
    let after = targets(&format!(
        r#""targets": {{"b": {}, "c": {}, "d": {}, "z": {}}}"#,
        entry('5', 2, ""),
        entry('3', 3, r#", "custom": {"a": 2}"#),
        entry('6', 6, r#", "x": 1"#),
        entry('4', 4, ""),
    ));
    let diff = RoleDiff::of("targets", Some(&before), &after, &[]).unwrap();
    let told: Vec<String> = diff.changes.iter().map(|change| change_name(&change.json())).collect();
    assert_eq!(told, ["target-removed", "target-content", "target-custom", "target-added", "member"]);
    let Change::Member { path, .. } = &diff.changes[4] else { unreachable!() };
    assert_eq!(path, "targets.d.x");
}

fn delegation(name: &str, rest: &str) -> String {
    format!(r#"{{"name": "{name}", "keyids": ["k"], "threshold": 1, {rest}}}"#)
}

fn delegating(roles: &[String]) -> Metadata {
    let key = authored(9).object.pretty();
    targets(&format!(r#""targets": {{}}, "delegations": {{"keys": {{"k": {key}}}, "roles": [{}]}}"#, roles.join(",")))
}

#[test]
fn delegations_are_told() {
    let (paths, hashed) = (r#""paths": ["a/*"], "terminating": true"#, r#""path_hash_prefixes": ["a/*"]"#);
    let before = delegating(&[delegation("one", paths), delegation("two", paths), delegation("gone", paths)]);
    let after = delegating(&[
        delegation("two", hashed),
        delegation("one", r#""paths": ["a/*", "b"]"#),
        delegation("new", paths),
    ]);
    let diff = RoleDiff::of("targets", Some(&before), &after, &[]).unwrap();
    let a = Pattern::Path("a/*".into());
    let expected = [
        DelegationChange::Removed { name: "gone".into(), paths: vec![a.clone()] },
        DelegationChange::Added { name: "new".into(), paths: vec![a.clone()], terminating: true },
        DelegationChange::Paths { name: "one".into(), added: vec![Pattern::Path("b".into())], removed: vec![] },
        DelegationChange::Terminating { name: "one".into(), after: false },
        DelegationChange::Paths {
            name: "two".into(),
            added: vec![Pattern::HashPrefix("a/*".into())],
            removed: vec![a],
        },
        DelegationChange::Terminating { name: "two".into(), after: false },
    ];
    let told: Vec<DelegationChange> = diff
        .changes
        .iter()
        .filter_map(|change| match change {
            Change::Delegation(change) => Some(change.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(told, expected);
    let order =
        Change::DelegationOrder { before: vec!["one".into(), "two".into()], after: vec!["two".into(), "one".into()] };
    assert!(diff.changes.contains(&order));
    assert_eq!(keys(&diff, "gone").after, None);
    assert_eq!(keys(&diff, "new").before, None);
}

#[test]
fn one_name_twice_is_told_by_its_members() {
    let paths = r#""paths": ["a"]"#;
    let before = delegating(&[delegation("one", paths)]);
    let after = delegating(&[delegation("one", paths), delegation("one", r#""paths": ["*"]"#)]);
    let diff = RoleDiff::of("targets", Some(&before), &after, &[]).unwrap();
    assert!(matches!(&diff.changes[..], [Change::Member { path, .. }] if path == "delegations.roles"));
}

#[test]
fn odd_names_stay_apart_in_paths() {
    assert_eq!(member::child("targets", "a.b/c"), r#"targets["a.b/c"]"#);
    assert_eq!(member::child("", "x-y_z"), "x-y_z");
    assert_eq!(member::child("", "a\"b"), r#"["a\"b"]"#);
    let id = whole_object_id(&Json::Null);
    assert_eq!(KeyId::new(id.as_str()), id);
}
