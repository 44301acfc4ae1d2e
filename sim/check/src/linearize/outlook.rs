//! What the calls in progress leave open of a set: what no event of them can change any more is
//! what a footprint can rest on.

use super::configuration::Configuration;
use super::context::{Context, Pending};
use super::linearization::Spontaneous;
use super::parts::{Aspect, Parts, bit, whole};
use smallvec::SmallVec;
use vdi_model::{
    BufferId, Call, Caller, ClientCall, ClientDevice, ClientLife, Device, DeviceName, Request,
    Requested, Reserve, ServerCall, ServerDevice, ServerLife, Stage, State,
};
use vdi_spec::clauses::{CloseEventAfterServerClose, SecondaryClose};
use vdi_spec::codes::{CommandCode, Win32};

use Aspect as A;

/// What the calls in progress leave open of the devices, and of the whole.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outlook {
    /// The devices of which the server has not opened all that it may.
    unopened: u64,
    /// The same of the clients.
    pub(super) unjoined: u64,
    /// Those that the calls in progress close, if no device stays open then.
    pub(super) closing: u64,
    /// Whether all are closed.
    pub(super) all_closed: bool,
    /// Whether two calls of the server may open the same device, or one that is open.
    pub(super) server_contested: bool,
    /// The devices that a client opens, or has opened, while another call opens them.
    pub(super) client_contested: u64,
    /// Those that a call in progress closes while another does, or it is closed.
    pub(super) closed_again: u64,
    /// Whether a call in progress starts the agent, besides what runs.
    pub(super) agents: u8,
    /// Whether a device may be found full.
    pub(super) full: bool,
    /// The devices that are in the error state, or may enter or leave it.
    pub(super) erring: u64,
    /// Whether the calls in progress that allocate and free buffers do so independently.
    pub(super) buffers_apart: bool,
    /// What may end the set.
    ends: Ends,
}

/// What may end the set besides what its devices come to.
#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    /// Whether a device that a client has opened stays so, whatever the calls in progress come
    /// to.
    stays_open: bool,
    /// How many calls in progress may, and how many of them are SignalAborts.
    calls: u8,
    signals: u8,
    /// The secondary whose Close aborts because a device of its own stays open, while nothing
    /// else is called by it.
    secondary: Option<u8>,
    /// Whether the primary's process may end.
    client_exit: bool,
    /// Whether the server's may.
    server_exit: bool,
    /// Whether a secondary's may.
    secondary_exit: bool,
    /// Whether time may pass, or another process end: what is not looked at closer.
    unknown: bool,
}

impl Outlook {
    pub(super) fn new(context: &Context<'_>, config: &Configuration) -> Self {
        let state = &config.state;
        let mut outlook = Self::default();
        let (mut open, mut opened_by, mut joined_by, mut closed_by) = (0, 0, 0, 0);
        for (index, device) in (0..).zip(&state.devices) {
            match device.server {
                ServerDevice::Unopened => outlook.unopened |= bit(index),
                ServerDevice::Open => open |= bit(index),
                ServerDevice::Closed => {}
            }
            if device.client == ClientDevice::Unopened {
                outlook.unjoined |= bit(index);
            }
        }
        outlook.agents = u8::from(state.agent.is_running());
        let untaken = context.pending.iter().filter(|pending| !config.taken.has(pending.slot));
        for pending in untaken {
            outlook.ends.calls += u8::from(ends_set(pending.call));
            outlook.ends.signals += u8::from(is_signal(pending.call));
            match pending.call {
                Call::Server(ServerCall::OpenDevice { device }) => {
                    let device = device.map_or(0, bit);
                    let free = device & outlook.unopened & !opened_by != 0;
                    outlook.server_contested |= !free;
                    opened_by |= device;
                }
                Call::Server(ServerCall::CloseDevice { device }) => {
                    let device = bit(*device);
                    outlook.closed_again |= device & (closed_by | !(open | outlook.unopened));
                    closed_by |= device;
                }
                Call::Server(ServerCall::ExecuteCompletionAgent) => outlook.agents += 1,
                Call::Server(ServerCall::SendCommand(Request { device, code, .. })) => {
                    let clears = *code == CommandCode::ClearError;
                    outlook.erring |= if clears { bit(*device) } else { 0 };
                }
                Call::Client(call) | Call::Secondary(_, call) => {
                    outlook.note_client(call, &mut joined_by);
                }
                Call::Server(_) => {}
            }
        }
        outlook.note_commands(state);
        outlook.all_closed = state.all_closed();
        let closes = stays_open(context, closed_by);
        outlook.ends.stays_open = (0..).zip(&state.devices).any(closes);
        outlook.note_secondaries(context, config, closed_by);
        let left = open | outlook.unopened;
        outlook.closing = if left & !closed_by == 0 { left } else { 0 };
        for (_, known) in context.spontaneous.iter().filter(|(slot, _)| !config.taken.has(*slot)) {
            let softly = ends_softly(context, config, known);
            match known {
                Spontaneous::Exit(Caller::Server) => outlook.ends.server_exit |= softly,
                Spontaneous::Exit(Caller::Client(0)) => outlook.ends.client_exit |= softly,
                Spontaneous::Exit(Caller::Client(_)) => outlook.ends.secondary_exit |= softly,
                Spontaneous::Passes(..) => {}
            }
            outlook.ends.unknown |= !softly;
        }
        let quiet = outlook.ends.calls == 0 && !outlook.may_die() && !outlook.ends.unknown;
        outlook.buffers_apart = quiet && buffers_apart(context, config);
        outlook
    }

