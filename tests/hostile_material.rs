//! Trust material, and names of the trust root, that are written to speak for this program: to a terminal, a browser, a
//! shell, and to whatever reads YAML.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
mod sigstore;

use std::fs;

use common::{Room, Run};
use serde_json::Value;

/// What the text would have to be escaped for: a terminal, a reader of the line, HTML, Markdown, YAML, a shell.
const EVIL: &str = "\u{1b}[2J \u{9b}31m \u{202e} \u{2066} \u{200b} \r\n </pre> </title> <script>alert(1)</script> <img src=x \
                    onerror=alert(1)> \" onload=\"x' # ```\n---\nkind: Pod\n`id`;$(id)";

/// A trust root whose material says it wherever a text may stand, with every finding accepted and published.
fn room() -> Room {
    let room = Room::new(&["alice", "bob"], 1);
    let named = |name: &str| format!("name = {}", serde_json::to_string(name).unwrap());
    // What breaks lines is no name at all.
    room.replace("trustroot.toml", &named("Test"), &named(EVIL));
    let run = room.run(2, &["status"]);
    assert!(run.harmless().says("trust-root.name must be one line of text"), "{run:?}");
    let name: String = EVIL.chars().filter(|c| !c.is_control()).collect();
    room.replace("trustroot.toml", &named(EVIL), &named(&name));
    let mut root: Value = serde_json::from_slice(&sigstore::target("trusted_root.json")).unwrap();
    let evil = Value::from(EVIL);
    root["tlogs"][0]["baseUrl"] = Value::from(format!("https://rekor.example/{EVIL}"));
    root["tlogs"][1]["hashAlgorithm"] = evil.clone();
    root["ctlogs"][0]["publicKey"]["keyDetails"] = evil.clone();
    root["ctlogs"][1]["publicKey"]["validFor"]["start"] = evil.clone();
    root["certificateAuthorities"][0]["uri"] = evil.clone();
    root["certificateAuthorities"][0]["subject"]["organization"] = evil.clone();
    root["certificateAuthorities"][1][EVIL] = evil.clone();
    root[EVIL] = evil.clone();
    let mut config: Value = serde_json::from_slice(&sigstore::target("signing_config.v0.2.json")).unwrap();
    config["caUrls"][0]["url"] = evil.clone();
    config["caUrls"][0]["operator"] = evil.clone();
    config["tsaConfig"]["selector"] = evil.clone();
    room.coordinator.write("targets/trusted_root.json", serde_json::to_string_pretty(&root).unwrap());
    room.coordinator.write("targets/signing_config.v0.2.json", serde_json::to_string_pretty(&config).unwrap());
    room
}

/// Accepts whatever speaks against the proposal.
fn accept_all(room: &Room) {
    let linted = room.coordinator.run(&["material", "lint", "--json", "--now", "2026-11-22T12:00:00Z"]);
    let linted: Value = serde_json::from_str(&linted.stdout).unwrap();
    for finding in linted["findings"].as_array().unwrap() {
        let (rule, subject) = (finding["finding"].as_str().unwrap(), finding["subject"].as_str().unwrap());
        room.run(0, &["accept", rule, subject, "--reason", EVIL, "--until=2099-01-01T00:00:00Z"]).harmless();
    }
    room.run(0, &["accept", "one-meets-threshold", "root", "--reason=x", "--until=2099-01-01T00:00:00Z"]);
    room.run(0, &["accept", "one-meets-threshold", "targets", "--reason=x", "--until=2099-01-01T00:00:00Z"]);
}

/// A page has these elements and no other, runs nothing, and shows nothing that would not be seen.
fn harmless_page(page: &str) {
    let acts = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!page.contains(acts), "{page}");
    let known = [
        "!DOCTYPE", "html", "meta", "style", "title", "h1", "h2", "p", "pre", "svg", "rect", "text", "path", "section",
        "code", "table", "tr", "th", "td", "br", "details", "summary", "a", "ol", "li",
    ];
    for tag in page.split('<').skip(1) {
        let name: String =
            tag.trim_start_matches('/').chars().take_while(|c| c.is_alphanumeric() || *c == '!').collect();
        assert!(known.contains(&name.as_str()), "<{name} in {page}");
        let attributes = tag.split('>').next().unwrap();
        assert!(!attributes.contains("onerror") && !attributes.contains("onload"), "<{attributes}>");
    }
}

