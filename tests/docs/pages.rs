//! Links, and the tests that pages name as evidence.

use std::collections::BTreeSet;
use std::path::Path;

use super::{all_pages, page, project};

/// The targets of the links of a page: `[text](target)`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

/// The anchors that GitHub makes of headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut seen = 0;
    for path in all_pages() {
        let text = std::fs::read_to_string(&path).unwrap();
        for link in links(&text).filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link} leads nowhere", path.display());
            if !anchor.is_empty() {
                let found = anchors(&std::fs::read_to_string(&target).unwrap());
                assert!(found.contains(anchor), "{}: {link}: no such heading; there are {found:?}", path.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn every_page_can_be_found() {
    let index = page("docs/README.md");
    let linked: BTreeSet<_> = links(&index).map(|link| project().join("docs").join(link)).collect();
    let docs = project().join("docs");
    for path in all_pages().into_iter().filter(|path| path.starts_with(&docs) && *path != docs.join("README.md")) {
        assert!(linked.contains(&path), "docs/README.md does not list {}", path.display());
    }
}

/// The evidence of these pages is `file::test` in code marks; each must be a test of that file.
#[test]
fn all_evidence_is_there() {
    let text = page("docs/threat-model.md") + &page("docs/mistakes.md");
    let mut seen = 0;
    for mark in text.split('`').skip(1).step_by(2) {
        let Some((file, test)) = mark.split_once(".rs::") else { continue };
        let path = format!("{file}.rs");
        let source = std::fs::read_to_string(project().join(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(source.contains(&format!("fn {test}(")), "{path} has no {test}");
        seen += 1;
    }
    assert!(seen > 100, "{seen}");
}

/// What a page calls a file or directory of the project is one.
#[test]
fn named_files_are_there() {
    for path in ["docs/architecture.md", "docs/mistakes.md", "docs/threat-model.md"] {
        for mark in page(path).split('`').skip(1).step_by(2) {
            let is_path =
                ["src/", "ceremony/src/", "keyholders/src/", "tests/", "docs/"].iter().any(|p| mark.starts_with(p));
            let file = mark.split("::").next().unwrap();
            if is_path && !file.contains(['*', ' ', '{']) {
                assert!(Path::new(project()).join(file).exists(), "{path} names {file}");
            }
        }
    }
}

#[test]
fn pages_name_no_machine() {
    for path in all_pages() {
        let text = std::fs::read_to_string(&path).unwrap();
        for place in ["/tmp/", "/work/", "/home/"] {
            assert!(!text.contains(place), "{} names {place}", path.display());
        }
    }
}
