//! What all code tables share: a row, parsing by name or number, and the
//! serde and schema implementations of a symbolic code.

use super::Source;

/// One row of a code table.
#[derive(Clone, Copy, Debug)]
pub struct CodeInfo<C: 'static> {
    /// The code.
    pub code: C,
    /// The name the headers give it.
    pub name: &'static str,
    /// Other names the documents use for it.
    pub aliases: &'static [&'static str],
    /// What it says, in our words.
    pub meaning: &'static str,
    /// Where it is published.
    pub source: Source,
}

/// A name that is in no table, or a number out of range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {kind} `{text}`, expected {expected}{}", suggestion(.near.as_deref()))]
pub struct UnknownName {
    /// What kind of name was looked for.
    pub kind: &'static str,
    /// What was written.
    pub text: String,
    /// What would have been accepted.
    pub expected: &'static str,
    /// The nearest known name.
    pub near: Option<String>,
}

fn suggestion(near: Option<&str>) -> String {
    near.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}

/// The candidate most like `text`, if one is near enough to be a slip.
pub fn closest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    candidates
        .into_iter()
        .map(|name| (strsim::jaro_winkler(text, name), name))
        .filter(|(likeness, _)| *likeness > 0.82)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name.to_owned())
}

/// A number as people write it: decimal, or hexadecimal with `0x`.
#[must_use]
pub fn parse_number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Implements the named constants, the table, Display, FromStr, serde and the
/// JSON Schema of a code type, a newtype around `u32`.
macro_rules! code_table {
    (
        $(#[$meta:meta])* $type:ident, $table:ident, $kind:literal, $expected:literal;
        $( $name:ident = $value:literal $(aka $alias:literal)* , $meaning:literal, $source:expr; )+
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(pub u32);

        impl $type {
            $( #[doc = $meaning] pub const $name: Self = Self($value); )+

            /// The row of the table for this code, if it has a name.
            #[must_use]
            pub fn info(self) -> Option<&'static $crate::codes::CodeInfo<Self>> {
                $table.iter().find(|row| row.code == self)
            }

            /// The published name, if there is one.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 { $( $value => Some(stringify!($name)), )+ _ => None }
            }

            /// The code of this name, if it is a name.
            #[must_use]
            pub fn by_name(text: &str) -> Option<Self> {
                match text { $( stringify!($name) $(| $alias)* => Some(Self($value)), )+ _ => None }
            }
        }

        #[doc = concat!("Every ", $kind, " the documents name, in the order of its number.")]
        pub static $table: &[$crate::codes::CodeInfo<$type>] = &[
            $( $crate::codes::CodeInfo {
                code: $type::$name,
                name: stringify!($name),
                aliases: &[$($alias),*],
                meaning: $meaning,
                source: $source,
            }, )+
        ];

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::codes::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::by_name(text).or_else(|| Self::by_number(text)).ok_or_else(|| {
                    $crate::codes::UnknownName {
                        kind: $kind,
                        text: text.to_owned(),
                        expected: $expected,
                        near: $crate::codes::closest(text, $table.iter().map(|row| row.name)),
                    }
                })
            }
        }

        $crate::codes::symbol::serde_symbol!($type, $table, $expected);
    };
}

/// Serde and schema for a type with Display, FromStr and a table of names:
/// written by name; read by name or number.
macro_rules! serde_symbol {
    ($type:ident, $table:ident, $expected:literal) => {
        #[cfg(feature = "serde")]
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                match self.name() {
                    Some(name) => to.serialize_str(name),
                    None => to.collect_str(self),
                }
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $type;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expected)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }

                    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<$type, E> {
                        $type::from_signed(number).ok_or_else(|| {
                            E::invalid_value(serde::de::Unexpected::Signed(number), &self)
                        })
                    }

                    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<$type, E> {
                        $type::from_number(number).ok_or_else(|| {
                            E::invalid_value(serde::de::Unexpected::Unsigned(number), &self)
                        })
                    }
                }
                from.deserialize_any(Visitor)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let names: Vec<&str> = $table
                    .iter()
                    .flat_map(|row| std::iter::once(row.name).chain(row.aliases.iter().copied()))
                    .collect();
                schemars::json_schema!({
                    "description": $expected,
                    "anyOf": [
                        { "type": "string", "enum": names },
                        { "type": "string", "pattern": Self::NUMBER_PATTERN },
                        { "type": "integer", "minimum": Self::LEAST, "maximum": u32::MAX },
                    ],
                })
            }
        }
    };
}

pub(super) use {code_table, serde_symbol};
