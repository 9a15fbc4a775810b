//! Sigstore's own roots, targets and signing events, as they were published.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use ceremony::history::Stop;
use ceremony::lint::{self, Obstacle};
use ceremony::metadata::Kind;
use ceremony::tally::{Rejection, rejected};
use ceremony::{Digest, Finding, History, Metadata, Root, Rule, Targets, Time, tally};

fn data(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(path)
}

fn production(name: &str) -> Option<Vec<u8>> {
    match fs::read(data("sigstore-prod/metadata").join(name)) {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        read => Some(read.unwrap()),
    }
}

fn metadata(name: &str) -> Metadata {
    Metadata::parse_untrusted(&production(name).unwrap()).unwrap()
}

fn history_from(version: u64) -> History {
    let fetch = |version| Ok::<_, std::convert::Infallible>(production(&format!("{version}.root.json")));
    History::walk(&production(&format!("{version}.root.json")).unwrap(), fetch).unwrap()
}

fn subjects(findings: &[Finding], rule: Rule) -> Vec<&str> {
    findings.iter().filter(|finding| finding.rule == rule).map(|finding| finding.subject.as_str()).collect()
}

/// Outgoing (none for the first) and incoming signatures by distinct public keys; every threshold is 3.
const TALLIES: [(Option<usize>, usize); 16] = [
    (None, 5),
    (Some(5), 5),
    (Some(3), 3),
    (Some(4), 5),
    (Some(4), 4),
    (Some(5), 5),
    (Some(4), 4),
    (Some(4), 4),
    (Some(5), 5),
    (Some(5), 5),
    (Some(5), 5),
    (Some(3), 3),
    (Some(4), 5),
    (Some(4), 4),
    (Some(5), 5),
    (Some(5), 5),
];

#[test]
fn sixteen_roots_are_counted_by_distinct_public_keys() {
    let history = history_from(1);
    assert_eq!(history.stop, None);
    assert_eq!(history.trusted().unwrap().root.version, 16);
    let counted: Vec<_> =
        history.steps.iter().map(|s| (s.outgoing.as_ref().map(|t| t.signed.len()), s.incoming.signed.len())).collect();
    assert_eq!(counted, TALLIES);
    let thresholds = history.steps.iter().flat_map(|s| s.outgoing.iter().chain([&s.incoming])).map(|t| t.threshold);
    assert!(thresholds.into_iter().all(|threshold| threshold == 3));
    let last = "73747011d0857ada15479a16c4cae0f3ed03aac698b523b97e1de314ac9d9ca8";
    assert_eq!(history.steps[14].sha256, last.parse::<Digest>().unwrap());
}

#[test]
fn each_kind_of_client_starts_where_the_real_one_does() {
    let expected = |name: &str| match name {
        "sigstore-js" | "tuf-js" => 1,
        "sigstore-rs" | "tough" | "tuftool" => 12,
        _ => 5,
    };
    for first in [1, 7, 13] {
        for (reader, from) in history_from(first).starts(&[]) {
            assert_eq!(from, Some(expected(reader.name()).max(first)), "{} from {first}", reader.name());
        }
    }
}

#[test]
fn the_anomalies_of_the_history_are_named_and_nothing_else() {
    let mut found: BTreeSet<(u64, Rule, String)> = BTreeSet::new();
    for step in history_from(1).steps {
        found.extend(step.findings.into_iter().map(|f| (step.root.version, f.rule, f.subject)));
    }
    let root = |version: u64| format!("root {version}");
    let mut expected = BTreeSet::new();
    for version in 1..=3 {
        expected.insert((version, Rule::ExpiryFractional, root(version)));
    }
    for version in (1..=4).chain([11]) {
        expected.insert((version, Rule::RootUnreadable, root(version)));
    }
    for role in ["snapshot", "timestamp"] {
        expected.insert((2, Rule::ThresholdLowered, format!("{role} in root 2")));
    }
    let stale = "7247f0dbad85b147e1863bade761243cc785dcb7aa410e7105dd3d2b61a36d2c";
    expected.insert((11, Rule::KeyIdMismatch, stale.to_string()));
    for version in 12..=14 {
        expected.insert((version, Rule::EmptySignature, root(version)));
    }
    assert_eq!(found, expected);
}

