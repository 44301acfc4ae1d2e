//! The four states of a device set, Open, DevicesOpen, Aborted and Closed, drawn from
//! the model: every single call, callback, time-out and death in every state that a
//! breadth-first search of a small set reaches.

use std::collections::{BTreeMap, BTreeSet};

use super::search::breadth_first;
use super::table::{Cell, Table};
use super::walk::{client_open_device, complete_command, send_command, status};
use vdi_model::{
    Agent, Answer, Asked, Call, Caller, ClientCall, ClientDevice, ClientLife, ClientPhase,
    CommandId, DeviceSetState, LaneId, Limits, ServerCall, ServerDevice, ServerLife, ServerPhase,
    Stage, State, Timeout,
};
use vdi_spec::clauses::Profile;
use vdi_spec::codes::{CommandCode, Features, Win32};

/// The order of the columns: that of a set's life, so far as it has one.
const STATES: [DeviceSetState; 4] = [
    DeviceSetState::Open,
    DeviceSetState::DevicesOpen,
    DeviceSetState::Aborted,
    DeviceSetState::Closed,
];

/// The four states of a device set, as the model has them under a profile.
#[derive(Clone, Debug)]
pub struct FourStates {
    /// Events by states: what each answers there, and which state follows.
    pub table: Table,
    /// The states, in the order of the columns.
    pub states: Vec<StateView>,
    /// How many states of the model the search reached.
    pub reached: usize,
}

/// One of the four states: the phases of the two sides that it stands for.
#[derive(Clone, Debug, Default)]
pub struct StateView {
    /// The server's phases in it.
    pub server: BTreeSet<ServerPhase>,
    /// The client's phases in it.
    pub client: BTreeSet<ClientPhase>,
}

impl FourStates {
    /// Computes them.
    #[must_use]
    pub fn new(profile: &Profile) -> Self {
        let mut cells: BTreeMap<(&str, DeviceSetState), Cell> = BTreeMap::new();
        let found = breadth_first(State::default(), |_, state| {
            let from = state.device_set_state();
            let steps = steps(state, profile);
            for Step { event, status, after } in &steps {
                let to = (after.device_set_state() != from).then(|| after.device_set_state());
                // What is no call answers nothing: there is only what it leads to.
                if !status.is_empty() || to.is_some() {
                    let cell = cells.entry((*event, from)).or_default();
                    cell.add(status.clone(), to.map(|to| to.to_string()));
                }
            }
            steps.into_iter().map(|step| step.after).collect()
        });
        let of = |event, state| cells.get(&(event, state)).cloned().unwrap_or_default();
        let row =
            |event: &'static str| (event.to_owned(), STATES.map(|state| of(event, state)).to_vec());
        let seen =
            |event: &&&str| STATES.iter().any(|state| cells.contains_key(&(**event, *state)));
        let table = Table {
            function: "event",
            phases: STATES.map(|state| state.to_string()).to_vec(),
            rows: EVENTS.iter().filter(seen).map(|event| row(event)).collect(),
        };
        let view = |of| {
            let mut view = StateView::default();
            for state in found.states.iter().filter(|state| state.device_set_state() == of) {
                view.server.insert(state.server_phase());
                view.client.insert(state.client_phase());
            }
            view
        };
        Self { table, states: STATES.map(view).into(), reached: found.states.len() }
    }

    /// The state diagram, as Mermaid text.
    #[must_use]
    pub fn mermaid(&self) -> String {
        self.table.mermaid_from(&DeviceSetState::Closed.to_string())
    }
}

const RETURN: &str = "the return of a call that waited";
const CALLBACK: &str = "a callback";
const TIME_OUT: &str = "serverTimeOut passes twice";
const DEATH_OF_SERVER: &str = "death of the server";
const DEATH_OF_CLIENT: &str = "death of the client";

/// The rows, calls of the server first.
const EVENTS: &[&str] = &[
    "Open",
    "BeginConfiguration",
    "EndConfiguration",
    "OpenDevice",
    "ExecuteCompletionAgent",
    "SendCommand",
    "CloseDevice",
    "SignalAbort",
    "Close",
    "Create by the client",
    "GetConfiguration by the client",
    "OpenDevice by the client",
    "GetCommand by the client",
    "CompleteCommand by the client",
    "SignalAbort by the client",
    "Close by the client",
    CALLBACK,
    RETURN,
    TIME_OUT,
    DEATH_OF_SERVER,
    DEATH_OF_CLIENT,
];

struct Step {
    event: &'static str,
    /// What a call answers; empty for what is no call.
    status: String,
    after: State,
}

