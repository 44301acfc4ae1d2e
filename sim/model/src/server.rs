//! The server's functions: one function of the documents, one function here.

use smallvec::smallvec;

use super::answer::{Answer, Expected};
use super::effect::Effect;
use super::outcome::{Outcome, Outcomes};
use super::phase::ServerPhase;
use super::state::{Cause, ClientLife, Reserve, ServerDevice, ServerLife, State};
use super::values::{Granted, LaneId, Requested};
use super::{BufferId, Limits, Request, ServerCall, commands, ending, requests};
use vdi_spec::clauses::Clause as C;
use vdi_spec::clauses::{
    AllocateAfterNormalTermination, AvailableCount, BadConfigurationArguments,
    CloseDeviceAfterAllClosed, CloseDeviceTwiceWhileActive, ConfigurationCallWhenAborted,
    ConnectedStateCells, DeliverAfterCloseDevice, FreeBufferInUse, OpenAfterAbort, Profile,
    QueueDepth, QueueFullCode, SecondAgent, ServerHandleReuse, ServerOpenDeviceSurplus,
    SharedAfterFree, SharedWhenNotOpen, SignalAbortNotOpen, UnsoundCommand,
};
use vdi_spec::codes::{CommandCode, HResult, Win32};

use ServerPhase as P;

/// What may happen when the server makes `call`.
pub(super) fn outcomes(
    state: &State,
    profile: &Profile,
    limits: Limits,
    lane: LaneId,
    call: &ServerCall,
) -> Outcomes {
    if let ServerCall::Open { found, reused } = call {
        return open(state, profile, *found, *reused);
    }
    if state.server_phase() == P::DoesNotExist {
        return not_open(state, profile, call);
    }
    match call {
        ServerCall::Open { .. } => unreachable!("answered above"),
        ServerCall::GetConfiguration => get_configuration(state),
        ServerCall::BeginConfiguration { sound, granted } => {
            begin_configuration(state, profile, *sound, *granted)
        }
        ServerCall::RequestBuffers(requested) => request_buffers(state, profile, *requested),
        ServerCall::QueryAvailableBuffers(kind) => query_available_buffers(state, profile, *kind),
        ServerCall::EndConfiguration => end_configuration(state, profile),
        ServerCall::ExecuteCompletionAgent => execute_completion_agent(state, profile),
        ServerCall::OpenDevice { device } => open_device(state, profile, *device),
        ServerCall::AllocateBuffer { buffer, sound, kind } => {
            allocate_buffer(state, profile, *buffer, *sound, *kind)
        }
        ServerCall::FreeBuffer { buffer, sized } => free_buffer(state, profile, *buffer, *sized),
        ServerCall::IsSharedBuffer { buffer } => is_shared_buffer(state, profile, *buffer),
        ServerCall::SignalAbort => smallvec![
            Outcome::returns(HResult::NOERROR, C::ServerSignalAbortStatus)
                .effecting(Effect::Abort(Cause::ServerSignal))
        ],
        ServerCall::Close => ending::server_close(state, profile, lane),
        ServerCall::SendCommand(request) => send_command(state, profile, limits, request),
        ServerCall::CloseDevice { device } => close_device(state, profile, *device),
    }
}

fn out_of_phase(clause: C) -> Outcome {
    Outcome::returns(HResult::VD_E_PROTOCOL, clause)
}

/// The server calls what it could know to be out of its order.
fn protocol(clause: C) -> Outcomes {
    smallvec![out_of_phase(clause).misuse(C::ServerOrder)]
}

fn aborted(clause: C) -> Outcomes {
    smallvec![Outcome::returns(HResult::VD_E_ABORT, clause)]
}

