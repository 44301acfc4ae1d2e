//! A trace that is a violation, made small without any implementation.
//!
//! What was observed is not invented: a call goes with its return, a command with
//! everything that came of it. The event that is blamed stays the same.

use std::collections::BTreeSet;

use vdi_check::{Verdict, check_trace};
use vdi_spec::clauses::{Clause, Party, Profile};
use vdi_trace::{Event, Handle, Name, Trace};

use super::ddmin;

/// All of them.
const PARTIES: [Party; 3] = [Party::Interface, Party::Server, Party::Client];

/// What makes two failures the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Same {
    /// Whom the broken clause binds.
    pub party: Party,
    /// The broken clause.
    pub clause: Clause,
    /// The place of the event that is blamed, counted from 0.
    pub event: usize,
    /// What was seen there, and the clauses of what was expected.
    pub what: (String, Vec<Clause>),
}

/// What a trace fails for: a violation, or else what server or client broke first.
fn failure(trace: &Trace, profile: &Profile) -> Option<Same> {
    let judged = check_trace(trace, profile);
    if judged.error.is_some() {
        return None;
    }
    let (line, party, clause, what) = match &judged.verdict {
        Verdict::Violation(violation) => {
            let mut allowed: Vec<Clause> =
                violation.expected.iter().map(|allowed| allowed.clause).collect();
            allowed.sort_by_key(|clause| *clause as usize);
            allowed.dedup();
            let what = (violation.got.clone(), allowed);
            (violation.line, violation.party, violation.clause, what)
        }
        Verdict::Conformant => {
            let first = judged.held_against(&PARTIES).next()?;
            (first.line, first.party, first.clause, (first.what.clone(), Vec::new()))
        }
        Verdict::Inconclusive(_) | Verdict::Unreadable { .. } => return None,
    };
    Some(Same { party, clause, event: trace.index(line)?, what })
}

/// The smallest part of a trace that fails in the same way; `None` if it does not fail.
#[must_use]
pub fn shrink_trace(trace: &Trace, profile: &Profile) -> Option<(Trace, Same)> {
    let same = failure(trace, profile)?;
    // What comes after the verdict has no part in it.
    let events = &trace.events[..=same.event];
    let units = units(events);
    let needs: Vec<Vec<usize>> = (0..events.len()).map(|at| needs(events, at)).collect();
    let fails = |left: &[usize]| {
        let left = closed(left, &units, &needs);
        let (part, places) = keep(trace, events, &units, &left);
        failure(&part, profile).is_some_and(|found| {
            (found.party, found.clause, &found.what) == (same.party, same.clause, &same.what)
                && places.get(found.event) == Some(&same.event)
        })
    };
    let all: BTreeSet<usize> = units.iter().copied().collect();
    let mut left: Vec<usize> = all.into_iter().collect();
    // Whole lanes first: most of a long trace has no part in it.
    let lanes: BTreeSet<&str> = events.iter().filter_map(Event::lane).collect();
    for lane in lanes {
        let of_lane = |unit: &usize| events[*unit].lane() == Some(lane);
        let rest: Vec<usize> = left.iter().copied().filter(|unit| !of_lane(unit)).collect();
        if rest.len() < left.len() && fails(&rest) {
            left = rest;
        }
    }
    let left = closed(&ddmin(&left, fails), &units, &needs);
    Some((keep(trace, events, &units, &left).0, same))
}

/// For every event the first of those it belongs together with: a call with its return,
/// a command with its callback.
fn units(events: &[Event<'_>]) -> Vec<usize> {
    let belongs = |at: usize| match &events[at] {
        Event::Return { lane, .. } => open_call(events, at, lane.as_str()),
        Event::Callback { callback: name, .. } | Event::Ended { ended: name, .. } => {
            maker(&events[..at], name)
        }
        _ => None,
    };
    (0..events.len()).map(|at| belongs(at).unwrap_or(at)).collect()
}

/// The call that made what bears this name.
fn maker(events: &[Event<'_>], name: &Name<'_>) -> Option<usize> {
    let makes = |event: &Event<'_>| matches!(event, Event::Call { creates: Some(made), .. } if made == name);
    events.iter().rposition(makes)
}

/// The calls without which an event says nothing: those that made what it is about.
fn needs(events: &[Event<'_>], at: usize) -> Vec<usize> {
    let of = |name: &Name<'_>| maker(&events[..at], name);
    let handle = |handle: &Option<Handle<'_>>| match handle {
        Some(Handle::Name(name)) => of(name),
        _ => None,
    };
    match &events[at] {
        Event::Call { on, args, .. } => {
            let about = [handle(&args.command), handle(&args.buffer), handle(&args.handle)];
            about.into_iter().chain([of(on)]).flatten().collect()
        }
        Event::Return { out, .. } => {
            [&out.command, &out.buffer].into_iter().flatten().filter_map(of).collect()
        }
        Event::Touch { touch: name, .. } | Event::Wrote { wrote: name, .. } => {
            of(name).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// Takes what needs something that is left out away, too.
fn closed(left: &[usize], units: &[usize], needs: &[Vec<usize>]) -> BTreeSet<usize> {
    let mut left: BTreeSet<usize> = left.iter().copied().collect();
    loop {
        let lacks = |(at, unit): (usize, &usize)| {
            let missing = needs[at].iter().any(|need| !left.contains(&units[*need]));
            (left.contains(unit) && missing).then_some(*unit)
        };
        let Some(lacking) = units.iter().enumerate().find_map(lacks) else { return left };
        left.remove(&lacking);
    }
}

/// The call that returns here: the last one on its lane that has not returned before.
fn open_call(events: &[Event<'_>], at: usize, lane: &str) -> Option<usize> {
    let mut returned = 0;
    for (index, event) in events[..at].iter().enumerate().rev() {
        match event {
            Event::Return { lane: of, .. } if of.as_str() == lane => returned += 1,
            Event::Call { lane: of, .. } if of.as_str() == lane && returned == 0 => {
                return Some(index);
            }
            Event::Call { lane: of, .. } if of.as_str() == lane => returned -= 1,
            _ => {}
        }
    }
    None
}

/// The events whose units are left, renumbered, with the places they had.
fn keep(
    trace: &Trace,
    events: &[Event<'static>],
    units: &[usize],
    left: &BTreeSet<usize>,
) -> (Trace, Vec<usize>) {
    let mut part = Trace::new(trace.header.clone());
    let mut places = Vec::new();
    let mut inside: BTreeSet<String> = BTreeSet::new();
    for (at, event) in events.iter().enumerate() {
        // That all was at rest tells what did not overlap.
        let rest = matches!(event, Event::Blocked { .. });
        if !rest && !left.contains(&units[at]) {
            continue;
        }
        let event = match event {
            Event::Blocked { seq, blocked } => {
                let blocked: Vec<Name<'static>> =
                    blocked.iter().filter(|lane| inside.contains(lane.as_str())).cloned().collect();
                let again = matches!(part.events.last(), Some(Event::Blocked { .. }));
                if blocked.is_empty() || (again && at + 1 < events.len()) {
                    continue;
                }
                Event::Blocked { seq: *seq, blocked }
            }
            other => other.clone(),
        };
        match &event {
            Event::Call { lane, .. } => {
                inside.insert(lane.to_string());
            }
            Event::Return { lane, .. } => {
                inside.remove(lane.as_str());
            }
            _ => {}
        }
        part.push(event);
        places.push(at);
    }
    (part, places)
}
