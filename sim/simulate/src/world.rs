//! A world: server, agent and clients on their lanes, media, a clock, and the scheduler
//! that lets one lane act at a time, as the seed decides.
//!
//! Time is virtual: it passes only when no lane can act, up to the next deadline. If
//! there is none the world is stuck, and says which lanes wait.

use super::chance::Chances;
use super::client::Client;
use super::engine::{Ask, By, Engine, Happened, Setup, Wait};
use super::medium::Medium;
use super::names;
use super::observe::{Observer, Place};
use super::odd::Known;
use super::options::{Arrangement, Options};
use super::outcome::{Counts, Ended};
use super::own::Own;
use super::program::{Act, Job, Scene, Statement};
use super::schedule::{Lanes, Scheduler, each};
use super::server::{AgentLane, Server};
use super::setup;
use super::struck::{Fault, Struck};
use super::trouble::next_fault;
use vdi_spec::clauses::Profile;
use vdi_spec::codes::HResult;
use vdi_trace::{Function, Process};

/// What acts on a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Server,
    Agent,
    /// Somebody who stops the statement.
    Operator,
    Client,
    Sql,
    Worker(u8),
    /// Whoever makes odd calls for the server.
    OddServer,
    /// The same for the primary client.
    OddClient,
    /// The same in a secondary process that nobody has asked to come.
    Stranger,
}

/// Calls out of the order in a world, at most.
const MOST_ODD: u32 = 300;

/// No deadline.
pub(super) const NEVER: u64 = u64::MAX;

/// One lane.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) place: Place,
    pub(super) role: Role,
    /// The call it is in.
    pub(super) ask: Option<Ask>,
    /// When its call expires, or its sleep ends.
    pub(super) deadline: u64,
    /// The command whose completion routine takes its time here.
    pub(super) routine: u32,
}

impl Lane {
    pub(super) const fn new(place: Place, role: Role) -> Self {
        Self { place, role, ask: None, deadline: NEVER, routine: 0 }
    }
}

/// One device set, with its server and client.
#[derive(Debug)]
pub(super) struct Set {
    pub(super) server: Server,
    pub(super) client: Client,
    pub(super) statement: Statement,
    pub(super) media: Vec<Medium>,
    pub(super) setup: Setup,
    /// The first number of its streams.
    pub(super) ids: u32,
    pub(super) run: u8,
    pub(super) lanes: Lanes,
    /// Data commands that its media have seen.
    pub(super) data: u32,
    /// Since when nothing was completed although something is under way.
    pub(super) waits_since: u64,
    /// Intervals of serverTimeOut that have passed since something was completed.
    pub(super) intervals: u8,
    /// Whether somebody on the server's side is about to call SignalAbort.
    pub(super) operator: bool,
    /// Whether somebody on the client's side wants to stop.
    pub(super) abort: bool,
    pub(super) of_server: Known,
    pub(super) of_client: Known,
    pub(super) of_stranger: Known,
    /// Buffers that were allocated in this life.
    pub(super) made: Vec<u32>,
    /// Those that the primary client's process has got.
    pub(super) got: Vec<u32>,
}

impl Set {
    pub(super) fn new(options: &Options, run: u8, ids: u32, lanes: Lanes) -> Self {
        Self {
            server: Server::new(Job::Backup, ids),
            client: Client::new(Job::Backup, options, run == 0),
            statement: Statement::NotIssued,
            media: (0..options.devices).map(|_| Medium::new(options)).collect(),
            setup: setup::agreed(options, Job::Backup, run.into()),
            ids,
            run,
            lanes,
            data: 0,
            waits_since: 0,
            intervals: 0,
            operator: false,
            abort: false,
            of_server: Known::default(),
            of_client: Known::default(),
            of_stranger: Known::default(),
            made: Vec::new(),
            got: Vec::new(),
        }
    }
}

