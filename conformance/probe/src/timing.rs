//! What is told by the clock alone: a wait that ends too early or far too late, and a call that
//! does not end.

use std::time::Duration;

use vdi_spec::clauses::Clause;
use vdi_spec::codes::HResult;
use vdi_trace::{Event, Function, Statement, TimeoutArg, Trace};

/// A call of the trace.
struct Seen<'t> {
    line: usize,
    at: Option<u64>,
    lane: &'t str,
    function: Function,
    timeout: Option<TimeoutArg>,
    on: &'t str,
}

/// What is wrong by the clock.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Untimely {
    pub(crate) line: usize,
    pub(crate) lane: String,
    pub(crate) call: String,
    pub(crate) clause: Clause,
    pub(crate) got: String,
    pub(crate) expected: String,
}

/// The calls with what came back, and those that did not come back.
struct Calls<'t> {
    returned: Vec<(Seen<'t>, HResult, Option<u64>)>,
    open: Vec<Seen<'t>>,
}

impl<'t> Calls<'t> {
    fn of(trace: &'t Trace) -> Self {
        let times: std::collections::BTreeMap<usize, u64> = trace.times().collect();
        let (mut returned, mut open) = (Vec::new(), Vec::<Seen<'t>>::new());
        for (line, event) in trace.lines() {
            let at = times.get(&line).copied();
            match event {
                Event::Call { lane, call, on, args, .. } => open.push(Seen {
                    line,
                    at,
                    lane: lane.as_str(),
                    function: *call,
                    timeout: args.timeout,
                    on: on.as_str(),
                }),
                Event::Return { lane, status, .. } => {
                    if let Some(place) = open.iter().rposition(|call| call.lane == lane.as_str()) {
                        returned.push((open.remove(place), *status, at));
                    }
                }
                _ => {}
            }
        }
        Self { returned, open }
    }
}

impl Seen<'_> {
    /// Whether so many milliseconds have passed since it began, by far.
    fn has_passed(&self, limit: u32, now: u64) -> bool {
        let limit = u64::from(limit);
        self.at.is_none_or(|at| now.saturating_sub(at) > limit + limit / 2 + 500)
    }

    fn untimely(&self, clause: Clause, got: String, expected: &str) -> Untimely {
        Untimely {
            line: self.line,
            lane: self.lane.to_owned(),
            call: format!("{} on {} from {}", self.function, self.on, self.lane),
            clause,
            got,
            expected: expected.to_owned(),
        }
    }
}

/// Milliseconds by which a wait may seem shorter than it was: those of two lines are cut off,
/// and a system's ticks are as coarse as 16 of them.
const COARSE: u64 = 20;

/// Milliseconds that any wait may take longer, on a machine that has other things to do.
const BUSY: u64 = 10_000;

/// The first wait that said VD_E_TIMEOUT before its time was over, or long afterwards.
pub(crate) fn mistimed(trace: &Trace) -> Option<Untimely> {
    Calls::of(trace).returned.iter().find_map(|(call, status, back)| {
        let Some(TimeoutArg::Milliseconds(limit)) = call.timeout else { return None };
        let took = (*back)?.checked_sub(call.at?)?;
        let clause = clause_of_wait(call.function);
        let limit = u64::from(limit);
        if *status == HResult::VD_E_TIMEOUT && took + COARSE < limit - limit / 10 {
            let got = format!("VD_E_TIMEOUT after {took} ms, of {limit}");
            return Some(call.untimely(clause, got, "to wait until the time-out has passed"));
        }
        if took > limit * 20 + BUSY {
            let got = format!("{status} after {took} ms, of {limit}");
            return Some(call.untimely(clause, got, "VD_E_TIMEOUT when the time-out has passed"));
        }
        None
    })
}

/// Milliseconds after which somebody who is ended has waited for it.
const WAITED: u64 = 100;

/// Whether a wait for a command was ended by something else than a command or its time.
pub(crate) fn waited(trace: &Trace) -> bool {
    Calls::of(trace).returned.iter().any(|(call, status, back)| {
        let took = back.zip(call.at).map_or(0, |(back, at)| back.saturating_sub(at));
        let ended = !matches!(*status, HResult::NOERROR | HResult::VD_E_TIMEOUT);
        matches!(call.function, Function::GetCommand) && ended && took >= WAITED
    })
}

/// Milliseconds by which a configuration has to be there before a wait for it is over, for
/// nobody to say that it came too late.
const BY_FAR: u64 = 3_000;

