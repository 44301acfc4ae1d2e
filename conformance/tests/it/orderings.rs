//! Random orderings of sequential calls: whatever is called in whatever order,
//! the reference implementation answers what the oracle allows. A failure is shrunk
//! and printed as a scenario.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::json;
use vdi_conformance::adapter::{Adapter, Limits, Reference, Stdio};
use vdi_conformance::reference::Mutant;
use vdi_conformance::run::{ScenarioResult, SuiteOptions, Verdict, run_suite};
use vdi_conformance::scenario::{Given, Scenario, Step};
use vdi_sim::clauses::{Party, Profile};

/// The same orderings every time; `PROPTEST_CASES` goes deeper, and
/// `PROPTEST_RNG_SEED` elsewhere.
fn config(usual: u32) -> ProptestConfig {
    let given = ProptestConfig::default();
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    let rng_seed = match given.rng_seed {
        RngSeed::Random => RngSeed::Fixed(2005),
        fixed => fixed,
    };
    ProptestConfig { cases: cases.unwrap_or(usual), rng_seed, failure_persistence: None, ..given }
}

/// One thing done, before handles are resolved.
#[derive(Clone, Debug)]
enum Act {
    Server(&'static str),
    Client(&'static str),
    Send(u8, &'static str, bool),
    CloseDevice(u8),
    GetCommand(u8, bool),
    Complete(u8, u8, &'static str),
    Allocate,
    Free(u8),
    Resume,
    Touch(bool, u8),
    Exit(bool),
}

fn act() -> impl Strategy<Value = Act> {
    let device = 1_u8..=2;
    prop_oneof![
        4 => prop::sample::select(vec![
            "Open", "GetConfiguration", "BeginConfiguration", "EndConfiguration", "RequestBuffers",
            "QueryAvailableBuffers", "ExecuteCompletionAgent", "SignalAbort", "Close",
        ]).prop_map(Act::Server),
        4 => prop::sample::select(vec!["CreateEx", "GetConfiguration", "SignalAbort", "Close"])
            .prop_map(Act::Client),
        2 => Just(Act::Server("OpenDevice")),
        2 => Just(Act::Client("OpenDevice")),
        10 => (device.clone(), prop::sample::select(vec!["Flush", "Write", "ClearError"]), prop::bool::weighted(0.1))
            .prop_map(|(device, code, hold)| Act::Send(device, code, hold)),
        3 => device.clone().prop_map(Act::CloseDevice),
        10 => (device.clone(), any::<bool>()).prop_map(|(device, poll)| Act::GetCommand(device, poll)),
        10 => (device, any::<u8>(), prop::sample::select(vec!["ERROR_SUCCESS", "ERROR_SUCCESS", "ERROR_DISK_FULL"]))
            .prop_map(|(device, which, code)| Act::Complete(device, which, code)),
        2 => Just(Act::Allocate),
        1 => any::<u8>().prop_map(Act::Free),
        3 => Just(Act::Resume),
        2 => (any::<bool>(), any::<u8>()).prop_map(|(server, which)| Act::Touch(server, which)),
        1 => any::<bool>().prop_map(Act::Exit),
    ]
}

/// Turns acts into steps: lanes that are free, names that are given. What a
/// scenario could not do is left out.
struct Writer {
    steps: Vec<Step>,
    commands: Vec<String>,
    held: Vec<String>,
    agent: String,
    buffers: u32,
    devices: [u32; 2],
    calls: u32,
    gone: [bool; 2],
}

impl Writer {
    /// After a `given` that reaches Active on two devices, or from nothing.
    fn new(active: bool) -> Self {
        let devices = if active { [2, 2] } else { [0, 0] };
        let (steps, commands, held) = (Vec::new(), Vec::new(), Vec::new());
        let agent = "server.agent".to_owned();
        Self { steps, commands, held, agent, buffers: 0, devices, calls: 0, gone: [false, false] }
    }

    /// False: the process that would do it is no more.
    fn push(&mut self, mut step: serde_json::Value) -> bool {
        let side = usize::from(step["lane"].as_str().is_some_and(|lane| lane.starts_with('p')));
        if self.gone[side] {
            return false;
        }
        // Each call has a lane of its own: it may block.
        if step.get("start").is_some() {
            self.calls += 1;
            let process = ["server", "primary"][side];
            step["lane"] = json!(format!("{process}.t{}", self.calls));
        }
        self.steps.push(serde_json::from_value(step).expect("a sound step"));
        true
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Server("OpenDevice") => self.open_device("sset", "server.main", 0),
            Act::Client("OpenDevice") => self.open_device("cset", "primary.main", 1),
            Act::Server(function) => {
                let args = match *function {
                    "Open" => json!({ "name": "S" }),
                    "BeginConfiguration" => json!({ "blockSize": 512, "maxTransferSize": 65536 }),
                    "RequestBuffers" => json!({ "size": 65536, "count": 1 }),
                    "QueryAvailableBuffers" => json!({ "size": 65536 }),
                    _ => json!({}),
                };
                self.push(
                    json!({ "start": function, "lane": "server.main", "on": "sset", "args": args }),
                );
                if *function == "ExecuteCompletionAgent" {
                    self.agent = format!("server.t{}", self.calls);
                }
            }
            Act::Client(function) => {
                let args = match *function {
                    "CreateEx" => json!({ "name": "S", "config": { "deviceCount": 2 } }),
                    "GetConfiguration" => json!({ "timeout": 0 }),
                    _ => json!({}),
                };
                self.push(json!({ "start": function, "lane": "primary.main", "on": "cset", "args": args }));
            }
            Act::Send(device, code, hold) if u32::from(*device) <= self.devices[0] => {
                let name = format!("c{}", self.commands.len() + 1);
                let args = json!({ "code": code, "hold": hold });
                let on = format!("sdev{device}");
                if self.push(json!({ "start": "SendCommand", "lane": "server.main", "on": on, "as": name, "args": args })) {
                    if *hold {
                        self.held.push(name.clone());
                    }
                    self.commands.push(name);
                }
            }
            Act::CloseDevice(device) if u32::from(*device) <= self.devices[0] => {
                self.push(json!({ "start": "CloseDevice", "lane": "server.main", "on": format!("sdev{device}") }));
            }
            Act::GetCommand(device, poll) if u32::from(*device) <= self.devices[1] => {
                let timeout = if *poll { json!(0) } else { json!("infinite") };
                self.push(json!({ "start": "GetCommand", "lane": "primary.main", "on": format!("cdev{device}"), "args": { "timeout": timeout } }));
            }
            Act::Complete(device, which, code)
                if u32::from(*device) <= self.devices[1] && !self.commands.is_empty() =>
            {
                // Mostly one of the latest: the older are done with.
                let back = usize::from(*which) % self.commands.len().min(4);
                let command = self.commands[self.commands.len() - 1 - back].clone();
                let args = json!({ "command": command, "code": code, "bytes": 0 });
                self.push(json!({ "start": "CompleteCommand", "lane": "primary.main", "on": format!("cdev{device}"), "args": args }));
            }
            _ => self.other(act),
        }
    }

    fn open_device(&mut self, on: &str, lane: &str, side: usize) {
        if self.devices[side] < 2 {
            self.devices[side] += 1;
            let number = self.devices[side];
            let name = if number == 1 { "S".to_owned() } else { format!("S{number}") };
            let handle = format!("{}dev{number}", &on[..1]);
            if !self.push(json!({ "start": "OpenDevice", "lane": lane, "on": on, "as": handle, "args": { "name": name } })) {
                self.devices[side] -= 1;
            }
        }
    }

    fn other(&mut self, act: &Act) {
        match act {
            Act::Allocate => {
                self.buffers += 1;
                let name = format!("b{}", self.buffers);
                if !self.push(json!({ "start": "AllocateBuffer", "lane": "server.main", "on": "sset", "as": name, "args": { "size": 512 } })) {
                    self.buffers -= 1;
                }
            }
            Act::Free(which) if self.buffers > 0 => {
                let name = format!("b{}", u32::from(*which) % self.buffers + 1);
                self.push(json!({ "start": "FreeBuffer", "lane": "server.main", "on": "sset", "args": { "buffer": name, "size": 512 } }));
            }
            Act::Touch(server, which) if self.devices[usize::from(!server)] > 0 => {
                let side = usize::from(!server);
                let number = u32::from(*which) % self.devices[side] + 1;
                let (lane, prefix) = [("server.main", "sdev"), ("primary.main", "cdev")][side];
                self.push(
                    json!({ "touch": format!("{prefix}{number}"), "lane": lane, "found": "alive" }),
                );
            }
            Act::Resume if !self.held.is_empty() => {
                let command = self.held.remove(0);
                let lane = self.agent.clone();
                self.push(json!({ "resume": command, "lane": lane }));
            }
            Act::Exit(server) => {
                let side = usize::from(!server);
                if !self.gone[side] {
                    let process = ["server", "primary"][side];
                    self.steps.push(
                        serde_json::from_value(json!({ "exit": process, "how": "killed" }))
                            .expect("a step"),
                    );
                    self.gone[side] = true;
                }
            }
            _ => {}
        }
    }
}

fn program(active: bool, acts: &[Act]) -> Scenario {
    let mut writer = Writer::new(active);
    acts.iter().for_each(|act| writer.act(act));
    let given: Option<Given> = active.then(|| {
        serde_json::from_value(json!({ "phase": "Active", "devices": 2 })).expect("a situation")
    });
    Scenario {
        schema: None,
        id: "random".to_owned(),
        title: "a random ordering of calls".to_owned(),
        clauses: Vec::new(),
        parties: vec![Party::Interface],
        misuse_under: Default::default(),
        misuse: vdi_sim::clauses::CLAUSES
            .iter()
            .filter(|row| row.party != Party::Interface)
            .map(|row| row.clause)
            .collect(),
        unpinned: false,
        records: Vec::new(),
        interfaces: std::collections::BTreeMap::new(),
        config: None,
        given,
        steps: writer.steps,
    }
}

fn result(adapter: &dyn Adapter, scenario: &Scenario) -> ScenarioResult {
    let options = SuiteOptions {
        profile: Profile::default(),
        limits: Limits { timeout: std::time::Duration::from_secs(60), ..Limits::default() },
        jobs: 1,
        max_fail: None,
    };
    run_suite(adapter, &[scenario], &options, &|_| {}).remove(0)
}

/// Conformant, or a use of a handle that an earlier failure never made.
fn judged_sound(result: &ScenarioResult) -> bool {
    matches!(result.verdict, Verdict::Conformant | Verdict::NotOffered(_))
        || matches!(&result.verdict, Verdict::Disagreement(found) if found.scenario.contains("alive"))
}

fn told(scenario: &Scenario, result: &ScenarioResult) -> String {
    format!(
        "{:?}\n{}\n{}",
        result.verdict,
        serde_json::to_string_pretty(scenario).expect("it serialises"),
        result.trace.to_json_lines()
    )
}

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn from_an_active_set(acts in prop::collection::vec(act(), 1..30)) {
        let scenario = program(true, &acts);
        let result = result(&Reference::adapter(), &scenario);
        prop_assert!(judged_sound(&result), "{}", told(&scenario, &result));
    }

    #[test]
    fn from_nothing(acts in prop::collection::vec(act(), 1..40)) {
        let scenario = program(false, &acts);
        let result = result(&Reference::adapter(), &scenario);
        prop_assert!(judged_sound(&result), "{}", told(&scenario, &result));
    }
}

proptest! {
    #![proptest_config(config(25))]

    /// The same against the implementation in Python: a fresh process each.
    #[test]
    fn in_python(acts in prop::collection::vec(act(), 1..40)) {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/adapters/python/tiny_vdi.py");
        let adapter = Stdio::new(&format!("python3 '{path}'")).expect("a command line");
        let scenario = program(true, &acts);
        let result = result(&adapter, &scenario);
        prop_assert!(judged_sound(&result), "{}", told(&scenario, &result));
    }
}

/// The orderings find defects too: otherwise they would show nothing.
#[test]
fn random_orderings_find_a_defect() {
    use proptest::test_runner::{Config, TestError, TestRunner};

    for defect in [Mutant::ServerCloseNoerror, Mutant::ForgetsDelivered, Mutant::LastInFirstOut] {
        let config = Config { cases: 2_000, failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(
            config,
            proptest::test_runner::TestRng::deterministic_rng(
                proptest::test_runner::RngAlgorithm::ChaCha,
            ),
        );
        let found = runner.run(&prop::collection::vec(act(), 1..30), |acts| {
            let scenario = program(true, &acts);
            let result = result(&Reference::mutant(defect), &scenario);
            prop_assert!(judged_sound(&result));
            Ok(())
        });
        let Err(TestError::Fail(_, acts)) = found else { panic!("{defect} is not found") };
        assert!(acts.len() <= 8, "{defect}: not shrunk: {acts:?}");
    }
}
