//! From a call as it stands in a trace to a call of the model.

mod client;
mod device;
mod server;

use super::call::{Bound, Invocation, OnSuccess, PositionReport};
use super::names::Referent;
use super::{Names, Session, SetTrack};
use crate::explain::InputError;
use crate::terms::Terms;
use vdi_model::{BufferId, Call, Caller, ClientCall, Requested, ServerCall, Timeout};
use vdi_trace::{
    Args, Creates, Function, FunctionInfo, Process, Size, Target, TimeoutArg, function,
};

fn bad<T>(message: impl Into<String>) -> Result<T, InputError> {
    Err(InputError(message.into()))
}

/// The row of the function as this process has it, its arguments checked by name.
pub(crate) fn checked_row(
    process: Process,
    name: Function,
    creates: Option<&str>,
    args: &Args<'_>,
) -> Result<&'static FunctionInfo, InputError> {
    let Some(row) = function(process.party(), name) else {
        return bad(format!("the {} has no function {name}", process.party()));
    };
    let given = args.given();
    let missing = row.required.without(given);
    if !missing.is_empty() {
        return bad(format!("{name} needs the argument `{}`", missing.names().join("`, `")));
    }
    let surplus = given.without(row.required.with(row.optional));
    if !surplus.is_empty() {
        let known = row.required.with(row.optional).names().join("`, `");
        let takes = if known.is_empty() { "none".to_owned() } else { format!("`{known}`") };
        let surplus = surplus.names().join("`, `");
        return bad(format!("{name} has no argument `{surplus}`; it takes {takes}"));
    }
    match (row.creates, creates) {
        (Creates::Nothing, Some(handle)) => {
            bad(format!("{name} makes nothing that could be named `{handle}`"))
        }
        (Creates::Command, None) => bad("SendCommand needs `as`, the name of the command"),
        _ => Ok(row),
    }
}

/// What a call is made on.
#[derive(Clone, Copy)]
struct Callee {
    /// Its set; that of an interface is the one it is, or was last, attached to.
    set: usize,
    /// If it is a set interface: its number, and the set that it is attached to.
    interface: usize,
    attached: Option<usize>,
    /// If it is a device: its index.
    device: u8,
}

/// The call of the model that a call of the trace is.
///
/// # Errors
/// No implementation could have been called like this.
pub(crate) fn bind(
    session: &mut Session,
    terms: &Terms,
    process: Process,
    invocation: &Invocation<'_>,
) -> Result<Bound, InputError> {
    let Invocation { function, on, creates, args } = *invocation;
    let row = checked_row(process, function, creates, args)?;
    if let Some(handle) = creates {
        session.names.check_free(handle)?;
    }
    let callee = match row.target {
        Target::Set => interface(&session.names, process, on)?,
        Target::Device => device::find(&session.names, process, on)?,
    };
    let bound = bound(session, terms, process, callee, invocation)?;
    let interface = (row.target == Target::Set).then_some(callee.interface);
    Ok(Bound { on: interface, ..bound })
}

fn bound(
    session: &mut Session,
    terms: &Terms,
    process: Process,
    callee: Callee,
    invocation: &Invocation<'_>,
) -> Result<Bound, InputError> {
    let args = invocation.args;
    let is_server = process == Process::Server;
    let mut then = OnSuccess::Nothing;
    let call = match invocation.function {
        Function::Open => return Ok(server::open(session, callee, args)),
        Function::Create | Function::CreateEx => {
            return client::create(session, process, callee, args);
        }
        Function::OpenInSecondary | Function::OpenInSecondaryEx => {
            return Ok(client::open_in_secondary(session, process, callee, args));
        }
        Function::CompleteCommand => return device::complete(session, process, callee, args),
        Function::BeginConfiguration => return Ok(server::configure(terms, callee, args)),
        Function::AllocateBuffer => return Ok(server::allocate(session, callee, invocation)),
        Function::OpenDevice if is_server => {
            return Ok(server::open_device(session, callee, invocation));
        }
        Function::OpenDevice => {
            return Ok(client::open_device(session, process, callee, invocation));
        }
        Function::GetBufferHandle => {
            return client::get_handle(session, process, callee, invocation);
        }
        Function::QueryAvailableBuffers => {
            then = OnSuccess::Counted(requested(args));
            Call::Server(ServerCall::QueryAvailableBuffers(requested(args)))
        }
        Function::GetConfiguration if is_server => {
            then = OnSuccess::ServerConfiguration;
            Call::Server(ServerCall::GetConfiguration)
        }
        Function::GetConfiguration => {
            then = OnSuccess::ClientConfiguration;
            by(process, ClientCall::GetConfiguration { timeout: timeout(terms, args.timeout) })
        }
        Function::RequestBuffers => Call::Server(ServerCall::RequestBuffers(requested(args))),
        Function::IsSharedBuffer => {
            let buffer = buffer_argument(&session.names, args)?;
            Call::Server(ServerCall::IsSharedBuffer { buffer })
        }
        Function::EndConfiguration => Call::Server(ServerCall::EndConfiguration),
        Function::ExecuteCompletionAgent => Call::Server(ServerCall::ExecuteCompletionAgent),
        Function::FreeBuffer => {
            let buffer = buffer_argument(&session.names, args)?;
            Call::Server(ServerCall::FreeBuffer { buffer })
        }
        Function::SendCommand => Call::Server(device::send(session, callee, invocation)?),
        Function::CloseDevice => Call::Server(ServerCall::CloseDevice { device: callee.device }),
        Function::SignalAbort if is_server => Call::Server(ServerCall::SignalAbort),
        Function::Close if is_server => Call::Server(ServerCall::Close),
        Function::SignalAbort => by(process, ClientCall::SignalAbort),
        Function::Close => by(process, ClientCall::Close),
        Function::MapBufferHandle => client::map_handle(session, process, callee, args)?,
        Function::GetCommand => {
            let timeout = timeout(terms, args.timeout);
            by(process, ClientCall::GetCommand { device: callee.device, timeout })
        }
    };
    Ok(Bound::new(callee.set, call, then))
}

