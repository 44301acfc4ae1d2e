//! An implementation in Rust as the backend of a simulated world: one thread runs at a
//! time, and the world's scheduler decides which.
//!
//! Calls that may wait, the completion agents' among them, are each on a thread that a
//! gate holds until it is let go on, one step at a time: the next completion routine,
//! sleep, or the return. Where the implementation tells why it sleeps (the runtime), a
//! call that is woken does not even look before it is let. If a seeded defect needs a
//! race, every call is on such a thread: in the windows that the defect opens it waits at
//! the gate too, and so it is the seed that decides what gets in between.

mod calls;
mod step_gate;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use vdi_simulate::{
    Actor, Answer, Ask, Backend, CalledBack, ClientAsk, Content, Extent, LaneEvent, Resource, Rng,
    Scarcity, ServerAsk, Setup,
};
use vdi_spec::clauses::Party;
use vdi_trace::Process;

use self::step_gate::{StepGate, Went};
use super::body::{Ended, ImplementationApi, Routine};
use super::inprocess::Still;

/// What an implementation tells the gate.
#[derive(Clone)]
pub(super) struct Threads(Arc<StepGate>);

impl Threads {
    /// The present thread is about to sleep; with a reason, if it is told.
    pub(super) fn sleeps(&self, still: Option<Still>) {
        self.0.sleeps(still);
    }

    /// It has woken.
    pub(super) fn wakes(&self) {
        self.0.wakes();
    }

    /// Whoever sleeps without a reason told has one to look again.
    pub(super) fn stirs(&self) {
        self.0.stirs();
    }
}

/// Makes the set interfaces of processes.
pub(super) struct Makers<B: ImplementationApi> {
    pub(super) server: Box<dyn Fn(Process) -> B::ServerSet>,
    pub(super) client: Box<dyn Fn(Process) -> B::ClientSet>,
}

/// What is kept of a call that has returned, and what it answers.
type Taken<B> = Box<dyn FnOnce(&mut ImplementationBackend<B>) -> Answer + Send>;

/// A call on a thread of its lane.
struct Inside<B: ImplementationApi> {
    by: Actor,
    /// What it has given, once it has returned.
    taken: Arc<Mutex<Option<Taken<B>>>>,
}

/// What the numbers of a world stand for.
struct Objects<B: ImplementationApi> {
    servers: BTreeMap<u8, B::ServerSet>,
    clients: BTreeMap<(Process, u8), B::ClientSet>,
    server_devices: BTreeMap<(u8, u8), B::ServerDevice>,
    client_devices: BTreeMap<(Process, u8, u8), B::ClientDevice>,
    buffers: BTreeMap<u32, B::Buffer>,
    handles: BTreeMap<u32, B::Handle>,
    /// Buffers as client processes have got them.
    got: BTreeMap<(Process, u32), B::Buffer>,
    delivered: BTreeMap<u32, B::Command>,
}

impl<B: ImplementationApi> Default for Objects<B> {
    fn default() -> Self {
        Self {
            servers: BTreeMap::new(),
            clients: BTreeMap::new(),
            server_devices: BTreeMap::new(),
            client_devices: BTreeMap::new(),
            buffers: BTreeMap::new(),
            handles: BTreeMap::new(),
            got: BTreeMap::new(),
            delivered: BTreeMap::new(),
        }
    }
}

/// An implementation, one call at a time.
pub(super) struct ImplementationBackend<B: ImplementationApi> {
    world: B,
    makers: Makers<B>,
    gate: Arc<StepGate>,
    /// Every call is on a thread of its lane, and not only those that may wait.
    all_on_threads: bool,
    /// By life of a set.
    setups: Vec<Setup>,
    objects: Objects<B>,
    /// What buffers hold, where the implementation has no bytes.
    contents: BTreeMap<u32, Content>,
    inside: BTreeMap<u8, Inside<B>>,
    /// What is ready to be told on a lane.
    ready: BTreeMap<u8, VecDeque<LaneEvent>>,
    /// Completion routines that ran on the calling thread.
    refused: Arc<Mutex<VecDeque<CalledBack>>>,
}

impl<B: ImplementationApi> ImplementationBackend<B> {
    /// `make` is given what the implementation's threads have to tell.
    pub(super) fn new(all_on_threads: bool, make: impl FnOnce(Threads) -> (B, Makers<B>)) -> Self {
        let gate = Arc::new(StepGate::default());
        let (world, makers) = make(Threads(Arc::clone(&gate)));
        Self {
            world,
            makers,
            gate,
            all_on_threads,
            setups: Vec::new(),
            objects: Objects::default(),
            contents: BTreeMap::new(),
            inside: BTreeMap::new(),
            ready: BTreeMap::new(),
            refused: Arc::default(),
        }
    }

    fn server(&mut self, by: Actor) -> B::ServerSet {
        let make = &self.makers.server;
        self.objects.servers.entry(by.run).or_insert_with(|| make(by.process)).clone()
    }

    fn client(&mut self, by: Actor) -> B::ClientSet {
        let (make, set) = (&self.makers.client, self.setups[usize::from(by.run)].set);
        self.objects.clients.entry((by.process, set)).or_insert_with(|| make(by.process)).clone()
    }

    /// The completion routine of a command.
    fn routine(&self, command: u32) -> Routine {
        let (gate, refused) = (Arc::clone(&self.gate), Arc::clone(&self.refused));
        Box::new(move |Ended { code, bytes, position }| {
            let back = CalledBack { command, code, bytes, position };
            if !gate.calls(back) {
                refused.lock().unwrap_or_else(PoisonError::into_inner).push_back(back);
            }
        })
    }

