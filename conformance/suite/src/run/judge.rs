//! The verdict on one run: the oracle's, the scenario's, and what to make of both.

use std::collections::BTreeSet;
use std::time::Duration;

use vdi_check::{Allowed, Finding, Judged, StillOpen, Verdict as Oracle, Violation, check_trace};
use vdi_spec::clauses::{Clause, Party, Profile};
use vdi_trace::{Event, Trace, TraceError};

use super::agreement::agreement_for;
use super::blocking::{self, Blocking};
use super::disagreement::Disagreement;
use super::driver::{End, Run};
use super::race::{CombinationSeen, RaceTally, combination_text};
use super::seen::Mismatch;
use crate::adapter::Trouble;
use crate::scenario::{Combination, Scenario};

/// What came of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is as the documents say.
    Conformant,
    /// The interface broke a clause.
    Violation(Box<Violation>),
    /// Oracle and scenario contradict each other.
    Disagreement(Disagreement),
    /// The implementation crashed, hung or wrote rubbish.
    Trouble(Trouble),
    /// The implementation does not offer what the scenario needs.
    NotOffered(String),
    /// Neither shown to conform nor to violate.
    Inconclusive(String),
    /// The run was stopped before this scenario.
    NotRun,
}

impl Verdict {
    /// A short stable name, used in reports and baselines.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Conformant => "conformant",
            Self::Violation(_) => "violation",
            Self::Disagreement(_) => "disagreement",
            Self::Trouble(trouble) => trouble.name(),
            Self::NotOffered(_) => "not-offered",
            Self::Inconclusive(_) => "inconclusive",
            Self::NotRun => "not-run",
        }
    }

    /// Whether this fails the run.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        matches!(self, Self::Violation(_) | Self::Disagreement(_) | Self::Trouble(_))
    }

    /// Whether it tells nothing of the implementation, since we have failed.
    #[must_use]
    pub const fn is_our_fault(&self) -> bool {
        matches!(self, Self::Trouble(Trouble::Ours(_)))
    }

    /// The clause it rests on, if it rests on one.
    #[must_use]
    pub fn clause(&self) -> Option<Clause> {
        match self {
            Self::Violation(violation) => Some(violation.clause),
            _ => None,
        }
    }
}

/// A scenario's verdict with all that was measured.
#[derive(Clone, Debug)]
pub struct ScenarioResult {
    /// The scenario.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The clauses it exercises.
    pub clauses: Vec<Clause>,
    /// The verdict.
    pub verdict: Verdict,
    /// The step at which it was reached, counted from 1; 0 in the situation.
    pub step: usize,
    /// The pinned expectation that was not met.
    pub mismatch: Option<Mismatch>,
    /// What server and client broke.
    pub findings: Vec<Finding>,
    /// The clauses that the oracle used.
    pub used: Vec<Clause>,
    /// What a call did wrong about blocking, if that is what failed.
    pub blocking: Option<Blocking>,
    /// What was observed.
    pub trace: Trace,
    /// What is known of the adapter besides.
    pub adapter: AdapterNotes,
    /// What came of its races.
    pub races: Races,
}

/// What is known of an adapter besides what it answered.
#[derive(Clone, Debug, Default)]
pub struct AdapterNotes {
    /// What it wrote to standard error.
    pub stderr: String,
    /// Of one that was not reached: a line for a shell that greets it.
    pub by_hand: Option<String>,
    /// What it does not offer, in a word, if that is the verdict: `client`, `server.Open`.
    pub lacks: Option<String>,
    /// Calls that it had not ended at the end, each with the step at which it began.
    pub in_progress: Vec<(usize, StillOpen)>,
    /// If lanes were taken to be blocked because nothing came from them: the silence that
    /// was enough.
    pub silence: Option<Duration>,
    /// Of a client program: how it ended, what became of its statement, what its caller was
    /// told.
    pub program: Option<String>,
    /// Of a client program: what was done to it on purpose.
    pub provoked: Option<String>,
    /// What is worth a look, and breaks nothing.
    pub told: Vec<String>,
    /// How long it took; no verdict depends on it.
    pub took: Duration,
}

/// What came of the races of a scenario.
#[derive(Clone, Debug, Default)]
pub struct Races {
    /// In this run, each with its step.
    pub seen: Vec<(usize, Combination)>,
    /// Over all runs, if races were repeated.
    pub tally: Option<RaceTally>,
}

impl ScenarioResult {
    /// A scenario of which nothing was measured.
    #[must_use]
    pub fn unmeasured(scenario: &Scenario, verdict: Verdict) -> Self {
        Self::of(&scenario.id, &scenario.title, scenario.clauses.clone(), verdict)
    }

