//! Each OpenDevice of the server gives the next device. Of several that overlap, when fewer are
//! left than there are calls, any may be one for which none is left: each is followed, as a
//! history of its own.

use crate::Checker;
use crate::linearize::{SlotSet, enter, note_call, withdraw};
use crate::session::{OnSuccess, Provisional, provide, revoke_device};
use vdi_model::{Call, ServerCall};

/// An OpenDevice has begun while others get all that is left: what if it gets what one of them
/// was to get?
pub(crate) fn contest(checker: &mut Checker, index: usize) {
    let calls = &checker.session.calls;
    let call = &calls[index];
    if !matches!(call.bound.call, Call::Server(ServerCall::OpenDevice { device: None })) {
        return;
    }
    let gets_one = |at: &usize| {
        let other = &calls[*at].bound;
        let server = matches!(other.call, Call::Server(_));
        server && matches!(other.then, OnSuccess::Device { .. }) && other.set == call.bound.set
    };
    let rivals: Vec<usize> = (0..calls.len()).filter(gets_one).collect();
    if rivals.is_empty() {
        return;
    }
    checker.session.calls[index].bound.left_none = true;
    let mut others = rivals.into_iter().filter_map(|at| exchanged(checker, index, at)).collect();
    checker.others.append(&mut others);
}

/// One call gets the device that another was to get, and that one none.
fn exchanged(checker: &Checker, index: usize, at: usize) -> Option<Checker> {
    let mut other = checker.alone();
    let set = other.session.calls[at].bound.set;
    enter(&mut other, set);
    let (loser, winner) = (other.session.calls[at].clone(), other.session.calls[index].slot);
    let mut slots = SlotSet::default();
    slots.add(loser.slot);
    slots.add(winner);
    let OnSuccess::Device { index: device, .. } = loser.bound.then else { return None };
    if !withdraw(&mut other, set, slots, &|_| true) {
        return None;
    }
    let session = &mut other.session;
    revoke_device(session, &loser);
    let left = &mut session.calls[at];
    left.provisional = Provisional::default();
    left.bound.call = Call::Server(ServerCall::OpenDevice { device: None });
    (left.bound.then, left.bound.left_none) = (OnSuccess::Nothing, true);
    let gets = &mut session.calls[index];
    let name = gets.bound.name.as_ref().map(|name| name.name.clone()).unwrap_or_default();
    gets.bound.call = Call::Server(ServerCall::OpenDevice { device: Some(device) });
    gets.bound.then = OnSuccess::Device { handle: gets.creates.clone(), name, index: device };
    gets.bound.left_none = false;
    provide(&mut other, index);
    note_call(&mut other, set, loser.slot);
    note_call(&mut other, set, winner);
    Some(other)
}
