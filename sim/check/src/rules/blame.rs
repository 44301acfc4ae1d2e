//! Whom a wrong call is held against: a caller who could know that it was wrong.
//!
//! Which of the calls that are in progress together come first, their callers do not decide. So
//! a call is its caller's fault only if it was wrong when it began, whatever the calls then in
//! progress came to. A second Open beside the first is none: the first may fail. Nor is a Close
//! before every device is closed, beside a SignalAbort, after which that is not required.
//!
//! So it is for what has its place in the order of calls. What is used up by one call and is
//! given to two at once, as a command that two threads complete, is wrong in every order.

use vdi_model::{Call, ClientCall, ClientLife, LaneId, Outcome, ServerCall, State};

use crate::Checker;
use crate::linearize::{Configuration, SLOTS};
use crate::session::{Bound, OpenCall, Session, outcomes, outcomes_of};
use crate::terms::Terms;

/// In how many configurations a call is tried: it is in the first of them, mostly, that it is
/// right.
const TRIED: usize = 64;

/// Of how many calls it is remembered that they might have been right: more than can be in
/// progress at once.
const REMEMBERED: usize = 2 * SLOTS;

/// Notes whether the call that begins in this line may be right.
pub(crate) fn note_if_right(checker: &mut Checker, lane: LaneId, bound: &Bound) {
    if !has_its_place(&bound.call) {
        return;
    }
    let Checker { session, terms, report, .. } = checker;
    let caller = Begins { session, terms, lane, bound };
    if caller.may_be_right() {
        if session.right.len() == REMEMBERED {
            session.right.pop_front();
        }
        session.right.push_back((report.line, lane));
    }
}

/// A call that begins.
struct Begins<'a> {
    session: &'a Session,
    terms: &'a Terms,
    lane: LaneId,
    bound: &'a Bound,
}

impl Begins<'_> {
    fn may_be_right(&self) -> bool {
        let track = &self.session.sets[self.bound.set];
        let untaken = |call: &&OpenCall| !call.effect.taken;
        if track.in_order.iter().any(|state| self.may_be_right_in(state, untaken)) {
            return true;
        }
        let searched = track.frontier.iter().flat_map(|frontier| &frontier.configurations);
        searched.take(TRIED).any(|config: &Configuration| {
            self.may_be_right_in(&config.state, |call| !config.taken.has(call.slot))
        })
    }

    /// Whether the call is right as things stand, or when one of the others, or all of them in
    /// the order in which they began, have taken effect.
    fn may_be_right_in(&self, state: &State, untaken: impl Fn(&&OpenCall) -> bool) -> bool {
        if self.is_right(state) {
            return true;
        }
        let mut all = state.clone();
        for other in self.session.calls_of(self.bound.set).filter(untaken) {
            let after = |state: &State, outcome: &Outcome| {
                let mut state = state.clone();
                vdi_model::apply(&mut state, other.lane, other.bound.call.caller(), outcome);
                state
            };
            let outcomes = outcomes_of(self.terms, state, other);
            if outcomes.iter().any(|outcome| self.is_right(&after(state, outcome))) {
                return true;
            }
            let outcomes = outcomes_of(self.terms, &all, other);
            if let Some(outcome) = outcomes.iter().find(|outcome| !outcome.refuses()) {
                all = after(&all, outcome);
            }
            if self.is_right(&all) {
                return true;
            }
        }
        false
    }

    fn is_right(&self, state: &State) -> bool {
        // Whatever call it is that makes the set.
        if let Call::Client(ClientCall::Create { flaw: None, .. }) = self.bound.call
            && state.client != ClientLife::Created
        {
            return true;
        }
        // While another call opens another set on the interface, this one may come first.
        if let Call::Secondary(number, ClientCall::OpenInSecondary { .. }) = self.bound.call
            && let Some(name) = &self.bound.name
            && !state.client_open(number)
            && self.session.find(name).is_some_and(|found| found != self.bound.set)
        {
            return true;
        }
        let outcomes = outcomes(self.terms, state, self.lane, self.bound);
        outcomes.iter().any(|outcome| outcome.misuse[0].is_none())
    }
}

/// Whether the documents give the call a place among the others, so that it depends on their
/// order whether it is right.
const fn has_its_place(call: &Call) -> bool {
    match call {
        Call::Server(call) => match call {
            ServerCall::Open { .. }
            | ServerCall::GetConfiguration
            | ServerCall::BeginConfiguration { .. }
            | ServerCall::RequestBuffers(_)
            | ServerCall::QueryAvailableBuffers(_)
            | ServerCall::AllocateBuffer { .. }
            | ServerCall::IsSharedBuffer { .. }
            | ServerCall::EndConfiguration
            | ServerCall::ExecuteCompletionAgent
            | ServerCall::OpenDevice { .. }
            | ServerCall::SignalAbort
            | ServerCall::CloseDevice { .. }
            | ServerCall::Close => true,
            ServerCall::FreeBuffer { .. } | ServerCall::SendCommand(_) => false,
        },
        Call::Client(call) | Call::Secondary(_, call) => match call {
            ClientCall::Create { .. }
            | ClientCall::OpenInSecondary { .. }
            | ClientCall::GetConfiguration { .. }
            | ClientCall::OpenDevice { .. }
            | ClientCall::GetBufferHandle { .. }
            | ClientCall::MapBufferHandle { .. }
            | ClientCall::SignalAbort
            | ClientCall::Close => true,
            ClientCall::GetCommand { .. } | ClientCall::CompleteCommand { .. } => false,
        },
    }
}
