//! A scenario that fails against an implementation, made small by running it.

use std::collections::BTreeSet;

use vdi_spec::clauses::{Clause, Party};
use vdi_trace::{Event, Trace};

use super::ddmin;
use crate::adapter::Adapter;
use crate::run::{
    Repeat, ScenarioResult, SuiteOptions, Verdict, run_suite_repeated, steps_of_trace,
};
use crate::scenario::{Action, Given, Scenario, Step, StepCall};

/// What a scenario is run against.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The implementation.
    pub adapter: &'a dyn Adapter,
    /// How it is judged.
    pub options: &'a SuiteOptions,
    /// How often what races is run.
    pub repeat: Repeat,
}

impl std::fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("adapter", &self.adapter.options()).finish_non_exhaustive()
    }
}

impl Target<'_> {
    fn run(&self, scenario: &Scenario) -> Option<ScenarioResult> {
        let results =
            run_suite_repeated(self.adapter, &[scenario], self.options, Some(self.repeat), &|_| {});
        results.into_iter().next()
    }
}

/// The smallest part of a scenario that fails with the same verdict and clause; `None`
/// if it does not fail. Nothing is pinned in it: the oracle alone judges. With it, what came of
/// its last run.
#[must_use]
pub fn shrink_scenario(
    scenario: &Scenario,
    target: Target<'_>,
) -> Option<(Scenario, ScenarioResult)> {
    let mut small = unpinned(scenario);
    let first = target.run(&small).filter(|result| result.verdict.is_failure())?;
    let key = |verdict: &Verdict| (verdict.name(), verdict.clause());
    let wanted = key(&first.verdict);
    let fails = |candidate: &Scenario| {
        target.run(candidate).is_some_and(|result| key(&result.verdict) == wanted)
    };
    loop {
        let before = small.clone();
        lanes(&mut small, &fails);
        steps(&mut small, &fails);
        races(&mut small, &fails);
        situation(&mut small, &fails);
        data(&mut small, &fails);
        if small == before {
            break;
        }
    }
    let last = target.run(&small).filter(|result| key(&result.verdict) == wanted);
    let result = last.unwrap_or(first);
    let broken = result.findings.iter().map(|finding| finding.clause);
    Some((named(small, result.verdict.clause(), broken), result))
}

/// The calls of a trace as a scenario that pins nothing: what overlapped begins together.
///
/// # Errors
/// A lane's name in the trace is not of the form `process.thread`.
pub fn of_trace(
    trace: &Trace,
    name: &str,
    clause: Option<Clause>,
    broken: impl IntoIterator<Item = Clause>,
) -> Result<Scenario, vdi_spec::codes::UnknownName> {
    let steps = steps_of_trace(trace)?;
    // `steps_of_trace` makes one step of every event that is driven.
    let driven = |event: &&Event<'_>| {
        !matches!(event, Event::Return { .. } | Event::Callback { .. } | Event::Blocked { .. })
    };
    let mut groups: Vec<Vec<Step>> = Vec::new();
    let mut seen_since = true;
    let mut steps = steps.into_iter();
    for event in &trace.events {
        if !driven(&event) {
            seen_since = true;
            continue;
        }
        let Some(step) = steps.next() else { break };
        match groups.last_mut() {
            Some(group) if !seen_since && can_race(&step) && group.iter().all(can_race) => {
                group.push(step);
            }
            _ => groups.push(vec![step]),
        }
        seen_since = false;
    }
    let steps = groups.into_iter().flat_map(begun_together).collect();
    let scenario = Scenario {
        schema: Some("../schema/scenario.v1.json".to_owned()),
        id: format!("shrunk/{name}"),
        title: String::new(),
        clauses: Vec::new(),
        parties: Vec::new(),
        misuse: Vec::new(),
        misuse_under: std::collections::BTreeMap::new(),
        unpinned: true,
        records: trace.header.records.clone(),
        interfaces: trace.header.interfaces.clone(),
        config: None,
        given: None,
        steps,
    };
    Ok(named(scenario, clause, broken))
}

const fn can_race(step: &Step) -> bool {
    matches!(step.action, Action::Start { .. } | Action::Exit { .. } | Action::Resume { .. })
}

fn lane_of(action: &Action) -> String {
    if let Action::Exit { exit, .. } = action {
        return exit.to_string();
    }
    let lane = StepCall::of(action).map(|call| call.lane).or_else(|| action.racing_lane());
    lane.map_or_else(String::new, ToString::to_string)
}

/// Steps that nothing was seen between, as one race if they are of several lanes.
fn begun_together(group: Vec<Step>) -> Vec<Step> {
    let lanes: BTreeSet<String> = group.iter().map(|step| lane_of(&step.action)).collect();
    if lanes.len() < 2 {
        return group;
    }
    let together = group.into_iter().map(|step| racer(step.action)).collect();
    vec![Step {
        when: None,
        times: None,
        action: Action::Together { together, combinations: None },
    }]
}

/// A call that is begun, as one that races.
fn racer(action: Action) -> Action {
    match action {
        Action::Start { start: call, lane, on, creates, args } => {
            Action::Call { call, lane, on, creates, args, expect: None, gives: None, tells: None }
        }
        other => other,
    }
}

