//! A simulation, and its steps: one lane acts at a time, as the seed decides.
//!
//! Time is virtual: it passes only when no lane can act, up to the next deadline. If
//! there is none the world is stuck, and says which lanes wait.

use super::set::Set;
use super::setup;
use crate::backend::{Actor, Ask, Backend, ClientAsk, ServerAsk};
use crate::faults::injected::Fault;
use crate::faults::schedule::FaultSchedule;
use crate::observe::events::Observation;
use crate::observe::names::LaneInfo;
use crate::observe::observer::Observer;
use crate::observe::outcome::{Counts, Ended};
use crate::options::{Arrangement, Options};
use crate::rng::Rngs;
use crate::scheduler::clock::Clock;
use crate::scheduler::lanes::{Lane, LaneTable, Role};
use crate::workload::external_client::ExternalClient;
use crate::workload::numbers::Numbers;
use crate::workload::program::{Act, ProgramContext, StatementKind};
use vdi_spec::clauses::Profile;
use vdi_trace::Process;

/// A world, running.
#[derive(Debug)]
pub(super) struct Simulation<'a, B> {
    pub(super) options: &'a Options,
    pub(super) profile: &'a Profile,
    pub(super) backend: &'a mut B,
    pub(super) rngs: Rngs,
    pub(super) lanes: LaneTable,
    pub(super) clock: Clock,
    pub(super) sets: Vec<Set>,
    pub(super) numbers: Numbers,
    pub(super) faults: FaultSchedule,
    pub(super) observer: Observer,
    pub(super) counts: Counts,
    /// A client in the place of ours.
    pub(super) external: Option<ExternalClient<'a>>,
}

impl<'a, B: Backend> Simulation<'a, B> {
    pub(super) fn new(
        seed: u64,
        options: &'a Options,
        profile: &'a Profile,
        backend: &'a mut B,
        lanes: Vec<Lane>,
        observer: Observer,
    ) -> Self {
        let mut rngs = Rngs::new(seed, options.order);
        let strategy = options.strategy;
        Self {
            options,
            profile,
            backend,
            lanes: LaneTable::new(lanes, options.sets, strategy, &mut rngs.schedule),
            rngs,
            clock: Clock::default(),
            sets: Set::all(options),
            numbers: Numbers::default(),
            faults: FaultSchedule::new(&options.faults),
            observer,
            counts: Counts::default(),
            external: None,
        }
    }

    /// A statement begins: every set is about to be created anew.
    pub(super) fn begin(&mut self, kind: StatementKind) {
        for (index, set) in self.sets.iter_mut().enumerate() {
            set.begin(index, kind, self.options);
            self.observer.begins(&set.setup);
            self.backend.begin(set.run, &set.setup, setup::scarcity(self.options));
        }
        if let Some(external) = &mut self.external {
            external.begins(kind == StatementKind::Restore, &self.sets[0].setup);
        }
        self.lanes.begin(self.sets.iter().map(|set| set.run));
    }

    /// Runs until every lane has come to its end, or nothing goes on.
    pub(super) fn run(&mut self) -> Ended {
        while !self.lanes.all_done() {
            if self.counts.steps >= self.options.most_steps {
                return Ended::TooLong;
            }
            if self.observer.is_over() {
                return Ended::Judged;
            }
            if let Some(lane) = self.backend.pressing() {
                self.advance(lane.into());
                continue;
            }
            self.go_wrong();
            if self.lanes.all_done() {
                break;
            }
            if !self.lanes.can_act() && !self.rest() {
                let waiting = self.lanes.waiting();
                // Who waits for a moment that will not come any more has come to its end.
                return if waiting.is_empty() { Ended::Done } else { Ended::Stuck(waiting) };
            }
            if let Some(lane) = self.lanes.pick(self.counts.steps, &mut self.rngs.schedule) {
                self.counts.steps += 1;
                self.step(lane);
            }
        }
        Ended::Done
    }

    fn step(&mut self, lane: usize) {
        if !self.lanes.is_in_call(lane) {
            self.act(lane);
        } else if !self.advance(lane) {
            self.lanes.rests(lane);
        }
    }

