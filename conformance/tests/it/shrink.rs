//! `vdi shrink`: what is left fails for the same clause, and replays.

use std::fs;

use crate::support::{told, vdi, word};
use vdi_conformance::scenario::{Action, Scenario, read};
use vdi_sim::check::{Verdict, check_trace};
use vdi_sim::clauses::{Clause, Profile};
use vdi_sim::trace::{Trace, TraceReader};

fn code(words: &[&str]) -> Option<i32> {
    vdi(words).status.code()
}

fn trace(path: &std::path::Path) -> Trace {
    let text = fs::read(path).expect("a trace");
    let mut reader = TraceReader::new(&text[..]).expect("a header");
    let mut trace = Trace::new(reader.header().clone());
    while let Some(line) = reader.next_line().expect("an event") {
        trace.push(line.event.into_owned());
    }
    trace
}

fn clause(trace: &Trace) -> Option<Clause> {
    match check_trace(trace, &Profile::default()).verdict {
        Verdict::Violation(violation) => Some(violation.clause),
        _ => None,
    }
}

/// The steps of a scenario and what races in them.
fn size(scenario: &Scenario) -> usize {
    let racers = |action: &Action| match action {
        Action::Together { together, .. } => together.len(),
        _ => 1,
    };
    scenario.steps.iter().map(|step| racers(&step.action)).sum()
}

#[test]
fn a_trace_is_shrunk_without_an_implementation() {
    let folder = tempfile::tempdir().expect("a folder");
    let traces = word(folder.path());
    let id = "server/close/delivered-command";
    let run = ["run", "--defect", "forgets-delivered", "--filter", id, "--traces", traces];
    assert_eq!(code(&run), Some(1));
    let file = folder.path().join(format!("{id}.jsonl"));
    let (small, scenario) = (folder.path().join("small.jsonl"), folder.path().join("small.json"));
    let words = ["shrink", word(&file), "--trace", word(&small), "--output", word(&scenario)];
    assert_eq!(code(&words), Some(0), "{}", told(&words));
    let (before, after) = (trace(&file), trace(&small));
    assert_eq!((clause(&before), &after.header), (clause(&after), &before.header));
    assert!(clause(&before).is_some() && after.events.len() < before.events.len());
    // Locally minimal: nothing of it can be left out by the same means.
    let again = folder.path().join("again.jsonl");
    let out = folder.path().join("again.json");
    let words = ["shrink", word(&small), "--trace", word(&again), "--output", word(&out)];
    assert_eq!(code(&words), Some(0));
    assert_eq!(trace(&again).events, after.events);
    assert_eq!(code(&["replay", word(&scenario)]), Some(0));
}

#[test]
fn a_scenario_is_shrunk_by_running_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let small = folder.path().join("small.json");
    let id = "abort/blocked-get-command";
    let seen = folder.path().join("small.jsonl");
    let of_defect = ["shrink", id, "--defect", "sleeps-through-abort"];
    let words = [&of_defect[..], &["--output", word(&small), "--trace", word(&seen)]].concat();
    assert_eq!(code(&words), Some(0), "{}", told(&words));
    let scenario = read(&small).expect("it can be read back");
    // The trace is that of its run: it breaks what the scenario shows.
    assert!(clause(&trace(&seen)).is_some_and(|broken| scenario.clauses.contains(&broken)));
    fs::remove_file(&seen).expect("a trace is no scenario");
    assert_eq!(size(&scenario), 2, "a GetCommand and an abort: {scenario:?}");
    assert_eq!(code(&["replay", word(&small), "--defect", "sleeps-through-abort"]), Some(1));
    assert_eq!(code(&["replay", word(&small)]), Some(0));
    let run = ["run", "--scenarios", word(folder.path()), "--defect", "sleeps-through-abort"];
    assert_eq!(code(&run), Some(1));
}

