//! The verdict on a program in one situation.

use std::collections::BTreeSet;

use vdi_check::{Finding, Judged, Verdict as Oracle, Violation, check_trace};
use vdi_spec::clauses::{Clause, Party, Profile};
use vdi_spec::codes::{CommandCode, Features, Win32};
use vdi_trace::{CodeArg, Event, Function, Name, Reported, Statement, Trace};

use super::observation::{Observation, Outcome, Proof};
use super::program::is_end_of_client;
use super::situations::Situation;
use vdi_suite::adapter::{Misdeed, Trouble};
use vdi_suite::run::{ScenarioResult, Verdict};

/// The lane on which stands what the program knows of its statement and what it says.
const LANE: &str = "primary.statement";

/// What is said of the whole: the oracle's word on each trace first, then what the program
/// says of itself, then what it has stored.
pub(super) fn judge(
    situation: &Situation,
    observed: &Observation,
    proof: &Proof,
    profile: &Profile,
) -> ScenarioResult {
    if observed.traces.is_empty() {
        let mut result = situation.result(match &observed.unreadable {
            _ if observed.hung => hung(),
            Some(why) => unreadable(why),
            None => no_set(observed),
        });
        result.adapter.stderr = observed.output.clone();
        return result;
    }
    if situation.complete && !observed.traces.iter().any(asks_for_complete) {
        let why = "the program does not ask for VDC_Complete (VDF_RequestComplete)";
        return situation.result(Verdict::NotOffered(why.to_owned()));
    }
    let mut parts = Vec::new();
    let mut outcomes: Vec<&Outcome> = observed.outcomes.iter().collect();
    for trace in &observed.traces {
        let trace = annotated(situation, observed, trace, outcome_of(trace, &mut outcomes));
        let judged = check_trace(&trace, profile);
        parts.push((trace, judged));
    }
    let used: BTreeSet<Clause> =
        parts.iter().flat_map(|(_, judged)| &judged.clauses).copied().collect();
    // What is shown is the set of which there is most to say; of several, the first.
    parts.sort_by_key(|(_, judged)| rank(judged));
    let (trace, judged) = parts.swap_remove(0);
    let verdict = verdict(situation, observed, &trace, &judged, proof);
    let mut result = situation.result(verdict);
    result.trace = trace;
    result.findings = judged.findings.into_iter().filter(|of| of.party != Party::Server).collect();
    result.used = used.into_iter().collect();
    result.adapter.stderr = observed.output.clone();
    result
}

/// How little there is to say of a trace.
fn rank(judged: &Judged) -> u8 {
    let by_client = |finding: &Finding| finding.party == Party::Client;
    match &judged.verdict {
        _ if judged.error.is_some() && judged.events > 0 => 0,
        Oracle::Violation(_) => 1,
        _ if judged.findings.iter().any(by_client) => 2,
        Oracle::Inconclusive(_) => 3,
        Oracle::Conformant | Oracle::Unreadable { .. } => 4,
    }
}

/// What became of the statement for this set, of those that are not yet taken by another: its
/// first device bears the set's name.
fn outcome_of<'a>(trace: &Trace, outcomes: &mut Vec<&'a Outcome>) -> Option<&'a Outcome> {
    let created = trace.events.iter().find_map(|event| match event {
        Event::Call { call: Function::Create | Function::CreateEx, args, .. } => args.name.as_ref(),
        _ => None,
    });
    let of = |outcome: &&Outcome| {
        created
            .is_some_and(|name| outcome.devices.first().is_some_and(|first| first == name.as_str()))
    };
    let index = outcomes.iter().position(of)?;
    Some(outcomes.remove(index))
}

/// Whether the program has created a set whose server may send VDC_Complete.
fn asks_for_complete(trace: &Trace) -> bool {
    trace.events.iter().any(|event| match event {
        Event::Call { args, .. } => {
            let config = args.config.as_ref();
            config.is_some_and(|config| config.features.contains(Features::REQUEST_COMPLETE))
        }
        _ => false,
    })
}

