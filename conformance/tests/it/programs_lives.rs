//! Random programs of many lanes, really concurrent, in which sets are created, opened, closed
//! and created anew while they are used, by two interfaces of each process, with secondaries,
//! killed processes, and buffers that there is no memory for. Whatever comes of one must have an
//! explanation.
//!
//! `PROPTEST_CASES` goes deeper, `PROPTEST_RNG_SEED` elsewhere.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use vdi_conformance::adapter::{Reference, Runtime};
use vdi_conformance::scenario::Scenario;
use vdi_sim::trace::Process;

use crate::programs::{decided, hold, python, race};

/// What is there before the lanes begin.
const PHASES: [Option<&str>; 7] = [
    None,
    Some("Created"),
    Some("Connected"),
    Some("Configurable"),
    Some("Initializing"),
    Some("Active"),
    Some("Active"),
];

/// More than any implementation has.
const TOO_MUCH: u32 = 1 << 31;

/// A call of a lane: of which function, on the first or the second interface, on which device,
/// and whether it asks for more than there is.
#[derive(Clone, Debug)]
struct Act {
    which: prop::sample::Index,
    second: bool,
    device: u8,
    greedy: bool,
}

#[derive(Clone, Debug)]
struct Program {
    phase: Option<&'static str>,
    secondary: bool,
    /// The process of each lane, counted from 0, with what it does.
    lanes: Vec<(usize, Vec<Act>)>,
    killed: Option<&'static str>,
}

fn act() -> impl Strategy<Value = Act> {
    (any::<prop::sample::Index>(), prop::bool::weighted(0.3), 1_u8..=2, prop::bool::weighted(0.1))
        .prop_map(|(which, second, device, greedy)| Act { which, second, device, greedy })
}

fn program() -> impl Strategy<Value = Program> {
    let lane = (0_usize..5, prop::collection::vec(act(), 1..5));
    let killed = prop_oneof![
        12 => Just(None),
        1 => Just(Some("primary")),
        1 => Just(Some("server")),
        1 => Just(Some("secondary1")),
    ];
    (prop::sample::select(&PHASES[..]), any::<bool>(), prop::collection::vec(lane, 2..5), killed)
        .prop_map(|(phase, secondary, lanes, killed)| Program { phase, secondary, lanes, killed })
}

/// What the primary calls: every second call begins or ends a life.
fn by_primary(act: &Act, set: &str, made: &str) -> Value {
    let all = [
        json!({ "call": "CreateEx", "on": set,
            "args": { "name": "S", "config": { "deviceCount": act.device } } }),
        json!({ "call": "Close", "on": set }),
        json!({ "call": "CreateEx", "on": set,
            "args": { "name": "S", "config": { "deviceCount": 1 } } }),
        json!({ "call": "Close", "on": set }),
        json!({ "call": "SignalAbort", "on": set }),
        json!({ "call": "GetConfiguration", "on": set, "args": { "timeout": 0 } }),
        json!({ "call": "OpenDevice", "on": set, "as": made, "args": { "name": "S" } }),
        json!({ "call": "GetConfiguration", "on": set, "args": { "timeout": "infinite" } }),
    ];
    all[act.which.index(all.len())].clone()
}

fn by_server(act: &Act, set: &str, made: &str) -> Value {
    let (size, count) = if act.greedy { (65536, TOO_MUCH) } else { (65536, 1) };
    let all = [
        json!({ "call": "Open", "on": set, "args": { "name": "S" } }),
        json!({ "call": "Close", "on": set }),
        json!({ "call": "Open", "on": set, "args": { "name": "S" } }),
        json!({ "call": "Close", "on": set }),
        json!({ "call": "SignalAbort", "on": set }),
        json!({ "call": "GetConfiguration", "on": set }),
        json!({ "call": "BeginConfiguration", "on": set,
            "args": { "features": ["WriteMedia"], "blockSize": 512, "maxTransferSize": 65536 } }),
        json!({ "call": "RequestBuffers", "on": set, "args": { "size": size, "count": count } }),
        json!({ "call": "EndConfiguration", "on": set }),
        json!({ "call": "QueryAvailableBuffers", "on": set, "args": { "size": size } }),
        json!({ "call": "AllocateBuffer", "on": set, "as": made,
            "args": { "size": if act.greedy { TOO_MUCH } else { size } } }),
        json!({ "call": "OpenDevice", "on": set, "as": made, "args": { "name": "S" } }),
        json!({ "call": "ExecuteCompletionAgent", "on": set }),
    ];
    all[act.which.index(all.len())].clone()
}

