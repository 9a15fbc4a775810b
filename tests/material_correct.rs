//! What was wrong from the first is corrected, member by member, and no other byte changes.
#![allow(clippy::unwrap_used)]

mod common;
mod sigstore;

use ceremony::Certificate;
use common::made::{Draft, Key, object, sequence};
use common::services::{checkpoint, log_key};
use common::{Trustroot, fits};
use serde_json::{Value, json};
use sigstore::{adopted, names, stage, told};

const NOW: &str = "2026-08-22T00:00:00Z";
const END: &str = "2026-08-21T00:00:00Z";
const LATER: &str = "2026-08-21T12:00:00Z";
const USED: &str = "--last-use=2026-08-20T00:00:00Z";
const ROOT: &str = "targets/trusted_root.json";
const CONFIG: &str = "targets/signing_config.v0.2.json";
const OPT_IN: &str = "targets/signing_config_rekor_v2.v0.2.json";

fn sigstore() -> Trustroot {
    adopted(16, 762, NOW).0
}

/// `material ...` at the time of adoption.
fn at<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["material"], arguments, &["--now", NOW]].concat()
}

fn warnings(answer: &Value) -> String {
    answer["warnings"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

/// As it happened at Sigstore's staging: a CT log was ended that goes on.
#[test]
fn an_end_is_taken_back_with_all_that_was_said_of_it() {
    let trustroot = sigstore();
    trustroot.ok(&at(&["legacy"]));
    let (root, policy) = (trustroot.read(ROOT), trustroot.read("trustroot.toml"));
    trustroot.ok(&at(&["end", "ctlog", "2022", "--at", END, USED]));
    let claim = trustroot.dir().join("evidence/ctlog-dd3d306a.claimed");
    assert!(claim.exists() && trustroot.read("trustroot.toml") != policy);
    let later = trustroot.exits(2, &at(&["end", "ctlog", "2022", "--at", LATER, USED]));
    assert!(later.says("has ended already") && later.says("material correct"), "{later:?}");
    let moved = trustroot.json(0, &at(&["correct", "ctlog", "dd3d306a", "--end", LATER]));
    assert_eq!(
        told(&moved)[0].1,
        [format!("ends CT log ctfe.sigstore.dev/2022 (P-256) on {LATER} instead of 2026-08-21")]
    );
    assert!(warnings(&moved).contains("its key is trusted again for what is signed in between"), "{moved}");
    assert!(claim.exists() && names(&moved).contains(&"coverage-hole (ctlog 2026-08-21)".to_owned()), "{moved}");
    let text = trustroot.ok(&at(&["correct", "ctlog", "dd3d306a", "--no-end"]));
    let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(&format!("! Its end at {LATER} is taken away: its key is trusted again")), "{text}");
    fits(&text);
    assert_eq!((trustroot.read(ROOT), trustroot.read("trustroot.toml")), (root, policy));
    assert!(!claim.exists());
    let again = trustroot.exits(2, &at(&["correct", "ctlog", "dd3d306a", "--no-end"]));
    assert!(again.says("has no end") && again.says("`trustroot material end` ends it"), "{again:?}");
    let same = trustroot.exits(1, &at(&["correct", "ctlog", "086092f0", "--end", "2022-10-31T23:59:59.999Z"]));
    assert!(same.says("nothing changes"), "{same:?}");
}

#[test]
fn an_end_that_is_published_is_taken_back_and_lint_says_what_comes_of_it() {
    let trustroot = sigstore();
    let root = trustroot.read(ROOT);
    let opened = trustroot.json(0, &at(&["correct", "ctlog", "086092f0", "--no-end"]));
    let opens = "opens CT log ctfe.sigstore.dev/test (P-256) again, which was to end on 2022-10-31T23:59:59.999Z";
    assert_eq!(told(&opened)[0].1, [opens]);
    // The very line, and the comma before it, are gone.
    let line = ",\n          \"end\": \"2022-10-31T23:59:59.999Z\"";
    assert_eq!(root.matches(line).count(), 1, "{root}");
    assert_eq!(trustroot.read(ROOT), root.replace(line, ""));
    let reversed = trustroot.exits(2, &at(&["correct", "tsa", "timestamp", "--end", END]));
    assert!(reversed.says("has no end"), "{reversed:?}");
    let stage = trustroot.exits(1, &["stage", "--dry-run", "--now", NOW]);
    assert!(stage.says("target-changed (trusted_root.json"), "{stage:?}");
}

#[test]
fn a_start_is_corrected_and_signers_are_not_forgotten() {
    let trustroot = sigstore();
    let root = trustroot.read(ROOT);
    let start = "2021-01-12T11:53:27Z";
    let later = "2021-06-01T00:00:00Z";
    let lacks = trustroot.exits(2, &at(&["correct", "rekor", "c0d23d6a"]));
    assert!(lacks.says("--start, --url"), "{lacks:?}");
    let answer = trustroot.json(0, &at(&["correct", "rekor", "c0d23d6a", "--start", later]));
    assert_eq!(
        told(&answer)[0].1,
        [format!("starts Rekor rekor.sigstore.dev (P-256) on 2021-06-01 instead of {start}")]
    );
    let said = warnings(&answer);
    assert!(said.contains(&format!("from {start} to {later}: what was signed with it in between no longer verifies")));
    for path in ["signing_config.v0.2.json", "signing_config_rekor_v2.v0.2.json"] {
        assert!(said.contains(&format!("For signers https://rekor.sigstore.dev keeps its start, by {path}")), "{said}");
    }
    assert_eq!(root.matches(start).count(), 1);
    assert_eq!(trustroot.read(ROOT), root.replace(start, later));
    let cut = format!("validity-cut (rekor https://rekor.sigstore.dev c0d23d6a {later})");
    assert_eq!(names(&answer), ["coverage-hole (rekor 2021-03-07)".to_owned(), cut]);
    let back = trustroot.json(0, &at(&["correct", "rekor", "c0d23d6a", "--start", start]));
    assert!(warnings(&back).contains("verifies from now on"), "{back}");
    assert_eq!(trustroot.read(ROOT), root);
    let reversed = trustroot.exits(2, &at(&["correct", "ctlog", "086092f0", "--start", NOW]));
    assert!(reversed.says("so it cannot end at 2022-10-31T23:59:59.999Z"), "{reversed:?}");
}

#[test]
fn a_url_is_corrected_everywhere_or_where_it_is_said() {
    let trustroot = sigstore();
    let (root, config) = (trustroot.read(ROOT), trustroot.read(CONFIG));
    let (old, new) = ("https://rekor.sigstore.dev", "https://rekor1.sigstore.dev");
    let correct = ["correct", "rekor", "c0d23d6a", "--url", new];
    let lacks = trustroot.exits(2, &at(&correct));
    assert!(lacks.says("--move-service or --keep-service"), "{lacks:?}");
    assert_eq!(trustroot.read(ROOT), root);
    let twin = trustroot.twin();
    let kept = twin.json(0, &at(&[&correct[..], &["--keep-service"]].concat()));
    assert_eq!(twin.read(ROOT), root.replace(old, new));
    assert_eq!(twin.read(CONFIG), config);
    assert!(names(&kept).contains(&format!("service-untrusted (signing rekor {old})")), "{kept}");
    let text = trustroot.ok(&at(&[&correct[..], &["--move-service"]].concat()));
    let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(&format!("! signing_config.json, of the form v0.1, still names {old}. No client")), "{text}");
    assert!(said.contains("delete targets/signing_config.json, or edit it."), "{text}");
    fits(&text);
    assert_eq!(trustroot.read(CONFIG), config.replace(old, new));
    assert!(trustroot.read(OPT_IN).contains(new) && !trustroot.read(OPT_IN).contains(old));
    assert!(
        trustroot.read("trustroot.toml").contains(&format!("uri = \"{new}\"")),
        "what older clients read goes along"
    );

    // The id of a Rekor v2 is made of its URL, too: with another it is another log.
    let moved = ["correct", "rekor", "b54813cb", "--url", "https://log.example", "--move-service"];
    let moved = trustroot.exits(1, &at(&moved));
    assert!(moved.says("the log id of a Rekor v2 is made of its URL"), "{moved:?}");
    let none = trustroot.exits(1, &at(&["correct", "ctlog", "dd3d306a", "--start", "2022-10-20T00:00:00Z"]));
    assert!(none.says("nothing changes"), "{none:?}");
    let none = trustroot.exits(2, &at(&["correct", "ctlog", "dd3d306a", "--start", "1970-01-01T00:00:00Z"]));
    assert!(none.says("stands for no time"), "{none:?}");
    let several = trustroot.exits(2, &at(&["remove", "fulcio", "fulcio.sigstore.dev"]));
    assert!(several.says("is more than one"), "{several:?}");
    let slash = trustroot.exits(2, &at(&["correct", "rekor", "c0d23d6a", "--url", "https://x.example/"]));
    assert!(slash.says("ends with a slash"), "{slash:?}");
}

