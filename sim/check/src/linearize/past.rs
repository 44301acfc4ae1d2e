//! Calls that were in progress at an abort may have taken effect before it.
//!
//! Of n calls on n devices any may come before an abort and any after it, which are 2 to the
//! power of n states. But an abort changes nothing of a device: it is a mark that what comes
//! later looks at. So it is put off for each call whether it came before, until an event
//! depends on it: the configuration remembers which calls were in progress then, and what
//! the abort has changed for them. A call that is made to happen before the abort after all
//! looks at the state without that mark, and leaves what it would have left. It is the same
//! with the server's Close; with a client's Close, if a device stays open that makes an abort
//! of it, whatever comes of the other calls; with the end of the server's process, or of the
//! primary's; and with the step that makes the set Active, before which SendCommand is
//! refused.
//!
//! This is right as long as nothing that came after has looked at what such a call changes,
//! or changed what it looks at. After an abort calls on devices are refused, and change
//! nothing. What does look is a footprint's matter (see `bearing`), so that such a call is
//! tried before it: a callback, which ends this for its device; the agent's return, the
//! server's Close, any other Close of a client and end of a process, which end it for the calls
//! that they bear on.

use super::before::Past;
use super::configuration::Configuration;
use super::context::{Context, Pending, device_of};
use super::footprint::{activates, is_of_device, is_refused_after_abort, is_settled, of};
use super::linearization::Spontaneous;
use super::outlook::{Outlook, ends_set, ends_softly};
use super::parts::bit;
use super::slots::{Slot, SlotSet};
use smallvec::SmallVec;
use vdi_model::{
    Agent, Buffer, Call, Caller, ClientCall, ClientLife, Configuration as Configured, LaneId,
    Outcome, SecondaryLife, ServerCall, ServerLife, Stage, State,
};

/// Whether nothing happens without a call that is not followed closer.
fn is_closed(context: &Context<'_>, config: &Configuration) -> bool {
    let followed = |(slot, known): &(Slot, Spontaneous)| {
        config.taken.has(*slot) || ends_softly(context, config, known)
    };
    context.reduces && context.spontaneous.iter().all(followed)
}

/// Whether an abort, if a call came to one now, could come after calls that take effect later.
pub(super) fn can_abort_later(context: &Context<'_>, config: &Configuration) -> bool {
    let State { aborted, client, configuration_seen, .. } = &config.state;
    let created = *client == ClientLife::Created;
    aborted.is_none() && created && *configuration_seen && is_closed(context, config)
}

/// The same of the step that makes the set Active.
pub(super) fn can_activate_later(context: &Context<'_>, config: &Configuration) -> bool {
    let State { aborted, server, activated, configuration, .. } = &config.state;
    let initializing = *server == ServerLife::Open && *configuration == Configured::Ended;
    aborted.is_none() && initializing && !activated && is_closed(context, config)
}

/// The same of the server's Close after an abort.
pub(super) fn can_close_later(context: &Context<'_>, config: &Configuration) -> bool {
    let State { aborted, server, client, .. } = &config.state;
    let there = matches!(client, ClientLife::Created | ClientLife::Closed);
    let open = *server == ServerLife::Open && there;
    aborted.is_some() && open && is_closed(context, config)
}

/// Whether a call may be such a step.
pub(super) fn may_leave_past(config: &Configuration, call: &Call) -> bool {
    let closes = matches!(call, Call::Secondary(_, ClientCall::Close));
    ends_set(call) || closes || (!config.state.activated && activates(call))
}

/// Whether the call is a client's Close.
pub(super) const fn is_close_of_client(call: &Call) -> bool {
    match call {
        Call::Client(call) | Call::Secondary(_, call) => matches!(call, ClientCall::Close),
        Call::Server(_) => false,
    }
}

