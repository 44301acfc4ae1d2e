//! The two transition tables, computed: each call is made in several situations
//! of a phase, and the cell says what it answered.
//!
//! A call finds what it asks for where the phase has that at all: OpenDevice a
//! device that is not open yet, CompleteCommand a command that is held. Where no
//! situation of the phase has it, the call is made all the same. What is asked
//! for in vain where it could be had, such as CloseDevice of a closed device
//! while others are open, is in no cell, as it is in none of the documents.

use super::table::Table;
use super::walk::{Walk, cell, client_open_device, complete_command, send_command};
use vdi_model::{
    BufferId, Call, ClientCall, ClientDevice, ClientLife, ClientPhase as C, CommandId,
    Configuration, Requested, ServerCall, ServerDevice, ServerLife, ServerPhase as S, Stage, State,
    Timeout,
};
use vdi_spec::clauses::Profile;
use vdi_spec::codes::{CommandCode, Win32};

/// A call as it is made in a state, and how much of what it asks for is there.
type Ask = fn(&State) -> (u8, Call);

/// The server's table under a profile: 14 functions by 7 phases.
#[must_use]
pub fn server_table(profile: &Profile) -> Table {
    table(server_situations(profile), SERVER, &|state| state.server_phase().to_string())
}

/// The server's functions that the documented table leaves out, by its phases.
pub(super) fn beside_server_table(profile: &Profile) -> Table {
    table(server_situations(profile), BESIDE_SERVER, &|state| state.server_phase().to_string())
}

/// The client's functions that the documented table leaves out, by its phases.
pub(super) fn beside_client_table(profile: &Profile) -> Table {
    let mut situations = client_situations(profile);
    let holding = Walk::new(profile).active(1).holds_buffer(1);
    let active = situations.iter_mut().filter(|(phase, _)| *phase == C::Active);
    active.for_each(|(_, walks)| walks.push(holding.clone()));
    table(situations, BESIDE_CLIENT, &|state| state.client_phase().to_string())
}

/// The client's table under a profile: 7 functions by 6 phases.
#[must_use]
pub fn client_table(profile: &Profile) -> Table {
    table(client_situations(profile), CLIENT, &|state| state.client_phase().to_string())
}

