//! Trust material: shown, judged, rotated and ended, in a repository that was Sigstore's.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;
mod sigstore;

use std::fs;

use ceremony::Certificate;
use common::made::{Draft, Key};
use common::services::{checkpoint, fulcio_chain, log_key, tree_head, tsa_chain};
use common::{Trustroot, fits};
use serde_json::Value;
use sigstore::{adopted, names, told};

const NOW: &str = "2026-08-22T00:00:00Z";
const START: &str = "2026-10-01T00:00:00Z";

fn sigstore() -> Trustroot {
    adopted(16, 762, NOW).0
}

/// Runs `material` with the time at which Sigstore was adopted; its answer.
fn material(trustroot: &Trustroot, code: i32, arguments: &[&str]) -> Value {
    trustroot.json(code, &[&["material"], arguments, &["--now", NOW]].concat())
}

#[test]
fn everything_is_shown() {
    let trustroot = sigstore();
    let text = trustroot.ok(&["material", "show", "--now", NOW, "--svg", "timeline.svg", "--html", "material.html"]);
    fits(&text);
    for line in [
        "https://log2025-1.rekor.sigstore.dev b54813cb",
        "log id cf1199155bddd051268d1f16ac5c0c75c009f6fb5a63f4177f8e18d7051e3fa0",
        "from 2021-03-14T00:00:00Z, to 2022-10-31T23:59:59.999Z: over",
        "CN=sigstore-tsa,O=sigstore.dev, until 2035-04-06T06:59:43Z",
        "Services of signers, signing_config_rekor_v2.v0.2.json",
        "Rekor v2 https://log2025-1.rekor.sigstore.dev",
        "ctfe.pub                        CTFE     Active, ctfe.sigstore.dev/test",
        "Timeline: = valid, > open, : today, 2026-08-22",
        "\n  fulcio.sigstore.dev 03a38ffb  =",
        "\n  fulcio.sigstore.dev 15d79534  ",
        "\n  timestamp.sigstor\u{2026}/timestamp  ",
        "signing with Rekor by signing_config_rekor_v2.v0.2.json\n  log2025-1.rekor.sigstore.dev ",
    ] {
        assert!(text.contains(line), "no {line:?} in {text}");
    }
    let picture = trustroot.read("timeline.svg");
    assert!(picture.starts_with("<svg ") && picture.matches("<rect ").count() > 11, "{picture}");
    assert!(picture.contains(">signing with Rekor by signing_config_rekor_v2.v0.2.json</text>"), "{picture}");
    assert_eq!(picture.matches("signing with TSA").count(), 1, "what both signing configs say is drawn once");
    for mark in ["more than one is valid", "nothing is valid", "today"] {
        assert!(picture.contains(&format!(">{mark}</text>")), "{picture}");
    }
    let page = trustroot.read("material.html");
    let policy: toml::Table = trustroot.read("trustroot.toml").parse().unwrap();
    let (name, id) = (policy["trust-root"]["name"].as_str().unwrap(), policy["trust-root"]["id"].as_str().unwrap());
    assert!(page.contains(&format!("<h1>Trust material of {name}</h1>")) && page.contains(id), "{page}");
    assert!(page.contains("log id cf1199155bdd"));
    let answer = material(&trustroot, 0, &["show", "--published"]);
    assert_eq!(answer["entries"].as_array().unwrap().len(), 7);
    assert_eq!(answer["entries"][3]["log-id"], "cf1199155bddd051268d1f16ac5c0c75c009f6fb5a63f4177f8e18d7051e3fa0");
    let empty = Trustroot::new();
    assert!(empty.exits(2, &["material", "show"]).says("there is no trust root here"));
}