/// A world, running.
#[derive(Debug)]
pub(super) struct World<'a, E> {
    pub(super) options: &'a Options,
    pub(super) profile: &'a Profile,
    pub(super) engine: &'a mut E,
    pub(super) chances: Chances,
    pub(super) lanes: Vec<Lane>,
    pub(super) sets: Vec<Set>,
    pub(super) observer: Observer,
    scheduler: Scheduler,
    pub(super) job: Job,
    /// Lanes that can act.
    pub(super) ready: Lanes,
    /// Lanes that are inside a call.
    pub(super) in_call: Lanes,
    pub(super) asleep: Lanes,
    /// Lanes inside a completion routine that takes its time.
    pub(super) held: Lanes,
    /// Lanes that have come to their end.
    pub(super) done: Lanes,
    pub(super) now: u64,
    /// Whether every lane inside a call has been asked since something last happened.
    pub(super) swept: bool,
    pub(super) rests: u32,
    /// Waits for a command that have passed since anything else happened.
    pub(super) polls: u32,
    pub(super) counts: Counts,
    pub(super) commands: u32,
    pub(super) buffers: u32,
    /// The last number given to a handle of a buffer, and the handles that were given.
    pub(super) handles: u32,
    pub(super) given: Vec<u32>,
    /// The step of the next odd call, and whether it is due, by who makes it.
    pub(super) odd_at: u32,
    /// How many odd calls there may yet be: the world is to come to an end.
    pub(super) odd_left: u32,
    /// The step of the next fault that comes at a drawn step.
    pub(super) trouble_at: u32,
    pub(super) odd_due: [bool; 3],
    pub(super) dead: Vec<Process>,
    /// The line of the trace that tells of the death of the primary client's process.
    pub(super) primary_died: Option<usize>,
    /// The faults that came.
    pub(super) struck: Struck,
    /// The functions called out of the order by which others may have been disturbed.
    pub(super) meddled: Vec<Function>,
    /// A client in the place of ours.
    pub(super) own: Option<Own<'a>>,
}

impl<'a, E: Engine> World<'a, E> {
    pub(super) fn new(
        (options, profile): (&'a Options, &'a Profile),
        mut chances: Chances,
        engine: &'a mut E,
        (lanes, observer): (Vec<Lane>, Observer),
    ) -> Self {
        let scheduler = Scheduler::new(options.strategy, lanes.len(), &mut chances.schedule);
        Self {
            options,
            profile,
            engine,
            chances,
            lanes,
            sets: setup::sets(options),
            observer,
            scheduler,
            job: Job::Backup,
            ready: 0,
            in_call: 0,
            asleep: 0,
            held: 0,
            done: 0,
            now: 0,
            swept: false,
            rests: 0,
            polls: 0,
            counts: Counts::default(),
            commands: 0,
            buffers: 0,
            handles: 0,
            given: Vec::new(),
            odd_at: 1,
            odd_left: MOST_ODD,
            trouble_at: next_fault(&options.faults, 0),
            odd_due: [false; 3],
            dead: Vec::new(),
            primary_died: None,
            struck: Struck::default(),
            meddled: Vec::new(),
            own: None,
        }
    }

    /// A statement begins: every set is about to be created anew.
    pub(super) fn begin(&mut self, job: Job) {
        self.job = job;
        for (index, set) in self.sets.iter_mut().enumerate() {
            setup::begin(set, index, job, self.options);
            self.observer.begins(&set.setup);
            self.engine.begin(set.run, &set.setup, setup::scarcity(self.options));
            for lane in each(set.lanes) {
                self.lanes[lane].place.run = set.run;
            }
        }
        if let Some(own) = &mut self.own {
            own.begins(job == Job::Restore, &self.sets[0].setup);
        }
        self.done = 0;
        self.ready = self.all();
    }

    pub(super) fn all(&self) -> Lanes {
        self.sets.iter().fold(0, |lanes, set| lanes | set.lanes)
    }

