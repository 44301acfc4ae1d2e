//! The numbers of commands, buffers and handles: each is given once in a world.

/// What was numbered so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers {
    commands: u32,
    buffers: u32,
    handles: u32,
    given_handles: Vec<u32>,
}

impl Numbers {
    pub(crate) const fn next_command(&mut self) -> u32 {
        self.commands += 1;
        self.commands
    }

    /// The number of the last command; 0 if there is none.
    pub(crate) const fn last_command(&self) -> u32 {
        self.commands
    }

    pub(crate) const fn next_buffer(&mut self) -> u32 {
        self.buffers += 1;
        self.buffers
    }

    pub(crate) const fn next_handle(&mut self) -> u32 {
        self.handles += 1;
        self.handles
    }

    /// A handle was given.
    pub(crate) fn give_handle(&mut self, handle: u32) {
        self.given_handles.push(handle);
    }

    /// The handles that were given.
    pub(crate) fn given_handles(&self) -> &[u32] {
        &self.given_handles
    }
}
