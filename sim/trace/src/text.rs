//! Names in a trace: handles, processes and lanes.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use vdi_spec::clauses::Party;
use vdi_spec::codes::UnknownName;

/// The set interface that exists from the start in the server.
pub const SERVER_SET: &str = "sset";

/// The set interface that exists from the start in the primary client.
pub const CLIENT_SET: &str = "cset";

/// A handle's or lane's name, borrowed from the line it stands in where possible.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Process {
    /// The database engine.
    Server,
    /// The primary client.
    Primary,
    /// A secondary client, 1 to 9.
    Secondary(u8),
}

/// Names of processes in a trace: the server, the primary client, the secondaries.
const PROCESSES: [&str; 11] = [
    "server",
    "primary",
    "secondary1",
    "secondary2",
    "secondary3",
    "secondary4",
    "secondary5",
    "secondary6",
    "secondary7",
    "secondary8",
    "secondary9",
];

impl Process {
    /// The party it belongs to.
    #[must_use]
    pub const fn party(self) -> Party {
        match self {
            Self::Server => Party::Server,
            Self::Primary | Self::Secondary(_) => Party::Client,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => PROCESSES[0],
            Self::Primary => PROCESSES[1],
            Self::Secondary(number) => PROCESSES[1 + number as usize % 10],
        }
    }

    /// Every process.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Server, Self::Primary].into_iter().chain((1..=9).map(Self::Secondary))
    }

    /// The set interface that this process has from the start: `sset`, `cset`,
    /// `x1set` and so on.
    #[must_use]
    pub fn set_interface(self) -> String {
        match self {
            Self::Server => SERVER_SET.to_owned(),
            Self::Primary => CLIENT_SET.to_owned(),
            Self::Secondary(number) => format!("x{number}set"),
        }
    }

    /// The process whose handles are usually named like this: `s…` the server,
    /// `c…` the primary, `x1…` to `x9…` a secondary.
    #[must_use]
    pub fn of_handle(name: &str) -> Option<Self> {
        match name.as_bytes() {
            [b's', ..] => Some(Self::Server),
            [b'c', ..] => Some(Self::Primary),
            [b'x', digit @ b'1'..=b'9', ..] => Some(Self::Secondary(digit - b'0')),
            _ => None,
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
        Self::all().find(|process| process.name() == text).ok_or_else(|| UnknownName {
            kind: "process",
            text: text.to_owned(),
            expected: "server, primary, or secondary1 to secondary9",
            near: vdi_spec::codes::closest(text, PROCESSES),
        })
    }
}

impl Serialize for Process {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Process {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Name::deserialize(from)?.as_str().parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Process {
    fn schema_name() -> Cow<'static, str> {
        "Process".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "enum": PROCESSES })
    }
}

/// A lane: a thread of a process, written `process.thread`.
///
/// ```
/// use vdi_trace::{LaneName, Process};
///
/// let lane: LaneName = "server.agent".parse()?;
/// assert_eq!(lane.process(), Process::Server);
/// assert!("agent".parse::<LaneName>().is_err());
/// # Ok::<(), vdi_spec::codes::UnknownName>(())
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

#[cfg(feature = "schema")]
impl schemars::JsonSchema for LaneName {
    fn schema_name() -> Cow<'static, str> {
        "Lane".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "a thread of a process: process.thread",
            "type": "string",
            "pattern": "^(server|primary|secondary[1-9])\\.[A-Za-z0-9_-]+$",
        })
    }
}
