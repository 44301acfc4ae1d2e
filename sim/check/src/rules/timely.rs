//! Calls that take too long to end, where somebody has said how long that is.
//!
//! Time is told by `elapsed`, as a recorder saw it. What a call waits for may take as long as it
//! likes; the time counts from when nothing keeps it any more.

use crate::Checker;
use crate::explain::{Refusal, Shows, still_open, violated};
use vdi_trace::TraceError;

/// Whether every call that had to end was in time. If one was not, that is the verdict.
pub(crate) fn keeps_time(checker: &mut Checker) -> bool {
    let Checker { session, terms, report, .. } = &*checker;
    let Some((within, now)) = terms.within.zip(report.time.elapsed) else {
        return true;
    };
    let late = |due: u64| now.saturating_sub(due) > within;
    let Some(index) = session.calls.iter().position(|call| call.timer.due.is_some_and(late)) else {
        return true;
    };
    let call = &session.calls[index];
    let expected = still_open(session, terms, call).ends;
    let Some(first) = expected.first() else {
        return true;
    };
    let waited = now.saturating_sub(call.timer.due.unwrap_or(now));
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
