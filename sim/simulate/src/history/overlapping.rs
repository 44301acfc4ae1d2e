//! Histories whose calls overlap, drawn from a seed: every call begins, takes effect and
//! returns at three moments of their own, and so does every completion routine, the end of
//! a process, and the passing of a time-out.

mod begin;

use crate::history::generated_call;
use crate::rng::Rng;
use vdi_model::{
    Call, Callback, Caller, ClientCall, ClientDevice, CommandId, DeviceName, Expected, LaneId,
    Outcome, Pending, ServerCall, ServerDevice, State, Timeout,
};
use vdi_spec::clauses::Profile;
use vdi_spec::codes::HResult;
use vdi_trace::{Event, Function, HowEnded, Process, Recorded, Trace};

/// What kind of history is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Overlaps {
    /// Devices of the set, 1 to 64.
    pub devices: u8,
    /// Threads of the server besides the agent's, 1 or more.
    pub server_lanes: u8,
    /// Threads of the client, 1 or more.
    pub client_lanes: u8,
    /// About how many events, unless the set ends before.
    pub events: usize,
    /// Draw an abort, a Close or a misuse about once in so many calls; 0 is never.
    pub trouble: usize,
    /// Whether lanes run freely only from the moment the set is active.
    pub from_active: bool,
    /// Whether each lane keeps to a device of its own, if there are enough.
    pub thread_per_device: bool,
    /// Whether at the end everything still happens that happens by itself, so that only
    /// calls are open that wait.
    pub drained: bool,
    /// Whether a process may end at any moment, which is noticed at some later one.
    pub deaths: bool,
    /// Whether a time-out passes when the history says so, and never otherwise.
    pub time_told: bool,
}

impl Default for Overlaps {
    /// Two devices, two threads on either side, a hundred events, nothing that goes wrong.
    fn default() -> Self {
        Self {
            devices: 2,
            server_lanes: 2,
            client_lanes: 2,
            events: 100,
            trouble: 0,
            from_active: false,
            thread_per_device: false,
            drained: false,
            deaths: false,
            time_told: false,
        }
    }
}

const AGENT: LaneId = LaneId(0);

/// After so many steps that nobody sees the history is over.
const UNSEEN_STEPS: usize = 1_000;

/// Draws a history with overlapping calls that the documents allow under `profile`.
///
/// ```
/// use vdi_check::{Verdict, check_trace};
/// use vdi_spec::clauses::Profile;
/// use vdi_simulate::{Overlaps, overlapping};
///
/// let overlaps = Overlaps { trouble: 20, deaths: true, ..Overlaps::default() };
/// let trace = overlapping(7, overlaps, &Profile::default());
/// assert_eq!(check_trace(&trace, &Profile::default()).verdict, Verdict::Conformant);
/// ```
#[must_use]
pub fn overlapping(seed: u64, overlaps: Overlaps, profile: &Profile) -> Trace {
    let mut header = generated_call::header(format!("overlapping, seed {seed}"));
    header.free = overlaps.deaths;
    header.records.extend(overlaps.time_told.then_some(Recorded::Time));
    let mut walk = Walk {
        rng: Rng::new(seed),
        profile,
        overlaps,
        state: State::default(),
        trace: Trace::new(header),
        sent: 0,
        held: Vec::new(),
        open: Vec::new(),
        begun: Vec::new(),
        given: Default::default(),
        ended: Vec::new(),
    };
    walk.run();
    walk.trace
}

/// A call between its beginning and its return.
#[derive(Clone, Debug)]
struct Open {
    lane: LaneId,
    function: Function,
    call: Call,
    taken: bool,
    /// Its process has ended: it does not return.
    lost: bool,
}

struct Walk<'a> {
    rng: Rng,
    profile: &'a Profile,
    overlaps: Overlaps,
    state: State,
    trace: Trace,
    sent: u32,
    /// Commands that a client was given and has not begun to complete.
    held: Vec<(u8, CommandId)>,
    open: Vec<Open>,
    /// Routines that were begun and not seen.
    begun: Vec<Callback>,
    /// The devices that the server, and the client, have been given.
    given: [Vec<u8>; 2],
    /// The processes that have ended, and whether that was noticed.
    ended: Vec<(Caller, bool)>,
}

/// What can happen next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Begin(LaneId),
    Take(usize),
    Settle(usize),
    Return(usize),
    Invoke(Callback),
    See(usize),
    Notice(usize),
    Pass(usize),
    Rest,
}

