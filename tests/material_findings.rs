//! Mistakes in trust material that a file or a command makes, in a repository that was Sigstore's: what people read of
//! them before anybody signs.
#![allow(clippy::unwrap_used)]

mod common;
mod sigstore;

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::made::{Draft, Key, object, sequence, tlv};
use common::tuf::{delegated, repository, signed};
use common::{Run, Trustroot, fits};
use serde_json::Value;
use sigstore::{adopted, names};

const NOW: &str = "2026-08-22T00:00:00Z";
const ROOT: &str = "targets/trusted_root.json";
const CONFIG: &str = "targets/signing_config.v0.2.json";
const REKOR: &str = "rekor https://rekor.sigstore.dev c0d23d6a";
const STARTED: &str = "\"start\": \"2021-01-12T11:53:27Z\"";

fn sigstore() -> Trustroot {
    adopted(16, 762, NOW).0
}

/// Edits a file by hand.
fn edit(trustroot: &Trustroot, path: &str, from: &str, to: &str) {
    let before = trustroot.read(path);
    let after = before.replacen(from, to, 1);
    assert_ne!(after, before, "{from}");
    trustroot.write(path, after);
}

fn lint(trustroot: &Trustroot) -> Vec<String> {
    let mut found = names(&trustroot.json(1, &["material", "lint", "--now", NOW]));
    let own = ["coverage-hole (ctlog 2021-03-07)", "legacy-differs (ctfe.pub)"];
    found.retain(|name| !own.contains(&name.as_str()));
    found
}

/// What `stage` stops on.
fn stops(trustroot: &Trustroot) -> Run {
    trustroot.exits(1, &["stage", "--dry-run", "--now", NOW])
}

/// All that was printed, as one line.
fn line(run: &Run) -> String {
    [&run.stdout[..], &run.stderr].concat().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Rekor v1 was to end on a day, and whoever wrote that into one file forgot the other.
#[test]
fn signers_are_not_sent_on_to_what_ends() {
    let trustroot = sigstore();
    edit(&trustroot, ROOT, STARTED, &format!("{STARTED}, \"end\": \"2026-09-01T00:00:00Z\""));
    let subject = "service-untrusted (signing rekor https://rekor.sigstore.dev 2026-09-01)";
    assert!(lint(&trustroot).contains(&subject.to_owned()), "{:?}", lint(&trustroot));
    let told =
        "signers use it, and the trusted root has no Rekor at rekor.sigstore.dev from 2026-09-01T00:00:00Z for ever";
    assert!(stops(&trustroot).says(&format!("{subject}: {told}")));
    let text = trustroot.exits(1, &["material", "lint", "--now", NOW]).stdout;
    fits(&text);
    assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains("End it for signers when the last entry"));
    // The command ends both.
    trustroot.ok(&["material", "discard", "--throw-away", "--now", NOW]);
    let end = ["material", "end", "rekor", "https://rekor.sigstore.dev", "--at=2026-09-01T00:00:00Z"];
    trustroot.ok(&[&end[..], &["--last-use=2026-08-20T00:00:00Z", "--now", NOW]].concat());
    assert!(lint(&trustroot).iter().all(|name| !name.starts_with("service-untrusted")));
}

#[test]
fn a_version_that_no_signer_speaks_is_said_at_once() {
    let trustroot = sigstore();
    let add = ["material", "service", "add", "rekor", "https://log2027-1.rekor.sigstore.dev", "--api-version=7"];
    let said = trustroot.ok(&[&add[..], &["--start=2026-10-01T00:00:00Z", "--now", NOW]].concat());
    fits(&said);
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = "`stage` will stop on what is wrong with it: api-version-unknown (signing rekor \
                https://log2027-1.rekor.sigstore.dev): its majorApiVersion is 7, and signers speak version 1 and 2 of a Rekor.";
    assert!(said.contains(told), "{said}");
}

