//! The order of effects that explains a history: moment by moment, newest first, so that
//! configurations share what they have in common.

use std::sync::Arc;

use vdi_model::{Callback, Caller, LaneId, Outcome};

/// The order of effects that led to a configuration; empty unless it is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Linearization(Option<Arc<Entry>>);

/// A moment, and what went before it.
#[derive(Debug)]
pub(crate) struct Entry {
    before: Linearization,
    pub(crate) depth: usize,
    /// The line of the event that made the search try it.
    pub(crate) line: usize,
    pub(crate) moment: Moment,
}

/// What happened at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    /// The call that began in a line, on a lane, took effect, or was decided.
    Call(usize, LaneId, Outcome),
    /// The call that began in a line returned what was possible after so many moments, as
    /// noted in another line.
    Possible { began: usize, lane: LaneId, answer: TentativeAnswer, depth: usize, noted: usize },
    /// The interface began to invoke a routine.
    Began(Callback),
    /// Something happened without a call.
    Spontaneous(Spontaneous),
}

/// What a call can come back with that changes nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TentativeAnswer {
    /// One of the model's outcomes.
    Outcome(Outcome),
    /// A wrapped error of the operating system.
    SystemError,
    /// Nothing yet: it could have begun to wait.
    Wait,
}

impl TentativeAnswer {
    /// Whether they are the same to the caller, whatever clause they rest on.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Outcome(one), Self::Outcome(other)) => one.answer == other.answer,
            (Self::SystemError, Self::SystemError) | (Self::Wait, Self::Wait) => true,
            (Self::Outcome(_) | Self::SystemError | Self::Wait, _) => false,
        }
    }
}

/// What happens without a call, at some time after it was said to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spontaneous {
    /// The end of a process is noticed.
    Exit(Caller),
    /// So many intervals of serverTimeOut pass for the agent on a lane.
    Passes(LaneId, u8),
}

impl Linearization {
    /// How many moments it has.
    pub(super) fn depth(&self) -> usize {
        self.0.as_ref().map_or(0, |entry| entry.depth)
    }

    pub(super) fn push(&mut self, line: usize, moment: Moment) {
        let depth = self.depth() + 1;
        self.0 = Some(Arc::new(Entry { before: Self(self.0.take()), depth, line, moment }));
    }

    /// Its moments, oldest first.
    pub(crate) fn entries(&self) -> Vec<&Entry> {
        let newest = self.0.as_deref();
        let mut entries: Vec<&Entry> =
            std::iter::successors(newest, |entry| entry.before.0.as_deref()).collect();
        entries.reverse();
        entries
    }
}

/// Long chains are let go of entry by entry, not one inside the other.
impl Drop for Entry {
    fn drop(&mut self) {
        let mut next = self.before.0.take();
        while let Some(entry) = next {
            next = Arc::into_inner(entry).and_then(|mut entry| entry.before.0.take());
        }
    }
}
