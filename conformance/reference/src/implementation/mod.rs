//! The implementation itself. The test `loom` compiles it a second time, with loom's
//! types in the place of `sync`.

mod agent;
mod buffers;
mod client;
mod client_device;
mod clock;
mod deadline;
mod device;
mod interfaces;
mod lives;
mod monitor;
mod mutant;
mod pairs;
mod races;
mod secondary;
mod server;
mod server_device;
mod set;
mod state;
mod types;

use crate::sync::{Arc, ThreadId};

pub use self::device::{CommandId, Delivered};
pub use self::interfaces::{ClientDevice, ClientSet, ServerDevice, ServerSet};
use self::monitor::Monitor;
pub use self::mutant::{Mutant, MutantInfo};
pub use self::server_device::SendCommand;
use self::state::State;
pub use self::types::{
    Answer, Buffer, BufferHandle, BufferId, Callback, Completion, Gone, Observer, Options, Status,
    Timeout,
};
use self::types::{answer, status};

/// The named device sets of one machine and the processes that use them.
#[derive(Clone, Debug)]
pub struct Machine {
    monitor: Arc<Monitor>,
}

impl Machine {
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

    /// The machine is no longer needed: every call ends without an answer.
    pub fn abandon(&self) {
        // Callbacks may own anything, this machine included: drop them unlocked.
        let left_over = self.monitor.update(State::abandon);
        drop(left_over);
    }
}
