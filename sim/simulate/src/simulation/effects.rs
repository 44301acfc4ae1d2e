//! What happens besides calls: time passes, faults come, clients move data and learn how
//! their statement ended.

use super::set::Set;
use super::step::Simulation;
use crate::backend::{Ask, Backend, ClientAsk, Delivered};
use crate::faults::Refusal;
use crate::faults::injected::Fault;
use crate::faults::misuse_calls::{Inside, MisuseContext, Misuser};
use crate::observe::events::Observation;
use crate::scheduler::lanes::{CLIENT_LANE, NEVER, Role, SERVER_LANE};
use crate::scheduler::strategy::each;
use crate::workload::content::Content;
use crate::workload::deviation::Deviation;
use crate::workload::external_client::{BufferAccess, Surroundings};
use crate::workload::medium::Completion;
use crate::workload::program::{Act, StatementState};
use vdi_spec::clauses::{Party, ShortReadSuccess};
use vdi_spec::codes::{CommandCode, Win32};
use vdi_trace::{HowEnded, Process, Statement};

/// Time.
impl<B: Backend> Simulation<'_, B> {
    /// Nobody can act: whoever is inside a call is asked once more, then time passes.
    pub(super) fn rest(&mut self) -> bool {
        if self.lanes.sweep() {
            return true;
        }
        let rests = self.clock.rest();
        let tells = rests.is_multiple_of(4) || self.options.odd_calls > 0;
        if tells && self.lanes.anybody_calls() {
            self.tell_rest();
        }
        let agents = (0..self.lanes.len()).filter_map(|lane| Some((self.patience(lane)?, lane)));
        let others = self.lanes.iter().enumerate().map(|(lane, of)| (of.deadline, lane));
        let (at, lane) = agents.chain(others).min().unwrap_or((NEVER, 0));
        let passes = at != NEVER && self.clock.advance(at, self.lanes.lane(lane), &self.lanes);
        if passes {
            self.counts.milliseconds = self.clock.now();
            self.deadline_comes(lane);
        }
        passes
    }

    /// Everything is at rest: these lanes are still in their calls.
    pub(super) fn tell_rest(&mut self) {
        self.observer.note(Observation::Rests { lanes: self.lanes.callers() });
    }

    /// When the agent on this lane has waited for one more interval of serverTimeOut.
    fn patience(&self, lane: usize) -> Option<u64> {
        let lane = self.lanes.lane(lane);
        let interval = u64::from(self.options.server_time_out);
        let set = &self.sets[usize::from(lane.info.set)];
        let waits = lane.role == Role::Agent && lane.ask.is_some() && interval > 0;
        (waits && set.server.under_way()).then(|| set.time_out.next(interval))
    }

    fn deadline_comes(&mut self, lane: usize) {
        if self.lanes.is_held(lane) {
            self.routine_deadline_comes(lane);
            return;
        }
        self.lanes.wakes_up(lane);
        if self.lanes.is_in_call(lane) {
            if self.lanes.lane(lane).role == Role::Agent {
                self.interval_passes(lane);
                self.lanes.only_callers();
            }
            self.expires(lane);
        }
    }

    /// One interval of serverTimeOut passes for the agent on this lane.
    fn interval_passes(&mut self, lane: usize) {
        let set = &mut self.sets[usize::from(self.lanes.lane(lane).info.set)];
        set.time_out.skip(self.clock.now());
        if set.server.is_pressed() && set.time_out.count() {
            self.faults.injected.insert(Fault::TimeOut);
        }
    }

    fn expires(&mut self, lane: usize) {
        self.observer.note(Observation::Expired { lane: lane as u8 });
        self.counts.model_steps += 1;
        self.backend.expire(self.by(lane));
    }

    /// Time passes for an agent that is inside a completion routine: the routine
    /// returns, or else an interval of serverTimeOut has passed over it, which does not
    /// count: the agent waits for nothing.
    fn routine_deadline_comes(&mut self, lane: usize) {
        self.lanes.changes();
        let (deadline, command) = (self.lanes.lane(lane).deadline, self.lanes.lane(lane).routine);
        if self.clock.now() < deadline {
            let set = usize::from(self.lanes.lane(lane).info.set);
            self.sets[set].time_out.skip(self.clock.now());
            self.expires(lane);
            return;
        }
        self.lanes.releases(lane);
        self.observer.note(Observation::Ended { lane: lane as u8, command });
        self.backend.ends(self.by(lane));
    }
}

