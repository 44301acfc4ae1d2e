//! What may happen between two events: which calls can take effect, what the interface
//! and its agent can do by themselves.

use smallvec::SmallVec;

use super::bearing::{Bearing, bearing};
use super::between::{note_closing, outcomes_between, returns_between};
use super::configuration::Configuration;
use super::context::{Context, Pending, Scope, is_agent, is_ready, note_misuse};
use super::linearization::{Moment, Spontaneous, TentativeAnswer};
use super::observation::Observation;
use super::outlook::ends_softly;
use super::past::{note_end, note_past, outcomes_before, returns_before};
use super::slots::{Slot, SlotSet};
use vdi_model::{
    Agent, Callback, Caller, ClientLife, Command, CommandId, LaneId, Outcome, ServerLife, State,
};
use vdi_spec::codes::CommandCode;

/// What can happen between two events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// An open call takes effect, by its position.
    TakeEffect(usize),
    /// A call that waits is decided, by its position.
    Decide(usize),
    /// The interface begins to invoke the routine of a command on a lane.
    Invoke(CommandId, LaneId),
    /// The agent has begun to invoke the routine of a command before the abort.
    Begin(CommandId),
    /// Something happens without a call, by its position.
    Spontaneous(usize),
}

pub(super) type Configurations = Vec<Configuration>;

/// What can happen next, as far as it bears on the event.
pub(super) fn next(
    context: &Context<'_>,
    config: &Configuration,
    event: &Observation<'_>,
) -> SmallVec<[Step; 8]> {
    let mut steps = SmallVec::new();
    let scope = scope_at(context, config);
    let reduces = context.reduces && scope == Scope::Set;
    let bearing = if reduces { bearing(context, config, event) } else { None };
    for (index, pending) in context.pending.iter().enumerate() {
        let bears = bearing.as_ref().is_none_or(|bearing| bearing.has_call(index));
        if !bears || !scope.covers(pending.scope) {
            continue;
        }
        if !config.taken.has(pending.slot) {
            steps.push(Step::TakeEffect(index));
        } else if waits(&config.state, pending, scope) {
            steps.push(Step::Decide(index));
        }
    }
    let of_device = |state: &State, callback: &Callback| {
        let device = state.command(callback.command).map(|command| command.device);
        device.is_none_or(|device| {
            scope.covers(Scope::Device(device))
                && bearing.as_ref().is_none_or(|bearing| bearing.has_routines_of(device))
        })
    };
    if routines_matter(context, &config.state, scope) {
        for callback in vdi_model::callbacks(&config.state, context.profile()) {
            let step = Step::Invoke(callback.command, callback.lane);
            if of_device(&config.state, &callback) && !steps.contains(&step) {
                steps.push(step);
            }
        }
    }
    if let Some((_, before)) = config.before_abort_of_agent() {
        for callback in vdi_model::callbacks(&before, context.profile()) {
            let step = Step::Begin(callback.command);
            let seen = event.invokes();
            let matters = (scope == Scope::Set && seen.is_none())
                || seen == Some(callback.command)
                || before
                    .command(callback.command)
                    .is_some_and(|command| errors_matter(&before, command.device));
            if matters && of_device(&before, &callback) && !steps.contains(&step) {
                steps.push(step);
            }
        }
    }
    if scope == Scope::Set {
        let spontaneous = context.spontaneous.iter().enumerate();
        let bears = |known: &Spontaneous| {
            let exits = bearing.as_ref().is_none_or(Bearing::has_exit);
            exits || !ends_softly(context, config, known)
        };
        let ahead =
            spontaneous.filter(|(_, (slot, known))| !config.taken.has(*slot) && bears(known));
        steps.extend(ahead.map(|(index, _)| Step::Spontaneous(index)));
    }
    steps
}

/// What the event depends on from this configuration on: on the whole set as long as
/// anything that concerns the whole set is still to come.
fn scope_at(context: &Context<'_>, config: &Configuration) -> Scope {
    let unsettled =
        |pending: &Pending<'_>| pending.scope == Scope::Set && !is_settled(config, pending);
    let ahead = |(slot, _): &(Slot, Spontaneous)| !config.taken.has(*slot);
    let whole = context.exhaustive
        || context.pending.iter().any(unsettled)
        || context.spontaneous.iter().any(ahead);
    if whole { Scope::Set } else { context.scope }
}

