//! What may happen between two events: which calls can take effect, what the interface
//! and its agent can do by themselves, and what of that matters to an event.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::config::{Blame, Config, Slot, With};
use super::story::{Step, tell};
use crate::sequential::Checker;
use vdi_model::{
    Agent, Answer, Call, Callback, Caller, ClientCall, ClientDevice, ClientLife, CommandId,
    DeviceName, LaneId, Outcome, ServerCall, ServerDevice, State,
};
use vdi_spec::clauses::Profile;
use vdi_trace::Function;

/// What a call reads and changes: calls of different devices do so independently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Device(u8),
    Set,
}

impl Scope {
    pub(super) fn covers(self, other: Self) -> bool {
        self == Self::Set || self == other
    }
}

/// An open call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending<'a> {
    pub(super) slot: Slot,
    pub(super) lane: LaneId,
    pub(super) line: usize,
    pub(super) function: Function,
    pub(super) call: &'a Call,
    /// Whether its process has ended, so that it will not return.
    pub(super) lost: bool,
    pub(super) scope: Scope,
}

/// What happens without a call, at some time after it was said to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aside {
    /// The end of a process is noticed.
    Exit(Caller),
    /// So many intervals of serverTimeOut pass for the agent on a lane.
    Passes(LaneId, u8),
}

/// Who does something between two events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// An open call takes effect, by its position.
    Take(usize),
    /// A call that waits is decided, by its position.
    Settle(usize),
    /// The interface begins to invoke the routine of a command on a lane.
    Begin(CommandId, LaneId),
    /// Something happens without a call, by its position.
    Aside(usize),
}

pub(super) type Configs = Vec<Config>;

/// Everything that bears on one event of one set.
pub(super) struct Ground<'a> {
    pub(super) judge: &'a Checker,
    pub(super) world: usize,
    pub(super) pending: SmallVec<[Pending<'a>; 8]>,
    pub(super) asides: SmallVec<[(Slot, Aside); 1]>,
    /// What the event itself depends on.
    pub(super) scope: Scope,
    /// Try everything at every time, without any of the shortcuts.
    pub(super) plainly: bool,
}

