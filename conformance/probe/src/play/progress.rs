//! How far the lanes of a client have come, for those that wait for others.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};

use super::recording::locked;

/// The steps that each lane has taken.
#[derive(Debug, Default)]
pub(super) struct Progress {
    taken: Mutex<BTreeMap<String, usize>>,
    changed: Condvar,
}

/// A lane, until it ends.
#[derive(Debug)]
pub(super) struct OfLane<'p> {
    progress: &'p Progress,
    lane: String,
}

impl Progress {
    pub(super) fn of(&self, lane: String) -> OfLane<'_> {
        OfLane { progress: self, lane }
    }

    /// Waits until this lane has taken so many steps, or has come to its end.
    pub(super) fn wait(&self, lane: &str, steps: usize) {
        let too_few = |taken: &mut BTreeMap<String, usize>| {
            taken.get(lane).is_none_or(|taken| *taken < steps)
        };
        let taken = self.changed.wait_while(locked(&self.taken), too_few);
        drop(taken.unwrap_or_else(PoisonError::into_inner));
    }

    fn set(&self, lane: &str, to: impl FnOnce(usize) -> usize) {
        let mut taken = locked(&self.taken);
        let now = taken.entry(lane.to_owned()).or_default();
        *now = to(*now);
        drop(taken);
        self.changed.notify_all();
    }
}

impl OfLane<'_> {
    /// A step was taken.
    pub(super) fn step(&self) {
        self.progress.set(&self.lane, |taken| taken.saturating_add(1));
    }
}

impl Drop for OfLane<'_> {
    fn drop(&mut self) {
        self.progress.set(&self.lane, |_| usize::MAX);
    }
}
