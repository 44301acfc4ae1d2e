//! The catalogue: every clause with its party, demand, sources and, where it is
//! contested, the questions it depends on. The rows are in `table`.

use std::fmt;
use std::str::FromStr;

use super::Question;
pub use super::table::{CLAUSES, Clause};
use crate::codes::{Source, UnknownName, closest};

/// Whom an obligation binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum Party {
    /// The VDI library itself.
    Interface,
    /// The database engine.
    Server,
    /// The backup application.
    Client,
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Interface => "interface",
            Self::Server => "server",
            Self::Client => "client",
        })
    }
}

/// One clause of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct ClauseInfo {
    /// The clause.
    pub clause: Clause,
    /// Its id, dotted, readable by itself, never reused.
    pub id: &'static str,
    /// Whom it binds.
    pub party: Party,
    /// What it demands, in our words.
    pub demand: &'static str,
    /// Where it is published; at least one.
    pub sources: &'static [Source],
    /// The questions it depends on; none if it is not contested.
    pub questions: &'static [Question],
}

/// The questions of a row: `None`, or a list of them.
macro_rules! questions {
    (None) => {
        &[]
    };
    ([$($question:ident),+]) => {
        &[$($crate::clauses::Question::$question),+]
    };
}

/// Turns the catalogue's table into the enum of clauses and its rows.
macro_rules! catalogue {
    ($( $clause:ident $id:literal $party:ident $demand:literal [$($source:expr),+] $questions:tt; )+) => {
        /// A clause: one obligation of one party.
        ///
        /// ```
        /// use vdi_spec::clauses::{Clause, Party};
        ///
        /// let clause: Clause = "server.close.devices-open.status".parse()?;
        /// assert_eq!(clause.info().party, Party::Interface);
        /// # Ok::<(), vdi_spec::codes::UnknownName>(())
        /// ```
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Clause { $( #[doc = $demand] $clause, )+ }

        /// Every clause.
        pub static CLAUSES: &[ClauseInfo] = &[$(
            ClauseInfo {
                clause: Clause::$clause,
                id: $id,
                party: Party::$party,
                demand: $demand,
                sources: &[$($source),+],
                questions: questions!($questions),
            },
        )+];
    };
}

pub(super) use {catalogue, questions};

impl Clause {
    /// The row of the catalogue.
    #[must_use]
    pub fn info(self) -> &'static ClauseInfo {
        &CLAUSES[self as usize]
    }

    /// Whom it binds.
    #[must_use]
    pub fn party(self) -> Party {
        self.info().party
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.info().id)
    }
}

impl fmt::Debug for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Clause {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        CLAUSES.iter().find(|row| row.id == text).map(|row| row.clause).ok_or_else(|| UnknownName {
            kind: "clause",
            text: text.to_owned(),
            expected: "an id from the catalogue (see `vdi list clauses`)",
            near: closest(text, CLAUSES.iter().map(|row| row.id)),
        })
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Clause {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.info().id)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Clause {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Clause {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Clause".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let ids: Vec<&str> = CLAUSES.iter().map(|row| row.id).collect();
        schemars::json_schema!({
            "description": "the id of a clause of the catalogue",
            "type": "string",
            "enum": ids,
        })
    }
}
