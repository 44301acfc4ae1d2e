//! Which calls a lane begins.

use super::{AGENT, Walk};
use crate::history::generated_call::{ClientSetCall, GeneratedCall, Patience, ServerSetCall};
use vdi_model::{
    Call, ClientCall, ClientDevice, ClientLife, CommandId, DeviceName, LaneId, ServerCall,
    ServerDevice, ServerLife,
};
use vdi_spec::codes::CommandCode;
use vdi_trace::Function;

/// How many commands of a device are mostly under way at most, as by so many buffers.
const USUAL_DEPTH: usize = 3;

/// How rarely a process ends instead of beginning a call.
const RARELY: usize = 60;

impl Walk<'_> {
    pub(crate) fn begin(&mut self, lane: LaneId) {
        let caller = self.caller_of(lane);
        if self.has_ended(caller) {
            return;
        }
        if self.overlaps.deaths && self.rng.one_in(RARELY) {
            return self.end(caller);
        }
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
        given[self.rng.index(given.len())]
    }

    fn trouble(&mut self) -> bool {
        self.overlaps.trouble > 0 && self.rng.one_in(self.overlaps.trouble)
    }

    fn begin_agent(&mut self) {
        use vdi_model::ServerPhase as P;
        let fits = matches!(self.state.server_phase(), P::Initializing | P::Active)
            && !self.state.agent.is_running();
        if fits || (self.state.server == ServerLife::Open && self.trouble()) {
            self.server(AGENT, ServerSetCall::ExecuteCompletionAgent);
        }
    }

    fn begin_server(&mut self, lane: LaneId) {
        use vdi_model::ServerPhase as P;
        if self.state.client == ClientLife::Absent {
            return;
        }
        if self.trouble() {
            let calls =
                [ServerSetCall::SignalAbort, ServerSetCall::Close, ServerSetCall::GetConfiguration];
            let call = calls[self.rng.index(calls.len())];
            return self.server(lane, call);
        }
        match self.state.server_phase() {
            P::DoesNotExist => self.server(lane, ServerSetCall::Open),
            P::Connected => self.server(lane, ServerSetCall::BeginConfiguration),
            P::Configurable => self.server(lane, ServerSetCall::EndConfiguration),
            P::Initializing => self.open_server_device(lane),
            P::Active => {
                if self.given[0].is_empty() {
                    return;
                }
                let device = self.device_for(lane, 0);
                let is_open = self.state.devices[usize::from(device)].server == ServerDevice::Open;
                let waiting = self.state.outstanding(device).count();
                if waiting >= USUAL_DEPTH && !self.rng.one_in(20) {
                    return;
                }
                if !is_open || (self.overlaps.trouble > 0 && self.rng.one_in(30)) {
                    return self.call(lane, GeneratedCall::server_closes(device));
                }
                self.send(lane, device);
            }
            P::NormallyTerminated | P::AbnormallyTerminated => {
                self.server(lane, ServerSetCall::Close);
            }
        }
    }

    fn server(&mut self, lane: LaneId, call: ServerSetCall) {
        // One handle is enough for what is looked at here.
        let opens = call == ServerSetCall::Open;
        let absent = self.state.server == ServerLife::Absent;
        if opens != absent || (opens && self.is_open(Function::Open)) {
            return;
        }
        self.call(lane, GeneratedCall::server(call));
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
        self.call(lane, GeneratedCall::server_opens(Some(index)));
    }

    fn send(&mut self, lane: LaneId, device: u8) {
        self.sent += 1;
        let kinds = [CommandCode::Write, CommandCode::Flush, CommandCode::ClearError];
        let errored = self.state.devices[usize::from(device)].errored;
        let code = match errored && self.rng.one_in(2) {
            true => CommandCode::ClearError,
            false => kinds[self.rng.index(2)],
        };
        self.call(lane, GeneratedCall::sends(device, CommandId(self.sent), code));
    }

    fn begin_client(&mut self, lane: LaneId) {
        use vdi_model::ClientPhase as P;
        if self.trouble() {
            let calls = [ClientSetCall::SignalAbort, ClientSetCall::Close];
            let call = calls[self.rng.index(calls.len())];
            return self.client(lane, call);
        }
        match self.state.client_phase() {
            P::DoesNotExist => self.client(lane, ClientSetCall::CreateEx),
            P::Configurable => self.client(lane, ClientSetCall::GetConfiguration),
            P::Initializing => self.open_client_device(lane),
            P::Active => self.use_device(lane),
            P::NormallyTerminated | P::Abort if self.rng.one_in(4) => {
                self.client(lane, ClientSetCall::Close);
            }
            P::NormallyTerminated | P::Abort => self.use_device(lane),
        }
    }

    fn client(&mut self, lane: LaneId, call: ClientSetCall) {
        let creates = call == ClientSetCall::CreateEx;
        let absent = self.state.client == ClientLife::Absent;
        if creates != absent || (creates && self.is_open(Function::CreateEx)) {
            return;
        }
        let wait = match call {
            ClientSetCall::GetConfiguration => self.wait(),
            ClientSetCall::CreateEx | ClientSetCall::SignalAbort | ClientSetCall::Close => {
                Patience::Infinite
            }
        };
        self.call(lane, GeneratedCall::client(call, self.overlaps.devices, wait));
    }

    fn wait(&mut self) -> Patience {
        match self.rng.index(4) {
            0 => Patience::Poll,
            1 if self.overlaps.time_told => Patience::Told,
            1 => Patience::Finite,
            _ => Patience::Infinite,
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
        self.call(lane, GeneratedCall::client_opens(index, false));
    }

    /// Fetches a command of a device, or completes one.
    fn use_device(&mut self, lane: LaneId) {
        if self.given[1].is_empty() {
            return;
        }
        let device = self.device_for(lane, 1);
        let own = |(of, _): &(u8, CommandId)| !self.overlaps.thread_per_device || *of == device;
        let held: Vec<usize> = (0..self.held.len()).filter(|at| own(&self.held[*at])).collect();
        if !held.is_empty() && self.rng.one_in(2) {
            let at = held[self.rng.index(held.len())];
            return self.complete(lane, at);
        }
        let wait = self.wait();
        self.call(lane, GeneratedCall::gets(device, wait));
    }

    fn complete(&mut self, lane: LaneId, at: usize) {
        let (device, id) = self.held.remove(at);
        let fails = self.trouble();
        self.call(lane, GeneratedCall::completes(device, id, fails));
    }
}
