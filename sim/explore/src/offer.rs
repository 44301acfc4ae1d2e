//! What every party can do at every point.

use smallvec::SmallVec;

use super::action::Action;
use super::lanes::{AGENT, MAIN, PRIMARY, device_lane, secondary_lane};
use super::node::Node;
use super::world::{Bounds, Detail, World};
use vdi_model::{
    Agent, Asked, BufferId, Call, Caller, Carried, ClientCall, ClientDevice, ClientLife, CommandId,
    CreateFlaw, DeviceName, Granted, LaneId, Object, Outcome, Pending, Request, Requested, Reserve,
    ServerCall, ServerDevice, ServerLife, Stage, State, Timeout,
};
use vdi_spec::clauses::Clause;
use vdi_spec::codes::{CommandCode, Features, Win32};

/// One kind of buffer: the largest transfer.
pub(super) const KIND: Requested = Requested { size: 65536, alignment: 0, count: 1 };

/// What the client asks for.
pub(super) fn asked(world: &World) -> Asked {
    let Bounds { detail, rare, .. } = world.bounds;
    let time_out = detail == Detail::Every || rare;
    Asked { features: Features::LIKE_PIPE, time_out, alignment: 0 }
}

/// What the server can grant: nothing, what a BACKUP needs, and what nobody asked for.
pub(super) const fn grants() -> [Granted; 3] {
    let nothing =
        Granted { features: Features(0), block_size: 0, max_transfer_size: 0, alignment: 0 };
    let ServerCall::BeginConfiguration { granted: usual, .. } = ServerCall::begin_configuration()
    else {
        unreachable!()
    };
    [nothing, usual, Granted { features: Features::COMPLETE_ENABLED, ..nothing }]
}

/// Who is told what can happen.
pub(super) trait Sink {
    /// A lane makes a call, and this comes of it.
    fn call(&mut self, lane: LaneId, call: &Call, outcome: &Outcome);

    /// Anything else.
    fn take(&mut self, action: Action);
}

impl Sink for Vec<Action> {
    fn call(&mut self, lane: LaneId, call: &Call, outcome: &Outcome) {
        self.push(Action::Call { lane, call: call.clone(), outcome: *outcome });
    }

    fn take(&mut self, action: Action) {
        self.push(action);
    }
}

/// Collects the actions of one state.
struct Offer<'a, S> {
    world: &'a World,
    node: &'a Node,
    loops: bool,
    /// Whether no more commands can be sent.
    full: bool,
    actions: &'a mut S,
}

impl World {
    /// Every action in this state; with `loops` those too that return at once and
    /// leave the state as it was.
    pub(super) fn offer(&self, node: &Node, loops: bool, actions: &mut impl Sink) {
        let outstanding = node.ghost.sent.len().max(node.state.commands.len());
        let full = outstanding >= usize::from(self.bounds.commands);
        let mut offer = Offer { world: self, node, loops, full, actions };
        offer.by_itself();
        if !node.ghost.is_gone(Caller::Server) {
            offer.server();
        }
        if !node.ghost.is_gone(Caller::Client(0)) {
            offer.primary();
        }
        for number in 1..=self.bounds.secondaries {
            if !node.ghost.is_gone(Caller::Client(number)) {
                offer.secondary(number);
            }
        }
        offer.devices();
        offer.ends();
    }
}

