//! The single keys and certificates of older clients: what those clients take is what is judged, told and kept.
#![allow(clippy::unwrap_used)]

mod common;
mod sigstore;

use ceremony::Certificate;
use common::services::fulcio_chain;
use common::{Room, Trustroot, fits};
use serde_json::Value;
use sigstore::{adopted, names, target, told};

const NOW: &str = "2026-08-22T00:00:00Z";
const POLICY: &str = "trustroot.toml";
const BUNDLE: &str = "fulcio_bundle.crt.pem";

fn sigstore() -> Trustroot {
    adopted(16, 762, NOW).0
}

fn material(trustroot: &Trustroot, code: i32, arguments: &[&str]) -> Value {
    trustroot.json(code, &[&["material"], arguments, &["--now", NOW]].concat())
}

/// A file of Sigstore's, with a newline at its end.
fn pem(name: &str) -> String {
    format!("{}\n", String::from_utf8(target(name)).unwrap().trim_end())
}

/// Adds a target to the policy, with these lines.
fn say(trustroot: &Trustroot, path: &str, lines: &str) {
    let before = trustroot.read(POLICY);
    trustroot.write(POLICY, format!("{before}\n[targets.\"{path}\"]\n{lines}\n"));
}

/// What is found of a file.
fn found(trustroot: &Trustroot, path: &str) -> Vec<String> {
    let answer = material(trustroot, 1, &["lint"]);
    let findings = answer["findings"].as_array().unwrap().iter().filter(|finding| finding["subject"] == path);
    findings.map(|finding| format!("{}: {}", finding["finding"].as_str().unwrap(), finding["what"])).collect()
}

/// Older clients take every certificate of a file.
#[test]
fn each_certificate_of_a_file_is_judged_and_told() {
    let trustroot = sigstore();
    let (stranger, path) = (fulcio_chain(), "targets/fulcio.crt.pem");
    trustroot.write(path, format!("{}{stranger}", pem("fulcio.crt.pem")));
    let strangers = Certificate::from_pem_chain(&stranger).unwrap();
    let found = found(&trustroot, "fulcio.crt.pem");
    assert_eq!(found.len(), strangers.len(), "{found:?}");
    for (stranger, found) in strangers.iter().zip(["CN=new-root", "CN=new-intermediate"]) {
        let what =
            format!("legacy-differs: \"the certificate {found}, SHA-256 {}, is under no Fulcio", stranger.sha256());
        assert!(self::found(&trustroot, "fulcio.crt.pem").iter().any(|found| found.starts_with(&what)), "{what}");
    }
    fits(&trustroot.exits(1, &["material", "lint", "--now", NOW]).stdout);
    for (finding, subject) in [("legacy-differs", "--all"), ("coverage-hole", "--all"), ("target-changed", "--all")] {
        let until = ["--reason=so", "--until=2026-10-01T00:00:00Z", "--now", NOW];
        trustroot.run(&[&["accept", finding, subject], &until[..]].concat());
    }
    let dry = trustroot.run(&["stage", "--dry-run", "--now", NOW]);
    let said = dry.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for stranger in &strangers {
        let line = format!("+ adds the certificate {}, SHA-256 {}", stranger.subject(), stranger.sha256());
        assert!(said.contains(&line), "no {line:?} in {dry:?}");
    }
}

/// Older clients take words in any letters, and so does what is judged.
#[test]
fn words_in_other_letters_are_what_clients_take_them_for() {
    let trustroot = sigstore();
    trustroot.write("targets/stranger.pem", fulcio_chain());
    say(&trustroot, "stranger.pem", "custom = { sigstore = { status = \"aCTIVE\", usage = \"fUlCiO\" } }");
    let found = found(&trustroot, "stranger.pem");
    let count = |rule: &str| found.iter().filter(|found| found.starts_with(rule)).count();
    assert_eq!((count("usage-unknown"), count("legacy-differs")), (2, 2), "{found:?}");
    assert!(found.iter().any(|found| found.contains("none of Fulcio, Rekor, CTFE, TSA, Unknown in these letters")));
}

