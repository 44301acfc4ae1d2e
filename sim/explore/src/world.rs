//! The bounded world: one set with so many devices, commands and buffers, the
//! processes that use it, and what the invariants have to remember.

use std::sync::Arc;

use smallvec::SmallVec;

use super::action::Action;
use super::coverage::Coverage;
use super::lanes::AGENT;
use super::mutant::Mutant;
use super::node::{At, Breach, Ghost, Node, Sent, process_bit};
use super::properties;
use super::shown::{self, Drawing};
use super::symmetry;
use vdi_model::{
    Answer, BufferId, Call, Callback, Caller, ClientCall, CommandId, Expected, LaneId, Limits,
    Object, Outcome, Outcomes, ServerCall, ServerLife, Stage, State,
};
use vdi_spec::clauses::{
    Clause, CompletionRace, DeliverAfterCloseDevice, ErrorStateEntry, FailedSendCallbackLane,
    Profile,
};
use vdi_spec::codes::{CommandCode, HResult, Win32};

/// How large the world is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Devices of the set.
    pub devices: u8,
    /// Commands outstanding at a time, over all devices.
    pub commands: u8,
    /// Buffers allocated at a time.
    pub buffers: u8,
    /// Secondary client processes.
    pub secondaries: u8,
    /// How much of each state is told apart.
    pub detail: Detail,
    /// Whether completion routines are held, buffers in use are sent again, and intervals
    /// of serverTimeOut pass.
    pub rare: bool,
}

/// How much of each state is told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// What no later outcome depends on is dropped, and a refused SendCommand is one
    /// step with its callback.
    #[default]
    Needed,
    /// Everything is told apart, and the same calls are made.
    Whole,
    /// Everything is told apart, calls are made with unsound arguments too, and with
    /// every kind of time-out.
    Every,
}

impl Bounds {
    /// One device, two commands, one buffer: small enough for every test run.
    pub const SMALL: Self = Self {
        devices: 1,
        commands: 2,
        buffers: 1,
        secondaries: 0,
        detail: Detail::Needed,
        rare: false,
    };

    /// Two devices, three commands, two buffers.
    pub const FULL: Self = Self { devices: 2, commands: 3, buffers: 2, ..Self::SMALL };

    /// Two devices, two commands, one buffer, and what happens rarely.
    pub const RARE: Self = Self { devices: 2, rare: true, ..Self::SMALL };
}

/// The bounded world under one choice of readings.
#[derive(Debug)]
pub struct World {
    /// How large it is.
    pub bounds: Bounds,
    /// The readings.
    pub profile: Profile,
    /// What is wrong with it, if it is broken on purpose.
    pub mutant: Option<Mutant>,
    /// What was met so far.
    pub coverage: Coverage,
    /// What draws its states for the explorer in the browser.
    pub drawing: Option<Arc<dyn Drawing>>,
}

impl World {
    /// A sound world.
    #[must_use]
    pub fn new(bounds: Bounds, profile: Profile) -> Self {
        Self { bounds, profile, mutant: None, coverage: Coverage::default(), drawing: None }
    }

    /// The same, broken.
    #[must_use]
    pub fn mutated(self, mutant: Mutant) -> Self {
        Self { mutant: Some(mutant), ..self }
    }

    /// Whether nothing is dropped from a state, and a refused SendCommand is two steps.
    pub(super) fn is_whole(&self) -> bool {
        self.bounds.detail != Detail::Needed
    }

    /// What a call may come to.
    pub(super) fn outcomes(&self, state: &State, lane: LaneId, call: &Call) -> Outcomes {
        let limits = Limits::default();
        match self.mutant {
            None => vdi_model::outcomes(state, &self.profile, limits, lane, call),
            Some(how) => how.outcomes(state, &self.profile, limits, lane, call),
        }
    }

    /// What the call in progress on a lane may return.
    pub(super) fn returns(&self, state: &State, lane: LaneId) -> Outcomes {
        match self.mutant {
            None => vdi_model::returns(state, &self.profile, lane),
            Some(how) => how.returns(state, &self.profile, lane),
        }
    }

    /// The callbacks that may run.
    pub(super) fn callbacks(&self, state: &State) -> SmallVec<[Callback; 4]> {
        match self.mutant {
            None => vdi_model::callbacks(state, &self.profile),
            Some(how) => how.callbacks(state, &self.profile).into(),
        }
    }

    /// The state after an action, with devices, commands and buffers numbered as they were.
    #[must_use]
    pub fn step(&self, node: &Node, action: &Action) -> Node {
        let mut next = node.clone();
        self.step_from(node, &mut next, action);
        next
    }