fn by_secondary(act: &Act, set: &str, made: &str) -> Value {
    let all = [
        json!({ "call": "OpenInSecondary", "on": set, "args": { "name": "S" } }),
        json!({ "call": "Close", "on": set }),
        json!({ "call": "OpenInSecondaryEx", "on": set, "args": { "name": "S" } }),
        json!({ "call": "Close", "on": set }),
        json!({ "call": "SignalAbort", "on": set }),
        json!({ "call": "OpenDevice", "on": set, "as": made, "args": { "name": "S" } }),
        json!({ "call": "GetConfiguration", "on": set, "args": { "timeout": 0 } }),
    ];
    all[act.which.index(all.len())].clone()
}

/// What is called on a device that was there before the lanes began.
fn on_device(server: bool, act: &Act, made: &str) -> Value {
    let device = act.device;
    if server {
        match act.which.index(3) {
            0 => json!({ "call": "CloseDevice", "on": format!("sdev{device}") }),
            _ => json!({ "call": "SendCommand", "on": format!("sdev{device}"), "as": made,
                "args": { "code": "Flush" } }),
        }
    } else {
        match act.which.index(3) {
            0 => json!({ "call": "CompleteCommand", "on": format!("cdev{device}"),
                "args": { "command": format!("c{device}"), "code": "ERROR_SUCCESS", "bytes": 0 } }),
            _ => json!({ "call": "GetCommand", "on": format!("cdev{device}"),
                "args": { "timeout": 0 } }),
        }
    }
}

fn racers(program: &Program) -> Vec<Value> {
    let lanes = ["primary.main", "primary.t1", "server.main", "server.t1", "secondary1.main"];
    let sets = [
        ["cset", "cset2"],
        ["cset", "cset2"],
        ["sset", "sset2"],
        ["sset", "sset2"],
        ["x1set", "x1set"],
    ];
    let mut racers = Vec::new();
    for (lane, acts) in &program.lanes {
        for act in acts {
            let made = format!("n{}", racers.len());
            let set = sets[*lane][usize::from(act.second)];
            let devices = program.phase == Some("Active") && !act.second && *lane < 4;
            // With a secondary client the second device is that one's.
            let device = if program.secondary && *lane < 2 { 1 } else { act.device };
            let act = &Act { device, ..act.clone() };
            let mut call = match lane {
                _ if devices && act.which.index(5) > 2 => on_device(*lane > 1, act, &made),
                0 | 1 => by_primary(act, set, &made),
                2 | 3 => by_server(act, set, &made),
                _ => by_secondary(act, set, &made),
            };
            call["lane"] = json!(lanes[*lane]);
            racers.push(call);
        }
    }
    if let Some(process) = program.killed {
        racers.push(json!({ "exit": process, "how": "killed" }));
    }
    racers
}

/// The scenario of a program; `None` if fewer than two lanes do anything.
fn scenario(program: &Program) -> Option<Scenario> {
    let mut lanes: Vec<usize> = program.lanes.iter().map(|(lane, _)| *lane).collect();
    lanes.sort_unstable();
    lanes.dedup();
    if lanes.len() < 2 {
        return None;
    }
    let command = |device: u8, at: &str| json!({ "as": format!("c{device}"), "code": "Flush", "device": device, "at": at });
    let given = program.phase.map(|phase| match phase {
        "Active" => json!({ "phase": phase, "devices": 2,
            "secondaries": u8::from(program.secondary),
            "commands": [command(1, "delivered"), command(2, "queued")] }),
        _ => json!({ "phase": phase }),
    });
    let interfaces = [("cset2", Process::Primary), ("sset2", Process::Server)];
    let interfaces: BTreeMap<String, Process> =
        interfaces.into_iter().map(|(name, process)| (name.to_owned(), process)).collect();
    Some(race(interfaces, given, &racers(program)))
}

#[test]
fn on_the_runtime() {
    decided(hold(&Runtime::adapter(), 40, &program(), scenario));
}

#[test]
fn on_the_plain_implementation() {
    decided(hold(&Reference::adapter(), 40, &program(), scenario));
}

#[test]
fn in_python() {
    decided(hold(&python(), 8, &program(), scenario));
}
