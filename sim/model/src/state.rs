//! The state of one device set: a plain value, cheap to clone, hash and compare.

use std::fmt;

use smallvec::SmallVec;

use super::answer::Reply;
use super::values::{
    Asked, BufferId, Caller, CommandId, Granted, LaneId, Requested, SECONDARIES, Timeout,
};
use vdi_spec::clauses::ActiveEntry;
use vdi_spec::codes::{CommandCode, Win32};

/// The server's interface to the set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerLife {
    /// Not opened yet.
    #[default]
    Absent,
    /// Opened.
    Open,
    /// Closed by Close.
    Closed,
    /// Its process ended without Close.
    Dead,
}

/// A secondary client's interface to the set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecondaryLife {
    /// Not opened yet.
    #[default]
    Absent,
    /// Opened by OpenInSecondary.
    Open,
    /// Closed by Close.
    Closed,
    /// Its process ended without Close; nobody notices.
    Dead,
}

/// The primary client's interface to the set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClientLife {
    /// Not created yet.
    #[default]
    Absent,
    /// Created.
    Created,
    /// Closed by Close.
    Closed,
    /// Its process ended without Close.
    Dead,
}

/// How far the server has configured the set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Configuration {
    /// BeginConfiguration has not been called.
    #[default]
    Unset,
    /// Between BeginConfiguration and EndConfiguration.
    Begun,
    /// EndConfiguration has succeeded.
    Ended,
}

/// Who or what aborted the set first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// SignalAbort by the server.
    ServerSignal,
    /// SignalAbort by the client.
    ClientSignal,
    /// The server's Close with no device open.
    ServerClose,
    /// The server's Close while devices were open.
    ServerCloseDevicesOpen,
    /// The client's Close with no device open.
    ClientClose,
    /// The client's Close while devices were open.
    ClientCloseDevicesOpen,
    /// The server's process ended.
    ServerDeath,
    /// The primary client's process ended.
    ClientDeath,
    /// No request was completed for two intervals of serverTimeOut.
    TimeOut,
}

/// The completion agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Agent {
    /// ExecuteCompletionAgent is not being executed.
    #[default]
    Idle,
    /// It is, on this lane.
    Running {
        /// The lane that executes it.
        lane: LaneId,
    },
}

/// A device as the server sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerDevice {
    /// Not opened yet.
    #[default]
    Unopened,
    /// Open.
    Open,
    /// Closed by CloseDevice.
    Closed,
}

/// A device as the client sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClientDevice {
    /// Not opened yet.
    #[default]
    Unopened,
    /// Open.
    Open,
    /// GetCommand has returned VD_E_CLOSE.
    CloseSeen,
}

/// How far the stream of commands of a device has come, where the documents
/// say what may follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Anything may follow.
    #[default]
    Free,
    /// PrepareToFreeze was sent: what follows is metadata, then Snapshot.
    Prepared,
    /// Snapshot was sent: nothing follows.
    Snapshot,
    /// MountSnapshot was sent: nothing follows.
    Mounted,
    /// Complete was sent: no data follows.
    Complete,
    /// Discard was sent: nothing follows.
    Discarded,
    /// A Read met the end of the medium: Load, or a command that goes elsewhere on it,
    /// comes before the next Read.
    MediumEnded,
}

/// One device of the set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Device {
    /// The server's side.
    pub server: ServerDevice,
    /// The client's side.
    pub client: ClientDevice,
    /// Whether a command completed with an error and was not cleared yet.
    pub errored: bool,
    /// Whether a callback has told the server so.
    pub error_told: bool,
    /// The client process that opened it.
    pub owner: u8,
    /// How far its stream of commands has come.
    pub stream: Stream,
    /// Whether the command completed last was a Flush.
    pub flushed: bool,
    /// Whether a callback has told the server that the device can store no more.
    pub full: bool,
}

/// A buffer that is allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Buffer {
    /// Its number.
    pub id: BufferId,
    /// The client processes that have its address: bit 0 the primary.
    pub mapped: u16,
    /// Whether the client held it at the abort and has not closed since.
    pub kept: bool,
}