#[test]
fn what_is_wrong_with_sigstores_is_found_and_mended() {
    let trustroot = sigstore();
    let (hole, ctfe) = ("coverage-hole (ctlog 2021-03-07)", "legacy-differs (ctfe.pub)");
    assert_eq!(names(&material(&trustroot, 1, &["lint"])), [hole, ctfe]);
    let lint = trustroot.exits(1, &["material", "lint", "--now", NOW]).stdout;
    let said = lint.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("Do: Give the earlier entry its real end, or the later one its real start;"), "{lint}");
    fits(&lint);
    let mended = material(&trustroot, 0, &["legacy"]);
    assert_eq!(told(&mended), [("ctfe.pub".to_owned(), vec!["has status Expired instead of Active".to_owned()])]);
    assert!(
        trustroot.read("trustroot.toml").contains("status = \"Expired\", uri = \"https://ctfe.sigstore.dev/test\"")
    );
    assert_eq!(names(&material(&trustroot, 1, &["lint"])), [hole]);
    trustroot.ok(&[
        "accept",
        "coverage-hole",
        "ctlog 2021-03-07",
        "--reason",
        "the log started then",
        "--until",
        START,
        "--now",
        NOW,
    ]);
    assert_eq!(names(&material(&trustroot, 0, &["lint"])), [""; 0]);
    assert!(trustroot.exits(1, &["material", "legacy", "--now", NOW]).says("nothing changes"));
}

#[test]
fn all_four_are_rotated_and_the_old_bytes_stay() {
    let trustroot = sigstore();
    trustroot.ok(&["material", "legacy", "--now", NOW]);
    let before = trustroot.read("targets/trusted_root.json");
    trustroot.write("key.pem", log_key(5).key().to_spki_pem());
    trustroot.write("checkpoint", checkpoint(5, "rekor.sigstore.dev/2026"));
    let url = "https://rekor.sigstore.dev/2026";
    let proven = ["--key", "key.pem", "--checkpoint", "checkpoint", "--start", START];
    let rekor =
        material(&trustroot, 0, &[&["rotate", "rekor", "--url", url, "--api-version", "2"], &proven[..]].concat());
    assert_eq!(names(&rekor), [""; 0]);
    assert_eq!(rekor["proof"], "its checkpoint rekor.sigstore.dev/2026 of 42 entries");
    let files = told(&rekor);
    assert_eq!(files[0].0, "trusted_root.json");
    assert_eq!(files[0].1, ["adds Rekor rekor.sigstore.dev/2026 (P-256) from 2026-10-01"]);
    assert_eq!(files[1].1, ["adds the Rekor v2 rekor.sigstore.dev/2026 for signing from 2026-10-01"]);
    assert_eq!(files[2].0, "signing_config_rekor_v2.v0.2.json", "those who opted in find it too");
    assert_eq!(files[3].0, "rekor_2026.pub", "older clients find it too");
    let config: Value = serde_json::from_str(&trustroot.read("targets/signing_config.v0.2.json")).unwrap();
    let urls: Vec<_> =
        config["rekorTlogUrls"].as_array().unwrap().iter().map(|service| service["url"].clone()).collect();
    assert_eq!(urls, [url, "https://rekor.sigstore.dev"], "the new one first");

    trustroot.write("ct.pem", log_key(6).key().to_spki_pem());
    trustroot.write("sth.json", tree_head(6));
    let ct =
        ["rotate", "ctlog", "--url", "https://ctfe.sigstore.dev/2026", "--key", "ct.pem", "--tree-head", "sth.json"];
    let ct = material(&trustroot, 0, &[&ct[..], &["--start", START]].concat());
    assert_eq!(told(&ct)[0].1, ["adds CT log ctfe.sigstore.dev/2026 (P-256) from 2026-10-01"]);
    assert_eq!(told(&ct)[1].0, "ctfe_2026.pub");

    trustroot.write("fulcio.pem", fulcio_chain());
    let fulcio =
        ["rotate", "fulcio", "--url", "https://fulcio.sigstore.dev", "--chain", "fulcio.pem", "--start", START];
    let fulcio = material(&trustroot, 0, &fulcio);
    assert_eq!(told(&fulcio)[0].1, ["adds Fulcio fulcio.sigstore.dev (new-intermediate) from 2026-10-01"]);
    let paths: Vec<_> = told(&fulcio).into_iter().map(|(path, _)| path).collect();
    assert_eq!(
        paths,
        ["trusted_root.json", "fulcio_2026.crt.pem", "fulcio_intermediate.crt.pem"],
        "the URL is the same"
    );

    trustroot.write("tsa.pem", tsa_chain());
    let tsa = ["rotate", "tsa", "--url", "https://timestamp.sigstore.dev/2026", "--chain", "tsa.pem", "--start", START];
    let tsa = material(&trustroot, 0, &tsa);
    assert_eq!(told(&tsa)[0].1, ["adds TSA timestamp.sigstore.dev/2026 (new-tsa) from 2026-10-01"]);
    assert_eq!(told(&tsa)[1].1, ["adds the TSA v1 timestamp.sigstore.dev/2026 for signing from 2026-10-01"]);

    // Every line of the published file is there, in its order.
    let after = trustroot.read("targets/trusted_root.json");
    let mut lines = after.lines();
    let open = |line: &str| line.trim_end_matches(',').to_owned();
    for line in before.lines() {
        assert!(lines.any(|other| open(other) == open(line)), "{line}");
    }
    let findings = names(&material(&trustroot, 1, &["lint"]));
    assert_eq!(findings, ["coverage-hole (ctlog 2021-03-07)"]);
    // The whole of it is one proposal.
    let staged = trustroot.json(1, &["stage", "--dry-run", "--now", NOW]);
    let causes = staged["causes"].as_array().unwrap();
    assert!(causes.iter().all(|cause| cause.as_str().unwrap().starts_with("target-changed")), "{causes:#?}");
}

