//! The verdict on a program in one situation.

mod annotated;
mod seen;
mod words;

use std::collections::BTreeSet;

use vdi_check::{Finding, Judged, Verdict as Oracle, Violation, check_trace};
use vdi_spec::clauses::{Clause, LinuxTimeoutUnit, Party, Profile, Reading};
use vdi_suite::adapter::{Misdeed, Trouble};
use vdi_suite::run::{ScenarioResult, Verdict};
use vdi_trace::{TimeoutArg, Trace};

use crate::gate::Gate;
use crate::observation::{Observation, Outcome, Proof};
use crate::situation::{Around, Ends, Situation, Verb};
use annotated::{annotated, outcome_of};

/// A situation, and all that is known of what the program did in it.
pub(super) struct Tried<'a> {
    pub(super) situation: &'a Situation,
    /// What the server was to do on purpose.
    pub(super) faults: String,
    pub(super) observed: Observation,
    pub(super) proof: Proof,
}

impl Tried<'_> {
    /// What is said of the whole: the oracle's word on each trace first, then what the program
    /// says of itself, then what it has stored.
    pub(super) fn judge(&self, gate: &Gate) -> ScenarioResult {
        let Self { situation, observed, .. } = self;
        if observed.traces.is_empty() {
            let mut result = situation.result(match &observed.unreadable {
                _ if observed.end.hung => hung(gate, &[]),
                Some(why) => unreadable(why),
                None => no_set(observed),
            });
            self.tell(&mut result);
            return result;
        }
        if situation.complete && !observed.traces.iter().any(seen::asks_for_complete) {
            let why = "the program does not ask for VDC_Complete (VDF_RequestComplete)";
            return situation.result(Verdict::NotOffered(why.to_owned()));
        }
        let mut parts = Vec::new();
        let mut outcomes: Vec<&Outcome> = observed.awaited().iter().collect();
        for trace in &observed.traces {
            let trace = annotated(situation, observed, trace, outcome_of(trace, &mut outcomes));
            let judged = judged(&trace, &gate.profile);
            parts.push((trace, judged));
        }
        let used: BTreeSet<Clause> =
            parts.iter().flat_map(|(_, judged)| &judged.clauses).copied().collect();
        // What is shown is the set of which there is most to say; of several, the first.
        parts.sort_by_key(|(_, judged)| rank(judged));
        let (trace, mut judged) = parts.swap_remove(0);
        if rank(&judged) < DECIDED {
            judged.name_readings_in(&trace, &gate.profile);
        }
        let mut result = situation.result(self.verdict(gate, &trace, &judged));
        self.name_unit(gate, &trace, &mut result.verdict);
        result.trace = trace;
        result.findings =
            judged.findings.into_iter().filter(|of| of.party != Party::Server).collect();
        let notes =
            judged.notes.into_iter().filter(|note| seen::is_client_call(&result.trace, note.line));
        result.adapter.told = notes.map(|note| note.what).collect();
        result.used = used.into_iter().collect();
        self.tell(&mut result);
        result
    }

    /// Adds what came of the program.
    fn tell(&self, result: &mut ScenarioResult) {
        result.adapter.stderr = self.observed.output.clone();
        result.adapter.program = Some(words::story(&self.observed));
        result.adapter.provoked = words::provoked(self.situation, &self.faults);
    }

    fn verdict(&self, gate: &Gate, trace: &Trace, judged: &Judged) -> Verdict {
        let Self { observed, proof, .. } = self;
        if observed.end.hung {
            let unserved = || seen::unserved(trace);
            return self.waits_in_vain(gate).unwrap_or_else(|| hung(gate, &unserved()));
        }
        if let Some(why) = &observed.unreadable {
            return unreadable(why);
        }
        // A program that made no call has left nothing that could be wrong.
        if let Some(error) = judged.error.as_ref().filter(|_| judged.events > 0) {
            return failed(format!("leaves a trace that cannot be understood: {error}"));
        }
        if let Oracle::Violation(violation) = &judged.verdict {
            return Verdict::Violation(violation.clone());
        }
        // What the server does wrong it does on purpose.
        if let Some(finding) = judged.findings.iter().find(|one| one.party == Party::Client) {
            return self.broken(finding, trace);
        }
        let Some(success) = observed.end.tells_success() else { return crashed(observed) };
        match proof {
            Proof::NotStarted(why) => {
                let why = format!("cannot prove its backup by a restore: {why}");
                return program(Misdeed::NotStarted, why);
            }
            Proof::Lost(why) => {
                let what = format!("what was backed up does not come back: {}", why.trim());
                return violated(stored_clause(), 0, what);
            }
            Proof::Sound | Proof::None | Proof::NotDue => {}
        }
        if let Some(verdict) = self.misfit(success, trace) {
            return verdict;
        }
        if let Some(why) = self.not_reached() {
            return Verdict::Inconclusive(why);
        }
        if let Oracle::Inconclusive(undecided) = &judged.verdict {
            return Verdict::Inconclusive(undecided.to_string());
        }
        self.unproven().unwrap_or(Verdict::Conformant)
    }

    /// What is wrong with how the program ended, as its statement did, and as it was to.
    fn misfit(&self, success: bool, trace: &Trace) -> Option<Verdict> {
        let Self { situation, observed, .. } = self;
        let small = situation.around == Around::SmallDisk;
        match (situation.ends, observed.succeeded(), success) {
            (Ends::Well | Ends::EitherWay, true, true)
            | (Ends::Badly | Ends::EitherWay, false, false) => None,
            (Ends::EitherWay, true, false) if observed.end.cancelled => None,
            (Ends::Well | Ends::EitherWay, true, false) => {
                let told = words::told(observed);
                Some(failed(format!("{told}, though its statement succeeded")))
            }
            (Ends::Well, false, false) => Some(match words::other_bytes(observed) {
                Some(what) if situation.verb == Verb::Restore => violated(stored_clause(), 0, what),
                _ => failed(words::why_failed(observed, trace)),
            }),
            (Ends::Badly, true, _) if small => {
                Some(Verdict::NotOffered("the disk did not become full for it".to_owned()))
            }
            (Ends::Badly, true, _) => {
                let why = "what was to go wrong did not happen: its statement succeeded";
                Some(Verdict::Inconclusive(why.to_owned()))
            }
            (_, false, true) => Some(failed(words::false_success(observed))),
        }
    }

    /// Why the situation is not the one that it was to be, if it is not.
    fn not_reached(&self) -> Option<String> {
        let Self { situation, faults, observed, .. } = self;
        let other = |outcome: &Outcome| {
            outcome.succeeded || outcome.messages.iter().any(|text| text.contains(OTHER_DATABASE))
        };
        let reached = match situation.around {
            Around::SmallDisk => observed.full || observed.traces.iter().any(seen::refuses_a_write),
            Around::OtherDatabase => observed.outcomes.iter().any(other),
            Around::Nothing | Around::Cancelled | Around::HeldConfiguration => {
                faults.is_empty() || observed.faults.iter().any(|fault| fault == faults)
            }
        };
        (!reached).then(|| words::why_not_reached(situation, observed))
    }

    /// Of a program that did nothing wrong, and whose backup nobody can bring back.
    fn unproven(&self) -> Option<Verdict> {
        let unproven = matches!(self.proof, Proof::None)
            && self.situation.clauses().any(|clause| clause == stored_clause());
        let missing = if self.situation.several { "--several-restore" } else { "--restore" };
        unproven.then(|| {
            Verdict::NotOffered(format!(
                "nothing was wrong, but what it stored is not proven by a restore: no {missing}"
            ))
        })
    }

    /// A clause that binds clients is broken: what the program did.
    fn broken(&self, finding: &Finding, trace: &Trace) -> Verdict {
        let what = if finding.clause == Clause::ClientSuccess {
            words::false_success(&self.observed)
        } else {
            seen::what(finding, trace)
        };
        let mut verdict = violated(finding.clause, finding.line, what);
        if let Verdict::Violation(violation) = &mut verdict {
            violation.readings.clone_from(&finding.readings);
            violation.otherwise.clone_from(&finding.otherwise);
        }
        verdict
    }

    /// A program that did not end: it waits for its set, though its statement has failed and
    /// nobody will open it.
    fn waits_in_vain(&self, gate: &Gate) -> Option<Verdict> {
        let Self { observed, .. } = self;
        let all_failed = observed.outcomes.iter().all(|outcome| !outcome.succeeded);
        if observed.outcomes.is_empty() || !all_failed {
            return None;
        }
        let wait = observed.traces.iter().find_map(seen::wait_for_configuration)?;
        let limit = gate.timeout.as_millis();
        if let Some(TimeoutArg::Milliseconds(ms)) = wait.limit
            && wait.asked == 1
            && u128::from(ms) >= limit
        {
            return Some(Verdict::Inconclusive(format!(
                "it waits for its set for {ms} ms, and a situation lasts {limit} ms: raise --timeout"
            )));
        }
        let what = words::vain_wait(observed, wait.asked);
        Some(violated(Clause::ClientGetConfigurationAfterFailure, 0, what))
    }

    /// Where a wait of the server is what a program did not bear: names the unit that its
    /// time-outs are taken in.
    fn name_unit(&self, gate: &Gate, trace: &Trace, verdict: &mut Verdict) {
        let (Some(pause), Some(ms)) = (self.situation.pause(), seen::command_time_out(trace))
        else {
            return;
        };
        let seconds = gate.profile.linux_timeout_unit == LinuxTimeoutUnit::Seconds;
        let reading = |text: &str| text.parse::<Reading>().expect("a reading");
        let text = words::unit(ms, seconds);
        match verdict {
            Verdict::Violation(violation) => {
                violation.got = format!("{}; {text}", violation.got);
                let (this, other) =
                    if seconds { (SECONDS, None) } else { (MILLISECONDS, Some(SECONDS)) };
                if !violation.readings.contains(&reading(this)) {
                    violation.readings.push(reading(this));
                }
                let outlasts = u64::from(ms) * 1000 > pause;
                violation.otherwise.extend(other.filter(|_| outlasts).map(reading));
            }
            Verdict::Trouble(Trouble::Program(_, what)) => *what = format!("{what}; {text}"),
            Verdict::Trouble(_)
            | Verdict::Conformant
            | Verdict::Disagreement(_)
            | Verdict::NotOffered(_)
            | Verdict::Inconclusive(_)
            | Verdict::NotRun => {}
        }
    }
}

