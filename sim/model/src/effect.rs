//! What an outcome does to the state.

use super::answer::Reply;
use super::call::Request;
use super::state::{Cause, Pending};
use super::values::{Asked, BufferId, CommandId, Granted, Requested};
use vdi_spec::clauses::{ActiveEntry, ClientInitializing, ErrorStateEntry};
use vdi_spec::codes::Win32;

/// What an outcome does to the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Effect {
    None,
    Open,
    Begin(Granted),
    Request(Requested),
    End(ClientInitializing),
    DropRequests,
    StartAgent(ActiveEntry),
    OpenServerDevice(u8, ActiveEntry),
    Allocate(BufferId, Requested),
    Free(BufferId),
    Send(Request),
    Refuse(Request, Win32),
    CloseDevice { device: u8, drain: bool },
    Abort(Cause),
    CloseServer { abort: Option<Cause>, then_wait: Option<Reply> },
    Create(u8, Asked),
    OpenSecondary(u8),
    CloseSecondary { client: u8, abort: Option<Cause> },
    Map { client: u8, buffer: BufferId },
    SeeConfiguration,
    OpenClientDevice { device: u8, owner: u8, entry: ActiveEntry },
    Deliver(CommandId),
    SeeClose(u8),
    Complete { command: CommandId, code: Win32, bytes: u32, position: u64, entry: ErrorStateEntry },
    CloseClient { abort: Option<Cause>, drop_held: bool },
    Wait(Pending),
}