/// A call has taken effect: if it has ended the set for one of its parties, or made it Active,
/// what was before is remembered.
pub(super) fn note_past(
    context: &Context<'_>,
    config: &mut Configuration,
    before: &Configuration,
    pending: &Pending<'_>,
) {
    let (was, is) = (&before.state, &config.state);
    let aborts = was.aborted.is_none() && is.aborted.is_some();
    let ends = aborts || was.server != is.server;
    let can_end_later = can_abort_later(context, before) || can_close_later(context, before);
    let outlook = Outlook::new(context, before);
    let soft = ends && outlook.aborts_softly(pending.call) && can_end_later;
    if was.aborted.is_some() && is_close_of_client(pending.call) {
        // It has let go of what clients have in hand, and of nothing that the server does.
        let mut slots = SlotSet::default();
        let by_client = |other: &&Pending<'_>| other.call.caller() != Caller::Server;
        context.pending.iter().filter(by_client).for_each(|other| slots.add(other.slot));
        config.leave_past(slots);
        return;
    }
    if was.client != is.client && !soft {
        // What this has looked at, and let go, is not told from the mark that it leaves.
        config.pasts.clear();
        return;
    }
    let activates = !was.activated && is.activated && can_activate_later(context, before);
    if !soft && !activates {
        return;
    }
    remember(context, config, before, Some(pending.slot));
}

/// A process has ended, see [`ends_softly`]: what was before is remembered, with what the server
/// sent.
pub(super) fn note_end(context: &Context<'_>, config: &mut Configuration, before: &Configuration) {
    if before.state.aborted.is_none() {
        remember(context, config, before, None);
    }
    if config.state.server == ServerLife::Dead {
        config.state.commands.clone_from(&before.state.commands);
        config.end_past_of_agent();
    }
}

/// Remembers what was before, for the calls that may have taken effect then.
fn remember(
    context: &Context<'_>,
    config: &mut Configuration,
    before: &Configuration,
    own: Option<Slot>,
) {
    let (was, is) = (&before.state, &config.state);
    let aborts = was.aborted.is_none() && is.aborted.is_some();
    let ends = aborts || was.server != is.server;
    // What is called after an abort, or before the set is Active, only SendCommand is more
    // than an answer.
    let any = ends && was.aborted.is_none();
    let outlook = Outlook::new(context, before);
    let may_be = |other: &Pending<'_>| {
        let sends = matches!(other.call, Call::Server(ServerCall::SendCommand(_)));
        let open = !is_settled(before, other) && !is_cut_off(before, other);
        let is_of = || is_of_device(other.call, &of(context, before, &outlook, other, false).reads);
        Some(other.slot) != own && open && (any || sends) && is_of()
    };
    let mut slots = SlotSet::default();
    context.pending.iter().filter(|other| may_be(other)).for_each(|other| slots.add(other.slot));
    let State { aborted, server, client, agent, activated, .. } = *was;
    let routine = aborts && was.free_agent().is_some();
    if routine || slots != SlotSet::default() {
        config.pasts.push(Past { slots, aborted, server, client, agent, activated, routine });
    }
}

/// Whether the process of the caller has ended.
fn has_ended(state: &State, caller: Caller) -> bool {
    match caller {
        Caller::Server => state.server == ServerLife::Dead,
        Caller::Client(0) => state.client == ClientLife::Dead,
        Caller::Client(number) => state.secondaries[usize::from(number) - 1] == SecondaryLife::Dead,
    }
}

/// Whether a call of a process that is about to end, or has, cannot be seen any more to have
/// taken effect after an abort: it is refused, on a lane of the server's.
const fn ends_unseen(pending: &Pending<'_>) -> bool {
    match pending.call {
        Call::Server(call) => {
            is_refused_after_abort(call) || matches!(call, ServerCall::SendCommand(_))
        }
        Call::Client(_) | Call::Secondary(..) => false,
    }
}

/// Whether the call is one of a process that has ended, and had begun to wait: with the process
/// its waiting ends.
pub(super) fn is_cut_off(config: &Configuration, pending: &Pending<'_>) -> bool {
    pending.lost && config.taken.has(pending.slot)
}

impl Configuration {
    /// Whether a call may have taken effect before what has happened.
    pub(super) fn may_be_past(&self, slot: Slot, call: &Call) -> bool {
        self.pasts.iter().any(|past| past.admits(&self.state, slot, call))
    }

