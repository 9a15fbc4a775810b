//! What a run said, as a person reads it.

use super::Run;

/// Asserts that a run said each of `lines`, on stdout or stderr, wherever its lines are broken.
#[track_caller]
pub fn says(run: &Run, lines: &[&str]) {
    let text = format!("{}{}", run.stdout, run.stderr);
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in lines {
        assert!(joined.contains(line), "no {line:?} in\n{text}");
    }
}

/// Asserts that no line of `text` is wider than a terminal of 80 columns.
#[track_caller]
pub fn fits(text: &str) {
    let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(long.is_empty(), "{long:#?}");
}
