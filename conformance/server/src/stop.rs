//! A statement that is stopped while it is carried out.

use std::sync::{Mutex, MutexGuard};

use vdi_recorder::ServerSet;

use super::sync::lock;

/// Stops a statement from another thread: whoever asked for it wants it no more, or is gone.
#[derive(Debug, Default)]
pub struct Stop(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    asked: bool,
    /// The set that is open for it.
    set: Option<ServerSet>,
}

impl Stop {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }

    /// Stops the statement now, or as soon as it begins.
    pub fn now(&self) {
        let mut state = self.state();
        state.asked = true;
        // Under the lock, so that the set is not closed meanwhile.
        if let Some(set) = state.set.take() {
            // A set that cannot be aborted has ended already.
            let _ = set.signal_abort();
        }
    }

    /// Whether it was asked for.
    pub fn is_asked(&self) -> bool {
        self.state().asked
    }

    /// The statement has opened this set.
    pub(super) fn begin(&self, set: &ServerSet) {
        let mut state = self.state();
        if state.asked {
            // As in `now`.
            let _ = set.signal_abort();
        } else {
            state.set = Some(set.clone());
        }
    }

    /// The statement is about to close its set.
    pub(super) fn end(&self) {
        self.state().set = None;
    }
}
