//! The model as a backend: of what the documents allow, the seed chooses.

use smallvec::SmallVec;

use super::translate::Life;
use super::{
    Actor, Answer as Given, Ask, Backend, CalledBack, Delivered, Extra, LaneEvent, Resource,
    Scarcity, Send, ServerAsk, Setup,
};
use crate::campaign::coverage::Clauses;
use crate::rng::Rng;
use crate::workload::content::{self, Content, Extent};
use vdi_model::{
    Answer, BufferId, Call, Caller, ClientCall, CommandId, Ending, Expected, LaneId, Limits,
    Outcome, Outcomes, ServerCall, Stage, State,
};
use vdi_spec::clauses::{Clause, Profile};
use vdi_spec::codes::{HResult, Win32};
use vdi_trace::Process;

/// The model, playing an implementation that does anything the documents allow.
#[derive(Debug)]
pub struct ModelBackend {
    profile: Profile,
    lives: Vec<Life>,
    /// By the number of a buffer.
    buffers: Vec<Content>,
    /// By the number of a command; the place of number 0 is empty.
    sent: Vec<Send>,
    met: Clauses,
    notes_clauses: bool,
}

impl ModelBackend {
    /// An backend that keeps to these readings.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        Self {
            profile,
            lives: Vec::new(),
            buffers: Vec::new(),
            sent: Vec::new(),
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
        by: Actor,
        at_once: bool,
        call: &Call,
        outcomes: &Outcomes,
        rng: &mut Rng,
    ) -> Outcome {
        let scarcity = self.life(by).scarcity;
        // Nothing happens between such a call and its return.
        if at_once
            && scarcity.system > 0
            && let Some(failed) = vdi_model::system_failure(call, outcomes, NO_MEMORY)
            && rng.once_in(scarcity.system)
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
            Call::Server(_) | Call::Client(_) | Call::Secondary(..) => scarcity.memory,
        };
        let exceptional = outcomes.iter().any(|outcome| outcome.exceptional);
        let takes = exceptional && rng.once_in(rare);
        let fits = outcomes.iter().filter(|outcome| outcome.exceptional == takes);
        let at = rng.below(fits.clone().count().max(1) as u32) as usize;
        *fits.clone().nth(at).unwrap_or(&outcomes[0])
    }

    /// Whether a process may still use a buffer.
    fn is_alive(&self, by: Actor, buffer: u32) -> bool {
        let state = &self.life(by).state;
        let object = vdi_model::Object::Buffer(BufferId(buffer));
        vdi_model::touch(state, caller(by.process), object).alive
    }

    fn returned(&self, by: Actor, outcome: &Outcome) -> LaneEvent {
        let status = match outcome.answer.expected() {
            Some(Expected::Status(status)) => status,
            Some(Expected::Any) => HResult::VD_E_PROTOCOL,
            Some(Expected::AnyFailure) | None => HResult::VD_E_IO_ERROR,
        };
        let mut given = Given::status(status);
        match outcome.answer {
            Answer::Tells(shared) => given.extra = Some(Extra::Shared(shared.unwrap_or_default())),
            Answer::Counts(least) => given.extra = Some(Extra::Count(least)),
            Answer::Maps(BufferId(buffer)) => given.extra = Some(Extra::Mapped(Some(buffer))),
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
            Answer::Returns(_) if status == HResult::NOERROR => {
                let Setup { config, server, .. } = &self.life(by).setup;
                given.config = match outcome.clause {
                    Clause::ClientGetConfigurationStatus => Some(config.with_server(server)),
                    Clause::ServerGetConfigurationStatus => Some(*config),
                    _ => None,
                }
                .map(Box::new);
            }
            Answer::Returns(_) | Answer::Blocks => {}
        }
        LaneEvent::Returned(given)
    }

    fn life(&self, by: Actor) -> &Life {
        &self.lives[usize::from(by.run)]
    }

    fn life_mut(&mut self, by: Actor) -> &mut Life {
        &mut self.lives[usize::from(by.run)]
    }

    /// A command keeps its parameters until it is delivered.
    fn keep_sent(&mut self, sent: &Send) {
        let place = sent.command as usize;
        if self.sent.len() <= place {
            self.sent.resize(place + 1, *sent);
        }
        self.sent[place] = *sent;
    }
}

