//! The model: a pure, total, nondeterministic transition function of one device set.
//!
//! Three questions can be asked of a [`State`]:
//! * [`outcomes`]: a lane calls a function; what may happen?
//! * [`returns`]: a lane is inside a call; what may that call return now?
//! * [`callbacks`]: which completion routines may be invoked now?
//!
//! Each answer names the clause it rests on. [`apply`], [`apply_return`] and
//! [`apply_callback`] take one of the answers. A time-out is the freedom of a
//! call that can expire; a blocked call is part of the state.
//!
//! Read first: [`State`], [`outcomes`], [`Outcome`].
//!
//! Architecture invariant: no thread, no clock, no JSON, no randomness here.

mod answer;
mod apply;
mod call;
mod client;
mod commands;
mod completion;
mod effect;
mod ending;
mod moment;
mod outcome;
mod phase;
mod requests;
mod secondary;
mod server;
mod state;
mod system;
mod touch;
mod values;
mod words;

pub use answer::{Answer, Expected, Reply};
pub use call::{Call, Carried, ClientCall, CreateFlaw, DeviceName, Request, ServerCall};
pub use completion::{Callback, Ending, apply_callback, callbacks, end_callback, hold_callback};
pub use moment::{reopen, returns_of_waiting, settle, unwait};
pub use outcome::{Outcome, Outcomes};
pub use phase::{ClientPhase, DeviceSetState, DeviceState, ServerPhase};
pub use state::{
    Agent, Buffer, Cause, ClientDevice, ClientLife, Command, Configuration, Device, InProgress,
    MOST_KINDS, Pending, Reserve, SecondaryLife, ServerDevice, ServerLife, Stage, State, Stream,
};
pub use system::{is_environmental, system_failure, takes_resources};
pub use touch::{Object, Touch, touch, uses};
pub use values::{
    Asked, BufferId, Caller, CommandId, Granted, LaneId, Requested, SECONDARIES, Timeout,
};

pub use words::in_words;

use vdi_spec::clauses::Profile;

/// What the documents leave to the implementation, and the implementation declares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Commands a device's queue takes; `None` if not declared.
    pub queue_depth: Option<u32>,
    /// Whether every use of a buffer by a client is told, see [`uses`]: what is not
    /// told has then not happened.
    pub data_is_told: bool,
}

/// What may happen when `lane` makes `call` in `state`. Never empty.
#[must_use]
pub fn outcomes(
    state: &State,
    profile: &Profile,
    limits: Limits,
    lane: LaneId,
    call: &Call,
) -> Outcomes {
    match call {
        Call::Server(call) => server::outcomes(state, profile, limits, lane, call),
        Call::Client(call) => client::outcomes(state, profile, limits, 0, call),
        Call::Secondary(client, call) => client::outcomes(state, profile, limits, *client, call),
    }
}

/// Makes `outcome`, one of [`outcomes`], happen. If the call does not block,
/// its answer is then ready on the lane: [`returns`] gives it.
pub fn apply(state: &mut State, lane: LaneId, caller: Caller, outcome: &Outcome) {
    apply::apply(state, lane, caller, outcome);
}

/// Makes `outcome` happen together with the return of the call.
///
/// # Panics
/// In debug builds, if the outcome blocks.
pub fn apply_and_return(state: &mut State, lane: LaneId, caller: Caller, outcome: &Outcome) {
    debug_assert_ne!(outcome.answer, Answer::Blocks, "a call that blocks does not return");
    apply::enact(state, lane, caller, outcome.effect());
}

/// What the call in progress on `lane` may return now; empty if it may not
/// return. For the agent's lane this is the return from ExecuteCompletionAgent.
#[must_use]
pub fn returns(state: &State, profile: &Profile, lane: LaneId) -> Outcomes {
    let Some(call) = state.in_progress(lane) else {
        return completion::agent_returns(state, profile, lane);
    };
    match &call.pending {
        Pending::Ready(reply) => {
            let mut ready = Outcomes::new();
            if !completion::owes_refusal(state, profile, lane) {
                ready.push((*reply).into());
            }
            ready
        }
        Pending::Routine => Outcomes::new(),
        waiting @ (Pending::GetConfiguration(_) | Pending::GetCommand(..)) => match call.caller {
            Caller::Client(client) => client::waiting_returns(state, profile, client, *waiting),
            Caller::Server => Outcomes::new(),
        },
        Pending::ServerClose(reply) => {
            let mut done = Outcomes::new();
            if !state.agent.is_running() {
                done.push((*reply).into());
            }
            done
        }
    }
}

/// Whether a SendCommand that fails must be called back before it returns.
#[must_use]
pub fn owes_callback_first(profile: &Profile) -> bool {
    profile.failed_send_callback_lane == vdi_spec::clauses::FailedSendCallbackLane::Caller
}

/// Why the call in progress on `lane` stays in progress: the clause that says so.
#[must_use]
pub fn blocks_by(state: &State, lane: LaneId) -> vdi_spec::clauses::Clause {
    use vdi_spec::clauses::Clause;
    match state.in_progress(lane).map(|call| call.pending) {
        Some(Pending::GetConfiguration(_)) => Clause::ClientGetConfigurationStatus,
        Some(Pending::GetCommand(..)) => Clause::ClientGetCommandWaits,
        Some(Pending::ServerClose(_)) => Clause::ServerCloseAgentOrder,
        Some(Pending::Ready(reply)) => reply.clause,
        Some(Pending::Routine) | None => Clause::AgentBlocks,
    }
}

/// Makes the call in progress on `lane` return with `outcome`, one of [`returns`].
pub fn apply_return(state: &mut State, lane: LaneId, outcome: &Outcome) {
    let caller = state.end_call(lane);
    apply::enact(state, lane, caller, outcome.effect());
}

/// A process ends without another call.
pub fn exit(state: &mut State, process: Caller) {
    apply::exit(state, process);
}

/// QueryAvailableBuffers has returned this number of buffers of a kind, after
/// EndConfiguration: so many can be had.
pub fn counted(state: &mut State, kind: Requested, count: u32) {
    if state.configuration == Configuration::Ended && kind.is_sound() {
        apply::counted(state, kind, count);
    }
}

/// Time passes for the call in progress on a lane: its time-out passes, if it has
/// one. For the lane of the agent one interval of serverTimeOut passes: after two
/// without a completion, while requests are pending, the set is aborted.
pub fn expire(state: &mut State, profile: &Profile, lane: LaneId) {
    apply::expire(state, profile, lane);
}
