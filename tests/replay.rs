//! Sigstore's real ceremonies again, from adoption to the clients of others.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;
mod sigstore;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use ceremony::{Digest, Meta, Metadata, Root, Signature};
use common::clients::{Job, run};
use common::{Server, Trustroot};
use serde_json::{Value, json};
use sigstore::{adopted, metadata, path, root_file, sigstore, staged_at};
use tempfile::TempDir;

/// JSON as go-tuf wrote it, which made Sigstore's files until root 10: its own order of members, and tabs.
fn go_tuf(value: &Value, depth: usize) -> String {
    let (line, end) = (format!("\n{}", "\t".repeat(depth + 1)), format!("\n{}", "\t".repeat(depth)));
    match value {
        Value::Object(members) => {
            // In a file the version comes before the expiry, in an entry of a snapshot last.
            let place = |name: &str| match name {
                "version" if !members.contains_key("_type") => MEMBERS.len(),
                name => MEMBERS.iter().position(|member| *member == name).unwrap_or(MEMBERS.len()),
            };
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| place(name));
            let member = |(name, value): &(&String, &Value)| format!("{line}\"{name}\": {}", go_tuf(value, depth + 1));
            format!("{{{}{end}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            let item = |item| format!("{line}{}", go_tuf(item, depth + 1));
            format!("[{}{end}]", items.iter().map(item).collect::<Vec<_>>().join(","))
        }
        plain => plain.to_string(),
    }
}

/// Members of metadata in the order of go-tuf; all others follow by their names.
const MEMBERS: [&str; 20] = [
    "signed",
    "signatures",
    "_type",
    "spec_version",
    "version",
    "expires",
    "meta",
    "targets",
    "delegations",
    "length",
    "hashes",
    "custom",
    "keytype",
    "scheme",
    "keyid_hash_algorithms",
    "keyval",
    "name",
    "keyids",
    "threshold",
    "terminating",
];

/// Sigstore's repository on the eve of root 10. tuf-on-ci, which took over then, wrote some files again in another form, and
/// so they are on record; here they have the bytes again that snapshot and timestamp name.
fn eve_of_root_10() -> TempDir {
    let repository = sigstore(9, 215);
    let mut next = vec!["timestamp".to_owned()];
    while let Some(role) = next.pop() {
        let entries = Meta::of(&metadata(repository.path().join(role + ".json"))).unwrap().files;
        for (name, entry) in entries {
            let file = format!("{}.{name}", entry.version);
            let place = repository.path().join(&file);
            let bytes = fs::read(&place).unwrap();
            if Some(Digest::of(&bytes)) != entry.sha256 {
                let text = go_tuf(&serde_json::from_slice(&bytes).unwrap(), 0);
                let texts = [format!("{text}\n"), text];
                let real = texts.iter().find(|text| Some(Digest::of(text.as_bytes())) == entry.sha256);
                fs::write(place, real.unwrap_or_else(|| panic!("{file} is not as it was named"))).unwrap();
            }
            if name == "snapshot.json" {
                next.push(file.trim_end_matches(".json").to_owned());
            }
        }
    }
    repository
}

