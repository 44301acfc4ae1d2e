//! The search: just before an event, what can have happened so that it can be?
//!
//! A call takes effect at some moment between its beginning and its return. The search
//! puts that moment off until an event demands it: on a return it tries the call itself,
//! and before it whatever else of the open calls bears on it (see `bearing`). What changes nothing (a refusal, an expiry) is not tried at
//! all: it is noted as possible when the state allows it. A configuration is dropped if
//! another one can still become it.
//!
//! This is Lowe's just-in-time linearization of "Testing for linearizability" (2017),
//! with steps of the interface and of its agent beside those of the calls, and with
//! Wing and Gong's search (1993) as what it is compared with.

use smallvec::SmallVec;

use super::configuration::Configuration;
use super::context::{Context, Scope};
use super::distinct::{Distinct, Inserted};
use super::linearization::TentativeAnswer;
use super::observation::Observation;
use super::steps::{self, Configurations, Step, note_changes};
use super::ways::{Way, Ways, go, ways};
use crate::session::matches;
use vdi_model::{Call, ClientCall, ServerCall};
use vdi_spec::codes::HResult;

/// What came of a search.
pub(super) enum Found {
    /// These configurations explain the event, in these ways.
    Explained(Configurations, Ways),
    /// None does; these were examined, the ones from before the event first.
    Impossible(Configurations),
    /// There are more than the budget allows.
    TooMany(Configurations),
}

/// Explains `event` after any of `configs`, looking at as many configurations as the budget
/// allows; tells at how many it has looked.
pub(super) fn search(
    context: &Context<'_>,
    configs: Configurations,
    event: &Observation<'_>,
) -> (Found, usize) {
    let mut configs = configs;
    if let [config] = configs.as_mut_slice()
        && !context.exhaustive
        && let Some(way) = explain_directly(context, config, event)
    {
        return (Found::Explained(configs, Ways::from_iter([way])), 1);
    }
    let budget = context.terms.search.budget;
    let every_order = context.exhaustive || context.terms.search.puts_off_from == usize::MAX;
    if context.reduces || every_order {
        return Search::new(context, event, configs).run(budget);
    }
    let search = Search::new(context, event, configs);
    let given = search.seen.len();
    match search.run(budget.min(FEW_ORDERS)) {
        (Found::TooMany(mut configs), examined) if examined <= budget => {
            // There are so many orders that it pays to tell what bears on the event.
            configs.truncate(given);
            let context = Context { reduces: true, ..context.clone() };
            let (found, again) = Search::new(&context, event, configs).run(budget);
            (found, examined + again)
        }
        found => found,
    }
}

/// How many configurations are looked at for an event before what does not bear on it is put
/// off, though few calls are in progress.
const FEW_ORDERS: usize = 256;

/// By far the most frequent case: nothing else bears on the event, and it has one
/// explanation.
fn explain_directly(
    context: &Context<'_>,
    config: &mut Configuration,
    event: &Observation<'_>,
) -> Option<Way> {
    let alone = steps::next(context, config, event).iter().all(|step| match step {
        Step::TakeEffect(index) | Step::Decide(index) => {
            Some(context.pending[*index].slot) == event.returns()
                || !steps::can_apply(context, config, *step, None)
        }
        Step::Invoke(..) | Step::Begin(_) | Step::Spontaneous(_) => false,
    });
    if !alone || matches!(event, Observation::Rest) {
        return None;
    }
    let mut ways = ways(context, config, event);
    // The call itself may have to take effect first, without being answered.
    let returning = event.returns().and_then(|slot| context.find(slot));
    let first = returning.is_some_and(|index| {
        let step = match config.taken.has(context.pending[index].slot) {
            true => Step::Decide(index),
            false => Step::TakeEffect(index),
        };
        steps::can_apply(context, config, step, event.returns())
    });
    if first || ways.len() != 1 {
        return None;
    }
    let way = ways.pop()?;
    go(context, config, event, &way);
    Some(way)
}

/// The configuration with everything at rest, if it can be: every call that is open
/// waits, and nothing has to happen by itself.
fn at_rest(context: &Context<'_>, config: &Configuration) -> Option<Configuration> {
    let mut after = config.clone();
    let ahead = context.spontaneous.iter().any(|(slot, _)| !after.taken.has(*slot));
    if !after.begun.is_empty() || ahead {
        return None;
    }
    for pending in context.pending.iter().filter(|pending| !config.taken.has(pending.slot)) {
        let outcomes = context.outcomes(&after.state, pending);
        let waits = outcomes.iter().find(|o| o.waits_for().is_some() && !context.exhaustive)?;
        vdi_model::apply(&mut after.state, pending.lane, pending.call.caller(), waits);
        after.taken.add(pending.slot);
        after.retract(pending.slot);
    }
    note_changes(context, &mut after, None, Scope::Set);
    after.state.is_at_rest(context.profile()).then_some(after)
}

