//! What the interface's functions take and give, and what tells sets and sides apart.

use std::fmt;

use vdi_spec::codes::{HResult, Win32};

use super::mutant::Mutant;

/// What may be chosen about an implementation.
#[derive(Clone)]
pub struct Options {
    /// How many commands may be outstanding on one device, at least 1.
    pub queue_depth: usize,
    /// How many bytes the buffer area of one set may hold.
    pub memory_limit: u64,
    /// The one thing that is wrong, if any.
    pub mutant: Option<Mutant>,
    /// Whether time-outs, other than 0, pass only when [`Machine::expire`](super::Machine::expire) lets them.
    pub virtual_time: bool,
    /// Who is told when calls sleep and wake.
    pub observer: Option<std::sync::Arc<dyn Observer>>,
}

/// Is told, under the lock but for `woken`, when blocked calls sleep and when they must
/// look again: enough to know exactly when everything is at rest. It must not call
/// back into the implementation.
///
/// `changed` begins a new generation. In each generation every blocked call
/// either ends or says `waiting` exactly once.
pub trait Observer: Send + Sync {
    /// The calling thread found nothing to do and is about to sleep.
    fn waiting(&self);
    /// Something changed: every sleeping call is about to look again.
    fn changed(&self);
    /// The calling thread has woken and is about to look again. It has no lock here, and
    /// may take its time.
    fn woken(&self) {}
}

/// The call has no answer: its process died, or the machine was abandoned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// What a function without results gives: its status, if it returned at all.
pub type Status = Result<HResult, Gone>;

/// What a function with a result gives: its status and, on NOERROR, the result.
pub type Answer<T> = Result<(HResult, Option<T>), Gone>;

/// How long a client is willing to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// For ever.
    Infinite,
    /// So many milliseconds; 0 only polls.
    Milliseconds(u32),
}

/// How a command ended, as its completion routine is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The completion code.
    pub code: Win32,
    /// Bytes moved.
    pub bytes: u32,
    /// The position the client answered with.
    pub position: u64,
}

impl Completion {
    /// A completion that the interface itself makes: nothing was moved.
    pub(super) const fn without_data(code: Win32) -> Self {
        Self { code, bytes: 0, position: 0 }
    }
}

/// A completion routine. It is invoked exactly once, never under the lock, and
/// may call any function. (Only the defect that invokes it twice needs `FnMut`.)
pub type Callback = Box<dyn FnMut(Completion) + Send>;

/// A buffer of one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BufferId(pub(super) u64);

/// A handle of a buffer, from GetBufferHandle: good in every client process of the
/// set that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BufferHandle(pub(super) u64);

/// What AllocateBuffer gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Its identity.
    pub id: BufferId,
    /// Bytes from the start of the buffer area, which is aligned to 64 KiB, to the data
    /// zone.
    pub offset: u64,
    /// Bytes of the data zone.
    pub size: u32,
}

/// A set of this machine. Sets are never forgotten, so an old handle cannot reach
/// a new set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SetId(pub(super) usize);

/// A set interface of either half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InterfaceId(pub(super) usize);

/// One opening of a set by one interface, from there to Close. A new opening is
/// another one, so nothing that an old one gave is good for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SideId(pub(super) u64);

/// What an interface has hold of while it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) set: SetId,
    pub(super) side: SideId,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            queue_depth: 4,
            memory_limit: 1 << 30,
            mutant: None,
            virtual_time: false,
            observer: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("queue_depth", &self.queue_depth)
            .field("memory_limit", &self.memory_limit)
            .field("defect", &self.mutant)
            .field("virtual_time", &self.virtual_time)
            .finish_non_exhaustive()
    }
}

/// The form of [`Status`] of what a function decided under the lock.
pub(super) fn status(decided: Result<Result<(), HResult>, Gone>) -> Status {
    Ok(decided?.err().unwrap_or(HResult::NOERROR))
}

/// The form of [`Answer`] of what a function decided under the lock.
pub(super) fn answer<T>(decided: Result<Result<T, HResult>, Gone>) -> Answer<T> {
    Ok(match decided? {
        Ok(result) => (HResult::NOERROR, Some(result)),
        Err(status) => (status, None),
    })
}
