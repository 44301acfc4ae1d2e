//! What each call reads and changes: function by function, what the model looks at in
//! `outcomes` and in `returns`, and what the effects of these do.
//!
//! A footprint holds not only for the state at hand but for every state that the calls in
//! progress can bring about, since by it steps are left out that could come later. It is
//! therefore said with what does not change any more: an abort is not taken back, Active not
//! left, a device not opened or closed twice. A device that no call in progress closes stays
//! open, so that not all can be closed; the `deviceCount`-th device that is opened makes the
//! set Active, whichever that is, so that opening one changes nothing for opening another.

use super::configuration::Configuration;
use super::context::{Context, Pending, is_agent, is_ready};
use super::outlook::{Outlook, leaves_nothing_open};
use super::parts::{Aspect, Footprint, Parts, bit, whole};
use crate::session::Rivals;
use vdi_model::{Call, Caller, Carried, ClientCall, DeviceName, Request, ServerCall, Stage, State};
use vdi_spec::clauses::{
    ClientOpensFirst, CloseEventAfterServerClose, ConnectedStateCells, GetCommandBeforeActive,
};
use vdi_spec::codes::CommandCode;

use Aspect as A;

/// What the agent's return reads and changes. Commands whose callback is to come keep it from
/// returning, and no call makes fewer of them. Of the devices that have to be closed for it one
/// is enough: as long as that is not closed, no other makes it possible.
fn of_agent(outlook: &Outlook) -> Footprint {
    Footprint {
        reads: Parts::whole(whole::ABORT),
        awaits: outlook.first_to_close().and(whole::SERVER),
        writes: Parts::whole(whole::AGENT),
    }
}

/// What the end of a process reads and changes.
pub(super) fn of_exit(outlook: &Outlook) -> Footprint {
    Footprint::new(outlook.read_by_exit(), outlook.changed_by_exit())
}

/// What a call that is not settled yet reads and changes; with `before`, as it can take
/// effect before the abort that has happened.
pub(super) fn of(
    context: &Context<'_>,
    config: &Configuration,
    outlook: &Outlook,
    pending: &Pending<'_>,
    before: bool,
) -> Footprint {
    let state = &config.state;
    if outlook.is_unknown()
        || pending.bound.elsewhere
        || pending.bound.creates
        || context.profile().connected_state_cells == ConnectedStateCells::Table
            && state.configuration == vdi_model::Configuration::Unset
    {
        return Footprint::ALL;
    }
    if is_agent(state, pending.lane) {
        return of_agent(outlook);
    }
    if config.taken.has(pending.slot)
        && matches!(
            state.in_progress(pending.lane).map(|call| call.pending),
            Some(vdi_model::Pending::ServerClose(_))
        )
    {
        return Footprint::new(Parts::whole(whole::AGENT), Parts::default());
    }
    let aborted = state.aborted.is_some() && !before;
    match pending.call {
        Call::Server(call) => of_server(context, config, outlook, call, aborted),
        Call::Client(call) | Call::Secondary(_, call) => {
            of_client(context, config, outlook, pending, call, aborted)
        }
    }
}

/// Whether the call has taken effect and only its return is to come, if any: nothing bears on
/// it.
pub(super) fn is_settled(config: &Configuration, pending: &Pending<'_>) -> bool {
    let state = &config.state;
    let is_over = || {
        pending.lost && state.in_progress(pending.lane).is_none() && !is_agent(state, pending.lane)
    };
    config.taken.has(pending.slot) && (is_ready(state, pending.lane) || is_over())
}

