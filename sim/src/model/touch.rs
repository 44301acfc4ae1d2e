//! Hazards: what becomes of a buffer or an interface pointer that is used.

use super::BufferId;
use super::state::{Cause, ClientLife, ServerLife, Stage, State};
use crate::clauses::{Clause, Party};

/// What a party can touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    /// A buffer.
    Buffer(BufferId),
    /// An interface to a device.
    Device,
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

/// What happens when `party` uses `object`.
#[must_use]
pub fn touch(state: &State, party: Party, object: Object) -> Touch {
    let (gone, released, use_after) = match party {
        Party::Client => (
            state.client != ClientLife::Created,
            Clause::ClientCloseReleases,
            Clause::ClientCloseUseAfter,
        ),
        _ => (
            state.server != ServerLife::Open,
            Clause::ServerCloseReleases,
            Clause::ServerCloseUseAfter,
        ),
    };
    let freed = matches!(object, Object::Buffer(buffer) if !state.buffers.contains(&buffer));
    if gone || freed {
        let clause = if gone { released } else { Clause::ServerFreeBufferStatus };
        let unmapped = party == Party::Server
            && !freed
            && state.aborted == Some(Cause::ServerCloseDevicesOpen);
        let also = unmapped.then_some(Clause::ServerCloseDevicesOpenReleases);
        return Touch { alive: false, clause, also, misuse: Some(use_after) };
    }
    let clause = if state.aborted.is_some() { Clause::AbortBuffersStay } else { released };
    let misuse = match object {
        // After an abort a side keeps what it controlled; the commands are gone.
        Object::Buffer(buffer) if state.aborted.is_none() => control(state, party, buffer),
        Object::Buffer(_) | Object::Device => None,
    };
    Touch { alive: true, clause, also: None, misuse }
}

/// The obligation broken by using a buffer that the other party controls.
fn control(state: &State, party: Party, buffer: BufferId) -> Option<Clause> {
    let held = state
        .commands
        .iter()
        .any(|command| command.buffer == Some(buffer) && command.stage == Stage::Delivered);
    match party {
        Party::Client => (!held).then_some(Clause::ClientBufferControl),
        _ => held.then_some(Clause::ServerBufferControl),
    }
}
