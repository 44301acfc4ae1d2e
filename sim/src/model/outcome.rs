//! One allowed outcome of a call: the answer, the clause it rests on, and the
//! effect on the state.

use smallvec::SmallVec;

use super::state::{
    Agent, Cause, ClientDevice, ClientLife, Command, Configuration, Device, InProgress, LaneId,
    Pending, ServerDevice, ServerLife, Stage, State,
};
use super::{BufferId, CommandId, Request};
use crate::clauses::{ActiveEntry, Clause, Party};
use crate::codes::{HResult, Win32};

/// Which status a call may return with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expected {
    /// This one.
    Status(HResult),
    /// Any failure.
    AnyFailure,
    /// Anything: the documents say nothing.
    Any,
}

impl Expected {
    /// Whether this status is allowed.
    #[must_use]
    pub fn admits(self, status: HResult) -> bool {
        match self {
            Self::Status(expected) => expected == status,
            Self::AnyFailure => status.is_failure(),
            Self::Any => true,
        }
    }
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(status) => status.fmt(f),
            Self::AnyFailure => f.pad("any failure"),
            Self::Any => f.pad("any status"),
        }
    }
}

/// How a call answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It returns.
    Returns(Expected),
    /// GetCommand returns NOERROR and delivers this command.
    Delivers(CommandId),
    /// It stays in progress.
    Blocks,
}

impl Answer {
    /// What the status may be, if the call returns.
    #[must_use]
    pub const fn expected(self) -> Option<Expected> {
        match self {
            Self::Returns(expected) => Some(expected),
            Self::Delivers(_) => Some(Expected::Status(HResult::NOERROR)),
            Self::Blocks => None,
        }
    }
}

/// The answer of a call whose effect has happened, with what it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reply {
    /// What the caller will see.
    pub answer: Answer,
    /// The clause it rests on first.
    pub clause: Clause,
    /// Further clauses it rests on.
    pub also: [Option<Clause>; 3],
}

/// One allowed outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Outcome {
    /// What the caller sees.
    pub answer: Answer,
    /// The clause it rests on first.
    pub clause: Clause,
    /// Further clauses it rests on.
    pub also: [Option<Clause>; 3],
    /// The obligation of server or client that the call breaks, if it does.
    pub misuse: Option<Clause>,
    /// Whether it is the exception that a shortage of resources makes.
    pub exceptional: bool,
    /// For a call in progress: whether this return must come by itself.
    /// An expiry need not.
    pub forced: bool,
    pub(super) effect: Effect,
}

/// The allowed outcomes of a call.
pub type Outcomes = SmallVec<[Outcome; 2]>;

/// What an outcome does to the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Effect {
    None,
    Open,
    Begin,
    End,
    StartAgent(ActiveEntry),
    OpenServerDevice(u8, ActiveEntry),
    Allocate(BufferId),
    Free(BufferId),
    Send(Request),
    Refuse(Request, Win32),
    CloseDevice { device: u8, drain: bool },
    Abort(Cause),
    CloseServer { abort: Option<Cause>, then_wait: Option<Reply> },
    Create(u8),
    SeeConfiguration,
    OpenClientDevice(u8, ActiveEntry),
    Deliver(CommandId),
    SeeClose(u8),
    Complete { command: CommandId, code: Win32, bytes: u32, position: u64 },
    CloseClient { abort: Option<Cause>, drop_held: bool },
    Wait(Pending),
}

impl Outcome {
    pub(super) const fn new(answer: Answer, clause: Clause) -> Self {
        Self {
            answer,
            clause,
            also: [None; 3],
            misuse: None,
            exceptional: false,
            forced: true,
            effect: Effect::None,
        }
    }

    /// The call returns with this status.
    pub(super) const fn returns(status: HResult, clause: Clause) -> Self {
        Self::new(Answer::Returns(Expected::Status(status)), clause)
    }

    /// The call stays in progress and waits.
    pub(super) const fn blocks(pending: Pending, clause: Clause) -> Self {
        Self::new(Answer::Blocks, clause).effecting(Effect::Wait(pending))
    }

    pub(super) const fn effecting(self, effect: Effect) -> Self {
        Self { effect, ..self }
    }

    pub(super) const fn also(self, clause: Clause) -> Self {
        Self { also: [Some(clause), self.also[0], self.also[1]], ..self }
    }

    pub(super) const fn misuse(self, clause: Clause) -> Self {
        Self { misuse: Some(clause), ..self }
    }

    pub(super) const fn exceptional(self) -> Self {
        Self { exceptional: true, ..self }
    }

    pub(super) const fn unforced(self) -> Self {
        Self { forced: false, ..self }
    }

    /// The answer without the effect, which has happened already.
    pub(super) const fn reply(&self) -> Reply {
        Reply { answer: self.answer, clause: self.clause, also: self.also }
    }

    pub(super) const fn effect(&self) -> Effect {
        self.effect
    }

    /// Whether a callback on the calling lane comes before the return.
    #[must_use]
    pub const fn refuses(&self) -> bool {
        matches!(self.effect, Effect::Refuse(..))
    }

    /// The clauses it rests on.
    pub fn clauses(&self) -> impl Iterator<Item = Clause> {
        std::iter::once(self.clause).chain(self.also.into_iter().flatten())
    }

    /// The question on which this outcome depends, through one of its clauses.
    #[must_use]
    pub fn question(&self) -> Option<crate::clauses::Question> {
        self.clauses().find_map(|clause| clause.info().question)
    }
}

impl From<Reply> for Outcome {
    fn from(reply: Reply) -> Self {
        Self { also: reply.also, ..Self::new(reply.answer, reply.clause) }
    }
}

