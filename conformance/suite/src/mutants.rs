//! A suite that cannot fail is no suite: each seeded defect is hunted with the
//! scenarios until one of them blames a clause that fits it.

use serde::Serialize;
use vdi_spec::clauses::{Clause, QUESTIONS, Reading};

use crate::adapter::Plain;
use crate::run::{Repeat, ScenarioResult, SuiteOptions, Verdict, run_suite, run_suite_repeated};
use crate::scenario::Scenario;
use vdi_reference::DefectInfo;

/// What became of a defect.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Kill {
    /// The defect's name.
    pub defect: &'static str,
    /// The clause that was blamed; `None` if the defect survived.
    pub clause: Option<Clause>,
    /// Whether it is one of the clauses that fit the defect.
    pub fits: bool,
    /// The scenario that saw it.
    pub scenario: Option<String>,
    /// The reading under which it is seen, if it is not seen under the default ones.
    pub under: Option<String>,
    /// How many scenarios were run until then.
    pub runs: usize,
}

/// Hunts one defect. Scenarios that exercise a fitting clause go first.
#[must_use]
pub fn hunt(defect: &DefectInfo, scenarios: &[&Scenario], options: &SuiteOptions) -> Kill {
    let fits = |clause: &Clause| defect.clauses.contains(&clause.info().id);
    // What races is begun in turn here, which shows nothing that other scenarios do not.
    let in_turn = scenarios.iter().copied().filter(|scenario| !scenario.races());
    let mut ordered: Vec<&Scenario> = in_turn.collect();
    ordered.sort_by_key(|scenario| !scenario.clauses.iter().any(fits));
    let mut kill = Kill {
        defect: defect.name,
        clause: None,
        fits: false,
        scenario: None,
        under: None,
        runs: 0,
    };
    pass(defect, &ordered, options, None, &mut kill);
    if kill.clause.is_none() {
        let asked: Vec<&Scenario> =
            ordered.into_iter().filter(|scenario| scenario.clauses.iter().any(fits)).collect();
        for reading in QUESTIONS.iter().flat_map(|row| row.question.readings()) {
            let other = options.profile.reading(reading.question) != reading;
            if other && kill.clause.is_none() {
                pass(defect, &asked, options, Some(reading), &mut kill);
            }
        }
    }
    kill
}

/// Runs scenarios until a fitting clause is blamed. The sound implementation has to
/// pass where the defective one fails.
fn pass(
    defect: &DefectInfo,
    scenarios: &[&Scenario],
    options: &SuiteOptions,
    under: Option<Reading>,
    kill: &mut Kill,
) {
    let mut options = SuiteOptions { jobs: 1, ..options.clone() };
    if let Some(reading) = under {
        options.profile.choose(reading);
    }
    let mutant = Plain::defective(defect.defect);
    for scenario in scenarios {
        kill.runs += 1;
        let results = run_suite(&mutant, &[scenario], &options, &|_| {});
        let Some(Verdict::Violation(violation)) = results.first().map(|result| &result.verdict)
        else {
            continue;
        };
        let fits = defect.clauses.contains(&violation.clause.info().id);
        if (kill.clause.is_some() && !fits) || !sound(scenario, &options) {
            continue;
        }
        kill.clause = Some(violation.clause);
        kill.fits = fits;
        kill.scenario = Some(scenario.id.clone());
        kill.under = under.map(|reading| reading.to_string());
        if fits {
            return;
        }
    }
}

fn sound(scenario: &Scenario, options: &SuiteOptions) -> bool {
    let results = run_suite(&Plain::adapter(), &[scenario], options, &|_| {});
    results.iter().all(|result| result.verdict == Verdict::Conformant)
}

/// What became of a defect that only some orders of events show.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RaceKill {
    /// The defect's name.
    pub defect: &'static str,
    /// The scenario that saw it; `None` if the defect survived.
    pub scenario: Option<String>,
    /// The verdict on it, as reports name it.
    pub verdict: &'static str,
    /// The clause that was blamed.
    pub clause: Option<Clause>,
    /// Whether it is one of the clauses that fit the defect.
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

/// Hunts a defect of which a race is needed to see it, with so many runs of each
/// scenario at most. Scenarios that exercise a fitting clause go first.
#[must_use]
pub fn hunt_race(
    defect: &DefectInfo,
    scenarios: &[&Scenario],
    options: &SuiteOptions,
    repeat: Repeat,
) -> RaceKill {
    let fits = |clause: &Clause| defect.clauses.contains(&clause.info().id);
    let mut ordered: Vec<&Scenario> =
        scenarios.iter().copied().filter(|scenario| scenario.races()).collect();
    ordered.sort_by_key(|scenario| !scenario.clauses.iter().any(fits));
    let (defect_name, verdict) = (defect.name, Verdict::Conformant.name());
    let mut kill = RaceKill {
        defect: defect_name,
        scenario: None,
        verdict,
        clause: None,
        fits: false,
        runs: 0,
        shown: 0,
    };
    let mutant = Plain::defective(defect.defect);
    let run = |scenario: &Scenario, repeat| {
        run_suite_repeated(&mutant, &[scenario], options, Some(repeat), &|_| {}).pop()
    };
    for scenario in ordered {
        let failed = |result: &ScenarioResult| result.verdict.is_failure();
        let Some(result) = run(scenario, repeat).filter(failed) else { continue };
        let clause = result.verdict.clause();
        let fitting = clause.as_ref().is_some_and(fits);
        if (kill.scenario.is_some() && !fitting) || !holds(scenario, options, repeat) {
            continue;
        }
        kill.scenario = Some(scenario.id.clone());
        kill.verdict = result.verdict.name();
        (kill.clause, kill.fits) = (clause, fitting);
        kill.runs = result.tally.map_or(0, |tally| tally.runs);
        if fitting {
            break;
        }
    }
    let killing = scenarios.iter().find(|scenario| Some(&scenario.id) == kill.scenario.as_ref());
    let shown = killing.into_iter().flat_map(|scenario| {
        let once =
            |number| Repeat { times: 1, seed: repeat.seed.wrapping_add(1 + u64::from(number)) };
        (0..RaceKill::TRIED).filter_map(move |number| run(scenario, once(number)))
    });
    kill.shown = shown.map(|result| u32::from(result.verdict.is_failure())).sum();
    kill
}

/// Whether the sound implementation passes the race.
fn holds(scenario: &Scenario, options: &SuiteOptions, repeat: Repeat) -> bool {
    let results =
        run_suite_repeated(&Plain::adapter(), &[scenario], options, Some(repeat), &|_| {});
    results.iter().all(|result| !result.verdict.is_failure())
}
