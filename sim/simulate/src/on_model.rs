//! The model as an engine: of what the documents allow, the seed chooses.

use smallvec::SmallVec;

use super::chance::Chance;
use super::content::{self, Content, Extent};
use super::coverage::Clauses;
use super::engine::{
    Answer as Given, Ask, By, CalledBack, Delivered, Engine, Gives, Happened, Scarcity, Send,
    Setup, Thing, Wait,
};
use super::odd::Odd;
use vdi_model::{
    Answer, Asked, BufferId, Call, Caller, Carried, ClientCall, CommandId, DeviceName, Ending,
    Expected, Granted, LaneId, Limits, Outcome, Outcomes, Request, Requested, ServerCall, Stage,
    State, Timeout,
};
use vdi_spec::clauses::{Clause, Profile};
use vdi_spec::codes::{HResult, Win32};
use vdi_spec::config::ServerConfig;
use vdi_trace::Process;

/// The model, playing an implementation that does anything the documents allow.
#[derive(Debug)]
pub struct OnModel {
    profile: Profile,
    lives: Vec<Life>,
    /// By the number of a buffer.
    buffers: Vec<Content>,
    /// By the number of a command; the place of number 0 is empty.
    sent: Vec<Send>,
    /// Handles that were given, each with the life and the number of its buffer.
    handles: Vec<(u32, u8, u32)>,
    met: Clauses,
    notes_clauses: bool,
}

/// One life of a set.
#[derive(Debug)]
struct Life {
    state: State,
    setup: Setup,
    scarcity: Scarcity,
    /// By device, the place it has in the state: devices get theirs in the order in which
    /// either side opens them by name, and the first bears the set's name.
    places: SmallVec<[Option<u8>; 16]>,
}

impl Life {
    fn place(&self, device: u8) -> u8 {
        self.places.get(usize::from(device)).copied().flatten().unwrap_or(device)
    }

    /// Gives the device that a call is to open a place, if it has none; which device.
    fn try_place(&mut self, ask: &Ask, process: Process) -> Option<u8> {
        let (Ask::OpenDevice { device } | Ask::Odd(Odd::OpenDevice { device })) = *ask else {
            return None;
        };
        let known = self.places.get(usize::from(device)).copied().flatten();
        self.give_place(device);
        // A name that nobody knows stands for what is left.
        let unopened = |of: &vdi_model::Device| of.server == vdi_model::ServerDevice::Unopened;
        let devices = &self.state.devices;
        if process == Process::Server && usize::from(self.place(device)) >= devices.len() {
            let left = devices.iter().position(unopened).map(|place| place as u8);
            self.places[usize::from(device)] = left.or(self.places[usize::from(device)]);
        }
        known.is_none().then_some(device)
    }

    /// The place of a device that is about to be opened.
    fn give_place(&mut self, device: u8) {
        let device = usize::from(device);
        if self.places.len() <= device {
            self.places.resize(device + 1, None);
        }
        if self.places[device].is_none() {
            let others = self.places.iter().flatten();
            // The first is spoken for.
            let next = others.copied().filter(|place| *place > 0).max().unwrap_or_default() + 1;
            self.places[device] = Some(if device == 0 { 0 } else { next });
        }
    }
}

