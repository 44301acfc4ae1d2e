//! In which ways a configuration explains an event as it stands.

use smallvec::SmallVec;

use super::between::{note_closing, note_return, outcomes_between};
use super::closing::is_close;
use super::configuration::{Configuration, Tentative};
use super::context::{Context, Pending, Scope, is_agent, is_ready, note_misuse};
use super::linearization::{Moment, TentativeAnswer};
use super::observation::Observation;
use super::past::{may_leave_past, note_past, outcomes_before, returns_before};
use super::steps::note_changes;
use crate::session::{ObservedCallback, Returned, matches};
use vdi_model::{Callback, CommandId, Outcome};
use vdi_spec::clauses::Clause;

/// How a configuration explains an event.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// Nothing changes by it.
    Stay,
    /// The answer was possible before.
    Possible(Tentative),
    /// The call takes effect and returns.
    Answer(Outcome),
    /// The call took effect, or began to wait, before.
    Return(Outcome),
    /// The call takes effect before the abort that has happened, and returns.
    AnswerBefore(usize, Outcome),
    /// The call had begun to wait, and was decided before the abort that has happened.
    ReturnBefore(usize, Outcome),
    /// The routine was begun before; by its position.
    See(usize, Callback),
    /// The routine is begun now.
    Invoke(Callback),
}

pub(super) type Ways = SmallVec<[Way; 2]>;

impl Way {
    /// The clauses it rests on.
    pub(super) fn clauses(&self) -> SmallVec<[Clause; 4]> {
        match self {
            Self::Stay => SmallVec::new(),
            Self::Possible(Tentative { answer: TentativeAnswer::Outcome(outcome), .. })
            | Self::Answer(outcome)
            | Self::Return(outcome)
            | Self::AnswerBefore(_, outcome)
            | Self::ReturnBefore(_, outcome) => outcome.clauses().collect(),
            Self::Possible(_) => SmallVec::from_iter([Clause::StatusSystemError]),
            Self::See(_, callback) | Self::Invoke(callback) => {
                [Some(callback.clause), callback.also].into_iter().flatten().collect()
            }
        }
    }

    /// The routine that was invoked.
    pub(super) const fn callback(&self) -> Option<Callback> {
        match self {
            Self::See(_, callback) | Self::Invoke(callback) => Some(*callback),
            Self::Stay
            | Self::Possible(_)
            | Self::Answer(_)
            | Self::Return(_)
            | Self::AnswerBefore(..)
            | Self::ReturnBefore(..) => None,
        }
    }
}

/// In which ways a configuration explains the event. That everything is at rest is no
/// step of one of them, see `search`.
pub(super) fn ways(context: &Context<'_>, config: &Configuration, event: &Observation<'_>) -> Ways {
    match event {
        Observation::Return { slot, seen } => match context.find(*slot) {
            Some(index) => to_return(context, config, &context.pending[index], seen),
            None => Ways::new(),
        },
        Observation::Callback { command, seen } => to_invoke(context, config, *command, seen),
        Observation::Holds(holds) | Observation::Ended(holds) => {
            holds(&config.state).then_some(Way::Stay).into_iter().collect()
        }
        Observation::Rest => Ways::new(),
    }
}

fn to_return(
    context: &Context<'_>,
    config: &Configuration,
    pending: &Pending<'_>,
    seen: &Returned<'_>,
) -> Ways {
    let (slot, state) = (pending.slot, &config.state);
    let mut ways = Ways::new();
    let is_answer = |outcome: &Outcome| matches(context.names, context.set, outcome, seen);
    if context.exhaustive && !is_ready(state, pending.lane) {
        return ways;
    }
    let answers = |known: &&Tentative| match &known.answer {
        TentativeAnswer::Outcome(outcome) => is_answer(outcome),
        TentativeAnswer::SystemError => {
            vdi_model::is_environmental(pending.call, seen.status) && seen.out.command.is_none()
        }
        TentativeAnswer::Wait => false,
    };
    let known = config.tentative.iter().filter(|known| known.slot == slot);
    ways.extend(known.filter(answers).map(|known| Way::Possible(*known)));
    if config.taken.has(slot) {
        for outcome in vdi_model::returns(state, context.profile(), pending.lane) {
            let noted = outcome.changes_nothing()
                && !context.exhaustive
                && !is_ready(state, pending.lane)
                && !is_agent(state, pending.lane);
            if !noted && is_answer(&outcome) {
                ways.push(Way::Return(outcome));
            }
        }
        let before = returns_before(context, config, pending).into_iter();
        let decided = |known: &(usize, Outcome)| !known.1.changes_nothing() && is_answer(&known.1);
        ways.extend(before.filter(decided).map(|(past, known)| Way::ReturnBefore(past, known)));
        return ways;
    }
    let answers = |outcome: &Outcome| {
        !outcome.changes_nothing() && context.answers_at_once(outcome) && is_answer(outcome)
    };
    let outcomes = context.outcomes_of_untaken(config, pending).into_iter();
    ways.extend(outcomes.filter(answers).map(Way::Answer));
    let between = outcomes_between(context, config, pending).into_iter();
    ways.extend(between.filter(answers).map(Way::Answer));
    let before = outcomes_before(context, config, pending).into_iter();
    let before = before.filter(|(_, outcome)| answers(outcome));
    ways.extend(before.map(|(past, outcome)| Way::AnswerBefore(past, outcome)));
    ways
}