    fn note_client(&mut self, call: &ClientCall, joined_by: &mut u64) {
        match call {
            ClientCall::OpenDevice {
                name: DeviceName::Known(device) | DeviceName::New(device),
            } => {
                let device = bit(*device);
                self.client_contested |= device & (*joined_by | !self.unjoined);
                *joined_by |= device;
            }
            ClientCall::CompleteCommand { device, code, .. } => {
                self.full |= code.is_full();
                self.erring |= if *code == Win32::ERROR_SUCCESS { 0 } else { bit(*device) };
            }
            ClientCall::OpenDevice { name: DeviceName::Unknown }
            | ClientCall::Create { .. }
            | ClientCall::OpenInSecondary { .. }
            | ClientCall::GetBufferHandle { .. }
            | ClientCall::MapBufferHandle { .. }
            | ClientCall::GetConfiguration { .. }
            | ClientCall::GetCommand { .. }
            | ClientCall::SignalAbort
            | ClientCall::Close => {}
        }
    }

    /// The Close of a secondary may abort if it has devices, or is given some.
    fn note_secondaries(&mut self, context: &Context<'_>, config: &Configuration, closed_by: u64) {
        let devices = || (0..).zip(&config.state.devices);
        let untaken = || context.pending.iter().filter(|known| !config.taken.has(known.slot));
        for pending in untaken() {
            let Call::Secondary(own, ClientCall::Close) = pending.call else { continue };
            if leaves_nothing_open(context, &config.state, pending.call.caller()) {
                continue;
            }
            self.ends.calls += 1;
            let alone =
                untaken().filter(|other| other.call.caller() == Caller::Client(*own)).count() == 1;
            let stays = stays_open(context, closed_by);
            if alone
                && devices().any(|(index, device)| device.owner == *own && stays((index, device)))
            {
                self.ends.secondary = Some(*own);
            }
        }
    }

    fn note_commands(&mut self, state: &State) {
        for (index, device) in (0..).zip(&state.devices) {
            self.erring |= if device.errored { bit(index) } else { 0 };
        }
        for command in &state.commands {
            let errs = command.fails_device || command.code == CommandCode::ClearError;
            self.erring |= if errs { bit(command.device) } else { 0 };
            self.full |= matches!(command.stage, Stage::Completed { code, .. } if code.is_full());
        }
    }

    /// The first of the devices that are not all opened, and the call that opens it; a
    /// device that is not joined comes last. `None` if that is not certain.
    pub(super) fn first_unopened(&self) -> Option<(Aspect, u64)> {
        if self.server_contested || self.client_contested != 0 || self.ends.unknown {
            return None;
        }
        let first = |devices: u64| devices & devices.wrapping_neg();
        match (self.unopened, self.unjoined) {
            (0, 0) => None,
            (0, unjoined) => Some((A::Joined, first(unjoined))),
            (unopened, _) => Some((A::Opened, first(unopened))),
        }
    }

    /// Whether time may pass or a process end, so that nothing is certain.
    pub(super) const fn is_unknown(&self) -> bool {
        self.ends.unknown
    }