/// The same with what is expected taken away, and every call begun and left.
fn unpinned(scenario: &Scenario) -> Scenario {
    let bare = |step: &Step| {
        let action = match step.action.clone() {
            Action::Await { .. } | Action::Blocked { .. } => return None,
            Action::Call { call: start, lane, on, creates, args, .. } => {
                Action::Start { start, lane, on, creates, args }
            }
            Action::Together { together, .. } => Action::Together { together, combinations: None },
            other => other,
        };
        Some(Step { when: step.when.clone(), times: step.times, action })
    };
    let steps = scenario.steps.iter().filter_map(bare).collect();
    // Whatever anybody breaks is on purpose here.
    let broken = vdi_spec::clauses::CLAUSES.iter().filter(|row| row.party != Party::Interface);
    Scenario {
        unpinned: true,
        steps,
        misuse: broken.map(|row| row.clause).collect(),
        misuse_under: std::collections::BTreeMap::new(),
        ..scenario.clone()
    }
}

/// A scenario that can be read back: its clauses and parties are those that it is about.
fn named(
    scenario: Scenario,
    clause: Option<Clause>,
    broken: impl IntoIterator<Item = Clause>,
) -> Scenario {
    let misuse: BTreeSet<Clause> =
        broken.into_iter().filter(|clause| clause.party() != Party::Interface).collect();
    let mut clauses: Vec<Clause> = clause.into_iter().chain(misuse.iter().copied()).collect();
    if clauses.is_empty() {
        clauses.clone_from(&scenario.clauses);
    }
    clauses.dedup();
    let parties: BTreeSet<Party> = clauses.iter().map(|clause| clause.party()).collect();
    let title = clause.map_or("A failure, made small".to_owned(), |clause| {
        format!("The smallest part of a failure that breaks {clause}")
    });
    Scenario {
        title,
        clauses,
        parties: parties.into_iter().collect(),
        misuse: misuse.into_iter().collect(),
        ..scenario
    }
}

fn lanes(small: &mut Scenario, fails: &dyn Fn(&Scenario) -> bool) {
    let names: BTreeSet<String> = small.steps.iter().map(|step| lane_of(&step.action)).collect();
    for name in names {
        let mut candidate = small.clone();
        candidate.steps.retain(|step| lane_of(&step.action) != name);
        if candidate.steps.len() < small.steps.len() && fails(&candidate) {
            *small = candidate;
        }
    }
}

fn steps(small: &mut Scenario, fails: &dyn Fn(&Scenario) -> bool) {
    let with = |steps: &[Step]| Scenario { steps: steps.to_vec(), ..small.clone() };
    let left = ddmin(&small.steps, |steps| !steps.is_empty() && fails(&with(steps)));
    small.steps = left;
}

/// Fewer racers; what is left alone is no race.
fn races(small: &mut Scenario, fails: &dyn Fn(&Scenario) -> bool) {
    for at in 0..small.steps.len() {
        let Action::Together { together, .. } = &small.steps[at].action else { continue };
        let with = |racers: &[Action]| {
            let mut candidate = small.clone();
            candidate.steps[at].action = match racers {
                [alone] => StepCall::of(alone).map_or(alone.clone(), |call| call.started()),
                several => Action::Together { together: several.to_vec(), combinations: None },
            };
            candidate
        };
        let left = ddmin(together, |racers| !racers.is_empty() && fails(&with(racers)));
        *small = with(&left);
    }
}

/// Fewer commands, buffers, devices, secondaries; no configuration.
fn situation(small: &mut Scenario, fails: &dyn Fn(&Scenario) -> bool) {
    let Some(given) = small.given.clone() else { return };
    let with = |given: Given| Scenario { given: Some(given), ..small.clone() };
    let commands = ddmin(&given.commands, |commands| {
        fails(&with(Given { commands: commands.to_vec(), ..given.clone() }))
    });
    let given = Given { commands, ..given };
    let buffers = ddmin(&given.buffers, |buffers| {
        fails(&with(Given { buffers: buffers.to_vec(), ..given.clone() }))
    });
    let mut given = Given { buffers, ..given };
    while given.devices > 1 {
        let fewer = Given { devices: given.devices / 2, ..given.clone() };
        let one_less = Given { devices: given.devices - 1, ..given.clone() };
        match [fewer, one_less].into_iter().find(|candidate| fails(&with(candidate.clone()))) {
            Some(smaller) => given = smaller,
            None => break,
        }
    }
    let alone = Given { secondaries: 0, ..given.clone() };
    if given.secondaries > 0 && fails(&with(alone.clone())) {
        given = alone;
    }
    *small = with(given);
    let plain = Scenario { config: None, ..small.clone() };
    if small.config.is_some() && fails(&plain) {
        *small = plain;
    }
}

/// No data, no positions, no buffers, where they have no part in it.
fn data(small: &mut Scenario, fails: &dyn Fn(&Scenario) -> bool) {
    for at in 0..small.steps.len() {
        for change in 0..3 {
            let mut candidate = small.clone();
            let Action::Start { args, .. } = &mut candidate.steps[at].action else { break };
            match change {
                0 => args.position = None,
                1 => args.hold = None,
                _ => (args.buffer, args.bytes) = (None, args.bytes.map(|_| 0)),
            }
            if candidate != *small && fails(&candidate) {
                *small = candidate;
            }
        }
    }
}