/// A leaked certificate leaves the file of several, wherever it stands; the others stay.
#[test]
fn what_is_removed_leaves_a_file_of_several() {
    let [old, middle, root] = ["fulcio.crt.pem", "fulcio_intermediate_v1.crt.pem", "fulcio_v1.crt.pem"].map(pem);
    for bundle in [[&middle, &root, &old], [&old, &middle, &root]] {
        let trustroot = sigstore();
        trustroot.write(&format!("targets/{BUNDLE}"), bundle.map(String::as_str).concat());
        say(&trustroot, BUNDLE, "custom = { sigstore = { usage = \"Fulcio\", status = \"Active\" } }");
        material(&trustroot, 0, &["legacy"]);
        assert!(trustroot.read(POLICY).contains("status = \"Active\", uri = \"https://fulcio.sigstore.dev\" } }"));
        let answer = material(&trustroot, 0, &["remove", "fulcio", "03a38ffb"]);
        let files = told(&answer);
        let (_, said) = files.iter().find(|(path, _)| path == BUNDLE).unwrap();
        assert!(
            said.iter()
                .any(|said| said.starts_with("removes the certificate CN=sigstore,O=sigstore.dev, SHA-256 03a38ffb")),
            "{said:?}"
        );
        assert_eq!(said.len(), 2, "{said:?}");
        let left = trustroot.read(&format!("targets/{BUNDLE}"));
        let left = Certificate::from_pem_chain(&left).unwrap();
        let stays = Certificate::from_pem_chain(&format!("{middle}{root}")).unwrap();
        assert_eq!(left, stays);
        assert!(!trustroot.dir().join("targets/fulcio.crt.pem").exists(), "nothing was left of it");
    }
}

/// A file of several is in use while one of them is, whichever comes first.
#[test]
fn a_file_of_several_is_active_while_any_is_in_use() {
    let trustroot = sigstore();
    let [old, root] = ["fulcio.crt.pem", "fulcio_v1.crt.pem"].map(pem);
    trustroot.write(&format!("targets/{BUNDLE}"), format!("{old}{root}"));
    say(&trustroot, BUNDLE, "custom = { sigstore = { usage = \"Fulcio\", status = \"Expired\" } }");
    assert!(found(&trustroot, BUNDLE)[0].contains("it is not Active"), "{:?}", found(&trustroot, BUNDLE));
    let files = told(&material(&trustroot, 0, &["legacy"]));
    let (_, said) = files.iter().find(|(path, _)| path == BUNDLE).unwrap();
    assert_eq!(said[0], "has status Active instead of Expired");
    assert_eq!(found(&trustroot, BUNDLE), [""; 0]);
}

/// Older clients are written in Go, whose JSON knows no capitals, and takes a long s for an s.
#[test]
fn names_in_other_letters_are_read_and_found() {
    for [outer, usage] in [["Sigstore", "Usage"], ["\u{17f}igstore", "u\u{17f}age"], ["SIGSTORE", "usage"]] {
        let trustroot = sigstore();
        trustroot.write("targets/other.pem", fulcio_chain());
        let custom = format!("custom = {{ \"{outer}\" = {{ \"{usage}\" = \"Fulcio\", Status = \"Active\" }} }}");
        say(&trustroot, "other.pem", &custom);
        let found = found(&trustroot, "other.pem");
        assert!(found[0].contains("CN=new-") && found[1].contains("CN=new-"), "{found:?}");
        assert!(found[2].starts_with("usage-unknown:") && found[2].contains(outer), "{found:?}");
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(trustroot.exits(1, &["stage", "--dry-run", "--now", NOW]).says("usage-unknown (other.pem)"));
    }
    // Of two spellings the later one counts, as code points go.
    let trustroot = sigstore();
    let twice = "custom = { sigstore = { Usage = \"TSA\", usage = \"Rekor\", \"u\u{17f}age\" = \"CTFE\", status = \"Active\" } }";
    trustroot.write("targets/twice.pub", "x");
    say(&trustroot, "twice.pub", twice);
    let shown = material(&trustroot, 0, &["show"]);
    let shown = shown["legacy"].as_array().unwrap().iter().find(|legacy| legacy["path"] == "twice.pub").unwrap();
    assert_eq!(shown["usage"], "CTFE");
    assert!(found(&trustroot, "twice.pub").iter().any(|found| found.contains("usage-unknown")));
}

