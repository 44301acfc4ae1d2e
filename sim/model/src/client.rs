//! The client's functions, and what a client's blocked call may return.

use smallvec::smallvec;

use super::answer::Answer;
use super::effect::Effect;
use super::outcome::{Outcome, Outcomes};
use super::phase::ClientPhase;
use super::state::{
    Cause, ClientDevice, ClientLife, Command, Configuration, Device, Pending, SecondaryLife,
    ServerDevice, ServerLife, Stage, State,
};
use super::{ClientCall, CommandId, CreateFlaw, DeviceName, Limits, Timeout, commands, secondary};
use vdi_spec::clauses::Clause as C;
use vdi_spec::clauses::{
    ClientCloseAfterAbort, ClientCloseDevicesOpen, ClientOpenDeviceSurplus, ClientOpensFirst,
    CloseEventAfterServerClose, CompleteAfterCloseSeen, GetCommandAfterCloseSeen,
    GetCommandBeforeActive, GetConfigurationAfterAbort, Profile, SignalAbortNotOpen,
    StaleCommandBeforeActive, UndefinedFeatures,
};
use vdi_spec::codes::HResult;

use ClientPhase as P;

/// What may happen when a client process, 0 being the primary, makes `call`.
pub(super) fn outcomes(
    state: &State,
    profile: &Profile,
    limits: Limits,
    client: u8,
    call: &ClientCall,
) -> Outcomes {
    let makes_open = matches!(call, ClientCall::Create { .. } | ClientCall::OpenInSecondary { .. });
    if !makes_open && !state.client_open(client) {
        return not_open(state, profile, client, call);
    }
    match call {
        ClientCall::Create { devices, asked, flaw } => {
            let created = Effect::Create(*devices, *asked);
            create(state, profile, client, created, *flaw)
        }
        ClientCall::OpenInSecondary { found } => secondary::open(state, profile, client, *found),
        ClientCall::GetBufferHandle { buffer } => {
            secondary::get_buffer_handle(state, profile, client, *buffer)
        }
        ClientCall::MapBufferHandle { buffer } => {
            secondary::map_buffer_handle(state, profile, client, *buffer)
        }
        ClientCall::GetConfiguration { timeout } => get_configuration(state, profile, *timeout),
        ClientCall::OpenDevice { name } => open_device(state, profile, client, *name),
        ClientCall::GetCommand { device, timeout } => {
            get_command(state, profile, *device, *timeout)
        }
        ClientCall::CompleteCommand { device, command, code, bytes, position } => {
            let (code, bytes, entry) = (*code, *bytes, profile.error_state_entry);
            let effect = |command| {
                let position = *position;
                Effect::Complete { command, code, bytes, position, entry }
            };
            let misuse = |command: &Command| {
                let told = limits.data_is_told;
                commands::completion_misuse(state, profile, command, code, bytes, told)
            };
            complete_command(state, profile, *device, *command, effect, misuse)
        }
        ClientCall::SignalAbort => smallvec![
            Outcome::returns(HResult::NOERROR, C::ClientSignalAbortStatus)
                .effecting(Effect::Abort(Cause::ClientSignal))
        ],
        ClientCall::Close if client > 0 => secondary::close(state, profile, client),
        ClientCall::Close => close(state, profile),
    }
}

/// A client calls what it could know to be out of its order.
pub(super) fn protocol(clause: C) -> Outcomes {
    smallvec![Outcome::returns(HResult::VD_E_PROTOCOL, clause).misuse(C::ClientOrder)]
}

