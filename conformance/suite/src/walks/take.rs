//! Walks taken by an implementation.

use super::walk;
use crate::adapter::Adapter;
use crate::adapter::protocol::Offer;
use crate::interrupt::is_interrupted;
use crate::run::{ScenarioResult, SuiteOptions, Verdict, run_suite};
use crate::scenario::{Action, Scenario, Step};

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

/// Takes the walks of these numbers.
#[must_use]
pub fn walk_all(
    adapter: &dyn Adapter,
    numbers: impl IntoIterator<Item = u64>,
    options: &SuiteOptions,
) -> Walked {
    let lets_time_pass = lets_time_pass(adapter, options);
    // Which of them fail first depends on how fast they are: all are taken.
    let options = SuiteOptions { max_fail: None, ..options.clone() };
    let mut walked = Walked::default();
    let mut numbers = numbers.into_iter().peekable();
    while numbers.peek().is_some() && !is_interrupted() {
        let mut walks: Vec<Scenario> = numbers.by_ref().take(BLOCK).map(walk).collect();
        if !lets_time_pass {
            // Nobody waits for it.
            let passes = |step: &Step| matches!(step.action, Action::Expire { .. });
            walks.iter_mut().for_each(|walk| walk.steps.retain(|step| !passes(step)));
        }
        let all: Vec<&Scenario> = walks.iter().collect();
        let results = run_suite(adapter, &all, &options, &|_| {});
        for result in results {
            let taken = walks.iter().find(|walk| walk.id == result.id);
            walked.add(taken.map_or(0, |walk| walk.steps.len()), result);
        }
    }
    walked
}