/// The wait for a configuration that went on until its time-out had passed, though another one
/// had been given it long before.
pub(crate) fn forgotten(trace: &Trace) -> Option<Untimely> {
    let calls = Calls::of(trace);
    let waits = |call: &Seen<'_>| matches!(call.function, Function::GetConfiguration);
    let mut life = None;
    let mut given: Option<u64> = None;
    for (call, status, back) in &calls.returned {
        if matches!(call.function, Function::Create | Function::CreateEx) {
            (life, given) = (call.at, None);
        }
        if !waits(call) || call.at < life {
            continue;
        }
        if *status == HResult::NOERROR {
            given = given.or(*back);
        }
        let (Some(TimeoutArg::Milliseconds(limit)), Some(at), Some(given)) =
            (call.timeout, call.at, given)
        else {
            continue;
        };
        if *status == HResult::VD_E_TIMEOUT && given >= at && given + BY_FAR < at + u64::from(limit)
        {
            let got = format!(
                "VD_E_TIMEOUT, {} ms after another GetConfiguration was given the configuration",
                back.unwrap_or(given).saturating_sub(given)
            );
            let clause = Clause::ClientGetConfigurationStatus;
            return Some(call.untimely(clause, got, "the configuration when it is there"));
        }
    }
    None
}

const fn clause_of_wait(function: Function) -> Clause {
    if matches!(function, Function::GetConfiguration) {
        Clause::ClientGetConfigurationTimeout
    } else {
        Clause::ClientGetCommandTimeout
    }
}

/// The call that did not come back until the process was ended after so long: of several the
/// one that has least reason to wait, and that reason.
pub(crate) fn hung(trace: &Trace, within: Duration) -> Option<(Patience, Untimely)> {
    let calls = Calls::of(trace);
    let begun = trace.times().map(|(_, at)| at).min().unwrap_or_default();
    let killed = begun + u64::try_from(within.as_millis()).unwrap_or(u64::MAX / 2);
    let reason = |call: &Seen<'_>| rank(call, &calls, trace, killed);
    let call = calls.open.iter().min_by_key(|call| (reason(call), call.line))?;
    let reason = reason(call);
    let (clause, expected) = match reason {
        Patience::None => (clause_of(call.function), "it does not wait for anybody"),
        Patience::TimedOut => (clause_of_wait(call.function), "its time-out has passed"),
        Patience::Aborted => (Clause::AbortUnblocks, "an abort ends every wait"),
        Patience::Ended => (Clause::AbortUnblocks, "its statement has ended, and nobody will send"),
        Patience::Server => (clause_of(call.function), "its statement is carried out, and waits"),
    };
    let got = format!("it has not returned after {} s", within.as_secs());
    Some((reason, call.untimely(clause, got, expected)))
}

/// What a call that did not come back may have waited for, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Patience {
    /// It never waits.
    None,
    /// Its time was over.
    TimedOut,
    /// The client has aborted, or closed.
    Aborted,
    /// The statement has ended.
    Ended,
    /// The server may have had something to do.
    Server,
}

fn rank(call: &Seen<'_>, calls: &Calls<'_>, trace: &Trace, killed: u64) -> Patience {
    let waits = matches!(call.function, Function::GetConfiguration | Function::GetCommand);
    let ends = |function| matches!(function, Function::SignalAbort | Function::Close);
    let creates = |(other, ..): &&(Seen<'_>, HResult, Option<u64>)| {
        matches!(other.function, Function::Create | Function::CreateEx)
    };
    let life = calls.returned.iter().filter(creates).map(|(other, ..)| other.line).max();
    let aborted = calls.returned.iter().any(|(other, status, _)| {
        Some(other.line) > life
            && ends(other.function)
            && !matches!(*status, HResult::VD_E_PROTOCOL)
    });
    let told = trace.events.iter().rev().find_map(|event| match event {
        Event::Statement { statement, .. } => Some(*statement),
        _ => None,
    });
    match call.timeout {
        _ if !waits => Patience::None,
        // Who waits in parts has just begun to.
        Some(TimeoutArg::Milliseconds(limit)) if call.has_passed(limit, killed) => {
            Patience::TimedOut
        }
        _ if aborted => Patience::Aborted,
        _ if matches!(told, Some(Statement::Succeeded | Statement::Failed)) => Patience::Ended,
        _ => Patience::Server,
    }
}

/// The clause that says that a function answers.
const fn clause_of(function: Function) -> Clause {
    match function {
        Function::Create | Function::CreateEx => Clause::ClientCreateStatus,
        Function::GetConfiguration => Clause::ClientGetConfigurationStatus,
        Function::OpenDevice => Clause::ClientOpenDeviceStatus,
        Function::Close => Clause::ClientCloseStatus,
        Function::SignalAbort => Clause::ClientSignalAbortStatus,
        Function::OpenInSecondary | Function::OpenInSecondaryEx => {
            Clause::ClientOpenInSecondaryStatus
        }
        Function::GetBufferHandle => Clause::ClientGetBufferHandleStatus,
        Function::MapBufferHandle => Clause::ClientMapBufferHandleStatus,
        Function::CompleteCommand => Clause::ClientCompleteCommandStatus,
        Function::GetCommand
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
        | Function::IsSharedBuffer => Clause::ClientGetCommandDelivers,
    }
}
