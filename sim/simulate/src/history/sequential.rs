//! One device set from Create to its end, drawn from a seed.

use crate::history::generated_call::{self, ClientSetCall, GeneratedCall, Patience, ServerSetCall};
use crate::rng::Rng;
use vdi_model::{
    Agent, ClientDevice, ClientLife, CommandId, LaneId, Outcome, ServerDevice, ServerLife, State,
};
use vdi_spec::clauses::Profile;
use vdi_spec::codes::CommandCode;
use vdi_trace::{Event, Trace};

/// What kind of history is drawn.
#[derive(Clone, Copy, Debug)]
pub struct HistoryOptions {
    /// Devices of the set, 1 to 64.
    pub devices: u8,
    /// About how many events, unless the set ends before.
    pub events: usize,
    /// Draw an abort, a Close or a misuse about once in so many calls; 0 is never.
    pub trouble: usize,
}

const SERVER: &str = "server.main";
const AGENT: &str = "server.agent";
const CLIENT: &str = "primary.main";

/// Draws a history that the documents allow under `profile`.
///
/// ```
/// use vdi_check::{Verdict, check_trace};
/// use vdi_spec::clauses::Profile;
/// use vdi_simulate::{HistoryOptions, history};
///
/// let profile = Profile::default();
/// let options = HistoryOptions { devices: 2, events: 200, trouble: 20 };
/// let trace = history(7, options, &profile);
/// assert_eq!(trace, history(7, options, &profile));
/// assert_eq!(check_trace(&trace, &profile).verdict, Verdict::Conformant);
/// ```
#[must_use]
pub fn history(seed: u64, options: HistoryOptions, profile: &Profile) -> Trace {
    let mut walk = Walk {
        rng: Rng::new(seed),
        profile,
        options,
        state: State::default(),
        trace: Trace::new(generated_call::header(format!("seed {seed}"))),
        sent: 0,
        held: Vec::new(),
        blocked: Vec::new(),
    };
    walk.run();
    walk.trace
}

/// A command as the client holds it.
#[derive(Clone, Copy, Debug)]
struct Held {
    device: u8,
    id: CommandId,
}

struct Walk<'a> {
    rng: Rng,
    profile: &'a Profile,
    options: HistoryOptions,
    state: State,
    trace: Trace,
    sent: u32,
    held: Vec<Held>,
    /// Lanes inside a call.
    blocked: Vec<LaneId>,
}

/// What can be drawn.
#[derive(Clone, Copy, Debug)]
enum Choice {
    Server(ServerSetCall),
    ServerOpens,
    Sends(u8),
    ServerCloses(u8),
    Client(ClientSetCall),
    ClientOpens,
    Gets(u8),
    Completes(u8),
}

fn lane_name(lane: LaneId) -> String {
    match lane.0 {
        0 => SERVER.to_owned(),
        1 => AGENT.to_owned(),
        2 => CLIENT.to_owned(),
        device => format!("primary.t{}", device - 2),
    }
}