#[test]
fn what_is_not_proven_is_not_added() {
    let trustroot = sigstore();
    let before = trustroot.read("targets/trusted_root.json");
    trustroot.write("key.pem", log_key(5).key().to_spki_pem());
    trustroot.write("other", checkpoint(6, "rekor.example"));
    trustroot.write("elsewhere", checkpoint(5, "rekor.elsewhere"));
    trustroot.write("sth.json", tree_head(6));
    trustroot.write("leaf.pem", tsa_chain());
    let rekor = ["rotate", "rekor", "--url", "https://rekor.example", "--key", "key.pem", "--start", START];
    for (checkpoint, said) in [
        ("other", "is not signed by rekor.example with key hash"),
        ("elsewhere", "is of the log \"rekor.elsewhere\", not of \"rekor.example\""),
        ("key.pem", "the checkpoint has not an empty line"),
    ] {
        let run =
            trustroot.exits(1, &[&["material"], &rekor[..], &["--checkpoint", checkpoint, "--now", NOW]].concat());
        assert!(run.says(said), "{}", run.stderr);
    }
    let without = trustroot.exits(2, &[&["material"], &rekor[..], &["--now", NOW]].concat());
    assert!(without.says("--checkpoint"), "{}", without.stderr);
    let ct = ["material", "add", "ctlog", "--url", "https://ct.example", "--key", "key.pem", "--tree-head", "sth.json"];
    assert!(trustroot.exits(1, &[&ct[..], &["--start", START, "--now", NOW]].concat()).says("is not of this key"));
    let fulcio = ["material", "add", "fulcio", "--url", "https://f.example", "--chain", "leaf.pem", "--start", START];
    let refused = trustroot.exits(1, &[&fulcio[..], &["--now", NOW]].concat());
    assert!(refused.says("new-tsa may not issue certificates"), "{}", refused.stderr);
    let flag =
        ["material", "add", "fulcio", "--url", "https://f.example", "--key", "key.pem", "--start", START, "--now", NOW];
    assert!(trustroot.exits(2, &flag).says("--key is not for fulcio, but for rekor, ctlog"));
    let slash = ["material", "add", "fulcio", "--url", "https://f.example/", "--now", NOW];
    assert!(trustroot.exits(2, &slash).says("ends with a slash"));
    assert_eq!(trustroot.read("targets/trusted_root.json"), before);
}

