//! What has retired is ended, with evidence of its last use that whoever signs sees.
#![allow(clippy::unwrap_used)]

mod bundles;
mod common;
mod sigstore;

use std::fs;

use bundles::Signed;
use ceremony::Digest;
use common::services::{log_key, tree_head};
use common::{Trustroot, fits};
use serde_json::{Value, json};
use sigstore::{adopted, names, stage, told};

const NOW: &str = "2026-08-22T00:00:00Z";
const END: &str = "2026-08-21T00:00:00Z";

/// What was Sigstore's, with an entry of its Rekor of 2024 and a certificate of its Fulcio in files.
fn sigstore() -> Trustroot {
    let trustroot = adopted(16, 762, NOW).0;
    let signed = Signed::real("happy-path-v0.3");
    trustroot.write("entry.json", signed.entry());
    trustroot.write("checkpoint", signed.checkpoint());
    trustroot.write("leaf.der", signed.certificate());
    trustroot
}

fn end<'a>(kind: &'a str, name: &'a str, at: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["material", "end", kind, name, "--at", at, "--now", NOW][..], more].concat()
}

const REKOR: &str = "https://rekor.sigstore.dev";
const FULCIO: &str = "https://fulcio.sigstore.dev";

#[test]
fn what_has_retired_is_ended_with_its_services() {
    let trustroot = adopted(16, 762, NOW).0;
    let last = ["--last-use=2026-08-20T00:00:00Z"];
    let late = trustroot.json(2, &end("rekor", REKOR, "2026-08-01T00:00:00Z", &last));
    assert!(late["causes"][0].as_str().unwrap().contains("was used at 2026-08-20T00:00:00Z, so it cannot end at"));
    let ended = trustroot.json(0, &end("rekor", REKOR, END, &last));
    let files = told(&ended);
    assert_eq!(files[0].1, ["ends Rekor rekor.sigstore.dev (P-256) on 2026-08-21"]);
    assert_eq!(files[1].0, "signing_config.v0.2.json");
    assert_eq!(files[1].1, ["ends the Rekor v1 rekor.sigstore.dev for signing on 2026-08-21"]);
    assert_eq!(files[2].0, "signing_config_rekor_v2.v0.2.json");
    assert_eq!(files[3], ("ctfe.pub".to_owned(), vec!["has status Expired instead of Active".to_owned()]));
    assert_eq!(files[4], ("rekor.pub".to_owned(), vec!["has status Expired instead of Active".to_owned()]));
    // Without it there would be no CT log for what Fulcio issues.
    let hole = trustroot.json(0, &end("ctlog", "2022", "2026-12-31T00:00:00Z", &last));
    assert_eq!(names(&hole), ["coverage-hole (ctlog 2026-12-31)", "coverage-hole (signing rekor)"]);
    // Sigstore's other Rekor is of version 2: it says no times.
    let authority = "https://timestamp.sigstore.dev/api/v1/timestamp";
    let tsa = trustroot.json(0, &end("tsa", authority, "2027-03-31T00:00:00Z", &last));
    let found = ["coverage-hole (signing tsa 2027-03-31)", "coverage-hole (tsa 2027-03-31)"];
    let tsa = names(&tsa);
    assert!(found.iter().all(|name| tsa.iter().any(|other| other == name)), "{tsa:?}");
    let text = trustroot.ok(&["material", "show", "--now", NOW]);
    assert_eq!(text.matches("! nothing is valid from 2027-03-31T00:00:00Z on").count(), 2, "{text}");
    let stage = trustroot.exits(1, &["stage", "--dry-run", "--now", NOW]);
    assert!(
        stage.says("coverage-hole (ctlog 2026-12-31): no CT log from 2026-12-31T00:00:00Z for ever"),
        "{}",
        stage.stderr
    );
}