    /// Whether a process may end: see [`ends_softly`].
    pub(super) const fn has_exit(&self) -> bool {
        self.may_die() || self.ends.secondary_exit
    }

    /// Whether the server's process may end, or the primary's, which aborts.
    const fn may_die(&self) -> bool {
        self.ends.server_exit || self.ends.client_exit
    }

    /// What the end of a process depends on.
    pub(super) const fn read_by_exit(&self) -> Parts {
        let sides = if self.may_die() { whole::SERVER | whole::ABORT } else { 0 };
        Parts::whole(sides | whole::CLIENT | whole::SECONDARIES)
    }

    /// What such an end changes. Of the commands of a server that is dead nothing is left, when
    /// nobody can have been given one before.
    pub(super) const fn changed_by_exit(&self) -> Parts {
        let client = whole::CLIENT | whole::MAPPED;
        let server = whole::SERVER | whole::AGENT;
        let own = if self.ends.client_exit { client } else { 0 };
        let its = if self.ends.server_exit { server } else { 0 };
        // What a dead primary has left to its secondaries is the server's when they are gone.
        let secondary =
            if self.ends.secondary_exit { whole::SECONDARIES | whole::BUFFERS } else { 0 };
        let both = if self.may_die() { whole::ABORT | whole::BUFFERS } else { 0 };
        Parts::whole(own | its | secondary | both)
    }

    /// Whether the call ends the set as a step of which what it leaves of the devices can be
    /// told.
    pub(super) const fn aborts_softly(&self, call: &Call) -> bool {
        match call {
            Call::Client(ClientCall::Close) => self.closes_softly(Caller::Client(0)),
            Call::Secondary(own, ClientCall::Close) => self.closes_softly(Caller::Client(*own)),
            Call::Server(_) | Call::Client(_) | Call::Secondary(..) => ends_set(call),
        }
    }

    /// Whether a client's Close is an abort, and no other Close can come before it: it depends
    /// on no device then, and lets go of none of their commands. What it lets go of after an
    /// abort by SignalAbort is asked for when that has come.
    pub(super) const fn closes_softly(&self, by: Caller) -> bool {
        self.closes_as_abort(by) && self.ends.calls == self.ends.signals + 1
    }

    /// Whether a client's Close is an abort, unless there was one before.
    pub(super) const fn closes_as_abort(&self, by: Caller) -> bool {
        let stays_open = match by {
            Caller::Client(0) => self.ends.stays_open,
            Caller::Client(own) => matches!(self.ends.secondary, Some(known) if known == own),
            Caller::Server => false,
        };
        stays_open && !self.may_die()
    }

    /// What tells whether the set is Active.
    pub(super) fn activity(&self, state: &State) -> Parts {
        if state.activated {
            return Parts::default();
        }
        let read = whole::CONFIGURATION | whole::AGENT;
        Parts::whole(read).with(A::Opened, u64::MAX).with(A::Joined, u64::MAX)
    }

    /// The first of the devices that are closed, if all are then.
    pub(super) fn first_to_close(&self) -> Parts {
        Parts::whole(0).with(A::Closed, self.closing & self.closing.wrapping_neg())
    }

    /// What tells whether all devices are closed.
    pub(super) const fn all_closed(&self) -> Parts {
        Parts::whole(0).with(A::Closed, self.closing)
    }
}

/// Whether a device that a client has opened stays so, whatever the calls in progress come to:
/// nobody is told of its end, unless by a GetCommand. `closed_by`: those that they close.
fn stays_open(context: &Context<'_>, closed_by: u64) -> impl Fn((u8, &Device)) -> bool {
    let told_as_abort =
        context.profile().close_event_after_server_close == CloseEventAfterServerClose::AbortError;
    let asked = context.pending.iter().fold(0, |all, pending| match pending.call {
        Call::Client(ClientCall::GetCommand { device, .. })
        | Call::Secondary(_, ClientCall::GetCommand { device, .. }) => all | bit(*device),
        Call::Server(_) | Call::Client(_) | Call::Secondary(..) => all,
    });
    move |(index, device)| {
        let is_served = device.server != ServerDevice::Closed && closed_by & bit(index) == 0;
        let is_told = told_as_abort || asked & bit(index) != 0;
        device.client == ClientDevice::Open && (is_served || !is_told)
    }
}

