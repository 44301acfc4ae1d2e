//! Failures with one cause are told once.

use vdi_trace::{Event, Trace};

use crate::adapter::{Misdeed, Trouble};
use crate::run::{ScenarioResult, Verdict};

/// Failures of one cause: the first of them, and the others.
pub(super) struct Group<'r> {
    pub(super) first: &'r ScenarioResult,
    pub(super) others: Vec<&'r ScenarioResult>,
}

/// Failures by their cause, in the order of the first of each.
pub(super) fn groups<'r>(
    failures: impl Iterator<Item = &'r ScenarioResult>,
    each: bool,
) -> Vec<Group<'r>> {
    let mut groups: Vec<(Vec<String>, Group<'r>)> = Vec::new();
    for result in failures {
        let cause = cause(result);
        match groups.iter_mut().find(|(known, _)| *known == cause && !each) {
            Some((_, group)) => group.others.push(result),
            None => groups.push((cause, Group { first: result, others: Vec::new() })),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// What two failures of one cause share: the clause, the call, and the difference between
/// what was expected and what came.
fn cause(result: &ScenarioResult) -> Vec<String> {
    let mut cause = vec![result.verdict.name().to_owned()];
    match &result.verdict {
        Verdict::Violation(violation) => {
            cause.push(violation.clause.to_string());
            cause.extend(violation.call.clone());
            cause.extend(violation.expected.iter().map(ToString::to_string));
            cause.push(violation.got.clone());
        }
        Verdict::Disagreement(disagreement) => {
            cause.push(disagreement.oracle.clone());
            cause.push(disagreement.scenario.clone());
        }
        Verdict::Trouble(Trouble::Garbage { reason, .. }) => cause.push(reason.clone()),
        // Whatever it was asked, it did not answer; why it was not even asked is said once.
        Verdict::Trouble(
            Trouble::Silent { .. }
            | Trouble::NotStarted(_)
            | Trouble::Program(Misdeed::NotStarted, _),
        ) => {}
        Verdict::Trouble(trouble) => cause.push(trouble.to_string()),
        Verdict::NotOffered(reason) | Verdict::Inconclusive(reason) => cause.push(reason.clone()),
        Verdict::Conformant | Verdict::NotRun => {}
    }
    cause
}

/// The call that a failure is about, as it was made: of a violation the last of its lane
/// before it, of trouble the last of all.
pub(super) fn call_of(result: &ScenarioResult) -> Option<String> {
    let Trace { events, .. } = &result.trace;
    // Line 1 is the header.
    let (until, lane) = match &result.verdict {
        Verdict::Violation(violation) => {
            (violation.line.checked_sub(1)?, Some(violation.lane.as_deref()?))
        }
        Verdict::Trouble(_) => (events.len(), None),
        Verdict::Disagreement(_)
        | Verdict::Conformant
        | Verdict::NotOffered(_)
        | Verdict::Inconclusive(_)
        | Verdict::NotRun => return None,
    };
    events.get(..until)?.iter().rev().find_map(|event| match event {
        Event::Call { lane: of, call, on, args, .. }
            if lane.is_none_or(|lane| of.as_str() == lane) =>
        {
            let args = serde_json::to_string(args).ok()?;
            let args = if args == "{}" { String::new() } else { format!(" with {args}") };
            Some(format!("{call} on {on} from {of}{args}"))
        }
        _ => None,
    })
}
