//! A real implementation of the Virtual Device Interface: server and client over
//! shared memory, between threads of one process or between processes.
//!
//! It is what the oracle is tried on, and what people can build on. It is written from
//! the documents and knows only [`codes`](crate::codes) and [`config`](crate::config):
//! sharing the model's code, it would prove nothing. To be read in this order:
//!
//! | file | what it holds |
//! | --- | --- |
//! | `layout`, `record` | what is shared: a `repr(C)` region of atomics, rings, records |
//! | `door` | the one door to that memory, everything unsafe |
//! | `region` | a set in that memory: its state, how it ends, how calls wait |
//! | `machine`, `posix` | where sets are found by name, who lives |
//! | `table`, `area` | the server's own: its commands, its buffers |
//! | `server`, `server_device`, `agent` | the server's functions |
//! | `client`, `client_device`, `secondary` | the client's functions |
//! | `buffer` | shared bytes, without copying |
//! | `clock` | time-outs |
//! | `history` | what recorders share |
//!
//! **How it works.** Every end of a set is decided on one shared word. A device is two
//! rings, each with one writer and one reader: requests to the client, completions
//! back. Who waits listens to a bell, looks, and sleeps until it rings; the interface
//! starts no thread of its own. What each side needs for its own safety it keeps in
//! its own memory: the server decides how each command ends, and believes a client
//! only about commands that are outstanding. What is read from shared memory is
//! checked; what cannot be aborts the set with VD_E_UNEXPECTED.
//!
//! **Death.** Between processes a sleeping call looks every 20 milliseconds whether the
//! others live, and every call looks when it begins. If the server or the primary client
//! has died, the set is aborted. The death of a secondary client goes unnoticed, as
//! documented. All of them are in one pid namespace, and a process that has a set open
//! neither forks nor executes another program. The survivor's Close takes the shared
//! memory object away; where the dead one was of another user, the system may refuse
//! that, and the object stays until that user creates a set of the same name.
//!
//! **Races.** The test `loom` compiles this source a second time, with loom's types for
//! what `sync` holds, tries the order of events in every race that the documents speak
//! of, and holds what is seen within what the model allows. `fault` marks the places
//! where it seeds a defect, to show that it would notice.
//!
//! **Readings.** Where the documents contradict themselves it follows the default
//! profile of this project.
//!
//! A server that backs up some bytes, and a client that takes them:
//!
//! ```
//! use std::thread;
//!
//! use vdi_sim::codes::{CommandCode, HResult, Win32};
//! use vdi_sim::config::{ServerConfig, VdConfig};
//! use vdi_sim::runtime::{Machine, Options, SendCommand, Timeout};
//!
//! let machine = Machine::in_memory(Options::default());
//! let client = machine.client_set();
//! client.create(None, "Backup", &VdConfig { device_count: 1, ..VdConfig::default() })?;
//!
//! let server = machine.server_set();
//! let backup = thread::spawn(move || -> Result<(), HResult> {
//!     server.open(None, "Backup")?;
//!     let (block_size, max_transfer_size) = (512, 65_536);
//!     let part = ServerConfig { block_size, max_transfer_size, ..ServerConfig::default() };
//!     server.begin_configuration(&part)?;
//!     server.request_buffers(65_536, 0, 1)?;
//!     server.end_configuration()?;
//!     let agent = server.completion_agent()?;
//!     let agent = thread::spawn(move || agent.execute());
//!     let device = server.open_device("Backup")?;
//!     let buffer = server.allocate_buffer(65_536, 0)?;
//!     buffer.bytes().expect("allocated").copy_from(b"all my data");
//!     let (done, ended) = std::sync::mpsc::channel();
//!     let write = || SendCommand {
//!         tag: 0,
//!         code: CommandCode::Write,
//!         buffer: Some(buffer.clone()),
//!         size: 11,
//!         position: 0,
//!         callback: { let done = done.clone(); Box::new(move |how| done.send(how).unwrap()) },
//!     };
//!     // Until the client has opened its device, and the agent runs, it is too early.
//!     while device.send_command(write()) == Err(HResult::VD_E_PROTOCOL) {
//!         ended.recv().expect("refused commands are called back, too");
//!         thread::yield_now();
//!     }
//!     assert_eq!(ended.recv().expect("called back").bytes, 11);
//!     device.close_device()?;
//!     agent.join().expect("no panic")?;
//!     server.close()
//! });
//!
//! client.get_configuration(Timeout::Infinite)?;
//! let device = client.open_device("Backup")?;
//! let command = device.get_command(Timeout::Infinite)?;
//! let mut data = vec![0; command.size as usize];
//! command.buffer.expect("a Write has one").bytes().expect("ours").copy_to(&mut data);
//! assert_eq!(data, b"all my data");
//! device.complete_command(command.command, Win32::ERROR_SUCCESS, 11, 0)?;
//! assert_eq!(device.get_command(Timeout::Infinite).err(), Some(HResult::VD_E_CLOSE));
//! client.close()?;
//! backup.join().expect("no panic")?;
//! # Ok::<(), HResult>(())
//! ```

