//! Between the two ways to judge a set: from one state in order to a frontier that is
//! searched, and back.

use smallvec::SmallVec;

use super::closing::{Closing, Closings, is_close};
use super::configuration::{Configuration, Tentative};
use super::context::{Context, Scope};
use super::frontier::Frontier;
use super::linearization::{Spontaneous, TentativeAnswer};
use super::slots::{Slot, SlotSet};
use super::steps::{note_answers, note_changes};
use crate::Checker;
use crate::sequential::{moves_commands, settle, waits_only};
use crate::session::{OpenCall, Session};
use crate::terms::Terms;
use vdi_model::{Caller, LaneId, Outcome, State};
use vdi_trace::Function;

/// From here on the order of effects in this set is searched for.
pub(crate) fn enter(checker: &mut Checker, set: usize) {
    let session = &mut checker.session;
    if session.sets[set].is_searched() {
        return;
    }
    let mut taken = SlotSet::default();
    let mut states = std::mem::take(&mut session.sets[set].in_order);
    for call in session.calls_of_mut(set) {
        if call.effect.presumed {
            (call.effect.presumed, call.effect.taken) = (false, false);
            for state in &mut states {
                vdi_model::unwait(state, call.lane);
            }
        } else if call.effect.taken {
            taken.add(call.slot);
        }
    }
    let closes = |call: &&OpenCall| call.effect.taken && is_close(&call.bound.call);
    let closings: Closings = (session.calls_of(set).filter(closes))
        .map(|call| Closing::new(call.slot, &call.bound.call, &State::default()))
        .collect();
    let config = |state: State| {
        let closings = if state.aborted.is_some() { closings.clone() } else { Closings::new() };
        Configuration { taken, closings, ..Configuration::of(state) }
    };
    let configs = states.into_iter().map(config);
    let mut frontier = Frontier { configurations: configs.collect(), spontaneous: SmallVec::new() };
    let context = Context::new(checker, set, &frontier);
    for config in &mut frontier.configurations {
        note_changes(&context, config, None, Scope::Set);
    }
    drop(context);
    checker.session.sets[set].frontier = Some(Box::new(frontier));
}

/// Lets what has begun take effect, if the set is at rest then; if not, the order of
/// effects is searched for from here on.
pub(crate) fn settle_or_search(checker: &mut Checker, set: usize) {
    if !settle(checker, set) {
        enter(checker, set);
    }
}

/// The order of effects is known again, if everything that is open waits, or can do
/// nothing else when it comes to it, and nothing has to happen by itself.
pub(crate) fn leave(checker: &mut Checker, set: usize) {
    let Checker { session, terms, .. } = checker;
    if terms.search.always {
        return;
    }
    let Some(frontier) = session.sets[set].frontier.take() else {
        return;
    };
    let settled = |config: &Configuration| {
        config.begun.is_empty()
            && config.misuse.is_empty()
            && config.pasts.is_empty()
            && config.closings.is_empty()
            && untaken(session, set, config).all(|call| would_wait(terms, config, call).is_some())
            && config.state.is_quiet(&terms.profile)
    };
    if !frontier.spontaneous.is_empty() || !frontier.configurations.iter().all(settled) {
        session.sets[set].frontier = Some(frontier);
        return;
    }
    let mut configurations = frontier.configurations;
    for config in &mut configurations {
        let waits: SmallVec<[(LaneId, Caller, Outcome); 4]> = untaken(session, set, config)
            .filter_map(|call| {
                let outcome = would_wait(terms, config, call)?;
                Some((call.lane, call.bound.call.caller(), outcome))
            })
            .collect();
        for (lane, caller, outcome) in waits {
            vdi_model::apply(&mut config.state, lane, caller, &outcome);
        }
    }
    for call in session.calls_of_mut(set) {
        let everywhere = configurations.iter().all(|config| config.taken.has(call.slot));
        (call.effect.taken, call.effect.presumed) = (true, !everywhere);
    }
    let in_order = &mut session.sets[set].in_order;
    for config in configurations {
        if !in_order.contains(&config.state) {
            in_order.push(config.state);
        }
    }
}

