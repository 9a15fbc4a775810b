//! A choice among lines, made with the arrow keys.

use std::io;

use rustix::termios::tcgetwinsize;

use super::keyboard::{Key, Keyboard};
use crate::interrupt;
use crate::text::escaped;

/// Lets a person pick one of `items`, the first of them proposed; none at the end of input. Answers with its index.
///
/// A line that is wider than the terminal is shortened: it would be painted anew below itself with every key. Of more
/// lines than the terminal has, those around the picked one are shown.
pub(super) fn pick(question: &str, items: &[String]) -> io::Result<Option<usize>> {
    let (rows, columns) = size();
    let items: Vec<_> = items.iter().map(|item| shortened(&escaped(item).to_string(), columns - 3)).collect();
    let colon = if question.ends_with('?') { "" } else { ":" };
    let question = shortened(&escaped(question).to_string(), columns - 2) + colon;
    let last = items.len().checked_sub(1).ok_or(io::ErrorKind::InvalidInput)?;
    let shown = items.len().min(rows - 2);
    let keyboard = Keyboard::keys()?;
    let _cursor = HiddenCursor::new();
    let mut picked = 0_usize;
    interrupt::paint(&format!("{question}\n"));
    loop {
        let first = picked.saturating_sub(shown / 2).min(items.len() - shown);
        let lines = items.iter().enumerate().skip(first).take(shown);
        let lines: String =
            lines.map(|(i, item)| format!("\r\x1b[2K{} {item}\n", if i == picked { '>' } else { ' ' })).collect();
        interrupt::paint(&lines);
        picked = match keyboard.key()? {
            Key::Down | Key::Character('j') => {
                if picked == last {
                    0
                } else {
                    picked + 1
                }
            }
            Key::Up | Key::Character('k') => picked.checked_sub(1).unwrap_or(last),
            Key::Enter => {
                // The choice stays where the question was.
                let chosen = items.get(picked).map(String::as_str).unwrap_or_default();
                let line = shortened(&format!("{question} {chosen}"), columns - 1);
                interrupt::paint(&format!("\x1b[{}A\r\x1b[J{line}\n", shown + 1));
                return Ok(Some(picked));
            }
            Key::End => return Ok(None),
            _ => picked,
        };
        interrupt::paint(&format!("\x1b[{shown}A"));
    }
}

/// The cursor is of no use in a menu.
struct HiddenCursor(());

impl HiddenCursor {
    fn new() -> Self {
        interrupt::paint("\x1b[?25l");
        Self(())
    }
}

impl Drop for HiddenCursor {
    fn drop(&mut self) {
        interrupt::paint("\x1b[?25h");
    }
}

/// Rows and columns of the terminal on stderr; those of a small one where it does not tell.
fn size() -> (usize, usize) {
    let size = tcgetwinsize(io::stderr()).ok().filter(|size| size.ws_row > 0 && size.ws_col > 0);
    let (rows, columns) = size.map_or((24, 80), |size| (size.ws_row.into(), size.ws_col.into()));
    (rows.max(4), columns.max(20))
}

/// `text` in at most `width` characters.
fn shortened(text: &str, width: usize) -> String {
    match text.chars().count() > width {
        true => text.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
        false => text.to_owned(),
    }
}
