//! The transition tables of the documents, rendered from the model: each call
//! is made in a state that stands for the column.

use std::fmt::Write;

use crate::clauses::Profile;
use crate::codes::{CommandCode, Win32};
use crate::model::{
    self, Answer, BufferId, Call, ClientCall, ClientPhase, CommandId, DeviceName, LaneId, Limits,
    Request, Requested, ServerCall, ServerPhase, State, Timeout,
};

/// One cell: what the call may answer, and where it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The statuses that are no exception, in the order of the model.
    pub statuses: Vec<String>,
    /// The phase it leads to, if another one.
    pub to: Option<String>,
}

/// A transition table: functions by phases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The names of the phases.
    pub phases: Vec<String>,
    /// A function with its cells.
    pub rows: Vec<(String, Vec<Cell>)>,
}

impl Cell {
    fn text(&self) -> String {
        let mut text = self.statuses.join("|");
        if let Some(to) = &self.to {
            text.push_str("->");
            text.push_str(to);
        }
        text
    }
}

impl Table {
    /// The table as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = format!("| function | {} |\n", self.phases.join(" | "));
        let _ = writeln!(out, "| --- |{}", " --- |".repeat(self.phases.len()));
        for (function, cells) in &self.rows {
            let cells: Vec<String> =
                cells.iter().map(|cell| cell.text().replace('|', " or ")).collect();
            let _ = writeln!(out, "| {function} | {} |", cells.join(" | "));
        }
        out
    }
}

const MAIN: LaneId = LaneId(0);
const AGENT: LaneId = LaneId(1);
const CLIENT: LaneId = LaneId(2);
const BUFFER: BufferId = BufferId(1);
const NEW_BUFFER: BufferId = BufferId(2);
const COMMAND: CommandId = CommandId(1);
const NEW_COMMAND: CommandId = CommandId(2);

/// A set with one device, led from call to call into a phase.
struct Journey<'p> {
    state: State,
    profile: &'p Profile,
}

impl<'p> Journey<'p> {
    fn new(profile: &'p Profile) -> Self {
        Self { state: State::default(), profile }
    }

    fn make(&mut self, lane: LaneId, call: &Call) {
        let limits = Limits::default();
        let outcomes = model::outcomes(&self.state, self.profile, limits, lane, call);
        model::apply(&mut self.state, lane, call.caller(), &outcomes[0]);
        if let Some(done) = model::returns(&self.state, self.profile, lane).first().copied() {
            model::apply_return(&mut self.state, lane, &done);
        }
    }

    fn server(mut self, call: ServerCall) -> Self {
        let lane = if call == ServerCall::ExecuteCompletionAgent { AGENT } else { MAIN };
        self.make(lane, &Call::Server(call));
        self
    }

    fn client(mut self, call: ClientCall) -> Self {
        self.make(CLIENT, &Call::Client(call));
        self
    }

    fn created(self) -> Self {
        self.client(ClientCall::create(1))
    }

    fn connected(self) -> Self {
        self.created().server(ServerCall::Open { found: true, reused: false })
    }

    fn configurable(self) -> Self {
        self.connected().server(ServerCall::begin_configuration())
    }

    fn initializing(self) -> Self {
        self.configurable()
            .server(ServerCall::EndConfiguration)
            .client(ClientCall::GetConfiguration { timeout: Timeout::Infinite })
            .server(ServerCall::AllocateBuffer {
                buffer: BUFFER,
                sound: true,
                kind: Requested::default(),
            })
    }

    fn active(self) -> Self {
        self.initializing()
            .server(ServerCall::ExecuteCompletionAgent)
            .server(ServerCall::OpenDevice { device: Some(0) })
            .client(ClientCall::OpenDevice { name: DeviceName::Known(0) })
    }

    fn delivered(self) -> Self {
        let request = Request::bare(0, COMMAND, CommandCode::Flush);
        self.active()
            .server(ServerCall::SendCommand(request))
            .client(ClientCall::GetCommand { device: 0, timeout: Timeout::Poll })
    }

    fn terminated(self) -> Self {
        let mut closed = self.active().server(ServerCall::CloseDevice { device: 0 });
        if let Some(done) = model::returns(&closed.state, closed.profile, AGENT).first().copied() {
            model::apply_return(&mut closed.state, AGENT, &done);
        }
        closed.client(ClientCall::GetCommand { device: 0, timeout: Timeout::Poll })
    }

    fn aborted(self) -> Self {
        let mut aborted = self.active().server(ServerCall::SignalAbort);
        if let Some(done) = model::returns(&aborted.state, aborted.profile, AGENT).first().copied()
        {
            model::apply_return(&mut aborted.state, AGENT, &done);
        }
        aborted
    }
}

