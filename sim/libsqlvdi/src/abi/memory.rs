//! Memory in which a client sees a command.

use std::ptr::NonNull;

use vdi_spec::abi::RawCommand;

/// A command where a client can see it, until this is dropped.
#[derive(Debug)]
pub(crate) struct CommandMemory(NonNull<RawCommand>);

// SAFETY: the memory belongs to the process, not to a thread; it is read and written here
// under the lock of its device only.
unsafe impl Send for CommandMemory {}

impl CommandMemory {
    pub(crate) fn new(command: RawCommand) -> Self {
        Self(NonNull::from(Box::leak(Box::new(command))))
    }

    pub(crate) const fn address(&self) -> *mut RawCommand {
        self.0.as_ptr()
    }

    pub(crate) fn set(&mut self, command: RawCommand) {
        // SAFETY: allocated by `new`, and no reference to it exists.
        unsafe { self.0.as_ptr().write_volatile(command) };
    }

    /// What it holds: a client may have written into it, whatever the documents say.
    pub(crate) fn get(&self) -> RawCommand {
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
