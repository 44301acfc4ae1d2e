//! A play of a scenario without an implementation: what the oracle allows happens, and
//! at each step that must be exactly what the scenario pins, neither more nor less.

use std::collections::{BTreeMap, BTreeSet};

use vdi_check::{Candidate, Checker, InputError, Judged, Verdict};
use vdi_model::{Ending, Expected, State};
use vdi_spec::clauses::{Clause, Profile};
use vdi_spec::codes::{HResult, Win32};
use vdi_trace::{Declares, Event, Function, Header, Name, Out, Process, Recorded, TimeoutArg};

use super::brought::is_brought;
use super::default_results::DefaultResults;
use super::disagreement::Disagreement;
use crate::scenario::{
    Action, Await, ExpectedReturn, Pin, Pinned, SHOWN_DEPTH, Scenario, StepCall, Truth, Unblocked,
};

/// A return that has happened and that no step has taken, with all it might have been.
#[derive(Clone)]
struct Returned {
    allowed: Vec<Candidate>,
    status: HResult,
    command: Option<String>,
}

#[derive(Clone)]
struct CalledBack {
    command: String,
    lane: String,
    endings: Vec<Ending>,
}

/// What was blocked, and what may have unblocked it.
#[derive(Clone, Default)]
struct Blocking {
    /// The lanes that were blocked, everything being at rest, before what was done last.
    blocked: Vec<String>,
    /// What may unblock them since.
    unblocks: Option<Unblocked>,
}

/// A play without an implementation: what the oracle allows happens.
#[derive(Clone)]
pub(super) struct Play<'a> {
    pub(super) checker: Checker,
    pub(super) profile: &'a Profile,
    pub(super) step: usize,
    line: usize,
    returned: BTreeMap<String, Vec<Returned>>,
    called_back: Vec<CalledBack>,
    holds: BTreeSet<String>,
    default_results: DefaultResults,
    /// The names of the sets that were created.
    sets: BTreeSet<String>,
    /// Processes that have ended.
    gone: BTreeSet<Process>,
    blocking: Blocking,
    /// What server and client may have broken in races.
    pub(super) misuse: BTreeSet<Clause>,
}

impl<'a> Play<'a> {
    pub(super) fn new(profile: &'a Profile) -> Self {
        Self::with(&Header { records: vec![Recorded::Time], ..Header::default() }, profile)
    }

    /// A play of a scenario, of a queue that takes as much as is shown.
    pub(super) fn of(scenario: &Scenario, profile: &'a Profile) -> Self {
        let queue_depth = scenario.needs_depth().then_some(SHOWN_DEPTH);
        let declares = Declares { queue_depth };
        Self::with(&Header { declares, ..Self::header(scenario) }, profile)
    }

    /// The interfaces that there are, and what a play tells without a gap.
    pub(super) fn header(scenario: &Scenario) -> Header {
        let mut records = scenario.records.clone();
        records.push(Recorded::Time);
        Header { records, interfaces: scenario.interfaces.clone(), ..Header::default() }
    }

    pub(super) fn with(header: &Header, profile: &'a Profile) -> Self {
        Play {
            checker: Checker::new(header, profile.clone()),
            profile,
            step: 0,
            line: 1,
            returned: BTreeMap::new(),
            called_back: Vec::new(),
            holds: BTreeSet::new(),
            default_results: DefaultResults::under(profile),
            sets: BTreeSet::new(),
            gone: BTreeSet::new(),
            blocking: Blocking::default(),
            misuse: BTreeSet::new(),
        }
    }

    /// What server and client have broken on this way.
    pub(super) fn misuse(&self) -> BTreeSet<Clause> {
        let judged = self.checker.clone().finish();
        judged.findings.iter().map(|finding| finding.clause).collect()
    }

    /// Every state that every set may be in.
    pub(super) fn sets(&self) -> impl Iterator<Item = Vec<&State>> {
        self.sets.iter().map(|set| Vec::from_iter(self.checker.states(set)))
    }

    /// Whether a process has ended.
    pub(super) fn is_gone(&self, process: Process) -> bool {
        self.gone.contains(&process)
    }

