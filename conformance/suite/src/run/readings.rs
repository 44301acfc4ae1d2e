//! Which readings does an implementation follow? Scenarios that tell the readings
//! of a question apart are run and judged under each of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use vdi_spec::clauses::{Profile, QUESTIONS, Question, Reading};

use super::judge::{ScenarioResult, Verdict};
use super::suite::{SuiteOptions, run_suite};
use crate::adapter::Adapter;
use crate::scenario::Scenario;

/// What was found for one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "found", content = "of")]
pub enum Followed {
    /// This reading explains every scenario.
    One(String),
    /// Each of these does: one allows all that another does, or nothing that the
    /// implementation did tells them apart.
    Several(Vec<String>),
    /// The documents, read together, leave this one only.
    Only(String),
    /// Each reading is contradicted by a scenario that another explains: the failures
    /// under the reading that explains most.
    Inconsistent(Vec<String>),
    /// Every scenario fails, whatever the reading: something else is wrong.
    Failing,
    /// The implementation crashed, hung or could not be started.
    Trouble(String),
    /// The implementation does not offer what these scenarios need.
    NotOffered,
    /// The question binds a client: no implementation of the interface shows it.
    NotShown,
}

/// A question with what was found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answered {
    /// The question's id.
    pub question: &'static str,
    /// What was found.
    #[serde(flatten)]
    pub followed: Followed,
    /// The scenarios that tell its readings apart.
    pub scenarios: Vec<String>,
    /// Those of them that fail under every reading, and tell nothing.
    pub failing: Vec<String>,
}

/// How often what was found may change the judging of the rest.
const ROUNDS: usize = 4;

/// Finds the readings an implementation follows, and the profile they amount to;
/// where several explain what was seen, `profile` decides.
pub fn find_readings(
    adapter: &dyn Adapter,
    scenarios: &[&Scenario],
    options: &SuiteOptions,
) -> (Vec<Answered>, Profile) {
    let mut deciding: BTreeMap<Question, Vec<&Scenario>> = BTreeMap::new();
    for scenario in scenarios {
        for question in scenario.questions() {
            deciding.entry(question).or_default().push(scenario);
        }
    }
    let mut options = options.clone();
    // A scenario may depend on two questions: what is found for one helps the other.
    // Were two to contradict each other for ever, the last round stands.
    let mut rounds = 0;
    loop {
        rounds += 1;
        let answered: Vec<Answered> = QUESTIONS
            .iter()
            .map(|row| {
                let own = deciding.get(&row.question).map_or(&[][..], Vec::as_slice);
                one(adapter, row.question, own, &options)
            })
            .collect();
        let mut found = options.profile.clone();
        for (row, answer) in QUESTIONS.iter().zip(&answered) {
            if let Followed::One(reading) = &answer.followed
                && let Ok(reading) = format!("{}={reading}", row.id).parse::<Reading>()
            {
                found.choose(reading);
            }
        }
        if found == options.profile || rounds == ROUNDS {
            return (answered, found);
        }
        options.profile = found;
    }
}

fn one(
    adapter: &dyn Adapter,
    question: Question,
    scenarios: &[&Scenario],
    options: &SuiteOptions,
) -> Answered {
    let id = question.info().id;
    let names = scenarios.iter().map(|scenario| scenario.id.clone()).collect();
    let answered =
        |followed, failing| Answered { question: id, followed, scenarios: names, failing };
    if scenarios.is_empty() {
        return answered(Followed::NotShown, Vec::new());
    }
    let readings: Vec<Reading> = question.readings().collect();
    let mut failures: Vec<BTreeSet<String>> = Vec::new();
    for reading in &readings {
        let mut options = options.clone();
        options.profile.choose(*reading);
        let results = run_suite(adapter, scenarios, &options, &|_| {});
        let trouble = |result: &ScenarioResult| match &result.verdict {
            Verdict::Trouble(trouble) => Some(trouble.to_string()),
            _ => None,
        };
        if results.iter().all(|result| matches!(result.verdict, Verdict::NotOffered(_))) {
            return answered(Followed::NotOffered, Vec::new());
        }
        if results.iter().all(|result| trouble(result).is_some()) {
            let text = results.iter().find_map(trouble).unwrap_or_default();
            return answered(Followed::Trouble(text), Vec::new());
        }
        failures
            .push(results.iter().filter(|result| fails(result)).map(|r| r.id.clone()).collect());
    }
    let (followed, failing) = decide(&readings, failures, scenarios.len());
    answered(followed, failing)
}

fn fails(result: &ScenarioResult) -> bool {
    result.verdict.is_failure() || matches!(result.verdict, Verdict::Inconclusive(_))
}

/// What the failures under each reading tell. What fails under every reading tells
/// nothing about this question.
fn decide(
    readings: &[Reading],
    mut failures: Vec<BTreeSet<String>>,
    scenarios: usize,
) -> (Followed, Vec<String>) {
    let common: BTreeSet<String> = match failures.split_first() {
        Some((first, others)) => first
            .iter()
            .filter(|id| others.iter().all(|other| other.contains(*id)))
            .cloned()
            .collect(),
        None => BTreeSet::new(),
    };
    failures.iter_mut().for_each(|failed| failed.retain(|id| !common.contains(id)));
    let mut explains: Vec<String> = readings
        .iter()
        .zip(&failures)
        .filter(|(_, failed)| failed.is_empty())
        .map(|(reading, _)| reading.info().id.to_owned())
        .collect();
    let fewest = failures.into_iter().min_by_key(BTreeSet::len).unwrap_or_default();
    let followed = match explains.len() {
        _ if common.len() == scenarios => Followed::Failing,
        0 => Followed::Inconsistent(fewest.into_iter().collect()),
        1 if readings.len() == 1 => Followed::Only(explains.remove(0)),
        1 => Followed::One(explains.remove(0)),
        _ => Followed::Several(explains),
    };
    (followed, common.into_iter().collect())
}
