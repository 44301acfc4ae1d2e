//! The client's functions, and what a client's blocked call may return.

use smallvec::smallvec;

use super::outcome::{Answer, Effect, Outcome, Outcomes};
use super::state::{
    Cause, ClientDevice, ClientLife, ClientPhase, Configuration, Pending, ServerDevice, ServerLife,
    Stage, State,
};
use super::{ClientCall, CommandId, DeviceName, Timeout};
use crate::clauses::Clause as C;
use crate::clauses::{
    ClientCloseDevicesOpen, ClientOpenDeviceSurplus, ClientOpensFirst, CloseEventAfterServerClose,
    CompleteAfterCloseSeen, GetCommandAfterCloseSeen, GetCommandBeforeActive,
    GetConfigurationAfterAbort, Profile, SignalAbortNotOpen, StaleCommandBeforeActive,
};
use crate::codes::{CommandCode, HResult, Win32};

use ClientPhase as P;

/// What may happen when the client makes `call`.
pub(super) fn outcomes(state: &State, profile: &Profile, call: &ClientCall) -> Outcomes {
    if let ClientCall::Create { devices, sound } = call {
        return create(state, *devices, *sound);
    }
    if state.client_phase() == P::DoesNotExist {
        return not_open(state, profile, call);
    }
    match call {
        ClientCall::Create { .. } => unreachable!("answered above"),
        ClientCall::GetConfiguration { timeout } => get_configuration(state, profile, *timeout),
        ClientCall::OpenDevice { name } => open_device(state, profile, *name),
        ClientCall::GetCommand { device, timeout } => {
            get_command(state, profile, *device, *timeout)
        }
        ClientCall::CompleteCommand { device, command, code, bytes, position } => {
            complete_command(state, profile, *device, *command, (*code, *bytes, *position))
        }
        ClientCall::SignalAbort => smallvec![
            Outcome::returns(HResult::NOERROR, C::ClientSignalAbortStatus)
                .effecting(Effect::Abort(Cause::ClientSignal))
        ],
        ClientCall::Close => close(state, profile),
    }
}

fn protocol(clause: C) -> Outcomes {
    smallvec![Outcome::returns(HResult::VD_E_PROTOCOL, clause)]
}

fn create(state: &State, devices: u8, sound: bool) -> Outcomes {
    if state.client == ClientLife::Created {
        return protocol(C::ClientCreateOnce);
    }
    smallvec![if sound {
        Outcome::returns(HResult::NOERROR, C::ClientCreateStatus).effecting(Effect::Create(devices))
    } else {
        Outcome::returns(HResult::VD_E_NOTSUPPORTED, C::ClientCreateNotSupported)
            .misuse(C::ClientCreateConfig)
    }]
}

/// A call on an interface without a set: never created, or closed.
fn not_open(state: &State, profile: &Profile, call: &ClientCall) -> Outcomes {
    let closed = state.client == ClientLife::Closed;
    match call {
        // A device interface goes with its set: what is called is gone.
        ClientCall::GetCommand { .. } | ClientCall::CompleteCommand { .. } if closed => {
            let gone = Answer::Returns(super::Expected::Any);
            smallvec![Outcome::new(gone, C::ClientCloseReleases).misuse(C::ClientCloseUseAfter)]
        }
        ClientCall::SignalAbort => {
            let status = match profile.signal_abort_not_open {
                SignalAbortNotOpen::ProtocolError => HResult::VD_E_PROTOCOL,
                SignalAbortNotOpen::Noerror => HResult::NOERROR,
            };
            smallvec![Outcome::returns(status, C::ClientSignalAbortNotOpen)]
        }
        ClientCall::Close => protocol(C::ClientCloseNotOpen),
        _ => protocol(C::ClientNotOpen),
    }
}

fn get_configuration(state: &State, profile: &Profile, timeout: Timeout) -> Outcomes {
    let now = configuration_returns(state, profile, timeout);
    if now.iter().any(|outcome| outcome.forced) {
        return now;
    }
    match timeout {
        Timeout::Poll => {
            smallvec![Outcome::returns(HResult::VD_E_TIMEOUT, C::ClientGetConfigurationTimeout)]
        }
        Timeout::Finite | Timeout::Infinite => smallvec![Outcome::blocks(
            Pending::GetConfiguration(timeout),
            C::ClientGetConfigurationStatus
        )],
    }
}

/// What a GetConfiguration in progress may return now.
pub(super) fn configuration_returns(
    state: &State,
    profile: &Profile,
    timeout: Timeout,
) -> Outcomes {
    let seen = Outcome::returns(HResult::NOERROR, C::ClientGetConfigurationStatus)
        .effecting(Effect::SeeConfiguration);
    if let Some(cause) = state.aborted {
        let clause = C::ClientGetConfigurationAborted;
        let mut outcomes: Outcomes =
            smallvec![Outcome::returns(HResult::VD_E_ABORT, clause).also(C::AbortUnblocks)];
        let inside = !matches!(cause, Cause::ClientSignal | Cause::ServerSignal);
        if inside
            && profile.get_configuration_after_abort
                == GetConfigurationAfterAbort::NoerrorThenOpenDeviceFails
        {
            outcomes.push(Outcome { clause, ..seen });
        }
        return outcomes;
    }
    if state.configuration == Configuration::Ended {
        return smallvec![seen];
    }
    expiry(timeout, C::ClientGetConfigurationTimeout)
}