#[test]
fn no_text_of_trust_material_speaks_for_this_program() {
    let room = room();
    let run = |arguments: &[&str]| -> Run {
        let now = "--now=2026-11-22T12:00:00Z";
        let run = room.coordinator.run(&[arguments, &[now]].concat());
        run.harmless();
        run
    };
    for command in [
        &["material", "show"][..],
        &["material", "show", "--json"],
        &["material", "show", "--svg=show.svg", "--html=show.html"],
        &["material", "lint"],
        &["material", "lint", "--json"],
        &["stage"],
        &["stage", "--dry-run"],
        &["material", "end", "rekor", EVIL, "--at=2026-01-01T00:00:00Z"],
        &["material", "import", "targets/trusted_root.json", "--log-start=2021-01-01T00:00:00Z"],
        &["material", "import", "--legacy", "--log-start=2021-01-01T00:00:00Z"],
        &["material", "repair"],
        &["material", "repair", "--log-start", &format!("{EVIL}=2021-01-01T00:00:00Z")],
        &["material", "repair", "--log-start=2021-01-01T00:00:00Z"],
        &["status"],
    ] {
        run(command);
    }
    for page in ["show.svg", "show.html"] {
        harmless_page(&room.coordinator.read(page));
    }
}

#[test]
fn no_name_speaks_for_this_program_in_what_is_reviewed_and_handed_out() {
    let room = room();
    accept_all(&room);
    let ceremony = room.stage();
    room.run(0, &["review", &ceremony, "--html=review.html"]).harmless();
    harmless_page(&room.coordinator.read("review.html"));
    room.sign_all(&["alice"], &ceremony);
    room.publish(&ceremony).harmless();
    room.run(0, &["verify", &format!("ceremonies/{ceremony}")]).harmless();
    let arguments = ["handout", "--metadata-url=https://tuf.example", "--root=repository/1.root.json", "--out=out"];
    room.run(0, &arguments).harmless();
    let mut made: Vec<String> = fs::read_dir(room.path("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    made.sort();
    assert!(made.iter().all(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._".contains(&b))), "{made:?}");
    harmless_page(&room.coordinator.read("out/handout.html"));
    for name in made.iter().filter(|name| name.ends_with(".yaml")) {
        let text = room.coordinator.read(&format!("out/{name}"));
        let key = |line: &str| line.split_once(':').unwrap_or_else(|| panic!("{line}")).0.trim().to_owned();
        let known = "apiVersion kind metadata name namespace spec remote mirror root type data binaryData";
        let known = |key: &str| known.split(' ').any(|known| known == key) || key.ends_with(".json");
        assert!(text.lines().all(|line| known(&key(line))), "{text}");
    }
    let sheet = room.coordinator.read("out/handout.txt");
    assert!(!sheet.contains('\u{1b}') && !sheet.contains('\u{202e}') && !sheet.contains("\n---\n"), "{sheet}");
}

/// Clients find it in a delegated role as well, where nobody would be shown what it says.
#[test]
fn trust_material_does_not_hide_in_a_delegated_role() {
    let room = Room::new(&["alice", "bob"], 2);
    let team = "[[delegation]]\nname = \"team\"\npaths = [\"*.json\"]\nkeyholders = [\"bob\"]\nthreshold = 1\n\
                lifetime-days = 90\nsigning-window-days = 30\n";
    room.coordinator.write("trustroot.toml", format!("{}\n{team}", room.coordinator.read("trustroot.toml")));
    room.coordinator.write("targets/trusted_root.json", "{}");
    let run = room.run(1, &["stage"]);
    assert!(run.says("material-missing (trusted_root.json): it is a target of team"), "{run:?}");
}

/// What was accepted once, or published before anybody looked, is no cover for the next mistake of the same kind.
#[test]
fn a_mistake_that_is_published_does_not_hide_another_like_it() {
    let room = Room::new(&["alice", "bob", "carol"], 2);
    let root = String::from_utf8(sigstore::target("trusted_root.json")).unwrap();
    let with = |members: &str| room.coordinator.write("targets/trusted_root.json", root.replacen('{', members, 1));
    let config = sigstore::target("signing_config.v0.2.json");
    room.coordinator.write("targets/signing_config.v0.2.json", config);
    let until = ["--reason=so", "--until=2026-11-23T00:00:00Z"];
    room.run(0, &[&["accept", "coverage-hole", "ctlog 2021-03-07"], &until[..]].concat());
    room.run(0, &[&["accept", "field-unknown", "trusted_root.json"], &until[..]].concat());
    with("{\"x\": 1,");
    room.hold(&["alice", "bob"]);
    let later = |code: i32| room.coordinator.exits(code, &["stage", "--dry-run", "--now=2026-11-24T00:00:00Z"]);
    room.coordinator.write("targets/b.txt", "b");
    later(0);
    with("{\"x\": 1, \"y\": 2,");
    let run = later(1);
    assert!(run.says("field-unknown (trusted_root.json): \"y\" is no member of a trusted root"), "{run:?}");
    assert!(!run.says("\"x\" is no member"), "{run:?}");
}
