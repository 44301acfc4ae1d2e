//! The races of the suite, really run: every implementation comes to nothing but what the
//! model allows, each trace has an explanation, and defects that need a race are seen.

use vdi_conformance::adapter::{Adapter, Limits, Processes, Reference, Runtime, Stdio};
use vdi_conformance::mutants::hunt_race;
use vdi_conformance::reference::Mutant;
use vdi_conformance::run::{
    RACE_RUNS, Repeat, ScenarioResult, SuiteOptions, Verdict, run_suite_repeated,
};
use vdi_conformance::scenario::{Library, Scenario};
use vdi_sim::clauses::Profile;

use crate::support::vdi;

fn options() -> SuiteOptions {
    SuiteOptions { profile: Profile::default(), limits: Limits::default(), jobs: 2, max_fail: None }
}

fn races(library: &Library) -> Vec<&Scenario> {
    library.iter().map(|loaded| &loaded.scenario).filter(|scenario| scenario.races()).collect()
}

/// Holds every race so often; gives how many combinations were seen, and how many
/// there are.
#[track_caller]
fn hold(adapter: &dyn Adapter, times: u32) -> (usize, usize) {
    let library = Library::embedded().expect("sound scenarios");
    let repeat = Some(Repeat { times, seed: 2026 });
    let results = run_suite_repeated(adapter, &races(&library), &options(), repeat, &|_| {});
    let bad: Vec<String> = results
        .iter()
        .filter(|result| result.verdict != Verdict::Conformant)
        .map(|result| {
            format!("{}: {:?}\n{}", result.id, result.verdict, result.trace.to_json_lines())
        })
        .collect();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    let coverage =
        |result: &ScenarioResult| result.races.tally.as_ref().map(|tally| tally.coverage());
    let sum = |one: (usize, usize), other: (usize, usize)| (one.0 + other.0, one.1 + other.1);
    results.iter().filter_map(coverage).fold((0, 0), sum)
}

#[test]
fn the_runtime_in_threads() {
    let (seen, all) = hold(&Runtime::adapter(), 20);
    // An implementation has its own answer where several are allowed; half is enough.
    assert!(seen * 2 >= all, "seen {seen} of {all} combinations");
}

#[test]
fn the_plain_implementation() {
    hold(&Reference::adapter(), 20);
}

#[test]
fn the_runtime_between_processes() {
    hold(&Processes::new(env!("CARGO_BIN_EXE_vdi").into()), 4);
}

#[test]
fn in_python() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/adapters/python/tiny_vdi.py");
    hold(&Stdio::new(&format!("python3 '{path}'")).expect("a command line"), 4);
}

#[test]
fn there_are_races_enough() {
    let library = Library::embedded().expect("sound scenarios");
    assert!(races(&library).len() >= 90);
    assert!(Mutant::ALL.iter().filter(|row| row.race).count() >= 30);
}

/// The races belong to an ordinary run: what only they show fails it, and what was seen of
/// them is no part of the report.
#[test]
fn an_ordinary_run_races() {
    let output = vdi(&["run", "--reference", "--filter", "races/", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0));
    let told = String::from_utf8_lossy(&output.stderr);
    let count = races(&Library::embedded().expect("sound scenarios")).len();
    assert!(told.contains(&format!("races: {count}, each run {RACE_RUNS} times, seen ")), "{told}");
    let again = vdi(&["run", "--reference", "--filter", "races/", "--format", "json"]);
    assert_eq!(output.stdout, again.stdout);
    for defect in
        [Mutant::CompletionInTwoSteps, Mutant::AllocatesOneTwice, Mutant::ClosesTheLastTogether]
    {
        let output = vdi(&["run", "--filter", "races/", "--defect", defect.info().name]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{defect} survives: {text}");
        assert!(text.contains(" --repeat 100 --seed 0 --scenario races/"), "{text}");
    }
}

/// What fails step by step is told the same way every time: there is no race then.
#[test]
fn what_fails_anyway_does_not_race() {
    let words = ["run", "--filter", "races/", "--defect", "server-close-noerror"];
    let (one, other) = (vdi(&words), vdi(&words));
    assert_eq!(one.status.code(), Some(1));
    assert_eq!(one.stdout, other.stdout);
    let told = String::from_utf8_lossy(&one.stderr);
    assert!(told.starts_with("races: begun in turn only"), "{told}");
}

/// Defects that only some orders show; `vdi mutants --races` hunts all of them.
#[test]
fn race_defects_are_killed() {
    let library = Library::embedded().expect("sound scenarios");
    let options = SuiteOptions { jobs: 1, ..options() };
    for defect in
        [Mutant::CompletionInTwoSteps, Mutant::CommandMissesAbort, Mutant::ServerClosesTwice]
    {
        let repeat = Repeat { times: 60, seed: 1 };
        let kill = hunt_race(defect.info(), &races(&library), &options, repeat);
        assert!(kill.scenario.is_some(), "{defect} survives");
    }
}
