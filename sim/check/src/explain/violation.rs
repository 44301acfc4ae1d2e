//! The verdict that an event is not allowed.

use vdi_model::{Pending, State};

use super::cause::{Refusal, cause};
use super::state::{named_state, set_state};
use super::verdict::{Verdict, Violation};
use crate::Checker;

/// The verdict: this event is not allowed.
pub(crate) fn violated(checker: &mut Checker, refusal: Refusal) {
    let clause = cause(&checker.session, &refusal);
    let Refusal { set, call, mut expected, got, .. } = refusal;
    expected.sort();
    expected.dedup();
    let state = call.and_then(|index| state_before_reply(checker, index));
    let Checker { session, report, .. } = checker;
    report.decide(Verdict::Violation(Box::new(Violation {
        line: report.line,
        lane: call.map(|index| session.lanes.name(session.calls[index].lane).to_owned()),
        call: call.map(|index| session.call_text(index)),
        party: clause.party(),
        clause,
        readings: Vec::new(),
        otherwise: Vec::new(),
        // What stays in its call is expected to return at another time, if at all.
        early: call.is_some()
            && !expected.is_empty()
            && expected.iter().all(|allowed| allowed.what.contains("stays in ")),
        got,
        expected,
        state: state.unwrap_or_else(|| set_state(session, set)),
        attempts: Vec::new(),
    })));
}

/// If the call is ready to return: the state before its effect, in which the
/// answer was decided.
fn state_before_reply(checker: &Checker, index: usize) -> Option<String> {
    let session = &checker.session;
    let call = &session.calls[index];
    let ready = |state: &State| {
        state.in_progress(call.lane).is_some_and(|c| matches!(c.pending, Pending::Ready(_)))
    };
    let decided = session.set_of(index).any(ready);
    let before = call.effect.before.as_ref().filter(|_| decided);
    before.map(|state| named_state(session, call.bound.set, state))
}
