//! Which readings does an implementation follow? Scenarios that tell the readings
//! of a question apart are run and judged under each of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use vdi_spec::clauses::{Clause, Profile, QUESTIONS, Question, Reading};
use vdi_spec::codes::HResult;
use vdi_trace::{Event, LaneName, Process, Trace};

use super::blocking::Blocking;
use super::judge::{ScenarioResult, Verdict};
use super::patience::Patience;
use super::suite::{SuiteOptions, run_patiently};
use crate::adapter::{Adapter, NotGreeted, Trouble};
use crate::scenario::{Scenario, Unblocked};

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
    /// One of these is followed, but only silence speaks against the others: what would tell
    /// them apart is the passing of a time-out, and none was seen to pass.
    Silence(Vec<String>),
    /// The question binds a client: no implementation of the interface shows it.
    NotShown,
    /// Nothing in the recordings depends on it.
    NotRecorded,
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
    /// Those of them that fail under every reading, and tell nothing; of recordings, those.
    pub failing: Vec<String>,
    /// The recordings that have told readings apart, where recordings were asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub traces: Vec<String>,
    /// Of each of them that was not offered, what is missing for it, in a word.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<String>,
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
    let mut options = options.clone();
    let patience = Patience::default();
    until_settled(scenarios, options.profile.clone(), |question, own, profile| {
        options.profile.clone_from(profile);
        let found = one(adapter, question, own, &options, &patience);
        let Silent { mut answered, failures, of_agent } = found;
        let passes = || lets_server_time_out_pass(adapter, scenarios, &options, &patience);
        if matches!(answered.followed, Followed::Silence(_)) && of_agent && passes() {
            let readings: Vec<Reading> = question.readings().collect();
            answered.followed = decide(&readings, failures, own.len(), true).0;
        }
        answered
    })
}

