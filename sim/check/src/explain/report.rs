//! What has been found so far: the verdict, the findings, what was covered.

use super::attempts::Attempt;
use super::transitions::Transitions;
use super::verdict::{Allowed, Finding, Judged, Undecided, Verdict, Violation, Why};
use crate::Checker;
use crate::terms::Terms;
use vdi_model::{Pending, State};
use vdi_spec::clauses::{CLAUSES, Clause, Party};
use vdi_trace::Header;

/// How many findings are kept; the rest is counted.
const FINDINGS: usize = 100;

/// What has been found so far.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// The line of the event that is judged.
    pub(crate) line: usize,
    verdict: Verdict,
    findings: Vec<Finding>,
    more_findings: usize,
    events: usize,
    /// The clauses that explained something, by their numbers.
    used: Vec<bool>,
    pub(crate) transitions: Transitions,
    /// Parties whose misuse was on purpose.
    provoked: Vec<Party>,
    server_unseen: bool,
}

impl Report {
    pub(crate) fn new(header: &Header) -> Self {
        Self {
            line: 0,
            verdict: Verdict::Conformant,
            findings: Vec::new(),
            more_findings: 0,
            events: 0,
            used: vec![false; CLAUSES.len()],
            transitions: Transitions::default(),
            provoked: header.provoked.clone(),
            server_unseen: header.unseen.contains(&Party::Server),
        }
    }

    /// Whether there is no verdict yet that ends the judging.
    pub(crate) const fn is_open(&self) -> bool {
        matches!(self.verdict, Verdict::Conformant)
    }

    /// The event in this line is judged from here on.
    pub(crate) const fn begin_event(&mut self, line: usize) {
        self.line = line;
        self.events += 1;
    }

    /// These clauses have explained something.
    pub(crate) fn mark(&mut self, clauses: impl IntoIterator<Item = Clause>) {
        clauses.into_iter().for_each(|clause| self.used[clause as usize] = true);
    }

    /// Notes that a party broke an obligation of its own.
    pub(crate) fn find(&mut self, line: usize, clause: Clause, what: String, hazard: bool) {
        self.used[clause as usize] = true;
        let party = clause.party();
        // What calls break that were synthesized for it is nobody's.
        if party == Party::Server && self.server_unseen {
            return;
        }
        if self.findings.len() == FINDINGS {
            self.more_findings += 1;
            return;
        }
        let (readings, otherwise) = (Vec::new(), Vec::new());
        self.findings.push(Finding { line, party, clause, what, hazard, readings, otherwise });
    }

    /// The verdict: it cannot be decided.
    pub(crate) fn undecided(&mut self, why: Why) {
        self.verdict = Verdict::Inconclusive(Box::new(Undecided { line: self.line, why }));
    }

    /// Adds to a violation how far the history could be followed.
    pub(crate) fn add_attempts(&mut self, attempts: Vec<Attempt>) {
        if let Verdict::Violation(violation) = &mut self.verdict {
            violation.attempts = attempts;
        }
    }

    /// The verdict on all events so far, with the readings that its clauses cite.
    pub(crate) fn finish(mut self, terms: &Terms) -> Judged {
        let cited = |clause: Clause| {
            let questions = clause.info().questions.iter();
            questions.map(|question| terms.profile.reading(*question)).collect()
        };
        // When it was certain who is to blame depends on what was seen later.
        self.findings.sort_by_key(|finding| (finding.line, finding.clause as usize));
        for finding in &mut self.findings {
            finding.readings = cited(finding.clause);
        }
        if let Verdict::Violation(violation) = &mut self.verdict {
            violation.readings = cited(violation.clause);
        }
        let used = CLAUSES.iter().zip(&self.used).filter(|(_, used)| **used);
        Judged {
            clauses: used.map(|(row, _)| row.clause).collect(),
            verdict: self.verdict,
            findings: self.findings,
            more_findings: self.more_findings,
            events: self.events,
            transitions: self.transitions,
            error: None,
            provoked: self.provoked,
            order: None,
        }
    }
}

/// An event that is not allowed.
pub(crate) struct Refusal {
    pub(crate) set: usize,
    /// The open call that it ends, or should have ended.
    pub(crate) call: Option<usize>,
    /// The clause it breaks.
    pub(crate) clause: Clause,
    /// What was allowed in its place.
    pub(crate) expected: Vec<Allowed>,
    /// What was seen.
    pub(crate) got: String,
}

/// The verdict: this event is not allowed, or the overlap leaves it open.
pub(crate) fn violated(checker: &mut Checker, refusal: Refusal) {
    let Checker { session, report, .. } = checker;
    if let Some(call) = session.ambiguous {
        report.undecided(Why::Ambiguous { call });
        return;
    }
    let Refusal { set, call, clause, mut expected, got } = refusal;
    expected.sort();
    expected.dedup();
    let state = call.and_then(|index| state_before_reply(checker, index));
    let Checker { session, report, .. } = checker;
    report.verdict = Verdict::Violation(Box::new(Violation {
        line: report.line,
        lane: call.map(|index| session.lanes.name(session.calls[index].lane).to_owned()),
        call: call.map(|index| session.call_text(index)),
        party: clause.party(),
        clause,
        readings: Vec::new(),
        otherwise: Vec::new(),
        // What stays in its call is expected to return at another time, if at all.
        early: call.is_some()
            && !expected.is_empty()
            && expected.iter().all(|allowed| !allowed.what.starts_with("returns")),
        got,
        expected,
        state: state.unwrap_or_else(|| super::state::set_state(session, set)),
        attempts: Vec::new(),
    }));
}

/// If the call is ready to return: the state before its effect, in which the
/// answer was decided.
fn state_before_reply(checker: &Checker, index: usize) -> Option<String> {
    let session = &checker.session;
    let call = &session.calls[index];
    let ready = |state: &State| {
        state.in_progress(call.lane).is_some_and(|c| matches!(c.pending, Pending::Ready(_)))
    };
    let decided = session.set_of(index).any(ready);
    let before = call.effect.before.as_ref().filter(|_| decided);
    before.map(|state| super::state::named_state(session, call.bound.set, state))
}
