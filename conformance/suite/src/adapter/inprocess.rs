//! Driving an implementation in this process: implement [`Implementation`] and
//! [`Session`], and each lane is a thread here.
//!
//! The driver knows exactly when everything is at rest: every thread of a lane
//! is either idle, or inside a wait that the implementation has announced
//! through [`Host::waiting`] or [`Host::sleeps`].

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use vdi_spec::codes::{HResult, Win32};
use vdi_trace::{Args, Found, Function, Interfaces, Out, Presence, Process};

use super::barrier::{Barrier, pause};
use super::protocol::{Answer, Hello, Offer, Racing, Request};
use super::{Adapter, Connection, Limits, NotGreeted, Trouble};
use crate::locked::locked;

/// An implementation of VDI in Rust.
pub trait Implementation: Send + Sync {
    /// What it says of itself.
    fn hello(&self) -> Hello;

    /// A fresh machine: nothing created, nothing opened. These are set interfaces besides
    /// those that there are from the start.
    fn session(&self, host: Arc<Host>, interfaces: &Interfaces) -> Arc<dyn Session>;
}

/// One scenario that is running. Calls come from many threads at once.
pub trait Session: Send + Sync {
    /// Makes a call from the present thread, and blocks as the call does.
    /// `None`: the calling process is no more, there is nothing to report.
    fn call(&self, call: &Call) -> Option<Reply>;

    /// Whether an object can be used from this process; `None` if that is not known.
    fn touch(&self, process: Process, object: &str) -> Option<Found>;

    /// The process ends.
    fn exit(&self, process: Process);

    /// Whether a thread of the process is inside the library.
    fn inside(&self, process: Process) -> bool;

    /// Lets time pass for the call in progress on this lane: its time-out, or one
    /// interval of serverTimeOut if it is the completion agent's; with `after` so many
    /// milliseconds of either. Whoever offers
    /// `expire` lets no time-out but 0 pass by itself.
    fn expire(&self, lane: &str, after: Option<u32>);

    /// Whether everything rests is about to be asked: what would be noticed in time,
    /// such as the death of another process, is to be noticed now.
    fn look_around(&self) {}

    /// The scenario is over: every blocked call gives `None`.
    fn abandon(&self);
}

/// A call as a session gets it.
#[derive(Clone, Debug)]
pub struct Call {
    /// The lane: each is a thread.
    pub lane: String,
    /// The lane's process.
    pub process: Process,
    /// The function.
    pub function: Function,
    /// The handle it is called on.
    pub on: String,
    /// The name of what it makes.
    pub creates: Option<String>,
    /// Its arguments, checked against the function's row.
    pub args: Args<'static>,
}

/// What a call gave.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It returned.
    Return(HResult, Box<Out<'static>>),
    /// It cannot be made here.
    Unsupported(String),
}

/// Whether a sleeping call still has a reason to sleep.
pub type Still = Arc<dyn Fn() -> bool + Send + Sync>;

/// Everything an implementation in this process can offer.
#[must_use]
pub fn whole_offer() -> Vec<Offer> {
    vec![
        Offer::Server,
        Offer::Client,
        Offer::Touch,
        Offer::Exit,
        Offer::Unload,
        Offer::Hold,
        Offer::Settle,
        Offer::Expire,
        Offer::Together,
    ]
}

/// What the driver offers an implementation.
pub struct Host {
    state: Mutex<HostState>,
    changed: Condvar,
    answers: Mutex<Sender<Answer>>,
}

#[derive(Default)]
struct HostState {
    lanes: BTreeMap<String, Lane>,
    /// Operations given to lanes and not finished.
    busy: usize,
    /// Of these, how many wait inside the implementation for another lane.
    waiting: usize,
    /// Lanes that sleep inside the implementation, as long as this gives true.
    asleep: BTreeMap<String, Still>,
    /// Of these, how many are inside a held completion routine.
    held: usize,
    over: bool,
    /// How often a thread went to sleep, woke, or finished.
    moves: u64,
}

#[derive(Default)]
struct Lane {
    queue: VecDeque<Operation>,
    /// Calls begun and not returned.
    in_call: usize,
    /// Commands whose completion routines are held here, the innermost last.
    routines: Vec<String>,
    dead: bool,
    /// Its thread has something to do, or to end. Each has its own: to wake all of a long
    /// scenario's at every step would take longer than the steps.
    bell: Arc<Condvar>,
}

enum Operation {
    Call(u64, Box<Call>),
    Resume(u64, String),
    /// Begins with others, so many microseconds after the last of them is there.
    Barrier(Arc<Barrier>, u32),
}

