//! What a check says.

use std::fmt;

use serde::Serialize;

use crate::clauses::{Clause, Party, Reading};
use crate::trace::TraceError;

/// Exit codes of everything that judges, as one table.
pub mod exit_code {
    /// Conformant.
    pub const CONFORMANT: u8 = 0;
    /// A violation, or a stale baseline.
    pub const VIOLATION: u8 = 1;
    /// Neither shown to conform nor to violate.
    pub const INCONCLUSIVE: u8 = 2;
    /// Wrong usage of the command line.
    pub const USAGE: u8 = 64;
    /// A file that cannot be read or understood.
    pub const BAD_INPUT: u8 = 65;
    /// The implementation could not be started.
    pub const UNAVAILABLE: u8 = 69;
    /// Our own fault.
    pub const INTERNAL: u8 = 70;
}

/// An event that no implementation could have produced in this place: the
/// trace is at fault, not what it tells of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InputError(pub String);

/// The answer to: does this trace have an explanation?
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// Every event is allowed.
    Conformant,
    /// An event is not allowed, whatever the order of effects.
    Violation(Box<Violation>),
    /// Calls overlapped, and the order in which they were made does not explain the trace.
    Inconclusive(Box<Overlap>),
}

/// Why a sequential check cannot decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overlap {
    /// The line where a call began while another could still take effect.
    pub line: usize,
    /// What would be the violation if the calls took effect in the order they were made.
    pub violation: Violation,
}

/// The first event that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// The line of the trace.
    pub line: usize,
    /// The lane, if the event stands on one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// The call in question, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// Whom the broken clause binds.
    pub party: Party,
    /// The broken clause.
    pub clause: Clause,
    /// The readings of the profile on which it rests: those that its clause cites, or,
    /// once [`super::Judged::name_readings`] has looked, exactly those that matter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<Reading>,
    /// Other readings, under which there would be no violation here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Reading>,
    /// Whether a call returned when it had to stay in progress: its status may be
    /// right, the moment is not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub early: bool,
    /// What was seen.
    pub got: String,
    /// Everything that was allowed.
    pub expected: Vec<Allowed>,
    /// The state just before.
    pub state: String,
}

/// One thing that was allowed in place of what was seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Allowed {
    /// What.
    pub what: String,
    /// The clause that allows, or demands, it.
    pub clause: Clause,
}

/// An obligation that server or client broke; the interface is held to its
/// answer all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The line of the trace.
    pub line: usize,
    /// Who broke it.
    pub party: Party,
    /// The broken clause.
    pub clause: Clause,
    /// What was done.
    pub what: String,
    /// Whether this is a hazard: undefined behaviour in a real process.
    pub hazard: bool,
    /// The readings of the profile on which it rests, as in [`Violation::readings`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<Reading>,
    /// Other readings, under which this is no fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Reading>,
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.what)
    }
}

impl Serialize for Reading {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl Serialize for TraceError {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("line {}: {}", self.line, self.message))
    }
}