#[test]
fn a_chain_says_what_is_missing_in_it() {
    let trustroot = sigstore();
    let add = |code: i32, kind: &str, more: &[&str]| {
        let fixed = ["material", "rotate", kind, "--url", "https://authority.example", "--now", NOW];
        trustroot.exits(code, &[&fixed[..], more].concat())
    };
    let root = |chain: String, place: usize| {
        let chain = Certificate::from_pem_chain(&chain).unwrap();
        trustroot.write("root.pem", chain[place].to_pem());
    };
    // The root of an authority whose issuing intermediate was left out.
    root(fulcio_chain(), 0);
    trustroot.write("leaf.der", Draft::new("leaf", &Key::new(8)).signed_by("new-root", &Key::new(1)));
    trustroot.write("other.der", Draft::new("leaf", &Key::new(8)).signed_by("new-intermediate", &Key::new(2)));
    let bare = ["--chain=root.pem", "--start", START];
    let wrong = add(1, "fulcio", &[&bare[..], &["--issued=other.der"]].concat());
    assert!(wrong.says("other.der does not show that CN=new-root issues certificates"), "{}", wrong.stderr);
    let before = trustroot.read("targets/trusted_root.json");
    let word = add(0, "fulcio", &bare).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(word.contains("Proof: its only certificate, a root, signed itself."), "{word}");
    assert!(word.contains("Without proof: that this root issues certificates for signers itself"), "{word}");
    trustroot.write("targets/trusted_root.json", &before);
    let proof = add(0, "fulcio", &[&bare[..], &["--issued=leaf.der"]].concat()).stdout;
    assert!(proof.split_whitespace().collect::<Vec<_>>().join(" ").contains("it issued a certificate, valid from"));
    assert!(!proof.contains("Without proof"), "{proof}");
    root(tsa_chain(), 1);
    let stamps = add(1, "tsa", &bare);
    assert!(stamps.says("this is a root alone, and the certificate that signs is missing"), "{}", stamps.stderr);

    // Times that no certificate has, and a year that nobody meant.
    trustroot.write("tsa.pem", tsa_chain());
    let behind = add(2, "tsa", &["--chain=tsa.pem", "--start=2100-01-01T00:00:00Z"]);
    assert!(
        behind.says("when the certificate of CN=new-tsa has expired, at 2099-12-31T23:59:59Z"),
        "{}",
        behind.stderr
    );
    let far = material(
        &trustroot,
        0,
        &["rotate", "tsa", "--url", "https://tsa.example", "--chain=tsa.pem", "--start=2062-01-01T00:00:00Z"],
    );
    assert!(names(&far).iter().any(|name| name.starts_with("start-far-off (tsa https://tsa.example")), "{far}");
    trustroot.write("targets/trusted_root.json", &before);
    let expired = trustroot.exits(
        1,
        &[
            "material",
            "add",
            "tsa",
            "--url=https://new.example",
            "--chain=tsa.pem",
            "--start=2099-01-01T00:00:00Z",
            "--now=2100-01-05T00:00:00Z",
        ],
    );
    assert!(expired.says("the certificate of CN=new-tsa in the chain expired at 2099-12-31T23:59:59Z: 4 days ago"));
    assert!(expired.says("has a later certificate: ask whoever runs it"), "{}", expired.stderr);
}

