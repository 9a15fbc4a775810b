//! Replays Sigstore's real root history: what staging derives is what people really signed, byte for byte.
#![allow(missing_docs, clippy::panic, clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use ceremony::stage::Reason;
use ceremony::{
    Base, Holder, HolderKey, Inputs, Metadata, Policy, Root, Staging, TargetList, Targets, WantedTarget, stage,
};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/sigstore-prod/metadata")
}

fn file(name: &str) -> Metadata {
    let path = data().join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Metadata::parse_untrusted(&bytes).unwrap()
}

/// Everybody whom a root lists for its role root, named by key id.
fn holders(root: &Metadata) -> Vec<Holder> {
    let view = Root::of(root).unwrap();
    let holder = |key: &ceremony::TufKey| Holder {
        name: key.id.short(),
        online: false,
        keys: vec![HolderKey { active: true, in_file: false, made_in: None, key: key.clone() }],
        findings: vec![],
    };
    view.own().keys.iter().map(holder).collect()
}

fn policy(names: &[String]) -> Policy {
    let names = names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let people = format!("keyholders = [{names}]\nthreshold = 3");
    Policy::parse(&format!(
        r#"
        [trust-root]
        id = "0123456789abcdef"
        name = "Sigstore"
        [roles.root]
        {people}
        lifetime-days = 197
        signing-window-days = 46
        [roles.targets]
        {people}
        lifetime-days = 3650
        signing-window-days = 31
        [roles.snapshot]
        online = "external"
        lifetime-days = 3650
        signing-window-days = 365
        [roles.timestamp]
        online = "external"
        lifetime-days = 7
        signing-window-days = 6
        [[delegation]]
        name = "registry.npmjs.org"
        paths = ["registry.npmjs.org/*"]
        terminating = true
        online = "external"
        lifetime-days = 182
        signing-window-days = 31
        "#
    ))
    .unwrap()
}

fn inputs(root: &Metadata, targets: &Metadata, at: &str) -> Inputs {
    let holders = holders(root);
    let names: Vec<String> = holders.iter().map(|holder| holder.name.clone()).collect();
    let mut policy = policy(&names);
    let view = Targets::of(targets).unwrap();
    let mut wanted = Vec::new();
    for (path, entry) in view.entries() {
        let target = view.target(path).unwrap().unwrap();
        wanted.push((path.to_string(), WantedTarget { length: target.length, sha256: target.sha256.unwrap() }));
        let custom = entry.get("custom").cloned();
        policy.targets.insert(path.to_string(), ceremony::policy::TargetPolicy { role: None, custom });
    }
    let staging = Staging { at: at.parse().unwrap(), rules: Staging::RULES, only: Default::default() };
    Inputs { policy, holders, targets: wanted.into_iter().collect::<TargetList>(), staging }
}

fn base(root: u64, targets: u64, npm: u64) -> Base {
    Base {
        roots: (1..=root).map(|version| file(&format!("{version}.root.json"))).collect(),
        roles: [
            ("targets".to_string(), file(&format!("{targets}.targets.json"))),
            ("registry.npmjs.org".to_string(), file(&format!("{npm}.registry.npmjs.org.json"))),
        ]
        .into(),
        snapshot: None,
        timestamp: None,
    }
}

/// The staging time of a published root: its expiry less the 197 days of Sigstore's policy.
fn staged_at(version: u64) -> String {
    let expires = file(&format!("{version}.root.json")).expires();
    expires.minus(ceremony::Days(197)).unwrap().to_string()
}

#[test]
fn re_signed_roots_are_derived_to_the_byte() {
    assert_eq!(staged_at(15), "2026-05-07T13:58:18Z");
    for (from, targets, npm) in [(13, 13, 6), (14, 13, 7), (15, 14, 8)] {
        let base = base(from, targets, npm);
        let inputs = inputs(base.root().unwrap(), &base.roles["targets"], &staged_at(from + 1));
        let staged = stage(&inputs, &base).unwrap();
        assert_eq!(staged.roles().keys().collect::<Vec<_>>(), ["root"], "only the root is due after root {from}");
        let root = &staged.roles()["root"];
        assert_eq!(root.reason, Reason::WindowOpen);
        let real = file(&format!("{}.root.json", from + 1));
        assert_eq!(root.payload, real.payload(), "root {}", from + 1);
    }
}

#[test]
fn a_replaced_keyholder_is_derived_to_the_byte() {
    let base = base(12, 11, 5);
    let mut inputs = inputs(base.root().unwrap(), &base.roles["targets"], &staged_at(13));
    let real = file("13.root.json");
    let joiner = holders(&real).into_iter().find(|holder| holder.name == "183e64f3").unwrap();
    let leaver = Root::of(base.root().unwrap()).unwrap().own().ids[0].short();
    for role in ["root", "targets"] {
        let role = inputs.policy.roles.get_mut(role).unwrap();
        let ceremony::policy::Signers::Keyholders(names) = &mut role.signers else { panic!("people sign") };
        names.retain(|name| *name != leaver);
        names.push(joiner.name.clone());
    }
    inputs.holders.push(joiner);
    inputs.staging.only = ["root".to_string()].into();
    let staged = stage(&inputs, &base).unwrap();
    assert_eq!(staged.roles()["root"].payload, real.payload());
    let quorum = &staged.roles()["root"].quorum;
    assert_eq!(quorum.fingerprints().len(), 6, "the leaver still signs");
}

#[test]
fn targets_fall_due_when_their_signatures_no_longer_count() {
    // Root 10 changes every key id: targets 9 has 0 of 3 under it.
    let mut base = base(9, 9, 3);
    let real = file("10.root.json");
    let mut inputs = inputs(&real, &base.roles["targets"], "2024-08-28T13:00:00Z");
    inputs.staging.only = ["root".to_string()].into();
    let staged = stage(&inputs, &base).unwrap();
    assert!(!staged.roles().contains_key("targets"), "the people and their keys are the same");
    base.roots.push(real);
    let staged = stage(&inputs, &base).unwrap();
    let targets = &staged.roles()["targets"];
    assert_eq!(targets.reason, Reason::BelowThreshold);
    assert_eq!(targets.metadata.version(), 10);
    inputs.staging.rules = 2;
    assert!(stage(&inputs, &base).is_err());
}