/// The server's table under a profile: 14 functions by 7 phases.
#[must_use]
pub fn server_table(profile: &Profile) -> Table {
    let journey = || Journey::new(profile);
    let columns = vec![
        (ServerPhase::DoesNotExist, journey().created().state),
        (ServerPhase::Connected, journey().connected().state),
        (ServerPhase::Configurable, journey().configurable().state),
        (ServerPhase::Initializing, journey().initializing().state),
        (ServerPhase::Active, journey().active().state),
        (ServerPhase::NormallyTerminated, journey().terminated().state),
        (ServerPhase::AbnormallyTerminated, journey().aborted().state),
    ];
    for (phase, state) in &columns {
        debug_assert_eq!(state.server_phase(), *phase);
    }
    let request = Request::bare(0, NEW_COMMAND, CommandCode::Flush);
    let calls = [
        ("Open", ServerCall::Open { found: true, reused: false }),
        ("GetConfiguration", ServerCall::GetConfiguration),
        ("BeginConfiguration", ServerCall::begin_configuration()),
        ("RequestBuffers", ServerCall::RequestBuffers(Requested::default())),
        ("QueryAvailableBuffers", ServerCall::QueryAvailableBuffers(Requested::default())),
        ("EndConfiguration", ServerCall::EndConfiguration),
        ("OpenDevice", ServerCall::OpenDevice { device: Some(0) }),
        ("ExecuteCompletionAgent", ServerCall::ExecuteCompletionAgent),
        (
            "AllocateBuffer",
            ServerCall::AllocateBuffer {
                buffer: NEW_BUFFER,
                sound: true,
                kind: Requested::default(),
            },
        ),
        ("FreeBuffer", ServerCall::FreeBuffer { buffer: Some(BUFFER) }),
        ("SendCommand", ServerCall::SendCommand(request)),
        ("CloseDevice", ServerCall::CloseDevice { device: 0 }),
        ("SignalAbort", ServerCall::SignalAbort),
        ("Close", ServerCall::Close),
    ];
    let rows = calls.map(|(name, call)| (name, Call::Server(call)));
    table(profile, &columns, &rows, |state| state.server_phase().to_string())
}

/// The client's table under a profile: 7 functions by 6 phases.
#[must_use]
pub fn client_table(profile: &Profile) -> Table {
    let journey = || Journey::new(profile);
    let columns = vec![
        (ClientPhase::DoesNotExist, State::default()),
        (
            ClientPhase::Configurable,
            journey().configurable().server(ServerCall::EndConfiguration).state,
        ),
        (ClientPhase::Initializing, journey().initializing().state),
        (ClientPhase::Active, journey().delivered().state),
        (ClientPhase::NormallyTerminated, journey().terminated().state),
        (ClientPhase::Abort, journey().aborted().state),
    ];
    for (phase, state) in &columns {
        debug_assert_eq!(state.client_phase(), *phase);
    }
    let complete = ClientCall::CompleteCommand {
        device: 0,
        command: Some(COMMAND),
        code: Win32::ERROR_SUCCESS,
        bytes: 0,
        position: 0,
    };
    let calls = [
        ("Create", ClientCall::create(1)),
        ("GetConfiguration", ClientCall::GetConfiguration { timeout: Timeout::Infinite }),
        ("OpenDevice", ClientCall::OpenDevice { name: DeviceName::Known(0) }),
        ("GetCommand", ClientCall::GetCommand { device: 0, timeout: Timeout::Infinite }),
        ("CompleteCommand", complete),
        ("SignalAbort", ClientCall::SignalAbort),
        ("Close", ClientCall::Close),
    ];
    let rows = calls.map(|(name, call)| (name, Call::Client(call)));
    table(profile, &columns, &rows, |state| state.client_phase().to_string())
}

fn table<P: ToString>(
    profile: &Profile,
    columns: &[(P, State)],
    calls: &[(&str, Call)],
    phase: impl Fn(&State) -> String,
) -> Table {
    let cell = |state: &State, call: &Call| cell(profile, state, call, &phase);
    Table {
        phases: columns.iter().map(|(phase, _)| phase.to_string()).collect(),
        rows: calls
            .iter()
            .map(|(name, call)| {
                let cells = columns.iter().map(|(_, state)| cell(state, call)).collect();
                ((*name).to_owned(), cells)
            })
            .collect(),
    }
}

fn cell(profile: &Profile, state: &State, call: &Call, phase: &impl Fn(&State) -> String) -> Cell {
    // Without a device there is nothing to call a device's function on.
    let needs_device = matches!(
        call,
        Call::Server(ServerCall::SendCommand(_) | ServerCall::CloseDevice { .. })
            | Call::Client(ClientCall::GetCommand { .. } | ClientCall::CompleteCommand { .. })
    );
    if needs_device && state.devices.is_empty() && state.client != model::ClientLife::Absent {
        return Cell { statuses: vec!["(no device)".to_owned()], to: None };
    }
    let lane = LaneId(9);
    let mut statuses = Vec::new();
    let mut to = None;
    for outcome in model::outcomes(state, profile, Limits::default(), lane, call) {
        if outcome.exceptional {
            continue;
        }
        let status = match outcome.answer {
            Answer::Returns(expected) => expected.to_string(),
            Answer::Delivers(_) | Answer::Tells(_) | Answer::Counts(_) | Answer::Maps(_) => {
                "NOERROR".to_owned()
            }
            Answer::Blocks => "blocks".to_owned(),
        };
        if !statuses.contains(&status) {
            statuses.push(status);
        }
        let mut after = state.clone();
        model::apply(&mut after, lane, call.caller(), &outcome);
        let reached = phase(&after);
        if reached != phase(state) {
            to = Some(reached);
        }
    }
    Cell { statuses, to }
}