fn of_server(
    context: &Context<'_>,
    config: &Configuration,
    outlook: &Outlook,
    call: &ServerCall,
    aborted: bool,
) -> Footprint {
    let state = &config.state;
    let phase = whole::SERVER | whole::ABORT;
    let reads = outlook.all_closed().and(phase);
    let nothing = Parts::default();
    if aborted && is_refused_after_abort(call) {
        return Footprint::new(Parts::whole(phase), nothing);
    }
    match call {
        ServerCall::Open { .. } => {
            Footprint::new(Parts::whole(phase | whole::CLIENT), Parts::whole(whole::SERVER))
        }
        ServerCall::GetConfiguration => Footprint::new(Parts::whole(phase), nothing),
        ServerCall::BeginConfiguration { .. }
        | ServerCall::RequestBuffers(_)
        | ServerCall::AllocateBuffer { .. }
        | ServerCall::FreeBuffer { .. }
        | ServerCall::QueryAvailableBuffers(_)
        | ServerCall::EndConfiguration
        | ServerCall::IsSharedBuffer { .. } => {
            of_buffers(context, &config.state, outlook, call, reads)
        }
        ServerCall::ExecuteCompletionAgent => {
            let mut reads = reads.and(whole::CONFIGURATION | whole::AGENT);
            if outlook.agents > 1 {
                reads.add(&outlook.activity(state));
            }
            Footprint::new(reads, Parts::whole(whole::AGENT))
        }
        ServerCall::OpenDevice { device } => {
            let devices = match device {
                Some(device) if !outlook.server_contested => bit(*device),
                Some(_) | None => u64::MAX,
            };
            let reads = reads.and(whole::CONFIGURATION).with(A::Opened, devices);
            Footprint::new(reads, nothing.with(A::Opened, devices))
        }
        ServerCall::SignalAbort => {
            let written = if aborted { 0 } else { whole::ABORT };
            Footprint::new(Parts::whole(phase), Parts::whole(written))
        }
        ServerCall::Close => of_server_close(outlook, aborted),
        ServerCall::SendCommand(request) => of_send(context, config, outlook, request, aborted),
        ServerCall::CloseDevice { device } => {
            let own = bit(*device);
            let mut reads = Parts::whole(phase).with(A::Closed, own).with(A::Commands, own);
            reads.add(&outlook.activity(state));
            if outlook.closed_again & own != 0 {
                reads.add(&outlook.all_closed());
            }
            Footprint::new(reads, nothing.with(A::Closed, own).with(A::Commands, own))
        }
    }
}

/// The server's calls that configure the set, and those on its buffers.
fn of_buffers(
    context: &Context<'_>,
    state: &State,
    outlook: &Outlook,
    call: &ServerCall,
    reads: Parts,
) -> Footprint {
    let apart = outlook.buffers_apart
        && matches!(call, ServerCall::AllocateBuffer { .. } | ServerCall::FreeBuffer { .. });
    let reads = reads.and(whole::CONFIGURATION | if apart { 0 } else { whole::BUFFERS });
    if let ServerCall::FreeBuffer { buffer: Some(buffer), .. } = call {
        let users = users(context, state, Carried::Buffer(*buffer));
        let reads = reads.with(A::Owed, users).with(A::Commands, users);
        return Footprint::new(reads, Parts::whole(whole::BUFFERS));
    }
    let written = match call {
        ServerCall::BeginConfiguration { .. } => whole::CONFIGURATION,
        ServerCall::EndConfiguration => whole::CONFIGURATION | whole::BUFFERS | whole::SEEN,
        ServerCall::RequestBuffers(_)
        | ServerCall::AllocateBuffer { .. }
        | ServerCall::FreeBuffer { .. } => whole::BUFFERS,
        ServerCall::QueryAvailableBuffers(_)
        | ServerCall::IsSharedBuffer { .. }
        | ServerCall::Open { .. }
        | ServerCall::GetConfiguration
        | ServerCall::ExecuteCompletionAgent
        | ServerCall::OpenDevice { .. }
        | ServerCall::SignalAbort
        | ServerCall::Close
        | ServerCall::SendCommand(_)
        | ServerCall::CloseDevice { .. } => 0,
    };
    Footprint::new(reads, Parts::whole(written))
}

/// Whether the call is refused after an abort, whatever else there is, and changes nothing.
pub(super) const fn is_refused_after_abort(call: &ServerCall) -> bool {
    match call {
        ServerCall::GetConfiguration
        | ServerCall::BeginConfiguration { .. }
        | ServerCall::RequestBuffers(_)
        | ServerCall::QueryAvailableBuffers(_)
        | ServerCall::EndConfiguration
        | ServerCall::ExecuteCompletionAgent
        | ServerCall::OpenDevice { .. }
        | ServerCall::AllocateBuffer { .. }
        | ServerCall::FreeBuffer { .. }
        | ServerCall::CloseDevice { .. } => true,
        ServerCall::Open { .. }
        | ServerCall::IsSharedBuffer { .. }
        | ServerCall::SignalAbort
        | ServerCall::Close
        | ServerCall::SendCommand(_) => false,
    }
}