/// What goes wrong.
impl<B: Backend> Simulation<'_, B> {
    /// What the seed has drawn for this step goes wrong.
    #[inline]
    pub(super) fn go_wrong(&mut self) {
        let step = self.counts.steps;
        if self.faults.misuses.comes(step, self.options, &mut self.rngs.misuse) {
            self.lanes.wake_set(0);
        }
        if self.faults.comes(step, &self.options.faults) {
            self.inject(step);
        }
    }

    fn inject(&mut self, step: u32) {
        let (faults, now) = (&self.options.faults, Some(step));
        let index = usize::from(faults.set).min(self.sets.len() - 1);
        let set = &mut self.sets[index];
        set.stops.server |= now == faults.server_abort_at;
        set.stops.client |= now == faults.client_abort_at;
        if now == faults.cancelled_at && set.server.cancel() {
            self.faults.injected.insert(Fault::Cancel);
        }
        self.lanes.wake_set(index);
        let secondary = Process::Secondary(1 + faults.secondary);
        let dies = [
            (faults.server_dies_at, Process::Server, Fault::ServerDeath),
            (faults.primary_dies_at, Process::Primary, Fault::PrimaryDeath),
            (faults.secondary_dies_at, secondary, Fault::SecondaryDeath),
        ];
        for (at, process, fault) in dies {
            if at != now || self.faults.is_dead(process) {
                continue;
            }
            let Some(busy) = self.lanes.takes_part(process) else {
                continue;
            };
            if busy {
                self.faults.injected.insert(fault);
            }
            self.kill(process);
        }
    }

    fn kill(&mut self, process: Process) {
        let gone = self.lanes.kill(process);
        self.observer.note(Observation::Exited { process, how: HowEnded::Killed });
        self.faults.note_death(process, self.observer.line());
        self.counts.model_steps += 1;
        self.backend.exit(process);
        if let Some(external) = &mut self.external {
            external.note_death(process);
        }
        for set in 0..self.sets.len() {
            let known = &mut self.sets[set];
            match process {
                // The connection breaks, which is how the client learns it.
                Process::Server if !known.statement.is_over() => {
                    known.statement = StatementState::Failed;
                }
                Process::Primary if known.statement == StatementState::NotIssued => {
                    known.statement = StatementState::Failed;
                }
                Process::Secondary(number) => known.client.loses(number),
                Process::Server | Process::Primary => {}
            }
            self.lanes.wake_set(set);
        }
        self.lanes.bury(gone);
    }

    /// The processes of this world that live.
    pub(super) fn living(&self) -> Vec<Process> {
        let mut living = self.lanes.processes();
        living.retain(|process| !self.faults.is_dead(*process));
        living
    }

    /// A misuse, if it is time.
    pub(super) fn misuse(&mut self, misuser: Misuser, index: usize) -> Act {
        if self.external.is_some() && misuser == Misuser::Client {
            return self.stop_external();
        }
        let (process, main) = match misuser {
            Misuser::Server => (Process::Server, SERVER_LANE),
            Misuser::Client | Misuser::Secondary => (Process::Primary, CLIENT_LANE),
        };
        // What is under way may change what a misuse is bound to.
        let main = self.lanes.first(index) + main;
        let busy = !self.options.overlaps && self.lanes.is_changing(main);
        let Set { server, client, misuse, .. } = &self.sets[index];
        let ended = match misuser {
            Misuser::Server => server.has_ended(),
            Misuser::Client | Misuser::Secondary => client.has_ended(),
        };
        // A secondary may be in the set of the BACKUP yet; and of a set whose primary has
        // died nothing is said.
        let orphaned = self.faults.is_dead(Process::Primary);
        let leaves = misuser == Misuser::Secondary && (misuse.secondary.closed || orphaned);
        if index > 0 || self.options.odd_calls == 0 || leaves {
            return Act::Done;
        }
        let due = self.faults.misuses.due(misuser);
        if !*due {
            return if ended { Act::Done } else { Act::Idle };
        }
        if busy && !ended {
            return Act::Idle;
        }
        *due = false;
        self.faults.injected.insert(Fault::OddCalls);
        let inside = Inside {
            opening: self.lanes.is_inside(index, process, |ask| ask.opened().is_some()),
            closing: self.lanes.is_inside(index, process, Ask::closes),
        };
        let context =
            MisuseContext::new(&mut self.rngs.misuse, &mut self.numbers, self.options, inside);
        misuse.misuse(misuser, context)
    }

    /// The functions misused, or being misused yet, by which others may have been disturbed.
    pub(super) fn note_pending_misuses(&mut self) {
        for lane in each(self.lanes.callers()) {
            let lane = self.lanes.lane(lane);
            if matches!(lane.role, Role::Misuser(_))
                && let Some(ask) = lane.ask.filter(|ask| ask.disturbs(true))
            {
                self.faults.misuses.note_disturbing(ask.function());
            }
        }
    }
}

