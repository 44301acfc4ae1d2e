//! What the explored states are the same up to: devices are interchangeable,
//! numbers of commands and buffers mean nothing, and neither does what no later
//! outcome depends on.
//!
//! `sort` is a renaming. `reduce` is a quotient: two states that it makes one allow
//! the same answers and lead to states that it makes one again; a test compares both
//! with a world in which nothing is dropped.

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::lanes::{DEVICE, SECONDARY, device_lane};
use super::node::{At, Node, sent_order};
use super::world::World;
use vdi_model::{
    BufferId, ClientLife, Command, CommandId, Configuration, Device, LaneId, Pending, Reserve,
    SecondaryLife, ServerLife, Stage, State, Timeout,
};
use vdi_spec::clauses::CompletionRace;
use vdi_spec::codes::{CommandCode, Win32};

/// Drops what no later outcome depends on.
pub(super) fn reduce(node: &mut Node, world: &World) {
    let state = &mut node.state;
    // Whether more are taken than were requested, only the certainty of AllocateBuffer
    // tells; and once the set is configured no later request is waited for.
    if state.configuration == Configuration::Ended {
        state.reserve = Reserve::None;
        state.kinds.clear();
    }
    // The primary knows every address.
    state.buffers.iter_mut().for_each(|buffer| buffer.mapped &= !1);
    // Whether the last command was a Flush, and whether the server knows of an error,
    // says whose fault something is, no more.
    for device in &mut state.devices {
        (device.flushed, device.error_told, device.full) = (false, false, false);
    }
    for command in &mut state.commands {
        let errored = state.devices[usize::from(command.device)].errored;
        command.before_error &= errored && command.stage == Stage::Delivered;
    }
    if state.aborted.is_some() {
        after_abort(node, world.profile.completion_race == CompletionRace::Either);
    }
    if is_over(node) {
        over(&mut node.state);
    }
}

/// After an abort nothing moves but callbacks, returns and Close.
fn after_abort(node: &mut Node, codes_matter: bool) {
    let state = &mut node.state;
    state.reserve = Reserve::None;
    state.kinds.clear();
    state.buffers.clear();
    (state.idle_intervals, state.activated, state.configuration_seen) = (0, false, false);
    (state.seen_early, state.seen_unasked) = (0, false);
    state.configuration = Configuration::Unset;
    state.devices.iter_mut().for_each(|device| device.errored = false);
    for command in &mut state.commands {
        let stage = match command.stage {
            // The client's Close tells held commands from queued ones.
            Stage::Completed { .. } if !codes_matter => {
                Stage::Completed { code: Win32::ERROR_SUCCESS, bytes: 0, position: 0 }
            }
            other => other,
        };
        *command = Command {
            device: 0,
            code: CommandCode::Flush,
            buffer: None,
            size: None,
            used: false,
            before_error: false,
            fails_device: false,
            stage,
            ..*command
        };
    }
    for sent in &mut node.ghost.sent {
        sent.device = 0;
        // Only what was answered may matter still, where its own code is allowed.
        sent.at = match sent.at {
            At::Answered(_) | At::Dropped(_) if codes_matter => sent.at,
            At::Refused => sent.at,
            _ => At::Queued,
        };
    }
}

/// Whether both sides are done with the set and nothing is owed any more.
fn is_over(node: &Node) -> bool {
    let state = &node.state;
    matches!(state.server, ServerLife::Closed | ServerLife::Dead)
        && matches!(state.client, ClientLife::Closed | ClientLife::Dead)
        && !state.secondaries.contains(&SecondaryLife::Open)
        && state.commands.is_empty()
        && state.calls.is_empty()
        && !state.agent.is_running()
}

fn over(state: &mut State) {
    state.buffers.clear();
    state.devices.iter_mut().for_each(|device| *device = Device::default());
    (state.idle_intervals, state.activated, state.configuration_seen) = (0, false, false);
    (state.seen_early, state.seen_unasked) = (0, false);
    (state.configuration, state.reserve) = (Configuration::Unset, Reserve::None);
    state.kinds.clear();
}

/// Puts devices, commands and buffers into a canonical order.
pub(super) fn sort(node: &mut Node) {
    sort_devices(node);
    sort_commands(node);
    number_buffers(&mut node.state);
    if !node.state.calls.is_sorted_by_key(|call| call.lane) {
        node.state.calls.sort_by_key(|call| call.lane);
    }
}

