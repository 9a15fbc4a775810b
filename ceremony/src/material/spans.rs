//! Where values stand in a JSON text.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::json::Json;

/// One step from a JSON value to a value inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// To the member of this name.
    Name(&'a str),
    /// To the element at this place.
    Index(usize),
}

/// A member or an element of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Child {
    /// The name of a member; none for an element.
    pub(super) name: Option<String>,
    /// From the name, or from the value of an element.
    pub(super) start: usize,
    /// The value alone.
    pub(super) value: Range<usize>,
}

/// Where the value at `path` stands in `text`, which was read as JSON. None if there is no such value.
pub(super) fn locate(text: &str, path: &[Step<'_>]) -> Option<Range<usize>> {
    let start = blank(text, 0);
    let mut span = start..value(text, start)?;
    for step in path {
        let children = children(text, &span)?;
        let child = match step {
            Step::Name(name) => children.into_iter().find(|child| child.name.as_deref() == Some(name)),
            Step::Index(index) => children.into_iter().nth(*index).filter(|child| child.name.is_none()),
        };
        span = child?.value;
    }
    Some(span)
}

/// What the object or array at `span` holds, in the order of the text. None for another value.
pub(super) fn children(text: &str, span: &Range<usize>) -> Option<Vec<Child>> {
    let object = match text.as_bytes().get(span.start)? {
        b'{' => true,
        b'[' => false,
        _ => return None,
    };
    let mut children = Vec::new();
    let mut at = blank(text, span.start + 1);
    while !matches!(text.as_bytes().get(at)?, b'}' | b']') {
        let start = at;
        let mut name = None;
        if object {
            let end = value(text, at)?;
            name = Json::parse(text.get(at..end)?.as_bytes()).ok()?.as_str().map(String::from);
            // Behind the name there is a colon.
            at = blank(text, blank(text, end) + 1);
        }
        let end = value(text, at)?;
        children.push(Child { name, start, value: at..end });
        at = blank(text, end);
        if text.as_bytes().get(at) == Some(&b',') {
            at = blank(text, at + 1);
        }
    }
    Some(children)
}

/// The end of the value that starts at `at`.
fn value(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut depth, mut end) = (0_usize, at);
    loop {
        match *bytes.get(end)? {
            b'"' => end = string(bytes, end)?,
            b'{' | b'[' => {
                depth += 1;
                end += 1;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                end += 1;
            }
            _ if depth > 0 => {
                end += 1;
                continue;
            }
            _ => {
                let rest = bytes.get(end..)?;
                return Some(end + rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'-').count());
            }
        }
        if depth == 0 {
            return Some(end);
        }
    }
}

/// The end of the string that starts at `at`.
fn string(bytes: &[u8], at: usize) -> Option<usize> {
    let mut end = at + 1;
    loop {
        match *bytes.get(end)? {
            b'"' => return Some(end + 1),
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
}

/// The first place from `at` on that is no white space.
fn blank(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    at + rest.iter().take_while(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t')).count()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TEXT: &str = r#" { "a\"]" : [ 1, {"x":"}\\"}, [], -20 ,null] , "b":{} } "#;

    #[test]
    fn values_are_found_by_their_path() {
        let found = |path: &[Step<'_>]| locate(TEXT, path).map(|span| &TEXT[span]);
        assert_eq!(found(&[Step::Name("a\"]"), Step::Index(0)]), Some("1"));
        assert_eq!(found(&[Step::Name("a\"]"), Step::Index(1), Step::Name("x")]), Some(r#""}\\""#));
        assert_eq!(found(&[Step::Name("a\"]"), Step::Index(3)]), Some("-20"));
        assert_eq!(found(&[Step::Name("a\"]"), Step::Index(4)]), Some("null"));
        assert_eq!(found(&[Step::Name("b")]), Some("{}"));
        for nowhere in [&[Step::Name("c")][..], &[Step::Index(0)], &[Step::Name("b"), Step::Index(0)]] {
            assert_eq!(found(nowhere), None);
        }
    }

    #[test]
    fn text_that_is_no_json_is_no_panic() {
        for end in (0..TEXT.len()).filter(|end| TEXT.is_char_boundary(*end)) {
            let _ = locate(&TEXT[..end], &[Step::Name("b")]);
            let _ = children(&TEXT[..end], &(1..end));
        }
    }
}
