//! The report for people.

use std::fmt::Write;

pub use vdi_check::text::trace_verdict;
use vdi_check::text::{LABEL, body, heading, row, violation_rows};

use super::cause::{Group, call_of, groups};
use super::{Summary, again};
use crate::adapter::Trouble;
use crate::run::{ScenarioResult, Verdict};

/// The whole report: failures, what the baseline has to say, one line of summary.
#[must_use]
pub fn text(summary: &Summary<'_>) -> String {
    let mut out = String::new();
    for Group { first, others } in groups(summary.failures(), summary.verbose) {
        out.push_str(&failure(first, &summary.call(), summary.profile_name));
        if !others.is_empty() {
            let names: Vec<&str> = others.iter().take(3).map(|other| other.id.as_str()).collect();
            let more = if others.len() > names.len() { ", …" } else { "" };
            let text = format!("and {} more (--verbose): {}{more}", others.len(), names.join(", "));
            row(&mut out, "likewise", &text);
        }
        out.push('\n');
    }
    for result in summary.results {
        if let Verdict::Inconclusive(reason) = &result.verdict {
            heading(&mut out, "UNDECIDED", &result.id, "");
            body(&mut out, &result.title);
            row(&mut out, "because", reason);
            program_rows(&mut out, result);
            again_line(&mut out, &summary.call(), summary.profile_name, &result.id);
            out.push('\n');
        }
    }
    for result in summary.results.iter().filter(|result| !result.verdict.is_failure()) {
        for told in &result.adapter.told {
            let _ = writeln!(out, "note  {}: {told}", result.id);
        }
    }
    not_offered(&mut out, summary);
    races(&mut out, summary);
    for stale in &summary.stale {
        heading(&mut out, "STALE", &stale.entry.scenario, "baseline");
        let listed = match stale.entry.clause {
            Some(clause) => format!("{} of {clause}", stale.entry.verdict),
            None => stale.entry.verdict.clone(),
        };
        row(&mut out, "listed", &listed);
        row(&mut out, "got", &stale.got);
        row(&mut out, "do", "remove the entry from the baseline, or correct it");
        out.push('\n');
    }
    out.push_str(&summary_line(summary));
    out
}

/// What was not offered: each with how many scenarios need it, or each scenario.
fn not_offered(out: &mut String, summary: &Summary<'_>) {
    for result in summary.results {
        if let Verdict::NotOffered(reason) = &result.verdict
            && (summary.verbose || result.adapter.lacks.is_none())
        {
            let _ = writeln!(out, "not offered  {}: {reason}", result.id);
        }
    }
    let lacking = summary.lacking();
    if lacking.is_empty() {
        return;
    }
    let listed = lacking.iter().map(|(what, count)| format!("{what} {count}"));
    let listed = listed.collect::<Vec<_>>().join(", ");
    let mark = if summary.lacks_too_much() { "UNDECIDED" } else { "NOTE" };
    heading(out, mark, &format!("what was not offered: {listed}"), "");
    if summary.lacks_too_much() {
        body(
            out,
            "too much to call it conformant: ask for a half alone with --role, or list \
                   what is left out, with a reason, in a baseline (--write-baseline)",
        );
    }
    out.push('\n');
}

/// How much of what may come of each race was seen; nothing if none was repeated.
fn races(out: &mut String, summary: &Summary<'_>) {
    let tallies =
        || summary.results.iter().filter_map(|result| Some((result, result.races.tally.as_ref()?)));
    // A walk that races is run more than once, too; what may come of it is not counted.
    for (result, tally) in tallies().filter(|(_, tally)| tally.coverage().1 > 0) {
        let (seen, all) = tally.coverage();
        let runs = if tally.runs == 1 { "run" } else { "runs" };
        let _ = writeln!(
            out,
            "race  {}: seen {seen} of {all} combinations in {} {runs}",
            result.id, tally.runs
        );
    }
    let sum = |one: (usize, usize), other: (usize, usize)| (one.0 + other.0, one.1 + other.1);
    let (seen, all) = tallies().map(|(_, tally)| tally.coverage()).fold((0, 0), sum);
    if all > 0 {
        let count = tallies().count();
        let _ = writeln!(out, "{count} races: seen {seen} of {all} combinations\n");
    }
}