/// A call that waits may expire if its time-out is finite; it need not.
fn expiry(timeout: Timeout, clause: C) -> Outcomes {
    match timeout {
        Timeout::Finite => {
            smallvec![Outcome::returns(HResult::VD_E_TIMEOUT, clause).unforced()]
        }
        Timeout::Poll | Timeout::Infinite => Outcomes::new(),
    }
}

fn open_device(state: &State, profile: &Profile, name: DeviceName) -> Outcomes {
    match state.client_phase() {
        P::Abort => {
            return smallvec![Outcome::returns(HResult::VD_E_ABORT, C::ClientOpenDeviceAborted)];
        }
        P::Active => {
            let status = match profile.client_open_device_surplus {
                ClientOpenDeviceSurplus::OpenError => HResult::VD_E_OPEN,
                ClientOpenDeviceSurplus::ProtocolError => HResult::VD_E_PROTOCOL,
            };
            return smallvec![Outcome::returns(status, C::ClientOpenDeviceSurplus)];
        }
        P::Initializing => {}
        _ => return protocol(C::ClientOpenDevicePhase),
    }
    let open = |device| {
        Outcome::returns(HResult::NOERROR, C::ClientOpenDeviceStatus)
            .effecting(Effect::OpenClientDevice(device, profile.active_entry))
    };
    smallvec![match name {
        DeviceName::Known(device) => match state.devices[usize::from(device)].client {
            ClientDevice::Unopened => open(device),
            _ => Outcome::returns(HResult::VD_E_PROTOCOL, C::ClientOpenDeviceTwice),
        },
        DeviceName::New(device) if profile.client_opens_first == ClientOpensFirst::Accepted => {
            open(device)
        }
        DeviceName::New(_) | DeviceName::Unknown => {
            Outcome::returns(HResult::VD_E_INVALID, C::ClientOpenDeviceUnknown)
        }
    }]
}

fn get_command(state: &State, profile: &Profile, device: u8, timeout: Timeout) -> Outcomes {
    let phase = state.client_phase();
    if phase == P::Configurable {
        return protocol(C::ClientGetCommandPhase);
    }
    let initializing = phase == P::Initializing;
    if initializing && profile.get_command_before_active == GetCommandBeforeActive::ProtocolError {
        return protocol(C::ClientGetCommandWaits);
    }
    let now = command_returns(state, profile, device, timeout);
    if now.iter().any(|outcome| outcome.forced) {
        return now;
    }
    // In the error state ClearError may be there, and yet not be delivered.
    let held_back = state.devices[usize::from(device)].errored
        && state.outstanding(device).any(|command| command.stage == Stage::Queued);
    let clause = |usual| if held_back { C::DeviceErrorClearErrorWaits } else { usual };
    smallvec![match timeout {
        Timeout::Poll => {
            Outcome::returns(HResult::VD_E_TIMEOUT, clause(C::ClientGetCommandTimeout))
        }
        Timeout::Finite | Timeout::Infinite => {
            let pending = Pending::GetCommand(device, timeout);
            Outcome::blocks(pending, clause(C::ClientGetCommandWaits))
        }
    }]
}

/// What a GetCommand in progress may return now.
pub(super) fn command_returns(
    state: &State,
    profile: &Profile,
    device: u8,
    timeout: Timeout,
) -> Outcomes {
    if state.aborted.is_some() {
        return smallvec![
            Outcome::returns(HResult::VD_E_ABORT, C::AbortNoDelivery).also(C::AbortUnblocks)
        ];
    }
    let sides = &state.devices[usize::from(device)];
    if sides.client == ClientDevice::CloseSeen {
        let status = match profile.get_command_after_close_seen {
            GetCommandAfterCloseSeen::CloseError => HResult::VD_E_CLOSE,
            GetCommandAfterCloseSeen::ProtocolError => HResult::VD_E_PROTOCOL,
        };
        return smallvec![Outcome::returns(status, C::ClientGetCommandCloseAgain)];
    }
    if let Some(command) = deliverable(state, device) {
        let clause =
            if sides.errored { C::DeviceErrorClearErrorWaits } else { C::ClientGetCommandDelivers };
        return smallvec![
            Outcome::new(Answer::Delivers(command), clause).effecting(Effect::Deliver(command))
        ];
    }
    let queued = state.outstanding(device).any(|command| command.stage == Stage::Queued);
    if sides.server == ServerDevice::Closed && !queued {
        let closed = Outcome::returns(HResult::VD_E_CLOSE, C::ClientGetCommandClose)
            .effecting(Effect::SeeClose(device));
        if state.server == ServerLife::Open {
            return smallvec![closed];
        }
        let clause = C::ClientGetCommandCloseAfterServerClose;
        return smallvec![match profile.close_event_after_server_close {
            CloseEventAfterServerClose::StillDelivered => Outcome { clause, ..closed },
            CloseEventAfterServerClose::AbortError => {
                Outcome::returns(HResult::VD_E_ABORT, clause)
            }
        }];
    }
    expiry(timeout, C::ClientGetCommandTimeout)
}

