//! A set led from call to call into the situation one wants to look at, and what
//! a call answers there.

use super::table::Cell;
use vdi_model::{
    Answer, BufferId, Call, Carried, ClientCall, ClientDevice, CommandId, DeviceName, Expected,
    LaneId, Limits, Outcome, Pending, Request, Requested, ServerCall, ServerDevice, Stage, State,
    Timeout,
};
use vdi_spec::clauses::Profile;
use vdi_spec::codes::{CommandCode, HResult, Win32};

const MAIN: LaneId = LaneId(0);
const AGENT: LaneId = LaneId(1);
const CLIENT: LaneId = LaneId(2);
/// The lane of the call that is looked at.
const ASKING: LaneId = LaneId(3);

/// A step of a normal run: the calls it takes from where the set is.
type Step = fn(&State) -> Vec<Call>;

/// A set on its way.
#[derive(Clone)]
pub(super) struct Walk<'p> {
    /// Where it is.
    pub(super) state: State,
    profile: &'p Profile,
    /// Whether every call so far succeeded; if not, the profile leaves no such way.
    pub(super) arrived: bool,
}

impl<'p> Walk<'p> {
    /// Nothing was called yet.
    pub(super) fn new(profile: &'p Profile) -> Self {
        Self { state: State::default(), profile, arrived: true }
    }

    /// Makes a call that has to succeed.
    pub(super) fn make(mut self, call: Call) -> Self {
        self.arrived &= self.attempt(&call);
        self
    }

    /// Makes a call if it succeeds; tells whether it did.
    fn attempt(&mut self, call: &Call) -> bool {
        let lane = match call {
            Call::Server(ServerCall::ExecuteCompletionAgent) => AGENT,
            Call::Server(_) => MAIN,
            Call::Client(_) | Call::Secondary(..) => CLIENT,
        };
        let outcome = self.outcomes(lane, call).swap_remove(0);
        let closing = matches!(call, Call::Client(ClientCall::GetCommand { .. }));
        let success = match outcome.answer {
            Answer::Blocks
            | Answer::Delivers(_)
            | Answer::Tells(_)
            | Answer::Counts(_)
            | Answer::Maps(_) => true,
            Answer::Returns(Expected::Status(HResult::VD_E_CLOSE)) => closing,
            Answer::Returns(status) => status == Expected::Status(HResult::NOERROR),
        };
        if success {
            vdi_model::apply(&mut self.state, lane, call.caller(), &outcome);
            self.settle(AGENT);
            self.settle(lane);
        }
        success
    }

    fn outcomes(&self, lane: LaneId, call: &Call) -> vdi_model::Outcomes {
        vdi_model::outcomes(&self.state, self.profile, Limits::default(), lane, call)
    }

    /// Every callback that is owed runs, then the call on the lane returns if it may.
    fn settle(&mut self, lane: LaneId) {
        self.call_back();
        let returns = vdi_model::returns(&self.state, self.profile, lane);
        if let Some(done) = returns.iter().find(|outcome| outcome.forced) {
            vdi_model::apply_return(&mut self.state, lane, done);
        }
    }

    fn call_back(&mut self) {
        while let Some(callback) = vdi_model::callbacks(&self.state, self.profile).first() {
            vdi_model::apply_callback(&mut self.state, callback, false);
        }
    }

    pub(super) fn server(self, call: ServerCall) -> Self {
        self.make(Call::Server(call))
    }

    pub(super) fn client(self, call: ClientCall) -> Self {
        self.make(Call::Client(call))
    }

    /// The client has created the set.
    pub(super) fn created(self, devices: u8) -> Self {
        self.client(ClientCall::create(devices))
    }

    pub(super) fn connected(self, devices: u8) -> Self {
        self.created(devices).server(ServerCall::Open { found: true, reused: false })
    }

    pub(super) fn configurable(self, devices: u8) -> Self {
        self.connected(devices).server(ServerCall::begin_configuration())
    }

    /// The server has configured and allocated a buffer; the client has not looked.
    pub(super) fn configured(self, devices: u8) -> Self {
        let buffer = BufferId(1);
        self.configurable(devices)
            .server(ServerCall::EndConfiguration)
            .server(ServerCall::AllocateBuffer { buffer, sound: true, kind: Requested::default() })
    }