fn open(state: &State, profile: &Profile, found: bool, reused: bool) -> Outcomes {
    if state.server == ServerLife::Open && !reused {
        return smallvec![out_of_phase(C::ServerOpenOnce).misuse(C::ServerOpenFirst)];
    }
    if reused && profile.server_handle_reuse == ServerHandleReuse::ProtocolError {
        let outcome = Outcome::returns(HResult::VD_E_PROTOCOL, C::ServerCloseHandle);
        return smallvec![outcome.misuse(C::ServerCloseHandleUseless)];
    }
    let invalid = Outcome::returns(HResult::VD_E_INVALID, C::ServerOpenNoSet);
    if !found || state.client != ClientLife::Created || state.server != ServerLife::Absent {
        return smallvec![invalid];
    }
    let opened = Outcome::returns(HResult::NOERROR, C::ServerOpenStatus).effecting(Effect::Open);
    if state.aborted.is_none() {
        return smallvec![opened];
    }
    let clause = C::ServerOpenAfterAbort;
    smallvec![match profile.open_after_abort {
        OpenAfterAbort::Invalid => Outcome { clause, ..invalid },
        OpenAfterAbort::AbortError => Outcome::returns(HResult::VD_E_ABORT, clause),
        OpenAfterAbort::Opens => Outcome { clause, ..opened },
    }]
}

/// A call on an interface without a set: never opened, or closed.
fn not_open(state: &State, profile: &Profile, call: &ServerCall) -> Outcomes {
    let closed = state.server == ServerLife::Closed;
    let not_open = if closed { C::ServerCloseHandle } else { C::ServerNotOpen };
    match call {
        // A device interface goes with its set: what is called is gone.
        ServerCall::SendCommand(request) if closed => {
            let gone = Outcome::new(Answer::Returns(Expected::Any), C::ServerCloseReleases);
            let refused = Outcome::returns(HResult::VD_E_PROTOCOL, C::ServerCloseReleases)
                .also(C::ServerSendCommandErrorCallback)
                .effecting(Effect::Refuse(*request, Win32::ERROR_INVALID_HANDLE));
            [gone, refused]
                .map(|outcome| outcome.misuse(C::ServerCloseUseAfter))
                .into_iter()
                .collect()
        }
        ServerCall::CloseDevice { .. } if closed => {
            let gone = Outcome::new(Answer::Returns(Expected::Any), C::ServerCloseReleases);
            smallvec![gone.misuse(C::ServerCloseUseAfter)]
        }
        ServerCall::SignalAbort => {
            let status = match profile.signal_abort_not_open {
                SignalAbortNotOpen::ProtocolError => HResult::VD_E_PROTOCOL,
                SignalAbortNotOpen::Noerror => HResult::NOERROR,
            };
            smallvec![after_close(Outcome::returns(status, C::ServerSignalAbortNotOpen), closed)]
        }
        ServerCall::Close => {
            let outcome = Outcome::returns(HResult::VD_E_PROTOCOL, C::ServerCloseNotOpen);
            smallvec![after_close(outcome, closed)]
        }
        ServerCall::IsSharedBuffer { .. }
            if profile.shared_when_not_open == SharedWhenNotOpen::False =>
        {
            let outcome = Outcome::new(Answer::Tells(Some(false)), not_open);
            smallvec![after_close(outcome, closed)]
        }
        ServerCall::Open { .. }
        | ServerCall::GetConfiguration
        | ServerCall::BeginConfiguration { .. }
        | ServerCall::RequestBuffers(_)
        | ServerCall::QueryAvailableBuffers(_)
        | ServerCall::EndConfiguration
        | ServerCall::ExecuteCompletionAgent
        | ServerCall::OpenDevice { .. }
        | ServerCall::AllocateBuffer { .. }
        | ServerCall::FreeBuffer { .. }
        | ServerCall::IsSharedBuffer { .. }
        | ServerCall::SendCommand(_)
        | ServerCall::CloseDevice { .. } => {
            smallvec![after_close(Outcome::returns(HResult::VD_E_PROTOCOL, not_open), closed)]
        }
    }
}

/// On a handle without a set no call is right but the first Open.
fn after_close(outcome: Outcome, closed: bool) -> Outcome {
    outcome.misuse(if closed { C::ServerCloseHandleUseless } else { C::ServerOpenFirst })
}

fn get_configuration(state: &State) -> Outcomes {
    if state.aborted.is_some() {
        return aborted(C::ServerGetConfigurationAborted);
    }
    smallvec![Outcome::returns(HResult::NOERROR, C::ServerGetConfigurationStatus)]
}

fn configuration_after_abort(profile: &Profile) -> Outcomes {
    let status = match profile.configuration_call_when_aborted {
        ConfigurationCallWhenAborted::AbortError => HResult::VD_E_ABORT,
        ConfigurationCallWhenAborted::ProtocolError => HResult::VD_E_PROTOCOL,
    };
    smallvec![Outcome::returns(status, C::ServerConfigurationAborted)]
}

