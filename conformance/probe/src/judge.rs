//! The verdict on one scenario: the oracle's on its trace, and what no trace tells.

use vdi_check::{
    Allowed, Checker, Judged, Verdict as Oracle, Violation, check_trace, check_trace_with,
};
use vdi_spec::clauses::{
    Clause, GetConfigurationAfterAbort, Party, Profile, QUESTIONS, RandomAccessOperations,
    SecondaryClose, SeveralWaiters,
};
use vdi_spec::codes::{Features, HResult};
use vdi_suite::adapter::{Misdeed, Trouble};
use vdi_suite::run::{ScenarioResult, Verdict};
use vdi_trace::{Event, Function, HowEnded, LaneName, Process, Statement, Trace};

use crate::plan::Observed;
use crate::probe::{End, Played, Probe};
use crate::reach::{not_reached, refused_a_command};
use crate::scenario::{Ends, Scenario};
use crate::timing::{Patience, Untimely, forgotten, hung, mistimed};

/// The exit code of a process that could not do its part.
const UNAVAILABLE: i32 = vdi_check::exit_code::UNAVAILABLE as i32;
/// The same if that is our own fault.
const INTERNAL: i32 = vdi_check::exit_code::INTERNAL as i32;

pub(crate) fn judge(scenario: &Scenario, played: &Played, probe: &Probe) -> ScenarioResult {
    let mut judged = check_trace(&played.trace, &probe.profile);
    let mut verdict = verdict(scenario, played, probe, &probe.profile, &judged);
    if let Verdict::Violation(violation) = &mut verdict {
        judged.name_readings_in(&played.trace, &probe.profile);
        name_readings(violation, scenario, played, probe);
    }
    let mut result = Probe::result(scenario, verdict);
    result.findings = judged.findings;
    result.used = judged.clauses;
    result.adapter.stderr = played.said.clone();
    if !played.printed.trim().is_empty() && !matches!(result.verdict, Verdict::Conformant) {
        result.adapter.program =
            Some(format!("its statements have printed: {}", played.printed.trim()));
    }
    result.trace = played.trace.clone();
    result
}

fn verdict(
    scenario: &Scenario,
    played: &Played,
    probe: &Probe,
    profile: &Profile,
    judged: &Judged,
) -> Verdict {
    let excused = excused(scenario, played, profile);
    let scenario = excused.as_ref().unwrap_or(scenario);
    Case { scenario, played, probe, profile, excused: excused.is_some() }.verdict(judged)
}

/// The readings under which the violation is none, by the rules beside the oracle, too.
fn name_readings(violation: &mut Violation, scenario: &Scenario, played: &Played, probe: &Probe) {
    (violation.readings, violation.otherwise) = (Vec::new(), Vec::new());
    for other in QUESTIONS.iter().flat_map(|row| row.question.readings()) {
        let own = probe.profile.reading(other.question);
        let mut profile = probe.profile.clone();
        profile.choose(other);
        if own == other {
            continue;
        }
        let judged = check_trace(&played.trace, &profile);
        if !verdict(scenario, played, probe, &profile, &judged).is_failure() {
            if !violation.readings.contains(&own) {
                violation.readings.push(own);
            }
            violation.otherwise.push(other);
        }
    }
}

/// The scenario as one in which the server is given a reason to abort, where readings say that
/// there was one: an abort inside the interface, which no trace tells from one of the server's.
fn excused(scenario: &Scenario, played: &Played, profile: &Profile) -> Option<Scenario> {
    let operations = match profile.random_access_operations {
        RandomAccessOperations::CarriedOut => false,
        RandomAccessOperations::MayAbort => scenario.asks_for(Features::RANDOM_ACCESS),
    };
    let configuration = match profile.get_configuration_after_abort {
        GetConfigurationAfterAbort::AbortError => false,
        GetConfigurationAfterAbort::NoerrorThenOpenDeviceFails => fails_to_open(&played.trace),
    };
    let secondary = match profile.secondary_close {
        SecondaryClose::Harmless => false,
        SecondaryClose::Aborts => a_secondary_has_closed(&played.trace),
    };
    (operations || configuration || secondary).then(|| Scenario {
        sound: false,
        ends: Ends::Whatever,
        ..scenario.clone()
    })
}

