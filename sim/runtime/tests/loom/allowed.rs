//! What the model allows of a race: every order of the lanes' calls, of what each call
//! may do, of the agent's callbacks and of its return.

#[expect(clippy::disallowed_types, reason = "asked only whether a place was visited")]
use std::collections::HashSet;
use std::collections::{BTreeMap, BTreeSet};

use vdi_model::{
    Agent, Answer, Callback, Caller, Ending, Expected, LaneId, Limits, Outcome, Pending, State,
};
use vdi_spec::clauses::{Party, Profile};
use vdi_spec::codes::HResult;
use vdi_trace::{Declares, Event, Header, Out, Presence, Process, Trace};

use crate::history::{History, Seen};
use crate::script::{AGENT, Act, Lane, Race};
use crate::told;

/// Everything that the model allows of one race.
#[derive(Debug, Default)]
pub(crate) struct Allowed {
    /// What the lanes may see, each with one trace that leads there.
    pub(crate) histories: BTreeMap<History, Trace>,
    /// The clauses that all this rests on.
    pub(crate) clauses: BTreeSet<String>,
}

impl Allowed {
    /// The history that admits what was seen, if it is allowed.
    pub(crate) fn find(&self, seen: &History) -> Option<&History> {
        self.histories.keys().find(|allowed| allowed.admits(seen))
    }
}

/// Where a race is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    state: State,
    /// Lane by lane of the race, how many acts have begun.
    begun: Vec<usize>,
    /// How much of what comes then has begun.
    then: usize,
    /// Lanes inside a call, the agent's aside, with the act.
    inside: Vec<(Lane, Act)>,
    /// The completion routine that the agent is in, by its command, and how many of its acts
    /// have begun.
    routine: Option<(u32, usize)>,
    /// Commands that were delivered, a bit each.
    delivered: u32,
    history: History,
}

/// One step, and the event that tells it, if it shows.
type Step = (Place, Option<Event<'static>>);

struct Walk<'a> {
    race: &'a Race,
    names: Vec<Lane>,
    profile: Profile,
    #[expect(clippy::disallowed_types, reason = "asked only whether a place was visited")]
    visited: HashSet<Place>,
    path: Vec<Event<'static>>,
    allowed: Allowed,
}

/// Enumerates what the model allows of a race, under the default profile.
pub(crate) fn allowed(race: &Race) -> Allowed {
    let mut walk = Walk {
        race,
        names: race.names(),
        profile: Profile::default(),
        visited: Default::default(),
        path: Vec::new(),
        allowed: Allowed::default(),
    };
    let start = walk.begin();
    walk.walk(start);
    walk.allowed
}

