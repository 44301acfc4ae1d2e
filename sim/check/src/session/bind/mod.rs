//! From a call as it stands in a trace to a call of the model.

mod argument;
mod client;
mod device;
mod server;

pub(crate) use argument::caller;

use argument::{Callee, bad, buffer_argument, by, requested, sized, timeout};

use super::call::{Bound, Invocation, OnSuccess};
use super::{Names, Session, SetTrack};
use crate::explain::InputError;
use crate::terms::Terms;
use vdi_model::{Call, ClientCall, ServerCall};
use vdi_trace::{Args, Creates, Function, FunctionInfo, Process, Target, function};

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
    code_of_its_kind(name, args)?;
    match (row.creates, creates) {
        (Creates::Nothing, Some(handle)) => {
            bad(format!("{name} makes nothing that could be named `{handle}`"))
        }
        (Creates::Command, None) => bad("SendCommand needs `as`, the name of the command"),
        _ => Ok(row),
    }
}

/// What is sent has the code of a command, what is completed a completion code.
fn code_of_its_kind(name: Function, args: &Args<'_>) -> Result<(), InputError> {
    let Some(code) = args.code else { return Ok(()) };
    if name == Function::SendCommand && code.command().is_none() {
        return bad("SendCommand's `code` is a command such as Write");
    }
    if name == Function::CompleteCommand && code.completion().is_none() {
        return bad("CompleteCommand's `code` is a completion code such as ERROR_SUCCESS");
    }
    Ok(())
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
        Function::Open => return Ok(server::open(session, callee, invocation)),
        Function::Create | Function::CreateEx => {
            return client::create(session, process, callee, invocation);
        }
        Function::OpenInSecondary | Function::OpenInSecondaryEx => {
            return Ok(client::open_in_secondary(session, process, callee, invocation));
        }
        Function::CompleteCommand => return device::complete(session, process, callee, args),
        Function::BeginConfiguration => return Ok(server::configure(terms, callee, args)),
        Function::AllocateBuffer => {
            return Ok(server::allocate(session, terms, callee, invocation));
        }
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
            let kind = requested(args);
            then = OnSuccess::Counted(kind);
            Call::Server(ServerCall::QueryAvailableBuffers(kind))
        }
        Function::GetConfiguration if is_server => {
            then = OnSuccess::ServerConfiguration;
            Call::Server(ServerCall::GetConfiguration)
        }
        Function::GetConfiguration => {
            then = OnSuccess::ClientConfiguration;
            by(process, ClientCall::GetConfiguration { timeout: timeout(terms, args.timeout) })
        }
        Function::RequestBuffers => {
            let kind = requested(args);
            Call::Server(ServerCall::RequestBuffers(kind))
        }
        Function::IsSharedBuffer => Call::Server(server::is_shared(session, callee.set, args)?),
        Function::EndConfiguration => Call::Server(ServerCall::EndConfiguration),
        Function::ExecuteCompletionAgent => Call::Server(ServerCall::ExecuteCompletionAgent),
        Function::FreeBuffer => {
            let buffer = buffer_argument(&session.names, args)?;
            Call::Server(ServerCall::FreeBuffer { buffer, sized: sized(&session.names, args) })
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

/// An OpenDevice of that name, as it is understood in another set.
pub(crate) fn find_device(
    set: &SetTrack,
    call: &Call,
    name: &str,
    handle: Option<String>,
) -> (Call, OnSuccess) {
    match call {
        Call::Server(_) => server::device(set, name, handle),
        Call::Client(_) => {
            let (call, then) = client::device(set, name, handle);
            (Call::Client(call), then)
        }
        Call::Secondary(number, _) => {
            let (call, then) = client::device(set, name, handle);
            (Call::Secondary(*number, call), then)
        }
    }
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