/// Whether a secondary client has closed.
fn a_secondary_has_closed(trace: &Trace) -> bool {
    trace.events.iter().any(|event| {
        matches!(event, Event::Call { lane, call: Function::Close, .. }
            if matches!(LaneName::process_of(lane.as_str()), Ok(Process::Secondary(_))))
    })
}

/// Whether the first OpenDevice behind a configuration was told of an abort that the client has
/// not asked for.
fn fails_to_open(trace: &Trace) -> bool {
    let mut calls = std::collections::BTreeMap::new();
    let mut given = false;
    for event in &trace.events {
        match event {
            Event::Call { call: Function::SignalAbort | Function::Close, .. } => return false,
            Event::Call { lane, call, .. } => drop(calls.insert(lane.as_str(), *call)),
            Event::Return { lane, status, .. } => match calls.remove(lane.as_str()) {
                Some(Function::GetConfiguration) => given |= *status == HResult::NOERROR,
                Some(Function::OpenDevice) if given => return *status == HResult::VD_E_ABORT,
                Some(_) | None => {}
            },
            _ => {}
        }
    }
    false
}

struct Case<'a> {
    scenario: &'a Scenario,
    played: &'a Played,
    probe: &'a Probe,
    profile: &'a Profile,
    /// Whether an abort has a reason by the readings alone.
    excused: bool,
}

