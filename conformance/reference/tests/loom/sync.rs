//! What `src/sync.rs` is to the program, made of loom's types. Arc stays the standard
//! library's: it orders nothing here, and loom's cannot be dropped after a deadlock.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

pub(crate) use std::sync::{Arc, LockResult, PoisonError};

pub(crate) use loom::thread::ThreadId;

thread_local! {
    /// The threads that woke for no reason, if they are to. All of loom's threads are one of
    /// the system's: that of the test.
    static WOKEN: RefCell<Option<Vec<ThreadId>>> = const { RefCell::new(None) };
}

/// From here on each thread that sleeps wakes for no reason once, or none does.
pub(crate) fn wake_for_no_reason(wakes: bool) {
    WOKEN.set(wakes.then(Vec::new));
}

/// The present thread, of loom's.
pub(crate) fn this_thread() -> ThreadId {
    loom::thread::current().id()
}

/// Loom tries every order without.
pub(crate) fn linger() {
    loom::thread::yield_now();
}

/// Loom's lock.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

/// Loom's guard, which knows its lock.
pub(crate) struct MutexGuard<'a, T> {
    of: &'a Mutex<T>,
    guard: loom::sync::MutexGuard<'a, T>,
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(MutexGuard { of: self, guard })
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

/// Loom's condition variable. Time never passes by itself.
#[derive(Debug, Default)]
pub(crate) struct Condvar(loom::sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(loom::sync::Condvar::new())
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }

    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let early = WOKEN.with_borrow_mut(|woken| {
            let here = this_thread();
            let first = woken.as_ref().is_some_and(|woken| !woken.contains(&here));
            woken.iter_mut().filter(|_| first).for_each(|woken| woken.push(here));
            first
        });
        let MutexGuard { of, guard } = guard;
        if early {
            drop(guard);
            return of.lock();
        }
        let guard = self.0.wait(guard).unwrap_or_else(PoisonError::into_inner);
        Ok(MutexGuard { of, guard })
    }

    pub(crate) fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        _limit: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, ())> {
        Ok((self.wait(guard).unwrap_or_else(PoisonError::into_inner), ()))
    }
}
