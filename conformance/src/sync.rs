//! The synchronisation types of the plain implementation, all in one place.
//!
//! Here they are the standard library's. The test `loom` compiles the same
//! source with a module of this name that holds loom's, and so tries every
//! order of events.

use std::thread;
use std::time::Duration;

pub(crate) use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Widens the window of a race: a seeded defect lets others in here.
#[expect(clippy::disallowed_methods, reason = "only defects linger")]
pub(crate) fn linger() {
    thread::sleep(Duration::from_micros(1_500));
}
