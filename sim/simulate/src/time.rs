//! Time in a world: it passes only when no lane can act.

use super::engine::{Ask, Engine};
use super::schedule::each;
use super::struck::Fault;
use super::world::{Lane, NEVER, Role, World};

/// Polls for a command after which nothing goes on, though time passes, whatever is called out
/// of the order besides; unless somebody sleeps, or waits for anything else that is to come.
const MOST_POLLS: u32 = 200;

impl<E: Engine> World<'_, E> {
    /// Lanes that have not come to their end, with what they wait for.
    pub(super) fn waiting(&self) -> Vec<String> {
        let waits = |lane: usize| {
            let Lane { place, ask, .. } = &self.lanes[lane];
            match ask {
                Some(ask) => format!("{} in {}", place.name, ask.function()),
                None => format!("{} in no call", place.name),
            }
        };
        // Who only waits for a drawn moment is nobody of a program's.
        let program = |lane: &usize| {
            let Lane { role, ask, .. } = &self.lanes[*lane];
            ask.is_some() || !(role.is_odd() || *role == Role::Operator)
        };
        each(self.all() & !self.done).filter(program).map(waits).collect()
    }

    /// Nobody can act: whoever is inside a call is asked once more, then time passes.
    pub(super) fn rest(&mut self) -> bool {
        if !std::mem::replace(&mut self.swept, true) {
            self.ready = self.in_call & !self.held;
            if self.ready != 0 {
                return true;
            }
        }
        self.rests += 1;
        let tells = self.rests.is_multiple_of(4) || self.options.odd_calls > 0;
        if tells && self.in_call & !self.done != 0 {
            self.tell_rest();
        }
        let agents = (0..self.lanes.len()).filter_map(|lane| Some((self.patience(lane)?, lane)));
        let others = self.lanes.iter().enumerate().map(|(lane, of)| (of.deadline, lane));
        match agents.chain(others).min() {
            None | Some((NEVER, _)) => false,
            Some((at, lane)) => {
                let polls =
                    |of: &Lane| matches!(of.ask, Some(Ask::GetCommand { .. })) || of.role.is_odd();
                if polls(&self.lanes[lane]) {
                    self.polls += 1;
                    let due = |of: &Lane| of.deadline != NEVER && !polls(of);
                    if self.polls > MOST_POLLS && !self.lanes.iter().any(due) {
                        return false;
                    }
                } else {
                    self.polls = 0;
                }
                self.now = self.now.max(at);
                self.counts.milliseconds = self.now;
                self.passes(lane);
                true
            }
        }
    }

    /// Everything is at rest: these lanes are still in their calls.
    pub(super) fn tell_rest(&mut self) {
        self.observer.rests(self.in_call);
    }

    /// When the agent on this lane has waited for one more interval of serverTimeOut.
    fn patience(&self, lane: usize) -> Option<u64> {
        let Lane { place, role, ask, .. } = &self.lanes[lane];
        let interval = u64::from(self.options.server_time_out);
        let set = &self.sets[usize::from(place.set)];
        let waits = *role == Role::Agent && ask.is_some() && interval > 0;
        (waits && set.server.under_way()).then(|| set.waits_since + interval)
    }

    /// A deadline of this lane has come.
    fn passes(&mut self, lane: usize) {
        let bit = 1 << lane;
        if self.held & bit != 0 {
            self.routine_passes(lane);
            return;
        }
        self.lanes[lane].deadline = NEVER;
        self.asleep &= !bit;
        self.ready |= bit;
        self.swept = false;
        if self.in_call & bit != 0 {
            if self.lanes[lane].role == Role::Agent {
                self.interval_passes(lane);
                self.ready = self.in_call;
            }
            self.expires(lane);
        }
    }

    /// One interval of serverTimeOut passes for the agent on this lane.
    fn interval_passes(&mut self, lane: usize) {
        let set = &mut self.sets[usize::from(self.lanes[lane].place.set)];
        set.waits_since = self.now;
        if set.server.is_pressed() {
            set.intervals = set.intervals.saturating_add(1);
            if set.intervals == 2 {
                self.struck.insert(Fault::TimeOut);
            }
        }
    }

    fn expires(&mut self, lane: usize) {
        self.observer.expired(lane as u8);
        self.counts.model_steps += 1;
        self.engine.expire(self.by(lane));
    }

    /// Time passes for an agent that is inside a completion routine: the routine
    /// returns, or else an interval of serverTimeOut has passed over it, which does not
    /// count: the agent waits for nothing.
    fn routine_passes(&mut self, lane: usize) {
        self.swept = false;
        if self.now < self.lanes[lane].deadline {
            let set = usize::from(self.lanes[lane].place.set);
            self.sets[set].waits_since = self.now;
            self.expires(lane);
            return;
        }
        self.lanes[lane].deadline = NEVER;
        self.held &= !(1 << lane);
        self.ready |= 1 << lane;
        self.observer.ended(lane as u8, self.lanes[lane].routine);
        self.engine.ends(self.by(lane));
    }
}