/// Whether nothing can come of the call any more but its return, or it is the agent's.
fn is_settled(config: &Configuration, pending: &Pending<'_>) -> bool {
    let state = &config.state;
    config.taken.has(pending.slot)
        && (is_ready(state, pending.lane) || state.agent == Agent::Running { lane: pending.lane })
}

/// Whether the call, which has begun to wait, can still be decided.
fn waits(state: &State, pending: &Pending<'_>, scope: Scope) -> bool {
    use vdi_model::Pending as P;
    match state.in_progress(pending.lane).map(|call| call.pending) {
        Some(P::GetConfiguration(_) | P::GetCommand(..) | P::ServerClose(_)) => true,
        Some(P::Ready(_) | P::Routine) => false,
        // The agent's end matters to what concerns the whole set.
        None => scope == Scope::Set && is_agent(state, pending.lane),
    }
}

/// Whether anything depends on which routines were begun already. After an abort
/// nothing does; nor does it on a device that is not in the error state nor about to be.
fn routines_matter(context: &Context<'_>, state: &State, scope: Scope) -> bool {
    if context.exhaustive {
        return true;
    }
    if state.aborted.is_some() {
        return false;
    }
    match scope {
        Scope::Device(device) => errors_matter(state, device),
        Scope::Set => true,
    }
}

/// Whether a device is in the error state, or about to enter it.
fn errors_matter(state: &State, device: u8) -> bool {
    let changes_error_state = |command: &Command| {
        command.device == device
            && (command.fails_device || command.code == CommandCode::ClearError)
    };
    state.devices[usize::from(device)].errored || state.commands.iter().any(changes_error_state)
}

/// Every way in which a step can move a configuration. `target` is the call whose
/// return is being explained: what it can do at that moment is no separate step.
pub(super) fn apply(
    context: &Context<'_>,
    config: &Configuration,
    step: Step,
    target: Option<Slot>,
) -> Configurations {
    let mut changed = Scope::Set;
    let mut moved = match step {
        Step::TakeEffect(index) => {
            changed = context.pending[index].scope;
            take_effect(context, config, &context.pending[index], target)
        }
        Step::Decide(index) => {
            changed = context.pending[index].scope;
            decide(context, config, &context.pending[index], target)
        }
        Step::Invoke(command, lane) => {
            let mut callbacks = vdi_model::callbacks(&config.state, context.profile());
            callbacks.retain(|callback| callback.command == command && callback.lane == lane);
            callbacks.iter().map(|callback| invoke(context, config, callback)).collect()
        }
        Step::Begin(command) => begin(context, config, command),
        Step::Spontaneous(index) => vec![happen(context, config, index)],
    };
    moved.iter_mut().for_each(|after| note_changes(context, after, None, changed));
    moved
}

/// Whether there is a way in which a step can move a configuration.
pub(super) fn can_apply(
    context: &Context<'_>,
    config: &Configuration,
    step: Step,
    target: Option<Slot>,
) -> bool {
    match step {
        Step::TakeEffect(index) => {
            let pending = &context.pending[index];
            let is_target = target == Some(pending.slot);
            let takes = |outcome: &Outcome| !takes_nothing(context, outcome, is_target);
            context.outcomes_of_untaken(config, pending).iter().any(takes)
                || outcomes_between(context, config, pending).iter().any(takes)
                || outcomes_before(context, config, pending).iter().any(|(_, known)| takes(known))
        }
        Step::Decide(index) => {
            let pending = &context.pending[index];
            let agent = is_agent(&config.state, pending.lane);
            let is_target = target == Some(pending.slot);
            let decides = |outcome: &Outcome| !decides_nothing(context, outcome, is_target, agent);
            let returns = vdi_model::returns(&config.state, context.profile(), pending.lane);
            returns.iter().any(decides)
                || returns_between(context, config, pending).iter().any(decides)
                || returns_before(context, config, pending).iter().any(|(_, known)| decides(known))
        }
        Step::Invoke(..) | Step::Begin(_) | Step::Spontaneous(_) => true,
    }
}

