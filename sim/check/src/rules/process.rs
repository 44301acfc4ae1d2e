//! Processes that end, and the library that is unloaded.

use super::statement::waits_in_vain;
use crate::explain::InputError;
use crate::linearize::settle_or_search;
use crate::session::{SetTrack, caller};
use crate::{Checker, linearize};
use vdi_model::{Caller, ClientLife, ServerLife, State};
use vdi_spec::clauses::{Clause, Party};
use vdi_trace::{Event, Function, HowEnded, Presence, Process, TimeoutArg};

/// A process ends.
pub(crate) fn exit(checker: &mut Checker, process: Process, how: HowEnded, event: &Event<'_>) {
    check_left_waiting(checker, process, event);
    if how == HowEnded::Killed {
        checker.session.sets.iter_mut().for_each(|set| set.statement.troubled = true);
    }
    let caller = caller(process);
    let leaves_open = |state: &State| match caller {
        Caller::Server => state.server == ServerLife::Open,
        Caller::Client(number) => state.client_open(number),
    };
    let left = checker.session.sets.iter().skip(1).any(|set| set.any(leaves_open));
    for set in 0..checker.session.sets.len() {
        exit_in(checker, set, process);
        if let Caller::Client(1..) = caller {
            let Checker { session, report, .. } = checker;
            session.sets[set].evidence.suspect(Clause::ProcessSecondaryDeath, report.line);
        }
    }
    if !left {
        return;
    }
    let (notices, required) = match caller {
        Caller::Server => (Clause::ProcessServerDeath, Clause::ServerCloseRequired),
        Caller::Client(0) => (Clause::ProcessClientDeath, Clause::ClientCloseRequired),
        Caller::Client(_) => (Clause::ProcessSecondaryDeath, Clause::ClientCloseRequired),
    };
    let report = &mut checker.report;
    report.mark([notices]);
    if how == HowEnded::Normal {
        report.find(report.line, required, event.to_string(), false);
    }
}

/// What the end of a process does to one set. Where lanes run freely it is noticed
/// at some time after.
fn exit_in(checker: &mut Checker, set: usize, process: Process) {
    if checker.terms.runs_freely && set != SetTrack::UNATTACHED {
        linearize::enter(checker, set);
    } else {
        settle_or_search(checker, set);
        if checker.session.calls_of(set).any(|call| call.effect.presumed) {
            linearize::enter(checker, set);
        }
    }
    let session = &mut checker.session;
    if session.sets[set].is_searched() {
        linearize::exit(checker, set, caller(process));
        if !checker.terms.runs_freely && set != SetTrack::UNATTACHED {
            noticed(checker, set, process);
        }
        return;
    }
    let lanes = &session.lanes;
    session.calls.retain(|call| call.bound.set != set || lanes[call.lane].process != process);
    let states = session.sets[set].in_order.iter_mut();
    states.for_each(|state| vdi_model::exit(state, caller(process)));
    if process == Process::Server {
        session.names.retire_commands(set);
    }
}

/// Beside how many calls of others the end of a process is noticed at once, if which of them
/// came before it would have to be tried for each.
const FEW: usize = 2;

/// The end of a process that was there is noticed before anything else happens. Where it is put
/// off for each call by itself, see `linearize::past`, it does not matter how many are in
/// progress.
fn noticed(checker: &mut Checker, set: usize, process: Process) {
    let caller = caller(process);
    let ended = |state: &State| match caller {
        Caller::Server => state.server != ServerLife::Open,
        Caller::Client(0) => state.client != ClientLife::Created,
        Caller::Client(number) => !state.client_open(number),
    };
    let apart = |state: &State| {
        let both = state.server == ServerLife::Open && state.client == ClientLife::Created;
        both && state.configuration_seen
    };
    let others = checker.session.calls_of(set).filter(|call| !call.lost).count();
    let track = &checker.session.sets[set];
    if (others <= FEW || track.states().all(apart)) && !track.states().all(ended) {
        linearize::notice(checker, set, &ended);
    }
}

/// A client that is ended while it waits for a configuration, although its
/// statement has failed, would have waited for ever.
fn check_left_waiting(checker: &mut Checker, process: Process, event: &Event<'_>) {
    let Checker { session, report, .. } = checker;
    let waits = session.calls.iter().any(|call| {
        session.process_of(call) == process
            && call.function == Function::GetConfiguration
            && call.timer.timeout == Some(TimeoutArg::Infinite)
            && waits_in_vain(&session.sets[call.bound.set])
    });
    if waits && process.party() == Party::Client {
        let clause = Clause::ClientGetConfigurationAfterFailure;
        report.find(report.line, clause, event.to_string(), false);
    }
}

/// A process unloads the library, in which it finds calls in progress or none.
pub(crate) fn unload(
    checker: &mut Checker,
    process: Process,
    found: Presence,
) -> Result<(), InputError> {
    let Checker { session, report, .. } = checker;
    let Some(call) = session.calls.iter().find(|call| session.process_of(call) == process) else {
        return match found {
            Presence::Busy => {
                Err(InputError(format!("no lane of {process} is in a call, yet `busy`")))
            }
            Presence::Idle => Ok(()),
        };
    };
    let lane = session.lanes.name(call.lane);
    if found == Presence::Idle {
        return Err(InputError(format!("{lane} is in {}, yet `idle`", call.function)));
    }
    if call.is_agent() {
        let what = format!("the library is unloaded while {lane} is in it");
        report.find(report.line, Clause::ServerUnloadAgentReturned, what, true);
    }
    Ok(())
}