    /// The same in a copy of the state.
    pub(super) fn step_from(&self, node: &Node, next: &mut Node, action: &Action) {
        match action {
            Action::Call { lane, call, outcome } => {
                return self.call_from(node, next, *lane, call, outcome);
            }
            Action::Return { lane, outcome } => self.give_back(next, *lane, outcome),
            Action::Callback(callback) => self.call_back(next, callback, false),
            Action::Hold(callback) => self.call_back(next, callback, true),
            Action::Resume(lane) => vdi_model::end_callback(&mut next.state, *lane),
            Action::Expire(lane) => vdi_model::expire(&mut next.state, &self.profile, *lane),
            Action::Exit(process) => self.exit(next, *process),
            Action::Unload => self.unload(next),
        }
        self.watch(node, next);
    }

    /// The same of a call.
    pub(super) fn call_from(
        &self,
        node: &Node,
        next: &mut Node,
        lane: LaneId,
        call: &Call,
        outcome: &Outcome,
    ) {
        self.call(&node.state, next, lane, call, outcome);
        self.watch(node, next);
    }

    /// The same state with devices, commands and buffers in a canonical order, and
    /// without what the bounds do not tell apart.
    #[must_use]
    pub fn canonical(&self, mut node: Node) -> Node {
        self.canonicalize(&mut node);
        node
    }

    /// The same in place.
    pub(super) fn canonicalize(&self, node: &mut Node) {
        if !self.is_whole() {
            symmetry::reduce(node, self);
        }
        symmetry::sort(node);
    }

    /// `before` is the state that `node` still has.
    fn call(&self, before: &State, node: &mut Node, lane: LaneId, call: &Call, outcome: &Outcome) {
        let caller = call.caller();
        let steps = outcome.answer == Answer::Blocks || outcome.refuses();
        if steps {
            vdi_model::apply(&mut node.state, lane, caller, outcome);
        } else {
            vdi_model::apply_and_return(&mut node.state, lane, caller, outcome);
        }
        if let Some(how) = self.mutant {
            how.after_call(before, node, call);
        }
        self.note_call(before, node, call, outcome);
        if outcome.refuses() && !self.is_whole() {
            self.refuse(node, lane);
        }
    }

    /// The rest of a refused SendCommand: nothing that happens meanwhile can meet it.
    fn refuse(&self, node: &mut Node, lane: LaneId) {
        let callbacks = self.callbacks(&node.state);
        let refused = |callback: &&Callback| {
            let known = node.state.command(callback.command);
            callback.lane == lane && known.is_some_and(|c| matches!(c.stage, Stage::Refused { .. }))
        };
        if let Some(callback) = callbacks.iter().find(refused).copied() {
            self.call_back(node, &callback, false);
        }
        if let Some(outcome) = self.returns(&node.state, lane).first().copied() {
            self.give_back(node, lane, &outcome);
        }
    }

    fn note_call(&self, before: &State, node: &mut Node, call: &Call, outcome: &Outcome) {
        if let Answer::Delivers(id) = outcome.answer {
            note_delivery(before, &mut node.ghost, id);
        }
        self.note_drops(before, node, call, outcome);
        let fine =
            matches!(outcome.answer, Answer::Returns(Expected::Status(s)) if !s.is_failure());
        match call {
            Call::Server(ServerCall::ExecuteCompletionAgent) => {
                node.ghost.agent_inside |= outcome.answer == Answer::Blocks;
            }
            Call::Server(ServerCall::SendCommand(request)) if fine || outcome.refuses() => {
                let errored = node.state.devices[usize::from(request.device)].errored;
                let sound = !fine || !errored || request.code == CommandCode::ClearError;
                node.ghost.require(sound, Breach::SentInErrorState);
                let at = if fine { At::Queued } else { At::Refused };
                let sent = Sent { id: request.command, device: request.device, at };
                node.ghost.sent.push(sent);
                node.ghost.lent_twice |=
                    fine && outcome.misuses().any(|clause| clause == Clause::ServerBufferControl);
            }
            Call::Client(ClientCall::CompleteCommand { command: Some(id), code, .. })
            | Call::Secondary(_, ClientCall::CompleteCommand { command: Some(id), code, .. })
                if fine =>
            {
                let known = node.ghost.sent.iter_mut().find(|sent| sent.id == *id);
                known.into_iter().for_each(|sent| sent.at = At::Answered(*code));
            }
            Call::Server(ServerCall::Close) if before.server == ServerLife::Open => {
                let closed = node.state.server == ServerLife::Closed;
                let buffers = node.state.buffers.iter().map(|buffer| Object::Buffer(buffer.id));
                let released = buffers
                    .chain([Object::Device])
                    .all(|object| !self.touch(&node.state, Caller::Server, object).alive);
                node.ghost.require(closed && released, Breach::CloseNotClosed);
                let quiet = before.aborted.is_some()
                    || !before.all_closed()
                    || !before.commands.is_empty()
                    || node.state.aborted.is_none();
                node.ghost.require(quiet, Breach::NormalCloseAborted);
            }
            Call::Server(_) | Call::Client(_) | Call::Secondary(..) => {}
        }
    }