fn create(
    state: &State,
    profile: &Profile,
    client: u8,
    created: Effect,
    flaw: Option<CreateFlaw>,
) -> Outcomes {
    if state.client_open(client) {
        return protocol(C::ClientCreateOnce);
    }
    let undefined = profile.undefined_features == UndefinedFeatures::Undefined;
    smallvec![match flaw {
        Some(CreateFlaw::Features) if undefined => {
            let failing = Answer::Returns(super::Expected::AnyFailure);
            let created =
                Outcome::returns(HResult::NOERROR, C::ClientCreateNotSupported).effecting(created);
            let failed = Outcome::new(failing, C::ClientCreateNotSupported);
            return [created, failed].map(|one| one.misuse(C::ClientCreateConfig)).into();
        }
        Some(CreateFlaw::NoName) => {
            let failing = Answer::Returns(super::Expected::AnyFailure);
            let created =
                Outcome::returns(HResult::NOERROR, C::ClientCreateStatus).effecting(created);
            return smallvec![created, Outcome::new(failing, C::ClientCreateStatus)];
        }
        None => Outcome::returns(HResult::NOERROR, C::ClientCreateStatus).effecting(created),
        Some(CreateFlaw::Config | CreateFlaw::Features) => {
            Outcome::returns(HResult::VD_E_NOTSUPPORTED, C::ClientCreateNotSupported)
                .misuse(C::ClientCreateConfig)
        }
        Some(CreateFlaw::Instance) => {
            Outcome::returns(HResult::VD_E_INSTANCE_NAME, C::ClientCreateInstance)
                .misuse(C::ClientCreateName)
        }
        Some(CreateFlaw::Taken) => {
            Outcome::new(Answer::Returns(super::Expected::AnyFailure), C::ClientCreateNameTaken)
        }
        // The documents give the rule, and no code for breaking it.
        Some(CreateFlaw::Name) => {
            Outcome::new(Answer::Returns(super::Expected::AnyFailure), C::ClientCreateNameRefused)
                .misuse(C::ClientCreateName)
        }
    }]
}

/// A call on an interface without a set: never created, or closed.
fn not_open(state: &State, profile: &Profile, client: u8, call: &ClientCall) -> Outcomes {
    let closed = match client {
        0 => state.client == ClientLife::Closed,
        number => state.secondaries[usize::from(number) - 1] == SecondaryLife::Closed,
    };
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
            without_set(Outcome::returns(status, C::ClientSignalAbortNotOpen))
        }
        ClientCall::Close if closed => smallvec![
            Outcome::returns(HResult::VD_E_PROTOCOL, C::ClientCloseNotOpen)
                .misuse(C::ClientCloseTwice)
        ],
        ClientCall::Close => refused_without_set(C::ClientCloseNotOpen),
        ClientCall::GetBufferHandle { .. } => refused_without_set(C::ClientGetBufferHandleNotOpen),
        ClientCall::MapBufferHandle { .. } => refused_without_set(C::ClientMapBufferHandleNotOpen),
        ClientCall::Create { .. }
        | ClientCall::OpenInSecondary { .. }
        | ClientCall::GetConfiguration { .. }
        | ClientCall::OpenDevice { .. }
        | ClientCall::GetCommand { .. }
        | ClientCall::CompleteCommand { .. } => refused_without_set(C::ClientNotOpen),
    }
}

fn refused_without_set(clause: C) -> Outcomes {
    without_set(Outcome::returns(HResult::VD_E_PROTOCOL, clause))
}

/// Without a set no call is right but Create, or OpenInSecondary in another process.
fn without_set(outcome: Outcome) -> Outcomes {
    smallvec![outcome.misuse(C::ClientCreateFirst)]
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
        _ => smallvec![Outcome::blocks(
            Pending::GetConfiguration(timeout),
            C::ClientGetConfigurationStatus
        )],
    }
}

