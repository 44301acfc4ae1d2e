//! Time that passes by itself, or only when it is told to.

use std::sync::Weak;

use crate::sync::{Arc, Deadline, Mutex, MutexGuard, ThreadId, this_thread};

/// How long a client is willing to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// For ever.
    Infinite,
    /// So many milliseconds; 0 only polls.
    Milliseconds(u32),
}

/// What lets virtual time pass for waiting calls. With real time it stays empty.
#[derive(Debug)]
pub(super) struct Clock {
    virtual_time: bool,
    waiting: Mutex<Vec<Waiting>>,
}

struct Waiting {
    thread: ThreadId,
    what: What,
}

enum What {
    /// A call with a finite time-out: milliseconds left, and what wakes it.
    Call(u32, Arc<dyn Fn() + Send + Sync>),
    /// The completion agent of this set.
    Agent(Weak<dyn Waits>),
}

/// A completion agent, for which virtual time passes.
pub(super) trait Waits: Send + Sync {
    /// So many milliseconds of virtual time, or one interval of serverTimeOut, have
    /// passed.
    fn time_passes(&self, milliseconds: Option<u32>);
}

/// The limit of one waiting call.
#[derive(Debug)]
pub(super) struct Limit<'a> {
    clock: &'a Clock,
    deadline: Option<Deadline>,
}

impl Clock {
    pub(super) fn new(virtual_time: bool) -> Self {
        Self { virtual_time, waiting: Mutex::new(Vec::new()) }
    }

    pub(super) const fn is_virtual(&self) -> bool {
        self.virtual_time
    }

    /// The call on the present thread begins to wait, for so many milliseconds at most.
    /// With virtual time, `wake` makes it look again.
    pub(super) fn limit(
        &self,
        milliseconds: u32,
        wake: impl FnOnce() -> Arc<dyn Fn() + Send + Sync>,
    ) -> Limit<'_> {
        if !self.virtual_time {
            return Limit { clock: self, deadline: Deadline::after(milliseconds.into()) };
        }
        let what = What::Call(milliseconds, wake());
        self.lock().push(Waiting { thread: this_thread(), what });
        Limit { clock: self, deadline: None }
    }

    /// The present thread is the agent of this set, until `end`.
    pub(super) fn begin_agent(&self, agent: Weak<dyn Waits>) {
        if self.virtual_time {
            let what = What::Agent(agent);
            self.lock().push(Waiting { thread: this_thread(), what });
        }
    }

    /// The present thread waits no longer.
    pub(super) fn end(&self) {
        if self.virtual_time {
            let mut waiting = self.lock();
            let here = this_thread();
            if let Some(last) = waiting.iter().rposition(|call| call.thread == here) {
                waiting.remove(last);
            }
        }
    }

    pub(super) fn expire(&self, thread: ThreadId, milliseconds: Option<u32>) {
        let wake = {
            let mut waiting = self.lock();
            let call = waiting.iter_mut().rev().find(|call| call.thread == thread);
            match call.map(|call| &mut call.what) {
                None => return,
                Some(What::Agent(agent)) => Err(agent.upgrade()),
                Some(What::Call(left, wake)) => {
                    *left -= milliseconds.unwrap_or(*left).min(*left);
                    Ok(wake.clone())
                }
            }
        };
        match wake {
            Ok(wake) => wake(),
            Err(Some(agent)) => agent.time_passes(milliseconds),
            Err(None) => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock()
    }
}

impl Limit<'_> {
    /// When it ends by the real clock, if that counts.
    pub(super) const fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// Whether the present thread has waited long enough.
    pub(super) fn passed(&self) -> bool {
        if !self.clock.virtual_time {
            return self.deadline.is_some_and(Deadline::passed);
        }
        let here = this_thread();
        let waiting = self.clock.lock();
        let call = waiting.iter().rev().find(|call| call.thread == here);
        call.is_some_and(|call| matches!(call.what, What::Call(0, _)))
    }
}

impl Drop for Limit<'_> {
    fn drop(&mut self) {
        self.clock.end();
    }
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting").field("thread", &self.thread).finish_non_exhaustive()
    }
}

/// Since when the agent waits for a completion, by the real clock.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// What had happened when the waiting began.
    seen: u64,
    deadline: Option<Deadline>,
}

impl Watch {
    /// Until when to wait: begun again whenever `happened` changes. `patience` is in
    /// milliseconds, `None` while there is nothing to wait for.
    pub(super) fn deadline(&mut self, happened: u64, patience: Option<u64>) -> Option<Deadline> {
        match patience {
            None => self.deadline = None,
            Some(patience) if self.deadline.is_none() || self.seen != happened => {
                self.deadline = Deadline::after(patience);
            }
            Some(_) => {}
        }
        self.seen = happened;
        self.deadline
    }

    /// Whether that was too long.
    pub(super) fn expired(&self, happened: u64) -> bool {
        self.seen == happened && self.deadline.is_some_and(Deadline::passed)
    }
}
