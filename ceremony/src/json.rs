//! A strict JSON value: the only form in which metadata is read, edited and written.

mod object;
mod read;
mod write;

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

pub use object::Object;
pub(crate) use write::json_string;

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

/// A text that is not the JSON that this program reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct JsonError {
    message: String,
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
