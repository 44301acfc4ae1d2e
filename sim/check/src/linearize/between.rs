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

/// What a call that has not taken effect may come to while a Close has aborted the set and not
/// released it.
pub(super) fn outcomes_between(
    context: &Context<'_>,
    config: &Configuration,
    pending: &Pending<'_>,
) -> SmallVec<[Outcome; 2]> {
    let mut all = SmallVec::new();
    for closing in config.closings.iter().filter(|closing| closing.admits(pending.slot)) {
        let between = closing.view(&config.state);
        let could_wait = config.could_wait(pending.slot);
        let outcomes = context.outcomes_of_waiting(&between, could_wait, pending);
        all.extend(outcomes.into_iter().filter(refuses));
    }
    all
}

/// Whether a call may take effect in between.
pub(crate) fn may_be_between(config: &Configuration, slot: Slot) -> bool {
    config.closings.iter().any(|closing| closing.admits(slot))
}

/// What an open call may come to, or return, in these states in between: for whoever asks
/// between two events.
pub(crate) fn answers_between<'a>(
    terms: &'a Terms,
    config: &'a Configuration,
    call: &'a OpenCall,
) -> impl Iterator<Item = Outcome> + 'a {
    let closings = config.closings.iter().filter(|closing| closing.admits(call.slot));
    closings.flat_map(move |closing| {
        let between = closing.view(&config.state);
        match config.taken.has(call.slot) {
            true => vdi_model::returns(&between, &terms.profile, call.lane),
            false => {
                let mut outcomes = outcomes_of(terms, &between, call);
                outcomes.retain(|outcome| refuses(outcome));
                outcomes
            }
        }
    })
}

/// Whether this is all that can come of a call in between: it changes nothing.
const fn refuses(outcome: &Outcome) -> bool {
    outcome.refuses() || outcome.aborts() || outcome.changes_nothing()
}

/// The same of what a call that has begun to wait may return.
pub(super) fn returns_between(
    context: &Context<'_>,
    config: &Configuration,
    pending: &Pending<'_>,
) -> SmallVec<[Outcome; 2]> {
    let mut all = SmallVec::new();
    for closing in config.closings.iter().filter(|closing| closing.admits(pending.slot)) {
        let between = closing.view(&config.state);
        let returns = vdi_model::returns(&between, context.profile(), pending.lane);
        all.extend(returns.into_iter().filter(Outcome::changes_nothing));
    }
    all
}