/// The command that GetCommand would deliver: the oldest queued one; in the
/// error state ClearError, once the client holds none that was out at the error.
fn deliverable(state: &State, device: u8) -> Option<CommandId> {
    let first = state.outstanding(device).find(|command| command.stage == Stage::Queued)?;
    let held = || {
        state
            .outstanding(device)
            .any(|command| command.stage == Stage::Delivered && command.before_error)
    };
    let waits = state.devices[usize::from(device)].errored && held();
    (!waits).then_some(first.id)
}

fn complete_command(
    state: &State,
    profile: &Profile,
    device: u8,
    command: Option<CommandId>,
    (code, bytes, position): (Win32, u32, u64),
) -> Outcomes {
    if state.aborted.is_some() {
        return smallvec![Outcome::returns(HResult::VD_E_ABORT, C::ClientCompleteCommandAborted)];
    }
    let active = command.filter(|id| {
        state.command(*id).is_some_and(|c| c.device == device && c.stage == Stage::Delivered)
    });
    if state.client_phase() == P::Configurable {
        return protocol(C::ClientCompleteCommandPhase);
    }
    let seen = state.devices[usize::from(device)].client == ClientDevice::CloseSeen;
    if seen
        && (active.is_none()
            || profile.complete_after_close_seen == CompleteAfterCloseSeen::ProtocolError)
    {
        let refused = Outcome::returns(HResult::VD_E_PROTOCOL, C::ClientCompleteCommandPhase);
        return smallvec![refused.misuse(C::ClientCompleteCommandActiveOnly)];
    }
    let Some(command) = active else {
        return no_active_command(state, profile);
    };
    let mut outcome = Outcome::returns(HResult::NOERROR, C::ClientCompleteCommandStatus)
        .effecting(Effect::Complete { command, code, bytes, position });
    let clears = state.command(command).is_some_and(|c| c.code == CommandCode::ClearError);
    if clears && code != Win32::ERROR_SUCCESS {
        outcome = outcome.misuse(C::DeviceErrorClearErrorSuccess);
    }
    smallvec![outcome]
}

fn no_active_command(state: &State, profile: &Profile) -> Outcomes {
    let misuse = C::ClientCompleteCommandActiveOnly;
    let invalid =
        Outcome::returns(HResult::VD_E_INVALID, C::ClientCompleteCommandInactive).misuse(misuse);
    if state.client_phase() != P::Initializing {
        return smallvec![invalid];
    }
    let protocol =
        Outcome::returns(HResult::VD_E_PROTOCOL, C::ClientCompleteCommandPhase).misuse(misuse);
    match profile.stale_command_before_active {
        StaleCommandBeforeActive::Either => smallvec![invalid, protocol],
        StaleCommandBeforeActive::ProtocolError => smallvec![protocol],
    }
}

fn close(state: &State, profile: &Profile) -> Outcomes {
    let (status, clause, cause) = match state.client_phase() {
        P::Abort => (HResult::NOERROR, C::ClientCloseStatus, None),
        _ if state.client_devices_open() => {
            let status = match profile.client_close_devices_open {
                ClientCloseDevicesOpen::OpenError => HResult::VD_E_OPEN,
                ClientCloseDevicesOpen::Noerror => HResult::NOERROR,
            };
            (status, C::ClientCloseDevicesOpenStatus, Some(Cause::ClientCloseDevicesOpen))
        }
        P::NormallyTerminated => (HResult::NOERROR, C::ClientCloseStatus, None),
        _ => (HResult::NOERROR, C::ClientCloseStatus, Some(Cause::ClientClose)),
    };
    let mut outcome = Outcome::returns(status, clause)
        .also(C::ClientCloseReleases)
        // What the client still holds nobody will complete any more.
        .effecting(Effect::CloseClient { abort: cause, drop_held: cause.is_none() });
    outcome = match cause {
        Some(Cause::ClientCloseDevicesOpen) => {
            outcome.also(C::ClientCloseDevicesOpenAborts).misuse(C::ClientCloseDevicesOpenMistake)
        }
        Some(_) => outcome.also(C::ClientCloseImplicitAbort),
        None if state.aborted.is_none() => outcome.also(C::ClientCloseNormalNoAbort),
        None => outcome,
    };
    smallvec![outcome]
}