#[test]
fn an_end_goes_by_what_was_signed_last() {
    let trustroot = sigstore();
    let before = trustroot.read("targets/trusted_root.json");
    let early = trustroot.exits(2, &end("rekor", REKOR, "2024-01-01T00:00:00Z", &["--evidence=entry.json"]));
    assert!(early.says("was used at 2024-03-19T17:26:26Z, so it cannot end at 2024-01-01T00:00:00Z"), "{early:?}");
    let other = trustroot.exits(1, &end("rekor", REKOR, END, &["--evidence=leaf.der"]));
    assert!(other.says("leaf.der is nothing that rekor https://rekor.sigstore.dev c0d23d6a signed"), "{other:?}");
    // A checkpoint has no time.
    let asked = trustroot.exits(2, &end("rekor", REKOR, END, &["--evidence=checkpoint"]));
    assert!(asked.says("answer it with --last-use"), "{asked:?}");
    assert_eq!(trustroot.read("targets/trusted_root.json"), before);
    assert!(!trustroot.dir().join("evidence").exists());

    let answer = trustroot.json(0, &end("rekor", REKOR, END, &["--evidence=entry.json"]));
    let digest = Digest::of(trustroot.read("entry.json").as_bytes());
    let proof = format!(
        "there is its entry 79571823, of 2024-03-19T17:26:26Z, SHA-256 {digest}, saved as evidence/rekor-c0d23d6a"
    );
    assert_eq!((&answer["proof"], &answer["word"]), (&json!(proof), &Value::Null));
    assert_eq!(trustroot.read("evidence/rekor-c0d23d6a"), trustroot.read("entry.json"));
    let later = ["--evidence=leaf.der", "--last-use=2026-08-01T00:00:00Z"];
    let text = trustroot.ok(&end("fulcio", FULCIO, END, &later));
    let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("Proof: there is a certificate that it issued, valid until 2024-03-19T17:36:26Z"), "{text}");
    assert!(said.contains("Without proof: that it was last used at 2026-08-01T00:00:00Z is your word"), "{text}");
    fits(&text);

    trustroot.write("ct.pem", log_key(6).key().to_spki_pem());
    trustroot.write("sth.json", tree_head(6));
    let add = ["material", "add", "ctlog", "--url=https://ct.example", "--key=ct.pem", "--tree-head=sth.json"];
    trustroot.ok(&[&add[..], &["--start=2023-01-01T00:00:00Z", "--now", NOW]].concat());
    let head = trustroot.json(0, &end("ctlog", "https://ct.example", END, &["--evidence=sth.json"]));
    let proof = "there is its tree head of 5 certificates, of 2023-11-14T22:13:20Z, SHA-256 ";
    assert!(head["proof"].as_str().unwrap().starts_with(proof), "{head}");
}

