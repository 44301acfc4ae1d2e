//! Many scenarios, several connections at a time, results in the order of ids.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use vdi_check::guarded;
use vdi_spec::clauses::{Profile, QueueDepth};

use super::agreement::allowed_combinations;
use super::driver::{End, run_scenario};
use super::judge::{AdapterNotes, ScenarioResult, Verdict, judge};
use super::patience::Patience;
use super::race::{Pace, RaceTally, Repeat};
use crate::adapter::{Adapter, Connection, Limits, NotGreeted, Stopwatch, Trouble};
use crate::interrupt::is_interrupted;
use crate::locked::locked;
use crate::scenario::Scenario;

/// How to run a suite.
#[derive(Clone, Debug)]
pub struct SuiteOptions {
    /// The readings to judge by.
    pub profile: Profile,
    /// How long to wait and how strictly to read.
    pub limits: Limits,
    /// How many implementations run side by side; at least 1.
    pub jobs: usize,
    /// Stop after so many failures.
    pub max_fail: Option<usize>,
}

/// By the documented pages, one after the other, to the end.
impl Default for SuiteOptions {
    fn default() -> Self {
        let (profile, limits) = (Profile::default(), Limits::default());
        Self { profile, limits, jobs: 1, max_fail: None }
    }
}

/// Runs scenarios. A crash or a hang is a verdict on its scenario; the
/// implementation is started anew and the run goes on. `done` hears of each
/// scenario that ended. What races is begun in turn, so that every run goes the same way.
pub fn run_suite(
    adapter: &dyn Adapter,
    scenarios: &[&Scenario],
    options: &SuiteOptions,
    done: &(dyn Fn(&ScenarioResult) + Sync),
) -> Vec<ScenarioResult> {
    run_suite_repeated(adapter, scenarios, options, None, done)
}

/// Runs scenarios; those with races really race, as often as is said, until one run
/// fails.
pub fn run_suite_repeated(
    adapter: &dyn Adapter,
    scenarios: &[&Scenario],
    options: &SuiteOptions,
    repeat: Option<Repeat>,
    done: &(dyn Fn(&ScenarioResult) + Sync),
) -> Vec<ScenarioResult> {
    run_patiently(adapter, scenarios, options, repeat, &Patience::default(), done)
}

/// The same with what was found out before about whether it answers at all.
pub(super) fn run_patiently(
    adapter: &dyn Adapter,
    scenarios: &[&Scenario],
    options: &SuiteOptions,
    repeat: Option<Repeat>,
    patience: &Patience,
    done: &(dyn Fn(&ScenarioResult) + Sync),
) -> Vec<ScenarioResult> {
    let shared = Shared {
        repeat,
        next: AtomicUsize::new(0),
        failures: AtomicUsize::new(0),
        patience,
        stop: AtomicBool::new(false),
        results: Mutex::default(),
    };
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.clamp(1, scenarios.len().max(1)) {
            scope.spawn(|| worker(adapter, scenarios, options, &shared, done));
        }
    });
    let results = locked(shared.results.into_inner());
    results.into_values().collect()
}

struct Shared<'p> {
    repeat: Option<Repeat>,
    next: AtomicUsize,
    failures: AtomicUsize,
    patience: &'p Patience,
    stop: AtomicBool,
    results: Mutex<BTreeMap<usize, ScenarioResult>>,
}

fn worker(
    adapter: &dyn Adapter,
    scenarios: &[&Scenario],
    options: &SuiteOptions,
    shared: &Shared<'_>,
    done: &(dyn Fn(&ScenarioResult) + Sync),
) {
    let mut connection: Option<Box<dyn Connection>> = None;
    loop {
        let index = shared.next.fetch_add(1, Ordering::SeqCst);
        let Some(scenario) = scenarios.get(index) else {
            return;
        };
        let watch = Stopwatch::started();
        let mut result = if shared.stop.load(Ordering::SeqCst) || is_interrupted() {
            ScenarioResult::unmeasured(scenario, Verdict::NotRun)
        } else {
            let run = || repeated(adapter, &mut connection, scenario, options, shared);
            guarded(run).unwrap_or_else(|what| {
                // Where it stands is not known any more.
                connection = None;
                ScenarioResult::unmeasured(scenario, Verdict::Trouble(Trouble::Ours(what)))
            })
        };
        result.adapter.took = watch.read();
        // Whoever interrupts a run ends the programs, too.
        let is_ended = is_interrupted() && matches!(result.verdict, Verdict::Trouble(_));
        let result = match is_ended {
            true => ScenarioResult::unmeasured(scenario, Verdict::NotRun),
            false => result,
        };
        if result.verdict.is_failure() {
            let failures = shared.failures.fetch_add(1, Ordering::SeqCst) + 1;
            if options.max_fail.is_some_and(|most| failures >= most) {
                shared.stop.store(true, Ordering::SeqCst);
            }
        }
        done(&result);
        let mut results = locked(shared.results.lock());
        results.insert(index, result);
    }
}

