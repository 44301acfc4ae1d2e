//! A name identifies one set: a Create of a name that another interface's set has is refused.
//! While that set may yet be closed, or not be made, the Create may also be the one that makes
//! a set: both are followed, each as a history of its own. So it is with the Open of a set that
//! another interface has, or is about to open.

use crate::Checker;
use crate::linearize::{SlotSet, enter, narrow, note_call, withdraw};
use crate::session::{
    OnSuccess, OpenCall, SetTrack, Suits, adopt, become_refused, ends_life, fail_to_attach,
    find_again, is_held, provide,
};
use vdi_model::{Call, Caller, ClientCall, ClientLife, ServerCall, State};

/// A call has begun: what it makes possible for Creates of names that are taken.
pub(crate) fn contest(checker: &mut Checker, index: usize) {
    let call = &checker.session.calls[index];
    let mut others = if call.bound.elsewhere {
        refused_opens(checker, index)
    } else if matches!(call.bound.call, Call::Server(ServerCall::Close)) {
        opens_after(checker, call.bound.set)
    } else if ends_life(call) {
        made_after(checker, call.bound.set)
    } else if let Some((by, _)) = call.bound.taken {
        let mut others = made_instead(checker, index, by);
        others.extend(made_once_closed(checker, index, by));
        others
    } else {
        refused_before(checker, index).into_iter().collect()
    };
    others.extend(of_another_instance(checker, index));
    checker.others.append(&mut others);
}

/// The set that a call finds by its name may be for another instance, since one of them takes
/// that from the environment: then a Create makes a set of its own, and who opens finds none.
fn of_another_instance(checker: &Checker, index: usize) -> Option<Checker> {
    let session = &checker.session;
    let bound = &session.calls[index].bound;
    let is_unsure = |set: usize, name| session.sets[set].suits(name) == Suits::Perhaps;
    match (&bound.then, bound.taken, &bound.name) {
        (OnSuccess::Create(_, name, _), Some((by, _)), _) if is_unsure(by, name) => {
            let mut other = checker.alone();
            make(&mut other, index, None);
            Some(other)
        }
        (OnSuccess::Attach(interface), _, Some(name))
            if bound.set != SetTrack::UNATTACHED
                && session.had(*interface) != Some(bound.set)
                && is_unsure(bound.set, name) =>
        {
            // So do others of this process that ask for it and have not been answered.
            let process = session.process_of(&session.calls[index]);
            let asks = |at: &usize| {
                let call = &session.calls[*at];
                let by_name = call.bound.name.as_ref().is_some_and(|known| known == name);
                matches!(call.bound.then, OnSuccess::Attach(_))
                    && call.bound.set == bound.set
                    && by_name
                    && !call.effect.taken
                    && session.process_of(call) == process
            };
            let mut other = checker.alone();
            let asking: Vec<usize> = (0..session.calls.len()).filter(asks).collect();
            asking.into_iter().for_each(|at| forsake(&mut other, at));
            Some(other)
        }
        (_, _, _) => None,
    }
}

/// A Create on an interface that gets a set once another is closed may come before that.
fn refused_before(checker: &Checker, index: usize) -> Option<Checker> {
    let OpenCall { bound, .. } = &checker.session.calls[index];
    let mut makers = checker.session.calls_of(bound.set).filter(|call| call.bound.creates);
    let by = makers.find_map(|call| call.bound.after)?;
    let mut other = checker.alone();
    let is_create = matches!(bound.then, OnSuccess::Create(..));
    if !is_create || bound.after.is_some() {
        return None;
    }
    let mut slots = SlotSet::default();
    slots.add(checker.session.calls[index].slot);
    withdraw(&mut other, bound.set, slots, &|_| true);
    become_refused(&mut other.session, index, by);
    Some(other)
}

/// The set that has the name does not come to be: this Create makes one, and what would have
/// made that one is refused.
fn made_instead(checker: &Checker, index: usize, by: usize) -> Vec<Checker> {
    let mut other = checker.alone();
    let own = (other.session.sets.len(), checker.session.calls[index].bound.on);
    if !refuse_makers(&mut other, by, own) {
        return Vec::new();
    }
    let (own, _) = own;
    make(&mut other, index, None);
    let mut all = made_after(&other, own);
    all.push(other);
    all
}

