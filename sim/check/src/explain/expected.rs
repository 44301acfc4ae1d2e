//! What was expected in place of an event that is not allowed.

use super::cause::{Refusal, Shows, others_errored};
use super::detail::{expected_answer, expected_callback, got};
use super::narrower::{Sends, alone, is_delivery, is_second_at_once};
use super::state::{answer_text, callback_text};
use super::verdict::Allowed;
use super::violation::violated;
use crate::Checker;
use crate::session::{ObservedCallback, OpenCall, Returned, Session, outcomes_of};
use vdi_model::{Answer, Call, Callback, Cause, CommandId, Expected, Outcome, ServerCall, State};
use vdi_spec::clauses::Clause;
use vdi_spec::codes::{HResult, Win32};
use vdi_trace::{Event, Out};

/// What an open call could have returned with in place of what was seen, state by state.
pub(crate) struct Expectations<'a> {
    checker: &'a Checker,
    /// The call, by its position.
    index: usize,
    seen: Returned<'a>,
    pub(crate) allowed: Vec<Allowed>,
    /// The clause of the first that needs no failure of the environment.
    usual: Option<Clause>,
    states: Vec<State>,
    /// The same of a SendCommand, by what it says of the command.
    sends: Sends,
    /// Whether it could first invoke a callback.
    owes: bool,
}

impl<'a> Expectations<'a> {
    pub(crate) fn new(checker: &'a Checker, index: usize, seen: Returned<'a>) -> Self {
        let (allowed, states) = (Vec::new(), Vec::new());
        let (sends, usual) = (Sends::default(), None);
        Self { checker, index, seen, allowed, usual, states, sends, owes: false }
    }

    /// Adds what the call could return in a state, in which it has taken effect or not.
    pub(crate) fn add(&mut self, state: &State, taken: bool) {
        self.states.push(state.clone());
        if taken {
            self.add_returns(state);
        } else {
            self.add_outcomes(state);
        }
    }

    /// The event is refused, since none of this was seen.
    pub(crate) fn refusal(self, event: &Event<'_>) -> Refusal {
        let call = &self.checker.session.calls[self.index];
        // The agent that returns before its time returns as after an abort, unless a callback
        // is all that is missing.
        let shows = match call.is_agent() {
            true if self.owes => Shows::Nothing,
            true => Shows::Abort,
            false => Shows::status(self.seen.status),
        };
        Refusal {
            set: call.bound.set,
            call: Some(self.index),
            clause: self.clause(),
            got: got(event, &self.allowed),
            expected: self.allowed,
            shows,
        }
    }

    /// The clause that the answer breaks by itself: the one that says most of it, of what had
    /// to come and not of what might have.
    fn clause(&self) -> Clause {
        // The command that came could have come in some order, only not like that.
        let as_sent = Clause::ClientGetCommandAsSent;
        if self.allowed.iter().any(|allowed| allowed.clause == as_sent) {
            return as_sent;
        }
        let first = || self.allowed.first().map(|allowed| allowed.clause);
        let own = self.usual.or_else(first).unwrap_or(Clause::AgentBlocks);
        let session = &self.checker.session;
        let bound = &session.calls[self.index].bound;
        let call = &bound.call;
        let narrower = match call {
            Call::Server(ServerCall::SendCommand(_)) => self.sends.clause(self.seen.status),
            // What is wrong is the number.
            Call::Server(ServerCall::QueryAvailableBuffers(_))
                if self.seen.status == HResult::NOERROR
                    && own == Clause::ServerQueryAvailableBuffersStatus =>
            {
                Some(Clause::ServerQueryAvailableBuffersCount)
            }
            Call::Server(_) | Call::Client(_) | Call::Secondary(..) => {
                is_delivery(&session.names, bound, &self.states, &self.seen, own)
            }
        };
        // A device in the error state delivers nothing.
        let errored = match call {
            Call::Server(_) => Shows::status(self.seen.status) == Shows::DeviceError,
            Call::Client(_) | Call::Secondary(..) => self.seen.status == HResult::VD_E_TIMEOUT,
        };
        narrower.unwrap_or_else(|| alone(own, call, errored))
    }

    fn push(&mut self, what: String, clause: Clause) {
        self.usual = self.usual.or(Some(clause));
        self.allowed.push(Allowed { what, clause });
    }

    /// What an outcome would have been, in place of what was seen.
    fn push_outcome(&mut self, outcome: &Outcome, what: String, clause: Clause) {
        // Once a call has taken effect it is no longer said that it took a failure.
        let no_memory = Some(Expected::Status(HResult::VD_E_MEMORY));
        if outcome.exceptional || outcome.answer.expected() == no_memory {
            self.allowed.push(Allowed { what, clause });
        } else {
            self.push(what, clause);
        }
    }

