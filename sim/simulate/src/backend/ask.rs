//! The calls that the programs of a simulation make, split by party: one variant for each
//! function. What a misuse gets wrong is an argument, so that a backend cannot overlook it.

use crate::faults::misuse::{BeginFlaw, CreateFlaw, Misnomer};
use vdi_spec::codes::{CommandCode, Win32};
use vdi_trace::{Function, TimeoutArg};

/// A command as the server sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Send {
    /// The device, counted from 0.
    pub device: u8,
    /// Its number, which no other command of the world has.
    pub command: u32,
    /// What is to be done.
    pub code: CommandCode,
    /// The buffer it carries, by the number of its allocation.
    pub buffer: Option<u32>,
    /// Bytes, a signed count, an origin or a flag; `None` where the code takes none.
    pub size: Option<i32>,
    /// Where on the medium.
    pub position: Option<u64>,
}

/// A completion as the client makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Complete {
    /// The device on which it is completed, counted from 0.
    pub device: u8,
    /// The command.
    pub command: u32,
    /// The completion code.
    pub code: Win32,
    /// Bytes moved.
    pub bytes: u32,
    /// The position, where the code gives one.
    pub position: Option<u64>,
}

/// A call of the server. Sizes and alignments are in bytes, devices are counted from 0,
/// buffers are numbered over the world; `None` for a buffer is the null pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documents' own")]
pub enum ServerAsk {
    Open {
        /// Another name than the set's.
        misnomer: Option<Misnomer>,
    },
    GetConfiguration,
    BeginConfiguration {
        /// What is wrong with the server's part.
        flaw: Option<BeginFlaw>,
    },
    RequestBuffers {
        size: u32,
        count: u32,
    },
    QueryAvailableBuffers {
        size: u32,
    },
    EndConfiguration,
    ExecuteCompletionAgent,
    OpenDevice {
        device: u8,
        /// Whether the interface is kept and used.
        kept: bool,
    },
    AllocateBuffer {
        buffer: u32,
        size: u32,
        /// 0 is the set's.
        alignment: u32,
    },
    FreeBuffer {
        buffer: Option<u32>,
    },
    IsSharedBuffer {
        buffer: Option<u32>,
    },
    SendCommand(Send),
    CloseDevice {
        device: u8,
    },
    SignalAbort,
    Close,
}

/// A call of a client. Devices are counted from 0, buffers and handles are numbered over the
/// world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documents' own")]
pub enum ClientAsk {
    CreateEx {
        /// What is wrong with the configuration, of a set apart.
        flaw: Option<CreateFlaw>,
    },
    OpenInSecondaryEx {
        /// Another name than the set's.
        misnomer: Option<Misnomer>,
    },
    GetConfiguration {
        wait: TimeoutArg,
    },
    OpenDevice {
        device: u8,
        /// Whether the interface is kept and used.
        kept: bool,
    },
    GetCommand {
        device: u8,
        wait: TimeoutArg,
    },
    CompleteCommand(Complete),
    GetBufferHandle {
        /// `None` is the null pointer.
        buffer: Option<u32>,
        /// The number of the handle, which no other has.
        handle: u32,
    },
    MapBufferHandle {
        /// `None` is the null handle.
        handle: Option<u32>,
    },
    SignalAbort,
    Close,
}

/// A call of either party.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the parties")]
pub enum Ask {
    Server(ServerAsk),
    Client(ClientAsk),
}

impl From<ServerAsk> for Ask {
    fn from(ask: ServerAsk) -> Self {
        Self::Server(ask)
    }
}

impl From<ClientAsk> for Ask {
    fn from(ask: ClientAsk) -> Self {
        Self::Client(ask)
    }
}

impl ServerAsk {
    /// OpenDevice, whose interface is kept.
    #[must_use]
    pub const fn open_device(device: u8) -> Self {
        Self::OpenDevice { device, kept: true }
    }

