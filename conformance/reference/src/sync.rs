//! The synchronisation types of the reference implementation, all in one place.
//!
//! Here they are the standard library's. The test `loom` compiles the same
//! source with a module of this name that holds loom's, and so tries every
//! order of events.

use std::cell::RefCell;
use std::thread;
use std::time::Duration;

pub(crate) use std::sync::{Arc, Condvar, LockResult, Mutex, MutexGuard, PoisonError};
pub(crate) use std::thread::ThreadId;

thread_local! {
    /// What the present thread does in the window of a race, if it does not just linger.
    static WINDOW: RefCell<Option<Box<dyn Fn()>>> = const { RefCell::new(None) };
}

/// From now on the present thread does this in the windows that a defect opens.
pub fn at_windows(act: Box<dyn Fn()>) {
    WINDOW.set(Some(act));
}

/// The present thread.
pub(crate) fn this_thread() -> ThreadId {
    thread::current().id()
}

/// Widens the window of a race: a seeded defect lets others in here.
#[expect(clippy::disallowed_methods, reason = "only defects linger")]
pub(crate) fn linger() {
    WINDOW.with_borrow(|act| match act {
        Some(act) => act(),
        None => thread::sleep(Duration::from_micros(1_500)),
    });
}