impl OnModel {
    /// An engine that keeps to these readings.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        Self {
            profile,
            lives: Vec::new(),
            buffers: Vec::new(),
            sent: Vec::new(),
            handles: Vec::new(),
            met: Clauses::default(),
            notes_clauses: true,
        }
    }

    /// Does not keep count of the clauses met, which takes time.
    #[must_use]
    pub const fn without_clauses(mut self) -> Self {
        self.notes_clauses = false;
        self
    }

    /// Forgets everything, for another world.
    pub fn reset(&mut self) {
        self.lives.clear();
        self.sent.clear();
        self.handles.clear();
        self.buffers.iter_mut().for_each(Content::clear);
        self.met = Clauses::default();
    }

    /// The state of a set in this life.
    #[must_use]
    pub fn state(&self, run: u8) -> Option<&State> {
        self.lives.get(usize::from(run)).map(|life| &life.state)
    }

    fn note(&mut self, outcome: &Outcome) {
        if self.notes_clauses {
            outcome.clauses().for_each(|clause| self.met.insert(clause));
            outcome.misuses().for_each(|clause| self.met.insert(clause));
        }
    }

    /// One of the outcomes: the exceptional ones only as often as was drawn.
    fn choose(
        &self,
        (by, at_once): (By, bool),
        call: &Call,
        outcomes: &Outcomes,
        chance: &mut Chance,
    ) -> Outcome {
        let scarcity = self.lives[usize::from(by.run)].scarcity;
        // Nothing happens between such a call and its return.
        if at_once
            && scarcity.system > 0
            && let Some(failed) = vdi_model::system_failure(call, outcomes, NO_MEMORY)
            && chance.once_in(scarcity.system)
        {
            return failed;
        }
        if let [only] = outcomes.as_slice() {
            return *only;
        }
        if let Call::Client(ClientCall::Create { flaw: Some(_), .. }) = call {
            // Where it may succeed it may fail, too: nobody is there for another set.
            return outcomes[outcomes.len() - 1];
        }
        let rare = match call {
            Call::Server(ServerCall::SendCommand(_)) => scarcity.queue,
            _ => scarcity.memory,
        };
        let exceptional = outcomes.iter().any(|outcome| outcome.exceptional);
        let takes = exceptional && chance.once_in(rare);
        let fits = outcomes.iter().filter(|outcome| outcome.exceptional == takes);
        let at = chance.below(fits.clone().count().max(1) as u32) as usize;
        *fits.clone().nth(at).unwrap_or(&outcomes[0])
    }

    /// Whether a process may still use a buffer.
    fn is_alive(&self, by: By, buffer: u32) -> bool {
        let state = &self.lives[usize::from(by.run)].state;
        let object = vdi_model::Object::Buffer(BufferId(buffer));
        vdi_model::touch(state, caller(by.process), object).alive
    }

    fn returned(&self, by: By, outcome: &Outcome) -> Happened {
        let mut given = Given::status(match outcome.answer.expected() {
            Some(Expected::Status(status)) => status,
            Some(Expected::Any) => HResult::VD_E_PROTOCOL,
            _ => HResult::VD_E_IO_ERROR,
        });
        given.gives = match outcome.answer {
            Answer::Tells(shared) => Some(Gives::Shared(shared.unwrap_or_default())),
            Answer::Counts(least) => Some(Gives::Count(least)),
            Answer::Maps(BufferId(buffer)) => Some(Gives::Mapped(Some(buffer))),
            _ => None,
        };
        match outcome.answer {
            Answer::Delivers(CommandId(number)) => {
                let sent = &self.sent[number as usize];
                given.delivered = Some(Delivered {
                    command: number,
                    code: sent.code,
                    size: sent.size.unwrap_or_default().into(),
                    position: sent.position.unwrap_or_default(),
                    buffer: sent.buffer,
                });
            }
            Answer::Returns(_) if given.status == HResult::NOERROR => {
                let Setup { config, server, .. } = &self.lives[usize::from(by.run)].setup;
                given.config = match outcome.clause {
                    Clause::ClientGetConfigurationStatus => Some(config.with_server(server)),
                    Clause::ServerGetConfigurationStatus => Some(*config),
                    _ => None,
                }
                .map(Box::new);
            }
            _ => {}
        }
        Happened::Returned(given)
    }

    /// A handle that GetBufferHandle gives stands for its buffer from now on.
    fn keep_handle(&mut self, by: By, ask: &Ask, outcome: &Outcome) {
        if let Ask::Odd(Odd::GetBufferHandle { buffer: Some(buffer), handle }) = *ask
            && succeeds(outcome)
        {
            self.handles.push((handle, by.run, buffer));
        }
    }

    /// What a client's call is to the model, with what its odd ones are.
    fn client_call(&self, life: &Life, run: u8, ask: &Ask) -> ClientCall {
        match ask {
            Ask::Odd(Odd::Create(flaw)) => {
                let config = flaw.config();
                let flaw = config.check_client().err().map(|rule| match rule.id {
                    "feature-combination" => vdi_model::CreateFlaw::Features,
                    _ => vdi_model::CreateFlaw::Config,
                });
                let asked = Asked { features: config.features, time_out: false };
                ClientCall::Create { devices: config.device_count as u8, asked, flaw }
            }
            Ask::Odd(Odd::OpenInSecondary(_)) => ClientCall::OpenInSecondary { found: false },
            Ask::Odd(Odd::GetBufferHandle { buffer, .. }) => {
                ClientCall::GetBufferHandle { buffer: buffer.map(BufferId) }
            }
            Ask::Odd(Odd::MapBufferHandle { handle }) => {
                let own = |known: &&(u32, u8, u32)| Some(known.0) == *handle && known.1 == run;
                let buffer = self.handles.iter().find(own).map(|(_, _, buffer)| BufferId(*buffer));
                ClientCall::MapBufferHandle { buffer }
            }
            _ => client_call(life, ask),
        }
    }

    fn model_call(&self, by: By, ask: &Ask) -> Call {
        let life = &self.lives[usize::from(by.run)];
        match by.process {
            Process::Server => Call::Server(server_call(life, ask)),
            Process::Primary => Call::Client(self.client_call(life, by.run, ask)),
            Process::Secondary(number) => {
                Call::Secondary(number, self.client_call(life, by.run, ask))
            }
        }
    }
}

