//! A call from its beginning to its return, and the completion routines that run meanwhile.

use super::set::Set;
use super::step::Simulation;
use crate::backend::{Answer, Ask, Backend, CalledBack, ClientAsk, LaneEvent, ServerAsk, Wakes};
use crate::faults::injected::Fault;
use crate::observe::names;
use crate::options::Arrangement;
use crate::scheduler::lanes::{AGENT_LANE, CLIENT_LANE, Lane, NEVER, Role, SERVER_LANE};
use vdi_spec::codes::{HResult, Win32};

/// With so many of 8 every call returns in the step in which it is made, if it can.
const ALWAYS_AT_ONCE: u8 = 8;

impl<B: Backend> Simulation<'_, B> {
    /// A lane makes a call.
    pub(super) fn call(&mut self, lane: usize, ask: Ask) {
        let Lane { info, role, .. } = *self.lanes.lane(lane);
        let set = usize::from(info.set);
        let by = self.by(lane);
        let again = self.external.as_ref().is_some_and(|of| of.opens_again(info.process, &ask));
        self.observer.call(by, &ask, again);
        self.counts.calls += 1;
        self.counts.model_steps += 1;
        if !ask.fetches() && !matches!(role, Role::Misuser(_)) {
            self.clock.progress();
        }
        let deadline = ask.patience().map_or(NEVER, |most| self.clock.after(most));
        self.lanes.enters(lane, ask, deadline);
        let at_once = self.returns_at_once(set, &ask);
        let returned = self.backend.call(by, &ask, at_once, &mut self.rngs.answers);
        if role == Role::Agent {
            self.lanes.wake_set(set);
        }
        self.wake(set, &ask);
        if let Some(event) = returned {
            self.happened(lane, event);
        } else if self.options.overlaps && self.rngs.misuse.once_in(2) {
            // It is left where it is, until something wakes it or all else rests.
            self.lanes.rests(lane);
        }
    }

    /// Whether a call returns in the step in which it is made, if it can.
    fn returns_at_once(&mut self, set: usize, ask: &Ask) -> bool {
        // Nobody is to see a configuration before it is known, and without misuses nobody
        // would. Whether the agent runs already is not left open as a device is closed.
        let closes_device = matches!(ask, Ask::Server(ServerAsk::CloseDevice { .. }));
        let must = ask.binds()
            || ask.configures() && self.options.odd_calls > 0
            || closes_device && !self.sets[set].server.is_active();
        match self.options.at_once {
            ALWAYS_AT_ONCE => true,
            _ if must => true,
            0 => false,
            most => self.rngs.answers.below(ALWAYS_AT_ONCE.into()) < most.into(),
        }
    }

    /// A call may let others go on.
    fn wake(&mut self, set: usize, ask: &Ask) {
        match ask.wakes() {
            Wakes::Nobody => {}
            Wakes::Set => self.lanes.wake_callers_of(set),
            Wakes::Device(device) => self.lanes.wake_caller(self.worker_lane(set, device)),
            Wakes::DeviceAndAgent(device) => {
                self.lanes.wake_caller(self.lanes.first(set) + AGENT_LANE);
                self.lanes.wake_caller(self.worker_lane(set, device));
            }
        }
    }

    /// The lane on which a device is served.
    fn worker_lane(&self, set: usize, device: u8) -> usize {
        let first = self.lanes.first(set);
        match self.options.arrangement {
            Arrangement::OneThread => first + CLIENT_LANE,
            Arrangement::ThreadPerDevice | Arrangement::ProcessPerDevice => {
                first + names::SET_LANES + usize::from(device)
            }
        }
    }

    /// Something has happened on a lane that is inside a call.
    pub(super) fn happened(&mut self, lane: usize, event: LaneEvent) {
        self.counts.model_steps += 1;
        self.lanes.changes();
        match event {
            LaneEvent::CalledBack(back) => self.called_back(lane, &back),
            LaneEvent::Returned(answer) => {
                if let Some(ask) = self.lanes.leaves(lane) {
                    self.returned(lane, &ask, answer);
                }
            }
        }
    }

    /// A completion routine runs in the server.
    fn called_back(&mut self, lane: usize, back: &CalledBack) {
        let index = usize::from(self.lanes.lane(lane).info.set);
        let held = self.takes_its_time(lane, back);
        self.observer.called_back(lane as u8, back, held);
        self.counts.commands += 1;
        self.clock.progress();
        let by = self.by(lane);
        let set = &mut self.sets[index];
        let into = set.server.read_into(back.command);
        let content =
            into.and_then(|(buffer, most)| self.backend.get(by, buffer, back.bytes.min(most)));
        set.server.called_back(back, content, self.options.removable);
        self.lanes.wake_idle(self.lanes.first(index) + SERVER_LANE);
        if back.code != Win32::ERROR_SUCCESS || back.bytes == 0 {
            self.lanes.wake_callers_of(index);
        }
    }

    /// Whether a completion routine takes its time, which is drawn; the agent is in it
    /// until then.
    fn takes_its_time(&mut self, lane: usize, back: &CalledBack) -> bool {
        let slow = self.options.faults.slow_callback;
        if self.lanes.lane(lane).role != Role::Agent || !self.rngs.faults.once_in(slow) {
            return false;
        }
        let takes = self.rngs.faults.one_of(&[1_u32, 400, 2_500]);
        self.lanes.holds(lane, self.clock.after(takes), back.command);
        self.faults.injected.insert(Fault::SlowCallback);
        let by = self.by(lane);
        self.backend.holds(by);
        true
    }

    fn returned(&mut self, lane: usize, ask: &Ask, answer: Answer) {
        let Lane { info, role, .. } = *self.lanes.lane(lane);
        let index = usize::from(info.set);
        let (status, good) = (answer.status, answer.status == HResult::NOERROR);
        if !good || self.options.odd_calls > 0 {
            self.note_return(role, ask, status);
        }
        let set = &mut self.sets[index];
        set.misuse.learn(info.process, matches!(role, Role::Misuser(_)), ask, &answer);
        match *ask {
            Ask::Server(ServerAsk::FreeBuffer { buffer: Some(buffer), .. }) if good => {
                set.server.loses(buffer);
            }
            Ask::Client(ClientAsk::GetBufferHandle { handle, .. }) if good => {
                self.numbers.give_handle(handle);
            }
            Ask::Server(_) | Ask::Client(_) => {}
        }
        self.tell_program(lane, ask, &answer);
        let by = self.by(lane);
        self.observer.returned(by, answer);
        let completed = matches!(ask, Ask::Client(ClientAsk::CompleteCommand(_)));
        let sent = matches!(ask, Ask::Server(ServerAsk::SendCommand(_)));
        if good && (completed || sent) {
            self.sets[index].time_out.progress(self.clock.now(), completed);
        } else if !(good && ask.fetches()) {
            self.lanes.wake_set(index);
        }
    }

    /// The program on a lane is told that its call has returned.
    fn tell_program(&mut self, lane: usize, ask: &Ask, answer: &Answer) {
        let Lane { info, role, .. } = *self.lanes.lane(lane);
        let Set { server, client, statement, .. } = &mut self.sets[usize::from(info.set)];
        match (role, ask) {
            (Role::Client | Role::Sql | Role::Worker(_), Ask::Client(ask))
                if let Some(external) = &mut self.external =>
            {
                external.returned(lane, ask, answer);
            }
            (Role::Server, Ask::Server(ask)) => {
                let failed = server.has_failed();
                server.returned(ask, answer, self.options, self.profile);
                let short = answer.status == HResult::VD_E_MEMORY;
                if short && server.has_failed() && !failed {
                    self.faults.injected.insert(Fault::NoMemory);
                }
            }
            (Role::Agent, _) => server.agent_returned(answer.status),
            (Role::Client, Ask::Client(ask)) => {
                client.returned(ask, answer, statement, self.profile);
            }
            (Role::Worker(worker), Ask::Client(ask)) => {
                let worker = &mut client.workers[usize::from(worker)];
                worker.returned(ask, answer, *statement, self.profile);
            }
            (Role::Server | Role::Client | Role::Worker(_), _)
            | (Role::Operator | Role::Sql | Role::Misuser(_), _) => {}
        }
    }

    /// What the return of a call shows of what is scarce, and of misuses.
    fn note_return(&mut self, role: Role, ask: &Ask, status: HResult) {
        match status {
            HResult::VD_E_MEMORY => self.faults.injected.insert(Fault::Memory),
            HResult::VD_E_BUSY => self.faults.injected.insert(Fault::QueueFull),
            status if status.is_system_error() => self.faults.injected.insert(Fault::System),
            _ => {}
        }
        // An agent that was ended by an abort has run until then.
        let agent = *ask == Ask::Server(ServerAsk::ExecuteCompletionAgent);
        let ran = agent && status == HResult::VD_E_ABORT;
        let misuses = matches!(role, Role::Misuser(_));
        if misuses && ask.disturbs(ran || status == HResult::NOERROR) {
            self.faults.misuses.note_disturbing(ask.function());
        }
    }
}