/// Stages, which must give root `version` of the real history and nothing else, to the byte.
fn stages(trustroot: &Trustroot, version: u64, arguments: &[&str]) {
    let at = staged_at(version);
    let answer = trustroot.json(0, &[&["stage", "--name", "next", "--now", &at], arguments].concat());
    let roles: Vec<_> = answer["roles"].as_array().unwrap().iter().map(|role| role["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["root"]);
    let staged = metadata(trustroot.dir().join("ceremonies/next/staged/root.json"));
    assert_eq!(staged.payload(), metadata(root_file(version)).payload(), "root {version}");
}

/// Takes in the real signatures of the staged root, of which so many count by the keys before and by its own; publishes at
/// `now`; and has every client go there from root 12, which all of them read.
fn is_held(trustroot: &Trustroot, version: u64, signed: (u64, u64), now: &str) {
    let answer = trustroot.json(0, &["import", &root_file(version)]);
    let count = |set: &str| answer["roles"][0][set]["signed"].as_u64().unwrap();
    assert_eq!((count("outgoing"), count("incoming")), signed, "root {version}");
    trustroot.ok(&["publish", "next", "--now", now]);
    let published = metadata(trustroot.dir().join(format!("repository/{version}.root.json")));
    let real = metadata(root_file(version));
    assert_eq!(published.payload(), real.payload());
    let mut signatures = real.signatures;
    signatures.retain(|signature| !signature.sig.is_empty());
    let by_id = |list: Vec<Signature>| list.into_iter().map(|one| (one.keyid, one.sig)).collect::<BTreeMap<_, _>>();
    assert_eq!(by_id(published.signatures), by_id(signatures), "root {version}");

    let server = Server::directory(trustroot.dir().join("repository"));
    let start = PathBuf::from(root_file(12));
    for client in CLIENTS {
        let job = Job::new(server.url(), &start, &trustroot.home().join(client), &["trusted_root.json"]);
        let came = run(client, Some(now), &[job]).pop().unwrap();
        // sigstore-js does not say where it is.
        let said = if client == "sigstore-js" { 0 } else { version };
        assert_eq!(came, Ok(said), "{client} to root {version}");
        assert!(server.asked().contains(&format!("/{version}.root.json")), "{client}");
    }
}

/// All but cosign, whose clock cannot be set.
const CLIENTS: [&str; 7] =
    ["python-tuf", "sigstore-python", "tuf-js", "sigstore-js", "go-tuf", "tough", "sigstore-tuf"];

#[test]
fn root_13_replaces_one_keyholder() {
    let (trustroot, _) = adopted(12, 404, "2025-07-09T13:05:59Z");
    let real = Root::of(&metadata(root_file(13))).unwrap();
    let lance = real.own().keys.iter().find(|key| key.owner() == Some("@lance")).unwrap();
    trustroot.write("lance.json", lance.object.pretty());
    trustroot.ok(&["keyholder", "enroll", "lance", "--public", "lance.json"]);
    let gone = Root::of(&metadata(root_file(12))).unwrap().own().keys[0].owner().unwrap()[1..].to_owned();
    for role in ["root", "targets"] {
        trustroot.ok(&["role", role, "--drop", &gone, "--add", "lance"]);
    }
    let at = staged_at(13);
    let refused = trustroot.exits(1, &["stage", "--only", "root", "--now", &at]);
    assert!(refused.said().contains("possession-unproven (lance)"), "{}", refused.stderr);
    let accept = ["accept", "possession-unproven", "lance", "--reason=replay", "--until=2026-07-09T00:00:00Z"];
    trustroot.ok(&[&accept[..], &["--now", &at]].concat());
    stages(&trustroot, 13, &["--only", "root"]);
    is_held(&trustroot, 13, (4, 5), "2025-07-11T14:39:00Z");
}

#[test]
fn root_14_is_signed_again() {
    let (trustroot, _) = adopted(13, 542, &staged_at(14));
    stages(&trustroot, 14, &[]);
    is_held(&trustroot, 14, (4, 4), "2025-12-15T20:49:00Z");
}

#[test]
fn root_15_is_signed_again() {
    assert_eq!(staged_at(15), "2026-05-07T13:58:18Z");
    let (trustroot, _) = adopted(14, 675, &staged_at(15));
    stages(&trustroot, 15, &[]);
    is_held(&trustroot, 15, (5, 5), "2026-05-16T08:04:00Z");
}

#[test]
fn root_16_is_signed_again() {
    // The last timestamp on record is older than root 16: it is published while that is good.
    let now = "2026-08-22T00:00:00Z";
    let (trustroot, _) = adopted(15, 762, now);
    stages(&trustroot, 16, &["--only", "root"]);
    is_held(&trustroot, 16, (5, 5), now);
}

/// Root 10 gave every key of the people another id, which this program never proposes: published ids stay (decision 1).
/// So root 10 itself cannot be staged after root 9; where tuf-on-ci has published it, targets 9 has 0 of 3 under it, and is
/// due.
#[test]
fn root_10_is_not_derived_and_targets_fall_due_under_it() {
    let (eve, now) = ("2024-08-28T13:00:00Z", "2024-08-28T14:00:00Z");
    let (trustroot, repository) = (Trustroot::new(), eve_of_root_10());
    let answer = trustroot.json(0, &["adopt", path(&repository), "--root", &root_file(1), "--now", eve]);
    assert_eq!(answer["roots"][8]["incoming"]["signed"], 5);
    let (ninth, tenth) = (metadata(root_file(9)), metadata(root_file(10)));
    let listed = |root: &Metadata| Root::of(root).unwrap().own().ids.clone();
    let prints = |root: &Metadata| Root::of(root).unwrap().own().fingerprints();
    assert_eq!(prints(&ninth), prints(&tenth), "the same people with the same keys");

    // While nothing of it is published, what is due of the root has the ids of root 9.
    trustroot.ok(&["stage", "--name=ours", "--only=root", "--now=2024-09-08T00:00:00Z"]);
    let ours = metadata(trustroot.dir().join("ceremonies/ours/staged/root.json"));
    assert_eq!((ours.version(), listed(&ours)), (10, listed(&ninth)));
    assert!(listed(&tenth).iter().all(|id| !listed(&ninth).contains(id)));
    trustroot.ok(&["abandon", "ours", "--reason=another tool published root 10"]);

    // Targets 9 is good until root 10 is there, and not under it.
    let judge = |code, root: &str| {
        let answer = trustroot.json(code, &["verify", "repository/9.targets.json", "--root", root, "--now", now]);
        answer["incoming"].clone()
    };
    assert_eq!(judge(0, &root_file(9)), json!({ "threshold": 3, "signed": 5 }));
    assert_eq!(judge(1, &root_file(10)), json!({ "threshold": 3, "signed": 0 }));
    let nothing = trustroot.exits(1, &["stage", "--now", now]);
    assert!(nothing.says("nothing is due"), "{}", nothing.stderr);
    trustroot.write("repository/10.root.json", fs::read(root_file(10)).unwrap());
    // The certificate of a timestamp authority had expired in the wanted trusted_root.json.
    let accept = ["accept", "certificate-expires", "--all", "--reason=replay", "--until=2025-08-28T00:00:00Z"];
    trustroot.ok(&[&accept[..], &["--now", now]].concat());
    let answer = trustroot.json(0, &["stage", "--name=next", "--now", now]);
    let roles = answer["roles"].as_array().unwrap();
    assert_eq!(roles.len(), 1, "{answer}");
    assert_eq!((&roles[0]["role"], &roles[0]["version"]), (&"targets".into(), &10.into()));
    assert_eq!(roles[0]["reason"], "published signatures do not meet the new keys");
    let listed = |file: &Metadata| file.signed().get("targets").cloned();
    let staged = metadata(trustroot.dir().join("ceremonies/next/staged/targets.json"));
    assert_eq!(listed(&staged), listed(&metadata(repository.path().join("9.targets.json"))));
}