/// Buffers that were requested and not taken yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reserve {
    /// None.
    #[default]
    None,
    /// So many of one kind.
    Some(Requested),
    /// So many of each of several kinds: [`State::kinds`].
    Several,
    /// More kinds, or buffers were taken that nobody had requested: how many fit is not followed.
    Mixed,
    /// QueryAvailableBuffers said that none of this kind is left.
    Exhausted(Requested),
}

/// How many kinds of requested buffers are followed, each by itself.
pub const MOST_KINDS: usize = 64;

/// Where a command is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Sent, not delivered.
    Queued,
    /// Delivered to the client, not completed.
    Delivered,
    /// Completed; its callback is owed by the agent.
    Completed {
        /// The completion code.
        code: Win32,
        /// Bytes moved.
        bytes: u32,
        /// The position the client gave.
        position: u64,
    },
    /// Refused by SendCommand; its callback is owed on the caller's lane.
    Refused {
        /// The completion code that goes with the status.
        code: Win32,
        /// The lane that called SendCommand.
        lane: LaneId,
    },
}

/// A command whose callback is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Command {
    /// Its number.
    pub id: CommandId,
    /// The device, counted from 0.
    pub device: u8,
    /// What it asks.
    pub code: CommandCode,
    /// The buffer it carries.
    pub buffer: Option<BufferId>,
    /// Bytes of a Read or Write, if they are known.
    pub size: Option<u32>,
    /// Whether the client has used its buffer since the delivery.
    pub used: bool,
    /// Where it is.
    pub stage: Stage,
    /// Whether the client held it when its device entered the error state, or brought that about
    /// by it.
    pub before_error: bool,
    /// Whether its callback puts its device into the error state.
    pub fails_device: bool,
}

/// A call in progress, other than the agent's, or a completion routine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InProgress {
    /// The lane inside the call.
    pub lane: LaneId,
    /// Who called.
    pub caller: Caller,
    /// What it waits for.
    pub pending: Pending,
}

/// What a call in progress waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pending {
    /// Nothing: the effect has happened and the call may return.
    Ready(Reply),
    /// The client's GetConfiguration waits for the server.
    GetConfiguration(Timeout),
    /// GetCommand waits for a command on this device.
    GetCommand(u8, Timeout),
    /// The server's Close waits for the agent.
    ServerClose(Reply),
    /// A completion routine was invoked on this lane and has not returned.
    Routine,
}

/// The state of one device set, from Create to the last Close.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// The server's side.
    pub server: ServerLife,
    /// The primary client's side.
    pub client: ClientLife,
    /// The secondary clients' sides.
    pub secondaries: [SecondaryLife; SECONDARIES],
    /// What the client asked for.
    pub asked: Asked,
    /// What the server granted.
    pub granted: Granted,
    /// Buffers requested and not taken.
    pub reserve: Reserve,
    /// Intervals of serverTimeOut that passed since a request was completed.
    pub idle_intervals: u8,
    /// How far the server has configured.
    pub configuration: Configuration,
    /// Whether the primary client has seen the configuration: from then on it counts as
    /// seen by all.
    pub configuration_seen: bool,
    /// Whether the server's EndConfiguration is enough for the clients: a reading.
    pub seen_unasked: bool,
    /// The secondary clients that have seen it before the primary, by their bits.
    pub seen_early: u16,
    /// Whether Active has been entered.
    pub activated: bool,
    /// The first abort, if there was one.
    pub aborted: Option<Cause>,
    /// The completion agent.
    pub agent: Agent,
    /// The devices, `deviceCount` of them.
    pub devices: SmallVec<[Device; 4]>,
    /// Commands whose callback is still to come, oldest first.
    pub commands: SmallVec<[Command; 2]>,
    /// Buffers allocated and not freed.
    pub buffers: SmallVec<[Buffer; 4]>,
    /// If [`Reserve::Several`]: of each kind how many were requested and not taken, the
    /// smallest kind first, [`MOST_KINDS`] at most. Else empty.
    pub kinds: SmallVec<[Requested; 2]>,
    /// Calls in progress, other than the agent's, and completion routines that
    /// have not returned. Of one lane the last is the innermost.
    pub calls: SmallVec<[InProgress; 2]>,
}