    /// What is so called and exercises these clauses; nothing was measured of it.
    #[must_use]
    pub fn of(id: &str, title: &str, clauses: Vec<Clause>, verdict: Verdict) -> Self {
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            clauses,
            verdict,
            step: 0,
            mismatch: None,
            findings: Vec::new(),
            used: Vec::new(),
            blocking: None,
            trace: Trace::default(),
            adapter: AdapterNotes::default(),
            races: Races::default(),
        }
    }
}

/// Judges a run.
#[must_use]
pub fn judge(scenario: &Scenario, profile: &Profile, run: Run, stderr: String) -> ScenarioResult {
    // The readings are those that the clause rests on. Judging the trace again under the
    // others would name what the order of two lanes happened to be, and a run would not
    // give the same bytes twice; `vdi check` of its trace does that.
    let judged = in_canonical_order(check_trace(&run.trace, profile), &run.trace, profile);
    let (verdict, step) = verdict(scenario, profile, &run, &judged);
    let blocking = match (&verdict, &run.mismatch) {
        (Verdict::Violation(violation), _) => blocking::of_violation(&run.trace, violation),
        (Verdict::Disagreement(_), Some(mismatch)) => blocking::of_mismatch(&run.trace, mismatch),
        _ => None,
    };
    let in_progress = still_open(&run, &judged);
    let lacks = match &run.end {
        Some(End::NotOffered { what, .. }) if matches!(verdict, Verdict::NotOffered(_)) => {
            Some(what.clone())
        }
        _ => None,
    };
    ScenarioResult {
        verdict,
        adapter: AdapterNotes { stderr, lacks, in_progress, ..AdapterNotes::default() },
        blocking,
        step,
        mismatch: run.mismatch,
        findings: judged.findings,
        used: judged.clauses,
        trace: run.trace,
        races: Races { seen: run.races, tally: None },
        ..ScenarioResult::unmeasured(scenario, Verdict::NotRun)
    }
}

impl ScenarioResult {
    /// The race at this step came to what the model does not allow, although no event of
    /// the trace is wrong by itself: what the scenario is about was broken.
    pub(super) fn came_to(
        &mut self,
        step: usize,
        combination: &Combination,
        allowed: &[CombinationSeen],
    ) {
        let interface = |clause: &&Clause| clause.party() == Party::Interface;
        let undecided = matches!(self.verdict, Verdict::Conformant | Verdict::Inconclusive(_));
        let Some(&clause) = self.clauses.iter().find(interface).filter(|_| undecided) else {
            return;
        };
        let what = |one: &CombinationSeen| combination_text(&one.outcome);
        let expected = allowed.iter().map(|one| Allowed { what: what(one), clause });
        self.step = step;
        self.verdict = Verdict::Violation(Box::new(Violation {
            line: self.trace.events.len() + 1,
            lane: None,
            call: None,
            party: Party::Interface,
            clause,
            readings: Vec::new(),
            otherwise: Vec::new(),
            early: false,
            got: format!("the race came to {}", combination_text(combination)),
            expected: expected.collect(),
            state: "after the race".to_owned(),
            attempts: Vec::new(),
        }));
    }
}