#[test]
fn services_of_signers_are_added_ended_and_selected() {
    let trustroot = sigstore();
    let add = ["service", "add", "oidc", "https://login.example", "--start", START, "--operator", "example"];
    assert_eq!(
        told(&material(&trustroot, 0, &add))[0].1,
        ["adds the OIDC issuer v1 login.example for signing from 2026-10-01"]
    );
    let end = ["service", "end", "oidc", "oauth2", "--at", "2026-12-01T00:00:00Z"];
    assert_eq!(
        told(&material(&trustroot, 0, &end))[0].1,
        ["ends the OIDC issuer v1 oauth2.sigstore.dev/auth for signing on 2026-12-01"]
    );
    let select = ["service", "select", "tsa", "2"];
    assert_eq!(told(&material(&trustroot, 0, &select))[0].1, ["has signers use exactly 2 of TSA; before: any one TSA"]);
    assert!(trustroot.exits(2, &["material", "service", "select", "tsa", "0"]).says("is none of all, any"));
    let twice = trustroot.exits(2, &[&["material"], &add[..], &["--now", NOW]].concat());
    assert!(twice.says("it is there already: signing oidc https://login.example"), "{}", twice.stderr);
}

/// The old Fulcio was ended before its successor at the same URL was added, and its service for signers with it.
#[test]
fn an_authority_is_rotated_at_its_url_after_the_old_one_was_ended() {
    let trustroot = sigstore();
    trustroot.write("fulcio.pem", fulcio_chain());
    let url = "https://fulcio.sigstore.dev";
    let before = trustroot.read("targets/signing_config.v0.2.json");
    let end = |at: &str| material(&trustroot, 0, &["end", "fulcio", url, "--at", at, "--last-use", NOW]);
    let rotate = ["rotate", "fulcio", "--url", url, "--chain", "fulcio.pem", "--start", START];

    // Without a gap for signers the service simply goes on.
    let ended = end("2026-10-15T00:00:00Z");
    assert!(names(&ended).contains(&"coverage-hole (signing ca 2026-10-15)".to_owned()), "{ended}");
    let rotated = material(&trustroot, 0, &rotate);
    let again = "opens the CA v1 fulcio.sigstore.dev for signing again, which was to end on 2026-10-15";
    assert!(told(&rotated).iter().any(|(_, lines)| lines.contains(&again.to_owned())), "{rotated}");
    assert!(names(&rotated).iter().all(|name| !name.starts_with("coverage-hole (signing")), "{rotated}");
    assert_eq!(trustroot.read("targets/signing_config.v0.2.json"), before);

    // What was wanted is thrown away: everything is as it is published.
    let files = material(&trustroot, 0, &["discard", "--throw-away"]);
    assert!(told(&files).iter().any(|(path, _)| path == "trusted_root.json"), "{files}");
    // Nothing tells whether the trusted root was made of the file, or the file for it.
    assert!(files["kept"].as_array().unwrap().iter().any(|path| path == "fulcio_2026.crt.pem"), "{files}");
    assert_eq!(
        trustroot.read("targets/fulcio_2026.crt.pem"),
        fulcio_chain().split_inclusive("-----END CERTIFICATE-----\n").next().unwrap()
    );
    assert!(!trustroot.read("trustroot.toml").contains("fulcio_2026.crt.pem"));
    let nothing = trustroot.exits(1, &["material", "discard", "--throw-away", "--now", NOW]);
    assert!(nothing.says("the wanted material is what is published"), "{}", nothing.stderr);

    // With one, signers use it again from the start of the successor.
    end("2026-09-15T00:00:00Z");
    let rotated = material(&trustroot, 0, &rotate);
    let later = "adds the CA v1 fulcio.sigstore.dev for signing from 2026-10-01";
    assert!(told(&rotated).iter().any(|(_, lines)| lines.contains(&later.to_owned())), "{rotated}");
    assert_eq!(told(&rotated)[1].1.len(), 1, "{rotated}");
    let holes = names(&rotated);
    assert!(holes.contains(&"coverage-hole (signing ca 2026-09-15)".to_owned()), "{holes:?}");
    assert!(trustroot.exits(1, &["material", "lint", "--now", NOW]).stdout.contains("to 2026-10-01T00:00:00Z"));
    let last = material(&trustroot, 0, &["service", "end", "ca", url, "--at", "2026-12-01T00:00:00Z"]);
    let ends = "ends the CA v1 fulcio.sigstore.dev for signing on 2026-12-01";
    assert!(told(&last).iter().any(|(_, lines)| lines.contains(&ends.to_owned())), "{last}");
}