fn table<P: ToString>(
    columns: Vec<(P, Vec<Walk<'_>>)>,
    functions: &[(&str, &[Ask])],
    phase: &dyn Fn(&State) -> String,
) -> Table {
    let columns: Vec<(String, Vec<Walk<'_>>)> = columns
        .into_iter()
        .map(|(name, mut walks)| {
            let name = name.to_string();
            // A profile that leaves no way to a situation, or counts it to
            // another phase, has it not in this column.
            walks.retain(|walk| walk.arrived && phase(&walk.state) == name);
            (name, walks)
        })
        .collect();
    let asked = |walks: &[Walk<'_>], asks: &[Ask]| {
        let all =
            walks.iter().flat_map(|walk| asks.iter().map(move |ask| (walk, ask(&walk.state))));
        cell(&all.collect::<Vec<_>>(), phase)
    };
    let row = |asks: &[Ask]| columns.iter().map(|(_, walks)| asked(walks, asks)).collect();
    Table {
        function: "function",
        phases: columns.iter().map(|(name, _)| name.clone()).collect(),
        rows: functions.iter().map(|(name, asks)| ((*name).to_owned(), row(asks))).collect(),
    }
}

fn server_situations(profile: &Profile) -> Vec<(S, Vec<Walk<'_>>)> {
    let walk = || Walk::new(profile);
    let flush = CommandCode::Flush;
    let held_at_error = walk().active(1).delivered(1, flush).completed(1, Win32::ERROR_WRITE_FAULT);
    vec![
        (S::DoesNotExist, vec![walk().created(1), walk().terminated(1).server(ServerCall::Close)]),
        (S::Connected, vec![walk().connected(1), walk().connected(2)]),
        (S::Configurable, vec![walk().configurable(1), walk().configurable(2)]),
        (
            S::Initializing,
            vec![
                walk().configured(1),
                walk().initializing(1),
                walk().initializing(1).agent(),
                walk().initializing(1).server_opens(0),
                walk().initializing(1).server_opens(0).client_opens(0),
                walk().initializing(1).agent().client_opens(0),
                walk().initializing(2).agent().server_opens(0).client_opens(0),
            ],
        ),
        // Everything is open and the agent runs, also where Active is said to be
        // entered before: the table's Active has no device left to open.
        (
            S::Active,
            vec![
                walk().active(1),
                walk().active(2),
                walk().active(2).closes_device(0),
                walk().active(1).sent(1, flush),
                walk().active(1).delivered(1, flush),
                held_at_error,
            ],
        ),
        (
            S::NormallyTerminated,
            vec![
                walk().active(1).closes_device(0),
                walk().terminated(1),
                walk().terminated(2),
                walk().active(1).delivered(1, flush).closes_device(0),
            ],
        ),
        (
            S::AbnormallyTerminated,
            vec![
                walk().connected(1).server(ServerCall::SignalAbort),
                walk().configurable(1).server(ServerCall::SignalAbort),
                walk().initializing(1).server(ServerCall::SignalAbort),
                walk().active(1).server(ServerCall::SignalAbort),
                walk().active(1).sent(1, flush).client(ClientCall::SignalAbort),
                walk().initializing(1).client(ClientCall::Close),
                walk().terminated(1).server(ServerCall::SignalAbort),
            ],
        ),
    ]
}

fn client_situations(profile: &Profile) -> Vec<(C, Vec<Walk<'_>>)> {
    let walk = || Walk::new(profile);
    let flush = CommandCode::Flush;
    let opened_without_agent = walk().initializing(1).server_opens(0).client_opens(0);
    vec![
        (C::DoesNotExist, vec![walk(), walk().terminated(1).client(ClientCall::Close)]),
        (
            C::Configurable,
            vec![
                walk().created(1),
                walk().connected(1),
                walk().configured(1),
                walk().configured(2).server_opens(0),
            ],
        ),
        (
            C::Initializing,
            vec![
                walk().initializing(1),
                walk().initializing(1).agent().server_opens(0),
                walk().initializing(2).server_opens(0).client_opens(0),
                walk().initializing(2).agent().server_opens(0).server_opens(1).client_opens(0),
            ],
        ),
        (
            C::Active,
            vec![
                opened_without_agent,
                walk().active(1),
                walk().active(2),
                walk().active(1).sent(1, flush),
                walk().active(1).delivered(1, flush),
                walk().active(1).closes_device(0),
                walk().active(2).closes_device(0),
                walk().active(2).closes_device(0).gets_command(0),
                walk().active(2).closes_device(0).gets_command(0).closes_device(1),
            ],
        ),
        (
            C::NormallyTerminated,
            vec![
                walk().terminated(1),
                walk().terminated(2),
                walk().active(1).delivered(1, flush).closes_device(0).gets_command(0),
                walk().terminated(1).server(ServerCall::Close),
            ],
        ),
        (
            C::Abort,
            vec![
                walk().created(1).client(ClientCall::SignalAbort),
                walk().configured(1).server(ServerCall::SignalAbort),
                walk().configurable(1).server(ServerCall::Close),
                walk().initializing(1).client(ClientCall::SignalAbort),
                walk().active(1).delivered(1, flush).server(ServerCall::SignalAbort),
                walk().terminated(1).client(ClientCall::SignalAbort),
            ],
        ),
    ]
}

/// A buffer that is asked for.
const ONE: Requested = Requested { size: 512, alignment: 0, count: 1 };

const SERVER: &[(&str, &[Ask])] = &[
    (
        "Open",
        &[
            |state| (made_by_new_handle(state), open(false)),
            // A handle that was closed, put to a set it was not open on.
            |state| (u8::from(state.server == ServerLife::Absent), open(true)),
        ],
    ),
    ("GetConfiguration", &[|_| (0, Call::Server(ServerCall::GetConfiguration))]),
    ("BeginConfiguration", &[|_| (0, Call::Server(ServerCall::begin_configuration()))]),
    ("RequestBuffers", &[|_| (0, Call::Server(ServerCall::RequestBuffers(ONE)))]),
    (
        "QueryAvailableBuffers",
        &[|_| (0, Call::Server(ServerCall::QueryAvailableBuffers(Requested::default())))],
    ),
    ("EndConfiguration", &[|_| (0, Call::Server(ServerCall::EndConfiguration))]),
    ("OpenDevice", &[server_open_device]),
    (
        "ExecuteCompletionAgent",
        &[|state| {
            let call = Call::Server(ServerCall::ExecuteCompletionAgent);
            (u8::from(!state.agent.is_running()), call)
        }],
    ),
    (
        "AllocateBuffer",
        &[|_| {
            let call = ServerCall::AllocateBuffer {
                buffer: BufferId(2),
                sound: true,
                kind: Requested::default(),
            };
            (0, Call::Server(call))
        }],
    ),
    (
        "FreeBuffer",
        &[|state| {
            let buffer = state.buffers.first().copied();
            (
                u8::from(buffer.is_some()),
                Call::Server(ServerCall::FreeBuffer {
                    buffer: buffer.map(|buffer| buffer.id),
                    sized: true,
                }),
            )
        }],
    ),
    (
        "SendCommand",
        &[|state| {
            let (there, device) = server_device(state);
            let errored = state.devices.get(usize::from(device)).is_some_and(|d| d.errored);
            let call = send_command(device, CommandId(9), CommandCode::Flush);
            (there.saturating_sub(u8::from(errored)), Call::Server(call))
        }],
    ),
    (
        "CloseDevice",
        &[|state| {
            let (there, device) = server_device(state);
            (there, Call::Server(ServerCall::CloseDevice { device }))
        }],
    ),
    ("SignalAbort", &[|_| (0, Call::Server(ServerCall::SignalAbort))]),
    ("Close", &[|_| (0, Call::Server(ServerCall::Close))]),
];

const CLIENT: &[(&str, &[Ask])] = &[
    (
        "Create",
        &[|state| {
            let call = ClientCall::create(1);
            (made_by_new_set(state), Call::Client(call))
        }],
    ),
    (
        "GetConfiguration",
        &[|_| {
            let timeout = Timeout::Infinite;
            (0, Call::Client(ClientCall::GetConfiguration { timeout }))
        }],
    ),
    (
        "OpenDevice",
        &[|state| {
            let unopened =
                state.devices.iter().position(|device| device.client == ClientDevice::Unopened);
            let call = client_open_device(state, unopened.unwrap_or_default() as u8);
            (u8::from(unopened.is_some()), Call::Client(call))
        }],
    ),
    (
        "GetCommand",
        &[|state| {
            let (there, device) = client_device(state);
            let timeout = Timeout::Infinite;
            (there, Call::Client(ClientCall::GetCommand { device, timeout }))
        }],
    ),
    ("CompleteCommand", &[client_complete_command]),
    ("SignalAbort", &[|_| (0, Call::Client(ClientCall::SignalAbort))]),
    ("Close", &[|_| (0, Call::Client(ClientCall::Close))]),
];

const BESIDE_SERVER: &[(&str, &[Ask])] = &[(
    "IsSharedBuffer",
    &[|state| {
        let buffer = state.buffers.first().map(|buffer| buffer.id);
        (u8::from(buffer.is_some()), Call::Server(ServerCall::IsSharedBuffer { buffer }))
    }],
)];

const BESIDE_CLIENT: &[(&str, &[Ask])] = &[
    (
        "OpenInSecondary",
        // Another process, in the phases of the primary client.
        &[|_| (0, Call::Secondary(1, ClientCall::OpenInSecondary { found: true }))],
    ),
    (
        "GetBufferHandle",
        &[|state| {
            let (there, buffer) = held_buffer(state);
            (there, Call::Client(ClientCall::GetBufferHandle { buffer }))
        }],
    ),
    (
        "MapBufferHandle",
        &[|state| {
            let (there, buffer) = held_buffer(state);
            (there, Call::Client(ClientCall::MapBufferHandle { buffer }))
        }],
    ),
];

/// The buffer of a command that the client holds, if it holds one.
fn held_buffer(state: &State) -> (u8, Option<BufferId>) {
    let held = state.commands.iter().find(|command| command.stage == Stage::Delivered);
    let buffer = held.and_then(|command| command.buffer);
    (u8::from(buffer.is_some()), buffer)
}

/// Open is a new handle's, not that of one which was closed.
fn made_by_new_handle(state: &State) -> u8 {
    u8::from(state.server != ServerLife::Closed)
}

/// Create on an interface that has closed makes another set, not this one.
fn made_by_new_set(state: &State) -> u8 {
    u8::from(state.client != ClientLife::Closed)
}

const fn open(reused: bool) -> Call {
    Call::Server(ServerCall::Open { found: true, reused })
}

fn server_open_device(state: &State) -> (u8, Call) {
    let next = state.devices.iter().position(|device| device.server == ServerDevice::Unopened);
    let there = next.is_some() && state.configuration == Configuration::Ended;
    let device = next.map(|device| device as u8);
    (u8::from(there), Call::Server(ServerCall::OpenDevice { device }))
}

/// The server's device to call: one that is open, if any is.
fn server_device(state: &State) -> (u8, u8) {
    let open = state.devices.iter().position(|device| device.server == ServerDevice::Open);
    match open {
        _ if state.server == ServerLife::Closed => (0, 0),
        Some(device) => (3, device as u8),
        None => (1, 0),
    }
}

/// The client's device to call: one that is open, else one that was.
fn client_device(state: &State) -> (u8, u8) {
    let of = |side| state.devices.iter().position(|device| device.client == side);
    match (of(ClientDevice::Open), of(ClientDevice::CloseSeen)) {
        _ if state.client == ClientLife::Closed => (0, 0),
        (Some(device), _) => (3, device as u8),
        (None, Some(device)) => (2, device as u8),
        (None, None) => (1, 0),
    }
}

fn client_complete_command(state: &State) -> (u8, Call) {
    let (there, device) = client_device(state);
    let held = state.commands.iter().find(|command| command.stage == Stage::Delivered);
    let (there, device) = held.map_or((there, device), |command| (there + 3, command.device));
    let call = complete_command(device, held.map(|command| command.id), Win32::ERROR_SUCCESS);
    (there, Call::Client(call))
}
