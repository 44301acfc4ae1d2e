//! Half a history: the calls of one side, while nobody observed the other.
//!
//! What a client program does can be recorded where the server cannot, by a library that
//! stands between the client and an original one. The unseen side is free to do whatever
//! the documents allow it. So calls are synthesized for it, and the whole is judged like any
//! other history: a return of the client that a server can bring about has an explanation,
//! and one that no server can is a violation.
//!
//! A synthesized call is under way for as long as it can matter. A command, say, is sent from
//! when the call begins that is given it, and accepted when that returns; the checker finds
//! out when in between it takes effect. That the server aborts begins when the first call
//! returns that is answered with `VD_E_ABORT`, and has no return: earlier than that it need
//! never begin, since whatever was seen before is explained as well without it, and with it
//! what the server learns of each completion would not be known. What the synthesized calls
//! break is not held against anyone.

mod endings;
mod server;
mod synthesize;
mod whole;

use std::collections::{BTreeMap, BTreeSet};

use crate::Checker;
use crate::dispatch::refuse_return;
use crate::explain::{InputError, Judged, Undecided, Verdict, Why};
use crate::session::Returned;
use vdi_spec::clauses::{Clause, CloseEventAfterServerClose, Party};
use vdi_spec::codes::HResult;
use vdi_trace::{Event, Function, Header, Process, TraceError};

use endings::{Endings, is_open_in_secondary, is_primary, is_served};
use synthesize::Synthesizer;
use whole::Whole;

pub(crate) use whole::Tried;

