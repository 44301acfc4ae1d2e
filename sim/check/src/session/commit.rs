//! What a successful return makes true beyond the model's state: names, and the
//! data that came with it.

use super::device_names::settle_name;
use super::names::Referent;
use super::{AllocatedBuffer, OnSuccess, OpenCall, Session};
use crate::Checker;
use crate::rules;
use vdi_trace::{Event, Out, Process};

/// Follows a return of NOERROR.
pub(crate) fn commit(checker: &mut Checker, call: OpenCall, out: &Out<'_>, event: &Event<'_>) {
    let set = call.bound.set;
    let process = checker.session.process_of(&call);
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