impl Case<'_> {
    fn verdict(&self, judged: &Judged) -> Verdict {
        let Self { played, .. } = self;
        if played.end == End::Code(UNAVAILABLE) {
            return program(Misdeed::NotStarted, played.said.trim());
        }
        if played.end == End::Code(INTERNAL) {
            return Verdict::Trouble(Trouble::Ours(played.said.trim().to_owned()));
        }
        // What a set tells of its configuration that could not be had is nothing.
        let counts = |seen: &&Observed| {
            !(self.excused
                && seen.clause == Clause::ClientGetConfigurationFeatures
                && fails_to_open(&played.trace))
        };
        if let Some(seen) = played.observed.iter().find(counts) {
            return self.violated(seen.clause, seen.got.clone(), &seen.expected);
        }
        if let Some(verdict) = self.refused(judged) {
            return verdict;
        }
        if let Some(error) = judged.error.as_ref().filter(|_| judged.events > 0) {
            let reason = format!("what it answered cannot have happened: {}", error.message);
            return Verdict::Trouble(Trouble::Garbage { reason, line: error.text.clone() });
        }
        if let Some(verdict) = self.untimely() {
            return verdict;
        }
        if let Some(verdict) = self.died() {
            return verdict;
        }
        // What the server says is bound by what was done to it, whoever has lost that.
        if let Some(finding) = judged.findings.iter().find(|one| one.party == Party::Server) {
            let got = format!("{} (or the interface has not told it)", finding.what);
            let line = played.trace.events.len() + 1;
            let broken = (finding.clause, Party::Server);
            return violation(broken, line, None, got, "the statement to fail");
        }
        if let Some(verdict) = self.misfit() {
            return verdict;
        }
        if let Some(why) = not_reached(self.scenario, &played.trace) {
            return Verdict::Inconclusive(self.own_reason().unwrap_or(why));
        }
        if let Oracle::Inconclusive(undecided) = &judged.verdict {
            return Verdict::Inconclusive(undecided.to_string());
        }
        Verdict::Conformant
    }

    /// What the oracle does not explain. Where nothing gives the server a reason to abort, and it
    /// tells none, it has not: what is earlier in the history is the cause of what comes later.
    fn refused(&self, judged: &Judged) -> Option<Verdict> {
        let Self { scenario, played, profile, .. } = self;
        let of = |verdict: &Oracle| match verdict {
            Oracle::Violation(violation) => Some(violation.clone()),
            Oracle::Conformant | Oracle::Inconclusive(_) | Oracle::Unreadable { .. } => None,
        };
        let plain = of(&judged.verdict);
        let sound =
            scenario.sound && scenario.has_statement() && self.is_heard() && self.has_ended_early();
        let strict = sound.then(|| {
            let checker = Checker::new(&played.trace.header, (*profile).clone());
            of(&check_trace_with(checker.with_sound_server(), &played.trace).verdict)
        });
        let strict = strict
            .flatten()
            .filter(|strict| plain.as_ref().is_none_or(|plain| strict.line < plain.line));
        match (strict, plain) {
            (Some(strict), _) => {
                // A Close before the end aborts, whatever it answers: the server has nothing else
                // to tell.
                let closes = strict.clause == Clause::ClientCloseDevicesOpenStatus;
                let ended = ended_by_server(&played.printed)
                    .filter(|_| !closes && self.completed_before(strict.line));
                Some(match ended {
                    // It was told something else than the client has said, or the client
                    // something else than it has sent.
                    Some(why) => self.violated(clause_of(why), why.to_owned(), WELL),
                    None => Verdict::Violation(strict),
                })
            }
            (None, plain) => plain.map(Verdict::Violation),
        }
    }

    /// Whether the server has told why statements have failed, if any have, and not for reasons
    /// of its own. In another language than English it is not understood.
    fn is_heard(&self) -> bool {
        let printed = &self.played.printed;
        let told = printed.lines().any(|line| number(line).is_some());
        own_reason(printed).is_none() && (told || !self.ends().any(|one| one == Statement::Failed))
    }

    /// Why the server has failed for reasons of its own, if it says so.
    fn own_reason(&self) -> Option<String> {
        let why = own_reason(&self.played.printed)?;
        Some(format!("the server has failed by itself: {why}"))
    }

    /// Whether anything tells of an end before its time: a statement, or an answer.
    fn has_ended_early(&self) -> bool {
        let told = |event: &Event<'_>| {
            matches!(event, Event::Return { status: HResult::VD_E_ABORT | HResult::VD_E_OPEN, .. })
        };
        self.scenario.ends == Ends::Whatever
            || self.ends().any(|one| one == Statement::Failed)
            || self.played.trace.events.iter().any(told)
    }

    /// How the statements have ended.
    fn ends(&self) -> impl DoubleEndedIterator<Item = Statement> {
        self.played.trace.events.iter().filter_map(|event| match event {
            Event::Statement { statement: Statement::Issued, .. } => None,
            Event::Statement { statement, .. } => Some(*statement),
            _ => None,
        })
    }

    /// Whether a command was completed, as far as its client was told, before this line.
    fn completed_before(&self, line: usize) -> bool {
        let mut completing = std::collections::BTreeSet::new();
        self.played.trace.lines().take_while(|(at, _)| *at < line).any(|(_, event)| match event {
            Event::Call { lane, call: Function::CompleteCommand, .. } => {
                completing.insert(lane.as_str());
                false
            }
            Event::Return { lane, status, .. } => {
                completing.remove(lane.as_str()) && *status == HResult::NOERROR
            }
            _ => false,
        })
    }

    fn violated(&self, clause: Clause, got: String, expected: &str) -> Verdict {
        let line = self.played.trace.events.len() + 1;
        violation((clause, Party::Interface), line, None, got, expected)
    }

    fn untimely(&self) -> Option<Verdict> {
        if self.played.end == End::Hung
            && let Some((patience, untimely)) = hung(&self.played.trace, self.probe.timeout)
        {
            if self.may_wait(patience, &untimely) {
                let Untimely { lane, call, got, .. } = untimely;
                let why = format!("{call}: {got}, and may wait for what {lane} alone cannot tell");
                return Some(Verdict::Inconclusive(why));
            }
            return Some(untimely_verdict(&untimely));
        }
        let forgotten = match self.profile.several_waiters {
            SeveralWaiters::Every => forgotten(&self.played.trace),
            SeveralWaiters::OneMayTimeOut => None,
        };
        mistimed(&self.played.trace).or(forgotten).as_ref().map(untimely_verdict)
    }

    /// Whether a recorded client has itself to blame, or its recording, that a call waits: what
    /// it waits for came when it was recorded, and need not come again.
    fn may_wait(&self, patience: Patience, untimely: &Untimely) -> bool {
        let Self { scenario, played, .. } = self;
        let of_device = untimely.call.starts_with("GetCommand");
        scenario.recorded
            && match patience {
                Patience::None | Patience::TimedOut => false,
                Patience::Aborted => !has_aborted(&played.trace),
                Patience::Ended => !of_device,
                Patience::Server => !scenario.sound || !of_device,
            }
    }

    /// How the client ended, if not as it was to.
    fn died(&self) -> Option<Verdict> {
        let Self { scenario, played, .. } = self;
        let on_purpose = played.trace.events.iter().any(|event| {
            matches!(event, Event::Exit { process: Process::Primary, exit: HowEnded::Killed, .. })
        });
        match played.end {
            End::Signal(9) if scenario.dies() && on_purpose => played.left.then(|| {
                let got = "the statement goes on though the client is dead".to_owned();
                self.violated(Clause::ProcessClientDeath, got, "the statement to fail")
            }),
            End::Signal(signal) => Some(crashed(&played.trace, &format!("signal {signal}"))),
            // No call is in progress: it is the statement that does not end.
            End::Hung if scenario.recorded && !has_aborted(&played.trace) && !scenario.sound => {
                let why = "the statement has not ended, and what the client did need not end it";
                Some(Verdict::Inconclusive(why.to_owned()))
            }
            End::Hung => {
                let got =
                    format!("the statement has not ended after {} s", self.probe.timeout.as_secs());
                Some(self.violated(Clause::AbortUnblocks, got, "the statement to end"))
            }
            End::Code(0) => None,
            End::Code(_) => Some(crashed(&played.trace, played.said.trim())),
        }
    }

    /// The statements that did not end as they were to.
    fn misfit(&self) -> Option<Verdict> {
        let Self { scenario, played, .. } = self;
        let mut ends = self.ends();
        let well = match scenario.ends {
            Ends::Whatever => true,
            Ends::Last => ends.next_back() == Some(Statement::Succeeded),
            Ends::Well => ends.all(|one| one == Statement::Succeeded),
        };
        if well {
            return None;
        }
        if let Some(why) = self.own_reason() {
            return Some(Verdict::Inconclusive(why));
        }
        if !self.is_heard() {
            let why = "a statement has failed, and of what was printed nothing says why";
            return Some(Verdict::Inconclusive(why.to_owned()));
        }
        if let Some(code) = refused_a_command(scenario, &played.trace) {
            let why = format!(
                "a statement has failed, of which the client has refused a command ({code})"
            );
            return Some(Verdict::Inconclusive(why));
        }
        let clause = match not_reached(scenario, &played.trace) {
            None => clause_of(&played.printed),
            Some(_) => Clause::ClientGetConfigurationStatus,
        };
        let got = "the client has done what it was asked, and its statement has failed".to_owned();
        Some(self.violated(clause, got, WELL))
    }
}

