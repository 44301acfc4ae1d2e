//! The page of judged traces.

use vdi_check::text::trace_verdict;
use vdi_check::{Checker, Judged, Verdict};
use vdi_spec::clauses::{Clause, Party};
use vdi_trace::Trace;

use crate::drawing::Drawing;
use crate::page::{Case, Mark, Page, Row, Section, Tile};
use crate::run::sides;

/// A trace that was judged.
#[derive(Debug)]
pub struct JudgedTrace {
    /// Its file.
    pub name: String,
    /// The trace.
    pub trace: Trace,
    /// The verdict, with the order of effects.
    pub judged: Judged,
    /// A checker for it that has seen nothing yet.
    pub checker: Checker,
}

/// The page of judged traces, if only `parties` gate; the exit code is that of all of them.
#[must_use]
pub fn trace_page(
    command: &str,
    profile: &str,
    parties: &[Party],
    code: u8,
    traces: &[JudgedTrace],
) -> Page {
    let title = match traces {
        [one] => sentence(&one.judged),
        _ => {
            let good = traces.iter().filter(|one| one.judged.exit_code(parties) == 0).count();
            format!("{good} of {} traces conformant", traces.len())
        }
    };
    let findings: usize = traces.iter().map(|one| one.judged.findings.len()).sum();
    let events: usize = traces.iter().map(|one| one.judged.events).sum();
    let mut clauses: Vec<Clause> =
        traces.iter().flat_map(|one| one.judged.clauses.iter().copied()).collect();
    clauses.sort_unstable();
    clauses.dedup();
    let tile = |count: usize, label: &str, mark| Tile {
        value: count.to_string(),
        label: label.to_owned(),
        mark,
    };
    let mut tiles = vec![
        tile(events, "events judged", None),
        tile(clauses.len(), "clauses that explain them", None),
    ];
    if findings > 0 {
        tiles.push(tile(findings, "obligations broken", Some(Mark::Bad)));
    }
    let mut sections = vec![Section::Cases {
        title: if traces.len() == 1 { "What happened" } else { "Traces" }.to_owned(),
        cases: traces.iter().map(|one| case(one, parties)).collect(),
        whole: true,
    }];
    sections.extend(findings_section(traces));
    Page {
        command: command.to_owned(),
        title,
        code,
        facts: vec![("profile", profile.to_owned())],
        tiles,
        sections,
    }
}

fn sentence(judged: &Judged) -> String {
    match &judged.verdict {
        Verdict::Conformant if judged.findings.is_empty() => "conformant".to_owned(),
        Verdict::Conformant => "what the interface did is conformant".to_owned(),
        Verdict::Violation(violation) => {
            format!("violation by the {} in line {}", violation.party, violation.line)
        }
        Verdict::Inconclusive(undecided) => format!("undecided: {undecided}"),
        Verdict::Unreadable { error } => format!("cannot be read: {error}"),
    }
}

fn case(one: &JudgedTrace, parties: &[Party]) -> Case {
    let JudgedTrace { name, trace, judged, checker } = one;
    let violation = match &judged.verdict {
        Verdict::Violation(violation) => Some(violation),
        Verdict::Conformant | Verdict::Inconclusive(_) | Verdict::Unreadable { .. } => None,
    };
    let mark = match (&judged.verdict, judged.exit_code(parties)) {
        (_, 1) => Mark::Bad,
        (Verdict::Violation(_), _) => Mark::Known,
        (Verdict::Conformant, _) => Mark::Good,
        (Verdict::Inconclusive(_) | Verdict::Unreadable { .. }, _) => Mark::Open,
    };
    let word = match (&judged.verdict, mark) {
        (Verdict::Violation(_), _) | (_, Mark::Bad) => "violation",
        (Verdict::Conformant, _) => "conformant",
        (Verdict::Inconclusive(_), _) => "undecided",
        (Verdict::Unreadable { .. }, _) => "unreadable",
    };
    Case {
        id: name.clone(),
        mark,
        word: word.to_owned(),
        title: violation.map_or_else(|| sentence(judged), |violation| violation.got.clone()),
        text: trace_verdict(name, judged, parties),
        party: violation.map(|violation| violation.party),
        clause: violation.map(|violation| violation.clause),
        readings: violation
            .map(|violation| sides(&violation.readings, &violation.otherwise))
            .unwrap_or_default(),
        drawing: Some(Drawing::new(trace, judged, checker.clone())),
    }
}

/// What server and client broke.
fn findings_section(traces: &[JudgedTrace]) -> Option<Section> {
    let rows = traces.iter().flat_map(|one| {
        one.judged.findings.iter().map(|finding| Row {
            mark: if one.judged.provoked.contains(&finding.party) {
                Mark::Known
            } else {
                Mark::Bad
            },
            word: if finding.hazard { "hazard" } else { "misuse" }.to_owned(),
            cells: vec![
                one.name.clone(),
                finding.line.to_string(),
                finding.party.to_string(),
                finding.what.clone(),
                finding.clause.to_string(),
            ],
            party: Some(finding.party),
            clauses: vec![finding.clause],
        })
    });
    let rows: Vec<Row> = rows.collect();
    (!rows.is_empty()).then(|| Section::Table {
        title: "Obligations that server and client broke".to_owned(),
        columns: vec!["trace", "line", "by the", "what", "clause"],
        rows,
    })
}
