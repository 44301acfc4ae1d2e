//! A state of the world in a few words: nothing is lost, nothing is on the heap, and two
//! states are equal if their words are.
//!
//! What a bounded world can show has a place in the words; a state with anything else does
//! not fit ([`Packed::of`] gives `None`), and the search then holds such a world's states as
//! they are. Every field is named here, so that a new one does not compile unnoticed.

use super::lanes::{AGENT, DEVICE, MAIN, PRIMARY, SECONDARY, secondary_lane};
use super::node::{At, Breaches, Ghost, Node, Sent, sent_order};
use super::offer::{KIND, asked, grants};
use super::words::{Field, Listed, Reader, Writer};
use super::world::World;
use vdi_model::{
    Agent, Answer, Asked, Buffer, BufferId, Caller, Cause, ClientDevice, ClientLife, Command,
    CommandId, Configuration, Device, Expected, InProgress, LaneId, Pending, Reply, Requested,
    Reserve, SecondaryLife, ServerDevice, ServerLife, Stage, State, Stream, Timeout,
};
use vdi_spec::clauses::{CLAUSES, Clause};
use vdi_spec::codes::{CommandCode, HResult, Win32};

/// A state in `N` words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Packed<const N: usize>([u64; N]);

/// Enumerations, whole and in their own order.
macro_rules! listed {
    ($($type:ty: $($value:ident)+;)+) => {$(
        impl Listed for $type {
            const ALL: &'static [Self] = &[$(Self::$value),+];

            fn number(self) -> Option<u64> {
                Some(self as u64)
            }
        }
    )+};
}

listed! {
    ServerLife: Absent Open Closed Dead;
    ClientLife: Absent Created Closed Dead;
    SecondaryLife: Absent Open Closed Dead;
    Configuration: Unset Begun Ended;
    ServerDevice: Unopened Open Closed;
    ClientDevice: Unopened Open CloseSeen;
    Cause: ServerSignal ClientSignal ServerClose ServerCloseDevicesOpen ClientClose
        ClientCloseDevicesOpen ServerDeath ClientDeath TimeOut;
    Timeout: Poll Finite Told Passed Infinite;
}

impl Listed for CommandCode {
    const ALL: &'static [Self] = &[Self::Flush, Self::ClearError, Self::Write, Self::Rewind];
}

impl Listed for Win32 {
    const ALL: &'static [Self] = &[
        Self::ERROR_SUCCESS,
        Self::ERROR_WRITE_FAULT,
        Self::ERROR_IO_DEVICE,
        Self::ERROR_OPERATION_ABORTED,
        Self::ERROR_NO_SYSTEM_RESOURCES,
        Self::ERROR_INVALID_HANDLE,
    ];
}

/// How wide what depends on the bounds is.
#[derive(Clone, Copy)]
struct Widths {
    device: usize,
    buffer: usize,
    secondaries: usize,
    /// Whether what says whose fault something is is told apart.
    faults: bool,
}

/// Bits for a number up to this one.
const fn bits(most: u8) -> usize {
    (u8::BITS - most.leading_zeros()) as usize
}

impl Widths {
    fn of(world: &World) -> Self {
        let bounds = &world.bounds;
        Self {
            device: bits(bounds.devices - 1),
            // What is freed while a command carries it keeps its number; 0 is none.
            buffer: bits(bounds.buffers + bounds.commands),
            secondaries: usize::from(bounds.secondaries),
            faults: world.is_whole(),
        }
    }
}

