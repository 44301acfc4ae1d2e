//! Commands and completions, as server and client see them.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::buffer::Buffer;
use crate::sync::limits::RING;
use vdi_spec::codes::{CommandCode, Win32};

/// Commands that may be outstanding on one device, at most. A ring holds twice as many:
/// those that came back with an error lie in it until the client passes them over.
pub const MAX_QUEUE_DEPTH: usize = RING / 2;

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

/// A completion routine. It is invoked exactly once, never while anything is locked,
/// and may call any function.
pub type Callback = Box<dyn FnMut(Completion) + Send>;

/// A command that was delivered, for CompleteCommand: its set, by the number that it has in
/// memory, its device, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommandId(pub(super) Option<(u64, usize, u64)>);

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

/// Invokes a completion routine, and catches its panic.
pub(super) fn invoke(
    callback: &mut Callback,
    completion: Completion,
) -> Result<(), Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(|| callback(completion)))
}
