//! The state of one device set: a plain value, cheap to clone, hash and compare.

use std::fmt;

use smallvec::SmallVec;

use super::call::Timeout;
use super::outcome::Reply;
use crate::clauses::{ActiveEntry, Party, Profile};
use crate::codes::{CommandCode, Win32};

/// A lane, numbered by whoever drives the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneId(pub u16);

/// A command, numbered by whoever drives the model; free again after its callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub u32);

/// A buffer, numbered by whoever drives the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BufferId(pub u32);

/// The mission's view of a device set: four states, of which the phases of
/// server and client are refinements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceSetState {
    /// Opened by the server, no device open, not aborted.
    Open,
    /// At least one device is open.
    DevicesOpen,
    /// Abnormally terminated, the server has not closed yet.
    Aborted,
    /// Closed by the server, or never opened.
    Closed,
}

/// The server's phases, the columns of the server's transition table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the documents' own")]
pub enum ServerPhase {
    DoesNotExist,
    Connected,
    Configurable,
    Initializing,
    Active,
    NormallyTerminated,
    AbnormallyTerminated,
}

/// The client's phases, the columns of the client's transition table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the documents' own")]
pub enum ClientPhase {
    DoesNotExist,
    Configurable,
    Initializing,
    Active,
    NormallyTerminated,
    Abort,
}

/// The states of one device: those of Command Error Handling, and the one before
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceState {
    /// The server has not opened it.
    Unopened,
    /// Open.
    Active,
    /// Open; a command completed with an error that was not cleared.
    Errored,
    /// Closed by CloseDevice.
    Closed,
    /// Open when the set was aborted.
    Aborted,
}

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

/// One device of the set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Device {
    /// The server's side.
    pub server: ServerDevice,
    /// The client's side.
    pub client: ClientDevice,
    /// Whether a command completed with an error and was not cleared yet.
    pub errored: bool,
}

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
    /// Where it is.
    pub stage: Stage,
    /// Whether the client held it when its device entered the error state.
    pub before_error: bool,
}

/// A call in progress, other than the agent's, or a completion routine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InProgress {
    /// The lane inside the call.
    pub lane: LaneId,
    /// Who called.
    pub party: Party,
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// The server's side.
    pub server: ServerLife,
    /// The client's side.
    pub client: ClientLife,
    /// How far the server has configured.
    pub configuration: Configuration,
    /// Whether the client has seen the configuration.
    pub configuration_seen: bool,
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
    pub buffers: SmallVec<[BufferId; 4]>,
    /// Calls in progress, other than the agent's, and completion routines that
    /// have not returned. Of one lane the last is the innermost.
    pub calls: SmallVec<[InProgress; 2]>,
}

impl Agent {
    /// Whether ExecuteCompletionAgent is being executed.
    #[must_use]
    pub const fn is_running(self) -> bool {
        matches!(self, Self::Running { .. })
    }
}

impl State {
    /// The mission's four states.
    #[must_use]
    pub fn device_set_state(&self) -> DeviceSetState {
        match self.server {
            ServerLife::Absent | ServerLife::Closed | ServerLife::Dead => DeviceSetState::Closed,
            ServerLife::Open if self.aborted.is_some() => DeviceSetState::Aborted,
            ServerLife::Open if self.server_devices_open() => DeviceSetState::DevicesOpen,
            ServerLife::Open => DeviceSetState::Open,
        }
    }

    /// The state of a device, counted from 0, as the server sees it.
    #[must_use]
    pub fn device_state(&self, index: usize) -> DeviceState {
        match self.devices.get(index) {
            None | Some(Device { server: ServerDevice::Unopened, .. }) => DeviceState::Unopened,
            Some(Device { server: ServerDevice::Closed, .. }) => DeviceState::Closed,
            Some(_) if self.aborted.is_some() => DeviceState::Aborted,
            Some(Device { errored: true, .. }) => DeviceState::Errored,
            Some(_) => DeviceState::Active,
        }
    }

    /// The server's phase.
    #[must_use]
    pub fn server_phase(&self) -> ServerPhase {
        if self.server != ServerLife::Open {
            return ServerPhase::DoesNotExist;
        }
        if self.aborted.is_some() {
            return ServerPhase::AbnormallyTerminated;
        }
        match self.configuration {
            // Before the configuration has ended only the literal reading of the
            // table's cells in Connected closes anything.
            _ if self.all_closed() => ServerPhase::NormallyTerminated,
            Configuration::Unset => ServerPhase::Connected,
            Configuration::Begun => ServerPhase::Configurable,
            Configuration::Ended if self.activated => ServerPhase::Active,
            Configuration::Ended => ServerPhase::Initializing,
        }
    }

    /// The client's phase.
    #[must_use]
    pub fn client_phase(&self) -> ClientPhase {
        if self.client != ClientLife::Created {
            return ClientPhase::DoesNotExist;
        }
        if self.aborted.is_some() {
            return ClientPhase::Abort;
        }
        if !self.configuration_seen {
            return ClientPhase::Configurable;
        }
        if self.devices.iter().all(|device| device.client == ClientDevice::CloseSeen) {
            ClientPhase::NormallyTerminated
        } else if self.devices.iter().all(|device| device.client != ClientDevice::Unopened) {
            ClientPhase::Active
        } else {
            ClientPhase::Initializing
        }
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

    /// Ends the call on a lane, the agent's if there is no other; gives who called.
    pub(super) fn end_call(&mut self, lane: LaneId) -> Party {
        match self.calls.iter().rposition(|call| call.lane == lane) {
            Some(index) => self.calls.remove(index).party,
            None => {
                self.agent = Agent::Idle;
                Party::Server
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

    /// Whether something must still happen by itself before everything is at
    /// rest: an owed callback, or a call that has to return.
    #[must_use]
    pub fn is_at_rest(&self, profile: &Profile) -> bool {
        super::callbacks(self, profile).is_empty()
            && self.lanes_in_call().iter().all(|lane| {
                super::returns(self, profile, *lane).iter().all(|outcome| !outcome.forced)
            })
    }
}

impl fmt::Display for DeviceSetState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Open => "Open",
            Self::DevicesOpen => "DevicesOpen",
            Self::Aborted => "Aborted",
            Self::Closed => "Closed",
        })
    }
}

impl fmt::Display for ServerPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for ClientPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for DeviceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
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
        })
    }
}