/// The server's Close: whether it aborts is told by the devices; commands matter only where
/// all of them are closed.
fn of_server_close(outlook: &Outlook, aborted: bool) -> Footprint {
    let read = whole::SERVER | whole::ABORT | whole::AGENT;
    let mut reads = Parts::whole(read).with(A::Opened, u64::MAX).with(A::Closed, u64::MAX);
    let mut written = whole::SERVER;
    if !aborted {
        written |= whole::ABORT;
        if outlook.all_closed || outlook.closing != 0 {
            reads = reads.with(A::Owed, u64::MAX);
        }
    }
    Footprint::new(reads, Parts::whole(written))
}

fn of_send(
    context: &Context<'_>,
    config: &Configuration,
    outlook: &Outlook,
    request: &Request,
    aborted: bool,
) -> Footprint {
    let own = bit(request.device);
    let phase = whole::SERVER | whole::ABORT;
    let owed = Parts::default().with(A::Owed, own);
    if aborted {
        return Footprint::new(Parts::whole(phase), owed);
    }
    let users = users(context, &config.state, request.buffer);
    let mut reads = Parts::whole(phase).with(A::Closed, own).with(A::Commands, own | users);
    reads.add(&outlook.activity(&config.state));
    if changes_buffer(context, request.buffer) {
        reads = reads.and(whole::BUFFERS);
    }
    Footprint::new(reads, owed.with(A::Commands, own))
}

/// Whether the call sends data. Where a device is found full it may be refused for that. What is
/// queued is queued all the same, and whoever began to send before it was told is excused.
pub(super) fn sends_data(call: &Call) -> bool {
    match call {
        Call::Server(ServerCall::SendCommand(request)) => {
            matches!(request.code, CommandCode::Write | CommandCode::WriteMark)
        }
        Call::Server(_) | Call::Client(_) | Call::Secondary(..) => false,
    }
}

/// The devices with a command, sent or about to be, that carries this buffer.
fn users(context: &Context<'_>, state: &State, carried: Carried) -> u64 {
    let Carried::Buffer(buffer) = carried else {
        return 0;
    };
    let sent = state.commands.iter().filter(|command| command.buffer == Some(buffer));
    let sending = context.pending.iter().filter_map(|pending| match pending.call {
        Call::Server(ServerCall::SendCommand(request)) => {
            (request.buffer == carried).then_some(request.device)
        }
        Call::Server(_) | Call::Client(_) | Call::Secondary(..) => None,
    });
    sent.map(|command| command.device).chain(sending).fold(0, |all, device| all | bit(device))
}

/// Whether a call in progress allocates or frees the buffer.
fn changes_buffer(context: &Context<'_>, carried: Carried) -> bool {
    context.pending.iter().any(|pending| match pending.call {
        Call::Server(ServerCall::AllocateBuffer { buffer, .. }) => {
            carried == Carried::Buffer(*buffer)
        }
        Call::Server(ServerCall::FreeBuffer { buffer: Some(buffer), .. }) => {
            carried == Carried::Buffer(*buffer)
        }
        Call::Server(_) | Call::Client(_) | Call::Secondary(..) => false,
    })
}