/// Some of what is wanted goes back, some of it broken by hand.
#[test]
fn what_is_wanted_is_discarded_file_by_file() {
    let trustroot = sigstore();
    let published = trustroot.read("targets/trusted_root.json");
    let add = ["service", "add", "oidc", "https://login.example", "--start", START, "--operator", "example"];
    material(&trustroot, 0, &add);
    trustroot.write("targets/trusted_root.json", published.replacen('{', "[", 1));
    let unasked = trustroot.exits(2, &["material", "discard", "--now", NOW]);
    assert!(unasked.says("--throw-away") && unasked.says("This would be discarded"), "{}", unasked.stderr);
    assert!(![&unasked.stderr, &unasked.stdout].iter().any(|text| text.contains("Discarded")), "{unasked:?}");
    let other = trustroot.exits(1, &["material", "discard", "artifact.pub", "--throw-away", "--now", NOW]);
    assert!(other.says("there is nothing to discard in artifact.pub"), "{}", other.stderr);
    let one = material(&trustroot, 0, &["discard", "trusted_root.json", "--throw-away"]);
    assert_eq!(one["unreadable"][0], "trusted_root.json");
    assert_eq!(trustroot.read("targets/trusted_root.json"), published);
    assert!(trustroot.read("targets/signing_config.v0.2.json").contains("login.example"));

    let other = trustroot.read("targets/signing_config.v0.2.json").replace("login.example", "login2.example");
    let mut terminal = trustroot.terminal(&["material", "discard", "--now", NOW]);
    terminal.expect("Throw this away?");
    trustroot.write("targets/signing_config.v0.2.json", &other);
    terminal.line("y");
    terminal.expect("targets/signing_config.v0.2.json was changed meanwhile: run the command again");
    assert_eq!(terminal.exit_code(), 1);
    assert_eq!(trustroot.read("targets/signing_config.v0.2.json"), other);
    trustroot.write("targets/signing_config.v0.2.json", other.replace("login2.example", "login.example"));

    let mut terminal = trustroot.terminal(&["material", "discard", "--now", NOW]);
    terminal.expect("This would be discarded, what was wanted and is not published:");
    terminal.expect("+ adds the OIDC issuer v1 login.example for signing from 2026-10-01");
    terminal.expect("Throw this away?");
    terminal.line("y");
    terminal.expect("Discarded, what was wanted and is not published:");
    assert_eq!(terminal.exit_code(), 0);
    assert!(!trustroot.read("targets/signing_config.v0.2.json").contains("login.example"));
}

/// By the word of the policy alone any file is trust material: that is taken back, and the file stays.
#[test]
fn no_file_is_thrown_away_that_may_be_the_only_one() {
    let trustroot = sigstore();
    trustroot.write("targets/only.bin", "the only one");
    let path = trustroot.dir().join("trustroot.toml");
    let before = fs::read_to_string(&path).unwrap();
    let said = |file: &str| {
        format!("\n[targets.\"{file}\"]\ncustom = {{ sigstore = {{ usage = \"Rekor\", status = \"Active\" }} }}\n")
    };
    fs::write(&path, format!("{before}{}", said("only.bin"))).unwrap();
    let text = trustroot.ok(&["material", "discard", "--throw-away", "--now", NOW]);
    assert!(text.contains("what the policy says of only.bin; the file stays in targets/"), "{text}");
    assert!(!text.contains("is new"), "{text}");
    assert_eq!(trustroot.read("targets/only.bin"), "the only one");
    assert_eq!(fs::read_to_string(&path).unwrap().trim_end(), before.trim_end());
}

