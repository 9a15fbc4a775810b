//! The examples of docs/formats.md, read by the program.

use std::collections::BTreeMap;

use ceremony::{Policy, ProposalDigest, SignatureFile, Staging, TargetList};
use keyholders::{Record, possession};

use super::common::Trustroot;
use super::page;

/// The block whose fence is marked with `mark` as its second word.
fn example(mark: &str) -> String {
    let text = page("docs/formats.md");
    let after = text.split("\n```").find_map(|part| {
        let (fence, body) = part.split_once('\n')?;
        (fence.split(' ').nth(1) == Some(mark)).then(|| format!("{body}\n"))
    });
    after.unwrap_or_else(|| panic!("docs/formats.md has no block marked {mark}"))
}

#[test]
fn the_policy_is_one() {
    let policy = Policy::parse(&example("policy")).unwrap();
    assert_eq!((policy.roles.len(), policy.targets.len(), policy.accept.len()), (5, 1, 1));
    assert!(Policy::parse(&format!("{}\n[extra]\n", example("policy"))).is_err());
}

#[test]
fn the_record_is_one_and_proves_possession() {
    let text = example("record");
    let record = Record::parse(&text).unwrap();
    let policy = Policy::parse(&example("policy")).unwrap();
    let key = record.active().unwrap();
    let proof = key.possession().unwrap();
    proof.verify(key.public_key(), &policy.id, record.name()).unwrap();
    let message = possession::message(key.public_key(), &policy.id, record.name(), &proof.nonce);
    assert_eq!(String::from_utf8(message).unwrap(), example("possession"));
    let on_token = text.replace("device = \"file\"\n", &format!("device = \"pkcs11\"\n{}", example("claims")));
    let key = Record::parse(&on_token).unwrap().active().cloned().unwrap();
    assert!(key.claimed().unwrap().born_here() && key.uri().unwrap().names_key());
}

#[test]
fn the_files_of_a_ceremony_are_read_and_written_alike() {
    let text = example("staging");
    assert_eq!(Staging::parse(text.as_bytes()).unwrap().to_file(), text.as_bytes());
    let text = example("targets");
    assert_eq!(TargetList::parse(text.as_bytes()).unwrap().get("hello.txt").unwrap().length, 6);
    let text = example("signature");
    let file = SignatureFile::parse(text.as_bytes()).unwrap();
    assert_eq!(file.file_name(), "alice.0cdf21dd.d941965c.json");
    let record = Record::parse(&example("record")).unwrap();
    assert_eq!(record.active().unwrap().fingerprint(), file.fingerprint);
}

#[test]
fn the_digest_and_the_words_are_those_of_the_example() {
    let text = example("proposal");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("trustroot proposal v1"));
    let id = lines.next().unwrap();
    let files: BTreeMap<_, _> =
        lines.map(|line| line.split_once("  ").unwrap()).map(|(d, p)| (p.to_owned(), d.parse().unwrap())).collect();
    let digest = ProposalDigest::of(id, &files);
    assert_eq!(example("words"), format!("{digest}\n{}\n", digest.words().join(" ")));
    assert_eq!(digest.is("secu ball cand loya sati sour foot corn vani crys wise grie"), Ok(true));
}

#[test]
fn the_machine_reads_its_configuration() {
    let trustroot = Trustroot::new();
    let config = trustroot.home().join("config.toml");
    std::fs::write(&config, example("config")).unwrap();
    trustroot.ok(&["keyholder", "devices"]);
    std::fs::write(&config, "pkcs11-module = []\n").unwrap();
    let run = trustroot.exits(2, &["keyholder", "devices"]);
    assert!(run.stderr.contains("pkcs11-module"), "{run:?}");
}

/// A key whose journal has the example is asked for another first root of the same trust root.
#[test]
fn the_journal_stops_a_second_root_1() {
    let trustroot = Trustroot::new();
    trustroot.ok(&["init", "--name", "x", "--keyholder", "alice", "--file-keys"]);
    let key = |name: &str| trustroot.home().join(name).display().to_string();
    for name in ["alice", "online"] {
        let file = key(name);
        trustroot.ok(&["keyholder", "enroll", name, "--file", &file, "--generate", "--no-passphrase", "--new-nonce"]);
    }
    for role in ["root", "targets"] {
        trustroot.ok(&["accept", "one-meets-threshold", role, "--reason", "x", "--until", "9000-01-01T00:00:00Z"]);
    }
    trustroot.ok(&["stage", "--name", "one"]);
    let record = Record::parse(&trustroot.read("keyholders/alice.toml")).unwrap();
    let policy = Policy::parse(&trustroot.read("trustroot.toml")).unwrap();
    let journal = trustroot.home().join(format!("journal/{}.json", record.active().unwrap().fingerprint()));
    std::fs::create_dir(journal.parent().unwrap()).unwrap();
    std::fs::write(&journal, example("journal").replace("933e751f0bef591091b5c756d08181ae", &policy.id)).unwrap();
    let review = trustroot.json(0, &["review", "--digest"]);
    let sign = ["sign", "one", "--key-file", &key("alice"), "--expect", review["words"].as_str().unwrap()];
    let run = trustroot.exits(1, &sign);
    assert!(run.stderr.contains("d941965c9047149f"), "{run:?}");

    trustroot.write("ceremonies/one/abandoned.json", example("abandoned"));
    let run = trustroot.exits(1, &sign);
    assert!(run.stderr.contains("was closed") && run.stderr.contains("Only a test"), "{run:?}");
}
