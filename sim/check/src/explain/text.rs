//! What a check of a trace says to people.

use std::fmt::Write;

use super::verdict::{Finding, Judged, LaneChoices, Verdict, Violation, exit_code};
use vdi_spec::clauses::{Party, Reading};
use vdi_spec::spanish::citations;
use vdi_trace::TraceError;

/// The width of the text, in characters.
const WIDTH: usize = 88;

/// How many calls in progress are shown; all of them are in the JSON.
const OPEN_CALLS: usize = 8;

/// The labels' column.
pub const LABEL: usize = 10;

impl Judged {
    /// For tests: panics with what `vdi check` prints, unless the trace was read to its end, had
    /// something in it, and nobody broke anything that was not provoked on purpose.
    ///
    /// # Panics
    /// In every other case.
    #[track_caller]
    pub fn assert_conformant(&self) {
        let parties = [Party::Interface, Party::Server, Party::Client];
        if self.exit_code(&parties) != exit_code::CONFORMANT {
            panic!("\n{}", trace_verdict("trace", self, &parties));
        }
    }
}

/// The rows of a violation: its clause, its place, what was expected and what was seen.
pub fn violation_rows(out: &mut String, violation: &Violation, at: String) {
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
        Verdict::Violation(violation) => {
            heading(&mut out, "FAIL", path, &violation.party.to_string());
            violation_rows(&mut out, violation, format!("line {}", violation.line));
        }
        Verdict::Inconclusive(undecided) => {
            heading(&mut out, "UNDECIDED", path, "");
            row(&mut out, "because", &undecided.to_string());
        }
        Verdict::Conformant | Verdict::Unreadable { .. } => {}
    }
    if let Some(hint) = judged.hint() {
        row(&mut out, "hint", &hint);
    }
    for finding in &judged.findings {
        let counts = parties.contains(&finding.party) && !judged.provoked.contains(&finding.party);
        finding_rows(&mut out, path, finding, counts);
    }
    if judged.more_findings > 0 {
        let _ = writeln!(out, "and {} more findings", judged.more_findings);
    }
    still_open(&mut out, path, judged);
    for note in &judged.notes {
        let _ = writeln!(out, "note: {path}, line {}: {}", note.line, note.what);
    }
    if let Some(error) = &judged.error {
        out.push_str(&trace_error(path, error));
    }
    let name = match &judged.verdict {
        _ if judged.exit_code(parties) == exit_code::VIOLATION => "violation",
        Verdict::Inconclusive(_) => "undecided",
        _ if judged.error.is_some() && judged.events == 0 => "nothing judged",
        _ if judged.error.is_some() => "conformant up to there",
        _ => "conformant",
    };
    let events = if judged.events == 1 { "event" } else { "events" };
    let _ = writeln!(out, "{path}: {} {events}: {name}", judged.events);
    out
}

/// The calls that are still in progress, but for the one that a violation is about.
fn still_open(out: &mut String, path: &str, judged: &Judged) {
    let blamed = match &judged.verdict {
        Verdict::Violation(violation) => violation.call.as_deref(),
        Verdict::Conformant | Verdict::Inconclusive(_) | Verdict::Unreadable { .. } => None,
    };
    let others = judged.in_progress.iter();
    let others =
        others.filter(|call| Some(format!("{} by {}", call.call, call.lane).as_str()) != blamed);
    let others: Vec<_> = others.collect();
    if !others.is_empty() {
        heading(out, "OPEN", path, "");
    }
    others.iter().take(OPEN_CALLS).for_each(|call| row(out, "call", &call.to_string()));
    if others.len() > OPEN_CALLS {
        row(out, "", &format!("and {} more calls in progress", others.len() - OPEN_CALLS));
    }
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

/// The first line of an entry.
pub fn heading(out: &mut String, mark: &str, id: &str, right: &str) {
    // However long the id is, what stands at the right stands by itself.
    let room = WIDTH.saturating_sub(mark.len() + 2 + right.len()).max(id.chars().count() + 2);
    let line = format!("{mark}  {id:<room$}{right}");
    let _ = writeln!(out, "{}", line.trim_end());
}

/// Sentences, broken at the width of the text.
pub fn body(out: &mut String, text: &str) {
    for line in wrap(text, WIDTH - 6) {
        let _ = writeln!(out, "      {line}");
    }
}

/// A row with a label.
pub fn row(out: &mut String, label: &str, text: &str) {
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

#[cfg(test)]
mod tests {
    use super::heading;

    #[test]
    fn what_stands_at_the_right_stands_by_itself() {
        for length in [1, 70, 75, 76, 77, 200] {
            let mut out = String::new();
            heading(&mut out, "FAIL", &"x".repeat(length), "interface");
            assert!(out.contains("x  ") && out.ends_with(" interface\n"), "{out}");
        }
    }
}
