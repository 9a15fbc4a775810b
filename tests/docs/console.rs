//! Runs the ```` ```console ```` blocks of a page, in their order, in one shell and one empty directory.
//!
//! ```text
//! $ a command          its output follows; both streams, as a terminal would show them
//! > its second line
//! ? 1                  its exit code, where that is not 0
//! ...                  any number of lines
//! some[..]text         any text within a line
//! ```

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_trustroot");

struct Step {
    line: usize,
    command: String,
    code: i32,
    output: Vec<String>,
}

/// Runs the blocks of the page at `path`, and compares.
pub(crate) fn follow(path: &str) {
    let steps = steps(&crate::page(path));
    assert!(!steps.is_empty(), "{path} has no console block");
    let directory = tempfile::tempdir().unwrap();
    let (home, out) = (directory.path().join("home"), directory.path().join("out"));
    let place = directory.path().join("place");
    for path in [&home, &out, &place] {
        std::fs::create_dir(path).unwrap();
    }
    let mut script = String::new();
    for (i, step) in steps.iter().enumerate() {
        let out = out.join(i.to_string()).display().to_string();
        writeln!(script, "{{ {}\n}} >'{out}' 2>&1\necho $? >'{out}.code'", step.command).unwrap();
    }
    let binaries = Path::new(BINARY).parent().unwrap().display();
    let ran = Command::new("sh")
        .args(["-c", &script])
        .current_dir(&place)
        .env_clear()
        .env("HOME", &home)
        .env("PATH", format!("{binaries}:{}", std::env::var("PATH").unwrap()))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(ran.stderr.is_empty(), "{path}: {}", String::from_utf8_lossy(&ran.stderr));
    for (i, step) in steps.iter().enumerate() {
        let output = std::fs::read_to_string(out.join(i.to_string())).unwrap_or_default();
        let code = std::fs::read_to_string(out.join(format!("{i}.code"))).unwrap_or_default();
        let Step { line, command, .. } = step;
        assert_eq!(code.trim(), step.code.to_string(), "{path}:{line}: the exit code of {command}\n{output}");
        let lines: Vec<&str> = output.lines().collect();
        if let Some(left) = unmatched(&step.output, &lines) {
            let wanted = step.output.len().checked_sub(left).and_then(|at| step.output.get(at));
            let wanted = wanted.map_or("the end", String::as_str);
            panic!("{path}:{line}: $ {command}\n--- the page says, and nothing fits: {wanted}\n--- it says\n{output}");
        }
    }
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (i, text) in page.lines().enumerate() {
        if text.starts_with("```") {
            inside = text == "```console";
        } else if !inside {
        } else if let Some(command) = text.strip_prefix("$ ") {
            steps.push(Step { line: i + 1, command: command.to_owned(), code: 0, output: Vec::new() });
        } else {
            let step = steps.last_mut().unwrap_or_else(|| panic!("line {}: output before any command", i + 1));
            match text.strip_prefix("> ") {
                Some(more) if step.output.is_empty() => step.command = format!("{}\n{more}", step.command),
                _ => match text.strip_prefix("? ") {
                    Some(code) => step.code = code.parse().unwrap(),
                    None => step.output.push(text.to_owned()),
                },
            }
        }
    }
    for step in &mut steps {
        // Empty lines at the end of a block are there for the reader.
        while step.output.last().is_some_and(String::is_empty) {
            step.output.pop();
        }
    }
    steps
}

/// How many of the `expected` lines are left where nothing fits any more, with the best luck; none if all fit.
fn unmatched(expected: &[String], found: &[&str]) -> Option<usize> {
    let Some((first, rest)) = expected.split_first() else {
        return (!found.iter().all(|line| line.is_empty())).then_some(0);
    };
    if first == "..." {
        let tries = (0..=found.len()).map(|skipped| unmatched(rest, &found[skipped..]));
        return tries.reduce(|best, next| best.and_then(|best| next.map(|next| next.min(best)))).flatten();
    }
    match found.split_first() {
        Some((line, more)) if is_like(first, line) => unmatched(rest, more),
        _ => Some(expected.len()),
    }
}

fn is_like(pattern: &str, line: &str) -> bool {
    let parts: Vec<&str> = pattern.split("[..]").collect();
    let [first, middle @ .., last] = &parts[..] else { return pattern == line };
    let Some(mut left) = line.strip_prefix(first) else { return false };
    for part in middle {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

#[test]
fn wildcards_stand_for_what_varies() {
    let text = "```console\n$ a\n> b\n? 1\none\n...\nlast [..] of [..]\n\n$ c\n```\n";
    let steps = steps(text);
    assert_eq!((steps[0].command.as_str(), steps[0].code, steps[1].command.as_str()), ("a\nb", 1, "c"));
    assert_eq!(unmatched(&steps[0].output, &["one", "x", "y", "last 1 of 2"]), None);
    assert_eq!(unmatched(&steps[0].output, &["one", "last  of "]), None);
    assert_eq!(unmatched(&steps[0].output, &["one", "x", "last 1 of 2", "more"]), Some(0));
    assert_eq!(unmatched(&steps[0].output, &["last 1 of 2"]), Some(3));
    assert_eq!((unmatched(&[], &[""]), unmatched(&[], &["anything"])), (None, Some(0)));
}
