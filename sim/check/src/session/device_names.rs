//! Names of devices that calls in progress give: a client's OpenDevice by a name that no
//! device has yet takes one without a name, or finds none left, by what has taken effect
//! before it.

use super::rivals::Rivals;
use super::{Bound, OnSuccess, Session};
use smallvec::SmallVec;
use vdi_model::{Call, ClientCall, ClientDevice, DeviceName, ServerDevice, State};
use vdi_trace::Process;

/// An OpenDevice begins beside others: each may find that the device that it would take bears
/// the other's name. `handle` is the name of what it makes.
pub(crate) fn contend(session: &mut Session, bound: &mut Bound, handle: Option<&str>) {
    if let Some(name) = client_name(&mut bound.call)
        && *name == DeviceName::Unknown
        && let text = bound.name.as_ref().map(|name| name.name.clone()).unwrap_or_default()
        && let Some(index) = being_named(session, bound.set, &text)
    {
        *name = DeviceName::New(index);
        let name = text;
        bound.then = OnSuccess::Device { handle: handle.map(str::to_owned), name, index };
    }
    let OnSuccess::Device { name, index, .. } = &bound.then else { return };
    let certain = certain_names(session, bound.set);
    if matches!(bound.call, Call::Server(_)) {
        note_unsure(session, bound.set, &certain, Some((name, *index)));
    }
    let is_certain = |index: u8, name: &String| {
        certain.get(usize::from(index)).is_some_and(|known| known.as_ref() == Some(name))
    };
    let rivals = &mut bound.rivals;
    for other in session.calls_of_mut(bound.set) {
        let OnSuccess::Device { name: others, index: taken, .. } = &other.bound.then else {
            continue;
        };
        if others == name {
            if !is_certain(*index, name) {
                // What has opened the device before may have returned.
                rivals.server |= other.bound.rivals.server;
                rivals.client |= other.bound.rivals.client;
            }
            let by_client = |call: &Call| !matches!(call, Call::Server(_));
            rivals.shared |= by_client(&other.bound.call);
            other.bound.rivals.shared |= by_client(&bound.call);
            continue;
        }
        if !is_certain(*index, name) {
            rivals.add(&other.bound.call, *taken);
        }
        if !is_certain(*taken, others) {
            other.bound.rivals.add(&bound.call, *index);
        }
    }
}

/// The server opens devices at once, and one of them has another name already: the first that
/// of the set, others that by which a client has opened them. Which of the names is left over
/// nobody can tell.
fn note_unsure(
    session: &mut Session,
    set: usize,
    names: &[Option<String>],
    next: Option<(&String, u8)>,
) {
    let mut racing: Vec<(String, u8)> = Vec::new();
    racing.extend(next.map(|(name, index)| (name.clone(), index)));
    for call in session.calls_of(set) {
        if let (Call::Server(_), OnSuccess::Device { name, index, .. }) =
            (&call.bound.call, &call.bound.then)
        {
            racing.push((name.clone(), *index));
        }
    }
    let has_other = |(name, index): &(String, u8)| {
        let known = names.get(usize::from(*index)).and_then(Option::as_ref);
        known.is_some_and(|known| known != name)
    };
    if racing.len() > 1 && racing.iter().any(has_other) {
        let unsure = racing.into_iter().map(|(name, _)| name);
        session.sets[set].devices.unsure.extend(unsure);
    }
}

/// The names that devices have, whatever comes of the calls in progress.
fn certain_names(session: &Session, set: usize) -> Vec<Option<String>> {
    let mut names = session.sets[set].devices.names.clone();
    for call in session.calls_of(set) {
        let OnSuccess::Device { name, index, .. } = &call.bound.then else { continue };
        // A set that another call is to make after all has no devices yet.
        let Some(known) = names.get_mut(usize::from(*index)) else { continue };
        let by_client = !matches!(call.bound.call, Call::Server(_));
        if call.provisional.named || by_client && known.as_ref() != Some(name) {
            *known = None;
        }
    }
    names
}

/// A device that a call in progress opens by this name, or whose name is only what a call in
/// progress gives it, if it succeeds.
fn being_named(session: &Session, set: usize, name: &str) -> Option<u8> {
    let certain = certain_names(session, set);
    let devices = || {
        session.calls_of(set).filter_map(|call| {
            let OnSuccess::Device { name, index, .. } = &call.bound.then else { return None };
            certain
                .get(usize::from(*index))
                .is_some_and(Option::is_none)
                .then_some((call, name, *index))
        })
    };
    let mut same = devices().filter(|(_, known, _)| *known == name);
    let mut named = devices().filter(|(call, ..)| call.provisional.named);
    same.next().or_else(|| named.next()).map(|(_, _, index)| index)
}

/// An OpenDevice has succeeded: no call in progress gives the device its name any more. What a
/// client opens has the name that it opens by; the server may open what has another.
pub(super) fn settle_name(
    session: &mut Session,
    set: usize,
    by: Process,
    (name, index): (&str, u8),
) {
    let mut given = by != Process::Server;
    for call in session.calls_of_mut(set) {
        if matches!(call.bound.then, OnSuccess::Device { index: known, .. } if known == index) {
            given |= std::mem::take(&mut call.provisional.named);
        }
    }
    let names = &mut session.sets[set].devices.names;
    let Some(known) = names.get_mut(usize::from(index)) else { return };
    if given || known.is_none() {
        *known = Some(name.to_owned());
    }
    if by != Process::Server {
        let certain = certain_names(session, set);
        note_unsure(session, set, &certain, None);
    }
}

/// The name by which a client's OpenDevice opens.
fn client_name(call: &mut Call) -> Option<&mut DeviceName> {
    match call {
        Call::Client(ClientCall::OpenDevice { name })
        | Call::Secondary(_, ClientCall::OpenDevice { name }) => Some(name),
        Call::Server(_) | Call::Client(_) | Call::Secondary(..) => None,
    }
}

/// A client's OpenDevice as it may be understood in a state; `None` for any other call.
pub(super) fn names(bound: &Bound, state: &State) -> Option<SmallVec<[Call; 2]>> {
    let mut call = bound.call.clone();
    let name = *client_name(&mut call)?;
    let with = |known| {
        let mut call = call.clone();
        client_name(&mut call).into_iter().for_each(|name| *name = known);
        call
    };
    Some(known(bound.rivals, name, state).into_iter().map(with).collect())
}

/// What a name stands for in a state. A device is known by its name once either side has
/// opened it, the first from the start; if another call may have opened it by another name, it
/// need not be the one.
fn known(rivals: Rivals, name: DeviceName, state: &State) -> SmallVec<[DeviceName; 2]> {
    let (DeviceName::Known(index) | DeviceName::New(index)) = name else {
        return SmallVec::from_iter([name]);
    };
    let device = state.devices.get(usize::from(index));
    let served = device.is_some_and(|device| device.server != ServerDevice::Unopened);
    let joined = device.is_some_and(|device| device.client != ClientDevice::Unopened);
    let own = if index == 0 || served || joined {
        DeviceName::Known(index)
    } else {
        DeviceName::New(index)
    };
    let is_of = |rivals: u64| index != 0 && rivals & (1 << index) != 0;
    let is_others = if joined { is_of(rivals.client) } else { served && is_of(rivals.server) };
    match is_others {
        true if joined && rivals.shared => SmallVec::from_iter([own, DeviceName::Unknown]),
        true => SmallVec::from_iter([DeviceName::Unknown]),
        false => SmallVec::from_iter([own]),
    }
}