fn to_invoke(
    context: &Context<'_>,
    config: &Configuration,
    command: CommandId,
    seen: &ObservedCallback,
) -> Ways {
    let mut ways = Ways::new();
    let same = |callback: &Callback| callback.command == command && seen.is(callback);
    for (position, begun) in config.begun.iter().enumerate().filter(|(_, begun)| same(begun)) {
        ways.push(Way::See(position, *begun));
    }
    if !context.exhaustive {
        let callbacks = vdi_model::callbacks(&config.state, context.profile());
        ways.extend(callbacks.into_iter().filter(same).map(Way::Invoke));
    }
    ways
}

/// Goes that way: the event has then happened.
pub(super) fn go(
    context: &Context<'_>,
    config: &mut Configuration,
    event: &Observation<'_>,
    way: &Way,
) {
    let held = matches!(event, Observation::Callback { seen, .. } if seen.held);
    let pending = event.returns().and_then(|slot| context.find(slot));
    let pending = pending.map(|index| &context.pending[index]);
    match (way, pending) {
        (Way::Stay, _) => {}
        (Way::Possible(known), Some(pending)) => {
            let Tentative { answer, noted: (depth, noted), .. } = *known;
            let (began, lane) = (pending.line, pending.lane);
            context.record(config, Moment::Possible { began, lane, answer, depth, noted });
            if let TentativeAnswer::Outcome(outcome) = &known.answer {
                note_misuse(context, config, pending, outcome);
                if config.taken.has(pending.slot) {
                    vdi_model::apply_return(&mut config.state, pending.lane, outcome);
                }
            }
        }
        (Way::Answer(outcome), Some(pending)) => answer(context, config, pending, outcome),
        (Way::Return(outcome), Some(pending)) => {
            if !is_ready(&config.state, pending.lane) {
                context.record_call(config, pending, outcome);
            }
            vdi_model::apply_return(&mut config.state, pending.lane, outcome);
        }
        (Way::AnswerBefore(past, outcome), Some(pending)) => {
            answer_before(context, config, pending, *past, outcome);
        }
        (Way::ReturnBefore(past, outcome), Some(pending)) => {
            context.record_call(config, pending, outcome);
            let lane = pending.lane;
            config.happen_before(*past, |state| vdi_model::apply_return(state, lane, outcome));
        }
        (Way::See(position, begun), _) => {
            config.begun.remove(*position);
            if !held {
                vdi_model::end_callback(&mut config.state, begun.lane);
            }
        }
        (Way::Invoke(callback), _) => {
            vdi_model::apply_callback(&mut config.state, callback, held);
            context.record(config, Moment::Began(*callback));
            if let Scope::Device(device) = context.scope {
                config.end_past_of(context, device, callback.lane);
            }
        }
        (
            Way::Possible(_)
            | Way::Answer(_)
            | Way::Return(_)
            | Way::AnswerBefore(..)
            | Way::ReturnBefore(..),
            None,
        ) => {}
    }
    if let Some(pending) = pending {
        note_return(context, config, pending.slot);
        config.forget(pending.slot);
    }
    let changed = pending.map_or(context.scope, |pending| pending.scope);
    note_changes(context, config, pending.map(|pending| pending.slot), changed);
}

/// The call takes effect and returns.
fn answer(
    context: &Context<'_>,
    config: &mut Configuration,
    pending: &Pending<'_>,
    outcome: &Outcome,
) {
    let caller = pending.call.caller();
    let ends = may_leave_past(config, pending.call) || is_close(pending.call);
    let before = ends.then(|| config.clone());
    vdi_model::apply_and_return(&mut config.state, pending.lane, caller, outcome);
    if let Some(before) = before {
        note_past(context, config, &before, pending);
        note_closing(config, &before.state, pending);
    }
    note_misuse(context, config, pending, outcome);
    context.record_call(config, pending, outcome);
}

/// The same, before what has happened.
fn answer_before(
    context: &Context<'_>,
    config: &mut Configuration,
    pending: &Pending<'_>,
    past: usize,
    outcome: &Outcome,
) {
    let (lane, caller) = (pending.lane, pending.call.caller());
    config.happen_before(past, |state| {
        vdi_model::apply_and_return(state, lane, caller, outcome);
    });
    note_misuse(context, config, pending, outcome);
    context.record_call(config, pending, outcome);
}
