//! A suite that cannot fail is no suite: each mutant is hunted until something blames it
//! on a clause that fits, where the reference implementation itself comes to no harm.

use serde::Serialize;
use vdi_reference::MutantInfo;
use vdi_spec::clauses::{Clause, QUESTIONS, Reading};

use crate::adapter::Reference;
use crate::run::{Repeat, ScenarioResult, SuiteOptions, Verdict, run_suite, run_suite_repeated};
use crate::scenario::Scenario;

/// One way to hunt a mutant: what is tried, and what counts as caught.
pub trait Strategy {
    /// What is tried.
    type Attempt;
    /// What is kept of an attempt that caught the mutant.
    type Caught;

    /// Tries the mutant; if it fails, what is kept of that and the clause that is blamed.
    fn attempt(&mut self, attempt: &Self::Attempt) -> Option<(Self::Caught, Option<Clause>)>;

    /// Whether the implementation without the mutant passes.
    fn is_sound(&self, attempt: &Self::Attempt) -> bool;
}

/// How a mutant was caught.
#[derive(Clone, Debug)]
pub struct Catch<C> {
    /// What is kept of the attempt.
    pub caught: C,
    /// The clause that was blamed.
    pub clause: Option<Clause>,
    /// Whether it is one of the clauses that fit the mutant.
    pub fits: bool,
}

/// Whether a clause is one of those that fit a mutant.
#[must_use]
pub fn fits(mutant: &MutantInfo, clause: Clause) -> bool {
    mutant.clauses.contains(&clause.info().id)
}

/// Makes attempts until one blames a clause that fits. Until then the first catch stands,
/// `best` if there was one before. Where the mutant fails, the implementation without it
/// has to pass.
pub fn hunt_with<S: Strategy>(
    mutant: &MutantInfo,
    strategy: &mut S,
    attempts: impl IntoIterator<Item = S::Attempt>,
    best: &mut Option<Catch<S::Caught>>,
) {
    for attempt in attempts {
        let Some((caught, clause)) = strategy.attempt(&attempt) else { continue };
        let fits = clause.is_some_and(|clause| fits(mutant, clause));
        if (best.is_some() && !fits) || !strategy.is_sound(&attempt) {
            continue;
        }
        *best = Some(Catch { caught, clause, fits });
        if fits {
            return;
        }
    }
}

/// The scenarios that exercise a fitting clause go first.
fn ordered<'s>(
    mutant: &MutantInfo,
    scenarios: impl Iterator<Item = &'s Scenario>,
) -> Vec<&'s Scenario> {
    let mut ordered: Vec<&Scenario> = scenarios.collect();
    ordered.sort_by_key(|scenario| !exercises(mutant, scenario));
    ordered
}

fn exercises(mutant: &MutantInfo, scenario: &Scenario) -> bool {
    scenario.clauses.iter().any(|clause| fits(mutant, *clause))
}

/// What became of a mutant.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Kill {
    /// The mutant's name.
    pub defect: &'static str,
    /// The clause that was blamed; `None` if the mutant survived.
    pub clause: Option<Clause>,
    /// Whether it is one of the clauses that fit the mutant.
    pub fits: bool,
    /// The scenario that saw it.
    pub scenario: Option<String>,
    /// The reading under which it is seen, if it is not seen under the default ones.
    pub under: Option<String>,
    /// How many scenarios were run until then.
    pub runs: usize,
}

/// Scenarios that are driven once each, under one profile.
struct Once<'a> {
    mutant: &'a MutantInfo,
    options: SuiteOptions,
    under: Option<Reading>,
    runs: &'a mut usize,
}

impl<'a> Strategy for Once<'a> {
    type Attempt = &'a Scenario;
    type Caught = (String, Option<Reading>);

    fn attempt(&mut self, scenario: &&'a Scenario) -> Option<(Self::Caught, Option<Clause>)> {
        *self.runs += 1;
        let adapter = Reference::mutant(self.mutant.mutant);
        let result = run_suite(&adapter, &[*scenario], &self.options, &|_| {}).pop()?;
        let Verdict::Violation(violation) = &result.verdict else { return None };
        Some(((scenario.id.clone(), self.under), Some(violation.clause)))
    }

    fn is_sound(&self, scenario: &&'a Scenario) -> bool {
        let results = run_suite(&Reference::adapter(), &[*scenario], &self.options, &|_| {});
        results.iter().all(|result| result.verdict == Verdict::Conformant)
    }
}