/// What programs do besides calls.
impl<B: Backend> Simulation<'_, B> {
    /// The statement is handed to the server.
    pub(super) fn issued(&mut self, lane: usize, devices: u32) {
        let set = usize::from(self.lanes.lane(lane).info.set);
        let what = Statement::Issued;
        let devices = Some(devices);
        self.observer.note(Observation::Statement { lane: lane as u8, what, devices });
        self.lanes.wake_set(set);
    }

    /// The client learns how it ended.
    pub(super) fn learned(&mut self, lane: usize, succeeded: bool) {
        let what = if succeeded { Statement::Succeeded } else { Statement::Failed };
        self.observer.note(Observation::Statement { lane: lane as u8, what, devices: None });
        self.lanes.wake_set(self.lanes.lane(lane).info.set.into());
    }

    /// Carries out the command at hand of a client's device, if it moves no data.
    pub(super) fn carry_out(&mut self, index: usize, worker: usize) {
        let joint = self.sets.len() > 1;
        let set = &mut self.sets[index];
        let Some(device) = set.client.workers.get_mut(worker) else {
            return;
        };
        if let Some(delivered) = device.carries().filter(|delivered| delivered.buffer.is_none()) {
            let refusal = self.options.faults.refuses.map(Refusal::command);
            if let Some((_, code)) = refusal.filter(|(code, _)| *code == delivered.code) {
                self.faults.injected.insert(Fault::Refusal);
                device.answer(&Completion::of(code));
            } else if !device.control(&mut set.media.of_devices[worker], joint) {
                self.gather();
            }
        }
        if self.options.deviation == Some(Deviation::CompletesOnAnother) {
            let other = (worker + 1) % usize::from(self.options.devices);
            let workers = &mut self.sets[index].client.workers;
            // Of a device that was never opened it has no handle.
            if workers[other].has_opened() {
                workers[worker].misdirects(other as u8);
            }
        }
        if joint {
            self.gather();
        }
    }

    /// The sets of a joint snapshot wait for one another; if one fails, the others do
    /// not wait for ever.
    fn gather(&mut self) {
        let stage = |set: &Set| set.client.workers[0].gathers();
        let first = stage(&self.sets[0]);
        let together = first.is_some() && self.sets.iter().all(|set| stage(set) == first);
        let apart = |set: &Set| {
            set.statement.is_over() || set.client.workers.iter().any(|known| known.end().is_some())
        };
        if !together && !self.sets.iter().any(apart) {
            return;
        }
        for index in 0..self.sets.len() {
            if stage(&self.sets[index]).is_some() {
                self.sets[index].client.workers[0].gathered(together);
                self.lanes.wake_set(index);
            }
        }
    }

    /// A client's device uses the buffer of the command at hand.
    pub(super) fn use_buffer(&mut self, lane: usize, buffer: u32, writes: bool) {
        let by = self.by(lane);
        let index = usize::from(self.lanes.lane(lane).info.set);
        let worker = match self.lanes.lane(lane).role {
            Role::Worker(worker) => usize::from(worker),
            Role::Client => 0,
            Role::Server | Role::Agent | Role::Operator | Role::Sql | Role::Misuser(_) => return,
        };
        let set = &mut self.sets[index];
        let device = &mut set.client.workers[worker];
        let Some(delivered) = device.carries() else {
            return;
        };
        if device.moves_nothing() {
            device.pretends();
            return;
        }
        let size = u32::try_from(delivered.size).unwrap_or_default();
        let fails = self.options.faults.medium_fails_at == Some(set.media.count());
        let given = match writes {
            false => self.backend.get(by, buffer, size),
            true => Some(Content::new()),
        };
        let readable = given.is_some();
        let mut done = match given {
            None => Completion::failed(!writes),
            Some(_) if fails => {
                self.faults.injected.insert(Fault::MediumError);
                Completion::failed(!writes)
            }
            Some(content) if delivered.code == CommandCode::Write => {
                self.store(index, worker, &delivered, &content)
            }
            Some(_) => self.load(index, worker, &delivered),
        };
        let found = if writes { self.backend.put(by, buffer, &done.content) } else { readable };
        self.observer.used(lane as u8, buffer, writes, found);
        done.content.clear();
        self.sets[index].client.workers[worker].answer(&done);
    }

    /// The data of a Write goes to its medium.
    fn store(
        &mut self,
        set: usize,
        worker: usize,
        of: &Delivered,
        content: &Content,
    ) -> Completion {
        let medium = &mut self.sets[set].media.of_devices[worker];
        let done = medium.write(content, of.position);
        let injected = &mut self.faults.injected;
        match done.code {
            Win32::ERROR_SUCCESS => {}
            Win32::ERROR_END_OF_MEDIA => {
                injected.insert(Fault::EndOfMedia);
                if i64::from(done.bytes) < of.size {
                    injected.insert(Fault::ShortWrite);
                }
            }
            _ => injected.insert(Fault::MediumFull),
        }
        done
    }

    /// The data of a Read comes from its medium.
    fn load(&mut self, set: usize, worker: usize, of: &Delivered) -> Completion {
        let size = u32::try_from(of.size).unwrap_or_default();
        let (faults, block) = (&self.options.faults, self.options.block_size);
        let blocks = size / block;
        let may = self.profile.short_read_success == ShortReadSuccess::Allowed;
        let short = self.rngs.faults.once_in(faults.short) && blocks > 1 && may;
        let most = if short { blocks / 2 * block } else { size };
        let done = self.sets[set].media.of_devices[worker].read(size, most, of.position);
        if short && done.code == Win32::ERROR_SUCCESS {
            self.faults.injected.insert(Fault::ShortTransfer);
        }
        done
    }

    /// What a thread of the client in the place of ours does next.
    pub(super) fn next_external(&mut self, lane: usize) -> Act {
        let by = self.by(lane);
        let Some(external) = self.external.as_mut() else {
            return Act::Done;
        };
        let Set { statement, client, .. } = &mut self.sets[0];
        let surroundings = Surroundings {
            statement,
            devices: self.options.devices,
            sent: self.numbers.last_command(),
            buffers: &mut BufferAccess {
                backend: &mut *self.backend,
                observer: &mut self.observer,
                by,
            },
        };
        let (act, changed) = external.next(lane, surroundings);
        if let Act::Report(what) = act {
            client.note_report(what);
        }
        let breaks = external.is_broken();
        if changed {
            self.lanes.wake_set(0);
        }
        if breaks {
            for process in self.living() {
                if process.party() == Party::Client {
                    self.kill(process);
                }
            }
        }
        act
    }

    /// Somebody stops the statement of a client that is not ours: a thread of its primary
    /// process calls SignalAbort while the set is open.
    fn stop_external(&mut self) -> Act {
        let main = self.lanes.first(0) + CLIENT_LANE;
        if self.lanes.is_done(main) || self.options.faults.client_abort_at.is_none() {
            return Act::Done;
        }
        let known = self.sets[0].misuse.client;
        let open = known.begun && !known.closed;
        let busy = self.lanes.is_changing(main);
        if busy || !open || !std::mem::take(&mut self.sets[0].stops.client) {
            return Act::Idle;
        }
        self.faults.injected.insert(Fault::ClientAbort);
        Act::call(ClientAsk::SignalAbort)
    }
}