    /// Runs until every lane has come to its end, or nothing goes on.
    pub(super) fn run(&mut self) -> Ended {
        while self.done != self.all() {
            if self.counts.steps >= self.options.most_steps {
                return Ended::TooLong;
            }
            if self.observer.is_over() {
                return Ended::Judged;
            }
            if let Some(lane) = self.engine.pressing() {
                let by = self.by(lane.into());
                if let Some(happened) = self.engine.advance(by, &mut self.chances.answers) {
                    self.happened(lane.into(), happened);
                }
                continue;
            }
            self.trouble();
            if self.done == self.all() {
                break;
            }
            self.ready &= !self.held;
            if self.ready == 0 && !self.rest() {
                let waiting = self.waiting();
                // Who waits for a moment that will not come any more has come to its end.
                return if waiting.is_empty() { Ended::Done } else { Ended::Stuck(waiting) };
            }
            self.ready &= !self.held;
            if self.ready != 0 {
                let lane =
                    self.scheduler.pick(self.ready, self.counts.steps, &mut self.chances.schedule);
                self.counts.steps += 1;
                self.step(lane.into());
            }
        }
        Ended::Done
    }

    pub(super) fn by(&self, lane: usize) -> By {
        let Place { process, run, .. } = self.lanes[lane].place;
        By { lane: lane as u8, process, run }
    }

    pub(super) fn wake_all(&mut self, set: usize) {
        self.ready |= self.sets[set].lanes & !self.asleep & !self.done;
        self.swept = false;
    }

    fn step(&mut self, lane: usize) {
        let bit = 1 << lane;
        if self.in_call & bit == 0 {
            self.act(lane);
            return;
        }
        let by = self.by(lane);
        match self.engine.advance(by, &mut self.chances.answers) {
            Some(happened) => self.happened(lane, happened),
            None => self.ready &= !bit,
        }
    }

    fn act(&mut self, lane: usize) {
        let bit = 1 << lane;
        match self.next(lane) {
            Act::Call(ask, fill) => {
                if let (Some(extent), Ask::SendCommand(sent)) = (fill, &ask)
                    && let Some(buffer) = sent.buffer
                {
                    let by = self.by(lane);
                    self.engine.put(by, buffer, &[extent]);
                }
                self.call(lane, ask);
            }
            Act::Sleep(milliseconds) => {
                self.lanes[lane].deadline = self.now + u64::from(milliseconds);
                self.asleep |= bit;
                self.ready &= !bit;
            }
            Act::Idle => self.ready &= !bit,
            Act::Done => {
                self.done |= bit;
                self.ready &= !bit;
                let set = self.lanes[lane].place.set.into();
                self.wake_all(set);
            }
            other => self.note(lane, other),
        }
    }