/// Whether a secondary client has no device, nor can be given one: its Close ends its own use
/// alone.
pub(super) fn leaves_nothing_open(context: &Context<'_>, state: &State, caller: Caller) -> bool {
    let Caller::Client(own @ 1..) = caller else { return false };
    let harmless = context.profile().secondary_close == SecondaryClose::Harmless;
    let has = |device: &Device| device.client != ClientDevice::Unopened && device.owner == own;
    let opens = |pending: &Pending<'_>| match pending.call {
        Call::Secondary(number, ClientCall::OpenDevice { .. }) => *number == own,
        Call::Secondary(..) | Call::Client(_) | Call::Server(_) => false,
    };
    harmless && !state.devices.iter().any(has) && !context.pending.iter().any(opens)
}

/// Whether the call may end the set, whatever there is of devices: an abort, or a Close of a
/// side.
pub(super) const fn ends_set(call: &Call) -> bool {
    match call {
        Call::Server(call) => matches!(call, ServerCall::SignalAbort | ServerCall::Close),
        Call::Client(call) => matches!(call, ClientCall::SignalAbort | ClientCall::Close),
        Call::Secondary(_, call) => matches!(call, ClientCall::SignalAbort),
    }
}

/// Whether the call is a SignalAbort, whoever's.
const fn is_signal(call: &Call) -> bool {
    match call {
        Call::Server(call) => matches!(call, ServerCall::SignalAbort),
        Call::Client(call) | Call::Secondary(_, call) => matches!(call, ClientCall::SignalAbort),
    }
}

/// Whether what happens without a call is the end of a process as a step of which what it leaves
/// can be told: of the server's or the primary's, an abort; of a secondary's, that its calls come
/// to nothing any more.
pub(super) fn ends_softly(
    context: &Context<'_>,
    config: &Configuration,
    known: &Spontaneous,
) -> bool {
    let State { client, server, configuration_seen, .. } = config.state;
    let created = client == ClientLife::Created;
    let is_followed = match known {
        Spontaneous::Exit(Caller::Client(0)) => created,
        Spontaneous::Exit(Caller::Client(_)) => created || client == ClientLife::Dead,
        Spontaneous::Exit(Caller::Server) => created && server == ServerLife::Open,
        Spontaneous::Passes(..) => false,
    };
    is_followed && context.reduces && configuration_seen
}

/// Whether every call in progress that has to do with buffers allocates one of the same kind, or
/// frees one that no other does. In whichever order they come each may succeed, and the same is
/// left: that many buffers fewer that were requested. Only whether there is no more memory
/// depends on their order.
fn buffers_apart(context: &Context<'_>, config: &Configuration) -> bool {
    let same = |one: Requested, other: Requested| {
        (one.size, one.alignment) == (other.size, other.alignment)
    };
    let mut kind = match config.state.reserve {
        Reserve::Some(known) => Some(known),
        // Of several kinds those in progress have to be of one, too.
        Reserve::None | Reserve::Several | Reserve::Mixed => None,
        Reserve::Exhausted(_) => return false,
    };
    let mut freed: SmallVec<[BufferId; 8]> = SmallVec::new();
    let untaken = context.pending.iter().filter(|pending| !config.taken.has(pending.slot));
    for pending in untaken {
        let Call::Server(call) = pending.call else { continue };
        match call {
            ServerCall::AllocateBuffer { kind: own, .. } => {
                if kind.is_some_and(|known| !same(known, *own)) {
                    return false;
                }
                kind = Some(*own);
            }
            ServerCall::FreeBuffer { buffer: Some(buffer), .. } => {
                if freed.contains(buffer) {
                    return false;
                }
                freed.push(*buffer);
            }
            ServerCall::Open { .. }
            | ServerCall::BeginConfiguration { .. }
            | ServerCall::RequestBuffers(_)
            | ServerCall::QueryAvailableBuffers(_)
            | ServerCall::EndConfiguration
            | ServerCall::FreeBuffer { buffer: None, .. } => return false,
            ServerCall::GetConfiguration
            | ServerCall::ExecuteCompletionAgent
            | ServerCall::OpenDevice { .. }
            | ServerCall::IsSharedBuffer { .. }
            | ServerCall::SignalAbort
            | ServerCall::Close
            | ServerCall::SendCommand(_)
            | ServerCall::CloseDevice { .. } => {}
        }
    }
    true
}