fn begin_configuration(
    state: &State,
    profile: &Profile,
    sound: bool,
    granted: Granted,
) -> Outcomes {
    match state.server_phase() {
        P::AbnormallyTerminated => configuration_after_abort(profile),
        P::Connected if sound => {
            let begun = Outcome::returns(HResult::NOERROR, C::ServerBeginConfigurationStatus)
                .effecting(Effect::Begin(granted));
            smallvec![commands::grants_misuse(state, granted.features).fold(begun, Outcome::misuse)]
        }
        P::Connected => {
            let (expected, effect) = match profile.bad_configuration_arguments {
                BadConfigurationArguments::AnyFailure => (Expected::AnyFailure, Effect::None),
                BadConfigurationArguments::Invalid => {
                    (Expected::Status(HResult::VD_E_INVALID), Effect::None)
                }
                BadConfigurationArguments::Unchecked => {
                    (Expected::Status(HResult::NOERROR), Effect::Begin(granted))
                }
            };
            let clause = C::ServerBeginConfigurationLimitsRefused;
            let answered = Outcome::new(Answer::Returns(expected), clause).effecting(effect);
            smallvec![answered.misuse(C::ServerBeginConfigurationLimits)]
        }
        _ => protocol(C::ServerBeginConfigurationPhase),
    }
}

fn request_buffers(state: &State, profile: &Profile, requested: Requested) -> Outcomes {
    match state.server_phase() {
        P::AbnormallyTerminated => configuration_after_abort(profile),
        P::Configurable | P::Initializing | P::Active if !requested.is_sound() => {
            requests::unsound(profile)
        }
        P::Configurable | P::Initializing | P::Active => smallvec![
            Outcome::returns(HResult::NOERROR, C::ServerRequestBuffersStatus)
                .effecting(Effect::Request(requested)),
            Outcome::returns(HResult::VD_E_MEMORY, C::ServerRequestBuffersMemory).exceptional(),
        ],
        _ => protocol(C::ServerRequestBuffersPhase),
    }
}

fn query_available_buffers(state: &State, profile: &Profile, kind: Requested) -> Outcomes {
    match state.server_phase() {
        P::Configurable | P::Initializing | P::Active if !kind.is_sound() => {
            smallvec![requests::unsound_query(profile)]
        }
        // What was requested while configuring exists from EndConfiguration on.
        P::Configurable => {
            smallvec![Outcome::returns(HResult::NOERROR, C::ServerQueryAvailableBuffersStatus)]
        }
        P::Initializing | P::Active => {
            let (least, clause) = reserved(state, kind);
            let usual = C::ServerQueryAvailableBuffersStatus;
            let counts = Outcome::new(Answer::Counts(least), clause.unwrap_or(usual))
                .also(C::ServerQueryAvailableBuffersCount);
            smallvec![if clause.is_some() { counts.also(usual) } else { counts }]
        }
        // Of an abort the server may not know yet.
        P::AbnormallyTerminated => smallvec![out_of_phase(C::ServerQueryAvailableBuffersPhase)],
        _ => protocol(C::ServerQueryAvailableBuffersPhase),
    }
}

/// How many buffers of this kind were requested and not taken, as far as that is known, and
/// the clause by which they are of this kind, if an alignment of 0 has to be understood.
fn reserved(state: &State, kind: Requested) -> (u32, Option<C>) {
    let same = |known: &Requested| state.same_kind(*known, kind);
    let known = match state.reserve {
        Reserve::Some(known) => Some(known).filter(same),
        Reserve::Several => state.kinds.iter().copied().find(same),
        Reserve::None | Reserve::Mixed | Reserve::Exhausted(_) => None,
    };
    let Some(known) = known else { return (0, None) };
    let understood = known.count > 0 && known.alignment != kind.alignment;
    (known.count, understood.then_some(C::ServerRequestBuffersBasicAlignment))
}

fn is_shared_buffer(state: &State, profile: &Profile, buffer: Option<BufferId>) -> Outcomes {
    let answer = match buffer {
        None => Some(false),
        Some(buffer) if state.buffer(buffer).is_some() => Some(true),
        Some(_) => match profile.shared_after_free {
            SharedAfterFree::Either => None,
            SharedAfterFree::False => Some(false),
        },
    };
    smallvec![Outcome::new(Answer::Tells(answer), C::ServerIsSharedBufferAnswer)]
}

