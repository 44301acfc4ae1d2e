//! What comes of calls while a Close has aborted their set, and not released it: see
//! [`Closing`].

use smallvec::SmallVec;

use super::closing::{Closing, is_close};
use super::configuration::Configuration;
use super::context::{Context, Pending};
use super::slots::Slot;
use crate::session::{OpenCall, outcomes_of};
use crate::terms::Terms;
use vdi_model::{Outcome, State};

/// A call has taken effect: if it is a Close that has aborted the set, it may not have released
/// it yet.
pub(super) fn note_closing(config: &mut Configuration, before: &State, pending: &Pending<'_>) {
    if is_close(pending.call) && before.aborted.is_none() && config.state.aborted.is_some() {
        config.closings.push(Closing::new(pending.slot, pending.call, before));
    }
}

/// A call returns. If it is such a Close, what is in progress may have taken effect before.
pub(super) fn note_return(context: &Context<'_>, config: &mut Configuration, slot: Slot) {
    let others = || {
        let others = context.pending.iter().filter(|known| known.slot != slot && !known.lost);
        others.map(|known| known.slot)
    };
    config.closings.iter_mut().for_each(|closing| closing.returns(slot, others()));
}

/// The states in between that a call may have taken effect in.
fn states_between(config: &Configuration, slot: Slot) -> impl Iterator<Item = State> + '_ {
    let admitting = config.closings.iter().filter(move |closing| closing.admits(slot));
    admitting.map(|closing| closing.view(&config.state))
}

/// What a call that has not taken effect may come to while a Close has aborted the set and not
/// released it.
pub(super) fn outcomes_between(
    context: &Context<'_>,
    config: &Configuration,
    pending: &Pending<'_>,
) -> SmallVec<[Outcome; 2]> {
    let could_wait = config.could_wait(pending.slot);
    states_between(config, pending.slot)
        .flat_map(|between| context.outcomes_of_waiting(&between, could_wait, pending))
        .filter(refuses)
        .collect()
}

/// The same of what a call that has begun to wait may return.
pub(super) fn returns_between(
    context: &Context<'_>,
    config: &Configuration,
    pending: &Pending<'_>,
) -> SmallVec<[Outcome; 2]> {
    states_between(config, pending.slot)
        .flat_map(|between| vdi_model::returns(&between, context.profile(), pending.lane))
        .filter(Outcome::changes_nothing)
        .collect()
}

/// Whether this is all that can come of a call in between: it changes nothing.
const fn refuses(outcome: &Outcome) -> bool {
    outcome.refuses() || outcome.aborts() || outcome.changes_nothing()
}

/// Whether a call may take effect in between.
pub(crate) fn may_be_between(config: &Configuration, slot: Slot) -> bool {
    config.closings.iter().any(|closing| closing.admits(slot))
}

/// What an open call may come to, or return, in these states: for whoever asks between two
/// events.
pub(crate) fn answers_between<'a>(
    terms: &'a Terms,
    config: &'a Configuration,
    call: &'a OpenCall,
) -> impl Iterator<Item = Outcome> + 'a {
    let taken = config.taken.has(call.slot);
    let answers = move |between: State| match taken {
        true => vdi_model::returns(&between, &terms.profile, call.lane),
        false => outcomes_of(terms, &between, call),
    };
    let all = states_between(config, call.slot).flat_map(answers);
    all.filter(move |outcome| if taken { outcome.changes_nothing() } else { refuses(outcome) })
}