/// Whether the call is to return NOERROR.
fn succeeds(outcome: &Outcome) -> bool {
    outcome.answer.expected().is_some_and(|expected| expected.admits(HResult::NOERROR))
}

/// ERROR_NOT_ENOUGH_MEMORY of the operating system, wrapped.
const NO_MEMORY: HResult = HResult::from_win32(Win32(8));

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

impl Backend for ModelBackend {
    fn begin(&mut self, run: u8, setup: &Setup, scarcity: Scarcity) {
        self.lives.truncate(usize::from(run));
        self.lives.push(Life::new(setup, scarcity));
    }

    fn call(&mut self, by: Actor, ask: &Ask, at_once: bool, rng: &mut Rng) -> Option<LaneEvent> {
        if let Ask::Server(ServerAsk::SendCommand(sent)) = ask {
            self.keep_sent(sent);
        }
        let new = self.life_mut(by).assign_place(ask);
        let lane = LaneId(by.lane.into());
        let life = self.life(by);
        let call = life.model_call(by.process, ask);
        let limits = Limits { queue_depth: Some(life.setup.queue_depth), data_is_told: false };
        let outcomes = vdi_model::outcomes(&life.state, &self.profile, limits, lane, &call);
        let outcome = self.choose(by, at_once, &call, &outcomes, rng);
        self.note(&outcome);
        let life = self.life_mut(by);
        if let Some(device) = new.filter(|_| !succeeds(&outcome)) {
            life.release_place(device);
        }
        if let (Call::Server(ServerCall::QueryAvailableBuffers(kind)), Answer::Counts(count)) =
            (&call, outcome.answer)
        {
            // What was told once is kept to.
            vdi_model::counted(&mut life.state, *kind, count);
        }
        // A command that is delivered may be called back at any time, its name be forgotten.
        let at_once = at_once || matches!(outcome.answer, Answer::Delivers(_));
        if at_once && outcome.answer != Answer::Blocks && !outcome.refuses() {
            vdi_model::apply_and_return(&mut life.state, lane, caller(by.process), &outcome);
            if succeeds(&outcome) {
                life.keep_handle(ask);
            }
            return Some(self.returned(by, &outcome));
        }
        vdi_model::apply(&mut life.state, lane, caller(by.process), &outcome);
        None
    }

    fn advance(&mut self, by: Actor, rng: &mut Rng) -> Option<LaneEvent> {
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
            let at = if callbacks.len() == 1 { 0 } else { rng.below(callbacks.len() as u32) };
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
            return Some(LaneEvent::CalledBack(CalledBack { command, code, bytes, position }));
        }
        let returns = vdi_model::returns(&life.state, &self.profile, lane);
        let outcome = match returns.as_slice() {
            [] => return None,
            [only] => *only,
            several => several[rng.below(several.len() as u32) as usize],
        };
        vdi_model::apply_return(&mut life.state, lane, &outcome);
        self.note(&outcome);
        Some(self.returned(by, &outcome))
    }

    fn expire(&mut self, by: Actor) {
        let life = &mut self.lives[usize::from(by.run)];
        vdi_model::expire(&mut life.state, &self.profile, LaneId(by.lane.into()));
    }

    fn lives(&mut self, by: Actor, thing: Resource) -> bool {
        let object = match thing {
            Resource::Device(_) => vdi_model::Object::Device,
            Resource::Buffer(buffer) => vdi_model::Object::Buffer(BufferId(buffer)),
        };
        vdi_model::touch(&self.life(by).state, caller(by.process), object).alive
    }

    fn holds(&mut self, by: Actor) {
        let state = &mut self.life_mut(by).state;
        vdi_model::hold_callback(state, LaneId(by.lane.into()));
    }

    fn ends(&mut self, by: Actor) {
        let state = &mut self.life_mut(by).state;
        vdi_model::end_callback(state, LaneId(by.lane.into()));
    }

    fn exit(&mut self, process: Process) {
        for life in &mut self.lives {
            vdi_model::exit(&mut life.state, caller(process));
        }
    }

    fn put(&mut self, by: Actor, buffer: u32, content: &[Extent]) -> bool {
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

    fn get(&mut self, by: Actor, buffer: u32, length: u32) -> Option<Content> {
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
