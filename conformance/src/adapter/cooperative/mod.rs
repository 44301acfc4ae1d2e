//! An implementation in Rust as the ground of a simulated world: one thread runs at a
//! time, and the world's scheduler decides which.
//!
//! Calls that wait are made as polls, again and again when the scheduler asks for it; the
//! completion agents are threads that a gate holds until they are let go on, one step
//! at a time: the next completion routine, or sleep. Where the implementation tells why
//! it sleeps (the runtime), an agent that is woken does not even look before it is let.

mod gate;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use vdi_sim::clauses::Party;
use vdi_sim::codes::HResult;
use vdi_sim::simulate::{
    Answer, Ask, By, CalledBack, Chance, Content, Delivered, Engine, Extent, Happened, Scarcity,
    Send as SentCommand, Setup, Wait as Patience,
};
use vdi_sim::trace::Process;

use self::gate::{Gate, Went};
use super::body::{Body, Ended, Given, Got, Sent, Wait};
use super::inprocess::Still;

/// What an implementation tells the gate.
#[derive(Clone)]
pub(super) struct Threads(Arc<Gate>);

impl Threads {
    /// The present thread is about to sleep; with a reason, if it is told.
    pub(super) fn sleeps(&self, still: Option<Still>) {
        self.0.sleeps(still);
    }

    /// It has woken.
    pub(super) fn wakes(&self) {
        self.0.wakes();
    }

    /// Whoever sleeps without a reason told looks again.
    pub(super) fn stirs(&self) {
        self.0.stirs();
    }
}

/// Makes the set interfaces of processes.
pub(super) struct Makers<B: Body> {
    pub(super) server: Box<dyn Fn(Process) -> B::ServerSet>,
    pub(super) client: Box<dyn Fn(Process) -> B::ClientSet>,
}

/// A call that waits.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    by: By,
    ask: Ask,
    expired: bool,
}

/// An implementation, one call at a time.
pub(super) struct OnBody<B: Body> {
    world: B,
    makers: Makers<B>,
    gate: Arc<Gate>,
    /// By life of a set.
    setups: Vec<Setup>,
    servers: BTreeMap<u8, B::ServerSet>,
    clients: BTreeMap<(Process, u8), B::ClientSet>,
    server_devices: BTreeMap<(u8, u8), B::ServerDevice>,
    client_devices: BTreeMap<(Process, u8, u8), B::ClientDevice>,
    buffers: BTreeMap<u32, B::Buffer>,
    /// Buffers as client processes have got them.
    got: BTreeMap<(Process, u32), B::Buffer>,
    /// What buffers hold, where the implementation has no bytes.
    contents: BTreeMap<u32, Content>,
    delivered: BTreeMap<u32, B::Command>,
    waiting: BTreeMap<u8, Waiting>,
    /// What is ready to be told on a lane.
    ready: BTreeMap<u8, VecDeque<Happened>>,
    /// Completion routines that ran on the calling thread.
    refused: Arc<Mutex<VecDeque<CalledBack>>>,
    agents: BTreeMap<u8, Process>,
}

impl<B: Body> OnBody<B> {
    /// `make` is given what the implementation's threads have to tell.
    pub(super) fn new(make: impl FnOnce(Threads) -> (B, Makers<B>)) -> Self {
        let gate = Arc::new(Gate::default());
        let (world, makers) = make(Threads(Arc::clone(&gate)));
        Self {
            world,
            makers,
            gate,
            setups: Vec::new(),
            servers: BTreeMap::new(),
            clients: BTreeMap::new(),
            server_devices: BTreeMap::new(),
            client_devices: BTreeMap::new(),
            buffers: BTreeMap::new(),
            got: BTreeMap::new(),
            contents: BTreeMap::new(),
            delivered: BTreeMap::new(),
            waiting: BTreeMap::new(),
            ready: BTreeMap::new(),
            refused: Arc::default(),
            agents: BTreeMap::new(),
        }
    }

    fn server(&mut self, by: By) -> B::ServerSet {
        let make = &self.makers.server;
        self.servers.entry(by.run).or_insert_with(|| make(by.process)).clone()
    }

    fn client(&mut self, by: By) -> B::ClientSet {
        let (make, set) = (&self.makers.client, self.setups[usize::from(by.run)].set);
        self.clients.entry((by.process, set)).or_insert_with(|| make(by.process)).clone()
    }

