//! The page of a run: of scenarios against an implementation, or of a client program in the
//! situations of the gate.

use std::collections::BTreeMap;
use std::convert::Infallible;

use vdi_check::{Checker, Judged, Verdict as Judgement, Violation, check_trace_with, guarded};
use vdi_spec::clauses::{Clause, Party, Profile, Reading};
use vdi_suite::report::{Summary, failure, short};
use vdi_suite::run::{ScenarioResult, Verdict};

use crate::drawing::Drawing;
use crate::page::{Case, Mark, Page, Row, Section, Share, Side, Tile};

/// Configurations that are looked at for the order of effects in a drawing, at most.
const BUDGET: usize = 20_000;

/// The page of a run.
#[must_use]
pub fn run_page(summary: &Summary<'_>) -> Page {
    let counts = summary.counts();
    let all = summary.results.len();
    let what = if summary.command == "gate" { "situations" } else { "scenarios" };
    let tiles = [
        (counts.conformant, "conformant", Mark::Good),
        (counts.failed, "failed", Mark::Bad),
        (summary.stale.len(), "stale baseline entries", Mark::Bad),
        (counts.known, "known failures", Mark::Known),
        (counts.not_gating, "by a party that does not gate", Mark::Known),
        (counts.inconclusive, "undecided", Mark::Open),
        (counts.not_offered, "not offered", Mark::Open),
        (counts.not_run, "not run", Mark::Open),
    ];
    let tiles = tiles.into_iter().filter(|(count, _, mark)| *count > 0 || *mark == Mark::Good);
    let tile = |(count, label, mark): (usize, &str, Mark)| Tile {
        value: count.to_string(),
        label: label.to_owned(),
        mark: Some(mark),
    };
    let mut facts = vec![
        ("implementation", summary.implementation.clone()),
        ("profile", summary.profile_name.to_owned()),
        ("again", format!("vdi {}", summary.call())),
    ];
    let readings: Vec<String> =
        summary.profile.differences().map(|reading| reading.to_string()).collect();
    if !readings.is_empty() {
        facts.push(("readings", readings.join(", ")));
    }
    Page {
        command: format!("vdi {}", summary.command),
        title: format!("{} of {all} {what} conformant", counts.conformant),
        code: summary.exit_code(),
        facts,
        tiles: tiles.map(tile).collect(),
        sections: sections(summary, what),
    }
}

fn sections(summary: &Summary<'_>, what: &str) -> Vec<Section> {
    let mut sections = Vec::new();
    let looked_at = |result: &&ScenarioResult| {
        result.verdict.is_failure() || matches!(result.verdict, Verdict::Inconclusive(_))
    };
    let cases: Vec<Case> =
        summary.results.iter().filter(looked_at).map(|result| case(summary, result)).collect();
    if !cases.is_empty() {
        let title = "What is to be looked at".to_owned();
        sections.push(Section::Cases { title, cases, whole: false });
    }
    if !summary.stale.is_empty() {
        let rows = summary.stale.iter().map(|stale| Row {
            mark: Mark::Bad,
            word: "stale".to_owned(),
            cells: vec![
                stale.entry.scenario.clone(),
                stale.entry.verdict.clone(),
                stale.got.clone(),
            ],
            party: None,
            clauses: stale.entry.clause.into_iter().collect(),
        });
        sections.push(Section::Table {
            title: "Entries of the baseline that nothing matches".to_owned(),
            columns: vec!["scenario", "listed", "got"],
            rows: rows.collect(),
        });
    }
    sections.extend(shares(summary));
    let rows = summary.results.iter().map(|result| {
        let clauses: Vec<String> = result.clauses.iter().map(ToString::to_string).collect();
        Row {
            mark: mark(summary, result),
            word: result.verdict.name().to_owned(),
            cells: vec![result.id.clone(), result.title.clone(), clauses.join(" ")],
            party: party(result),
            clauses: result.clauses.iter().copied().chain(result.verdict.clause()).collect(),
        }
    });
    sections.push(Section::Table {
        title: format!("All {what}"),
        columns: vec!["id", "what it is about", "clauses"],
        rows: rows.collect(),
    });
    sections
}