/// What goes into step is written in place: the rest is not this program's.
#[test]
fn what_else_the_policy_says_of_a_file_stays() {
    let trustroot = sigstore();
    let inline = "custom = { sigstore = { usage = \"Rekor\", status = \"Expired\", \"x-note\" = \"keep me\" }, \
                  release = { channel = \"stable\" } } # important";
    let tables = "# why\n[targets.\"two.pub\".custom]\nrelease = 1 # one\n\n[targets.\"two.pub\".custom.sigstore]\n\
                  Status = \"Expired\" # since\nusage = \"Rekor\" # by us\nuri = \"https://old.example\" # moved\n";
    for name in ["one.pub", "two.pub"] {
        trustroot.write(&format!("targets/{name}"), target("rekor.pub"));
    }
    say(&trustroot, "one.pub", inline);
    say(&trustroot, "two.pub", tables);
    assert!(found(&trustroot, "two.pub").iter().any(|found| found.starts_with("usage-unknown")));
    let answer = material(&trustroot, 0, &["legacy"]);
    assert!(!names(&answer).iter().any(|name| name.contains("two.pub")), "{:?}", names(&answer));
    let policy = trustroot.read(POLICY);
    let (_, policy) = policy.split_once("[targets.\"one.pub\"]\n").unwrap();
    let inline = inline.replace("Expired", "Active");
    let inline = inline.replace("\"keep me\"", "\"keep me\", uri = \"https://rekor.sigstore.dev\"");
    let tables = "# why\n[targets.\"two.pub\".custom]\nrelease = 1 # one\n\n[targets.\"two.pub\".custom.sigstore]\n\
                  usage = \"Rekor\" # by us\nuri = \"https://rekor.sigstore.dev\" # moved\nstatus = \"Active\" # since\n";
    assert_eq!(policy.trim_end(), format!("{inline}\n\n[targets.\"two.pub\"]\n{tables}").trim_end());
}

/// A trusted root that was made of them goes away again; they do not go with it.
#[test]
fn the_files_a_trusted_root_was_made_of_are_not_thrown_away() {
    let room = Room::new(&["alice", "bob"], 2);
    let trustroot = &room.coordinator;
    trustroot.write("targets/rekor.pub", target("rekor.pub"));
    let custom = "custom = { sigstore = { usage = \"Rekor\", status = \"Active\", uri = \"https://rekor.example\" } }";
    say(trustroot, "rekor.pub", custom);
    trustroot.ok(&["material", "import", "--legacy", "--log-start=2021-01-01T00:00:00Z"]);
    let twin = trustroot.twin();
    let text = trustroot.ok(&["material", "discard", "--throw-away"]);
    assert!(text.contains("what the policy says of rekor.pub; the file stays in targets/"), "{text}");
    let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("! `stage` proposes a file that stays, as any other target: remove it where"), "{text}");
    fits(&text);
    assert_eq!(trustroot.read("targets/rekor.pub").into_bytes(), target("rekor.pub"));
    assert!(!trustroot.dir().join("targets/trusted_root.json").exists());
    // Beside the trusted root that has its key, the file alone is a copy.
    twin.ok(&["material", "discard", "rekor.pub", "--throw-away"]);
    assert!(!twin.dir().join("targets/rekor.pub").exists());
}
