//! When what is valid, drawn in 80 columns.

use std::fmt::Write as _;

use ceremony::Time;
use ceremony::material::timeline::{Bar, Lane, Timeline};

use crate::text::{COLUMNS, escaped, wrapped};

/// The columns of the names.
const NAMES: usize = 30;

/// How much of the end of a long name is shown.
const TAIL: usize = 10;

/// The columns of the bars.
const BARS: usize = COLUMNS - NAMES - 1;

/// From when to when is drawn, in seconds after 1970-01-01T00:00:00Z: the first start to a year behind the last time or
/// `now`.
pub(super) fn span(timeline: &Timeline, now: Time) -> Option<(i64, i64)> {
    let (first, last) = timeline.span()?;
    Some((first, last.max(now.unix()).saturating_add(YEAR)))
}

/// The lanes, with a scale of years above them and `now` marked.
pub(super) fn text(timeline: &Timeline, now: Time) -> String {
    let Some(span) = span(timeline, now) else { return String::new() };
    let day = now.to_string();
    let mut out = format!("\nTimeline: = valid, > open, : today, {}\n", &day[..10]);
    let _ = writeln!(out, "{:NAMES$} {}", "", scale(span).trim_end());
    for lane in &timeline.lanes {
        out.push_str(&wrapped(&escaped(&lane.name).to_string(), 0));
        for bar in &lane.bars {
            let name = shortened(&escaped(bar.label.trim_start_matches("https://")).to_string());
            let _ = writeln!(out, "  {name:width$} {}", drawn(bar, span, now), width = NAMES - 2);
        }
        out.push_str(&remarks(lane));
    }
    out
}

/// A name that fits, with its ends: what is left out in the middle is marked.
fn shortened(name: &str) -> String {
    let length = name.chars().count();
    if length <= NAMES - 2 {
        return name.to_owned();
    }
    let head: String = name.chars().take(NAMES - 2 - TAIL - 1).collect();
    let tail: String = name.chars().skip(length - TAIL).collect();
    format!("{head}\u{2026}{tail}")
}

/// What is between the bars of a lane.
pub(super) fn remarks(lane: &Lane) -> String {
    let mut out = String::new();
    for hole in &lane.holes {
        let from = hole.from.as_ref().map_or("the beginning", |from| from.as_str());
        let to = hole.to.as_ref().map_or_else(|| "on".to_owned(), |to| format!("to {to}"));
        out.push_str(&wrapped(&escaped(&format!("! nothing is valid from {from} {to}")).to_string(), 2));
    }
    for overlap in &lane.overlaps {
        let to = overlap.to.as_ref().map_or_else(|| "on".to_owned(), |to| format!("to {to}"));
        out.push_str(&wrapped(&escaped(&format!("both are valid from {} {to}", overlap.from)).to_string(), 4));
    }
    out
}

/// The years, each at the column of its beginning.
fn scale(span: (i64, i64)) -> String {
    let mut line = vec![b' '; BARS];
    let mut free = 0;
    for (year, at) in years(span) {
        let column = column(at, span);
        let text = year.to_string();
        if column >= free && column + text.len() <= BARS {
            line[column..column + text.len()].copy_from_slice(text.as_bytes());
            free = column + text.len() + 1;
        }
    }
    String::from_utf8_lossy(&line).into_owned()
}

/// The years that begin within the span, with the moment.
pub(super) fn years(span: (i64, i64)) -> Vec<(i64, i64)> {
    let begins = |year: i64| format!("{year:04}-01-01T00:00:00Z").parse::<Time>().ok().map(|time| (year, time.unix()));
    let first = Time::from_unix(span.0).and_then(|time| time.to_string().get(..4)?.parse().ok()).unwrap_or(1970);
    let last = Time::from_unix(span.1).and_then(|time| time.to_string().get(..4)?.parse().ok()).unwrap_or(first);
    let within = |(_, at): &(i64, i64)| (span.0..=span.1).contains(at);
    (first..=last).filter_map(begins).filter(within).collect()
}

/// One bar, with `now` in it.
fn drawn(bar: &Bar, span: (i64, i64), now: Time) -> String {
    let start = bar.valid_for.start.as_ref().map_or(0, |start| column(start.unix(), span));
    let end = bar.valid_for.end.as_ref().map(|end| column(end.unix(), span));
    let today = column(now.unix(), span);
    let cell = |place: usize| match end {
        _ if place < start => ' ',
        Some(end) if place > end => ' ',
        None if place == BARS - 1 => '>',
        _ => '=',
    };
    let cells = (0..BARS).map(|place| if place == today { ':' } else { cell(place) });
    cells.collect::<String>().trim_end().to_owned()
}

/// The column of a moment, from 0 to the last.
fn column(at: i64, (first, last): (i64, i64)) -> usize {
    let width = i128::from(last) - i128::from(first);
    let place = (i128::from(at) - i128::from(first)).max(0) * (BARS as i128 - 1) / width.max(1);
    usize::try_from(place).unwrap_or(0).min(BARS - 1)
}

const YEAR: i64 = 365 * 86_400;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ceremony::material::{Material, TrustedRoot};

    use super::*;

    fn timeline() -> Timeline {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(
            "../shared/data/sigstore-prod/targets/6494e21ea73fa7ee769f85f57d5a3e6a08725eae1e38c755fc3517c9e6bc0b66.trusted_root.json",
        );
        let root = TrustedRoot::parse(&std::fs::read(path).unwrap()).unwrap();
        Timeline::of(&Material { trusted_root: Some(root), ..Material::default() })
    }

    #[test]
    fn bars_stand_where_their_time_is() {
        let text = text(&timeline(), "2026-06-01T00:00:00Z".parse().unwrap());
        assert!(text.lines().all(|line| line.chars().count() <= COLUMNS), "{text}");
        let expected = "
Timeline: = valid, > open, : today, 2026-06-01
                                      2022   2023    2024   2025    2026   2027
Fulcio
  fulcio.sigstore.dev 03a38ffb  ==============                         :
  fulcio.sigstore.dev 15d79534          ===============================:=======>
    both are valid from 2022-04-13T20:06:15Z to 2022-12-31T23:59:59.999Z
";
        assert!(text.starts_with(expected), "{text}");
    }

    #[test]
    fn any_times_are_drawn() {
        for now in ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1970-01-01T00:00:00Z"] {
            let text = text(&timeline(), now.parse().unwrap());
            assert!(text.lines().all(|line| line.chars().count() <= COLUMNS), "{text}");
        }
    }
}