thread_local! {
    static LANE: RefCell<String> = const { RefCell::new(String::new()) };
}

fn this_lane() -> String {
    LANE.with_borrow(Clone::clone)
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}

impl Host {
    fn new(answers: Sender<Answer>) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), answers: Mutex::new(answers) }
    }

    fn lock(&self) -> MutexGuard<'_, HostState> {
        locked(self.state.lock())
    }

    /// A thread found that it has to wait, and is about to.
    pub fn waiting(&self) {
        self.lock().waiting += 1;
        self.changed.notify_all();
    }

    /// Something changed: every thread that waits in the implementation will look again.
    pub fn woken(&self) {
        self.lock().waiting = 0;
    }

    /// The present thread is about to sleep, and sleeps as long as `still` gives true:
    /// for an implementation that wakes its threads one by one. It must not block.
    pub fn sleeps(&self, still: Still) {
        let mut state = self.lock();
        state.asleep.insert(this_lane(), still);
        state.moves += 1;
        self.changed.notify_all();
    }

    /// The present thread is awake again.
    pub fn wakes(&self) {
        let mut state = self.lock();
        state.asleep.remove(&this_lane());
        state.moves += 1;
        self.changed.notify_all();
    }

    fn post(&self, answer: Answer) {
        // A driver that is gone needs no answer.
        let _ = locked(self.answers.lock()).send(answer);
    }

    /// A completion routine was invoked on the present thread. With `hold` it
    /// returns when the suite says so; until then `session` takes the calls made
    /// on this lane.
    pub fn callback(
        &self,
        session: &dyn Session,
        command: &str,
        (completion, bytes, position): (Win32, u32, Option<u64>),
        hold: bool,
    ) {
        let lane = this_lane();
        {
            // A dead process runs nothing.
            let state = self.lock();
            if state.over || state.lanes.get(&lane).is_some_and(|lane| lane.dead) {
                return;
            }
            let command = command.to_owned();
            self.post(Answer::Callback {
                lane: lane.clone(),
                command,
                completion,
                bytes,
                position,
            });
        }
        if hold {
            {
                let mut state = self.lock();
                state.held += 1;
                let entry = state.lanes.entry(lane.clone()).or_default();
                entry.routines.push(command.to_owned());
            }
            self.changed.notify_all();
            if !self.serve(&lane, session, Some(command)) {
                self.lock().held -= 1;
            }
        }
    }

    /// Works off a lane's operations; inside a held routine, until it is resumed.
    /// False: the lane is no more.
    fn serve(&self, lane: &str, session: &dyn Session, held: Option<&str>) -> bool {
        loop {
            let Some(operation) = self.next(lane) else {
                return false;
            };
            match operation {
                Operation::Call(id, call) => {
                    let reply = session.call(&call);
                    self.finish(lane, id, reply);
                }
                Operation::Barrier(gate, delay) => gate.pass(delay),
                Operation::Resume(id, command) => {
                    let matches = held == Some(command.as_str());
                    self.resumed(lane, id, matches, &command);
                    if matches {
                        return true;
                    }
                }
            }
        }
    }

    fn next(&self, lane: &str) -> Option<Operation> {
        let mut state = self.lock();
        let bell = Arc::clone(&state.lanes.entry(lane.to_owned()).or_default().bell);
        loop {
            if state.over {
                return None;
            }
            let entry = state.lanes.entry(lane.to_owned()).or_default();
            if entry.dead {
                return None;
            }
            if let Some(operation) = entry.queue.pop_front() {
                return Some(operation);
            }
            state = locked(bell.wait(state));
        }
    }

    fn finish(&self, lane: &str, id: u64, reply: Option<Reply>) {
        let mut state = self.lock();
        state.busy -= 1;
        state.moves += 1;
        if let Some(entry) = state.lanes.get_mut(lane) {
            entry.in_call -= 1;
            if !entry.dead {
                match reply {
                    Some(Reply::Return(status, out)) => {
                        self.post(Answer::Return { id, lane: lane.to_owned(), status, out });
                    }
                    Some(Reply::Unsupported(reason)) => {
                        self.post(Answer::Unsupported { id, reason });
                    }
                    None => {}
                }
            }
        }
        self.changed.notify_all();
    }

    fn resumed(&self, lane: &str, id: u64, matches: bool, command: &str) {
        let mut state = self.lock();
        // The resume itself is done, and the routine no longer waits.
        state.busy -= 1;
        if matches {
            state.held -= 1;
            if let Some(entry) = state.lanes.get_mut(lane) {
                entry.routines.pop();
            }
            self.post(Answer::Resumed { id });
        } else {
            let reason = format!("no routine of `{command}` is held on this lane");
            self.post(Answer::Unsupported { id, reason });
        }
        self.changed.notify_all();
    }

    /// Waits until every thread is idle, waits for another, or is held.
    fn rest(&self, within: Duration) -> Result<MutexGuard<'_, HostState>, Trouble> {
        let state = self.lock();
        let busy = |state: &mut HostState| {
            let asleep = state.asleep.values().filter(|still| still()).count();
            state.busy > state.waiting + asleep + state.held
        };
        let (state, waited) = locked(self.changed.wait_timeout_while(state, within, busy));
        if waited.timed_out() {
            return Err(Trouble::Silent { asked: "settle".to_owned(), within });
        }
        Ok(state)
    }

    fn settle(&self, id: u64, within: Duration) -> Result<(), Trouble> {
        let state = self.rest(within)?;
        let in_call = state
            .lanes
            .iter()
            .filter(|(_, lane)| lane.in_call > 0 && !lane.dead)
            .map(|(name, _)| name.clone())
            .collect();
        let moves = Some(state.moves);
        self.post(Answer::Settled { id, in_call, moves });
        Ok(())
    }
}

