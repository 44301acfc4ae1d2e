//! What a successful return makes true beyond the model's state: names, and the
//! data that came with it.

use super::device_names::settle_name;
use super::names::Referent;
use super::{AllocatedBuffer, OnSuccess, OpenCall, Session, SetTrack};
use crate::Checker;
use crate::rules;
use smallvec::SmallVec;
use vdi_model::{
    Agent, Call, ClientCall, ClientLife, SECONDARIES, SecondaryLife, ServerLife, State,
};
use vdi_trace::{Event, Out, Process};

/// Follows a return of NOERROR.
pub(crate) fn commit(checker: &mut Checker, call: OpenCall, out: &Out<'_>, event: &Event<'_>) {
    let set = call.bound.set;
    let process = checker.session.process_of(&call);
    if let Call::Secondary(client, ClientCall::Close) = call.bound.call {
        release_devices(&mut checker.session, (process, client), set);
    }
    let Checker { session, report, .. } = checker;
    let Session { names, sets, .. } = session;
    let track = &mut sets[set];
    match call.bound.then {
        OnSuccess::Nothing => {}
        OnSuccess::Position(given) => {
            rules::check_position(track, report, call.line, given);
        }
        // The interface may have another set since.
        OnSuccess::Attach(interface) => {
            names.interfaces[interface].set.get_or_insert(set);
            rules::check_interface(checker, (set, interface), event);
        }
        OnSuccess::Create(_, name, _) => (track.name, track.instance) = (name.name, name.instance),
        OnSuccess::Configure(config) => track.config.server = config,
        OnSuccess::Device { handle, name, index } => {
            if process == Process::Server {
                rules::check_device_name(track, report, &name, index);
            }
            settle_name(session, set, process, (&name, index));
            let names = &mut session.names;
            if let Some(handle) = handle {
                names.give(&handle, set, Referent::Device { process, index });
            }
        }
        OnSuccess::Buffer { handle, id, size, alignment } => {
            let allocated = AllocatedBuffer { id, size, address: out.address };
            rules::check_buffer(checker, set, allocated, alignment, event);
            if let Some(handle) = handle {
                checker.session.names.give(&handle, set, Referent::Buffer(allocated));
            }
        }
        // What was counted while other calls were open may have been taken since.
        OnSuccess::Counted(_) if call.overlapped => {}
        OnSuccess::Counted(kind) => {
            for state in track.states_mut() {
                out.count.iter().for_each(|count| vdi_model::counted(state, kind, *count));
            }
        }
        OnSuccess::Handle(handle, buffer) => {
            if let Some(handle) = handle {
                names.give(&handle, set, Referent::Handle(buffer));
            }
        }
        OnSuccess::ClientConfiguration | OnSuccess::ServerConfiguration => {
            rules::compare_configuration(checker, set, process.party(), out, event);
        }
    }
}

/// A secondary client has closed a set. What it had opened of it is gone, though it may join
/// again: it is of a set that is as this is now, and that nobody can find any more.
fn release_devices(session: &mut Session, (process, client): (Process, u8), set: usize) {
    let Session { names, sets, .. } = session;
    let left = sets.len();
    let mut has_some = false;
    for of in names.devices_of(process, set) {
        (*of, has_some) = (left, true);
    }
    let closed = |state: &&State| !state.client_open(client);
    let Some(state) = sets[set].states().find(closed).or_else(|| sets[set].states().next()) else {
        return;
    };
    if has_some {
        let mut state = state.clone();
        state.server = ServerLife::Closed;
        state.client = ClientLife::Closed;
        state.secondaries = [SecondaryLife::Closed; SECONDARIES];
        state.agent = Agent::Idle;
        state.commands.clear();
        state.buffers.clear();
        state.calls.clear();
        let mut track = SetTrack::new();
        track.in_order = SmallVec::from_elem(state, 1);
        sets.push(track);
    }
}
