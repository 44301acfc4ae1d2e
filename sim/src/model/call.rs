//! What a lane can ask of the interface: the inputs of the model.

use super::{BufferId, CommandId};
use crate::codes::{CommandCode, Win32};

/// How long a blocking call may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timeout {
    /// Do not wait.
    Poll,
    /// It may expire.
    Finite,
    /// It never expires.
    Infinite,
}

/// A call by one of the two parties.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// By the server.
    Server(ServerCall),
    /// By the primary client.
    Client(ClientCall),
}

/// What SendCommand asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// The device, counted from 0.
    pub device: u8,
    /// A number that no command waiting for its callback has.
    pub command: CommandId,
    /// The command code.
    pub code: CommandCode,
    /// The buffer it carries.
    pub buffer: Option<BufferId>,
}

/// A call by the server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the documents' own")]
pub enum ServerCall {
    /// `found`: a set of that name was created by a client; the state is that set's.
    /// `reused`: the interface has been closed before.
    Open {
        found: bool,
        reused: bool,
    },
    GetConfiguration,
    /// `sound`: the arguments keep the limits.
    BeginConfiguration {
        sound: bool,
    },
    RequestBuffers,
    QueryAvailableBuffers,
    EndConfiguration,
    ExecuteCompletionAgent,
    /// `device`: the device, counted from 0, that the call would give.
    OpenDevice {
        device: Option<u8>,
    },
    /// `sound`: the alignment is 0 or a power of 2.
    AllocateBuffer {
        buffer: BufferId,
        sound: bool,
    },
    FreeBuffer {
        buffer: Option<BufferId>,
    },
    SignalAbort,
    Close,
    SendCommand(Request),
    CloseDevice {
        device: u8,
    },
}

/// Which device a client names in OpenDevice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceName {
    /// One whose name is known.
    Known(u8),
    /// A name not known yet, while this device has no name.
    New(u8),
    /// A name not known, and no device is without a name.
    Unknown,
}

/// A call by the primary client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the documents' own")]
pub enum ClientCall {
    /// `devices`: deviceCount. `sound`: the configuration keeps the rules.
    Create {
        devices: u8,
        sound: bool,
    },
    GetConfiguration {
        timeout: Timeout,
    },
    OpenDevice {
        name: DeviceName,
    },
    GetCommand {
        device: u8,
        timeout: Timeout,
    },
    /// `command`: `None` for what was never, or is no longer, a command.
    CompleteCommand {
        device: u8,
        command: Option<CommandId>,
        code: Win32,
        bytes: u32,
        position: u64,
    },
    SignalAbort,
    Close,
}
