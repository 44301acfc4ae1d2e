//! What a simulation runs on: the model, or an implementation under the same scheduler.

mod ask;
pub(crate) mod model;
mod translate;

pub(crate) use ask::Wakes;
pub use ask::{Ask, ClientAsk, Complete, Send, ServerAsk};
pub use model::ModelBackend;

use crate::campaign::coverage::Clauses;
use crate::rng::Rng;
use crate::workload::content::{Content, Extent};
use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_spec::config::{ServerConfig, VdConfig};
use vdi_trace::Process;

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
    /// succeeded, where the backend has one.
    pub address: Option<u64>,
    /// What else it gives.
    pub extra: Option<Extra>,
}

/// What calls give that few programs make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// IsSharedBuffer: whether it is.
    Shared(bool),
    /// QueryAvailableBuffers: how many.
    Count(u32),
    /// MapBufferHandle: the buffer, if it is one that is known.
    Mapped(Option<u32>),
}

/// What a process may use, as long as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Its interface of a device, counted from 0.
    Device(u8),
    /// A buffer, by its number.
    Buffer(u32),
}

impl Answer {
    /// A status and nothing else.
    #[must_use]
    pub const fn status(status: HResult) -> Self {
        Self { status, delivered: None, config: None, address: None, extra: None }
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
pub enum LaneEvent {
    /// The call returns.
    Returned(Answer),
    /// A completion routine runs.
    CalledBack(CalledBack),
}

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
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
/// scarce. A backend makes what it can of them.
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
/// lanes happens when [`Backend::advance`] is asked for it, and so the world's scheduler
/// decides the order.
pub trait Backend {
    /// A new life of a set is about to be created.
    fn begin(&mut self, run: u8, setup: &Setup, scarcity: Scarcity);

    /// Makes a call. If it returns at once, what it returned. `at_once`: it need not
    /// return in a step of its own.
    fn call(&mut self, by: Actor, ask: &Ask, at_once: bool, rng: &mut Rng) -> Option<LaneEvent>;

    /// Lets something happen on a lane that is inside a call, if anything can.
    fn advance(&mut self, by: Actor, rng: &mut Rng) -> Option<LaneEvent>;

    /// A lane on which something has happened already that is to be told before anything
    /// else happens.
    fn pressing(&mut self) -> Option<u8> {
        None
    }

    /// The time-out of the call on this lane passes; for the agent, one interval of
    /// serverTimeOut.
    fn expire(&mut self, by: Actor);

    /// A process ends.
    fn exit(&mut self, process: Process);

    /// A party writes into a buffer. False: it cannot be used any more.
    fn put(&mut self, by: Actor, buffer: u32, content: &[Extent]) -> bool;

    /// A party reads the first bytes of a buffer. `None`: it cannot be used any more.
    fn get(&mut self, by: Actor, buffer: u32, length: u32) -> Option<Content>;

    /// Whether a thing is still there for a process.
    fn lives(&mut self, by: Actor, thing: Resource) -> bool;

    /// The completion routine that was invoked last on this lane takes its time: until
    /// [`Backend::ends`] nothing else happens there.
    fn holds(&mut self, _by: Actor) {}

    /// The completion routine on this lane returns.
    fn ends(&mut self, _by: Actor) {}

    /// What was met of the model, if this backend is the model.
    fn met(&self) -> Option<&Clauses> {
        None
    }
}