#[test]
fn a_key_that_leaked_is_not_trusted_again() {
    let trustroot = sigstore();
    let end = |more: &[&str]| trustroot.ok(&at(&[&["end", "fulcio", "15d79534", "--at", END], more].concat()));
    let refused = |place: &str| {
        let root = trustroot.read(ROOT);
        for change in [&["--no-end"][..], &["--end", LATER]] {
            let refused = trustroot.exits(1, &at(&[&["correct", "fulcio", "15d79534"], change].concat()));
            assert!(refused.says("15d79534 is not trusted again"), "{refused:?}");
            assert!(refused.says(&format!("its key is compromised since {END}, says {place}")), "{refused:?}");
            assert!(refused.says("material discard"), "{refused:?}");
        }
        assert_eq!(trustroot.read(ROOT), root);
    };
    end(&["--compromised"]);
    refused("evidence/fulcio-15d79534");
    let earlier = "2026-08-01T00:00:00Z";
    trustroot.ok(&at(&["correct", "fulcio", "15d79534", "--end", earlier]));
    trustroot.ok(&at(&["discard", "--throw-away"]));

    // Proposed with it, and no longer wanted.
    end(&["--compromised"]);
    stage(&trustroot, NOW);
    trustroot.ok(&at(&["discard", "--throw-away"]));
    // The word is not taken back by an end of another kind, nor by adding the same again.
    let place = "ceremonies/next/inputs/evidence/fulcio-15d79534";
    let again = trustroot.exits(1, &at(&["end", "fulcio", "15d79534", "--at", END, USED]));
    assert!(again.says("is not ended by its last use") && again.says(place), "{again:?}");
    trustroot.write("old.json", trustroot.read(ROOT));
    trustroot.ok(&at(&["remove", "fulcio", "15d79534"]));
    let again = trustroot.exits(1, &at(&["import", "old.json"]));
    assert!(again.says("15d79534 is not trusted again") && again.says(place), "{again:?}");
    trustroot.ok(&at(&["discard", "--throw-away"]));
    trustroot.ok(&["abandon", "next", "--reason=it did not leak", "--now", NOW]);
    end(&[USED]);
    trustroot.ok(&at(&["correct", "fulcio", "15d79534", "--no-end"]));
    let tomorrow = ["end", "fulcio", "15d79534", "--at", "2099-01-01T00:00:00Z", "--compromised"];
    assert!(trustroot.exits(2, &at(&tomorrow)).says("no key leaks in the future"));
}