/// A list that somebody emptied: signers would find no Rekor any more.
#[test]
fn a_service_that_goes_away_is_no_mere_change_of_a_file() {
    let trustroot = sigstore();
    let text = trustroot.read(CONFIG);
    let start = text.find("\"rekorTlogUrls\": [").unwrap() + "\"rekorTlogUrls\": [".len();
    let end = start + text[start..].find(']').unwrap();
    trustroot.write(CONFIG, [&text[..start], &text[end..]].concat());
    let told = "service-removed (signing rekor https://rekor.sigstore.dev): it has no end in the published \
                signing_config.v0.2.json, and is not in the wanted one, and no other of its kind is left for signers";
    assert!(stops(&trustroot).says(told), "{}", stops(&trustroot).stderr);
    assert!(lint(&trustroot).contains(&"service-removed (signing rekor https://rekor.sigstore.dev)".to_owned()));
}

/// Whoever writes an end into the file says nothing of the last use; the command asks for it.
#[test]
fn what_was_valid_is_not_cut_off_unseen() {
    let trustroot = sigstore();
    let end = "2026-08-01T00:00:00Z";
    edit(&trustroot, ROOT, STARTED, &format!("{STARTED}, \"end\": \"{end}\""));
    edit(&trustroot, CONFIG, "\"start\": \"2021-01-12T11:53:27.000Z\"", &format!("{STARTED}, \"end\": \"{end}\""));
    let told = format!(
        "validity-cut ({REKOR} {end}): it ends at {end}, was valid until {NOW}, and nothing says when it was last used"
    );
    assert!(stops(&trustroot).says(&told), "{}", stops(&trustroot).stderr);
    let cut = |trustroot: &Trustroot| lint(trustroot).into_iter().find(|name| name.starts_with("validity-cut"));
    assert_eq!(cut(&trustroot).unwrap(), format!("validity-cut ({REKOR} {end})"));

    let command = ["material", "end", "rekor", "https://rekor.sigstore.dev", "--at", end, "--now", NOW];
    for reason in ["--last-use=2026-07-30T00:00:00Z", "--compromised"] {
        trustroot.ok(&["material", "discard", "--throw-away", "--now", NOW]);
        trustroot.ok(&[&command[..], &[reason]].concat());
        assert_eq!(cut(&trustroot), None, "{reason}");
        assert!(!stops(&trustroot).says("validity-cut"), "{reason}");
    }
    trustroot.ok(&["material", "discard", "--throw-away", "--now", NOW]);
    edit(&trustroot, ROOT, "2021-01-12T11:53:27Z", "2023-01-12T11:53:27Z");
    assert_eq!(cut(&trustroot).unwrap(), format!("validity-cut ({REKOR} 2023-01-12T11:53:27Z)"));

    // Who signs reads it in the proposal, with the reason for which it was accepted.
    let stopped = trustroot.json(1, &["stage", "--dry-run", "--now", NOW]);
    for cause in stopped["causes"].as_array().unwrap() {
        let (rule, rest) = cause.as_str().unwrap().split_once(" (").unwrap();
        let subject = rest.split_once("): ").unwrap().0;
        trustroot.ok(&["accept", rule, subject, "--reason=a test", "--until=2027-01-01T00:00:00Z", "--now", NOW]);
    }
    trustroot.ok(&["stage", "--name=next", "--only=targets", "--now", NOW]);
    let review = line(&trustroot.run(&["review", "next", "--now", NOW]));
    let told = format!(
        "validity-cut: An entry is no longer valid at a time that is past, at which it was: what was signed then no \
         longer verifies. Breaks: all, for what was signed then. {REKOR} 2023-01-12T11:53:27Z: it starts at \
         2023-01-12T11:53:27Z, and was valid from 2021-01-12T11:53:27Z on"
    );
    assert!(review.contains(&told), "{review}");
}

/// sigstore/root-signing-staging 41e2dad, 652029d: the end of a CT log was set, and rolled back; here that of 2022.
#[test]
fn what_has_ended_is_not_trusted_again_unseen() {
    let trustroot = sigstore();
    let text = trustroot.read(ROOT);
    let end = text.find("\"end\": \"2022-10-31").unwrap();
    let (comma, close) = (text[..end].rfind(',').unwrap(), end + text[end..].find('}').unwrap());
    trustroot.write(ROOT, [&text[..comma], &text[close..]].concat());
    let told = "end-taken-back (ctlog https://ctfe.sigstore.dev/test 086092f0 open): it has no end, and the published one \
                is 2022-10-31T23:59:59.999Z";
    assert!(stops(&trustroot).says(told), "{}", stops(&trustroot).stderr);
}

