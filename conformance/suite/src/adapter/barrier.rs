//! Where lanes that are to begin at once wait for each other.

use crate::locked::locked;
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// Nobody waits longer than this: a lane that is still busy does not hold up the others.
const LATEST: Duration = Duration::from_millis(50);

/// Opens when so many have arrived.
pub(super) struct Barrier {
    missing: Mutex<usize>,
    opened: Condvar,
}

impl Barrier {
    pub(super) const fn new(lanes: usize) -> Self {
        Self { missing: Mutex::new(lanes), opened: Condvar::new() }
    }

    /// Counts one who does not wait, or not yet.
    pub(super) fn arrive(&self) {
        let mut missing = locked(self.missing.lock());
        *missing = missing.saturating_sub(1);
        if *missing == 0 {
            self.opened.notify_all();
        }
    }

    /// Waits until all are there, and then so many microseconds.
    pub(super) fn wait(&self, delay: u32) {
        let missing = locked(self.missing.lock());
        let waited = self.opened.wait_timeout_while(missing, LATEST, |missing| *missing > 0);
        drop(locked(waited));
        pause(delay);
    }

    /// Arrives and waits.
    pub(super) fn pass(&self, delay: u32) {
        self.arrive();
        self.wait(delay);
    }
}

/// Lets so many microseconds pass: a hint that decides who comes first, and no verdict.
#[expect(clippy::disallowed_methods, reason = "a race is to go differently every time")]
pub(crate) fn pause(microseconds: u32) {
    if microseconds > 0 {
        thread::sleep(Duration::from_micros(microseconds.into()));
    }
}
