//! What the process that plays a scenario is told, and what it tells besides the trace.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vdi_spec::clauses::Clause;

use crate::sql::{Names, Sql};
use crate::steps::Step;

/// What a process is told that plays one client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The client library.
    pub library: PathBuf,
    /// 0 for the primary client, else the number of the secondary.
    pub secondary: u8,
    /// What it does.
    pub steps: Vec<Step>,
    /// How statements reach the server.
    pub sql: Sql,
    /// What things are called.
    pub names: Names,
    /// Where what is recorded goes, and what is printed.
    pub folder: PathBuf,
    /// Whether the library takes time-outs as seconds.
    pub seconds: bool,
    /// Whether a statement that no step waits for is left behind when all steps are taken.
    pub leaves: bool,
    /// The last handle of a buffer that the primary client was given.
    pub handle: Option<GivenHandle>,
}

impl Plan {
    /// The trace.
    #[must_use]
    pub fn trace(&self) -> PathBuf {
        self.folder.join(TRACE)
    }
}

/// The name of the trace in its folder.
pub(crate) const TRACE: &str = "trace.jsonl";

/// The name of the file of what no trace tells.
pub(crate) const OBSERVED: &str = "observed.jsonl";

/// The name of the file of what the statements' program prints.
pub(crate) const PRINTED: &str = "statements.txt";

/// A handle of a buffer, and what the buffer held when it was given.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GivenHandle {
    /// What it is called.
    pub name: String,
    /// What its buffer is called.
    pub buffer: String,
    /// The handle.
    pub number: u32,
    /// Bytes of the buffer.
    pub length: usize,
    /// The sum of these.
    pub sum: u32,
}

/// What a process sees that no trace tells, and that breaks a clause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Observed {
    /// The clause.
    pub clause: Clause,
    /// What was seen.
    pub got: String,
    /// What was to be seen.
    pub expected: String,
}
