//! A rehearsal is the real thing with throw-away keys.
#![allow(clippy::unwrap_used)]

mod common;

use common::Trustroot;

/// The words of a text, however its lines are broken.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_step_is_shown_as_somebody_would_type_it() {
    let machine = Trustroot::new();
    let run = machine.exits(0, &["rehearse", "--keep", "kept"]);
    let said = plain(&format!("{}{}", run.stderr, run.stdout));
    for step in [
        "coordinator$ trustroot init",
        "alice$ trustroot keyholder enroll alice",
        "coordinator$ trustroot stage",
        "coordinator$ trustroot review --digest",
        "bob$ trustroot sign --expect='",
        "coordinator$ trustroot publish --online-key=../keys/online.pem",
        "coordinator$ trustroot renew --online-key=../keys/online.pem",
        "coordinator$ trustroot role root --add=newcomer --drop=carol",
        "client$ trustroot fetch --root=repository/1.root.json",
        "auditor$ trustroot verify --repository=repository --root=repository/1.root.json",
        "none failed",
    ] {
        assert!(said.contains(step), "no {step:?} in {said}");
    }
    assert!(run.stderr.lines().all(|line| line.chars().count() <= 120), "{}", run.stderr);
    // What was rehearsed is real: it can be looked at with the same commands.
    let root = "kept/room/repository/1.root.json";
    let fetch = ["fetch", "--root", root, "--metadata-url", "kept/room/repository", "--cache", "cache"];
    assert_eq!(machine.json(0, &fetch)["roles"][0]["version"], 2);
    let again = machine.exits(2, &["rehearse", "--keep", "kept"]);
    assert!(again.stderr.contains("kept exists already"), "{again:?}");
    // The machine on which it was rehearsed has nothing to remember.
    assert_eq!(std::fs::read_dir(machine.home()).unwrap().count(), 0);
}

#[test]
fn a_team_rehearses_its_own_policy() {
    let machine = Trustroot::new();
    let people = ["--keyholder=ana", "--keyholder=ben", "--keyholder=cem"];
    machine.ok(&[&["init", "--name=Team", "--threshold=2", "--template=sigstore"], &people[..]].concat());
    let delegation = |threshold: u64| {
        format!(
            "\n[[delegation]]\nname = \"registry\"\npaths = [\"registry-*\"]\nterminating = true\n\
             keyholders = [\"dora\", \"emil\"]\nthreshold = {threshold}\nlifetime-days = 90\n\
             signing-window-days = 30\n\n[[delegation]]\nname = \"kms\"\npaths = [\"kms-*\"]\n\
             online = \"external\"\nlifetime-days = 30\nsigning-window-days = 10\n"
        )
    };
    let policy = machine.read("trustroot.toml");
    machine.write("policy.toml", policy.clone() + &delegation(2));
    let steps = machine.json(0, &["rehearse", "--policy", "policy.toml"]);
    let steps: Vec<&str> = steps["steps"].as_array().unwrap().iter().map(|step| step.as_str().unwrap()).collect();
    for name in ["ana", "ben", "dora", "emil", "online"] {
        assert!(steps.iter().any(|step| step.contains(&format!("enroll {name}"))), "{steps:?}");
    }
    assert_eq!(machine.read("trustroot.toml"), policy);

    // What would stop the real ceremony stops the rehearsal.
    machine.write("policy.toml", policy + &delegation(1));
    let run = machine.exits(1, &["rehearse", "--policy", "policy.toml"]);
    assert!(plain(&run.stderr).contains("one-meets-threshold (registry)"), "{run:?}");
}
