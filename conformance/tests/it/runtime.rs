//! The runtime against every scenario: in threads, and with every process of a scenario
//! in a real process of its own.

#![cfg(target_os = "linux")]

use std::path::PathBuf;

use vdi_conformance::adapter::{Adapter, Limits, Processes, Runtime};
use vdi_conformance::run::{SuiteOptions, Verdict, run_suite};
use vdi_conformance::scenario::{Library, Scenario};
use vdi_sim::clauses::Profile;

#[track_caller]
fn conforms(adapter: &dyn Adapter) {
    let library = Library::embedded().expect("the scenarios are sound");
    let scenarios: Vec<&Scenario> = library.iter().map(|loaded| &loaded.scenario).collect();
    let options = SuiteOptions {
        profile: Profile::default(),
        limits: Limits::default(),
        jobs: 2,
        max_fail: None,
    };
    let results = run_suite(adapter, &scenarios, &options, &|_| {});
    assert_eq!(results.len(), scenarios.len());
    let bad: Vec<_> =
        results.iter().filter(|result| result.verdict != Verdict::Conformant).collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

#[test]
fn every_scenario_between_threads() {
    conforms(&Runtime::adapter());
}

#[test]
fn every_scenario_between_processes() {
    conforms(&Processes::new(PathBuf::from(env!("CARGO_BIN_EXE_vdi"))));
}