/// One scenario, and one with races as often as is said.
fn repeated(
    adapter: &dyn Adapter,
    connection: &mut Option<Box<dyn Connection>>,
    scenario: &Scenario,
    options: &SuiteOptions,
    shared: &Shared<'_>,
) -> ScenarioResult {
    let mut run = |pace| one(adapter, connection, scenario, options, shared, pace);
    if !scenario.races() {
        return run(Pace::InTurn);
    }
    let mut tally: Option<RaceTally> = None;
    let mut last = None;
    for number in 0..shared.repeat.map_or(1, |repeat| repeat.times.max(1)) {
        let pace = match shared.repeat {
            Some(repeat) => Pace::AtOnce(repeat.number(&scenario.id, number)),
            None => Pace::InTurn,
        };
        let mut result = run(pace);
        let tally = tally.get_or_insert_with(|| {
            let declares = result.trace.header.declares;
            // What pins nothing is judged by its trace alone.
            let allowed = match scenario.is_pinned() {
                true => allowed_combinations(scenario, &options.profile, declares),
                false => BTreeMap::new(),
            };
            RaceTally::new(&allowed)
        });
        if let Some((step, combination)) = tally.count(&result.races.seen) {
            let allowed = tally.races.iter().find(|race| race.step == step);
            let allowed = allowed.map_or(&[][..], |race| &race.combinations);
            result.came_to(step, &combination, allowed);
        }
        let over = !matches!(result.verdict, Verdict::Conformant | Verdict::Inconclusive(_));
        // What was undecided once is told, unless something worse comes.
        let worse = |before: &ScenarioResult| before.verdict == Verdict::Conformant;
        if over || last.as_ref().is_none_or(worse) {
            last = Some(result);
        }
        if over {
            break;
        }
    }
    let mut result = last.unwrap_or_else(|| ScenarioResult::unmeasured(scenario, Verdict::NotRun));
    result.races.tally = tally.filter(|_| shared.repeat.is_some());
    result
}

fn one(
    adapter: &dyn Adapter,
    connection: &mut Option<Box<dyn Connection>>,
    scenario: &Scenario,
    options: &SuiteOptions,
    shared: &Shared<'_>,
    pace: Pace,
) -> ScenarioResult {
    if let Some(trouble) = shared.patience.is_over(connection.is_some()) {
        return ScenarioResult::unmeasured(scenario, Verdict::Trouble(trouble));
    }
    if connection.is_none() {
        match adapter.connect(options.limits) {
            Ok(made) => {
                shared.patience.started();
                *connection = Some(made);
            }
            Err(NotGreeted { trouble, stderr, by_hand }) => {
                shared.patience.failed_to_start();
                let result = ScenarioResult::unmeasured(scenario, Verdict::Trouble(trouble));
                let adapter = AdapterNotes { stderr, by_hand, ..AdapterNotes::default() };
                return ScenarioResult { adapter, ..result };
            }
        }
    }
    let Some(link) = connection.as_mut() else {
        return ScenarioResult::unmeasured(scenario, Verdict::NotRun);
    };
    let depth = match options.profile.queue_depth {
        QueueDepth::Four => Some(4),
        QueueDepth::Unspecified => link.hello().declares.queue_depth,
    };
    let Some(scenario) = scenario.at_depth(depth) else {
        let reason = "the adapter does not declare its queueDepth".to_owned();
        return ScenarioResult::unmeasured(scenario, Verdict::NotOffered(reason));
    };
    let scenario = &*scenario;
    let run = run_scenario(&mut **link, scenario, &options.profile, options.limits, pace);
    let stderr = link.take_stderr();
    if matches!(run.end, Some(End::Trouble(_))) {
        *connection = None;
    }
    let by_silence = run.by_silence;
    let mut result = judge(scenario, &options.profile, run, stderr);
    result.adapter.silence = by_silence.then_some(options.limits.grace);
    shared.patience.note(&result.verdict);
    result
}
