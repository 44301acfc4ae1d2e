//! What bears on an event: the calls that can make a difference to it if they take effect
//! before. All others are put off until after it, and so are tried in one order only.
//!
//! Each call that is not settled has a [`Footprint`]: the parts of the state that it reads
//! and those that it changes, in any state that the calls in progress can bring about before
//! the event. The event has one, too: that of the call that returns, or of the routine. A
//! call *bears on* the event if
//!
//! * it changes what the event, or a call that bears on it, reads; or
//! * a call that bears on the event changes what it reads.
//!
//! Why nothing is lost: take an order of effects that explains the event, and of it the
//! calls that do not bear on the event. No call that does reads what these change, nor do
//! they read what it changes. So they can be moved behind the event one after the other, the
//! last first, and each comes to the same outcome there, and the state in the end is the same.
//! What a call could be answered without an effect is noted in each state on the way. A call
//! for which two of the steps make a difference reads what both change, and so joins them;
//! that which reads what only one changes notes the same answers in both orders.
//!
//! Two things are less than reading. What makes a step *possible* and changes nothing else of
//! it (the last CloseDevice, for the agent's return) need not come before it where it comes
//! later. And calls on devices need not come before an abort, since they can be made to happen
//! before it when an event asks for that: see `past`.
//!
//! Moments of rest, and what looks at the state as a whole, depend on everything.
//!
//! These are stubborn sets (Valmari, "Stubborn sets for reduced state space generation",
//! 1989), asked of by an event that is known. That nothing is lost is tested against the search
//! without them, and against the judge that tries everything.

use smallvec::SmallVec;

use super::configuration::Configuration;
use super::context::{Context, Pending, Scope, is_agent};
use super::footprint::{
    activates, is_of_device, is_settled, of, of_callback, of_exit, of_routines, refused_open,
    sends_data, with_routines,
};
use super::observation::Observation;
use super::outlook::{Outlook, ends_set};
use super::parts::{Aspect, Footprint, Parts, bit, whole};
use super::past::{
    can_abort_later, can_activate_later, can_close_later, is_close_of_client, is_cut_off,
};
use super::slots::Slot;
use vdi_model::{Call, Caller, ClientCall, DeviceName, ServerCall, ServerDevice, ServerLife};
use vdi_spec::clauses::{ActiveEntry, ClientCloseDevicesOpen, ClientOpenDeviceSurplus, Profile};
use vdi_spec::codes::HResult;

/// What bears on an event.
pub(super) struct Bearing {
    /// The calls, by their positions.
    calls: SmallVec<[bool; 16]>,
    /// The devices whose routines do.
    routines: u64,
    /// Whether the end of a process does.
    exit: bool,
}

impl Bearing {
    pub(super) fn has_call(&self, index: usize) -> bool {
        self.calls[index]
    }

    pub(super) const fn has_exit(&self) -> bool {
        self.exit
    }

    pub(super) const fn has_routines_of(&self, device: u8) -> bool {
        self.routines & bit(device) != 0
    }
}

/// A step that may come before the event.
struct Node {
    of: Of,
    footprint: Footprint,
    /// What of an abort, or of what makes the set Active, it need not come before, since it
    /// can be made to.
    past: Parts,
    /// Whether its abort lets others happen before it later.
    is_soft: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Call(usize),
    Routines(u8),
    Exit,
}

/// What those that bear on the event read and change, together.
#[derive(Default)]
struct Gathered {
    reads: Parts,
    writes: Parts,
    /// Of an abort that others can still be made to come before.
    soft: Parts,
}

impl Gathered {
    fn add(&mut self, node: &Node) {
        let Footprint { reads, awaits, writes } = &node.footprint;
        self.reads.add(reads);
        self.reads.add(awaits);
        if node.is_soft {
            self.soft.add(writes);
        } else {
            self.writes.add(writes);
        }
    }

    fn joins(&self, node: &Node) -> bool {
        let Footprint { reads, writes, .. } = &node.footprint;
        if writes.meet(&self.reads) || reads.meet(&self.writes) {
            return true;
        }
        reads.except(&node.past).meet(&self.soft)
    }
}

/// Whether what a client's OpenDevice answers rests on one device alone: what makes all of
/// them open can come later.
fn is_of_one_device(profile: &Profile, status: HResult) -> bool {
    let twice = profile.client_open_device_surplus == ClientOpenDeviceSurplus::OpenError
        && status == HResult::VD_E_PROTOCOL;
    twice || status == HResult::NOERROR || status == HResult::VD_E_INVALID
}

