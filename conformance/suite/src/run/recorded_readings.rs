//! Which readings does an implementation follow, from recordings alone? Each trace is judged
//! under each reading; what it contradicts, and another reading explains, is not followed.

use std::collections::BTreeMap;

use vdi_check::{Judged, Verdict, check_trace};
use vdi_spec::clauses::{Party, Profile, Question, Reading};
use vdi_trace::Trace;

use super::readings::{
    Answered, Failures, Followed, decide, has_timed_out, nothing_followed, until_settled,
};
use crate::scenario::Scenario;

/// A recording with its name.
#[derive(Clone, Debug)]
pub struct NamedTrace {
    /// What the user calls it: the file.
    pub name: String,
    /// The history.
    pub trace: Trace,
}

/// Finds the readings that recordings decide, and the profile they amount to; where several
/// explain what was recorded, `profile` decides. Of a question that stays open the scenarios
/// are named that ask it.
#[must_use]
pub fn readings_of_traces(
    traces: &[NamedTrace],
    scenarios: &[&Scenario],
    profile: &Profile,
) -> (Vec<Answered>, Profile) {
    until_settled(scenarios, profile.clone(), |question, own, profile| {
        let scenarios = own.iter().map(|scenario| scenario.id.clone()).collect();
        one(traces, question, scenarios, profile)
    })
}

fn one(
    traces: &[NamedTrace],
    question: Question,
    scenarios: Vec<String>,
    profile: &Profile,
) -> Answered {
    let readings: Vec<Reading> = question.readings().collect();
    let mut failures: Vec<Failures> = Vec::new();
    let mut time_passed = false;
    for reading in &readings {
        let mut profile = profile.clone();
        profile.choose(*reading);
        let mut failed = Failures::new();
        for NamedTrace { name, trace } in traces {
            let judged = check_trace(trace, &profile);
            if fails(&judged) {
                failed.insert(name.clone(), is_silence(trace, &judged));
            } else {
                time_passed |= has_timed_out(trace);
            }
        }
        failures.push(failed);
    }
    let told = failures.iter().flat_map(BTreeMap::keys);
    let tells = |name: &&String| !failures.iter().all(|failed| failed.contains_key(*name));
    let mut told: Vec<String> = told.filter(tells).cloned().collect();
    told.sort();
    told.dedup();
    let (followed, failing) = decide(&readings, failures, traces.len(), time_passed);
    // That nothing was recorded that asks the question is no answer.
    let followed = match followed {
        Followed::Several(_) if told.is_empty() => Followed::NotRecorded,
        other => other,
    };
    Answered {
        question: question.info().id,
        followed,
        scenarios,
        failing,
        lacks: Vec::new(),
        traces: told,
    }
}

/// Whether the interface is not what the readings say, or nobody can tell.
fn fails(judged: &Judged) -> bool {
    judged.error.is_some()
        || match &judged.verdict {
            Verdict::Violation(violation) => violation.party == Party::Interface,
            Verdict::Inconclusive(_) | Verdict::Unreadable { .. } => true,
            Verdict::Conformant => false,
        }
}

/// Whether what is wrong is that nothing at all followed from the passing of time.
fn is_silence(trace: &Trace, judged: &Judged) -> bool {
    let Verdict::Violation(violation) = &judged.verdict else { return false };
    nothing_followed(trace, trace.index(violation.line))
}
