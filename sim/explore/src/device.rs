//! The machine of one device (Command Error Handling), computed in the same way
//! as the transition tables: events by the states of the device.

use super::table::Table;
use super::walk::{Walk, cell, complete_command, send_command};
use vdi_model::{Call, ClientCall, CommandId, DeviceState, ServerCall, ServerDevice, Stage, State};
use vdi_spec::clauses::Profile;
use vdi_spec::codes::{CommandCode, Win32};

/// The call that makes an event happen to the first device; `None` where it cannot.
type Event = fn(&State) -> Option<Call>;

/// What happens to a device under a profile: events by device states. A cell
/// says what the call answers and the state that follows once every callback has
/// run; it is empty where the event cannot happen.
#[must_use]
pub fn device_table(profile: &Profile) -> Table {
    let phase = |state: &State| state.device_state(0).to_string();
    let columns: Vec<(String, Vec<Walk<'_>>)> = situations(profile)
        .into_iter()
        .map(|(state, mut walks)| {
            walks.retain(|walk| walk.arrived && walk.state.device_state(0) == state);
            (state.to_string(), walks)
        })
        .collect();
    let asked = |walks: &[Walk<'_>], event: Event| {
        let calls: Vec<_> = walks
            .iter()
            .filter_map(|walk| event(&walk.state).map(|call| (walk, (0, call))))
            .collect();
        cell(&calls, &phase)
    };
    let row = |event: Event| columns.iter().map(|(_, walks)| asked(walks, event)).collect();
    Table {
        function: "event",
        phases: columns.iter().map(|(name, _)| name.clone()).collect(),
        rows: EVENTS.iter().map(|(name, event)| ((*name).to_owned(), row(*event))).collect(),
    }
}

fn situations(profile: &Profile) -> Vec<(DeviceState, Vec<Walk<'_>>)> {
    let (flush, clear) = (CommandCode::Flush, CommandCode::ClearError);
    let walk = || Walk::new(profile);
    let active = || walk().active(1);
    let errored = || active().delivered(1, flush).completed(1, Win32::ERROR_WRITE_FAULT);
    let held_at_error = || {
        let both = active().delivered(1, flush).delivered(2, flush);
        both.completed(1, Win32::ERROR_WRITE_FAULT)
    };
    vec![
        (DeviceState::Unopened, vec![walk().initializing(1), walk().initializing(1).agent()]),
        (
            DeviceState::Active,
            vec![
                active(),
                walk().active(2),
                active().sent(1, flush),
                active().delivered(1, flush),
                active().delivered(1, clear),
            ],
        ),
        (
            DeviceState::Errored,
            vec![
                errored(),
                held_at_error(),
                errored().sent(2, clear),
                errored().delivered(2, clear),
            ],
        ),
        (
            DeviceState::Closed,
            vec![
                active().closes_device(0),
                walk().terminated(1),
                walk().active(2).closes_device(0),
                active().delivered(1, flush).closes_device(0),
                errored().closes_device(0),
                errored().delivered(2, clear).closes_device(0),
            ],
        ),
        (
            DeviceState::Aborted,
            vec![
                active().server(ServerCall::SignalAbort),
                active().delivered(1, flush).client(ClientCall::SignalAbort),
                errored().server(ServerCall::SignalAbort),
            ],
        ),
    ]
}

const EVENTS: &[(&str, Event)] = &[
    ("OpenDevice", |state| {
        let unopened = state.devices[0].server == ServerDevice::Unopened;
        unopened.then_some(Call::Server(ServerCall::OpenDevice { device: Some(0) }))
    }),
    ("SendCommand", |state| sends(state, CommandCode::Flush)),
    ("SendCommand of ClearError", |state| sends(state, CommandCode::ClearError)),
    ("a command completes with success", |state| {
        completes(state, |code| code != CommandCode::ClearError, Win32::ERROR_SUCCESS)
    }),
    ("a command completes with an error", |state| {
        completes(state, |code| code != CommandCode::ClearError, Win32::ERROR_WRITE_FAULT)
    }),
    ("ClearError completes", |state| {
        completes(state, |code| code == CommandCode::ClearError, Win32::ERROR_SUCCESS)
    }),
    ("CloseDevice", |state| {
        opened(state).then_some(Call::Server(ServerCall::CloseDevice { device: 0 }))
    }),
    ("SignalAbort", |_| Some(Call::Server(ServerCall::SignalAbort))),
    ("Close", |_| Some(Call::Server(ServerCall::Close))),
    ("SignalAbort by the client", |_| Some(Call::Client(ClientCall::SignalAbort))),
    ("Close by the client", |_| Some(Call::Client(ClientCall::Close))),
];

/// Whether the server has an interface to the device.
fn opened(state: &State) -> bool {
    state.devices[0].server != ServerDevice::Unopened
}

fn sends(state: &State, code: CommandCode) -> Option<Call> {
    opened(state).then(|| Call::Server(send_command(0, CommandId(9), code)))
}

/// The client completes a command that it holds, or held when the set was aborted.
fn completes(state: &State, of: fn(CommandCode) -> bool, code: Win32) -> Option<Call> {
    let held =
        state.outstanding(0).find(|command| command.stage == Stage::Delivered && of(command.code));
    let command = held.map(|command| command.id);
    let may = command.is_some() || state.device_state(0) == DeviceState::Aborted;
    may.then(|| Call::Client(complete_command(0, command, code)))
}
