//! The page of a review: what the text says, for a browser and for paper.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::Path;

use common::Room;
use common::services::{checkpoint, log_key};

/// A first proposal with a log in its trust material, and names that would be HTML.
fn room() -> (Room, String) {
    let room = Room::new(&["alice", "bob"], 2);
    room.replace("trustroot.toml", "name = \"Test\"", "name = \"<b>Zo\u{eb}</b> & \\u202eSons\"");
    room.coordinator.write("targets/<script>.txt", "text\n");
    room.coordinator.write("key.pem", log_key(5).key().to_spki_pem());
    room.coordinator.write("checkpoint", checkpoint(5, "rekor.example"));
    let log = ["--url=https://rekor.example", "--key=key.pem", "--checkpoint=checkpoint"];
    room.run(
        0,
        &[&["material", "rotate", "rekor", "--operator=example", "--start=2026-11-01T00:00:00Z"], &log[..]].concat(),
    );
    let ceremony = room.stage();
    (room, ceremony)
}

/// What a browser shows of a page: its text, with the blanks that it has.
fn shown(page: &str) -> String {
    let (_, body) = page.split_once("<h1>").unwrap();
    let parts = body.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    let text: String = parts.collect();
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}

#[test]
fn the_page_says_what_the_text_says() {
    let (room, ceremony) = room();
    let alice = room.machine("alice");
    let text = room.run_as(alice, 0, &["review", &ceremony]).stdout;
    let run = room.run_as(alice, 0, &["review", &ceremony, "--html=review.html"]);
    assert!(run.stdout.contains("\nwritten: review.html\n"), "{run:?}");
    let page = room.coordinator.read("review.html");
    let (told, hear) = text.split_once("Whether this is what the others see").unwrap();
    let shown = shown(&page);
    let lines = told.lines().filter(|line| !line.is_empty());
    let mut rest = shown.as_str();
    for line in lines {
        let (_, after) = rest.split_once(line).unwrap_or_else(|| panic!("no {line:?} behind the others in {page}"));
        rest = after;
    }
    assert!(text.contains("<b>Zo\u{eb}</b> & \\u{202e}Sons") && text.contains("<script>.txt"), "{text}");
    assert!(hear.contains("by another") && rest.contains("hear it from the coordinator by another channel"), "{rest}");
    assert!(rest.contains("When what is valid, once this is published"), "{rest}");
    assert!(rest.contains("https://rekor.example: from 2026-11-01T00:00:00Z, open"), "{rest}");
    assert!(page.contains("<svg ") && page.contains(">2026-11-22</text>"), "{page}");
}

#[test]
fn the_page_asks_for_nothing_and_does_nothing() {
    let (room, ceremony) = room();
    room.run(0, &["review", &ceremony, "--html=review.html"]);
    let page = room.coordinator.read("review.html");
    for forbidden in ["<script", "src=", "href=", "url(", "<b>Zo", "\u{202e}"] {
        assert!(!page.contains(forbidden), "{forbidden} in {page}");
    }
}

#[test]
fn the_digest_is_never_on_the_page() {
    let (room, ceremony) = room();
    let screen = room.json(0, &["review", &ceremony, "--digest", "--html=review.html"]);
    let page = shown(&room.coordinator.read("review.html"));
    let (hex, words) = (screen["digest"].as_str().unwrap(), screen["words"].as_str().unwrap());
    assert_eq!(screen["written"], "review.html");
    let spoken = words.split(' ').filter(|word| page.contains(&format!("{word}\n"))).count();
    assert!(!page.to_lowercase().contains(&hex[..8]) && !page.contains(words) && spoken < 3, "{page}");
}

#[test]
fn a_file_that_is_there_stays() {
    let (room, ceremony) = room();
    room.coordinator.write("review.html", "mine\n");
    let run = room.run(2, &["review", &ceremony, "--html=review.html"]);
    assert!(run.says("review.html exists already") && run.stdout.is_empty(), "{run:?}");
    assert_eq!(room.coordinator.read("review.html"), "mine\n");
    assert!(!Path::new(room.coordinator.home()).join("roots").exists());
}

#[test]
fn a_page_is_no_part_of_the_trust_root() {
    let (room, ceremony) = room();
    let inside = [format!("ceremonies/{ceremony}/review.html"), "targets/new/review.html".to_owned()];
    for page in &inside {
        let run = room.run(2, &["review", &ceremony, &format!("--html={page}")]);
        assert!(run.says("would lie in") && run.says("write it somewhere else"), "{run:?}");
    }
    for arguments in [
        &["material", "show", "--svg=targets/timeline.svg"][..],
        &["material", "show", "--html=repository/../ceremonies/timeline.html"],
        &["material", "show", "--html=trustroot.toml"],
        &["material", "show", "--html=evidence/timeline.html"],
        &["handout", "--metadata-url=https://tuf.example", "--out=targets/handout"],
        &["import", "--role=root", "--payload=keyholders/root.bin"],
    ] {
        let run = room.run(2, arguments);
        assert!(run.says("would lie in"), "{arguments:?}: {run:?}");
    }
    room.run(0, &["review", &ceremony]);
    assert!(inside.iter().all(|page| !room.path(page).exists()));
}

#[test]
fn what_speaks_against_a_signature_comes_first() {
    let (room, ceremony) = room();
    room.run(0, &["abandon", &ceremony, "--reason=a <typo>"]);
    room.run(1, &["review", &ceremony, "--html=review.html"]);
    let page = room.coordinator.read("review.html");
    let (head, _) = page.split_once("<section").unwrap();
    assert!(head.contains("<strong>Do not sign:</strong> ceremony"), "{page}");
    assert!(
        head.contains("a &lt;typo&gt;") && page.contains("<section class=\"wrong\">\n<pre>IT WAS CLOSED"),
        "{page}"
    );
}