    /// A call of the server's that does not wait.
    fn server_call(&mut self, by: By, ask: &Ask) -> Given<Answer> {
        let set = self.server(by);
        let setup = &self.setups[usize::from(by.run)];
        Some(match *ask {
            Ask::Open => plain(B::open(&set, None, setup.name)?),
            Ask::GetServerConfiguration => {
                let (status, config) = B::server_configuration(&set)?;
                (status, Some(Answer { config: config.map(Box::new), ..Answer::status(status) }))
            }
            Ask::BeginConfiguration => plain(B::begin_configuration(&set, &setup.server)?),
            Ask::RequestBuffers { size, count } => plain(B::request_buffers(&set, size, 0, count)?),
            Ask::EndConfiguration => plain(B::end_configuration(&set)?),
            Ask::OpenDevice { device } => {
                let name = setup.device_names[usize::from(device)];
                let (status, opened) = B::server_open_device(&set, name)?;
                self.server_devices.extend(opened.map(|opened| ((by.run, device), opened)));
                plain((status, None::<()>))
            }
            Ask::AllocateBuffer { buffer, size } => {
                let (status, made) = B::allocate(&set, size, 0)?;
                let address = made.as_ref().map(|(_, offset)| *offset);
                self.buffers.extend(made.map(|(made, _)| (buffer, made)));
                (status, Some(Answer { address, ..Answer::status(status) }))
            }
            Ask::FreeBuffer { buffer } => {
                plain(B::free_buffer(&set, self.buffers.get(&buffer).cloned())?)
            }
            Ask::SendCommand(sent) => plain(self.send((by.run, sent))?),
            Ask::CloseDevice { device } => match self.server_devices.get(&(by.run, device)) {
                Some(device) => plain(B::close_device(device)?),
                None => plain((HResult::VD_E_PROTOCOL, None::<()>)),
            },
            Ask::SignalAbort => plain(B::server_signal_abort(&set)?),
            _ => plain(B::server_close(&set)?),
        })
    }

    fn send(&self, (run, sent): (u8, SentCommand)) -> Given<()> {
        let Some(device) = self.server_devices.get(&(run, sent.device)) else {
            return Some((HResult::VD_E_PROTOCOL, None));
        };
        let (gate, refused) = (Arc::clone(&self.gate), Arc::clone(&self.refused));
        let command = sent.command;
        let routine = Box::new(move |Ended { code, bytes, position }| {
            let back = CalledBack { command, code, bytes, position };
            if !gate.calls(back) {
                refused.lock().unwrap_or_else(PoisonError::into_inner).push_back(back);
            }
        });
        let sent = Sent {
            tag: command.into(),
            code: sent.code,
            buffer: sent.buffer.and_then(|buffer| self.buffers.get(&buffer).cloned()),
            size: sent.size.unwrap_or_default().into(),
            position: sent.position.unwrap_or_default(),
            routine,
        };
        B::send_command(device, sent)
    }

    /// A call of a client's; what would wait is polled.
    fn client_call(&mut self, by: By, ask: &Ask) -> Given<Answer> {
        let set = self.client(by);
        let setup = &self.setups[usize::from(by.run)];
        let key = |device: u8| (by.process, by.run, device);
        let closed = plain((HResult::VD_E_PROTOCOL, None::<()>));
        Some(match *ask {
            Ask::CreateEx => plain(B::create(&set, None, setup.name, &setup.config)?),
            Ask::OpenInSecondaryEx => plain(B::open_in_secondary(&set, None, setup.name)?),
            Ask::GetConfiguration { .. } => {
                let (status, config) = B::client_configuration(&set, Wait::Milliseconds(0))?;
                (status, Some(Answer { config: config.map(Box::new), ..Answer::status(status) }))
            }
            Ask::OpenDevice { device } => {
                let name = setup.device_names[usize::from(device)];
                let (status, opened) = B::client_open_device(&set, name)?;
                self.client_devices.extend(opened.map(|opened| (key(device), opened)));
                plain((status, None::<()>))
            }
            Ask::GetCommand { device, .. } => match self.client_devices.get(&key(device)) {
                Some(device) => {
                    let (status, got) = B::get_command(device, Wait::Milliseconds(0))?;
                    let delivered = got.map(|got| self.deliver(by.process, got));
                    (status, Some(Answer { delivered, ..Answer::status(status) }))
                }
                None => closed,
            },
            Ask::CompleteCommand(done) => match self.client_devices.get(&key(done.device)) {
                Some(device) => {
                    let command = self.delivered.get(&done.command).copied();
                    let position = done.position.unwrap_or_default();
                    let ended = Ended { code: done.code, bytes: done.bytes, position };
                    plain(B::complete_command(device, command, ended)?)
                }
                None => closed,
            },
            Ask::SignalAbort => plain(B::client_signal_abort(&set)?),
            _ => plain(B::client_close(&set)?),
        })
    }

    fn deliver(&mut self, process: Process, got: Got<B::Command, B::Buffer>) -> Delivered {
        let Got { command: handle, tag, code, size, position, buffer } = got;
        let command = u32::try_from(tag).unwrap_or_default();
        self.delivered.insert(command, handle);
        let known = |buffer: &B::Buffer| {
            let mut all = self.buffers.iter();
            all.find(|(_, own)| B::is_same(own, buffer)).map(|(number, _)| *number)
        };
        let number = buffer.as_ref().and_then(known);
        self.got.extend(number.zip(buffer).map(|(number, got)| ((process, number), got)));
        Delivered { command, code, size, position, buffer: number }
    }

    fn make(&mut self, by: By, ask: &Ask) -> Option<Answer> {
        let given = match by.process.party() {
            Party::Client => self.client_call(by, ask),
            _ => self.server_call(by, ask),
        };
        let (_, answer) = given?;
        self.gate.settle();
        answer
    }

