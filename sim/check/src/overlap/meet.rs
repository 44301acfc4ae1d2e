//! Between the two ways to judge: in order, while every call begins at rest, and by
//! search.

use smallvec::SmallVec;

use super::config::Config;
use super::seen::Unexplained;
use crate::events::Seen;
use crate::frontier::World;
use crate::sequential::Checker;
use crate::setup::OpenCall;
use crate::verdict::Why;
use vdi_model::{Call, Callback, ClientCall, CommandId, Outcome, ServerCall, State};
use vdi_spec::clauses::Clause;
use vdi_spec::codes::HResult;
use vdi_trace::{Event, Out};

impl Checker {
    /// A call begins. If its set is at rest then, or comes to rest with what has begun
    /// before, the order of effects is known; if not, it is searched for from here on.
    pub(crate) fn meet(&mut self, line: usize, world: usize, call: &Call) {
        // Without a set nothing takes effect.
        if world == World::NOWHERE {
            return;
        }
        if self.is_live(world) {
            self.rest_from_live(world);
            return;
        }
        if self.setup.searches_always {
            self.go_live(world);
            return;
        }
        if !self.open.iter().any(|open| open.bound.world == world) {
            return;
        }
        // To have begun to wait is not the same as to come later, where a whole set changes.
        let presumed = |open: &OpenCall| open.bound.world == world && open.presumed;
        if !moves_commands(call) && self.open.iter().any(presumed) {
            self.go_live(world);
            return;
        }
        self.settle_or_search(line, world);
        if !moves_commands(call) && self.open.iter().any(presumed) {
            self.go_live(world);
            return;
        }
        let Self { worlds, profile, .. } = self;
        if !worlds[world].frontier.iter().all(|state| state.is_quiet(profile)) {
            self.go_live(world);
        }
    }

    /// Lets what has begun take effect, if the set is at rest then.
    pub(crate) fn settle_or_search(&mut self, line: usize, world: usize) {
        let begun = |open: &OpenCall| open.bound.world == world && !open.taken;
        if self.is_live(world) || world == World::NOWHERE || !self.open.iter().any(begun) {
            return;
        }
        self.presume_all(line, world, None);
    }

    /// Lets every call of a set but one wait, that has begun. If one of them would do more
    /// than that, the order of effects is searched for from here on.
    fn presume_all(&mut self, line: usize, world: usize, but: Option<usize>) {
        for index in 0..self.open.len() {
            let open = &self.open[index];
            let begun = open.bound.world == world && !open.taken && Some(index) != but;
            if begun && !self.presume(line, index) {
                self.go_live(world);
                return;
            }
        }
    }

    /// The call waits, or will do so when it comes to it; false if it does anything else.
    fn presume(&mut self, line: usize, index: usize) -> bool {
        let waits = self.wait_in_place(index)
            || (self.only_waits(&self.open[index]) && {
                self.take(line, index);
                true
            });
        if waits {
            let open = &mut self.open[index];
            (open.taken, open.presumed) = (true, true);
        }
        waits
    }

    /// By far the most frequent case: there is one state, and in it the call waits.
    fn wait_in_place(&mut self, index: usize) -> bool {
        let open = &self.open[index];
        let (lane, world, caller) = (open.lane, open.bound.world, open.bound.call.caller());
        let [state] = self.worlds[world].frontier.as_slice() else {
            return false;
        };
        let Some(outcome) = self.waits_only(state, open) else {
            return false;
        };
        let states = self.worlds[world].frontier.iter_mut();
        states.for_each(|state| vdi_model::apply(state, lane, caller, &outcome));
        let clauses: SmallVec<[Clause; 4]> = outcome.clauses().collect();
        self.mark(clauses);
        true
    }