    /// What the program on a lane does next.
    fn next(&mut self, lane: usize) -> Act {
        let Lane { place, role, .. } = self.lanes[lane];
        let index = usize::from(place.set);
        if self.own.is_some() {
            match role {
                Role::Client | Role::Sql | Role::Worker(_) => return self.ask_own(lane),
                Role::OddClient => return self.stop_own(),
                _ => {}
            }
        }
        if matches!(role, Role::OddServer | Role::OddClient | Role::Stranger) {
            return self.act_oddly(role, index);
        }
        let worker = match role {
            Role::Worker(worker) => Some(usize::from(worker)),
            Role::Client if self.options.arrangement == Arrangement::OneThread => Some(0),
            _ => None,
        };
        if let Some(worker) = worker {
            self.carry_out(index, worker);
        }
        let Self { options, profile, chances, commands, buffers, sets, dead, struck, .. } = self;
        let Chances { programs: chance, faults, .. } = chances;
        let orphaned = dead.contains(&Process::Primary);
        let Set { server, client, statement, operator, abort, .. } = &mut sets[index];
        let mut scene =
            Scene { options, profile, chance, faults, commands, buffers, statement, struck };
        match role {
            Role::Server => server.next(&mut scene),
            Role::Agent => match server.agent {
                AgentLane::Called if server.is_ending() => {
                    server.agent = AgentLane::Returned;
                    Act::Done
                }
                AgentLane::Called => {
                    server.agent = AgentLane::Running;
                    Act::call(Ask::ExecuteCompletionAgent)
                }
                AgentLane::Returned => Act::Done,
                _ if server.has_ended() => Act::Done,
                _ => Act::Idle,
            },
            Role::Operator if *operator && server.is_open() => {
                *operator = false;
                scene.struck.insert(Fault::ServerAbort);
                Act::call(Ask::SignalAbort)
            }
            Role::Operator if server.has_ended() => Act::Done,
            Role::Operator => Act::Idle,
            Role::Client => client.next(&mut scene),
            Role::Sql if *abort && client.is_open() => {
                *abort = false;
                scene.struck.insert(Fault::ClientAbort);
                Act::call(Ask::SignalAbort)
            }
            Role::Sql => client.next_sql(&mut scene),
            // Whoever would have started it is no more.
            Role::Worker(worker) if orphaned && client.is_unstarted(worker.into()) => Act::Done,
            Role::Worker(worker) if client.is_serving() => {
                client.next_worker(worker.into(), &mut scene)
            }
            Role::Worker(_) if client.has_ended() || orphaned => Act::Done,
            Role::Worker(_) | Role::OddServer | Role::OddClient | Role::Stranger => Act::Idle,
        }
    }

    pub(super) fn call(&mut self, lane: usize, ask: Ask) {
        let Lane { place, role, .. } = self.lanes[lane];
        let bit = 1 << lane;
        let set = usize::from(place.set);
        let again = self.opens_again(place.process, &ask);
        self.observer.call(self.by(lane), &ask, again);
        self.counts.calls += 1;
        self.counts.model_steps += 1;
        self.in_call |= bit;
        self.swept = false;
        if !matches!(ask, Ask::GetCommand { .. }) && !role.is_odd() {
            self.polls = 0;
        }
        self.lanes[lane].ask = Some(ask);
        self.lanes[lane].deadline = match ask {
            Ask::GetConfiguration { wait: Wait::Milliseconds(most @ 1..) }
            | Ask::GetCommand { wait: Wait::Milliseconds(most @ 1..), .. } => {
                self.now + u64::from(most)
            }
            _ => NEVER,
        };
        // Names are given when a call returns: two such calls at a time would be bound to
        // the same thing.
        let names = matches!(
            ask,
            Ask::CreateEx
                | Ask::OpenInSecondaryEx
                | Ask::Open
                | Ask::OpenDevice { .. }
                // What is freed is not to be sent meanwhile.
                | Ask::FreeBuffer { .. }
                | Ask::Odd(_)
        );
        // What the configuration is becomes known when such a call returns: nobody is to
        // see it before, and nobody would without calls out of the order.
        let configures = matches!(ask, Ask::BeginConfiguration | Ask::EndConfiguration);
        let at_once = match self.options.at_once {
            8 => true,
            _ if configures && self.options.odd_calls > 0 => true,
            _ if names => true,
            // Whether the agent runs already is then not left open.
            _ if matches!(ask, Ask::CloseDevice { .. }) && !self.sets[set].server.is_active() => {
                true
            }
            0 => false,
            most => self.chances.answers.below(8) < most.into(),
        };
        let by = self.by(lane);
        let returned = self.engine.call(by, &ask, at_once, &mut self.chances.answers);
        if role == Role::Agent {
            self.wake_all(set);
        }
        self.wake(set, &ask);
        if let Some(happened) = returned {
            self.happened(lane, happened);
        } else if self.options.overlaps && self.chances.odd.once_in(2) {
            // It is left where it is, until something wakes it or all else rests.
            self.ready &= !bit;
        }
    }

