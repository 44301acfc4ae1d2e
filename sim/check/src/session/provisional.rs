//! What calls in progress would give: a set that is being created can be found by its
//! name, an interface that is being attached can be used, a device that is being opened
//! has its name. Whether they do is known when they return.

use super::{Bound, OnSuccess, OpenCall, Provisional, Session, SetName, SetTrack};
use crate::Checker;
use crate::linearize::{enter, note_call};
use vdi_model::{Call, ClientCall, ServerCall};
use vdi_spec::codes::HResult;
use vdi_spec::config::VdConfig;

impl SetTrack {
    /// It is being created by this name.
    fn expect(&mut self, name: &SetName, config: VdConfig) {
        // Of more devices there can be no set: such a Create is refused.
        self.devices.names = vec![None; config.device_count.min(64) as usize];
        if let Some(first) = self.devices.names.first_mut() {
            *first = Some(name.name.clone());
        }
        (self.creating, self.config.asked) = (Some(name.clone()), config);
    }
}

/// The call just begun gives what it would give if it succeeded.
pub(crate) fn provide(checker: &mut Checker) {
    let session = &mut checker.session;
    let Some(call) = session.calls.last() else {
        return;
    };
    let Bound { set, .. } = call.bound;
    let mut given = Provisional::default();
    match &call.bound.then {
        // Which of two decides what the set is like is not followed.
        OnSuccess::Create(_, name, config) if session.sets[set].creating.is_some() => {
            let track = &session.sets[set];
            if track.creating.as_ref() != Some(name) || track.config.asked != **config {
                session.ambiguous = Some(call.line);
            }
        }
        OnSuccess::Create(interface, name, config) if session.sets[set].name.is_empty() => {
            let (interface, name, config) = (*interface, name.clone(), **config);
            session.sets[set].expect(&name, config);
            given.attached = Some(session.names.interfaces[interface].set.replace(set));
            gather(checker, set, interface, Some(&name));
        }
        OnSuccess::Attach(interface) if set != SetTrack::UNATTACHED => {
            let interface = *interface;
            given.attached = Some(session.names.interfaces[interface].set.replace(set));
            gather(checker, set, interface, None);
        }
        OnSuccess::Device { name, index, .. } => {
            let devices = &mut session.sets[set].devices;
            if matches!(call.bound.call, Call::Server(_)) {
                devices.opening.push(*index);
            }
            if let Some(known @ None) = devices.names.get_mut(usize::from(*index)) {
                *known = Some(name.clone());
                given.named = true;
            }
        }
        OnSuccess::Create(..)
        | OnSuccess::Attach(_)
        | OnSuccess::Nothing
        | OnSuccess::Configure(_)
        | OnSuccess::Buffer { .. }
        | OnSuccess::Counted(_)
        | OnSuccess::Handle(..)
        | OnSuccess::ClientConfiguration
        | OnSuccess::ServerConfiguration
        | OnSuccess::Position(_) => return,
    }
    if let Some(call) = checker.session.calls.iter_mut().rfind(|call| call.bound.set == set) {
        call.provisional = given;
    }
}

/// Calls that found no set, because it was not there when they began, may find it
/// now: those on the same interface, and those that asked for it by its name.
fn gather(checker: &mut Checker, set: usize, interface: usize, name: Option<&SetName>) {
    let finds = |call: &OpenCall| {
        let bound = &call.bound;
        let asked = name.zip(bound.wants.as_ref()).is_some_and(|(one, other)| one.finds(other));
        bound.set == SetTrack::UNATTACHED && (asked || bound.on == Some(interface))
    };
    for index in 0..checker.session.calls.len() {
        if !finds(&checker.session.calls[index]) {
            continue;
        }
        let Some(slot) = checker.session.free_slot(set) else {
            continue;
        };
        let call = &mut checker.session.calls[index];
        call.slot = slot;
        call.bound.set = set;
        if let Call::Server(ServerCall::Open { found, .. })
        | Call::Secondary(_, ClientCall::OpenInSecondary { found }) = &mut call.bound.call
        {
            *found = true;
        }
        enter(checker, set);
        note_call(checker, set, slot);
    }
}

/// The call has returned: what it gave stays, or is taken back.
pub(crate) fn keep_or_revoke(session: &mut Session, call: &OpenCall, status: HResult) {
    let set = call.bound.set;
    match &call.bound.then {
        OnSuccess::Create(interface, ..) => {
            session.sets[set].creating = None;
            revoke_attachment(session, *interface, call.provisional, status);
        }
        OnSuccess::Attach(interface) => {
            revoke_attachment(session, *interface, call.provisional, status);
        }
        OnSuccess::Device { index, .. } => {
            let opening = &mut session.sets[set].devices.opening;
            if let Some(place) = opening.iter().position(|known| known == index)
                && matches!(call.bound.call, Call::Server(_))
            {
                opening.remove(place);
            }
            if status != HResult::NOERROR && call.provisional.named {
                revoke_name(session, set, *index);
            }
        }
        OnSuccess::Nothing
        | OnSuccess::Configure(_)
        | OnSuccess::Buffer { .. }
        | OnSuccess::Counted(_)
        | OnSuccess::Handle(..)
        | OnSuccess::ClientConfiguration
        | OnSuccess::ServerConfiguration
        | OnSuccess::Position(_) => {}
    }
}

fn revoke_attachment(session: &mut Session, interface: usize, given: Provisional, status: HResult) {
    if let Some(before) = given.attached.filter(|_| status != HResult::NOERROR) {
        session.names.interfaces[interface].set = before;
    }
}

/// A device has its name from another call in progress, or none any more.
fn revoke_name(session: &mut Session, set: usize, index: u8) {
    let same = |other: &&mut OpenCall| {
        other.bound.set == set
            && matches!(other.bound.then, OnSuccess::Device { index: known, .. } if known == index)
    };
    match session.calls.iter_mut().find(same) {
        Some(other) => other.provisional.named = true,
        None => session.sets[set].devices.names[usize::from(index)] = None,
    }
}