fn verdict(
    situation: &Situation,
    observed: &Observation,
    trace: &Trace,
    judged: &Judged,
    proof: &Proof,
) -> Verdict {
    if observed.hung {
        return hung();
    }
    if let Some(why) = &observed.unreadable {
        return unreadable(why);
    }
    // A program that made no call has left nothing that could be wrong.
    if let Some(error) = judged.error.as_ref().filter(|_| judged.events > 0) {
        return failed(format!("leaves a trace that cannot be understood: {error}"));
    }
    if let Oracle::Violation(violation) = &judged.verdict {
        return Verdict::Violation(violation.clone());
    }
    // What the server does wrong it does on purpose.
    if let Some(finding) = judged.findings.iter().find(|finding| finding.party == Party::Client) {
        return violated(finding.clause, finding.line, what(finding, trace));
    }
    let Some(code) = observed.code else { return crashed(observed) };
    if let Proof::NotStarted(why) = proof {
        return program(
            Misdeed::NotStarted,
            format!("cannot prove its backup by a restore: {why}"),
        );
    }
    if let Proof::Lost(why) = proof {
        let clause = stored_clause();
        let what = format!("what was backed up does not come back: {}", why.trim());
        return violated(clause, 0, what);
    }
    let succeeded =
        !observed.outcomes.is_empty() && observed.outcomes.iter().all(|one| one.succeeded);
    match (situation.succeeds, succeeded, code) {
        (true, true, 0) | (false, false, 1..) => {}
        (true, true, _) => {
            return failed(format!("exits with {code}, though its statement succeeded"));
        }
        (true, false, _) => return failed(why_failed(&observed.outcomes)),
        (false, true, _) if situation.small_disk => {
            return Verdict::NotOffered("the disk did not become full for it".to_owned());
        }
        (false, true, _) => {
            return Verdict::Inconclusive(
                "what was to go wrong did not happen: its statement succeeded".to_owned(),
            );
        }
        (false, false, _) => return failed(format!("exits with {code}")),
    }
    if let Some(why) = not_reached(situation, observed) {
        return Verdict::Inconclusive(why);
    }
    if let Oracle::Inconclusive(_) = &judged.verdict {
        return Verdict::Inconclusive("the order of overlapping calls is not known".to_owned());
    }
    if matches!(proof, Proof::None) && situation.clauses().any(|clause| clause == stored_clause()) {
        let missing = if situation.several { "--several-restore" } else { "--restore" };
        let why = format!(
            "nothing was wrong, but what it stored is not proven by a restore: no {missing}"
        );
        return Verdict::NotOffered(why);
    }
    Verdict::Conformant
}

/// That the media hold what they are to hold.
fn stored_clause() -> Clause {
    "client.media.true".parse().expect("a clause")
}

/// Why the situation is not the one that it was to be, if it is not.
fn not_reached(situation: &Situation, observed: &Observation) -> Option<String> {
    let reached = if situation.small_disk {
        observed.full || observed.traces.iter().any(refuses_a_write)
    } else {
        situation.faults.is_empty() || observed.faults.iter().any(|fault| fault == situation.faults)
    };
    if reached {
        return None;
    }
    let on_server =
        |event: &Event<'_>| event.lane().is_some_and(|lane| lane.starts_with("server."));
    let why = match observed.outcomes.iter().find(|outcome| !outcome.succeeded) {
        Some(outcome) => format!("its statement failed before: {}", outcome.messages.join(" ")),
        None if !observed.traces.iter().flat_map(|trace| &trace.events).any(on_server) => {
            "no server came: it handed no statement to sqlcmd, or that did not end".to_owned()
        }
        None => "it ended before".to_owned(),
    };
    let what = if situation.small_disk {
        "no disk became full"
    } else {
        "what was to go wrong did not happen"
    };
    Some(format!("{what}: {why}"))
}

/// Whether the client has completed a Write with an error, or with fewer bytes than it had.
fn refuses_a_write(trace: &Trace) -> bool {
    let mut writes = std::collections::BTreeMap::new();
    trace.events.iter().any(|event| match event {
        Event::Call { args, creates: Some(name), .. }
            if args.code == Some(CodeArg::Command(CommandCode::Write)) =>
        {
            writes.insert(name.to_string(), args.size.map_or(0, |size| size.0));
            false
        }
        Event::Callback { callback, completion, bytes, .. } => {
            let size = writes.get(&callback.to_string());
            size.is_some_and(|size| {
                !matches!(*completion, Win32::ERROR_SUCCESS | Win32::ERROR_OPERATION_ABORTED)
                    || *completion == Win32::ERROR_SUCCESS && i64::from(*bytes) < *size
            })
        }
        _ => false,
    })
}