    /// Something happens on a lane that is inside a call, if anything can.
    fn advance(&mut self, lane: usize) -> bool {
        let by = self.by(lane);
        let event = self.backend.advance(by, &mut self.rngs.answers);
        let happens = event.is_some();
        if let Some(event) = event {
            self.happened(lane, event);
        }
        happens
    }

    pub(super) fn by(&self, lane: usize) -> Actor {
        let LaneInfo { process, run, .. } = self.lanes.lane(lane).info;
        Actor { lane: lane as u8, process, run }
    }

    fn act(&mut self, lane: usize) {
        match self.next_act(lane) {
            Act::Call(ask, fill) => {
                if let (Some(extent), Ask::Server(ServerAsk::SendCommand(sent))) = (fill, &ask)
                    && let Some(buffer) = sent.buffer
                {
                    let by = self.by(lane);
                    self.backend.put(by, buffer, &[extent]);
                }
                self.call(lane, ask);
            }
            Act::Sleep(milliseconds) => {
                self.lanes.sleeps(lane, self.clock.after(milliseconds));
            }
            Act::Idle => self.lanes.rests(lane),
            Act::Done => self.lanes.ends(lane),
            Act::Use { buffer, writes } => self.use_buffer(lane, buffer, writes),
            Act::Touch(resource) => {
                let by = self.by(lane);
                let found = self.backend.lives(by, resource);
                self.observer.note(Observation::Touched { by, resource, found });
            }
            Act::Scribble { command } => {
                self.observer.note(Observation::Scribbled { lane: lane as u8, command });
            }
            Act::Issue { devices } => self.issued(lane, devices),
            Act::Learn { succeeded } => self.learned(lane, succeeded),
            Act::Report(what) => {
                self.observer.note(Observation::Reported { lane: lane as u8, what });
            }
        }
    }

    /// What the program on a lane does next.
    fn next_act(&mut self, lane: usize) -> Act {
        let Lane { info, role, .. } = *self.lanes.lane(lane);
        let index = usize::from(info.set);
        match role {
            Role::Client | Role::Sql | Role::Worker(_) if self.external.is_some() => {
                return self.next_external(lane);
            }
            Role::Misuser(misuser) => return self.misuse(misuser, index),
            Role::Worker(worker) => self.carry_out(index, worker.into()),
            Role::Client if self.options.arrangement == Arrangement::OneThread => {
                self.carry_out(index, 0);
            }
            Role::Client | Role::Sql | Role::Server | Role::Agent | Role::Operator => {}
        }
        let orphaned = self.faults.is_dead(Process::Primary);
        let Set { server, client, statement, stops, .. } = &mut self.sets[index];
        let Rngs { programs: rng, faults: fault_rng, .. } = &mut self.rngs;
        let mut context = ProgramContext {
            options: self.options,
            profile: self.profile,
            rng,
            fault_rng,
            numbers: &mut self.numbers,
            statement,
            injected: &mut self.faults.injected,
        };
        match role {
            Role::Server => server.next(&mut context),
            Role::Agent => server.next_agent(),
            Role::Operator if stops.server && server.is_open() => {
                stops.server = false;
                context.injected.insert(Fault::ServerAbort);
                Act::call(ServerAsk::SignalAbort)
            }
            Role::Operator if server.has_ended() => Act::Done,
            Role::Client => client.next(&mut context),
            Role::Sql if stops.client && client.is_open() => {
                stops.client = false;
                context.injected.insert(Fault::ClientAbort);
                Act::call(ClientAsk::SignalAbort)
            }
            Role::Sql => client.next_sql(&mut context),
            // Whoever would have started it is no more.
            Role::Worker(worker) if orphaned && client.is_unstarted(worker.into()) => Act::Done,
            Role::Worker(worker) if client.is_serving() => {
                client.next_worker(worker.into(), &mut context)
            }
            Role::Worker(_) if client.has_ended() || orphaned => Act::Done,
            Role::Operator | Role::Worker(_) | Role::Misuser(_) => Act::Idle,
        }
    }
}