    /// What is queued ends undelivered when its device fails, and where it is read so
    /// when its device is closed. A device that has failed does not fail again.
    fn note_drops(&self, before: &State, node: &mut Node, call: &Call, outcome: &Outcome) {
        let fine = outcome.answer == Answer::Returns(Expected::Status(HResult::NOERROR));
        let aborted = self.profile.deliver_after_close_device == DeliverAfterCloseDevice::Aborted;
        let (of, code) = match call {
            Call::Client(ClientCall::CompleteCommand { device, code, .. })
            | Call::Secondary(_, ClientCall::CompleteCommand { device, code, .. })
                if *code != Win32::ERROR_SUCCESS
                    && !self.fails_at_callback()
                    && !before.devices[usize::from(*device)].errored =>
            {
                (*device, Win32::ERROR_IO_DEVICE)
            }
            Call::Server(ServerCall::CloseDevice { device }) if aborted => {
                (*device, Win32::ERROR_OPERATION_ABORTED)
            }
            Call::Server(_) | Call::Client(_) | Call::Secondary(..) => return,
        };
        if fine {
            node.ghost.drop_queued(of, code);
        }
    }

    /// Whether a device fails when the server receives the completion.
    fn fails_at_callback(&self) -> bool {
        self.profile.error_state_entry == ErrorStateEntry::AtCallback
    }

    fn give_back(&self, node: &mut Node, lane: LaneId, outcome: &Outcome) {
        let refused = |sent: &Sent| {
            let stage = node.state.command(sent.id).map(|command| command.stage);
            matches!(stage, Some(Stage::Refused { lane: of, .. }) if of == lane)
        };
        if self.profile.failed_send_callback_lane == FailedSendCallbackLane::Caller {
            let owed = node.ghost.sent.iter().any(refused);
            node.ghost.require(!owed, Breach::NotCalledBackFirst);
        }
        if node.state.in_progress(lane).is_none() {
            let owed = node.ghost.sent.iter().any(|sent| sent.at != At::Refused);
            node.ghost.require(!owed, Breach::AgentLeftEarly);
            node.ghost.agent_inside = false;
        }
        if let Answer::Delivers(id) = outcome.answer {
            note_delivery(&node.state, &mut node.ghost, id);
        }
        vdi_model::apply_return(&mut node.state, lane, outcome);
    }

    fn call_back(&self, node: &mut Node, callback: &Callback, held: bool) {
        let before = self.mutant.map(|how| (how, node.state.clone()));
        let ghost = &mut node.ghost;
        let inside = callback.lane != AGENT || ghost.agent_inside;
        ghost.require(inside, Breach::CalledBackAfterAgent);
        match ghost.sent.iter().position(|sent| sent.id == callback.command) {
            None => ghost.require(false, Breach::CalledBackTwice),
            Some(index) => {
                let sent = ghost.sent.remove(index);
                let given = self.may_end(ghost.aborted, sent.at, callback.ending.code());
                ghost.require(given, Breach::WrongCode);
                let failed = matches!(sent.at, At::Answered(code) if code != Win32::ERROR_SUCCESS);
                let again = node.state.devices[usize::from(sent.device)].errored;
                if failed && self.fails_at_callback() && !ghost.aborted && !again {
                    ghost.drop_queued(sent.device, Win32::ERROR_IO_DEVICE);
                }
            }
        }
        vdi_model::apply_callback(&mut node.state, callback, held);
        if let Some((how, before)) = before {
            how.after_callback(&before, &mut node.state, callback);
        }
    }

    /// Which completion code a command may be called back with.
    fn may_end(&self, aborted: bool, at: At, code: Win32) -> bool {
        let own = matches!(at, At::Answered(of) | At::Dropped(of) if of == code);
        if at == At::Refused {
            return code != Win32::ERROR_SUCCESS;
        }
        if aborted {
            let either = self.profile.completion_race == CompletionRace::Either;
            return code == Win32::ERROR_OPERATION_ABORTED || (either && own);
        }
        match at {
            // The client closed in order and still held it.
            At::Delivered => code == Win32::ERROR_OPERATION_ABORTED,
            At::Answered(_) | At::Dropped(_) => own,
            At::Queued | At::Refused => false,
        }
    }

    fn exit(&self, node: &mut Node, process: Caller) {
        let aborted = node.state.aborted.is_some();
        vdi_model::exit(&mut node.state, process);
        node.ghost.gone |= process_bit(process);
        if process == Caller::Server {
            node.ghost.sent.clear();
            node.ghost.agent_inside = false;
        }
        let noticed = node.state.aborted.is_some() && !aborted;
        match process {
            Caller::Server if noticed => self.coverage.clause(Clause::ProcessServerDeath),
            Caller::Client(0) if noticed => self.coverage.clause(Clause::ProcessClientDeath),
            Caller::Client(1..) => self.coverage.clause(Clause::ProcessSecondaryDeath),
            _ => {}
        }
    }

