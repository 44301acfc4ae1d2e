//! Locks.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a mutex holds: a thread that panicked has left nothing half done.
pub(super) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