/// Hunts one mutant with scenarios, under other readings too if the given ones show nothing.
#[must_use]
pub fn hunt(mutant: &MutantInfo, scenarios: &[&Scenario], options: &SuiteOptions) -> Kill {
    // What races is begun in turn here, which shows nothing that other scenarios do not.
    let in_turn = scenarios.iter().copied().filter(|scenario| !scenario.races());
    let ordered = ordered(mutant, in_turn);
    let exercising = ordered.iter().copied().filter(|scenario| exercises(mutant, scenario));
    let exercising: Vec<&Scenario> = exercising.collect();
    let others = QUESTIONS.iter().flat_map(|row| row.question.readings());
    let others = others.filter(|reading| options.profile.reading(reading.question) != *reading);
    let (mut best, mut runs) = (None, 0);
    for under in std::iter::once(None).chain(others.map(Some)) {
        let mut options = SuiteOptions { jobs: 1, ..options.clone() };
        under.iter().for_each(|reading| options.profile.choose(*reading));
        let scenarios = if under.is_none() { &ordered } else { &exercising };
        let mut strategy = Once { mutant, options, under, runs: &mut runs };
        hunt_with(mutant, &mut strategy, scenarios.iter().copied(), &mut best);
        if best.is_some() {
            break;
        }
    }
    let (scenario, under) = best.as_ref().map(|best| best.caught.clone()).unzip();
    Kill {
        defect: mutant.name,
        clause: best.as_ref().and_then(|best| best.clause),
        fits: best.as_ref().is_some_and(|best| best.fits),
        scenario,
        under: under.flatten().map(|reading| reading.to_string()),
        runs,
    }
}

/// What became of a mutant that only some orders of events show.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RaceKill {
    /// The mutant's name.
    pub defect: &'static str,
    /// The scenario that saw it; `None` if the mutant survived.
    pub scenario: Option<String>,
    /// The verdict on it, as reports name it.
    pub verdict: &'static str,
    /// The clause that was blamed.
    pub clause: Option<Clause>,
    /// Whether it is one of the clauses that fit the mutant.
    pub fits: bool,
    /// How many runs of that scenario it took.
    pub runs: u32,
    /// How many of [`RaceKill::TRIED`] further runs show it.
    pub shown: u32,
}

impl RaceKill {
    /// Runs from which the rate of kills is taken.
    pub const TRIED: u32 = 40;
}

/// Races that are repeated.
struct Repeated<'a> {
    mutant: &'a MutantInfo,
    options: &'a SuiteOptions,
    repeat: Repeat,
}

impl Repeated<'_> {
    fn run(&self, scenario: &Scenario, repeat: Repeat) -> Option<ScenarioResult> {
        let adapter = Reference::mutant(self.mutant.mutant);
        run_suite_repeated(&adapter, &[scenario], self.options, Some(repeat), &|_| {}).pop()
    }
}

impl<'a> Strategy for Repeated<'a> {
    type Attempt = &'a Scenario;
    type Caught = (&'a Scenario, ScenarioResult);

    fn attempt(&mut self, scenario: &&'a Scenario) -> Option<(Self::Caught, Option<Clause>)> {
        let result = self.run(scenario, self.repeat).filter(|r| r.verdict.is_failure())?;
        let clause = result.verdict.clause();
        Some(((*scenario, result), clause))
    }

    fn is_sound(&self, scenario: &&'a Scenario) -> bool {
        let (sound, repeat) = (Reference::adapter(), Some(self.repeat));
        let results = run_suite_repeated(&sound, &[*scenario], self.options, repeat, &|_| {});
        results.iter().all(|result| !result.verdict.is_failure())
    }
}

/// Hunts a mutant of which a race is needed to see it, with so many runs of each scenario
/// at most.
#[must_use]
pub fn hunt_race(
    mutant: &MutantInfo,
    scenarios: &[&Scenario],
    options: &SuiteOptions,
    repeat: Repeat,
) -> RaceKill {
    let ordered = ordered(mutant, scenarios.iter().copied().filter(|scenario| scenario.races()));
    let mut strategy = Repeated { mutant, options, repeat };
    let mut best = None;
    hunt_with(mutant, &mut strategy, ordered, &mut best);
    let Some(Catch { caught: (scenario, result), clause, fits }) = best else {
        return RaceKill {
            defect: mutant.name,
            scenario: None,
            verdict: Verdict::Conformant.name(),
            clause: None,
            fits: false,
            runs: 0,
            shown: 0,
        };
    };
    let once = |number| Repeat { times: 1, seed: repeat.seed.wrapping_add(1 + u64::from(number)) };
    let again = (0..RaceKill::TRIED).filter_map(|number| strategy.run(scenario, once(number)));
    RaceKill {
        defect: mutant.name,
        scenario: Some(scenario.id.clone()),
        verdict: result.verdict.name(),
        clause,
        fits,
        runs: result.races.tally.map_or(0, |tally| tally.runs),
        shown: again.map(|result| u32::from(result.verdict.is_failure())).sum(),
    }
}
