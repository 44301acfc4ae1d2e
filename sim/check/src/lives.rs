//! A call is one of the life of a set in which it takes effect. While a set is closed and
//! another is made, or opened, on the same interface, several are possible: each is
//! followed as a history of its own, until what is seen leaves one.
//!
//! What opens an interface anew (Create, Open, OpenInSecondary) is a call of the old set
//! while that is open, and is answered there that it is open already. Once the old set may
//! be closed it may be a call of the next, and with it any other call on that interface that
//! has not taken effect. When this happens is put off until an event that depends on it, as
//! the search does with effects. It bears on nothing but those calls: what else is under
//! way in the old set goes on there.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hasher};

use smallvec::SmallVec;

use crate::Checker;
use crate::explain::{InputError, Verdict, Why};
use crate::linearize::{SlotSet, enter, narrow, note_call, withdraw};
use crate::session::{
    OnSuccess, OpenCall, Session, SetName, SetTrack, Suits, adopt, become_refused, provide,
};
use crate::taken;
use vdi_model::{
    Call, Caller, ClientCall, ClientLife, CreateFlaw, ServerDevice, ServerLife, State,
};
use vdi_trace::Event;

/// How many histories are followed at a time.
const MOST: usize = 4096;

/// Of so many calls on one interface it is tried one by one to which life they belong.
const MOVERS: usize = 10;

/// Takes an event in every history that is followed. False: there is a verdict.
pub(crate) fn event(
    checker: &mut Checker,
    line: usize,
    event: &Event<'_>,
) -> Result<bool, InputError> {
    let decides = matches!(
        event,
        Event::Return { .. } | Event::Blocked { .. } | Event::Expired { .. } | Event::Exit { .. }
    );
    let divides = decides
        && std::iter::once(&*checker).chain(&checker.others).any(|one| may_divide(&one.session));
    if checker.others.is_empty() && !divides {
        return checker.judge_event(line, event);
    }
    let mut all = take_all(checker);
    if divides {
        all = with_next_lives(all);
    }
    if all.len() > MOST {
        *checker = all.swap_remove(0);
        checker.report.begin_event(line);
        checker.report.undecided(Why::Budget { budget: checker.terms.search.budget });
        return Ok(false);
    }
    let (mut kept, mut refused) = (Vec::new(), Vec::new());
    for mut one in all {
        let result = if one.report.is_open() { one.judge_event(line, event) } else { Ok(false) };
        match result {
            Ok(true) => kept.push(one),
            Ok(false) | Err(_) => refused.push((one, result)),
        }
    }
    let mut kept = distinct(kept);
    if kept.is_empty() {
        return refuse(checker, refused);
    }
    // What is undecided stays so, however the others go on.
    let undecided = refused.into_iter().map(|(one, _)| one);
    kept.extend(undecided.filter(|one| matches!(one.report.verdict(), Verdict::Inconclusive(_))));
    let first = kept.remove(0);
    *checker = Checker { others: kept, ..first };
    Ok(true)
}

/// No history explains the event. One that is undecided decides nothing; of several
/// violations the first that says what was expected is told.
fn refuse(
    checker: &mut Checker,
    refused: Vec<(Checker, Result<bool, InputError>)>,
) -> Result<bool, InputError> {
    let rank = |(one, result): &(Checker, Result<bool, InputError>)| match (
        one.report.verdict(),
        result,
    ) {
        (Verdict::Inconclusive(_), _) => 0,
        (Verdict::Violation(violation), _) if !violation.expected.is_empty() => 1,
        (Verdict::Violation(_), _) => 2,
        (Verdict::Conformant | Verdict::Unreadable { .. }, _) => 3,
    };
    let Some((one, result)) = refused.into_iter().min_by_key(rank) else {
        return Ok(false);
    };
    *checker = one;
    result
}

/// The histories that are followed, each for itself.
fn take_all(checker: &mut Checker) -> Vec<Checker> {
    let mut all = std::mem::take(&mut checker.others);
    all.insert(0, checker.alone());
    all
}