#[test]
fn whoever_signs_sees_the_evidence() {
    let trustroot = sigstore();
    trustroot.ok(&end("rekor", REKOR, END, &["--evidence=entry.json"]));
    trustroot.ok(&end("fulcio", FULCIO, END, &["--last-use=2026-08-01T00:00:00Z"]));
    trustroot.write("evidence/tsa-00000000", "what ends in no ceremony is carried by none");
    stage(&trustroot, NOW);
    let carried = trustroot.dir().join("ceremonies/next/inputs/evidence");
    assert_eq!(fs::read_dir(&carried).unwrap().count(), 2);
    let review = trustroot.run(&["review", "next", "--now", NOW]);
    let digest = Digest::of(trustroot.read("entry.json").as_bytes());
    let told = format!(
        "  Evidence of the last use of what ends\n    \
         ! fulcio https://fulcio.sigstore.dev 15d79534 ends at 2026-08-21T00:00:00Z:\n      \
         there is no evidence of its last use, and whoever ends it vouches for\n      \
         that; they say that it was last used at 2026-08-01T00:00:00Z\n      \
         The end is 24 hours ago.\n      \
         rekor https://rekor.sigstore.dev c0d23d6a ends at 2026-08-21T00:00:00Z:\n      \
         there is its entry 79571823, of 2024-03-19T17:26:26Z, SHA-256\n      {digest}\n      \
         The end is 24 hours ago.\n"
    );
    assert!(review.stdout.contains(&told), "{}", review.stdout);
    let answer = trustroot.json(review.code, &["review", "next", "--now", NOW]);
    assert_eq!(answer["endings"][0]["evidence"], Value::Null, "{answer}");
    assert_eq!(answer["endings"][0]["claimed"], "2026-08-01T00:00:00Z");
    assert_eq!(answer["endings"][1]["evidence"]["sha256"], digest.to_string());
    let words = |trustroot: &Trustroot| trustroot.json(review.code, &["review", "next", "--digest", "--now", NOW]);
    let before = words(&trustroot);

    // It is a part of what is signed, and no file passes for it.
    let file = carried.join("rekor-c0d23d6a");
    fs::remove_file(&file).unwrap();
    let without = trustroot.json(1, &["review", "next", "--digest", "--now", NOW]);
    assert_ne!(without["digest"], before["digest"]);
    let cut = trustroot.exits(1, &["review", "next", "--now", NOW]);
    assert!(cut.stdout.contains("validity-cut"), "nothing says any more that the end is not too early: {cut:?}");
    fs::write(&file, trustroot.read("entry.json").replace("79571823", "79571824")).unwrap();
    let changed = trustroot.exits(1, &["review", "next", "--now", NOW]);
    assert!(changed.says("inputs/evidence/rekor-c0d23d6a is no evidence of the last use of what ends"), "{changed:?}");
    assert!(changed.says("the signed entry timestamp is not of this log"), "{changed:?}");
    fs::write(&file, trustroot.read("entry.json")).unwrap();
    assert_eq!(words(&trustroot)["digest"], before["digest"]);
    fs::write(carried.join("tsa-00000000"), "{}").unwrap();
    let stranger = trustroot.exits(1, &["review", "next", "--now", NOW]);
    assert!(stranger.says("it is evidence of nothing that ends"), "{stranger:?}");
}

/// A key that leaked is ended before its last use, and nobody has to say otherwise.
#[test]
fn whoever_signs_reads_that_a_key_is_compromised() {
    let trustroot = sigstore();
    let leak = "2026-08-01T00:00:00Z";
    let both = trustroot.exits(2, &end("fulcio", FULCIO, leak, &["--compromised", "--last-use", NOW]));
    assert!(both.stderr.contains("cannot be used with"), "{}", both.stderr);
    let text = trustroot.ok(&end("fulcio", FULCIO, leak, &["--compromised"]));
    let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("Without proof: that its key is compromised since 2026-08-01T00:00:00Z is your word"),
        "{text}"
    );
    let kept = trustroot.read("evidence/fulcio-15d79534");
    assert_eq!(serde_json::from_str::<Value>(&kept).unwrap(), json!({ "compromised-since": leak }));
    stage(&trustroot, NOW);
    let review = trustroot.run(&["review", "next", "--now", NOW]);
    let said = review.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = "! fulcio https://fulcio.sigstore.dev 15d79534 ends at 2026-08-01T00:00:00Z: there is the word of whoever \
                ends it that its key is compromised since 2026-08-01T00:00:00Z. What was signed with it later no longer \
                verifies, whoever signed it";
    assert!(said.contains(told), "{said}");
    let answer = trustroot.json(review.code, &["review", "next", "--now", NOW]);
    assert_eq!(answer["endings"][0]["evidence"]["compromised"], leak, "{answer}");

    // Taken back, nothing is left of it.
    trustroot.ok(&["material", "discard", "--throw-away", "--now", NOW]);
    assert!(!trustroot.dir().join("evidence/fulcio-15d79534").exists());
}

