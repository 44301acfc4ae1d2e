//! The sequential judge: while each call begins when its set is at rest, calls take effect
//! in the order in which they were made, and mostly there is one state.

mod settle;

pub(crate) use settle::{acts_beside, moves_commands, presume_all, settle, waits_only};

use smallvec::SmallVec;

use crate::Checker;
use crate::explain::Why;
use crate::session::{ObservedCallback, OpenCall, Returned, Session, matches, outcomes};
use vdi_model::{Callback, CommandId, Outcome, State};
use vdi_spec::clauses::Clause;
use vdi_spec::codes::HResult;

type States = SmallVec<[State; 1]>;

/// Moves every state by every choice that `allowed` gives for it.
/// If there is none, the states stay as they are: false.
///
/// One state with one choice, by far the most frequent case, moves in place.
fn advance<T, const N: usize>(
    states: &mut States,
    allowed: impl Fn(&State) -> SmallVec<[T; N]>,
    mut apply: impl FnMut(&mut State, &T),
) -> bool
where
    [T; N]: smallvec::Array<Item = T>,
{
    if let [state] = states.as_mut_slice() {
        let choices = allowed(state);
        if let [choice] = choices.as_slice() {
            apply(state, choice);
            return true;
        }
    }
    let mut next = States::new();
    for state in states.iter() {
        for choice in allowed(state) {
            let mut after = state.clone();
            apply(&mut after, &choice);
            if !next.contains(&after) {
                next.push(after);
            }
        }
    }
    let moved = !next.is_empty();
    if moved {
        *states = next;
    }
    moved
}

/// Lets every call of a set that has begun take effect, in the order they began. Where
/// calls overlap there is no such order, and they are left as they are.
pub(crate) fn take_begun(checker: &mut Checker, set: usize) {
    if checker.session.sets[set].is_searched() {
        return;
    }
    for index in 0..checker.session.calls.len() {
        let call = &checker.session.calls[index];
        if call.bound.set == set && !call.effect.taken {
            take_effect(checker, index);
        }
    }
}

/// Lets a call take effect.
fn take_effect(checker: &mut Checker, index: usize) {
    let Checker { session, terms, report, .. } = checker;
    let Session { calls, sets, .. } = session;
    let open = &mut calls[index];
    let (lane, call) = (open.lane, &open.bound.call);
    let states = &mut sets[open.bound.set].in_order;
    open.effect.before = states.first().cloned().map(Box::new);
    open.effect.taken = true;
    let mut misuse = [None; 2];
    advance(
        states,
        |state| outcomes(terms, state, lane, &open.bound),
        |state, outcome| {
            vdi_model::apply(state, lane, call.caller(), outcome);
            misuse = outcome.misuse;
            report.mark(outcome.clauses());
        },
    );
    if states.len() > terms.search.budget {
        report.undecided(Why::Budget { budget: terms.search.budget });
    }
    find_misuse(checker, index, misuse);
}

/// Notes what the caller of a call broke.
fn find_misuse(checker: &mut Checker, index: usize, misuse: [Option<Clause>; 2]) {
    if misuse[0].is_none() {
        return;
    }
    let Checker { session, report, .. } = checker;
    let OpenCall { line, lane, ref bound, .. } = session.calls[index];
    let set = bound.set;
    if session.right.contains(&(line, lane)) {
        return;
    }
    let knew = |clause: &Clause| !session.sets[set].statement.excuses(*clause, line);
    for clause in misuse.into_iter().flatten().filter(knew) {
        let what = if report.tells() { session.call_text(index) } else { String::new() };
        report.find(line, clause, what, false);
    }
}

/// Whether a return follows from the states.
pub(crate) fn returns(checker: &mut Checker, index: usize, seen: &Returned<'_>) -> bool {
    if checker.session.calls[index].effect.taken {
        return return_later(checker, index, seen);
    }
    return_at_once(checker, index, seen) || return_after_waiting(checker, index, seen)
}

/// A return that nothing explains: a wrong answer does not excuse a wrong question.
pub(crate) fn take_unexplained(checker: &mut Checker, index: usize) {
    if !checker.session.calls[index].effect.taken {
        take_effect(checker, index);
    }
}