    /// Polls a call that waits.
    fn poll(&mut self, lane: u8) -> Option<Happened> {
        let Waiting { by, ask, expired } = *self.waiting.get(&lane)?;
        let mut answer = self.make(by, &ask)?;
        if answer.status == HResult::VD_E_TIMEOUT && !expired {
            return None;
        }
        // To a poll the interface is closed; the call that waits was in it before.
        if answer.status == HResult::VD_E_PROTOCOL {
            answer.status = HResult::VD_E_ABORT;
        }
        self.waiting.remove(&lane);
        Some(Happened::Returned(answer))
    }

    /// The buffer as a process has it.
    fn buffer_of(&self, process: Process, buffer: u32) -> Option<&B::Buffer> {
        match process.party() {
            Party::Client => self.got.get(&(process, buffer)),
            _ => self.buffers.get(&buffer),
        }
    }

    fn lives(&self, process: Process, buffer: u32) -> bool {
        let (own, all) = (self.buffer_of(process, buffer), self.buffers.get(&buffer));
        all.is_some_and(|all| self.world.buffer_lives(process, all, own))
    }
}

/// A call that gives its status and nothing that the world needs.
fn plain<T>((status, _): (HResult, Option<T>)) -> (HResult, Option<Answer>) {
    (status, Some(Answer::status(status)))
}

/// Whether a call waits if it cannot return now.
const fn waits(ask: &Ask) -> bool {
    match ask {
        Ask::GetConfiguration { wait } | Ask::GetCommand { wait, .. } => {
            !matches!(wait, Patience::Milliseconds(0))
        }
        _ => false,
    }
}

impl<B: Body> Engine for OnBody<B> {
    fn begin(&mut self, run: u8, setup: &Setup, _: Scarcity) {
        self.setups.truncate(run.into());
        self.setups.push(setup.clone());
    }

    fn call(&mut self, by: By, ask: &Ask, _: bool, _: &mut Chance) -> Option<Happened> {
        if *ask == Ask::ExecuteCompletionAgent {
            let set = self.server(by);
            self.agents.insert(by.lane, by.process);
            let execute = move || B::execute_completion_agent(&set).map(|(status, _)| status);
            self.gate.start(by.lane, execute);
            return None;
        }
        let answer = self.make(by, ask)?;
        if waits(ask) && answer.status == HResult::VD_E_TIMEOUT {
            self.waiting.insert(by.lane, Waiting { by, ask: *ask, expired: false });
            return None;
        }
        let returned = Happened::Returned(answer);
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.is_empty() {
            return Some(returned);
        }
        let first = refused.drain(..).map(Happened::CalledBack);
        self.ready.insert(by.lane, first.chain([returned]).collect());
        None
    }

    fn advance(&mut self, by: By, _: &mut Chance) -> Option<Happened> {
        if let Some(ready) = self.ready.get_mut(&by.lane) {
            let next = ready.pop_front();
            if ready.is_empty() {
                self.ready.remove(&by.lane);
            }
            return next;
        }
        if self.agents.contains_key(&by.lane) {
            return match self.gate.advance(by.lane) {
                Went::Called(back) => Some(Happened::CalledBack(back)),
                Went::Returned(status) => {
                    self.agents.remove(&by.lane);
                    Some(Happened::Returned(Answer::status(status)))
                }
                Went::Nothing => None,
            };
        }
        self.poll(by.lane)
    }

    fn pressing(&mut self) -> Option<u8> {
        self.ready.keys().next().copied().or_else(|| self.gate.pressing())
    }

    fn expire(&mut self, by: By) {
        if let Some(waiting) = self.waiting.get_mut(&by.lane) {
            waiting.expired = true;
        } else if let Some(thread) = self.gate.thread(by.lane) {
            self.world.expire(thread, None);
            self.gate.settle();
        }
    }

    fn exit(&mut self, process: Process) {
        let own = self.agents.iter().filter(|(_, of)| **of == process);
        own.for_each(|(lane, _)| self.gate.free(*lane));
        self.agents.retain(|_, of| *of != process);
        self.waiting.retain(|_, waiting| waiting.by.process != process);
        self.world.exit(process);
        self.gate.settle();
    }

    fn put(&mut self, by: By, buffer: u32, content: &[Extent]) -> bool {
        if !self.lives(by.process, buffer) {
            return false;
        }
        let written = self.buffer_of(by.process, buffer).map(|own| B::write(own, content));
        if written == Some(false) {
            self.contents.insert(buffer, content.iter().copied().collect());
        }
        true
    }

    fn get(&mut self, by: By, buffer: u32, length: u32) -> Option<Content> {
        if !self.lives(by.process, buffer) {
            return None;
        }
        let own = self.buffer_of(by.process, buffer)?;
        B::read(own, length).or_else(|| self.contents.get(&buffer).cloned())
    }
}

impl<B: Body> Drop for OnBody<B> {
    fn drop(&mut self) {
        self.gate.open();
        self.world.abandon();
    }
}