/// Whatever is judged or explored is cloned above all: slice by slice, not one by one, and
/// into the memory that is there.
impl Clone for State {
    fn clone(&self) -> Self {
        Self {
            devices: SmallVec::from_slice(&self.devices),
            commands: SmallVec::from_slice(&self.commands),
            buffers: SmallVec::from_slice(&self.buffers),
            kinds: SmallVec::from_slice(&self.kinds),
            calls: SmallVec::from_slice(&self.calls),
            ..*self
        }
    }

    fn clone_from(&mut self, from: &Self) {
        let Self { devices, commands, buffers, kinds, calls, .. } = self;
        refill(devices, &from.devices);
        refill(commands, &from.commands);
        refill(buffers, &from.buffers);
        refill(kinds, &from.kinds);
        refill(calls, &from.calls);
        self.copy_rest(from);
    }
}

/// Makes a list that of another, in its own memory.
fn refill<A: smallvec::Array>(to: &mut SmallVec<A>, from: &[A::Item])
where
    A::Item: Copy,
{
    if to.len() == from.len() {
        to.copy_from_slice(from);
    } else {
        to.clear();
        to.extend_from_slice(from);
    }
}

impl Agent {
    /// Whether ExecuteCompletionAgent is being executed.
    #[must_use]
    pub const fn is_running(self) -> bool {
        matches!(self, Self::Running { .. })
    }
}

impl State {
    /// All but the lists.
    const fn copy_rest(&mut self, from: &Self) {
        let Self {
            server,
            client,
            secondaries,
            asked,
            granted,
            reserve,
            idle_intervals,
            configuration,
            configuration_seen,
            seen_unasked,
            seen_early,
            activated,
            aborted,
            agent,
            devices: _,
            commands: _,
            buffers: _,
            kinds: _,
            calls: _,
        } = from;
        (self.server, self.client, self.secondaries) = (*server, *client, *secondaries);
        (self.asked, self.granted, self.reserve) = (*asked, *granted, *reserve);
        self.idle_intervals = *idle_intervals;
        self.configuration = *configuration;
        self.configuration_seen = *configuration_seen;
        (self.seen_unasked, self.seen_early) = (*seen_unasked, *seen_early);
        (self.activated, self.aborted, self.agent) = (*activated, *aborted, *agent);
    }

    /// Whether the server has a device open.
    #[must_use]
    pub fn server_devices_open(&self) -> bool {
        self.devices.iter().any(|device| device.server == ServerDevice::Open)
    }

    /// Whether the client has a device open on which it has not seen VD_E_CLOSE.
    #[must_use]
    pub fn client_devices_open(&self) -> bool {
        self.devices.iter().any(|device| device.client == ClientDevice::Open)
    }

    /// Whether the server has closed every device.
    #[must_use]
    pub fn all_closed(&self) -> bool {
        !self.devices.is_empty()
            && self.devices.iter().all(|device| device.server == ServerDevice::Closed)
    }

    /// Whether this client process has the set open.
    #[must_use]
    pub fn client_open(&self, client: u8) -> bool {
        match client.checked_sub(1) {
            None => self.client == ClientLife::Created,
            Some(index) => self.secondaries[usize::from(index)] == SecondaryLife::Open,
        }
    }

    /// Whether this client process may act on the configuration.
    #[must_use]
    pub const fn configuration_seen_by(&self, client: u8) -> bool {
        self.configuration_seen || self.seen_unasked || self.seen_early & (1 << client) != 0
    }

    /// Bytes that every buffer is aligned to: the most that server and client asked for.
    #[must_use]
    pub fn basic_alignment(&self) -> u32 {
        let Granted { alignment, block_size, .. } = self.granted;
        let least = if alignment == 0 { block_size } else { alignment };
        self.asked.alignment.max(least)
    }

