//! Races, described once: for the runtime, for the model, and as traces.

use vdi_spec::codes::{CommandCode, Win32};
use vdi_trace::Function;

/// Who acts: a thread of a process, by the name it has in a trace.
pub(crate) type Lane = &'static str;

pub(crate) const AGENT: Lane = "server.agent";
pub(crate) const SERVER: Lane = "server.main";
pub(crate) const SERVER_TOO: Lane = "server.t1";
pub(crate) const CLIENT: Lane = "primary.main";
pub(crate) const CLIENT_TOO: Lane = "primary.t1";
/// Time itself, which makes no call.
pub(crate) const TIME: Lane = "time";

/// What a lane does. Devices are counted from 0; commands have numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Act {
    Create,
    Open,
    BeginConfiguration,
    /// RequestBuffers of one buffer.
    Request,
    EndConfiguration,
    GetConfiguration,
    OpenServerDevice(u8),
    OpenClientDevice(u8),
    /// ExecuteCompletionAgent.
    Agent,
    /// SendCommand: device, command, code.
    Send(u8, u32, CommandCode),
    /// GetCommand on a device.
    Get(u8, Wait),
    /// CompleteCommand: device, command, code. Left out if the command was not delivered.
    Complete(u8, u32, Win32),
    CloseDevice(u8),
    /// AllocateBuffer of the buffer that was requested.
    Allocate,
    /// FreeBuffer of it.
    Free,
    ServerAbort,
    ClientAbort,
    ServerClose,
    ClientClose,
    /// Time passes for the call of this lane.
    Expire(Lane),
    /// The server's process unloads the library.
    Unload,
    /// A completion routine waits until this lane has done all it does.
    Await(Lane),
}

/// How long GetCommand waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Wait {
    Poll,
    ForEver,
    /// Until time passes for it.
    UntilTold,
}

impl Act {
    /// The function that is called; `None` for what is no call.
    pub(crate) const fn function(self) -> Option<Function> {
        Some(match self {
            Self::Create => Function::CreateEx,
            Self::Open => Function::Open,
            Self::BeginConfiguration => Function::BeginConfiguration,
            Self::Request => Function::RequestBuffers,
            Self::EndConfiguration => Function::EndConfiguration,
            Self::GetConfiguration => Function::GetConfiguration,
            Self::OpenServerDevice(_) | Self::OpenClientDevice(_) => Function::OpenDevice,
            Self::Agent => Function::ExecuteCompletionAgent,
            Self::Send(..) => Function::SendCommand,
            Self::Get(..) => Function::GetCommand,
            Self::Complete(..) => Function::CompleteCommand,
            Self::CloseDevice(_) => Function::CloseDevice,
            Self::Allocate => Function::AllocateBuffer,
            Self::Free => Function::FreeBuffer,
            Self::ServerAbort | Self::ClientAbort => Function::SignalAbort,
            Self::ServerClose | Self::ClientClose => Function::Close,
            Self::Expire(_) | Self::Unload | Self::Await(_) => return None,
        })
    }
}

/// A race: what one thread brings about, what several then do at once, and what one
/// does when they are done.
#[derive(Clone, Debug)]
pub(crate) struct Race {
    pub(crate) devices: u8,
    /// How many commands may be outstanding on one device.
    pub(crate) depth: u8,
    /// Whether the client asks for a serverTimeOut.
    pub(crate) time_out: bool,
    pub(crate) setup: Vec<(Lane, Act)>,
    pub(crate) lanes: Vec<(Lane, Vec<Act>)>,
    pub(crate) then: Vec<(Lane, Act)>,
    /// What the completion routines of these commands do, on the agent's lane.
    pub(crate) routines: Vec<(u32, Vec<Act>)>,
    /// Whether the agent runs all the while; else it runs when all the rest is done.
    pub(crate) agent_races: bool,
    /// Whether each thread wakes for no reason, once.
    pub(crate) wakes: bool,
}

impl Race {
    /// The client has created a set, the server has opened it and begun to configure.
    pub(crate) fn configurable(devices: u8) -> Self {
        let setup =
            vec![(CLIENT, Act::Create), (SERVER, Act::Open), (SERVER, Act::BeginConfiguration)];
        let (lanes, then, routines) = (Vec::new(), Vec::new(), Vec::new());
        let (depth, time_out, agent_races, wakes) = (2, false, false, false);
        Self { devices, depth, time_out, setup, lanes, then, routines, agent_races, wakes }
    }

