//! A pinned expectation: a code, a list of codes, or codes per reading.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use vdi_spec::clauses::{Profile, Reading};

/// A code, or anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pin<C> {
    /// This code.
    Code(C),
    /// `"any"`: the documents say nothing.
    Any,
}

/// What IsSharedBuffer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Truth {
    /// It is a buffer of the set.
    #[cfg_attr(feature = "schema", serde(rename = "TRUE"))]
    True,
    /// It is none.
    #[cfg_attr(feature = "schema", serde(rename = "FALSE"))]
    False,
}

impl From<bool> for Truth {
    fn from(told: bool) -> Self {
        if told { Self::True } else { Self::False }
    }
}

impl FromStr for Truth {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "TRUE" => Ok(Self::True),
            "FALSE" => Ok(Self::False),
            _ => Err(format!("`{text}` is told by no function, expected `TRUE` or `FALSE`")),
        }
    }
}

impl fmt::Display for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(if *self == Self::True { "TRUE" } else { "FALSE" })
    }
}

/// What a scenario expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pinned<C> {
    /// One of these, whatever the reading.
    Codes(Vec<Pin<C>>),
    /// One of these, depending on the profile's reading.
    ByReading(Vec<(Reading, Vec<Pin<C>>)>),
}

impl<C: Copy + PartialEq> Pinned<C> {
    /// What is expected under a profile; empty if no reading of it is listed.
    #[must_use]
    pub fn under(&self, profile: &Profile) -> &[Pin<C>] {
        match self {
            Self::Codes(codes) => codes,
            Self::ByReading(rows) => rows
                .iter()
                .find(|(reading, _)| profile.reading(reading.question) == *reading)
                .map_or(&[], |(_, codes)| codes),
        }
    }

    /// Whether it says exactly what is allowed under this profile: a list of
    /// alternatives without a reading does so for the default profile only.
    #[must_use]
    pub fn is_exact(&self, profile: &Profile) -> bool {
        match self {
            Self::Codes(codes) => codes.len() == 1 || *profile == Profile::default(),
            Self::ByReading(_) => true,
        }
    }

    /// The readings it depends on.
    pub fn readings(&self) -> impl Iterator<Item = Reading> + '_ {
        let rows = match self {
            Self::Codes(_) => &[][..],
            Self::ByReading(rows) => rows,
        };
        rows.iter().map(|(reading, _)| *reading)
    }
}

impl<C: Copy + PartialEq> Pin<C> {
    /// Whether this code is pinned. `wild` tells codes that stand for several.
    pub fn admits(self, code: C, wild: impl Fn(C, C) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::Code(pinned) => pinned == code || wild(pinned, code),
        }
    }
}

impl<C: fmt::Display> fmt::Display for Pin<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => code.fmt(f),
            Self::Any => f.pad("any"),
        }
    }
}

impl<C: FromStr> Pin<C> {
    fn parse<E: serde::de::Error>(text: &str) -> Result<Self, E>
    where
        C::Err: fmt::Display,
    {
        match text {
            "any" => Ok(Self::Any),
            _ => text.parse().map(Self::Code).map_err(E::custom),
        }
    }
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a code, a list of codes, or an object of `question=reading` to codes"
)]
enum Shape {
    One(Text),
    Many(Vec<Text>),
    Map(BTreeMap<String, OneOrMany>),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a code or a list of codes")]
enum OneOrMany {
    One(Text),
    Many(Vec<Text>),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected the name of a code or its number")]
enum Text {
    Name(String),
    Number(i64),
}

impl Text {
    fn pin<C: FromStr, E: serde::de::Error>(&self) -> Result<Pin<C>, E>
    where
        C::Err: fmt::Display,
    {
        match self {
            Self::Name(name) => Pin::parse(name),
            Self::Number(number) => Pin::parse(&number.to_string()),
        }
    }
}

impl<'de, C: FromStr> Deserialize<'de> for Pinned<C>
where
    C::Err: fmt::Display,
{
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let list = |texts: &[Text]| texts.iter().map(Text::pin).collect::<Result<Vec<_>, _>>();
        let some = |codes: Vec<Pin<C>>| match codes.is_empty() {
            true => Err(D::Error::custom("an empty list of codes; expected at least one")),
            false => Ok(codes),
        };
        match Shape::deserialize(from)? {
            Shape::One(text) => Ok(Self::Codes(list(&[text])?)),
            Shape::Many(texts) => Ok(Self::Codes(some(list(&texts)?)?)),
            Shape::Map(map) if map.is_empty() => {
                Err(D::Error::custom("codes for no reading; expected those of every one"))
            }
            Shape::Map(map) => {
                let mut rows = Vec::new();
                for (reading, codes) in &map {
                    let reading: Reading = reading.parse().map_err(D::Error::custom)?;
                    let codes = match codes {
                        OneOrMany::One(text) => list(std::slice::from_ref(text))?,
                        OneOrMany::Many(texts) => some(list(texts)?)?,
                    };
                    rows.push((reading, codes));
                }
                Ok(Self::ByReading(rows))
            }
        }
    }
}

impl<C: fmt::Display> Serialize for Pinned<C> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        fn value<C: fmt::Display>(codes: &[Pin<C>]) -> serde_json::Value {
            match codes {
                [one] => one.to_string().into(),
                many => many.iter().map(ToString::to_string).collect::<Vec<_>>().into(),
            }
        }
        match self {
            Self::Codes(codes) => value(codes).serialize(to),
            Self::ByReading(rows) => rows
                .iter()
                .map(|(reading, codes)| (reading.to_string(), value(codes)))
                .collect::<BTreeMap<_, _>>()
                .serialize(to),
        }
    }
}

#[cfg(feature = "schema")]
impl<C: schemars::JsonSchema> schemars::JsonSchema for Pinned<C> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Pinned_{}", C::schema_name()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let code = generator.subschema_for::<C>();
        let pin = serde_json::json!({ "anyOf": [code, { "const": "any" }] });
        let codes = serde_json::json!({
            "anyOf": [pin, { "type": "array", "items": pin, "minItems": 1 }]
        });
        schemars::json_schema!({
            "description": "a code, a list of alternatives, or codes per reading",
            "anyOf": [
                codes,
                {
                    "type": "object",
                    "propertyNames": { "enum": super::shapes::readings() },
                    "additionalProperties": codes,
                    "minProperties": 1,
                },
            ],
        })
    }
}
