//! Which readings does an implementation follow? Scenarios that tell the readings
//! of a question apart are run and judged under each of them.

use std::collections::BTreeMap;

use serde::Serialize;
use vdi_sim::clauses::{Profile, QUESTIONS, Question, Reading};

use super::judge::Verdict;
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
    /// No reading explains all of them; the failures under the reading that
    /// explains most.
    Inconsistent(Vec<String>),
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
}

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
    loop {
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
        if found == options.profile {
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
    let mut explains = Vec::new();
    let mut fewest: Option<Vec<String>> = None;
    let mut offered = false;
    for reading in question.readings() {
        let mut options = options.clone();
        options.profile.choose(reading);
        let results = run_suite(adapter, scenarios, &options, &|_| {});
        offered |= results.iter().any(|result| !matches!(result.verdict, Verdict::NotOffered(_)));
        let failures: Vec<String> = results
            .iter()
            .filter(|result| {
                result.verdict.is_failure() || matches!(result.verdict, Verdict::Inconclusive(_))
            })
            .map(|result| result.id.clone())
            .collect();
        if failures.is_empty() {
            explains.push(reading.info().id.to_owned());
        }
        if fewest.as_ref().is_none_or(|known| failures.len() < known.len()) {
            fewest = Some(failures);
        }
    }
    let followed = match explains.len() {
        _ if scenarios.is_empty() => Followed::NotShown,
        _ if question.info().readings.len() == 1 && !explains.is_empty() => {
            Followed::Only(explains.remove(0))
        }
        _ if !offered => Followed::NotOffered,
        0 => Followed::Inconsistent(fewest.unwrap_or_default()),
        1 => Followed::One(explains.remove(0)),
        _ => Followed::Several(explains),
    };
    let scenarios = scenarios.iter().map(|scenario| scenario.id.clone()).collect();
    Answered { question: question.info().id, followed, scenarios }
}
