//! Each OpenDevice of the server gives the next device. Of several that overlap, when fewer are
//! left than there are calls, any may be the one for which none is left: each is followed, as a
//! history of its own.

use crate::Checker;
use crate::linearize::{SlotSet, enter, note_call, withdraw};
use crate::session::{OnSuccess, provide, revoke_device};
use vdi_model::{Call, ServerCall};

/// An OpenDevice has begun for which none is left: what if it gets what another is getting?
pub(crate) fn contest(checker: &mut Checker, index: usize) {
    let calls = &checker.session.calls;
    let call = &calls[index];
    if !matches!(call.bound.call, Call::Server(ServerCall::OpenDevice { device: None })) {
        return;
    }
    let gets_one = |at: &usize| {
        let other = &calls[*at];
        let one = matches!(other.bound.call, Call::Server(ServerCall::OpenDevice { device: Some(_) }));
        one && other.bound.set == call.bound.set && !other.effect.taken
    };
    let rivals: Vec<usize> = (0..calls.len()).filter(gets_one).collect();
    let mut others = rivals.into_iter().filter_map(|at| exchanged(checker, index, at)).collect();
    checker.others.append(&mut others);
}

/// One call gets the device that another was to get, and that one none.
fn exchanged(checker: &Checker, index: usize, at: usize) -> Option<Checker> {
    let mut other = checker.alone();
    let set = other.session.calls[at].bound.set;
    enter(&mut other, set);
    let mut slots = SlotSet::default();
    slots.add(other.session.calls[at].slot);
    slots.add(other.session.calls[index].slot);
    if !withdraw(&mut other, set, slots, &|_| true) {
        return None;
    }
    let session = &mut other.session;
    let loser = session.calls[at].clone();
    let OnSuccess::Device { index: device, .. } = loser.bound.then else { return None };
    revoke_device(session, &loser);
    let left = &mut session.calls[at];
    left.provisional = crate::session::Provisional::default();
    left.bound.call = Call::Server(ServerCall::OpenDevice { device: None });
    left.bound.then = OnSuccess::Nothing;
    let slot = left.slot;
    let winner = &mut session.calls[index];
    let name = winner.bound.name.as_ref().map(|name| name.name.clone()).unwrap_or_default();
    winner.bound.call = Call::Server(ServerCall::OpenDevice { device: Some(device) });
    winner.bound.then =
        OnSuccess::Device { handle: winner.creates.clone(), name, index: device };
    let own = winner.slot;
    provide(&mut other, index);
    note_call(&mut other, set, slot);
    note_call(&mut other, set, own);
    Some(other)
}
