//! Commands as a client sees them that is handed addresses, as by the published libraries of
//! both systems: each in memory of this process, which stays where it is while the client has
//! the command.

use std::collections::VecDeque;
use std::ptr::NonNull;

use vdi_spec::abi::RawCommand;

use crate::{Buffer, Bytes, CommandId};

/// A command where a client can see it, until this is dropped.
#[derive(Debug)]
struct CommandMemory(NonNull<RawCommand>);

// SAFETY: the memory belongs to the process, not to a thread; it is read and written here
// under the lock of its device only.
unsafe impl Send for CommandMemory {}

impl CommandMemory {
    fn new(command: RawCommand) -> Self {
        Self(NonNull::from(Box::leak(Box::new(command))))
    }

    const fn address(&self) -> *mut RawCommand {
        self.0.as_ptr()
    }

    fn set(&mut self, command: RawCommand) {
        // SAFETY: allocated by `new`, and no reference to it exists.
        unsafe { self.0.as_ptr().write_volatile(command) };
    }

    /// What it holds: a client may have written into it, whatever the documents say.
    fn get(&self) -> RawCommand {
        // SAFETY: as for `set`; every pattern of bits is a valid command.
        unsafe { self.0.as_ptr().read_volatile() }
    }
}

impl Drop for CommandMemory {
    fn drop(&mut self) {
        // SAFETY: leaked from a box by `new`, and dropped once.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// A command that a client has at an address.
#[derive(Debug)]
pub struct AddressedCommand {
    id: CommandId,
    memory: CommandMemory,
    /// What it held when it was delivered.
    sent: RawCommand,
    buffer: Option<Buffer>,
    /// Keeps the buffer mapped.
    bytes: Option<Bytes>,
}

impl AddressedCommand {
    /// The command.
    #[must_use]
    pub const fn id(&self) -> CommandId {
        self.id
    }

    /// Whether the client has written into the command, which it may only read.
    #[must_use]
    pub fn was_changed(&self) -> bool {
        self.memory.get() != self.sent
    }
}

/// The commands of one device of a client, each at its address.
#[derive(Debug, Default)]
pub struct AddressedCommands {
    /// Delivered, and not completed.
    out: Vec<AddressedCommand>,
    /// Completed: their memory is used again, the longest unused first, and not before
    /// there is much of it, so that who completes one twice does not hit another.
    spare: VecDeque<(CommandMemory, CommandId)>,
}

/// Memory of completed commands that is kept before any is used again.
const SPARE: usize = 256;

impl AddressedCommands {
    /// Puts a command where the client can see it, and keeps its buffer mapped meanwhile.
    pub fn deliver(
        &mut self,
        (id, sent): (CommandId, RawCommand),
        buffer: Option<Buffer>,
        bytes: Option<Bytes>,
    ) -> *mut RawCommand {
        let reuse = if self.spare.len() < SPARE { None } else { self.spare.pop_front() };
        let mut memory = reuse.map_or_else(|| CommandMemory::new(sent), |(memory, _)| memory);
        memory.set(sent);
        let address = memory.address();
        self.out.push(AddressedCommand { id, memory, sent, buffer, bytes });
        address
    }

    /// The command at this address, if the client has it.
    #[must_use]
    pub fn at(&self, address: usize) -> Option<&AddressedCommand> {
        self.out.iter().find(|out| out.memory.address().addr() == address)
    }

    /// The command at this address, or the one that was completed and last lay there, or none.
    #[must_use]
    pub fn id_at(&self, address: usize) -> CommandId {
        let lay_here = |(memory, _): &&(CommandMemory, _)| memory.address().addr() == address;
        let spare = || self.spare.iter().find(lay_here).map(|(_, id)| *id);
        self.at(address).map(|out| out.id).or_else(spare).unwrap_or_else(CommandId::none)
    }

    /// The command at this address is completed.
    pub fn finish(&mut self, address: usize) {
        let index = self.out.iter().position(|out| out.memory.address().addr() == address);
        if let Some(index) = index {
            let AddressedCommand { memory, id, .. } = self.out.remove(index);
            self.spare.push_back((memory, id));
        }
    }

    /// The buffer of a command that the client has whose data zone begins at this address.
    #[must_use]
    pub fn buffer_at(&self, address: usize) -> Option<&Buffer> {
        let here = |out: &&AddressedCommand| {
            out.bytes.as_ref().is_some_and(|bytes| bytes.as_ptr().addr() == address)
        };
        self.out.iter().find(here)?.buffer.as_ref()
    }

    /// The set is closed: nothing is kept mapped. The commands stay where they are.
    pub fn let_go(&mut self) {
        for out in &mut self.out {
            (out.buffer, out.bytes) = (None, None);
        }
    }
}