    /// The states for a call that may have taken effect before, each with its position.
    pub(crate) fn before(&self, slot: Slot, call: &Call) -> SmallVec<[(usize, State); 1]> {
        let pasts = self.pasts.iter().enumerate();
        let admitting = pasts.filter(|(_, past)| past.admits(&self.state, slot, call));
        admitting.map(|(at, past)| (at, past.view(&self.state))).collect()
    }

    /// The state for a routine that the agent may have begun to invoke before the abort.
    pub(super) fn before_abort_of_agent(&self) -> Option<(usize, State)> {
        let at = self.pasts.iter().position(|past| past.routine)?;
        let past = &self.pasts[at];
        let Agent::Running { lane } = past.agent else { return None };
        let busy = self.state.in_progress(lane).is_some() || past.has_left(&self.state);
        if busy { None } else { Some((at, past.view(&self.state))) }
    }

    /// Lets something happen before what has happened.
    pub(super) fn happen_before(&mut self, past: usize, happen: impl FnOnce(&mut State)) {
        let mut state = self.pasts[past].view(&self.state);
        let was_active = state.activated;
        happen(&mut state);
        if state.activated && !was_active {
            self.activate_before(past);
        }
        self.go_on_from(state);
    }

    /// The set has become Active before what has happened: what may have taken effect then may
    /// have done so before that, or after it.
    fn activate_before(&mut self, past: usize) {
        let earlier = Past { routine: false, ..self.pasts[past] };
        self.pasts[past..].iter_mut().for_each(|later| later.activated = true);
        self.pasts.insert(past, earlier);
        self.state.activated = true;
    }

    /// Goes on with what something before has made of the state then.
    fn go_on_from(&mut self, state: State) {
        let State { aborted, server, client, agent, activated, .. } = self.state;
        let held = |state: &State, id| {
            state.command(id).is_some_and(|command| command.stage == Stage::Delivered)
        };
        let changed: SmallVec<[vdi_model::BufferId; 2]> = state
            .commands
            .iter()
            .filter(|command| held(&state, command.id) != held(&self.state, command.id))
            .filter_map(|command| command.buffer)
            .collect();
        self.state = State { aborted, server, client, agent, activated, ..state };
        let dead = |caller: Caller| has_ended(&self.state, caller);
        let alive = self.state.calls.iter().filter(|call| !dead(call.caller)).copied();
        self.state.calls = alive.collect();
        if aborted.is_none() {
            return;
        }
        let State { commands, buffers, secondaries, .. } = &mut self.state;
        let has_mapped = |buffer: &Buffer| {
            let mut all = (1..).zip(secondaries.iter());
            all.any(|(bit, life)| *life == SecondaryLife::Open && buffer.mapped & (1 << bit) != 0)
        };
        // What the client holds at the abort it keeps, until it closes; and what the primary
        // has left to others, until those do.
        for buffer in buffers.iter_mut().filter(|buffer| changed.contains(&buffer.id)) {
            let keeps = match client {
                ClientLife::Created => true,
                ClientLife::Dead => has_mapped(buffer),
                ClientLife::Absent | ClientLife::Closed => false,
            };
            buffer.kept = keeps
                && commands.iter().any(|command| {
                    command.buffer == Some(buffer.id) && command.stage == Stage::Delivered
                });
        }
    }

    /// The agent has begun to invoke a routine before the abort.
    pub(super) fn end_past_of_agent(&mut self) {
        self.pasts.iter_mut().for_each(|past| past.routine = false);
    }

    /// A command of this device was called back: what it was like before is not known any
    /// more.
    pub(super) fn end_past_of(&mut self, context: &Context<'_>, device: u8, lane: LaneId) {
        for past in &mut self.pasts {
            past.routine &= past.agent != Agent::Running { lane };
            let own = |known: &&Pending<'_>| device_of(known.call) == Some(device);
            context.pending.iter().filter(own).for_each(|known| past.slots.remove(known.slot));
        }
    }