    /// Makes a call on a thread of its lane.
    fn start(&mut self, by: Actor, ask: &Ask) {
        let (job, taken) = (self.job(by, ask), Arc::new(Mutex::new(None)));
        let slot = Arc::clone(&taken);
        self.inside.insert(by.lane, Inside { by, taken });
        self.gate.start(by.lane, move || {
            let done = job();
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = done;
        });
    }

    /// What has become of a call on a thread.
    fn went(&mut self, lane: u8, went: Went) -> Option<LaneEvent> {
        match went {
            Went::Called(back) => Some(LaneEvent::CalledBack(back)),
            Went::Returned => {
                let Inside { taken, .. } = self.inside.remove(&lane)?;
                let take = taken.lock().unwrap_or_else(PoisonError::into_inner).take()?;
                Some(LaneEvent::Returned(take(self)))
            }
            Went::Nothing => None,
        }
    }

    /// The buffer as a process has it.
    fn buffer_of(&self, process: Process, buffer: u32) -> Option<&B::Buffer> {
        match process.party() {
            Party::Client => self.objects.got.get(&(process, buffer)),
            _ => self.objects.buffers.get(&buffer),
        }
    }

    fn has(&self, process: Process, buffer: u32) -> bool {
        let (own, all) = (self.buffer_of(process, buffer), self.objects.buffers.get(&buffer));
        all.is_some_and(|all| self.world.buffer_lives(process, all, own))
    }
}

const AGENT: Ask = Ask::Server(ServerAsk::ExecuteCompletionAgent);

/// Whether a call may wait. A poll is not to, but a defect may.
fn may_wait(ask: &Ask) -> bool {
    let waits = matches!(
        ask,
        Ask::Client(ClientAsk::GetConfiguration { .. } | ClientAsk::GetCommand { .. })
    );
    waits || *ask == AGENT
}

impl<B: ImplementationApi> Backend for ImplementationBackend<B> {
    fn begin(&mut self, run: u8, setup: &Setup, _: Scarcity) {
        self.setups.truncate(run.into());
        self.setups.push(setup.clone());
    }

    fn call(&mut self, by: Actor, ask: &Ask, _: bool, _: &mut Rng) -> Option<LaneEvent> {
        if self.all_on_threads || may_wait(ask) {
            self.start(by, ask);
            // What has happened on the agent's lane is told when that lane acts.
            if *ask == AGENT {
                return None;
            }
            let went = self.gate.tell(by.lane)?;
            return self.went(by.lane, went);
        }
        let take = self.job(by, ask)()?;
        let returned = LaneEvent::Returned(take(self));
        self.gate.settle();
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.is_empty() {
            return Some(returned);
        }
        let first = refused.drain(..).map(LaneEvent::CalledBack);
        self.ready.insert(by.lane, first.chain([returned]).collect());
        None
    }

    fn advance(&mut self, by: Actor, _: &mut Rng) -> Option<LaneEvent> {
        if let Some(ready) = self.ready.get_mut(&by.lane) {
            let next = ready.pop_front();
            if ready.is_empty() {
                self.ready.remove(&by.lane);
            }
            return next;
        }
        let went = self.gate.advance(by.lane);
        self.went(by.lane, went)
    }

    fn pressing(&mut self) -> Option<u8> {
        self.ready.keys().next().copied().or_else(|| self.gate.pressing())
    }

    fn expire(&mut self, by: Actor) {
        if let Some(thread) = self.gate.thread(by.lane) {
            self.world.expire(thread, None);
            self.gate.settle();
        }
    }

    fn exit(&mut self, process: Process) {
        let own = self.inside.iter().filter(|(_, inside)| inside.by.process == process);
        own.for_each(|(lane, _)| self.gate.free(*lane));
        self.inside.retain(|_, inside| inside.by.process != process);
        self.world.exit(process);
        self.gate.settle();
    }

    fn put(&mut self, by: Actor, buffer: u32, content: &[Extent]) -> bool {
        if !self.has(by.process, buffer) {
            return false;
        }
        let written = self.buffer_of(by.process, buffer).map(|own| B::write(own, content));
        if written == Some(false) {
            self.contents.insert(buffer, content.iter().copied().collect());
        }
        true
    }

    fn get(&mut self, by: Actor, buffer: u32, length: u32) -> Option<Content> {
        if !self.has(by.process, buffer) {
            return None;
        }
        let own = self.buffer_of(by.process, buffer)?;
        // What nobody has written holds nothing that is known.
        B::read(own, length)
            .or_else(|| Some(self.contents.get(&buffer).cloned().unwrap_or_default()))
    }

    fn lives(&mut self, by: Actor, resource: Resource) -> bool {
        match resource {
            Resource::Buffer(buffer) => self.has(by.process, buffer),
            Resource::Device(device) if by.process.party() == Party::Client => {
                let own = self.objects.client_devices.get(&(by.process, by.run, device));
                own.is_some_and(B::client_device_lives)
            }
            Resource::Device(device) => {
                let own = self.objects.server_devices.get(&(by.run, device));
                own.is_some_and(B::server_device_lives)
            }
        }
    }
}

impl<B: ImplementationApi> Drop for ImplementationBackend<B> {
    fn drop(&mut self) {
        self.gate.open();
        self.world.abandon();
    }
}
