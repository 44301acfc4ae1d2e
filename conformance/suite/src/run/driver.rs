//! One scenario, driven step by step into one connection.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use vdi_spec::clauses::{Party, Profile};
use vdi_spec::codes::HResult;
use vdi_trace::{
    Args, Event, Function, Header, HowEnded, LaneName, Name, Out, Process, TimeoutArg, Trace,
};

use super::expect::{CalledBack, Mismatch, Returned};
use super::needs::{needed, records};
use super::race::Pace;
use crate::adapter::protocol::{Answer, Offer, Request};
use crate::adapter::{Connection, Limits, Trouble};
use crate::scenario::{Action, Await, Combination, Scenario, Step, expand};

/// What came of driving a scenario.
#[derive(Clone, Debug)]
pub struct Run {
    /// What was observed.
    pub trace: Trace,
    /// The first pinned expectation that was not met.
    pub mismatch: Option<Mismatch>,
    /// Lines of the trace that a pinned expectation admits.
    pub pinned: BTreeSet<usize>,
    /// The step reached, counted from 1 among the scenario's own; 0 in its situation.
    pub step: usize,
    /// For every line of the trace, the step it belongs to.
    pub step_of_line: Vec<usize>,
    /// What came of its races, each with its step.
    pub races: Vec<(usize, Combination)>,
    /// Why it ended early, if it did.
    pub end: Option<End>,
}

/// Why a scenario ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The implementation is in trouble.
    Trouble(Trouble),
    /// The implementation does not offer something that the scenario needs.
    NotOffered(String),
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
        ..Header::default()
    };
    let missing = needed(&steps).into_iter().find(|offer| !hello.has(*offer));
    let (settles, expires) = (hello.has(Offer::Settle), hello.has(Offer::Expire));
    let starts_together = hello.has(Offer::Together);
    let mut driver = Driver {
        connection,
        limits,
        settles,
        expires,
        starts_together,
        pace,
        ended: BTreeSet::new(),
        unanswered: BTreeSet::new(),
        time_outs: BTreeMap::new(),
        next_id: 0,
        calls: BTreeMap::new(),
        returns: BTreeMap::new(),
        callbacks: Vec::new(),
        holds: BTreeSet::new(),
        making: BTreeMap::new(),
        unmade: BTreeSet::new(),
        driven: 0,
        run: Run {
            trace: Trace::new(header),
            mismatch: None,
            pinned: BTreeSet::new(),
            step: 0,
            step_of_line: Vec::new(),
            races: Vec::new(),
            end: None,
        },
    };
    driver.run.end = match missing {
        Some(offer) => Some(End::NotOffered(format!("the adapter does not offer {offer:?}"))),
        None => driver.all(scenario, &steps, own, profile).err(),
    };
    driver.run
}

pub(super) struct Driver<'a> {
    pub(super) connection: &'a mut dyn Connection,
    pub(super) limits: Limits,
    settles: bool,
    /// Whether the adapter begins several requests at once.
    pub(super) starts_together: bool,
    pub(super) pace: Pace,
    /// Processes that have ended: what they still tell came too late.
    pub(super) ended: BTreeSet<Process>,
    /// Exits and resumes that race and are not answered yet.
    pub(super) unanswered: BTreeSet<u64>,
    expires: bool,
    /// Of the last call on each lane; of the agent's, an interval of serverTimeOut.
    time_outs: BTreeMap<String, Duration>,
    next_id: u64,
    /// Calls in progress by number, with their lanes.
    pub(super) calls: BTreeMap<u64, String>,
    pub(super) returns: BTreeMap<String, Vec<Returned>>,
    pub(super) callbacks: Vec<CalledBack>,
    holds: BTreeSet<String>,
    /// Devices and buffers that calls in progress would make, by number.
    making: BTreeMap<u64, String>,
    /// Devices and buffers that calls were to make and did not.
    unmade: BTreeSet<String>,
    /// The line at which what was driven last began.
    pub(super) driven: usize,
    pub(super) run: Run,
}

/// One call as a step asks for it.
pub(super) struct Asked<'s> {
    pub(super) function: Function,
    pub(super) lane: &'s LaneName,
    pub(super) on: &'s str,
    pub(super) creates: Option<&'s str>,
    pub(super) args: &'s Args<'static>,
}

