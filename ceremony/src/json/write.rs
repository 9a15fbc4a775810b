//! JSON as it is signed and as it is read by people.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Json;

impl Json {
    pub(super) fn write_canonical(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Self::String(text) => canonical_string(text, out),
            Self::Array(elements) => {
                out.push(b'[');
                for (i, element) in elements.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    element.write_canonical(out);
                }
                out.push(b']');
            }
            Self::Object(object) => {
                out.push(b'{');
                for (i, (name, value)) in object.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    canonical_string(name, out);
                    out.push(b':');
                    value.write_canonical(out);
                }
                out.push(b'}');
            }
        }
    }

    /// Writes the readable form as it stands inside a value at `depth`.
    pub(crate) fn write_pretty(&self, out: &mut String, depth: usize) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => out.push_str(&number.to_string()),
            Self::String(text) => json_string(text, out),
            Self::Array(elements) if elements.is_empty() => out.push_str("[]"),
            Self::Array(elements) => {
                out.push('[');
                for (i, element) in elements.iter().enumerate() {
                    line(i > 0, out, depth + 1);
                    element.write_pretty(out, depth + 1);
                }
                line(false, out, depth);
                out.push(']');
            }
            Self::Object(object) if object.is_empty() => out.push_str("{}"),
            Self::Object(object) => {
                out.push('{');
                for (i, (name, value)) in object.iter().enumerate() {
                    line(i > 0, out, depth + 1);
                    json_string(name, out);
                    out.push_str(": ");
                    value.write_pretty(out, depth + 1);
                }
                line(false, out, depth);
                out.push('}');
            }
        }
    }
}

fn canonical_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    if is_plain(text) {
        out.extend_from_slice(text.as_bytes());
    } else {
        for byte in text.bytes() {
            if byte == b'"' || byte == b'\\' {
                out.push(b'\\');
            }
            out.push(byte);
        }
    }
    out.push(b'"');
}

/// Whether nothing in a text is ever escaped: most of what stands in metadata, which is then written at once.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\')
}

/// Writes a string of JSON, quotation marks included.
pub(crate) fn json_string(text: &str, out: &mut String) {
    out.push('"');
    match is_plain(text) {
        true => out.push_str(text),
        false => text.chars().for_each(|c| json_char(c, out)),
    }
    out.push('"');
}

fn json_char(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        // Control characters, and those that a terminal or an editor would act on.
        c if c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        }
        c => out.push(c),
    }
}

fn line(comma: bool, out: &mut String, depth: usize) {
    if comma {
        out.push(',');
    }
    out.push('\n');
    out.extend(core::iter::repeat_n(' ', depth));
}
