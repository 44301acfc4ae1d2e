//! Time that passes.

use crate::Checker;
use crate::explain::InputError;
use crate::linearize;
use crate::linearize::settle_or_search;
use crate::session::{OpenCall, Session, SetTrack, Timer};
use vdi_model::{Cause, Stage, State, Timeout};
use vdi_spec::clauses::{Clause, LinuxTimeoutUnit, LoadExcuses, Profile};
use vdi_spec::codes::{CommandCode, HResult};
use vdi_trace::{Function, TimeoutArg};

/// Time passes for the call in progress on a lane.
pub(crate) fn expire(
    checker: &mut Checker,
    lane_name: &str,
    after: Option<u32>,
) -> Result<(), InputError> {
    let lane = checker.session.lanes.id(lane_name)?;
    let Some(index) = checker.session.call_on(lane) else {
        return Ok(());
    };
    let is_agent = checker.session.calls[index].is_agent();
    // Inside a completion routine the agent does not wait.
    if is_agent && checker.session.lanes[lane].routines > 0 {
        let set = checker.session.calls[index].bound.set;
        let Checker { session, report, .. } = checker;
        session.sets[set].evidence.suspect(Clause::ServerTimeOutAborts, report.line);
        return Ok(());
    }
    let passes = passes(&mut checker.session, &checker.terms.profile, index, after);
    if passes == 0 {
        return Ok(());
    }
    let set = checker.session.calls[index].bound.set;
    settle_or_search(checker, set);
    if !is_agent
        && let Some(timeout) = checker.session.calls[index].bound.call.timeout_mut()
        && matches!(timeout, Timeout::Finite | Timeout::Told)
    {
        *timeout = Timeout::Passed;
    }
    if checker.session.sets[set].is_searched() {
        linearize::expire(checker, set, index, passes.min(2) as u8);
        if is_agent {
            let Checker { session, report, .. } = checker;
            session.sets[set].evidence.suspect(Clause::ServerTimeOutAborts, report.line);
        }
    } else {
        expire_in_order(checker, set, index, passes);
    }
    Ok(())
}

fn expire_in_order(checker: &mut Checker, set: usize, index: usize, passes: u64) {
    let Checker { session, report, terms, .. } = checker;
    let OpenCall { lane, .. } = session.calls[index];
    let is_agent = session.calls[index].is_agent();
    let set = &mut session.sets[set];
    let loads = |state: &State| state.asked.time_out && is_held_by_client(state, CommandCode::Load);
    let (loads, counts) = (set.any(loads), terms.profile.load_excuses == LoadExcuses::Nothing);
    if is_agent && loads && !counts {
        report.mark([Clause::ServerTimeOutLoad]);
    }
    let is_aborted = |set: &SetTrack| set.any(|state| state.aborted == Some(Cause::TimeOut));
    let before = is_aborted(set);
    for state in &mut set.in_order {
        (0..passes.min(2)).for_each(|_| vdi_model::expire(state, &terms.profile, lane));
    }
    if is_agent && !is_aborted(set) {
        set.evidence.suspect(Clause::ServerTimeOutAborts, report.line);
    }
    if is_aborted(set) && !before {
        report.mark([Clause::ServerTimeOutAborts]);
        report.mark(loads.then_some(Clause::ServerTimeOutLoad));
        if set.any(|state| is_held_by_client(state, CommandCode::Complete)) {
            let what = "Complete is held for two intervals of serverTimeOut".to_owned();
            report.find(report.line, Clause::ClientCompleteTimely, what, false);
        }
    }
}

/// Whether the client has a command of this code, and has not completed it.
fn is_held_by_client(state: &State, code: CommandCode) -> bool {
    let held =
        |command: &vdi_model::Command| command.code == code && command.stage == Stage::Delivered;
    state.commands.iter().any(held)
}

/// A call has returned that begins the time of its set's agent anew: a completion, or the first
/// command that is pending. What passed of an interval before that is no part of one after it.
pub(crate) fn begin_anew(session: &mut Session, call: &OpenCall, status: HResult) {
    let set = &session.sets[call.bound.set];
    let begins = match call.function {
        Function::CompleteCommand => status == HResult::NOERROR,
        Function::SendCommand => status == HResult::NOERROR && set.any(has_one_pending),
        Function::Create
        | Function::CreateEx
        | Function::OpenInSecondary
        | Function::OpenInSecondaryEx
        | Function::GetConfiguration
        | Function::OpenDevice
        | Function::GetCommand
        | Function::GetBufferHandle
        | Function::MapBufferHandle
        | Function::SignalAbort
        | Function::Close
        | Function::Open
        | Function::BeginConfiguration
        | Function::RequestBuffers
        | Function::EndConfiguration
        | Function::QueryAvailableBuffers
        | Function::AllocateBuffer
        | Function::FreeBuffer
        | Function::ExecuteCompletionAgent
        | Function::CloseDevice
        | Function::IsSharedBuffer => false,
    };
    if begins {
        let agents = session.calls.iter_mut().filter(|known| known.bound.set == call.bound.set);
        agents.filter(|known| known.is_agent()).for_each(|agent| agent.timer.elapsed = 0);
    }
}

/// Whether the client owes the answer of one command at most.
fn has_one_pending(state: &State) -> bool {
    let is_pending =
        |command: &&vdi_model::Command| matches!(command.stage, Stage::Queued | Stage::Delivered);
    state.commands.iter().filter(is_pending).nth(1).is_none()
}

/// How many time-outs of a call in progress pass with these milliseconds and
/// those that passed before.
fn passes(session: &mut Session, profile: &Profile, index: usize, after: Option<u32>) -> u64 {
    let Some(ms) = after else {
        session.calls[index].timer.elapsed = 0;
        return 1;
    };
    let limit = limit(session, profile, index).max(1);
    let Timer { elapsed, .. } = &mut session.calls[index].timer;
    let waited = *elapsed + u64::from(ms);
    *elapsed = waited % limit;
    waited / limit
}

/// Milliseconds after which a call in progress expires.
fn limit(session: &Session, profile: &Profile, index: usize) -> u64 {
    let call = &session.calls[index];
    if call.is_agent() {
        return session.set_of(index).config.asked.server_time_out.into();
    }
    let in_seconds = call.function == Function::GetCommand
        && profile.linux_timeout_unit == LinuxTimeoutUnit::Seconds;
    match call.timer.timeout {
        Some(TimeoutArg::Milliseconds(ms)) => u64::from(ms) * if in_seconds { 1000 } else { 1 },
        Some(TimeoutArg::Infinite) | None => u64::MAX,
    }
}
