//! Of the clauses that a wrong answer breaks by itself the one that says most of it.

use crate::session::{Bound, Names, Returned, SetTrack};
use vdi_model::{Call, ClientCall, Command, CommandId, LaneId, Outcome, Pending, Stage, State};
use vdi_spec::clauses::Clause;
use vdi_spec::codes::{CommandCode, HResult};

/// What a SendCommand could have come to.
#[derive(Debug, Default)]
pub(super) struct Sends {
    /// Whether the command could have been accepted.
    accepts: bool,
    /// The clause by which it had to be refused, with another status than was seen.
    refuses: Option<Clause>,
    /// Whether it could have been refused with the status that was seen, after a callback.
    is_silent: bool,
}

impl Sends {
    /// One more of them.
    pub(super) fn add(&mut self, outcome: &Outcome, status: HResult) {
        let right = outcome.answer.expected().is_some_and(|expected| expected.admits(status));
        let accepted =
            outcome.answer.expected().is_some_and(|expected| expected.admits(HResult::NOERROR));
        self.accepts |= accepted && !outcome.refuses();
        if outcome.refuses() && right {
            self.is_silent = true;
        } else if outcome.refuses() && !outcome.exceptional {
            self.refuses.get_or_insert(outcome.clause);
        }
    }

    /// The clause that says why the command had to be refused, if it had to be; the one of the
    /// callback, if that is all that is missing.
    pub(super) fn clause(&self, status: HResult) -> Option<Clause> {
        if status == HResult::NOERROR {
            return self.refuses.filter(|_| !self.accepts);
        }
        self.is_silent.then_some(Clause::ServerSendCommandErrorCallback)
    }
}

/// The clause to name where a device had to go on beside another in the error state, and what
/// was seen is not what a device in that state does: it would have been as wrong without it.
pub(super) fn alone(own: Clause, call: &Call, looks_errored: bool) -> Clause {
    if own != Clause::DeviceIndependent || looks_errored {
        return own;
    }
    match call {
        Call::Server(_) => Clause::ServerSendCommandStatus,
        Call::Client(_) | Call::Secondary(..) => Clause::ClientGetCommandDelivers,
    }
}

/// The clause of a GetCommand that delivers what this device has not to deliver, or not yet,
/// in any of these states.
pub(super) fn is_delivery(
    names: &Names,
    bound: &Bound,
    states: &[State],
    seen: &Returned<'_>,
    own: Clause,
) -> Option<Clause> {
    let (Call::Client(of) | Call::Secondary(_, of)) = &bound.call else { return None };
    let ClientCall::GetCommand { device, .. } = of else { return None };
    let others = [
        Clause::ClientGetCommandClose,
        Clause::ClientGetCommandCloseAgain,
        Clause::ClientGetCommandDelivers,
        Clause::ClientGetCommandTimeout,
        Clause::ClientGetCommandWaits,
        Clause::DeviceIndependent,
    ];
    if seen.status != HResult::NOERROR || !others.contains(&own) {
        return None;
    }
    let name = seen.out.command.as_ref()?.as_str();
    let errored = |state: &State| state.devices[usize::from(*device)].errored;
    let Some((set, sent)) = names.find_command(name) else {
        if names.is_retired(name) {
            // It was called back already.
            return Some(Clause::ClientGetCommandDelivers);
        }
        // Nobody was seen to send it, and whoever sent it: a device in error delivers no other.
        let other = seen.out.code.is_some_and(|code| code != CommandCode::ClearError);
        return (other && states.iter().all(errored)).then_some(Clause::DeviceErrorQueue);
    };
    if set != bound.set || sent.device != *device {
        return Some(Clause::ClientGetCommandDelivers);
    }
    let command = |state: &State| state.command(sent.id).copied();
    // Of what has ended since the device failed, the first is what failed it, until that is told.
    let is_dropped = |state: &State| {
        let at = &state.devices[usize::from(*device)];
        let of_error = |one: &&Command| {
            one.device == *device
                && matches!(one.stage, Stage::Completed { .. })
                && !one.before_error
        };
        let failed = usize::from(!at.error_told);
        let mut dropped = state.commands.iter().filter(of_error).skip(failed);
        at.errored && dropped.any(|one| one.id == sent.id)
    };
    if states.iter().any(is_dropped) {
        return Some(Clause::DeviceErrorQueue);
    }
    let mut stages = states.iter().filter_map(command).peekable();
    if stages.peek().is_none() {
        // Nobody has sent it yet, or nobody could: whatever is sent now is not delivered.
        let other = sent.code != CommandCode::ClearError;
        return (other && states.iter().all(errored)).then_some(Clause::DeviceErrorQueue);
    }
    if !stages.any(|command| matches!(command.stage, Stage::Queued)) {
        return Some(Clause::ClientGetCommandDelivers);
    }
    if sent.code == CommandCode::ClearError {
        let holds = |state: &State| {
            state.outstanding(*device).any(|command| matches!(command.stage, Stage::Delivered))
        };
        return states.iter().all(holds).then_some(Clause::DeviceErrorClearErrorWaits);
    }
    states.iter().all(errored).then_some(Clause::DeviceErrorQueue)
}

/// Whether a callback that is owed comes while another is being executed.
pub(super) fn is_second_at_once(track: &SetTrack, id: CommandId, lane: LaneId) -> bool {
    track.states().all(|state| {
        let completed = |command: &Command| matches!(command.stage, Stage::Completed { .. });
        let inside = state.in_progress(lane).is_some_and(|call| call.pending == Pending::Routine);
        inside && state.command(id).is_some_and(completed)
    })
}