fn end_configuration(state: &State, profile: &Profile) -> Outcomes {
    match state.server_phase() {
        P::AbnormallyTerminated => configuration_after_abort(profile),
        P::Configurable => smallvec![
            Outcome::returns(HResult::NOERROR, C::ServerEndConfigurationStatus)
                .effecting(Effect::End(profile.client_initializing)),
            Outcome::returns(HResult::VD_E_MEMORY, C::ServerEndConfigurationMemory)
                .effecting(Effect::DropRequests)
                .exceptional(),
        ],
        _ => protocol(C::ServerEndConfigurationPhase),
    }
}

fn execute_completion_agent(state: &State, profile: &Profile) -> Outcomes {
    match state.server_phase() {
        P::AbnormallyTerminated => aborted(C::AgentAborted),
        P::Initializing | P::Active if !state.agent.is_running() => smallvec![
            Outcome::new(Answer::Blocks, C::AgentBlocks)
                .effecting(Effect::StartAgent(profile.active_entry))
        ],
        P::Initializing => {
            let expected = match profile.second_agent {
                SecondAgent::ProtocolError => Expected::Status(HResult::VD_E_PROTOCOL),
                SecondAgent::Unspecified => Expected::AnyFailure,
            };
            smallvec![
                Outcome::new(Answer::Returns(expected), C::AgentSecond).misuse(C::ServerOrder)
            ]
        }
        _ => protocol(C::AgentPhase),
    }
}

fn open_device(state: &State, profile: &Profile, device: Option<u8>) -> Outcomes {
    let surplus = state.devices.iter().all(|device| device.server != ServerDevice::Unopened);
    match (state.server_phase(), device) {
        (P::AbnormallyTerminated, _) => aborted(C::ServerOpenDeviceAborted),
        (P::Initializing | P::Active, _) if surplus => {
            let status = match profile.server_open_device_surplus {
                ServerOpenDeviceSurplus::OpenError => HResult::VD_E_OPEN,
                ServerOpenDeviceSurplus::ProtocolError => HResult::VD_E_PROTOCOL,
            };
            smallvec![Outcome::returns(status, C::ServerOpenDeviceSurplus)]
        }
        (P::Initializing | P::Active, Some(device)) => smallvec![
            Outcome::returns(HResult::NOERROR, C::ServerOpenDeviceStatus)
                .effecting(Effect::OpenServerDevice(device, profile.active_entry))
        ],
        _ => protocol(C::ServerOpenDevicePhase),
    }
}

fn allocate_buffer(
    state: &State,
    profile: &Profile,
    buffer: BufferId,
    sound: bool,
    kind: Requested,
) -> Outcomes {
    let allocate = || -> Outcomes {
        if !sound {
            return smallvec![Outcome::returns(
                HResult::VD_E_INVALID,
                C::ServerAllocateBufferAlignment
            )];
        }
        let given = Outcome::returns(HResult::NOERROR, C::ServerAllocateBufferStatus)
            .effecting(Effect::Allocate(buffer, kind));
        let (count, understood) = reserved(state, kind);
        if count > 0 {
            let usual = C::ServerAllocateBufferRequested;
            let clause = understood.unwrap_or(usual);
            let given = Outcome { clause, ..given }.also(C::ServerAllocateBufferStatus);
            return smallvec![if understood.is_some() { given.also(usual) } else { given }];
        }
        let none_left = matches!(state.reserve, Reserve::Exhausted(known)
            if state.same_kind(known, kind));
        if none_left && profile.available_count == AvailableCount::Exact {
            return smallvec![Outcome::returns(
                HResult::VD_E_MEMORY,
                C::ServerAllocateBufferMemory
            )];
        }
        smallvec![
            given,
            Outcome::returns(HResult::VD_E_MEMORY, C::ServerAllocateBufferMemory).exceptional(),
        ]
    };
    match state.server_phase() {
        P::AbnormallyTerminated => aborted(C::ServerAllocateBufferAborted),
        P::Initializing | P::Active => allocate(),
        P::NormallyTerminated => match profile.allocate_after_normal_termination {
            AllocateAfterNormalTermination::Noerror => allocate(),
            AllocateAfterNormalTermination::ProtocolError => {
                smallvec![out_of_phase(C::ServerAllocateBufferStatus)]
            }
        },
        _ => protocol(C::ServerAllocateBufferPhase),
    }
}

