//! Calls on a device.

use super::{Bound, OnSuccess, PositionReport, bad, buffer, by, timeout};
use crate::explain::InputError;
use crate::rules::note_sent;
use crate::session::names::Referent;
use crate::session::{Invocation, Names, SentCommand, Session};
use crate::terms::Terms;
use vdi_model::{Call, Carried, ClientCall, CommandId, Request, ServerCall};
use vdi_spec::codes::Win32;
use vdi_trace::{Args, Function, Handle, Process, Size};

pub(super) fn bind(
    session: &mut Session,
    terms: &Terms,
    process: Process,
    invocation: &Invocation<'_>,
) -> Result<Bound, InputError> {
    let Invocation { on, args, .. } = *invocation;
    let Some((set, device)) = find(&session.names, on, process) else {
        return bad(format!("`{on}` is no device that the {process} has opened"));
    };
    let call = match invocation.function {
        Function::SendCommand => {
            let request = send(session, set, device, invocation)?;
            Call::Server(ServerCall::SendCommand(request))
        }
        Function::CloseDevice => Call::Server(ServerCall::CloseDevice { device }),
        Function::GetCommand => {
            let timeout = timeout(terms, args.timeout);
            by(process, ClientCall::GetCommand { device, timeout })
        }
        Function::CompleteCommand => return complete(&session.names, process, set, device, args),
        Function::Open
        | Function::GetConfiguration
        | Function::BeginConfiguration
        | Function::RequestBuffers
        | Function::QueryAvailableBuffers
        | Function::EndConfiguration
        | Function::ExecuteCompletionAgent
        | Function::OpenDevice
        | Function::AllocateBuffer
        | Function::FreeBuffer
        | Function::SignalAbort
        | Function::Close
        | Function::Create
        | Function::CreateEx
        | Function::IsSharedBuffer
        | Function::OpenInSecondary
        | Function::OpenInSecondaryEx
        | Function::GetBufferHandle
        | Function::MapBufferHandle => {
            return bad(format!("{} is not called on a device", invocation.function));
        }
    };
    Ok(Bound::new(set, call, OnSuccess::Nothing))
}

/// The set and the index of a device that a process has opened.
fn find(names: &Names, on: &str, owner: Process) -> Option<(usize, u8)> {
    let named = names.find(on)?;
    match named.referent {
        Referent::Device { process, index } => (process == owner).then_some((named.set, index)),
        Referent::Buffer(_) | Referent::Handle(_) | Referent::Command(_) => None,
    }
}

fn send(
    session: &mut Session,
    set: usize,
    device: u8,
    invocation: &Invocation<'_>,
) -> Result<Request, InputError> {
    let args = invocation.args;
    let Some(code) = args.code.and_then(|code| code.command()) else {
        return bad("SendCommand's `code` is a command such as Write");
    };
    let carried = match &args.buffer {
        None => Carried::Untold,
        Some(Handle::Null) => Carried::Null,
        Some(Handle::Name(name)) => Carried::Buffer(buffer(&session.names, name.as_str())?),
    };
    let sent = SentCommand {
        id: CommandId(session.next_id()),
        device,
        code,
        size: args.size.map(|Size(size)| size),
        position: args.position,
        buffer: carried.buffer(),
    };
    note_sent(session, set, &sent);
    let name = invocation.creates.unwrap_or_default();
    session.names.give(name, set, Referent::Command(sent));
    let known = &session.sets[set].media.reported;
    Ok(Request {
        device,
        command: sent.id,
        code,
        buffer: carried,
        size: sent.size.map(|size| i32::try_from(size).unwrap_or(i32::MAX)),
        positioned: sent.position.is_some(),
        foreign: sent.position.is_some_and(|position| !known.contains(&position)),
    })
}

fn complete(
    names: &Names,
    process: Process,
    set: usize,
    device: u8,
    args: &Args<'_>,
) -> Result<Bound, InputError> {
    let Some(code) = args.code.and_then(|code| code.completion()) else {
        return bad("CompleteCommand's `code` is a completion code such as ERROR_SUCCESS");
    };
    let command = match args.command.as_ref().and_then(|handle| handle.name()) {
        None => None,
        Some(name) => completed(names, set, name)?,
    };
    let then = match (command, args.position) {
        (Some(command), Some(position)) if code == Win32::ERROR_SUCCESS => {
            OnSuccess::Position(PositionReport { device, command, position })
        }
        (Some(_), _) | (None, _) => OnSuccess::Nothing,
    };
    let (bytes, position) = (args.bytes.unwrap_or_default(), args.position.unwrap_or_default());
    let call = ClientCall::CompleteCommand { device, command, code, bytes, position };
    Ok(Bound::new(set, by(process, call), then))
}

/// The command that is completed; `None` for what is no longer one of this set.
fn completed(names: &Names, set: usize, name: &str) -> Result<Option<CommandId>, InputError> {
    let Some(named) = names.find(name) else {
        if names.is_retired(name) {
            return Ok(None);
        }
        return bad(format!("`{name}` is no command that SendCommand sent"));
    };
    Ok(match named.referent {
        Referent::Command(sent) => (named.set == set).then_some(sent.id),
        Referent::Device { .. } | Referent::Buffer(_) | Referent::Handle(_) => None,
    })
}
