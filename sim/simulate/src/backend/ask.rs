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
        /// With its own size, and not with another.
        sized: bool,
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

/// Whether a misuse may have changed what others find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disturbs {
    Never,
    IfItSucceeds,
    /// Whatever it answers: a set may be aborted and released.
    Always,
}

/// What a call is to the lanes around it.
#[derive(Clone, Copy, Debug)]
struct Traits {
    function: Function,
    /// Whether the name of something is bound or released as it returns: two such calls at a
    /// time would be bound to the same thing.
    binds: bool,
    wakes: Wakes,
    disturbs: Disturbs,
}

const fn row(function: Function, binds: bool, wakes: Wakes, disturbs: Disturbs) -> Traits {
    Traits { function, binds, wakes, disturbs }
}

impl ServerAsk {
    /// Bytes that no buffer of a world has.
    pub const OTHER_SIZE: u32 = 1;

    /// OpenDevice, whose interface is kept.
    #[must_use]
    pub const fn open_device(device: u8) -> Self {
        Self::OpenDevice { device, kept: true }
    }

    #[inline]
    const fn traits(&self) -> Traits {
        use Disturbs::{Always, IfItSucceeds, Never};
        use Function as F;
        use Wakes::{Device, Nobody, Set};
        match *self {
            Self::Open { .. } => row(F::Open, true, Set, IfItSucceeds),
            Self::GetConfiguration => row(F::GetConfiguration, false, Set, Never),
            Self::BeginConfiguration { flaw } => {
                row(F::BeginConfiguration, flaw.is_some(), Set, IfItSucceeds)
            }
            Self::RequestBuffers { .. } => row(F::RequestBuffers, false, Nobody, IfItSucceeds),
            Self::QueryAvailableBuffers { .. } => row(F::QueryAvailableBuffers, true, Set, Never),
            Self::EndConfiguration => row(F::EndConfiguration, false, Set, IfItSucceeds),
            Self::ExecuteCompletionAgent => {
                row(F::ExecuteCompletionAgent, false, Set, IfItSucceeds)
            }
            Self::OpenDevice { .. } => row(F::OpenDevice, true, Set, IfItSucceeds),
            Self::AllocateBuffer { alignment: 0, .. } => {
                row(F::AllocateBuffer, false, Nobody, IfItSucceeds)
            }
            Self::AllocateBuffer { .. } => row(F::AllocateBuffer, true, Set, IfItSucceeds),
            // What is freed is not to be sent meanwhile.
            Self::FreeBuffer { buffer: Some(_), .. } => row(F::FreeBuffer, true, Set, IfItSucceeds),
            Self::FreeBuffer { buffer: None, .. } => row(F::FreeBuffer, true, Set, Never),
            Self::IsSharedBuffer { .. } => row(F::IsSharedBuffer, true, Set, Never),
            Self::SendCommand(sent) => {
                row(F::SendCommand, false, Device(sent.device), IfItSucceeds)
            }
            Self::CloseDevice { .. } => row(F::CloseDevice, false, Set, IfItSucceeds),
            Self::SignalAbort => row(F::SignalAbort, false, Set, Always),
            Self::Close => row(F::Close, false, Set, Always),
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
        self.traits().function
    }

    #[inline]
    const fn traits(&self) -> Traits {
        use Disturbs::{Always, IfItSucceeds, Never};
        use Function as F;
        use Wakes::{DeviceAndAgent, Nobody, Set};
        match *self {
            Self::CreateEx { .. } => row(F::CreateEx, true, Set, IfItSucceeds),
            Self::OpenInSecondaryEx { .. } => row(F::OpenInSecondaryEx, true, Set, IfItSucceeds),
            Self::GetConfiguration { .. } => row(F::GetConfiguration, false, Set, Never),
            Self::OpenDevice { .. } => row(F::OpenDevice, true, Set, IfItSucceeds),
            Self::GetCommand { .. } => row(F::GetCommand, false, Nobody, IfItSucceeds),
            Self::CompleteCommand(done) => {
                row(F::CompleteCommand, false, DeviceAndAgent(done.device), IfItSucceeds)
            }
            Self::GetBufferHandle { .. } => row(F::GetBufferHandle, true, Set, Never),
            Self::MapBufferHandle { .. } => row(F::MapBufferHandle, true, Set, Never),
            Self::SignalAbort => row(F::SignalAbort, false, Set, Always),
            Self::Close => row(F::Close, false, Set, Always),
        }
    }
}

impl Ask {
    #[inline]
    const fn traits(&self) -> Traits {
        match self {
            Self::Server(ask) => ask.traits(),
            Self::Client(ask) => ask.traits(),
        }
    }

    /// The function.
    #[must_use]
    pub const fn function(&self) -> Function {
        self.traits().function
    }

    /// Whether the name of something is bound or released as the call returns.
    pub(crate) const fn binds(&self) -> bool {
        self.traits().binds
    }

    /// Who may go on because of it.
    pub(crate) const fn wakes(&self) -> Wakes {
        self.traits().wakes
    }

    /// Whether the call, a misuse that has succeeded or not, may have changed what others
    /// find.
    pub(crate) const fn disturbs(&self, succeeded: bool) -> bool {
        match self.traits().disturbs {
            Disturbs::Never => false,
            Disturbs::IfItSucceeds => succeeded,
            Disturbs::Always => true,
        }
    }

    /// Whether what the configuration is becomes known as the call returns.
    pub(crate) const fn configures(&self) -> bool {
        let Self::Server(ask) = self else {
            return false;
        };
        matches!(ask, ServerAsk::BeginConfiguration { .. } | ServerAsk::EndConfiguration)
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
