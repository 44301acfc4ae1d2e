//! The implementation itself. The test `loom` compiles it a second time, with loom's
//! types in the place of `sync`.

mod agent;
mod buffers;
mod client;
mod client_device;
mod clock;
mod device;
mod monitor;
mod mutant;
mod races;
mod secondary;
mod server;
mod server_device;
mod set;
mod state;

use std::fmt;
use std::thread::ThreadId;

use vdi_spec::codes::{HResult, Win32};

use crate::sync::Arc;

pub use self::client::ClientSet;
pub use self::client_device::ClientDevice;
pub use self::device::{CommandId, Delivered};
use self::monitor::Monitor;
pub use self::mutant::{Mutant, MutantInfo};
pub use self::server::ServerSet;
pub use self::server_device::{SendCommand, ServerDevice};
use self::state::State;

/// The named device sets of one machine and the processes that use them.
#[derive(Clone, Debug)]
pub struct World {
    monitor: Arc<Monitor>,
}

/// What may be chosen about an implementation.
#[derive(Clone)]
pub struct Options {
    /// How many commands may be outstanding on one device, at least 1.
    pub queue_depth: usize,
    /// How many bytes the buffer area of one set may hold.
    pub memory_limit: u64,
    /// The one thing that is wrong, if any.
    pub mutant: Option<Mutant>,
    /// Whether time-outs, other than 0, pass only when [`World::expire`] lets them.
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

/// The call has no answer: its process died, or the world was abandoned.
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
    const fn without_data(code: Win32) -> Self {
        Self { code, bytes: 0, position: 0 }
    }
}

/// A completion routine. It is invoked exactly once, never under the lock, and
/// may call any function. (Only the defect that invokes it twice needs `FnMut`.)
pub type Callback = Box<dyn FnMut(Completion) + Send>;

/// A buffer of one world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BufferId(u64);

/// A handle of a buffer, from GetBufferHandle: good in every client process of the
/// set that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BufferHandle(u64);

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

impl World {
    /// A machine without any set.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { monitor: Arc::new(Monitor::new(State::new(&options), options.observer)) }
    }

    /// A server's set interface, not yet open, in this process.
    #[must_use]
    pub fn server_set(&self, process: &str) -> ServerSet {
        ServerSet::new(self.monitor.clone(), process)
    }

    /// A client's set interface, neither created nor opened, in this process.
    #[must_use]
    pub fn client_set(&self, process: &str) -> ClientSet {
        ClientSet::new(self.monitor.clone(), process)
    }

    /// The process dies. Its calls end without an answer, the interface invokes no
    /// further callback in it, and a set that it had open is aborted.
    ///
    /// Source: SQL Server 2005 Virtual Backup Device Specification, Abnormal
    /// Termination.
    pub fn exit(&self, process: &str) {
        self.monitor.update(|state| state.exit(process));
    }

    /// How many calls of this process are blocked or inside a callback.
    #[must_use]
    pub fn inside(&self, process: &str) -> usize {
        self.monitor.update(|state| state.inside(process))
    }

    /// Lets virtual time pass for the call in progress on this thread: its time-out,
    /// if it waits with one; one interval of serverTimeOut, if the thread is the
    /// completion agent. With `milliseconds` just so much of it passes. Nothing
    /// happens otherwise.
    pub fn expire(&self, thread: ThreadId, milliseconds: Option<u32>) {
        self.monitor.update(|state| state.expire(thread, milliseconds));
    }

    /// Whether this process may still use the buffer: it is neither freed, nor has
    /// the process's own side been closed, and a secondary client's process has got its
    /// address from GetCommand or MapBufferHandle.
    ///
    /// Source: IServerVirtualDeviceSet2::Close, Remarks.
    #[must_use]
    pub fn touch(&self, process: &str, buffer: BufferId) -> bool {
        self.monitor.update(|state| state.buffer_alive(process, buffer))
    }

    /// The world is no longer needed: every call ends without an answer.
    pub fn abandon(&self) {
        // Callbacks may own anything, this world included: drop them unlocked.
        let left_over = self.monitor.update(State::abandon);
        drop(left_over);
    }
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
fn status(decided: Result<Result<(), HResult>, Gone>) -> Status {
    Ok(decided?.err().unwrap_or(HResult::NOERROR))
}

/// The form of [`Answer`] of what a function decided under the lock.
fn answer<T>(decided: Result<Result<T, HResult>, Gone>) -> Answer<T> {
    Ok(match decided? {
        Ok(result) => (HResult::NOERROR, Some(result)),
        Err(status) => (status, None),
    })
}