fn of_client(
    context: &Context<'_>,
    config: &Configuration,
    outlook: &Outlook,
    pending: &Pending<'_>,
    call: &ClientCall,
    aborted: bool,
) -> Footprint {
    let state = &config.state;
    let life =
        if pending.call.caller() == Caller::Client(0) { whole::CLIENT } else { whole::SECONDARIES };
    let seen = if state.configuration_seen { 0 } else { whole::SEEN | whole::CONFIGURATION };
    let alive = Parts::whole(life | whole::ABORT);
    let nothing = Parts::default();
    match call {
        ClientCall::Create { .. } => Footprint::ALL,
        ClientCall::OpenInSecondary { .. } => {
            let read = whole::SECONDARIES | whole::CLIENT | whole::SERVER;
            Footprint::new(alive.and(read | seen), Parts::whole(whole::SECONDARIES))
        }
        ClientCall::GetBufferHandle { .. } => {
            let reads = alive.and(whole::BUFFERS | whole::MAPPED);
            let reads = reads.with(A::Commands, u64::MAX).with(A::Joined, u64::MAX);
            Footprint::new(reads, nothing)
        }
        ClientCall::MapBufferHandle { .. } => {
            Footprint::new(alive.and(whole::BUFFERS), Parts::whole(whole::MAPPED))
        }
        ClientCall::GetConfiguration { .. } => {
            let written = if state.configuration_seen { 0 } else { whole::SEEN };
            Footprint::new(alive.and(whole::CONFIGURATION), Parts::whole(written))
        }
        ClientCall::OpenDevice { .. } | ClientCall::GetCommand { .. } if aborted => {
            Footprint::new(alive.and(seen), nothing)
        }
        ClientCall::CompleteCommand { .. } if aborted => Footprint::new(alive.and(seen), nothing),
        ClientCall::OpenDevice { name } => {
            let reads = alive.and(seen);
            of_client_open(context, outlook, (*name, pending.bound.rivals), reads)
        }
        ClientCall::GetCommand { device, .. } => {
            of_get_command(context, outlook, *device, alive.and(seen))
        }
        ClientCall::CompleteCommand { device, .. } => {
            let own = bit(*device);
            let reads = alive.and(seen).with(A::Commands, own).with(A::Ended, own);
            let reads = reads.with(A::Joined, own | outlook.unjoined);
            Footprint::new(reads, nothing.with(A::Commands, own))
        }
        ClientCall::SignalAbort => {
            let written = if aborted { 0 } else { whole::ABORT };
            Footprint::new(alive, Parts::whole(written))
        }
        ClientCall::Close if !aborted && outlook.closes_softly(pending.call.caller()) => {
            of_close_as_abort(life)
        }
        ClientCall::Close if leaves_nothing_open(context, state, pending.call.caller()) => {
            let written = life | whole::BUFFERS | whole::MAPPED;
            Footprint::new(alive.and(whole::CLIENT), Parts::whole(written))
        }
        ClientCall::Close if aborted => of_late_close(context, state, life),
        ClientCall::Close => of_client_close(life),
    }
}

/// The Close of the primary, or of a secondary, that is an abort: a device stays open, whatever
/// comes of the others.
fn of_close_as_abort(life: u16) -> Footprint {
    let read = whole::CLIENT | whole::ABORT | whole::SERVER | whole::SEEN;
    let written = life | whole::ABORT | whole::MAPPED | whole::BUFFERS;
    Footprint::new(Parts::whole(life | read), Parts::whole(written))
}

/// What a client's OpenDevice reads that opens nothing: all devices may be open.
pub(super) fn refused_open(reads: Parts) -> Parts {
    reads.with(A::Joined, u64::MAX).with(A::Ended, u64::MAX).with(A::Opened, u64::MAX)
}

fn of_client_open(
    context: &Context<'_>,
    outlook: &Outlook,
    (name, rivals): (DeviceName, Rivals),
    reads: Parts,
) -> Footprint {
    let (DeviceName::Known(device) | DeviceName::New(device)) = name else {
        return Footprint::new(refused_open(reads), Parts::default());
    };
    let own = bit(device);
    let mut reads = reads.with(A::Joined, own);
    let accepted = context.profile().client_opens_first == ClientOpensFirst::Accepted;
    let contested = outlook.client_contested & own != 0;
    if !accepted || contested || rivals.open(device) {
        reads = reads.with(A::Opened, own);
    }
    Footprint::new(reads, Parts::default().with(A::Joined, own))
}

fn of_get_command(context: &Context<'_>, outlook: &Outlook, device: u8, reads: Parts) -> Footprint {
    let (own, profile) = (bit(device), context.profile());
    let mut reads = reads.with(A::Commands, own).with(A::Closed, own);
    reads = reads.with(A::Ended, own).with(A::Joined, own);
    if profile.get_command_before_active == GetCommandBeforeActive::ProtocolError {
        reads = reads.with(A::Joined, outlook.unjoined);
    }
    if profile.close_event_after_server_close == CloseEventAfterServerClose::AbortError {
        reads = reads.and(whole::SERVER);
    }
    let writes = Parts::whole(whole::MAPPED).with(A::Commands, own).with(A::Ended, own);
    Footprint::new(reads, writes)
}

/// A client's Close: of the primary's all depends on how far the devices are, and what a
/// client holds ends with it.
fn of_client_close(life: u16) -> Footprint {
    let any = u64::MAX;
    let reads = Parts::whole(life | whole::ABORT | whole::SERVER);
    let reads = reads.with(A::Joined, any).with(A::Ended, any).with(A::Closed, any);
    let reads = reads.with(A::Commands, any).with(A::Owed, any).and(whole::BUFFERS);
    let written = life | whole::MAPPED | whole::BUFFERS | whole::ABORT;
    Footprint::new(reads, Parts::whole(written).with(A::Commands, any))
}