/// How much is as it should be, by the party that a clause binds, and by the clause.
fn shares(summary: &Summary<'_>) -> Vec<Section> {
    let mut parties: BTreeMap<Party, BTreeMap<Mark, usize>> = BTreeMap::new();
    let mut clauses: BTreeMap<Clause, BTreeMap<Mark, usize>> = BTreeMap::new();
    for result in summary.results {
        let mark = mark(summary, result);
        let mut of: Vec<Party> = result.clauses.iter().map(|clause| clause.party()).collect();
        of.sort_unstable();
        of.dedup();
        for party in of {
            *parties.entry(party).or_default().entry(mark).or_default() += 1;
        }
        for clause in &result.clauses {
            *clauses.entry(*clause).or_default().entry(mark).or_default() += 1;
        }
    }
    let mut clauses: Vec<(Clause, BTreeMap<Mark, usize>)> = clauses.into_iter().collect();
    let bad = |counts: &BTreeMap<Mark, usize>| counts.get(&Mark::Bad).copied().unwrap_or_default();
    clauses.sort_by_key(|(_, counts)| std::cmp::Reverse(bad(counts)));
    let by_party = parties.into_iter().map(|(party, counts)| Share {
        label: format!("clauses that bind the {party}"),
        filter: format!("party={party}"),
        counts,
    });
    let by_clause = clauses.into_iter().map(|(clause, counts)| Share {
        label: clause.to_string(),
        filter: format!("clause={clause}"),
        counts,
    });
    vec![
        Section::Shares { title: "By party".to_owned(), shares: by_party.collect() },
        Section::Shares { title: "By clause".to_owned(), shares: by_clause.collect() },
    ]
}

fn mark(summary: &Summary<'_>, result: &ScenarioResult) -> Mark {
    match &result.verdict {
        _ if summary.baseline.covers(result).is_some() || !summary.gates(result) => Mark::Known,
        Verdict::Conformant => Mark::Good,
        Verdict::Violation(_) | Verdict::Disagreement(_) | Verdict::Trouble(_) => Mark::Bad,
        Verdict::Inconclusive(_) | Verdict::NotOffered(_) | Verdict::NotRun => Mark::Open,
    }
}

fn party(result: &ScenarioResult) -> Option<Party> {
    match &result.verdict {
        Verdict::Violation(violation) => Some(violation.party),
        _ => None,
    }
}

fn case(summary: &Summary<'_>, result: &ScenarioResult) -> Case {
    let (drawing, readings) = drawing(result, summary.profile);
    Case {
        id: result.id.clone(),
        mark: mark(summary, result),
        word: result.verdict.name().to_owned(),
        title: short(result),
        text: failure(result, &summary.call(), summary.profile_name),
        party: party(result),
        clause: result.verdict.clause(),
        readings,
        drawing,
    }
}

/// The readings that a verdict rests on, each beside those under which there would be none.
pub(crate) fn sides(readings: &[Reading], otherwise: &[Reading]) -> Vec<Side> {
    let side = |reading: &Reading, chosen: bool| Side {
        reading: reading.to_string(),
        question: reading.question.info().text.to_owned(),
        says: reading.info().text.to_owned(),
        chosen,
    };
    let mut sides = Vec::new();
    for reading in readings {
        sides.push(side(reading, true));
        let others = otherwise.iter().filter(|other| other.question == reading.question);
        sides.extend(others.map(|other| side(other, false)));
    }
    let named = |other: &&Reading| !readings.iter().any(|one| one.question == other.question);
    sides.extend(otherwise.iter().filter(named).map(|other| side(other, false)));
    sides
}

/// What happened, in canonical order, so that two runs give the same bytes. The verdict is that
/// of the run; the order of effects explains it, and the readings are compared on it.
fn drawing(result: &ScenarioResult, profile: &Profile) -> (Option<Drawing>, Vec<Side>) {
    if result.trace.events.is_empty() {
        return (None, Vec::new());
    }
    let order = result.trace.canonical_order();
    let trace = result.trace.canonical();
    let checker = || Checker::new(&trace.header, profile.clone()).with_budget(BUDGET);
    let drawn = guarded(|| {
        let mut judged = check_trace_with(checker().explaining(), &trace);
        let Verdict::Violation(violation) = &result.verdict else {
            return (Drawing::new(&trace, &judged, checker()), Vec::new());
        };
        // Line 1 is the header.
        let recorded = violation.line.checked_sub(2);
        let at = recorded.and_then(|index| order.iter().position(|of| *of == index));
        let line = at.map_or(violation.line, |at| at + 2);
        let mut compared = sides(&violation.readings, &violation.otherwise);
        if is_in(&judged, line) && !violation.readings.is_empty() {
            let again = |other: &Profile| {
                let checker = Checker::new(&trace.header, other.clone()).with_budget(BUDGET);
                Ok::<_, Infallible>(check_trace_with(checker.searching_always(), &trace))
            };
            let Ok(()) = judged.name_readings(profile, again);
            if let Judgement::Violation(named) = &judged.verdict {
                compared = sides(&named.readings, &named.otherwise);
            }
        }
        judged.verdict =
            Judgement::Violation(Box::new(Violation { line, ..(**violation).clone() }));
        (Drawing::new(&trace, &judged, checker()), compared)
    });
    let readings = || match &result.verdict {
        Verdict::Violation(violation) => sides(&violation.readings, &violation.otherwise),
        _ => Vec::new(),
    };
    drawn.map_or_else(|_| (None, readings()), |(drawing, sides)| (Some(drawing), sides))
}

fn is_in(judged: &Judged, line: usize) -> bool {
    matches!(&judged.verdict, Judgement::Violation(violation) if violation.line == line)
}