#[test]
fn a_key_that_leaked_is_not_trusted_in_another_certificate() {
    let trustroot = sigstore();
    let chain = |serial: u8, signer: u8| {
        let (root, middle) = (Key::new(1), Key::new(signer));
        let usage = sequence(&[object("1.3.6.1.5.5.7.3.3")]);
        let mut draft = Draft::authority("middle", &middle, Some(0)).extension("2.5.29.37", false, &usage);
        draft.serial = vec![serial];
        let chain = [draft, Draft::authority("root", &root, None)].map(|draft| draft.signed_by("root", &root));
        trustroot.write("chain.pem", chain.map(|der| Certificate::from_der(&der).unwrap().to_pem()).concat());
    };
    let add = |code: i32, start: &str| {
        let add = ["add", "fulcio", "--url", "https://fulcio.example", "--chain", "chain.pem", "--start", start];
        trustroot.exits(code, &at(&add))
    };
    chain(1, 2);
    add(0, "2026-01-01T00:00:00Z");
    trustroot.ok(&at(&["end", "fulcio", "https://fulcio.example", "--at", END, "--compromised"]));
    let root = trustroot.read(ROOT);
    chain(2, 2);
    let refused = add(1, "2026-10-01T00:00:00Z");
    assert!(refused.says("is not trusted again"), "{refused:?}");
    assert!(refused.says(&format!("its key is compromised since {END}, says evidence/fulcio-")), "{refused:?}");
    assert_eq!(trustroot.read(ROOT), root);
    // Another key below the same root did not leak.
    chain(3, 3);
    add(0, "2026-10-01T00:00:00Z");
}

