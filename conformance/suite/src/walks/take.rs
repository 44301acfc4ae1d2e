//! Walks taken by an implementation.

use std::ops::Range;

use super::walk;
use crate::adapter::Adapter;
use crate::adapter::protocol::Offer;
use crate::run::{ScenarioResult, SuiteOptions, Verdict, run_suite};
use crate::scenario::{Action, Scenario, Step};

/// How many failures are told: what is wrong fails in many walks.
const TOLD: usize = 5;

/// What came of walks.
#[derive(Clone, Debug, Default)]
pub struct Walked {
    /// How many were taken.
    pub walks: usize,
    /// Their calls.
    pub calls: usize,
    /// How many ask for what the implementation does not offer.
    pub not_offered: usize,
    /// The first that failed.
    pub failed: Vec<ScenarioResult>,
}

/// Whether an implementation lets time pass on request.
fn lets_time_pass(adapter: &dyn Adapter, options: &SuiteOptions) -> bool {
    adapter.connect(options.limits).is_ok_and(|connection| connection.hello().has(Offer::Expire))
}

/// Takes the walks of these numbers.
#[must_use]
pub fn walk_all(adapter: &dyn Adapter, numbers: Range<u64>, options: &SuiteOptions) -> Walked {
    let mut walks: Vec<Scenario> = numbers.map(walk).collect();
    if !lets_time_pass(adapter, options) {
        // Nobody waits for it.
        let passes = |step: &Step| matches!(step.action, Action::Expire { .. });
        walks.iter_mut().for_each(|walk| walk.steps.retain(|step| !passes(step)));
    }
    let calls = walks.iter().map(|walk| walk.steps.len()).sum();
    let walks: Vec<&Scenario> = walks.iter().collect();
    // Which of them fail first depends on how fast they are: all are taken.
    let options = SuiteOptions { max_fail: None, ..options.clone() };
    let results = run_suite(adapter, &walks, &options, &|_| {});
    let lacks = |result: &&ScenarioResult| matches!(result.verdict, Verdict::NotOffered(_));
    let not_offered = results.iter().filter(lacks).count();
    let failed = results.into_iter().filter(|result| result.verdict.is_failure());
    Walked { walks: walks.len(), calls, not_offered, failed: failed.take(TOLD).collect() }
}