mod agent;
mod area;
mod buffer;
mod client;
mod client_device;
mod clock;
#[expect(unsafe_code, reason = "the one door to memory that processes share")]
mod door;
mod history;
mod layout;
mod machine;
mod posix;
mod record;
mod region;
mod secondary;
mod server;
mod server_device;
mod table;

use crate::codes::{CommandCode, HResult, Win32};
use crate::sync::limits::RING;

pub use self::agent::CompletionAgent;
pub use self::buffer::{Buffer, BufferHandle, Bytes};
pub use self::client::ClientSet;
pub use self::client_device::ClientDevice;
#[doc(hidden)]
pub use self::door::SharedWords;
pub use self::history::{Mortal, Progress, SetHistory};
pub use self::machine::{Machine, Observer, Options, Process, Still};
pub use self::server::ServerSet;
pub use self::server_device::{SendCommand, ServerDevice};

/// Commands that may be outstanding on one device, at most. A ring holds twice as many:
/// those that came back with an error lie in it until the client passes them over.
pub const MAX_QUEUE_DEPTH: usize = RING / 2;

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

/// A completion routine. It is invoked exactly once, never while anything is locked,
/// and may call any function.
pub type Callback = Box<dyn FnMut(Completion) + Send>;

/// A command that was delivered, for CompleteCommand: its set, by the number that it has in
/// memory, its device, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommandId(Option<(u64, usize, u64)>);

impl CommandId {
    /// What is no command, as a wrong pointer is none.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }
}

/// A command as the client sees it.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// What CompleteCommand takes.
    pub command: CommandId,
    /// What the sender named it by.
    pub tag: u64,
    /// What is to be done.
    pub code: CommandCode,
    /// Bytes; for SkipMarks and SkipBlocks a signed count.
    pub size: i64,
    /// Where, if the medium is addressed by position.
    pub position: u64,
    /// The buffer, under the client's control until it completes the command.
    pub buffer: Option<Buffer>,
}

/// Removes every shared memory object of sets whose machine's [`Options::prefix`] is this
/// one, in use or not: after a test whose processes were killed. Nothing happens for an
/// empty prefix.
pub fn remove_leftovers(prefix: &str) {
    let options = Options { prefix: prefix.to_owned(), ..Options::default() };
    posix::Names::new(&options).remove_all();
}

/// VD_E_INVALID for a name that is empty, has a backslash or a zero character, or is
/// longer than the shared memory has room for.
fn check_name(name: &str) -> Result<(), HResult> {
    let sound =
        !name.is_empty() && !name.contains(['\\', '\0']) && name.len() <= layout::Name::ROOM;
    if sound { Ok(()) } else { Err(HResult::VD_E_INVALID) }
}
