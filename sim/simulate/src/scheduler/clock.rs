//! Virtual time.

use super::lanes::{Lane, LaneTable, NEVER};

/// Polls for a command after which nothing goes on, though time passes, whatever misuses are
/// made besides; unless somebody sleeps, or waits for anything else that is to come.
const MOST_POLLS: u32 = 200;

/// The time, and how often it had to pass.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    now: u64,
    rests: u32,
    /// Waits for a command that have passed since anything else happened.
    polls: u32,
}

impl Clock {
    /// Milliseconds since the world began.
    pub(crate) const fn now(&self) -> u64 {
        self.now
    }

    /// So many milliseconds from now.
    pub(crate) const fn after(&self, milliseconds: u32) -> u64 {
        self.now + milliseconds as u64
    }

    /// Something else happened than a poll.
    pub(crate) const fn progress(&mut self) {
        self.polls = 0;
    }

    /// Nobody can act: how often that was so.
    pub(crate) const fn rest(&mut self) -> u32 {
        self.rests += 1;
        self.rests
    }

    /// Time passes up to this moment, which a lane waits for. False: that brings nothing on.
    pub(crate) fn advance(&mut self, to: u64, lane: &Lane, lanes: &LaneTable) -> bool {
        if lane.is_idle_work() {
            self.polls += 1;
            let due = |of: &Lane| of.deadline != NEVER && !of.is_idle_work();
            if self.polls > MOST_POLLS && !lanes.iter().any(due) {
                return false;
            }
        } else {
            self.polls = 0;
        }
        self.now = self.now.max(to);
        true
    }
}
