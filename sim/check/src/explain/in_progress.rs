//! Calls that are still in progress: what would end each, and whether it had to.

use super::state::answer_text;
use super::verdict::{Allowed, StillOpen};
use crate::session::{OpenCall, Session, outcomes_of};
use crate::terms::Terms;
use vdi_model::{Outcomes, State};
use vdi_trace::{Function, TimeoutArg};

/// Every call that has begun and not returned, of a process that lives.
pub(crate) fn in_progress(session: &Session, terms: &Terms, now: Option<u64>) -> Vec<StillOpen> {
    let calls = session.calls.iter().filter(|call| !call.lost);
    // What was synthesized for a side that was not seen is nobody's.
    let seen = |call: &&OpenCall| !session.lanes.name(call.lane).contains(".unseen");
    let open = |call: &OpenCall| StillOpen {
        waited: now.zip(call.timer.since).map(|(now, since)| now.saturating_sub(since)),
        ..still_open(session, terms, call)
    };
    calls.filter(seen).map(open).collect()
}

/// A call that has not returned: what ends it, and whether it has to end now.
pub(crate) fn still_open(session: &Session, terms: &Terms, call: &OpenCall) -> StillOpen {
    let (mut had_to, mut ends, mut blocked) = (true, Vec::new(), None);
    for (state, taken) in session.states_with(call) {
        let may = if taken { returns(terms, call, state) } else { outcomes_of(terms, state, call) };
        let callback = vdi_model::callbacks(state, &terms.profile);
        let owes = taken && callback.iter().any(|callback| callback.lane == call.lane);
        let waits = may.iter().all(|outcome| outcome.waits_for().is_some() || !outcome.forced)
            || may.iter().any(|outcome| outcome.answer == vdi_model::Answer::Blocks);
        if waits && !owes {
            had_to = false;
            blocked = blocked.or(may.first().map(|outcome| outcome.clause));
            let by = vdi_model::blocks_by(state, call.lane);
            blocked = if taken { Some(by) } else { blocked };
            continue;
        }
        if let Some(callback) = callback.iter().find(|callback| callback.lane == call.lane)
            && owes
            && ends.is_empty()
        {
            let what = "invokes the callbacks that it owes, and returns".to_owned();
            ends.push(Allowed { what, clause: callback.clause });
        }
        for outcome in may.iter().filter(|outcome| outcome.forced) {
            let what = answer_text(session, call.bound.set, outcome);
            let end = Allowed { what, clause: outcome.clause };
            if !ends.contains(&end) {
                ends.push(end);
            }
        }
    }
    if !had_to {
        let clause = blocked.unwrap_or(vdi_spec::clauses::Clause::AgentBlocks);
        ends = vec![Allowed { what: ended_by(call), clause }];
    }
    StillOpen {
        line: call.line,
        waited: None,
        lane: session.lanes.name(call.lane).to_owned(),
        call: call.function.to_string(),
        had_to,
        ends,
    }
}

fn returns(terms: &Terms, call: &OpenCall, state: &State) -> Outcomes {
    vdi_model::returns(state, &terms.profile, call.lane)
}

/// What a call that waits is waiting for.
fn ended_by(call: &OpenCall) -> String {
    let what = if call.is_agent() {
        "the end of the set, or an abort"
    } else if call.function == Function::GetConfiguration {
        "the server's EndConfiguration, or an abort"
    } else if call.function == Function::GetCommand {
        "a command, the end of its device, or an abort"
    } else if call.function == Function::Close {
        "the return of ExecuteCompletionAgent"
    } else {
        "its own end"
    };
    match call.timer.timeout {
        Some(TimeoutArg::Milliseconds(_)) => format!("{what}, or its time-out"),
        Some(TimeoutArg::Infinite) | None => what.to_owned(),
    }
}