/// What a leaked key signed is undone everywhere: in the trusted root, for signers, and in what older clients read.
#[test]
fn what_is_removed_leaves_no_copy() {
    let trustroot = sigstore();
    let before = trustroot.read("targets/trusted_root.json");
    let removed = trustroot.json(0, &["material", "remove", "rekor", "https://rekor.sigstore.dev", "--now", NOW]);
    let files = told(&removed);
    assert_eq!(files[0].1, ["removes Rekor rekor.sigstore.dev (P-256)"]);
    assert_eq!(files[1].1, ["ends the Rekor v1 rekor.sigstore.dev for signing on 2026-08-21T23:59:59Z"]);
    assert!(files.iter().any(|(path, said)| path == "rekor.pub" && said[..] == ["goes away"]), "{files:?}");
    // Every other byte stays.
    let after = trustroot.read("targets/trusted_root.json");
    let (kept, rest) = before.split_at(before.find("    {\n").unwrap());
    assert!(after.starts_with(kept) && rest.ends_with(&after[kept.len()..]), "{after}");
    let policy = trustroot.read("trustroot.toml");
    assert!(!trustroot.dir().join("targets/rekor.pub").exists() && !policy.contains("rekor.pub"), "{policy}");
    let stopped = trustroot.exits(1, &["stage", "--dry-run", "--now", NOW]);
    for finding in ["entry-removed (rekor https://rekor.sigstore.dev c0d23d6a)", "target-removed (rekor.pub "] {
        assert!(stopped.says(finding), "{finding}: {stopped:?}");
    }
    trustroot.ok(&["material", "discard", "--throw-away", "--now", NOW]);
    assert_eq!(trustroot.read("targets/trusted_root.json"), before);
    assert!(trustroot.dir().join("targets/rekor.pub").exists());

    // A certificate that another entry has stays, for that one's sake.
    trustroot.ok(&["material", "remove", "fulcio", "15d79534", "--now", NOW]);
    assert!(!trustroot.dir().join("targets/fulcio_intermediate_v1.crt.pem").exists());
    assert!(trustroot.dir().join("targets/fulcio.crt.pem").exists());
    let none = trustroot.exits(2, &["material", "remove", "fulcio", "15d79534", "--now", NOW]);
    assert!(none.says("nothing was removed") && none.says("there is no \"15d79534\""), "{none:?}");
}

/// What nobody here said of a compromise excuses no end, and hides no word.
#[test]
fn a_statement_that_was_put_there_hides_nothing() {
    let trustroot = sigstore();
    let at = "2026-08-01T00:00:00Z";
    let place = "evidence/fulcio-15d79534";
    let statement = |since: &str| json!({ "compromised-since": since }).to_string();
    trustroot.write(place, statement("2099-01-01T00:00:00Z"));
    let refused = trustroot.exits(1, &end("fulcio", "15d79534", at, &["--last-use", at]));
    assert!(refused.says(&format!("its key is compromised since 2099-01-01T00:00:00Z, says {place}")), "{refused:?}");
    fs::remove_file(trustroot.dir().join(place)).unwrap();
    trustroot.ok(&end("fulcio", "15d79534", at, &["--last-use", at]));
    trustroot.write(place, statement("2099-01-01T00:00:00Z"));
    trustroot.write(&format!("{place}.claimed"), format!("{NOW}\n"));
    let late = trustroot.exits(1, &["stage", "--dry-run", "--now", NOW]);
    assert!(late.says("end-before-use (fulcio https://fulcio.sigstore.dev 15d79534"), "{late:?}");
    assert!(late.says(&format!("its last use at {NOW}, as it is claimed")), "{late:?}");

    // Both words are read by whoever signs.
    trustroot.write(place, statement(at));
    stage(&trustroot, NOW);
    let review = trustroot.run(&["review", "next", "--now", NOW]);
    let said = review.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(&format!("they say that it was last used at {NOW}")), "{said}");

    // Who says that it is compromised says nothing of the last use, and may find out that it was earlier.
    let late = trustroot.exits(2, &end("fulcio", "15d79534", at, &["--compromised"]));
    assert!(late.says(&format!("has ended already, at {at}")), "{late:?}");
    let earlier = trustroot.json(0, &end("fulcio", "15d79534", "2026-07-01T00:00:00Z", &["--compromised"]));
    let files = told(&earlier);
    assert_eq!(
        files[0].1,
        ["ends Fulcio fulcio.sigstore.dev (sigstore-intermediate) on 2026-07-01 instead of 2026-08-01"]
    );
    assert!(!trustroot.dir().join(format!("{place}.claimed")).exists());
}