/// The same histories, and all that they may have become by now.
fn with_next_lives(all: Vec<Checker>) -> Vec<Checker> {
    let mut kept = Histories::default();
    kept.extend(all);
    let mut index = 0;
    while index < kept.all.len() && kept.all.len() <= MOST {
        let next = next_lives(&kept.all[index]);
        kept.extend(next);
        index += 1;
    }
    kept.all
}

/// The histories beside a checker's own that may be true before the next event.
pub(crate) fn beside(checker: &Checker) -> Vec<Checker> {
    let divides = |one: &Checker| may_divide(&one.session);
    if checker.others.is_empty() && !divides(checker) {
        return Vec::new();
    }
    let mut all = with_next_lives(take_all(&mut checker.clone()));
    all.remove(0);
    all
}

/// Where the effects of calls that overlap are put off: the states in which what may come of
/// another call is different, each as a history of its own.
pub(crate) fn with_effects(checker: &Checker, set: usize) -> Vec<Checker> {
    let holds: [&dyn Fn(&State) -> bool; 4] = [
        &|state| state.aborted.is_some(),
        &|state| state.server == ServerLife::Closed,
        &|state| state.devices.iter().any(|device| device.server == ServerDevice::Closed),
        &|state| !state.commands.is_empty(),
    ];
    let mut all = vec![checker.alone()];
    if !checker.session.sets[set].is_searched() {
        return all;
    }
    for holds in holds {
        let mut other = checker.alone();
        if narrow(&mut other, set, holds) {
            all.push(other);
        }
    }
    all
}

/// Histories, each once: of those that are the same from here on, the one with the least fault.
#[derive(Default)]
struct Histories {
    all: Vec<Checker>,
    /// Where each is, by what is known of it.
    known: BTreeMap<(u64, u64), usize>,
}

impl Histories {
    /// Adds them, with those into which they have divided.
    fn extend(&mut self, all: Vec<Checker>) {
        for mut one in all {
            let divided = std::mem::take(&mut one.others);
            self.add(one);
            self.extend(divided);
        }
    }

    fn add(&mut self, one: Checker) {
        // To write down what a history is takes longer than to judge an event.
        if self.all.len() == 1 && self.known.is_empty() {
            self.known.insert(Written::of(&self.all[0].session), 0);
        } else if self.all.is_empty() {
            return self.all.push(one);
        }
        match self.known.entry(Written::of(&one.session)) {
            Entry::Vacant(place) => {
                place.insert(self.all.len());
                self.all.push(one);
            }
            Entry::Occupied(place) => {
                let before = &mut self.all[*place.get()];
                if one.report.faults() < before.report.faults() {
                    *before = one;
                }
            }
        }
    }
}

/// What a session is, written down and hashed twice over, so that two that are different are
/// told apart.
#[derive(Default)]
struct Written(DefaultHasher, u64);

impl Written {
    fn of(session: &Session) -> (u64, u64) {
        let mut written = Self::default();
        // It never fails: what is written to does not.
        let _ = write!(written, "{session:?}");
        (written.0.finish(), written.1)
    }
}

