//! JSON is read strictly: what two programs could read differently is refused.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::Json;
use super::object::{Name, Object, name};

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
