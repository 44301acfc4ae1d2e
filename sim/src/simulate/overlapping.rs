//! Histories whose calls overlap, drawn from a seed: every call begins, takes effect and
//! returns at three moments of their own, and so does every completion routine.

use super::draw::Draw;
use crate::clauses::{Party, Profile};
use crate::codes::{CommandCode, Win32};
use crate::config::VdConfig;
use crate::model::{
    self, Answer, Call, Callback, ClientCall, ClientDevice, ClientLife, CommandId, DeviceName,
    Ending, Expected, LaneId, Limits, Outcome, Pending, Request, ServerCall, ServerDevice,
    ServerLife, State, Timeout,
};
use crate::trace::{
    Args, CLIENT_SET, CodeArg, Declares, Event, Function, Handle, Header, Name, Origin, Out,
    SERVER_SET, Size, TimeoutArg, Trace,
};

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
}

const SET: &str = "S";
const AGENT: LaneId = LaneId(0);
const QUEUE_DEPTH: u32 = 8;

/// How many commands of a device are mostly under way at most, as by so many buffers.
const USUAL_DEPTH: usize = 3;

/// Draws a history with overlapping calls that the documents allow under `profile`.
///
/// ```
/// use vdi_sim::check::{Verdict, check_trace};
/// use vdi_sim::clauses::Profile;
/// use vdi_sim::simulate::{Overlaps, overlapping};
///
/// let overlaps = Overlaps {
///     devices: 2,
///     server_lanes: 2,
///     client_lanes: 2,
///     events: 100,
///     trouble: 20,
///     from_active: false,
///     thread_per_device: false,
///     drained: false,
/// };
/// let trace = overlapping(7, overlaps, &Profile::default());
/// assert_eq!(check_trace(&trace, &Profile::default()).verdict, Verdict::Conformant);
/// ```
#[must_use]
pub fn overlapping(seed: u64, overlaps: Overlaps, profile: &Profile) -> Trace {
    let header = Header {
        source: Some(Origin {
            name: "vdi-model".to_owned(),
            version: None,
            setting: Some(format!("overlapping, seed {seed}")),
        }),
        declares: Declares { queue_depth: Some(QUEUE_DEPTH) },
        provoked: vec![Party::Server, Party::Client],
        ..Header::default()
    };
    let mut walk = Walk {
        draw: Draw::new(seed),
        profile,
        overlaps,
        state: State::default(),
        trace: Trace::new(header),
        sent: 0,
        held: Vec::new(),
        open: Vec::new(),
        begun: Vec::new(),
        given: Default::default(),
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
}

struct Walk<'a> {
    draw: Draw,
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
}

