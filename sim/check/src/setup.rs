//! How a judge is set up, and what it keeps of calls and lanes.

use super::bind::Bound;
use super::overlap::Slot;
use super::sequential::Checker;
use super::under_way::Given;
use vdi_model::{LaneId, State};
use vdi_trace::{Function, Process, TimeoutArg};

/// How many configurations of one set are looked at for one event, unless told otherwise.
pub const BUDGET: usize = 50_000;

/// A call that has begun and not returned.
#[derive(Clone, Debug)]
pub(super) struct OpenCall {
    pub(super) lane: LaneId,
    /// The line where it began.
    pub(super) line: usize,
    pub(super) function: Function,
    pub(super) bound: Bound,
    /// How long it may wait.
    pub(super) timeout: Option<TimeoutArg>,
    /// Milliseconds of it that passed.
    pub(super) waited: u64,
    /// Whether its effect is in the frontier already.
    pub(super) taken: bool,
    /// Whether it is taken to wait, though nobody has said so: it may not have begun to.
    pub(super) presumed: bool,
    /// If it is: a state from just before.
    pub(super) before: Option<Box<State>>,
    /// Its number among the open calls of its set.
    pub(super) slot: Slot,
    /// Whether its process has ended, so that it will not return.
    pub(super) lost: bool,
    /// Whether another call of its set was open at the same time.
    pub(super) overlapped: bool,
    /// What it has given before its return.
    pub(super) given: Given,
}

#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) name: String,
    pub(super) process: Process,
    /// Completion routines on this lane that have not returned.
    pub(super) routines: u8,
}

/// How thorough a judge is, and what it tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    /// How many configurations of a set are looked at for one event.
    pub(super) budget: usize,
    /// Whether every order is tried, without any of the shortcuts.
    pub(super) plainly: bool,
    /// Whether the order of effects is searched for even where calls do not overlap.
    pub(super) searches_always: bool,
    /// Whether the order of effects is told.
    pub(super) explains: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self { budget: BUDGET, plainly: false, searches_always: false, explains: false }
    }
}

impl Checker {
    /// Looks at so many configurations of a set for one event, at most; then it gives up.
    #[must_use]
    pub const fn with_budget(mut self, budget: usize) -> Self {
        self.setup.budget = budget;
        self
    }

    /// Searches for the order of effects from the first event on, even where calls do not
    /// overlap. The verdict is the same.
    #[must_use]
    pub const fn searching_always(mut self) -> Self {
        self.setup.searches_always = true;
        self
    }

    /// Tells the order of effects that explains the history, as [`super::Judged::order`]. What is
    /// kept for that grows with the length of the trace.
    #[must_use]
    pub const fn explaining(mut self) -> Self {
        (self.setup.searches_always, self.setup.explains) = (true, true);
        self
    }

    /// Tries every order of effects in the plainest way: whatever can happen is tried
    /// between any two events. It takes time and memory that grow with every way in which
    /// that can be, and is what the search is compared with.
    #[must_use]
    pub const fn trying_everything(mut self) -> Self {
        (self.setup.searches_always, self.setup.plainly) = (true, true);
        self
    }
}
