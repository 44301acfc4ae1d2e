//! A race on the runtime: one set, brought by one thread to where the race begins, and
//! a record of what every lane then sees.

use std::collections::BTreeMap;
use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex, MutexGuard};

use loom::thread::JoinHandle;
use vdi_spec::codes::{CommandCode, HResult, Win32};

use crate::history::{History, Seen, Status};
use crate::implementation::{
    Buffer, ClientDevice, ClientSet, CommandId, Machine, Options, Process, SendCommand,
    ServerDevice, ServerSet, Timeout,
};
use crate::mutants::Mutant;
use crate::record::{Ended, Record};
use crate::script::{AGENT, Act, BUFFER, Lane, Race, Wait, bytes, device_name};
use crate::sync::{may_unload, ran_on, runs, seed, unload, wake_for_no_reason};
use crate::told;

/// Runs a race once, with a defect from where the lanes part; what they saw.
pub(crate) fn run(race: &Race, mutant: Option<Mutant>) -> History {
    seed(None);
    may_unload(race.unloads());
    wake_for_no_reason(race.wakes);
    let stage = Arc::new(Stage::new(race));
    for &(lane, act) in &race.setup {
        stage.act(lane, act);
    }
    stage.record.begin();
    seed(mutant);
    // It may start in the race itself.
    let starts = race.lanes.iter().any(|(lane, _)| *lane == AGENT);
    let agent = (race.agent_races && !starts).then(|| {
        let here = stage.clone();
        stage.record.spawn(AGENT, move || here.run_agent())
    });
    stage.race(race);
    for &(lane, act) in &race.then {
        stage.act(lane, act);
    }
    match agent {
        Some(agent) => agent.join().expect("the agent ends"),
        None => stage.run_agent(),
    }
    Arc::into_inner(stage).expect("all lanes have ended").end()
}

/// One set, both halves. If a race does not end it stays in memory: loom's locks
/// cannot be used any more then, as Close would.
struct Stage {
    race: Race,
    machine: Machine,
    process: Process,
    server: ManuallyDrop<ServerSet>,
    client: ManuallyDrop<ClientSet>,
    record: Record,
    things: Mutex<Things>,
    /// If a completion routine waits for one.
    ended: Option<Ended>,
}

impl Stage {
    fn new(race: &Race) -> Self {
        let options =
            Options { queue_depth: race.depth.into(), virtual_time: true, ..Options::default() };
        let machine = Machine::in_memory(options);
        let process = machine.process();
        let server = ManuallyDrop::new(process.server_set());
        let client = ManuallyDrop::new(machine.client_set());
        let (race, record, things) = (race.clone(), Record::default(), Mutex::default());
        let ended = race.has_waiting_routine().then(Ended::default);
        Self { race, machine, process, server, client, record, things, ended }
    }

    /// The lanes do all they do at once, the last of them on this thread.
    fn race(self: &Arc<Self>, race: &Race) {
        let Some(((last, acts), others)) = race.lanes.split_last() else { return };
        let spawn = |(lane, acts): &(Lane, Vec<Act>)| -> JoinHandle<()> {
            let (stage, lane, acts) = (self.clone(), *lane, acts.clone());
            let acts = move || stage.all(lane, &acts);
            self.record.spawn(lane, acts)
        };
        let others: Vec<_> = others.iter().map(spawn).collect();
        self.all(last, acts);
        others.into_iter().for_each(|lane| lane.join().expect("the lane ends"));
    }

    /// A lane does all it does.
    fn all(self: &Arc<Self>, lane: Lane, acts: &[Act]) {
        acts.iter().for_each(|act| self.act(lane, *act));
        if lane == AGENT && self.race.agent_races {
            self.run_agent();
        }
        if let Some(ended) = &self.ended {
            ended.note(lane);
        }
    }

    fn act(self: &Arc<Self>, lane: Lane, act: Act) {
        self.record.enters(lane);
        let Some(function) = act.function() else { return self.no_call(lane, act) };
        let (status, with) = match self.call(act) {
            Some(Ok(with)) => (HResult::NOERROR, with),
            Some(Err(status)) => (status, None),
            None => return,
        };
        self.record.note(lane, Seen::Returned(function, Status::Exactly(status), with));
    }

    fn no_call(&self, lane: Lane, act: Act) {
        match act {
            Act::Expire(whose) => {
                self.record.thread(whose).iter().for_each(|id| self.machine.expire(*id, None));
            }
            Act::Unload if self.process.inside() == 0 => {
                self.record.note(lane, Seen::Unloaded { busy: false });
                unload();
            }
            Act::Unload => self.record.note(lane, Seen::Unloaded { busy: true }),
            Act::Await(whose) => self.ended.iter().for_each(|ended| ended.wait_for(whose)),
            _ => panic!("{act:?} is a call"),
        }
    }