    /// Whether buffers are of one kind. An alignment of 0 is the basic one.
    #[must_use]
    pub(super) fn same_kind(&self, one: Requested, other: Requested) -> bool {
        let aligned = |kind: Requested| match kind.alignment {
            0 => self.basic_alignment(),
            alignment => alignment,
        };
        one.size == other.size && aligned(one) == aligned(other)
    }

    /// Whether buffers of several kinds were requested, of which not all are taken.
    pub(super) fn is_promised(&self) -> bool {
        self.kinds.iter().any(|kind| kind.count > 0)
    }

    /// A buffer, while it is allocated.
    #[must_use]
    pub fn buffer(&self, id: BufferId) -> Option<&Buffer> {
        self.buffers.iter().find(|buffer| buffer.id == id)
    }

    /// The innermost call or routine in progress on a lane, other than the agent's own.
    #[must_use]
    pub fn in_progress(&self, lane: LaneId) -> Option<&InProgress> {
        self.calls.iter().rfind(|call| call.lane == lane)
    }

    /// The agent's lane, if it is running and not inside a completion routine.
    #[must_use]
    pub fn free_agent(&self) -> Option<LaneId> {
        match self.agent {
            Agent::Running { lane } if self.in_progress(lane).is_none() => Some(lane),
            Agent::Running { .. } | Agent::Idle => None,
        }
    }

    /// The command of that number, if its callback is still to come.
    #[must_use]
    pub fn command(&self, id: CommandId) -> Option<&Command> {
        self.commands.iter().find(|command| command.id == id)
    }

    /// Commands of a device that are queued or held by the client.
    pub fn outstanding(&self, device: u8) -> impl Iterator<Item = &Command> {
        self.commands.iter().filter(move |command| {
            command.device == device && matches!(command.stage, Stage::Queued | Stage::Delivered)
        })
    }

    /// Whether another device than this one is in the error state.
    #[must_use]
    pub(super) fn others_errored(&self, device: u8) -> bool {
        let mut devices = self.devices.iter().enumerate();
        devices.any(|(index, other)| other.errored && index != usize::from(device))
    }

    /// Ends the call on a lane, the agent's if there is no other; gives who called.
    pub(super) fn end_call(&mut self, lane: LaneId) -> Caller {
        match self.calls.iter().rposition(|call| call.lane == lane) {
            Some(index) => self.calls.remove(index).caller,
            None => {
                self.agent = Agent::Idle;
                Caller::Server
            }
        }
    }

    /// Marks Active as entered once its condition holds.
    pub(super) fn update_activation(&mut self, profile_entry: ActiveEntry) {
        if self.activated || self.configuration != Configuration::Ended {
            return;
        }
        self.activated = match profile_entry {
            ActiveEntry::AllOpenAndAgent => {
                self.agent.is_running()
                    && !self.devices.is_empty()
                    && self.devices.iter().all(|device| {
                        device.server != ServerDevice::Unopened
                            && device.client != ClientDevice::Unopened
                    })
            }
            ActiveEntry::PerCall => {
                self.agent.is_running()
                    || self.devices.iter().any(|device| device.server != ServerDevice::Unopened)
            }
        };
    }

    /// Lanes inside a call, in the order of their numbers.
    #[must_use]
    pub fn lanes_in_call(&self) -> SmallVec<[LaneId; 4]> {
        let mut lanes: SmallVec<[LaneId; 4]> = self.calls.iter().map(|call| call.lane).collect();
        if let Agent::Running { lane } = self.agent {
            lanes.push(lane);
        }
        lanes.sort_unstable();
        lanes.dedup();
        lanes
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ServerSignal => "SignalAbort of the server",
            Self::ClientSignal => "SignalAbort of the client",
            Self::ServerClose => "Close of the server",
            Self::ServerCloseDevicesOpen => "Close of the server with devices open",
            Self::ClientClose => "Close of the client",
            Self::ClientCloseDevicesOpen => "Close of the client with devices open",
            Self::ServerDeath => "death of the server",
            Self::ClientDeath => "death of the client",
            Self::TimeOut => "serverTimeOut",
        })
    }
}