/// Any [`Implementation`] as an [`Adapter`].
#[derive(Debug)]
pub struct InProcess<I> {
    implementation: I,
    options: String,
}

impl<I: Implementation> InProcess<I> {
    /// `options` are those of `vdi` that choose it; empty for the built-in one.
    pub fn new(implementation: I, options: impl Into<String>) -> Self {
        Self { implementation, options: options.into() }
    }
}

impl<I: Implementation + Clone + 'static> InProcess<I> {
    pub(super) fn driver(&self, limits: Limits) -> InProcessConnection {
        InProcessConnection {
            hello: self.implementation.hello(),
            implementation: Box::new(self.implementation.clone()),
            limits,
            running: None,
        }
    }
}

impl<I: Implementation + Clone + 'static> Adapter for InProcess<I> {
    fn options(&self) -> &str {
        &self.options
    }

    fn connect(&self, limits: Limits) -> Result<Box<dyn Connection>, NotGreeted> {
        Ok(Box::new(self.driver(limits)))
    }
}

pub(super) struct InProcessConnection {
    pub(super) hello: Hello,
    implementation: Box<dyn Implementation>,
    limits: Limits,
    pub(super) running: Option<RunningScenario>,
}

pub(super) struct RunningScenario {
    host: Arc<Host>,
    session: Arc<dyn Session>,
    pub(super) answers: Receiver<Answer>,
}

impl RunningScenario {
    fn give(&self, lane: &str, operation: Operation, gate: Option<Operation>) {
        let mut state = self.host.lock();
        let known = state.lanes.contains_key(lane);
        let entry = state.lanes.entry(lane.to_owned()).or_default();
        if entry.dead {
            return;
        }
        match &operation {
            Operation::Call(..) => entry.in_call += 1,
            // A lane that waits inside a call would never come to see it.
            Operation::Resume(id, command) if entry.routines.last() != Some(command) => {
                let (id, reason) = (*id, format!("no routine of `{command}` is held on {lane}"));
                self.host.post(Answer::Unsupported { id, reason });
                return;
            }
            Operation::Resume(..) | Operation::Barrier(..) => {}
        }
        entry.queue.extend(gate);
        entry.queue.push_back(operation);
        entry.bell.notify_one();
        state.busy += 1;
        drop(state);
        if !known {
            let (host, session) = (Arc::clone(&self.host), Arc::clone(&self.session));
            let lane = lane.to_owned();
            thread::spawn(move || {
                LANE.set(lane.clone());
                host.serve(&lane, &*session, None);
            });
        }
    }

    fn exit(&self, process: Process) {
        {
            let mut state = self.host.lock();
            let prefix = format!("{process}.");
            let mut never_done = 0;
            for (_, lane) in state.lanes.iter_mut().filter(|(name, _)| name.starts_with(&prefix)) {
                lane.dead = true;
                lane.bell.notify_one();
                let given = lane.queue.drain(..);
                never_done += given.filter(|one| !matches!(one, Operation::Barrier(..))).count();
            }
            state.busy -= never_done;
            self.host.changed.notify_all();
        }
        self.session.exit(process);
    }
}

impl Drop for RunningScenario {
    fn drop(&mut self) {
        {
            let mut state = self.host.lock();
            state.over = true;
            state.lanes.values().for_each(|lane| lane.bell.notify_one());
        }
        self.host.changed.notify_all();
        self.session.abandon();
    }
}

