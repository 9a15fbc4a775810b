//! What the documentation says, tried: its commands, its examples, its links, the tests that it names.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
#[path = "docs/console.rs"]
mod console;
#[path = "docs/formats.rs"]
mod formats;
#[path = "docs/pages.rs"]
mod pages;
#[path = "docs/robot.rs"]
mod robot;

use std::path::{Path, PathBuf};

use ceremony::Rule;

/// The directory of the project.
fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a page, by its path in the project.
fn page(path: &str) -> String {
    std::fs::read_to_string(project().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every page: the README and all of `docs/`.
fn all_pages() -> Vec<PathBuf> {
    let mut pages = vec![project().join("README.md")];
    let mut open = vec![project().join("docs")];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.extension() {
                _ if path.is_dir() => open.push(path),
                Some(extension) if extension == "md" => pages.push(path),
                _ => {}
            }
        }
    }
    pages.sort();
    pages
}

#[test]
fn the_tutorial_does_what_it_shows() {
    console::follow("docs/tutorial.md");
}

#[test]
fn the_readme_does_what_it_shows() {
    console::follow("README.md");
}

#[test]
fn the_readme_lists_every_command() {
    let help = common::Trustroot::new().ok(&["--help"]);
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let (commands, _) = commands.split_once("\nOptions:").unwrap();
    let names = commands.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let names: Vec<_> = names.filter_map(|line| line.split(' ').next()).filter(|name| *name != "help").collect();
    assert!(names.len() > 15, "{names:?}");
    let readme = page("README.md");
    let rows: Vec<&str> = readme.lines().filter(|line| line.starts_with("| ")).collect();
    for name in names {
        assert!(rows.iter().any(|row| row.contains(&format!("`{name}`"))), "README.md does not list {name}");
    }
}

#[test]
fn every_finding_is_explained() {
    let text = page("docs/findings.md");
    let mut sections: Vec<(&str, String)> = Vec::new();
    for part in text.split("\n### ").skip(1) {
        let (heading, body) = part.split_once('\n').unwrap();
        let body = body.split("\n## ").next().unwrap();
        sections.push((heading, body.split_whitespace().collect::<Vec<_>>().join(" ")));
    }
    let names: Vec<&str> = sections.iter().map(|(name, _)| *name).collect();
    let rules: Vec<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
    assert_eq!(names, rules, "docs/findings.md explains exactly the rules that there are, in their order");
    for (rule, (name, body)) in Rule::ALL.iter().zip(&sections) {
        assert!(body.starts_with(rule.why()), "{name}: the section begins with: {}", rule.why());
        let subject = format!("**Subject:** {}.", rule.subject());
        assert!(body.contains(&subject), "{name}: {subject}");
        let clients = if rule.clients().is_empty() { "none" } else { rule.clients() };
        let clients = format!("**Clients:** {clients}.");
        assert!(body.contains(&clients), "{name}: {clients}");
        assert!(body.contains("**Found by:** ") && body.contains("**Do:** "), "{name}");
    }
}