/// Whether an outcome of a call that has not taken effect is no separate step.
fn takes_nothing(context: &Context<'_>, outcome: &Outcome, is_target: bool) -> bool {
    let skipped = outcome.changes_nothing()
        || outcome.waits_for().is_some()
        || (is_target && context.answers_at_once(outcome));
    skipped && !context.exhaustive
}

/// The same of a call that waits.
const fn decides_nothing(
    context: &Context<'_>,
    outcome: &Outcome,
    is_target: bool,
    agent: bool,
) -> bool {
    let skipped = is_target || (outcome.changes_nothing() && !agent);
    skipped && !context.exhaustive
}

fn take_effect(
    context: &Context<'_>,
    config: &Configuration,
    pending: &Pending<'_>,
    target: Option<Slot>,
) -> Configurations {
    let is_target = target == Some(pending.slot);
    let (lane, caller) = (pending.lane, pending.call.caller());
    let mut moved = Configurations::new();
    let mut push = |outcome: &Outcome, past: Option<usize>| {
        if takes_nothing(context, outcome, is_target) {
            return;
        }
        let mut after = config.clone();
        if let Some(past) = past {
            after.happen_before(past, |state| vdi_model::apply(state, lane, caller, outcome));
        } else {
            vdi_model::apply(&mut after.state, lane, caller, outcome);
            note_past(context, &mut after, config, pending);
            note_closing(&mut after, &config.state, pending);
        }
        after.taken.add(pending.slot);
        after.retract(pending.slot);
        after.leave_past(SlotSet::of(pending.slot));
        note_misuse(context, &mut after, pending, outcome);
        context.record_call(&mut after, pending, outcome);
        moved.push(after);
    };
    context.outcomes_of_untaken(config, pending).iter().for_each(|outcome| push(outcome, None));
    outcomes_between(context, config, pending).iter().for_each(|outcome| push(outcome, None));
    let before = outcomes_before(context, config, pending);
    before.iter().for_each(|(past, outcome)| push(outcome, Some(*past)));
    moved
}

fn decide(
    context: &Context<'_>,
    config: &Configuration,
    pending: &Pending<'_>,
    target: Option<Slot>,
) -> Configurations {
    let is_target = target == Some(pending.slot);
    let mut moved = Configurations::new();
    let agent = is_agent(&config.state, pending.lane);
    let mut push = |outcome: &Outcome, past: Option<usize>| {
        if decides_nothing(context, outcome, is_target, agent) {
            return;
        }
        let mut after = config.clone();
        if let Some(past) = past {
            after.happen_before(past, |state| vdi_model::settle(state, pending.lane, outcome));
        } else {
            vdi_model::settle(&mut after.state, pending.lane, outcome);
        }
        after.retract(pending.slot);
        after.leave_past(SlotSet::of(pending.slot));
        context.record_call(&mut after, pending, outcome);
        moved.push(after);
    };
    let returns = vdi_model::returns(&config.state, context.profile(), pending.lane);
    returns.iter().for_each(|outcome| push(outcome, None));
    returns_between(context, config, pending).iter().for_each(|outcome| push(outcome, None));
    let before = returns_before(context, config, pending);
    before.iter().for_each(|(past, outcome)| push(outcome, Some(*past)));
    moved
}

/// The agent has begun to invoke a routine before the abort that has happened.
fn begin(context: &Context<'_>, config: &Configuration, command: CommandId) -> Configurations {
    let Some((past, before)) = config.before_abort_of_agent() else {
        return Configurations::new();
    };
    let mut callbacks = vdi_model::callbacks(&before, context.profile());
    callbacks.retain(|known| known.command == command && before.free_agent() == Some(known.lane));
    let begun = callbacks.iter().map(|callback| {
        let mut after = config.clone();
        after.happen_before(past, |state| vdi_model::apply_callback(state, callback, true));
        after.end_past_of_agent();
        note_begun(context, &mut after, callback);
        after
    });
    begun.collect()
}

fn invoke(context: &Context<'_>, config: &Configuration, callback: &Callback) -> Configuration {
    let mut after = config.clone();
    vdi_model::apply_callback(&mut after.state, callback, true);
    note_begun(context, &mut after, callback);
    after
}