#[test]
fn the_empty_signatures_count_for_nothing_and_are_rejected() {
    for (version, ids) in [(12, vec!["6f260089", "22f4caec"]), (13, vec!["6f260089"]), (14, vec!["22f4caec"])] {
        let history = history_from(version - 1);
        let step = &history.steps[1];
        let rejected = rejected(&step.metadata.signatures, &[step.outgoing.as_ref().unwrap(), &step.incoming]);
        let expected: Vec<_> = ids.iter().map(|id| (id.to_string(), Rejection::Empty)).collect();
        assert_eq!(rejected.iter().map(|(id, why)| (id.short(), *why)).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn every_targets_file_is_signed_under_the_root_of_its_time() {
    let under = |targets: u64, root: u64| {
        let (root, targets) = (metadata(&format!("{root}.root.json")), metadata(&format!("{targets}.targets.json")));
        let keys = Root::of(&root).unwrap().role("targets").unwrap().clone();
        tally(&targets.payload(), &targets.signatures, &keys).signed.len()
    };
    let counted: Vec<_> = (1..=10).map(|version| under(version, version)).collect();
    assert_eq!(counted, [5, 5, 3, 5, 4, 5, 4, 4, 5, 5]);
    // The ids changed between 9 and 10, so the old signatures name nobody.
    assert_eq!(under(9, 10), 0);
    assert_eq!((under(12, 13), under(13, 14), under(14, 15), under(14, 16)), (5, 4, 5, 5));
}

#[test]
fn the_anomalies_of_the_targets_are_named_and_nothing_else() {
    let mut found = BTreeSet::new();
    for version in 1..=14 {
        let findings = lint::targets("targets", &metadata(&format!("{version}.targets.json"))).unwrap();
        found.extend(findings.into_iter().map(|finding| (version, finding.rule, finding.subject)));
    }
    let mut expected = BTreeSet::from([
        (1, Rule::ExpiryFractional, "targets 1".to_string()),
        (4, Rule::DelegationToAll, "revocation".to_string()),
        (12, Rule::EmptySignature, "targets 12".to_string()),
        (13, Rule::EmptySignature, "targets 13".to_string()),
    ]);
    expected.extend((2..=4).map(|version| (version, Rule::DelegationToAll, "staging".to_string())));
    assert_eq!(found, expected);
}

#[test]
fn what_went_and_what_changed_among_the_targets_is_named() {
    let step = |version: u64| {
        let name = |version: u64| format!("{version}.targets.json");
        lint::targets_step("targets", &metadata(&name(version)), &metadata(&name(version + 1)), |_| false).unwrap()
    };
    // Sigstore's targets 5 gave up every delegation, and a target.
    let fifth = step(4);
    assert_eq!(
        subjects(&fifth, Rule::RoleRemoved),
        ["rekor in targets 5", "staging in targets 5", "revocation in targets 5"]
    );
    assert_eq!(subjects(&fifth, Rule::TargetRemoved), ["rekor.0.pub dce5ef715502ec9f"]);
    // Targets 7 put the certificate chain in order.
    assert_eq!(subjects(&step(6), Rule::TargetChanged), ["trusted_root.json 4364d7724c04cc91"]);
    // Targets 14 added one target alone.
    assert_eq!(step(13), []);
}

#[test]
fn the_present_state_needs_few_accepts() {
    let made: Time = "2026-05-07T13:58:18Z".parse().unwrap();
    let mut found = Vec::new();
    let root = history_from(15).steps.pop().unwrap();
    found.extend(root.findings);
    let online = [("snapshot", "165.snapshot.json"), ("timestamp", "timestamp.json")];
    let targets = [("targets", "14.targets.json"), ("registry.npmjs.org", "8.registry.npmjs.org.json")];
    for (role, file) in online {
        found.extend(lint::file(role, &metadata(file)));
    }
    for (role, file) in targets {
        found.extend(lint::targets(role, &metadata(file)).unwrap());
    }
    // Only a bound: when the older files were made is not written in them.
    for (role, file) in online.into_iter().chain(targets).chain([("root", "16.root.json")]) {
        let metadata = metadata(file);
        if metadata.kind() != Kind::Timestamp {
            found.extend(lint::lifetime(role, metadata.kind(), made, metadata.expires()));
        }
        let bytes = production(file).unwrap().len() as u64;
        found.extend(lint::size(role, metadata.kind(), bytes));
    }
    let delegator = metadata("14.targets.json");
    let delegations = Targets::of(&delegator).unwrap().delegations;
    found.extend(lint::alone("registry.npmjs.org", &delegations[0].keys, &[]));
    for role in ["root", "targets"] {
        found.extend(lint::alone(role, root.root.role(role).unwrap(), &[]));
    }
    let named: Vec<_> = found.iter().map(|finding| (finding.rule, finding.subject.as_str())).collect();
    assert_eq!(named, [(Rule::ExpiryTooLong, "snapshot"), (Rule::ExpiryTooLong, "targets")]);
    assert_eq!(lint::obstacles(&delegator).unwrap(), [] as [Obstacle; 0]);
}

/// Outgoing and incoming signatures at each state of a signing event, and how many entries count for nothing.
fn event(name: &str, before: u64) -> Vec<(usize, usize, usize, Option<Stop>)> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(data("sigstore-events").join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let state = |file: &PathBuf| {
        let fetch = |version| Ok::<_, std::io::Error>((version == before + 1).then(|| fs::read(file).unwrap()));
        let history = History::walk(&production(&format!("{before}.root.json")).unwrap(), fetch).unwrap();
        let step = &history.steps[1];
        let outgoing = step.outgoing.as_ref().unwrap();
        let left = rejected(&step.metadata.signatures, &[outgoing, &step.incoming]).len();
        (outgoing.signed.len(), step.incoming.signed.len(), left, history.stop)
    };
    files.iter().map(state).collect()
}

#[test]
fn a_keyholder_replaced_signature_by_signature() {
    let outgoing = |signed| Some(Stop::Outgoing { version: 13, threshold: 3, signed });
    let expected = [
        (0, 0, 5, outgoing(0)),
        (0, 0, 5, outgoing(0)),
        (0, 0, 5, outgoing(0)),
        (0, 1, 5, outgoing(0)),
        (1, 2, 4, outgoing(1)),
        (1, 2, 4, outgoing(1)),
        // Three of the new keys signed, and only two of the old: not done.
        (2, 3, 3, outgoing(2)),
        (3, 4, 2, None),
        (4, 5, 1, None),
    ];
    assert_eq!(event("root-v13", 12), expected);
}

#[test]
fn a_renewal_that_two_people_signed_twice() {
    let states = event("root-v15", 14);
    let counted: Vec<_> = states.iter().map(|(outgoing, incoming, ..)| (*outgoing, *incoming)).collect();
    assert_eq!(counted, [(0, 0), (1, 1), (1, 1), (1, 1), (2, 2), (3, 3), (4, 4), (4, 4), (5, 5)]);
    let done: Vec<bool> = states.iter().map(|(.., stop)| stop.is_none()).collect();
    assert_eq!(done, [false, false, false, false, false, true, true, true, true]);
}
