//! The one place where the runtime waits, and the atomics it shares.
//!
//! Here they are the standard library's and the kernel's: a shared futex, which
//! wakes threads of this process and of others alike, or what stands for one on Windows. The test `loom` compiles
//! the runtime with a module of this name that holds loom's types instead, and so
//! tries every order of events. For the same purpose the runtime asks [`seeded`]
//! at every place where a defect can be seeded; here the answer is a constant no.

#[cfg_attr(windows, path = "sync/windows.rs")]
mod futex;
mod mutants;

use std::cell::RefCell;
use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant};

#[cfg(windows)]
pub(crate) use self::futex::Shared;
pub(crate) use self::mutants::Mutant;
pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
pub(crate) use std::thread::ThreadId;

/// How large the shared arrays are.
pub(crate) mod limits {
    /// Devices of a set, by the documents.
    pub(crate) const DEVICES: usize = 64;
    /// Places in a device's ring; a power of 2, at least twice the queue's depth.
    pub(crate) const RING: usize = 128;
    /// Buffers of a set that are allocated at one time.
    pub(crate) const BUFFERS: usize = 4096;
    /// Stretches of the buffer area that are allocated one after another.
    pub(crate) const SEGMENTS: usize = 64;
    /// The server, the primary client, and secondary clients that are open at one time.
    pub(crate) const SIDES: usize = 66;
    /// Eight-byte words of a name.
    pub(crate) const NAME_WORDS: usize = 64;
}

/// Whether this defect is seeded.
#[inline(always)]
pub(crate) const fn seeded(_: Mutant) -> bool {
    false
}

/// A mutual exclusion inside one process.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

pub(crate) type MutexGuard<'a, T> = std::sync::MutexGuard<'a, T>;

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    /// No panic leaves what is behind it half changed: completion routines run
    /// outside.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A word of a record that an index publishes: written before the index, read after.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(crate) struct Cell(AtomicU64);

impl Cell {
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

/// How many threads are somewhere.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU32);

impl Count {
    pub(crate) fn enter(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn leave(&self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Acquire) as usize
    }
}

/// What waiting threads listen to. Look at it, look at the state, wait for it: what
/// was rung in between is not lost.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Bell {
    rung: AtomicU32,
    /// Threads that sleep or are about to. A process that dies in its sleep leaves
    /// itself counted, which costs the others a system call and nothing else.
    listeners: AtomicU32,
}

impl Bell {
    /// What [`Bell::wait`] is to be told, taken before the state is looked at.
    pub(crate) fn listen(&self) -> u32 {
        self.rung.load(Ordering::SeqCst)
    }

    /// Wakes everyone who listened before.
    pub(crate) fn ring(&self) {
        self.rung.fetch_add(1, Ordering::SeqCst);
        let listeners = self.listeners.load(Ordering::SeqCst);
        if listeners != 0 {
            futex::wake_all(&self.rung, listeners);
        }
    }

    /// Sleeps until it is rung, unless it was since `heard`; no longer than `limit`.
    /// May wake for no reason.
    pub(crate) fn wait(&self, heard: u32, limit: Option<Duration>) {
        if cfg!(miri) {
            // Miri does not know the system call as rustix makes it; whoever sleeps polls.
            std::thread::yield_now();
            return;
        }
        self.listeners.fetch_add(1, Ordering::SeqCst);
        futex::wait(&self.rung, heard, limit);
        self.listeners.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A mutual exclusion between processes, for what is rare and short. Its holder may die,
/// or the word that names it be overwritten: who waits takes it over then, and in any
/// case after a second, so what it guards must be sound at every moment.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Lock {
    /// 0: free; else who holds it.
    holder: AtomicU32,
    bell: Bell,
}

/// The bits of a lock's word that say which side holds it; the others tell turns apart.
const SIDE: u32 = 0xFF;

impl Lock {
    /// Acts as `me`, 1 to 255, while no other does.
    pub(crate) fn with<T>(
        &self,
        me: u32,
        alive: impl Fn(u32) -> bool,
        act: impl FnOnce() -> T,
    ) -> T {
        static TURN: AtomicU32 = AtomicU32::new(0);
        // Not the side alone: a thread must not release what another took over from it.
        let turn = TURN.fetch_add(1, Ordering::Relaxed);
        let me = me & SIDE | turn << SIDE.trailing_ones();
        let patience = Duration::from_millis(10);
        let end = Deadline::after(1000);
        loop {
            let heard = self.bell.listen();
            let free = self.holder.compare_exchange(0, me, Ordering::AcqRel, Ordering::Acquire);
            let Err(holder) = free else { break };
            let took = || {
                let (yes, no) = (Ordering::AcqRel, Ordering::Acquire);
                self.holder.compare_exchange(holder, me, yes, no).is_ok()
            };
            if !alive(holder & SIDE) && took() {
                break;
            }
            if end.is_some_and(Deadline::passed) {
                self.holder.swap(me, Ordering::AcqRel);
                break;
            }
            self.bell.wait(heard, Some(patience));
        }
        let result = act();
        // Only if nobody thought us dead meanwhile.
        let _ = self.holder.compare_exchange(me, 0, Ordering::AcqRel, Ordering::Relaxed);
        self.bell.ring();
        result
    }
}

/// A point in time after which a call no longer waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// So many milliseconds from now; `None` if that is beyond the clock.
    pub(crate) fn after(milliseconds: u64) -> Option<Self> {
        now().checked_add(Duration::from_millis(milliseconds)).map(Self)
    }

