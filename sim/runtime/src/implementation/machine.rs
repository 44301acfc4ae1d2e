//! A machine: the device sets that can be found by name, and what may be done to them as a
//! whole.

use super::client::ClientSet;
use super::host::Options;
use super::names::Names;
use super::registry::{Process, Registry};
use super::server::ServerSet;
use crate::sync::{Arc, ThreadId};

/// A machine: the device sets that can be found by name.
#[derive(Clone, Debug)]
pub struct Machine {
    registry: Arc<Registry>,
}

impl Machine {
    /// A machine whose sets are shared by the threads of this process. It may have many
    /// virtual processes.
    #[must_use]
    pub fn in_memory(options: Options) -> Self {
        Self { registry: Arc::new(Registry::new(options, false)) }
    }

    /// A machine whose sets are shared with other processes of this computer, through
    /// POSIX shared memory.
    #[must_use]
    pub fn shared_memory(options: Options) -> Self {
        Self { registry: Arc::new(Registry::new(options, true)) }
    }

    /// In memory, a new virtual process; else this process.
    ///
    /// # Panics
    /// In memory, after some billions of processes.
    #[must_use]
    pub fn process(&self) -> Process {
        Process::new(&self.registry)
    }

    /// The server's half, in a process of its own.
    #[must_use]
    pub fn server_set(&self) -> ServerSet {
        self.process().server_set()
    }

    /// The client's half, in a process of its own.
    #[must_use]
    pub fn client_set(&self) -> ClientSet {
        self.process().client_set()
    }

    /// With [`Options::virtual_time`]: lets time pass for the call in progress on this
    /// thread: its time-out, if it waits with one; one interval of serverTimeOut, if the
    /// thread is a completion agent. With `milliseconds` just so much of it passes.
    /// Nothing happens otherwise.
    pub fn expire(&self, thread: ThreadId, milliseconds: Option<u32>) {
        self.registry.host.clock.expire(thread, milliseconds);
    }

    /// Notices now which processes have died, as every waiting call does in time.
    pub fn look_around(&self) {
        self.registry.mappings().iter().for_each(|mapping| mapping.notice_deaths());
    }

    /// Between processes: removes from the shared memory file system the sets of this
    /// prefix whose client died without Close while no server had them open, or none any
    /// more. A server that has a set open removes it itself, and every Create does this
    /// first. Nothing happens in memory.
    pub fn sweep(&self) {
        self.registry.sweep();
    }

    /// Ends every call in this process with VD_E_ABORT, now and from now on, as if all
    /// its virtual processes had died: for the end of a test.
    pub fn abandon(&self) {
        self.registry.abandon();
    }
}

impl Process {
    /// A server's set interface, not yet open.
    #[must_use]
    pub fn server_set(&self) -> ServerSet {
        ServerSet::new(self.clone())
    }

    /// A client's set interface, neither created nor opened.
    #[must_use]
    pub fn client_set(&self) -> ClientSet {
        ClientSet::new(self.clone())
    }
}

/// Removes every shared memory object of sets whose machine's [`Options::prefix`] is this
/// one, in use or not: after a test whose processes were killed. Nothing happens for an
/// empty prefix.
pub fn remove_leftovers(prefix: &str) {
    let options = Options { prefix: prefix.to_owned(), ..Options::default() };
    Names::new(&options).remove_all();
}
