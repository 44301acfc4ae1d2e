//! Who is alive, between processes: whoever holds the lock of its side on the set's object.
//!
//! The kernel takes the lock away when the process dies, and nobody else can: what the
//! shared memory says is not asked. A side that was seen to be there is remembered here,
//! so that nobody can wipe out that it was.

use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};

use super::layout::{Holder, ProcessId};
use super::refusal::Refusal;
use super::shm::{Description, tick};

/// This process, as others of its pid namespace know it.
pub(super) fn this_process() -> ProcessId {
    ProcessId(std::process::id())
}

/// How lately a process has to have been seen alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Now: the system is asked.
    Now,
    /// In this tick of the system's clock, some milliseconds. A call that moves data would
    /// spend a fifth of its time on asking.
    Recent,
}

/// What one mapping of a set knows of its sides.
#[derive(Debug)]
pub(super) struct Presence {
    /// The set's object, opened for this alone: a description that memory was mapped from
    /// stays as long as that, and a child by fork has the memory, too.
    locks: Description,
    /// The side that is held through this mapping, from 1 on; 0 if none is.
    own: AtomicUsize,
    /// The server's and the primary client's side as they were last seen.
    seen: [AtomicU8; WATCHED],
    /// When each was last seen alive.
    looked: [AtomicU64; WATCHED],
}

/// The first sides, which are watched.
const WATCHED: usize = 2;

const UNSEEN: u8 = 0;
const ALIVE: u8 = 1;
const DEAD: u8 = 2;

impl Presence {
    pub(super) fn new(locks: Description) -> Self {
        Self {
            locks,
            own: AtomicUsize::new(0),
            seen: Default::default(),
            looked: Default::default(),
        }
    }

    /// Takes a side; false if it is another's.
    pub(super) fn take(&self, side: usize) -> Result<bool, Refusal> {
        let taken = self.locks.hold(side).map_err(Refusal::of("fcntl", 1))?;
        if taken {
            self.own.store(side + 1, Ordering::Release);
        }
        Ok(taken)
    }

    /// Gives it back.
    pub(super) fn let_go(&self, side: usize) {
        self.locks.let_go(side);
        self.own.store(0, Ordering::Release);
    }

    fn is_own(&self, side: usize) -> bool {
        self.own.load(Ordering::Acquire) == side + 1
    }

    /// Whether somebody holds a side: a system call, unless it is this mapping's own. Where
    /// the system does not say, somebody does: that is no reason to call anybody dead.
    pub(super) fn is_held(&self, side: usize) -> bool {
        self.is_own(side) || self.locks.is_held(side).unwrap_or(true)
    }

    /// Whether the process of the server's side or the primary client's has died with it
    /// open. `holder` reads what the shared memory says of it, `began` tells that there was a
    /// server, whatever that says.
    pub(super) fn has_died(
        &self,
        side: usize,
        look: Look,
        holder: impl Fn() -> Holder,
        began: bool,
    ) -> bool {
        let Some(seen) = self.seen.get(side).filter(|_| !self.is_own(side)) else { return false };
        let before = seen.load(Ordering::Acquire);
        let unknown = match holder() {
            Holder::Nobody => before == UNSEEN && !began,
            // Who was not seen before it closed does not matter.
            Holder::Closed => before == UNSEEN,
            Holder::Open(_) => false,
        };
        if before == DEAD || unknown {
            return before == DEAD;
        }
        let now = tick();
        if look == Look::Recent
            && before == ALIVE
            && self.looked[side].load(Ordering::Acquire) == now
        {
            return false;
        }
        if self.is_held(side) {
            seen.store(ALIVE, Ordering::Release);
            self.looked[side].store(now, Ordering::Release);
            return false;
        }
        // It closes its side before it lets go: what is read now was so at the end.
        let died = holder() != Holder::Closed;
        if died {
            seen.store(DEAD, Ordering::Release);
        }
        died
    }
}
