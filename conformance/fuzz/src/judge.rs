//! The verdict on a history, reached in several ways; questions to the model.

use std::collections::BTreeSet;

use arbitrary::Unstructured;
use vdi_check::{Checker, Judged, Verdict, ask, check_reader, check_trace, check_trace_with, text};
use vdi_spec::clauses::{Party, Profile};
use vdi_trace::{Event, Trace};

use super::history;

/// Configurations that are looked at for one event, at most.
const BUDGET: usize = 300;

/// Events up to which everything is tried, too.
const FEW: usize = 16;

/// What every way must agree upon: the kind of verdict, where, and whether it is one of a
/// whole history.
fn told(judged: &Judged) -> (u8, usize, bool) {
    let (kind, line) = match &judged.verdict {
        Verdict::Conformant | Verdict::Unreadable { .. } => (0, 0),
        Verdict::Violation(violation) => (1, violation.line),
        Verdict::Inconclusive(_) => (2, 0),
    };
    (kind, line, judged.error.is_some())
}

fn broken(judged: &Judged) -> BTreeSet<(usize, &'static str)> {
    judged.findings.iter().map(|finding| (finding.line, finding.clause.info().id)).collect()
}

/// Both have come to a verdict, and to another.
fn differ(one: &Judged, other: &Judged) -> bool {
    let (one, other) = (told(one), told(other));
    one.0 != 2 && other.0 != 2 && one != other
}

/// How a checker is set up.
type Way = fn(Checker) -> Checker;

fn judge(trace: &Trace, profile: &Profile, prepare: impl FnOnce(Checker) -> Checker) -> Judged {
    let checker = Checker::new(&trace.header, profile.clone()).with_budget(BUDGET);
    check_trace_with(prepare(checker), trace)
}

/// A history gets one verdict, whichever way it is reached.
pub(super) fn verdict(input: &[u8]) {
    let mut input = Unstructured::new(input);
    let Ok((trace, profile)) = history::made(&mut input) else { return };
    let lines = || trace.to_json_lines();
    let first = judge(&trace, &profile, |checker| checker);
    assert_eq!(judge(&trace, &profile, |checker| checker), first, "twice\n{}", lines());
    let _ = text::trace_verdict("trace", &first, &[Party::Server, Party::Client]);
    if told(&first).0 != 2 {
        let read = check_reader(lines().as_bytes(), &profile);
        assert!(!differ(&read, &first), "read again: {:?}\n{}", told(&read), lines());
    }
    if !trace.header.unseen.is_empty() {
        return;
    }
    let ways: [(&str, Way); 4] = [
        ("search", Checker::searching_always),
        ("put off", |checker| checker.searching_always().putting_off_from(0)),
        ("every order", |checker| checker.searching_always().in_every_order()),
        ("explained", Checker::explaining),
    ];
    for (name, way) in ways {
        agree(name, &first, &judge(&trace, &profile, way), &trace);
    }
    if trace.events.len() <= FEW {
        agree("everything", &first, &judge(&trace, &profile, Checker::trying_everything), &trace);
    }
}

fn agree(name: &str, first: &Judged, other: &Judged, trace: &Trace) {
    let (is, was) = (told(other), told(first));
    assert!(!differ(first, other), "{name}: {is:?}, {was:?}\n{}", trace.to_json_lines());
    if was.0 == 0 && is.0 == 0 && !was.2 {
        let accused = (broken(first), broken(other));
        assert_eq!(accused.0, accused.1, "{name}\n{}", trace.to_json_lines());
    }
}

/// A question: after some events, what may come of a call? What the model says may come of it
/// has come of it in a history that is conformant.
pub(super) fn question(input: &[u8]) {
    let mut input = Unstructured::new(input);
    let Ok((mut trace, profile)) = history::made(&mut input) else { return };
    // Of half a history every answer is judged under every reading.
    let most = if trace.header.unseen.is_empty() { 64 } else { 16 };
    trace.events.truncate(most);
    let Some(last) = trace.events.iter().rposition(|event| matches!(event, Event::Call { .. }))
    else {
        return;
    };
    trace.events.truncate(last + 1);
    let Some(call) = trace.events.pop() else { return };
    let asked = ask(&trace, &profile, &call);
    if asked.is_ok() {
        assert!(told(&check_trace(&trace, &profile)).0 != 1, "{}", trace.to_json_lines());
    }
    assert_eq!(ask(&trace, &profile, &call), asked);
    if let Ok(asked) = asked {
        assert!(!asked.to_string().is_empty());
    }
}
