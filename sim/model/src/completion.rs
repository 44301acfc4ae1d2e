//! The completion agent: which callbacks are owed, and when it may return.

use smallvec::{SmallVec, smallvec};

use super::answer::{Answer, Expected};
use super::outcome::{Outcome, Outcomes};
use super::state::{Cause, Command, InProgress, Pending, ServerLife, Stage, State};
use super::values::{Caller, CommandId, LaneId};
use vdi_spec::clauses::Clause as C;
use vdi_spec::clauses::{
    AgentReturn, AgentStatusAfterAbort, CompletionRace, FailedSendCallbackLane, LoadExcuses,
    Profile,
};
use vdi_spec::codes::{CommandCode, HResult, Win32};

/// How a command may be called back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// With this code, whatever the bytes.
    Code(Win32),
    /// With exactly what the client gave.
    Client {
        /// The completion code.
        code: Win32,
        /// Bytes moved.
        bytes: u32,
        /// The position.
        position: u64,
    },
}

impl Ending {
    /// The completion code.
    #[must_use]
    pub const fn code(self) -> Win32 {
        match self {
            Self::Code(code) | Self::Client { code, .. } => code,
        }
    }
}

/// A completion routine that may be invoked now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Callback {
    /// The command.
    pub command: CommandId,
    /// The lane it runs on.
    pub lane: LaneId,
    /// What it is told.
    pub ending: Ending,
    /// The clause it rests on first.
    pub clause: C,
    /// A further clause it rests on.
    pub also: Option<C>,
}

/// Every completion routine that may be invoked now. Each must be, unless
/// something else happens to its command first.
#[must_use]
pub fn callbacks(state: &State, profile: &Profile) -> SmallVec<[Callback; 4]> {
    let agent = state.free_agent();
    let mut owed = SmallVec::new();
    for command in &state.commands {
        if let Stage::Refused { code, lane } = command.stage {
            let callback = Callback {
                command: command.id,
                lane,
                ending: Ending::Code(code),
                clause: C::ServerSendCommandErrorCallback,
                also: None,
            };
            owed.push(callback);
            if profile.failed_send_callback_lane == FailedSendCallbackLane::Any
                && let Some(lane) = agent
            {
                owed.push(Callback { lane, ..callback });
            }
        } else if let Some(lane) = agent {
            push_completion(state, profile, command, lane, &mut owed);
        }
    }
    debug_assert_eq!(owed.is_empty(), !owes_callbacks(state), "one is owed or none is");
    owed
}

/// Whether any completion routine may be invoked now.
pub(super) fn owes_callbacks(state: &State) -> bool {
    if state.commands.is_empty() {
        return false;
    }
    let agent = state.free_agent().is_some();
    state.commands.iter().any(|command| match command.stage {
        Stage::Refused { .. } => true,
        Stage::Completed { .. } => agent,
        Stage::Queued | Stage::Delivered => agent && state.aborted.is_some(),
    })
}

/// Whether the command was queued when its device entered the error state: nobody else than
/// that has completed it.
fn is_thrown_out(command: &Command) -> bool {
    let by_error = |code, bytes| code == Win32::ERROR_IO_DEVICE && bytes == 0;
    let is_clients = command.before_error || command.fails_device;
    matches!(command.stage, Stage::Completed { code, bytes, .. } if by_error(code, bytes))
        && !is_clients
}

fn push_completion(
    state: &State,
    profile: &Profile,
    command: &Command,
    lane: LaneId,
    owed: &mut SmallVec<[Callback; 4]>,
) {
    let recorded = match command.stage {
        Stage::Completed { code, bytes, position } => Some(Callback {
            command: command.id,
            lane,
            ending: Ending::Client { code, bytes, position },
            clause: if is_thrown_out(command) { C::DeviceErrorQueue } else { C::AgentCallback },
            also: Some(
                if command.code == CommandCode::ClearError && code == Win32::ERROR_SUCCESS {
                    C::DeviceErrorCleared
                } else {
                    C::AgentCallbackLane
                },
            ),
        }),
        _ => None,
    };
    let Some(cause) = state.aborted else {
        return push_recorded(command, recorded, owed);
    };
    let clause = match (cause, recorded) {
        (Cause::ServerCloseDevicesOpen, _) => C::ServerCloseDevicesOpenCallbacks,
        (Cause::TimeOut, None) if times_out_itself(profile, command) => C::ServerTimeOutLoad,
        (Cause::TimeOut, None) => C::ServerTimeOutAborts,
        (_, Some(_)) => C::AbortRecordedCompletions,
        (_, None) => C::AbortCallbacks,
    };
    owed.push(Callback {
        command: command.id,
        lane,
        ending: Ending::Code(Win32::ERROR_OPERATION_ABORTED),
        clause,
        also: recorded.map(|_| C::AbortRecordedCompletions),
    });
    if profile.completion_race == CompletionRace::Either {
        let recorded = recorded.map(|own| Callback { clause: C::AbortRecordedCompletions, ..own });
        push_recorded(command, recorded, owed);
    }
}

