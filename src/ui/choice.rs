//! Questions that have a few answers, which `dialoguer` asks.

use std::fmt;
use std::io;

use dialoguer::theme::Theme;
use dialoguer::{Confirm, Result, Select};
use rustix::termios::tcgetwinsize;

use crate::text::{escaped, shortened};

/// Asks for *yes* or *no*, and for Enter. Nothing else that is typed is shown.
pub(super) fn confirm(question: &str, default: Option<bool>) -> Result<bool> {
    let confirm = Confirm::with_theme(&Plain).with_prompt(question).wait_for_newline(true);
    match default {
        Some(default) => confirm.default(default).interact(),
        None => confirm.interact(),
    }
}

/// Asks for one of `items`, the first of them proposed; answers with its index.
pub(super) fn select(question: &str, items: &[String]) -> Result<usize> {
    // A line that is wider than the terminal would be painted anew below itself with every key.
    let width = tcgetwinsize(io::stderr()).map_or(80, |size| usize::from(size.ws_col).max(20)) - 3;
    let items: Vec<_> = items.iter().map(|item| shortened(&escaped(item).to_string(), width)).collect();
    Select::with_theme(&Plain).with_prompt(question).items(&items).default(0).interact()
}

/// No colours, and no colon after a question mark.
struct Plain;

impl Theme for Plain {
    fn format_prompt(&self, f: &mut dyn fmt::Write, prompt: &str) -> fmt::Result {
        write!(f, "{prompt}{}", if prompt.ends_with('?') { "" } else { ":" })
    }

    fn format_select_prompt_selection(&self, f: &mut dyn fmt::Write, prompt: &str, item: &str) -> fmt::Result {
        self.format_prompt(f, prompt)?;
        write!(f, " {item}")
    }
}
