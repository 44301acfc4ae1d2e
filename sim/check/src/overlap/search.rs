//! The search: just before an event, what can have happened so that it can be?
//!
//! A call takes effect at some moment between its beginning and its return. The search
//! puts that moment off until an event demands it: on a return it tries the call itself,
//! and before it whatever else of the open calls bears on the same device, or on the
//! whole set if a call does. What changes nothing (a refusal, an expiry) is not tried at
//! all: it is noted as possible when the state allows it. A configuration is dropped if
//! another one can still become it.
//!
//! This is Lowe's just-in-time linearization of "Testing for linearizability" (2017),
//! with steps of the interface and of its agent beside those of the calls, and with
//! Wing and Gong's search (1993) as what it is compared with.

use smallvec::SmallVec;

use super::config::{Config, Could, Distinct, Inserted, Slot, With};
use super::ground::{Configs, Ground, Pending, Scope, Source, accuse, is_agent, is_ready};
use super::story::Step;
use crate::events::Seen;
use vdi_model::{Callback, CommandId, Outcome, State};
use vdi_spec::clauses::Clause;
use vdi_spec::codes::HResult;
use vdi_trace::Out;

/// The event that is to be explained.
#[derive(Clone, Copy)]
pub(super) enum Event<'a> {
    /// The call in this slot returns.
    Return { slot: Slot, status: HResult, out: &'a Out<'a> },
    /// A routine is invoked.
    Callback { command: CommandId, seen: Seen },
    /// Everything is at rest.
    Rest,
    /// Something is seen that only some states allow.
    Holds(&'a dyn Fn(&State) -> bool),
}

impl Event<'_> {
    /// The call that returns.
    pub(super) const fn returns(&self) -> Option<Slot> {
        match self {
            Self::Return { slot, .. } => Some(*slot),
            _ => None,
        }
    }
}

/// What came of a search.
pub(super) enum Found {
    /// These configurations explain the event, in these ways.
    Explained(Vec<Config>, Ways),
    /// None does; these were looked at, the ones from before the event first.
    Impossible(Vec<Config>),
    /// There are more than the budget allows.
    TooMany(Vec<Config>),
}