/// What would have made a set is refused, because of the set that another makes, on this
/// interface. False if there is nothing, or it has taken effect.
pub(crate) fn refuse_makers(
    checker: &mut Checker,
    before: usize,
    (own, on): (usize, Option<usize>),
) -> bool {
    let creating = |call: &OpenCall| call.bound.set == before && call.bound.creates;
    let calls = &checker.session.calls;
    let makers: Vec<usize> = (0..calls.len()).filter(|one| creating(&calls[*one])).collect();
    if makers.is_empty() || !makers.into_iter().all(|one| refuse(checker, one, own)) {
        return false;
    }
    // What was refused because of that set is refused because of this one; on its own
    // interface it finds that it has one.
    for call in &mut checker.session.calls {
        let taken = call.bound.taken.filter(|(by, _)| *by == before);
        let Some((_, flaw)) = taken else { continue };
        if call.bound.on == on {
            call.bound.restore_flaw();
        } else {
            call.bound.taken = Some((own, flaw));
        }
    }
    true
}

/// The set may be closed now: Creates of its name may make one afterwards.
pub(crate) fn made_after(checker: &Checker, by: usize) -> Vec<Checker> {
    let refused = |call: &OpenCall| call.bound.taken.is_some_and(|(known, _)| known == by);
    let calls = &checker.session.calls;
    let refused: Vec<usize> = (0..calls.len()).filter(|one| refused(&calls[*one])).collect();
    refused.into_iter().flat_map(|index| made_once_closed(checker, index, by)).collect()
}

/// This Create makes a set once that which has the name is closed, if that may be.
fn made_once_closed(checker: &Checker, index: usize, by: usize) -> Option<Checker> {
    if !checker.session.calls_of(by).any(ends_life) {
        return None;
    }
    let mut other = checker.alone();
    make(&mut other, index, Some(by));
    Some(other)
}

/// This Create makes a set of its own.
fn make(checker: &mut Checker, index: usize, after: Option<usize>) {
    let session = &mut checker.session;
    let bound = &mut session.calls[index].bound;
    bound.restore_flaw();
    (bound.creates, bound.after) = (true, after);
    session.sets.push(SetTrack::new());
    let set = session.sets.len() - 1;
    if let Some(by) = after {
        reclaim(checker, index, by, set);
    }
    adopt(checker, index, set, false);
    provide(checker, index);
}

/// The name goes from one set to another, by this Create: who is refused because of it, on
/// another interface, may be so because of either, and make a set once the later is closed.
fn reclaim(checker: &mut Checker, index: usize, from: usize, to: usize) {
    let on = checker.session.calls[index].bound.on;
    for call in checker.session.calls.iter_mut().filter(|call| call.bound.on != on) {
        if let Some((by, _)) = call.bound.taken.as_mut().filter(|(by, _)| *by == from) {
            *by = to;
        }
    }
}

/// A Create succeeds: the set that had its name is closed by now. If it cannot be, the Create
/// would have been refused.
pub(crate) fn ends_claim(checker: &mut Checker, index: usize) {
    let Some(by) = checker.session.calls[index].bound.after else { return };
    enter(checker, by);
    let ended = |state: &State| matches!(state.client, ClientLife::Closed | ClientLife::Dead);
    let frontier = checker.session.sets[by].frontier.clone();
    if !narrow(checker, by, &ended) {
        checker.session.sets[by].frontier = frontier;
        let own = checker.session.calls[index].bound.set;
        reclaim(checker, index, own, by);
        become_refused(&mut checker.session, index, by);
    }
}

/// This Create, which has not taken effect, is refused: the name is taken by that set.
fn refuse(checker: &mut Checker, index: usize, by: usize) -> bool {
    let call = checker.session.calls[index].clone();
    let set = call.bound.set;
    let OnSuccess::Create(interface, ..) = call.bound.then else { return false };
    enter(checker, set);
    let mut slots = SlotSet::default();
    slots.add(call.slot);
    if !withdraw(checker, set, slots, &|state| state.client == ClientLife::Absent) {
        return false;
    }
    let session = &mut checker.session;
    session.sets[set].creating = None;
    let opens =
        |call: &OpenCall| call.bound.set == set && matches!(call.bound.then, OnSuccess::Attach(_));
    let misled: Vec<usize> =
        (0..session.calls.len()).filter(|index| opens(&session.calls[*index])).collect();
    become_refused(session, index, by);
    fail_to_attach(checker, interface, &call);
    misled.into_iter().for_each(|index| forsake(checker, index));
    true
}

