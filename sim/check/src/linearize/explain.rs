//! The events of a set whose calls overlap: each narrows the frontier down to what
//! explains it.

use smallvec::SmallVec;

use super::closing::leave;
use super::configuration::{Configuration, Misuse};
use super::context::{Context, Scope};
use super::frontier::Frontier;
use super::linearization::Spontaneous;
use super::observation::Observation;
use super::search::{Found, search};
use super::slots::{Slot, SlotSet};
use super::ways::Ways;
use crate::Checker;
use crate::explain::{Report, Why};
use crate::session::{ObservedCallback, Returned, Session};
use vdi_model::{Callback, Caller, CommandId, ServerLife, State};
use vdi_spec::clauses::Clause;

/// How an event came about.
#[derive(Debug, Default)]
pub(crate) struct Explained {
    /// The clauses that it rests on, in one explanation or another.
    pub(crate) clauses: SmallVec<[Clause; 8]>,
    /// The routine that was invoked, if one was.
    pub(crate) callback: Option<Callback>,
}

impl Explained {
    fn of(ways: &Ways) -> Self {
        let mut explained = Self::default();
        for way in ways {
            for clause in way.clauses() {
                if !explained.clauses.contains(&clause) {
                    explained.clauses.push(clause);
                }
            }
            explained.callback = explained.callback.or(way.callback());
        }
        explained
    }
}

/// Why there is no explanation: the configurations that were examined.
#[derive(Debug)]
pub(crate) struct Unexplained {
    pub(crate) configurations: Vec<Configuration>,
    /// Whether there may be one that was not examined.
    pub(crate) gave_up: bool,
}

/// An open call returns.
pub(crate) fn explain_return(
    checker: &mut Checker,
    index: usize,
    seen: &Returned<'_>,
) -> Result<Explained, Unexplained> {
    let call = &checker.session.calls[index];
    let (set, slot) = (call.bound.set, call.slot);
    explain(checker, set, Scope::Set, &Observation::Return { slot, seen })
}

/// A completion routine is invoked.
pub(crate) fn explain_callback(
    checker: &mut Checker,
    set: usize,
    command: CommandId,
    seen: &ObservedCallback,
) -> Result<Explained, Unexplained> {
    let scope = scope_of_callback(&checker.session, set, command);
    explain(checker, set, scope, &Observation::Callback { command, seen })
}

/// Everything has come to rest.
pub(crate) fn explain_rest(checker: &mut Checker, set: usize) -> Result<Explained, Unexplained> {
    explain(checker, set, Scope::Set, &Observation::Rest)
}

/// Something was seen that only some states allow. Where calls overlap, the configurations
/// are narrowed down to those that do; if there is none, they stay.
pub(crate) fn search_for(checker: &mut Checker, set: usize, holds: &dyn Fn(&State) -> bool) {
    let track = &checker.session.sets[set];
    if !track.is_searched() || track.states().all(holds) {
        return;
    }
    let before = track.frontier.clone();
    if let Err(unexplained) = explain(checker, set, Scope::Set, &Observation::Holds(holds)) {
        checker.session.sets[set].frontier = before;
        if unexplained.gave_up {
            checker.report.undecided(Why::Budget { budget: checker.terms.search.budget });
        }
    }
}

/// Narrows the configurations down to those that hold, after whatever may have taken effect
/// by now; false if there is none.
pub(crate) fn narrow(checker: &mut Checker, set: usize, holds: &dyn Fn(&State) -> bool) -> bool {
    match explain(checker, set, Scope::Set, &Observation::Holds(holds)) {
        Ok(_) => true,
        Err(unexplained) => {
            if unexplained.gave_up {
                checker.report.undecided(Why::Budget { budget: checker.terms.search.budget });
            }
            false
        }
    }
}

/// Narrows the configurations down to those in which the end of a process is noticed, which is
/// what `ended` tells. Where that has too many explanations it stays open when it is noticed.
pub(crate) fn notice(checker: &mut Checker, set: usize, ended: &dyn Fn(&State) -> bool) {
    let before = checker.session.sets[set].frontier.clone();
    if explain(checker, set, Scope::Set, &Observation::Ended(ended)).is_err() {
        checker.session.sets[set].frontier = before;
    }
}

/// The calls in these slots are no calls of the set: the configurations that hold and in which
/// they have not taken effect are left. False if there is none.
pub(crate) fn withdraw(
    checker: &mut Checker,
    set: usize,
    slots: SlotSet,
    holds: &dyn Fn(&State) -> bool,
) -> bool {
    let Some(frontier) = checker.session.sets[set].frontier.as_mut() else {
        return false;
    };
    frontier.configurations.retain(|config| holds(&config.state) && !config.taken.meets(slots));
    for config in &mut frontier.configurations {
        config.tentative.retain(|known| !slots.has(known.slot));
        config.leave_past(slots);
        leave(&mut config.closings, slots);
    }
    !frontier.configurations.is_empty()
}