    /// The function.
    #[must_use]
    pub const fn function(&self) -> Function {
        match self {
            Self::Open { .. } => Function::Open,
            Self::GetConfiguration => Function::GetConfiguration,
            Self::BeginConfiguration { .. } => Function::BeginConfiguration,
            Self::RequestBuffers { .. } => Function::RequestBuffers,
            Self::QueryAvailableBuffers { .. } => Function::QueryAvailableBuffers,
            Self::EndConfiguration => Function::EndConfiguration,
            Self::ExecuteCompletionAgent => Function::ExecuteCompletionAgent,
            Self::OpenDevice { .. } => Function::OpenDevice,
            Self::AllocateBuffer { .. } => Function::AllocateBuffer,
            Self::FreeBuffer { .. } => Function::FreeBuffer,
            Self::IsSharedBuffer { .. } => Function::IsSharedBuffer,
            Self::SendCommand(_) => Function::SendCommand,
            Self::CloseDevice { .. } => Function::CloseDevice,
            Self::SignalAbort => Function::SignalAbort,
            Self::Close => Function::Close,
        }
    }

    /// Whether the name of something is bound or released as the call returns.
    const fn binds(&self) -> bool {
        match *self {
            Self::Open { .. }
            | Self::OpenDevice { .. }
            | Self::QueryAvailableBuffers { .. }
            | Self::IsSharedBuffer { .. }
            // What is freed is not to be sent meanwhile.
            | Self::FreeBuffer { .. } => true,
            Self::BeginConfiguration { flaw } => flaw.is_some(),
            Self::AllocateBuffer { alignment, .. } => alignment > 0,
            Self::GetConfiguration
            | Self::RequestBuffers { .. }
            | Self::EndConfiguration
            | Self::ExecuteCompletionAgent
            | Self::SendCommand(_)
            | Self::CloseDevice { .. }
            | Self::SignalAbort
            | Self::Close => false,
        }
    }

    const fn wakes(&self) -> Wakes {
        match *self {
            Self::SendCommand(sent) => Wakes::Device(sent.device),
            Self::AllocateBuffer { alignment: 0, .. } | Self::RequestBuffers { .. } => {
                Wakes::Nobody
            }
            Self::Open { .. }
            | Self::GetConfiguration
            | Self::BeginConfiguration { .. }
            | Self::QueryAvailableBuffers { .. }
            | Self::EndConfiguration
            | Self::ExecuteCompletionAgent
            | Self::OpenDevice { .. }
            | Self::AllocateBuffer { .. }
            | Self::FreeBuffer { .. }
            | Self::IsSharedBuffer { .. }
            | Self::CloseDevice { .. }
            | Self::SignalAbort
            | Self::Close => Wakes::Set,
        }
    }

    const fn disturbs(&self, succeeded: bool) -> bool {
        match self {
            // Whatever they answer, a set may be aborted and released.
            Self::Close | Self::SignalAbort => true,
            Self::GetConfiguration
            | Self::QueryAvailableBuffers { .. }
            | Self::IsSharedBuffer { .. }
            | Self::FreeBuffer { buffer: None } => false,
            Self::Open { .. }
            | Self::BeginConfiguration { .. }
            | Self::RequestBuffers { .. }
            | Self::EndConfiguration
            | Self::ExecuteCompletionAgent
            | Self::OpenDevice { .. }
            | Self::AllocateBuffer { .. }
            | Self::FreeBuffer { .. }
            | Self::SendCommand(_)
            | Self::CloseDevice { .. } => succeeded,
        }
    }
}

impl ClientAsk {
    /// CreateEx of the set that was agreed.
    pub const CREATE: Self = Self::CreateEx { flaw: None };
    /// OpenInSecondaryEx of that set.
    pub const OPEN_IN_SECONDARY: Self = Self::OpenInSecondaryEx { misnomer: None };

    /// OpenDevice, whose interface is kept.
    #[must_use]
    pub const fn open_device(device: u8) -> Self {
        Self::OpenDevice { device, kept: true }
    }

    /// The function.
    #[must_use]
    pub const fn function(&self) -> Function {
        match self {
            Self::CreateEx { .. } => Function::CreateEx,
            Self::OpenInSecondaryEx { .. } => Function::OpenInSecondaryEx,
            Self::GetConfiguration { .. } => Function::GetConfiguration,
            Self::OpenDevice { .. } => Function::OpenDevice,
            Self::GetCommand { .. } => Function::GetCommand,
            Self::CompleteCommand(_) => Function::CompleteCommand,
            Self::GetBufferHandle { .. } => Function::GetBufferHandle,
            Self::MapBufferHandle { .. } => Function::MapBufferHandle,
            Self::SignalAbort => Function::SignalAbort,
            Self::Close => Function::Close,
        }
    }

