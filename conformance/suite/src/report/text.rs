//! The report for people.

use std::fmt::Write;

use vdi_check::{Finding, Judged, LaneChoices, Verdict as Oracle, Violation};
use vdi_spec::clauses::{Party, Reading};
use vdi_spec::spanish::citations;
use vdi_trace::TraceError;

use super::{Summary, again};
use crate::adapter::{Misdeed, Trouble};
use crate::run::{ScenarioResult, Verdict};

/// The width of the text, in characters.
const WIDTH: usize = 88;

/// The labels' column.
const LABEL: usize = 10;

/// The whole report: failures, what the baseline has to say, one line of summary.
#[must_use]
pub fn text(summary: &Summary<'_>) -> String {
    let mut out = String::new();
    let mut given_up = 0;
    for result in summary.failures() {
        // What was not even tried after so many failed starts is said once.
        let never = matches!(
            &result.verdict,
            Verdict::Trouble(Trouble::NotStarted(_) | Trouble::Program(Misdeed::NotStarted, _))
        );
        if never {
            given_up += 1;
            if given_up > 1 {
                continue;
            }
        }
        out.push_str(&failure(result, &summary.call(), summary.profile_name));
        out.push('\n');
    }
    if given_up > 1 {
        let _ = writeln!(out, "and {} more scenarios, not started either\n", given_up - 1);
    }
    for result in summary.results {
        if let Verdict::Inconclusive(reason) = &result.verdict {
            heading(&mut out, "UNDECIDED", &result.id, "");
            body(&mut out, &result.title);
            row(&mut out, "because", reason);
            row(&mut out, "again", &again(&summary.call(), summary.profile_name, &result.id));
            out.push('\n');
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

fn not_offered(out: &mut String, summary: &Summary<'_>) {
    for result in summary.results {
        if let Verdict::NotOffered(reason) = &result.verdict {
            let _ = writeln!(out, "not offered  {}: {reason}", result.id);
        }
    }
}

/// How much of what may come of each race was seen; nothing if none was repeated.
fn races(out: &mut String, summary: &Summary<'_>) {
    let tallies =
        || summary.results.iter().filter_map(|result| Some((result, result.races.tally.as_ref()?)));
    for (result, tally) in tallies() {
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
    format!(
        "{total} {scenarios}: {} · {} · profile {}\n",
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
            violation_rows(&mut out, violation, step_text(result.step));
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
            row(&mut out, "step", &step_text(result.step));
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
    if !result.stderr.is_empty() {
        row(&mut out, "stderr", result.stderr.trim_end());
    }
    row(&mut out, "again", &again(call, profile, &result.id));
    out
}

/// What a call did wrong about blocking.
fn blocking_row(out: &mut String, result: &ScenarioResult) {
    if let Some(blocking) = result.blocking {
        row(out, "blocking", &blocking.text());
    }
}

fn step_text(step: usize) -> String {
    if step == 0 { "in the situation given".to_owned() } else { step.to_string() }
}

fn violation_rows(out: &mut String, violation: &Violation, at: String) {
    let info = violation.clause.info();
    body(out, info.demand);
    row(out, "clause", info.id);
    for source in citations(info.sources) {
        row(out, "source", &source.to_string());
    }
    reading_rows(out, &violation.readings, &violation.otherwise);
    let at = match &violation.call {
        Some(call) => format!("{at}: {call}"),
        None => at,
    };
    row(out, "step", &at);
    for (index, allowed) in violation.expected.iter().enumerate() {
        let label = if index == 0 { "expected" } else { "or" };
        row(out, label, &format!("{} ({})", allowed.what, allowed.clause));
    }
    row(out, "got", &violation.got);
    row(out, "state", &violation.state);
    // What the other lanes were about when nothing explained this any more.
    for choices in violation.attempts.first().iter().flat_map(|attempt| &attempt.lanes) {
        let taken = if choices.taken { "which has taken effect" } else { "open" };
        let could: Vec<&str> = choices.could.iter().map(|could| could.what.as_str()).collect();
        let LaneChoices { lane, call, line, .. } = choices;
        let could = could.join(" or ");
        row(out, "lane", &format!("{lane}: {call} from line {line}, {taken}: {could}"));
    }
}

/// The readings on which something rests, and those under which it would not be.
fn reading_rows(out: &mut String, readings: &[Reading], otherwise: &[Reading]) {
    for (label, readings) in [("reading", readings), ("but not", otherwise)] {
        for reading in readings {
            row(out, label, &format!("{reading}: {}", reading.info().text));
        }
    }
}

/// What a check of a trace says.
#[must_use]
pub fn trace_verdict(path: &str, judged: &Judged, parties: &[Party]) -> String {
    let mut out = String::new();
    match &judged.verdict {
        Oracle::Violation(violation) => {
            heading(&mut out, "FAIL", path, &violation.party.to_string());
            violation_rows(&mut out, violation, format!("line {}", violation.line));
        }
        Oracle::Inconclusive(undecided) => {
            heading(&mut out, "UNDECIDED", path, "");
            row(&mut out, "because", &undecided.to_string());
        }
        Oracle::Conformant => {}
    }
    for finding in &judged.findings {
        let counts = parties.contains(&finding.party) && !judged.provoked.contains(&finding.party);
        finding_rows(&mut out, path, finding, counts);
    }
    if judged.more_findings > 0 {
        let _ = writeln!(out, "and {} more findings", judged.more_findings);
    }
    for note in &judged.notes {
        let _ = writeln!(out, "note: {path}, line {}: {}", note.line, note.what);
    }
    if let Some(error) = &judged.error {
        out.push_str(&trace_error(path, error));
    }
    let name = match &judged.verdict {
        _ if judged.exit_code(parties) == vdi_check::exit_code::VIOLATION => "violation",
        Oracle::Inconclusive(_) => "undecided",
        _ if judged.error.is_some() && judged.events == 0 => "nothing judged",
        _ if judged.error.is_some() => "conformant up to there",
        _ => "conformant",
    };
    let events = if judged.events == 1 { "event" } else { "events" };
    let _ = writeln!(out, "{path}: {} {events}: {name}", judged.events);
    out
}

fn finding_rows(out: &mut String, path: &str, finding: &Finding, counts: bool) {
    let mark = match (finding.hazard, counts) {
        (true, _) => "HAZARD",
        (false, true) => "FAIL",
        (false, false) => "NOTE",
    };
    heading(out, mark, path, &finding.party.to_string());
    let info = finding.clause.info();
    body(out, info.demand);
    row(out, "clause", info.id);
    reading_rows(out, &finding.readings, &finding.otherwise);
    row(out, "line", &finding.line.to_string());
    row(out, "got", &finding.what);
    if !counts {
        row(out, "counts", "no: provoked on purpose, or not a party that gates");
    }
}

fn trace_error(path: &str, error: &TraceError) -> String {
    let column = if error.column > 0 { format!(":{}", error.column) } else { String::new() };
    format!("error: {path}:{}{column}: {}\n  {}\n", error.line, error.message, error.text)
}

fn heading(out: &mut String, mark: &str, id: &str, right: &str) {
    let room = WIDTH.saturating_sub(mark.len() + 2 + right.len());
    let line = format!("{mark}  {id:<room$}{right}");
    let _ = writeln!(out, "{}", line.trim_end());
}

fn body(out: &mut String, text: &str) {
    for line in wrap(text, WIDTH - 6) {
        let _ = writeln!(out, "      {line}");
    }
}

fn row(out: &mut String, label: &str, text: &str) {
    let mut label = label;
    for piece in text.lines() {
        for line in wrap(piece, WIDTH - 6 - LABEL) {
            let _ = writeln!(out, "      {label:<LABEL$}{line}");
            label = "";
        }
    }
}

/// Breaks a text at spaces.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is always a line");
        if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}
