//! Walks: long programs that nobody wrote, drawn from numbers. `VDI_WALKS` takes more.

use std::process::Command;

use vdi_conformance::adapter::{Adapter, Limits, Reference, Runtime, Stdio};
use vdi_conformance::reference::Mutant;
use vdi_conformance::run::{Repeat, ScenarioResult, SuiteOptions, Verdict, run_suite_repeated};
use vdi_conformance::scenario::Scenario;
use vdi_conformance::walks::{
    choose, choose_racing, met, raced, racing_walk, usual, usual_racing, walk,
};
use vdi_sim::clauses::Profile;

fn results(adapter: &dyn Adapter, walks: &[Scenario], profile: &Profile) -> Vec<ScenarioResult> {
    let options = SuiteOptions {
        profile: profile.clone(),
        limits: Limits::default(),
        jobs: 2,
        max_fail: None,
    };
    let walks: Vec<&Scenario> = walks.iter().collect();
    let repeat = Some(Repeat { times: 2, seed: 0 });
    run_suite_repeated(adapter, &walks, &options, repeat, &|_| {})
}

/// How many are asked for instead of the usual ones.
fn asked() -> Option<u64> {
    std::env::var("VDI_WALKS").ok().and_then(|text| text.parse().ok())
}

fn walks() -> Vec<Scenario> {
    asked().map_or_else(usual, |count| (0..count).collect()).into_iter().map(walk).collect()
}

/// The same with races; some more than the usual ones, since they differ from run to run.
fn racing_walks() -> Vec<Scenario> {
    (0..asked().unwrap_or(400)).chain(usual_racing()).map(racing_walk).collect()
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
    hold_these(adapter, &walks(), profile);
}

/// Of what no document speaks a race comes upon, too: that is undecided.
fn hold_with_races(adapter: &dyn Adapter, walks: &[Scenario]) {
    let results = results(adapter, walks, &Profile::default());
    let wrong = results.iter().filter(|result| result.verdict.is_failure());
    let wrong: Vec<String> = wrong.map(|result| told(walks, result)).collect();
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), walks.len(), wrong.join("\n\n"));
    let open = |result: &&ScenarioResult| result.verdict != Verdict::Conformant;
    let open = results.iter().filter(open).count();
    assert!(open * 20 < walks.len(), "{open} of {} are undecided", walks.len());
}

fn hold_these(adapter: &dyn Adapter, walks: &[Scenario], profile: &Profile) {
    let results = results(adapter, walks, profile);
    let wrong = results.iter().filter(|result| result.verdict != Verdict::Conformant);
    let wrong: Vec<String> = wrong.map(|result| told(walks, result)).collect();
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

#[test]
fn the_plain_implementation_takes_racing_walks() {
    hold_with_races(&Reference::adapter(), &racing_walks());
}

#[test]
fn the_runtime_takes_racing_walks() {
    hold_with_races(&Runtime::adapter(), &racing_walks());
}

#[test]
fn python_takes_racing_walks() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/adapters/python/tiny_vdi.py");
    let adapter = Stdio::new(&format!("python3 '{path}'")).expect("a command line");
    let walks: Vec<Scenario> = usual_racing().into_iter().map(racing_walk).collect();
    hold_with_races(&adapter, &walks);
}

/// They find mutants that only a race shows.
#[test]
fn racing_walks_find_mutants() {
    let walks = racing_walks();
    for mutant in [Mutant::BothOpen, Mutant::BothComplete] {
        let found = results(&Reference::mutant(mutant), &walks, &Profile::default());
        assert!(found.iter().any(|result| result.verdict.is_failure()), "{mutant}");
    }
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

/// Steps that the racing walks of an ordinary run come to.
const STEPS: usize = 1500;

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
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/suite/src/walks/chosen-racing.txt");
        std::fs::write(path, lines(choose_racing(0..8000, STEPS))).expect("it can be written");
        return;
    }
    let chosen = usual();
    let (meetings, events) = met(&chosen);
    let (others, as_many) = met(&(0..chosen.len() as u64).collect::<Vec<_>>());
    let told = format!("{meetings} in {events}, others {others} in {as_many}");
    assert!(events <= EVENTS, "{told}");
    assert!(meetings * as_many > others * events * 3 / 2, "{told}");
    let chosen = usual_racing();
    let (pairs, steps) = raced(&chosen);
    let (others, as_many) = raced(&(0..chosen.len() as u64).collect::<Vec<_>>());
    let told = format!("{pairs} in {steps}, others {others} in {as_many}");
    assert!(steps <= STEPS, "{told}");
    assert!(pairs * as_many > others * steps * 5 / 4, "{told}");
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