/// Searches for what explains an event that depends on this scope, or on that of the call
/// that returns. Without an explanation the frontier is empty.
fn explain(
    checker: &mut Checker,
    set: usize,
    scope: Scope,
    event: &Observation<'_>,
) -> Result<Explained, Unexplained> {
    let frontier = checker.session.sets[set].frontier.take();
    let mut frontier = frontier.expect("asked of a set with overlaps");
    let mut context = Context::new(checker, set, &frontier);
    let returning = event.returns().and_then(|slot| context.find(slot));
    context.scope = returning.map_or(scope, |index| context.pending[index].scope);
    let configurations = std::mem::take(&mut frontier.configurations);
    let (found, examined) = search(&context, configurations, event);
    drop(context);
    checker.report.examined += examined;
    let result = match found {
        Found::Explained(configurations, ways) => {
            frontier.configurations = configurations;
            report_misuse(set, &mut frontier, &checker.session, &mut checker.report);
            prune(&mut frontier, &mut checker.session, set);
            Ok(Explained::of(&ways))
        }
        Found::Impossible(mut configurations) => {
            // What came the furthest is shown first.
            configurations.sort_by_key(|config| std::cmp::Reverse(config.taken.count()));
            Err(Unexplained { configurations, gave_up: false })
        }
        Found::TooMany(configurations) => Err(Unexplained { configurations, gave_up: true }),
    };
    checker.session.sets[set].frontier = Some(frontier);
    result
}

/// What a caller broke in every explanation that is left, it broke.
fn report_misuse(set: usize, frontier: &mut Frontier, session: &Session, report: &mut Report) {
    let Some((first, others)) = frontier.configurations.split_first() else {
        return;
    };
    if first.misuse.is_empty() {
        return;
    }
    let mut certain: SmallVec<[Misuse; 1]> = first.misuse.clone();
    certain.retain(|misuse| others.iter().all(|other| other.misuse.contains(misuse)));
    for config in &mut frontier.configurations {
        config.misuse.retain(|misuse| !certain.contains(misuse));
    }
    let track = &session.sets[set];
    let knew = |misuse: &Misuse| {
        let &Misuse { clause, line, lane, .. } = misuse;
        let process = session.lanes[lane].process;
        !track.statement.excuses(clause, line)
            && !track.evidence.may_precede_close(process, line, clause)
            && !session.right.contains(&(line, lane))
    };
    for Misuse { line, clause, function, lane } in certain.into_iter().filter(knew) {
        let what = format!("{function} by {}", session.lanes.name(lane));
        report.find(line, clause, what, false);
    }
}

/// Drops what has happened in every configuration: what was spontaneous, and calls that
/// are lost.
fn prune(frontier: &mut Frontier, session: &mut Session, set: usize) {
    let Frontier { configurations, spontaneous } = frontier;
    let is_dead = |config: &Configuration| config.state.server == ServerLife::Dead;
    let dead = configurations.iter().all(is_dead);
    if spontaneous.is_empty() && !dead && !session.calls.iter().any(|call| call.lost) {
        return;
    }
    let mut exits: SmallVec<[Caller; 1]> = SmallVec::new();
    let mut freed: SmallVec<[Slot; 4]> = SmallVec::new();
    spontaneous.retain(|(slot, known)| {
        let done = configurations.iter().all(|config| config.taken.has(*slot));
        if done {
            freed.push(*slot);
            match known {
                Spontaneous::Exit(caller) => exits.push(*caller),
                Spontaneous::Passes(..) => {}
            }
        }
        !done
    });
    let ahead = |caller: Caller| {
        let mut known = spontaneous.iter();
        known.any(|(_, known)| matches!(known, Spontaneous::Exit(other) if *other == caller))
    };
    // What may have taken effect before the end may still be found to have done so.
    let may_be = |slot: Slot| {
        configurations.iter().any(|config| config.pasts.iter().any(|past| past.slots.has(slot)))
    };
    session.calls.retain(|call| {
        let lost = call.lost && call.bound.set == set;
        let gone = lost && !ahead(call.bound.call.caller()) && !may_be(call.slot);
        freed.extend(gone.then_some(call.slot));
        !gone
    });
    for config in configurations.iter_mut() {
        freed.iter().for_each(|slot| config.forget(*slot));
    }
    // Of a server that is dead a command may still be given that it sent before.
    if dead && configurations.iter().all(|config| config.pasts.is_empty()) {
        session.names.retire_commands(set);
    }
}

/// What a callback depends on: the device of its command.
fn scope_of_callback(session: &Session, set: usize, id: CommandId) -> Scope {
    let mut states = session.sets[set].states();
    let in_state = states.find_map(|state| state.command(id)).map(|command| command.device);
    let sent = || session.names.command(set, id).map(|sent| sent.device);
    in_state.or_else(sent).map_or(Scope::Set, Scope::Device)
}
