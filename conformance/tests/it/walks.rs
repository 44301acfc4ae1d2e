//! Walks: long programs that nobody wrote, drawn from numbers. `VDI_WALKS` takes more.

use std::process::Command;

use vdi_conformance::adapter::{Adapter, Limits, Reference, Runtime, Stdio};
use vdi_conformance::reference::Mutant;
use vdi_conformance::run::{ScenarioResult, SuiteOptions, Verdict, run_suite};
use vdi_conformance::scenario::Scenario;
use vdi_conformance::walks::{choose, met, usual, walk};
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

/// The usual ones, or as many as are asked for.
fn walks() -> Vec<Scenario> {
    let more = std::env::var("VDI_WALKS").ok().and_then(|text| text.parse::<u64>().ok());
    more.map_or_else(usual, |count| (0..count).collect()).into_iter().map(walk).collect()
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

fn hold(adapter: &dyn Adapter, profile: &Profile) {
    let walks = walks();
    let results = results(adapter, &walks, profile);
    let wrong = results.iter().filter(|result| result.verdict != Verdict::Conformant);
    let wrong: Vec<String> = wrong.map(|result| told(&walks, result)).collect();
    let count = walks.len();
    assert!(wrong.is_empty(), "{} of {count}\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn the_plain_implementation_walks() {
    hold(&Reference::adapter(), &Profile::default());
}

#[test]
fn the_runtime_walks() {
    hold(&Runtime::adapter(), &Profile::default());
}

#[test]
fn python_walks() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/adapters/python/tiny_vdi.py");
    hold(&Stdio::new(&format!("python3 '{path}'")).expect("a command line"), &Profile::default());
}

/// Walks find mutants that nobody had in mind when they were drawn; those here are of the state
/// that one life leaves to the next, of several devices, and of errors.
#[test]
fn walks_find_mutants() {
    let walks = walks();
    for mutant in [Mutant::KeepsSeen, Mutant::ErrorKeepsQueue, Mutant::LastInFirstOut] {
        let found = results(&Reference::mutant(mutant), &walks, &Profile::default());
        assert!(found.iter().any(|result| result.verdict.is_failure()), "{mutant}");
    }
}

/// Events that the walks of an ordinary run come to.
const EVENTS: usize = 25_000;

/// The walks that are taken are worth it: in as many events of walks that nobody has chosen far
/// less meets. `VDI_CHOOSE=write` chooses them anew, which a change of what walks do asks for.
#[test]
fn the_usual_walks_are_chosen() {
    if std::env::var_os("VDI_CHOOSE").is_some() {
        let lines = |chosen: Vec<u64>| -> String {
            let lines = chosen
                .chunks(16)
                .map(|line| line.iter().map(u64::to_string).collect::<Vec<_>>().join(" ") + "\n");
            lines.collect()
        };
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/suite/src/walks/chosen.txt");
        std::fs::write(path, lines(choose(0..8000, EVENTS))).expect("it can be written");
        return;
    }
    let chosen = usual();
    let (meetings, events) = met(&chosen);
    let (others, as_many) = met(&(0..chosen.len() as u64).collect::<Vec<_>>());
    let told = format!("{meetings} in {events}, others {others} in {as_many}");
    assert!(events <= EVENTS, "{told}");
    assert!(meetings * as_many > others * events * 3 / 2, "{told}");
}

/// Who has one interface a process is asked for many walks all the same.
#[test]
fn not_every_walk_needs_a_second_set() {
    let walks = walks();
    let second = |walk: &Scenario| {
        walk.steps.iter().any(|step| serde_json::to_string(step).is_ok_and(|s| s.contains("cset2")))
    };
    for walk in &walks {
        assert_eq!(walk.interfaces.contains_key("cset2"), second(walk), "{}", walk.id);
    }
    let alone = walks.iter().filter(|walk| walk.interfaces.is_empty()).count();
    assert!((walks.len() / 5..walks.len() * 9 / 10).contains(&alone), "{alone}");
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
