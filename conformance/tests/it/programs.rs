//! Random programs of many lanes, really concurrent: server threads, the agent, client
//! threads and a secondary process, with every call. Whatever comes of one is recorded
//! and must have an explanation. A failure is shrunk and printed as a scenario, which
//! belongs into `scenarios/races/` once it is understood.
//!
//! `PROPTEST_CASES` goes deeper, `PROPTEST_RNG_SEED` elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, RngSeed, TestError, TestRng, TestRunner};
use serde_json::{Value, json};
use vdi_conformance::adapter::{Adapter, Limits, Processes, Reference, Runtime, Stdio};
use vdi_conformance::reference::Mutant;
use vdi_conformance::run::{Repeat, ScenarioResult, SuiteOptions, Verdict, run_suite_repeated};
use vdi_conformance::scenario::Scenario;
use vdi_sim::clauses::{Party, Profile};
use vdi_sim::trace::Process;

/// The lanes besides the agent's, which runs from the start.
const LANES: [&str; 7] = [
    "server.main",
    "server.t1",
    "server.t2",
    "primary.main",
    "primary.t1",
    "primary.t2",
    "secondary1.main",
];

/// One call of a lane, before handles are resolved.
#[derive(Clone, Debug)]
enum Act {
    Send(u8, &'static str),
    CloseDevice(u8),
    Get(u8, bool),
    Complete(u8, u8, &'static str),
    Allocate,
    Free,
    Buffers,
    Abort,
    Close,
    Configuration,
    Open(u8),
}

fn act() -> impl Strategy<Value = Act> {
    let device = 1_u8..=2;
    let code = prop::sample::select(vec!["Flush", "Flush", "Write", "ClearError"]);
    let ending = prop::sample::select(vec!["ERROR_SUCCESS", "ERROR_SUCCESS", "ERROR_DISK_FULL"]);
    prop_oneof![
        12 => (device.clone(), code).prop_map(|(device, code)| Act::Send(device, code)),
        3 => device.clone().prop_map(Act::CloseDevice),
        12 => (device.clone(), any::<bool>()).prop_map(|(device, poll)| Act::Get(device, poll)),
        12 => (device.clone(), any::<u8>(), ending)
            .prop_map(|(device, which, code)| Act::Complete(device, which, code)),
        1 => Just(Act::Allocate),
        1 => Just(Act::Free),
        1 => Just(Act::Buffers),
        2 => Just(Act::Abort),
        2 => Just(Act::Close),
        1 => Just(Act::Configuration),
        1 => device.prop_map(Act::Open),
    ]
}

/// What each lane does, and whether a process is killed meanwhile.
#[derive(Clone, Debug)]
struct Program {
    lanes: Vec<(usize, Vec<Act>)>,
    killed: Option<&'static str>,
}

fn program() -> impl Strategy<Value = Program> {
    let lane = (0..LANES.len(), prop::collection::vec(act(), 1..4));
    let killed = prop_oneof![
        12 => Just(None),
        1 => Just(Some("primary")),
        1 => Just(Some("server")),
        1 => Just(Some("secondary1")),
    ];
    (prop::collection::vec(lane, 2..5), killed)
        .prop_map(|(lanes, killed)| Program { lanes, killed })
}

/// Resolves handles. What a lane could not do is left out.
#[derive(Default)]
struct Writer {
    racers: Vec<Value>,
    made: u32,
}

impl Writer {
    fn act(&mut self, lane: &str, act: &Act) {
        let process = lane.split('.').next().unwrap_or_default();
        let server = process == "server";
        let (set, prefix) = match process {
            "server" => ("sset", "sdev"),
            "primary" => ("cset", "cdev"),
            _ => ("x1set", "x1dev"),
        };
        // Device 2 is the secondary's, device 1 the primary's.
        let device = |number: u8| match process {
            "primary" => "cdev1".to_owned(),
            "secondary1" => "x1dev2".to_owned(),
            _ => format!("{prefix}{number}"),
        };
        let call = match act {
            Act::Send(number, code) if server => {
                self.made += 1;
                let name = format!("c{}", self.made + 4);
                json!({ "call": "SendCommand", "on": device(*number), "as": name,
                    "args": { "code": code } })
            }
            Act::CloseDevice(number) if server => {
                json!({ "call": "CloseDevice", "on": device(*number) })
            }
            Act::Get(number, poll) if !server => {
                let timeout = if *poll { json!(0) } else { json!("infinite") };
                json!({ "call": "GetCommand", "on": device(*number), "args": { "timeout": timeout } })
            }
            Act::Complete(number, which, code) if !server => {
                let name = format!("c{}", which % 4 + 1);
                json!({ "call": "CompleteCommand", "on": device(*number),
                    "args": { "command": name, "code": code, "bytes": 0 } })
            }
            Act::Allocate if server => {
                self.made += 1;
                json!({ "call": "AllocateBuffer", "on": set, "as": format!("b{}", self.made + 1),
                    "args": { "size": 512 } })
            }
            Act::Free if server => {
                json!({ "call": "FreeBuffer", "on": set, "args": { "buffer": "b1", "size": 512 } })
            }
            Act::Buffers if server => json!({ "call": "QueryAvailableBuffers", "on": set,
                "args": { "size": 512 } }),
            Act::Abort => json!({ "call": "SignalAbort", "on": set }),
            Act::Close => json!({ "call": "Close", "on": set }),
            Act::Configuration if server => json!({ "call": "GetConfiguration", "on": set }),
            Act::Configuration => json!({ "call": "GetConfiguration", "on": set,
                "args": { "timeout": 0 } }),
            Act::Open(number) => {
                self.made += 1;
                json!({ "call": "OpenDevice", "on": set, "as": format!("{prefix}{}", self.made + 9),
                    "args": { "name": if *number == 1 { "S" } else { "S2" } } })
            }
            _ => return,
        };
        let mut call = call;
        call["lane"] = json!(lane);
        self.racers.push(call);
    }
}

/// The scenario of a program; `None` if fewer than two lanes do anything.
fn scenario(program: &Program) -> Option<Scenario> {
    let mut writer = Writer::default();
    let mut lanes: BTreeMap<usize, Vec<Act>> = BTreeMap::new();
    for (lane, acts) in &program.lanes {
        lanes.entry(*lane).or_default().extend(acts.iter().cloned());
    }
    for (lane, acts) in &lanes {
        acts.iter().for_each(|act| writer.act(LANES[*lane], act));
    }
    let busy: BTreeSet<&str> =
        writer.racers.iter().filter_map(|racer| racer["lane"].as_str()).collect();
    if busy.len() < 2 {
        return None;
    }
    if let Some(process) = program.killed {
        writer.racers.push(json!({ "exit": process, "how": "killed" }));
    }
    let command = |name: &str, device: u32, at: &str| json!({ "as": name, "code": "Flush", "device": device, "at": at });
    let given = json!({
        "phase": "Active", "devices": 2, "secondaries": 1, "buffers": ["b1"],
        "commands": [
            command("c1", 1, "delivered"), command("c2", 2, "delivered"),
            command("c3", 1, "queued"), command("c4", 2, "queued"),
        ],
    });
    Some(race(BTreeMap::new(), Some(given), &writer.racers))
}

/// A scenario of one race: what it comes to is left to the oracle, and only the interface is
/// blamed.
pub(super) fn race(
    interfaces: BTreeMap<String, Process>,
    given: Option<Value>,
    racers: &[Value],
) -> Scenario {
    let step = json!({ "together": racers });
    Scenario {
        schema: None,
        id: "random".to_owned(),
        title: "a random program of many lanes".to_owned(),
        clauses: Vec::new(),
        parties: vec![Party::Interface],
        misuse_under: BTreeMap::new(),
        unpinned: false,
        misuse: vdi_sim::clauses::CLAUSES
            .iter()
            .filter(|row| row.party != Party::Interface)
            .map(|row| row.clause)
            .collect(),
        records: Vec::new(),
        interfaces,
        config: None,
        given: given.map(|given| serde_json::from_value(given).expect("a situation")),
        steps: vec![serde_json::from_value(step).expect("a race")],
    }
}

/// Runs of each program: a race that failed once is to fail again while it is shrunk.
const RUNS: u32 = 4;

fn result(adapter: &dyn Adapter, scenario: &Scenario) -> ScenarioResult {
    let options = SuiteOptions {
        profile: Profile::default(),
        limits: Limits { timeout: std::time::Duration::from_secs(60), ..Limits::default() },
        jobs: 1,
        max_fail: None,
    };
    let repeat = Some(Repeat { times: RUNS, seed: 7 });
    run_suite_repeated(adapter, &[scenario], &options, repeat, &|_| {}).remove(0)
}

fn told(scenario: &Scenario, result: &ScenarioResult) -> String {
    let scenario = json!({ "given": scenario.given, "steps": scenario.steps });
    let scenario = serde_json::to_string_pretty(&scenario).expect("it serialises");
    format!("{:?}\n{scenario}\n{}", result.verdict, result.trace.to_json_lines())
}

/// Holds programs of an implementation; gives how many were run and how many of them
/// the oracle left undecided.
pub(super) fn hold<P: std::fmt::Debug>(
    adapter: &dyn Adapter,
    usual: u32,
    programs: &impl Strategy<Value = P>,
    scenario: impl Fn(&P) -> Option<Scenario>,
) -> (u32, u32) {
    let given = Config::default();
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    let rng_seed = match given.rng_seed {
        RngSeed::Random => RngSeed::Fixed(2005),
        fixed => fixed,
    };
    let cases = cases.unwrap_or(usual);
    let config =
        Config { cases, rng_seed, failure_persistence: None, max_shrink_iters: 300, ..given };
    let (run, undecided) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let held = TestRunner::new(config).run(programs, |program| {
        let Some(scenario) = scenario(&program) else { return Ok(()) };
        let result = result(adapter, &scenario);
        run.set(run.get() + 1);
        match result.verdict {
            Verdict::Conformant | Verdict::NotOffered(_) => {}
            Verdict::Inconclusive(_) => undecided.set(undecided.get() + 1),
            _ => return Err(TestCaseError::fail(told(&scenario, &result))),
        }
        Ok(())
    });
    if let Err(failed) = held {
        panic!("{failed}");
    }
    (run.get(), undecided.get())
}

/// Nearly all of them are decided: a judge that gives up shows nothing.
#[track_caller]
pub(super) fn decided((run, undecided): (u32, u32)) {
    assert!(run > 0 && undecided * 20 <= run, "{undecided} of {run} programs are undecided");
}

#[test]
fn the_runtime_in_threads() {
    decided(hold(&Runtime::adapter(), 40, &program(), scenario));
}

#[test]
fn the_runtime_between_processes() {
    let adapter = Processes::new(env!("CARGO_BIN_EXE_vdi").into());
    decided(hold(&adapter, 8, &program(), scenario));
}

#[test]
fn the_plain_implementation() {
    decided(hold(&Reference::adapter(), 40, &program(), scenario));
}

/// The adapter in Python.
pub(super) fn python() -> Stdio {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/adapters/python/tiny_vdi.py");
    Stdio::new(&format!("python3 '{path}'")).expect("a command line")
}

#[test]
fn in_python() {
    decided(hold(&python(), 8, &program(), scenario));
}

/// The programs find defects that need a race: otherwise they would show nothing.
#[test]
fn random_programs_find_race_defects() {
    for defect in [Mutant::BothComplete, Mutant::SendChecksThenQueues, Mutant::OneCommandTwice] {
        let config = Config {
            cases: 400,
            failure_persistence: None,
            max_shrink_iters: 40,
            ..Config::default()
        };
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let mut runner = TestRunner::new_with_rng(config, rng);
        let found = runner.run(&program(), |program| {
            let Some(scenario) = scenario(&program) else { return Ok(()) };
            let result = result(&Reference::mutant(defect), &scenario);
            prop_assert!(!result.verdict.is_failure());
            Ok(())
        });
        assert!(matches!(found, Err(TestError::Fail(..))), "{defect} is not found");
    }
}