/// The same after an abort: how far the server is with its devices makes no difference then, nor
/// do commands that no client has in hand, or is about to be given.
fn of_late_close(context: &Context<'_>, state: &State, life: u16) -> Footprint {
    let held = state.commands.iter().filter(|command| command.stage == Stage::Delivered);
    let held = held.fold(0, |all, command| all | bit(command.device));
    let hands = context.pending.iter().fold(held, |all, pending| match pending.call {
        Call::Client(call) | Call::Secondary(_, call) => match call {
            ClientCall::GetCommand { device, .. } | ClientCall::CompleteCommand { device, .. } => {
                all | bit(*device)
            }
            ClientCall::Create { .. }
            | ClientCall::OpenInSecondary { .. }
            | ClientCall::OpenDevice { .. }
            | ClientCall::GetBufferHandle { .. }
            | ClientCall::MapBufferHandle { .. }
            | ClientCall::GetConfiguration { .. }
            | ClientCall::SignalAbort
            | ClientCall::Close => all,
        },
        Call::Server(_) => all,
    });
    let reads = Parts::whole(life | whole::ABORT | whole::SERVER).and(whole::BUFFERS);
    let reads = reads.with(A::Joined, u64::MAX).with(A::Ended, u64::MAX).with(A::Commands, hands);
    let written = Parts::whole(life | whole::MAPPED | whole::BUFFERS);
    Footprint::new(reads, written.with(A::Commands, hands))
}

/// What the routines of a device read and change that the agent may have begun to invoke
/// without being seen: that a command is owed no more, and the error state, if it is in one
/// or about to be.
pub(super) fn of_routines(outlook: &Outlook, device: u8) -> Footprint {
    let own = bit(device);
    let full = if outlook.full { whole::FULL } else { 0 };
    let reads = Parts::whole(whole::ABORT);
    let writes = Parts::whole(full).with(A::Owed, own);
    let commands = Parts::default().with(A::Commands, own);
    if outlook.erring & own == 0 {
        return Footprint { reads, awaits: commands, writes };
    }
    Footprint::new(reads.with(A::Commands, own), writes.with(A::Commands, own))
}

/// The same of a routine that is seen.
pub(super) fn of_callback(outlook: &Outlook, device: u8) -> Footprint {
    let own = bit(device);
    let full = if outlook.full { whole::FULL } else { 0 };
    let reads = Parts::whole(whole::ABORT | whole::AGENT);
    let reads = reads.with(A::Commands, own).with(A::Owed, own);
    Footprint::new(reads, Parts::whole(full).with(A::Owed, own).with(A::Commands, own))
}

/// The devices whose routines may be begun without being seen: those with commands, sent or
/// about to be. After an abort nothing depends on them.
pub(super) fn with_routines(context: &Context<'_>, state: &State) -> u64 {
    let sending = context.pending.iter().filter_map(|pending| match pending.call {
        Call::Server(ServerCall::SendCommand(request)) => Some(request.device),
        Call::Server(_) | Call::Client(_) | Call::Secondary(..) => None,
    });
    let sent = state.commands.iter().map(|command| command.device);
    sent.chain(sending).fold(0, |all, device| all | bit(device))
}

/// Whether the call can make the set Active.
pub(super) const fn activates(call: &Call) -> bool {
    match call {
        Call::Server(call) => {
            matches!(call, ServerCall::OpenDevice { .. } | ServerCall::ExecuteCompletionAgent)
        }
        Call::Client(call) | Call::Secondary(_, call) => {
            matches!(call, ClientCall::OpenDevice { .. })
        }
    }
}

/// Whether the call reads and changes nothing but its device, as far as calls go that can
/// still be made to happen before an abort.
pub(super) fn is_of_device(call: &Call, reads: &Parts) -> bool {
    match call {
        Call::Server(ServerCall::SendCommand(request)) => {
            !reads.has(whole::FULL | whole::BUFFERS)
                && reads.of(A::Commands) & !bit(request.device) == 0
        }
        Call::Server(call) => {
            matches!(call, ServerCall::CloseDevice { .. } | ServerCall::OpenDevice { .. })
        }
        Call::Client(call) | Call::Secondary(_, call) => matches!(
            call,
            ClientCall::OpenDevice { .. }
                | ClientCall::GetCommand { .. }
                | ClientCall::CompleteCommand { .. }
        ),
    }
}
