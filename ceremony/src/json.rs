//! A strict JSON value: the only form in which metadata is read, edited and written.

use alloc::borrow::{Cow, ToOwned};
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// A JSON value without the freedoms that let two programs read one file differently.
///
/// There are no duplicate names, no fractions and no exponents. Names of an object are sorted by code point,
/// which is the order of canonical JSON (TUF specification, section 4.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number. Version numbers beyond 2^53 are kept exactly.
    Number(i128),
    /// A string.
    String(Box<str>),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(Object),
}

impl Json {
    /// Reads one JSON text.
    ///
    /// # Errors
    /// What is not JSON, a duplicate name, a number that is not whole, nesting deeper than 128, bytes after the
    /// value: each with its line and column.
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        serde_json::from_slice(bytes).map_err(|error| JsonError { message: error.to_string() })
    }

    /// A string value.
    pub fn string(text: impl AsRef<str>) -> Self {
        Self::String(text.as_ref().into())
    }

    /// The canonical bytes that signatures cover (OLPC canonical JSON): sorted names, no white space, only `"` and
    /// `\` escaped. They are not JSON when a string holds a control character: never write them to a file.
    pub fn canonical(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_canonical(&mut out);
        out
    }

    /// Readable JSON: sorted names, one space of indentation, a newline at the end.
    pub fn pretty(&self) -> String {
        let mut out = String::new();
        self.write_pretty(&mut out, 0);
        out.push('\n');
        out
    }

    /// The member `name`, if this is an object that has one.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_object()?.get(name)
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if this is a whole number from 0 to 2^64 - 1.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// The truth value, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The elements, if this is an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The object, if this is one.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The object to change, if this is one.
    pub fn as_object_mut(&mut self) -> Option<&mut Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    fn write_canonical(&self, out: &mut Vec<u8>) {
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

impl From<u64> for Json {
    fn from(number: u64) -> Self {
        Self::Number(number.into())
    }
}

impl FromIterator<Json> for Json {
    fn from_iter<I: IntoIterator<Item = Json>>(elements: I) -> Self {
        Self::Array(elements.into_iter().collect())
    }
}

/// The members of a JSON object, each name once, sorted by code point.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    members: Vec<(Name, Json)>,
}

/// The name of a member. Those that stand in a file as often as there are target files are kept once.
type Name = Cow<'static, str>;

fn name(text: &str) -> Name {
    let often = ["custom", "hashes", "length", "sha256"].into_iter().find(|often| *often == text);
    often.map_or_else(|| Cow::Owned(text.to_owned()), Cow::Borrowed)
}

impl Object {
    /// An object without members.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value under `name`.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.place(name).ok().map(|i| &self.members[i].1)
    }

    /// The value under `name`, to change.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Json> {
        self.place(name).ok().map(|i| &mut self.members[i].1)
    }

    /// Puts `value` under `name` and returns what was there.
    pub fn insert(&mut self, name: &str, value: Json) -> Option<Json> {
        match self.place(name) {
            Ok(i) => Some(core::mem::replace(&mut self.members[i].1, value)),
            Err(i) => {
                self.members.insert(i, (self::name(name), value));
                None
            }
        }
    }

    /// Takes away what is under `name`.
    pub fn remove(&mut self, name: &str) -> Option<Json> {
        self.place(name).ok().map(|i| self.members.remove(i).1)
    }

    /// Keeps the members for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Json) -> bool) {
        self.members.retain(|(name, value)| keep(name, value));
    }

    /// The members in order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Json)> {
        self.members.iter().map(|(name, value)| (&**name, value))
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.members.binary_search_by(|(other, _)| (**other).cmp(name))
    }
}