    /// A call may let others go on.
    fn wake(&mut self, set: usize, ask: &Ask) {
        let device = match ask {
            Ask::GetCommand { .. } | Ask::AllocateBuffer { .. } | Ask::RequestBuffers { .. } => {
                return;
            }
            Ask::SendCommand(sent) => sent.device,
            Ask::CompleteCommand(done) => {
                self.ready |= self.in_call & 1 << (self.first(set) + 1);
                done.device
            }
            _ => {
                self.ready |= self.in_call & self.sets[set].lanes;
                return;
            }
        };
        self.ready |= self.in_call & 1 << self.worker_lane(set, device);
    }

    /// The first lane of a set: its server's; the agent's is the next.
    pub(super) fn first(&self, set: usize) -> usize {
        self.sets[set].lanes.trailing_zeros() as usize
    }

    /// The lane on which a device is served.
    fn worker_lane(&self, set: usize, device: u8) -> usize {
        match self.options.arrangement {
            Arrangement::OneThread => self.first(set) + 3,
            _ => self.first(set) + names::SET_LANES + usize::from(device),
        }
    }

    fn happened(&mut self, lane: usize, happened: Happened) {
        let place = self.lanes[lane].place;
        let index = usize::from(place.set);
        self.counts.model_steps += 1;
        self.swept = false;
        match happened {
            Happened::CalledBack(back) => {
                let held = self.takes_its_time(lane, &back);
                self.observer.called_back(lane as u8, &back, held);
                self.counts.commands += 1;
                self.polls = 0;
                self.called_back(lane, &back);
                let first = self.first(index);
                self.ready |= 1 << first & !self.asleep & !self.done;
                if back.code != vdi_spec::codes::Win32::ERROR_SUCCESS || back.bytes == 0 {
                    self.ready |= self.in_call & self.sets[index].lanes;
                }
            }
            Happened::Returned(answer) => {
                let bit = 1 << lane;
                self.in_call &= !bit;
                self.ready |= bit;
                self.lanes[lane].deadline = NEVER;
                let Some(ask) = self.lanes[lane].ask.take() else {
                    return;
                };
                let status = answer.status;
                if status != HResult::NOERROR || self.options.odd_calls > 0 {
                    self.note_return(lane, &ask, status);
                }
                self.learn(lane, &ask, &answer);
                self.returned(lane, &ask, &answer);
                let by = self.by(lane);
                self.observer.returned(by, answer);
                let completed = matches!(ask, Ask::CompleteCommand(_));
                let sent = matches!(ask, Ask::SendCommand(_));
                if status == HResult::NOERROR && (completed || sent) {
                    self.sets[index].waits_since = self.now;
                    self.sets[index].intervals *= u8::from(sent);
                } else if !matches!(ask, Ask::GetCommand { .. }) || status != HResult::NOERROR {
                    self.wake_all(index);
                }
            }
        }
    }

    fn returned(&mut self, lane: usize, ask: &Ask, answer: &super::engine::Answer) {
        let Lane { place, role, .. } = self.lanes[lane];
        let Set { server, client, statement, .. } = &mut self.sets[usize::from(place.set)];
        match role {
            Role::Client | Role::Sql | Role::Worker(_) if let Some(own) = &mut self.own => {
                own.returned(lane, ask, answer);
            }
            Role::Server => {
                let failed = server.has_failed();
                server.returned(ask, answer, (self.options, self.profile));
                let short = answer.status == HResult::VD_E_MEMORY;
                if short && server.has_failed() && !failed {
                    self.struck.insert(Fault::NoMemory);
                }
            }
            Role::Agent => server.agent_returned(answer.status),
            Role::Operator | Role::Sql | Role::OddServer | Role::OddClient | Role::Stranger => {}
            Role::Client => client.returned(ask, answer, statement, self.profile),
            Role::Worker(worker) => {
                client.workers[usize::from(worker)].returned(ask, answer, *statement, self.profile);
            }
        }
    }
}
