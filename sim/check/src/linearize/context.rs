//! What bears on one event of a set whose calls overlap: its open calls, what may happen
//! without a call, and what of that the event depends on.

use smallvec::SmallVec;

use super::configuration::{Configuration, Misuse};
use super::frontier::Frontier;
use super::linearization::{Moment, Spontaneous};
use super::slots::Slot;
use crate::Checker;
use crate::session::{Bound, Names, OpenCall, Session, outcomes};
use crate::terms::Terms;
use vdi_model::{
    self, Agent, Answer, Call, ClientCall, LaneId, Outcome, Outcomes, ServerCall, ServerDevice,
    State,
};
use vdi_spec::clauses::{Clause, Profile};
use vdi_trace::Function;

/// What a call reads and changes: calls of different devices do so independently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Device(u8),
    Set,
}

impl Scope {
    pub(super) fn covers(self, other: Self) -> bool {
        self == Self::Set || self == other
    }
}

/// An open call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending<'a> {
    pub(super) slot: Slot,
    pub(super) lane: LaneId,
    pub(super) line: usize,
    pub(super) function: Function,
    pub(super) call: &'a Call,
    pub(super) bound: &'a Bound,
    /// Whether its process has ended, so that it will not return.
    pub(super) lost: bool,
    pub(super) scope: Scope,
}

/// Everything that bears on one event of one set.
#[derive(Clone)]
pub(super) struct Context<'a> {
    pub(super) terms: &'a Terms,
    pub(super) names: &'a Names,
    /// The line of the event.
    pub(super) line: usize,
    pub(super) set: usize,
    pub(super) pending: SmallVec<[Pending<'a>; 8]>,
    pub(super) spontaneous: SmallVec<[(Slot, Spontaneous); 1]>,
    /// What the event itself depends on.
    pub(super) scope: Scope,
    /// Try everything at every time, without any of the shortcuts.
    pub(super) exhaustive: bool,
    /// Put off what does not bear on the event.
    pub(super) reduces: bool,
}

impl<'a> Context<'a> {
    /// What bears on an event that depends on the whole set.
    pub(super) fn new(checker: &'a Checker, set: usize, frontier: &Frontier) -> Self {
        let Checker { session, terms, report, .. } = checker;
        let pending = session.calls_of(set).map(|call| Pending {
            slot: call.slot,
            lane: call.lane,
            line: call.line,
            function: call.function,
            call: &call.bound.call,
            bound: &call.bound,
            lost: call.lost,
            scope: scope_of(session, &frontier.configurations, call),
        });
        Self {
            terms,
            names: &session.names,
            line: report.line,
            set,
            pending: pending.collect(),
            spontaneous: frontier.spontaneous.clone(),
            scope: Scope::Set,
            exhaustive: terms.search.exhaustive,
            reduces: session.calls_of(set).count() >= terms.search.puts_off_from
                && !terms.search.exhaustive,
        }
    }

    pub(super) const fn profile(&self) -> &Profile {
        &self.terms.profile
    }

    /// The position of the open call in a slot.
    pub(super) fn find(&self, slot: Slot) -> Option<usize> {
        self.pending.iter().position(|pending| pending.slot == slot)
    }

    /// What the call may come to in a state.
    pub(super) fn outcomes(&self, state: &State, pending: &Pending<'_>) -> Outcomes {
        outcomes(self.terms, state, pending.lane, pending.bound)
    }

    /// The same for a call that has not taken effect, and may have begun to wait.
    pub(super) fn outcomes_of_untaken(
        &self,
        config: &Configuration,
        pending: &Pending<'_>,
    ) -> Outcomes {
        self.outcomes_of_waiting(&config.state, config.could_wait(pending.slot), pending)
    }

    /// The same in a state, of a call that could have begun to wait or could not.
    pub(super) fn outcomes_of_waiting(
        &self,
        state: &State,
        could_wait: bool,
        pending: &Pending<'_>,
    ) -> Outcomes {
        let mut outcomes = self.outcomes(state, pending);
        if could_wait {
            for outcome in vdi_model::returns_of_waiting(state, self.profile(), pending.call) {
                if !outcomes.contains(&outcome) {
                    outcomes.push(outcome);
                }
            }
        }
        outcomes
    }

    /// Adds a moment to the order of effects, if that is asked for.
    pub(super) fn record(&self, config: &mut Configuration, moment: Moment) {
        if self.terms.search.explains {
            config.linearization.push(self.line, moment);
        }
    }

    /// The same of a call that takes effect, or is decided.
    pub(super) fn record_call(
        &self,
        config: &mut Configuration,
        pending: &Pending<'_>,
        outcome: &Outcome,
    ) {
        self.record(config, Moment::Call(pending.line, pending.lane, *outcome));
    }

    /// Whether an outcome is effect and return in one.
    pub(super) fn answers_at_once(&self, outcome: &Outcome) -> bool {
        outcome.answer != Answer::Blocks
            && !(outcome.refuses() && vdi_model::owes_callback_first(self.profile()))
    }
}

