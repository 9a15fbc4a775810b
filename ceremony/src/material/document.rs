//! A JSON file that is edited without touching what is not edited.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use core::ops::Range;

use super::spans::{Child, Step, children, locate};
use crate::json::{Json, JsonError, json_string};

/// A JSON file as it was published: its text, and what the text says.
///
/// An edit splices the text: every entry that is not edited keeps its bytes, and what is added is laid out as the file
/// is. An unchanged document is the same bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Document {
    text: String,
    json: Json,
}

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    /// As [`Json::parse`].
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        let json = Json::parse(bytes)?;
        // JSON that was read is UTF-8.
        Ok(Self { text: String::from_utf8_lossy(bytes).into_owned(), json })
    }

    /// A new file with this value, two blanks of indentation.
    pub(super) fn new(value: &Json) -> Self {
        let mut text = String::new();
        Layout { newline: "\n", unit: "  ", colon: ": " }.write(value, "", &mut text);
        text.push('\n');
        Self::of_text(text)
    }

    /// What the file says.
    pub(super) fn json(&self) -> &Json {
        &self.json
    }

    /// The file.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The bytes of the value at `path`; empty if there is none.
    pub(super) fn text_at(&self, path: &[Step<'_>]) -> &str {
        locate(&self.text, path).and_then(|span| self.text.get(span)).unwrap_or_default()
    }

    /// Puts `value` before the element at `index` of the array at `path`, or behind the last. Nothing happens if there
    /// is no array.
    #[must_use]
    pub(super) fn insert(&self, path: &[Step<'_>], index: usize, value: &Json) -> Self {
        self.edited(path, |layout, text, span, children| {
            let (at, before, base, after) = layout.room(text, span, children, index);
            let mut new = before;
            layout.write(value, &base, &mut new);
            new.push_str(&after);
            Some((at..at, new))
        })
    }

    /// Puts `value` under `name` in the object at `path`, in place of what is there, or where the order of the members
    /// of Sigstore's messages has it.
    #[must_use]
    pub(super) fn set(&self, path: &[Step<'_>], name: &str, value: &Json) -> Self {
        self.edited(path, |layout, text, span, children| {
            if let Some(child) = children.iter().find(|child| child.name.as_deref() == Some(name)) {
                let mut new = String::new();
                layout.write(value, indentation(text, child.start), &mut new);
                return Some((child.value.clone(), new));
            }
            let lower = |child: &Child| child.name.as_deref().is_some_and(|other| rank(other) <= rank(name));
            let index = children.iter().rposition(lower).map_or(0, |last| last + 1);
            let (at, before, base, after) = layout.room(text, span, children, index);
            let mut new = before;
            json_string(name, &mut new);
            new.push_str(layout.colon);
            layout.write(value, &base, &mut new);
            new.push_str(&after);
            Some((at..at, new))
        })
    }

    /// Without the member `name` of the object at `path`.
    #[must_use]
    pub(super) fn unset(&self, path: &[Step<'_>], name: &str) -> Self {
        self.edited(path, |_, _, span, children| {
            let place = children.iter().position(|child| child.name.as_deref() == Some(name))?;
            Some((room_of(span, children, place)?, String::new()))
        })
    }

    /// Without the element at `index` of the array at `path`.
    #[must_use]
    pub(super) fn remove(&self, path: &[Step<'_>], index: usize) -> Self {
        self.edited(path, |_, _, span, children| Some((room_of(span, children, index)?, String::new())))
    }

    fn edited(
        &self,
        path: &[Step<'_>],
        edit: impl FnOnce(&Layout<'_>, &str, &Range<usize>, &[Child]) -> Option<(Range<usize>, String)>,
    ) -> Self {
        let layout = Layout::of(&self.text);
        let spliced = locate(&self.text, path).and_then(|span| {
            let (range, new) = edit(&layout, &self.text, &span, &children(&self.text, &span)?)?;
            let mut text = self.text.clone();
            text.replace_range(range, &new);
            Some(text)
        });
        spliced.map_or_else(|| self.clone(), Self::of_text)
    }

    fn of_text(text: String) -> Self {
        let json = Json::parse(text.as_bytes()).expect("JSON spliced into JSON is JSON");
        Self { text, json }
    }
}

/// How a file is laid out.
struct Layout<'a> {
    /// Empty if the file is one line.
    newline: &'a str,
    unit: &'a str,
    colon: &'a str,
}

impl<'a> Layout<'a> {
    fn of(text: &'a str) -> Self {
        let inside = text.trim_start().get(1..).unwrap_or_default();
        let lead = &inside[..inside.len() - inside.trim_start().len()];
        let newline = match lead {
            lead if lead.contains("\r\n") => "\r\n",
            lead if lead.contains('\n') => "\n",
            _ => "",
        };
        let unit = lead.rsplit('\n').next().filter(|_| !newline.is_empty()).unwrap_or_default();
        Self { newline, unit, colon: if newline.is_empty() && !text.contains("\": ") { ":" } else { ": " } }
    }

    /// Where a new child at `index` goes: the place, what comes before it, its indentation, what comes behind it.
    fn room(
        &self,
        text: &str,
        span: &Range<usize>,
        children: &[Child],
        index: usize,
    ) -> (usize, String, String, String) {
        let (Some(first), Some(last)) = (children.first(), children.last()) else {
            let outer = indentation(text, span.start);
            let base = format!("{outer}{}", self.unit);
            return (
                span.start + 1,
                format!("{}{base}", self.newline),
                base.clone(),
                // White space that stands in the empty container ends its line already.
                if text.get(span.start + 1..span.end - 1).is_some_and(str::is_empty) {
                    format!("{}{outer}", self.newline)
                } else {
                    String::new()
                },
            );
        };
        let lead = text.get(span.start + 1..first.start).unwrap_or_default();
        let base = lead.rsplit_once('\n').map_or("", |(_, base)| base).to_owned();
        let lead = if lead.is_empty() && self.colon == ": " { " " } else { lead };
        match children.get(index) {
            Some(child) => (child.start, String::new(), base, format!(",{lead}")),
            None => (last.value.end, format!(",{lead}"), base, String::new()),
        }
    }

    fn write(&self, value: &Json, base: &str, out: &mut String) {
        let inner = format!("{base}{}", self.unit);
        match value {
            Json::Array(elements) if !elements.is_empty() => {
                out.push('[');
                for (i, element) in elements.iter().enumerate() {
                    self.line(i > 0, &inner, out);
                    self.write(element, &inner, out);
                }
                self.line(false, base, out);
                out.push(']');
            }
            Json::Object(object) if !object.is_empty() => {
                let mut members: alloc::vec::Vec<_> = object.iter().collect();
                members.sort_by_key(|(name, _)| rank(name));
                out.push('{');
                for (i, (name, value)) in members.into_iter().enumerate() {
                    self.line(i > 0, &inner, out);
                    json_string(name, out);
                    out.push_str(self.colon);
                    self.write(value, &inner, out);
                }
                self.line(false, base, out);
                out.push('}');
            }
            other => other.write_pretty(out, 0),
        }
    }

    fn line(&self, comma: bool, indentation: &str, out: &mut String) {
        if comma {
            out.push(',');
        }
        out.push_str(self.newline);
        if !self.newline.is_empty() {
            out.push_str(indentation);
        } else if comma && self.colon == ": " {
            out.push(' ');
        }
    }
}

/// What the child at `place` takes up, with the comma and the white space between it and the next, or else the one before.
fn room_of(span: &Range<usize>, children: &[Child], place: usize) -> Option<Range<usize>> {
    let child = children.get(place)?;
    Some(match (place.checked_sub(1).and_then(|before| children.get(before)), children.get(place + 1)) {
        (_, Some(next)) => child.start..next.start,
        (Some(before), None) => before.value.end..child.value.end,
        (None, None) => span.start + 1..span.end - 1,
    })
}

/// The white space at the beginning of the line in which `at` is.
fn indentation(text: &str, at: usize) -> &str {
    let line = text.get(..at).unwrap_or_default();
    let line = line.rsplit_once('\n').map_or(line, |(_, line)| line);
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// The members of Sigstore's messages in the order of their fields (sigstore/protobuf-specs, `sigstore_trustroot.proto`
/// and `sigstore_common.proto`), as every published file has them.
const ORDER: &[&str] = &[
    "mediaType",
    "trustedRoot",
    "signingConfig",
    "tlogs",
    "certificateAuthorities",
    "ctlogs",
    "timestampAuthorities",
    "caUrls",
    "oidcUrls",
    "rekorTlogUrls",
    "tsaUrls",
    "rekorTlogConfig",
    "tsaConfig",
    "baseUrl",
    "hashAlgorithm",
    "publicKey",
    "logId",
    "subject",
    "organization",
    "commonName",
    "uri",
    "certChain",
    "certificates",
    "rawBytes",
    "keyDetails",
    "url",
    "majorApiVersion",
    "validFor",
    "start",
    "end",
    "operator",
    "selector",
    "count",
    "keyId",
];

fn rank(name: &str) -> usize {
    ORDER.iter().position(|other| *other == name).unwrap_or(ORDER.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn document(text: &str) -> Document {
        Document::parse(text.as_bytes()).unwrap()
    }

    fn json(text: &str) -> Json {
        Json::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn an_edit_is_laid_out_as_the_file_is() {
        let new = json(r#"{"keyId":"AA==","baseUrl":"u","validFor":{"start":"s"}}"#);
        let list = [Step::Name("l")];
        let tabs = document("{\n\t\"l\": [\n\t\t{\n\t\t\t\"b\":1 }\n\t]\n}\n");
        let expected = "{\n\t\"l\": [\n\t\t{\n\t\t\t\"b\":1 },\n\t\t{\n\t\t\t\"baseUrl\": \"u\",\n\t\t\t\"validFor\": \
                        {\n\t\t\t\t\"start\": \"s\"\n\t\t\t},\n\t\t\t\"keyId\": \"AA==\"\n\t\t}\n\t]\n}\n";
        assert_eq!(tabs.insert(&list, 1, &new).text(), expected);
        let line = document(r#"{"l":[{"b":1}],"e":[]}"#);
        assert_eq!(
            line.insert(&list, 0, &new).text(),
            r#"{"l":[{"baseUrl":"u","validFor":{"start":"s"},"keyId":"AA=="},{"b":1}],"e":[]}"#
        );
        let empty = document("{\r\n  \"l\": []\r\n}");
        assert_eq!(empty.insert(&list, 0, &json("1")).text(), "{\r\n  \"l\": [\r\n    1\r\n  ]\r\n}");
        let spaced = document("{\n  \"l\": [\n  ]\n}");
        assert_eq!(spaced.insert(&list, 0, &json("1")).text(), "{\n  \"l\": [\n    1\n  ]\n}");
    }

    #[test]
    fn a_member_takes_its_place_among_the_others() {
        let file = document("{\n  \"validFor\": {\n    \"start\": \"s\"\n  },\n  \"operator\": \"o\"\n}\n");
        let ended = file.set(&[Step::Name("validFor")], "end", &Json::string("e"));
        let expected =
            "{\n  \"validFor\": {\n    \"start\": \"s\",\n    \"end\": \"e\"\n  },\n  \"operator\": \"o\"\n}\n";
        assert_eq!(ended.text(), expected);
        let started = ended.set(&[Step::Name("validFor")], "start", &Json::string("t"));
        assert_eq!(started.text(), expected.replace("\"s\"", "\"t\""));
        assert_eq!(file.set(&[], "url", &Json::string("u")).json().get("url"), Some(&Json::string("u")));
        assert!(file.set(&[], "url", &Json::string("u")).text().starts_with("{\n  \"url\": \"u\",\n  \"validFor\""));
        assert_eq!(file.set(&[Step::Name("none")], "x", &Json::Null), file);
    }

    #[test]
    fn a_member_goes_with_its_comma() {
        let file = document("{\n  \"a\": 1,\n  \"b\": {\n    \"c\": 2\n  }\n}\n");
        assert_eq!(file.unset(&[], "a").text(), "{\n  \"b\": {\n    \"c\": 2\n  }\n}\n");
        assert_eq!(file.unset(&[], "b").text(), "{\n  \"a\": 1\n}\n");
        assert_eq!(file.unset(&[Step::Name("b")], "c").text(), "{\n  \"a\": 1,\n  \"b\": {}\n}\n");
        assert_eq!(file.unset(&[], "x"), file);
    }

    #[test]
    fn an_element_goes_with_its_comma() {
        let file = document("[\n  1,\n  [2],\n  3\n]\n");
        assert_eq!(file.remove(&[], 0).text(), "[\n  [2],\n  3\n]\n");
        assert_eq!(file.remove(&[], 2).text(), "[\n  1,\n  [2]\n]\n");
        assert_eq!(file.remove(&[Step::Index(1)], 0).text(), "[\n  1,\n  [],\n  3\n]\n");
        assert_eq!(file.remove(&[], 3), file);
    }

    #[test]
    fn a_new_file_has_the_order_of_published_ones() {
        let file = Document::new(&json(r#"{"tlogs":[],"mediaType":"m","ctlogs":[{"logId":{},"baseUrl":"u"}]}"#));
        let expected = "{\n  \"mediaType\": \"m\",\n  \"tlogs\": [],\n  \"ctlogs\": [\n    {\n      \"baseUrl\": \"u\",\n      \
                        \"logId\": {}\n    }\n  ]\n}\n";
        assert_eq!(file.text(), expected);
    }
}