/// The set interface of this name.
fn interface(names: &Names, process: Process, on: &str) -> Result<Callee, InputError> {
    let Some(interface) = names.interface(on) else {
        return bad(format!(
            "unknown set interface `{on}`, expected sset, cset, or one that the header's `interfaces` names"
        ));
    };
    let known = &names.interfaces[interface];
    let owner = known.process;
    if owner != process {
        return bad(format!("`{on}` belongs to the process {owner}, not to {process}"));
    }
    let set = known.set.unwrap_or(SetTrack::UNATTACHED);
    Ok(Callee { set, interface, attached: known.set, device: 0 })
}

/// The argument `name`, empty if it is not given.
fn name_argument<'a>(args: &'a Args<'_>) -> &'a str {
    args.name.as_ref().map(|name| name.as_str()).unwrap_or_default()
}

fn buffer(names: &Names, name: &str) -> Result<BufferId, InputError> {
    match names.find(name).map(|named| &named.referent) {
        Some(Referent::Buffer(allocated)) => Ok(allocated.id),
        Some(Referent::Device { .. } | Referent::Handle(_) | Referent::Command(_)) | None => {
            bad(format!("`{name}` is no buffer that AllocateBuffer gave"))
        }
    }
}

/// The argument `buffer`; `None` for the null pointer.
fn buffer_argument(names: &Names, args: &Args<'_>) -> Result<Option<BufferId>, InputError> {
    match args.buffer.as_ref().and_then(|handle| handle.name()) {
        None => Ok(None),
        Some(name) => buffer(names, name).map(Some),
    }
}

fn timeout(terms: &Terms, given: Option<TimeoutArg>) -> Timeout {
    match given {
        Some(TimeoutArg::Milliseconds(0)) => Timeout::Poll,
        Some(TimeoutArg::Milliseconds(_)) if terms.time_is_recorded => Timeout::Told,
        Some(TimeoutArg::Milliseconds(_)) => Timeout::Finite,
        Some(TimeoutArg::Infinite) | None => Timeout::Infinite,
    }
}

/// The number that the model gives a client's process.
const fn client_number(process: Process) -> u8 {
    match process {
        Process::Secondary(number) => number,
        Process::Server | Process::Primary => 0,
    }
}

/// Who a process is to the model.
pub(crate) const fn caller(process: Process) -> Caller {
    match process {
        Process::Server => Caller::Server,
        Process::Primary | Process::Secondary(_) => Caller::Client(client_number(process)),
    }
}

const fn by(process: Process, call: ClientCall) -> Call {
    match process {
        Process::Secondary(number) => Call::Secondary(number, call),
        Process::Server | Process::Primary => Call::Client(call),
    }
}

/// Buffers as RequestBuffers and its like ask for them.
fn requested(args: &Args<'_>) -> Requested {
    Requested {
        size: args.size.map_or(0, |Size(size)| u32::try_from(size).unwrap_or(0)),
        alignment: args.alignment.unwrap_or_default(),
        count: args.count.unwrap_or_default(),
    }
}
