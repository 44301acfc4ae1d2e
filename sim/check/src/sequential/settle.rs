//! Calls that have begun and only wait: as long as all do, the order of effects is known.

use super::take_effect;
use crate::Checker;
use crate::session::{OpenCall, SetTrack, outcomes_of};
use crate::terms::Terms;
use vdi_model::{Call, ClientCall, LaneId, Outcome, ServerCall, State};

/// Lets what has begun take effect, if the set is at rest then. False if the order of
/// effects has to be searched for.
pub(crate) fn settle(checker: &mut Checker, set: usize) -> bool {
    set == SetTrack::UNATTACHED
        || checker.session.sets[set].is_searched()
        || presume_all(checker, set, None)
}

/// Lets every call of a set but one wait, that has begun; false if one of them would do more
/// than that.
pub(crate) fn presume_all(checker: &mut Checker, set: usize, but: Option<usize>) -> bool {
    (0..checker.session.calls.len()).all(|index| {
        let call = &checker.session.calls[index];
        let begun = call.bound.set == set && !call.effect.taken && Some(index) != but;
        !begun || presume(checker, index)
    })
}

/// Whether a call of a set has begun, on another lane, that does more than wait.
pub(crate) fn acts_beside(checker: &Checker, set: usize, lane: LaneId) -> bool {
    (0..checker.session.calls.len()).any(|index| {
        let call = &checker.session.calls[index];
        let begun = call.bound.set == set && !call.effect.taken && call.lane != lane;
        begun && !only_waits(checker, index)
    })
}

/// The call waits, or will do so when it comes to it; false if it does anything else.
fn presume(checker: &mut Checker, index: usize) -> bool {
    if !wait_in_place(checker, index) {
        if !only_waits(checker, index) {
            return false;
        }
        take_effect(checker, index);
    }
    let effect = &mut checker.session.calls[index].effect;
    (effect.taken, effect.presumed) = (true, true);
    true
}

/// By far the most frequent case: there is one state, and in it the call waits.
fn wait_in_place(checker: &mut Checker, index: usize) -> bool {
    let Checker { session, terms, report, .. } = checker;
    let call = &session.calls[index];
    let [state] = session.sets[call.bound.set].in_order.as_mut_slice() else {
        return false;
    };
    let Some(outcome) = waits_only(terms, state, call) else {
        return false;
    };
    vdi_model::apply(state, call.lane, call.bound.call.caller(), &outcome);
    report.mark(outcome.clauses());
    true
}

/// That a call begins to wait in a state, if nothing else can come of it there.
pub(crate) fn waits_only(terms: &Terms, state: &State, open: &OpenCall) -> Option<Outcome> {
    let call = &open.bound.call;
    let outcomes = outcomes_of(terms, state, open);
    let [outcome] = outcomes.as_slice() else {
        return None;
    };
    let waits = outcome.waits_for().is_some()
        && outcome.misuse[0].is_none()
        && vdi_model::returns_of_waiting(state, &terms.profile, call).is_empty();
    waits.then_some(*outcome)
}

/// Whether a call that has begun does nothing but wait.
fn only_waits(checker: &Checker, index: usize) -> bool {
    let Checker { session, terms, .. } = checker;
    let open = &session.calls[index];
    let call = &open.bound.call;
    session.set_of(index).in_order.iter().all(|state| {
        let outcomes = outcomes_of(terms, state, open);
        outcomes.iter().all(|outcome| outcome.waits_for().is_some())
            && vdi_model::returns_of_waiting(state, &terms.profile, call).is_empty()
    })
}

/// Whether a call does no more than to move commands of one device.
pub(crate) const fn moves_commands(call: &Call) -> bool {
    match call {
        Call::Server(call) => matches!(call, ServerCall::SendCommand(_)),
        Call::Client(call) | Call::Secondary(_, call) => {
            matches!(call, ClientCall::GetCommand { .. } | ClientCall::CompleteCommand { .. })
        }
    }
}
