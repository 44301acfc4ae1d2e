//! Locks, and the clock that servers wait by.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a mutex holds: a thread that panicked has left nothing half done.
pub(super) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "how long a statement took is told, never judged")]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "the server waits as servers do; no verdict does")]
pub(super) fn sleep(time: Duration) {
    std::thread::sleep(time);
}