    /// Both sides know the configuration; no device is open, no agent runs.
    pub(super) fn initializing(self, devices: u8) -> Self {
        let timeout = Timeout::Infinite;
        self.configured(devices).client(ClientCall::GetConfiguration { timeout })
    }

    pub(super) fn agent(self) -> Self {
        self.server(ServerCall::ExecuteCompletionAgent)
    }

    pub(super) fn server_opens(self, device: u8) -> Self {
        self.server(ServerCall::OpenDevice { device: Some(device) })
    }

    pub(super) fn client_opens(self, device: u8) -> Self {
        let call = client_open_device(&self.state, device);
        self.client(call)
    }

    /// All devices are open on both sides, the agent runs.
    pub(super) fn active(self, devices: u8) -> Self {
        (0..devices).fold(self.initializing(devices).agent(), |walk, device| {
            walk.server_opens(device).client_opens(device)
        })
    }

    /// A command is sent on the first device.
    pub(super) fn sent(self, command: u32, code: CommandCode) -> Self {
        self.server(send_command(0, CommandId(command), code))
    }

    /// The client holds a Write with the buffer.
    pub(super) fn holds_buffer(self, command: u32) -> Self {
        let bare = Request::bare(0, CommandId(command), CommandCode::Write);
        let request = Request { buffer: Carried::Buffer(BufferId(1)), size: Some(512), ..bare };
        self.server(ServerCall::SendCommand(request)).gets_command(0)
    }

    pub(super) fn delivered(self, command: u32, code: CommandCode) -> Self {
        self.sent(command, code).gets_command(0)
    }

    pub(super) fn gets_command(self, device: u8) -> Self {
        self.client(ClientCall::GetCommand { device, timeout: Timeout::Poll })
    }

    pub(super) fn completed(self, command: u32, code: Win32) -> Self {
        self.client(complete_command(0, Some(CommandId(command)), code))
    }

    pub(super) fn closes_device(self, device: u8) -> Self {
        self.server(ServerCall::CloseDevice { device })
    }

    /// The server has closed every device and the client has seen it.
    pub(super) fn terminated(self, devices: u8) -> Self {
        let closed = (0..devices).fold(self.active(devices), Self::closes_device);
        (0..devices).fold(closed, Self::gets_command)
    }

    /// The rest of a normal run, until the call that is looked at returns.
    fn go_on(&mut self, rest: &[Step]) {
        for step in rest {
            for call in step(&self.state) {
                if self.forced_returns().is_empty() {
                    self.attempt(&call);
                }
            }
        }
    }

    fn forced_returns(&self) -> Vec<Outcome> {
        let returns = vdi_model::returns(&self.state, self.profile, ASKING);
        returns.into_iter().filter(|outcome| outcome.forced && !outcome.exceptional).collect()
    }

    /// What the call may answer here, each answer with the phase it leads to if
    /// that is another one. A call that waits answers what it returns in the rest
    /// of a normal run. Shortages and expired time-outs are left out.
    pub(super) fn ask(
        &self,
        call: &Call,
        phase: &dyn Fn(&State) -> String,
    ) -> Vec<(String, Option<String>)> {
        let mut answers = Vec::new();
        for outcome in self.outcomes(ASKING, call).iter().filter(|outcome| !outcome.exceptional) {
            let mut called = self.clone();
            vdi_model::apply(&mut called.state, ASKING, call.caller(), outcome);
            called.settle(AGENT);
            let led = changed(phase, &self.state, &called.state);
            if called.forced_returns().is_empty() {
                called.go_on(rest_for(call));
            }
            let returns = called.forced_returns();
            if returns.is_empty() {
                answers.push(("waits".to_owned(), led.clone()));
            }
            for done in returns {
                let mut returned = called.clone();
                vdi_model::apply_return(&mut returned.state, ASKING, &done);
                returned.call_back();
                let to = changed(phase, &called.state, &returned.state).or_else(|| led.clone());
                answers.push((status(&done), to));
            }
        }
        answers
    }
}

