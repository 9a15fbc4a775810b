//! Text that implementations of canonical JSON write differently.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use unicode_normalization::is_nfc;

use super::of_version;
use crate::finding::{Finding, Rule};
use crate::json::{Json, Object};
use crate::metadata::Metadata;

/// Finds what these implementations write differently from the TUF specification, section 4.2.1, and from us:
/// olpc-cjson (in tough) applies NFC and sorts names with their quotes and escapes; @tufjs/canonical-json (in tuf-js)
/// sorts by UTF-16 and rounds numbers to 53 bits.
pub(super) fn text(role: &str, metadata: &Metadata, findings: &mut Vec<Finding>) {
    let mut odd = Vec::new();
    value(metadata.signed(), &mut odd);
    if let Some(first) = odd.first() {
        let more = if odd.len() > 1 { format!(", and {} more", odd.len() - 1) } else { String::new() };
        let subject = of_version(role, metadata.version());
        findings.push(Finding::new(Rule::CanonicalDivergence, subject, format!("{first}{more}")));
    }
}

fn value(json: &Json, odd: &mut Vec<String>) {
    match json {
        Json::Array(elements) => elements.iter().for_each(|element| value(element, odd)),
        Json::Number(number) if number.unsigned_abs() > LARGEST => {
            odd.push(format!("JavaScript rounds the number {number}"));
        }
        Json::Object(object) => {
            siblings(object, odd);
            for (name, member) in object.iter() {
                string(name, odd);
                value(member, odd);
            }
        }
        Json::String(text) => string(text, odd),
        Json::Bool(_) | Json::Null | Json::Number(_) => {}
    }
}

fn string(text: &str, odd: &mut Vec<String>) {
    if !text.is_ascii() && !is_nfc(text) {
        odd.push(format!("\"{}\" is not in Unicode normal form C", short(text)));
    }
}

/// Names are sorted already. Another order of the whole is another order of two neighbours.
fn siblings(object: &Object, odd: &mut Vec<String>) {
    let mut before: Option<&str> = None;
    for (name, _) in object.iter() {
        if let Some(before) = before {
            let quoted = quoted(before).gt(quoted(name));
            let utf16 = !name.is_ascii() && before.encode_utf16().gt(name.encode_utf16());
            if quoted || utf16 {
                odd.push(format!("the names \"{}\" and \"{}\" are sorted both ways", short(before), short(name)));
            }
        }
        before = Some(name);
    }
}

/// A name as olpc-cjson compares it: escaped, with the quote that ends it.
fn quoted(name: &str) -> impl Iterator<Item = u8> {
    let escape = |byte: u8| [Some(b'\\').filter(|_| matches!(byte, b'"' | b'\\')), Some(byte)].into_iter().flatten();
    name.bytes().flat_map(escape).chain([b'"'])
}

fn short(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Number.MAX_SAFE_INTEGER
const LARGEST: u128 = (1 << 53) - 1;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::string::ToString;

    use super::*;

    fn odd(json: &str) -> Vec<String> {
        let mut odd = Vec::new();
        value(&Json::parse(json.as_bytes()).unwrap(), &mut odd);
        odd
    }

    #[test]
    fn a_decomposed_accent_is_found() {
        assert_eq!(odd("{\"a\":[\"e\u{301}\"]}"), ["\"e\u{301}\" is not in Unicode normal form C".to_string()]);
        assert_eq!(odd("{\"\u{e9}\":\"\u{e9}\"}"), [] as [String; 0]);
    }

    #[test]
    fn a_name_that_starts_another_is_found_where_the_quote_decides() {
        for names in [r#""a":1,"a b":1"#, r#""a":1,"a!":1"#, r#""a\"":1,"a#":1"#, r#""a":1,"a\t":1"#] {
            assert_eq!(odd(&format!("{{{names}}}")).len(), 1, "{names}");
        }
        for names in [r#""a":1,"a.b":1"#, r#""a":1,"a#":1"#, r#""a":1,"b c":1,"b d":1"#, r#""a\\":1,"b":1"#] {
            assert_eq!(odd(&format!("{{{names}}}")).len(), 0, "{names}");
        }
    }

    #[test]
    fn a_name_that_utf16_sorts_elsewhere_is_found() {
        assert_eq!(odd("{\"\u{ff21}\":1,\"\u{1f512}\":1}").len(), 1);
    }

    #[test]
    fn a_number_that_javascript_rounds_is_found() {
        assert_eq!(odd("[9007199254740991,-9007199254740991]").len(), 0);
        assert_eq!(odd("[9007199254740993]").len(), 1);
        assert_eq!(odd("[-9007199254740993]").len(), 1);
    }
}
