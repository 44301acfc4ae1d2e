//! Calls that were in progress at an abort may have taken effect before it.
//!
//! Of n calls on n devices any may come before an abort and any after it, which are 2 to the
//! power of n states. But an abort changes nothing of a device: it is a mark that what comes
//! later looks at. So it is put off for each call whether it came before, until an event
//! depends on it: the configuration remembers which calls were in progress then, and what
//! the abort has changed for them. A call that is made to happen before the abort after all
//! looks at the state without that mark, and leaves what it would have left.
//!
//! This is right as long as nothing that came after the abort has looked at what such a call
//! changes, or changed what it looks at. After the abort calls on devices are refused, and
//! change nothing. What does look is a footprint's matter (see `bearing`): a callback, which
//! ends it for its device; the agent's return, the server's Close, the client's Close and the
//! end of a process, which end it for the calls that they are about.

use super::configuration::{Configuration, Slot, SlotSet};
use super::context::{Context, Pending};
use super::footprint::{Outlook, aborts_softly, is_of_device, of};
use vdi_model::{
    Agent, Call, ClientCall, ClientLife, LaneId, Outcomes, ServerCall, ServerLife, Stage,
    State,
};

/// What was before an abort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Past {
    /// Calls that were in progress, and may have taken effect then.
    pub(crate) slots: SlotSet,
    server: ServerLife,
    agent: Agent,
    /// Whether the agent may have begun to invoke a routine then that was not seen yet.
    routine: bool,
}

/// Whether an abort by this call, if it came to one now, could come after calls that take
/// effect later.
pub(super) fn can_come_later(context: &Context<'_>, config: &Configuration) -> bool {
    let State { aborted, client, configuration_seen, .. } = &config.state;
    let ahead = context.spontaneous.iter().any(|(slot, _)| !config.taken.has(*slot));
    context.reduces
        && aborted.is_none()
        && *client == ClientLife::Created
        && *configuration_seen
        && !ahead
}

/// A call has taken effect after this state: if it has aborted the set, what was before is
/// remembered.
pub(super) fn note_abort(
    context: &Context<'_>,
    config: &mut Configuration,
    before: &Configuration,
    pending: &Pending<'_>,
) {
    let aborts = before.state.aborted.is_none() && config.state.aborted.is_some();
    if !aborts || !aborts_softly(pending.call) || !can_come_later(context, before) {
        return;
    }
    let outlook = Outlook::new(context, before);
    let mut slots = SlotSet::default();
    for other in &context.pending {
        let settled = super::footprint::is_settled(before, other);
        let of_device =
            || is_of_device(other.call, &of(context, before, &outlook, other, false).reads);
        if other.slot != pending.slot && !settled && !other.lost && of_device() {
            slots.add(other.slot);
        }
    }
    let State { server, agent, .. } = before.state;
    let routine = before.state.free_agent().is_some();
    config.past = Some(Past { slots, server, agent, routine });
}

impl Configuration {
    /// The state as it is for what happens before the abort; `None` if nothing can any more.
    fn before_abort(&self) -> Option<State> {
        let past = self.past.as_ref()?;
        let State { client, server, .. } = &self.state;
        let alive = *client == ClientLife::Created && *server != ServerLife::Dead;
        alive.then(|| State { aborted: None, server: past.server, ..self.state.clone() })
    }

    /// Whether a call may have taken effect before the abort that has happened.
    pub(super) fn may_be_past(&self, slot: Slot, call: &Call) -> bool {
        let Some(past) = self.past.as_ref().filter(|past| past.slots.has(slot)) else {
            return false;
        };
        let State { client, server, .. } = &self.state;
        let is_open = match call {
            // The server's Close looks at the devices.
            Call::Server(ServerCall::CloseDevice { .. } | ServerCall::OpenDevice { .. }) => {
                *server == past.server
            }
            Call::Server(_) => *server != ServerLife::Dead,
            Call::Client(_) => true,
            Call::Secondary(client, _) => self.state.client_open(*client),
        };
        is_open && *client == ClientLife::Created
    }

    /// The state for a call that may have taken effect before the abort.
    pub(crate) fn before_abort_of(&self, slot: Slot, call: &Call) -> Option<State> {
        if self.may_be_past(slot, call) { self.before_abort() } else { None }
    }

    /// Whether the agent returned after the abort: what it left behind was not queued then.
    fn agent_has_returned(&self) -> bool {
        self.past.as_ref().is_some_and(|past| past.agent != self.state.agent)
    }

