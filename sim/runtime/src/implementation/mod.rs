//! The implementation itself. The test `loom` compiles it a second time, with loom's
//! types in the place of `sync`.

mod agent;
mod allocator;
mod buffer;
mod client;
mod client_device;
mod clock;
mod history;
mod layout;
mod machine;
mod mapping;
mod posix;
mod record;
mod secondary;
mod server;
mod server_device;
mod server_table;
#[expect(unsafe_code, reason = "the one door to memory that processes share")]
mod shm;

use crate::sync::limits::RING;
use vdi_spec::codes::{CommandCode, HResult, Win32};

pub use self::agent::CompletionAgent;
pub use self::buffer::{Buffer, BufferHandle, Bytes};
pub use self::client::ClientSet;
pub use self::client_device::ClientDevice;
pub use self::history::{Mortal, Progress, SetHistory};
pub use self::machine::{Machine, Observer, Options, Process, Still};
pub use self::server::ServerSet;
pub use self::server_device::{SendCommand, ServerDevice};
#[doc(hidden)]
pub use self::shm::SharedWords;

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
