//! Text from others, made safe to show.

/// `text` with everything escaped that a terminal would act on.
pub(crate) fn escaped(text: &str) -> String {
    let quote = |c| matches!(c, '\'' | '"');
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if quote(c) {
            out.push(c)
        } else {
            out.extend(c.escape_debug())
        }
        out
    })
}

/// `text` as a TOML basic string of printable ASCII, quotes included.
pub(crate) fn toml_string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            ' '..='~' => out.push(c),
            c if u32::from(c) <= 0xffff => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}
