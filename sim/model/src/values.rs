//! What calls are about: lanes, processes, commands, buffers, and their arguments.

use vdi_spec::clauses::Party;
use vdi_spec::codes::Features;

/// A lane, numbered by whoever drives the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneId(pub u16);

/// A command, numbered by whoever drives the model; free again after its callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub u32);

/// A buffer, numbered by whoever drives the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BufferId(pub u32);

/// Who makes a call: the server, or a client process by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Caller {
    /// The server's process.
    Server,
    /// A client's process: 0 is the primary, 1 to [`SECONDARIES`] the secondaries.
    Client(u8),
}

impl Caller {
    /// The party of this process.
    #[must_use]
    pub const fn party(self) -> Party {
        match self {
            Self::Server => Party::Server,
            Self::Client(_) => Party::Client,
        }
    }
}

/// How many secondary client processes a set may have here.
pub const SECONDARIES: usize = 9;

/// What the client asks for in Create, as far as the model depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asked {
    /// Feature bits.
    pub features: Features,
    /// Whether serverTimeOut is not 0.
    pub time_out: bool,
    /// Bytes: the least that the client needs; 0 is none.
    pub alignment: u32,
}

/// What the server sets in BeginConfiguration, as far as the model depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Granted {
    /// Feature bits.
    pub features: Features,
    /// Bytes of a block.
    pub block_size: u32,
    /// Bytes of the largest transfer.
    pub max_transfer_size: u32,
    /// Bytes that buffers are aligned to; 0 is a block.
    pub alignment: u32,
}

/// Buffers of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requested {
    /// Bytes of each.
    pub size: u32,
    /// Bytes; 0 is the basic alignment.
    pub alignment: u32,
    /// How many.
    pub count: u32,
}

impl Requested {
    /// Whether a buffer can be like that: of some size, and aligned to a power of 2 or to 0.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.size > 0 && (self.alignment == 0 || self.alignment.is_power_of_two())
    }
}

/// How long a blocking call may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timeout {
    /// Do not wait.
    Poll,
    /// It may expire.
    Finite,
    /// It expires when time is said to pass, and not otherwise.
    Told,
    /// It has expired.
    Passed,
    /// It never expires.
    Infinite,
}