    /// Makes the call: its status, and the command it gives. `None` if it is left out,
    /// or does not return.
    fn call(self: &Arc<Self>, act: Act) -> Option<Result<Option<u32>, HResult>> {
        let (server, client) = (&self.server, &self.client);
        let done = match act {
            Act::Create => client.create(None, "S", &told::client_config(&self.race)),
            Act::Open => server.open(None, "S"),
            Act::BeginConfiguration => server.begin_configuration(&told::server_config()),
            Act::Request => server.request_buffers(BUFFER, 0, 1),
            Act::EndConfiguration => server.end_configuration(),
            Act::GetConfiguration => client.get_configuration(Timeout::Infinite).map(|config| {
                let all = told::client_config(&self.race).with_server(&told::server_config());
                assert_eq!(config, all, "the whole configuration");
            }),
            Act::OpenServerDevice(device) => {
                let opened = server.open_device(device_name(device));
                opened.map(|opened| drop(self.things().server.insert(device, opened)))
            }
            Act::OpenClientDevice(device) => {
                let opened = client.open_device(device_name(device));
                opened.map(|opened| drop(self.things().client.insert(device, opened)))
            }
            Act::Agent => match server.start_agent() {
                Ok(agent) => {
                    self.things().agent = Some(Box::new(move || agent.run()));
                    return None;
                }
                Err(status) => Err(status),
            },
            Act::Send(device, command, code) => self.send(device, command, code),
            Act::Get(device, wait) => return Some(self.get(device, wait).map(Some)),
            Act::Complete(device, command, code) => self.complete(device, command, code)?,
            Act::CloseDevice(device) => self.server_device(device).close_device(),
            Act::Allocate => server.allocate_buffer(BUFFER, 0).map(|buffer| {
                self.things().buffer = Some(buffer);
            }),
            Act::Free => {
                let buffer = self.things().buffer.take().expect("an allocated buffer");
                server.free_buffer(&buffer, BUFFER)
            }
            Act::ServerAbort => server.signal_abort(),
            Act::ClientAbort => client.signal_abort(),
            Act::ServerClose => server.close(),
            Act::ClientClose => client.close(),
            Act::Expire(_) | Act::Unload | Act::Await(_) => return None,
        };
        Some(done.map(|()| None))
    }

    fn things(&self) -> MutexGuard<'_, Things> {
        self.things.lock().expect("no panic while held")
    }

    fn server_device(&self, device: u8) -> ServerDevice {
        self.things().server[&device].clone()
    }

    fn client_device(&self, device: u8) -> ClientDevice {
        self.things().client[&device].clone()
    }

    fn send(self: &Arc<Self>, device: u8, command: u32, code: CommandCode) -> Result<(), HResult> {
        let (record, stage) = (self.record.clone(), Arc::downgrade(self));
        let command = SendCommand {
            tag: command.into(),
            code,
            buffer: None,
            size: 0,
            position: 0,
            callback: Box::new(move |completion| {
                runs();
                let seen = Seen::CalledBack(command, completion.code, Some(completion.bytes));
                let lane = record.lane();
                record.note(lane, seen);
                // If the race does not end, nobody has the stage any more.
                let Some(stage) = stage.upgrade() else { return };
                let acts = stage.race.routine(command).unwrap_or_default();
                acts.iter().for_each(|act| stage.act(lane, *act));
            }),
        };
        self.server_device(device).send_command(command)
    }

    fn get(&self, device: u8, wait: Wait) -> Result<u32, HResult> {
        let timeout = match wait {
            Wait::Poll => Timeout::Milliseconds(0),
            Wait::ForEver => Timeout::Infinite,
            Wait::UntilTold => Timeout::Milliseconds(1_000),
        };
        let delivered = self.client_device(device).get_command(timeout)?;
        let command = u32::try_from(delivered.tag).expect("a command of the race");
        self.things().commands.insert(command, delivered.command);
        Ok(command)
    }

    /// `None` if the command was not delivered.
    fn complete(&self, device: u8, command: u32, code: Win32) -> Option<Result<(), HResult>> {
        let delivered = self.things().commands.get(&command).copied()?;
        let bytes = bytes(command, code);
        Some(self.client_device(device).complete_command(delivered, code, bytes, 0))
    }

    /// The rest of ExecuteCompletionAgent, if it has begun.
    fn run_agent(&self) {
        self.record.enters(AGENT);
        let agent = self.things().agent.take();
        if let Some(agent) = agent {
            let status = agent().err().unwrap_or(HResult::NOERROR);
            let function = Act::Agent.function().expect("a call");
            self.record.note(AGENT, Seen::Returned(function, Status::Exactly(status), None));
        }
    }

    /// Lets everything go; what was seen.
    fn end(self) -> History {
        seed(None);
        if ran_on() {
            self.record.note(AGENT, Seen::RanOn);
        }
        may_unload(false);
        let Self { server, client, record, things, .. } = self;
        drop((ManuallyDrop::into_inner(server), ManuallyDrop::into_inner(client)));
        *things.lock().expect("no panic while held") = Things::default();
        record.end()
    }
}

/// What the calls have given.
#[derive(Default)]
struct Things {
    server: BTreeMap<u8, ServerDevice>,
    client: BTreeMap<u8, ClientDevice>,
    commands: BTreeMap<u32, CommandId>,
    buffer: Option<Buffer>,
    agent: Option<Box<dyn FnOnce() -> Result<(), HResult> + Send>>,
}