const SERVER: LaneId = LaneId(0);
const AGENT: LaneId = LaneId(1);
const CLIENT: LaneId = LaneId(2);

/// Everything that may happen next in a set with one device and one command at a time: enough
/// for every arrow between the four states.
fn steps(state: &State, profile: &Profile) -> Vec<Step> {
    let mut steps = by_themselves(state, profile);
    for (event, lane, call) in calls(state) {
        // Who has died makes no call.
        let dead = match call.caller() {
            Caller::Server => state.server == ServerLife::Dead,
            Caller::Client(_) => state.client == ClientLife::Dead,
        };
        let agent = matches!(state.agent, Agent::Running { lane: of } if of == lane);
        if dead || agent || state.in_progress(lane).is_some() {
            continue;
        }
        let outcomes = vdi_model::outcomes(state, profile, Limits::default(), lane, &call);
        for outcome in outcomes.iter().filter(|outcome| !outcome.exceptional) {
            let mut after = state.clone();
            if outcome.answer == Answer::Blocks {
                vdi_model::apply(&mut after, lane, call.caller(), outcome);
            } else {
                vdi_model::apply_and_return(&mut after, lane, call.caller(), outcome);
            }
            steps.push(Step { event, status: status(outcome), after });
        }
    }
    steps
}

/// What happens without a call.
fn by_themselves(state: &State, profile: &Profile) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut add = |event, change: &dyn Fn(&mut State)| {
        let mut after = state.clone();
        change(&mut after);
        steps.push(Step { event, status: String::new(), after });
    };
    for lane in [SERVER, AGENT, CLIENT] {
        for outcome in vdi_model::returns(state, profile, lane) {
            add(RETURN, &|after| vdi_model::apply_return(after, lane, &outcome));
        }
    }
    for callback in vdi_model::callbacks(state, profile) {
        add(CALLBACK, &|after| vdi_model::apply_callback(after, &callback, false));
    }
    if let Some(lane) = state.free_agent() {
        add(TIME_OUT, &|after| vdi_model::expire(after, profile, lane));
    }
    for (event, process) in
        [(DEATH_OF_SERVER, Caller::Server), (DEATH_OF_CLIENT, Caller::Client(0))]
    {
        add(event, &|after| vdi_model::exit(after, process));
    }
    steps
}

fn calls(state: &State) -> Vec<(&'static str, LaneId, Call)> {
    let server = |name, call| (name, SERVER, Call::Server(call));
    let client = |name, call| (name, CLIENT, Call::Client(call));
    let timeout = Timeout::Poll;
    let mut calls = vec![
        server("Open", ServerCall::Open { found: true, reused: false }),
        server("BeginConfiguration", ServerCall::begin_configuration()),
        server("EndConfiguration", ServerCall::EndConfiguration),
        server("OpenDevice", ServerCall::OpenDevice { device: Some(0) }),
        ("ExecuteCompletionAgent", AGENT, Call::Server(ServerCall::ExecuteCompletionAgent)),
        server("SignalAbort", ServerCall::SignalAbort),
        server("Close", ServerCall::Close),
        client("GetConfiguration by the client", ClientCall::GetConfiguration { timeout }),
        client("SignalAbort by the client", ClientCall::SignalAbort),
        client("Close by the client", ClientCall::Close),
    ];
    // Create on an interface that has closed makes another set, not this one.
    if state.client == ClientLife::Absent {
        let asked = Asked { features: Features::LIKE_PIPE, time_out: true, alignment: 0 };
        let create = ClientCall::Create { devices: 1, asked, flaw: None };
        calls.push(client("Create by the client", create));
    }
    let Some(device) = state.devices.first() else {
        return calls;
    };
    calls.push(client("OpenDevice by the client", client_open_device(state, 0)));
    let command = CommandId(1);
    // A side calls on a device only once it has an interface to it.
    if device.server != ServerDevice::Unopened {
        calls.push(server("CloseDevice", ServerCall::CloseDevice { device: 0 }));
        if state.commands.is_empty() {
            calls.push(server("SendCommand", send_command(0, command, CommandCode::Flush)));
        }
    }
    if device.client != ClientDevice::Unopened {
        let get = ClientCall::GetCommand { device: 0, timeout };
        calls.push(client("GetCommand by the client", get));
        let held = state.commands.iter().any(|command| command.stage == Stage::Delivered);
        if held || state.aborted.is_some() {
            let complete = complete_command(0, held.then_some(command), Win32::ERROR_SUCCESS);
            calls.push(client("CompleteCommand by the client", complete));
        }
    }
    calls
}
