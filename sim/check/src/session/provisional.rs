//! What calls in progress would give: a set that is being created can be found by its
//! name, an interface that is being attached can be used, a device that is being opened
//! has its name. Whether they do is known when they return.

use super::bind::find_device;
use super::device_names::contend;
use super::rivals::Rivals;
use super::{OnSuccess, OpenCall, Provisional, Session, SetName, SetTrack};
use crate::Checker;
use crate::linearize::{SlotSet, enter, note_call, withdraw};
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

/// A call in progress gives what it would give if it succeeded.
pub(crate) fn provide(checker: &mut Checker, index: usize) {
    let session = &mut checker.session;
    let call = &session.calls[index];
    let (set, creates) = (call.bound.set, call.bound.creates);
    let mut given = Provisional::default();
    match &call.bound.then {
        OnSuccess::Create(interface, name, config)
            if creates && session.sets[set].creating.is_none() =>
        {
            let (interface, name, config) = (*interface, name.clone(), **config);
            session.sets[set].expect(&name, config);
            given.attached = Some(session.names.interfaces[interface].set.replace(set));
            gather(checker, set, interface, Some(&name));
        }
        OnSuccess::Attach(interface) if set != SetTrack::UNATTACHED => {
            let interface = *interface;
            given.attached = Some(session.names.interfaces[interface].set.replace(set));
            own(session, set, interface);
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
    checker.session.calls[index].provisional = given;
}

/// Of several calls that open one interface each may find what another has left of it.
fn own(session: &mut Session, set: usize, interface: usize) {
    let opens = |call: &OpenCall| {
        call.bound.set == set
            && matches!(call.bound.then, OnSuccess::Attach(known) if known == interface)
    };
    let several = session.calls.iter().filter(|call| opens(call)).count() > 1;
    if several && !session.is_anothers(interface, set) {
        session.calls.iter_mut().filter(|call| opens(call)).for_each(|call| call.bound.own = true);
    }
}

/// Calls that found no set, because it was not there when they began, may find it
/// now: those on the same interface, and those that asked for it by its name.
fn gather(checker: &mut Checker, set: usize, interface: usize, name: Option<&SetName>) {
    let finds = |call: &OpenCall| {
        let bound = &call.bound;
        let opens = matches!(bound.then, OnSuccess::Attach(_));
        let asked =
            opens && name.zip(bound.name.as_ref()).is_some_and(|(one, other)| one.finds(other));
        bound.set == SetTrack::UNATTACHED && (asked || bound.on == Some(interface))
    };
    for index in 0..checker.session.calls.len() {
        if !finds(&checker.session.calls[index]) || checker.session.free_slot(set).is_none() {
            continue;
        }
        adopt(checker, index, set, false);
        let Checker { session, .. } = checker;
        if let OnSuccess::Attach(interface) = session.calls[index].bound.then
            && session.names.interfaces[interface].set.is_none()
        {
            provide(checker, index);
        }
    }
}

/// A call in progress is one of another set from here on, of which it has not taken effect;
/// `used` if its interface has had a set before.
pub(crate) fn adopt(checker: &mut Checker, index: usize, set: usize, used: bool) {
    // What is called without a set is judged in order.
    let is_attached = set != SetTrack::UNATTACHED;
    if is_attached {
        enter(checker, set);
    }
    let session = &mut checker.session;
    let slot = session.free_slot(set).unwrap_or_default();
    let call = session.calls[index].clone();
    if matches!(call.bound.then, OnSuccess::Device { .. }) {
        revoke_device(session, &call);
    }
    let moved = &mut session.calls[index];
    (moved.slot, moved.bound.set) = (slot, set);
    (moved.effect, moved.overlapped) = (super::EffectTrack::default(), true);
    moved.provisional = Provisional::default();
    let asked = call.bound.name.as_ref();
    let finds = asked.is_some_and(|name| session.sets[set].may_be_named(name));
    let name = asked.map(|name| name.name.as_str()).unwrap_or_default();
    match &mut moved.bound.call {
        Call::Server(ServerCall::Open { found, reused }) => {
            (*found, *reused) = (finds, *reused || used);
            moved.bound.own = false;
        }
        Call::Secondary(_, ClientCall::OpenInSecondary { found }) => *found = finds,
        Call::Server(ServerCall::OpenDevice { .. })
        | Call::Client(ClientCall::OpenDevice { .. })
        | Call::Secondary(_, ClientCall::OpenDevice { .. }) => {
            let handle = call.creates.clone();
            let (known, then) = find_device(&session.sets[set], &call.bound.call, name, handle);
            let mut moved = session.calls[index].bound.clone();
            (moved.call, moved.then, moved.rivals) = (known, then, Rivals::NONE);
            contend(session, &mut moved, call.creates.as_deref());
            session.calls[index].bound = moved;
            provide(checker, index);
        }
        Call::Server(_) | Call::Client(_) | Call::Secondary(..) => {}
    }
    if is_attached {
        note_call(checker, set, slot);
    }
}

/// The call has returned: what it gave stays, or is taken back.
pub(crate) fn keep_or_revoke(checker: &mut Checker, call: &OpenCall, status: HResult) {
    let session = &mut checker.session;
    let set = call.bound.set;
    let failed = status != HResult::NOERROR;
    match &call.bound.then {
        OnSuccess::Create(interface, ..) => {
            if call.bound.creates {
                end_creating(session, set, failed);
            }
            settle_attachment(checker, *interface, call, failed);
        }
        OnSuccess::Attach(interface) => {
            settle_attachment(checker, *interface, call, failed);
            if failed {
                find_again(&mut checker.session, set);
            }
        }
        OnSuccess::Device { index, .. } => {
            if failed {
                revoke_device(session, call);
            } else {
                end_opening(session, call, *index);
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

/// A Create that could have made the set has returned. If it did not, another one that is in
/// progress still may.
fn end_creating(session: &mut Session, set: usize, failed: bool) {
    let another = session.calls_of(set).any(|call| call.bound.creates);
    if !(failed && another) {
        session.sets[set].creating = None;
    }
}

/// Another call in progress that would attach an interface to a set.
fn other_attaching(
    session: &mut Session,
    set: usize,
    interface: usize,
) -> impl Iterator<Item = &mut OpenCall> {
    session.calls_of_mut(set).filter(move |call| {
        let bound = &call.bound;
        let creates = matches!(&bound.then, OnSuccess::Create(known, ..) if *known == interface);
        let opens = matches!(&bound.then, OnSuccess::Attach(known) if *known == interface);
        (creates && bound.creates) || opens
    })
}

/// Once one call has attached an interface, none that is in progress can undo it; what fails
/// leaves it to the others. If there is no other, the interface never was attached to the set,
/// nor were the calls on it that have begun meanwhile.
fn settle_attachment(checker: &mut Checker, interface: usize, call: &OpenCall, failed: bool) {
    let session = &mut checker.session;
    let set = call.bound.set;
    if !failed {
        other_attaching(session, set, interface)
            .for_each(|other| other.provisional.attached = None);
        return;
    }
    // Another had attached it to this set already, and knows what was before.
    let Some(before) = call.provisional.attached.filter(|before| *before != Some(set)) else {
        return;
    };
    if let Some(other) = other_attaching(session, set, interface).next() {
        other.provisional.attached = Some(before);
    } else if session.names.interfaces[interface].set == Some(set) {
        session.names.interfaces[interface].set = before;
        give_back(checker, (interface, set), before.unwrap_or(SetTrack::UNATTACHED));
    }
}

/// Of the Opens of a set that another interface has, or was about to open, those find it that
/// nothing keeps from it any more.
pub(crate) fn find_again(session: &mut Session, set: usize) {
    for index in 0..session.calls.len() {
        let OpenCall { bound, effect, .. } = &session.calls[index];
        let Some(interface) = bound.then.attaches().filter(|_| bound.elsewhere) else { continue };
        if bound.set == set && !effect.taken && !session.is_elsewhere(interface, set) {
            session.calls[index].bound.elsewhere = false;
        }
    }
}

/// A Create gives its interface nothing after all.
pub(crate) fn fail_to_attach(checker: &mut Checker, interface: usize, call: &OpenCall) {
    settle_attachment(checker, interface, call, true);
}

/// The calls in progress on an interface are of the set that it had before.
fn give_back(checker: &mut Checker, (interface, set): (usize, usize), before: usize) {
    for index in 0..checker.session.calls.len() {
        let call = &checker.session.calls[index];
        let slot = call.slot;
        let opens = matches!(call.bound.then, OnSuccess::Create(..) | OnSuccess::Attach(_));
        let is_on = call.bound.set == set && call.bound.on == Some(interface);
        if call.lost || opens || !is_on {
            continue;
        }
        enter(checker, set);
        let frontier = checker.session.sets[set].frontier.clone();
        let mut slots = SlotSet::default();
        slots.add(slot);
        if withdraw(checker, set, slots, &|_| true) {
            adopt(checker, index, before, false);
        } else {
            checker.session.sets[set].frontier = frontier;
        }
    }
}

fn end_opening(session: &mut Session, call: &OpenCall, index: u8) {
    let opening = &mut session.sets[call.bound.set].devices.opening;
    if let Some(place) = opening.iter().position(|known| *known == index)
        && matches!(call.bound.call, Call::Server(_))
    {
        opening.remove(place);
    }
}

/// The call does not give the device its name.
pub(crate) fn revoke_device(session: &mut Session, call: &OpenCall) {
    if let OnSuccess::Device { index, .. } = call.bound.then {
        end_opening(session, call, index);
        if call.provisional.named {
            revoke_name(session, call.bound.set, index);
        }
    }
}

/// A device has its name from another call in progress, or none any more.
fn revoke_name(session: &mut Session, set: usize, index: u8) {
    let same = |other: &&mut OpenCall| {
        other.bound.set == set
            && !other.provisional.named
            && matches!(other.bound.then, OnSuccess::Device { index: known, .. } if known == index)
    };
    let name = session.calls.iter_mut().find(same).and_then(|other| {
        other.provisional.named = true;
        other.bound.name.as_ref().map(|name| name.name.clone())
    });
    if let Some(known) = session.sets[set].devices.names.get_mut(usize::from(index)) {
        *known = name;
    }
}