/// What bears on an event; `None` if everything does.
pub(super) fn bearing(
    context: &Context<'_>,
    config: &Configuration,
    event: &Observation<'_>,
) -> Option<Bearing> {
    let outlook = Outlook::new(context, config);
    let mut bearing = Bearing {
        calls: SmallVec::from_elem(false, context.pending.len()),
        routines: 0,
        exit: false,
    };
    let mut gathered = Gathered::default();
    match event {
        Observation::Rest | Observation::Holds(_) => return None,
        Observation::Ended(_) if outlook.has_exit() => {
            gathered.add(&exit(&outlook));
            bearing.exit = true;
        }
        Observation::Ended(_) => return (!outlook.is_unknown()).then_some(bearing),
        Observation::Return { slot, seen } => {
            let index = context.find(*slot)?;
            if is_settled(config, &context.pending[index]) {
                return Some(bearing);
            }
            match needed(context, config, &outlook, event) {
                Some(needed) => {
                    for index in needed {
                        gathered.add(&node(context, config, &outlook, index));
                        bearing.calls[index] = true;
                    }
                }
                None => {
                    let node = returning(context, config, &outlook, (index, seen.status));
                    gathered.add(&node);
                    bearing.calls[index] = true;
                }
            }
        }
        Observation::Callback { .. } => {
            let Scope::Device(device) = context.scope else { return None };
            let footprint = of_callback(&outlook, device);
            let of = Of::Routines(device);
            gathered.add(&Node { of, footprint, past: Parts::default(), is_soft: false });
            bearing.routines |= bit(device);
        }
    }
    let mut left = nodes(context, config, &outlook, event);
    if matches!(event, Observation::Ended(_)) {
        // What its calls came to, they came to before.
        let own = Parts::whole(whole::SECONDARIES);
        left.iter_mut().for_each(|node| node.past = node.past.except(&own));
    }
    loop {
        let before = left.len();
        left.retain(|node| {
            let joins = gathered.joins(node);
            if joins {
                gathered.add(node);
                match node.of {
                    Of::Call(index) => bearing.calls[index] = true,
                    Of::Routines(device) => bearing.routines |= bit(device),
                    Of::Exit => bearing.exit = true,
                }
            }
            !joins
        });
        if left.len() == before {
            return Some(bearing);
        }
    }
}

const fn opens_for_client(call: &Call) -> bool {
    match call {
        Call::Server(_) => false,
        Call::Client(call) | Call::Secondary(_, call) => {
            matches!(call, ClientCall::OpenDevice { .. })
        }
    }
}

/// The call that returns with this status.
fn returning(
    context: &Context<'_>,
    config: &Configuration,
    outlook: &Outlook,
    (index, status): (usize, HResult),
) -> Node {
    let mut node = node(context, config, outlook, index);
    let call = context.pending[index].call;
    let reads = node.footprint.reads;
    if matches!(call, Call::Server(ServerCall::AllocateBuffer { .. })) && status != HResult::NOERROR
    {
        // Whether there is no more memory depends on what else was allocated.
        node.footprint.reads = reads.and(whole::BUFFERS);
    } else if sends_data(call) && outlook.full && status != HResult::NOERROR {
        node.footprint.reads = reads.and(whole::FULL);
    } else if opens_for_client(call) && !is_of_one_device(context.profile(), status) {
        node.footprint.reads = refused_open(reads);
    }
    node
}

/// Everything that may come before the event, but the call that returns.
fn nodes(
    context: &Context<'_>,
    config: &Configuration,
    outlook: &Outlook,
    event: &Observation<'_>,
) -> SmallVec<[Node; 16]> {
    let mut nodes = SmallVec::new();
    // The agent that invokes a routine has not returned.
    let invokes = matches!(event, Observation::Callback { .. });
    for (index, pending) in context.pending.iter().enumerate() {
        let returns = event.returns() == Some(pending.slot);
        let agent = invokes && is_agent(&config.state, pending.lane);
        if !is_settled(config, pending) && !returns && !agent {
            nodes.push(node(context, config, outlook, index));
        }
    }
    if outlook.has_exit() {
        nodes.push(exit(outlook));
    }
    let begun_before = config.before_abort_of_agent().is_some();
    if config.state.aborted.is_none() || begun_before {
        let later = begun_before || can_abort_later(context, config);
        let past = Parts::whole(if later { whole::ABORT } else { 0 });
        let routines = with_routines(context, &config.state);
        for device in (0..64).filter(|device| routines & bit(*device) != 0) {
            let footprint = of_routines(outlook, device);
            nodes.push(Node { of: Of::Routines(device), footprint, past, is_soft: false });
        }
    }
    nodes
}

fn exit(outlook: &Outlook) -> Node {
    Node { of: Of::Exit, footprint: of_exit(outlook), past: Parts::default(), is_soft: true }
}

fn node(context: &Context<'_>, config: &Configuration, outlook: &Outlook, index: usize) -> Node {
    let pending = &context.pending[index];
    let before = config.may_be_past(pending.slot, pending.call);
    let footprint = of(context, config, outlook, pending, before);
    let aborts = can_abort_later(context, config);
    let activates_later = can_activate_later(context, config);
    let can_be_past = !is_cut_off(config, pending) && is_of_device(pending.call, &footprint.reads);
    let mut past = Parts::default();
    if before || (can_be_past && aborts) {
        past.add(&Parts::whole(put_off(pending.call)));
    }
    let closes = can_close_later(context, config);
    let sends = matches!(pending.call, Call::Server(ServerCall::SendCommand(_)));
    if before && sends {
        // The agent is then what it was.
        past.add(&Parts::whole(whole::AGENT));
    }
    if can_be_past && sends {
        past.add(&Parts::whole(if closes { whole::SERVER } else { 0 }));
        if activates_later {
            past.add(&outlook.activity(&config.state));
        }
    }
    if pending.lost && matches!(pending.call.caller(), Caller::Client(1..)) {
        // The end of a secondary is not noticed: it may always come later.
        past.add(&Parts::whole(whole::SECONDARIES));
    }
    let is_soft = ((aborts || closes) && outlook.aborts_softly(pending.call))
        || (activates_later && activates(pending.call));
    Node { of: Of::Call(index), footprint, past, is_soft }
}

