//! One device set from Create to its end, drawn from a seed.

use super::draw::Draw;
use crate::clauses::{Party, Profile};
use crate::codes::{CommandCode, Win32};
use crate::config::VdConfig;
use crate::model::{
    self, Agent, Answer, Call, ClientCall, ClientDevice, ClientLife, CommandId, DeviceName, Ending,
    Expected, LaneId, Limits, Outcome, Request, ServerCall, ServerDevice, ServerLife, Stage, State,
    Timeout,
};
use crate::trace::{
    Args, CLIENT_SET, CodeArg, Declares, Event, Function, Handle, Header, Name, Origin, Out,
    SERVER_SET, Size, TimeoutArg, Trace,
};

/// What kind of history is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Devices of the set, 1 to 64.
    pub devices: u8,
    /// About how many events, unless the set ends before.
    pub events: usize,
    /// Draw an abort, a Close or a misuse about once in so many calls; 0 is never.
    pub trouble: usize,
}

const SET: &str = "S";
const SERVER: &str = "server.main";
const AGENT: &str = "server.agent";
const CLIENT: &str = "primary.main";
const QUEUE_DEPTH: u32 = 8;

/// Draws a history that the documents allow under `profile`.
///
/// ```
/// use vdi_sim::check::{Verdict, check_trace};
/// use vdi_sim::clauses::Profile;
/// use vdi_sim::simulate::{HistoryOptions, history};
///
/// let profile = Profile::default();
/// let options = HistoryOptions { devices: 2, events: 200, trouble: 20 };
/// let trace = history(7, options, &profile);
/// assert_eq!(trace, history(7, options, &profile));
/// assert_eq!(check_trace(&trace, &profile).verdict, Verdict::Conformant);
/// ```
#[must_use]
pub fn history(seed: u64, options: Options, profile: &Profile) -> Trace {
    let header = Header {
        source: Some(Origin {
            name: "vdi-model".to_owned(),
            version: None,
            setting: Some(format!("seed {seed}")),
        }),
        declares: Declares { queue_depth: Some(QUEUE_DEPTH) },
        provoked: vec![Party::Server, Party::Client],
        ..Header::default()
    };
    let mut walk = Walk {
        draw: Draw::new(seed),
        profile,
        options,
        state: State::default(),
        trace: Trace::new(header),
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
    draw: Draw,
    profile: &'a Profile,
    options: Options,
    state: State,
    trace: Trace,
    sent: u32,
    held: Vec<Held>,
    /// Lanes inside a call, with the device if it is GetCommand.
    blocked: Vec<LaneId>,
}

/// What can be drawn.
#[derive(Clone, Copy, Debug)]
enum Choice {
    Server(Function),
    ServerDevice(Function, u8),
    Client(Function),
    ClientDevice(Function, u8),
}

fn lane_name(lane: LaneId) -> String {
    match lane.0 {
        0 => SERVER.to_owned(),
        1 => AGENT.to_owned(),
        2 => CLIENT.to_owned(),
        device => format!("primary.t{}", device - 2),
    }
}

fn device_name(index: u8) -> String {
    if index == 0 { SET.to_owned() } else { format!("{SET}{}", index + 1) }
}

impl Walk<'_> {
    fn run(&mut self) {
        while self.trace.events.len() < self.options.events {
            let choices = self.choices();
            let Some(choice) = self.draw.weighted(&choices) else {
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
            return vec![(1, Choice::Client(Function::CreateEx))];
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
        use model::ServerPhase as P;
        let rare = usize::from(self.options.trouble > 0);
        let set = |weight, function| (weight, Choice::Server(function));
        match self.state.server_phase() {
            P::DoesNotExist if self.state.server == ServerLife::Absent => {
                choices.push(set(20, Function::Open));
            }
            P::DoesNotExist => {}
            P::Connected => choices.push(set(20, Function::BeginConfiguration)),
            P::Configurable => choices.push(set(20, Function::EndConfiguration)),
            P::Initializing => {
                choices.push(set(10, Function::OpenDevice));
                if !self.state.agent.is_running() {
                    choices.push(set(10, Function::ExecuteCompletionAgent));
                }
            }
            P::Active => {}
            P::NormallyTerminated | P::AbnormallyTerminated => {
                choices.push(set(20, Function::Close));
            }
        }
        if self.state.server == ServerLife::Open {
            for (index, device) in self.state.devices.iter().enumerate() {
                let on = |weight, function| (weight, Choice::ServerDevice(function, index as u8));
                if device.server == ServerDevice::Open {
                    choices.push(on(400 / self.state.devices.len(), Function::SendCommand));
                }
                if device.server != ServerDevice::Unopened {
                    choices.push(on(2 * rare, Function::CloseDevice));
                }
            }
            choices.push(set(rare, Function::SignalAbort));
            choices.push(set(rare, Function::Close));
            choices.push(set(rare, Function::GetConfiguration));
        }
    }

    fn client_choices(&self, choices: &mut Vec<(usize, Choice)>) {
        use model::ClientPhase as P;
        let rare = usize::from(self.options.trouble > 0);
        let set = |weight, function| (weight, Choice::Client(function));
        let main_is_free = !self.blocked.contains(&LaneId(2));
        if self.state.client != ClientLife::Created {
            return;
        }
        if main_is_free {
            match self.state.client_phase() {
                P::Configurable => choices.push(set(20, Function::GetConfiguration)),
                P::Initializing => choices.push(set(20, Function::OpenDevice)),
                P::NormallyTerminated | P::Abort => choices.push(set(10, Function::Close)),
                P::DoesNotExist | P::Active => {}
            }
            choices.push(set(rare, Function::SignalAbort));
            choices.push(set(rare, Function::Close));
        }
        for (index, device) in self.state.devices.iter().enumerate() {
            let free = !self.blocked.contains(&client_lane(index as u8));
            if device.client != ClientDevice::Unopened && free {
                let on = |weight, function| (weight, Choice::ClientDevice(function, index as u8));
                let held = self.held.iter().filter(|held| held.device == index as u8).count();
                choices.push(on(400 / self.state.devices.len(), Function::GetCommand));
                choices.push(on(300 * held, Function::CompleteCommand));
            }
        }
    }

    fn make(&mut self, choice: Choice) {
        match choice {
            Choice::Server(function) => self.server(function),
            Choice::Client(function) => self.client(function),
            Choice::ServerDevice(Function::SendCommand, device) => self.send(device),
            Choice::ServerDevice(function, device) => {
                let call = Call::Server(ServerCall::CloseDevice { device });
                let on = format!("sdev{}", device + 1);
                self.call(LaneId(0), function, &on, None, Args::default(), call);
            }
            Choice::ClientDevice(Function::GetCommand, device) => {
                let poll = self.draw.once_in(2);
                let (timeout, given) = if poll {
                    (Timeout::Poll, TimeoutArg::Milliseconds(0))
                } else {
                    (Timeout::Infinite, TimeoutArg::Infinite)
                };
                let call = Call::Client(ClientCall::GetCommand { device, timeout });
                let args = Args { timeout: Some(given), ..Args::default() };
                let on = format!("cdev{}", device + 1);
                self.call(client_lane(device), Function::GetCommand, &on, None, args, call);
            }
            Choice::ClientDevice(_, device) => self.complete(device),
        }
    }

    fn server(&mut self, function: Function) {
        let mut args = Args::default();
        let mut creates = None;
        let call = match function {
            Function::Open => {
                args.name = Some(SET.into());
                ServerCall::Open { found: true, reused: false }
            }
            Function::BeginConfiguration => {
                (args.block_size, args.max_transfer_size) = (Some(512), Some(65536));
                ServerCall::begin_configuration()
            }
            Function::EndConfiguration => ServerCall::EndConfiguration,
            Function::ExecuteCompletionAgent => ServerCall::ExecuteCompletionAgent,
            Function::OpenDevice => {
                let unopened = |device: &model::Device| device.server == ServerDevice::Unopened;
                let device = self.state.devices.iter().position(unopened).map(|index| index as u8);
                let name = device_name(device.unwrap_or_default());
                args.name = Some(name.into());
                creates = device.map(|device| format!("sdev{}", device + 1));
                ServerCall::OpenDevice { device }
            }
            Function::SignalAbort => ServerCall::SignalAbort,
            Function::GetConfiguration => ServerCall::GetConfiguration,
            _ => ServerCall::Close,
        };
        let lane = LaneId(u16::from(function == Function::ExecuteCompletionAgent));
        self.call(lane, function, SERVER_SET, creates, args, Call::Server(call));
    }

    fn client(&mut self, function: Function) {
        let mut args = Args::default();
        let mut creates = None;
        let call = match function {
            Function::CreateEx => {
                let devices = self.options.devices;
                args.name = Some(SET.into());
                args.config = Some(Box::new(VdConfig {
                    device_count: devices.into(),
                    ..VdConfig::default()
                }));
                ClientCall::create(devices)
            }
            Function::GetConfiguration => {
                args.timeout = Some(TimeoutArg::Infinite);
                ClientCall::GetConfiguration { timeout: Timeout::Infinite }
            }
            Function::OpenDevice => {
                let unopened = |device: &model::Device| device.client == ClientDevice::Unopened;
                let device = self.state.devices.iter().position(unopened).unwrap_or_default() as u8;
                args.name = Some(device_name(device).into());
                creates = Some(format!("cdev{}", device + 1));
                // The first device bears the set's name; the server names the others.
                let announced = device == 0
                    || self.state.devices[usize::from(device)].server != ServerDevice::Unopened;
                let name =
                    if announced { DeviceName::Known(device) } else { DeviceName::New(device) };
                ClientCall::OpenDevice { name }
            }
            Function::SignalAbort => ClientCall::SignalAbort,
            _ => ClientCall::Close,
        };
        self.call(LaneId(2), function, CLIENT_SET, creates, args, Call::Client(call));
    }

    fn send(&mut self, device: u8) {
        self.sent += 1;
        let kinds = [CommandCode::Write, CommandCode::Flush, CommandCode::ClearError];
        let errored = self.state.devices[usize::from(device)].errored;
        let code = if errored && self.draw.once_in(2) {
            CommandCode::ClearError
        } else {
            kinds[self.draw.below(2)]
        };
        let request = Request::bare(device, CommandId(self.sent), code);
        let args = Args {
            code: Some(CodeArg::Command(code)),
            size: Some(Size(if code == CommandCode::Write { 65536 } else { 0 })),
            ..Args::default()
        };
        let on = format!("sdev{}", device + 1);
        let name = format!("c{}", self.sent);
        let call = Call::Server(ServerCall::SendCommand(request));
        self.call(LaneId(0), Function::SendCommand, &on, Some(name), args, call);
    }

    fn complete(&mut self, device: u8) {
        let mine: Vec<usize> =
            (0..self.held.len()).filter(|at| self.held[*at].device == device).collect();
        let Some(count) = (!mine.is_empty()).then_some(mine.len()) else {
            return;
        };
        let held = self.held.remove(mine[self.draw.below(count)]);
        let clears = self.state.command(held.id).is_some_and(|c| c.code == CommandCode::ClearError);
        let fails = self.options.trouble > 0 && !clears && self.draw.once_in(self.options.trouble);
        let (code, bytes) =
            if fails { (Win32::ERROR_DISK_FULL, 0) } else { (Win32::ERROR_SUCCESS, 65536) };
        let args = Args {
            command: Some(Handle::Name(format!("c{}", held.id.0).into())),
            code: Some(CodeArg::Completion(code)),
            bytes: Some(bytes),
            ..Args::default()
        };
        let call = ClientCall::CompleteCommand {
            device,
            command: Some(held.id),
            code,
            bytes,
            position: 0,
        };
        let on = format!("cdev{}", device + 1);
        let function = Function::CompleteCommand;
        self.call(client_lane(device), function, &on, None, args, Call::Client(call));
    }

    /// Makes a call and draws one of its outcomes.
    fn call(
        &mut self,
        lane: LaneId,
        function: Function,
        on: &str,
        creates: Option<String>,
        args: Args<'static>,
        call: Call,
    ) {
        let limits = Limits { queue_depth: Some(QUEUE_DEPTH), ..Limits::default() };
        let outcomes = model::outcomes(&self.state, self.profile, limits, lane, &call);
        let outcome = outcomes[self.draw.below(outcomes.len())];
        self.trace.push(Event::Call {
            seq: None,
            lane: lane_name(lane).into(),
            call: function,
            on: Name::from(on.to_owned()),
            creates: creates.map(Name::from),
            args,
        });
        model::apply(&mut self.state, lane, call.caller(), &outcome);
        self.blocked.push(lane);
    }

    /// Lets everything happen that happens by itself, in a drawn order.
    fn settle(&mut self) {
        loop {
            let callbacks = model::callbacks(&self.state, self.profile);
            let mut returns: Vec<(LaneId, Outcome)> = Vec::new();
            for lane in &self.blocked {
                let now = model::returns(&self.state, self.profile, *lane);
                returns.extend(now.into_iter().map(|outcome| (*lane, outcome)));
            }
            let count = callbacks.len() + returns.len();
            if count == 0 {
                break;
            }
            let at = self.draw.below(count);
            match callbacks.get(at) {
                Some(callback) => self.call_back(*callback),
                None => {
                    let (lane, outcome) = returns[at - callbacks.len()];
                    self.return_from(lane, &outcome);
                }
            }
        }
        if !self.blocked.is_empty() && self.draw.once_in(4) {
            let mut lanes: Vec<LaneId> = self.blocked.clone();
            lanes.sort_unstable();
            let blocked = lanes.into_iter().map(|lane| lane_name(lane).into()).collect();
            self.trace.push(Event::Blocked { seq: None, blocked });
        }
    }

    fn call_back(&mut self, callback: model::Callback) {
        let bytes = match callback.ending {
            Ending::Client { bytes, .. } => bytes,
            Ending::Code(_) => 0,
        };
        self.held.retain(|held| held.id != callback.command);
        self.trace.push(Event::Callback {
            seq: None,
            lane: lane_name(callback.lane).into(),
            callback: format!("c{}", callback.command.0).into(),
            completion: callback.ending.code(),
            bytes,
            position: None,
            held: false,
        });
        model::apply_callback(&mut self.state, &callback, false);
    }

    fn return_from(&mut self, lane: LaneId, outcome: &Outcome) {
        let mut out = Out::default();
        if let Answer::Delivers(id) = outcome.answer
            && let Some(command) = self.state.command(id)
        {
            self.held.push(Held { device: command.device, id });
            out.command = Some(format!("c{}", id.0).into());
            out.code = Some(command.code);
            debug_assert!(matches!(command.stage, Stage::Queued | Stage::Delivered));
        }
        let status = match outcome.answer.expected() {
            Some(Expected::Status(status)) => status,
            _ => crate::codes::HResult::VD_E_IO_ERROR,
        };
        self.trace.push(Event::Return { seq: None, lane: lane_name(lane).into(), status, out });
        model::apply_return(&mut self.state, lane, outcome);
        self.blocked.retain(|blocked| *blocked != lane);
        debug_assert!(lane != LaneId(1) || self.state.agent == Agent::Idle);
    }
}

/// Each device of the client has a thread of its own.
const fn client_lane(device: u8) -> LaneId {
    LaneId(3 + device as u16)
}