fn sort_devices(node: &mut Node) {
    let count = node.state.devices.len();
    let pairs = 1..count as u8;
    if pairs.into_iter().all(|b| compare_devices(&node.state, b - 1, b) != Ordering::Greater) {
        return;
    }
    let mut order: SmallVec<[u8; 8]> = (0..count as u8).collect();
    order.sort_by(|a, b| compare_devices(&node.state, *a, *b));
    let mut place: SmallVec<[u8; 8]> = SmallVec::from_elem(0, count);
    for (new, old) in order.iter().enumerate() {
        place[usize::from(*old)] = new as u8;
    }
    let moved = |device: u8| place[usize::from(device)];
    let before = node.state.devices.clone();
    for (old, device) in before.iter().enumerate() {
        node.state.devices[usize::from(place[old])] = *device;
    }
    node.state.commands.iter_mut().for_each(|command| command.device = moved(command.device));
    node.ghost.sent.iter_mut().for_each(|sent| sent.device = moved(sent.device));
    for call in &mut node.state.calls {
        if (DEVICE..SECONDARY).contains(&call.lane.0) {
            call.lane = device_lane(moved((call.lane.0 - DEVICE) as u8));
        }
        if let Pending::GetCommand(device, _) = &mut call.pending {
            *device = moved(*device);
        }
    }
}

fn compare_devices(state: &State, a: u8, b: u8) -> Ordering {
    let sides = |device: u8| state.devices[usize::from(device)];
    let commands = |device: u8| {
        let mut own: SmallVec<[&Command; 4]> =
            state.commands.iter().filter(|command| command.device == device).collect();
        own.sort_by(|a, b| compare_commands(state, a, b));
        own
    };
    sides(a)
        .cmp(&sides(b))
        .then_with(|| waiting(state, device_lane(a)).cmp(&waiting(state, device_lane(b))))
        .then_with(|| {
            if state.commands.is_empty() {
                return Ordering::Equal;
            }
            let (one, other) = (commands(a), commands(b));
            let both = one.iter().zip(&other);
            let differing = both
                .map(|(a, b)| content(state, a).cmp(&content(state, b)))
                .find(|order| *order != Ordering::Equal);
            differing.unwrap_or_else(|| one.len().cmp(&other.len()))
        })
}

fn waiting(state: &State, lane: LaneId) -> Option<Timeout> {
    state.in_progress(lane).map(|call| match call.pending {
        Pending::GetCommand(_, timeout) => timeout,
        _ => Timeout::Poll,
    })
}

/// What is told apart of the buffer that a command carries, if it carries one that exists.
type Carries = Option<Option<(u16, bool)>>;

/// A command without the numbers.
fn content(state: &State, command: &Command) -> (Command, Carries) {
    let buffer =
        command.buffer.map(|id| state.buffer(id).map(|buffer| (buffer.mapped, buffer.kept)));
    (Command { id: CommandId(0), device: 0, buffer: None, ..*command }, buffer)
}

/// Only the order of queued commands means anything.
fn compare_commands(state: &State, a: &Command, b: &Command) -> Ordering {
    let queued = |command: &Command| command.stage == Stage::Queued;
    queued(a).cmp(&queued(b)).then_with(|| match queued(a) && state.aborted.is_none() {
        true => Ordering::Equal,
        false => content(state, a).cmp(&content(state, b)),
    })
}

fn sort_commands(node: &mut Node) {
    if node.state.commands.is_empty() && node.ghost.sent.is_empty() {
        return;
    }
    let (state, ghost) = (&node.state, &node.ghost);
    let at = |command: &Command| {
        let known = ghost.sent.iter().find(|sent| sent.id == command.id);
        known.filter(|sent| sent.at != At::Queued).map(|sent| sent.at)
    };
    let order = |a: &Command, b: &Command| {
        let alike = a.device.cmp(&b.device).then_with(|| compare_commands(state, a, b));
        alike.then_with(|| at(a).cmp(&at(b)))
    };
    let disordered = |two: &[Command]| order(&two[0], &two[1]) == Ordering::Greater;
    if state.commands.windows(2).any(disordered) {
        let mut commands = state.commands.clone();
        commands.sort_by(order);
        node.state.commands = commands;
    }
    let commands = &mut node.state.commands;
    for (index, sent) in node.ghost.sent.iter_mut().enumerate() {
        let place = commands.iter().position(|command| command.id == sent.id);
        // What the model has lost gets a number of its own.
        sent.id = CommandId(place.unwrap_or(100 + index) as u32);
    }
    for (index, command) in commands.iter_mut().enumerate() {
        command.id = CommandId(index as u32);
    }
    sent_order(&mut node.ghost);
}

fn number_buffers(state: &mut State) {
    if state.buffers.is_empty() && state.commands.iter().all(|c| c.buffer.is_none()) {
        return;
    }
    let mut order: SmallVec<[BufferId; 4]> = SmallVec::new();
    state.buffers.sort_by_key(|buffer| (buffer.mapped, buffer.kept));
    let carried = state.commands.iter().filter_map(|command| command.buffer);
    for id in carried.chain(state.buffers.iter().map(|buffer| buffer.id)) {
        if !order.contains(&id) {
            order.push(id);
        }
    }
    let number = |id: BufferId| {
        let place = order.iter().position(|known| *known == id);
        BufferId(place.unwrap_or_default() as u32)
    };
    for command in &mut state.commands {
        command.buffer = command.buffer.map(number);
    }
    state.buffers.iter_mut().for_each(|buffer| buffer.id = number(buffer.id));
    state.buffers.sort_by_key(|buffer| buffer.id);
}