fn free_buffer(
    state: &State,
    profile: &Profile,
    buffer: Option<BufferId>,
    sized: bool,
) -> Outcomes {
    match state.server_phase() {
        P::AbnormallyTerminated => return aborted(C::ServerFreeBufferAborted),
        P::Connected => {
            return connected(profile, Some(HResult::NOERROR), C::ServerFreeBufferPhase);
        }
        P::Configurable => return protocol(C::ServerFreeBufferPhase),
        _ => {}
    }
    let invalid = Outcome::returns(HResult::VD_E_INVALID, C::ServerFreeBufferInvalid);
    let Some(buffer) = buffer.filter(|buffer| state.buffer(*buffer).is_some()) else {
        return smallvec![invalid];
    };
    if !sized {
        let clause = C::ServerFreeBufferSizeRefused;
        return smallvec![Outcome { clause, ..invalid }.misuse(C::ServerFreeBufferSize)];
    }
    let freed = Outcome::returns(HResult::NOERROR, C::ServerFreeBufferStatus)
        .effecting(Effect::Free(buffer));
    if !state.commands.iter().any(|command| command.buffer == Some(buffer)) {
        return smallvec![freed];
    }
    let (clause, misuse) = (C::ServerFreeBufferInUseRefused, C::ServerFreeBufferInUse);
    let invalid = Outcome { clause, ..invalid }.misuse(misuse);
    match profile.free_buffer_in_use {
        FreeBufferInUse::Invalid => smallvec![invalid],
        FreeBufferInUse::Either => smallvec![invalid, Outcome { clause, ..freed }.misuse(misuse)],
    }
}

/// A cell of the table in Connected, where no such object can exist.
fn connected(profile: &Profile, table: Option<HResult>, clause: C) -> Outcomes {
    let expected = match (profile.connected_state_cells, table) {
        (ConnectedStateCells::Table, Some(status)) => Expected::Status(status),
        _ => Expected::Any,
    };
    smallvec![Outcome::new(Answer::Returns(expected), clause)]
}

fn send_command(state: &State, profile: &Profile, limits: Limits, request: &Request) -> Outcomes {
    let refuse = |expected, code, clause| {
        Outcome::new(Answer::Returns(expected), clause)
            .also(C::ServerSendCommandErrorCallback)
            .effecting(Effect::Refuse(*request, code))
    };
    let device = &state.devices[usize::from(request.device)];
    match state.server_phase() {
        P::AbnormallyTerminated => smallvec![refuse(
            Expected::Status(HResult::VD_E_ABORT),
            Win32::ERROR_OPERATION_ABORTED,
            C::ServerSendCommandAborted,
        )],
        P::Connected => connected(profile, Some(HResult::NOERROR), C::ServerSendCommandPhase),
        P::Active if device.server == ServerDevice::Open => {
            if device.errored && request.code != CommandCode::ClearError {
                let (expected, code) = (Expected::AnyFailure, Win32::ERROR_IO_DEVICE);
                let refused = refuse(expected, code, C::ServerSendCommandIoError);
                // A server that was not told yet cannot know better.
                let known = device.error_told;
                let misuse = C::ServerErrorClearErrorOnly;
                return smallvec![if known { refused.misuse(misuse) } else { refused }];
            }
            let full = match profile.queue_full_code {
                QueueFullCode::Busy => Expected::Status(HResult::VD_E_BUSY),
                QueueFullCode::Other => Expected::AnyFailure,
            };
            let mut queued = Outcome::returns(HResult::NOERROR, C::ServerSendCommandStatus)
                .effecting(Effect::Send(*request));
            if state.others_errored(request.device) {
                let (clause, usual) = (C::DeviceIndependent, C::ServerSendCommandStatus);
                queued = Outcome { clause, ..queued }.also(usual);
            }
            let full =
                refuse(full, Win32::ERROR_NO_SYSTEM_RESOURCES, C::ServerSendCommandQueueFull);
            if let Some(flaw) = commands::request_misuse(state, profile, request) {
                return unsound(profile, flaw, queued, full, &refuse);
            }
            match room(state, profile, limits, request.device) {
                Room::Certain => smallvec![queued],
                Room::Possible => smallvec![queued, full.exceptional()],
                Room::None => smallvec![full],
            }
        }
        phase => {
            let refused = refuse(
                Expected::Status(HResult::VD_E_PROTOCOL),
                Win32::ERROR_INVALID_HANDLE,
                C::ServerSendCommandPhase,
            );
            smallvec![match phase {
                P::Initializing if !state.agent.is_running() => {
                    refused.misuse(C::ServerCommandAgent)
                }
                P::Initializing if server_is_ready(state) => refused,
                _ => refused.misuse(C::ServerOrder),
            }]
        }
    }
}