const MILLISECONDS: &str = "linux-timeout-unit=milliseconds";
const SECONDS: &str = "linux-timeout-unit=seconds";

/// What a server says that would have to replace a database which it was not told to.
const OTHER_DATABASE: &str = "other than the existing";

/// The oracle's word on a trace. Where it cannot tell in which order all happened, on what came
/// until the last event of the program: what its server does then is not the program's.
fn judged(trace: &Trace, profile: &Profile) -> Judged {
    let whole = check_trace(trace, profile);
    let Oracle::Inconclusive(_) = &whole.verdict else { return whole };
    match seen::own_part(trace) {
        Some(part) => check_trace(&part, profile),
        None => whole,
    }
}

/// The rank from which on nothing is held against the program.
const DECIDED: u8 = 3;

/// How little there is to say of a trace.
fn rank(judged: &Judged) -> u8 {
    let by_client = |finding: &Finding| finding.party == Party::Client;
    match &judged.verdict {
        _ if judged.error.is_some() && judged.events > 0 => 0,
        Oracle::Violation(_) => 1,
        _ if judged.findings.iter().any(by_client) => 2,
        Oracle::Inconclusive(_) => DECIDED,
        Oracle::Conformant | Oracle::Unreadable { .. } => DECIDED + 1,
    }
}

