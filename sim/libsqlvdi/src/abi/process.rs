//! What a program does with its process and its threads while it uses the library: fork,
//! cancellation.

use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::panic::catch_unwind;
use std::ptr;
use std::sync::MutexGuard;

use crate::objects::{self, Objects};

/// The objects, held still while a thread forks.
struct Held(UnsafeCell<Option<MutexGuard<'static, Objects>>>);

// SAFETY: read and written by the thread that forks, while it has the lock.
unsafe impl Sync for Held {}

static HELD: Held = Held(UnsafeCell::new(None));

/// From here on the objects are held still during each fork of the process.
pub(super) fn watch_forks() {
    // SAFETY: functions that do not unwind, and stay as long as the library. If there is no
    // room for them, a fork in the midst of another thread's call may leave the child without
    // objects.
    let _ = unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after)) };
}

extern "C" fn before() {
    let Ok(guard) = catch_unwind(objects::hold_still) else { return };
    // SAFETY: this thread has the lock, so no other is between `before` and `after`.
    unsafe { *HELD.0.get() = Some(guard) };
}

extern "C" fn after() {
    // SAFETY: as above. It is taken out first, and then let go.
    let guard = unsafe { (*HELD.0.get()).take() };
    drop(guard);
}

/// While this lives, the thread is not cancelled: a cancellation unwinds, which no call of this
/// library does. It comes when the thread is at a cancellation point afterwards.
pub(super) struct Uncancelled(c_int);

const DISABLE: c_int = 1;

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
}

impl Uncancelled {
    pub(super) fn new() -> Self {
        let mut before = DISABLE;
        // SAFETY: the state before goes into what lives during the call.
        let _ = unsafe { pthread_setcancelstate(DISABLE, &raw mut before) };
        Self(before)
    }
}

impl Drop for Uncancelled {
    fn drop(&mut self) {
        // SAFETY: nothing is asked for.
        let _ = unsafe { pthread_setcancelstate(self.0, ptr::null_mut()) };
    }
}