impl<N: AsRef<str>> FromIterator<(N, Json)> for Object {
    /// Of two members with one name the later stays.
    fn from_iter<I: IntoIterator<Item = (N, Json)>>(members: I) -> Self {
        let mut members: Vec<(Name, Json)> =
            members.into_iter().map(|(text, value)| (name(text.as_ref()), value)).collect();
        members.reverse();
        members.sort_by(|a, b| a.0.cmp(&b.0));
        members.dedup_by(|later, kept| later.0 == kept.0);
        Self { members }
    }
}

/// A text that is not the JSON that this program reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct JsonError {
    message: String,
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON with whole numbers")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = access.next_element()? {
            elements.push(element);
        }
        elements.shrink_to_fit();
        Ok(Json::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut members: Vec<(Name, Json)> = Vec::new();
        // Sorted input, which is what tools write, needs no second set of names.
        let mut unsorted: Option<BTreeSet<Name>> = None;
        while let Some(name) = access.next_key_seed(NameReader)? {
            let duplicate = match (&mut unsorted, members.last()) {
                (Some(seen), _) => !seen.insert(name.clone()),
                (None, Some((last, _))) if name <= *last => {
                    let mut seen: BTreeSet<_> = members.iter().map(|(name, _)| name.clone()).collect();
                    let duplicate = !seen.insert(name.clone());
                    unsorted = Some(seen);
                    duplicate
                }
                (None, _) => false,
            };
            if duplicate {
                let name = name.escape_debug();
                return Err(A::Error::custom(format!("duplicate name \"{name}\"")));
            }
            members.push((name, access.next_value()?));
        }
        if unsorted.is_some() {
            members.sort_by(|a, b| a.0.cmp(&b.0));
        }
        members.shrink_to_fit();
        Ok(Json::Object(Object { members }))
    }
}

/// Reads the name of a member.
struct NameReader;

impl<'de> DeserializeSeed<'de> for NameReader {
    type Value = Name;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Name, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameReader {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, text: &str) -> Result<Name, E> {
        Ok(name(text))
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refused(text: &str) -> String {
        Json::parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn names_the_place_of_what_it_refuses() {
        assert_eq!(refused(r#"{"a":1,"a":2}"#), r#"duplicate name "a" at line 1 column 10"#);
        assert_eq!(refused("{\"b\":1,\n\"a\":2,\"b\":3}"), r#"duplicate name "b" at line 2 column 9"#);
        for fraction in ["1.0", "1e2", "-0", "18446744073709551616"] {
            assert!(refused(fraction).contains("line 1 column"), "{fraction}: {}", refused(fraction));
        }
        assert!(refused(&"[".repeat(200)).contains("recursion limit"));
        assert!(refused("{} {}").contains("trailing"));
        assert!(refused("\u{feff}{}").contains("line 1 column 1"));
        assert!(Json::parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn keeps_the_largest_versions() {
        let json = Json::parse(b"[18446744073709551615,-9223372036854775808]").unwrap();
        assert_eq!(json.canonical(), b"[18446744073709551615,-9223372036854775808]");
    }

    #[test]
    fn canonical_form_escapes_only_quote_and_backslash() {
        let json = Json::parse(br#"{"b":"a\nb\u0000","a":"\"\\"}"#).unwrap();
        assert_eq!(json.canonical(), b"{\"a\":\"\\\"\\\\\",\"b\":\"a\nb\0\"}");
    }

    #[test]
    fn pretty_form_reads_back() {
        let json = Json::parse(br#"{"z":[],"a":{"\u202e":"\u001b[2J","k":[1,{"x":null}]}}"#).unwrap();
        let pretty = json.pretty();
        assert!(!pretty.contains('\u{1b}') && !pretty.contains('\u{202e}'));
        assert_eq!(Json::parse(pretty.as_bytes()).unwrap(), json);
    }

    #[test]
    fn the_later_of_two_collected_members_stays() {
        let object: Object = [("a", Json::Null), ("b", Json::Null), ("a", Json::Bool(true))].into_iter().collect();
        assert_eq!(object.len(), 2);
        assert_eq!(object.get("a"), Some(&Json::Bool(true)));
    }
}
