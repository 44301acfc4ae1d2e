//! A race that is described for every implementation, on this one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use loom::thread::JoinHandle;
use vdi_spec::codes::{CommandCode, HResult, Win32};

use crate::history::{History, Seen, Status};
use crate::implementation::{
    self, Answer, BufferId, ClientDevice, ClientSet, CommandId, Gone, Machine, Mutant, Options,
    SendCommand, ServerDevice, ServerSet, Timeout,
};
use crate::record::{Ended, Record};
use crate::script::{AGENT, Act, BUFFER, Lane, Race, Wait, bytes, device_name};
use crate::sync::wake_for_no_reason;
use crate::told;

/// Runs a race once; what the lanes saw.
pub(crate) fn run(race: &Race, mutant: Option<Mutant>) -> History {
    wake_for_no_reason(race.wakes);
    let stage = Arc::new(Played::new(race, mutant));
    for &(lane, act) in &race.setup {
        stage.act(lane, act);
    }
    stage.record.begin();
    // It may start in the race itself.
    let starts = race.lanes.iter().any(|(lane, _)| *lane == AGENT);
    let agent = (race.agent_races && !starts).then(|| {
        let here = stage.clone();
        stage.record.spawn(AGENT, move || here.run_agent())
    });
    stage.race();
    for &(lane, act) in &race.then {
        stage.act(lane, act);
    }
    match agent {
        Some(agent) => agent.join().expect("the agent ends"),
        None => stage.run_agent(),
    }
    stage.record.end()
}

/// One set, both halves.
struct Played {
    race: Race,
    world: Machine,
    server: ServerSet,
    client: ClientSet,
    record: Record,
    things: Mutex<Things>,
    /// If a completion routine waits for one.
    ended: Option<Ended>,
}

/// What the calls have given.
#[derive(Default)]
struct Things {
    server: BTreeMap<u8, ServerDevice>,
    client: BTreeMap<u8, ClientDevice>,
    commands: BTreeMap<u32, CommandId>,
    buffer: Option<BufferId>,
    agent: Option<Box<dyn FnOnce() -> implementation::Status + Send>>,
}

/// The status of a call, and the command it gives.
type Done = Result<Option<u32>, HResult>;

/// What a call that gives nothing answers.
fn done(status: implementation::Status) -> Done {
    match status {
        Ok(HResult::NOERROR) => Ok(None),
        Ok(status) => Err(status),
        Err(Gone) => panic!("no answer"),
    }
}

/// What a call that gives something answers.
fn given<T>(answer: Answer<T>) -> Result<T, HResult> {
    match answer {
        Ok((_, Some(result))) => Ok(result),
        Ok((status, None)) => Err(status),
        Err(Gone) => panic!("no answer"),
    }
}

impl Played {
    fn new(race: &Race, mutant: Option<Mutant>) -> Self {
        let queue_depth = race.depth.into();
        let options = Options { mutant, queue_depth, virtual_time: true, ..Options::default() };
        let world = Machine::new(options);
        let (server, client) = (world.server_set("server"), world.client_set("primary"));
        let (race, record, things) = (race.clone(), Record::default(), Mutex::default());
        let ended = race.has_waiting_routine().then(Ended::default);
        Self { race, world, server, client, record, things, ended }
    }

