//! The first line of a trace.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Process;
use vdi_spec::clauses::Party;

/// The format's name and version.
pub const FORMAT: &str = "trace/1";

/// Set interfaces by name, with the process each belongs to.
pub type Interfaces = BTreeMap<String, Process>;

/// The first line of a trace: what follows, and from whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Header {
    /// `trace/1`.
    pub vdi: String,
    /// The implementation that was observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Origin>,
    /// The scenario that was run, or the situation that a client was put into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// What the implementation declares of itself.
    #[serde(default, skip_serializing_if = "Declares::is_empty")]
    pub declares: Declares,
    /// Parties whose misuse is on purpose: it is noted, and not held against them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provoked: Vec<Party>,
    /// What is recorded without a gap, so that its absence tells something too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<Recorded>,
    /// Whether the lanes ran freely: nobody waited between two events until everything
    /// was at rest, and the end of a process or of a time-out is noticed at some time after
    /// its event.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub free: bool,
    /// Whose calls are not in the trace, though there were some: `server`, the database
    /// server, and `client`, clients in other processes than those that are in it. What
    /// they did is free; nothing is held against them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<Party>,
    /// Set interfaces besides `sset` (server), `cset` (primary), and `x1set` to
    /// `x9set` (the secondaries).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub interfaces: Interfaces,
}

/// A kind of event that is recorded without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Recorded {
    /// Every use that a client makes of a buffer: `touch` and `wrote`.
    Data,
    /// Every passing of a time-out: `expired`. Nothing expires otherwise.
    Time,
}

/// Who was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Origin {
    /// Name of the implementation.
    pub name: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How it ran, such as `threads`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<String>,
}

/// What an implementation declares of itself where the documents leave it free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Declares {
    /// Commands a device's queue takes before SendCommand answers VD_E_QUEUE_FULL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_depth: Option<u32>,
}

impl Declares {
    const fn is_empty(&self) -> bool {
        self.queue_depth.is_none()
    }
}

impl Default for Header {
    fn default() -> Self {
        Self {
            vdi: FORMAT.to_owned(),
            source: None,
            scenario: None,
            declares: Declares::default(),
            provoked: Vec::new(),
            records: Vec::new(),
            free: false,
            unseen: Vec::new(),
            interfaces: BTreeMap::new(),
        }
    }
}

impl Header {
    /// The parties whose misuse is on purpose: those said to be. A conformance run of an earlier
    /// version said nothing: where a scenario also decides when time passes, it makes every call
    /// of both sides.
    #[must_use]
    pub fn on_purpose(&self) -> Vec<Party> {
        let is_played = self.scenario.is_some() && self.records.contains(&Recorded::Time);
        match self.provoked.is_empty() && is_played {
            true => vec![Party::Server, Party::Client],
            false => self.provoked.clone(),
        }
    }

    /// Whether nothing of this party was recorded.
    #[must_use]
    pub fn misses(&self, party: Party) -> bool {
        self.unseen.contains(&party)
    }
}