/// What a call reads and changes. What the server asks of a device bears on this
/// device alone while it is open, and nobody is closing it at the same time.
fn scope_of(session: &Session, configurations: &[Configuration], call: &OpenCall) -> Scope {
    let device = match &call.bound.call {
        Call::Client(_) | Call::Secondary(..) => {
            return call.bound.call.client_device().map_or(Scope::Set, Scope::Device);
        }
        Call::Server(call) => match server_device(call) {
            Some(device) => device,
            None => return Scope::Set,
        },
    };
    let is_open = |config: &Configuration| {
        let known = config.state.devices.get(usize::from(device));
        known.is_some_and(|known| known.server == ServerDevice::Open)
    };
    let same_device = |other: &&OpenCall| matches!(&other.bound.call, Call::Server(call) if server_device(call) == Some(device));
    let others = || session.calls_of(call.bound.set).filter(same_device);
    let closes = |call: &OpenCall| call.function == Function::CloseDevice;
    let contested = others().count() > 1 && others().any(closes);
    match configurations.iter().all(is_open) && !contested {
        true => Scope::Device(device),
        false => Scope::Set,
    }
}

/// The device that a call of the server is about.
const fn server_device(call: &ServerCall) -> Option<u8> {
    if let ServerCall::SendCommand(request) = call {
        Some(request.device)
    } else if let ServerCall::CloseDevice { device } = call {
        Some(*device)
    } else {
        None
    }
}

/// Whether the call has taken effect and only its return is to come.
pub(super) fn is_ready(state: &State, lane: LaneId) -> bool {
    matches!(state.in_progress(lane), Some(call)
        if matches!(call.pending, vdi_model::Pending::Ready(_)))
}

/// Whether the call in progress on the lane is the completion agent's, outside a routine.
pub(super) fn is_agent(state: &State, lane: LaneId) -> bool {
    state.agent == Agent::Running { lane } && state.in_progress(lane).is_none()
}

/// Notes what the caller of a call breaks by it.
pub(super) fn note_misuse(
    context: &Context<'_>,
    config: &mut Configuration,
    pending: &Pending<'_>,
    outcome: &Outcome,
) {
    let knew = |clause: &Clause| {
        !may_be_ready(context, config, pending, *clause)
            && !may_be_amid(context, config, pending, *clause)
    };
    let broken: SmallVec<[Clause; 2]> = outcome.misuses().filter(knew).collect();
    for clause in broken {
        let Pending { line, function, lane, .. } = *pending;
        let misuse = Misuse { line, clause, function, lane };
        if let Err(position) = config.misuse.binary_search(&misuse) {
            config.misuse.insert(position, misuse);
        }
    }
}

/// Whether a Close that seems to come after the last command may have come before it: of what
/// was in progress it is put off whether it came first.
fn may_be_amid(
    context: &Context<'_>,
    config: &Configuration,
    pending: &Pending<'_>,
    clause: Clause,
) -> bool {
    let ahead = |other: &Pending<'_>| {
        other.slot != pending.slot
            && !config.taken.has(other.slot)
            && device_of(other.call).is_some()
    };
    let at_the_end = clause == Clause::ClientFlushNotTheEnd;
    context.reduces && at_the_end && context.pending.iter().any(ahead)
}

/// Whether a SendCommand that was refused because the set was not Active may have come when
/// the server had done its part. What makes the set Active is tried in one order only, which
/// is enough for the answer and not for the fault.
fn may_be_ready(
    context: &Context<'_>,
    config: &Configuration,
    pending: &Pending<'_>,
    clause: Clause,
) -> bool {
    let sends = matches!(pending.call, Call::Server(ServerCall::SendCommand(_)));
    let of_readiness = matches!(clause, Clause::ServerCommandAgent | Clause::ServerOrder);
    let makes_ready = |other: &Pending<'_>| {
        !config.taken.has(other.slot)
            && matches!(
                other.call,
                Call::Server(ServerCall::ExecuteCompletionAgent | ServerCall::OpenDevice { .. })
            )
    };
    let in_progress = || config.state.activated || context.pending.iter().any(makes_ready);
    context.reduces && sends && of_readiness && in_progress()
}

/// The device that a call is about.
pub(super) const fn device_of(call: &Call) -> Option<u8> {
    match call {
        Call::Server(ServerCall::SendCommand(request)) => Some(request.device),
        Call::Server(ServerCall::CloseDevice { device }) => Some(*device),
        Call::Client(
            ClientCall::GetCommand { device, .. } | ClientCall::CompleteCommand { device, .. },
        )
        | Call::Secondary(
            _,
            ClientCall::GetCommand { device, .. } | ClientCall::CompleteCommand { device, .. },
        ) => Some(*device),
        Call::Server(_) | Call::Client(_) | Call::Secondary(..) => None,
    }
}
