//! When what is valid, drawn as SVG.

use std::fmt::Write as _;

use ceremony::Time;
use ceremony::material::timeline::Timeline;

use super::timeline::{remarks, span, years};
use crate::page::page;
use crate::text::{escaped, shortened, wrapped, xml};

/// Measures in pixels.
const WIDTH: i128 = 1000;
const NAMES: i128 = 330;
const ROW: usize = 22;
const HEAD: usize = 40;
/// How things look: a time in which more than one is valid, one entry, today, a time in which nothing is valid.
const OVERLAP: &str = "fill=\"#fc0\" fill-opacity=\"0.35\"";
const VALID: &str = "fill=\"#36c\"";
const TODAY: &str = "fill=\"#080\"";
const HOLE: &str = "fill=\"#fdd\" stroke=\"#b00\" stroke-width=\"2\" stroke-dasharray=\"5 3\"";

/// A picture of the lanes of a trust root: a bar for each entry, overlaps and holes marked, a line at `now`, and below
/// them what the marks mean. It needs no script and no other file.
pub(super) fn svg(timeline: &Timeline, trust_root: &str, now: Time) -> String {
    let Some(span) = span(timeline, now) else { return EMPTY.to_owned() };
    let rows: usize = timeline.lanes.iter().map(|lane| lane.bars.len() + 1).sum();
    let bottom = HEAD + rows * ROW + 10;
    let height = bottom + ROW;
    let name = xml(&escaped(trust_root).to_string());
    let x = |at: i64| place(at, span);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<title>{name}: when what is valid</title>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"8\" y=\"15\" font-size=\"15\">{}</text>\n",
        xml(&escaped(&shortened(trust_root, 43)).to_string())
    );
    for (year, at) in years(span) {
        let x = x(at);
        let _ = writeln!(
            out,
            "<path d=\"M{x} {HEAD}V{bottom}\" stroke=\"#ddd\"/><text x=\"{x}\" y=\"30\" fill=\"#555\">{year}</text>"
        );
    }
    let mut y = HEAD;
    for lane in &timeline.lanes {
        let _ = writeln!(
            out,
            "<text x=\"8\" y=\"{}\" font-weight=\"bold\">{}</text>",
            y + 15,
            xml(&escaped(&lane.name).to_string())
        );
        let (top, tall) = (y + 4, (lane.bars.len() + 1) * ROW - 6);
        for hole in &lane.holes {
            let (from, to) =
                (hole.from.as_ref().map_or(span.0, |at| at.unix()), hole.to.as_ref().map_or(span.1, |at| at.unix()));
            let from_text = hole.from.as_ref().map_or("the beginning", |at| at.as_str());
            let to_text = hole.to.as_ref().map_or("for ever", |at| at.as_str());
            let title = format!("hole: {from_text} to {to_text}");
            shade(&mut out, (x(from), x(to)), (top, tall), HOLE, &title);
        }
        for overlap in &lane.overlaps {
            let to = overlap.to.as_ref().map_or(span.1, |at| at.unix());
            let to_text = overlap.to.as_ref().map_or("on", |at| at.as_str());
            let title = format!("overlap: {} to {to_text}", overlap.from);
            shade(&mut out, (x(overlap.from.unix()), x(to)), (top, tall), OVERLAP, &title);
        }
        y += ROW;
        for bar in &lane.bars {
            let start = bar.valid_for.start.as_ref().map_or(span.0, |at| at.unix());
            let end = bar.valid_for.end.as_ref().map_or(span.1, |at| at.unix());
            let (from, to) = (x(start), x(end).max(x(start) + 2));
            let label = xml(&escaped(bar.label.trim_start_matches("https://")).to_string());
            let valid = xml(&super::listing::validity(&bar.valid_for, None));
            let _ = writeln!(
                out,
                "<text x=\"20\" y=\"{}\">{label}</text><rect x=\"{from}\" y=\"{}\" width=\"{}\" height=\"12\" rx=\"2\" \
                 {VALID}><title>{label}: {valid}</title></rect>",
                y + 15,
                y + 5,
                to - from
            );
            if bar.valid_for.end.is_none() {
                let _ = writeln!(out, "<path d=\"M{to} {}l8 6l-8 6z\" {VALID}/>", y + 5);
            }
            y += ROW;
        }
    }
    let (today, day) = (x(now.unix()), now.to_string());
    let _ = writeln!(
        out,
        "<path d=\"M{today} 14V{bottom}\" stroke=\"#080\" stroke-width=\"2\"/><text x=\"{today}\" y=\"12\" fill=\"#080\" \
         text-anchor=\"middle\">{}</text>",
        &day[..10]
    );
    legend(&mut out, bottom);
    out.push_str("</svg>\n");
    out
}