/// What was recorded of a command, with the bytes that the client gave and perhaps without.
fn push_recorded(
    command: &Command,
    recorded: Option<Callback>,
    owed: &mut SmallVec<[Callback; 4]>,
) {
    let Some(own) = recorded else { return };
    owed.push(own);
    if let Some(other) = without_bytes(command, own) {
        owed.push(other);
    }
}

/// Bytes are an output of Read and Write alone: those that the client gave with another
/// command may come or be dropped.
fn without_bytes(command: &Command, own: Callback) -> Option<Callback> {
    match own.ending {
        Ending::Client { code, bytes: 1.., position } if !command.code.info().moves_data => {
            Some(Callback { ending: Ending::Client { code, bytes: 0, position }, ..own })
        }
        Ending::Client { .. } | Ending::Code(_) => None,
    }
}

/// Whether this is a Load, and a Load counts towards serverTimeOut.
fn times_out_itself(profile: &Profile, command: &Command) -> bool {
    command.code == CommandCode::Load && profile.load_excuses == LoadExcuses::Nothing
}

/// Invokes a completion routine; the command is then done with. `held`: the
/// routine has not returned yet, see [`end_callback`].
pub fn apply_callback(state: &mut State, callback: &Callback, held: bool) {
    let Some(index) = state.commands.iter().position(|c| c.id == callback.command) else {
        return;
    };
    let command = state.commands.remove(index);
    // "After the server has received the completion": the error state ends here.
    let (device, code) = (&mut state.devices[usize::from(command.device)], callback.ending.code());
    if command.code == CommandCode::ClearError && code == Win32::ERROR_SUCCESS {
        (device.errored, device.error_told) = (false, false);
    }
    if command.fails_device && state.aborted.is_none() {
        super::apply::enter_error_state(state, command.device);
    }
    let device = &mut state.devices[usize::from(command.device)];
    let tells = !matches!(command.stage, Stage::Refused { .. }) || code == Win32::ERROR_IO_DEVICE;
    device.error_told |= device.errored && tells && code != Win32::ERROR_SUCCESS;
    device.full |= command.code == CommandCode::Write && code.is_full();
    if held {
        hold_callback(state, callback.lane);
    }
}

/// The completion routine that was just invoked on this lane does not return yet.
pub fn hold_callback(state: &mut State, on: LaneId) {
    let (lane, caller) = (on, Caller::Server);
    state.calls.push(InProgress { lane, caller, pending: Pending::Routine });
}

/// The completion routine that was held on this lane returns.
pub fn end_callback(state: &mut State, on: LaneId) {
    let routine = |call: &InProgress| call.lane == on && call.pending == Pending::Routine;
    if let Some(index) = state.calls.iter().rposition(routine) {
        state.calls.remove(index);
    }
}

/// Whether a refused SendCommand on this lane must be called back before it returns.
pub(super) fn owes_refusal(state: &State, profile: &Profile, on: LaneId) -> bool {
    profile.failed_send_callback_lane == FailedSendCallbackLane::Caller
        && state
            .commands
            .iter()
            .any(|c| matches!(c.stage, Stage::Refused { lane, .. } if lane == on))
}

/// What the agent may return from ExecuteCompletionAgent with now.
pub(super) fn agent_returns(state: &State, profile: &Profile, on: LaneId) -> Outcomes {
    let waits = state.commands.iter().any(|c| !matches!(c.stage, Stage::Refused { .. }));
    if state.free_agent() != Some(on) || waits {
        return Outcomes::new();
    }
    if let Some(cause) = state.aborted {
        let clause = match cause {
            Cause::ServerCloseDevicesOpen => C::ServerCloseDevicesOpenAgentReturns,
            _ => C::AbortAgentReturns,
        };
        let returns = |status| {
            Outcome::new(Answer::Returns(Expected::Status(status)), clause)
                .also(C::AbortAgentReturns)
        };
        return match profile.agent_status_after_abort {
            AgentStatusAfterAbort::Either => {
                smallvec![returns(HResult::NOERROR), returns(HResult::VD_E_ABORT)]
            }
            AgentStatusAfterAbort::Noerror => smallvec![returns(HResult::NOERROR)],
            AgentStatusAfterAbort::AbortError => smallvec![returns(HResult::VD_E_ABORT)],
        };
    }
    let done = state.server == ServerLife::Closed
        || (state.all_closed() && profile.agent_return == AgentReturn::AfterLastDevice);
    if done {
        smallvec![Outcome::returns(HResult::NOERROR, C::AgentReturnsAfterLastDevice)]
    } else {
        Outcomes::new()
    }
}
