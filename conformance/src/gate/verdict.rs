//! The verdict on a program in one situation.

use vdi_sim::check::{Finding, Judged, Verdict as Oracle, Violation, check_trace};
use vdi_sim::clauses::{Clause, Party, Profile};
use vdi_sim::codes::Features;
use vdi_sim::trace::{Event, Name, Reported, Statement, Trace};

use super::program::is_end_of_client;
use super::situations::Situation;
use super::{Outcome, Seen};
use crate::adapter::Trouble;
use crate::run::{ScenarioResult, Verdict};

/// The lane on which stands what the program knows of its statement and what it says.
const LANE: &str = "primary.statement";

/// What is said of the whole: the oracle's word on the trace first, then what the program
/// says of itself, then what it has stored.
pub(super) fn judge(
    situation: &Situation,
    seen: &Seen,
    restored: Option<Result<(), String>>,
    profile: &Profile,
) -> ScenarioResult {
    let Some(trace) = &seen.trace else {
        let why = "it never created a set: is it linked with libsqlvdi.so, or to be started \
            with --preload?";
        let mut result = situation.result(Verdict::Trouble(Trouble::NotStarted(why.to_owned())));
        result.stderr = seen.told.clone();
        return result;
    };
    if situation.complete && !asks_for_complete(trace) {
        let why = "the program does not ask for VDC_Complete (VDF_RequestComplete)";
        return situation.result(Verdict::NotOffered(why.to_owned()));
    }
    let trace = told(situation, seen, trace);
    let judged = check_trace(&trace, profile);
    let verdict = verdict(situation, seen, &judged, restored);
    let mut result = situation.result(verdict);
    result.trace = trace;
    result.findings = judged.findings.into_iter().filter(|of| of.party != Party::Server).collect();
    result.used = judged.clauses;
    result.stderr = seen.told.clone();
    result
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
    seen: &Seen,
    judged: &Judged,
    restored: Option<Result<(), String>>,
) -> Verdict {
    if seen.hung {
        return trouble("it did not end in time".to_owned());
    }
    if let Some(error) = &judged.error {
        return trouble(format!("the trace cannot be understood: {error}"));
    }
    if let Oracle::Violation(violation) = &judged.verdict {
        return Verdict::Violation(violation.clone());
    }
    // What the server does wrong it does on purpose.
    if let Some(finding) = judged.findings.iter().find(|finding| finding.party == Party::Client) {
        return broken(finding);
    }
    let Some(code) = seen.code else {
        return Verdict::Trouble(Trouble::Crashed("by a signal".to_owned()));
    };
    if let Some(Err(why)) = restored {
        let clause: Clause = "client.media.true".parse().expect("a clause");
        let what = format!("what was backed up does not come back: {}", why.trim());
        return violated(clause, 0, what);
    }
    let succeeded = !seen.outcomes.is_empty() && seen.outcomes.iter().all(|one| one.succeeded);
    match (situation.succeeds, succeeded, code) {
        (true, true, 0) | (false, false, 1..) => {}
        (true, true, _) => {
            return trouble(format!("it exits with {code}, though its statement succeeded"));
        }
        (true, false, _) => return trouble(why_failed(&seen.outcomes)),
        (false, true, _) => {
            return Verdict::NotOffered("what was to go wrong did not happen to it".to_owned());
        }
        (false, false, _) => return trouble(format!("it exits with {code}")),
    }
    if let Oracle::Inconclusive(_) = &judged.verdict {
        return Verdict::Inconclusive("the order of overlapping calls is not known".to_owned());
    }
    Verdict::Conformant
}

fn why_failed(outcomes: &[Outcome]) -> String {
    match outcomes.iter().find(|outcome| !outcome.succeeded) {
        Some(outcome) => format!("its statement failed: {}", outcome.messages.join(" ")),
        None => "it handed no statement to sqlcmd, or that did not end".to_owned(),
    }
}

fn trouble(what: String) -> Verdict {
    Verdict::Trouble(Trouble::Own(what))
}

fn broken(finding: &Finding) -> Verdict {
    violated(finding.clause, finding.line, finding.what.clone())
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
fn told(situation: &Situation, seen: &Seen, trace: &Trace) -> Trace {
    let mut header = trace.header.clone();
    header.provoked = vec![Party::Server];
    header.scenario = Some(situation.id.to_owned());
    let lane = || Name::from(LANE);
    let note =
        |statement, devices| Event::Statement { seq: None, lane: lane(), statement, devices };
    let succeeded = seen.outcomes.iter().all(|outcome| outcome.succeeded);
    let learned = if !seen.outcomes.is_empty() && succeeded {
        Statement::Succeeded
    } else {
        Statement::Failed
    };
    let mut end = vec![note(learned, None)];
    if let Some(code) = seen.code {
        let report = if code == 0 { Reported::Success } else { Reported::Failure };
        end.push(Event::Report { seq: None, lane: lane(), report });
    }
    let mut told = Trace::new(header);
    let mut issued = seen.outcomes.first().map(|outcome| outcome.devices.len());
    for event in &trace.events {
        // It has issued its statement before the server could come.
        if event.lane().is_some_and(|lane| lane.starts_with("server."))
            && let Some(devices) = issued.take()
        {
            told.push(note(Statement::Issued, u32::try_from(devices).ok()));
        }
        if is_end_of_client(event) {
            for event in end.drain(..) {
                told.push(event);
            }
        }
        told.push(event.clone());
    }
    for event in end {
        told.push(event);
    }
    told
}