fn verdict(scenario: &Scenario, profile: &Profile, run: &Run, judged: &Judged) -> (Verdict, usize) {
    if let Oracle::Violation(violation) = &judged.verdict {
        let step = step_of(run, violation.line);
        let pinned = run.pinned.contains(&violation.line) && !violation.early;
        if pinned && contradict(scenario, profile, &run.trace) {
            let disagreement = Disagreement {
                oracle: format!(
                    "{} is not allowed by {}; allowed: {}",
                    violation.got,
                    violation.clause,
                    violation
                        .expected
                        .iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
                scenario: format!("expects {}", violation.got),
                step,
            };
            return (Verdict::Disagreement(disagreement), step);
        }
        return (Verdict::Violation(violation.clone()), step);
    }
    let step = run.step;
    if let Some(error) = judged.error.as_ref().filter(|_| judged.events > 0) {
        return (impossible(run, error), step_of(run, error.line));
    }
    match &run.end {
        Some(End::Trouble(trouble)) => return (Verdict::Trouble(trouble.clone()), step),
        Some(End::NotOffered { reason, .. }) => return (Verdict::NotOffered(reason.clone()), step),
        None => {}
    }
    if let Oracle::Inconclusive(undecided) = &judged.verdict {
        return (Verdict::Inconclusive(undecided.to_string()), step);
    }
    match &run.mismatch {
        Some(mismatch)
            if !mismatch.shortage
                && mismatch.step != 0
                && contradict(scenario, profile, &run.trace) =>
        {
            let disagreement = Disagreement {
                oracle: format!("{}: {} is allowed", mismatch.what, mismatch.got),
                scenario: format!("expects {}", mismatch.expected),
                step,
            };
            (Verdict::Disagreement(disagreement), step)
        }
        Some(mismatch) => {
            let reason = format!(
                "{}: the documents allow {}, but the scenario cannot go on",
                mismatch.what, mismatch.got
            );
            (Verdict::Inconclusive(reason), step)
        }
        None if !scenario.is_pinned() => (Verdict::Conformant, step),
        None => {
            misuse(scenario, profile, judged).map_or((Verdict::Conformant, step), |disagreement| {
                (misused_otherwise(scenario, profile, &run.trace, disagreement, step), step)
            })
        }
    }
}

/// An event of the trace cannot have happened. Calls are asked for by the scenario: one that
/// cannot be made is no fault of the implementation.
fn impossible(run: &Run, error: &TraceError) -> Verdict {
    let event = error.line.checked_sub(2).and_then(|at| run.trace.events.get(at));
    if matches!(event, Some(Event::Call { .. })) {
        let reason = format!("the scenario asks for what no call can be: {}", error.message);
        return Verdict::Inconclusive(reason);
    }
    let reason = format!("what was reported cannot have happened: {}", error.message);
    Verdict::Trouble(Trouble::Garbage { reason, line: error.text.clone() })
}

/// Whether scenario and oracle, without an implementation, contradict each other.
///
/// Where they do not, what both refuse is the implementation's fault, and what only the
/// oracle allows, after answers that the scenario did not foresee, is nobody's.
fn contradict(scenario: &Scenario, profile: &Profile, trace: &Trace) -> bool {
    agreement_for(scenario, profile, trace.header.declares).is_err()
}

/// Server and client broke something else than the scenario is made to break.
fn misused_otherwise(
    scenario: &Scenario,
    profile: &Profile,
    trace: &Trace,
    disagreement: Disagreement,
    step: usize,
) -> Verdict {
    if contradict(scenario, profile, trace) {
        return Verdict::Disagreement(Disagreement { step, ..disagreement });
    }
    let Disagreement { oracle, scenario, .. } = disagreement;
    Verdict::Inconclusive(format!("after these answers {oracle}, where {scenario}"))
}

/// A violation among steps that were seen in one order or another is told as for the
/// canonical one, if it is one there too, so that a run gives the same bytes again.
fn in_canonical_order(judged: Judged, trace: &Trace, profile: &Profile) -> Judged {
    let Oracle::Violation(seen) = &judged.verdict else {
        return judged;
    };
    if seen.attempts.is_empty() {
        return judged;
    }
    let mut again = check_trace(&trace.canonical(), profile);
    let Oracle::Violation(violation) = &mut again.verdict else {
        return judged;
    };
    let order = trace.canonical_order();
    let seen_at = |line: &mut usize| {
        if let Some(place) = line.checked_sub(2).and_then(|index| order.get(index)) {
            *line = place + 2;
        }
    };
    seen_at(&mut violation.line);
    violation.attempts.clear();
    again.findings.iter_mut().for_each(|finding| seen_at(&mut finding.line));
    Judged { verdict: again.verdict, findings: again.findings, clauses: again.clauses, ..judged }
}

/// The clauses that the oracle found broken are those the scenario breaks on purpose.
/// Which misuse a sequence amounts to may depend on the profile.
fn misuse(scenario: &Scenario, profile: &Profile, judged: &Judged) -> Option<Disagreement> {
    let found: BTreeSet<Clause> = judged.findings.iter().map(|finding| finding.clause).collect();
    let named = scenario.misuse_for(profile)?;
    let list = |clauses: &BTreeSet<Clause>| {
        let names: Vec<String> = clauses.iter().map(ToString::to_string).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    // Who misuses what may depend on who wins.
    let as_meant = if scenario.races() { found.is_subset(&named) } else { found == named };
    (!as_meant).then(|| Disagreement {
        oracle: format!("broken by server or client: {}", list(&found)),
        scenario: format!("`misuse` lists: {}", list(&named)),
        step: 0,
    })
}

/// The calls that never returned, with the steps at which they began. What the verdict was
/// reached before, and returned only then, is none of them, whichever of the two came first.
fn still_open(run: &Run, judged: &Judged) -> Vec<(usize, StillOpen)> {
    let returns = |call: &StillOpen| {
        let later = run.trace.events.iter().skip(call.line.saturating_sub(1));
        let mut later = later.filter(|event| event.lane() == Some(call.lane.as_str()));
        later.any(|event| matches!(event, Event::Return { .. }))
    };
    let open = judged.in_progress.iter().filter(|call| !returns(call));
    open.map(|call| (step_of(run, call.line), call.clone())).collect()
}

fn step_of(run: &Run, line: usize) -> usize {
    // Line 1 is the header.
    line.checked_sub(2).and_then(|at| run.step_of_line.get(at)).copied().unwrap_or(run.step)
}
