//! Calls that take too long to end, where somebody has said how long that is.
//!
//! Time is told by `elapsed`, as a recorder saw it. What a call waits for may take as long as it
//! likes; the time counts from when nothing keeps it any more.

use crate::Checker;
use crate::explain::{Allowed, Refusal, Shows, still_open, violated};
use crate::session::Session;
use vdi_model::{Call, ClientCall};
use vdi_spec::clauses::{Clause, Profile};
use vdi_trace::TraceError;

use super::time::limit;

/// Whether every call that had to end was in time. If one was not, that is the verdict.
pub(crate) fn keeps_time(checker: &mut Checker) -> bool {
    let Checker { session, terms, report, .. } = &*checker;
    let Some((within, now)) = terms.within.zip(report.time.elapsed) else {
        return true;
    };
    let late = |due: u64| now.saturating_sub(due) > within;
    let is_late = |index: &usize| due(session, &terms.profile, *index).is_some_and(late);
    let Some(index) = (0..session.calls.len()).find(is_late) else {
        return true;
    };
    let call = &session.calls[index];
    let expected = match passed(&call.bound.call).filter(|_| call.timer.due.is_none()) {
        Some(clause) => vec![Allowed { what: "VD_E_TIMEOUT, when it passes".to_owned(), clause }],
        None => still_open(session, terms, call).ends,
    };
    let Some(first) = expected.first() else {
        return true;
    };
    let waited = now.saturating_sub(due(session, &terms.profile, index).unwrap_or(now));
    let refusal = Refusal {
        set: call.bound.set,
        call: Some(index),
        clause: first.clause,
        got: format!("the call has not returned {waited} ms after nothing kept it any more"),
        expected,
        shows: Shows::Nothing,
    };
    violated(checker, refusal);
    false
}

/// Milliseconds to when nothing keeps a call any more: its own time-out at the latest.
fn due(session: &Session, profile: &Profile, index: usize) -> Option<u64> {
    let call = &session.calls[index];
    let seen = !call.lost && !session.lanes.name(call.lane).contains(".unseen");
    let by_itself = || {
        passed(&call.bound.call).filter(|_| seen)?;
        call.timer.since?.checked_add(limit(session, profile, index))
    };
    call.timer.due.or_else(by_itself)
}

/// The clause by which a call ends when its time-out has passed, if it has one.
const fn passed(call: &Call) -> Option<Clause> {
    match call {
        Call::Client(call) | Call::Secondary(_, call) => match call {
            ClientCall::GetConfiguration { .. } => Some(Clause::ClientGetConfigurationTimeout),
            ClientCall::GetCommand { .. } => Some(Clause::ClientGetCommandTimeout),
            ClientCall::Create { .. }
            | ClientCall::OpenInSecondary { .. }
            | ClientCall::OpenDevice { .. }
            | ClientCall::GetBufferHandle { .. }
            | ClientCall::MapBufferHandle { .. }
            | ClientCall::CompleteCommand { .. }
            | ClientCall::SignalAbort
            | ClientCall::Close => None,
        },
        Call::Server(_) => None,
    }
}

/// Notes of each call in progress whether anything keeps it now.
pub(crate) fn note_due(checker: &mut Checker) {
    let Checker { session, terms, report, .. } = checker;
    let Some(now) = terms.within.and(report.time.elapsed) else {
        return;
    };
    for index in 0..session.calls.len() {
        let call = &session.calls[index];
        let seen = !call.lost && !session.lanes.name(call.lane).contains(".unseen");
        let had_to = seen && still_open(session, terms, call).had_to;
        let due = had_to.then(|| call.timer.due.unwrap_or(now));
        session.calls[index].timer.due = due;
    }
}

/// That time is asked for, and no line tells any.
pub(crate) fn no_time_told() -> TraceError {
    TraceError {
        line: 2,
        column: 0,
        message: "no line tells `elapsed`, so that it is not known whether calls ended in time"
            .to_owned(),
        text: String::new(),
    }
}