impl<const N: usize> Packed<N> {
    /// The state in words, if it fits; it is in canonical order.
    pub(super) fn of(world: &World, node: &Node) -> Option<Self> {
        let widths = Widths::of(world);
        let mut writer = Writer::<N>::new();
        let State { devices, commands, buffers, calls, .. } = &node.state;
        put_set(&mut writer, world, &node.state);
        put_ghost(&mut writer, widths, &node.ghost);
        writer.require(devices.is_empty() || devices.len() == usize::from(world.bounds.devices));
        let counts = Field::EMPTY
            .flag(!devices.is_empty())
            .add(commands.len() as u64, 4)
            .add(buffers.len() as u64, 4)
            .add(calls.len() as u64, 4);
        writer.put_field(counts);
        devices.iter().for_each(|device| put_device(&mut writer, widths, device));
        put_commands(&mut writer, widths, &node.ghost, commands);
        for Buffer { id, mapped, kept } in buffers {
            writer.put(id.0.into(), widths.buffer);
            writer.put((*mapped).into(), widths.secondaries + 1);
            writer.put((*kept).into(), 1);
        }
        calls.iter().for_each(|call| put_call(&mut writer, devices, call));
        writer.end().map(Self)
    }

    /// The state itself.
    pub(super) fn node(&self, world: &World) -> Node {
        let widths = Widths::of(world);
        let mut reader = Reader::new(&self.0);
        let mut node = Node::default();
        take_set(&mut reader, world, &mut node.state);
        take_ghost(&mut reader, widths, &mut node.ghost);
        let opened = reader.flag();
        let (commands, buffers, calls) = (reader.take(4), reader.take(4), reader.take(4));
        if opened {
            let devices = (0..world.bounds.devices).map(|_| take_device(&mut reader, widths));
            node.state.devices = devices.collect();
        }
        for number in 0..commands as u32 {
            let (command, at) = take_command(&mut reader, widths, CommandId(number));
            node.ghost.sent.push(Sent { id: command.id, device: command.device, at });
            node.state.commands.push(command);
        }
        if commands > 1 {
            sent_order(&mut node.ghost);
        }
        for _ in 0..buffers {
            let id = BufferId(reader.take(widths.buffer) as u32);
            let mapped = reader.take(widths.secondaries + 1) as u16;
            node.state.buffers.push(Buffer { id, mapped, kept: reader.flag() });
        }
        for _ in 0..calls {
            let call = take_call(&mut reader, &node.state.devices);
            node.state.calls.push(call);
        }
        node
    }

    /// A number that is nearly always another for another state.
    pub(super) fn digest(&self) -> u64 {
        self.0.iter().fold(0, |hash: u64, word| {
            let mixed = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            mixed ^ (mixed >> 29)
        })
    }
}

fn put_set<const N: usize>(writer: &mut Writer<N>, world: &World, state: &State) {
    let State {
        server,
        client,
        secondaries,
        asked: asks,
        granted,
        reserve,
        idle_intervals,
        configuration,
        configuration_seen,
        seen_unasked,
        seen_early,
        activated,
        aborted,
        agent,
        devices: _,
        commands: _,
        buffers: _,
        kinds: _,
        calls: _,
    } = state;
    writer.require(*asks == Asked::default() || *asks == asked(world));
    let number = grants().iter().position(|known| known == granted);
    writer.require(number.is_some());
    writer.require(matches!(agent, Agent::Idle | Agent::Running { lane: AGENT }));
    let reserved = match *reserve {
        Reserve::None => Some(0),
        // Buffers of one kind are asked for.
        Reserve::Some(kind) => {
            (Requested { count: KIND.count, ..kind } == KIND).then_some(u64::from(kind.count) + 1)
        }
        Reserve::Several | Reserve::Mixed | Reserve::Exhausted(_) => None,
    };
    writer.require(reserved.is_some());
    let field = Field::EMPTY
        .listed(*server, 2)
        .listed(*client, 2)
        .flag(*asks != Asked::default())
        .add(number.unwrap_or_default() as u64, 2)
        .add(reserved.unwrap_or_default(), 4)
        .add((*idle_intervals).into(), 2)
        .listed(*configuration, 2)
        .flag(*configuration_seen)
        .flag(*seen_unasked)
        .flag(*activated)
        .add(aborted.map_or(0, |cause| cause as u64 + 1), 4)
        .flag(agent.is_running());
    writer.put_field(field);
    let used = usize::from(world.bounds.secondaries);
    secondaries[..used].iter().for_each(|life| writer.put_listed(*life, 2));
    let lives = secondaries[used..].iter().fold(0, |all, life| all | *life as u8);
    writer.require(lives == SecondaryLife::Absent as u8 && (used > 0 || *seen_early == 0));
    if used > 0 {
        writer.put((*seen_early >> 1).into(), used);
        writer.require(*seen_early & 1 == 0);
    }
}