/// Whether a client has aborted the set that is there last.
fn has_aborted(trace: &Trace) -> bool {
    let mut calls = std::collections::BTreeMap::new();
    let mut aborted = false;
    for event in &trace.events {
        match event {
            Event::Call { lane, call, .. } => drop(calls.insert(lane.as_str(), *call)),
            Event::Return { lane, status: HResult::NOERROR, .. } => {
                match calls.remove(lane.as_str()) {
                    Some(Function::Create | Function::CreateEx) => aborted = false,
                    Some(Function::SignalAbort) => aborted = true,
                    Some(_) | None => {}
                }
            }
            _ => {}
        }
    }
    aborted
}

fn program(misdeed: Misdeed, why: &str) -> Verdict {
    Verdict::Trouble(Trouble::Program(misdeed, why.to_owned()))
}

/// The library has ended the process that called it.
fn crashed(trace: &Trace, how: &str) -> Verdict {
    let last = trace.events.iter().rev().find_map(|event| match event {
        Event::Call { call, .. } => Some(call.to_string()),
        _ => None,
    });
    let at = last.map_or_else(String::new, |call| format!(", last in {call}"));
    program(Misdeed::Crashed, &format!("the process that has the library ended ({how}){at}"))
}

fn untimely_verdict(untimely: &Untimely) -> Verdict {
    let Untimely { line, lane, call, clause, got, expected } = untimely;
    violation((*clause, Party::Interface), *line, Some((lane, call)), got.clone(), expected)
}

