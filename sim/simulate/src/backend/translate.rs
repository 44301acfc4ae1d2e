//! The calls of a simulation as the model takes them: what matters of the arguments, and
//! each device by its place in the model's state.

use smallvec::SmallVec;

use super::{Ask, ClientAsk, Scarcity, Send, ServerAsk, Setup};
use crate::faults::misuse::CreateFlaw;
use vdi_model::{
    Asked, BufferId, Call, Carried, ClientCall, ClientDevice, CommandId, DeviceName, Granted,
    Request, Requested, ServerCall, ServerDevice, ServerLife, State, Timeout,
};
use vdi_spec::config::{ServerConfig, VdConfig};
use vdi_trace::{Process, TimeoutArg};

/// One life of a set in the model.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) state: State,
    pub(super) setup: Setup,
    pub(super) scarcity: Scarcity,
    /// By device, the place it has in the state: devices get theirs in the order in which
    /// either side opens them by name, and the first bears the set's name.
    places: SmallVec<[Option<u8>; 16]>,
    /// Handles of buffers, with the number of the buffer.
    handles: Vec<(u32, u32)>,
}

impl Life {
    pub(super) fn new(setup: &Setup, scarcity: Scarcity) -> Self {
        Self {
            state: State::default(),
            setup: setup.clone(),
            scarcity,
            places: SmallVec::new(),
            handles: Vec::new(),
        }
    }

    fn known_place(&self, device: u8) -> Option<u8> {
        self.places.get(usize::from(device)).copied().flatten()
    }

    fn place(&self, device: u8) -> u8 {
        self.known_place(device).unwrap_or(device)
    }

    /// Gives the device that a call is to open a place, if it has none; which device.
    pub(super) fn assign_place(&mut self, ask: &Ask) -> Option<u8> {
        let (Ask::Server(ServerAsk::OpenDevice { device, .. })
        | Ask::Client(ClientAsk::OpenDevice { device, .. })) = *ask
        else {
            return None;
        };
        let known = self.known_place(device);
        self.give_place(device);
        // A name that nobody knows stands for what is left.
        let unopened = |of: &vdi_model::Device| of.server == ServerDevice::Unopened;
        let devices = &self.state.devices;
        if matches!(ask, Ask::Server(_)) && usize::from(self.place(device)) >= devices.len() {
            let left = devices.iter().position(unopened).map(|place| place as u8);
            self.places[usize::from(device)] = left.or(self.places[usize::from(device)]);
        }
        known.is_none().then_some(device)
    }

    fn give_place(&mut self, device: u8) {
        let device = usize::from(device);
        if self.places.len() <= device {
            self.places.resize(device + 1, None);
        }
        if self.places[device].is_none() {
            let others = self.places.iter().flatten();
            // The first is reserved for the device with the set's name.
            let next = others.copied().filter(|place| *place > 0).max().unwrap_or_default() + 1;
            self.places[device] = Some(if device == 0 { 0 } else { next });
        }
    }

    /// The call that was to open the device has failed.
    pub(super) fn release_place(&mut self, device: u8) {
        self.places[usize::from(device)] = None;
    }

    /// A handle that GetBufferHandle gives stands for its buffer from now on.
    pub(super) fn keep_handle(&mut self, ask: &Ask) {
        if let Ask::Client(ClientAsk::GetBufferHandle { buffer: Some(buffer), handle }) = *ask {
            self.handles.push((handle, buffer));
        }
    }

    /// A call as the model takes it.
    pub(super) fn model_call(&self, process: Process, ask: &Ask) -> Call {
        match (ask, process) {
            (Ask::Server(ask), _) => Call::Server(self.server_call(ask)),
            (Ask::Client(ask), Process::Secondary(number)) => {
                Call::Secondary(number, self.client_call(ask))
            }
            (Ask::Client(ask), Process::Primary | Process::Server) => {
                Call::Client(self.client_call(ask))
            }
        }
    }