impl<S: Sink> Offer<'_, S> {
    fn state(&self) -> &State {
        &self.node.state
    }

    fn every(&self) -> bool {
        self.world.bounds.detail == Detail::Every
    }

    fn is_free(&self, lane: LaneId) -> bool {
        let agent = matches!(self.state().agent, Agent::Running { lane: of } if of == lane);
        !agent && self.state().in_progress(lane).is_none()
    }

    /// Offers a call with each of its outcomes.
    fn call(&mut self, lane: LaneId, call: Call) {
        let outcomes = self.world.outcomes(self.state(), lane, &call);
        assert!(!outcomes.is_empty(), "the model answers every call, {call:?} too");
        for outcome in &outcomes {
            self.world.coverage.outcome(outcome);
            let sends = matches!(&call, Call::Server(ServerCall::SendCommand(_)))
                && !outcome.changes_nothing();
            let passes = outcome.refuses() && !self.world.is_whole() && self.world.mutant.is_none();
            let beyond = sends && self.full && !passes;
            // A refused command comes and goes in one step, which is looked at all the same.
            let loops = outcome.changes_nothing();
            if !beyond && (self.loops || !loops) {
                self.actions.call(lane, &call, outcome);
            }
        }
    }

    /// Callbacks, returns, and time that passes.
    fn by_itself(&mut self) {
        for callback in self.world.callbacks(self.state()) {
            [Some(callback.clause), callback.also]
                .into_iter()
                .flatten()
                .for_each(|clause| self.world.coverage.clause(clause));
            self.actions.take(Action::Callback(callback));
            if self.world.bounds.rare {
                self.actions.take(Action::Hold(callback));
            }
        }
        for lane in self.state().lanes_in_call() {
            for outcome in self.world.returns(self.state(), lane) {
                self.world.coverage.rests_on(&outcome);
                self.actions.take(Action::Return { lane, outcome });
            }
            let call = self.state().in_progress(lane).map(|call| call.pending);
            if call == Some(Pending::Routine) {
                self.actions.take(Action::Resume(lane));
            }
            if self.every() || (self.world.bounds.rare && lane == AGENT) {
                self.actions.take(Action::Expire(lane));
            }
        }
    }

    fn server(&mut self) {
        if self.is_free(AGENT) && self.state().agent == Agent::Idle {
            self.call(AGENT, Call::Server(ServerCall::ExecuteCompletionAgent));
        }
        if !self.is_free(MAIN) {
            return;
        }
        let reused = self.state().server == ServerLife::Closed;
        let mut calls: SmallVec<[ServerCall; 16]> = SmallVec::new();
        calls.push(ServerCall::Open { found: true, reused });
        calls.push(ServerCall::GetConfiguration);
        calls.push(ServerCall::begin_configuration());
        calls.push(ServerCall::QueryAvailableBuffers(KIND));
        calls.push(ServerCall::EndConfiguration);
        calls.push(ServerCall::SignalAbort);
        calls.push(ServerCall::Close);
        if self.room_for_buffers() {
            calls.push(ServerCall::RequestBuffers(KIND));
        }
        if self.state().agent.is_running() {
            calls.push(ServerCall::ExecuteCompletionAgent);
        }
        if self.every() {
            let [granted, _, surplus] = grants();
            calls.push(ServerCall::Open { found: false, reused });
            calls.push(ServerCall::RequestBuffers(Requested { size: 0, ..KIND }));
            calls.push(ServerCall::QueryAvailableBuffers(Requested { size: 0, ..KIND }));
            calls.push(ServerCall::BeginConfiguration { sound: false, granted });
            if self.loops {
                calls.push(ServerCall::BeginConfiguration { sound: true, granted: surplus });
            }
        }
        for call in calls {
            self.call(MAIN, Call::Server(call));
        }
        self.server_buffers();
        self.server_devices();
    }

    fn room_for_buffers(&self) -> bool {
        let requested = match self.state().reserve {
            Reserve::None | Reserve::Several | Reserve::Mixed | Reserve::Exhausted(_) => 0,
            Reserve::Some(kind) => kind.count as usize,
        };
        self.state().buffers.len() + requested < usize::from(self.world.bounds.buffers)
    }

    fn server_buffers(&mut self) {
        let used = |id: BufferId| {
            self.state().buffer(id).is_some()
                || self.state().commands.iter().any(|c| c.buffer == Some(id))
        };
        let fresh = (0..).map(BufferId).find(|id| !used(*id)).unwrap_or(BufferId(0));
        if self.state().buffers.len() < usize::from(self.world.bounds.buffers) {
            let sound = ServerCall::AllocateBuffer { buffer: fresh, sound: true, kind: KIND };
            self.call(MAIN, Call::Server(sound));
        }
        if self.every() {
            let unsound = ServerCall::AllocateBuffer { buffer: fresh, sound: false, kind: KIND };
            self.call(MAIN, Call::Server(unsound));
        }
        let buffers: SmallVec<[BufferId; 4]> = self.state().buffers.iter().map(|b| b.id).collect();
        for buffer in buffers.into_iter().map(Some).chain([None]) {
            self.call(MAIN, Call::Server(ServerCall::FreeBuffer { buffer, sized: true }));
            if self.every() && buffer.is_some() {
                let missized = ServerCall::FreeBuffer { buffer, sized: false };
                self.call(MAIN, Call::Server(missized));
            }
            self.call(MAIN, Call::Server(ServerCall::IsSharedBuffer { buffer }));
        }
        if self.every() {
            let freed = ServerCall::IsSharedBuffer { buffer: Some(fresh) };
            self.call(MAIN, Call::Server(freed));
        }
    }

    fn server_devices(&mut self) {
        let mut unopened = 0;
        for device in 0..self.state().devices.len() as u8 {
            if self.state().devices[usize::from(device)].server == ServerDevice::Unopened {
                unopened += 1;
                let call = ServerCall::OpenDevice { device: Some(device) };
                self.call(MAIN, Call::Server(call));
                // Without an interface of the device there is nothing to call.
                if !self.every() {
                    continue;
                }
            }
            self.call(MAIN, Call::Server(ServerCall::CloseDevice { device }));
            self.sends(device);
        }
        if unopened == 0 {
            self.call(MAIN, Call::Server(ServerCall::OpenDevice { device: None }));
        }
    }

    fn sends(&mut self, device: u8) {
        let fresh = (0..)
            .map(CommandId)
            .find(|id| self.state().command(*id).is_none())
            .unwrap_or(CommandId(0));
        for code in [CommandCode::Flush, CommandCode::ClearError] {
            let request = Request::bare(device, fresh, code);
            self.call(MAIN, Call::Server(ServerCall::SendCommand(request)));
        }
        let write = Request {
            size: Some(KIND.size as i32),
            ..Request::bare(device, fresh, CommandCode::Write)
        };
        let rare = self.world.bounds.rare;
        let used = |id| !rare && self.state().commands.iter().any(|c| c.buffer == Some(id));
        let free: SmallVec<[BufferId; 4]> =
            self.state().buffers.iter().map(|b| b.id).filter(|id| !used(*id)).collect();
        for buffer in free {
            let request = Request { buffer: Carried::Buffer(buffer), ..write };
            self.call(MAIN, Call::Server(ServerCall::SendCommand(request)));
        }
        if self.every() {
            let unsound = Request { buffer: Carried::Null, ..write };
            self.call(MAIN, Call::Server(ServerCall::SendCommand(unsound)));
            let unasked = Request::bare(device, fresh, CommandCode::Rewind);
            self.call(MAIN, Call::Server(ServerCall::SendCommand(unasked)));
        }
    }

    fn primary(&mut self) {
        if !self.is_free(PRIMARY) {
            return;
        }
        // Create after Close makes another set, not this one.
        if matches!(self.state().client, ClientLife::Absent | ClientLife::Created) {
            self.creates();
        }
        for timeout in self.timeouts() {
            self.call(PRIMARY, Call::Client(ClientCall::GetConfiguration { timeout: *timeout }));
        }
        for call in self.openings() {
            self.call(PRIMARY, Call::Client(call));
        }
        self.call(PRIMARY, Call::Client(ClientCall::SignalAbort));
        self.call(PRIMARY, Call::Client(ClientCall::Close));
        if self.world.bounds.secondaries > 0 {
            self.call(PRIMARY, Call::Client(ClientCall::OpenInSecondary { found: true }));
            self.handles(0);
        }
    }

    fn creates(&mut self) {
        let asked = asked(self.world);
        let devices = self.world.bounds.devices;
        self.call(PRIMARY, Call::Client(ClientCall::Create { devices, asked, flaw: None }));
        if self.every() {
            let flaws =
                [CreateFlaw::Config, CreateFlaw::Features, CreateFlaw::Name, CreateFlaw::Instance];
            for flaw in flaws {
                let create = ClientCall::Create { devices, asked, flaw: Some(flaw) };
                self.call(PRIMARY, Call::Client(create));
            }
        }
    }

    /// A finite time-out may pass at any moment, so it does all that an infinite one does.
    fn timeouts(&self) -> &'static [Timeout] {
        if self.every() {
            &[Timeout::Poll, Timeout::Finite, Timeout::Told, Timeout::Infinite]
        } else {
            &[Timeout::Poll, Timeout::Finite]
        }
    }

    fn openings(&self) -> SmallVec<[ClientCall; 8]> {
        let mut calls = SmallVec::new();
        for (device, sides) in (0u8..).zip(&self.state().devices) {
            let known = ClientCall::OpenDevice { name: DeviceName::Known(device) };
            calls.push(known);
            let nameless = sides.server == ServerDevice::Unopened;
            if nameless && sides.client == ClientDevice::Unopened {
                calls.push(ClientCall::OpenDevice { name: DeviceName::New(device) });
            }
        }
        calls.push(ClientCall::OpenDevice { name: DeviceName::Unknown });
        calls
    }

    fn secondary(&mut self, number: u8) {
        let lane = secondary_lane(number);
        if !self.is_free(lane) {
            return;
        }
        let mut calls = self.openings();
        calls.push(ClientCall::SignalAbort);
        calls.push(ClientCall::Close);
        // Once closed or dead it stays so: the graph is large enough.
        if !self.ended(number) {
            calls.push(ClientCall::OpenInSecondary { found: true });
        }
        for call in calls {
            self.call(lane, Call::Secondary(number, call));
        }
        self.handles(number);
    }

    fn ended(&self, number: u8) -> bool {
        let life = self.state().secondaries[usize::from(number) - 1];
        matches!(life, vdi_model::SecondaryLife::Closed | vdi_model::SecondaryLife::Dead)
    }

    fn handles(&mut self, process: u8) {
        let lane = if process == 0 { PRIMARY } else { secondary_lane(process) };
        let buffers: SmallVec<[BufferId; 4]> = self.state().buffers.iter().map(|b| b.id).collect();
        for buffer in buffers.into_iter().map(Some).chain([None]) {
            for call in
                [ClientCall::GetBufferHandle { buffer }, ClientCall::MapBufferHandle { buffer }]
            {
                self.call(lane, client_call(process, call));
            }
        }
    }

    fn devices(&mut self) {
        for device in 0..self.state().devices.len() as u8 {
            let lane = device_lane(device);
            let sides = self.state().devices[usize::from(device)];
            let gone = self.node.ghost.is_gone(Caller::Client(sides.owner));
            if sides.client == ClientDevice::Unopened || gone || !self.is_free(lane) {
                continue;
            }
            for timeout in self.timeouts() {
                let call = ClientCall::GetCommand { device, timeout: *timeout };
                self.call(lane, client_call(sides.owner, call));
            }
            for call in self.completions(device) {
                self.call(lane, client_call(sides.owner, call));
            }
        }
    }

    fn completions(&self, device: u8) -> SmallVec<[ClientCall; 8]> {
        let complete = |command, code, bytes| ClientCall::CompleteCommand {
            device,
            command,
            code,
            bytes,
            position: 0,
        };
        let mut calls = SmallVec::new();
        calls.push(complete(None, Win32::ERROR_SUCCESS, 0));
        for command in self.state().commands.iter().filter(|c| c.device == device) {
            if command.stage != Stage::Delivered {
                continue;
            }
            let moved = command.size.unwrap_or_default();
            calls.push(complete(Some(command.id), Win32::ERROR_SUCCESS, moved));
            if command.code != CommandCode::ClearError || self.every() {
                calls.push(complete(Some(command.id), Win32::ERROR_WRITE_FAULT, 0));
            }
        }
        calls
    }

    /// Processes end, the library is unloaded, memory is touched.
    fn ends(&mut self) {
        let (node, ghost) = (self.node, &self.node.ghost);
        let clients = (0..=self.world.bounds.secondaries).map(Caller::Client);
        for process in std::iter::once(Caller::Server).chain(clients) {
            if !ghost.is_gone(process) {
                self.actions.take(Action::Exit(process));
            }
        }
        let closed = node.state.server == ServerLife::Closed;
        if closed && !ghost.is_gone(Caller::Server) && self.is_free(MAIN) {
            self.actions.take(Action::Unload);
        }
        self.required(Caller::Server, node.state.server == ServerLife::Open);
        self.required(Caller::Client(0), node.state.client == ClientLife::Created);
        let buffers = node.state.buffers.iter().map(|buffer| Object::Buffer(buffer.id));
        for object in buffers.chain([Object::Device]) {
            for process in [Caller::Server, Caller::Client(0), Caller::Client(1)] {
                self.world.touch(&node.state, process, object);
            }
        }
    }

    /// A process that could end here without Close breaks its obligation.
    fn required(&self, process: Caller, open: bool) {
        if open && !self.node.ghost.is_gone(process) {
            let server = process == Caller::Server;
            let clause =
                if server { Clause::ServerCloseRequired } else { Clause::ClientCloseRequired };
            self.world.coverage.clause(clause);
        }
    }
}

fn client_call(process: u8, call: ClientCall) -> Call {
    match process {
        0 => Call::Client(call),
        number => Call::Secondary(number, call),
    }
}