#[test]
fn whoever_signs_sees_what_changes() {
    let trustroot = sigstore();
    trustroot.write("key.pem", log_key(5).key().to_spki_pem());
    trustroot.write("checkpoint", checkpoint(5, "rekor.example"));
    let rotate =
        ["rotate", "rekor", "--url", "https://rekor.example", "--key", "key.pem", "--checkpoint", "checkpoint"];
    let twin = trustroot.twin();
    let text = twin.ok(&[&["material"], &rotate[..], &["--start", START, "--now", NOW]].concat());
    let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let behind = "! It is not in signing_config.json: who signs by that";
    assert!(said.contains(behind), "{text}");
    assert!(
        said.contains(
            "`stage` stops on target-changed of signing_config.v0.2.json, signing_config_rekor_v2.v0.2.json and"
        ),
        "{text}"
    );
    assert!(said.contains("in hex 24bd4e66"), "the log id as operators know it: {text}");
    fits(&text);
    material(&trustroot, 0, &[&rotate[..], &["--start", START]].concat());
    let reason = ["--reason", "Rekor moves", "--until", START, "--now", NOW];
    trustroot.ok(&[&["accept", "target-changed", "--all"], &reason[..]].concat());
    let dry = trustroot.ok(&["stage", "--dry-run", "--now", NOW]);
    assert!(dry.contains("+ adds Rekor rekor.example (P-256) from 2026-10-01\n"), "{dry}");
    trustroot.ok(&["stage", "--name", "next", "--only", "targets", "--now", NOW]);
    let ceremony = trustroot.dir().join("ceremonies/next");
    let published = fs::read(ceremony.join("base/material/trusted_root.json")).unwrap();
    assert_ne!(fs::read(ceremony.join("inputs/material/trusted_root.json")).unwrap(), published);

    let review = trustroot.run(&["review", "next", "--now", NOW]);
    for line in [
        "  trusted_root.json\n    + adds Rekor rekor.example (P-256) from 2026-10-01\n",
        "        logId.keyId JL1OZpcjvSZO36ci4haACYy+iMdIUPDXRIkHTc8hjBU=, in hex\n        24bd4e669723bd26",
        "    = Fulcio, CT log and TSA unchanged (same bytes)\n",
        "    = Rekor rekor.sigstore.dev (P-256) and Rekor v2 log2025-1.rekor.sigstore.dev\n      \
         (Ed25519) stay as before, without an end\n",
        "  Published today, it is known to every client by 2026-08-29T00:00:00Z: a\n",
        "    Rekor rekor.example (P-256) starts on 2026-10-01T00:00:00Z, 33 days after\n",
        "  Compare what is added with what the service itself answers you:",
        "  `trustroot review --html FILE` draws when what is valid,",
        "    + adds the Rekor v1 rekor.example for signing from 2026-10-01\n",
        "    ~ has status Expired instead of Active\n",
        "  rekor_2026.pub\n    + is new\n",
    ] {
        assert!(review.stdout.contains(line), "no {line:?} in {}", review.stdout);
    }
    let answer = trustroot.json(review.code, &["review", "next", "--now", NOW]);
    assert_eq!(answer["material"][0]["changes"][0]["change"], "added");
    assert_eq!(answer["material-unseen"], Value::Array(Vec::new()));

    // What is not there is said, and what is another file is refused.
    fs::remove_file(ceremony.join("inputs/material/trusted_root.json")).unwrap();
    let review = trustroot.run(&["review", "next", "--now", NOW]);
    let unseen = "! The content of trusted_root.json is not in this ceremony: nothing can be said";
    let said = review.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(unseen), "{said}");
    assert!(!review.stdout.contains("rekor.example (P-256)"), "{}", review.stdout);
    fs::write(ceremony.join("inputs/material/trusted_root.json"), published).unwrap();
    let refused = trustroot.exits(1, &["review", "next", "--now", NOW]);
    assert!(
        refused.says("inputs/material/trusted_root.json is not the file that inputs/targets.txt name"),
        "{}",
        refused.stderr
    );
    fs::remove_file(ceremony.join("inputs/material/trusted_root.json")).unwrap();
    trustroot.write("ceremonies/next/inputs/material/release.txt", "x");
    assert!(trustroot.exits(1, &["review", "next", "--now", NOW]).says("is no trust material of this proposal"));
}

