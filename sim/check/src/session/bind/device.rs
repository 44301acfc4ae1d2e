//! Calls on a device.

use super::argument::{Callee, NAMELESS, bad, buffer, by};
use crate::explain::InputError;
use crate::session::names::{Named, Referent};
use crate::session::{Bound, Invocation, Names, OnSuccess, PositionReport, SentCommand, Session};
use vdi_model::{Carried, ClientCall, Command, CommandId, Request, ServerCall};
use vdi_spec::codes::{Features, Win32};
use vdi_trace::{Args, Handle, Process, Size};

/// The device of this name that a process has opened.
pub(super) fn find(names: &Names, process: Process, on: &str) -> Result<Callee, InputError> {
    if let Some(Named { set, referent: Referent::Device { process: owner, index }, .. }) =
        names.find(on)
        && *owner == process
    {
        return Ok(Callee { set: *set, interface: 0, attached: None, device: *index });
    }
    bad(format!("`{on}` is no device that the {process} has opened"))
}

pub(super) fn send(
    session: &mut Session,
    callee: Callee,
    invocation: &Invocation<'_>,
) -> Result<ServerCall, InputError> {
    let Callee { set, device, .. } = callee;
    let args = invocation.args;
    let Some(code) = args.code.and_then(|code| code.command()) else {
        return bad("SendCommand's `code` is a command such as Write");
    };
    let buffer = match &args.buffer {
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
        buffer: buffer.buffer(),
    };
    note_sent(session, set, &sent);
    let name = invocation.creates.unwrap_or_default();
    session.names.give(name, set, Referent::Command(sent));
    let known = &session.sets[set].media.reported;
    Ok(ServerCall::SendCommand(Request {
        device,
        command: sent.id,
        code,
        buffer,
        size: sent.size.map(|size| i32::try_from(size).unwrap_or(i32::MAX)),
        positioned: sent.position.is_some(),
        foreign: sent.position.is_some_and(|position| !known.contains(&position)),
    }))
}

/// With RandomAccess it is followed where the medium stands.
fn note_sent(session: &mut Session, set: usize, sent: &SentCommand) {
    let Session { names, sets, .. } = session;
    let track = &mut sets[set];
    if track.config.asked.features.contains(Features::RANDOM_ACCESS) {
        let same_device = |command: &Command| command.device == sent.device;
        let busy = track.any(|state| state.commands.iter().any(same_device));
        track.media.note_sent(names, set, sent, busy);
    }
}

pub(super) fn complete(
    session: &Session,
    process: Process,
    callee: Callee,
    args: &Args<'_>,
) -> Result<Bound, InputError> {
    let Callee { set, device, .. } = callee;
    let Some(code) = args.code.and_then(|code| code.completion()) else {
        return bad("CompleteCommand's `code` is a completion code such as ERROR_SUCCESS");
    };
    let command = completed(&session.names, set, args)?;
    let then = match (command, args.position) {
        (Some(command), Some(position)) if code == Win32::ERROR_SUCCESS => {
            OnSuccess::Position(PositionReport { device, command, position })
        }
        (Some(_) | None, _) => OnSuccess::Nothing,
    };
    let (bytes, position) = (args.bytes.unwrap_or_default(), args.position.unwrap_or_default());
    let call = ClientCall::CompleteCommand { device, command, code, bytes, position };
    Ok(Bound::new(set, by(process, call), then))
}

/// The command that is completed; `None` for null and for what is no longer one of this set.
fn completed(names: &Names, set: usize, args: &Args<'_>) -> Result<Option<CommandId>, InputError> {
    let name = args.command.as_ref().and_then(|handle| handle.name());
    let Some(name) = name.filter(|name| *name != NAMELESS) else {
        return Ok(None);
    };
    if let Some((of, sent)) = names.find_command(name) {
        return Ok((of == set).then_some(sent.id));
    }
    if names.find(name).is_none() && !names.is_retired(name) {
        return bad(format!("`{name}` is no command that SendCommand sent"));
    }
    Ok(None)
}