/// Makes the outcome happen and leaves the answer ready on the lane.
pub(super) fn apply(state: &mut State, lane: LaneId, party: Party, outcome: &Outcome) {
    enact(state, lane, party, outcome.effect);
    if outcome.answer != Answer::Blocks {
        state.calls.push(InProgress { lane, party, pending: Pending::Ready(outcome.reply()) });
    }
}

/// Makes the effect happen.
pub(super) fn enact(state: &mut State, lane: LaneId, party: Party, effect: Effect) {
    match effect {
        Effect::None => {}
        Effect::Open => state.server = ServerLife::Open,
        Effect::Begin => state.configuration = Configuration::Begun,
        Effect::End => state.configuration = Configuration::Ended,
        Effect::StartAgent(entry) => {
            state.agent = Agent::Running { lane };
            state.update_activation(entry);
        }
        Effect::OpenServerDevice(device, entry) => {
            state.devices[usize::from(device)].server = ServerDevice::Open;
            state.update_activation(entry);
        }
        Effect::Allocate(buffer) => state.buffers.push(buffer),
        Effect::Free(buffer) => state.buffers.retain(|known| *known != buffer),
        Effect::Send(request) => push_command(state, &request, Stage::Queued),
        Effect::Refuse(request, code) => {
            push_command(state, &request, Stage::Refused { code, lane });
        }
        Effect::CloseDevice { device, drain } => close_device(state, device, drain),
        Effect::Abort(cause) => abort(state, cause),
        Effect::CloseServer { abort: cause, then_wait } => {
            state.server = ServerLife::Closed;
            abort_if(state, cause);
            if let Some(reply) = then_wait {
                state.calls.push(InProgress { lane, party, pending: Pending::ServerClose(reply) });
            }
        }
        Effect::Create(devices) => {
            state.client = ClientLife::Created;
            state.devices = (0..devices).map(|_| Device::default()).collect();
        }
        Effect::SeeConfiguration => state.configuration_seen = true,
        Effect::OpenClientDevice(device, entry) => {
            state.devices[usize::from(device)].client = ClientDevice::Open;
            state.update_activation(entry);
        }
        Effect::Deliver(command) => set_stage(state, command, Stage::Delivered),
        Effect::SeeClose(device) => {
            state.devices[usize::from(device)].client = ClientDevice::CloseSeen;
        }
        Effect::Complete { command, code, bytes, position } => {
            let stage = Stage::Completed { code, bytes, position };
            set_stage(state, command, stage);
            if code != Win32::ERROR_SUCCESS {
                enter_error_state(state, command);
            }
        }
        Effect::CloseClient { abort: cause, drop_held } => {
            state.client = ClientLife::Closed;
            abort_if(state, cause);
            if drop_held {
                complete_all(state, Stage::Delivered, Win32::ERROR_OPERATION_ABORTED);
            }
        }
        Effect::Wait(pending) => {
            state.calls.push(InProgress { lane, party, pending });
        }
    }
}

fn push_command(state: &mut State, request: &Request, stage: Stage) {
    state.commands.push(Command {
        id: request.command,
        device: request.device,
        code: request.code,
        buffer: request.buffer,
        stage,
        before_error: false,
    });
}

fn set_stage(state: &mut State, id: CommandId, stage: Stage) {
    if let Some(command) = state.commands.iter_mut().find(|command| command.id == id) {
        command.stage = stage;
    }
}

/// Command Error Handling: what is queued and undelivered ends with ERROR_IO_DEVICE.
fn enter_error_state(state: &mut State, failed: CommandId) {
    let Some(device) = state.command(failed).map(|command| command.device) else {
        return;
    };
    state.devices[usize::from(device)].errored = true;
    for command in state.commands.iter_mut().filter(|command| command.device == device) {
        command.before_error = command.stage == Stage::Delivered;
    }
    complete_queued(state, device, Win32::ERROR_IO_DEVICE);
}

fn close_device(state: &mut State, device: u8, drain: bool) {
    state.devices[usize::from(device)].server = ServerDevice::Closed;
    if !drain {
        complete_queued(state, device, Win32::ERROR_OPERATION_ABORTED);
    }
}

fn complete_queued(state: &mut State, device: u8, code: Win32) {
    for command in &mut state.commands {
        if command.device == device && command.stage == Stage::Queued {
            command.stage = Stage::Completed { code, bytes: 0, position: 0 };
        }
    }
}

/// The processing of SignalAbort. What follows from it (calls that return,
/// callbacks owed) is read from the state by `returns` and `callbacks`.
fn abort(state: &mut State, cause: Cause) {
    state.aborted.get_or_insert(cause);
}

fn complete_all(state: &mut State, stage: Stage, code: Win32) {
    for command in state.commands.iter_mut().filter(|command| command.stage == stage) {
        command.stage = Stage::Completed { code, bytes: 0, position: 0 };
    }
}

fn abort_if(state: &mut State, cause: Option<Cause>) {
    if let Some(cause) = cause {
        abort(state, cause);
    }
}

/// A process ends without another call: its calls never return, no callback
/// runs in it any more, and if its side was open the set is aborted.
pub(super) fn exit(state: &mut State, party: Party) {
    state.calls.retain(|call| call.party != party);
    match party {
        Party::Server => {
            state.agent = Agent::Idle;
            if state.server == ServerLife::Open {
                state.server = ServerLife::Dead;
                abort(state, Cause::ServerDeath);
            }
            if state.server != ServerLife::Absent {
                state.commands.clear();
            }
        }
        Party::Client => {
            if state.client == ClientLife::Created {
                state.client = ClientLife::Dead;
                abort(state, Cause::ClientDeath);
            }
        }
        Party::Interface => {}
    }
}