/// A call that asked for a set by its name finds none, or one that it cannot get at: its
/// interface has what it had before, and so have the calls that have begun on it since.
pub(crate) fn forsake(checker: &mut Checker, index: usize) {
    let call = checker.session.calls[index].clone();
    let mut slots = SlotSet::default();
    slots.add(call.slot);
    withdraw(checker, call.bound.set, slots, &|_| true);
    let had = call.provisional.attached.flatten().filter(|before| *before != call.bound.set);
    adopt(checker, index, had.unwrap_or(SetTrack::UNATTACHED), false);
    let left = &mut checker.session.calls[index];
    left.bound.own = had.is_some();
    match &mut left.bound.call {
        Call::Server(ServerCall::Open { found, .. })
        | Call::Secondary(_, ClientCall::OpenInSecondary { found }) => *found = false,
        Call::Server(_) | Call::Client(_) | Call::Secondary(..) => {}
    }
    if let OnSuccess::Attach(interface) = call.bound.then {
        fail_to_attach(checker, interface, &call);
    }
}

/// An Open of a set that another interface has, or is about to open, is refused: until it
/// returns, what is called on its interface may find no set there. So may be what is called on
/// the other's, if that has not opened it.
fn refused_opens(checker: &mut Checker, index: usize) -> Vec<Checker> {
    let call = &checker.session.calls[index];
    let (set, opens) = (call.bound.set, call.bound.then.attaches());
    let Some(interface) = opens.filter(|_| call.bound.elsewhere && set != SetTrack::UNATTACHED)
    else {
        return Vec::new();
    };
    let calls = &checker.session.calls;
    let rivals = |at: &usize| {
        let bound = &calls[*at].bound;
        let rival = bound.then.attaches().is_some_and(|known| known != interface);
        bound.set == set && rival && !bound.own && bound.call.caller() == Caller::Server
    };
    let rivals: Vec<usize> = (0..calls.len()).filter(rivals).collect();
    for rival in &rivals {
        let rival = &mut checker.session.calls[*rival];
        rival.bound.elsewhere = true;
        let slot = rival.slot;
        note_call(checker, set, slot);
    }
    // Nothing is under way that could make another of it.
    if rivals.is_empty() && is_held(&checker.session, set) {
        refuse_opens(checker, index);
        return Vec::new();
    }
    let untaken = |at: &usize| !checker.session.calls[*at].effect.taken;
    let refused = |at: usize| {
        let mut other = checker.alone();
        refuse_opens(&mut other, at);
        other
    };
    rivals.into_iter().chain([index]).filter(untaken).map(refused).collect()
}

/// An Open cannot get at its set, nor can others on its interface.
fn refuse_opens(checker: &mut Checker, index: usize) {
    let bound = &checker.session.calls[index].bound;
    let (set, interface) = (bound.set, bound.then.attaches());
    let calls = &checker.session.calls;
    let opens = |at: &usize| {
        let OpenCall { bound, effect, .. } = &calls[*at];
        bound.set == set && bound.then.attaches() == interface && !effect.taken
    };
    let opens: Vec<usize> = (0..calls.len()).filter(opens).collect();
    for at in opens {
        forsake(checker, at);
        let bound = &mut checker.session.calls[at].bound;
        bound.elsewhere = true;
    }
    find_again(&mut checker.session, set);
}

/// The server's end closes: an Open that was refused because of it may come after that.
fn opens_after(checker: &Checker, set: usize) -> Vec<Checker> {
    let track = &checker.session.sets[set];
    let asks = |call: &OpenCall| {
        call.bound.set != set
            && call.bound.elsewhere
            && call.bound.name.as_ref().is_some_and(|name| track.is_named(name))
    };
    let calls = &checker.session.calls;
    let asking: Vec<usize> = (0..calls.len()).filter(|at| asks(&calls[*at])).collect();
    let adopted = |at: usize| {
        let mut other = checker.alone();
        adopt(&mut other, at, set, false);
        provide(&mut other, at);
        other
    };
    asking.into_iter().map(adopted).collect()
}
