//! The races of an ordinary run: each scenario with a race was begun in turn, which goes the
//! same way every time; then, if nothing failed, they really race.

use super::judge::ScenarioResult;
use super::race::Repeat;
use super::suite::{SuiteOptions, run_suite_repeated};
use crate::adapter::Adapter;
use crate::run::Verdict;
use crate::scenario::Scenario;

/// How often each race is run, if nobody asks for more.
pub const RACE_RUNS: u32 = 8;

/// Implementations side by side for each that was asked for: those that race wait most of
/// the time.
pub(crate) const SIDE_BY_SIDE: usize = 2;

/// What came of the races of an ordinary run, beside what failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RacesSeen {
    /// How many scenarios with races were run.
    pub scenarios: usize,
    /// How often each.
    pub times: u32,
    /// Combinations that were seen.
    pub seen: usize,
    /// Combinations that there may be.
    pub all: usize,
    /// How many scenarios failed that had not failed in turn.
    pub failed: usize,
}

/// Runs the races among these scenarios that were conformant in turn. Of what comes only a
/// failure is put into the results: all else differs from run to run.
pub fn really_race(
    adapter: &dyn Adapter,
    scenarios: &[&Scenario],
    options: &SuiteOptions,
    results: &mut [ScenarioResult],
) -> RacesSeen {
    let passed = |scenario: &&&Scenario| {
        let is_it = |result: &&ScenarioResult| result.id == scenario.id;
        let in_turn = results.iter().find(is_it);
        scenario.races() && in_turn.is_some_and(|result| result.verdict == Verdict::Conformant)
    };
    let racing: Vec<&Scenario> = scenarios.iter().filter(passed).copied().collect();
    // Who does not say when all is at rest makes every step a span of silence.
    let by_silence = results.iter().any(|result| result.adapter.silence.is_some());
    let times = if by_silence { 1 } else { RACE_RUNS };
    let options = SuiteOptions { jobs: options.jobs * SIDE_BY_SIDE, ..options.clone() };
    let repeat = Repeat { times, seed: 0 };
    let raced = run_suite_repeated(adapter, &racing, &options, Some(repeat), &|_| {});
    let mut seen = RacesSeen { scenarios: racing.len(), times, ..RacesSeen::default() };
    for result in raced {
        let (some, all) = result.races.tally.as_ref().map_or((0, 0), |tally| tally.coverage());
        (seen.seen, seen.all) = (seen.seen + some, seen.all + all);
        if result.verdict.is_failure()
            && let Some(in_turn) = results.iter_mut().find(|in_turn| in_turn.id == result.id)
        {
            seen.failed += 1;
            *in_turn = result;
        }
    }
    seen
}