/// Judges events of which a side is missing. That the server closes is tried where it is
/// not enough that it aborts; that it has opened every device, where a client found none of its
/// name.
pub(crate) fn judge(checker: Checker, header: &Header, events: &[(usize, Event<'_>)]) -> Judged {
    if let Some(error) = untold(header, events) {
        return checker.finish_with(error);
    }
    if checker.rests_at_end {
        let why = "of half a history it is not known whether everything is at rest at its end";
        let (line, text) = (1, String::new());
        return checker.finish_with(TraceError { line, column: 0, message: why.to_owned(), text });
    }
    if is_served(header, events) {
        return excused(judge_with(checker, header, events, Tried::default()), events);
    }
    let mut judged = judge_clients(checker, header, events);
    if header.unseen.contains(&Party::Client) {
        let handed_on = used_by_handle(events);
        judged
            .findings
            .retain(|found| !is_control(found.clause) || !handed_on.contains(&found.line));
    }
    match rests_on_the_primary(header, events) {
        true => excused(judged, events),
        false => judged,
    }
}

/// Whether the clause says who may use a buffer.
const fn is_control(clause: Clause) -> bool {
    matches!(clause, Clause::ClientBufferControl | Clause::ClientBufferControlAfterAbort)
}

/// The lines in which a buffer is used that MapBufferHandle gave: who has its command was perhaps
/// not seen.
fn used_by_handle(events: &[(usize, Event<'_>)]) -> BTreeSet<usize> {
    let endings = Endings::of(events);
    let mut mapped: BTreeSet<&str> = BTreeSet::new();
    let mut used = BTreeSet::new();
    for (at, (line, event)) in events.iter().enumerate() {
        match event {
            Event::Call { call: Function::MapBufferHandle, .. } => {
                let given = endings.ending(at).and_then(|ending| ending.out.buffer.as_ref());
                mapped.extend(given.map(|name| name.as_str()));
            }
            Event::Touch { touch: name, .. } | Event::Wrote { wrote: name, .. }
                if mapped.contains(name.as_str()) =>
            {
                used.insert(*line);
            }
            _ => {}
        }
    }
    used
}

/// Whether the primary client is made up, for one life of one set, and what was seen of secondary
/// clients needs more of it: another life, another set, or one that is not ready.
fn rests_on_the_primary(header: &Header, events: &[(usize, Event<'_>)]) -> bool {
    if !header.unseen.contains(&Party::Client) {
        return false;
    }
    let endings = Endings::of(events);
    let mut joins = 0;
    for (at, (_, event)) in events.iter().enumerate() {
        let Event::Call { lane, call, .. } = event else { continue };
        if is_primary(lane.as_str()) {
            return false;
        }
        // That there is no other device it is the primary who has asked for.
        let surplus = *call == Function::OpenDevice && endings.ends_with(at, HResult::VD_E_OPEN);
        joins += u32::from(is_open_in_secondary(*call) || surplus);
    }
    joins > 1
}

/// Judges the half of clients.
fn judge_clients(checker: Checker, header: &Header, events: &[(usize, Event<'_>)]) -> Judged {
    let mut tried = Tried::default();
    let mut judged = judge_with(checker.clone(), header, events, tried);
    if let Some(first) = violated_in(&judged).filter(|line| finds_no_name(events, *line)) {
        let opening = Tried { opens_all: true, ..tried };
        let again = judge_with(checker.clone(), header, events, opening);
        if violated_in(&again).is_none_or(|line| line > first) {
            (tried, judged) = (opening, again);
        }
    }
    if let Some(first) = violated_in(&judged)
        && let Some(call) = may_follow_abort(events, first)
    {
        let aborting = Tried { aborts_at: Some(call), ..tried };
        let again = judge_with(checker.clone(), header, events, aborting);
        if violated_in(&again).is_none_or(|line| line > first) {
            (tried, judged) = (aborting, again);
        }
    }
    match violated_in(&judged) {
        Some(line)
            if (!checker.terms.server_is_sound || tells_end_as_abort(&checker))
                && may_follow_close(events, line) =>
        {
            judge_with(checker, header, events, Tried { closes: true, ..tried })
        }
        None if succeeds_though_aborted(&judged) && tells_end_as_abort(&checker) => {
            let closing = Tried { closes: true, ..tried };
            let again = judge_with(checker, header, events, closing);
            let explained = violated_in(&again).is_none() && !succeeds_though_aborted(&again);
            if explained { again } else { judged }
        }
        Some(_) | None => judged,
    }
}

/// Whether a statement is told to succeed of a set that something is held to have aborted.
fn succeeds_though_aborted(judged: &Judged) -> bool {
    judged.findings.iter().any(|found| found.clause == Clause::ServerStatementAborted)
}

/// Whether by the readings a client is told of the end of a set in order as of an abort.
fn tells_end_as_abort(checker: &Checker) -> bool {
    match checker.profile().close_event_after_server_close {
        CloseEventAfterServerClose::AbortError => true,
        CloseEventAfterServerClose::StillDelivered => false,
    }
}

/// The line of a violation.
fn violated_in(judged: &Judged) -> Option<usize> {
    match &judged.verdict {
        Verdict::Violation(violation) => Some(violation.line),
        Verdict::Conformant | Verdict::Inconclusive(_) | Verdict::Unreadable { .. } => None,
    }
}

/// Whether the event of this line tells a client that no device has the name by which it opens
/// one.
fn finds_no_name(events: &[(usize, Event<'_>)], line: usize) -> bool {
    let Some(at) = events.iter().position(|(of, _)| *of == line) else { return false };
    let call = Endings::of(events).call_of(at).map(|call| &events[call].1);
    matches!(events[at].1, Event::Return { status: HResult::VD_E_INVALID, .. })
        && matches!(call, Some(Event::Call { call: Function::OpenDevice, .. }))
}

/// Where the call begins whose answer is in this line, if an abort of which another call tells
/// later may have come before it.
fn may_follow_abort(events: &[(usize, Event<'_>)], line: usize) -> Option<usize> {
    let at = events.iter().position(|(of, _)| *of == line)?;
    let fails = |event: &Event<'_>| matches!(event, Event::Return { status, .. } if *status != HResult::NOERROR);
    let aborted = |(_, event): &(usize, Event<'_>)| {
        matches!(event, Event::Return { status: HResult::VD_E_ABORT, .. })
    };
    let tells = fails(&events[at].1) && events[at + 1..].iter().any(aborted);
    Endings::of(events).call_of(at).filter(|_| tells)
}

/// Of a history that lacks clients, and not the server: what is not explained by those who were
/// seen may be the doing of one who was not, and none is made up.
///
/// What a call is said to break that overlaps one in progress there depends on that, too.
fn excused(judged: Judged, events: &[(usize, Event<'_>)]) -> Judged {
    let Verdict::Violation(violation) = &judged.verdict else { return judged };
    let line = violation.line;
    let before = events.iter().take_while(|(of, _)| *of <= line);
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    for (of, event) in before {
        if let Event::Call { lane, .. } = event {
            open.insert(lane.as_str(), *of);
        } else if let Event::Return { lane, .. } = event
            && *of < line
        {
            open.remove(lane.as_str());
        }
    }
    let since = open.into_values().min().unwrap_or(line);
    let mut findings = judged.findings;
    findings.retain(|found| found.line < since);
    let undecided = Undecided { line, why: Why::NoClient };
    Judged { verdict: Verdict::Inconclusive(Box::new(undecided)), findings, ..judged }
}

/// Whether the event of this line is an answer that the server's Close may explain where its
/// abort does not. What succeeds on a set, waits for it, or completes none of its commands,
/// has found it open.
fn may_follow_close(events: &[(usize, Event<'_>)], line: usize) -> bool {
    let Some(at) = events.iter().position(|(of, _)| *of == line) else { return true };
    let Event::Return { status, .. } = &events[at].1 else { return true };
    let Some(call) = Endings::of(events).call_of(at) else { return true };
    let Event::Call { call, .. } = &events[call].1 else { return true };
    let finds_open = match call {
        Function::GetCommand
        | Function::CompleteCommand
        | Function::GetBufferHandle
        | Function::MapBufferHandle => true,
        Function::GetConfiguration | Function::OpenDevice | Function::SignalAbort => {
            *status == HResult::NOERROR
        }
        Function::Create
        | Function::CreateEx
        | Function::OpenInSecondary
        | Function::OpenInSecondaryEx
        | Function::Close
        | Function::Open
        | Function::BeginConfiguration
        | Function::RequestBuffers
        | Function::EndConfiguration
        | Function::QueryAvailableBuffers
        | Function::AllocateBuffer
        | Function::FreeBuffer
        | Function::ExecuteCompletionAgent
        | Function::SendCommand
        | Function::CloseDevice
        | Function::IsSharedBuffer => false,
    };
    let open = [HResult::NOERROR, HResult::VD_E_TIMEOUT, HResult::VD_E_INVALID];
    !(finds_open && open.contains(status))
}

/// What the server set that was not seen is told by the configuration that a client was
/// given: where it has to be whole.
fn untold(header: &Header, events: &[(usize, Event<'_>)]) -> Option<TraceError> {
    if !header.unseen.contains(&Party::Server) {
        return None;
    }
    events.iter().find_map(|(line, event)| {
        let Event::Return { status: HResult::NOERROR, out, .. } = event else { return None };
        let config = out.config.as_ref()?;
        let fields =
            [("blockSize", config.block_size), ("maxTransferSize", config.max_transfer_size)];
        let (name, _) = fields.into_iter().find(|(_, value)| *value == 0)?;
        let error = InputError(format!(
            "`out.config` gives no `{name}`: what the server set, which was not seen, is not \
             known without it"
        ));
        Some(error.at(*line, event))
    })
}

/// The checker after these events and what is synthesized for them; the event in the last
/// line, the answer of a call, is left to the caller.
pub(crate) fn before_answer(
    mut checker: Checker,
    header: &Header,
    events: &[(usize, Event<'_>)],
    tried: Tried,
) -> Option<Checker> {
    let whole = Synthesizer::new(header, events, tried).whole();
    note(&mut checker, whole.interfaces, whole.handles);
    let (last, _) = events.last()?;
    for (line, event) in whole.events {
        let event: &Event<'_> = std::borrow::Borrow::borrow(&event);
        if line == *last && matches!(event, Event::Return { .. }) {
            return Some(checker);
        }
        if !checker.event(line, event).ok()? {
            return None;
        }
    }
    None
}

fn note(
    checker: &mut Checker,
    interfaces: impl IntoIterator<Item = (String, Process)>,
    handles: impl IntoIterator<Item = (String, String)>,
) {
    let names = &mut checker.session.names;
    for (interface, process) in interfaces {
        names.add_interface(interface, process);
    }
    for (handle, buffer) in handles {
        names.add_foreign(handle, buffer);
    }
}

fn judge_with(
    checker: Checker,
    header: &Header,
    events: &[(usize, Event<'_>)],
    tried: Tried,
) -> Judged {
    let synthesizer = Synthesizer::new(header, events, tried);
    let whole = synthesizer.aborting(!checker.terms.server_is_sound).whole();
    let mut followed = checker.clone();
    note(&mut followed, whole.interfaces.iter().cloned(), whole.handles.clone());
    for (at, (line, event)) in whole.events.iter().enumerate() {
        let event: &Event<'_> = std::borrow::Borrow::borrow(event);
        match followed.event(*line, event) {
            Ok(true) => {}
            Ok(false) if is_synthesized(event) => {
                let judged = followed.finish();
                let decided = matches!(judged.verdict, Verdict::Violation(_));
                let told = if decided { refused(&checker, &whole, at, events) } else { None };
                return told.unwrap_or(judged);
            }
            // A call that no server could make explains nothing.
            Err(_) if is_synthesized(event) => {
                if let Some(told) = refused(&checker, &whole, at, events) {
                    return told;
                }
            }
            Err(error) => return followed.finish_with(error.at(*line, event)),
            Ok(false) => break,
        }
    }
    followed.finish()
}

/// What was to be explained by the synthesized event of this position, which cannot be: it is
/// wrong itself, with what was before. `None` if nothing returns there.
fn refused(
    checker: &Checker,
    whole: &Whole<'_>,
    at: usize,
    events: &[(usize, Event<'_>)],
) -> Option<Judged> {
    let of_line = events.iter().position(|(line, _)| *line == whole.events[at].0)?;
    let returns = match &events[of_line].1 {
        Event::Return { .. } => of_line,
        Event::Call { .. } => Endings::of(events).return_of(of_line)?,
        _ => return None,
    };
    let mut without = BTreeSet::from([at]);
    loop {
        match refused_without(checker.clone(), whole, &without, &events[returns]) {
            Ok(judged) => return Some(judged),
            // What comes of what cannot be is not there, either.
            Err(position)
                if is_synthesized(std::borrow::Borrow::borrow(&whole.events[position].1)) =>
            {
                if !without.insert(position) {
                    return None;
                }
            }
            Err(_) => return None,
        }
    }
}

/// The verdict on an answer before which these synthesized events are left out; the position
/// of the first event that is not allowed, if there is one before.
fn refused_without(
    mut checker: Checker,
    whole: &Whole<'_>,
    without: &BTreeSet<usize>,
    (line, event): &(usize, Event<'_>),
) -> Result<Judged, usize> {
    note(&mut checker, whole.interfaces.iter().cloned(), whole.handles.clone());
    for (position, (of, known)) in whole.events.iter().enumerate() {
        let known: &Event<'_> = std::borrow::Borrow::borrow(known);
        if of == line
            && !is_synthesized(known)
            && let Event::Return { lane, status, out, .. } = known
        {
            let seen = Returned { status: *status, out };
            return Ok(match refuse_return(&mut checker, *line, lane.as_str(), &seen, event) {
                Ok(()) => checker.finish(),
                Err(error) => checker.finish_with(error.at(*line, event)),
            });
        }
        if !without.contains(&position) && !matches!(checker.event(*of, known), Ok(true)) {
            return Err(position);
        }
    }
    Err(whole.events.len() - 1)
}

/// Whether it is a call of the side that was not seen.
fn is_synthesized(event: &Event<'_>) -> bool {
    event.lane().is_some_and(|lane| lane.contains(".unseen"))
}