    fn add_outcomes(&mut self, state: &State) {
        let Checker { session, terms, .. } = self.checker;
        let open = &session.calls[self.index];
        let set = open.bound.set;
        for outcome in outcomes_of(terms, state, open) {
            let text = expected_answer(session, set, &outcome, self.seen.out);
            self.sends.add(&outcome, self.seen.status);
            if outcome.refuses() {
                // With the right status only the callback can be what is missing.
                let right = outcome.answer.expected().is_some_and(|e| e.admits(self.seen.status));
                let clause =
                    if right { Clause::ServerSendCommandErrorCallback } else { outcome.clause };
                let lane = session.lanes.name(open.lane);
                let what = format!("the command's callback on {lane}, then {text}");
                self.push_outcome(&outcome, what, clause);
            } else {
                let clause = blamed(session, set, &outcome, self.seen.out);
                self.push_outcome(&outcome, text, clause);
            }
        }
    }

    fn add_returns(&mut self, state: &State) {
        let Checker { session, terms, .. } = self.checker;
        let open = &session.calls[self.index];
        let (set, lane) = (open.bound.set, open.lane);
        let returns = vdi_model::returns(state, &terms.profile, lane);
        for outcome in &returns {
            let clause = blamed(session, set, outcome, self.seen.out);
            self.sends.add(outcome, self.seen.status);
            let text = expected_answer(session, set, outcome, self.seen.out);
            self.push_outcome(outcome, text, clause);
        }
        if !returns.is_empty() {
            return;
        }
        let owed = vdi_model::callbacks(state, &terms.profile);
        let mut first = owed.iter().filter(|callback| callback.lane == lane).peekable();
        if first.peek().is_none() {
            let what = format!("{} stays in its call", session.lanes.name(lane));
            self.push(what, vdi_model::blocks_by(state, lane));
        }
        for callback in first {
            self.owes = true;
            self.push(
                format!("first a {}", callback_text(session, set, callback)),
                callback.clause,
            );
        }
    }
}

/// The clause to blame when this outcome was expected: a delivery of the right
/// command can only have come otherwise than it was sent.
fn blamed(session: &Session, set: usize, outcome: &Outcome, out: &Out<'_>) -> Clause {
    match (outcome.answer, &out.command) {
        (Answer::Delivers(id), Some(name))
            if session.names.command_name(set, id) == name.as_str() =>
        {
            Clause::ClientGetCommandAsSent
        }
        _ => outcome.clause,
    }
}

/// The verdict on a callback that is not owed as it was seen.
pub(crate) fn callback_violated(
    checker: &mut Checker,
    set: usize,
    id: CommandId,
    seen: &ObservedCallback,
    event: &Event<'_>,
) {
    if let Some(refusal) = refused_send(checker, id, seen, event) {
        violated(checker, refusal);
        return;
    }
    let Checker { session, terms, .. } = checker;
    let mut expected = Vec::new();
    let mut clause = Clause::AgentCallback;
    for state in session.sets[set].states() {
        for callback in vdi_model::callbacks(state, &terms.profile) {
            if callback.command == id {
                let wrong_lane = ObservedCallback { lane: callback.lane, ..*seen }.is(&callback);
                clause = if wrong_lane { Clause::AgentCallbackLane } else { callback.clause };
            }
            let what = expected_callback(session, set, &callback, seen);
            expected.push(Allowed { what, clause: callback.clause });
        }
    }
    if expected.is_empty() {
        let sent =
            session.names.sent(set, id).filter(|_| seen.completion == Win32::ERROR_IO_DEVICE);
        if sent.is_some_and(|sent| others_errored(&session.sets[set], sent.device)) {
            clause = Clause::DeviceIndependent;
        } else if is_second_at_once(&session.sets[set], id, seen.lane) {
            clause = Clause::AgentCallbackLane;
        }
        expected.push(Allowed { what: "no callback".to_owned(), clause });
    }
    let (got, shows) = (got(event, &expected), Shows::completion(seen.completion));
    violated(checker, Refusal { set, call: None, clause, expected, got, shows });
}

