//! Names in a trace: handles, processes and lanes.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::clauses::Party;
use crate::codes::UnknownName;

/// A handle's or lane's name, borrowed from the line it stands in where possible.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Name<'a>(#[serde(borrow)] pub Cow<'a, str>);

impl Name<'_> {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same name, owned.
    #[must_use]
    pub fn into_owned(self) -> Name<'static> {
        Name(Cow::Owned(self.0.into_owned()))
    }
}

impl<'a> From<&'a str> for Name<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<String> for Name<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A process that speaks VDI.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Process {
    /// The database engine.
    Server,
    /// The primary client.
    Primary,
}

impl Process {
    /// The party it belongs to.
    #[must_use]
    pub const fn party(self) -> Party {
        match self {
            Self::Server => Party::Server,
            Self::Primary => Party::Client,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Primary => "primary",
        }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Process {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text {
            "server" => Ok(Self::Server),
            "primary" => Ok(Self::Primary),
            _ => Err(UnknownName {
                kind: "process",
                text: text.to_owned(),
                expected: "server or primary",
                near: crate::codes::closest(text, ["server", "primary"]),
            }),
        }
    }
}

/// A lane: a thread of a process, written `process.thread`.
///
/// ```
/// use vdi_sim::trace::{LaneName, Process};
///
/// let lane: LaneName = "server.agent".parse()?;
/// assert_eq!(lane.process(), Process::Server);
/// assert!("agent".parse::<LaneName>().is_err());
/// # Ok::<(), vdi_sim::codes::UnknownName>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub struct LaneName {
    process: Process,
    text: String,
}

impl LaneName {
    /// The process of a lane's name, checking its form.
    ///
    /// # Errors
    /// The name is not `process.thread`.
    pub fn process_of(text: &str) -> Result<Process, UnknownName> {
        let bad = || UnknownName {
            kind: "lane",
            text: text.to_owned(),
            expected: "process.thread, such as server.main or primary.t2",
            near: None,
        };
        let (process, thread) = text.split_once('.').ok_or_else(bad)?;
        let sound = !thread.is_empty()
            && thread.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !sound {
            return Err(bad());
        }
        process.parse()
    }

    /// The process.
    #[must_use]
    pub const fn process(&self) -> Process {
        self.process
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for LaneName {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Ok(Self { process: Self::process_of(text)?, text: text.to_owned() })
    }
}

impl From<LaneName> for String {
    fn from(lane: LaneName) -> Self {
        lane.text
    }
}

impl fmt::Display for LaneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for LaneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for LaneName {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Name::deserialize(from)?.as_str().parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for LaneName {
    fn schema_name() -> Cow<'static, str> {
        "Lane".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "a thread of a process: process.thread",
            "type": "string",
            "pattern": "^(server|primary)\\.[A-Za-z0-9_-]+$",
        })
    }
}