/// What may come of a command that the server should not send: the documents
/// name no check, so it is queued like any other, or refused.
fn unsound(
    profile: &Profile,
    flaw: C,
    queued: Outcome,
    full: Outcome,
    refuse: &dyn Fn(Expected, Win32, C) -> Outcome,
) -> Outcomes {
    let clause = C::ServerSendCommandUnsound;
    let mut outcomes: Outcomes = smallvec![Outcome { clause, ..queued }];
    if profile.unsound_command == UnsoundCommand::Either {
        let protocol = Expected::Status(HResult::VD_E_PROTOCOL);
        outcomes.push(refuse(protocol, Win32::ERROR_INVALID_HANDLE, clause));
    }
    outcomes.push(full.exceptional());
    outcomes.into_iter().map(|outcome| outcome.misuse(flaw)).collect()
}

/// Whether the server has opened all its devices: that the client has not it cannot see.
fn server_is_ready(state: &State) -> bool {
    state.devices.iter().all(|device| device.server != ServerDevice::Unopened)
}

enum Room {
    Certain,
    Possible,
    None,
}

/// Whether a device's queue takes one more command. What counts against the
/// depth is not documented: queued commands surely, held ones perhaps.
fn room(state: &State, profile: &Profile, limits: Limits, device: u8) -> Room {
    let depth = match profile.queue_depth {
        QueueDepth::Four => Some(4),
        QueueDepth::Unspecified => limits.queue_depth,
    };
    let outstanding = state.outstanding(device).count();
    let queued = state.outstanding(device).filter(|c| c.stage == super::Stage::Queued).count();
    match depth {
        _ if outstanding == 0 => Room::Certain,
        None => Room::Possible,
        Some(depth) if outstanding < depth as usize => Room::Certain,
        Some(depth) if queued < depth as usize => Room::Possible,
        Some(_) => Room::None,
    }
}

fn close_device(state: &State, profile: &Profile, device: u8) -> Outcomes {
    let again = |noerror: bool| {
        let status = if noerror { HResult::NOERROR } else { HResult::VD_E_CLOSE };
        smallvec![Outcome::returns(status, C::ServerCloseDeviceAgain)]
    };
    match state.server_phase() {
        P::AbnormallyTerminated => aborted(C::ServerCloseDeviceAborted),
        P::Connected => {
            let mut cell = connected(profile, Some(HResult::NOERROR), C::ServerCloseDevicePhase);
            if profile.connected_state_cells == ConnectedStateCells::Table {
                // The table's arrow to Normally Terminated cannot be had from a
                // device that exists; taken literally it closes one that does not.
                let drain = true;
                cell[0] = cell[0].effecting(Effect::CloseDevice { device, drain });
            }
            cell
        }
        P::NormallyTerminated => {
            again(profile.close_device_after_all_closed == CloseDeviceAfterAllClosed::Noerror)
        }
        P::Active if state.devices[usize::from(device)].server == ServerDevice::Closed => {
            again(profile.close_device_twice_while_active == CloseDeviceTwiceWhileActive::Noerror)
        }
        P::Active => {
            let drain = profile.deliver_after_close_device == DeliverAfterCloseDevice::Drained;
            smallvec![
                Outcome::returns(HResult::NOERROR, C::ServerCloseDeviceStatus)
                    .effecting(Effect::CloseDevice { device, drain })
            ]
        }
        P::Initializing if server_is_ready(state) && state.agent.is_running() => {
            smallvec![out_of_phase(C::ServerCloseDevicePhase)]
        }
        _ => protocol(C::ServerCloseDevicePhase),
    }
}