#[test]
fn a_person_is_asked_what_is_wrong() {
    let trustroot = sigstore();
    let (root, config) = (trustroot.read(ROOT), trustroot.read(CONFIG));
    let mut terminal = trustroot.terminal(&at(&["correct", "ctlog", "086092f0"]));
    terminal.expect("What is wrong").expect("its end: 2022-10-31T23:59:59.999Z");
    terminal.send("\u{1b}[B\r");
    terminal.expect("The last moment at which it is valid");
    terminal.line("2022-10-31T00:00:00Z");
    assert_eq!(terminal.exit_code(), 0);
    assert_eq!(trustroot.read(ROOT), root.replace("2022-10-31T23:59:59.999Z", "2022-10-31T00:00:00Z"));
    let url = "https://tsa.sigstore.dev";
    let mut terminal = trustroot.terminal(&at(&["correct", "tsa", "timestamp", "--url", url]));
    terminal.expect("Have them use https://tsa.sigstore.dev");
    terminal.line("y");
    assert_eq!(terminal.exit_code(), 0);
    assert_eq!(trustroot.read(CONFIG), config.replace("https://timestamp.sigstore.dev/api/v1/timestamp", url));
    let mut terminal = trustroot.terminal(&at(&["service", "correct", "tsa", url]));
    terminal.expect("What is wrong").expect("who runs it: sigstore.dev");
    terminal.send("\u{1b}[A\u{1b}[A\u{1b}[A\r");
    terminal.expect("Who runs it");
    terminal.line("somebody");
    assert_eq!(terminal.exit_code(), 0);
    assert!(trustroot.read(CONFIG).contains("\"operator\": \"somebody\""));
}