/// That the media hold what they are to hold.
const fn stored_clause() -> Clause {
    Clause::ClientMediaTrue
}

fn program(misdeed: Misdeed, what: impl Into<String>) -> Verdict {
    Verdict::Trouble(Trouble::Program(misdeed, what.into()))
}

fn failed(what: String) -> Verdict {
    program(Misdeed::Failed, what)
}

fn unreadable(why: &str) -> Verdict {
    failed(format!("leaves a trace that cannot be read: {why}"))
}

fn hung(gate: &Gate, unserved: &[String]) -> Verdict {
    let limit = gate.timeout.as_secs_f64();
    let why = words::unserved(unserved).map(|why| format!(": it {why}")).unwrap_or_default();
    let what = format!(
        "did not end in time ({limit} s, --timeout){why}; it, and what it had started, were killed"
    );
    program(Misdeed::Hung, what)
}

fn crashed(observed: &Observation) -> Verdict {
    program(Misdeed::Crashed, format!("was ended by {}", words::signal(observed)))
}

/// Without a set there is nothing to judge.
fn no_set(observed: &Observation) -> Verdict {
    if observed.end.code.is_none() {
        return crashed(observed);
    }
    if let Some(why) = observed.not_started() {
        return program(Misdeed::NotStarted, format!("cannot be started: {why}"));
    }
    let why =
        "never created a set: is it linked with libsqlvdi.so, or to be started with --preload?";
    program(Misdeed::NotStarted, why)
}

/// A clause that binds clients is broken.
fn violated(clause: Clause, line: usize, got: String) -> Verdict {
    Verdict::Violation(Box::new(Violation {
        line,
        lane: None,
        call: None,
        party: Party::Client,
        clause,
        readings: Vec::new(),
        otherwise: Vec::new(),
        early: false,
        got,
        expected: Vec::new(),
        state: String::new(),
        attempts: Vec::new(),
    }))
}
