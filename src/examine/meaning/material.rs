//! What a change of trust material means for those who verify and sign with it.

use std::fmt::Write as _;

use ceremony::material::diff::Change;
use ceremony::material::{Ending, FileDiff};
use ceremony::{Days, Time};

use super::days_text;
use crate::deadlines::distance;
use crate::text::{escaped, wrapped};

/// What changes in one file, a sentence a line, behind `indent` blanks.
pub(crate) fn file(file: &FileDiff, indent: usize) -> String {
    let mut out = wrapped(&escaped(&file.path).to_string(), indent);
    for change in &file.changes {
        let text = wrapped(&escaped(&change.to_string()).to_string(), indent + 4);
        let _ = write!(out, "{}{} {}", " ".repeat(indent + 2), change.marker(), text.trim_start());
        for detail in change.details() {
            out.push_str(&wrapped(&escaped(detail).to_string(), indent + 6));
        }
    }
    for same in file.goes_on().into_iter().chain(file.unchanged()) {
        let text = wrapped(&same, indent + 4);
        let _ = write!(out, "{}= {}", " ".repeat(indent + 2), text.trim_start());
    }
    out
}

/// When what `files` add is known to every client, and when it starts, a sentence a line behind `indent` blanks; none if
/// they add nothing that has a start. `at` is the earliest moment of the publication.
pub(crate) fn starts(files: &[FileDiff], at: Time, timestamps: Days, indent: usize) -> Option<String> {
    let known = at.plus(timestamps)?;
    let added = files.iter().flat_map(|file| &file.changes).filter_map(|change| match change {
        Change::Added { name, start: Some(start), .. } => Some((name, start)),
        _ => None,
    });
    let mut out = String::new();
    for (name, start) in added {
        if out.is_empty() {
            let lives = days_text(i64::from(timestamps.0));
            let text = format!("Published today, it is known to every client by {known}: a timestamp lasts {lives}.");
            out.push_str(&wrapped(&text, indent));
        }
        let away = match Time::from_unix(start.unix()).map(|start| known.days_until(start)) {
            Some(days) if days < 0 => format!("{} BEFORE that", days_text(-days)),
            Some(days) => format!("{} after that", days_text(days)),
            None => "at a time that no client can know".to_owned(),
        };
        out.push_str(&wrapped(&format!("{name} starts on {start}, {away}."), indent + 2));
    }
    (!out.is_empty()).then_some(out)
}

/// What shows that nothing ends too early, a sentence a line; none if nothing ends. `now` is when it is read.
pub(crate) fn endings(endings: &[Ending], now: Time, indent: usize) -> Option<String> {
    let line = |ending: &Ending| {
        let shown = ending.evidence.as_ref().is_some_and(|evidence| evidence.compromised.is_none());
        let mark = if shown { ' ' } else { '!' };
        let text = wrapped(&ending.to_string(), indent + 4);
        let end = Time::from_unix(ending.end.unix()).map(|end| format!("The end is {}.", distance(now, end)));
        let end = end.map_or_else(String::new, |end| wrapped(&end, indent + 4));
        format!("{}{mark} {}{end}", " ".repeat(indent + 2), text.trim_start())
    };
    let heading = format!("{}Evidence of the last use of what ends\n", " ".repeat(indent));
    (!endings.is_empty()).then(|| heading + &endings.iter().map(line).collect::<String>())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ceremony::material::Moment;

    use super::*;

    #[test]
    fn a_start_is_told_by_the_day_on_which_all_clients_know_it() {
        let added = |start: &str| FileDiff {
            path: "trusted_root.json".to_owned(),
            changes: vec![Change::Added {
                name: "Rekor rekor.example".to_owned(),
                start: Some(Moment::parse(start).unwrap()),
                end: None,
                details: Vec::new(),
            }],
            same: Vec::new(),
            open: Vec::new(),
        };
        let told = |start: &str| starts(&[added(start)], "2026-12-01T12:00:00Z".parse().unwrap(), Days(7), 2);
        let late = told("2026-12-18T12:00:00Z").unwrap();
        assert!(late.contains("by 2026-12-08T12:00:00Z: a") && late.contains("10 days after"), "{late}");
        let early = told("2026-12-07T12:00:00Z").unwrap();
        assert!(early.contains("starts on 2026-12-07T12:00:00Z, 1 day BEFORE"), "{early}");
        assert_eq!(starts(&[], "2026-12-01T12:00:00Z".parse().unwrap(), Days(7), 2), None);
    }
}
