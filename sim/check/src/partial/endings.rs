//! How the calls that were seen end, known ahead.

use std::collections::BTreeMap;

use vdi_spec::codes::HResult;
use vdi_trace::{Event, Out};

/// How the call that begins at an event will end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending<'t> {
    pub(super) status: HResult,
    pub(super) out: &'t Out<'t>,
}

/// Calls and returns by the positions of their events.
#[derive(Debug, Default)]
pub(super) struct Endings<'t> {
    /// By the position of the call.
    endings: BTreeMap<usize, Ending<'t>>,
    /// By the position of the return, the position of the call.
    calls: BTreeMap<usize, usize>,
}

impl<'t> Endings<'t> {
    pub(super) fn of(events: &'t [(usize, Event<'t>)]) -> Self {
        let mut seen = Self::default();
        let mut open: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, (_, event)) in events.iter().enumerate() {
            if let Event::Call { lane, .. } = event {
                open.insert(lane.as_str(), at);
            } else if let Event::Return { lane, status, out, .. } = event
                && let Some(call) = open.remove(lane.as_str())
            {
                seen.endings.insert(call, Ending { status: *status, out });
                seen.calls.insert(at, call);
            }
        }
        seen
    }

    /// How the call at this position ends; `None` if it is not seen to.
    pub(super) fn ending(&self, call: usize) -> Option<Ending<'t>> {
        self.endings.get(&call).copied()
    }

    /// Whether the call at this position ends with this status.
    pub(super) fn ends_with(&self, call: usize, status: HResult) -> bool {
        self.ending(call).is_some_and(|ending| ending.status == status)
    }

    /// Where the call began that returns at this position.
    pub(super) fn call_of(&self, returns: usize) -> Option<usize> {
        self.calls.get(&returns).copied()
    }

    /// Where the call returns that begins at this position.
    pub(super) fn return_of(&self, call: usize) -> Option<usize> {
        self.calls.iter().find(|(_, of)| **of == call).map(|(returns, _)| *returns)
    }
}
