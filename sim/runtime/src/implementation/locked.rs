//! Locks of the standard library inside one process, for what loom does not order.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a lock guards, though a thread may have panicked with it: nothing is ever left
/// half changed.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