    fn things(&self) -> MutexGuard<'_, Things> {
        self.things.lock().expect("no panic while held")
    }

    /// The lanes do all they do at once, the last of them on this thread.
    fn race(self: &Arc<Self>) {
        let Some(((last, acts), others)) = self.race.lanes.split_last() else { return };
        let spawn = |(lane, acts): &(Lane, Vec<Act>)| -> JoinHandle<()> {
            let (stage, lane, acts) = (self.clone(), *lane, acts.clone());
            self.record.spawn(lane, move || stage.all(lane, &acts))
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
                self.record.thread(whose).iter().for_each(|id| self.world.expire(*id, None));
            }
            Act::Unload => {
                let busy = self.world.inside("server") > 0;
                self.record.note(lane, Seen::Unloaded { busy });
            }
            Act::Await(whose) => self.ended.iter().for_each(|ended| ended.wait_for(whose)),
            _ => panic!("{act:?} is a call"),
        }
    }

    /// Makes the call. `None` if it is left out, or does not return.
    fn call(self: &Arc<Self>, act: Act) -> Option<Done> {
        let (server, client) = (&self.server, &self.client);
        Some(match act {
            Act::Create => done(client.create(None, "S", &told::client_config(&self.race))),
            Act::Open => done(server.open(None, "S")),
            Act::BeginConfiguration => done(server.begin_configuration(&told::server_config())),
            Act::Request => done(server.request_buffers(BUFFER, 0, 1)),
            Act::EndConfiguration => done(server.end_configuration()),
            Act::GetConfiguration => {
                given(client.get_configuration(Timeout::Infinite)).map(|config| {
                    let all = told::client_config(&self.race).with_server(&told::server_config());
                    assert_eq!(config, all, "the whole configuration");
                    None
                })
            }
            Act::OpenServerDevice(device) => {
                given(server.open_device(device_name(device))).map(|opened| {
                    self.things().server.insert(device, opened);
                    None
                })
            }
            Act::OpenClientDevice(device) => {
                given(client.open_device(device_name(device))).map(|opened| {
                    self.things().client.insert(device, opened);
                    None
                })
            }
            Act::Agent => match given(server.start_agent()) {
                Ok(agent) => {
                    self.things().agent = Some(Box::new(move || agent.run()));
                    return None;
                }
                Err(status) => Err(status),
            },
            Act::Send(device, command, code) => self.send(device, command, code),
            Act::Get(device, wait) => self.get(device, wait),
            Act::Complete(device, command, code) => self.complete(device, command, code)?,
            Act::CloseDevice(device) => {
                let device = self.things().server[&device].clone();
                done(device.close_device())
            }
            Act::Allocate => given(server.allocate_buffer(BUFFER, 0)).map(|buffer| {
                self.things().buffer = Some(buffer.id);
                None
            }),
            Act::Free => {
                let buffer = self.things().buffer;
                done(server.free_buffer(buffer, None))
            }
            Act::ServerAbort => done(server.signal_abort()),
            Act::ClientAbort => done(client.signal_abort()),
            Act::ServerClose => done(server.close()),
            Act::ClientClose => done(client.close()),
            Act::Expire(_) | Act::Unload | Act::Await(_) => return None,
        })
    }

    fn send(self: &Arc<Self>, device: u8, command: u32, code: CommandCode) -> Done {
        let (record, stage) = (self.record.clone(), Arc::downgrade(self));
        let (tag, buffer, size, position) = (command.into(), None, 0, 0);
        let callback = Box::new(move |completion: implementation::Completion| {
            let lane = record.lane();
            record.note(lane, Seen::CalledBack(command, completion.code, Some(completion.bytes)));
            // If the race does not end, nobody has the stage any more.
            let Some(stage) = stage.upgrade() else { return };
            let acts = stage.race.routine(command).unwrap_or_default();
            acts.iter().for_each(|act| stage.act(lane, *act));
        });
        let device = self.things().server[&device].clone();
        done(device.send_command(SendCommand { tag, code, buffer, size, position, callback }))
    }

    fn get(&self, device: u8, wait: Wait) -> Done {
        let timeout = match wait {
            Wait::Poll => Timeout::Milliseconds(0),
            Wait::ForEver => Timeout::Infinite,
            Wait::UntilTold => Timeout::Milliseconds(1_000),
        };
        let device = self.things().client[&device].clone();
        let delivered = given(device.get_command(timeout))?;
        let command = u32::try_from(delivered.tag).expect("a command of the race");
        self.things().commands.insert(command, delivered.command);
        Ok(Some(command))
    }

    /// `None` if the command was not delivered.
    fn complete(&self, device: u8, command: u32, code: Win32) -> Option<Done> {
        let delivered = self.things().commands.get(&command).copied()?;
        let device = self.things().client[&device].clone();
        let bytes = bytes(command, code);
        Some(done(device.complete_command(Some(delivered), code, bytes, 0)))
    }

    /// The rest of ExecuteCompletionAgent, if it has begun.
    fn run_agent(&self) {
        self.record.enters(AGENT);
        let agent = self.things().agent.take();
        if let Some(agent) = agent {
            let status = done(agent()).err().unwrap_or(HResult::NOERROR);
            let function = Act::Agent.function().expect("a call");
            self.record.note(AGENT, Seen::Returned(function, Status::Exactly(status), None));
        }
    }
}