/// A callback out of a SendCommand in progress refuses the command. If it had to be accepted,
/// it is SendCommand that is wrong.
fn refused_send(
    checker: &Checker,
    id: CommandId,
    seen: &ObservedCallback,
    event: &Event<'_>,
) -> Option<Refusal> {
    let Checker { session, terms, .. } = checker;
    let sends = |call: &OpenCall| match &call.bound.call {
        Call::Server(ServerCall::SendCommand(request)) => request.command == id,
        Call::Server(_) | Call::Client(_) | Call::Secondary(..) => false,
    };
    let index = session.calls.iter().position(|call| call.lane == seen.lane && sends(call))?;
    let call = &session.calls[index];
    let set = call.bound.set;
    let mut expected = Vec::new();
    for (state, taken) in session.states_with(call) {
        let answers = if taken {
            vdi_model::returns(state, &terms.profile, call.lane)
        } else {
            outcomes_of(terms, state, call)
        };
        let accepts = answers.iter().filter(|answer| !answer.refuses());
        let allowed = accepts.map(|answer| Allowed {
            what: answer_text(session, set, answer),
            clause: answer.clause,
        });
        expected.extend(allowed);
    }
    let shows = Shows::completion(seen.completion);
    let clause = alone(expected.first()?.clause, &call.bound.call, shows == Shows::DeviceError);
    Some(Refusal { set, call: Some(index), clause, expected, got: event.to_string(), shows })
}

/// The verdict on a callback of a command that was called back before.
pub(crate) fn second_callback(checker: &mut Checker, event: &Event<'_>) {
    let set = checker.session.sets.len() - 1;
    let clause = match checker.session.sets[set].states().find_map(|state| state.aborted) {
        Some(Cause::ServerCloseDevicesOpen) => Clause::ServerCloseDevicesOpenCallbacks,
        Some(_) => Clause::AbortCallbacks,
        None => Clause::AgentCallback,
    };
    let expected = vec![Allowed { what: "no second callback".to_owned(), clause }];
    let (got, shows) = (event.to_string(), Shows::Abort);
    violated(checker, Refusal { set, call: None, clause, expected, got, shows });
}

/// The first call that has not taken effect in this state and does not return, with what it
/// would return.
fn not_taken(checker: &Checker, set: usize, state: &State) -> (Option<usize>, Vec<Allowed>) {
    let Checker { session, terms, .. } = checker;
    for (index, call) in session.calls.iter().enumerate() {
        let taken = state.lanes_in_call().contains(&call.lane);
        if call.bound.set != set || call.lost || taken {
            continue;
        }
        let outcomes = outcomes_of(terms, state, call);
        let comes = outcomes.iter().filter(|outcome| outcome.forced && !outcome.exceptional);
        let answers = comes.filter(|outcome| outcome.waits_for().is_none());
        let allowed: Vec<Allowed> = answers
            .map(|outcome| {
                let answer = answer_text(session, set, outcome);
                let what = format!("{} {answer}", session.lanes.name(call.lane));
                Allowed { what, clause: outcome.clause }
            })
            .collect();
        if !allowed.is_empty() {
            return (Some(index), allowed);
        }
    }
    (None, Vec::new())
}

/// The verdict on a set that is said to be at rest, though something has to happen by
/// itself in this state.
pub(crate) fn not_at_rest(checker: &mut Checker, set: usize, state: &State) {
    let Checker { session, terms, .. } = &*checker;
    let owed = vdi_model::callbacks(state, &terms.profile);
    let allowed = |callback: &Callback| Allowed {
        what: callback_text(session, set, callback),
        clause: callback.clause,
    };
    let mut expected: Vec<Allowed> = owed.iter().map(allowed).collect();
    let mut blocked = None;
    for lane in state.lanes_in_call() {
        let returns = vdi_model::returns(state, &terms.profile, lane);
        for outcome in returns.iter().filter(|outcome| outcome.forced) {
            let answer = answer_text(session, set, outcome);
            let what = format!("{} {answer}", session.lanes.name(lane));
            // It waited when the abort came: what it had to be given is told of it.
            let unblocks = outcome.clauses().any(|clause| clause == Clause::AbortUnblocks);
            let clause = if unblocks { Clause::AbortUnblocks } else { outcome.clause };
            expected.push(Allowed { what, clause });
            blocked = blocked.or_else(|| session.calls.iter().position(|call| call.lane == lane));
        }
    }
    if expected.is_empty() {
        (blocked, expected) = not_taken(checker, set, state);
    }
    let clause = expected.first().map_or(Clause::AgentBlocks, |allowed| allowed.clause);
    let (call, got) = match owed.first() {
        Some(owed) => {
            (None, format!("no callback of {}", session.names.command_name(set, owed.command)))
        }
        None => (blocked, "the call does not return".to_owned()),
    };
    let shows = Shows::Rest(state.aborted);
    violated(checker, Refusal { set, call, clause, expected, got, shows });
}