#[test]
fn an_end_that_is_edited_by_hand_is_held_against_the_evidence() {
    let trustroot = sigstore();
    trustroot.ok(&end("rekor", REKOR, END, &["--evidence=entry.json"]));
    let edited = trustroot.read("targets/trusted_root.json").replace(END, "2024-03-19T17:26:25Z");
    trustroot.write("targets/trusted_root.json", edited);
    let found = "end-before-use (rekor https://rekor.sigstore.dev c0d23d6a 2024-03-19T17:26:25Z): it ends at \
                 2024-03-19T17:26:25Z, too early for";
    for command in [&["stage", "--dry-run", "--now", NOW][..], &["material", "lint", "--now", NOW]] {
        let run = trustroot.exits(1, command);
        let said = [run.said(), run.stdout.split_whitespace().collect::<Vec<_>>().join(" ")].concat();
        assert!(said.contains(found), "{run:?}");
    }
    trustroot.write("evidence/rekor-c0d23d6a", "{}");
    let broken = trustroot.exits(1, &["stage", "--dry-run", "--now", NOW]);
    assert!(broken.says("evidence/rekor-c0d23d6a is no evidence"), "{broken:?}");
}

/// While a person was asked, somebody else ended another: neither is lost, and nothing is half written.
#[test]
fn what_changed_meanwhile_is_not_written_over() {
    let trustroot = sigstore();
    let asked = |answer: &str, meanwhile: &dyn Fn()| {
        let mut terminal = trustroot.terminal(&["material", "end", "fulcio", FULCIO, "--at", END, "--now", NOW]);
        terminal.expect("last used");
        meanwhile();
        terminal.line(answer);
        terminal.expect("was changed meanwhile: run the command again");
        assert_eq!(terminal.exit_code(), 1);
        assert!(!trustroot.dir().join("evidence/fulcio-15d79534.claimed").exists());
    };
    let end_rekor = || drop(trustroot.ok(&end("rekor", REKOR, END, &["--last-use=2026-08-20T00:00:00Z"])));
    asked("2026-08-20T00:00:00Z", &end_rekor);
    let root = trustroot.read("targets/trusted_root.json");
    assert_eq!(root.matches(END).count(), 1, "the end of Rekor alone: {root}");
    let policy = trustroot.read("trustroot.toml");
    let edit = || trustroot.write("trustroot.toml", policy.replacen("status = \"Active\"", "status = \"Expired\"", 1));
    asked("2026-08-20T00:00:00Z", &edit);
    assert_eq!(trustroot.read("targets/trusted_root.json"), root);
    trustroot.write("trustroot.toml", policy);
    trustroot.ok(&end("fulcio", FULCIO, END, &["--last-use=2026-08-20T00:00:00Z"]));
    assert_eq!(trustroot.read("targets/trusted_root.json").matches(END).count(), 2);
    assert!(trustroot.dir().join("evidence/fulcio-15d79534.claimed").exists());
}

/// An end that cannot be written leaves no evidence of it.
#[test]
fn evidence_is_kept_of_ends_alone_that_are_written() {
    let trustroot = sigstore();
    trustroot.ok(&end("rekor", REKOR, END, &["--evidence=entry.json"]));
    trustroot.write("evidence/rekor-c0d23d6a", "{}");
    for said in [&["--evidence=leaf.der"][..], &["--last-use=2026-08-01T00:00:00Z"], &["--compromised"]] {
        let failed = trustroot.exits(1, &end("fulcio", FULCIO, END, said));
        assert!(failed.says("evidence/rekor-c0d23d6a is no evidence"), "{failed:?}");
        assert_eq!(fs::read_dir(trustroot.dir().join("evidence")).unwrap().count(), 1, "Rekor's alone");
    }
}
