//! A Close that aborts the set, and what it releases a moment later.
//!
//! No document says that Close is one step: it aborts the set, and its interface is without a
//! set when it has released it. In between, what is called meanwhile is answered as after any
//! abort. A [`Closing`] is remembered until nothing can be answered so any more: while the Close
//! is in progress, and for the calls that were so when it returned. What comes of a call then
//! is a refusal, which changes nothing but that it may owe a callback; so the state itself
//! needs no step in between. Of two Closes of an interface one closes it, still.

use smallvec::SmallVec;

use super::configuration::Configuration;
use super::context::{Context, Pending};
use super::slots::{Slot, SlotSet};
use crate::session::{OpenCall, outcomes_of};
use crate::terms::Terms;
use vdi_model::{BufferId, Call, Caller, ClientCall, Command, Outcome, ServerCall, Stage, State};

/// A Close that has aborted the set, and may not yet have released it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    /// Whose it is.
    caller: Caller,
    /// The call itself, until it has returned.
    slot: Option<Slot>,
    /// The calls that were in progress then, and may have taken effect in between.
    slots: SlotSet,
    /// The buffers that the client kept at the abort, and lets go.
    kept: SmallVec<[BufferId; 1]>,
}

/// What is remembered of each, the latest last.
pub(crate) type Closings = SmallVec<[Closing; 1]>;

impl Closing {
    /// A Close that has aborted the set, with the state before it.
    pub(super) fn new(slot: Slot, call: &Call, before: &State) -> Self {
        let lets_go = matches!(call, Call::Client(_));
        let held = |command: &&Command| lets_go && command.stage == Stage::Delivered;
        let held = before.commands.iter().filter(held);
        let kept = held.filter_map(|command| command.buffer).collect();
        Self { caller: call.caller(), slot: Some(slot), slots: SlotSet::default(), kept }
    }

    /// Whether it is the primary's, and in progress.
    pub(crate) fn is_of_primary(&self) -> bool {
        self.caller == Caller::Client(0) && self.slot.is_some()
    }

    /// Whether a call may have taken effect in between.
    fn admits(&self, slot: Slot) -> bool {
        match self.slot {
            Some(own) => own != slot,
            None => self.slots.has(slot),
        }
    }

    /// The state in between.
    fn view(&self, state: &State) -> State {
        let mut between = state.clone();
        vdi_model::reopen(&mut between, self.caller);
        for buffer in between.buffers.iter_mut().filter(|known| self.kept.contains(&known.id)) {
            buffer.kept = true;
        }
        between
    }
}

/// Whether a call is a Close.
pub(crate) const fn is_close(call: &Call) -> bool {
    match call {
        Call::Server(call) => matches!(call, ServerCall::Close),
        Call::Client(call) | Call::Secondary(_, call) => matches!(call, ClientCall::Close),
    }
}

/// A call has taken effect: if it is a Close that has aborted the set, it may not have released
/// it yet.
pub(super) fn note_closing(config: &mut Configuration, before: &State, pending: &Pending<'_>) {
    if is_close(pending.call) && before.aborted.is_none() && config.state.aborted.is_some() {
        config.closings.push(Closing::new(pending.slot, pending.call, before));
    }
}

/// A call returns. If it is such a Close, what is in progress may have taken effect before.
pub(super) fn note_return(context: &Context<'_>, config: &mut Configuration, slot: Slot) {
    for closing in config.closings.iter_mut().filter(|closing| closing.slot == Some(slot)) {
        closing.slot = None;
        let others = context.pending.iter().filter(|known| known.slot != slot && !known.lost);
        others.for_each(|known| closing.slots.add(known.slot));
    }
}

impl Configuration {
    /// These calls have returned, or are no calls of the set.
    pub(super) fn leave_closings(&mut self, slots: SlotSet) {
        for closing in &mut self.closings {
            closing.slots.remove_all(slots);
            closing.slot = closing.slot.filter(|slot| !slots.has(*slot));
        }
        let remains =
            |known: &mut Closing| known.slot.is_some() || known.slots != SlotSet::default();
        self.closings.retain(remains);
    }
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
