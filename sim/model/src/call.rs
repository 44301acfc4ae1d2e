//! What a lane can ask of the interface: the inputs of the model.

use super::values::{Asked, BufferId, Caller, CommandId, Granted, Requested, Timeout};
use vdi_spec::codes::{CommandCode, Features, Win32};

/// A call by one of the two parties.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// By the server.
    Server(ServerCall),
    /// By the primary client.
    Client(ClientCall),
    /// By a secondary client, numbered from 1.
    Secondary(u8, ClientCall),
}

impl Call {
    /// Who makes it.
    #[must_use]
    pub const fn caller(&self) -> Caller {
        match self {
            Self::Server(_) => Caller::Server,
            Self::Client(_) => Caller::Client(0),
            Self::Secondary(number, _) => Caller::Client(*number),
        }
    }

    /// How long it may wait, if it can wait.
    pub const fn timeout_mut(&mut self) -> Option<&mut Timeout> {
        match self {
            Self::Client(
                ClientCall::GetConfiguration { timeout } | ClientCall::GetCommand { timeout, .. },
            )
            | Self::Secondary(
                _,
                ClientCall::GetConfiguration { timeout } | ClientCall::GetCommand { timeout, .. },
            ) => Some(timeout),
            Self::Server(_) | Self::Client(_) | Self::Secondary(..) => None,
        }
    }

    /// The command that a client completes, and the bytes it gives with it.
    #[must_use]
    pub const fn completes(&self) -> Option<(CommandId, u32)> {
        match self {
            Self::Client(ClientCall::CompleteCommand { command: Some(command), bytes, .. })
            | Self::Secondary(
                _,
                ClientCall::CompleteCommand { command: Some(command), bytes, .. },
            ) => Some((*command, *bytes)),
            Self::Server(_) | Self::Client(_) | Self::Secondary(..) => None,
        }
    }

    /// The device on which a client calls, if it calls on a device.
    #[must_use]
    pub const fn client_device(&self) -> Option<u8> {
        match self {
            Self::Client(call) | Self::Secondary(_, call) => call.device(),
            Self::Server(_) => None,
        }
    }
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
    pub buffer: Carried,
    /// The field `size`: bytes, a signed count, an origin or a flag; `None` if it is not known.
    pub size: Option<i32>,
    /// Whether a position goes with it.
    pub positioned: bool,
    /// Whether it is a position that no GetPosition returned.
    pub foreign: bool,
}

impl Request {
    /// A command without a buffer, a size or a position.
    #[must_use]
    pub const fn bare(device: u8, command: CommandId, code: CommandCode) -> Self {
        Self {
            device,
            command,
            code,
            buffer: Carried::Untold,
            size: None,
            positioned: false,
            foreign: false,
        }
    }
}

/// The buffer of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carried {
    /// It is not known whether there is one.
    Untold,
    /// The null pointer.
    Null,
    /// This one.
    Buffer(BufferId),
}

impl Carried {
    /// The buffer, if there is one.
    #[must_use]
    pub const fn buffer(self) -> Option<BufferId> {
        match self {
            Self::Buffer(buffer) => Some(buffer),
            Self::Untold | Self::Null => None,
        }
    }
}

/// What is wrong with the arguments of Create.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CreateFlaw {
    /// The configuration breaks a rule of VDConfig.
    Config,
    /// Its features are no combination that the documents name.
    Features,
    /// The name of the set has a backslash.
    Name,
    /// The name of the set is empty, of which no document speaks.
    NoName,
    /// The name of the instance cannot be one.
    Instance,
    /// Another interface has created a set of that name.
    Taken,
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
        granted: Granted,
    },
    RequestBuffers(Requested),
    /// How many of this kind: its count is not looked at.
    QueryAvailableBuffers(Requested),
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
        kind: Requested,
    },
    /// `sized`: the size is the buffer's.
    FreeBuffer {
        buffer: Option<BufferId>,
        sized: bool,
    },
    IsSharedBuffer {
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

/// A call by a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the documents' own")]
pub enum ClientCall {
    /// `devices`: deviceCount.
    Create {
        devices: u8,
        asked: Asked,
        flaw: Option<CreateFlaw>,
    },
    /// `found`: a client created a set of that name; the state is that set's.
    OpenInSecondary {
        found: bool,
    },
    /// `buffer`: `None` for what is no buffer.
    GetBufferHandle {
        buffer: Option<BufferId>,
    },
    /// `buffer`: what the handle is of; `None` for what is no handle of this set.
    MapBufferHandle {
        buffer: Option<BufferId>,
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

impl ServerCall {
    /// BeginConfiguration for a BACKUP to a pipe, with blocks of 512 bytes and
    /// transfers of 64 KiB.
    #[must_use]
    pub const fn begin_configuration() -> Self {
        let granted = Granted {
            features: Features::WRITE_MEDIA,
            block_size: 512,
            max_transfer_size: 65536,
            alignment: 0,
        };
        Self::BeginConfiguration { sound: true, granted }
    }
}

impl ClientCall {
    /// The device it is called on, if it is called on one.
    #[must_use]
    pub const fn device(&self) -> Option<u8> {
        match self {
            Self::GetCommand { device, .. } | Self::CompleteCommand { device, .. } => Some(*device),
            Self::Create { .. }
            | Self::OpenInSecondary { .. }
            | Self::GetBufferHandle { .. }
            | Self::MapBufferHandle { .. }
            | Self::GetConfiguration { .. }
            | Self::OpenDevice { .. }
            | Self::SignalAbort
            | Self::Close => None,
        }
    }

    /// Create of a pipe with so many devices and without a time-out.
    #[must_use]
    pub const fn create(devices: u8) -> Self {
        let asked = Asked { features: Features::LIKE_PIPE, time_out: false, alignment: 0 };
        Self::Create { devices, asked, flaw: None }
    }
}