    /// The server unloads the library; with a lane inside the agent its process may
    /// execute unmapped code, and nothing more can be said of it.
    fn unload(&self, node: &mut Node) {
        node.ghost.unloaded = true;
        node.ghost.gone |= process_bit(Caller::Server);
        if node.state.agent.is_running() && self.mutant != Some(Mutant::UnloadIsNotNoticed) {
            node.ghost.hazard = true;
            self.coverage.clause(Clause::ServerUnloadAgentReturned);
            self.exit(node, Caller::Server);
        }
    }

    /// What every step has to keep, whatever it is.
    fn watch(&self, before: &Node, next: &mut Node) {
        let undone = before.ghost.aborted && next.state.aborted.is_none();
        next.ghost.require(!undone, Breach::AbortUndone);
        if next.state.aborted.is_some() && before.state.aborted.is_none() {
            let kept = before.state.buffers.iter().all(|b| self.keeps(before, next, b.id));
            next.ghost.require(kept, Breach::ControlLost);
        }
        next.ghost.aborted |= next.state.aborted.is_some();
    }

    /// Whether who controls a buffer at an abort still may use it, unless it closed.
    fn keeps(&self, before: &Node, next: &Node, buffer: BufferId) -> bool {
        let object = Object::Buffer(buffer);
        [Caller::Server, Caller::Client(0)].into_iter().all(|process| {
            let open = match process {
                Caller::Server => next.state.server == ServerLife::Open,
                Caller::Client(number) => next.state.client_open(number),
            };
            let had = self.touch(&before.state, process, object);
            if !open || !had.alive || had.misuse.is_some() {
                return true;
            }
            let has = self.touch(&next.state, process, object);
            has.alive && has.misuse.is_none()
        })
    }

    /// What touching an object means.
    pub(super) fn touch(&self, state: &State, process: Caller, object: Object) -> vdi_model::Touch {
        let touch = vdi_model::touch(state, process, object);
        self.coverage.clause(touch.clause);
        touch.also.into_iter().for_each(|clause| self.coverage.clause(clause));
        touch.misuse.into_iter().for_each(|clause| self.coverage.clause(clause));
        touch
    }
}

/// GetCommand gives the client a command.
fn note_delivery(before: &State, ghost: &mut Ghost, id: CommandId) {
    ghost.require(!ghost.aborted, Breach::DeliveredAfterAbort);
    let Some(device) = before.command(id).map(|command| usize::from(command.device)) else {
        return ghost.require(false, Breach::DeliveredOutOfOrder);
    };
    let first = ghost
        .sent
        .iter()
        .find(|sent| usize::from(sent.device) == device && sent.at == At::Queued)
        .is_some_and(|sent| sent.id == id);
    ghost.require(first, Breach::DeliveredOutOfOrder);
    let own = |command: &&vdi_model::Command| usize::from(command.device) == device;
    let held = |command: &vdi_model::Command| command.stage == Stage::Delivered;
    let early = before.devices[device].errored
        && before.commands.iter().filter(own).any(|c| held(c) && c.before_error);
    ghost.require(!early, Breach::ClearErrorTooEarly);
    let buffer = before.command(id).and_then(|command| command.buffer);
    let shared = buffer.is_some()
        && before.commands.iter().any(|c| c.id != id && held(c) && c.buffer == buffer);
    ghost.require(!shared || ghost.lent_twice, Breach::BufferShared);
    let known = ghost.sent.iter_mut().find(|sent| sent.id == id);
    known.into_iter().for_each(|sent| sent.at = At::Delivered);
}

impl stateright::Model for World {
    type State = Node;
    type Action = Action;

    fn init_states(&self) -> Vec<Node> {
        vec![self.canonical(Node::default())]
    }

    fn actions(&self, node: &Node, actions: &mut Vec<Action>) {
        self.offer(node, false, actions);
    }

    fn next_state(&self, node: &Node, action: Action) -> Option<Node> {
        let next = self.canonical(self.step(node, &action));
        (next != *node).then_some(next)
    }

    fn format_action(&self, action: &Action) -> String {
        shown::sentence(action)
    }

    fn format_step(&self, node: &Node, action: Action) -> Option<String> {
        let demands = shown::demands(&action);
        let next = self.canonical(self.step(node, &action));
        Some(format!("{next:#?}\n\n{demands}").trim_end().to_owned())
    }

    fn as_svg(&self, path: stateright::Path<Node, Action>) -> Option<String> {
        let drawing = self.drawing.as_deref()?;
        Some(shown::drawn(drawing, &path.last_state().state))
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        properties::all()
    }
}
