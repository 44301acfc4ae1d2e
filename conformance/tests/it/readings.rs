//! What the judge says of contested answers: it names the readings they rest on.

use std::collections::BTreeMap;

use vdi_conformance::adapter::{Limits, Reference};
use vdi_conformance::run::{SuiteOptions, run_suite};
use vdi_conformance::scenario::{Library, Scenario};
use vdi_sim::check::{Judged, Verdict, check_trace};
use vdi_sim::clauses::{Profile, QUESTIONS, Reading};

/// The readings that the violation and the findings of a judgement name: those it
/// rests on, and those under which it would be none.
fn named(judged: &Judged) -> Vec<(&[Reading], &[Reading])> {
    let mut named: Vec<(&[Reading], &[Reading])> = Vec::new();
    match &judged.verdict {
        Verdict::Conformant | Verdict::Inconclusive(_) | Verdict::Unreadable { .. } => {}
        Verdict::Violation(violation) => named.push((&violation.readings, &violation.otherwise)),
    }
    named.extend(judged.findings.iter().map(|f| (&f.readings[..], &f.otherwise[..])));
    named
}

/// Readings that blame nobody for what the built-in implementation does in the suite,
/// each with the reason.
const BLAMELESS: &[(&str, &str)] = &[
    ("completion-race=either", "it allows more than the default does"),
    (
        "get-configuration-after-abort=noerror-then-open-device-fails",
        "it allows more than the default does",
    ),
    ("queue-full-code=other", "it allows more than the default does"),
    ("queue-depth=four", "it is the depth that the built-in implementation declares"),
    (
        "bad-configuration-arguments=invalid",
        "what the built-in implementation chose is allowed by both",
    ),
    ("second-agent=unspecified", "it allows more than the default does"),
    (
        "agent-status-after-abort=noerror",
        "what the built-in implementation chose is allowed by both",
    ),
    ("free-buffer-in-use=invalid", "what the built-in implementation chose is allowed by both"),
    ("failed-send-callback-lane=any", "it allows more than the default does"),
    ("shared-after-free=false", "what the built-in implementation chose is allowed by both"),
    (
        "buffer-handle-when-aborted=abort-error",
        "what the built-in implementation chose is allowed by both",
    ),
    ("handle-of-another=given", "what the built-in implementation chose is allowed by both"),
    (
        "secondary-after-death=abort-error",
        "what the built-in implementation chose is allowed by both",
    ),
    ("available-count=exact", "what the built-in implementation chose is allowed by both"),
    ("undefined-features=undefined", "it allows more than the default does"),
    ("random-access-operations=may-abort", "the probe alone asks whether an abort had a reason"),
    ("several-waiters=one-may-time-out", "the probe alone asks how long somebody waited"),
];

/// What the built-in implementation does is allowed by the default readings. Judged by
/// any other reading it is at fault somewhere, and there the verdict names the reading
/// it rests on, and the default as one without the fault.
#[test]
fn a_contested_verdict_names_its_reading() {
    let library = Library::embedded().expect("the embedded scenarios are sound");
    let scenarios: Vec<&Scenario> = library.iter().map(|loaded| &loaded.scenario).collect();
    let limits = Limits::default();
    let options = SuiteOptions { profile: Profile::default(), limits, jobs: 2, max_fail: None };
    let results = run_suite(&Reference::adapter(), &scenarios, &options, &|_| {});
    let mut blamed: BTreeMap<Reading, usize> = BTreeMap::new();
    for row in QUESTIONS {
        let default = Profile::default().reading(row.question);
        for reading in row.question.readings().filter(|reading| *reading != default) {
            let mut profile = Profile::default();
            profile.choose(reading);
            let count = blamed.entry(reading).or_default();
            for result in &results {
                let mut judged = check_trace(&result.trace, &profile);
                if judged.verdict == Verdict::Conformant && judged.findings == result.findings {
                    continue;
                }
                judged.name_readings_in(&result.trace, &profile);
                let rests = |(on, not): &(&[Reading], &[Reading])| {
                    on.contains(&reading) && not.contains(&default)
                };
                let guilty = named(&judged).iter().filter(|named| rests(named)).count();
                let violated = judged.verdict != Verdict::Conformant;
                assert!(!violated || guilty > 0, "{reading}: {}: {judged:#?}", result.id);
                *count += guilty;
            }
        }
    }
    let blameless: Vec<String> =
        blamed.iter().filter(|(_, count)| **count == 0).map(|(r, _)| r.to_string()).collect();
    let listed: Vec<&str> = BLAMELESS.iter().map(|(reading, _)| *reading).collect();
    assert_eq!(blameless, listed);
}
