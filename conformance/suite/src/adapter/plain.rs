//! One rule for what is written in a message: how its JSON is read.
//!
//! * A field that nobody knows is ignored, in every object.
//! * A field that is `null` is one that is missing.
//! * A number is its value: `1.0` is `1`.
//! * The same field twice in one object is an error.

use std::fmt;

use serde::de::{DeserializeOwned, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

/// Above this a number with a decimal point is not exact any more.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The JSON of a message as it is meant.
///
/// # Errors
/// It is no JSON, or an object has a field twice.
pub(super) fn message(line: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(line).map(|Plain(value)| value).map_err(|error| error.to_string())
}

/// A value without nulls in objects, with whole numbers as such.
struct Plain(Value);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AnyValue).map(Self)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Value, E> {
        Ok(truth.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        let whole = number.fract() == 0.0 && number.abs() <= EXACT;
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
        let exact = whole.then(|| Number::from(number as i64));
        Ok(exact.or_else(|| Number::from_f64(number)).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Plain(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Plain(value))) = fields.next_entry::<String, Plain>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format!("the field `{name}` is there twice")));
            }
            object.insert(name, value);
        }
        object.retain(|_, value| !value.is_null());
        Ok(object.into())
    }
}

/// The fields of an object, each read by itself so that an error can name it.
pub(super) struct Fields {
    /// Where the object is: `return`, `return: out`.
    path: String,
    object: Map<String, Value>,
}

impl Fields {
    /// The fields of what has to be an object.
    pub(super) fn of(path: &str, value: Value) -> Result<Self, String> {
        match value {
            Value::Object(object) => Ok(Self { path: path.to_owned(), object }),
            other => Err(format!("{path} is {}, expected an object", shown(&other))),
        }
    }

    /// A field that has to be there.
    pub(super) fn required<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, String> {
        match self.object.remove(name) {
            Some(value) => self.read(name, value),
            None => Err(format!("{}: the field `{name}` is missing", self.path)),
        }
    }

    /// A field that may be missing.
    pub(super) fn optional<T: DeserializeOwned>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, String> {
        self.object.remove(name).map(|value| self.read(name, value)).transpose()
    }

    /// A field that is an object, and missing as good as empty.
    pub(super) fn object(&mut self, name: &str) -> Result<Self, String> {
        let value = self.object.remove(name).unwrap_or_else(|| Map::new().into());
        Self::of(&format!("{}: `{name}`", self.path), value)
    }

    /// Whether a field is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }

    /// The same, called otherwise in errors.
    pub(super) fn called(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    /// All of them as one value, none of whose fields has to be there; what it does not
    /// know is left out.
    pub(super) fn all<T: DeserializeOwned>(self) -> Result<T, String> {
        let mut known = Map::new();
        for (name, value) in &self.object {
            let one: Map<String, Value> = [(name.clone(), value.clone())].into_iter().collect();
            match serde_json::from_value::<T>(one.into()) {
                Ok(_) => {
                    known.insert(name.clone(), value.clone());
                }
                Err(error) if is_unknown(&error, name) => {}
                Err(error) => return Err(wrong(&self.path, name, value, &error)),
            }
        }
        serde_json::from_value(known.into()).map_err(|error| format!("{}: {error}", self.path))
    }

    fn read<T: DeserializeOwned>(&self, name: &str, value: Value) -> Result<T, String> {
        let text = value.clone();
        serde_json::from_value(value).map_err(|error| wrong(&self.path, name, &text, &error))
    }
}

fn is_unknown(error: &serde_json::Error, name: &str) -> bool {
    error.to_string().starts_with(&format!("unknown field `{name}`"))
}

fn wrong(path: &str, name: &str, value: &Value, error: &serde_json::Error) -> String {
    format!("{path}: `{name}` is {}: {error}", shown(value))
}

/// A value, shortened.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
