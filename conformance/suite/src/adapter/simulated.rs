//! Any adapter as the backend of a simulated world: the world's scheduler decides who makes
//! the next call, and waits after each until the implementation is at rest.
//!
//! What has happened on a lane is told when that lane acts; that a completion routine runs,
//! at once. Each routine is held until its lane is let go on, and so it is the seed that
//! decides what gets in between. What buffers hold is kept here: the protocol has no bytes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use vdi_simulate::{
    Actor, Answer as WorldAnswer, Ask, Backend, CalledBack, Content, Delivered, Extent, Extra,
    LaneEvent, Resource, Rng, Scarcity, ServerAsk, Setup, Told, interfaces, resource,
};
use vdi_spec::codes::HResult;
use vdi_trace::{Found, Function, Handle, HowEnded, Name, Out, Process};

use super::gives::missing;
use super::protocol::{Answer, Hello, Offer, Request};
use super::{Connection, Deadline, Limits, Trouble};

/// What a world cannot do without.
const NEEDED: [Offer; 7] = [
    Offer::Server,
    Offer::Client,
    Offer::Touch,
    Offer::Exit,
    Offer::Hold,
    Offer::Settle,
    Offer::Expire,
];

/// Commands that a queue of a world takes at most.
const DEEPEST: u32 = 64;

/// What an adapter lacks to be what worlds run on; `None` if nothing.
#[must_use]
pub fn lacks_for_worlds(hello: &Hello) -> Option<String> {
    let lacks: Vec<&str> =
        NEEDED.iter().filter(|offer| !hello.has(**offer)).map(|offer| offer.word()).collect();
    if !lacks.is_empty() {
        return Some(format!("does not offer what worlds need: {}", lacks.join(", ")));
    }
    if !hello.makes_interfaces() {
        let spoken = hello.protocol;
        return Some(format!(
            "speaks protocol version {spoken}; worlds need set interfaces besides the first"
        ));
    }
    let depth = hello.declares.queue_depth;
    let fits = depth.is_some_and(|depth| (1..=DEEPEST).contains(&depth));
    let told = depth.map_or("none".to_owned(), |depth| depth.to_string());
    (!fits).then(|| format!("declares a queueDepth of {told}; worlds need one of 1 to {DEEPEST}"))
}

/// A call that has not returned.
struct Pending {
    by: Actor,
    function: Function,
    /// The name of what it makes.
    creates: Option<Name<'static>>,
}

/// An adapter in one world.
pub struct SimulatedAdapter {
    /// Or why it could not go on.
    connection: Result<Box<dyn Connection>, Trouble>,
    limits: Limits,
    last_id: u64,
    /// By life of a set.
    setups: Vec<Setup>,
    calls: BTreeMap<u64, Pending>,
    /// By lane, its process.
    processes: BTreeMap<u8, Process>,
    /// What has happened on a lane and was not told.
    untold: BTreeMap<u8, VecDeque<LaneEvent>>,
    /// By lane, the command whose completion routine is held there.
    held: BTreeMap<u8, String>,
    /// The devices and buffers that calls have made, by name.
    made: BTreeSet<String>,
    contents: BTreeMap<u32, Content>,
}

impl fmt::Debug for SimulatedAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.connection.as_ref().map(|connection| connection.hello());
        f.debug_struct("SimulatedAdapter").field("connection", &told).finish_non_exhaustive()
    }
}

impl SimulatedAdapter {
    /// Begins a world on an adapter that [lacks nothing](lacks_for_worlds), or on one that
    /// could not be started again.
    #[must_use]
    pub fn begin(
        connection: Result<Box<dyn Connection>, Trouble>,
        limits: Limits,
        seed: u64,
    ) -> Self {
        let mut world = Self {
            connection,
            limits,
            last_id: 0,
            setups: Vec::new(),
            calls: BTreeMap::new(),
            processes: BTreeMap::new(),
            untold: BTreeMap::new(),
            held: BTreeMap::new(),
            made: BTreeSet::new(),
            contents: BTreeMap::new(),
        };
        world.attempt(|world| world.reset(seed));
        world
    }

    /// The connection, for the next world.
    ///
    /// # Errors
    /// Why the adapter could not go on, if it could not.
    pub fn finish(self) -> Result<Box<dyn Connection>, Trouble> {
        self.connection
    }

    /// Does something with the adapter, unless it is in trouble.
    fn attempt<T>(&mut self, what: impl FnOnce(&mut Self) -> Result<T, Trouble>) -> Option<T> {
        self.connection.as_ref().ok()?;
        what(self).map_err(|trouble| self.connection = Err(trouble)).ok()
    }

    fn connection(&mut self) -> Result<&mut dyn Connection, Trouble> {
        match &mut self.connection {
            Ok(connection) => Ok(&mut **connection),
            Err(trouble) => Err(trouble.clone()),
        }
    }

