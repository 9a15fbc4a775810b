//! Text from others, made safe to show.

use alloc::string::String;

/// `text` on one line, with everything escaped that a terminal would act on or not show. Quotation marks stay what they
/// are.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\'' => out.push(c),
            c if is_blank(c) => out.extend(c.escape_unicode()),
            c => out.extend(c.escape_debug()),
        }
    }
    out
}

/// Whether a terminal shows `c` as one thing in its place. `escape_debug` knows what is printable and what combines, and
/// takes the letters and symbols of Unicode that have no ink for printable.
pub fn is_harmless(c: char) -> bool {
    matches!(c, ' '..='~') || (!c.is_ascii() && !is_blank(c) && c.escape_debug().count() == 1)
}

fn is_blank(c: char) -> bool {
    matches!(c, '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_says_what_it_was() {
        assert_eq!(escaped("it's \"b\"\u{202e}\n\u{1b}\u{2800}\\"), "it's \"b\"\\u{202e}\\n\\u{1b}\\u{2800}\\\\");
        assert!(escaped("a\u{3164}\u{7f}\u{301}").chars().all(is_harmless));
        assert!(is_harmless('鍵') && is_harmless('"') && !is_harmless('\n') && !is_harmless('\u{a0}'));
    }
}