impl InProcessConnection {
    fn running(&self) -> Result<&RunningScenario, Trouble> {
        self.running.as_ref().ok_or_else(|| Trouble::Own("a request before `reset`".to_owned()))
    }

    /// Begins several at once. Exits are this thread's own.
    fn together(&self, requests: &[Racing]) -> Result<(), Trouble> {
        let gate = Arc::new(Barrier::new(requests.len()));
        let mut exits = Vec::new();
        for racing in requests {
            let wait = Some(Operation::Barrier(Arc::clone(&gate), racing.delay));
            match &racing.request {
                Request::Call { .. } => self.call(&racing.request, wait)?,
                Request::Resume { id, lane, command } => {
                    self.running()?.give(lane, Operation::Resume(*id, command.clone()), wait);
                }
                Request::Exit { id, process, .. } => exits.push((racing.delay, *id, *process)),
                other => return Err(Trouble::Own(format!("`{}` cannot race", other.what()))),
            }
        }
        exits.sort_unstable();
        (0..exits.len()).for_each(|_| gate.arrive());
        gate.wait(0);
        let mut passed = 0;
        for (delay, id, process) in exits {
            pause(delay - passed);
            passed = delay;
            let running = self.running()?;
            running.exit(process);
            running.host.post(Answer::Exited { id });
        }
        Ok(())
    }

    fn call(&self, request: &Request, gate: Option<Operation>) -> Result<(), Trouble> {
        let Request::Call { id, lane, call, on, creates, args } = request else {
            return Ok(());
        };
        let process = vdi_trace::LaneName::process_of(lane)
            .map_err(|error| Trouble::Own(error.to_string()))?;
        let call = Call {
            lane: lane.clone(),
            process,
            function: *call,
            on: on.clone(),
            creates: creates.clone(),
            args: (**args).clone(),
        };
        self.running()?.give(lane, Operation::Call(*id, Box::new(call)), gate);
        Ok(())
    }
}

impl Connection for InProcessConnection {
    fn hello(&self) -> &Hello {
        &self.hello
    }

    fn send(&mut self, request: &Request) -> Result<(), Trouble> {
        match request {
            Request::Hello { .. } | Request::Bye => {}
            Request::Reset { interfaces, .. } => {
                let (sender, answers) = channel();
                let host = Arc::new(Host::new(sender));
                let session = self.implementation.session(Arc::clone(&host), interfaces);
                host.post(Answer::Ready);
                self.running = Some(RunningScenario { host, session, answers });
            }
            Request::Call { .. } => self.call(request, None)?,
            Request::Together { requests } => self.together(requests)?,
            Request::Resume { id, lane, command } => {
                self.running()?.give(lane, Operation::Resume(*id, command.clone()), None);
            }
            Request::Touch { id, lane, object } => {
                let running = self.running()?;
                let process = vdi_trace::LaneName::process_of(lane)
                    .map_err(|error| Trouble::Own(error.to_string()))?;
                running.host.post(match running.session.touch(process, object) {
                    Some(found) => Answer::Touched { id: *id, found },
                    None => Answer::Unsupported { id: *id, reason: "cannot be told".to_owned() },
                });
            }
            Request::Exit { id, process, .. } => {
                let running = self.running()?;
                running.exit(*process);
                running.host.post(Answer::Exited { id: *id });
            }
            Request::Unload { id, process } => {
                let running = self.running()?;
                let inside = running.session.inside(*process);
                let found = if inside { Presence::Busy } else { Presence::Idle };
                running.host.post(Answer::Unloaded { id: *id, found });
            }
            Request::Expire { id, .. } if !self.hello.has(Offer::Expire) => {
                let reason = "time is the real one here".to_owned();
                self.running()?.host.post(Answer::Unsupported { id: *id, reason });
            }
            Request::Expire { id, lane, after } => {
                // What was asked before has come as far as it can.
                let running = self.running()?;
                drop(running.host.rest(self.limits.timeout)?);
                running.session.expire(lane, *after);
                running.host.post(Answer::Expired { id: *id });
            }
            Request::Settle { id } => {
                let running = self.running()?;
                running.session.look_around();
                running.host.settle(*id, self.limits.timeout)?;
            }
        }
        Ok(())
    }

    fn receive(&mut self, within: Duration) -> Result<Option<Answer>, Trouble> {
        match self.running()?.answers.recv_timeout(within) {
            Ok(answer) => Ok(Some(answer)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => {
                Err(Trouble::Crashed("its threads are gone".to_owned()))
            }
        }
    }

    fn take_stderr(&mut self) -> String {
        String::new()
    }
}
