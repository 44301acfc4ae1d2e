//! Walks: long programs that nobody wrote, drawn from numbers. `VDI_WALKS` takes more.

use std::process::Command;

use vdi_conformance::adapter::{Adapter, Limits, Reference, Runtime, Stdio};
use vdi_conformance::reference::Mutant;
use vdi_conformance::run::{ScenarioResult, SuiteOptions, Verdict, run_suite};
use vdi_conformance::scenario::Scenario;
use vdi_conformance::walks::{USUAL, walk};
use vdi_sim::clauses::Profile;

fn results(adapter: &dyn Adapter, walks: &[Scenario], profile: &Profile) -> Vec<ScenarioResult> {
    let options = SuiteOptions {
        profile: profile.clone(),
        limits: Limits::default(),
        jobs: 2,
        max_fail: None,
    };
    let walks: Vec<&Scenario> = walks.iter().collect();
    run_suite(adapter, &walks, &options, &|_| {})
}

fn walks(count: u64) -> Vec<Scenario> {
    (0..count).map(walk).collect()
}

fn told(walks: &[Scenario], result: &ScenarioResult) -> String {
    let walk = walks.iter().find(|walk| walk.id == result.id).expect("one of these");
    let steps: String = walk
        .steps
        .iter()
        .map(|step| serde_json::to_string(step).expect("it serialises") + "\n")
        .collect();
    format!("{} {:?}\n{steps}\n{}", result.id, result.verdict, result.trace.to_json_lines())
}

fn hold(adapter: &dyn Adapter, count: u64, profile: &Profile) {
    let walks = walks(count);
    let results = results(adapter, &walks, profile);
    let wrong = results.iter().filter(|result| result.verdict != Verdict::Conformant);
    let wrong: Vec<String> = wrong.map(|result| told(&walks, result)).collect();
    assert!(wrong.is_empty(), "{} of {count}\n{}", wrong.len(), wrong.join("\n\n"));
}

fn count() -> u64 {
    std::env::var("VDI_WALKS").ok().and_then(|text| text.parse().ok()).unwrap_or(USUAL)
}

#[test]
fn the_plain_implementation_walks() {
    hold(&Reference::adapter(), count(), &Profile::default());
}

#[test]
fn the_runtime_walks() {
    hold(&Runtime::adapter(), count(), &Profile::default());
}

#[test]
fn python_walks() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/adapters/python/tiny_vdi.py");
    hold(
        &Stdio::new(&format!("python3 '{path}'")).expect("a command line"),
        count(),
        &Profile::default(),
    );
}

/// Walks find mutants that nobody had in mind when they were drawn; those here are of the state
/// that one life leaves to the next, of several devices, and of errors.
#[test]
fn walks_find_mutants() {
    let walks = walks(USUAL);
    for mutant in [Mutant::KeepsSeen, Mutant::ErrorKeepsQueue, Mutant::LastInFirstOut] {
        let found = results(&Reference::mutant(mutant), &walks, &Profile::default());
        assert!(found.iter().any(|result| result.verdict.is_failure()), "{mutant}");
    }
}

/// Who has one interface a process is asked for many walks all the same.
#[test]
fn not_every_walk_needs_a_second_set() {
    let walks = walks(USUAL);
    let second = |walk: &Scenario| {
        walk.steps.iter().any(|step| serde_json::to_string(step).is_ok_and(|s| s.contains("cset2")))
    };
    for walk in &walks {
        assert_eq!(walk.interfaces.contains_key("cset2"), second(walk), "{}", walk.id);
    }
    let alone = walks.iter().filter(|walk| walk.interfaces.is_empty()).count();
    assert!((20..90).contains(&alone), "{alone}");
}

/// What the command says of them, and how one is made again.
#[test]
fn a_run_takes_walks_after_all_scenarios() {
    let vdi = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_vdi")).args(args).output().expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, _, told) = vdi(&["run", "--filter", "client.create", "--walks", "0..20"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("walks: 20 programs of "), "{told}");
    let (_, _, told) = vdi(&["run", "--filter", "client.create"]);
    assert!(!told.contains("walks:"), "{told}");
    let defect = ["--defect", "last-in-first-out"];
    let some = ["run", "--walks", "0..40", "--scenario", "client/close/after-abort"];
    let (code, out, told) = vdi(&[&some[..], &defect].concat());
    assert_eq!(code, Some(1), "{out}{told}");
    let id = out.lines().find_map(|line| line.strip_prefix("FAIL  ")).expect("one fails");
    let id = id.split_whitespace().next().expect("its id");
    assert!(id.starts_with("walks/"), "{out}");
    let (code, out, _) = vdi(&[&["run", "--scenario", id][..], &defect].concat());
    assert_eq!(code, Some(1), "{out}");
    let (code, out, told) = vdi(&[&["shrink", id][..], &defect].concat());
    assert_eq!(code, Some(0), "{told}");
    assert!(out.contains("SendCommand") && out.lines().count() < 250, "{out}");
}