fn take_set(reader: &mut Reader<'_>, world: &World, state: &mut State) {
    state.server = reader.listed(2);
    state.client = reader.listed(2);
    if reader.flag() {
        state.asked = asked(world);
    }
    state.granted = grants()[reader.take(2) as usize];
    state.reserve = take_reserve(reader);
    state.idle_intervals = reader.take(2) as u8;
    state.configuration = reader.listed(2);
    state.configuration_seen = reader.flag();
    state.seen_unasked = reader.flag();
    state.activated = reader.flag();
    state.aborted = reader.take(4).checked_sub(1).map(Cause::numbered);
    state.agent = if reader.flag() { Agent::Running { lane: AGENT } } else { Agent::Idle };
    let used = usize::from(world.bounds.secondaries);
    state.secondaries[..used].iter_mut().for_each(|life| *life = reader.listed(2));
    if used > 0 {
        state.seen_early = (reader.take(used) as u16) << 1;
    }
}

fn take_reserve(reader: &mut Reader<'_>) -> Reserve {
    match reader.take(4) {
        0 => Reserve::None,
        more => Reserve::Some(Requested { count: more as u32 - 1, ..KIND }),
    }
}

/// All but the commands, which are beside those of the model.
fn put_ghost<const N: usize>(writer: &mut Writer<N>, widths: Widths, ghost: &Ghost) {
    let Ghost { sent: _, agent_inside, aborted, gone, unloaded, hazard, lent_twice, breaches } =
        ghost;
    let sound = *breaches == Breaches::default();
    let field = Field::EMPTY
        .flag(*agent_inside)
        .flag(*aborted)
        .flag(*unloaded)
        .flag(*hazard)
        .flag(*lent_twice)
        .flag(!sound);
    writer.put_field(field);
    writer.put((*gone).into(), 2 + widths.secondaries);
    if !sound {
        writer.put(breaches.bits().into(), 16);
    }
}

fn take_ghost(reader: &mut Reader<'_>, widths: Widths, ghost: &mut Ghost) {
    ghost.agent_inside = reader.flag();
    ghost.aborted = reader.flag();
    ghost.unloaded = reader.flag();
    ghost.hazard = reader.flag();
    ghost.lent_twice = reader.flag();
    let sound = !reader.flag();
    ghost.gone = reader.take(2 + widths.secondaries) as u8;
    if !sound {
        ghost.breaches = Breaches::of_bits(reader.take(16) as u16);
    }
}

fn put_device<const N: usize>(writer: &mut Writer<N>, widths: Widths, device: &Device) {
    let Device { server, client, errored, error_told, owner, stream, flushed, full } = *device;
    writer.put_field(Field::EMPTY.listed(server, 2).listed(client, 2).flag(errored));
    writer.put(owner.into(), bits(widths.secondaries as u8));
    writer.require(stream == Stream::Free);
    if widths.faults {
        let flags = u64::from(error_told) | u64::from(flushed) << 1 | u64::from(full) << 2;
        writer.put(flags, 3);
    } else {
        writer.require(!error_told && !flushed && !full);
    }
}

fn take_device(reader: &mut Reader<'_>, widths: Widths) -> Device {
    let mut device = Device {
        server: reader.listed(2),
        client: reader.listed(2),
        errored: reader.flag(),
        owner: reader.take(bits(widths.secondaries as u8)) as u8,
        ..Device::default()
    };
    if widths.faults {
        (device.error_told, device.flushed, device.full) =
            (reader.flag(), reader.flag(), reader.flag());
    }
    device
}