    /// What goes with this status of the call in progress on a lane.
    pub(super) fn out(&mut self, lane: &str, status: HResult) -> Out<'static> {
        self.default_results.returns(lane, status)
    }

    /// Begins a call: all that it may come to.
    pub(super) fn begun(&mut self, action: &Action) -> Result<Vec<Candidate>, Disagreement> {
        let Some(call) = StepCall::of(action) else {
            return self.differ("only a call begins".to_owned(), format!("{action:?}"));
        };
        self.begin(action)?;
        Ok(self.checker.candidates(call.lane.as_str()))
    }

    /// Makes a call, whatever it comes to; what returns is left to be taken.
    pub(super) fn make(&mut self, action: &Action) -> Option<()> {
        let Some(StepCall { lane, args, .. }) = StepCall::of(action) else {
            return self.step(action).ok();
        };
        self.begin(action).ok()?;
        let expires = matches!(args.timeout, Some(TimeoutArg::Milliseconds(1..)));
        self.own_return(lane.as_str(), None, None, expires).ok()?;
        self.settle().ok()
    }

    /// The oldest return on a lane that no step has taken: all it might have been,
    /// and the command it delivered.
    pub(super) fn take_whole_return(
        &mut self,
        lane: &str,
    ) -> Option<(Vec<Candidate>, Option<String>)> {
        let list = self.returned.get_mut(lane)?;
        let first = (!list.is_empty()).then(|| list.remove(0))?;
        Some((first.allowed, first.command))
    }

    /// Lanes with returns that no step has taken.
    pub(super) fn lanes_returned(&self) -> Vec<String> {
        let left = self.returned.iter().filter(|(_, list)| !list.is_empty());
        left.map(|(lane, _)| lane.clone()).collect()
    }

    /// The callbacks that no step has taken: command, lane, codes.
    pub(super) fn take_callbacks(&mut self) -> Vec<(String, String, BTreeSet<Win32>)> {
        let codes = |seen: &CalledBack| seen.endings.iter().map(|ending| ending.code()).collect();
        let all = std::mem::take(&mut self.called_back);
        all.into_iter()
            .map(|seen| (seen.command.clone(), seen.lane.clone(), codes(&seen)))
            .collect()
    }
}