impl Driver<'_> {
    fn all(
        &mut self,
        scenario: &Scenario,
        steps: &[Step],
        own: usize,
        profile: &Profile,
    ) -> Result<(), End> {
        self.connection.send(&Request::Reset { scenario: scenario.id.clone() })?;
        // Late answers to an earlier scenario may still come before `ready`.
        loop {
            let within = self.limits.timeout;
            match self.connection.receive(within)? {
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
        if self.lacks_handle(action) {
            return Ok(());
        }
        match action {
            Action::Call { call, lane, on, creates, args, expect, gives, tells } => {
                let (function, creates) = (*call, creates.as_deref());
                let asked = Asked { function, lane, on, creates, args };
                self.call(&asked)?;
                let (what, gives) =
                    (format!("{call} by {lane}"), (gives.as_deref(), tells.as_ref()));
                self.take_return(&what, lane, expect.as_ref(), gives, profile);
                self.take_refusal(*call, creates, expect.as_ref(), profile);
                Ok(())
            }
            Action::Start { start, lane, on, creates, args } => {
                let (function, creates) = (*start, creates.as_deref());
                self.begin(&Asked { function, lane, on, creates, args })?;
                self.settle()
            }
            Action::Await { what: Await::Return, lane, expect, gives, .. } => {
                let what = format!("the return on {lane}");
                let gives = (gives.as_deref(), None);
                self.take_return(&what, lane, expect.as_ref(), gives, profile);
                Ok(())
            }
            Action::Await { lane, of, completion, bytes, .. } => {
                let command = of.as_deref().unwrap_or_default();
                self.take_callback(lane, command, completion.as_ref(), *bytes, profile);
                Ok(())
            }
            Action::Blocked { blocked } => {
                self.expect_blocked(blocked);
                Ok(())
            }
            Action::Resume { resume, lane } => self.resume(resume, lane),
            Action::Together { together, .. } => self.together(together, profile),
            Action::Touch { touch, lane, found } => self.touch(touch, lane, *found),
            Action::Exit { exit, how } => {
                let (id, request) = self.exit(*exit, *how);
                self.ask(
                    &request,
                    |answer| matches!(answer, Answer::Exited { id: of } if *of == id),
                )?;
                self.settle()
            }
            Action::Unload { unload, found } => self.unload(*unload, *found),
            Action::Wrote { .. } | Action::Statement { .. } | Action::Report { .. } => {
                self.tell(action);
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

    /// What the implementation takes no part in.
    fn tell(&mut self, action: &Action) {
        let name = |lane: &LaneName| Name::from(lane.to_string());
        let event = match action {
            Action::Wrote { wrote, lane } => {
                Event::Wrote { seq: None, lane: name(lane), wrote: Name::from(wrote.clone()) }
            }
            Action::Statement { statement, lane, devices } => Event::Statement {
                seq: None,
                lane: name(lane),
                statement: *statement,
                devices: *devices,
            },
            Action::Report { report, lane } => {
                Event::Report { seq: None, lane: name(lane), report: *report }
            }
            _ => return,
        };
        self.push(event);
    }

    /// Lets time pass for a lane: on request where the adapter offers it, and
    /// otherwise by waiting.
    fn expire(&mut self, lane: &str, after: Option<u32>) -> Result<(), End> {
        self.push(Event::Expired { seq: None, expired: Name::from(lane.to_owned()), after });
        if self.expires {
            let id = self.id();
            let expired =
                |answer: &Answer| matches!(answer, Answer::Expired { id: of } if *of == id);
            self.ask(&Request::Expire { id, lane: lane.to_owned(), after }, expired)?;
        } else {
            let usual = self.time_outs.get(lane).copied().unwrap_or_default();
            let passes = after.map_or(usual, |ms| Duration::from_millis(ms.into()));
            let within = passes + self.limits.grace;
            while let Some(answer) = self.connection.receive(within)? {
                self.note(answer)?;
            }
        }
        self.settle()
    }

    /// Keeps the time-out of a call, and of a set that is created.
    fn note_time_out(&mut self, asked: &Asked<'_>) {
        if let Some(TimeoutArg::Milliseconds(ms)) = asked.args.timeout {
            self.time_outs.insert(asked.lane.to_string(), Duration::from_millis(ms.into()));
        }
        if let Some(config) = &asked.args.config {
            let interval = Duration::from_millis(config.server_time_out.into());
            self.time_outs.insert("server.agent".to_owned(), interval);
        }
    }

    /// Whether a step needs a device or buffer that was not made. Where nothing is
    /// pinned, as in a trace made again, such a step is left out.
    fn lacks_handle(&self, action: &Action) -> bool {
        match action {
            Action::Call { on, args, .. } | Action::Start { on, args, .. } => {
                let buffer = args.buffer.as_ref().and_then(|handle| handle.name());
                self.unmade.contains(on) || buffer.is_some_and(|name| self.unmade.contains(name))
            }
            Action::Touch { touch, .. } => self.unmade.contains(touch),
            _ => false,
        }
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

    fn begin(&mut self, asked: &Asked<'_>) -> Result<u64, End> {
        let (id, request) = self.prepare(asked);
        self.connection.send(&request)?;
        Ok(id)
    }

    /// Records a call that is about to be made.
    pub(super) fn prepare(&mut self, asked: &Asked<'_>) -> (u64, Request) {
        let id = self.id();
        self.note_time_out(asked);
        if let (Some(name), Some(true)) = (asked.creates, asked.args.hold) {
            self.holds.insert(name.to_owned());
        }
        let mut args = asked.args.clone();
        if asked.function == Function::CompleteCommand {
            args.bytes.get_or_insert(0);
        }
        self.push(Event::Call {
            seq: None,
            lane: Name::from(asked.lane.to_string()),
            call: asked.function,
            on: Name::from(asked.on.to_owned()),
            creates: asked.creates.map(|name| Name::from(name.to_owned())),
            args: args.clone(),
        });
        self.calls.insert(id, asked.lane.to_string());
        if let Some(name) = asked.creates
            && asked.function != Function::SendCommand
        {
            self.making.insert(id, name.to_owned());
            self.unmade.insert(name.to_owned());
        }
        let request = Request::Call {
            id,
            lane: asked.lane.to_string(),
            call: asked.function,
            on: asked.on.to_owned(),
            creates: asked.creates.map(str::to_owned),
            args: Box::new(args),
        };
        (id, request)
    }

    fn call(&mut self, asked: &Asked<'_>) -> Result<(), End> {
        let id = self.begin(asked)?;
        // A call that can expire returns by itself: it is waited for.
        if let Some(TimeoutArg::Milliseconds(ms @ 1..)) = asked.args.timeout {
            if self.expires {
                self.settle()?;
                return match self.calls.contains_key(&id) {
                    true => self.expire(asked.lane.as_str(), None),
                    false => Ok(()),
                };
            }
            let within = self.limits.timeout + Duration::from_millis(ms.into());
            let what = format!("{} from {}", asked.function, asked.lane);
            while self.calls.contains_key(&id) {
                match self.connection.receive(within)? {
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
        loop {
            match self.connection.receive(within)? {
                Some(answer) if answers(&answer) => return Ok(answer),
                Some(answer) => self.note(answer)?,
                None => {
                    return Err(Trouble::Silent { asked: request.what(), within }.into());
                }
            }
        }
    }

    /// Waits until everything is at rest, and records which lanes are in a call.
    pub(super) fn settle(&mut self) -> Result<(), End> {
        if self.settles {
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
                let line = format!("settled, inCall {said:?}");
                return Err(Trouble::Garbage { reason, line }.into());
            }
        } else {
            let grace = self.limits.grace;
            while let Some(answer) = self.connection.receive(grace)? {
                self.note(answer)?;
            }
        }
        if !self.calls.is_empty() {
            let lanes: BTreeSet<&String> = self.calls.values().collect();
            let blocked = lanes.into_iter().map(|lane| Name::from(lane.clone())).collect();
            self.push(Event::Blocked { seq: None, blocked });
        }
        Ok(())
    }

    /// Records what an answer tells.
    pub(super) fn note(&mut self, answer: Answer) -> Result<(), End> {
        if self.is_too_late(&answer) {
            return Ok(());
        }
        match answer {
            Answer::Resumed { id } | Answer::Exited { id } if self.unanswered.remove(&id) => Ok(()),
            Answer::Return { id, lane, status, out } => {
                if self.calls.remove(&id).is_none_or(|of| of != lane) {
                    let reason = format!("no call {id} is in progress on {lane}");
                    let line = format!("return {id}");
                    return Err(Trouble::Garbage { reason, line }.into());
                }
                if let Some(name) = self.making.remove(&id)
                    && status == HResult::NOERROR
                {
                    self.unmade.remove(&name);
                }
                let command = out.command.as_ref().map(ToString::to_string);
                let shared = out.shared;
                let bare = *out == Out { command: out.command.clone(), ..Out::default() };
                let event = Event::Return {
                    seq: None,
                    lane: Name::from(lane.clone()),
                    status,
                    out: Out::into_owned(*out),
                };
                let line = self.push(event);
                self.returns.entry(lane).or_default().push(Returned {
                    line,
                    status,
                    command,
                    shared,
                    bare,
                });
                Ok(())
            }
            Answer::Callback { lane, command, completion, bytes, position } => {
                let held = self.holds.contains(&command);
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
                self.callbacks.push(CalledBack {
                    line,
                    lane,
                    command,
                    completion,
                    bytes,
                    positioned,
                });
                Ok(())
            }
            Answer::Unsupported { id, reason } => {
                self.calls.remove(&id);
                Err(End::NotOffered(reason))
            }
            other => {
                let line = serde_json::to_string(&other).unwrap_or_default();
                let reason = "an answer to nothing that was asked".to_owned();
                Err(Trouble::Garbage { reason, line }.into())
            }
        }
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

    pub(super) fn resume(&mut self, command: &str, lane: &LaneName) -> Result<(), End> {
        let (id, request) = self.let_go(command, lane);
        let resumed = |answer: &Answer| matches!(answer, Answer::Resumed { id: of } if *of == id);
        if let Err(end) = self.ask(&request, resumed) {
            // It was not held: nothing ended.
            if matches!(end, End::NotOffered(_)) {
                self.run.trace.events.pop();
                self.run.step_of_line.pop();
            }
            return Err(end);
        }
        self.settle()
    }
}