fn note_begun(context: &Context<'_>, config: &mut Configuration, callback: &Callback) {
    let position = config.begun.partition_point(|begun| begun.lane <= callback.lane);
    config.begun.insert(position, *callback);
    context.record(config, Moment::Began(*callback));
}

/// What was said to happen without a call happens.
fn happen(context: &Context<'_>, config: &Configuration, index: usize) -> Configuration {
    let mut after = config.clone();
    let (slot, spontaneous) = context.spontaneous[index];
    after.taken.add(slot);
    let softly = ends_softly(context, config, &spontaneous);
    context.record(&mut after, Moment::Spontaneous(spontaneous));
    if !softly {
        after.pasts.clear();
    }
    match spontaneous {
        Spontaneous::Exit(caller) => {
            vdi_model::exit(&mut after.state, caller);
            if softly && !matches!(caller, Caller::Client(1..)) {
                note_end(context, &mut after, config);
            }
            let lost = |pending: &&Pending<'_>| pending.lost && pending.call.caller() == caller;
            for pending in context.pending.iter().filter(lost) {
                if after.pasts.iter().any(|past| past.slots.has(pending.slot)) {
                    continue;
                }
                after.taken.add(pending.slot);
                after.retract(pending.slot);
            }
            if caller == Caller::Server {
                after.begun.clear();
            }
        }
        Spontaneous::Passes(lane, passes) => {
            (0..passes).for_each(|_| vdi_model::expire(&mut after.state, context.profile(), lane));
        }
    }
    after
}

/// Notes for every open call on which a change of this scope bears what it could
/// return now without any effect. The call in the slot that is excepted has returned.
pub(super) fn note_changes(
    context: &Context<'_>,
    config: &mut Configuration,
    excepted: Option<Slot>,
    changed: Scope,
) {
    let State { server, client, aborted, .. } = &config.state;
    let dead = *server == ServerLife::Dead || *client == ClientLife::Dead;
    if dead || (aborted.is_some() && context.reduces) {
        config.end_lost(context);
    }
    config.normalize();
    if context.exhaustive {
        return;
    }
    for pending in context.pending.iter().filter(|pending| !pending.lost) {
        let bears = changed.covers(pending.scope) || pending.scope == Scope::Set;
        if bears && Some(pending.slot) != excepted {
            note_answers(context, config, pending);
        }
    }
}

/// Notes what an open call could return now without any effect.
pub(super) fn note_answers(
    context: &Context<'_>,
    config: &mut Configuration,
    pending: &Pending<'_>,
) {
    let (slot, line) = (pending.slot, context.line);
    if config.taken.has(slot) {
        let agent = is_agent(&config.state, pending.lane);
        if !agent && waits(&config.state, pending, Scope::Set) {
            let mut returns = vdi_model::returns(&config.state, context.profile(), pending.lane);
            returns.extend(returns_between(context, config, pending));
            let before = returns_before(context, config, pending);
            returns.extend(before.into_iter().map(|(_, outcome)| outcome));
            for outcome in returns.iter().filter(|outcome| outcome.changes_nothing()) {
                config.note(slot, TentativeAnswer::Outcome(*outcome), line);
            }
        }
        return;
    }
    let mut outcomes = context.outcomes(&config.state, pending);
    if outcomes.iter().any(|outcome| outcome.waits_for().is_some()) {
        config.note(slot, TentativeAnswer::Wait, line);
        outcomes = context.outcomes_of_untaken(config, pending);
    } else if config.could_wait(slot) {
        outcomes = context.outcomes_of_untaken(config, pending);
    }
    outcomes.extend(outcomes_between(context, config, pending));
    let before = outcomes_before(context, config, pending);
    outcomes.extend(before.into_iter().map(|(_, outcome)| outcome));
    for outcome in outcomes.iter().filter(|outcome| outcome.changes_nothing()) {
        config.note(slot, TentativeAnswer::Outcome(*outcome), line);
    }
    if vdi_model::takes_resources(pending.call, &outcomes) {
        config.note(slot, TentativeAnswer::SystemError, line);
    }
}
