//! The one lock and the one condition variable: how calls act and how they wait.

use std::fmt;

use vdi_spec::codes::HResult;

use super::deadline::Deadline;
use super::mutant::{Mutant, Seed};
use super::state::State;
use super::{Gone, Observer, Timeout};
use crate::sync::{Condvar, LockResult, Mutex, MutexGuard, PoisonError, linger};

/// The state behind its lock.
///
/// Every function of the interface is one look at the state, or a sequence of
/// looks with sleep between them. What others may be waiting for, the state
/// marks as a change; the change is published before the lock is let go.
pub(super) struct Monitor {
    state: Mutex<State>,
    changed: Condvar,
    observer: Option<std::sync::Arc<dyn Observer>>,
    pub(super) seed: Seed,
}

/// What a look at the state came to.
pub(super) enum Look<T> {
    /// The call is done.
    Done(T),
    /// Look again after the next change, or when the deadline has passed.
    Wait(Option<Deadline>),
}

impl Monitor {
    pub(super) fn new(state: State, observer: Option<std::sync::Arc<dyn Observer>>) -> Self {
        let seed = state.seed;
        Self { state: Mutex::new(state), changed: Condvar::new(), observer, seed }
    }

    /// Acts on the state, whoever is alive.
    pub(super) fn update<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = act(&mut state);
        self.publish(&mut state);
        result
    }

    /// A call of this process that never blocks.
    pub(super) fn with<T>(
        &self,
        process: &str,
        act: impl FnOnce(&mut State) -> T,
    ) -> Result<T, Gone> {
        self.update(|state| if state.gone(process) { Err(Gone) } else { Ok(act(state)) })
    }

    /// A call of this process that blocks until `look` is done.
    pub(super) fn wait_for<T>(
        &self,
        process: &str,
        mut look: impl FnMut(&mut State) -> Look<T>,
    ) -> Result<T, Gone> {
        let mut state = self.lock();
        let mut announced = None;
        loop {
            if state.gone(process) {
                return Err(Gone);
            }
            let looked = look(&mut state);
            self.publish(&mut state);
            let deadline = match looked {
                Look::Done(result) => return Ok(result),
                Look::Wait(deadline) => deadline,
            };
            if state.is(Mutant::LooksThenSleeps) {
                drop(state);
                linger();
                state = self.lock();
            }
            if announced != Some(state.generation()) {
                announced = Some(state.generation());
                self.observer.iter().for_each(|observer| observer.waiting());
            }
            state = self.sleep(state, deadline);
        }
    }

    /// A call with a time-out: `look` until it gives a result, else VD_E_TIMEOUT.
    pub(super) fn wait_at_most<T>(
        &self,
        process: &str,
        timeout: Timeout,
        mut look: impl FnMut(&mut State) -> Option<Result<T, HResult>>,
    ) -> Result<Result<T, HResult>, Gone> {
        let mut waiting = false;
        let mut deadline = None;
        self.wait_for(process, |state| {
            if let Some(result) = look(state) {
                if waiting {
                    state.clock.end();
                    state.leave(process);
                }
                return Look::Done(result);
            }
            if !waiting {
                deadline = match timeout {
                    Timeout::Infinite => None,
                    Timeout::Milliseconds(0) => return Look::Done(Err(HResult::VD_E_TIMEOUT)),
                    Timeout::Milliseconds(limit) => state.clock.begin(limit),
                };
                waiting = true;
                state.enter(process);
            } else if state.clock.passed() || deadline.is_some_and(Deadline::passed) {
                state.clock.end();
                state.leave(process);
                // This waiter ends without a change of its own; whoever counts
                // waiters has to count again.
                state.change();
                return Look::Done(Err(HResult::VD_E_TIMEOUT));
            }
            Look::Wait(deadline)
        })
    }

    /// Takes the lock. No panic leaves the state half changed: completion
    /// routines run unlocked.
    fn lock(&self) -> MutexGuard<'_, State> {
        locked(self.state.lock())
    }

    fn sleep<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        deadline: Option<Deadline>,
    ) -> MutexGuard<'a, State> {
        let state = match deadline {
            None => locked(self.changed.wait(state)),
            Some(deadline) => locked(self.changed.wait_timeout(state, deadline.remaining())).0,
        };
        let Some(observer) = &self.observer else { return state };
        drop(state);
        observer.woken();
        self.lock()
    }

    fn publish(&self, state: &mut State) {
        if state.begin_generation() {
            self.observer.iter().for_each(|observer| observer.changed());
            self.changed.notify_all();
        }
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").finish_non_exhaustive()
    }
}

/// What a lock guards, or a wait gives back, though a thread may have panicked with it.
fn locked<T>(result: LockResult<T>) -> T {
    result.unwrap_or_else(PoisonError::into_inner)
}