impl Ground<'_> {
    pub(super) const fn profile(&self) -> &Profile {
        &self.judge.profile
    }

    /// What can happen next, as far as it bears on the event.
    pub(super) fn sources(&self, config: &Config) -> SmallVec<[Source; 8]> {
        let mut sources = SmallVec::new();
        let scope = self.scope_at(config);
        for (index, pending) in self.pending.iter().enumerate() {
            if !scope.covers(pending.scope) {
                continue;
            }
            if !config.taken.has(pending.slot) {
                sources.push(Source::Take(index));
            } else if self.waits(&config.state, pending, scope) {
                sources.push(Source::Settle(index));
            }
        }
        if self.routines_matter(&config.state, scope) {
            for callback in vdi_model::callbacks(&config.state, self.profile()) {
                let source = Source::Begin(callback.command, callback.lane);
                if scope.covers(scope_of_command(&config.state, callback.command))
                    && !sources.contains(&source)
                {
                    sources.push(source);
                }
            }
        }
        if scope == Scope::Set {
            let ahead = |(_, (slot, _)): &(usize, &(Slot, Aside))| !config.taken.has(*slot);
            let asides = self.asides.iter().enumerate().filter(ahead);
            sources.extend(asides.map(|(index, _)| Source::Aside(index)));
        }
        sources
    }

    /// What the event depends on from this configuration on: on the whole set as long as
    /// anything that concerns the whole set is still to come.
    fn scope_at(&self, config: &Config) -> Scope {
        let unsettled =
            |pending: &Pending<'_>| pending.scope == Scope::Set && !is_settled(config, pending);
        let ahead = |(slot, _): &(Slot, Aside)| !config.taken.has(*slot);
        let set =
            self.plainly || self.pending.iter().any(unsettled) || self.asides.iter().any(ahead);
        if set { Scope::Set } else { self.scope }
    }

    /// Whether the call, which has begun to wait, can still be decided.
    fn waits(&self, state: &State, pending: &Pending<'_>, scope: Scope) -> bool {
        use vdi_model::Pending as P;
        match state.in_progress(pending.lane).map(|call| call.pending) {
            Some(P::GetConfiguration(_) | P::GetCommand(..) | P::ServerClose(_)) => true,
            Some(P::Ready(_) | P::Routine) => false,
            // The agent's end matters to what concerns the whole set.
            None => scope == Scope::Set && is_agent(state, pending.lane),
        }
    }

    /// Whether anything depends on which routines were begun already. After an abort
    /// nothing does; nor does it on a device that is not in the error state nor about to be.
    fn routines_matter(&self, state: &State, scope: Scope) -> bool {
        if self.plainly {
            return true;
        }
        if state.aborted.is_some() {
            return false;
        }
        let Scope::Device(device) = scope else {
            return true;
        };
        let telling = |command: &vdi_model::Command| {
            command.device == device
                && (command.fails_device
                    || command.code == vdi_spec::codes::CommandCode::ClearError)
        };
        state.devices[usize::from(device)].errored || state.commands.iter().any(telling)
    }

    /// Every way in which `source` can move a configuration. `target` is the call whose
    /// return is being explained: what it can do at that moment is no step of its own.
    pub(super) fn moves(&self, config: &Config, source: Source, target: Option<Slot>) -> Configs {
        let mut changed = Scope::Set;
        let mut moves = match source {
            Source::Take(index) => {
                let pending = &self.pending[index];
                changed = pending.scope;
                self.take(config, pending, target == Some(pending.slot))
            }
            Source::Settle(index) => {
                let pending = &self.pending[index];
                changed = pending.scope;
                self.settle(config, pending, target == Some(pending.slot))
            }
            Source::Begin(command, lane) => {
                let begins = |c: &Callback| c.command == command && c.lane == lane;
                let callbacks = vdi_model::callbacks(&config.state, self.profile());
                callbacks.iter().filter(|c| begins(c)).map(|c| self.begin(config, c)).collect()
            }
            Source::Aside(index) => {
                let mut after = config.clone();
                self.pass(&mut after, index);
                vec![after]
            }
        };
        moves.iter_mut().for_each(|after| self.refresh_but(after, None, changed));
        moves
    }

    /// Whether there is a way in which a call can move a configuration.
    pub(super) fn can_move(&self, config: &Config, source: Source, target: Option<Slot>) -> bool {
        match source {
            Source::Take(index) => {
                let pending = &self.pending[index];
                let outcomes = self.outcomes_of_untaken(config, pending);
                let is_target = target == Some(pending.slot);
                outcomes.iter().any(|outcome| !self.takes_nothing(outcome, is_target))
            }
            Source::Settle(index) => {
                let pending = &self.pending[index];
                let agent = is_agent(&config.state, pending.lane);
                let is_target = target == Some(pending.slot);
                let returns = vdi_model::returns(&config.state, self.profile(), pending.lane);
                returns.iter().any(|outcome| !self.settles_nothing(outcome, is_target, agent))
            }
            Source::Begin(..) | Source::Aside(_) => true,
        }
    }

    /// Whether an outcome of a call that has not taken effect is no step of its own.
    fn takes_nothing(&self, outcome: &Outcome, is_target: bool) -> bool {
        let skipped = outcome.changes_nothing()
            || outcome.waits_for().is_some()
            || (is_target && self.answers_at_once(outcome));
        skipped && !self.plainly
    }

    /// The same of a call that waits.
    const fn settles_nothing(&self, outcome: &Outcome, is_target: bool, agent: bool) -> bool {
        let skipped = is_target || (outcome.changes_nothing() && !agent);
        skipped && !self.plainly
    }

    /// The same once a call, if one is named, has returned.
    pub(super) fn moves_but(
        &self,
        config: &Config,
        source: Source,
        returned: Option<Slot>,
    ) -> Configs {
        let mut moves = self.moves(config, source, None);
        if let Some(slot) = returned {
            moves.iter_mut().for_each(|after| after.forget(slot));
        }
        moves
    }

    fn take(&self, config: &Config, pending: &Pending<'_>, is_target: bool) -> Configs {
        let mut moves = Configs::new();
        for outcome in self.outcomes_of_untaken(config, pending) {
            if self.takes_nothing(&outcome, is_target) {
                continue;
            }
            let mut after = config.clone();
            vdi_model::apply(&mut after.state, pending.lane, pending.call.caller(), &outcome);
            after.taken.add(pending.slot);
            after.could.retain(|could| could.slot != pending.slot);
            accuse(&mut after, pending, &outcome);
            self.tell(&mut after, Step::of(pending, &outcome));
            moves.push(after);
        }
        moves
    }

    fn settle(&self, config: &Config, pending: &Pending<'_>, is_target: bool) -> Configs {
        let mut moves = Configs::new();
        let agent = is_agent(&config.state, pending.lane);
        for outcome in vdi_model::returns(&config.state, self.profile(), pending.lane) {
            if self.settles_nothing(&outcome, is_target, agent) {
                continue;
            }
            let mut after = config.clone();
            vdi_model::settle(&mut after.state, pending.lane, &outcome);
            after.could.retain(|could| could.slot != pending.slot);
            self.tell(&mut after, Step::of(pending, &outcome));
            moves.push(after);
        }
        moves
    }

    fn begin(&self, config: &Config, callback: &Callback) -> Config {
        let mut after = config.clone();
        vdi_model::apply_callback(&mut after.state, callback, true);
        let place = after.begun.partition_point(|begun| begun.lane <= callback.lane);
        after.begun.insert(place, *callback);
        self.tell(&mut after, Step::Began(*callback));
        after
    }

    fn pass(&self, after: &mut Config, index: usize) {
        let (slot, aside) = self.asides[index];
        after.taken.add(slot);
        self.tell(after, Step::Aside(aside));
        match aside {
            Aside::Exit(caller) => {
                vdi_model::exit(&mut after.state, caller);
                let lost = |pending: &&Pending<'_>| pending.lost && pending.call.caller() == caller;
                for pending in self.pending.iter().filter(lost) {
                    after.taken.add(pending.slot);
                    after.could.retain(|could| could.slot != pending.slot);
                }
                if caller == Caller::Server {
                    after.begun.clear();
                }
            }
            Aside::Passes(lane, passes) => {
                (0..passes).for_each(|_| vdi_model::expire(&mut after.state, self.profile(), lane));
            }
        }
    }

    /// What the call may come to in a state.
    pub(super) fn outcomes(&self, state: &State, pending: &Pending<'_>) -> vdi_model::Outcomes {
        let call = as_seen(pending.call, state);
        vdi_model::outcomes(state, self.profile(), self.judge.limits, pending.lane, &call)
    }

    /// The same for a call that has not taken effect, and may have begun to wait.
    pub(super) fn outcomes_of_untaken(
        &self,
        config: &Config,
        pending: &Pending<'_>,
    ) -> vdi_model::Outcomes {
        let mut outcomes = self.outcomes(&config.state, pending);
        if config.could_wait(pending.slot) {
            for outcome in
                vdi_model::returns_of_waiting(&config.state, self.profile(), pending.call)
            {
                if !outcomes.contains(&outcome) {
                    outcomes.push(outcome);
                }
            }
        }
        outcomes
    }

    /// Adds a step to the story, if it is asked for.
    pub(super) fn tell(&self, config: &mut Config, step: Step) {
        if self.judge.setup.explains {
            tell(&mut config.story, self.judge.line, step);
        }
    }

    /// Whether an outcome is effect and return in one.
    pub(super) fn answers_at_once(&self, outcome: &Outcome) -> bool {
        outcome.answer != Answer::Blocks
            && !(outcome.refuses() && vdi_model::owes_callback_first(self.profile()))
    }

    /// Notes for every open call on which a change of this scope bears what it could
    /// return now without any effect. The call in the slot that is excepted has returned.
    pub(super) fn refresh_but(&self, config: &mut Config, excepted: Option<Slot>, changed: Scope) {
        config.state.normalize();
        if self.plainly {
            return;
        }
        for pending in self.pending.iter().filter(|pending| !pending.lost) {
            let bears = changed.covers(pending.scope) || pending.scope == Scope::Set;
            if bears && Some(pending.slot) != excepted {
                self.note_answers(config, pending);
            }
        }
    }

    pub(super) fn note_answers(&self, config: &mut Config, pending: &Pending<'_>) {
        let slot = pending.slot;
        if config.taken.has(slot) {
            let agent = is_agent(&config.state, pending.lane);
            if !agent && self.waits(&config.state, pending, Scope::Set) {
                for outcome in vdi_model::returns(&config.state, self.profile(), pending.lane) {
                    if outcome.changes_nothing() {
                        config.could(slot, With::Outcome(outcome), self.judge.line);
                    }
                }
            }
            return;
        }
        let mut outcomes = self.outcomes(&config.state, pending);
        if outcomes.iter().any(|outcome| outcome.waits_for().is_some()) {
            config.could(slot, With::Wait, self.judge.line);
            outcomes = self.outcomes_of_untaken(config, pending);
        } else if config.could_wait(slot) {
            outcomes = self.outcomes_of_untaken(config, pending);
        }
        for outcome in outcomes.iter().filter(|outcome| outcome.changes_nothing()) {
            config.could(slot, With::Outcome(*outcome), self.judge.line);
        }
        if vdi_model::takes_resources(pending.call, &outcomes) {
            config.could(slot, With::SystemError, self.judge.line);
        }
    }
}