fn why_failed(outcomes: &[Outcome]) -> String {
    match outcomes.iter().find(|outcome| !outcome.succeeded) {
        Some(outcome) => format!("has a statement that failed: {}", outcome.messages.join(" ")),
        None => "handed no statement to sqlcmd, or that did not end".to_owned(),
    }
}

fn program(misdeed: Misdeed, what: impl Into<String>) -> Verdict {
    Verdict::Trouble(Trouble::Program(misdeed, what.into()))
}

fn failed(what: String) -> Verdict {
    program(Misdeed::Failed, what)
}

fn unreadable(why: &str) -> Verdict {
    failed(format!("leaves a trace that cannot be read: {why}"))
}

fn hung() -> Verdict {
    program(Misdeed::Hung, "did not end in time; it, and what it had started, were killed")
}

fn crashed(observed: &Observation) -> Verdict {
    let signal =
        observed.signal.map_or_else(|| "a signal".to_owned(), |signal| format!("signal {signal}"));
    program(Misdeed::Crashed, format!("was ended by {signal}"))
}

/// Without a set there is nothing to judge.
fn no_set(observed: &Observation) -> Verdict {
    if observed.code.is_none() {
        return crashed(observed);
    }
    if let Some(why) = observed.not_started() {
        return program(Misdeed::NotStarted, format!("cannot be started: {why}"));
    }
    let why =
        "never created a set: is it linked with libsqlvdi.so, or to be started with --preload?";
    program(Misdeed::NotStarted, why)
}

/// What a client did that breaks a clause, with what its call says, if it says something.
fn what(finding: &Finding, trace: &Trace) -> String {
    let event = trace.index(finding.line).map(|index| &trace.events[index]);
    let Some(Event::Call { args, .. }) = event else { return finding.what.clone() };
    let code = match args.code {
        Some(CodeArg::Completion(code)) => format!("{code} ({})", code.0),
        Some(CodeArg::Number(code)) => code.to_string(),
        _ => return finding.what.clone(),
    };
    let bytes = args.bytes.unwrap_or_default();
    format!("{}: {code}, {bytes} bytes", finding.what)
}

/// A clause that binds clients is broken.
fn violated(clause: Clause, line: usize, got: String) -> Verdict {
    Verdict::Violation(Box::new(Violation {
        line,
        lane: None,
        call: None,
        party: Party::Client,
        clause,
        readings: Vec::new(),
        otherwise: Vec::new(),
        early: false,
        got,
        expected: Vec::new(),
        state: String::new(),
        attempts: Vec::new(),
    }))
}

/// The trace, and in it what no library sees: the program has issued a statement, learns
/// what became of it, and tells its own caller, by its exit code, how all ended.
fn annotated(
    situation: &Situation,
    observed: &Observation,
    trace: &Trace,
    outcome: Option<&Outcome>,
) -> Trace {
    let mut header = trace.header.clone();
    header.provoked = vec![Party::Server];
    header.scenario = Some(situation.id.to_owned());
    let lane = || Name::from(LANE);
    let note = |statement, devices| Event::Statement {
        seq: None,
        lane: lane(),
        on: None,
        statement,
        devices,
    };
    let succeeded = outcome.is_some_and(|outcome| outcome.succeeded);
    let learned = if succeeded { Statement::Succeeded } else { Statement::Failed };
    let mut end = vec![note(learned, None)];
    if let Some(code) = observed.code {
        let report = if code == 0 { Reported::Success } else { Reported::Failure };
        end.push(Event::Report { seq: None, lane: lane(), on: None, report });
    }
    let mut annotated = Trace::new(header);
    let mut issued = outcome.map(|outcome| outcome.devices.len());
    for event in &trace.events {
        // It has issued its statement before the server could come.
        if event.lane().is_some_and(|lane| lane.starts_with("server."))
            && let Some(devices) = issued.take()
        {
            annotated.push(note(Statement::Issued, u32::try_from(devices).ok()));
        }
        if is_end_of_client(event) {
            for event in end.drain(..) {
                annotated.push(event);
            }
        }
        annotated.push(event.clone());
    }
    for event in end {
        annotated.push(event);
    }
    annotated
}
