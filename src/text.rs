//! Text on its way to a terminal: made harmless, and broken into lines.

use std::fmt::{self, Write as _};

use ceremony::text::is_harmless;

/// The columns that a report may fill.
pub(crate) const COLUMNS: usize = 80;

/// The columns that a wrapped cell of a table needs; with fewer it goes on below its row.
const ROOM: usize = 16;

/// `text` on one line, with everything that a terminal would act on or not show written as `\u{..}`: control
/// characters, escape sequences, direction marks, invisible and combining characters, line breaks.
pub(crate) fn escaped(text: &str) -> Escaped<'_> {
    Escaped { text, keep_lines: false, json: false }
}

/// Like [`escaped`], with line breaks kept: for text that this program laid out itself.
pub(crate) fn escaped_lines(text: &str) -> Escaped<'_> {
    Escaped { text, keep_lines: true, json: false }
}

/// JSON `text` in which strings hold nothing that a terminal would act on: the same value, written with `\uXXXX`.
pub(crate) fn escaped_json(text: &str) -> Escaped<'_> {
    Escaped { text, keep_lines: true, json: true }
}

/// Like [`escaped`], with blanks written out too: what others wrote stays one word, and makes no sentence of its own
/// where [`wrapped`] would break it.
pub(crate) fn one_word(text: &str) -> String {
    escaped(text).to_string().replace(' ', "\\u{20}")
}

/// Text that a terminal only shows.
pub(crate) struct Escaped<'a> {
    text: &'a str,
    keep_lines: bool,
    json: bool,
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.chars().try_for_each(|c| match c {
            '\n' if self.keep_lines => f.write_char(c),
            c if is_harmless(c) => f.write_char(c),
            c if self.json => c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(f, "\\u{unit:04x}")),
            c => write!(f, "{}", c.escape_unicode()),
        })
    }
}

/// `text` broken at blanks into lines of at most 80 columns, every line behind `indent` blanks and ended by a newline.
///
/// A word that is longer than a line stays whole: digests and paths are copied. Line breaks in `text` are kept.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut column = 0;
        for word in line.split(' ').filter(|word| !word.is_empty()) {
            let width = word.chars().count();
            if column > 0 && column + 1 + width > COLUMNS {
                out.push('\n');
                column = 0;
            }
            match column {
                0 => {
                    out.extend(std::iter::repeat_n(' ', indent));
                    column = indent;
                }
                _ => {
                    out.push(' ');
                    column += 1;
                }
            }
            out.push_str(word);
            column += width;
        }
        out.push('\n');
    }
    out
}

/// `text` with its long lines broken as [`wrapped`] does; lines that begin with a blank stay as they are laid out.
pub(crate) fn wrapped_lines(text: &str) -> String {
    let keep = |line: &str| line.is_empty() || line.starts_with([' ', '\t']);
    text.lines().map(|line| if keep(line) { format!("{line}\n") } else { wrapped(line, 0) }).collect()
}

/// `text` as it stands in HTML or XML, in an attribute too: characters that mean something there are escaped, and what
/// would not be seen, or would turn what stands beside it round, is shown as `\u{..}`.
pub(crate) fn xml(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push('\n'),
            c if is_harmless(c) => out.push(c),
            c => _ = write!(out, "{}", c.escape_unicode()),
        }
    }
    out
}