impl Ground<'_> {
    /// Explains `event` after any of `configs`, looking at `budget` configurations at most.
    pub(super) fn explain(&self, configs: Vec<Config>, event: &Event<'_>, budget: usize) -> Found {
        let mut configs = configs;
        if let [config] = configs.as_mut_slice()
            && !self.plainly
            && let Some(way) = self.explain_directly(config, event)
        {
            return Found::Explained(configs, Ways::from_iter([way]));
        }
        Search::new(self, event, configs).run(budget)
    }

    /// By far the most frequent case: nothing else bears on the event, and it has one
    /// explanation.
    fn explain_directly(&self, config: &mut Config, event: &Event<'_>) -> Option<Way> {
        let alone = self.sources(config).iter().all(|source| match source {
            Source::Take(index) | Source::Settle(index) => {
                let pending = &self.pending[*index];
                Some(pending.slot) == event.returns() || !self.can_move(config, *source, None)
            }
            Source::Begin(..) | Source::Aside(_) => false,
        });
        if !alone || matches!(event, Event::Rest) {
            return None;
        }
        let mut ways = self.ways(config, event);
        // The call itself may have to take effect first, without being answered.
        let itself = event.returns().and_then(|slot| self.find(slot));
        let first = itself.is_some_and(|index| {
            let source = match config.taken.has(self.pending[index].slot) {
                true => Source::Settle(index),
                false => Source::Take(index),
            };
            self.can_move(config, source, event.returns())
        });
        if first || ways.len() != 1 {
            return None;
        }
        let way = ways.pop()?;
        self.go(config, event, &way);
        Some(way)
    }

    pub(super) fn find(&self, slot: Slot) -> Option<usize> {
        self.pending.iter().position(|pending| pending.slot == slot)
    }

    /// In which ways a configuration explains the event as it stands.
    fn ways(&self, config: &Config, event: &Event<'_>) -> Ways {
        match event {
            Event::Return { slot, status, out } => match self.find(*slot) {
                Some(index) => self.ways_to_return(config, &self.pending[index], *status, out),
                None => Ways::new(),
            },
            Event::Callback { command, seen } => self.ways_to_invoke(config, *command, seen),
            Event::Holds(holds) => holds(&config.state).then_some(Way::Stay).into_iter().collect(),
            Event::Rest => Ways::new(),
        }
    }

    fn ways_to_return(
        &self,
        config: &Config,
        pending: &Pending<'_>,
        status: HResult,
        out: &Out<'_>,
    ) -> Ways {
        let (slot, state) = (pending.slot, &config.state);
        let mut ways = Ways::new();
        let is_answer = |outcome: &Outcome| self.judge.matches(outcome, self.world, status, out);
        if self.plainly && !is_ready(state, pending.lane) {
            return ways;
        }
        let answers = |could: &&Could| match &could.with {
            With::Outcome(outcome) => is_answer(outcome),
            With::SystemError => status.is_system_error() && out.command.is_none(),
            With::Wait => false,
        };
        let known = config.could.iter().filter(|could| could.slot == slot);
        ways.extend(known.filter(answers).map(|could| Way::Could(*could)));
        if config.taken.has(slot) {
            for outcome in vdi_model::returns(state, self.profile(), pending.lane) {
                let noted = outcome.changes_nothing()
                    && !self.plainly
                    && !is_ready(state, pending.lane)
                    && !is_agent(state, pending.lane);
                if !noted && is_answer(&outcome) {
                    ways.push(Way::Return(outcome));
                }
            }
            return ways;
        }
        for outcome in self.outcomes_of_untaken(config, pending) {
            if !outcome.changes_nothing() && self.answers_at_once(&outcome) && is_answer(&outcome) {
                ways.push(Way::Answer(outcome));
            }
        }
        ways
    }

    fn ways_to_invoke(&self, config: &Config, command: CommandId, seen: &Seen) -> Ways {
        let mut ways = Ways::new();
        let same = |callback: &Callback| callback.command == command && seen.is(callback);
        for (place, begun) in config.begun.iter().enumerate().filter(|(_, begun)| same(begun)) {
            ways.push(Way::See(place, *begun));
        }
        if !self.plainly {
            let callbacks = vdi_model::callbacks(&config.state, self.profile());
            ways.extend(callbacks.into_iter().filter(same).map(Way::Invoke));
        }
        ways
    }

    /// Goes that way: the event has then happened.
    fn go(&self, config: &mut Config, event: &Event<'_>, way: &Way) {
        let held = matches!(event, Event::Callback { seen, .. } if seen.held);
        let pending = event.returns().and_then(|slot| self.find(slot)).map(|i| &self.pending[i]);
        match (way, pending) {
            (Way::Stay, _) => {}
            (Way::Could(could), Some(pending)) => {
                let Could { with, noted: (depth, noted), .. } = *could;
                let (began, lane) = (pending.line, pending.lane);
                self.tell(config, Step::Possible { began, lane, with, depth, noted });
                if let With::Outcome(outcome) = &could.with {
                    accuse(config, pending, outcome);
                    if config.taken.has(pending.slot) {
                        vdi_model::apply_return(&mut config.state, pending.lane, outcome);
                    }
                }
            }
            (Way::Answer(outcome), Some(pending)) => {
                let caller = pending.call.caller();
                vdi_model::apply_and_return(&mut config.state, pending.lane, caller, outcome);
                accuse(config, pending, outcome);
                self.tell(config, Step::of(pending, outcome));
            }
            (Way::Return(outcome), Some(pending)) => {
                if !is_ready(&config.state, pending.lane) {
                    self.tell(config, Step::of(pending, outcome));
                }
                vdi_model::apply_return(&mut config.state, pending.lane, outcome);
            }
            (Way::See(place, begun), _) => {
                config.begun.remove(*place);
                if !held {
                    vdi_model::end_callback(&mut config.state, begun.lane);
                }
            }
            (Way::Invoke(callback), _) => {
                vdi_model::apply_callback(&mut config.state, callback, held);
                self.tell(config, Step::Began(*callback));
            }
            (Way::Could(_) | Way::Answer(_) | Way::Return(_), None) => {}
        }
        if let Some(pending) = pending {
            config.forget(pending.slot);
        }
        let changed = pending.map_or(self.scope, |pending| pending.scope);
        self.refresh_but(config, pending.map(|pending| pending.slot), changed);
    }

    /// The configuration with everything at rest, if it can be: every call that is open
    /// waits, and nothing has to happen by itself.
    fn at_rest(&self, config: &Config) -> Option<Config> {
        let mut after = config.clone();
        if !after.begun.is_empty() || self.asides.iter().any(|(slot, _)| !after.taken.has(*slot)) {
            return None;
        }
        for pending in self.pending.iter().filter(|pending| !config.taken.has(pending.slot)) {
            let outcomes = self.outcomes(&after.state, pending);
            let waits = outcomes.iter().find(|o| o.waits_for().is_some() && !self.plainly)?;
            vdi_model::apply(&mut after.state, pending.lane, pending.call.caller(), waits);
            after.taken.add(pending.slot);
            after.could.retain(|could| could.slot != pending.slot);
        }
        self.refresh_but(&mut after, None, Scope::Set);
        after.state.is_at_rest(self.profile()).then_some(after)
    }
}

/// How a configuration explains an event.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// Nothing changes by it.
    Stay,
    /// The answer was possible before.
    Could(Could),
    /// The call takes effect and returns.
    Answer(Outcome),
    /// The call took effect, or began to wait, before.
    Return(Outcome),
    /// The routine was begun before; by its position.
    See(usize, Callback),
    /// The routine is begun now.
    Invoke(Callback),
}