fn device_name(index: u8) -> String {
    if index == 0 { SET.to_owned() } else { format!("{SET}{}", index + 1) }
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
        while self.trace.events.len() < self.overlaps.events {
            let steps = self.steps();
            let Some(step) = self.draw.weighted(&steps) else {
                return;
            };
            self.make(step);
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

    fn is_server(&self, lane: LaneId) -> bool {
        lane.0 <= u16::from(self.overlaps.server_lanes)
    }

    fn free_lanes(&self) -> Vec<LaneId> {
        let lanes = 1 + self.overlaps.server_lanes + self.overlaps.client_lanes;
        let free = |lane: &LaneId| self.open.iter().all(|open| open.lane != *lane);
        (0..u16::from(lanes)).map(LaneId).filter(free).collect()
    }

    /// Everything else happens by itself before the next call begins.
    fn settle(&mut self) {
        loop {
            let mut steps = self.steps();
            steps.retain(|(_, step)| !matches!(step, Step::Begin(_)));
            let Some(step) = self.draw.weighted(&steps) else {
                return;
            };
            self.make(step);
        }
    }

    fn steps(&self) -> Vec<(usize, Step)> {
        let mut steps: Vec<(usize, Step)> =
            self.free_lanes().into_iter().map(|lane| (2, Step::Begin(lane))).collect();
        for (index, open) in self.open.iter().enumerate() {
            if !open.taken {
                steps.push((2, Step::Take(index)));
                continue;
            }
            let returns = model::returns(&self.state, self.profile, open.lane);
            let waiting = self.state.in_progress(open.lane).map(|call| call.pending);
            match waiting {
                Some(Pending::Ready(_)) if !returns.is_empty() => {
                    steps.push((3, Step::Return(index)));
                }
                Some(Pending::Routine | Pending::Ready(_)) => {}
                _ if !returns.is_empty() => steps.push((3, Step::Settle(index))),
                _ => {}
            }
        }
        for callback in model::callbacks(&self.state, self.profile) {
            steps.push((3, Step::Invoke(callback)));
        }
        steps.extend((0..self.begun.len()).map(|index| (3, Step::See(index))));
        steps
    }

    fn make(&mut self, step: Step) {
        match step {
            Step::Begin(lane) => self.begin(lane),
            Step::Take(index) => {
                let Open { lane, call, .. } = self.open[index].clone();
                let limits = Limits { queue_depth: Some(QUEUE_DEPTH), ..Limits::default() };
                let seen = self.as_seen(&call);
                let outcomes = model::outcomes(&self.state, self.profile, limits, lane, &seen);
                let outcome = outcomes[self.draw.below(outcomes.len())];
                model::apply(&mut self.state, lane, call.caller(), &outcome);
                self.open[index].taken = true;
            }
            Step::Settle(index) => {
                let lane = self.open[index].lane;
                let outcomes = model::returns(&self.state, self.profile, lane);
                let outcome = outcomes[self.draw.below(outcomes.len())];
                model::settle(&mut self.state, lane, &outcome);
            }
            Step::Return(index) => {
                let Open { lane, call, .. } = self.open.remove(index);
                let outcomes = model::returns(&self.state, self.profile, lane);
                let given = outcomes[0].answer.expected();
                if given == Some(Expected::Status(crate::codes::HResult::NOERROR)) {
                    self.give(&call);
                }
                self.return_from(lane, &outcomes[0]);
            }
            Step::Invoke(callback) => {
                model::apply_callback(&mut self.state, &callback, true);
                self.begun.push(callback);
            }
            Step::See(index) => self.see(index),
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
            _ => {}
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

    fn begin(&mut self, lane: LaneId) {
        if lane == AGENT {
            self.begin_agent();
        } else if self.is_server(lane) {
            self.begin_server(lane);
        } else {
            self.begin_client(lane);
        }
    }

    /// A device that the side, the server or the client, has been given.
    fn device_for(&mut self, lane: LaneId, side: usize) -> u8 {
        let given = &self.given[side];
        if self.overlaps.thread_per_device {
            let servers = u16::from(self.overlaps.server_lanes);
            let own = if side == 0 { lane.0 - 1 } else { lane.0 - 1 - servers };
            return given[usize::from(own) % given.len()];
        }
        given[self.draw.below(given.len())]
    }

    fn trouble(&mut self) -> bool {
        self.overlaps.trouble > 0 && self.draw.once_in(self.overlaps.trouble)
    }

    fn begin_agent(&mut self) {
        use model::ServerPhase as P;
        let fits = matches!(self.state.server_phase(), P::Initializing | P::Active)
            && !self.state.agent.is_running();
        if fits || (self.state.server == ServerLife::Open && self.trouble()) {
            let call = Call::Server(ServerCall::ExecuteCompletionAgent);
            let function = Function::ExecuteCompletionAgent;
            self.call(AGENT, function, SERVER_SET, None, Args::default(), call);
        }
    }

    fn begin_server(&mut self, lane: LaneId) {
        use model::ServerPhase as P;
        if self.state.client == ClientLife::Absent {
            return;
        }
        if self.trouble() {
            let functions = [Function::SignalAbort, Function::Close, Function::GetConfiguration];
            let function = functions[self.draw.below(functions.len())];
            return self.server(lane, function);
        }
        match self.state.server_phase() {
            P::DoesNotExist => self.server(lane, Function::Open),
            P::Connected => self.server(lane, Function::BeginConfiguration),
            P::Configurable => self.server(lane, Function::EndConfiguration),
            P::Initializing => self.open_server_device(lane),
            P::Active => {
                if self.given[0].is_empty() {
                    return;
                }
                let device = self.device_for(lane, 0);
                let is_open = self.state.devices[usize::from(device)].server == ServerDevice::Open;
                let waiting = self.state.outstanding(device).count();
                if waiting >= USUAL_DEPTH && !self.draw.once_in(20) {
                    return;
                }
                if !is_open || (self.overlaps.trouble > 0 && self.draw.once_in(30)) {
                    return self.close_device(lane, device);
                }
                self.send(lane, device);
            }
            P::NormallyTerminated | P::AbnormallyTerminated => self.server(lane, Function::Close),
        }
    }

    fn server(&mut self, lane: LaneId, function: Function) {
        let mut args = Args::default();
        let call = match function {
            Function::Open => {
                // One handle is enough for what is looked at here.
                if self.state.server != ServerLife::Absent || self.is_open(Function::Open) {
                    return;
                }
                args.name = Some(SET.into());
                ServerCall::Open { found: true, reused: false }
            }
            Function::BeginConfiguration => {
                (args.block_size, args.max_transfer_size) = (Some(512), Some(65536));
                ServerCall::begin_configuration()
            }
            Function::EndConfiguration => ServerCall::EndConfiguration,
            Function::SignalAbort => ServerCall::SignalAbort,
            Function::GetConfiguration => ServerCall::GetConfiguration,
            _ => ServerCall::Close,
        };
        if self.state.server == ServerLife::Absent && function != Function::Open {
            return;
        }
        self.call(lane, function, SERVER_SET, None, args, Call::Server(call));
    }

    fn is_open(&self, function: Function) -> bool {
        self.open.iter().any(|open| open.function == function)
    }

    fn open_server_device(&mut self, lane: LaneId) {
        let under_way = |index: usize| {
            self.open.iter().any(|open| {
                matches!(open.call, Call::Server(ServerCall::OpenDevice { device })
                    if device == Some(index as u8))
            })
        };
        let mut devices = self.state.devices.iter().enumerate();
        let next = devices.position(|(index, device)| {
            device.server == ServerDevice::Unopened && !under_way(index)
        });
        let Some(index) = next.map(|index| index as u8) else {
            return;
        };
        let args = Args { name: Some(device_name(index).into()), ..Args::default() };
        let call = Call::Server(ServerCall::OpenDevice { device: Some(index) });
        let creates = Some(format!("sdev{}", index + 1));
        self.call(lane, Function::OpenDevice, SERVER_SET, creates, args, call);
    }

    fn close_device(&mut self, lane: LaneId, device: u8) {
        let call = Call::Server(ServerCall::CloseDevice { device });
        let on = format!("sdev{}", device + 1);
        self.call(lane, Function::CloseDevice, &on, None, Args::default(), call);
    }

    fn send(&mut self, lane: LaneId, device: u8) {
        self.sent += 1;
        let kinds = [CommandCode::Write, CommandCode::Flush, CommandCode::ClearError];
        let errored = self.state.devices[usize::from(device)].errored;
        let code = match errored && self.draw.once_in(2) {
            true => CommandCode::ClearError,
            false => kinds[self.draw.below(2)],
        };
        let request = Request::bare(device, CommandId(self.sent), code);
        let bytes = if code == CommandCode::Write { 65536 } else { 0 };
        let args =
            Args { code: Some(CodeArg::Command(code)), size: Some(Size(bytes)), ..Args::default() };
        let (on, name) = (format!("sdev{}", device + 1), format!("c{}", self.sent));
        let call = Call::Server(ServerCall::SendCommand(request));
        self.call(lane, Function::SendCommand, &on, Some(name), args, call);
    }

    fn begin_client(&mut self, lane: LaneId) {
        use model::ClientPhase as P;
        if self.trouble() {
            let functions = [Function::SignalAbort, Function::Close];
            let function = functions[self.draw.below(functions.len())];
            return self.client(lane, function);
        }
        match self.state.client_phase() {
            P::DoesNotExist => self.client(lane, Function::CreateEx),
            P::Configurable => self.client(lane, Function::GetConfiguration),
            P::Initializing => self.open_client_device(lane),
            P::Active => self.use_device(lane),
            P::NormallyTerminated | P::Abort if self.draw.once_in(4) => {
                self.client(lane, Function::Close);
            }
            P::NormallyTerminated | P::Abort => self.use_device(lane),
        }
    }

    fn client(&mut self, lane: LaneId, function: Function) {
        let mut args = Args::default();
        let call = match function {
            Function::CreateEx => {
                if self.state.client != ClientLife::Absent || self.is_open(Function::CreateEx) {
                    return;
                }
                let devices = self.overlaps.devices;
                args.name = Some(SET.into());
                args.config = Some(Box::new(VdConfig {
                    device_count: devices.into(),
                    ..VdConfig::default()
                }));
                ClientCall::create(devices)
            }
            Function::GetConfiguration => {
                let (timeout, given) = self.timeout();
                args.timeout = Some(given);
                ClientCall::GetConfiguration { timeout }
            }
            Function::SignalAbort => ClientCall::SignalAbort,
            _ => ClientCall::Close,
        };
        if self.state.client == ClientLife::Absent && function != Function::CreateEx {
            return;
        }
        self.call(lane, function, CLIENT_SET, None, args, Call::Client(call));
    }

    fn timeout(&mut self) -> (Timeout, TimeoutArg) {
        match self.draw.below(4) {
            0 => (Timeout::Poll, TimeoutArg::Milliseconds(0)),
            1 => (Timeout::Finite, TimeoutArg::Milliseconds(100)),
            _ => (Timeout::Infinite, TimeoutArg::Infinite),
        }
    }

    fn open_client_device(&mut self, lane: LaneId) {
        let under_way = |index: usize| {
            self.open.iter().any(|open| {
                matches!(open.call, Call::Client(ClientCall::OpenDevice {
                    name: DeviceName::New(device) }) if usize::from(device) == index)
            })
        };
        let mut devices = self.state.devices.iter().enumerate();
        let next = devices.position(|(index, device)| {
            device.client == ClientDevice::Unopened && !under_way(index)
        });
        let Some(index) = next.map(|index| index as u8) else {
            return;
        };
        let args = Args { name: Some(device_name(index).into()), ..Args::default() };
        let call = Call::Client(ClientCall::OpenDevice { name: DeviceName::New(index) });
        let creates = Some(format!("cdev{}", index + 1));
        self.call(lane, Function::OpenDevice, CLIENT_SET, creates, args, call);
    }

    /// Fetches a command of a device, or completes one.
    fn use_device(&mut self, lane: LaneId) {
        if self.given[1].is_empty() {
            return;
        }
        let device = self.device_for(lane, 1);
        let own = |(of, _): &(u8, CommandId)| !self.overlaps.thread_per_device || *of == device;
        let held: Vec<usize> = (0..self.held.len()).filter(|at| own(&self.held[*at])).collect();
        if !held.is_empty() && self.draw.once_in(2) {
            let at = held[self.draw.below(held.len())];
            return self.complete(lane, at);
        }
        let (timeout, given) = self.timeout();
        let args = Args { timeout: Some(given), ..Args::default() };
        let call = Call::Client(ClientCall::GetCommand { device, timeout });
        let on = format!("cdev{}", device + 1);
        self.call(lane, Function::GetCommand, &on, None, args, call);
    }

    fn complete(&mut self, lane: LaneId, at: usize) {
        let (device, id) = self.held.remove(at);
        let fails = self.trouble();
        let (code, bytes) = match fails {
            true => (Win32::ERROR_DISK_FULL, 0),
            false => (Win32::ERROR_SUCCESS, 65536),
        };
        let args = Args {
            command: Some(Handle::Name(format!("c{}", id.0).into())),
            code: Some(CodeArg::Completion(code)),
            bytes: Some(bytes),
            ..Args::default()
        };
        let (command, position) = (Some(id), 0);
        let call = ClientCall::CompleteCommand { device, command, code, bytes, position };
        let on = format!("cdev{}", device + 1);
        self.call(lane, Function::CompleteCommand, &on, None, args, Call::Client(call));
    }

    fn call(
        &mut self,
        lane: LaneId,
        function: Function,
        on: &str,
        creates: Option<String>,
        args: Args<'static>,
        call: Call,
    ) {
        self.trace.push(Event::Call {
            seq: None,
            lane: self.lane_name(lane).into(),
            call: function,
            on: Name::from(on.to_owned()),
            creates: creates.map(Name::from),
            args,
        });
        self.open.push(Open { lane, function, call, taken: false });
    }

    fn see(&mut self, index: usize) {
        let callback = self.begun.remove(index);
        let bytes = match callback.ending {
            Ending::Client { bytes, .. } => bytes,
            Ending::Code(_) => 0,
        };
        self.held.retain(|(_, id)| *id != callback.command);
        self.trace.push(Event::Callback {
            seq: None,
            lane: self.lane_name(callback.lane).into(),
            callback: format!("c{}", callback.command.0).into(),
            completion: callback.ending.code(),
            bytes,
            position: None,
            held: false,
        });
        model::end_callback(&mut self.state, callback.lane);
    }

    fn return_from(&mut self, lane: LaneId, outcome: &Outcome) {
        let mut out = Out::default();
        if let Answer::Delivers(id) = outcome.answer {
            out.command = Some(format!("c{}", id.0).into());
            if let Some(command) = self.state.command(id) {
                self.held.push((command.device, id));
                out.code = Some(command.code);
            }
        }
        let status = match outcome.answer.expected() {
            Some(Expected::Status(status)) => status,
            _ => crate::codes::HResult::VD_E_IO_ERROR,
        };
        let lane_name = self.lane_name(lane).into();
        self.trace.push(Event::Return { seq: None, lane: lane_name, status, out });
        model::apply_return(&mut self.state, lane, outcome);
    }
}