    const fn binds(&self) -> bool {
        match self {
            Self::CreateEx { .. }
            | Self::OpenInSecondaryEx { .. }
            | Self::OpenDevice { .. }
            | Self::GetBufferHandle { .. }
            | Self::MapBufferHandle { .. } => true,
            Self::GetConfiguration { .. }
            | Self::GetCommand { .. }
            | Self::CompleteCommand(_)
            | Self::SignalAbort
            | Self::Close => false,
        }
    }

    const fn wakes(&self) -> Wakes {
        match self {
            Self::GetCommand { .. } => Wakes::Nobody,
            Self::CompleteCommand(done) => Wakes::DeviceAndAgent(done.device),
            Self::CreateEx { .. }
            | Self::OpenInSecondaryEx { .. }
            | Self::GetConfiguration { .. }
            | Self::OpenDevice { .. }
            | Self::GetBufferHandle { .. }
            | Self::MapBufferHandle { .. }
            | Self::SignalAbort
            | Self::Close => Wakes::Set,
        }
    }

    const fn disturbs(&self, succeeded: bool) -> bool {
        match self {
            // Whatever they answer, a set may be aborted and released.
            Self::Close | Self::SignalAbort => true,
            Self::GetConfiguration { .. }
            | Self::GetBufferHandle { .. }
            | Self::MapBufferHandle { .. } => false,
            Self::CreateEx { .. }
            | Self::OpenInSecondaryEx { .. }
            | Self::OpenDevice { .. }
            | Self::GetCommand { .. }
            | Self::CompleteCommand(_) => succeeded,
        }
    }
}

/// Which lanes inside a call may go on because of another call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wakes {
    Nobody,
    /// The one that serves the device.
    Device(u8),
    /// The agent's, too.
    DeviceAndAgent(u8),
    /// All of the set.
    Set,
}

impl Ask {
    /// The function.
    #[must_use]
    pub const fn function(&self) -> Function {
        match self {
            Self::Server(ask) => ask.function(),
            Self::Client(ask) => ask.function(),
        }
    }

    /// Whether the name of something is bound or released as the call returns: two such calls
    /// at a time would be bound to the same thing.
    pub(crate) const fn binds(&self) -> bool {
        match self {
            Self::Server(ask) => ask.binds(),
            Self::Client(ask) => ask.binds(),
        }
    }

    /// Whether what the configuration is becomes known as the call returns.
    pub(crate) const fn configures(&self) -> bool {
        let Self::Server(ask) = self else {
            return false;
        };
        matches!(ask, ServerAsk::BeginConfiguration { .. } | ServerAsk::EndConfiguration)
    }

    /// Who may go on because of it.
    pub(crate) const fn wakes(&self) -> Wakes {
        match self {
            Self::Server(ask) => ask.wakes(),
            Self::Client(ask) => ask.wakes(),
        }
    }

    /// Whether the call, a misuse that has succeeded or not, may have changed what others
    /// find.
    pub(crate) const fn disturbs(&self, succeeded: bool) -> bool {
        match self {
            Self::Server(ask) => ask.disturbs(succeeded),
            Self::Client(ask) => ask.disturbs(succeeded),
        }
    }

    /// The milliseconds that the call waits at most, if it does not just poll or wait for ever.
    pub(crate) const fn patience(&self) -> Option<u32> {
        match self {
            Self::Client(
                ClientAsk::GetConfiguration { wait: TimeoutArg::Milliseconds(most @ 1..) }
                | ClientAsk::GetCommand { wait: TimeoutArg::Milliseconds(most @ 1..), .. },
            ) => Some(*most),
            Self::Server(_) | Self::Client(_) => None,
        }
    }

    /// Whether it is a GetCommand.
    pub(crate) const fn fetches(&self) -> bool {
        matches!(self, Self::Client(ClientAsk::GetCommand { .. }))
    }

    /// Whether it just waits for something that others do.
    pub(crate) const fn waits(&self) -> bool {
        self.fetches() || matches!(self, Self::Client(ClientAsk::GetConfiguration { .. }))
    }

    /// The device that it opens to use it.
    pub(crate) const fn opened(&self) -> Option<u8> {
        match *self {
            Self::Server(ServerAsk::OpenDevice { device, kept: true })
            | Self::Client(ClientAsk::OpenDevice { device, kept: true }) => Some(device),
            Self::Server(_) | Self::Client(_) => None,
        }
    }

    /// Whether it is Close.
    pub(crate) const fn closes(&self) -> bool {
        matches!(self, Self::Server(ServerAsk::Close) | Self::Client(ClientAsk::Close))
    }
}