    /// What of the calls of a process that has ended cannot have taken effect before never does.
    /// If it is the server that has, what it sent is lost where nobody can have been given it. It
    /// is the same when it is about to end, and the set is aborted: all that its calls can come to
    /// then is to be refused, and nobody sees it.
    pub(super) fn end_lost(&mut self, context: &Context<'_>) {
        let dead = self.state.server == ServerLife::Dead;
        let exits = |(slot, known): &(Slot, Spontaneous)| {
            *known == Spontaneous::Exit(Caller::Server) && !self.taken.has(*slot)
        };
        let ending = self.state.aborted.is_some() && context.spontaneous.iter().any(exits);
        if dead || ending {
            let is_open = |slot: Slot| self.pasts.iter().any(|past| past.slots.has(slot));
            let given = context.pending.iter().filter(|known| !known.lost && is_open(known.slot));
            let open = given
                .filter_map(|known| device_of(known.call))
                .fold(0, |all, device| all | bit(device));
            let is_over = |device: Option<u8>| device.is_none_or(|device| open & bit(device) == 0);
            let over = context.pending.iter().filter(|known| {
                known.lost && (dead || ends_unseen(known)) && is_over(device_of(known.call))
            });
            let mut slots = SlotSet::default();
            over.for_each(|known| slots.add(known.slot));
            self.leave_past(slots);
            self.state.commands.retain(|command| open & bit(command.device) != 0);
        }
        for known in context.pending.iter().filter(|known| known.lost) {
            let ended =
                has_ended(&self.state, known.call.caller()) || (ending && ends_unseen(known));
            if ended && !self.pasts.iter().any(|past| past.slots.has(known.slot)) {
                self.taken.add(known.slot);
                self.retract(known.slot);
            }
            if ending && ends_unseen(known) && self.taken.has(known.slot) {
                self.state.calls.retain(|call| call.lane != known.lane);
            }
        }
    }

    /// These calls have returned, or taken effect, or are no calls of the set.
    pub(super) fn leave_past(&mut self, slots: SlotSet) {
        self.pasts.iter_mut().for_each(|past| past.slots.remove_all(slots));
    }

    /// Puts what has no order into one; what is queued has one as long as it matters.
    pub(super) fn normalize(&mut self) {
        self.pasts.retain(|past| past.routine || past.slots != SlotSet::default());
        let aborted = self.state.aborted;
        if !self.pasts.is_empty() {
            self.state.aborted = None;
        }
        if self.state.client == ClientLife::Dead {
            // Nobody asks any more what the primary had the address of.
            self.state.buffers.iter_mut().for_each(|buffer| buffer.mapped &= !1);
        }
        self.state.normalize();
        self.state.aborted = aborted;
    }
}

/// What a call that has not taken effect may come to before what has happened, each with
/// where that was.
pub(super) fn outcomes_before(
    context: &Context<'_>,
    config: &Configuration,
    pending: &Pending<'_>,
) -> SmallVec<[(usize, Outcome); 2]> {
    let mut all = SmallVec::new();
    let could_wait = config.could_wait(pending.slot);
    for (at, state) in config.before(pending.slot, pending.call) {
        let mut outcomes = context.outcomes_of_waiting(&state, could_wait, pending);
        let sends = matches!(pending.call, Call::Server(ServerCall::SendCommand(_)));
        if sends && config.pasts[at].has_left(&config.state) {
            outcomes.retain(|outcome| outcome.refuses() || outcome.changes_nothing());
        }
        all.extend(outcomes.into_iter().map(|outcome| (at, outcome)));
    }
    all
}

/// What a call that has begun to wait may return before what has happened.
pub(super) fn returns_before(
    context: &Context<'_>,
    config: &Configuration,
    pending: &Pending<'_>,
) -> SmallVec<[(usize, Outcome); 2]> {
    let mut all = SmallVec::new();
    for (at, state) in config.before(pending.slot, pending.call) {
        let returns = vdi_model::returns(&state, context.profile(), pending.lane);
        all.extend(returns.into_iter().map(|outcome| (at, outcome)));
    }
    all
}