#[test]
fn a_service_of_signers_is_corrected() {
    let trustroot = sigstore();
    let config = trustroot.read(CONFIG);
    let correct = |code: i32, more: &[&str]| {
        let fixed = ["service", "correct", "oidc", "https://login.example"];
        trustroot.json(code, &at(&[&fixed[..], more].concat()))
    };
    let add = ["service", "add", "oidc", "https://login.example", "--start", "2026-10-01T00:00:00Z"];
    trustroot.ok(&at(&add));
    let added = trustroot.read(CONFIG);
    let twice = trustroot.exits(2, &at(&add));
    assert!(twice.says("it is there already") && twice.says("material service correct"), "{twice:?}");
    let asked = trustroot.exits(2, &at(&["service", "correct", "oidc", "https://login.example"]));
    assert!(asked.says("--start, --end, --no-end, --operator, --api-version, --url"), "{asked:?}");
    let all = ["--start=2026-11-01T00:00:00Z", "--end=2027-11-01T00:00:00Z", "--operator=example", "--api-version=2"];
    let answer = correct(0, &all);
    assert!(told(&answer)[0].1.contains(
        &"starts the OIDC issuer v2 login.example for signing on 2026-11-01 instead of 2026-10-01".to_owned()
    ));
    let after: Value = serde_json::from_str(&trustroot.read(CONFIG)).unwrap();
    let service = json!({
        "url": "https://login.example",
        "majorApiVersion": 2,
        "validFor": { "start": "2026-11-01T00:00:00Z", "end": "2027-11-01T00:00:00Z" },
        "operator": "example",
    });
    assert_eq!(after["oidcUrls"][0], service);
    correct(0, &["--no-end", "--start=2026-10-01T00:00:00Z", "--operator=sigstore.dev", "--api-version=1"]);
    assert_eq!(trustroot.read(CONFIG), added, "every byte is as it was");
    correct(0, &["--url=https://login2.example"]);
    assert_eq!(trustroot.read(CONFIG), added.replace("login.example", "login2.example"));
    assert!(correct(2, &["--no-end"])["causes"][0].as_str().unwrap().contains("there is no \"https://login.example\""));

    // Of two at one URL the one is meant that is open, or that starts then.
    trustroot.write(CONFIG, config);
    let ca = "https://fulcio.sigstore.dev";
    trustroot.ok(&at(&["service", "end", "ca", ca, "--at=2026-09-01T00:00:00Z"]));
    trustroot.ok(&at(&["service", "add", "ca", ca, "--start=2026-10-01T00:00:00Z"]));
    let open = ["service", "correct", "ca", ca, "--start=2026-08-01T00:00:00Z"];
    let twin = trustroot.exits(2, &at(&open));
    assert!(twin.says("it is there already: signing ca https://fulcio.sigstore.dev"), "{twin:?}");
    let first = ["service", "correct", "ca", ca, "--started=2022-04-13T20:06:15Z", "--end=2026-09-30T00:00:00Z"];
    let first = trustroot.json(0, &at(&first));
    assert_eq!(
        told(&first)[0].1,
        ["ends the CA v1 fulcio.sigstore.dev for signing on 2026-09-30 instead of 2026-09-01"]
    );
    assert!(
        warnings(&first).contains("signing_config_rekor_v2.v0.2.json has it too, and stays so: --config"),
        "{first}"
    );
}

/// Sigstore had its Rekor v2 in an opt-in first, and months later in what all signers read.
#[test]
fn signing_configs_are_changed_one_by_one() {
    let trustroot = sigstore();
    let (default, opt_in) = ("signing_config.v0.2.json", "signing_config_rekor_v2.v0.2.json");
    let config = trustroot.read(CONFIG);
    trustroot.write("key.pem", log_key(5).key().to_spki_pem());
    trustroot.write("checkpoint", checkpoint(5, "rekor.sigstore.dev/2026"));
    let rotate = ["rotate", "rekor", "--url=https://rekor.sigstore.dev/2026", "--api-version=2", "--key=key.pem"];
    let rotate = [&rotate[..], &["--checkpoint=checkpoint", "--start=2026-10-01T00:00:00Z", "--config"]].concat();
    let none = trustroot.exits(2, &at(&[&rotate[..], &["signing_config_next.v0.2.json"]].concat()));
    assert!(
        none.says("there is no signing config signing_config_next.v0.2.json of the form v0.2; there is:"),
        "{none:?}"
    );
    assert!(none.says(&format!("{default}, {opt_in}")), "{none:?}");
    let old = trustroot.exits(2, &at(&[&rotate[..], &["signing_config.json"]].concat()));
    assert!(old.says("signing_config.json is of the form v0.1, which no command edits"), "{old:?}");
    let ct = ["rotate", "ctlog", "--url=https://ct.example", "--key=key.pem", "--config", opt_in];
    assert!(trustroot.exits(2, &at(&ct)).says("--config is not for ctlog"));
    let rotated = trustroot.json(0, &at(&[&rotate[..], &[opt_in]].concat()));
    assert_eq!(rotated["behind"], json!(["signing_config.json", default]), "{rotated}");
    assert_eq!(trustroot.read(CONFIG), config);
    assert!(trustroot.read(OPT_IN).contains("https://rekor.sigstore.dev/2026"));

    // Later, in the other; and both at once.
    let path = format!("--config={default}");
    let both = [&*path, "--config=signing_config_rekor_v2.v0.2.json"];
    let add = ["service", "add", "rekor", "https://rekor.sigstore.dev/2026", "--start=2026-12-01T00:00:00Z"];
    trustroot.ok(&at(&[&add[..], &["--api-version=2", &path]].concat()));
    assert!(trustroot.read(CONFIG).contains("https://rekor.sigstore.dev/2026"));
    let changed = |answer: &Value| told(answer).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    let select = trustroot.json(0, &at(&[&["service", "select", "tsa", "all"], &both[..]].concat()));
    assert_eq!(changed(&select), [default, opt_in]);
    let end = ["service", "end", "tsa", "timestamp", "--at=2026-12-01T00:00:00Z"];
    let end = trustroot.json(0, &at(&[&end[..], &both[1..]].concat()));
    assert_eq!(changed(&end), [opt_in]);
    assert!(warnings(&end).contains(&format!("{default} has it too, and stays so: --config")), "{end}");
    let correct = ["service", "correct", "tsa", "timestamp", "--operator=x"];
    assert_eq!(changed(&trustroot.json(0, &at(&[&correct[..], &both[..]].concat()))), [default, opt_in]);
}