/// What a server's odd call is to the model.
fn odd_server_call(life: &Life, odd: &Odd) -> ServerCall {
    let allocated = |size, alignment| Requested { size, alignment, count: 0 };
    match *odd {
        Odd::Open(_) => {
            let reused = life.state.server == vdi_model::ServerLife::Closed;
            ServerCall::Open { found: false, reused }
        }
        Odd::Begin(flaw) => begin(&flaw.config(&life.setup.server)),
        Odd::OpenDevice { device } => open_device(life, device),
        Odd::QueryAvailableBuffers { size } => {
            ServerCall::QueryAvailableBuffers(allocated(size, 0))
        }
        Odd::AllocateAligned { buffer, size, alignment } => {
            let sound = size > 0 && (alignment == 0 || alignment.is_power_of_two());
            let kind = allocated(size, alignment);
            ServerCall::AllocateBuffer { buffer: BufferId(buffer), sound, kind }
        }
        Odd::IsSharedBuffer { buffer } => {
            ServerCall::IsSharedBuffer { buffer: buffer.map(BufferId) }
        }
        _ => ServerCall::FreeBuffer { buffer: None },
    }
}

fn begin(server: &ServerConfig) -> ServerCall {
    let granted = Granted {
        features: server.features,
        block_size: server.block_size,
        max_transfer_size: server.max_transfer_size,
    };
    ServerCall::BeginConfiguration { sound: server.check().is_ok(), granted }
}

fn open_device(life: &Life, device: u8) -> ServerCall {
    let count = life.state.devices.len();
    let place = Some(life.place(device)).filter(|place| usize::from(*place) < count);
    ServerCall::OpenDevice { device: place }
}

/// Whether the call is to return NOERROR.
fn succeeds(outcome: &Outcome) -> bool {
    outcome.answer.expected().is_some_and(|expected| expected.admits(HResult::NOERROR))
}

/// ERROR_NOT_ENOUGH_MEMORY of the operating system, wrapped.
const NO_MEMORY: HResult = HResult::from_win32(Win32(8));

fn server_call(life: &Life, ask: &Ask) -> ServerCall {
    match *ask {
        Ask::Open => {
            let reused = life.state.server == vdi_model::ServerLife::Closed;
            ServerCall::Open { found: true, reused }
        }
        Ask::GetServerConfiguration => ServerCall::GetConfiguration,
        Ask::BeginConfiguration => begin(&life.setup.server),
        Ask::RequestBuffers { size, count } => {
            ServerCall::RequestBuffers(Requested { size, alignment: 0, count })
        }
        Ask::EndConfiguration => ServerCall::EndConfiguration,
        Ask::ExecuteCompletionAgent => ServerCall::ExecuteCompletionAgent,
        Ask::OpenDevice { device } => open_device(life, device),
        Ask::AllocateBuffer { buffer, size } => {
            let kind = Requested { size, alignment: 0, count: 0 };
            ServerCall::AllocateBuffer { buffer: BufferId(buffer), sound: true, kind }
        }
        Ask::FreeBuffer { buffer } => ServerCall::FreeBuffer { buffer: Some(BufferId(buffer)) },
        Ask::SendCommand(ref sent) => ServerCall::SendCommand(Request {
            device: life.place(sent.device),
            command: CommandId(sent.command),
            code: sent.code,
            buffer: sent.buffer.map_or(Carried::Untold, |buffer| Carried::Buffer(BufferId(buffer))),
            size: sent.size,
            positioned: sent.position.is_some(),
            foreign: false,
        }),
        Ask::Odd(ref odd) => odd_server_call(life, odd),
        Ask::CloseDevice { device } => ServerCall::CloseDevice { device: life.place(device) },
        Ask::SignalAbort => ServerCall::SignalAbort,
        _ => ServerCall::Close,
    }
}

