//! A suite that cannot fail is no suite: each seeded defect is hunted with the
//! scenarios until one of them blames a clause that fits it.

use serde::Serialize;
use vdi_sim::clauses::{Clause, QUESTIONS, Reading};

use crate::adapter::Plain;
use crate::plain::DefectInfo;
use crate::run::{SuiteOptions, Verdict, run_suite};
use crate::scenario::Scenario;

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
    let mut ordered: Vec<&Scenario> = scenarios.to_vec();
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
