//! Walks taken by an implementation.

use crate::adapter::Adapter;
use crate::adapter::protocol::Offer;
use crate::interrupt::is_interrupted;
use crate::run::{Repeat, SIDE_BY_SIDE, ScenarioResult, SuiteOptions, Verdict, run_suite_repeated};
use crate::scenario::{Action, Scenario, Step, StepCall};

/// How many failures are told: what is wrong fails in many walks.
const TOLD: usize = 5;

/// How many are taken at a time: of a long range no more are in memory.
const BLOCK: usize = 256;

/// What came of walks.
#[derive(Clone, Debug, Default)]
pub struct Walked {
    /// How many were taken to their end, or failed.
    pub walks: usize,
    /// Their calls.
    pub calls: usize,
    /// How many others ask for what the implementation does not offer.
    pub not_offered: usize,
    /// How many of those that were taken are not decided.
    pub undecided: usize,
    /// The id of the first of those.
    pub open: Option<String>,
    /// How many of them failed.
    pub failures: usize,
    /// The first that failed.
    pub failed: Vec<ScenarioResult>,
}

impl Walked {
    fn add(&mut self, calls: usize, result: ScenarioResult) {
        match &result.verdict {
            Verdict::NotOffered(_) => {
                self.not_offered += 1;
                return;
            }
            // Nobody wants it any more.
            Verdict::NotRun => return,
            Verdict::Inconclusive(_) => {
                self.undecided += 1;
                self.open.get_or_insert_with(|| result.id.clone());
            }
            Verdict::Conformant
            | Verdict::Violation(_)
            | Verdict::Disagreement(_)
            | Verdict::Trouble(_) => {}
        }
        self.walks += 1;
        self.calls += calls;
        if result.verdict.is_failure() {
            self.failures += 1;
            if self.failed.len() < TOLD {
                self.failed.push(result);
            }
        }
    }
}

/// Whether an implementation lets time pass on request.
fn lets_time_pass(adapter: &dyn Adapter, options: &SuiteOptions) -> bool {
    adapter.connect(options.limits).is_ok_and(|connection| connection.hello().has(Offer::Expire))
}

/// Takes these walks; those in which calls race as often as is said.
#[must_use]
pub fn walk_all(
    adapter: &dyn Adapter,
    walks: impl IntoIterator<Item = Scenario>,
    options: &SuiteOptions,
    repeat: Option<Repeat>,
) -> Walked {
    let lets_time_pass = lets_time_pass(adapter, options);
    // Which of them fail first depends on how fast they are: all are taken.
    let jobs = if repeat.is_some() { options.jobs * SIDE_BY_SIDE } else { options.jobs };
    let options = SuiteOptions { max_fail: None, jobs, ..options.clone() };
    let mut walked = Walked::default();
    let mut left = walks.into_iter().peekable();
    while left.peek().is_some() && !is_interrupted() {
        let mut walks: Vec<Scenario> = left.by_ref().take(BLOCK).collect();
        if !lets_time_pass {
            // Nobody waits for it.
            let passes = |step: &Step| matches!(step.action, Action::Expire { .. });
            walks.iter_mut().for_each(|walk| walk.steps.retain(|step| !passes(step)));
        }
        let all: Vec<&Scenario> = walks.iter().collect();
        let results = run_suite_repeated(adapter, &all, &options, repeat, &|_| {});
        for result in results {
            let taken = walks.iter().find(|walk| walk.id == result.id);
            walked.add(taken.map_or(0, calls), result);
        }
    }
    walked
}

/// How many calls it makes.
fn calls(walk: &Scenario) -> usize {
    let is_call = |action: &&Action| StepCall::of(action).is_some();
    let calls = walk.steps.iter().map(|step| match &step.action {
        Action::Together { together, .. } => together.iter().filter(is_call).count(),
        action => usize::from(is_call(&action)),
    });
    calls.sum()
}