/// What a GetConfiguration in progress may return now.
fn configuration_returns(state: &State, profile: &Profile, timeout: Timeout) -> Outcomes {
    // Once it is seen, seeing it again changes nothing.
    let effect = if state.configuration_seen { Effect::None } else { Effect::SeeConfiguration };
    let seen =
        Outcome::returns(HResult::NOERROR, C::ClientGetConfigurationStatus).effecting(effect);
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

/// What a call that has begun to wait may return. If its client has closed the set
/// meanwhile, without an abort, no document says: its interface is gone.
pub(super) fn waiting_returns(
    state: &State,
    profile: &Profile,
    client: u8,
    waiting: Pending,
) -> Outcomes {
    let left_behind = !state.client_open(client) && state.aborted.is_none();
    match waiting {
        Pending::GetConfiguration(_) | Pending::GetCommand(..) if left_behind => {
            let gone = Answer::Returns(super::Expected::Any);
            smallvec![Outcome::new(gone, C::ClientCloseReleases)]
        }
        Pending::GetConfiguration(timeout) => configuration_returns(state, profile, timeout),
        Pending::GetCommand(device, timeout) => command_returns(state, profile, device, timeout),
        Pending::Ready(_) | Pending::Routine | Pending::ServerClose(_) => Outcomes::new(),
    }
}

/// A call that waits may expire if its time-out is finite; it need not.
fn expiry(timeout: Timeout, clause: C) -> Outcomes {
    match timeout {
        Timeout::Finite => {
            smallvec![Outcome::returns(HResult::VD_E_TIMEOUT, clause).unforced()]
        }
        Timeout::Passed => smallvec![Outcome::returns(HResult::VD_E_TIMEOUT, clause)],
        Timeout::Poll | Timeout::Told | Timeout::Infinite => Outcomes::new(),
    }
}

/// The client's OpenDevice. Where the client has not seen the configuration, what is answered
/// rests on who moves it to Initializing.
fn open_device(state: &State, profile: &Profile, owner: u8, name: DeviceName) -> Outcomes {
    let mut outcomes = device_opened(state, profile, owner, name);
    let untold = state.seen_unasked && state.aborted.is_none();
    if untold && !state.configuration_seen && state.seen_early & (1 << owner) == 0 {
        for outcome in &mut outcomes {
            let clause = C::ClientOpenDevicePhase;
            *outcome = Outcome { clause, ..*outcome }.also(outcome.clause);
        }
    }
    outcomes
}

fn device_opened(state: &State, profile: &Profile, owner: u8, name: DeviceName) -> Outcomes {
    match state.client_phase_of(owner) {
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
            .effecting(Effect::OpenClientDevice { device, owner, entry: profile.active_entry })
    };
    smallvec![match name {
        DeviceName::Known(device) => match state.devices[usize::from(device)].client {
            ClientDevice::Unopened => open(device),
            _ => Outcome::returns(HResult::VD_E_PROTOCOL, C::ClientOpenDeviceTwice)
                .misuse(C::ClientOrder),
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
    let phase = state.client_phase_of(state.devices[usize::from(device)].owner);
    if phase == P::Configurable {
        return protocol(C::ClientGetCommandPhase);
    }
    let initializing = phase == P::Initializing;
    if initializing && profile.get_command_before_active == GetCommandBeforeActive::ProtocolError {
        // That other devices are not open yet, the thread of this one need not know.
        return smallvec![Outcome::returns(HResult::VD_E_PROTOCOL, C::ClientGetCommandWaits)];
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
        _ => {
            let pending = Pending::GetCommand(device, timeout);
            Outcome::blocks(pending, clause(C::ClientGetCommandWaits))
        }
    }]
}

/// What a GetCommand in progress may return now.
fn command_returns(state: &State, profile: &Profile, device: u8, timeout: Timeout) -> Outcomes {
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
        return smallvec![
            Outcome::returns(status, C::ClientGetCommandCloseAgain).misuse(C::ClientGetCommandStop)
        ];
    }
    if let Some(command) = deliverable(state, device) {
        let clause =
            if sides.errored { C::DeviceErrorClearErrorWaits } else { C::ClientGetCommandDelivers };
        let mut delivery = Outcome::new(Answer::Delivers(command), clause);
        if !sides.errored && state.others_errored(device) {
            let usual = clause;
            delivery = Outcome { clause: C::DeviceIndependent, ..delivery }.also(usual);
        }
        return smallvec![
            delivery.also(C::ClientGetCommandAsSent).effecting(Effect::Deliver(command))
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

/// Whether all that is left to a client is to close the set with such devices open: the
/// server has ended it in order, and under the reading GetCommand tells nobody so.
pub(super) fn can_only_close(
    state: &State,
    profile: &Profile,
    own: impl Fn(&Device) -> bool,
) -> bool {
    let untold = profile.close_event_after_server_close == CloseEventAfterServerClose::AbortError;
    let open = |device: &&Device| device.client == ClientDevice::Open && own(device);
    let ended = |device: &Device| device.server == ServerDevice::Closed;
    untold && state.server != ServerLife::Open && state.devices.iter().filter(open).all(ended)
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
    effect: impl FnOnce(CommandId) -> Effect,
    misuse: impl FnOnce(&Command) -> Option<C>,
) -> Outcomes {
    if state.aborted.is_some() {
        return smallvec![Outcome::returns(HResult::VD_E_ABORT, C::ClientCompleteCommandAborted)];
    }
    let active = command.filter(|id| {
        state.command(*id).is_some_and(|c| c.device == device && c.stage == Stage::Delivered)
    });
    let owner = state.devices[usize::from(device)].owner;
    if state.client_phase_of(owner) == P::Configurable {
        return protocol(C::ClientCompleteCommandPhase);
    }
    let seen = state.devices[usize::from(device)].client == ClientDevice::CloseSeen;
    if seen
        && (active.is_none()
            || profile.complete_after_close_seen == CompleteAfterCloseSeen::ProtocolError)
    {
        let refused = Outcome::returns(HResult::VD_E_PROTOCOL, C::ClientCompleteCommandPhase);
        // What it holds it has to complete, whatever that is answered.
        let held = active.is_some();
        let stray = refused.misuse(C::ClientCompleteCommandActiveOnly);
        return smallvec![if held { refused } else { stray }];
    }
    let Some(command) = active else {
        return no_active_command(state, profile, owner);
    };
    let outcome = Outcome::returns(HResult::NOERROR, C::ClientCompleteCommandStatus)
        .effecting(effect(command));
    smallvec![state.command(command).and_then(misuse).into_iter().fold(outcome, Outcome::misuse)]
}

fn no_active_command(state: &State, profile: &Profile, owner: u8) -> Outcomes {
    let misuse = C::ClientCompleteCommandActiveOnly;
    let invalid =
        Outcome::returns(HResult::VD_E_INVALID, C::ClientCompleteCommandInactive).misuse(misuse);
    if state.client_phase_of(owner) != P::Initializing {
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
        P::Abort => {
            let status = match profile.client_close_after_abort {
                ClientCloseAfterAbort::OpenError if state.client_devices_open() => {
                    HResult::VD_E_OPEN
                }
                ClientCloseAfterAbort::OpenError | ClientCloseAfterAbort::Noerror => {
                    HResult::NOERROR
                }
            };
            (status, C::ClientCloseStatus, None)
        }
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
        Some(Cause::ClientCloseDevicesOpen) if can_only_close(state, profile, |_| true) => {
            outcome.also(C::ClientCloseDevicesOpenAborts)
        }
        Some(Cause::ClientCloseDevicesOpen) => {
            let outcome = outcome.also(C::ClientCloseDevicesOpenAborts);
            let flushed = |device: &Device| device.client != ClientDevice::Open || device.flushed;
            let outcome = outcome.misuse(C::ClientCloseDevicesOpenMistake);
            match state.devices.iter().all(flushed) && state.commands.is_empty() {
                true => outcome.misuse(C::ClientFlushNotTheEnd),
                false => outcome,
            }
        }
        Some(_) => outcome.also(C::ClientCloseImplicitAbort),
        None if state.aborted.is_none() => outcome.also(C::ClientCloseNormalNoAbort),
        None => outcome,
    };
    let held = state.commands.iter().any(|command| command.stage == Stage::Delivered);
    if cause.is_none() && state.aborted.is_none() && held {
        outcome = outcome.misuse(C::ClientCompleteCommandEach);
    }
    let devices_open = cause == Some(Cause::ClientCloseDevicesOpen);
    match devices_open && can_only_close(state, profile, |_| true) {
        // No document says what is answered to whom the end was told as an abort.
        true => either_over(outcome),
        false => smallvec![outcome],
    }
}

/// Close of who was told of the end as of an abort: devices are open, and the set has ended.
pub(super) fn either_over(outcome: Outcome) -> Outcomes {
    let either = |status: HResult| Outcome {
        answer: Answer::Returns(super::Expected::Status(status)),
        ..outcome
    };
    smallvec![either(HResult::VD_E_OPEN), either(HResult::NOERROR)]
}