    /// That a call begins to wait in a state, if nothing else can come of it there.
    pub(super) fn waits_only(&self, state: &State, open: &OpenCall) -> Option<Outcome> {
        let call = &open.bound.call;
        let outcomes = vdi_model::outcomes(state, &self.profile, self.limits, open.lane, call);
        let [outcome] = outcomes.as_slice() else {
            return None;
        };
        let waits = outcome.waits_for().is_some()
            && outcome.misuse[0].is_none()
            && vdi_model::returns_of_waiting(state, &self.profile, call).is_empty();
        waits.then_some(*outcome)
    }

    /// A call returns while others of its set are open: they wait, or the order of their
    /// effects is not known.
    pub(crate) fn settle_others(&mut self, line: usize, world: usize, index: usize) {
        if !self.is_live(world) && world != World::NOWHERE {
            self.presume_all(line, world, Some(index));
        }
    }

    /// Whether a call that has begun does nothing but wait.
    fn only_waits(&self, open: &OpenCall) -> bool {
        self.worlds[open.bound.world].frontier.iter().all(|state| {
            let call = &open.bound.call;
            let outcomes = vdi_model::outcomes(state, &self.profile, self.limits, open.lane, call);
            outcomes.iter().all(|outcome| {
                let returns = vdi_model::returns_of_waiting(state, &self.profile, call);
                outcome.waits_for().is_some() && returns.is_empty()
            })
        })
    }

    /// A judge like this one that searches from here on, to try what it finds.
    fn searching(&self, world: usize) -> Self {
        let mut other = self.clone();
        other.go_live(world);
        other
    }

    /// A return that does not follow from the order of the calls may follow from another
    /// order of the interface's own steps.
    pub(crate) fn return_out_of_order(
        &mut self,
        index: usize,
        status: HResult,
        out: &Out<'_>,
    ) -> bool {
        let mut other = self.searching(self.open[index].bound.world);
        let found = other.return_live(index, status, out);
        if let Ok(explained) = found {
            other.mark(explained.clauses);
            *self = other;
            return true;
        }
        false
    }

    pub(crate) fn callback_out_of_order(
        &mut self,
        world: usize,
        command: CommandId,
        seen: &Seen,
    ) -> Option<Callback> {
        let mut other = self.searching(world);
        let explained = other.callback_live(world, command, *seen).ok()?;
        other.mark(explained.clauses);
        *self = other;
        explained.callback
    }

    pub(crate) fn rest_out_of_order(&mut self, world: usize) -> bool {
        let mut other = self.searching(world);
        let rests = other.rest_live(world).is_ok();
        if rests {
            *self = other;
            self.rest_from_live(world);
        }
        rests
    }

    /// A return in a set with overlaps.
    pub(crate) fn return_searched(
        &mut self,
        line: usize,
        index: usize,
        status: HResult,
        out: &Out<'_>,
        event: &Event<'_>,
    ) -> bool {
        match self.return_live(index, status, out) {
            Ok(explained) => {
                self.mark(explained.clauses);
                true
            }
            Err(unexplained) => {
                let world = self.open[index].bound.world;
                let mut expected = Vec::new();
                for config in unexplained.configs.iter().take(TOLD) {
                    let taken = config.taken.has(self.open[index].slot);
                    self.expect(&config.state, taken, index, (status, out), &mut expected);
                }
                let clause = expected.first().map_or(Clause::AgentBlocks, |first| first.clause);
                let got = event.to_string();
                self.unexplained(line, world, unexplained, |checker| {
                    checker.violated(line, Some(index), world, clause, expected, got);
                });
                false
            }
        }
    }

