//! Locks whose holder may have panicked: what they guard is never left half changed.

use std::sync::{LockResult, PoisonError};

/// What a lock guards, or a wait gives back, whether or not a thread has panicked with it.
pub(crate) fn locked<T>(result: LockResult<T>) -> T {
    result.unwrap_or_else(PoisonError::into_inner)
}