impl Play<'_> {
    pub(super) fn differ<T>(&self, oracle: String, scenario: String) -> Result<T, Disagreement> {
        Err(Disagreement { oracle, scenario, step: self.step })
    }

    pub(super) fn event(&mut self, event: &Event<'_>) -> Result<(), Disagreement> {
        self.line += 1;
        if let Event::Exit { process, .. } = event {
            self.gone.insert(*process);
        }
        match self.checker.event(self.line, event) {
            Ok(true) => Ok(()),
            Ok(false) => {
                let verdict = self.checker.clone().finish().verdict;
                let text = match verdict {
                    Verdict::Violation(violation) => format!(
                        "{} is not allowed by {}; allowed: {:?}",
                        violation.got,
                        violation.clause,
                        violation.expected.iter().map(ToString::to_string).collect::<Vec<_>>()
                    ),
                    other => format!("{other:?}"),
                };
                self.differ(text, event.to_string())
            }
            Err(InputError(message)) => self.differ(message, event.to_string()),
        }
    }

    pub(super) fn step(&mut self, action: &Action) -> Result<(), Disagreement> {
        if let Some(taken) = self.take(action) {
            return taken;
        }
        let aborted = self.is_aborted();
        self.blocking.blocked = self.checker.lanes_in_call();
        let done = self.act(action);
        let closes =
            matches!(action, Action::Call { call: Function::Close | Function::CloseDevice, .. });
        self.blocking.unblocks = if self.is_aborted() && !aborted {
            Some(Unblocked::Abort)
        } else if matches!(action, Action::Expire { .. }) {
            Some(Unblocked::Expiry)
        } else {
            closes.then_some(Unblocked::Close)
        };
        done
    }

    fn is_aborted(&self) -> bool {
        self.sets().any(|states| states.iter().any(|state| state.aborted.is_some()))
    }

    /// The call was blocked before what was done last, and returns for that.
    fn check_unblocked(&self, lane: &str, pinned: Unblocked) -> Result<(), Disagreement> {
        let cause = self
            .blocking
            .unblocks
            .filter(|_| self.blocking.blocked.iter().any(|blocked| blocked == lane));
        if cause == Some(pinned) {
            return Ok(());
        }
        let oracle = cause.map_or("was not blocked".to_owned(), |cause| {
            format!("is unblocked by {}", cause.name())
        });
        self.differ(format!("{lane} {oracle}"), format!("unblocked by {}", pinned.name()))
    }

    /// A step that takes what has come; `None` if it is another.
    fn take(&mut self, action: &Action) -> Option<Result<(), Disagreement>> {
        Some(match action {
            Action::Await { what: Await::Return, lane, expect, gives, unblocked_by, .. } => {
                let (status, gives) = (expect.as_ref(), gives.as_deref());
                let unblocked = unblocked_by
                    .map_or(Ok(()), |pinned| self.check_unblocked(lane.as_str(), pinned));
                unblocked.and_then(|()| {
                    let expected = ExpectedReturn { status, gives, tells: None };
                    self.take_return(lane.as_str(), expected)
                })
            }
            Action::Await { what: Await::Callback, lane, of, completion, bytes, .. } => {
                let of = of.as_deref().unwrap_or_default();
                self.take_callback(lane.as_str(), of, completion.as_ref(), *bytes)
            }
            Action::Blocked { blocked } => {
                let inside = self.checker.lanes_in_call();
                match blocked.iter().find(|lane| !inside.iter().any(|i| i == lane.as_str())) {
                    None => Ok(()),
                    Some(lane) => self.differ(format!("{lane} is in no call"), "blocked".into()),
                }
            }
            Action::Call { .. }
            | Action::Start { .. }
            | Action::Resume { .. }
            | Action::Together { .. }
            | Action::Touch { .. }
            | Action::Wrote { .. }
            | Action::Expire { .. }
            | Action::Statement { .. }
            | Action::Report { .. }
            | Action::Exit { .. }
            | Action::Unload { .. } => return None,
        })
    }

    fn act(&mut self, action: &Action) -> Result<(), Disagreement> {
        match action {
            Action::Call { lane, args, expect, gives, tells, .. } => {
                let wanted = expect.as_ref().map(|pinned| pinned.under(self.profile).to_vec());
                let expires = matches!(args.timeout, Some(TimeoutArg::Milliseconds(1..)));
                self.begin(action)?;
                self.own_return(lane.as_str(), wanted.as_deref(), gives.as_deref(), expires)?;
                self.settle()?;
                let (gives, tells) = (gives.as_deref(), tells.as_ref());
                let expected = ExpectedReturn { status: expect.as_ref(), gives, tells };
                self.take_return(lane.as_str(), expected)
            }
            Action::Start { .. } => {
                self.begin(action)?;
                self.checker.let_calls_begin();
                self.settle()
            }
            Action::Await { .. } | Action::Blocked { .. } => Ok(()),
            Action::Together { .. } => {
                self.differ("a race has no single outcome".to_owned(), "one".to_owned())
            }
            Action::Resume { .. } | Action::Exit { .. } | Action::Expire { .. } => {
                self.record(action)?;
                self.settle()
            }
            Action::Touch { .. }
            | Action::Unload { .. }
            | Action::Wrote { .. }
            | Action::Statement { .. }
            | Action::Report { .. } => self.record(action),
        }
    }

    fn record(&mut self, action: &Action) -> Result<(), Disagreement> {
        action.event().iter().try_for_each(|event| self.event(event))
    }

    fn expire(&mut self, lane: &str, after: Option<u32>) -> Result<(), Disagreement> {
        self.event(&Event::Expired { seq: None, expired: Name::from(lane), after })?;
        self.settle()
    }

    /// Begins the call of a step, if it makes one.
    fn begin(&mut self, action: &Action) -> Result<(), Disagreement> {
        let Some(call) = StepCall::of(action) else { return Ok(()) };
        if let (Some(name), Some(true)) = (call.creates, call.args.hold) {
            self.holds.insert(name.to_owned());
        }
        self.default_results.begins(call);
        if let (Function::Create | Function::CreateEx, Some(name)) =
            (call.function, &call.args.name)
        {
            self.sets.insert(name.to_string());
        }
        self.event(&call.event())
    }

    /// The call just begun comes to the first outcome that the scenario wants.
    fn own_return(
        &mut self,
        lane: &str,
        wanted: Option<&[Pin<HResult>]>,
        gives: Option<&str>,
        expires: bool,
    ) -> Result<(), Disagreement> {
        let mut allowed = self.checker.candidates(lane);
        let excused = self.excused(lane, wanted.unwrap_or_default(), &allowed);
        self.default_results.excused |= !excused.is_empty();
        allowed.extend(excused);
        let given =
            |candidate: &&Candidate| gives.is_none() || candidate.delivers.as_deref() == gives;
        // The first pin that is allowed, in the order the scenario gives them.
        let first = wanted.unwrap_or_default().iter().find_map(|pin| {
            allowed.iter().filter(given).find(|candidate| meets(*pin, candidate.status))
        });
        let usual = || allowed.iter().filter(|candidate| !candidate.exceptional);
        let Some(chosen) = first.or_else(|| usual().next()).cloned() else {
            return self.differ("no outcome".to_owned(), "a call".to_owned());
        };
        if chosen.refuses || chosen.status.is_none() {
            self.checker.let_calls_begin();
        }
        if chosen.refuses {
            self.callbacks()?;
        }
        if chosen.status.is_some() {
            self.return_with(lane, &chosen, wanted, allowed)
        } else if expires {
            self.expire(lane, None)
        } else {
            Ok(())
        }
    }

    /// What is pinned beyond these candidates because the environment can always bring it,
    /// as far as it can here.
    fn excused(
        &self,
        lane: &str,
        wanted: &[Pin<HResult>],
        allowed: &[Candidate],
    ) -> Vec<Candidate> {
        let [usual, ..] = allowed else { return Vec::new() };
        let known = |pin: Pin<HResult>| allowed.iter().any(|one| meets(pin, one.status));
        let brought = wanted.iter().filter(|pin| !known(**pin)).filter_map(|pin| match pin {
            Pin::Code(status) => Some(*status),
            Pin::Any => None,
        });
        let can_come = |status: &HResult| {
            let (lane, out) = (Name::from(lane), Out::default());
            let returned = Event::Return { seq: None, lane, status: *status, out };
            is_brought(*status) && self.checker.clone().event(self.line + 1, &returned) == Ok(true)
        };
        let as_candidate = |status: HResult| Candidate {
            status: Some(Expected::Status(status)),
            delivers: None,
            tells: Vec::new(),
            refuses: false,
            exceptional: true,
            ..usual.clone()
        };
        brought.filter(can_come).map(as_candidate).collect()
    }

    fn return_with(
        &mut self,
        lane: &str,
        chosen: &Candidate,
        wanted: Option<&[Pin<HResult>]>,
        allowed: Vec<Candidate>,
    ) -> Result<(), Disagreement> {
        let status = match chosen.status {
            Some(Expected::Status(status)) => status,
            Some(Expected::AnyFailure | Expected::Any) | None => {
                match wanted.and_then(|pins| pins.first()) {
                    Some(Pin::Code(code)) => *code,
                    Some(Pin::Any) | None => HResult::VD_E_PROTOCOL,
                }
            }
        };
        let command = chosen.delivers.clone();
        let out = Out {
            command: command.clone().map(Name::from),
            ..self.default_results.returns(lane, status)
        };
        self.event(&Event::Return { seq: None, lane: Name::from(lane), status, out })?;
        let list = self.returned.entry(lane.to_owned()).or_default();
        list.push(Returned { allowed, status, command });
        Ok(())
    }

    /// Everything happens that happens by itself.
    fn settle(&mut self) -> Result<(), Disagreement> {
        loop {
            self.callbacks()?;
            let lanes = self.checker.lanes_in_call();
            let next = lanes.iter().find_map(|lane| {
                let allowed = self.checker.candidates(lane);
                let chosen = allowed.iter().find(|c| c.forced && c.status.is_some()).cloned();
                chosen.map(|chosen| (lane.clone(), chosen, allowed))
            });
            let Some((lane, chosen, allowed)) = next else { return Ok(()) };
            self.return_with(&lane, &chosen, None, allowed)?;
        }
    }

    /// A completion routine is invoked.
    pub(super) fn call_back(
        &mut self,
        command: &str,
        lane: &str,
        ending: Ending,
    ) -> Result<(), Disagreement> {
        let (completion, bytes) = match ending {
            Ending::Code(code) => (code, 0),
            Ending::Client { code, bytes, .. } => (code, bytes),
        };
        self.event(&Event::Callback {
            seq: None,
            lane: Name::from(lane),
            callback: Name::from(command),
            completion,
            bytes,
            position: None,
            held: self.holds.contains(command),
        })
    }

    fn callbacks(&mut self) -> Result<(), Disagreement> {
        while let Some(owed) = self.checker.owed_callbacks().into_iter().next() {
            self.call_back(&owed.command, &owed.lane, owed.endings[0])?;
            let (command, lane, endings) = (owed.command, owed.lane, owed.endings);
            self.called_back.push(CalledBack { command, lane, endings });
        }
        Ok(())
    }

    fn take_return(
        &mut self,
        lane: &str,
        ExpectedReturn { status: expect, gives, tells }: ExpectedReturn<'_>,
    ) -> Result<(), Disagreement> {
        let pins = expect.map(|pinned| pinned.under(self.profile));
        let scenario = pins.map_or("a return".to_owned(), list);
        let list_of = self.returned.entry(lane.to_owned()).or_default();
        if list_of.is_empty() {
            return self.differ(format!("{lane} does not return"), scenario);
        }
        let returned = list_of.remove(0);
        if let Some(pins) = pins {
            let usual = || returned.allowed.iter().filter(|candidate| !candidate.exceptional);
            let unpinned = usual().find(|c| !pins.iter().any(|pin| covers(*pin, c.status)));
            let met = |pin: &&Pin<HResult>| returned.allowed.iter().any(|c| meets(**pin, c.status));
            // Alternatives may be fewer under another profile; what is pinned per
            // reading, or under the default profile, is allowed to the last.
            let exact = !self.default_results.excused
                && expect.is_some_and(|pinned| pinned.is_exact(self.profile));
            let unmet = if exact {
                !pins.iter().all(|pin| met(&pin))
            } else {
                !pins.iter().any(|pin| met(&pin))
            };
            if unpinned.is_some() || unmet {
                let oracle: Vec<String> = usual().map(|c| text(c.status)).collect();
                return self.differ(format!("{lane} returns {}", oracle.join(" or ")), scenario);
            }
        }
        if gives.is_some() && returned.command.as_deref() != gives {
            let oracle = format!("{} with {:?}", returned.status, returned.command);
            return self.differ(oracle, format!("gives {gives:?}"));
        }
        let told = returned.allowed.iter().flat_map(|candidate| &candidate.tells);
        let told: Vec<Pin<Truth>> = told.map(|told| Pin::Code((*told).into())).collect();
        let pins = tells.map_or(&told[..], |pinned| pinned.under(self.profile));
        if pins.len() != told.len() || !pins.iter().all(|pin| told.contains(pin)) {
            return self.differ(format!("tells {}", list(&told)), list(pins));
        }
        Ok(())
    }

    fn take_callback(
        &mut self,
        lane: &str,
        command: &str,
        completion: Option<&Pinned<Win32>>,
        bytes: Option<u32>,
    ) -> Result<(), Disagreement> {
        let pins = completion.map_or(&[][..], |pinned| pinned.under(self.profile));
        let scenario = format!("a callback of {command} with {} on {lane}", list(pins));
        let found = self.called_back.iter().position(|c| c.command == command && c.lane == lane);
        let Some(at) = found else {
            return self.differ(format!("no callback of {command} on {lane}"), scenario);
        };
        let seen = self.called_back.remove(at);
        let codes: BTreeSet<Win32> = seen.endings.iter().map(|ending| ending.code()).collect();
        let pinned: BTreeSet<Win32> = pins
            .iter()
            .filter_map(|pin| match pin {
                Pin::Code(code) => Some(*code),
                Pin::Any => None,
            })
            .collect();
        let moved = seen.endings.iter().find_map(|ending| match ending {
            Ending::Client { bytes, .. } => Some(*bytes),
            Ending::Code(_) => None,
        });
        if codes != pinned || bytes.zip(moved).is_some_and(|(one, other)| one != other) {
            return self.differ(format!("with {codes:?}, bytes {moved:?}"), scenario);
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Judged, Disagreement> {
        if let Some(left) = self.called_back.first() {
            let oracle = format!("callback of {} on {}", left.command, left.lane);
            return self.differ(oracle, "nothing more".to_owned());
        }
        if let Some((lane, left)) =
            self.returned.iter().find_map(|(l, r)| r.first().map(|r| (l, r)))
        {
            return self
                .differ(format!("{lane} returns {}", left.status), "nothing more".to_owned());
        }
        Ok(self.checker.finish())
    }
}

fn list<C: std::fmt::Display>(pins: &[Pin<C>]) -> String {
    pins.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

fn text(status: Option<Expected>) -> String {
    status.map_or("stays in the call".to_owned(), |status| status.to_string())
}

/// Whether an outcome may be what is pinned.
fn meets(pin: Pin<HResult>, status: Option<Expected>) -> bool {
    match (pin, status) {
        (Pin::Any, Some(_)) => true,
        (Pin::Code(code), Some(expected)) => expected.admits(code),
        (_, None) => false,
    }
}

/// Whether a pinned code covers all that an outcome may be.
fn covers(pin: Pin<HResult>, status: Option<Expected>) -> bool {
    match (pin, status) {
        (Pin::Any, Some(_)) => true,
        (Pin::Code(code), Some(Expected::Status(status))) => code == status,
        (Pin::Code(code), Some(Expected::AnyFailure)) => code == HResult::VD_E_IO_ERROR,
        (Pin::Code(_), Some(Expected::Any)) | (_, None) => false,
    }
}