/// Whether nothing can come of the call any more but its return, or it is the agent's.
fn is_settled(config: &Config, pending: &Pending<'_>) -> bool {
    let state = &config.state;
    config.taken.has(pending.slot)
        && (is_ready(state, pending.lane)
            || matches!(state.agent, Agent::Running { lane } if lane == pending.lane))
}

/// Whether the call has taken effect and only its return is to come.
pub(super) fn is_ready(state: &State, lane: LaneId) -> bool {
    matches!(state.in_progress(lane), Some(call)
        if matches!(call.pending, vdi_model::Pending::Ready(_)))
}

/// Whether the call in progress on the lane is the completion agent's, outside a routine.
pub(super) fn is_agent(state: &State, lane: LaneId) -> bool {
    state.agent == Agent::Running { lane } && state.in_progress(lane).is_none()
}

fn scope_of_command(state: &State, id: CommandId) -> Scope {
    state.command(id).map_or(Scope::Set, |command| Scope::Device(command.device))
}

/// Notes what the caller of a call breaks by it.
pub(super) fn accuse(config: &mut Config, pending: &Pending<'_>, outcome: &Outcome) {
    for clause in outcome.misuses() {
        let Pending { line, function, lane, .. } = *pending;
        let blame = Blame { line, clause, function, lane };
        if let Err(place) = config.blame.binary_search(&blame) {
            config.blame.insert(place, blame);
        }
    }
}

