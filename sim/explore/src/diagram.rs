//! The state diagram of a device set in the mission's four states, drawn from
//! the model: every single call in every state that a breadth-first search of a
//! small set reaches.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::search::breadth_first;
use vdi_model::{
    Answer, Call, Caller, ClientCall, DeviceName, DeviceSetState, LaneId, Limits, ServerCall,
    State, Timeout,
};
use vdi_spec::clauses::Profile;

/// The diagram as Mermaid text, and how many states the search reached.
#[must_use]
pub fn device_set_diagram(profile: &Profile) -> (String, usize) {
    let (edges, reached) = edges(profile);
    let mut out = "stateDiagram-v2\n    [*] --> Closed\n".to_owned();
    for ((from, to), calls) in &edges {
        let calls: Vec<&str> = calls.iter().copied().collect();
        let _ = writeln!(out, "    {from} --> {to}: {}", calls.join(", "));
    }
    (out, reached)
}

type Edges = BTreeMap<(DeviceSetState, DeviceSetState), BTreeSet<&'static str>>;

const LANES: [LaneId; 3] = [LaneId(0), LaneId(1), LaneId(2)];

/// A set with one device and no commands: enough for every edge of the view.
fn edges(profile: &Profile) -> (Edges, usize) {
    let mut edges = Edges::new();
    let found = breadth_first(State::default(), |_, state| {
        let next = successors(state, profile);
        for (name, after) in &next {
            let step = (state.device_set_state(), after.device_set_state());
            if step.0 != step.1 {
                edges.entry(step).or_default().insert(*name);
            }
        }
        next.into_iter().map(|(_, after)| after).collect()
    });
    (edges, found.states.len())
}

/// Every state that one call, return or death leads to.
fn successors(state: &State, profile: &Profile) -> Vec<(&'static str, State)> {
    let mut next = Vec::new();
    for lane in LANES {
        for outcome in vdi_model::returns(state, profile, lane) {
            let mut after = state.clone();
            vdi_model::apply_return(&mut after, lane, &outcome);
            next.push(("return", after));
        }
    }
    for (name, lane, call) in calls(state) {
        let agent = matches!(state.agent, vdi_model::Agent::Running { lane: of } if of == lane);
        if state.in_progress(lane).is_some() || agent {
            continue;
        }
        for outcome in vdi_model::outcomes(state, profile, Limits::default(), lane, &call) {
            let mut after = state.clone();
            if outcome.answer == Answer::Blocks {
                vdi_model::apply(&mut after, lane, call.caller(), &outcome);
            } else {
                vdi_model::apply_and_return(&mut after, lane, call.caller(), &outcome);
            }
            next.push((name, after));
        }
    }
    let deaths =
        [("death of the server", Caller::Server), ("death of the client", Caller::Client(0))];
    for (name, process) in deaths {
        let mut after = state.clone();
        vdi_model::exit(&mut after, process);
        next.push((name, after));
    }
    next
}

fn calls(state: &State) -> Vec<(&'static str, LaneId, Call)> {
    let server = |name, call| (name, LANES[0], Call::Server(call));
    let client = |name, call| (name, LANES[2], Call::Client(call));
    let mut calls = vec![
        client("Create", ClientCall::create(1)),
        client("GetConfiguration", ClientCall::GetConfiguration { timeout: Timeout::Poll }),
        client("client SignalAbort", ClientCall::SignalAbort),
        client("client Close", ClientCall::Close),
        server("Open", ServerCall::Open { found: true, reused: false }),
        server("BeginConfiguration", ServerCall::begin_configuration()),
        server("EndConfiguration", ServerCall::EndConfiguration),
        server("OpenDevice", ServerCall::OpenDevice { device: Some(0) }),
        server("server SignalAbort", ServerCall::SignalAbort),
        server("server Close", ServerCall::Close),
        ("ExecuteCompletionAgent", LANES[1], Call::Server(ServerCall::ExecuteCompletionAgent)),
    ];
    // Create on an interface that has closed makes another set, not this one.
    if state.client != vdi_model::ClientLife::Absent {
        calls.remove(0);
    }
    if !state.devices.is_empty() {
        let name = DeviceName::Known(0);
        calls.push(client("client OpenDevice", ClientCall::OpenDevice { name }));
        let get = ClientCall::GetCommand { device: 0, timeout: Timeout::Poll };
        calls.push(client("GetCommand", get));
        calls.push(server("CloseDevice", ServerCall::CloseDevice { device: 0 }));
    }
    calls
}