impl Walk<'_> {
    fn run(&mut self) {
        while self.overlaps.from_active && !self.state.activated {
            let before = self.trace.events.len();
            let lanes = self.free_lanes();
            for lane in lanes {
                self.begin(lane);
                self.settle();
            }
            if self.trace.events.len() == before {
                break;
            }
        }
        let mut unseen = 0;
        while self.trace.events.len() < self.overlaps.events && unseen < UNSEEN_STEPS {
            let steps = self.steps();
            let Some(step) = self.rng.weighted(&steps) else {
                return;
            };
            let before = self.trace.events.len();
            self.make(step);
            unseen = if self.trace.events.len() == before { unseen + 1 } else { 0 };
        }
        if self.overlaps.drained {
            self.settle();
        }
    }

    fn lane_name(&self, lane: LaneId) -> String {
        let servers = u16::from(self.overlaps.server_lanes);
        match lane.0 {
            0 => "server.agent".to_owned(),
            number if number <= servers => format!("server.t{number}"),
            number => format!("primary.t{}", number - servers),
        }
    }

    const fn is_server(&self, lane: LaneId) -> bool {
        lane.0 <= self.overlaps.server_lanes as u16
    }

    const fn caller_of(&self, lane: LaneId) -> Caller {
        if self.is_server(lane) { Caller::Server } else { Caller::Client(0) }
    }

    fn has_ended(&self, caller: Caller) -> bool {
        self.ended.iter().any(|(ended, _)| *ended == caller)
    }

    fn free_lanes(&self) -> Vec<LaneId> {
        let lanes = 1 + self.overlaps.server_lanes + self.overlaps.client_lanes;
        let free = |lane: &LaneId| {
            !self.has_ended(self.caller_of(*lane))
                && self.open.iter().all(|open| open.lane != *lane)
        };
        (0..u16::from(lanes)).map(LaneId).filter(free).collect()
    }

    /// Everything else happens by itself before the next call begins.
    fn settle(&mut self) {
        loop {
            let mut steps = self.steps();
            steps.retain(|(_, step)| !matches!(step, Step::Begin(_) | Step::Pass(_) | Step::Rest));
            let Some(step) = self.rng.weighted(&steps) else {
                return;
            };
            self.make(step);
        }
    }

    fn steps(&self) -> Vec<(usize, Step)> {
        let mut steps: Vec<(usize, Step)> =
            self.free_lanes().into_iter().map(|lane| (2, Step::Begin(lane))).collect();
        for (index, open) in self.open.iter().enumerate() {
            if self.overlaps.time_told && !open.lost && has_limit(&open.call) {
                steps.push((1, Step::Pass(index)));
            }
            if !open.taken {
                steps.push((2, Step::Take(index)));
                continue;
            }
            let returns = vdi_model::returns(&self.state, self.profile, open.lane);
            let waiting = self.state.in_progress(open.lane).map(|call| call.pending);
            match waiting {
                Some(Pending::Ready(_)) if !returns.is_empty() && !open.lost => {
                    steps.push((3, Step::Return(index)));
                }
                Some(Pending::Routine | Pending::Ready(_)) => {}
                _ if !returns.is_empty() => steps.push((3, Step::Settle(index))),
                _ => {}
            }
        }
        for callback in vdi_model::callbacks(&self.state, self.profile) {
            steps.push((3, Step::Invoke(callback)));
        }
        if !self.has_ended(Caller::Server) {
            steps.extend((0..self.begun.len()).map(|index| (3, Step::See(index))));
        }
        let unnoticed = |(_, ended): &(usize, &(Caller, bool))| !ended.1;
        let ended = self.ended.iter().enumerate().filter(unnoticed);
        steps.extend(ended.map(|(index, _)| (2, Step::Notice(index))));
        if self.overlaps.deaths && self.is_at_rest() {
            steps.push((1, Step::Rest));
        }
        steps
    }

    /// Whether some calls wait, and nothing happens by itself.
    fn is_at_rest(&self) -> bool {
        let settled = self.open.iter().all(|open| open.taken && !open.lost);
        !self.open.is_empty()
            && settled
            && self.begun.is_empty()
            && self.ended.iter().all(|(_, noticed)| *noticed)
            && self.state.is_at_rest(self.profile)
    }

    fn make(&mut self, step: Step) {
        match step {
            Step::Begin(lane) => self.begin(lane),
            Step::Take(index) => {
                let Open { lane, call, .. } = self.open[index].clone();
                let seen = self.as_seen(&call);
                let limits = generated_call::limits();
                let outcomes = vdi_model::outcomes(&self.state, self.profile, limits, lane, &seen);
                let outcome = outcomes[self.rng.index(outcomes.len())];
                vdi_model::apply(&mut self.state, lane, call.caller(), &outcome);
                self.open[index].taken = true;
            }
            Step::Settle(index) => {
                let lane = self.open[index].lane;
                let outcomes = vdi_model::returns(&self.state, self.profile, lane);
                let outcome = outcomes[self.rng.index(outcomes.len())];
                vdi_model::settle(&mut self.state, lane, &outcome);
            }
            Step::Return(index) => {
                let Open { lane, call, .. } = self.open.remove(index);
                let outcomes = vdi_model::returns(&self.state, self.profile, lane);
                let given = outcomes[0].answer.expected();
                if given == Some(Expected::Status(HResult::NOERROR)) {
                    self.give(&call);
                }
                self.return_from(lane, &outcomes[0]);
            }
            Step::Invoke(callback) => {
                vdi_model::apply_callback(&mut self.state, &callback, true);
                self.begun.push(callback);
            }
            Step::See(index) => self.see(index),
            Step::Notice(index) => self.notice(index),
            Step::Pass(index) => self.pass(index),
            Step::Rest => {
                let mut lanes: Vec<LaneId> = self.open.iter().map(|open| open.lane).collect();
                lanes.sort_unstable();
                let blocked = lanes.into_iter().map(|lane| self.lane_name(lane).into()).collect();
                self.trace.push(Event::Blocked { seq: None, blocked });
            }
        }
    }

    /// An interface to a device is given.
    fn give(&mut self, call: &Call) {
        match call {
            Call::Server(ServerCall::OpenDevice { device: Some(index) }) => {
                self.given[0].push(*index);
            }
            Call::Client(ClientCall::OpenDevice {
                name: DeviceName::Known(index) | DeviceName::New(index),
            }) => self.given[1].push(*index),
            Call::Server(_) | Call::Client(_) | Call::Secondary(..) => {}
        }
    }

    /// A device is known by its name once either side has opened it.
    fn as_seen(&self, call: &Call) -> Call {
        let Call::Client(ClientCall::OpenDevice { name: DeviceName::New(index) }) = call else {
            return call.clone();
        };
        let opened = self.state.devices.get(usize::from(*index)).is_some_and(|device| {
            device.server != ServerDevice::Unopened || device.client != ClientDevice::Unopened
        });
        let known = *index == 0 || opened;
        let name = if known { DeviceName::Known(*index) } else { DeviceName::New(*index) };
        Call::Client(ClientCall::OpenDevice { name })
    }

    /// A process ends, in the midst of whatever it does.
    fn end(&mut self, caller: Caller) {
        self.ended.push((caller, false));
        let process = match caller {
            Caller::Server => Process::Server,
            Caller::Client(_) => Process::Primary,
        };
        self.trace.push(Event::Exit { seq: None, process, exit: HowEnded::Killed });
        let own = |open: &&mut Open| open.call.caller() == caller;
        self.open.iter_mut().filter(own).for_each(|open| open.lost = true);
    }

    /// The interface notices that a process has ended.
    fn notice(&mut self, index: usize) {
        let (caller, noticed) = &mut self.ended[index];
        *noticed = true;
        let caller = *caller;
        vdi_model::exit(&mut self.state, caller);
        self.open.retain(|open| open.call.caller() != caller);
        if caller == Caller::Server {
            self.begun.clear();
            self.held.clear();
        }
    }

    /// The time-out of a call passes.
    fn pass(&mut self, index: usize) {
        let open = &mut self.open[index];
        if let Some(timeout) = open.call.timeout_mut() {
            *timeout = Timeout::Passed;
        }
        let lane = open.lane;
        if open.taken {
            vdi_model::expire(&mut self.state, self.profile, lane);
        }
        let expired = self.lane_name(lane).into();
        self.trace.push(Event::Expired { seq: None, expired, after: None });
    }

    fn call(&mut self, lane: LaneId, generated: generated_call::GeneratedCall) {
        let (event, function, call) = generated.begun(self.lane_name(lane));
        self.trace.push(event);
        self.open.push(Open { lane, function, call, taken: false, lost: false });
    }

    fn see(&mut self, index: usize) {
        let callback = self.begun.remove(index);
        self.held.retain(|(_, id)| *id != callback.command);
        self.trace.push(generated_call::callback(self.lane_name(callback.lane), &callback));
        vdi_model::end_callback(&mut self.state, callback.lane);
    }

    fn return_from(&mut self, lane: LaneId, outcome: &Outcome) {
        let (event, delivered) =
            generated_call::returned(self.lane_name(lane), &self.state, outcome);
        self.held.extend(delivered);
        self.trace.push(event);
        vdi_model::apply_return(&mut self.state, lane, outcome);
    }
}

/// Whether a time-out of the call is still to pass.
fn has_limit(call: &Call) -> bool {
    call.clone().timeout_mut().is_some_and(|timeout| *timeout == Timeout::Told)
}
