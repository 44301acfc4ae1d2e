//! A statement that is stopped while it is carried out.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

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
    /// What ends the statement where it was handed over to.
    handed_over: Option<Elsewhere>,
    /// Who asked for it, in words, if it is known.
    why: Option<&'static str>,
    /// How much of the data was moved, in percent.
    percent: u64,
}

/// Ends a statement that another server carries out.
struct Elsewhere(Box<dyn FnOnce() + Send>);

impl fmt::Debug for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Elsewhere")
    }
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
        // Whoever carries it out stops when nobody is there any more.
        if let Some(elsewhere) = state.handed_over.take() {
            (elsewhere.0)();
        }
    }

    /// The statement is ended for this reason, unless it is for another already.
    #[cfg(feature = "tds")]
    pub(super) fn because(&self, why: &'static str) {
        self.state().why.get_or_insert(why);
    }

    /// So much of the data was moved.
    pub(super) fn reached(&self, percent: u64) {
        self.state().percent = percent;
    }

    /// What ended the statement, and where, if it is known.
    pub(super) fn why(&self) -> Option<String> {
        let state = self.state();
        state.why.map(|why| format!("{why} at {} percent", state.percent))
    }

    /// The statement was handed over, and is ended so.
    #[cfg_attr(not(unix), expect(dead_code, reason = "no server stands there"))]
    pub(super) fn hand_over(&self, end: impl FnOnce() + Send + 'static) {
        let mut state = self.state();
        if state.asked {
            end();
        } else {
            state.handed_over = Some(Elsewhere(Box::new(end)));
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

/// All that a server carries out at the same time, to be stopped together.
#[derive(Debug, Default)]
pub struct Stops {
    running: Mutex<Running>,
    /// One has ended.
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Running {
    /// Nothing begins any more.
    is_over: bool,
    all: Vec<Arc<Stop>>,
}

impl Stops {
    /// Acts, and is waited for meanwhile; `None` if nothing begins any more.
    #[cfg_attr(not(unix), expect(dead_code, reason = "no server stands there"))]
    pub(super) fn run<T>(&self, stop: &Arc<Stop>, act: impl FnOnce() -> T) -> Option<T> {
        /// It has ended, in one way or the other.
        struct Ends<'s>(&'s Stops, &'s Arc<Stop>);
        impl Drop for Ends<'_> {
            fn drop(&mut self) {
                lock(&self.0.running).all.retain(|other| !Arc::ptr_eq(other, self.1));
                self.0.ended.notify_all();
            }
        }
        let mut running = lock(&self.running);
        if running.is_over {
            return None;
        }
        running.all.push(stop.clone());
        drop(running);
        let _ends = Ends(self, stop);
        Some(act())
    }

    /// Lets nothing begin any more, stops all, and waits until they have ended, but not
    /// longer than this.
    pub fn end(&self, within: Duration) {
        let mut running = lock(&self.running);
        running.is_over = true;
        let all = running.all.clone();
        drop(running);
        all.iter().for_each(|stop| stop.now());
        let running = lock(&self.running);
        // Whoever does not end is told to by the end of the process.
        drop(self.ended.wait_timeout_while(running, within, |running| !running.all.is_empty()));
    }
}
