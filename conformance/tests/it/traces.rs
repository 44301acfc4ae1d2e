//! Every scenario's trace against the reference implementation, as a snapshot: what
//! a change of model, runner or implementation does to it is seen in review.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::support::snapshot;
use vdi_conformance::adapter::{Limits, Reference};
use vdi_conformance::run::{SuiteOptions, run_suite};
use vdi_conformance::scenario::{Library, Scenario};
use vdi_sim::clauses::Profile;

#[test]
fn traces_of_all_scenarios() {
    let library = Library::embedded().expect("sound scenarios");
    let scenarios: Vec<&Scenario> = library.iter().map(|loaded| &loaded.scenario).collect();
    let options = SuiteOptions {
        profile: Profile::default(),
        limits: Limits::default(),
        jobs: 2,
        max_fail: None,
    };
    // One snapshot a folder keeps them reviewable.
    let mut folders: BTreeMap<String, String> = BTreeMap::new();
    for result in run_suite(&Reference::adapter(), &scenarios, &options, &|_| {}) {
        let folder = result.id.rsplit_once('/').map_or("", |(folder, _)| folder).replace('/', "-");
        let text = folders.entry(folder).or_default();
        let _ = writeln!(text, "{}: {}", result.id, result.title);
        for event in &result.trace.canonical().events {
            let _ = writeln!(text, "{:4}  {event}", event.seq().unwrap_or_default());
        }
        for finding in &result.findings {
            let mark = if finding.hazard { "hazard" } else { "misuse" };
            let _ = writeln!(text, "      {mark} by the {}: {}", finding.party, finding.clause);
        }
        let _ = writeln!(text, "      {}\n", result.verdict.name());
    }
    for (folder, text) in &folders {
        snapshot("traces", folder, text);
    }
}