    pub(crate) fn callback_searched(
        &mut self,
        line: usize,
        world: usize,
        command: CommandId,
        (seen, event): (&Seen, &Event<'_>),
    ) -> Option<Callback> {
        match self.callback_live(world, command, *seen) {
            Ok(explained) => {
                self.mark(explained.clauses);
                explained.callback
            }
            Err(unexplained) => {
                self.unexplained(line, world, unexplained, |checker| {
                    checker.callback_violated(line, world, command, seen, event);
                });
                None
            }
        }
    }

    pub(crate) fn rest_searched(&mut self, line: usize, world: usize) -> bool {
        match self.rest_live(world) {
            Ok(_) => {
                self.rest_from_live(world);
                true
            }
            Err(unexplained) => {
                let nearest = self.nearest_to_rest(&unexplained.configs);
                self.unexplained(line, world, unexplained, |checker| {
                    checker.not_at_rest(line, world, &nearest);
                });
                false
            }
        }
    }

    /// Narrows the configurations down to those in which something is seen; if there is
    /// none, they stay.
    pub(crate) fn hold_or_keep(
        &mut self,
        line: usize,
        world: usize,
        holds: &dyn Fn(&State) -> bool,
    ) {
        let before = self.worlds[world].live.clone();
        if let Err(unexplained) = self.hold_live(world, holds) {
            self.worlds[world].live = before;
            if unexplained.gave_up {
                self.undecided(line, Why::Budget { budget: self.setup.budget });
            }
        }
    }

    /// Time passes for a call: it may return, now or later, that its time-out has passed.
    pub(crate) fn expire_live(&mut self, world: usize, index: usize, passes: u64, agent: bool) {
        let (lane, slot) = (self.open[index].lane, self.open[index].slot);
        if agent {
            self.pass_live(world, lane, passes.min(2) as u8);
            return;
        }
        let Self { worlds, profile, .. } = self;
        let configs = worlds[world].live.iter_mut().flat_map(|live| &mut live.configs);
        for config in configs.filter(|config| config.taken.has(slot)) {
            vdi_model::expire(&mut config.state, profile, lane);
        }
        self.enter_live(world, slot);
    }

    /// There is no explanation, or there are too many to look at.
    fn unexplained(
        &mut self,
        line: usize,
        world: usize,
        unexplained: Unexplained,
        violated: impl FnOnce(&mut Self),
    ) {
        let Unexplained { configs, gave_up } = unexplained;
        if gave_up {
            let live = self.worlds[world].live.get_or_insert_default();
            live.configs = configs.into_iter().take(1).collect();
            self.undecided(line, Why::Budget { budget: self.setup.budget });
            return;
        }
        let attempts = self.attempts(world, &configs);
        let live = self.worlds[world].live.get_or_insert_default();
        live.configs = configs.into_iter().take(TOLD).collect();
        violated(self);
        self.tell_attempts(attempts);
    }

    /// Of the configurations the one in which the least is still to come.
    fn nearest_to_rest(&self, configs: &[Config]) -> State {
        let owed = |config: &&Config| {
            let callbacks = vdi_model::callbacks(&config.state, &self.profile).len();
            let open = self.open.iter().filter(|open| !config.taken.has(open.slot)).count();
            (config.begun.len() + callbacks, open)
        };
        configs.iter().min_by_key(owed).map_or_else(State::default, |config| config.state.clone())
    }

    /// The states of a set, each with whether a call has taken effect in it.
    pub(crate) fn states_with<'a>(
        &'a self,
        world: usize,
        open: &'a OpenCall,
    ) -> impl Iterator<Item = (&'a State, bool)> {
        let set = &self.worlds[world];
        let live = set.live.iter().flat_map(|live| &live.configs);
        let live = live.map(|config| (&config.state, config.taken.has(open.slot)));
        set.frontier.iter().map(|state| (state, open.taken)).chain(live)
    }
}

/// Whether a call does no more than to move commands of one device.
pub(super) const fn moves_commands(call: &Call) -> bool {
    match call {
        Call::Server(call) => matches!(call, ServerCall::SendCommand(_)),
        Call::Client(call) | Call::Secondary(_, call) => {
            matches!(call, ClientCall::GetCommand { .. } | ClientCall::CompleteCommand { .. })
        }
    }
}

/// How many configurations a report looks at.
const TOLD: usize = 64;