fn client_call(life: &Life, ask: &Ask) -> ClientCall {
    let timeout = |wait| match wait {
        Wait::Infinite => Timeout::Infinite,
        Wait::Milliseconds(0) => Timeout::Poll,
        Wait::Milliseconds(_) => Timeout::Told,
    };
    match *ask {
        Ask::CreateEx => {
            let config = &life.setup.config;
            let asked = Asked { features: config.features, time_out: config.server_time_out != 0 };
            ClientCall::Create { devices: config.device_count as u8, asked, flaw: None }
        }
        Ask::OpenInSecondaryEx => ClientCall::OpenInSecondary { found: true },
        Ask::GetConfiguration { wait } => ClientCall::GetConfiguration { timeout: timeout(wait) },
        Ask::OpenDevice { device } | Ask::Odd(Odd::OpenDevice { device }) => {
            let device = life.place(device);
            let known = device == 0
                || life.state.devices.get(usize::from(device)).is_some_and(|of| {
                    of.server != vdi_model::ServerDevice::Unopened
                        || of.client != vdi_model::ClientDevice::Unopened
                });
            let name = match usize::from(device) < life.state.devices.len() {
                false => DeviceName::Unknown,
                true if known => DeviceName::Known(device),
                true => DeviceName::New(device),
            };
            ClientCall::OpenDevice { name }
        }
        Ask::GetCommand { device, wait } => {
            ClientCall::GetCommand { device: life.place(device), timeout: timeout(wait) }
        }
        Ask::CompleteCommand(ref done) => ClientCall::CompleteCommand {
            device: life.place(done.device),
            command: Some(CommandId(done.command)),
            code: done.code,
            bytes: done.bytes,
            position: done.position.unwrap_or_default(),
        },
        Ask::SignalAbort => ClientCall::SignalAbort,
        _ => ClientCall::Close,
    }
}

/// Whether a completion routine may run on this lane at all.
fn may_be_called_back(state: &State, lane: LaneId) -> bool {
    let refused = |command: &vdi_model::Command| matches!(command.stage, Stage::Refused { lane: of, .. } if of == lane);
    !state.commands.is_empty()
        && (state.free_agent() == Some(lane) || state.commands.iter().any(refused))
}

const fn caller(process: Process) -> Caller {
    match process {
        Process::Server => Caller::Server,
        Process::Primary => Caller::Client(0),
        Process::Secondary(number) => Caller::Client(number),
    }
}

impl Engine for OnModel {
    fn begin(&mut self, run: u8, setup: &Setup, scarcity: Scarcity) {
        self.lives.truncate(usize::from(run));
        let state = State::default();
        let places = SmallVec::new();
        self.lives.push(Life { state, setup: setup.clone(), scarcity, places });
    }

    fn call(&mut self, by: By, ask: &Ask, at_once: bool, chance: &mut Chance) -> Option<Happened> {
        if let Ask::SendCommand(sent) = ask {
            let place = sent.command as usize;
            if self.sent.len() <= place {
                self.sent.resize(place + 1, *sent);
            }
            self.sent[place] = *sent;
        }
        let new = self.lives[usize::from(by.run)].try_place(ask, by.process);
        let call = self.model_call(by, ask);
        let lane = LaneId(by.lane.into());
        let life = &self.lives[usize::from(by.run)];
        let limits = Limits { queue_depth: Some(life.setup.queue_depth), data_is_told: false };
        let outcomes = vdi_model::outcomes(&life.state, &self.profile, limits, lane, &call);
        let outcome = self.choose((by, at_once), &call, &outcomes, chance);
        self.note(&outcome);
        if let Some(device) = new.filter(|_| !succeeds(&outcome)) {
            self.lives[usize::from(by.run)].places[usize::from(device)] = None;
        }
        let state = &mut self.lives[usize::from(by.run)].state;
        if let (Call::Server(ServerCall::QueryAvailableBuffers(kind)), Answer::Counts(count)) =
            (&call, outcome.answer)
        {
            // What was told once is kept to.
            vdi_model::counted(state, *kind, count);
        }
        // A command that is delivered may be called back at any time, its name be forgotten.
        let at_once = at_once || matches!(outcome.answer, Answer::Delivers(_));
        if at_once && outcome.answer != Answer::Blocks && !outcome.refuses() {
            vdi_model::apply_and_return(state, lane, caller(by.process), &outcome);
            self.keep_handle(by, ask, &outcome);
            return Some(self.returned(by, &outcome));
        }
        vdi_model::apply(state, lane, caller(by.process), &outcome);
        None
    }