impl Walk<'_> {
    fn id(&self, lane: Lane) -> LaneId {
        let index = self.names.iter().position(|name| *name == lane);
        LaneId(index.and_then(|index| u16::try_from(index).ok()).expect("a lane of the race"))
    }

    /// What the set-up leads to: one thing only, and without an error.
    fn begin(&mut self) -> Place {
        let mut place = Place {
            state: State::default(),
            begun: vec![0; self.race.lanes.len()],
            then: 0,
            inside: Vec::new(),
            routine: None,
            delivered: 0,
            history: History::default(),
        };
        for &(lane, act) in &self.race.setup {
            let mut steps = self.act(&place, lane, act);
            while let Some((next, event)) = steps.pop() {
                assert!(steps.is_empty(), "the set-up leaves it open what {act:?} does");
                place = next;
                if let Some(Event::Return { status, .. }) = &event {
                    assert_eq!(*status, HResult::NOERROR, "{act:?} in the set-up");
                }
                self.path.extend(event);
                steps = self.returns(&place);
            }
            assert!(place.inside.is_empty(), "{act:?} blocks in the set-up");
        }
        place.history = History::default();
        place
    }

    fn walk(&mut self, place: Place) {
        if self.visited.contains(&place) {
            return;
        }
        let steps = self.steps(&place);
        if steps.is_empty() {
            assert!(self.is_over(&place), "the race need not end: {}", place.history);
            let trace = self.trace();
            self.allowed.histories.insert(place.history.clone(), trace);
        }
        self.visited.insert(place);
        for (next, event) in steps {
            let length = self.path.len();
            self.path.extend(event);
            self.walk(next);
            self.path.truncate(length);
        }
    }

    fn trace(&self) -> Trace {
        let mut trace = Trace::new(Header {
            declares: Declares { queue_depth: Some(self.race.depth.into()) },
            provoked: vec![Party::Server, Party::Client],
            ..Header::default()
        });
        for event in &self.path {
            trace.push(event.clone());
        }
        trace
    }

    /// Whether every lane of the race has done all it does.
    fn lanes_are_done(&self, place: &Place) -> bool {
        let mut lanes = self.race.lanes.iter().zip(&place.begun);
        place.inside.is_empty() && lanes.all(|((_, acts), begun)| *begun == acts.len())
    }

    /// Whether all is done but what the agent does.
    fn calls_are_done(&self, place: &Place) -> bool {
        self.lanes_are_done(place) && place.then == self.race.then.len()
    }

    fn is_over(&self, place: &Place) -> bool {
        self.calls_are_done(place) && place.state.agent == Agent::Idle
    }

    /// Everything that may happen next.
    fn steps(&mut self, place: &Place) -> Vec<Step> {
        // What concerns one lane only, and what nothing else depends on, comes first.
        for callback in vdi_model::callbacks(&place.state, &self.profile) {
            if self.names[usize::from(callback.lane.0)] != AGENT {
                return vec![self.call_back(place, &callback)];
            }
        }
        let ready = |(lane, _): &&(Lane, Act)| {
            let call = place.state.in_progress(self.id(lane));
            call.is_some_and(|call| matches!(call.pending, Pending::Ready(_)))
        };
        if let Some(&(lane, act)) = place.inside.iter().find(ready) {
            return self.returns_of(place, lane, act);
        }
        let mut steps = self.begins(place);
        steps.extend(self.returns(place));
        if self.race.agent_races || self.calls_are_done(place) {
            steps.extend(self.agent(place));
        }
        steps
    }

    /// The lanes that may begin their next act.
    fn begins(&mut self, place: &Place) -> Vec<Step> {
        let mut steps = Vec::new();
        for (index, (lane, acts)) in self.race.lanes.iter().enumerate() {
            let free = place.inside.iter().all(|(inside, _)| inside != lane);
            if free && let Some(&act) = acts.get(place.begun[index]) {
                let mut next = place.clone();
                next.begun[index] += 1;
                steps.extend(self.act_or_skip(&next, lane, act));
            }
        }
        if self.lanes_are_done(place)
            && let Some(&(lane, act)) = self.race.then.get(place.then)
        {
            let mut next = place.clone();
            next.then += 1;
            steps.extend(self.act_or_skip(&next, lane, act));
        }
        steps
    }

    fn act_or_skip(&mut self, place: &Place, lane: Lane, act: Act) -> Vec<Step> {
        match act {
            Act::Complete(_, command, _) if place.delivered & 1 << command == 0 => {
                vec![(place.clone(), None)]
            }
            _ => self.act(place, lane, act),
        }
    }

    /// Every way in which the act may take effect.
    fn act(&mut self, place: &Place, lane: Lane, act: Act) -> Vec<Step> {
        let Some(call) = told::call(self.race, act) else {
            return self.no_call(place, lane, act).into_iter().collect();
        };
        let event = told::event(self.race, lane, act);
        let limits = Limits { queue_depth: Some(self.race.depth.into()), ..Limits::default() };
        let id = self.id(lane);
        let outcomes = vdi_model::outcomes(&place.state, &self.profile, limits, id, &call);
        let mut steps = Vec::new();
        // Nothing is short here.
        for outcome in outcomes.iter().filter(|outcome| !outcome.exceptional) {
            self.rests_on(outcome);
            let mut next = place.clone();
            vdi_model::apply(&mut next.state, id, call.caller(), outcome);
            if act != Act::Agent || next.state.agent != (Agent::Running { lane: id }) {
                next.inside.push((lane, act));
            }
            steps.push((next, Some(event.clone())));
        }
        steps
    }

    /// What an act does that is no call; nothing if it waits.
    fn no_call(&self, place: &Place, lane: Lane, act: Act) -> Option<Step> {
        let mut next = place.clone();
        let event = match act {
            Act::Expire(whose) => {
                vdi_model::expire(&mut next.state, &self.profile, self.id(whose));
                Some(Event::Expired { seq: None, expired: whose.into(), after: None })
            }
            Act::Unload => {
                let mut calls = next.state.calls.iter();
                let called = calls.any(|call| call.caller == Caller::Server);
                let busy = called || next.state.agent.is_running();
                let unload = if busy { Presence::Busy } else { Presence::Idle };
                next.history.note(lane, Seen::Unloaded { busy });
                Some(Event::Unload { seq: None, process: Process::Server, unload })
            }
            Act::Await(whose) => {
                let mut lanes = self.race.lanes.iter().zip(&place.begun);
                let lane = lanes.find(|((lane, _), _)| *lane == whose);
                let begun = lane.is_some_and(|((_, acts), begun)| acts.len() == *begun);
                if !begun || place.inside.iter().any(|(inside, _)| *inside == whose) {
                    return None;
                }
                // No event tells it.
                None
            }
            _ => panic!("{act:?} is a call"),
        };
        Some((next, event))
    }

    fn rests_on(&mut self, outcome: &Outcome) {
        self.allowed.clauses.extend(outcome.clauses().map(|clause| clause.to_string()));
    }

    /// The calls that may return, the agent's aside.
    fn returns(&mut self, place: &Place) -> Vec<Step> {
        let inside = place.inside.clone();
        inside.into_iter().flat_map(|(lane, act)| self.returns_of(place, lane, act)).collect()
    }

    fn returns_of(&mut self, place: &Place, lane: Lane, act: Act) -> Vec<Step> {
        let id = self.id(lane);
        let mut steps = Vec::new();
        for outcome in vdi_model::returns(&place.state, &self.profile, id) {
            self.rests_on(&outcome);
            let mut next = place.clone();
            vdi_model::apply_return(&mut next.state, id, &outcome);
            next.inside.retain(|(inside, _)| *inside != lane);
            let event = see_return(&mut next, lane, act, &outcome);
            steps.push((next, Some(event)));
        }
        steps
    }

    /// What the agent may do.
    fn agent(&mut self, place: &Place) -> Vec<Step> {
        if place.state.agent == Agent::Idle {
            return Vec::new();
        }
        if let Some((command, begun)) = place.routine {
            return self.in_routine(place, command, begun);
        }
        let callbacks = vdi_model::callbacks(&place.state, &self.profile);
        let mut steps: Vec<Step> =
            callbacks.iter().map(|callback| self.call_back(place, callback)).collect();
        let id = self.id(AGENT);
        for outcome in vdi_model::returns(&place.state, &self.profile, id) {
            self.rests_on(&outcome);
            let mut next = place.clone();
            vdi_model::apply_return(&mut next.state, id, &outcome);
            let event = see_return(&mut next, AGENT, Act::Agent, &outcome);
            steps.push((next, Some(event)));
        }
        steps
    }

    /// What the agent may do inside a completion routine.
    fn in_routine(&mut self, place: &Place, command: u32, begun: usize) -> Vec<Step> {
        if place.inside.iter().any(|(inside, _)| *inside == AGENT) {
            return Vec::new();
        }
        let acts = self.race.routine(command).unwrap_or_default();
        let mut next = place.clone();
        if let Some(&act) = acts.get(begun) {
            next.routine = Some((command, begun + 1));
            return self.act_or_skip(&next, AGENT, act);
        }
        next.routine = None;
        vdi_model::end_callback(&mut next.state, self.id(AGENT));
        let ended = told::command_name(command);
        vec![(next, Some(Event::Ended { seq: None, lane: AGENT.into(), ended }))]
    }

    fn call_back(&mut self, place: &Place, callback: &Callback) -> Step {
        let clauses = std::iter::once(callback.clause).chain(callback.also);
        self.allowed.clauses.extend(clauses.map(|clause| clause.to_string()));
        let mut next = place.clone();
        let lane = self.names[usize::from(callback.lane.0)];
        let (command, code) = (callback.command.0, callback.ending.code());
        let held = self.race.routine(command).is_some();
        assert!(!held || lane == AGENT, "routines act on the agent's lane");
        vdi_model::apply_callback(&mut next.state, callback, held);
        if held {
            next.routine = Some((command, 0));
        }
        let bytes = match callback.ending {
            Ending::Client { bytes, .. } => Some(bytes),
            Ending::Code(_) => None,
        };
        next.history.note(lane, Seen::CalledBack(command, code, bytes));
        let event = Event::Callback {
            seq: None,
            lane: lane.into(),
            callback: told::command_name(command),
            completion: code,
            bytes: bytes.unwrap_or_default(),
            position: None,
            held,
        };
        (next, Some(event))
    }
}

/// A call returns: what its lane sees, and how a trace tells it.
fn see_return(next: &mut Place, lane: Lane, act: Act, outcome: &Outcome) -> Event<'static> {
    let function = act.function().expect("only calls return");
    let expected = outcome.answer.expected().expect("what returns has a status");
    let mut out = Out::default();
    let mut with = None;
    if let Answer::Delivers(command) = outcome.answer {
        with = Some(command.0);
        next.delivered |= 1 << command.0;
        out.command = Some(told::command_name(command.0));
        out.code = next.state.command(command).map(|command| command.code);
    }
    next.history.note(lane, Seen::Returned(function, expected.into(), with));
    // Any status is as good as this one where it is left open.
    let status = match expected {
        Expected::Status(status) => status,
        Expected::AnyFailure | Expected::Any => HResult::VD_E_IO_ERROR,
    };
    Event::Return { seq: None, lane: lane.into(), status, out }
}