#[test]
fn an_opt_in_begins_as_a_copy() {
    let trustroot = sigstore();
    let add = |code: i32, more: &[&str]| {
        let fixed = ["service", "add", "rekor", "https://log2027.example", "--api-version=2"];
        trustroot.json(code, &at(&[&fixed[..], &["--start=2027-01-01T00:00:00Z"], more].concat()))
    };
    let copy = "--copy-of=signing_config.v0.2.json";
    let absent = add(2, &["--config=signing_config_2027.v0.2.json"]);
    assert_eq!(absent["hints"][0], "a new one is made with `--copy-of signing_config.v0.2.json`");
    let made = add(0, &["--config=signing_config_2027.v0.2.json", copy]);
    assert_eq!(told(&made)[0].0, "signing_config_2027.v0.2.json");
    let new = trustroot.read("targets/signing_config_2027.v0.2.json");
    let config = trustroot.read(CONFIG);
    let lines = |text: &str| text.lines().count();
    assert!(new.contains("https://log2027.example") && !config.contains("log2027"), "{new}");
    assert_eq!(lines(&new), lines(&config) + 8, "one service more");
    for (name, said) in [
        ("signing_config_2027.v0.2.json", "is there already"),
        ("opt_in.json", "is no name of a signing config"),
        ("signing_config/../../x.json", "is no name of a signing config"),
    ] {
        let refused = add(if said == "is there already" { 1 } else { 2 }, &["--config", name, copy]);
        assert!(refused["error"].as_str().unwrap().contains(said), "{refused}");
    }
    let none = add(2, &["--config=signing_config_x.json", "--copy-of=signing_config.json"]);
    assert!(none["error"].as_str().unwrap().contains("there is no signing config signing_config.json"), "{none}");
    assert!(trustroot.exits(2, &at(&["service", "add", "tsa", "https://t.example", copy])).says("--config"));
}

/// No command edits the old form, and each says what it leaves there.
#[test]
fn what_the_old_form_still_names_is_said() {
    let trustroot = sigstore();
    let told = |arguments: &[&str]| warnings(&trustroot.twin().json(0, &at(arguments)));
    let old =
        "signing_config.json, of the form v0.1, still names https://rekor.sigstore.dev. No client of today reads it";
    for arguments in [
        &["end", "rekor", "c0d23d6a", "--at", END, USED][..],
        &["end", "rekor", "c0d23d6a", "--at", END, "--compromised"],
        &["remove", "rekor", "c0d23d6a"],
        &["service", "end", "rekor", "https://rekor.sigstore.dev", "--at=2026-12-01T00:00:00Z"],
    ] {
        let said = told(arguments);
        assert!(said.contains(old) && said.contains("delete targets/signing_config.json, or edit it."), "{said}");
    }
    let other = told(&["end", "rekor", "b54813cb", "--at", END, USED]);
    assert!(!other.contains("v0.1"), "{other}");
    assert!(!told(&["end", "ctlog", "dd3d306a", "--at", END, USED]).contains("v0.1"));
}
