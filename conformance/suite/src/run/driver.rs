//! One scenario, driven step by step into one connection.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use vdi_spec::clauses::{Party, Profile};
use vdi_spec::codes::HResult;
use vdi_trace::{
    Event, Function, Header, HowEnded, LaneName, Name, Out, Process, TimeoutArg, Trace,
};

use super::capabilities::{function_word, lacking, records};
use super::held;
use super::objects::Objects;
use super::probes;
use super::race::Pace;
use super::rest;
use super::seen::{CalledBack, Mismatch, Returned, Untaken, last_call_on};
use crate::adapter::lines::shown;
use crate::adapter::protocol::{Answer, Offer, Request};
use crate::adapter::{Connection, Deadline, Limits, Trouble};
use crate::scenario::{
    Action, Await, Combination, ExpectedReturn, Scenario, Step, StepCall, expand,
};

/// Bytes of what is told of calls and callbacks in one scenario, at most; the longest of ours
/// comes to a twentieth.
const MOST_TOLD: usize = 2 << 20;

/// What an answer adds to what is kept, about: its names, and what holds them.
fn weight(answer: &Answer) -> usize {
    serde_json::to_vec(answer).map_or(0, |line| line.len())
}

/// What came of driving a scenario.
#[derive(Clone, Debug)]
pub struct Run {
    /// What was observed.
    pub trace: Trace,
    /// The first pinned expectation that was not met.
    pub mismatch: Option<Mismatch>,
    /// Lines of the trace that a pinned expectation admits.
    pub pinned: BTreeSet<usize>,
    /// Whether a step has pinned what only the environment can bring.
    pub excused: bool,
    /// The step reached, counted from 1 among the scenario's own; 0 in its situation.
    pub step: usize,
    /// For every line of the trace, the step it belongs to.
    pub step_of_line: Vec<usize>,
    /// What came of its races, each with its step.
    pub races: Vec<(usize, Combination)>,
    /// Why it ended early, if it did.
    pub end: Option<End>,
    /// Whether lanes were taken to be blocked because nothing came from them.
    pub by_silence: bool,
}

/// Why a scenario ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The implementation is in trouble.
    Trouble(Trouble),
    /// The implementation does not offer something that the scenario needs.
    NotOffered {
        /// What, in a word: `client`, `hold`, `server.Open`.
        what: String,
        /// Why, in its words.
        reason: String,
    },
}

impl From<Trouble> for End {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// Drives a scenario. The expected answers stay here.
pub fn run_scenario(
    connection: &mut dyn Connection,
    scenario: &Scenario,
    profile: &Profile,
    limits: Limits,
    pace: Pace,
) -> Run {
    let (steps, own) = expand(scenario);
    let hello = connection.hello();
    let provoked: BTreeSet<Party> = scenario.all_misuse().map(|clause| clause.party()).collect();
    let header = Header {
        source: Some(hello.origin()),
        scenario: Some(scenario.id.clone()),
        declares: hello.declares,
        records: records(scenario, hello.has(Offer::Expire)),
        provoked: provoked.into_iter().collect(),
        interfaces: scenario.interfaces.clone(),
        ..Header::default()
    };
    let missing = lacking(scenario, &steps, hello);
    let mut driver = Driver {
        connection,
        limits,
        profile,
        pace,
        ended: BTreeSet::new(),
        unanswered: BTreeSet::new(),
        next_id: 0,
        calls: BTreeMap::new(),
        untaken: Untaken::default(),
        objects: Objects { unpinned: scenario.unpinned, ..Objects::default() },
        driven: 0,
        run: Run {
            trace: Trace::new(header),
            mismatch: None,
            pinned: BTreeSet::new(),
            excused: false,
            step: 0,
            step_of_line: Vec::new(),
            races: Vec::new(),
            end: None,
            by_silence: false,
        },
    };
    driver.run.end = match missing {
        Some(what) => {
            let reason = format!("the adapter does not offer `{what}`");
            Some(End::NotOffered { what, reason })
        }
        None => driver.all(scenario, &steps, own, profile).err(),
    };
    driver.run
}

pub(super) struct Driver<'a> {
    pub(super) connection: &'a mut dyn Connection,
    pub(super) limits: Limits,
    pub(super) profile: &'a Profile,
    pub(super) pace: Pace,
    /// Processes that have ended: what they still tell came too late.
    pub(super) ended: BTreeSet<Process>,
    /// Exits and resumes that race and are not answered yet.
    pub(super) unanswered: BTreeSet<u64>,
    next_id: u64,
    /// Calls in progress by number, with their lanes.
    pub(super) calls: BTreeMap<u64, String>,
    pub(super) untaken: Untaken,
    pub(super) objects: Objects,
    /// The line at which what was driven last began.
    pub(super) driven: usize,
    pub(super) run: Run,
}

