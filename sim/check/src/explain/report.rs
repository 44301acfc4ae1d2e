//! What has been found so far: the verdict, the findings, what was covered.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::transitions::Transitions;
use super::verdict::{Attempt, Finding, Judged, Note, Undecided, Verdict, Why};
use crate::terms::Terms;
use vdi_spec::clauses::{CLAUSES, Clause, Party};
use vdi_trace::Header;

/// How many findings are kept; the rest is counted.
const FINDINGS: usize = 100;

/// When lines were written, as a trace tells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Time {
    /// Milliseconds to when the line was written that is judged.
    pub(crate) elapsed: Option<u64>,
    /// The same of every line that tells it, where the lines were read before.
    pub(crate) of_lines: Arc<BTreeMap<usize, u64>>,
}

/// What has been found so far.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// The line of the event that is judged.
    pub(crate) line: usize,
    pub(crate) time: Time,
    /// How many configurations were looked at.
    pub(crate) examined: usize,
    verdict: Verdict,
    findings: Vec<Finding>,
    more_findings: usize,
    notes: Vec<Note>,
    events: usize,
    /// The clauses that explained something, by their numbers.
    used: Vec<bool>,
    pub(crate) transitions: Transitions,
    /// Parties whose misuse was on purpose.
    provoked: Vec<Party>,
    sides: Sides,
}

/// Which sides are seen.
#[derive(Clone, Copy, Debug)]
struct Sides {
    /// Whether the server was not recorded.
    server_unseen: bool,
    /// Whether anything was seen of server and client, or need not be.
    seen: [bool; 2],
}

impl Report {
    pub(crate) fn new(header: &Header) -> Self {
        Self {
            line: 0,
            time: Time::default(),
            examined: 0,
            verdict: Verdict::Conformant,
            findings: Vec::new(),
            more_findings: 0,
            notes: Vec::new(),
            events: 0,
            used: vec![false; CLAUSES.len()],
            transitions: Transitions::default(),
            provoked: header.on_purpose(),
            sides: Sides {
                server_unseen: header.unseen.contains(&Party::Server),
                seen: [Party::Server, Party::Client].map(|party| header.unseen.contains(&party)),
            },
        }
    }

    /// The verdict so far.
    pub(crate) const fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// How many obligations were found broken.
    pub(crate) fn faults(&self) -> usize {
        self.findings.len() + self.more_findings
    }

    /// Whether there is no verdict yet that ends the judging.
    pub(crate) const fn is_open(&self) -> bool {
        matches!(self.verdict, Verdict::Conformant)
    }

    /// A process of this party was seen.
    pub(crate) fn see(&mut self, party: Party) {
        match party {
            Party::Server => self.sides.seen[0] = true,
            Party::Client => self.sides.seen[1] = true,
            Party::Interface => {}
        }
    }

    /// The party of which nothing was seen.
    fn missing(&self) -> Option<Party> {
        let Verdict::Violation(violation) = &self.verdict else { return None };
        let id = violation.clause.info().id;
        // Without a client the server's Open finds no set; without a server all that a client
        // waits for does not come.
        match self.sides.seen {
            [false, true] if !id.starts_with("client.create.") => Some(Party::Server),
            [true, false] if id.starts_with("server.open.") => Some(Party::Client),
            [true, true] | [false, false] | [false, true] | [true, false] => None,
        }
    }

    /// The event in this line is judged from here on.
    pub(crate) fn begin_event(&mut self, line: usize) {
        self.line = line;
        self.time.elapsed = self.time.of_lines.get(&line).copied().or(self.time.elapsed);
        self.events += 1;
    }

    /// These clauses have explained something.
    pub(crate) fn mark(&mut self, clauses: impl IntoIterator<Item = Clause>) {
        clauses.into_iter().for_each(|clause| self.used[clause as usize] = true);
    }

    /// Notes that a party broke one of its obligations.
    pub(crate) fn find(&mut self, line: usize, clause: Clause, what: String, hazard: bool) {
        self.used[clause as usize] = true;
        // What calls break that were synthesized for it is nobody's.
        if clause.party() == Party::Server && self.sides.server_unseen {
            return;
        }
        self.keep(line, clause, what, hazard);
    }

    /// The same of an obligation that was seen to be broken, although its party was not.
    pub(crate) fn find_seen(&mut self, line: usize, clause: Clause, what: String) {
        self.used[clause as usize] = true;
        self.keep(line, clause, what, false);
    }

    /// Notes what is worth a look, and nobody's fault.
    pub(crate) fn note(&mut self, line: usize, what: String) {
        self.notes.push(Note { line, what });
    }

    /// Whether the server was not seen.
    pub(crate) const fn is_server_unseen(&self) -> bool {
        self.sides.server_unseen
    }

    /// Whether nobody has been found at fault.
    pub(crate) const fn is_faultless(&self) -> bool {
        self.is_open() && self.findings.is_empty()
    }

    /// Whether what is found is still told, and not only counted.
    pub(crate) const fn tells(&self) -> bool {
        self.findings.len() < FINDINGS
    }

    fn keep(&mut self, line: usize, clause: Clause, what: String, hazard: bool) {
        let party = clause.party();
        if !self.tells() {
            self.more_findings += 1;
            return;
        }
        let (readings, otherwise) = (Vec::new(), Vec::new());
        self.findings.push(Finding { line, party, clause, what, hazard, readings, otherwise });
    }

    /// The verdict, after which nothing more is judged.
    pub(crate) fn decide(&mut self, verdict: Verdict) {
        self.verdict = verdict;
    }

    /// The verdict: it cannot be decided.
    pub(crate) fn undecided(&mut self, why: Why) {
        self.decide(Verdict::Inconclusive(Box::new(Undecided { line: self.line, why })));
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
        let missing = self.missing();
        let used = CLAUSES.iter().zip(&self.used).filter(|(_, used)| **used);
        Judged {
            clauses: used.map(|(row, _)| row.clause).collect(),
            verdict: self.verdict,
            findings: self.findings,
            more_findings: self.more_findings,
            notes: self.notes,
            events: self.events,
            transitions: self.transitions,
            in_progress: Vec::new(),
            missing,
            error: None,
            provoked: self.provoked,
            order: None,
        }
    }
}