/// An authority with a key that the program, or a client, does not verify with.
#[test]
fn a_key_that_cannot_be_verified_with_is_named() {
    let trustroot = sigstore();
    let point = tlv(3, &[&[0, 4][..], &[7; 132]].concat());
    let p521 = sequence(&[sequence(&[object("1.2.840.10045.2.1"), object("1.3.132.0.35")]), point]);
    let mut root = Draft::authority("root", &Key::new(1), None).valid("20260101000000Z", "20991231235959Z");
    let mut int = Draft::authority("int", &Key::new(2), Some(0)).valid("20260101000000Z", "20991231235959Z");
    let pem = |draft: &Draft| ceremony::Certificate::from_der(&draft.signed_by("root", &Key::new(1))).unwrap().to_pem();
    let good = pem(&root);
    root.spki = p521;
    trustroot.write("chain.pem", [pem(&int), pem(&root)].concat());
    let rotate = ["material", "rotate", "fulcio", "--url=https://fulcio.example", "--chain=chain.pem"];
    let rotate = [&rotate[..], &["--start=2026-10-01T00:00:00Z", "--now", NOW]].concat();
    let refused = trustroot.exits(1, &rotate);
    let told = "the key of CN=root is of a kind that this program cannot verify with: P-521 (secp521r1)";
    assert!(refused.says("chain.pem holds no chain that this program can verify"), "{}", refused.stderr);
    assert!(refused.says(told), "{}", refused.stderr);

    int.spki = ceremony::PublicKey::from_ed25519(&ed25519()).unwrap().to_spki_der();
    trustroot.write("chain.pem", [pem(&int), good].concat());
    let added = trustroot.json(0, &rotate);
    let found = names(&added);
    let subject =
        found.iter().find(|name| name.starts_with("authority-key-unsupported (fulcio https://fulcio.example"));
    assert!(subject.is_some(), "{found:?}");
    assert!(stops(&trustroot).says("sigstore-python cannot verify with the key of CN=int: Ed25519"));
}

/// The point of an Ed25519 key: that of a key of production.
fn ed25519() -> Vec<u8> {
    let root: Value = serde_json::from_slice(&sigstore::target("trusted_root.json")).unwrap();
    let raw = root["tlogs"][1]["publicKey"]["rawBytes"].as_str().unwrap();
    STANDARD.decode(raw).unwrap()[12..].to_vec()
}

/// sigstore/root-signing 746: targets with `custom: null`.
#[test]
fn a_null_that_is_published_is_found_before_it_is_staged() {
    let mut files = repository();
    let trusted = sigstore::target("trusted_root.json");
    let config = sigstore::target("signing_config.v0.2.json");
    let listed = [("trusted_root.json", &trusted[..]), ("signing_config.v0.2.json", &config)];
    let mut targets = delegated(1, &listed);
    targets["targets"]["trusted_root.json"]["custom"] = Value::Null;
    files.insert("1.targets.json".into(), signed(&targets, &[1, 3]));
    for (path, bytes) in listed {
        let name = ceremony::targets::consistent_name(path, &ceremony::Digest::of(bytes).to_string());
        files.insert(format!("targets/{name}"), bytes.to_vec());
    }
    let trustroot = Trustroot::new();
    let place = tempfile::tempdir().unwrap();
    for (path, bytes) in &files {
        let path = place.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let root = place.path().join("1.root.json");
    let adopt = ["adopt", place.path().to_str().unwrap(), "--root", root.to_str().unwrap(), "--now", NOW];
    trustroot.json(0, &adopt);
    let lint = |now: &str| line(&trustroot.exits(1, &["material", "lint", "--now", now]));
    let told = "custom-null (trusted_root.json): the published entry has it, and the policy has no custom of it";
    assert!(lint(NOW).contains(&format!("accepted: {told}")), "{}", lint(NOW));
    // What was accepted as it was taken over is so for a year.
    let later = lint("2027-10-01T00:00:00Z");
    assert!(later.contains(told) && !later.contains(&format!("accepted: {told}")), "{later}");
    // The policy says something else.
    let policy = trustroot.read("trustroot.toml");
    trustroot
        .write("trustroot.toml", format!("{policy}\n[targets.\"trusted_root.json\"]\ncustom = {{ note = \"x\" }}\n"));
    assert!(!lint(NOW).contains("custom-null"));
}