/// Commands, each with where it is as far as calls told: both lists have an order that
/// follows from the other.
fn put_commands<const N: usize>(
    writer: &mut Writer<N>,
    widths: Widths,
    ghost: &Ghost,
    commands: &[Command],
) {
    for (index, command) in commands.iter().enumerate() {
        let own = ghost.sent.iter().find(|sent| sent.id == command.id);
        writer.require(command.id.0 as usize == index);
        match own.filter(|sent| sent.device == command.device) {
            Some(sent) => put_command(writer, widths, command, sent.at),
            None => writer.fits = false,
        }
    }
    let place = |sent: &Sent| (sent.device, sent.at == At::Queued && !ghost.aborted, sent.id);
    let ordered = ghost.sent.windows(2).all(|two| place(&two[0]) < place(&two[1]));
    writer.require(ordered && ghost.sent.len() == commands.len());
}

fn put_command<const N: usize>(writer: &mut Writer<N>, widths: Widths, command: &Command, at: At) {
    let Command { id: _, device, code, buffer, size, used, stage, before_error, fails_device } =
        command;
    let carried = buffer.map_or(0, |id| u64::from(id.0) + 1);
    let numbers = Field::EMPTY.add((*device).into(), widths.device).add(carried, widths.buffer);
    writer.put_field(numbers);
    let kind = Field::EMPTY.listed(*code, 2).flag(*before_error).flag(*fails_device);
    let kind = match *stage {
        Stage::Queued => sized(kind, *size).add(0, 2),
        Stage::Delivered => sized(kind, *size).add(1, 2),
        Stage::Completed { code, bytes, position } => {
            writer.require(position == 0);
            let kind = sized(kind, *size).add(2, 2).listed(code, 3);
            sized(kind, (bytes > 0).then_some(bytes))
        }
        Stage::Refused { code, lane } => {
            writer.require(lane == MAIN);
            sized(kind, *size).add(3, 2).listed(code, 3)
        }
    };
    writer.require(!used);
    writer.put_field(match at {
        At::Queued => kind.add(0, 3),
        At::Delivered => kind.add(1, 3),
        At::Answered(code) => kind.add(2, 3).listed(code, 3),
        At::Dropped(code) => kind.add(3, 3).listed(code, 3),
        At::Refused => kind.add(4, 3),
    });
}

/// Whatever is moved is of one size.
fn sized(field: Field, size: Option<u32>) -> Field {
    let known = size.is_none_or(|size| size == KIND.size);
    field.require(known).flag(size.is_some())
}

fn take_command(reader: &mut Reader<'_>, widths: Widths, id: CommandId) -> (Command, At) {
    let device = reader.take(widths.device) as u8;
    let buffer = reader.take(widths.buffer).checked_sub(1).map(|id| BufferId(id as u32));
    let code = reader.listed(2);
    let (before_error, fails_device) = (reader.flag(), reader.flag());
    let size = take_size(reader);
    let stage = match reader.take(2) {
        0 => Stage::Queued,
        1 => Stage::Delivered,
        2 => {
            let code = reader.listed(3);
            let bytes = take_size(reader).unwrap_or_default();
            Stage::Completed { code, bytes, position: 0 }
        }
        _ => Stage::Refused { code: reader.listed(3), lane: MAIN },
    };
    let command =
        Command { id, device, code, buffer, size, used: false, stage, before_error, fails_device };
    (command, take_at(reader))
}

fn take_size(reader: &mut Reader<'_>) -> Option<u32> {
    reader.flag().then_some(KIND.size)
}

fn take_at(reader: &mut Reader<'_>) -> At {
    match reader.take(3) {
        0 => At::Queued,
        1 => At::Delivered,
        2 => At::Answered(reader.listed(3)),
        3 => At::Dropped(reader.listed(3)),
        _ => At::Refused,
    }
}