/// The call returns with nothing in between: its effect and its return are one step.
fn return_at_once(checker: &mut Checker, index: usize, seen: &Returned<'_>) -> bool {
    let Checker { session, terms, report, .. } = checker;
    let Session { calls, sets, names, .. } = session;
    let bound = &calls[index].bound;
    let (lane, set, call) = (calls[index].lane, bound.set, &bound.call);
    let called_back_first =
        |outcome: &Outcome| outcome.refuses() && vdi_model::owes_callback_first(&terms.profile);
    let mut misuse = [None; 2];
    let mut blameless = false;
    let allowed = |state: &State| {
        let mut outcomes = outcomes(terms, state, lane, bound);
        if let Some(failed) = vdi_model::system_failure(call, &outcomes, seen.status) {
            outcomes.push(failed);
        }
        outcomes
            .retain(|outcome| !called_back_first(outcome) && matches(names, set, outcome, seen));
        outcomes
    };
    let moved = advance(&mut sets[set].in_order, allowed, |state, outcome| {
        vdi_model::apply_and_return(state, lane, call.caller(), outcome);
        report.mark(outcome.clauses());
        match outcome.misuse[0] {
            Some(_) => misuse = outcome.misuse,
            None => blameless = true,
        }
    });
    if moved && !blameless {
        find_misuse(checker, index, misuse);
    }
    moved
}

/// The call waited, although nothing was seen in between, and expired.
fn return_after_waiting(checker: &mut Checker, index: usize, seen: &Returned<'_>) -> bool {
    if seen.status != HResult::VD_E_TIMEOUT {
        return false;
    }
    let before = checker.session.set_of(index).in_order.clone();
    take_effect(checker, index);
    let allowed = return_later(checker, index, seen);
    if !allowed {
        let call = &mut checker.session.calls[index];
        call.effect.taken = false;
        checker.session.sets[call.bound.set].in_order = before;
    }
    allowed
}

/// The call took effect earlier, or was blocked.
fn return_later(checker: &mut Checker, index: usize, seen: &Returned<'_>) -> bool {
    let Checker { session, terms, report, .. } = checker;
    let Session { calls, sets, names, .. } = session;
    let (lane, set) = (calls[index].lane, calls[index].bound.set);
    let allowed = |state: &State| {
        let mut outcomes = vdi_model::returns(state, &terms.profile, lane);
        outcomes.retain(|outcome| matches(names, set, outcome, seen));
        outcomes
    };
    advance(&mut sets[set].in_order, allowed, |state, outcome| {
        vdi_model::apply_return(state, lane, outcome);
        report.mark(outcome.clauses());
    })
}

/// Whether a callback follows from the states: the routine that was invoked.
pub(crate) fn callback(
    checker: &mut Checker,
    set: usize,
    command: CommandId,
    seen: &ObservedCallback,
) -> Option<Callback> {
    let Checker { session, terms, report, .. } = checker;
    let allowed = |state: &State| {
        let mut callbacks = vdi_model::callbacks(state, &terms.profile);
        callbacks.retain(|callback| callback.command == command && seen.is(callback));
        callbacks
    };
    let mut invoked = None;
    let moved = advance(&mut session.sets[set].in_order, allowed, |state, callback| {
        vdi_model::apply_callback(state, callback, seen.held);
        report.mark([callback.clause].into_iter().chain(callback.also));
        invoked = Some(*callback);
    });
    invoked.filter(|_| moved)
}

/// Whether a callback can come before a call that has begun takes effect, and after it: in
/// which order they came is then told by neither.
pub(crate) fn may_come_first(
    checker: &Checker,
    set: usize,
    command: CommandId,
    seen: &ObservedCallback,
) -> bool {
    let possible = |state: &State| {
        let callbacks = vdi_model::callbacks(state, &checker.terms.profile);
        callbacks.iter().any(|callback| callback.command == command && seen.is(callback))
    };
    acts_beside(checker, set, seen.lane) && checker.session.sets[set].in_order.iter().any(possible)
}

/// Whether everything that has to happen by itself in a set has happened, in one of its
/// states at least.
pub(crate) fn rests(checker: &mut Checker, set: usize) -> bool {
    take_begun(checker, set);
    let Checker { session, terms, .. } = checker;
    session.calls_of_mut(set).for_each(|call| call.effect.presumed = false);
    let states = &mut session.sets[set].in_order;
    let rests = states.iter().any(|state| state.is_at_rest(&terms.profile));
    if rests {
        states.retain(|state| state.is_at_rest(&terms.profile));
    }
    rests
}