    fn reset(&mut self, seed: u64) -> Result<(), Trouble> {
        let scenario = format!("the world of seed {seed}");
        let request = Request::Reset { scenario, interfaces: interfaces() };
        self.connection()?.send(&request)?;
        // What is still under way of the world before ends here.
        let mut deadline = Deadline::after(self.limits.timeout);
        while self.receive(&request, &mut deadline)? != Answer::Ready {}
        Ok(())
    }

    const fn id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn receive(&mut self, request: &Request, deadline: &mut Deadline) -> Result<Answer, Trouble> {
        let within = self.limits.timeout;
        let silent = || Trouble::Silent { asked: request.what(), within };
        let wait = deadline.wait().ok_or_else(silent)?;
        self.connection()?.receive(wait)?.ok_or_else(silent)
    }

    /// Sends a request, and notes what happens until it is answered.
    fn ask(&mut self, request: &Request) -> Result<Answer, Trouble> {
        self.connection()?.send(request)?;
        let mut deadline = Deadline::after(self.limits.timeout);
        loop {
            match self.receive(request, &mut deadline)? {
                Answer::Return { id, status, out, .. } => self.returned(id, status, *out)?,
                Answer::Callback { lane, command, completion, bytes, position } => {
                    let number =
                        numbered("c", &command).ok_or_else(|| unknown("command", &command))?;
                    let position = position.unwrap_or_default();
                    let back = CalledBack { command: number, code: completion, bytes, position };
                    self.called_back(&lane, command, back)?;
                }
                Answer::Unsupported { reason, .. } => {
                    return Err(Trouble::Unsupported { what: request.what(), reason });
                }
                answer => return Ok(answer),
            }
        }
    }

    /// Waits until everything is at rest.
    fn settle(&mut self) -> Result<(), Trouble> {
        let id = self.id();
        let answer = self.ask(&Request::Settle { id })?;
        match answer {
            Answer::Settled { id: of, .. } if of == id => Ok(()),
            other => Err(unexpected("settled", &other)),
        }
    }

    /// Makes a call, and waits until everything is at rest.
    fn make(&mut self, by: Actor, ask: &Ask) -> Result<(), Trouble> {
        let Told { on, creates, mut args } = Told::of(by, ask, &self.setups[usize::from(by.run)]);
        if !on.as_str().ends_with("set") && !self.made.contains(on.as_str()) {
            // There is no such device: it was never opened.
            let answer = WorldAnswer::status(HResult::VD_E_PROTOCOL);
            self.tell(by.lane, LaneEvent::Returned(answer));
            return Ok(());
        }
        let (id, function) = (self.id(), ask.function());
        if function == Function::SendCommand {
            let made =
                |buffer: &Handle<'_>| buffer.name().is_some_and(|name| self.made.contains(name));
            (args.hold, args.buffer) = (Some(true), args.buffer.filter(made));
        }
        if function == Function::CompleteCommand {
            args.bytes = args.bytes.or(Some(0));
        }
        self.processes.insert(by.lane, by.process);
        self.calls.insert(id, Pending { by, function, creates: creates.clone() });
        self.connection()?.send(&Request::Call {
            id,
            lane: lane_name(by),
            call: function,
            on: on.to_string(),
            creates: creates.map(|name| name.to_string()),
            args: Box::new(args),
        })?;
        self.settle()
    }

    fn tell(&mut self, lane: u8, event: LaneEvent) {
        self.untold.entry(lane).or_default().push_back(event);
    }

    fn returned(&mut self, id: u64, status: HResult, out: Out<'_>) -> Result<(), Trouble> {
        let Some(Pending { by, function, creates }) = self.calls.remove(&id) else {
            return Err(unknown("call", &id.to_string()));
        };
        let mut answer = WorldAnswer::status(status);
        if status == HResult::NOERROR {
            self.made.extend(creates.map(|name| name.to_string()));
            gives(&mut answer, function, out)?;
        }
        self.tell(by.lane, LaneEvent::Returned(answer));
        Ok(())
    }

    fn called_back(&mut self, lane: &str, name: String, back: CalledBack) -> Result<(), Trouble> {
        let number = lane.split_once(".l").and_then(|(_, number)| number.parse().ok());
        let lane = number.ok_or_else(|| unknown("lane", lane))?;
        self.held.insert(lane, name);
        self.tell(lane, LaneEvent::CalledBack(back));
        Ok(())
    }

    fn pop(&mut self, lane: u8) -> Option<LaneEvent> {
        self.untold.get_mut(&lane)?.pop_front()
    }

    fn resume(&mut self, by: Actor, command: String) -> Result<(), Trouble> {
        let (id, lane) = (self.id(), lane_name(by));
        match self.ask(&Request::Resume { id, lane, command })? {
            Answer::Resumed { .. } => self.settle(),
            other => Err(unexpected("resumed", &other)),
        }
    }