impl Walk<'_> {
    fn run(&mut self) {
        while self.trace.events.len() < self.options.events {
            let choices = self.choices();
            let Some(choice) = self.rng.weighted(&choices) else {
                return;
            };
            self.make(choice);
            self.settle();
        }
    }

    /// What may be drawn now, with its weight.
    fn choices(&self) -> Vec<(usize, Choice)> {
        let state = &self.state;
        if state.client == ClientLife::Absent {
            return vec![(1, Choice::Client(ClientSetCall::CreateEx))];
        }
        let gone = state.client == ClientLife::Closed && state.server == ServerLife::Closed;
        if gone || (state.client == ClientLife::Closed && state.server == ServerLife::Absent) {
            return Vec::new();
        }
        let mut choices = Vec::new();
        self.server_choices(&mut choices);
        self.client_choices(&mut choices);
        choices
    }

    fn server_choices(&self, choices: &mut Vec<(usize, Choice)>) {
        use vdi_model::ServerPhase as P;
        let rare = usize::from(self.options.trouble > 0);
        let set = |weight, call| (weight, Choice::Server(call));
        match self.state.server_phase() {
            P::DoesNotExist if self.state.server == ServerLife::Absent => {
                choices.push(set(20, ServerSetCall::Open));
            }
            P::DoesNotExist => {}
            P::Connected => choices.push(set(20, ServerSetCall::BeginConfiguration)),
            P::Configurable => choices.push(set(20, ServerSetCall::EndConfiguration)),
            P::Initializing => {
                choices.push((10, Choice::ServerOpens));
                if !self.state.agent.is_running() {
                    choices.push(set(10, ServerSetCall::ExecuteCompletionAgent));
                }
            }
            P::Active => {}
            P::NormallyTerminated | P::AbnormallyTerminated => {
                choices.push(set(20, ServerSetCall::Close));
            }
        }
        if self.state.server == ServerLife::Open {
            for (index, device) in self.state.devices.iter().enumerate() {
                let index = index as u8;
                if device.server == ServerDevice::Open {
                    choices.push((400 / self.state.devices.len(), Choice::Sends(index)));
                }
                if device.server != ServerDevice::Unopened {
                    choices.push((2 * rare, Choice::ServerCloses(index)));
                }
            }
            choices.push(set(rare, ServerSetCall::SignalAbort));
            choices.push(set(rare, ServerSetCall::Close));
            choices.push(set(rare, ServerSetCall::GetConfiguration));
        }
    }

    fn client_choices(&self, choices: &mut Vec<(usize, Choice)>) {
        use vdi_model::ClientPhase as P;
        let rare = usize::from(self.options.trouble > 0);
        let set = |weight, call| (weight, Choice::Client(call));
        let main_is_free = !self.blocked.contains(&LaneId(2));
        if self.state.client != ClientLife::Created {
            return;
        }
        if main_is_free {
            match self.state.client_phase() {
                P::Configurable => choices.push(set(20, ClientSetCall::GetConfiguration)),
                P::Initializing => choices.push((20, Choice::ClientOpens)),
                P::NormallyTerminated | P::Abort => choices.push(set(10, ClientSetCall::Close)),
                P::DoesNotExist | P::Active => {}
            }
            choices.push(set(rare, ClientSetCall::SignalAbort));
            choices.push(set(rare, ClientSetCall::Close));
        }
        for (index, device) in self.state.devices.iter().enumerate() {
            let free = !self.blocked.contains(&client_lane(index as u8));
            if device.client != ClientDevice::Unopened && free {
                let index = index as u8;
                let held = self.held.iter().filter(|held| held.device == index).count();
                choices.push((400 / self.state.devices.len(), Choice::Gets(index)));
                choices.push((300 * held, Choice::Completes(index)));
            }
        }
    }

    fn make(&mut self, choice: Choice) {
        match choice {
            Choice::Server(call) => {
                let agent = call == ServerSetCall::ExecuteCompletionAgent;
                self.call(LaneId(agent.into()), GeneratedCall::server(call));
            }
            Choice::ServerOpens => {
                let unopened = |device: &vdi_model::Device| device.server == ServerDevice::Unopened;
                let next = self.state.devices.iter().position(unopened).map(|index| index as u8);
                self.call(LaneId(0), GeneratedCall::server_opens(next));
            }
            Choice::Sends(device) => self.send(device),
            Choice::ServerCloses(device) => {
                self.call(LaneId(0), GeneratedCall::server_closes(device));
            }
            Choice::Client(call) => {
                let devices = self.options.devices;
                self.call(LaneId(2), GeneratedCall::client(call, devices, Patience::Infinite));
            }
            Choice::ClientOpens => {
                let unopened = |device: &vdi_model::Device| device.client == ClientDevice::Unopened;
                let device = self.state.devices.iter().position(unopened).unwrap_or_default() as u8;
                // The first device bears the set's name; the server names the others.
                let named = self.state.devices[usize::from(device)].server;
                let known = device == 0 || named != ServerDevice::Unopened;
                self.call(LaneId(2), GeneratedCall::client_opens(device, known));
            }
            Choice::Gets(device) => {
                let poll = self.rng.one_in(2);
                let wait = if poll { Patience::Poll } else { Patience::Infinite };
                self.call(client_lane(device), GeneratedCall::gets(device, wait));
            }
            Choice::Completes(device) => self.complete(device),
        }
    }

    fn send(&mut self, device: u8) {
        self.sent += 1;
        let kinds = [CommandCode::Write, CommandCode::Flush, CommandCode::ClearError];
        let errored = self.state.devices[usize::from(device)].errored;
        let code = if errored && self.rng.one_in(2) {
            CommandCode::ClearError
        } else {
            kinds[self.rng.index(2)]
        };
        self.call(LaneId(0), GeneratedCall::sends(device, CommandId(self.sent), code));
    }

    fn complete(&mut self, device: u8) {
        let mine: Vec<usize> =
            (0..self.held.len()).filter(|at| self.held[*at].device == device).collect();
        let Some(count) = (!mine.is_empty()).then_some(mine.len()) else {
            return;
        };
        let held = self.held.remove(mine[self.rng.index(count)]);
        let clears = self.state.command(held.id).is_some_and(|c| c.code == CommandCode::ClearError);
        let fails = self.options.trouble > 0 && !clears && self.rng.one_in(self.options.trouble);
        self.call(client_lane(device), GeneratedCall::completes(device, held.id, fails));
    }

    /// Makes a call and draws one of its outcomes.
    fn call(&mut self, lane: LaneId, drawn: GeneratedCall) {
        let (event, _, call) = drawn.begun(lane_name(lane));
        let outcomes =
            vdi_model::outcomes(&self.state, self.profile, generated_call::limits(), lane, &call);
        let outcome = outcomes[self.rng.index(outcomes.len())];
        self.trace.push(event);
        vdi_model::apply(&mut self.state, lane, call.caller(), &outcome);
        self.blocked.push(lane);
    }

    /// Lets everything happen that happens by itself, in a drawn order.
    fn settle(&mut self) {
        loop {
            let callbacks = vdi_model::callbacks(&self.state, self.profile);
            let mut returns: Vec<(LaneId, Outcome)> = Vec::new();
            for lane in &self.blocked {
                let now = vdi_model::returns(&self.state, self.profile, *lane);
                returns.extend(now.into_iter().map(|outcome| (*lane, outcome)));
            }
            let count = callbacks.len() + returns.len();
            if count == 0 {
                break;
            }
            let at = self.rng.index(count);
            match callbacks.get(at) {
                Some(callback) => self.call_back(*callback),
                None => {
                    let (lane, outcome) = returns[at - callbacks.len()];
                    self.return_from(lane, &outcome);
                }
            }
        }
        if !self.blocked.is_empty() && self.rng.one_in(4) {
            let mut lanes: Vec<LaneId> = self.blocked.clone();
            lanes.sort_unstable();
            let blocked = lanes.into_iter().map(|lane| lane_name(lane).into()).collect();
            self.trace.push(Event::Blocked { seq: None, blocked });
        }
    }

    fn call_back(&mut self, callback: vdi_model::Callback) {
        self.held.retain(|held| held.id != callback.command);
        self.trace.push(generated_call::callback(lane_name(callback.lane), &callback));
        vdi_model::apply_callback(&mut self.state, &callback, false);
    }

    fn return_from(&mut self, lane: LaneId, outcome: &Outcome) {
        let (event, delivered) = generated_call::returned(lane_name(lane), &self.state, outcome);
        self.held.extend(delivered.map(|(device, id)| Held { device, id }));
        self.trace.push(event);
        vdi_model::apply_return(&mut self.state, lane, outcome);
        self.blocked.retain(|blocked| *blocked != lane);
        debug_assert!(lane != LaneId(1) || self.state.agent == Agent::Idle);
    }
}

/// Each device of the client has a thread of its own.
const fn client_lane(device: u8) -> LaneId {
    LaneId(3 + device as u16)
}
