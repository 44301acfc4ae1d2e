//! What came and no step has taken yet, and what did not come as it was pinned.

use std::collections::BTreeMap;

use vdi_spec::codes::{HResult, Win32};
use vdi_trace::{Event, Function, LaneName, Process, Trace};

/// What came and no step has taken yet.
#[derive(Default)]
pub(super) struct Untaken {
    /// Returns, by lane.
    pub(super) returns: BTreeMap<String, Vec<Returned>>,
    pub(super) callbacks: Vec<CalledBack>,
}

/// A pinned expectation that was not met.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mismatch {
    /// The step, counted from 1 among the scenario's own; 0 in its situation.
    pub step: usize,
    /// What was done.
    pub what: String,
    /// What the scenario expects.
    pub expected: String,
    /// What came.
    pub got: String,
    /// Whether what came is a shortage of resources, which the documents allow.
    pub shortage: bool,
    /// If it is about blocking: the lane, and whether it had to stay in its call.
    #[serde(skip)]
    pub stays: Option<(String, bool)>,
}

/// A return that no step has taken yet.
pub(super) struct Returned {
    pub(super) line: usize,
    pub(super) status: HResult,
    pub(super) command: Option<String>,
    pub(super) shared: Option<bool>,
    /// Nothing else came with it.
    pub(super) bare: bool,
}

/// A callback that no step has taken yet.
pub(super) struct CalledBack {
    pub(super) line: usize,
    pub(super) lane: String,
    pub(super) command: String,
    pub(super) completion: Win32,
    pub(super) bytes: u32,
    /// Whether it was told a position, which no step pins.
    pub(super) positioned: bool,
}

/// Who called which function last on a lane.
pub(super) fn last_call_on(trace: &Trace, lane: &str) -> Option<(Process, Function)> {
    let process = LaneName::process_of(lane).ok()?;
    trace.events.iter().rev().find_map(|event| match event {
        Event::Call { lane: on, call, .. } if on.as_str() == lane => Some((process, *call)),
        _ => None,
    })
}