    /// The server requests a buffer while it configures.
    pub(crate) fn requesting(mut self) -> Self {
        let begun = self.setup.iter().position(|(_, act)| *act == Act::BeginConfiguration);
        self.setup.insert(begun.expect("it configures") + 1, (SERVER, Act::Request));
        self
    }

    /// The server's devices are open, and the client has the configuration.
    pub(crate) fn initializing(devices: u8) -> Self {
        let mut race = Self::configurable(devices)
            .after(SERVER, Act::EndConfiguration)
            .after(CLIENT, Act::GetConfiguration);
        for device in 0..devices {
            race = race.after(SERVER, Act::OpenServerDevice(device));
        }
        race
    }

    /// All devices are open on both sides; there is no agent.
    pub(crate) fn without_agent(devices: u8) -> Self {
        let open = |race: Self, device| race.after(CLIENT, Act::OpenClientDevice(device));
        (0..devices).fold(Self::initializing(devices), open)
    }

    /// The set is active.
    pub(crate) fn active(devices: u8) -> Self {
        Self::without_agent(devices).after(AGENT, Act::Agent)
    }

    /// Before the race this happens, and succeeds.
    pub(crate) fn after(mut self, lane: Lane, act: Act) -> Self {
        self.setup.push((lane, act));
        self
    }

    /// Before the race, a command is sent.
    pub(crate) fn sent(self, device: u8, command: u32) -> Self {
        self.after(SERVER, Act::Send(device, command, CommandCode::Flush))
    }

    /// Before the race, a command is sent and delivered.
    pub(crate) fn delivered(self, device: u8, command: u32) -> Self {
        self.sent(device, command).after(CLIENT, Act::Get(device, Wait::ForEver))
    }

    /// The agent runs during the race.
    pub(crate) const fn with_agent(mut self) -> Self {
        self.agent_races = true;
        self
    }

    /// In the race, this lane does so.
    pub(crate) fn lane(mut self, lane: Lane, acts: &[Act]) -> Self {
        self.lanes.push((lane, acts.to_vec()));
        self
    }

    /// When all lanes but the agent are done, this happens.
    pub(crate) fn then(mut self, lane: Lane, act: Act) -> Self {
        self.then.push((lane, act));
        self
    }

    /// Each thread that sleeps wakes for no reason, once.
    pub(crate) const fn waking(mut self) -> Self {
        self.wakes = true;
        self
    }

    /// The completion routine of this command does so before it returns.
    pub(crate) fn within(mut self, command: u32, acts: &[Act]) -> Self {
        self.routines.push((command, acts.to_vec()));
        self
    }

    /// What the completion routine of a command does, if it is not over at once.
    pub(crate) fn routine(&self, command: u32) -> Option<&[Act]> {
        let mut routines = self.routines.iter();
        routines.find(|(known, _)| *known == command).map(|(_, acts)| acts.as_slice())
    }

    /// Whether the library is unloaded, by the last lane.
    pub(crate) fn unloads(&self) -> bool {
        self.lanes.last().is_some_and(|(_, acts)| acts.contains(&Act::Unload))
    }

    /// Whether a completion routine waits for a lane.
    pub(crate) fn has_waiting_routine(&self) -> bool {
        let mut acts = self.routines.iter().flat_map(|(_, acts)| acts);
        acts.any(|act| matches!(act, Act::Await(_)))
    }

    /// Every lane, those of the race first.
    pub(crate) fn names(&self) -> Vec<Lane> {
        let mut names: Vec<Lane> = Vec::new();
        let race = self.lanes.iter().map(|(lane, _)| *lane);
        let rest = self.setup.iter().chain(&self.then).map(|(lane, _)| *lane);
        for lane in race.chain(rest) {
            if !names.contains(&lane) {
                names.push(lane);
            }
        }
        names
    }
}

/// What the client completes a command with: its number, to tell completions apart.
pub(crate) const fn bytes(command: u32, code: Win32) -> u32 {
    if code.0 == Win32::ERROR_SUCCESS.0 { command } else { 0 }
}

/// How large the buffer is that is requested.
pub(crate) const BUFFER: u32 = 512;

/// How a device is called.
pub(crate) const fn device_name(device: u8) -> &'static str {
    if device == 0 { "S" } else { "S2" }
}
