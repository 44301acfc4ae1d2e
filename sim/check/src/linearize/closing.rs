//! A Close that aborts the set, and what it releases a moment later.
//!
//! No document says that Close is one step: it aborts the set, and its interface is without a
//! set when it has released it. In between, what is called meanwhile is answered as after any
//! abort. A [`Closing`] is remembered until nothing can be answered so any more: while the Close
//! is in progress, and for the calls that were so when it returned. What comes of a call then
//! is a refusal, which changes nothing but that it may owe a callback; so the state itself
//! needs no step in between. Of two Closes of an interface one closes it, still.

use smallvec::SmallVec;

use super::slots::{Slot, SlotSet};
use vdi_model::{BufferId, Call, Caller, ClientCall, Command, ServerCall, Stage, State};

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
    pub(super) fn admits(&self, slot: Slot) -> bool {
        match self.slot {
            Some(own) => own != slot,
            None => self.slots.has(slot),
        }
    }

    /// If it is this call: it returns, and these others are in progress.
    pub(super) fn returns(&mut self, slot: Slot, others: impl Iterator<Item = Slot>) {
        if self.slot == Some(slot) {
            self.slot = None;
            others.for_each(|other| self.slots.add(other));
        }
    }

    /// The state in between.
    pub(super) fn view(&self, state: &State) -> State {
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

/// These calls have returned, or are no calls of the set.
pub(super) fn leave(closings: &mut Closings, slots: SlotSet) {
    for closing in closings.iter_mut() {
        closing.slots.remove_all(slots);
        closing.slot = closing.slot.filter(|slot| !slots.has(*slot));
    }
    closings.retain(|known| known.slot.is_some() || known.slots != SlotSet::default());
}