/// What the marks mean, in one line.
fn legend(out: &mut String, y: usize) {
    let marks = [
        (0, 16, VALID, "valid; pointed: open"),
        (170, 16, OVERLAP, "more than one is valid"),
        (360, 16, HOLE, "nothing is valid"),
        (510, 2, TODAY, "today"),
    ];
    for (place, width, look, meaning) in marks {
        let x = NAMES + place;
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"12\" {look}/><text x=\"{}\" y=\"{}\">{meaning}</text>",
            y + 2,
            x + width + 6,
            y + 13
        );
    }
}

/// A page with the picture, and the entries in words below it. `whose` is a sentence on what it shows.
pub(super) fn html(timeline: &Timeline, trust_root: &str, whose: &str, words: &str, now: Time) -> String {
    let body = format!("<p>{}</p>\n{}<pre>{}</pre>\n", xml(whose), svg(timeline, trust_root, now), xml(words));
    page(&format!("Trust material of {trust_root}"), &body)
}

/// The picture with its times in words below it, as a part of a page.
pub(in crate::commands) fn figure(timeline: &Timeline, trust_root: &str, now: Time) -> String {
    let mut words = String::new();
    for lane in &timeline.lanes {
        let _ = writeln!(words, "{}", escaped(&lane.name));
        for bar in &lane.bars {
            let valid = super::listing::validity(&bar.valid_for, Some(now));
            words.push_str(&wrapped(&format!("{}: {valid}", escaped(&bar.label)), 2));
        }
        words.push_str(&remarks(lane));
    }
    format!("{}<pre>{}</pre>\n", svg(timeline, trust_root, now), xml(&words))
}

/// A stripe behind the bars of a lane.
fn shade(out: &mut String, (from, to): (i128, i128), (top, height): (usize, usize), look: &str, title: &str) {
    let width = (to - from).max(2);
    let title = xml(title);
    let _ = writeln!(
        out,
        "<rect x=\"{from}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" {look}>\
         <title>{title}</title></rect>"
    );
}

fn place(at: i64, (first, last): (i64, i64)) -> i128 {
    let (at, first, last) = (i128::from(at), i128::from(first), i128::from(last));
    (NAMES + (at - first) * (WIDTH - NAMES - 10) / (last - first).max(1)).clamp(NAMES, WIDTH - 10)
}

const EMPTY: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 300 40\"><text x=\"8\" y=\"24\">There is no \
                     trust material.</text></svg>\n";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ceremony::material::{Material, TrustedRoot};

    use super::*;

    #[test]
    fn names_are_text_in_a_picture() {
        let root = TrustedRoot::parse(
            br#"{"tlogs": [{"baseUrl": "https://x\u001b</title><script>", "publicKey": {"validFor": {"start": "2021-01-01T00:00:00Z"}}}]}"#,
        );
        let timeline = Timeline::of(&Material { trusted_root: Some(root.unwrap()), ..Material::default() });
        let now = "2026-06-01T00:00:00Z".parse().unwrap();
        let page = html(&timeline, "<b>\u{1b}x", "It < is.", "a < b", now);
        assert!(page.contains("x\\u{1b}&lt;/title&gt;&lt;script&gt;") && !page.contains("<script>"), "{page}");
        assert!(page.contains("<h1>Trust material of &lt;b&gt;\\u{1b}x</h1>\n<p>It &lt; is.</p>"), "{page}");
        assert!(page.contains("a &lt; b") && page.contains(">2026-06-01<"));
        let figure = figure(&timeline, "x", now);
        assert!(figure.contains("\n  https://x\\u{1b}&lt;/title&gt;&lt;script&gt;: from 2021-01-01T00:00:00Z, open\n"));
        assert!(svg(&Timeline { lanes: Vec::new() }, "x", now).contains("There is no trust material"));
    }
}