fn summary_line(summary: &Summary<'_>) -> String {
    let counts = summary.counts();
    let total = summary.results.len();
    let mut parts = vec![format!("{} conformant", counts.conformant)];
    for (count, what) in [
        (counts.failed, "failed"),
        (counts.known, if counts.known == 1 { "known failure" } else { "known failures" }),
        (counts.not_gating, "by a party that does not gate"),
        (counts.not_offered, "not offered"),
        (counts.inconclusive, "undecided"),
        (counts.not_run, "not run"),
        (
            summary.stale.len(),
            if summary.stale.len() == 1 {
                "stale baseline entry"
            } else {
                "stale baseline entries"
            },
        ),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    let scenarios = if total == 1 { "scenario" } else { "scenarios" };
    let role = summary.role.map_or_else(String::new, |(role, others)| {
        format!(" · only the {role} half was asked for, {others} scenarios not")
    });
    format!(
        "{total} {scenarios}: {}{role} · {} · profile {}\n",
        parts.join(", "),
        summary.implementation,
        summary.profile_name
    )
}

/// One failure, as a person reads it.
#[must_use]
pub fn failure(result: &ScenarioResult, call: &str, profile: &str) -> String {
    let mut out = String::new();
    match &result.verdict {
        Verdict::Violation(violation) => {
            heading(&mut out, "FAIL", &result.id, &violation.party.to_string());
            violation_rows(&mut out, violation, place(result, violation.line));
            blocking_row(&mut out, result);
        }
        Verdict::Disagreement(disagreement) => {
            heading(&mut out, "DISAGREE", &result.id, "oracle and scenario");
            body(&mut out, &result.title);
            row(&mut out, "step", &step_text(disagreement.step));
            row(&mut out, "oracle", &disagreement.oracle);
            row(&mut out, "scenario", &disagreement.scenario);
            blocking_row(&mut out, result);
            row(&mut out, "do", "find the source and correct the one that is wrong");
        }
        Verdict::Trouble(trouble) => {
            heading(&mut out, "FAIL", &result.id, trouble.name());
            body(&mut out, &result.title);
            if result.adapter.program.is_none() {
                row(&mut out, "step", &step_text(result.step));
            }
            let who = match trouble {
                Trouble::Program(..) => "the program",
                _ => "the implementation",
            };
            row(&mut out, "got", &format!("{who} {trouble}"));
        }
        Verdict::NotOffered(reason) | Verdict::Inconclusive(reason) => {
            heading(&mut out, result.verdict.name(), &result.id, "");
            row(&mut out, "because", reason);
        }
        Verdict::Conformant | Verdict::NotRun => {
            heading(&mut out, result.verdict.name(), &result.id, "");
        }
    }
    if let Some(call) = call_of(result) {
        row(&mut out, "call", &call);
    }
    program_rows(&mut out, result);
    if result.verdict.is_failure() {
        open_rows(&mut out, result);
        silence_row(&mut out, result);
    }
    if !result.adapter.stderr.is_empty() {
        row(&mut out, "stderr", result.adapter.stderr.trim_end());
    }
    if let Some(by_hand) = &result.adapter.by_hand {
        line(&mut out, "by hand", by_hand);
    }
    again_line(&mut out, call, profile, &result.id);
    out
}

/// How it is run again, if it was a command that ran it.
fn again_line(out: &mut String, call: &str, profile: &str, id: &str) {
    if !call.is_empty() {
        line(out, "again", &again(call, profile, id));
    }
}

/// How many of the answers that were allowed are named in one line.
const ALLOWED: usize = 4;

/// A failure in one line: what was expected, and what came.
#[must_use]
pub fn short(result: &ScenarioResult) -> String {
    match &result.verdict {
        Verdict::Violation(violation) => {
            let expected = &violation.expected;
            let mut allowed: Vec<&str> =
                expected.iter().take(ALLOWED).map(|allowed| allowed.what.as_str()).collect();
            let more = format!("{} more", expected.len().saturating_sub(ALLOWED));
            if expected.len() > ALLOWED {
                allowed.push(&more);
            }
            match allowed.is_empty() {
                true => format!("got {}", violation.got),
                false => format!("expected {}; got {}", allowed.join(" or "), violation.got),
            }
        }
        Verdict::Disagreement(disagreement) => {
            format!("oracle: {}; scenario: {}", disagreement.oracle, disagreement.scenario)
        }
        Verdict::Trouble(trouble) => match trouble {
            Trouble::Program(..) => format!("the program {trouble}"),
            _ => format!("the implementation {trouble}"),
        },
        Verdict::Inconclusive(reason) => format!("undecided: {reason}"),
        Verdict::NotOffered(reason) => reason.clone(),
        Verdict::Conformant | Verdict::NotRun => result.verdict.name().to_owned(),
    }
}

/// How many calls in progress are named.
const OPEN_CALLS: usize = 8;

/// The calls that were still in progress at the end.
fn open_rows(out: &mut String, result: &ScenarioResult) {
    let open = &result.adapter.in_progress;
    for (step, call) in open.iter().take(OPEN_CALLS) {
        let since = if *step == 0 { "the situation".to_owned() } else { format!("step {step}") };
        row(out, "open", &call.since(&since));
    }
    if open.len() > OPEN_CALLS {
        row(out, "", &format!("and {} more calls in progress", open.len() - OPEN_CALLS));
    }
}

/// What was decided by silence says so.
fn silence_row(out: &mut String, result: &ScenarioResult) {
    if let Some(grace) = result.adapter.silence {
        let text = format!(
            "that lanes were blocked was told by {grace:?} without an answer (--grace), or by all \
             of --timeout where the model knows of a call that must return; an adapter that \
             offers `settle` says it instead"
        );
        row(out, "silence", &text);
    }
}

/// What a call did wrong about blocking.
fn blocking_row(out: &mut String, result: &ScenarioResult) {
    if let Some(blocking) = result.blocking {
        row(out, "blocking", &blocking.text());
    }
}

/// Where a violation was seen: at a step of a scenario, or in a line of a program's trace.
fn place(result: &ScenarioResult, line: usize) -> String {
    match (&result.adapter.program, line) {
        (None, _) => step_text(result.step),
        (Some(_), 0) => "in the program as a whole".to_owned(),
        (Some(_), line) => format!("in line {line} of its trace (--traces)"),
    }
}

/// What came of a client program, and what was done to it on purpose.
fn program_rows(out: &mut String, result: &ScenarioResult) {
    if let Some(program) = &result.adapter.program {
        row(out, "program", program);
    }
    if let Some(provoked) = &result.adapter.provoked {
        row(out, "provoked", provoked);
    }
}

fn step_text(step: usize) -> String {
    if step == 0 { "in the situation given".to_owned() } else { step.to_string() }
}

/// A row that stays on one line, to be copied.
fn line(out: &mut String, label: &str, text: &str) {
    let _ = writeln!(out, "      {label:<LABEL$}{text}");
}
