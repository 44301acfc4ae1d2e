//! One allowed outcome of a call: the answer, the clause it rests on, and the
//! effect on the state.

use smallvec::SmallVec;

use super::answer::{Answer, Expected, Reply};
use super::effect::Effect;
use super::state::Pending;
use vdi_spec::clauses::Clause;
use vdi_spec::codes::HResult;

/// One allowed outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Outcome {
    /// What the caller sees.
    pub answer: Answer,
    /// The clause it rests on first.
    pub clause: Clause,
    /// Further clauses it rests on.
    pub also: [Option<Clause>; 3],
    /// The obligations of server or client that the call breaks.
    pub misuse: [Option<Clause>; 2],
    /// Whether it is the exception that a shortage of resources makes.
    pub exceptional: bool,
    /// For a call in progress: whether this return must come by itself.
    /// An expiry need not.
    pub forced: bool,
    pub(super) effect: Effect,
}

/// The allowed outcomes of a call.
pub type Outcomes = SmallVec<[Outcome; 2]>;

impl Outcome {
    pub(super) const fn new(answer: Answer, clause: Clause) -> Self {
        Self {
            answer,
            clause,
            also: [None; 3],
            misuse: [None; 2],
            exceptional: false,
            forced: true,
            effect: Effect::None,
        }
    }

    /// The call returns with this status.
    pub(super) const fn returns(status: HResult, clause: Clause) -> Self {
        Self::new(Answer::Returns(Expected::Status(status)), clause)
    }

    /// The call stays in progress and waits.
    pub(super) const fn blocks(pending: Pending, clause: Clause) -> Self {
        Self::new(Answer::Blocks, clause).effecting(Effect::Wait(pending))
    }

    pub(super) const fn effecting(self, effect: Effect) -> Self {
        Self { effect, ..self }
    }

    pub(super) const fn also(self, clause: Clause) -> Self {
        Self { also: [Some(clause), self.also[0], self.also[1]], ..self }
    }

    pub(super) const fn misuse(self, clause: Clause) -> Self {
        Self { misuse: [Some(clause), self.misuse[0]], ..self }
    }

    pub(super) const fn exceptional(self) -> Self {
        Self { exceptional: true, ..self }
    }

    pub(super) const fn unforced(self) -> Self {
        Self { forced: false, ..self }
    }

    /// The answer without the effect, which has happened already.
    pub(super) const fn reply(&self) -> Reply {
        Reply { answer: self.answer, clause: self.clause, also: self.also }
    }

    pub(super) const fn effect(&self) -> Effect {
        self.effect
    }

    /// The obligations of server or client that the call breaks.
    pub fn misuses(&self) -> impl Iterator<Item = Clause> + use<> {
        self.misuse.into_iter().flatten()
    }

    /// Whether the call returns at once and leaves the state as it was.
    #[must_use]
    pub const fn changes_nothing(&self) -> bool {
        matches!(self.effect, Effect::None) && !matches!(self.answer, Answer::Blocks)
    }

    /// Whether it creates the set.
    #[must_use]
    pub const fn creates(&self) -> bool {
        matches!(self.effect, Effect::Create(..))
    }

    /// Whether a callback on the calling lane comes before the return.
    #[must_use]
    pub const fn refuses(&self) -> bool {
        matches!(self.effect, Effect::Refuse(..))
    }

    /// Whether to abort the set is all that it does, which changes nothing where it is aborted.
    #[must_use]
    pub const fn aborts(&self) -> bool {
        matches!(self.effect, Effect::Abort(_))
    }

    /// What the call waits for, if to wait is all that it does.
    #[must_use]
    pub const fn waits_for(&self) -> Option<Pending> {
        match self.effect {
            Effect::Wait(pending) => Some(pending),
            _ => None,
        }
    }

    /// The clauses it rests on.
    pub fn clauses(&self) -> impl Iterator<Item = Clause> {
        std::iter::once(self.clause).chain(self.also.into_iter().flatten())
    }
}

impl From<Reply> for Outcome {
    fn from(reply: Reply) -> Self {
        Self { also: reply.also, ..Self::new(reply.answer, reply.clause) }
    }
}