/// What a terminal would act on, and what would pass for a line of this program.
const HOSTILE: &str = r"x\nINJECTED\r\u001b[2J\u009b1m\u202e\u200b\u0007</title><script>";

#[test]
fn hostile_material_stays_on_its_line() {
    let trustroot = sigstore();
    let root = trustroot.read("targets/trusted_root.json");
    let strings = [
        "https://rekor.sigstore.dev",
        "SHA2_256",
        "PKIX_ED25519",
        "2025-09-23T00:00:00Z",
        "sigstore.dev\"",
        "keyId",
        "uri",
    ];
    for string in strings {
        let hostile = if string.ends_with('"') { format!("{HOSTILE}\"") } else { HOSTILE.to_owned() };
        trustroot.write("targets/trusted_root.json", root.replacen(string, &hostile, 1));
        for command in [
            &["material", "show", "--svg=x.svg", "--html=x.html"][..],
            &["material", "lint"],
            &["material", "legacy"],
            &["material", "import", "targets/trusted_root.json"],
            &["material", "repair", "--log-start=INJECTED=2021-01-01T00:00:00Z"],
            &["material", "end", "rekor", "INJECTED", "--at=2026-12-31T00:00:00Z", "--last-use=2026-08-20T00:00:00Z"],
            &["material", "correct", "rekor", "INJECTED", "--start=2021-01-01T00:00:00Z"],
            &["material", "correct", "rekor", "INJECTED", "--url=https://x.example", "--keep-service"],
            &["material", "lint", "--json"],
            &["stage", "--dry-run"],
        ] {
            let run = trustroot.run(&[command, &["--now", NOW]].concat());
            run.harmless();
            let mut lines = run.stdout.lines().chain(run.stderr.lines());
            assert!(lines.all(|line| !line.trim_start().starts_with("INJECTED")), "{string}: {run:#?}");
            assert!(!run.says("could not") || run.code == 2);
        }
        for file in ["x.svg", "x.html"] {
            let drawn = trustroot.read(file);
            assert!(!drawn.contains("<script") && !drawn.contains('\u{1b}'), "{string}: {drawn}");
        }
    }
    for text in
        ["", "[]", "{", "{\"tlogs\": 1}", "{\"tlogs\": [1]}", "\u{feff}{}", "{\"a\": 1, \"a\": 2}", "{\"a\": 1.5}"]
    {
        trustroot.write("targets/trusted_root.json", text);
        let lint = trustroot.exits(1, &["material", "lint", "--now", NOW]);
        assert!(lint.harmless().stdout.contains("material-unreadable (trusted_root.json)"), "{text}: {}", lint.stdout);
        let refused = trustroot.exits(1, &["material", "service", "select", "tsa", "all", "--now", NOW]);
        assert!(refused.says("targets/trusted_root.json cannot be changed"), "{text}");
    }
}

#[test]
fn a_first_trust_root_is_made_from_nothing() {
    let trustroot = Trustroot::new();
    let adopted = sigstore();
    fs::copy(adopted.dir().join("trustroot.toml"), trustroot.dir().join("trustroot.toml")).unwrap();
    trustroot.write("fulcio.pem", fulcio_chain());
    let first = ["rotate", "fulcio", "--url", "https://fulcio.example", "--chain", "fulcio.pem", "--start", START];
    let answer = material(&trustroot, 0, &[&first[..], &["--operator", "example"]].concat());
    assert_eq!(told(&answer)[0].1, ["is new", "adds Fulcio fulcio.example (new-intermediate) from 2026-10-01"]);
    let wanted = ["coverage-hole (rekor)", "coverage-hole (ctlog)"];
    assert!(wanted.iter().all(|finding| names(&answer).contains(&(*finding).to_owned())), "{:?}", names(&answer));
    assert!(!trustroot.dir().join("targets/fulcio.crt.pem").exists(), "there are no legacy targets unless wanted");
}