/// Whether the event is the return of an OpenDevice that was refused, as it could have been
/// before: whatever else may happen can happen after it as well, since it changes nothing.
fn is_refused_before(
    context: &Context<'_>,
    config: &Configuration,
    event: &Observation<'_>,
) -> bool {
    let Observation::Return { slot, seen } = event else { return false };
    let opens = |index: usize| match context.pending[index].call {
        Call::Server(call) => matches!(call, ServerCall::OpenDevice { .. }),
        Call::Client(call) | Call::Secondary(_, call) => {
            matches!(call, ClientCall::OpenDevice { .. })
        }
    };
    if context.exhaustive
        || seen.status == HResult::NOERROR
        || !context.find(*slot).is_some_and(opens)
    {
        return false;
    }
    config.tentative.iter().filter(|known| known.slot == *slot).any(|known| match &known.answer {
        TentativeAnswer::Outcome(outcome) => {
            outcome.misuses().next().is_none() && matches(context.names, context.set, outcome, seen)
        }
        TentativeAnswer::SystemError | TentativeAnswer::Wait => false,
    })
}

/// How a configuration was come by: from which one, and by what.
type Origin = Option<(usize, Step)>;

/// Configurations that two gibibytes hold, about: each is kept with what the event makes of it
/// and with what it holds on the heap. More are examined in no case.
const MOST: usize = (2 << 30) / (4 * size_of::<Configuration>());

struct Search<'s, 'a, 'e> {
    context: &'s Context<'a>,
    event: &'s Observation<'e>,
    seen: Distinct,
    origins: Vec<Origin>,
    /// What the event makes of each.
    after: Vec<Configurations>,
    /// Of that, what one of those before it can still become.
    later: Vec<SmallVec<[bool; 2]>>,
    /// In which ways the event was explained.
    ways: Ways,
    work: Vec<usize>,
}

impl<'s, 'a, 'e> Search<'s, 'a, 'e> {
    fn new(context: &'s Context<'a>, event: &'s Observation<'e>, configs: Configurations) -> Self {
        // Most searches look at a handful of configurations.
        const FEW: usize = 6;
        let mut search = Self {
            context,
            event,
            seen: Distinct::with_capacity(FEW),
            origins: Vec::with_capacity(FEW),
            after: Vec::with_capacity(FEW),
            later: Vec::with_capacity(FEW),
            ways: Ways::new(),
            work: Vec::with_capacity(FEW),
        };
        configs.into_iter().for_each(|config| search.add(config, None));
        // First come, first served: what needs the fewest steps is examined first.
        search.work.reverse();
        search
    }

    fn add(&mut self, config: Configuration, origin: Origin) {
        match self.seen.insert(config) {
            Inserted::New => {
                self.origins.push(origin);
                self.after.push(Configurations::new());
                self.later.push(SmallVec::new());
                self.work.push(self.seen.len() - 1);
            }
            Inserted::Better(position) => {
                self.origins[position] = origin;
                self.work.push(position);
            }
            Inserted::Known => {}
        }
    }

    fn run(mut self, budget: usize) -> (Found, usize) {
        let budget = budget.min(MOST);
        while let Some(index) = self.work.pop() {
            let examined = self.seen.len();
            if examined > budget {
                return (Found::TooMany(self.seen.into_vec()), examined);
            }
            self.after[index] = self.explanations(index);
            self.later[index] =
                self.after[index].iter().map(|after| self.comes_later(index, after)).collect();
            let config = self.seen.get(index);
            if is_refused_before(self.context, config, self.event) {
                continue;
            }
            let target = self.event.returns();
            let mut found: SmallVec<[(Step, Configurations); 4]> = SmallVec::new();
            for step in steps::next(self.context, config, self.event) {
                found.push((step, steps::apply(self.context, config, step, target)));
            }
            for (step, moved) in found.into_iter().rev() {
                moved.into_iter().for_each(|after| self.add(after, Some((index, step))));
            }
        }
        let examined = self.seen.len();
        let mut next = Distinct::default();
        for (after, later) in self.after.into_iter().zip(self.later) {
            for (config, _) in after.into_iter().zip(later).filter(|(_, later)| !later) {
                next.insert(config);
            }
        }
        let found = match next.len() {
            0 => Found::Impossible(self.seen.into_vec()),
            _ => Found::Explained(next.into_vec(), self.ways),
        };
        (found, examined)
    }

    /// What the event makes of a configuration.
    fn explanations(&mut self, index: usize) -> Configurations {
        let config = self.seen.get(index);
        if matches!(self.event, Observation::Rest) {
            return at_rest(self.context, config).into_iter().collect();
        }
        let ways = ways(self.context, config, self.event);
        let after = ways.iter().map(|way| {
            let mut after = config.clone();
            go(self.context, &mut after, self.event, way);
            after
        });
        let after = after.collect();
        self.ways.extend(ways);
        after
    }

    /// Whether the last step before the event can as well come after it, with the same
    /// result: then it need not be tried before.
    fn comes_later(&self, index: usize, after: &Configuration) -> bool {
        let Some((before, step)) = self.origins[index].filter(|_| !self.context.exhaustive) else {
            return false;
        };
        let returning =
            |index: usize| Some(self.context.pending[index].slot) == self.event.returns();
        if matches!(step, Step::TakeEffect(index) | Step::Decide(index) if returning(index)) {
            return false;
        }
        let returned = self.event.returns();
        self.after[before].iter().any(|known| {
            let mut later = steps::apply(self.context, known, step, None);
            if let Some(slot) = returned {
                later.iter_mut().for_each(|later| later.forget(slot));
            }
            let breaks_no_more = |later: &Configuration| {
                later.misuse.iter().all(|misuse| after.misuse.contains(misuse))
            };
            later.iter().any(|later| later == after && breaks_no_more(later))
        })
    }
}
