//! JSON objects in which no object has a field twice.
//!
//! A struct refuses that by itself; a map would take the last one. What people write is read
//! here, so that neither does.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeOwned, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Reads JSON from text, as [`serde_json::from_str`] does.
///
/// # Errors
/// It is no JSON of that type, no object, or an object in it has a field twice, at whatever
/// depth.
///
/// ```
/// use std::collections::BTreeMap;
///
/// let twice = vdi_trace::from_str::<BTreeMap<String, u32>>(r#"{"a": 1, "a": 2}"#);
/// assert_eq!(twice.unwrap_err().to_string(), "duplicate field `a` at line 1 column 12");
/// ```
pub fn from_str<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    check_fields(text)?;
    serde_json::from_str(text)
}

/// Reads JSON from bytes, as [`serde_json::from_slice`] does.
///
/// # Errors
/// As [`from_str`].
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice::<Object>(bytes)?;
    serde_json::from_slice(bytes)
}

/// Checks that this is a JSON object, and no object in it has a field twice.
///
/// # Errors
/// One has, or it is none.
pub fn check_fields(text: &str) -> serde_json::Result<()> {
    serde_json::from_str::<Object>(text).map(|Object| ())
}

/// An object, each field of each object in it once.
struct Object;

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // A list would do for a struct, its fields in order, but nobody writes that.
        from.deserialize_map(OnlyFields)
    }
}

struct OnlyFields;

impl<'de> Visitor<'de> for OnlyFields {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Object, A::Error> {
        AnyValue.visit_map(fields).map(|Once| Object)
    }
}

/// Any JSON, each field of each object once.
struct Once;

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Once;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Once, A::Error> {
        while list.next_element::<Once>()?.is_some() {}
        Ok(Once)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Once, A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = fields.next_key::<String>()? {
            if names.contains(&name) {
                return Err(A::Error::custom(format!("duplicate field `{name}`")));
            }
            names.insert(name);
            fields.next_value::<Once>()?;
        }
        Ok(Once)
    }
}