/// The cell that says what each call answers in its situation; of the calls only
/// those that find the most of what they ask for.
pub(super) fn cell(calls: &[(&Walk<'_>, (u8, Call))], phase: &dyn Fn(&State) -> String) -> Cell {
    let best = calls.iter().map(|(_, (there, _))| *there).max();
    let mut cell = Cell::default();
    for (walk, (_, call)) in calls.iter().filter(|(_, (there, _))| Some(*there) == best) {
        for (status, to) in walk.ask(call, phase) {
            cell.add(status, to);
        }
    }
    cell
}

fn changed(phase: &dyn Fn(&State) -> String, before: &State, after: &State) -> Option<String> {
    let to = phase(after);
    (to != phase(before)).then_some(to)
}

pub(super) fn status(outcome: &Outcome) -> String {
    match outcome.answer {
        Answer::Returns(Expected::Any) => "any".to_owned(),
        Answer::Returns(expected) => expected.to_string(),
        Answer::Delivers(_) | Answer::Counts(_) | Answer::Maps(_) => HResult::NOERROR.to_string(),
        Answer::Tells(Some(shared)) => shared.to_string(),
        Answer::Tells(None) => "any".to_owned(),
        Answer::Blocks => "waits".to_owned(),
    }
}

/// What has to happen for a waiting call to get what it waits for: GetCommand a
/// command, GetConfiguration the configuration, the agent, and a Close that waits
/// for it, the end of the run.
fn rest_for(call: &Call) -> &'static [Step] {
    const COMMAND: [Step; 4] = [configuring, opening_by_server, opening, sending_to_waiting];
    const END: [Step; 6] =
        [configuring, opening_by_server, opening, completing, closing_devices, closing];
    if matches!(call, Call::Client(ClientCall::GetCommand { .. })) { &COMMAND } else { &END }
}

fn configuring(_: &State) -> Vec<Call> {
    vec![
        Call::Server(ServerCall::Open { found: true, reused: false }),
        Call::Server(ServerCall::begin_configuration()),
        Call::Server(ServerCall::EndConfiguration),
        Call::Client(ClientCall::GetConfiguration { timeout: Timeout::Poll }),
        Call::Server(ServerCall::ExecuteCompletionAgent),
    ]
}

/// The devices of which something holds, counted from 0.
fn devices(state: &State, holds: impl Fn(&vdi_model::Device) -> bool) -> Vec<u8> {
    let devices = (0..).zip(&state.devices);
    devices.filter(|(_, device)| holds(device)).map(|(index, _)| index).collect()
}

fn opening_by_server(state: &State) -> Vec<Call> {
    let unopened = devices(state, |device| device.server == ServerDevice::Unopened);
    let open = |device| Call::Server(ServerCall::OpenDevice { device: Some(device) });
    unopened.into_iter().map(open).collect()
}

fn opening(state: &State) -> Vec<Call> {
    let unopened = devices(state, |device| device.client == ClientDevice::Unopened);
    unopened.into_iter().map(|device| Call::Client(client_open_device(state, device))).collect()
}

fn sending_to_waiting(state: &State) -> Vec<Call> {
    match state.in_progress(ASKING).map(|call| call.pending) {
        Some(Pending::GetCommand(device, _)) => {
            vec![Call::Server(send_command(device, CommandId(9), CommandCode::Flush))]
        }
        _ => Vec::new(),
    }
}

fn completing(state: &State) -> Vec<Call> {
    let held = state.commands.iter().filter(|command| command.stage == Stage::Delivered);
    let complete = |command: &vdi_model::Command| {
        complete_command(command.device, Some(command.id), Win32::ERROR_SUCCESS)
    };
    held.map(complete).map(Call::Client).collect()
}

fn closing_devices(state: &State) -> Vec<Call> {
    let open = devices(state, |device| device.server == ServerDevice::Open);
    open.into_iter().map(|device| Call::Server(ServerCall::CloseDevice { device })).collect()
}

fn closing(_: &State) -> Vec<Call> {
    vec![Call::Server(ServerCall::Close)]
}

/// The client's OpenDevice of that device, whose name is known once the server opened it.
pub(super) fn client_open_device(state: &State, device: u8) -> ClientCall {
    let sides = state.devices.get(usize::from(device)).copied().unwrap_or_default();
    let named = sides.server != ServerDevice::Unopened || sides.client != ClientDevice::Unopened;
    let name = if named { DeviceName::Known(device) } else { DeviceName::New(device) };
    ClientCall::OpenDevice { name }
}

pub(super) const fn send_command(device: u8, command: CommandId, code: CommandCode) -> ServerCall {
    ServerCall::SendCommand(Request::bare(device, command, code))
}

pub(super) const fn complete_command(
    device: u8,
    command: Option<CommandId>,
    code: Win32,
) -> ClientCall {
    ClientCall::CompleteCommand { device, command, code, bytes: 0, position: 0 }
}