/// The calls of a set that have begun, and have not taken effect.
fn untaken<'a>(
    session: &'a Session,
    set: usize,
    config: &'a Configuration,
) -> impl Iterator<Item = &'a OpenCall> {
    session.calls_of(set).filter(|call| !config.taken.has(call.slot))
}

/// That a call begins to wait, if it can do nothing else, and could not since it began.
fn would_wait(terms: &Terms, config: &Configuration, call: &OpenCall) -> Option<Outcome> {
    let answers = |known: &Tentative| {
        known.slot == call.slot && !matches!(known.answer, TentativeAnswer::Wait)
    };
    if !moves_commands(&call.bound.call) || call.lost || config.tentative.iter().any(answers) {
        return None;
    }
    waits_only(terms, &config.state, call)
}

/// Notes what a call that has just begun could return at once.
pub(crate) fn note_call(checker: &mut Checker, set: usize, slot: Slot) {
    if checker.terms.search.exhaustive {
        return;
    }
    let Some(mut frontier) = checker.session.sets[set].frontier.take() else {
        return;
    };
    let context = Context::new(checker, set, &frontier);
    if let Some(index) = context.find(slot) {
        for config in &mut frontier.configurations {
            note_answers(&context, config, &context.pending[index]);
        }
    }
    drop(context);
    checker.session.sets[set].frontier = Some(frontier);
}

/// Something happens without a call, now or later.
fn add_spontaneous(session: &mut Session, set: usize, spontaneous: Spontaneous) {
    if let Some(slot) = session.free_slot(set)
        && let Some(frontier) = &mut session.sets[set].frontier
    {
        frontier.spontaneous.push((slot, spontaneous));
    }
}

/// The calls of a process that has ended return no more; they may yet take effect,
/// until the end is noticed.
pub(crate) fn exit(checker: &mut Checker, set: usize, caller: Caller) {
    let Checker { session, terms, .. } = checker;
    let of_process = |call: &&mut OpenCall| call.bound.call.caller() == caller;
    session.calls_of_mut(set).filter(of_process).for_each(|call| call.lost = true);
    if !terms.search.exhaustive {
        wait_no_more(session, set);
    }
    add_spontaneous(session, set, Spontaneous::Exit(caller));
}

/// A GetCommand that waits, and of which nobody will see the return, is as good as one that has
/// not taken effect and could wait: either may be given a command until its process ends. Only
/// of the latter is it put off whether it was, see `past`.
fn wait_no_more(session: &mut Session, set: usize) {
    let lost = session.calls_of(set).filter(|call| call.lost);
    let gets = lost.filter(|call| call.function == Function::GetCommand);
    let waiting: SmallVec<[(Slot, LaneId, usize); 8]> =
        gets.map(|call| (call.slot, call.lane, call.line)).collect();
    let frontier = session.sets[set].frontier.iter_mut();
    for config in frontier.flat_map(|frontier| &mut frontier.configurations) {
        for (slot, lane, line) in &waiting {
            if config.taken.has(*slot) && vdi_model::unwait(&mut config.state, *lane) {
                config.taken.remove(*slot);
                config.note(*slot, TentativeAnswer::Wait, *line);
            }
        }
    }
}

/// Time passes for a call: it may return, now or later, that its time-out has passed.
pub(crate) fn expire(checker: &mut Checker, set: usize, index: usize, passes: u8) {
    let Checker { session, terms, .. } = checker;
    let OpenCall { lane, slot, .. } = session.calls[index];
    if session.calls[index].is_agent() {
        add_spontaneous(session, set, Spontaneous::Passes(lane, passes));
        return;
    }
    let configs = session.sets[set].frontier.iter_mut();
    let configs = configs.flat_map(|frontier| &mut frontier.configurations);
    for config in configs.filter(|config| config.taken.has(slot)) {
        vdi_model::expire(&mut config.state, &terms.profile, lane);
    }
    note_call(checker, set, slot);
}