impl Driver<'_> {
    fn all(
        &mut self,
        scenario: &Scenario,
        steps: &[Step],
        own: usize,
        profile: &Profile,
    ) -> Result<(), End> {
        let (id, interfaces) = (scenario.id.clone(), scenario.interfaces.clone());
        self.connection.send(&Request::Reset { scenario: id, interfaces })?;
        // Late answers to an earlier scenario may still come before `ready`.
        let within = self.limits.timeout;
        let mut deadline = Deadline::after(within);
        loop {
            match self.next(&mut deadline)? {
                Some(Answer::Ready) => break,
                Some(_) => {}
                None => {
                    return Err(Trouble::Silent { asked: "reset".to_owned(), within }.into());
                }
            }
        }
        for (index, step) in steps.iter().enumerate() {
            self.run.step = (index + 1).saturating_sub(own);
            if step.is_done_under(profile) {
                self.step(&step.action, profile)?;
            }
            if self.run.mismatch.is_some() {
                return Ok(());
            }
        }
        if scenario.is_pinned() {
            self.nothing_left();
        }
        Ok(())
    }

    pub(super) fn step(&mut self, action: &Action, profile: &Profile) -> Result<(), End> {
        if !matches!(action, Action::Await { .. } | Action::Blocked { .. }) {
            self.driven = self.run.trace.events.len() + 2;
        }
        if self.leaves_out(action) {
            return Ok(());
        }
        match action {
            Action::Call { call, lane, creates, expect, gives, tells, .. } => {
                StepCall::of(action).map_or(Ok(()), |call| self.call(call))?;
                let (gives, tells) = (gives.as_deref(), tells.as_ref());
                let expected = ExpectedReturn { status: expect.as_ref(), gives, tells };
                self.take_return(&format!("{call} by {lane}"), lane, expected, profile);
                self.take_refusal(*call, creates.as_deref(), expect.as_ref(), profile);
                Ok(())
            }
            Action::Start { .. } => {
                StepCall::of(action).map_or(Ok(0), |call| self.begin(call))?;
                self.settle()
            }
            Action::Await { what: Await::Return, lane, expect, gives, .. } => {
                let (status, gives) = (expect.as_ref(), gives.as_deref());
                let expected = ExpectedReturn { status, gives, tells: None };
                self.take_return(&format!("the return on {lane}"), lane, expected, profile);
                Ok(())
            }
            Action::Await { what: Await::Callback, lane, of, completion, bytes, .. } => {
                let command = of.as_deref().unwrap_or_default();
                self.take_callback(lane, command, completion.as_ref(), *bytes, profile);
                Ok(())
            }
            Action::Blocked { blocked } => {
                self.expect_blocked(blocked);
                Ok(())
            }
            Action::Resume { resume, lane } => {
                held::resume_if(self, resume, lane, self.objects.unpinned)
            }
            Action::Together { together, .. } => self.together(together, profile),
            Action::Touch { touch, lane, found } => {
                let found = (!self.objects.unpinned).then_some(*found);
                probes::touch(self, touch, lane, found)
            }
            Action::Exit { exit, how } => {
                let (id, request) = self.exit(*exit, *how);
                self.ask(
                    &request,
                    |answer| matches!(answer, Answer::Exited { id: of } if *of == id),
                )?;
                self.settle()
            }
            Action::Unload { unload, found } => probes::unload(self, *unload, *found),
            // The implementation takes no part in it.
            Action::Wrote { .. } | Action::Statement { .. } | Action::Report { .. } => {
                if let Some(event) = action.event() {
                    self.push(event.into_owned());
                }
                Ok(())
            }
            Action::Expire { expire, after } => self.expire(expire.as_str(), *after),
        }
    }

    /// Records that a process ends, before it does.
    pub(super) fn exit(&mut self, process: Process, how: HowEnded) -> (u64, Request) {
        let id = self.id();
        self.push(Event::Exit { seq: None, process, exit: how });
        self.ended.insert(process);
        let prefix = format!("{process}.");
        self.calls.retain(|_, lane| !lane.starts_with(&prefix));
        (id, Request::Exit { id, process, how })
    }

    /// Lets time pass for a lane: on request where the adapter offers it, and
    /// otherwise by waiting.
    fn expire(&mut self, lane: &str, after: Option<u32>) -> Result<(), End> {
        self.push(Event::Expired { seq: None, expired: Name::from(lane.to_owned()), after });
        if self.offers(Offer::Expire) {
            let id = self.id();
            let expired =
                |answer: &Answer| matches!(answer, Answer::Expired { id: of } if *of == id);
            self.ask(&Request::Expire { id, lane: lane.to_owned(), after }, expired)?;
        } else {
            let usual = self.objects.time_outs.get(lane).copied().unwrap_or_default();
            let passes = after.map_or(usual, |ms| Duration::from_millis(ms.into()));
            rest::of_silence(self, passes + self.limits.grace)?;
        }
        self.settle()
    }

    /// Keeps the time-out of a call, and of a set for its agent.
    fn note_time_out(&mut self, asked: StepCall<'_>) {
        let objects = &mut self.objects;
        let name = asked.args.name.as_ref().map(ToString::to_string).unwrap_or_default();
        if asked.function == Function::Open
            && let Some(interval) = objects.intervals.get(&name)
        {
            objects.opened.insert(asked.on.to_owned(), *interval);
        }
        if asked.function == Function::ExecuteCompletionAgent
            && let Some(interval) = objects.opened.get(asked.on)
        {
            objects.time_outs.insert(asked.lane.to_string(), *interval);
        }
        if let Some(TimeoutArg::Milliseconds(ms)) = asked.args.timeout {
            self.objects.time_outs.insert(asked.lane.to_string(), Duration::from_millis(ms.into()));
        }
        if let Some(config) = &asked.args.config {
            let interval = Duration::from_millis(config.server_time_out.into());
            self.objects.intervals.insert(name, interval);
        }
    }

    /// Leaves a step out that needs what was not made. Where nothing is pinned, as in a trace
    /// made again, so is what would be called from inside a routine that is not held.
    pub(super) fn leaves_out(&mut self, action: &Action) -> bool {
        let is_busy = |call: StepCall<'_>| self.objects.unpinned && held::is_busy(self, call.lane);
        let leaves = self.objects.lack(action) || StepCall::of(action).is_some_and(is_busy);
        if leaves {
            self.objects.never_made(action);
        }
        leaves
    }

    pub(super) fn offers(&self, offer: Offer) -> bool {
        self.connection.hello().has(offer)
    }

    pub(super) fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn push(&mut self, event: Event<'static>) -> usize {
        self.run.trace.push(event);
        self.run.step_of_line.push(self.run.step);
        self.run.trace.events.len() + 1
    }

    fn begin(&mut self, asked: StepCall<'_>) -> Result<u64, End> {
        let (id, request) = self.prepare(asked);
        self.connection.send(&request)?;
        Ok(id)
    }

    /// Records a call that is about to be made.
    pub(super) fn prepare(&mut self, asked: StepCall<'_>) -> (u64, Request) {
        let id = self.id();
        self.note_time_out(asked);
        if let (Some(name), Some(true)) = (asked.creates, asked.args.hold) {
            self.objects.holds.insert(name.to_owned());
        }
        self.objects.outputs.begins(id, asked);
        let mut args = asked.args.clone();
        if asked.function == Function::CompleteCommand {
            args.bytes.get_or_insert(0);
        }
        let asked = StepCall { args: &args, ..asked };
        self.push(asked.event().into_owned());
        self.calls.insert(id, asked.lane.to_string());
        if let Some(name) = asked.creates
            && asked.function != Function::SendCommand
        {
            self.objects.making.insert(id, name.to_owned());
            self.objects.unmade.insert(name.to_owned());
        }
        (id, asked.request(id))
    }

    fn call(&mut self, asked: StepCall<'_>) -> Result<(), End> {
        let id = self.begin(asked)?;
        // A call that can expire returns by itself: it is waited for.
        if let Some(TimeoutArg::Milliseconds(ms @ 1..)) = asked.args.timeout {
            if self.offers(Offer::Expire) {
                self.settle()?;
                return match self.calls.contains_key(&id) {
                    true => self.expire(asked.lane.as_str(), None),
                    false => Ok(()),
                };
            }
            let within = self.limits.timeout + Duration::from_millis(ms.into());
            let what = format!("{} from {}", asked.function, asked.lane);
            let mut deadline = Deadline::after(within);
            while self.calls.contains_key(&id) {
                match self.next(&mut deadline)? {
                    Some(answer) => self.note(answer)?,
                    None => {
                        return Err(Trouble::Silent { asked: what, within }.into());
                    }
                }
            }
        }
        self.settle()
    }

    /// Sends a request and takes answers until its own has come.
    pub(super) fn ask(
        &mut self,
        request: &Request,
        answers: impl Fn(&Answer) -> bool,
    ) -> Result<Answer, End> {
        self.connection.send(request)?;
        let within = self.limits.timeout;
        let mut deadline = Deadline::after(within);
        loop {
            match self.next(&mut deadline)? {
                Some(answer) if answers(&answer) => return Ok(answer),
                Some(answer) => self.note(answer).map_err(|end| match end {
                    End::NotOffered { what, reason } if what.is_empty() => {
                        self.unsupported(request.word().to_owned(), reason)
                    }
                    end => end,
                })?,
                None => {
                    return Err(Trouble::Silent { asked: request.what(), within }.into());
                }
            }
        }
    }

    /// The next answer; `None` if none came until then.
    pub(super) fn next(&mut self, deadline: &mut Deadline) -> Result<Option<Answer>, End> {
        match deadline.wait() {
            Some(wait) => Ok(self.connection.receive(wait)?),
            None => Ok(None),
        }
    }

    /// Something cannot be done: who has listed the functions it offers is held to its word.
    /// A routine that is not held is nobody's promise.
    fn unsupported(&self, what: String, reason: String) -> End {
        let bound = self.connection.hello().functions.is_some() && what != Offer::Hold.word();
        match bound {
            true => Trouble::Unsupported { what, reason }.into(),
            false => End::NotOffered { what, reason },
        }
    }

    /// Waits until everything is at rest, and records which lanes are in a call.
    pub(super) fn settle(&mut self) -> Result<(), End> {
        if self.offers(Offer::Settle) {
            let id = self.id();
            let settled = self.ask(
                &Request::Settle { id },
                |answer| matches!(answer, Answer::Settled { id: of, .. } if *of == id),
            )?;
            let Answer::Settled { in_call, .. } = settled else {
                return Ok(());
            };
            let said: BTreeSet<&String> = in_call.iter().collect();
            let known: BTreeSet<&String> = self.calls.values().collect();
            if said != known {
                let reason =
                    format!("expected `inCall` to be the lanes without a return: {known:?}");
                let line = shown(format!("settled, inCall {said:?}").as_bytes());
                return Err(Trouble::Garbage { reason, line }.into());
            }
        } else {
            rest::by_silence(self)?;
        }
        if let Some(rest) = rest::event(self) {
            self.push(rest);
        }
        Ok(())
    }

    /// Records what an answer tells.
    pub(super) fn note(&mut self, answer: Answer) -> Result<(), End> {
        if self.is_too_late(&answer) {
            return Ok(());
        }
        self.objects.told += weight(&answer);
        if self.objects.told > MOST_TOLD {
            let text = format!("wrote more than {MOST_TOLD} bytes in one scenario");
            return Err(Trouble::TooMuch(text).into());
        }
        if let Answer::Resumed { id } | Answer::Exited { id } = &answer
            && self.unanswered.remove(id)
        {
            return Ok(());
        }
        match answer {
            Answer::Return { id, lane, status, out } => self.note_return(id, lane, status, *out),
            Answer::Callback { lane, command, completion, bytes, position } => {
                let held = self.objects.holds.contains(&command);
                let position = self.objects.outputs.position(&command, position);
                let line = self.push(Event::Callback {
                    seq: None,
                    lane: Name::from(lane.clone()),
                    callback: Name::from(command.clone()),
                    completion,
                    bytes,
                    position,
                    held,
                });
                let positioned = position.is_some();
                let seen = CalledBack { line, lane, command, completion, bytes, positioned };
                self.untaken.callbacks.push(seen);
                Ok(())
            }
            Answer::Unsupported { id, reason } => {
                let lane = self.calls.remove(&id);
                let called = lane.and_then(|lane| last_call_on(&self.run.trace, &lane));
                Err(called.map_or(
                    End::NotOffered { what: String::new(), reason: reason.clone() },
                    |(process, function)| {
                        self.unsupported(function_word(process, function), reason)
                    },
                ))
            }
            Answer::Hello(_)
            | Answer::Ready
            | Answer::Resumed { .. }
            | Answer::Touched { .. }
            | Answer::Exited { .. }
            | Answer::Unloaded { .. }
            | Answer::Expired { .. }
            | Answer::Settled { .. }
            | Answer::Trouble { .. } => {
                let line = shown(&serde_json::to_vec(&answer).unwrap_or_default());
                let reason = "an answer to nothing that was asked".to_owned();
                Err(Trouble::Garbage { reason, line }.into())
            }
        }
    }

    fn note_return(
        &mut self,
        id: u64,
        lane: String,
        status: HResult,
        mut out: Out<'static>,
    ) -> Result<(), End> {
        if self.calls.remove(&id).is_none_or(|of| of != lane) {
            let reason = format!("no call {id} is in progress on {}", shown(lane.as_bytes()));
            let line = format!("return {id}");
            return Err(Trouble::Garbage { reason, line }.into());
        }
        if let Some(name) = self.objects.making.remove(&id)
            && status == HResult::NOERROR
        {
            self.objects.unmade.remove(&name);
        }
        let command = out.command.as_ref().map(ToString::to_string);
        let shared = out.shared;
        let bare = out == Out { command: out.command.clone(), ..Out::default() };
        let told = self.objects.outputs.returned(id, status, &mut out);
        let event = Event::Return { seq: None, lane: Name::from(lane.clone()), status, out };
        let line = self.push(event);
        let seen = Returned { line, status, command, shared, bare };
        self.untaken.returns.entry(lane).or_default().push(seen);
        let line = format!("return {id}");
        told.map_err(|reason| Trouble::Garbage { reason, line }.into())
    }

    /// Whether an answer is told by a process that has ended.
    fn is_too_late(&self, answer: &Answer) -> bool {
        let (Answer::Return { lane, .. } | Answer::Callback { lane, .. }) = answer else {
            return false;
        };
        LaneName::process_of(lane).is_ok_and(|process| self.ended.contains(&process))
    }

    /// Records that a completion routine is about to return.
    pub(super) fn let_go(&mut self, command: &str, lane: &LaneName) -> (u64, Request) {
        let id = self.id();
        self.push(Event::Ended {
            seq: None,
            lane: Name::from(lane.to_string()),
            ended: Name::from(command.to_owned()),
        });
        (id, Request::Resume { id, lane: lane.to_string(), command: command.to_owned() })
    }
}
