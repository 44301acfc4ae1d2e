//! What `src/sync.rs` is to the program, made of loom's types: every atomic operation,
//! every lock and every sleep is a point at which loom may let another thread go on.

use std::cell::{Cell as Plain, RefCell};
use std::time::Duration;

use loom::thread::{self, Thread};

pub(crate) use loom::sync::MutexGuard;
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
pub(crate) use loom::thread::ThreadId;
/// The standard library's: it orders nothing here, and loom's cannot be dropped after
/// a deadlock.
pub(crate) use std::sync::Arc;

pub(crate) use crate::mutants::Mutant;

/// As small as the races need: loom makes every word anew for every order.
pub(crate) mod limits {
    pub(crate) const DEVICES: usize = 2;
    pub(crate) const RING: usize = 4;
    pub(crate) const BUFFERS: usize = 1;
    pub(crate) const SEGMENTS: usize = 1;
    pub(crate) const SIDES: usize = 3;
    pub(crate) const NAME_WORDS: usize = 1;
}

thread_local! {
    // All of loom's threads are one of the system's: that of the test.
    static SEEDED: Plain<Option<Mutant>> = const { Plain::new(None) };
    /// Whether the library is unloaded, and by which thread, if a race unloads it.
    static UNLOADED: RefCell<Option<(ThreadId, Arc<AtomicU32>)>> = const { RefCell::new(None) };
    /// Whether another thread went on in it.
    static RAN_ON: Plain<bool> = const { Plain::new(false) };
    /// The threads that woke for no reason, if they are to.
    static WOKEN: RefCell<Option<Vec<ThreadId>>> = const { RefCell::new(None) };
}

/// Seeds a defect from here on, or none.
pub(crate) fn seed(mutant: Option<Mutant>) {
    SEEDED.set(mutant);
}

/// From here on each thread that sleeps wakes for no reason once, or none does.
pub(crate) fn wake_for_no_reason(wakes: bool) {
    WOKEN.set(wakes.then(Vec::new));
}

/// The present thread is the one that may unload the library; or none may.
pub(crate) fn may_unload(may: bool) {
    UNLOADED.set(may.then(|| (this_thread(), Arc::default())));
    RAN_ON.set(false);
}

/// The library is gone.
pub(crate) fn unload() {
    let unloaded = UNLOADED.with_borrow(|unloaded| unloaded.clone()).expect("it may be unloaded");
    unloaded.1.store(1, Ordering::Release);
}

/// Whether a thread went on in the library when it was gone.
pub(crate) fn ran_on() -> bool {
    RAN_ON.get()
}

/// The present thread runs code of the library. Loom has to see that this depends on whether
/// the library is there.
pub(crate) fn runs() {
    let Some((by, gone)) = UNLOADED.with_borrow(|unloaded| unloaded.clone()) else { return };
    if this_thread() != by && gone.load(Ordering::Acquire) != 0 {
        RAN_ON.set(true);
    }
}

/// Whether the present thread wakes now for no reason.
fn wakes_early() -> bool {
    WOKEN.with_borrow_mut(|woken| {
        let Some(woken) = woken else { return false };
        let here = this_thread();
        let first = !woken.contains(&here);
        if first {
            woken.push(here);
        }
        first
    })
}

/// Whether this defect is seeded.
pub(crate) fn seeded(asked: Mutant) -> bool {
    SEEDED.get() == Some(asked)
}

/// The present thread, of loom's.
pub(crate) fn this_thread() -> ThreadId {
    thread::current().id()
}

/// Loom's lock.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        runs();
        self.0.lock().expect("no panic while held")
    }
}

/// A word of a record. It is no atomic here: to read it before it was published, or to
/// write it while another reads, is an error that loom reports.
#[derive(Default)]
pub(crate) struct Cell(loom::cell::Cell<u64>);

#[expect(unsafe_code, reason = "whether threads share it soundly is what loom finds out")]
// SAFETY: loom checks every access, and its threads never run at the same time.
unsafe impl Sync for Cell {}

impl Cell {
    pub(crate) fn get(&self) -> u64 {
        runs();
        self.0.get()
    }

    pub(crate) fn set(&self, value: u64) {
        runs();
        self.0.set(value);
    }
}

impl std::fmt::Debug for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cell")
    }
}

/// How many threads are somewhere.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU32);

impl Count {
    pub(crate) fn enter(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    /// After a deadlock loom's atomics cannot be used any more.
    pub(crate) fn leave(&self) {
        if !std::thread::panicking() {
            self.0.fetch_sub(1, Ordering::AcqRel);
        }
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Acquire) as usize
    }
}

/// What waiting threads listen to: a counter, and who sleeps until it changes.
///
/// Between two of its operations loom runs no other thread, so that to look at the
/// counter and to fall asleep is one step, as in the kernel's futex.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: AtomicU32,
    asleep: std::sync::Mutex<Vec<Thread>>,
}

impl Bell {
    pub(crate) fn listen(&self) -> u32 {
        runs();
        self.rung.load(Ordering::Acquire)
    }

    pub(crate) fn ring(&self) {
        runs();
        self.rung.fetch_add(1, Ordering::AcqRel);
        for thread in std::mem::take(&mut *self.asleep.lock().expect("no panic while held")) {
            thread.unpark();
        }
    }

    /// Time never passes by itself: the limit is not looked at.
    pub(crate) fn wait(&self, heard: u32, _limit: Option<Duration>) {
        if wakes_early() {
            return;
        }
        // Adding nothing reads the newest value, as the kernel does.
        if self.rung.fetch_add(0, Ordering::AcqRel) != heard {
            return;
        }
        self.asleep.lock().expect("no panic while held").push(thread::current());
        thread::park();
    }
}

/// A mutual exclusion between processes, none of which dies here.
#[derive(Debug, Default)]
pub(crate) struct Lock(loom::sync::Mutex<()>);

impl Lock {
    pub(crate) fn with<T>(
        &self,
        _me: u32,
        _alive: impl Fn(u32) -> bool,
        act: impl FnOnce() -> T,
    ) -> T {
        let _guard = self.0.lock().expect("no panic while held");
        act()
    }
}

/// A point in time that never comes: the races let time pass by telling the machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline;

impl Deadline {
    pub(crate) fn after(_milliseconds: u64) -> Option<Self> {
        Some(Self)
    }

    pub(crate) fn remaining(self) -> Duration {
        Duration::MAX
    }

    pub(crate) fn passed(self) -> bool {
        false
    }
}