fn violation(
    (clause, party): (Clause, Party),
    line: usize,
    call: Option<(&String, &String)>,
    got: String,
    expected: &str,
) -> Verdict {
    Verdict::Violation(Box::new(Violation {
        line,
        lane: call.map(|(lane, _)| lane.clone()),
        call: call.map(|(_, call)| call.clone()),
        party,
        clause,
        readings: Vec::new(),
        otherwise: Vec::new(),
        early: false,
        got,
        expected: vec![Allowed { what: expected.to_owned(), clause }],
        state: String::new(),
        attempts: Vec::new(),
    }))
}

/// What a statement is to do to which nothing is done.
const WELL: &str = "the statement to succeed";

/// Numbers of messages that tell of a device, of what came from it, or that the statement was
/// ended, or are no errors: what a server says if the interface fails it.
const OF_DEVICES: [u32; 16] =
    [0, 701, 3013, 3014, 3183, 3189, 3201, 3202, 3203, 3204, 3241, 3242, 3243, 3271, 18204, 18210];

/// Of these, messages that what came from a device is not what once went there.
const OF_DATA: [u32; 5] = [3183, 3189, 3241, 3242, 3243];

/// The number of a message.
fn number(line: &str) -> Option<u32> {
    let (number, _) = line.strip_prefix("Msg ")?.split_once(',')?;
    number.trim().parse().ok()
}

/// A message that tells why a server has failed for reasons of its own, if there is one.
fn own_reason(printed: &str) -> Option<&str> {
    printed.lines().find(|line| number(line).is_some_and(|number| !OF_DEVICES.contains(&number)))
}

/// What the server says of why it has ended a statement, if not because of an abort that it was
/// told of.
fn ended_by_server(printed: &str) -> Option<&str> {
    let lines: Vec<&str> = printed.lines().collect();
    let pairs = lines.iter().zip(lines.iter().skip(1));
    let messages: Vec<(u32, &str, &str)> =
        pairs.filter_map(|(head, said)| Some((number(head)?, *head, *said))).collect();
    let aborted = |said: &str| said.contains("995(") || said.to_lowercase().contains("0x80770004");
    if messages.iter().any(|(.., said)| aborted(said)) {
        return None;
    }
    messages.iter().find_map(|(number, head, said)| match number {
        3202 | 3203 | 3271 | 18204 | 18210 => Some(*said),
        number if OF_DATA.contains(number) => Some(*head),
        _ => None,
    })
}

/// The clause that is broken where a server has got what it cannot use.
fn clause_of(said: &str) -> Clause {
    let data = said.lines().any(|line| number(line).is_some_and(|one| OF_DATA.contains(&one)));
    if data { Clause::ClientGetCommandAsSent } else { Clause::ClientCompleteCommandStatus }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITE: &str = "Msg 3202, Level 16, State 1, Server s, Line 1\nWrite on \"S\" failed: 112(There is not enough space on the disk.)";

    #[test]
    fn a_server_is_heard_out() {
        let ended = "Write on \"S\" failed: 112(There is not enough space on the disk.)";
        assert_eq!(ended_by_server(WRITE), Some(ended));
        let aborted = WRITE.replace("112", "995");
        assert_eq!(ended_by_server(&aborted), None);
        assert_eq!(own_reason(WRITE), None);
        let denied =
            "Msg 262, Level 14, State 1, Server s, Line 1\nBACKUP DATABASE permission denied";
        assert!(own_reason(denied).is_some_and(|line| line.starts_with("Msg 262")));
        assert_eq!(own_reason("Processed 75 pages"), None);
        let damaged = "Msg 3189, Level 16, State 1, Server s, Line 1\nDamage to the backup set";
        assert_eq!(
            clause_of(ended_by_server(damaged).expect("it says")),
            Clause::ClientGetCommandAsSent
        );
        assert_eq!(clause_of(ended), Clause::ClientCompleteCommandStatus);
    }
}