    /// Whether a thing is there for a process.
    fn is_alive(&mut self, by: Actor, thing: Resource) -> bool {
        let object = resource(by, thing).to_string();
        if !self.made.contains(&object) {
            return false;
        }
        let found = self.attempt(|world| {
            let (id, lane) = (world.id(), lane_name(by));
            match world.ask(&Request::Touch { id, lane, object })? {
                Answer::Touched { found, .. } => Ok(found),
                other => Err(unexpected("touched", &other)),
            }
        });
        found == Some(Found::Alive)
    }
}

/// What a call that succeeded has given.
fn gives(answer: &mut WorldAnswer, function: Function, out: Out<'_>) -> Result<(), Trouble> {
    // A world knows itself which of its commands has a buffer.
    if let Some(reason) = missing(function, &out, |_| false) {
        return Err(Trouble::Garbage { reason, line: String::new() });
    }
    let buffer = out.buffer.as_ref().and_then(|name| numbered("b", name.as_str()));
    if let (Function::GetCommand, Some(name), Some(code)) = (function, out.command, out.code) {
        answer.delivered = Some(Delivered {
            // What is no command of the world is none that was sent.
            command: numbered("c", name.as_str()).unwrap_or(u32::MAX),
            code,
            size: out.size.map_or(0, |size| size.0),
            position: out.position.unwrap_or_default(),
            buffer,
        });
    }
    (answer.config, answer.address) = (out.config, out.address);
    let mapped = (function == Function::MapBufferHandle).then_some(Extra::Mapped(buffer));
    answer.extra = out.shared.map(Extra::Shared).or(out.count.map(Extra::Count)).or(mapped);
    Ok(())
}

fn lane_name(by: Actor) -> String {
    format!("{}.l{}", by.process, by.lane)
}

/// The number in the name of a command or buffer of a world.
fn numbered(prefix: &str, name: &str) -> Option<u32> {
    name.strip_prefix(prefix)?.parse().ok()
}

fn unknown(what: &str, name: &str) -> Trouble {
    let reason = format!("there is no {what} `{name}` in this world");
    Trouble::Garbage { reason, line: String::new() }
}

fn unexpected(expected: &str, answer: &Answer) -> Trouble {
    let line = serde_json::to_string(answer).unwrap_or_default();
    Trouble::Garbage { reason: format!("expected the answer `{expected}`"), line }
}

const AGENT: Ask = Ask::Server(ServerAsk::ExecuteCompletionAgent);

impl Backend for SimulatedAdapter {
    fn begin(&mut self, run: u8, setup: &Setup, _: Scarcity) {
        self.setups.truncate(run.into());
        self.setups.push(setup.clone());
    }

    fn call(&mut self, by: Actor, ask: &Ask, _: bool, _: &mut Rng) -> Option<LaneEvent> {
        self.attempt(|world| world.make(by, ask));
        // What has happened on the agent's lane is told when that lane acts.
        if *ask == AGENT { None } else { self.pop(by.lane) }
    }

    fn advance(&mut self, by: Actor, _: &mut Rng) -> Option<LaneEvent> {
        if let Some(event) = self.pop(by.lane) {
            return Some(event);
        }
        let command = self.held.remove(&by.lane)?;
        self.attempt(|world| world.resume(by, command));
        self.pop(by.lane)
    }

    fn pressing(&mut self) -> Option<u8> {
        let presses =
            |events: &VecDeque<LaneEvent>| matches!(events.front(), Some(LaneEvent::CalledBack(_)));
        self.untold.iter().find(|(_, events)| presses(events)).map(|(lane, _)| *lane)
    }

    fn expire(&mut self, by: Actor) {
        self.attempt(|world| {
            let (id, lane) = (world.id(), lane_name(by));
            match world.ask(&Request::Expire { id, lane, after: None })? {
                Answer::Expired { .. } => world.settle(),
                other => Err(unexpected("expired", &other)),
            }
        });
    }

    fn exit(&mut self, process: Process) {
        let lives = |lane: &u8| self.processes.get(lane) != Some(&process);
        self.calls.retain(|_, call| call.by.process != process);
        self.untold.retain(|lane, _| lives(lane));
        self.held.retain(|lane, _| lives(lane));
        self.attempt(|world| {
            let id = world.id();
            match world.ask(&Request::Exit { id, process, how: HowEnded::Killed })? {
                Answer::Exited { .. } => world.settle(),
                other => Err(unexpected("exited", &other)),
            }
        });
    }

    fn put(&mut self, by: Actor, buffer: u32, content: &[Extent]) -> bool {
        let alive = self.is_alive(by, Resource::Buffer(buffer));
        if alive {
            self.contents.insert(buffer, content.iter().copied().collect());
        }
        alive
    }

    fn get(&mut self, by: Actor, buffer: u32, _: u32) -> Option<Content> {
        // What nobody has written holds nothing that is known.
        self.is_alive(by, Resource::Buffer(buffer))
            .then(|| self.contents.get(&buffer).cloned().unwrap_or_default())
    }

    fn lives(&mut self, by: Actor, thing: Resource) -> bool {
        self.is_alive(by, thing)
    }
}
