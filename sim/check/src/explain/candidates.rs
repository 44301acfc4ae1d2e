//! What the checker knows between two events: what may come next.

use crate::Checker;
use crate::linearize::{answers_between, may_be_between};
use crate::lives::{beside, with_effects};
use crate::sequential;
use crate::session::{OpenCall, outcomes_of};
use vdi_model::{Answer, Ending, Expected, Outcome};
use vdi_spec::clauses::Clause;

/// What a call in progress may come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The status it may return with; `None`: it stays in the call.
    pub status: Option<Expected>,
    /// The command that GetCommand delivers.
    pub delivers: Option<String>,
    /// What IsSharedBuffer may tell; nothing for other functions.
    pub tells: Vec<bool>,
    /// Whether a callback on the calling lane comes first.
    pub refuses: bool,
    /// Whether it is the exception that a shortage of resources makes.
    pub exceptional: bool,
    /// Whether it comes by itself; an expiry need not.
    pub forced: bool,
    /// The clause it rests on.
    pub clause: Clause,
    /// Further clauses it rests on.
    pub also: [Option<Clause>; 3],
    /// The obligations that the caller breaks.
    pub misuse: [Option<Clause>; 2],
}

/// A callback that is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwedCallback {
    /// The command.
    pub command: String,
    /// The lane it runs on.
    pub lane: String,
    /// The completion codes allowed, with the bytes and the position if they are fixed.
    pub endings: Vec<Ending>,
    /// The clause it rests on.
    pub clause: Clause,
}

impl Candidate {
    fn new(checker: &Checker, set: usize, outcome: &Outcome) -> Self {
        let (mut delivers, mut tells) = (None, Vec::new());
        match outcome.answer {
            Answer::Delivers(id) => {
                delivers = Some(checker.session.names.command_name(set, id).to_owned());
            }
            Answer::Tells(Some(shared)) => tells = vec![shared],
            Answer::Tells(None) => tells = vec![true, false],
            Answer::Blocks | Answer::Returns(_) | Answer::Counts(_) | Answer::Maps(_) => {}
        }
        Self {
            status: outcome.answer.expected(),
            delivers,
            tells,
            refuses: outcome.refuses(),
            exceptional: outcome.exceptional,
            forced: outcome.forced,
            clause: outcome.clause,
            also: outcome.also,
            misuse: outcome.misuse,
        }
    }
}

/// Questions between two events: what may come next?
impl Checker {
    /// What the call in progress on a lane may come to, in any state it may be in.
    /// A call that has just begun is examined before its effect.
    #[must_use]
    pub fn candidates(&self, lane: &str) -> Vec<Candidate> {
        let mut candidates = self.candidates_alone(lane);
        for history in beside(self) {
            for candidate in history.candidates_alone(lane) {
                if !candidates.contains(&candidate) {
                    candidates.push(candidate);
                }
            }
        }
        candidates
    }

    /// The same, after whatever the calls that overlap it may have done by now.
    pub(crate) fn candidates_after_others(&self, lane: &str) -> Vec<Candidate> {
        let session = &self.session;
        let Some(call) = session.calls.iter().rfind(|call| session.lanes.name(call.lane) == lane)
        else {
            return Vec::new();
        };
        let after = with_effects(self, call.bound.set);
        after.iter().flat_map(|one| one.candidates(lane)).collect()
    }

    /// The same in this history alone.
    fn candidates_alone(&self, lane: &str) -> Vec<Candidate> {
        let Self { session, terms, .. } = self;
        let of_lane = |call: &&OpenCall| session.lanes.name(call.lane) == lane;
        let Some(call) = session.calls.iter().rfind(of_lane) else {
            return Vec::new();
        };
        let mut candidates = Vec::new();
        let mut add = |outcome: &Outcome| {
            let candidate = Candidate::new(self, call.bound.set, outcome);
            if !candidates.contains(&candidate) {
                candidates.push(candidate);
            }
        };
        for (state, taken) in session.states_with(call) {
            let outcomes = if taken {
                vdi_model::returns(state, &terms.profile, call.lane)
            } else {
                outcomes_of(terms, state, call)
            };
            outcomes.iter().for_each(&mut add);
        }
        let frontier = session.sets[call.bound.set].frontier.iter();
        for config in frontier.flat_map(|frontier| &frontier.configurations) {
            answers_between(terms, config, call).for_each(|outcome| add(&outcome));
        }
        candidates
    }

    /// The lanes whose calls may take effect while a Close has aborted their set, and not
    /// released it yet.
    #[must_use]
    pub fn lanes_between(&self) -> Vec<&str> {
        let session = &self.session;
        let is_between = |call: &&OpenCall| {
            let frontier = session.sets[call.bound.set].frontier.iter();
            let mut configs = frontier.flat_map(|frontier| &frontier.configurations);
            configs.any(|config| may_be_between(config, call.slot))
        };
        let between = session.calls.iter().filter(is_between);
        between.map(|call| session.lanes.name(call.lane)).collect()
    }

    /// Lets every call that has begun take effect.
    pub fn let_calls_begin(&mut self) {
        // No event does this.
        self.report.line = 0;
        (0..self.session.sets.len()).for_each(|set| sequential::take_begun(self, set));
    }

    /// The callbacks that may come now, one entry per command and lane.
    #[must_use]
    pub fn owed_callbacks(&self) -> Vec<OwedCallback> {
        let Self { session, terms, .. } = self;
        let mut owed: Vec<OwedCallback> = Vec::new();
        for (index, set) in session.sets.iter().enumerate() {
            let callbacks =
                set.states().flat_map(|state| vdi_model::callbacks(state, &terms.profile));
            for callback in callbacks {
                let command = session.names.command_name(index, callback.command);
                let lane = session.lanes.name(callback.lane);
                let known = owed.iter_mut().find(|o| o.command == command && o.lane == lane);
                match known {
                    Some(known) if known.endings.contains(&callback.ending) => {}
                    Some(known) => known.endings.push(callback.ending),
                    None => owed.push(OwedCallback {
                        command: command.to_owned(),
                        lane: lane.to_owned(),
                        endings: vec![callback.ending],
                        clause: callback.clause,
                    }),
                }
            }
        }
        owed
    }

    /// Lanes inside a call, in the order of their names.
    #[must_use]
    pub fn lanes_in_call(&self) -> Vec<String> {
        let calls = self.session.calls.iter().filter(|call| !call.lost);
        let names = calls.map(|call| self.session.lanes.name(call.lane));
        let mut lanes: Vec<String> = names.map(str::to_owned).collect();
        lanes.sort();
        lanes.dedup();
        lanes
    }
}