    pub(crate) fn remaining(self) -> Duration {
        self.0.saturating_duration_since(now())
    }

    pub(crate) fn passed(self) -> bool {
        self.remaining().is_zero()
    }
}

#[expect(clippy::disallowed_methods, reason = "a time-out that a caller asked for is real time")]
fn now() -> Instant {
    Instant::now()
}

thread_local! {
    static THIS_THREAD: RefCell<Option<ThreadId>> = const { RefCell::new(None) };
}

/// The present thread; kept, since asking the standard library counts references.
pub(crate) fn this_thread() -> ThreadId {
    THIS_THREAD.with_borrow_mut(|known| *known.get_or_insert_with(|| thread::current().id()))
}

#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;

    /// Two threads hand a number to and fro, each with the kernel's futex and the order of
    /// [`Bell`]: listen, look, wait. A ring that is lost would leave both asleep; then the
    /// limit, which is far beyond any machine's pace, ends the test.
    #[test]
    fn no_ring_of_the_real_bell_is_lost() {
        const TURNS: u32 = 20_000;
        let (turn, bells) = (AtomicU32::new(0), [Bell::default(), Bell::default()]);
        let player = |me: u32| {
            for mine in (me..TURNS).step_by(2) {
                loop {
                    let heard = bells[me as usize].listen();
                    if turn.load(Ordering::Acquire) == mine {
                        break;
                    }
                    let limit = Duration::from_secs(600);
                    let end = Deadline::after(600_000);
                    bells[me as usize].wait(heard, Some(limit));
                    let lost = end.is_some_and(Deadline::passed);
                    assert!(!lost, "a ring was lost before turn {mine}");
                }
                turn.store(mine + 1, Ordering::Release);
                bells[1 - me as usize].ring();
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| player(1));
            player(0);
        });
        assert_eq!(turn.into_inner(), TURNS);
    }

    /// What was rung between listening and waiting is not slept through.
    #[test]
    fn the_real_bell_remembers_what_was_rung_before_the_wait() {
        let bell = Bell::default();
        let heard = bell.listen();
        bell.ring();
        bell.wait(heard, None);
        assert_ne!(bell.listen(), heard);
    }

    /// Everyone who sleeps wakes.
    #[test]
    fn one_ring_of_the_real_bell_wakes_everyone() {
        const SLEEPERS: u32 = 3;
        let (bell, rung) = (Bell::default(), AtomicU32::new(0));
        thread::scope(|scope| {
            for _ in 0..SLEEPERS {
                scope.spawn(|| {
                    loop {
                        let heard = bell.listen();
                        if rung.load(Ordering::Acquire) != 0 {
                            break;
                        }
                        bell.wait(heard, None);
                    }
                });
            }
            while bell.listeners.load(Ordering::SeqCst) < SLEEPERS {
                thread::yield_now();
            }
            rung.store(1, Ordering::Release);
            bell.ring();
        });
        assert_eq!(bell.listeners.load(Ordering::SeqCst), 0);
    }
}