/// A call as it is understood in a state: whether a set is found by its name, and a
/// device known by it, depends on what has happened.
fn as_seen<'a>(call: &'a Call, state: &State) -> Cow<'a, Call> {
    let created = state.client == ClientLife::Created;
    match call {
        Call::Server(ServerCall::Open { found: true, reused }) => {
            let reused = *reused;
            Cow::Owned(Call::Server(ServerCall::Open { found: created, reused }))
        }
        Call::Secondary(number, ClientCall::OpenInSecondary { found: true }) => {
            let found = created || state.client == ClientLife::Dead;
            Cow::Owned(Call::Secondary(*number, ClientCall::OpenInSecondary { found }))
        }
        Call::Server(ServerCall::OpenDevice { device }) => {
            let device = free(*device, state);
            Cow::Owned(Call::Server(ServerCall::OpenDevice { device }))
        }
        Call::Client(ClientCall::OpenDevice { name }) => {
            let name = known(*name, state);
            Cow::Owned(Call::Client(ClientCall::OpenDevice { name }))
        }
        Call::Secondary(number, ClientCall::OpenDevice { name }) => {
            let name = known(*name, state);
            Cow::Owned(Call::Secondary(*number, ClientCall::OpenDevice { name }))
        }
        _ => Cow::Borrowed(call),
    }
}

/// The device that the server opens: the one of that name, or the next that is not open.
fn free(device: Option<u8>, state: &State) -> Option<u8> {
    let unopened = |index: &u8| {
        let device = state.devices.get(usize::from(*index));
        device.is_some_and(|device| device.server == ServerDevice::Unopened)
    };
    device.filter(unopened).or_else(|| (0..state.devices.len() as u8).find(unopened))
}

/// A device is known by its name once either side has opened it; the first is from the
/// start.
fn known(name: DeviceName, state: &State) -> DeviceName {
    let (DeviceName::Known(index) | DeviceName::New(index)) = name else {
        return name;
    };
    let opened = state.devices.get(usize::from(index)).is_some_and(|device| {
        device.server != ServerDevice::Unopened || device.client != ClientDevice::Unopened
    });
    if index == 0 || opened { DeviceName::Known(index) } else { DeviceName::New(index) }
}