/// Rows of cells as columns that line up, two blanks between them, behind `indent` blanks.
///
/// The last column takes what is left of 80 columns and is wrapped; a cell of it that does not fit there goes on below
/// the row. A cell of another column that is wider than half of a line is not what its column is as wide as: the row
/// goes on in the next line.
pub(crate) fn columns<const N: usize>(rows: &[[String; N]], indent: usize) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(Some(cell.chars().count()).filter(|count| *count <= COLUMNS / 2).unwrap_or(0));
        }
    }
    let last = N.saturating_sub(1);
    let start = indent + widths.iter().take(last).map(|width| width + 2).sum::<usize>();
    let mut out = String::new();
    for row in rows {
        let (mut line, mut column) = (" ".repeat(indent), indent);
        for (i, (cell, width)) in row.iter().zip(widths).enumerate() {
            if i == last {
                let longest = cell.split(' ').map(|word| word.chars().count()).max().unwrap_or(0);
                let fits = start + cell.chars().count().min(ROOM) <= COLUMNS && start + longest <= COLUMNS;
                match fits {
                    true => line.push_str(wrapped(cell, start).trim()),
                    false => line = format!("{}\n{}", line.trim_end(), wrapped(cell, indent + 4).trim_end()),
                }
                continue;
            }
            column += width + 2;
            let _ = write!(line, "{cell:width$}  ");
            if cell.chars().count() > width {
                line = format!("{}\n{}", line.trim_end(), " ".repeat(column));
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// `text` in at most `width` characters; what is missing at its end is an ellipsis.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    match text.chars().count() > width {
        true => text.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

/// A word as a POSIX shell takes it.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&b);
    match word.bytes().all(plain) && !word.is_empty() {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// A command to copy, of words as a shell takes them: behind two blanks it fits 80 columns, broken where the shell goes on
/// with the next line. A word that is longer than a line stays whole.
pub(crate) fn command(words: &[&str]) -> String {
    const ROOM: usize = COLUMNS - "   \\".len();
    let mut out = String::new();
    let mut column = 0;
    for word in words.iter().map(|word| shell_word(word)) {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > ROOM {
            out.push_str(" \\\n    ");
            column = 4;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(&word);
        column += width;
    }
    out
}

/// `text` as [`wrapped`] breaks it, with every line after the first two columns further in.
pub(crate) fn hanging(text: &str, indent: usize) -> String {
    format!("{}{}", " ".repeat(indent), wrapped(text, indent + 2).trim_start())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_terminal_is_told_nothing() {
        let hostile = "a\x1b[2Jb\rc\nd\u{202e}e\u{9b}f\u{200b}g\u{7f}h\u{301}";
        assert_eq!(escaped(hostile).to_string(), r"a\u{1b}[2Jb\u{d}c\u{a}d\u{202e}e\u{9b}f\u{200b}g\u{7f}h\u{301}");
        assert_eq!(escaped("Zoë's key, 鍵 \"\\\"").to_string(), "Zoë's key, 鍵 \"\\\"");
        assert_eq!(escaped_lines("a\n\x07").to_string(), "a\n\\u{7}");
        for blank in ['\u{115f}', '\u{1160}', '\u{2800}', '\u{3164}', '\u{ffa0}', '\u{a0}', '\u{3000}'] {
            assert!(escaped(&format!("a{blank}")).to_string().starts_with("a\\u{"), "{blank:?}");
        }
        assert_eq!(one_word("a root 1; published\n"), r"a\u{20}root\u{20}1;\u{20}published\u{a}");
    }

    #[test]
    fn escaped_json_is_the_same_value() {
        let json = ceremony::Json::string("a\u{202e}\u{7f}\u{e0001}\x1b\"");
        let text = escaped_json(&json.pretty()).to_string();
        assert!(text.trim_end().bytes().all(|b| matches!(b, b' '..=b'~')), "{text}");
        assert_eq!(ceremony::Json::parse(text.as_bytes()).unwrap(), json);
    }

    #[test]
    fn lines_end_before_column_80() {
        let text = "word ".repeat(50);
        let wrapped = wrapped(&text, 4);
        assert!(wrapped.lines().all(|line| line.len() <= COLUMNS && line.starts_with("    word")));
        assert_eq!(wrapped.split_whitespace().count(), 50);
        let long = "x".repeat(100);
        assert_eq!(super::wrapped(&format!("a {long}"), 2), format!("  a\n  {long}\n"));
    }

    #[test]
    fn a_page_is_told_nothing() {
        let hostile = "<b onclick='x'>\"&\u{202e}\u{1b}\n\u{200b}";
        assert_eq!(xml(hostile), "&lt;b onclick=&#39;x&#39;&gt;&quot;&amp;\\u{202e}\\u{1b}\n\\u{200b}");
    }

    #[test]
    fn columns_line_up() {
        let rows = [["a".to_owned(), "one".to_owned()], ["long".to_owned(), "two ".repeat(40)]];
        let table = columns(&rows, 2);
        assert!(table.starts_with("  a     one\n  long  two two"), "{table}");
        assert!(table.lines().all(|line| line.len() <= COLUMNS), "{table}");
        assert!(table.lines().skip(2).all(|line| line.starts_with("        two")), "{table}");
    }

    #[test]
    fn no_row_is_wider_than_a_terminal() {
        let row =
            |role: &str| [role, "EXPIRED 2036-05-09 3548 days ago", "by others, since 2036-04-08"].map(String::from);
        let table = columns(&[row("registry.npmjs.org 8"), row(&"r".repeat(60)), row("t")], 2);
        assert!(table.lines().all(|line| line.len() <= COLUMNS), "{table}");
        assert!(table.contains("  t                     EXPIRED"), "{table}");
        let digest = "0".repeat(64);
        let table = columns(&[["a".repeat(20), digest.clone()], ["b".to_owned(), "c".to_owned()]], 0);
        assert_eq!(table, format!("{}\n    {digest}\nb                     c\n", "a".repeat(20)));
    }

    #[test]
    fn a_command_is_broken_where_the_shell_goes_on() {
        let words = ["trustroot", "accept", "entry-removed", "tsa https://timestamp.example/api/v1 85f927bc", "--all"];
        let text = command(&words);
        assert_eq!(
            text,
            "trustroot accept entry-removed \\\n    'tsa https://timestamp.example/api/v1 85f927bc' --all"
        );
        assert!(text.lines().all(|line| line.len() + 2 <= COLUMNS), "{text}");
        assert_eq!(command(&["a", "b c"]), "a 'b c'");
        let full = command(&["trustroot", &"x".repeat(66), "y"]);
        assert!(full.lines().all(|line| line.len() + 2 <= COLUMNS) && full.lines().count() == 2, "{full}");
    }

    #[test]
    fn later_lines_hang() {
        let text = hanging(&"word ".repeat(30), 2);
        assert!(text.starts_with("  word") && text.lines().skip(1).all(|line| line.starts_with("    word")), "{text}");
    }

    #[test]
    fn what_a_shell_would_act_on_is_quoted() {
        assert_eq!(shell_word("https://a.example/$(id);'x'"), r"'https://a.example/$(id);'\''x'\'''");
        assert_eq!((shell_word("rekor.pub"), shell_word("")), ("rekor.pub".to_owned(), "''".to_owned()));
    }
}