pub(super) type Ways = SmallVec<[Way; 2]>;

impl Way {
    /// The clauses it rests on.
    pub(super) fn clauses(&self) -> SmallVec<[Clause; 4]> {
        match self {
            Self::Stay => SmallVec::new(),
            Self::Could(Could { with: With::Outcome(outcome), .. })
            | Self::Answer(outcome)
            | Self::Return(outcome) => outcome.clauses().collect(),
            Self::Could(_) => SmallVec::from_iter([Clause::StatusSystemError]),
            Self::See(_, callback) | Self::Invoke(callback) => {
                [Some(callback.clause), callback.also].into_iter().flatten().collect()
            }
        }
    }

    /// The routine that was invoked.
    pub(super) const fn callback(&self) -> Option<Callback> {
        match self {
            Self::See(_, callback) | Self::Invoke(callback) => Some(*callback),
            _ => None,
        }
    }
}

/// How a configuration was come by: from which one, and by what.
type Origin = Option<(usize, Source)>;

struct Search<'s, 'a, 'e> {
    ground: &'s Ground<'a>,
    event: &'s Event<'e>,
    seen: Distinct,
    origins: Vec<Origin>,
    /// What the event makes of each.
    after: Vec<Configs>,
    /// Of that, what one of those before it can still become.
    later: Vec<SmallVec<[bool; 2]>>,
    /// In which ways the event was explained.
    ways: Ways,
    work: Vec<usize>,
}

impl<'s, 'a, 'e> Search<'s, 'a, 'e> {
    fn new(ground: &'s Ground<'a>, event: &'s Event<'e>, configs: Vec<Config>) -> Self {
        // Most searches look at a handful of configurations.
        const FEW: usize = 6;
        let mut search = Self {
            ground,
            event,
            seen: Distinct::with_capacity(FEW),
            origins: Vec::with_capacity(FEW),
            after: Vec::with_capacity(FEW),
            later: Vec::with_capacity(FEW),
            ways: Ways::new(),
            work: Vec::with_capacity(FEW),
        };
        configs.into_iter().for_each(|config| search.add(config, None));
        // First come, first served: what needs the fewest steps is looked at first.
        search.work.reverse();
        search
    }

    fn add(&mut self, config: Config, origin: Origin) {
        match self.seen.insert(config) {
            Inserted::New => {
                self.origins.push(origin);
                self.after.push(Configs::new());
                self.later.push(SmallVec::new());
                self.work.push(self.seen.len() - 1);
            }
            Inserted::Better(place) => {
                self.origins[place] = origin;
                self.work.push(place);
            }
            Inserted::Known => {}
        }
    }

    fn run(mut self, budget: usize) -> Found {
        while let Some(index) = self.work.pop() {
            if self.seen.len() > budget {
                return Found::TooMany(self.seen.into_vec());
            }
            self.after[index] = self.explanations(index);
            self.later[index] =
                self.after[index].iter().map(|after| self.comes_later(index, after)).collect();
            let config = self.seen.get(index);
            let target = self.event.returns();
            let mut found: SmallVec<[(Source, Configs); 4]> = SmallVec::new();
            for source in self.ground.sources(config) {
                found.push((source, self.ground.moves(config, source, target)));
            }
            for (source, moves) in found.into_iter().rev() {
                moves.into_iter().for_each(|after| self.add(after, Some((index, source))));
            }
        }
        let mut next = Distinct::default();
        for (after, later) in self.after.into_iter().zip(self.later) {
            for (config, _) in after.into_iter().zip(later).filter(|(_, later)| !later) {
                next.insert(config);
            }
        }
        match next.len() {
            0 => Found::Impossible(self.seen.into_vec()),
            _ => Found::Explained(next.into_vec(), self.ways),
        }
    }

    /// What the event makes of a configuration.
    fn explanations(&mut self, index: usize) -> Configs {
        let config = self.seen.get(index);
        if matches!(self.event, Event::Rest) {
            return self.ground.at_rest(config).into_iter().collect();
        }
        let ways = self.ground.ways(config, self.event);
        let after = ways.iter().map(|way| {
            let mut after = config.clone();
            self.ground.go(&mut after, self.event, way);
            after
        });
        let after = after.collect();
        self.ways.extend(ways);
        after
    }

    /// Whether the last step before the event can as well come after it, with the same
    /// result: then it need not be tried before.
    fn comes_later(&self, index: usize, after: &Config) -> bool {
        let Some((before, source)) = self.origins[index].filter(|_| !self.ground.plainly) else {
            return false;
        };
        let own = |index: usize| Some(self.ground.pending[index].slot) == self.event.returns();
        if matches!(source, Source::Take(index) | Source::Settle(index) if own(index)) {
            return false;
        }
        let returned = self.event.returns();
        self.after[before].iter().any(|known| {
            let later = self.ground.moves_but(known, source, returned);
            later.iter().any(|later| later == after && later.blame.len() <= after.blame.len())
        })
    }
}