#[test]
fn a_race_is_shrunk_by_repeating_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let small = folder.path().join("small.json");
    let text = r#"{
      "id": "big", "title": "Two completions, and much besides",
      "clauses": ["client.complete-command.active-only", "client.device.one-thread"],
      "parties": ["client"],
      "misuse": ["client.complete-command.active-only", "client.device.one-thread"],
      "given": { "phase": "Active", "devices": 2, "commands": [
        { "as": "c1", "code": "Flush", "at": "delivered" },
        { "as": "c2", "code": "Flush", "device": 2, "at": "queued" } ] },
      "steps": [
        { "call": "GetConfiguration", "on": "sset" },
        { "together": [
          { "call": "CompleteCommand", "lane": "primary.t1", "on": "cdev1",
            "args": { "command": "c1", "code": "ERROR_SUCCESS", "bytes": 0 } },
          { "call": "CompleteCommand", "lane": "primary.t2", "on": "cdev1",
            "args": { "command": "c1", "code": "ERROR_SUCCESS", "bytes": 0 } },
          { "call": "SendCommand", "lane": "server.t1", "on": "sdev2", "as": "c3",
            "args": { "code": "Flush" } } ] } ] }"#;
    let big = folder.path().join("big.json");
    fs::write(&big, text).expect("written");
    let words = ["shrink", word(&big), "--defect", "both-complete", "--output", word(&small)];
    assert_eq!(code(&words), Some(0), "{}", told(&words));
    let scenario = read(&small).expect("it can be read back");
    assert_eq!(size(&scenario), 2, "{scenario:?}");
    let given = scenario.given.expect("the situation stays");
    assert_eq!((given.devices, given.commands.len()), (1, 1));
}

#[test]
fn what_does_not_fail_cannot_be_shrunk() {
    assert_eq!(code(&["shrink", "server/close/delivered-command"]), Some(64));
    assert_eq!(code(&["shrink", "no-such"]), Some(64));
}

/// A client's half of a history with a completion for a command that it was never given, in a
/// file with blank lines.
const HALF: &str = r#"{"vdi":"trace/1","unseen":["server"]}

{"lane":"primary.main","call":"Create","on":"cset","args":{"name":"S","config":{"deviceCount":1,"features":[]}}}
{"lane":"primary.main","return":"NOERROR"}
{"lane":"primary.main","call":"GetConfiguration","on":"cset","args":{"timeout":0}}

{"lane":"primary.main","return":"VD_E_TIMEOUT"}
{"lane":"primary.main","call":"GetConfiguration","on":"cset","args":{"timeout":0}}
{"lane":"primary.main","return":"VD_E_TIMEOUT"}

{"lane":"primary.main","call":"OpenDevice","on":"cset","as":"cdev1","args":{"name":"S"}}
{"lane":"primary.main","return":"NOERROR"}
"#;

/// The same violation, in the same line of the file, whichever command is asked.
#[test]
fn half_a_history_with_blank_lines_is_the_same_to_every_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, small) = (folder.path().join("half.jsonl"), folder.path().join("small.jsonl"));
    fs::write(&file, HALF).expect("a file");
    let ask = ["ask", word(&file), "primary.main", "Close", "cset"];
    for words in [&["check", word(&file)][..], &["check", "--explain", word(&file)], &ask] {
        assert!(told(words).contains(":12") || told(words).contains("line 12"), "{}", told(words));
    }
    let said = told(&["replay", word(&file)]);
    assert_eq!(code(&["replay", word(&file)]), Some(65), "{said}");
    assert!(said.contains("the server was not recorded"), "{said}");

    let words = ["shrink", word(&file), "--output", word(&small)];
    assert_eq!(code(&words), Some(0), "{}", told(&words));
    let (before, after) = (trace(&file), trace(&small));
    assert_eq!((clause(&before), &before.header), (clause(&after), &after.header));
    assert!(after.events.len() < before.events.len());
}