    fn server_call(&self, ask: &ServerAsk) -> ServerCall {
        match *ask {
            ServerAsk::Open { misnomer } => {
                let reused = self.state.server == ServerLife::Closed;
                ServerCall::Open { found: misnomer.is_none(), reused }
            }
            ServerAsk::GetConfiguration => ServerCall::GetConfiguration,
            ServerAsk::BeginConfiguration { flaw } => {
                let sound = &self.setup.server;
                begin_configuration(&flaw.map_or(*sound, |flaw| flaw.config(sound)))
            }
            ServerAsk::RequestBuffers { size, count } => {
                ServerCall::RequestBuffers(Requested { size, alignment: 0, count })
            }
            ServerAsk::QueryAvailableBuffers { size } => {
                ServerCall::QueryAvailableBuffers(Requested { size, alignment: 0, count: 0 })
            }
            ServerAsk::EndConfiguration => ServerCall::EndConfiguration,
            ServerAsk::ExecuteCompletionAgent => ServerCall::ExecuteCompletionAgent,
            ServerAsk::OpenDevice { device, .. } => {
                let count = self.state.devices.len();
                let place = Some(self.place(device)).filter(|place| usize::from(*place) < count);
                ServerCall::OpenDevice { device: place }
            }
            ServerAsk::AllocateBuffer { buffer, size, alignment } => ServerCall::AllocateBuffer {
                buffer: BufferId(buffer),
                sound: size > 0 && (alignment == 0 || alignment.is_power_of_two()),
                kind: Requested { size, alignment, count: 0 },
            },
            ServerAsk::FreeBuffer { buffer, sized } => {
                ServerCall::FreeBuffer { buffer: buffer.map(BufferId), sized }
            }
            ServerAsk::IsSharedBuffer { buffer } => {
                ServerCall::IsSharedBuffer { buffer: buffer.map(BufferId) }
            }
            ServerAsk::SendCommand(ref sent) => ServerCall::SendCommand(self.request(sent)),
            ServerAsk::CloseDevice { device } => {
                ServerCall::CloseDevice { device: self.place(device) }
            }
            ServerAsk::SignalAbort => ServerCall::SignalAbort,
            ServerAsk::Close => ServerCall::Close,
        }
    }

    fn request(&self, sent: &Send) -> Request {
        let carried = |buffer| Carried::Buffer(BufferId(buffer));
        Request {
            device: self.place(sent.device),
            command: CommandId(sent.command),
            code: sent.code,
            buffer: sent.buffer.map_or(Carried::Untold, carried),
            size: sent.size,
            positioned: sent.position.is_some(),
            foreign: false,
        }
    }

    fn client_call(&self, ask: &ClientAsk) -> ClientCall {
        match *ask {
            ClientAsk::CreateEx { flaw: None } => {
                let config = &self.setup.config;
                let time_out = config.server_time_out != 0;
                let VdConfig { features, alignment, .. } = *config;
                let asked = Asked { features, time_out, alignment };
                ClientCall::Create { devices: config.device_count as u8, asked, flaw: None }
            }
            ClientAsk::CreateEx { flaw: Some(flaw) } => create_flawed(flaw),
            ClientAsk::OpenInSecondaryEx { misnomer } => {
                ClientCall::OpenInSecondary { found: misnomer.is_none() }
            }
            ClientAsk::GetConfiguration { wait } => {
                ClientCall::GetConfiguration { timeout: timeout(wait) }
            }
            ClientAsk::OpenDevice { device, .. } => {
                ClientCall::OpenDevice { name: self.device_name(device) }
            }
            ClientAsk::GetCommand { device, wait } => {
                ClientCall::GetCommand { device: self.place(device), timeout: timeout(wait) }
            }
            ClientAsk::CompleteCommand(ref done) => ClientCall::CompleteCommand {
                device: self.place(done.device),
                command: Some(CommandId(done.command)),
                code: done.code,
                bytes: done.bytes,
                position: done.position.unwrap_or_default(),
            },
            ClientAsk::GetBufferHandle { buffer, .. } => {
                ClientCall::GetBufferHandle { buffer: buffer.map(BufferId) }
            }
            ClientAsk::MapBufferHandle { handle } => {
                let known = self.handles.iter().find(|(known, _)| Some(*known) == handle);
                let buffer = known.map(|(_, buffer)| BufferId(*buffer));
                ClientCall::MapBufferHandle { buffer }
            }
            ClientAsk::SignalAbort => ClientCall::SignalAbort,
            ClientAsk::Close => ClientCall::Close,
        }
    }

    /// A device is known by its name once either side has opened it; the first always is.
    fn device_name(&self, device: u8) -> DeviceName {
        let place = self.place(device);
        match self.state.devices.get(usize::from(place)) {
            None => DeviceName::Unknown,
            Some(of)
                if place == 0
                    || of.server != ServerDevice::Unopened
                    || of.client != ClientDevice::Unopened =>
            {
                DeviceName::Known(place)
            }
            Some(_) => DeviceName::New(place),
        }
    }
}

fn begin_configuration(server: &ServerConfig) -> ServerCall {
    let granted = Granted {
        features: server.features,
        block_size: server.block_size,
        max_transfer_size: server.max_transfer_size,
        alignment: server.alignment,
    };
    ServerCall::BeginConfiguration { sound: server.check().is_ok(), granted }
}

fn create_flawed(flaw: CreateFlaw) -> ClientCall {
    let config = flaw.config();
    let flaw = config.check_client().err().map(|rule| match rule.id {
        "feature-combination" => vdi_model::CreateFlaw::Features,
        _ => vdi_model::CreateFlaw::Config,
    });
    let asked = Asked { features: config.features, time_out: false, alignment: 0 };
    ClientCall::Create { devices: config.device_count as u8, asked, flaw }
}

const fn timeout(wait: TimeoutArg) -> Timeout {
    match wait {
        TimeoutArg::Infinite => Timeout::Infinite,
        TimeoutArg::Milliseconds(0) => Timeout::Poll,
        TimeoutArg::Milliseconds(_) => Timeout::Told,
    }
}
