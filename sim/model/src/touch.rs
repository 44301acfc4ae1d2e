//! Hazards: what becomes of a buffer or an interface pointer that is used.

use super::BufferId;
use super::CommandId;
use super::state::{Cause, ServerLife, Stage, State};
use super::values::Caller;
use vdi_spec::clauses::Clause;

/// What a party can touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    /// A buffer.
    Buffer(BufferId),
    /// An interface to a device.
    Device,
    /// The structure of a command.
    Command(CommandId),
}

/// What touching an object means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Touch {
    /// Whether the object is still there for this party.
    pub alive: bool,
    /// The clause this rests on first.
    pub clause: Clause,
    /// A further clause it rests on.
    pub also: Option<Clause>,
    /// The obligation the party breaks by touching it, if it does. With
    /// `alive == false` this is a hazard: undefined behaviour in a real process.
    pub misuse: Option<Clause>,
}

/// What happens when a process uses `object`.
#[must_use]
pub fn touch(state: &State, process: Caller, object: Object) -> Touch {
    let (gone, released, use_after) = match process {
        Caller::Client(client) => {
            (!state.client_open(client), Clause::ClientCloseReleases, Clause::ClientCloseUseAfter)
        }
        Caller::Server => (
            state.server != ServerLife::Open,
            Clause::ServerCloseReleases,
            Clause::ServerCloseUseAfter,
        ),
    };
    let freed = matches!(object, Object::Buffer(buffer) if state.buffer(buffer).is_none());
    if gone || freed {
        let clause = if gone { released } else { Clause::ServerFreeBufferStatus };
        let unmapped = process == Caller::Server
            && !freed
            && state.aborted == Some(Cause::ServerCloseDevicesOpen);
        let also = unmapped.then_some(Clause::ServerCloseDevicesOpenReleases);
        return Touch { alive: false, clause, also, misuse: Some(use_after) };
    }
    if let Some(unknown) = unknown_address(state, process, object) {
        return unknown;
    }
    let clause = if state.aborted.is_some() { Clause::AbortBuffersStay } else { released };
    let misuse = match object {
        Object::Buffer(buffer) => control(state, process, buffer),
        Object::Device | Object::Command(_) => None,
    };
    Touch { alive: true, clause, also: None, misuse }
}

/// A secondary client has the address of a buffer that GetCommand or
/// MapBufferHandle gave it; an address from another process is worth nothing there.
fn unknown_address(state: &State, process: Caller, object: Object) -> Option<Touch> {
    let (Caller::Client(client @ 1..), Object::Buffer(buffer)) = (process, object) else {
        return None;
    };
    is_unmapped(state, client, buffer).then_some(Touch {
        alive: false,
        clause: Clause::ClientMapBufferHandleStatus,
        also: None,
        misuse: Some(Clause::ClientBufferMapped),
    })
}

/// Whether a client process has no address of a buffer that is there.
fn is_unmapped(state: &State, client: u8, buffer: BufferId) -> bool {
    client > 0 && state.buffer(buffer).is_none_or(|known| known.mapped & (1 << client) == 0)
}

/// The obligation broken by using a buffer that the other party controls.
fn control(state: &State, process: Caller, buffer: BufferId) -> Option<Clause> {
    if state.aborted.is_some() {
        return control_after_abort(state, process, buffer);
    }
    let mut stages = state.commands.iter().filter(|command| command.buffer == Some(buffer));
    match process {
        Caller::Client(_) => {
            let held = stages.any(|command| command.stage == Stage::Delivered);
            (!held).then_some(Clause::ClientBufferControl)
        }
        // What is queued is outstanding already.
        Caller::Server => stages
            .any(|command| matches!(command.stage, Stage::Queued | Stage::Delivered))
            .then_some(Clause::ServerBufferControl),
    }
}

/// After an abort each side keeps what it controlled, until its own Close; whether the
/// command was called back meanwhile makes no difference.
fn control_after_abort(state: &State, process: Caller, buffer: BufferId) -> Option<Clause> {
    let kept = state.buffer(buffer).is_some_and(|buffer| buffer.kept);
    match process {
        Caller::Client(_) => (!kept).then_some(Clause::ClientBufferControlAfterAbort),
        Caller::Server => kept.then_some(Clause::ServerBufferControlAfterAbort),
    }
}

/// The process reads or writes the data of `object`; gives the obligation it breaks
/// by writing, if it does.
pub fn uses(state: &mut State, process: Caller, object: Object, writes: bool) -> Option<Clause> {
    match (process, object) {
        (Caller::Client(_), Object::Command(_)) => writes.then_some(Clause::ClientCommandReadOnly),
        (Caller::Client(client), Object::Buffer(buffer))
            if writes && state.buffer(buffer).is_some() && is_unmapped(state, client, buffer) =>
        {
            Some(Clause::ClientBufferMapped)
        }
        (Caller::Client(_), Object::Buffer(buffer)) => {
            let held = state.commands.iter_mut().find(|command| {
                command.buffer == Some(buffer) && command.stage == Stage::Delivered
            });
            if let Some(command) = held {
                command.used = true;
                return None;
            }
            if writes { control(state, process, buffer) } else { None }
        }
        (Caller::Server, Object::Buffer(buffer)) if writes => {
            let there = state.server == ServerLife::Open && state.buffer(buffer).is_some();
            if there { control(state, process, buffer) } else { Some(Clause::ServerCloseUseAfter) }
        }
        _ => None,
    }
}
