//! What a world runs on: the model, or a real implementation under the same scheduler.

use super::chance::Chance;
use super::content::{Content, Extent};
use super::coverage::Clauses;
use super::odd::Odd;
use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_spec::config::{ServerConfig, VdConfig};
use vdi_trace::{Function, Process};

/// How long a call is willing to wait, in milliseconds of virtual time; 0 polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// For ever.
    Infinite,
    /// So many milliseconds.
    Milliseconds(u32),
}

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

/// A call that a program makes. The process of its lane says on which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documents' own")]
pub enum Ask {
    Open,
    GetServerConfiguration,
    BeginConfiguration,
    RequestBuffers {
        size: u32,
        count: u32,
    },
    EndConfiguration,
    ExecuteCompletionAgent,
    /// Of the server, or of a client.
    OpenDevice {
        device: u8,
    },
    AllocateBuffer {
        buffer: u32,
        size: u32,
    },
    FreeBuffer {
        buffer: u32,
    },
    SendCommand(Send),
    CloseDevice {
        device: u8,
    },
    CreateEx,
    OpenInSecondaryEx,
    GetConfiguration {
        wait: Wait,
    },
    GetCommand {
        device: u8,
        wait: Wait,
    },
    CompleteCommand(Complete),
    /// Of the server, or of a client.
    SignalAbort,
    /// Of the server, or of a client.
    Close,
    /// What few programs ask.
    Odd(Odd),
}

/// A command as GetCommand delivers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The command.
    pub command: u32,
    /// What is to be done.
    pub code: CommandCode,
    /// Bytes, a signed count, an origin or a flag.
    pub size: i64,
    /// Where on the medium.
    pub position: u64,
    /// The buffer.
    pub buffer: Option<u32>,
}

/// How a call returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: HResult,
    /// The command, of a GetCommand that succeeded.
    pub delivered: Option<Delivered>,
    /// The configuration, of a GetConfiguration that succeeded.
    pub config: Option<Box<VdConfig>>,
    /// The address of the buffer in the set's buffer area, of an AllocateBuffer that
    /// succeeded, where the engine has one.
    pub address: Option<u64>,
    /// What else it gives.
    pub gives: Option<Gives>,
}

/// What calls give that few programs make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// IsSharedBuffer: whether it is.
    Shared(bool),
    /// QueryAvailableBuffers: how many.
    Count(u32),
    /// MapBufferHandle: the buffer, if it is one that is known.
    Mapped(Option<u32>),
}

/// What a process may use, as long as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// Its interface of a device, counted from 0.
    Device(u8),
    /// A buffer, by its number.
    Buffer(u32),
}

impl Ask {
    /// The function, as a process of this party calls it.
    #[must_use]
    pub const fn function(&self) -> Function {
        match self {
            Self::Open => Function::Open,
            Self::GetServerConfiguration | Self::GetConfiguration { .. } => {
                Function::GetConfiguration
            }
            Self::BeginConfiguration => Function::BeginConfiguration,
            Self::RequestBuffers { .. } => Function::RequestBuffers,
            Self::EndConfiguration => Function::EndConfiguration,
            Self::ExecuteCompletionAgent => Function::ExecuteCompletionAgent,
            Self::OpenDevice { .. } => Function::OpenDevice,
            Self::AllocateBuffer { .. } => Function::AllocateBuffer,
            Self::FreeBuffer { .. } => Function::FreeBuffer,
            Self::SendCommand(_) => Function::SendCommand,
            Self::CloseDevice { .. } => Function::CloseDevice,
            Self::CreateEx => Function::CreateEx,
            Self::OpenInSecondaryEx => Function::OpenInSecondaryEx,
            Self::GetCommand { .. } => Function::GetCommand,
            Self::CompleteCommand(_) => Function::CompleteCommand,
            Self::SignalAbort => Function::SignalAbort,
            Self::Close => Function::Close,
            Self::Odd(odd) => odd.function(),
        }
    }
}

impl Answer {
    /// A status and nothing else.
    #[must_use]
    pub const fn status(status: HResult) -> Self {
        Self { status, delivered: None, config: None, address: None, gives: None }
    }
}

/// A completion routine was invoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CalledBack {
    /// The command.
    pub command: u32,
    /// Its completion code.
    pub code: Win32,
    /// Bytes moved.
    pub bytes: u32,
    /// The position the client gave.
    pub position: u64,
}

/// What happens on a lane that is inside a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// The call returns.
    Returned(Answer),
    /// A completion routine runs.
    CalledBack(CalledBack),
}

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct By {
    /// The lane's number.
    pub lane: u8,
    /// Its process.
    pub process: Process,
    /// The life of a set it acts on: each Create begins one, counted from 0.
    pub run: u8,
}

/// What server and client have agreed to ask for in one life of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The set's name.
    pub name: &'static str,
    /// What the client asks for.
    pub config: VdConfig,
    /// What the server sets.
    pub server: ServerConfig,
    /// Commands that a device's queue takes.
    pub queue_depth: u32,
    /// The set, counted from 0: a client uses the same interface for all its lives.
    pub set: u8,
    /// By device, its name.
    pub device_names: Vec<&'static str>,
}

/// Which exceptions a seed has drawn: those that the documents allow when something is
/// scarce. An engine makes what it can of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scarcity {
    /// EndConfiguration and AllocateBuffer fail once in so many times; 0 is never.
    pub memory: u32,
    /// A queue that may be full is, once in so many times; 0 is never.
    pub queue: u32,
    /// A call that takes resources of the system fails once in so many times; 0 is never.
    pub system: u32,
}

/// What a world runs on. It makes one call at a time; what a call leads to on other
/// lanes happens when [`Engine::advance`] is asked for it, and so the world's scheduler
/// decides the order.
pub trait Engine {
    /// A new life of a set is about to be created.
    fn begin(&mut self, run: u8, setup: &Setup, scarcity: Scarcity);

    /// Makes a call. If it returns at once, what it returned. `at_once`: it need not
    /// return in a step of its own.
    fn call(&mut self, by: By, ask: &Ask, at_once: bool, chance: &mut Chance) -> Option<Happened>;

    /// Lets something happen on a lane that is inside a call, if anything can.
    fn advance(&mut self, by: By, chance: &mut Chance) -> Option<Happened>;

    /// A lane on which something has happened already that is to be told before anything
    /// else happens.
    fn pressing(&mut self) -> Option<u8> {
        None
    }

    /// The time-out of the call on this lane passes; for the agent, one interval of
    /// serverTimeOut.
    fn expire(&mut self, by: By);

    /// A process ends.
    fn exit(&mut self, process: Process);

    /// A party writes into a buffer. False: it cannot be used any more.
    fn put(&mut self, by: By, buffer: u32, content: &[Extent]) -> bool;

    /// A party reads the first bytes of a buffer. `None`: it cannot be used any more.
    fn get(&mut self, by: By, buffer: u32, length: u32) -> Option<Content>;

    /// Whether a thing is still there for a process.
    fn lives(&mut self, by: By, thing: Thing) -> bool;

    /// The completion routine that was invoked last on this lane takes its time: until
    /// [`Engine::ends`] nothing else happens there.
    fn holds(&mut self, _by: By) {}

    /// The completion routine on this lane returns.
    fn ends(&mut self, _by: By) {}

    /// What was met of the model, if this engine is the model.
    fn met(&self) -> Option<&Clauses> {
        None
    }
}