    fn advance(&mut self, by: By, chance: &mut Chance) -> Option<Happened> {
        let lane = LaneId(by.lane.into());
        let life = &mut self.lives[usize::from(by.run)];
        let callbacks = if !may_be_called_back(&life.state, lane) {
            SmallVec::new()
        } else {
            let mut owed = vdi_model::callbacks(&life.state, &self.profile);
            owed.retain(|callback| callback.lane == lane);
            owed
        };
        if !callbacks.is_empty() {
            let at = if callbacks.len() == 1 { 0 } else { chance.below(callbacks.len() as u32) };
            let callback = callbacks[at as usize];
            vdi_model::apply_callback(&mut life.state, &callback, false);
            if self.notes_clauses {
                self.met.insert(callback.clause);
                callback.also.into_iter().for_each(|clause| self.met.insert(clause));
            }
            let (bytes, position) = match callback.ending {
                Ending::Client { bytes, position, .. } => (bytes, position),
                Ending::Code(_) => (0, 0),
            };
            let (command, code) = (callback.command.0, callback.ending.code());
            return Some(Happened::CalledBack(CalledBack { command, code, bytes, position }));
        }
        let returns = vdi_model::returns(&life.state, &self.profile, lane);
        let outcome = match returns.as_slice() {
            [] => return None,
            [only] => *only,
            several => several[chance.below(several.len() as u32) as usize],
        };
        vdi_model::apply_return(&mut life.state, lane, &outcome);
        self.note(&outcome);
        Some(self.returned(by, &outcome))
    }

    fn expire(&mut self, by: By) {
        let state = &mut self.lives[usize::from(by.run)].state;
        vdi_model::expire(state, &self.profile, LaneId(by.lane.into()));
    }

    fn lives(&mut self, by: By, thing: Thing) -> bool {
        let object = match thing {
            Thing::Device(_) => vdi_model::Object::Device,
            Thing::Buffer(buffer) => vdi_model::Object::Buffer(BufferId(buffer)),
        };
        vdi_model::touch(&self.lives[usize::from(by.run)].state, caller(by.process), object).alive
    }

    fn holds(&mut self, by: By) {
        let state = &mut self.lives[usize::from(by.run)].state;
        vdi_model::hold_callback(state, LaneId(by.lane.into()));
    }

    fn ends(&mut self, by: By) {
        let state = &mut self.lives[usize::from(by.run)].state;
        vdi_model::end_callback(state, LaneId(by.lane.into()));
    }

    fn exit(&mut self, process: Process) {
        for life in &mut self.lives {
            vdi_model::exit(&mut life.state, caller(process));
        }
    }

    fn put(&mut self, by: By, buffer: u32, content: &[Extent]) -> bool {
        if !self.is_alive(by, buffer) {
            return false;
        }
        let place = buffer as usize;
        if self.buffers.len() <= place {
            self.buffers.resize(place + 1, Content::new());
        }
        let held = &mut self.buffers[place];
        let bytes = content::length(content);
        let all = content::length(held);
        // What is not written over stays.
        let mut written: Content = content.iter().copied().collect();
        if all > bytes {
            let mut behind = bytes;
            for extent in held.iter() {
                let gone = extent.length.min(behind);
                behind -= gone;
                let (offset, length) = (extent.offset + u64::from(gone), extent.length - gone);
                content::push(&mut written, Extent { offset, length, ..*extent });
            }
        }
        *held = written;
        true
    }

    fn get(&mut self, by: By, buffer: u32, length: u32) -> Option<Content> {
        if !self.is_alive(by, buffer) {
            return None;
        }
        let held = self.buffers.get(buffer as usize);
        let mut found = held.map(|held| content::head(held, length)).unwrap_or_default();
        let told = content::length(&found);
        content::push(&mut found, content::nothing(length - told));
        Some(found)
    }

    fn met(&self) -> Option<&Clauses> {
        Some(&self.met)
    }
}