impl Write for Written {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        for byte in text.bytes() {
            // FNV-1a.
            self.1 = (self.1 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}

/// Each history once.
fn distinct(all: Vec<Checker>) -> Vec<Checker> {
    let mut kept = Histories::default();
    kept.extend(all);
    kept.all
}

/// Of two Creates that are different and overlap, either can be the one that makes the set.
pub(crate) fn divide(checker: &mut Checker, index: usize) {
    let session = &checker.session;
    let bound = &session.calls[index].bound;
    let is_create = matches!(bound.then, OnSuccess::Create(..));
    if !is_create || bound.creates || session.sets[bound.set].creating.is_none() {
        return;
    }
    let mut other = checker.alone();
    if promote(&mut other, index) {
        checker.others.push(other);
    }
}

/// This Create makes the set, not another that began before. False if that one has.
fn promote(checker: &mut Checker, index: usize) -> bool {
    let call = checker.session.calls[index].clone();
    let set = call.bound.set;
    let OnSuccess::Create(_, name, config) = &call.bound.then else {
        return false;
    };
    enter(checker, set);
    if !withdraw(checker, set, SlotSet::default(), &|state| state.client == ClientLife::Absent) {
        return false;
    }
    let session = &mut checker.session;
    let before = session.sets[set].creating.take();
    let mut attached = None;
    for other in session.calls_of_mut(set) {
        if let OnSuccess::Create(_, known, asked) = &other.bound.then {
            other.bound.creates = known == name && asked == config;
            attached = attached.or(other.provisional.attached.take());
        }
    }
    let misled: Vec<usize> = (0..session.calls.len())
        .filter(|index| {
            let bound = &session.calls[*index].bound;
            let opens = matches!(bound.then, OnSuccess::Attach(_));
            let asked = |one: &SetName| bound.name.as_ref().is_some_and(|known| known.finds(one));
            bound.set == set && opens && before.as_ref().is_some_and(asked) && !asked(name)
        })
        .collect();
    misled.into_iter().for_each(|index| taken::forsake(checker, index));
    provide(checker, index);
    checker.session.calls[index].provisional.attached = attached;
    let slot = checker.session.calls[index].slot;
    note_call(checker, set, slot);
    true
}

/// The set that a call would open if that which it is bound to is not open.
enum Next {
    /// One that it makes, once the set that has the name, if one has, is closed.
    New(Option<usize>),
    /// One that it makes in place of what would have made that one.
    Instead(usize),
    /// One that there is.
    Known(usize),
    /// None: another set has the name.
    Taken(usize),
}

/// Whether there is a call in progress that may be of another set than it is bound to.
fn may_divide(session: &Session) -> bool {
    (0..session.calls.len()).any(|index| !next_sets(session, index).is_empty())
}

/// The interface of the call, and what it may come to.
fn next_sets(session: &Session, index: usize) -> SmallVec<[(usize, Next); 2]> {
    let OpenCall { bound, lost, .. } = &session.calls[index];
    let mut next = SmallVec::new();
    if *lost || bound.set == SetTrack::UNATTACHED {
        return next;
    }
    if let OnSuccess::Create(interface, name, _) = &bound.then {
        let sound = match (&bound.taken, &bound.call) {
            (Some((_, flaw)), _) | (None, Call::Client(ClientCall::Create { flaw, .. })) => {
                matches!(flaw, None | Some(CreateFlaw::Features))
            }
            (None, Call::Server(_) | Call::Client(_) | Call::Secondary(..)) => false,
        };
        let by = session.find(name).filter(|set| *set != bound.set);
        if sound {
            next.push((*interface, Next::New(by)));
            // The set that has the name may be for another instance.
            let unsure = by.filter(|by| session.sets[*by].suits(name) == Suits::Perhaps);
            next.extend(unsure.map(|_| (*interface, Next::New(None))));
            next.extend(by.map(|by| (*interface, Next::Instead(by))));
        }
        next.extend(by.map(|by| (*interface, Next::Taken(by))));
        return next;
    }
    let (OnSuccess::Attach(interface), Some(name)) = (&bound.then, &bound.name) else {
        return next;
    };
    let found = session.find_beside(name, bound.set);
    let is_server = bound.call.caller() == Caller::Server;
    let dead = || if is_server { None } else { session.find_dead(name) };
    let found = found.or_else(dead).filter(|set| *set != bound.set);
    next.extend(found.map(|set| (*interface, Next::Known(set))));
    next
}

/// Whether in this state of its set the call opens another.
fn leaves(session: &Session, call: &OpenCall, state: &State) -> bool {
    let bound = &call.bound;
    let named = bound.name.as_ref().is_some_and(|name| session.sets[bound.set].is_named(name));
    let is_found = named && state.client == ClientLife::Created;
    match bound.call.caller() {
        Caller::Client(0) => matches!(state.client, ClientLife::Closed | ClientLife::Dead),
        Caller::Client(number) => !state.client_open(number) && !is_found,
        Caller::Server => !(is_found || bound.own && state.server == ServerLife::Open),
    }
}

/// Whether the interface of an Open has had the set that it leaves.
fn was_used(call: &OpenCall, state: &State) -> bool {
    call.bound.own && matches!(state.server, ServerLife::Closed | ServerLife::Dead)
}

/// What a history may become before the next event, by one call that opens another set.
fn next_lives(checker: &Checker) -> Vec<Checker> {
    let mut next = Vec::new();
    for index in 0..checker.session.calls.len() {
        let session = &checker.session;
        let next_sets = next_sets(session, index);
        // What has stayed behind when the interface went on to another set stays there.
        let current = |interface: usize| {
            session.names.interfaces[interface].set == Some(session.calls[index].bound.set)
        };
        for (interface, target) in next_sets.into_iter().filter(|(one, _)| current(*one)) {
            // Whether an interface was attached before is known by the set that it leaves.
            for used in [false, true] {
                next.extend(by_call(checker, index, (interface, used), &target));
            }
        }
    }
    next
}

fn by_call(
    checker: &Checker,
    index: usize,
    (interface, used): (usize, bool),
    target: &Next,
) -> Vec<Checker> {
    let mut other = checker.alone();
    let call = other.session.calls[index].clone();
    let set = call.bound.set;
    enter(&mut other, set);
    let before = checker.session.clone();
    // What another Create on the interface would have made need not come to be.
    let is_unmade =
        |state: &State| matches!(target, Next::Taken(_)) && state.client == ClientLife::Absent;
    let holds = |state: &State| {
        (leaves(&before, &call, state) || is_unmade(state)) && was_used(&call, state) == used
    };
    if !narrow(&mut other, set, &holds) {
        return if other.report.is_open() { Vec::new() } else { vec![other] };
    }
    let on_interface = |known: &usize| {
        let moved = &other.session.calls[*known];
        *known != index && moved.bound.set == set && moved.bound.on == Some(interface)
    };
    let mut movers: Vec<usize> = (0..other.session.calls.len()).filter(on_interface).collect();
    movers.truncate(if matches!(target, Next::Taken(_)) { 0 } else { MOVERS });
    let choices = 0..1_usize << movers.len();
    choices
        .flat_map(|chosen| {
            let chosen = movers.iter().enumerate().filter(|(bit, _)| chosen & (1 << bit) != 0);
            let chosen: Vec<usize> = chosen.map(|(_, index)| *index).collect();
            moved(&other, (index, used), target, &chosen)
        })
        .collect()
}

/// The call and these others are of the other set.
fn moved(
    checker: &Checker,
    (index, used): (usize, bool),
    target: &Next,
    movers: &[usize],
) -> Vec<Checker> {
    let mut other = checker.alone();
    let set = other.session.calls[index].bound.set;
    let mut slots = SlotSet::default();
    slots.add(other.session.calls[index].slot);
    movers.iter().for_each(|index| slots.add(other.session.calls[*index].slot));
    if !withdraw(&mut other, set, slots, &|_| true) {
        return Vec::new();
    }
    let session = &mut other.session;
    let next = match target {
        Next::Taken(by) => {
            become_refused(&mut other.session, index, *by);
            return vec![other];
        }
        Next::Known(known) => {
            if session.has_joined(&session.calls[index].bound, *known) {
                other.report.undecided(Why::SecondInterface);
                return vec![other];
            }
            *known
        }
        Next::New(_) | Next::Instead(_) => {
            session.sets.push(SetTrack::new());
            let bound = &mut session.calls[index].bound;
            bound.restore_flaw();
            bound.creates = true;
            bound.after = if let Next::New(by) = target { *by } else { None };
            for mover in movers {
                session.calls[*mover].bound.creates = false;
            }
            session.sets.len() - 1
        }
    };
    let on = other.session.calls[index].bound.on;
    if let Next::Instead(by) = target
        && !taken::refuse_makers(&mut other, *by, (next, on))
    {
        return Vec::new();
    }
    adopt(&mut other, index, next, used);
    provide(&mut other, index);
    for mover in movers {
        adopt(&mut other, *mover, next, used);
        other.session.calls[*mover].bound.own = true;
    }
    let mut all = taken::made_after(&other, next);
    all.push(other);
    all
}
