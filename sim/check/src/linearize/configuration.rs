//! One way in which what was observed so far can have come about.

use smallvec::SmallVec;

use super::before::Pasts;
use super::closing::{self, Closings};
use super::linearization::{Linearization, TentativeAnswer};
use super::slots::{Slot, SlotSet};
use vdi_model::{Answer, Callback, LaneId, Outcome, State};
use vdi_spec::clauses::Clause;
use vdi_trace::Function;

/// An answer that an open call could have been given on the way, without any effect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tentative {
    pub(crate) slot: Slot,
    pub(crate) answer: TentativeAnswer,
    /// How long the linearization was when it became possible, and the line of the event then.
    pub(crate) noted: (usize, usize),
}

/// Whatever clause it rests on.
impl PartialEq for Tentative {
    fn eq(&self, other: &Self) -> bool {
        self.slot == other.slot && self.answer.is_same(&other.answer)
    }
}

/// An obligation that a caller broke, if this is what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Misuse {
    pub(crate) line: usize,
    pub(crate) clause: Clause,
    pub(crate) function: Function,
    pub(crate) lane: LaneId,
}

/// A configuration: a state of the set, and which of the open calls have taken effect
/// on the way to it. An open call that only waits has not.
#[derive(Debug, Default)]
pub(crate) struct Configuration {
    pub(crate) state: State,
    /// Open calls whose effect has happened.
    pub(crate) taken: SlotSet,
    /// Answers without effect that were possible since their calls began.
    pub(crate) tentative: SmallVec<[Tentative; 2]>,
    /// Completion routines that the interface has begun to invoke and nobody has seen yet.
    pub(crate) begun: SmallVec<[Callback; 1]>,
    /// What callers broke.
    pub(crate) misuse: SmallVec<[Misuse; 1]>,
    /// What was before an abort, or before the set became Active, while calls may still have
    /// taken effect then.
    pub(crate) pasts: Pasts,
    /// Every Close that has aborted the set, while it may not have released it.
    pub(crate) closings: Closings,
    /// How it came about, if that is asked for.
    pub(crate) linearization: Linearization,
}

/// Copies its lists as a whole, not one after the other.
impl Clone for Configuration {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            taken: self.taken,
            tentative: SmallVec::from_slice(&self.tentative),
            begun: SmallVec::from_slice(&self.begun),
            misuse: SmallVec::from_slice(&self.misuse),
            pasts: SmallVec::from_slice(&self.pasts),
            closings: self.closings.clone(),
            linearization: self.linearization.clone(),
        }
    }
}

/// What may come next is the same; how it came about, and who is to blame, need not be.
impl PartialEq for Configuration {
    fn eq(&self, other: &Self) -> bool {
        self.taken == other.taken
            && self.begun == other.begun
            && self.pasts == other.pasts
            && self.closings == other.closings
            && self.tentative.len() == other.tentative.len()
            && self.state == other.state
            && self.tentative.iter().all(|tentative| other.tentative.contains(tentative))
    }
}

/// What a call breaks by either outcome.
fn common(one: &Outcome, other: &Outcome) -> [Option<Clause>; 2] {
    let mut broken = one.misuses().filter(|clause| other.misuses().any(|same| same == *clause));
    [broken.next(), broken.next()]
}

impl Configuration {
    pub(crate) fn of(state: State) -> Self {
        let mut state = state;
        state.normalize();
        Self { state, ..Self::default() }
    }

    /// Remembers an answer; of several counts the least, which admits the most, and of
    /// several that are the same one by which only that is broken which is by each.
    pub(crate) fn note(&mut self, slot: Slot, answer: TentativeAnswer, line: usize) {
        for known in self.tentative.iter_mut().filter(|known| known.slot == slot) {
            if let (TentativeAnswer::Outcome(before), TentativeAnswer::Outcome(now)) =
                (&mut known.answer, &answer)
            {
                if let (Answer::Counts(before), Answer::Counts(least)) = (before.answer, now.answer)
                {
                    if least < before {
                        known.answer = answer;
                    }
                    return;
                }
                if before.answer == now.answer {
                    if before.misuse[0].is_some() && now.misuse[0].is_none() {
                        known.answer = answer;
                    } else {
                        before.misuse = common(before, now);
                    }
                    return;
                }
            } else if known.answer.is_same(&answer) {
                return;
            }
        }
        let noted = (self.linearization.depth(), line);
        self.tentative.push(Tentative { slot, answer, noted });
    }

    /// Of answers that both remember only that is broken which is by each; whether that is
    /// less than it was.
    pub(crate) fn blame_less(&mut self, other: &Self) -> bool {
        let mut less = false;
        for known in &mut self.tentative {
            let Some(same) = other.tentative.iter().find(|same| *same == known) else { continue };
            if let (TentativeAnswer::Outcome(own), TentativeAnswer::Outcome(other)) =
                (&mut known.answer, &same.answer)
            {
                let broken = common(own, other);
                less |= broken != own.misuse;
                own.misuse = broken;
            }
        }
        less
    }

    /// Whether the call in a slot could be waiting by now.
    pub(crate) fn could_wait(&self, slot: Slot) -> bool {
        self.tentative
            .iter()
            .any(|known| known.slot == slot && matches!(known.answer, TentativeAnswer::Wait))
    }

    /// Forgets what a call could be answered: it is decided.
    pub(crate) fn retract(&mut self, slot: Slot) {
        self.tentative.retain(|known| known.slot != slot);
    }

    /// Forgets a call: it has returned.
    pub(crate) fn forget(&mut self, slot: Slot) {
        self.taken.remove(slot);
        self.retract(slot);
        self.leave_past(SlotSet::of(slot));
        closing::leave(&mut self.closings, SlotSet::of(slot));
    }
}