/// Answers every question, with the scenarios that ask it, until what is found is what it was
/// found by. What is asked may depend on two questions: what is found for one helps the other.
/// Were two to contradict each other for ever, the last round stands.
pub(super) fn until_settled<'s>(
    scenarios: &[&'s Scenario],
    mut profile: Profile,
    mut answer: impl FnMut(Question, &[&'s Scenario], &Profile) -> Answered,
) -> (Vec<Answered>, Profile) {
    let mut asking: BTreeMap<Question, Vec<&Scenario>> = BTreeMap::new();
    for scenario in scenarios {
        for question in scenario.questions() {
            asking.entry(question).or_default().push(scenario);
        }
    }
    let mut rounds = 0;
    loop {
        rounds += 1;
        let answered: Vec<Answered> = QUESTIONS
            .iter()
            .map(|row| {
                let own = asking.get(&row.question).map_or(&[][..], Vec::as_slice);
                answer(row.question, own, &profile)
            })
            .collect();
        let found = choose_found(&profile, &answered);
        if found == profile || rounds == ROUNDS {
            return (answered, found);
        }
        profile = found;
    }
}

/// The profile with every reading that was found to be followed.
fn choose_found(profile: &Profile, answered: &[Answered]) -> Profile {
    let mut found = profile.clone();
    for answer in answered {
        if let Followed::One(reading) = &answer.followed
            && let Ok(reading) = format!("{}={reading}", answer.question).parse::<Reading>()
        {
            found.choose(reading);
        }
    }
    found
}

/// What one reading makes of the scenarios: those that fail, each with whether nothing
/// but silence made it fail.
pub(super) type Failures = BTreeMap<String, bool>;

/// What was found for a question, and what it takes to decide again.
struct Silent {
    answered: Answered,
    failures: Vec<Failures>,
    /// Whether time passed for a completion agent.
    of_agent: bool,
}

impl From<Answered> for Silent {
    fn from(answered: Answered) -> Self {
        Self { answered, failures: Vec::new(), of_agent: false }
    }
}

/// Whether the set is aborted by serverTimeOut where no reading says otherwise: whoever never
/// does it follows no reading of which commands that excepts.
fn lets_server_time_out_pass(
    adapter: &dyn Adapter,
    scenarios: &[&Scenario],
    options: &SuiteOptions,
    patience: &Patience,
) -> bool {
    /// So many are tried.
    const TRIED: usize = 3;
    let shows = |scenario: &&&Scenario| {
        scenario.clauses.contains(&Clause::ServerTimeOutAborts) && scenario.questions().is_empty()
    };
    let some: Vec<&Scenario> = scenarios.iter().filter(shows).take(TRIED).copied().collect();
    run_patiently(adapter, &some, options, None, patience, &|_| {})
        .iter()
        .any(|result| result.verdict == Verdict::Conformant && has_timed_out(&result.trace))
}

fn one(
    adapter: &dyn Adapter,
    question: Question,
    scenarios: &[&Scenario],
    options: &SuiteOptions,
    patience: &Patience,
) -> Silent {
    let names = scenarios.iter().map(|scenario| scenario.id.clone()).collect();
    let mut answered = Answered {
        question: question.info().id,
        followed: Followed::NotShown,
        scenarios: names,
        failing: Vec::new(),
        traces: Vec::new(),
        lacks: Vec::new(),
    };
    if scenarios.is_empty() {
        return answered.into();
    }
    let readings: Vec<Reading> = question.readings().collect();
    let mut failures: Vec<Failures> = Vec::new();
    let (mut time_passed, mut of_agent) = (false, false);
    for reading in &readings {
        let mut options = options.clone();
        options.profile.choose(*reading);
        let results = run_patiently(adapter, scenarios, &options, None, patience, &|_| {});
        let trouble = |result: &ScenarioResult| match &result.verdict {
            Verdict::Trouble(trouble) => Some(
                NotGreeted {
                    trouble: trouble.clone(),
                    stderr: result.adapter.stderr.clone(),
                    by_hand: result.adapter.by_hand.clone(),
                }
                .to_string(),
            ),
            _ => None,
        };
        answered.lacks = results.iter().filter_map(|result| result.adapter.lacks.clone()).collect();
        if results.iter().all(|result| matches!(result.verdict, Verdict::NotOffered(_))) {
            return Answered { followed: Followed::NotOffered, ..answered }.into();
        }
        if results.iter().all(|result| trouble(result).is_some()) {
            let text = results.iter().find_map(trouble).unwrap_or_default();
            return Answered { followed: Followed::Trouble(text), ..answered }.into();
        }
        time_passed |= results
            .iter()
            .any(|result| result.verdict == Verdict::Conformant && has_timed_out(&result.trace));
        of_agent |= results.iter().any(|result| passes_for_the_agent(&result.trace));
        let failed = results.iter().filter(|result| fails(result));
        failures.push(failed.map(|result| (result.id.clone(), is_silence(result))).collect());
    }
    let (followed, failing) = decide(&readings, failures.clone(), scenarios.len(), time_passed);
    Silent { answered: Answered { followed, failing, ..answered }, failures, of_agent }
}

fn fails(result: &ScenarioResult) -> bool {
    result.verdict.is_failure() || matches!(result.verdict, Verdict::Inconclusive(_))
}

/// Whether a failure is nothing but something that did not come: a hang, a time-out that
/// does not pass, or a lane that is taken to be blocked because nothing came from it.
fn is_silence(result: &ScenarioResult) -> bool {
    if matches!(result.verdict, Verdict::Trouble(Trouble::Silent { .. } | Trouble::GivenUp(_))) {
        return true;
    }
    if is_without_a_sequel(result) {
        return true;
    }
    match result.blocking {
        Some(Blocking::Unblock { by: Unblocked::Expiry }) => true,
        Some(Blocking::NotBlock | Blocking::Unblock { .. }) => result.adapter.silence.is_some(),
        Some(Blocking::Block) | None => false,
    }
}

/// Whether what failed is that nothing at all followed from the passing of time.
fn is_without_a_sequel(result: &ScenarioResult) -> bool {
    let trace = &result.trace;
    match &result.verdict {
        Verdict::Violation(violation) => nothing_followed(trace, trace.index(violation.line)),
        _ => result.mismatch.is_some() && nothing_followed(trace, None),
    }
}

/// Whether the event at this place, or the end of the trace, is a moment of rest that comes when
/// time has passed, and nothing of it.
pub(super) fn nothing_followed(trace: &Trace, at: Option<usize>) -> bool {
    let rests = |event: &Event<'_>| matches!(event, Event::Blocked { .. });
    let before = &trace.events[..at.unwrap_or(trace.events.len())];
    let last = before.iter().rev().find(|event| !rests(event));
    at.is_none_or(|at| rests(&trace.events[at])) && matches!(last, Some(Event::Expired { .. }))
}

/// Whether the passing of time had a sequel: the next event is one of the lane for which it
/// passed, a time-out or what an abort brings.
pub(super) fn has_timed_out(trace: &Trace) -> bool {
    let events = || trace.events.iter().filter(|event| !matches!(event, Event::Blocked { .. }));
    events().zip(events().skip(1)).any(|(event, next)| match (event, next) {
        (Event::Expired { expired, .. }, Event::Return { lane, status, .. }) => {
            lane == expired && *status == HResult::VD_E_TIMEOUT
        }
        (Event::Expired { expired, .. }, Event::Callback { lane, .. }) => lane == expired,
        _ => false,
    })
}

/// Whether time passed for a completion agent.
fn passes_for_the_agent(trace: &Trace) -> bool {
    trace.events.iter().any(|event| match event {
        Event::Expired { expired, .. } => {
            LaneName::process_of(expired.as_str()) == Ok(Process::Server)
        }
        _ => false,
    })
}

/// What the failures under each reading tell. What fails under every reading tells
/// nothing about this question; what fails by silence alone tells something only of an
/// implementation that is known to let time-outs pass.
pub(super) fn decide(
    readings: &[Reading],
    mut failures: Vec<Failures>,
    scenarios: usize,
    silence_counts: bool,
) -> (Followed, Vec<String>) {
    let common: BTreeSet<String> = match failures.split_first() {
        Some((first, others)) => first
            .keys()
            .filter(|id| others.iter().all(|other| other.contains_key(*id)))
            .cloned()
            .collect(),
        None => BTreeSet::new(),
    };
    failures.iter_mut().for_each(|failed| failed.retain(|id, _| !common.contains(id)));
    let those = |holds: &dyn Fn(&Failures) -> bool| -> Vec<String> {
        let paired = readings.iter().zip(&failures).filter(|(_, failed)| holds(failed));
        paired.map(|(reading, _)| reading.info().id.to_owned()).collect()
    };
    let mut explains = those(&|failed| failed.is_empty());
    let possible = those(&|failed| failed.values().all(|by_silence| *by_silence));
    let fewest = failures.iter().min_by_key(|failed| failed.len());
    let fewest = fewest.map(|failed| failed.keys().cloned().collect()).unwrap_or_default();
    let followed = match explains.len() {
        _ if common.len() == scenarios => Followed::Failing,
        1 if possible.len() > 1 && !silence_counts => Followed::Silence(possible),
        0 => Followed::Inconsistent(fewest),
        1 if readings.len() == 1 => Followed::Only(explains.remove(0)),
        1 => Followed::One(explains.remove(0)),
        _ => Followed::Several(explains),
    };
    (followed, common.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit() -> Vec<Reading> {
        Question::LinuxTimeoutUnit.readings().collect()
    }

    fn failures(by_silence: bool) -> Vec<Failures> {
        vec![[("a".to_owned(), by_silence)].into_iter().collect(), Failures::new()]
    }

    #[test]
    fn nothing_is_concluded_from_silence() {
        let (followed, _) = decide(&unit(), failures(true), 1, false);
        assert!(matches!(followed, Followed::Silence(of) if of.len() == 2));
    }

    #[test]
    fn silence_tells_something_of_whoever_lets_time_pass() {
        let (followed, _) = decide(&unit(), failures(true), 1, true);
        assert!(matches!(followed, Followed::One(_)));
    }

    #[test]
    fn what_happened_tells_a_reading() {
        let (followed, _) = decide(&unit(), failures(false), 1, false);
        assert!(matches!(followed, Followed::One(_)));
    }
}