    /// The state for a routine that the agent may have begun to invoke before the abort.
    pub(super) fn before_abort_of_agent(&self) -> Option<State> {
        let past = self.past.as_ref().filter(|past| past.routine)?;
        let Agent::Running { lane } = past.agent else { return None };
        let busy = self.state.in_progress(lane).is_some() || self.agent_has_returned();
        if busy { None } else { self.before_abort() }
    }

    /// Goes on with what something before the abort has made of the state then.
    fn go_on_from(&mut self, state: State) {
        let (aborted, server) = (self.state.aborted, self.state.server);
        let held = |state: &State, id| {
            state.command(id).is_some_and(|command| command.stage == Stage::Delivered)
        };
        let changed: smallvec::SmallVec<[vdi_model::BufferId; 2]> = state
            .commands
            .iter()
            .filter(|command| held(&state, command.id) != held(&self.state, command.id))
            .filter_map(|command| command.buffer)
            .collect();
        self.state = State { aborted, server, ..state };
        let State { commands, buffers, .. } = &mut self.state;
        // What the client holds at the abort it keeps.
        for buffer in buffers.iter_mut().filter(|buffer| changed.contains(&buffer.id)) {
            buffer.kept = commands.iter().any(|command| {
                command.buffer == Some(buffer.id) && command.stage == Stage::Delivered
            });
        }
    }

    /// The agent has begun to invoke a routine before the abort, or one was seen after it.
    pub(super) const fn end_past_of_agent(&mut self) {
        if let Some(past) = &mut self.past {
            past.routine = false;
        }
    }

    /// A command of this device was called back: what it was like before the abort is not
    /// known any more.
    pub(super) fn end_past_of(&mut self, context: &Context<'_>, device: u8, lane: LaneId) {
        let Some(past) = &mut self.past else { return };
        if past.agent == (Agent::Running { lane }) {
            past.routine = false;
        }
        for pending in context.pending.iter().filter(|known| device_of(known.call) == Some(device)) {
            past.slots.remove(pending.slot);
        }
    }

    /// Whether anything may still have happened before the abort.
    pub(super) fn has_past(&self) -> bool {
        self.past.is_some_and(|past| past.routine || past.slots != SlotSet::default())
    }

    /// Puts what has no order into one; what is queued has one as long as it matters.
    pub(super) fn normalize(&mut self) {
        if self.past.is_some() {
            if self.has_past() {
                let aborted = self.state.aborted.take();
                self.state.normalize();
                self.state.aborted = aborted;
                return;
            }
            self.past = None;
        }
        self.state.normalize();
    }
}

/// What a call that has not taken effect may come to before the abort that has happened.
pub(super) fn outcomes_before(
    context: &Context<'_>,
    config: &Configuration,
    pending: &Pending<'_>,
) -> Outcomes {
    let Some(state) = config.before_abort_of(pending.slot, pending.call) else {
        return Outcomes::new();
    };
    let could_wait = config.could_wait(pending.slot);
    let mut outcomes = context.outcomes_of_waiting(&state, could_wait, pending);
    if config.agent_has_returned() && matches!(pending.call, Call::Server(ServerCall::SendCommand(_)))
    {
        outcomes.retain(|outcome| outcome.refuses() || outcome.changes_nothing());
    }
    outcomes
}

/// What a call that has begun to wait may return before the abort that has happened.
pub(super) fn returns_before(
    context: &Context<'_>,
    config: &Configuration,
    pending: &Pending<'_>,
) -> Outcomes {
    let Some(state) = config.before_abort_of(pending.slot, pending.call) else {
        return Outcomes::new();
    };
    vdi_model::returns(&state, context.profile(), pending.lane)
}

/// Lets something happen before the abort that has happened.
pub(super) fn before_abort(config: &mut Configuration, happen: impl FnOnce(&mut State)) {
    if let Some(mut state) = config.before_abort() {
        happen(&mut state);
        config.go_on_from(state);
    }
}

/// The device that a call is about.
pub(super) const fn device_of(call: &Call) -> Option<u8> {
    match call {
        Call::Server(ServerCall::SendCommand(request)) => Some(request.device),
        Call::Server(ServerCall::CloseDevice { device }) => Some(*device),
        Call::Client(
            ClientCall::GetCommand { device, .. } | ClientCall::CompleteCommand { device, .. },
        )
        | Call::Secondary(
            _,
            ClientCall::GetCommand { device, .. } | ClientCall::CompleteCommand { device, .. },
        ) => Some(*device),
        Call::Server(_) | Call::Client(_) | Call::Secondary(..) => None,
    }
}