/// What of an abort a call can be made to come before. The server's Close looks at its devices.
const fn put_off(call: &Call) -> u16 {
    match call {
        Call::Server(ServerCall::CloseDevice { .. } | ServerCall::OpenDevice { .. }) => {
            whole::ABORT
        }
        Call::Server(_) => whole::ABORT | whole::SERVER,
        Call::Client(_) => whole::ABORT | whole::SERVER | whole::CLIENT,
        // Of the secondary that closes nothing else is called then.
        Call::Secondary(..) => whole::ABORT | whole::SERVER | whole::CLIENT | whole::SECONDARIES,
    }
}

/// The calls of which one has to come next, if the event cannot be yet. Of what has to happen
/// in any case it is enough to look at what comes first.
fn needed(
    context: &Context<'_>,
    config: &Configuration,
    outlook: &Outlook,
    event: &Observation<'_>,
) -> Option<SmallVec<[usize; 4]>> {
    let Observation::Return { slot, seen } = event else { return None };
    let pending = &context.pending[context.find(*slot)?];
    let state = &config.state;
    if outlook.is_unknown()
        || outlook.has_exit()
        || state.aborted.is_some()
        || state.server != ServerLife::Open
    {
        return None;
    }
    if is_agent(state, pending.lane) {
        return needed_by_agent(context, config, outlook);
    }
    let closes_open = is_close_of_client(pending.call)
        && seen.status == HResult::NOERROR
        && !config.taken.has(*slot)
        && outlook.closes_as_abort(pending.call.caller())
        && context.profile().client_close_devices_open == ClientCloseDevicesOpen::OpenError;
    if closes_open {
        return Some(aborts_before(context, config, *slot));
    }
    let is_on_device = matches!(
        pending.call,
        Call::Server(ServerCall::SendCommand(_) | ServerCall::CloseDevice { .. })
    );
    let untaken = |index: &usize| !config.taken.has(context.pending[*index].slot);
    let closes = |known: &Pending<'_>| matches!(known.call, Call::Server(ServerCall::Close));
    let waits = is_on_device
        && seen.status == HResult::NOERROR
        && !config.taken.has(*slot)
        && can_activate_later(context, config)
        && context.profile().active_entry == ActiveEntry::AllOpenAndAgent
        && !context.pending.iter().any(closes);
    if !waits {
        return None;
    }
    let (aspect, device) = match state.agent.is_running() {
        true => outlook.first_unopened()?,
        false => (Aspect::Owed, 0),
    };
    let opens = |index: &usize| match context.pending[*index].call {
        Call::Server(ServerCall::ExecuteCompletionAgent) => aspect == Aspect::Owed,
        Call::Server(ServerCall::OpenDevice { device: Some(opened) }) => {
            aspect == Aspect::Opened && bit(*opened) == device
        }
        Call::Client(ClientCall::OpenDevice { name })
        | Call::Secondary(_, ClientCall::OpenDevice { name }) => {
            let (DeviceName::Known(opened) | DeviceName::New(opened)) = name else {
                return false;
            };
            aspect == Aspect::Joined && bit(*opened) == device
        }
        Call::Server(_) | Call::Client(_) | Call::Secondary(..) => false,
    };
    Some((0..context.pending.len()).filter(untaken).filter(opens).collect())
}

/// The Close of who has a device open succeeds after an abort alone.
fn aborts_before(context: &Context<'_>, config: &Configuration, own: Slot) -> SmallVec<[usize; 4]> {
    let aborts = |pending: &Pending<'_>| {
        let may = ends_set(pending.call) || is_close_of_client(pending.call);
        may && pending.slot != own && !config.taken.has(pending.slot)
    };
    (0..context.pending.len()).filter(|index| aborts(&context.pending[*index])).collect()
}

/// The agent does not return before the last device is closed, or the set ends.
fn needed_by_agent(
    context: &Context<'_>,
    config: &Configuration,
    outlook: &Outlook,
) -> Option<SmallVec<[usize; 4]>> {
    let mut devices = (0..).zip(&config.state.devices);
    let (first, _) = devices.find(|(_, device)| device.server != ServerDevice::Closed)?;
    let bears = |index: &usize| {
        let pending = &context.pending[*index];
        let closes = matches!(pending.call, Call::Server(ServerCall::CloseDevice { device })
            if *device == first);
        let ends = || {
            let footprint = of(context, config, outlook, pending, false);
            footprint.writes.has(whole::ABORT | whole::SERVER)
        };
        !is_settled(config, pending) && (closes || ends())
    };
    Some((0..context.pending.len()).filter(bears).collect())
}
