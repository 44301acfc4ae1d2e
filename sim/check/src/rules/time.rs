//! Time that passes.

use crate::Checker;
use crate::explain::InputError;
use crate::linearize;
use crate::linearize::settle_or_search;
use crate::session::{OpenCall, Session, SetTrack, Timer};
use vdi_model::{Cause, LaneId, Stage, State, Timeout};
use vdi_spec::clauses::{Clause, LinuxTimeoutUnit, LoadExcuses, Profile};
use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_trace::{Event, Function, TimeoutArg};

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
    let set = checker.session.calls[index].bound.set;
    if passes == 0 {
        // A part of an interval aborts nothing.
        if is_agent {
            let Checker { session, report, .. } = checker;
            session.sets[set].evidence.suspect(Clause::ServerTimeOutAborts, report.line);
        }
        return Ok(());
    }
    if is_agent && checker.terms.runs_freely {
        // It is noticed at some time after.
        linearize::enter(checker, set);
    } else {
        settle_or_search(checker, set);
    }
    if is_agent && !checker.terms.runs_freely && checker.session.calls_of(set).count() == 1 {
        waits_by_now(checker, set, lane);
    }
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

/// Nobody but the agent is in a call: it waits by now, or is about to return.
fn waits_by_now(checker: &mut Checker, set: usize, lane: LaneId) {
    if !checker.session.sets[set].is_searched() {
        return;
    }
    let before = checker.session.sets[set].frontier.clone();
    if !linearize::narrow(checker, set, &|state| state.free_agent() == Some(lane)) {
        checker.session.sets[set].frontier = before;
        if !linearize::narrow(checker, set, &|state| !state.agent.is_running()) {
            return;
        }
    }
    linearize::leave(checker, set);
}

/// The set of which this event tells that serverTimeOut may have passed for its agent: a trace
/// that does not record time need not say so. What is answered as without an abort tells nothing
/// of one, but where a call ends that an abort ends, or that is right after one.
pub(crate) fn may_have_passed(checker: &Checker, event: &Event<'_>) -> Option<usize> {
    let (lane, succeeds) = match event {
        Event::Callback { lane, completion: Win32::ERROR_OPERATION_ABORTED, .. } => (lane, false),
        Event::Return { lane, status, .. } if *status != HResult::VD_E_TIMEOUT => {
            (lane, *status == HResult::NOERROR)
        }
        Event::Callback { .. }
        | Event::Return { .. }
        | Event::Call { .. }
        | Event::Blocked { .. }
        | Event::Ended { .. }
        | Event::Touch { .. }
        | Event::Wrote { .. }
        | Event::Expired { .. }
        | Event::Statement { .. }
        | Event::Report { .. }
        | Event::Exit { .. }
        | Event::Unload { .. } => return None,
    };
    if checker.terms.time_is_recorded {
        return None;
    }
    let session = &checker.session;
    let of_lane = |call: &&OpenCall| session.lanes.name(call.lane) == lane.as_str();
    let call = session.calls.iter().rfind(of_lane)?;
    if succeeds && !(call.is_agent() || call.function == Function::Close) {
        return None;
    }
    let set = call.bound.set;
    let track = &session.sets[set];
    let waits = track.config.asked.server_time_out > 0
        && track.any(|state| state.aborted.is_none())
        && session.calls_of(set).any(OpenCall::is_agent);
    waits.then_some(set)
}

/// It has passed for the agent of this set. False if that cannot be.
pub(crate) fn pass_unrecorded(checker: &mut Checker, set: usize) -> bool {
    let session = &checker.session;
    let agent = session.calls_of(set).find(|call| call.is_agent());
    let Some(lane) = agent.map(|call| session.lanes.name(call.lane).to_owned()) else {
        return false;
    };
    let passes = |_| expire(checker, &lane, None).is_ok() && checker.report.is_open();
    (0..2).all(passes)
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
pub(super) fn limit(session: &Session, profile: &Profile, index: usize) -> u64 {
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