/// Numbers of lanes: the server's two, the primary's, devices, then secondaries.
const fn lane_number(lane: LaneId) -> u64 {
    match lane.0 {
        number if number < SECONDARY => number as u64,
        number => (number - SECONDARY + 15) as u64,
    }
}

/// Who calls on a lane: a lane has one process, and a device's the one that opened it.
fn caller_on(lane: LaneId, devices: &[Device]) -> Option<Caller> {
    match lane.0 {
        number if number < PRIMARY.0 => Some(Caller::Server),
        number if number < DEVICE => Some(Caller::Client(0)),
        number if number < SECONDARY => {
            let device = devices.get(usize::from(number - DEVICE))?;
            Some(Caller::Client(device.owner))
        }
        number => Some(Caller::Client((number - SECONDARY) as u8)),
    }
}

fn put_call<const N: usize>(writer: &mut Writer<N>, devices: &[Device], call: &InProgress) {
    let InProgress { lane, caller, pending } = call;
    writer.put(lane_number(*lane), 5);
    writer.require(caller_on(*lane, devices) == Some(*caller));
    match pending {
        Pending::Ready(reply) => {
            writer.put(0, 3);
            put_reply(writer, reply);
        }
        Pending::GetConfiguration(timeout) => {
            writer.put(1, 3);
            writer.put_listed(*timeout, 3);
        }
        Pending::GetCommand(device, timeout) => {
            writer.put(2, 3);
            writer.put_listed(*timeout, 3);
            writer.require(lane.0 == DEVICE + u16::from(*device));
        }
        Pending::ServerClose(reply) => {
            writer.put(3, 3);
            put_reply(writer, reply);
        }
        Pending::Routine => writer.put(4, 3),
    }
}

fn take_call(reader: &mut Reader<'_>, devices: &[Device]) -> InProgress {
    let lane = match reader.take(5) {
        number if number > 15 => secondary_lane(number as u8 - 15),
        number => LaneId(number as u16),
    };
    let caller = caller_on(lane, devices).expect("it was held against the same devices");
    let pending = match reader.take(3) {
        0 => Pending::Ready(take_reply(reader)),
        1 => Pending::GetConfiguration(reader.listed(3)),
        2 => Pending::GetCommand((lane.0 - DEVICE) as u8, reader.listed(3)),
        3 => Pending::ServerClose(take_reply(reader)),
        _ => Pending::Routine,
    };
    InProgress { lane, caller, pending }
}

/// What SendCommand and the server's Close answer.
fn put_reply<const N: usize>(writer: &mut Writer<N>, reply: &Reply) {
    let Reply { answer, clause, also } = reply;
    match answer {
        Answer::Returns(Expected::Status(status)) => {
            writer.put(0, 2);
            writer.put(status.0.into(), 32);
        }
        Answer::Returns(Expected::AnyFailure) => writer.put(1, 2),
        Answer::Returns(Expected::Any) => writer.put(2, 2),
        Answer::Delivers(_)
        | Answer::Tells(_)
        | Answer::Counts(_)
        | Answer::Maps(_)
        | Answer::Blocks => writer.fits = false,
    }
    writer.put(*clause as u64, 8);
    also.iter().for_each(|clause| writer.put(clause.map_or(0, |one| one as u64 + 1), 9));
}

fn take_reply(reader: &mut Reader<'_>) -> Reply {
    let answer = Answer::Returns(match reader.take(2) {
        0 => Expected::Status(HResult(reader.take(32) as u32)),
        1 => Expected::AnyFailure,
        _ => Expected::Any,
    });
    let clause = CLAUSES[reader.take(8) as usize].clause;
    let mut also: [Option<Clause>; 3] = [None; 3];
    for one in &mut also {
        *one = (reader.take(9) as usize).checked_sub(1).map(|number| CLAUSES[number].clause);
    }
    Reply { answer, clause, also }
}

const _: () = assert!(CLAUSES.len() <= 256, "a clause has eight bits");
const _: () = assert!(PRIMARY.0 < DEVICE && DEVICE + 8 < 15, "a lane has five bits");
