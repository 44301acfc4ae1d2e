//! A state of the world in a few words: nothing is lost, nothing is on the heap, and two
//! states are equal if their words are.
//!
//! What a bounded world can show has a place in the words; a state with anything else does
//! not fit ([`Packed::of`] gives `None`), and the search then holds such a world's states as
//! they are. Every field is named here, so that a new one does not compile unnoticed.

use smallvec::SmallVec;

use super::lanes::{AGENT, DEVICE, MAIN, PRIMARY, SECONDARY, secondary_lane};
use super::node::{At, Breaches, Ghost, Node, Sent, sent_order};
use super::offer::{asked, grants};
use super::world::World;
use vdi_model::{
    Agent, Answer, Asked, Buffer, BufferId, Caller, Cause, ClientDevice, ClientLife, Command,
    CommandId, Configuration, Device, Expected, InProgress, LaneId, Pending, Reply, Requested,
    Reserve, SECONDARIES, SecondaryLife, ServerDevice, ServerLife, Stage, State, Stream, Timeout,
};
use vdi_spec::clauses::{CLAUSES, Clause};
use vdi_spec::codes::{CommandCode, HResult, Win32};

/// A state in `N` words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Packed<const N: usize>([u64; N]);

/// Values by their numbers.
trait Listed: Copy + PartialEq + 'static {
    const ALL: &'static [Self];

    fn number(self) -> Option<u64> {
        Self::ALL.iter().position(|known| *known == self).map(|number| number as u64)
    }

    fn numbered(number: u64) -> Self {
        Self::ALL[number as usize]
    }
}

macro_rules! listed {
    ($($type:ty: $($value:expr),+;)+) => {$(
        impl Listed for $type {
            const ALL: &'static [Self] = &[$($value),+];
        }
    )+};
}

listed! {
    ServerLife: Self::Absent, Self::Open, Self::Closed, Self::Dead;
    ClientLife: Self::Absent, Self::Created, Self::Closed, Self::Dead;
    SecondaryLife: Self::Absent, Self::Open, Self::Closed, Self::Dead;
    Configuration: Self::Unset, Self::Begun, Self::Ended;
    ServerDevice: Self::Unopened, Self::Open, Self::Closed;
    ClientDevice: Self::Unopened, Self::Open, Self::CloseSeen;
    Option<Cause>: None, Some(Cause::ServerSignal), Some(Cause::ClientSignal),
        Some(Cause::ServerClose), Some(Cause::ServerCloseDevicesOpen), Some(Cause::ClientClose),
        Some(Cause::ClientCloseDevicesOpen), Some(Cause::ServerDeath), Some(Cause::ClientDeath),
        Some(Cause::TimeOut);
    CommandCode: Self::Flush, Self::ClearError, Self::Write, Self::Rewind;
    Timeout: Self::Poll, Self::Finite, Self::Told, Self::Passed, Self::Infinite;
    Win32: Self::ERROR_SUCCESS, Self::ERROR_WRITE_FAULT, Self::ERROR_IO_DEVICE,
        Self::ERROR_OPERATION_ABORTED, Self::ERROR_NO_SYSTEM_RESOURCES,
        Self::ERROR_INVALID_HANDLE;
}

/// Writes numbers into words, one after the other.
struct Writer<const N: usize> {
    words: [u64; N],
    at: usize,
    fits: bool,
}

impl<const N: usize> Writer<N> {
    /// `value` is less than two to the power of `bits`, which are 63 at most.
    fn put(&mut self, value: u64, bits: usize) {
        let (word, shift) = (self.at / 64, self.at % 64);
        self.at += bits;
        if value >> bits != 0 || self.at > 64 * N {
            self.fits = false;
            return;
        }
        self.words[word] |= value << shift;
        if shift + bits > 64 {
            self.words[word + 1] |= value >> (64 - shift);
        }
    }

    fn put_listed<T: Listed>(&mut self, value: T, bits: usize) {
        match value.number() {
            Some(number) => self.put(number, bits),
            None => self.fits = false,
        }
    }

    fn require(&mut self, holds: bool) {
        self.fits &= holds;
    }
}

/// Reads them in the same order.
struct Reader<'a> {
    words: &'a [u64],
    at: usize,
}

impl Reader<'_> {
    fn take(&mut self, bits: usize) -> u64 {
        let (word, shift) = (self.at / 64, self.at % 64);
        self.at += bits;
        let mut value = self.words[word] >> shift;
        if shift + bits > 64 {
            value |= self.words[word + 1] << (64 - shift);
        }
        value & ((1 << bits) - 1)
    }

    fn listed<T: Listed>(&mut self, bits: usize) -> T {
        T::numbered(self.take(bits))
    }

    fn flag(&mut self) -> bool {
        self.take(1) == 1
    }
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
        let mut writer = Writer { words: [0; N], at: 0, fits: true };
        let State { devices, commands, buffers, calls, .. } = &node.state;
        put_set(&mut writer, world, &node.state);
        put_ghost(&mut writer, widths, &node.ghost);
        writer.require(devices.is_empty() || devices.len() == usize::from(world.bounds.devices));
        writer.put(u64::from(!devices.is_empty()), 1);
        devices.iter().for_each(|device| put_device(&mut writer, widths, device));
        writer.put(commands.len() as u64, 4);
        put_commands(&mut writer, widths, &node.ghost, commands);
        writer.put(buffers.len() as u64, 4);
        for Buffer { id, mapped, kept } in buffers {
            writer.put(id.0.into(), widths.buffer);
            writer.put((*mapped).into(), widths.secondaries + 1);
            writer.put((*kept).into(), 1);
        }
        writer.put(calls.len() as u64, 4);
        calls.iter().for_each(|call| put_call(&mut writer, call));
        writer.fits.then_some(Self(writer.words))
    }

    /// The state itself.
    pub(super) fn node(&self, world: &World) -> Node {
        let widths = Widths::of(world);
        let mut reader = Reader { words: &self.0, at: 0 };
        let mut node = Node::default();
        take_set(&mut reader, world, &mut node.state);
        take_ghost(&mut reader, widths, &mut node.ghost);
        if reader.flag() {
            let devices = (0..world.bounds.devices).map(|_| take_device(&mut reader, widths));
            node.state.devices = devices.collect();
        }
        let commands = reader.take(4);
        for number in 0..commands as u32 {
            let (command, at) = take_command(&mut reader, widths, CommandId(number));
            node.ghost.sent.push(Sent { id: command.id, device: command.device, at });
            node.state.commands.push(command);
        }
        if commands > 1 {
            sent_order(&mut node.ghost);
        }
        for _ in 0..reader.take(4) {
            let id = BufferId(reader.take(widths.buffer) as u32);
            let mapped = reader.take(widths.secondaries + 1) as u16;
            node.state.buffers.push(Buffer { id, mapped, kept: reader.flag() });
        }
        for _ in 0..reader.take(4) {
            node.state.calls.push(take_call(&mut reader));
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
        calls: _,
    } = state;
    writer.put_listed(*server, 2);
    writer.put_listed(*client, 2);
    writer.require(*asks == Asked::default() || *asks == asked(world));
    writer.put(u64::from(*asks != Asked::default()), 1);
    let number = grants().iter().position(|known| known == granted);
    writer.require(number.is_some());
    writer.put(number.unwrap_or_default() as u64, 2);
    put_reserve(writer, *reserve);
    writer.put((*idle_intervals).into(), 2);
    writer.put_listed(*configuration, 2);
    for flag in [*configuration_seen, *seen_unasked, *activated] {
        writer.put(flag.into(), 1);
    }
    writer.put_listed(*aborted, 4);
    writer.require(matches!(agent, Agent::Idle | Agent::Running { lane: AGENT }));
    writer.put(agent.is_running().into(), 1);
    let used = usize::from(world.bounds.secondaries);
    secondaries[..used].iter().for_each(|life| writer.put_listed(*life, 2));
    writer.require(secondaries[used..] == [SecondaryLife::Absent; SECONDARIES][used..]);
    writer.require(used > 0 || *seen_early == 0);
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
    state.aborted = reader.listed(4);
    state.agent = if reader.flag() { Agent::Running { lane: AGENT } } else { Agent::Idle };
    let used = usize::from(world.bounds.secondaries);
    state.secondaries[..used].iter_mut().for_each(|life| *life = reader.listed(2));
    if used > 0 {
        state.seen_early = (reader.take(used) as u16) << 1;
    }
}

/// Buffers of one kind are asked for.
fn put_reserve<const N: usize>(writer: &mut Writer<N>, reserve: Reserve) {
    use super::offer::KIND;
    match reserve {
        Reserve::None => writer.put(0, 4),
        Reserve::Some(kind) => {
            writer.require(Requested { count: KIND.count, ..kind } == KIND);
            writer.put(u64::from(kind.count) + 1, 4);
        }
        Reserve::Mixed | Reserve::Exhausted(_) => writer.fits = false,
    }
}

fn take_reserve(reader: &mut Reader<'_>) -> Reserve {
    match reader.take(4) {
        0 => Reserve::None,
        more => Reserve::Some(Requested { count: more as u32 - 1, ..super::offer::KIND }),
    }
}

/// All but the commands, which are beside those of the model.
fn put_ghost<const N: usize>(writer: &mut Writer<N>, widths: Widths, ghost: &Ghost) {
    let Ghost { sent: _, agent_inside, aborted, gone, unloaded, hazard, lent_twice, breaches } =
        ghost;
    for flag in [agent_inside, aborted, unloaded, hazard, lent_twice] {
        writer.put((*flag).into(), 1);
    }
    writer.put((*gone).into(), 2 + widths.secondaries);
    let sound = *breaches == Breaches::default();
    writer.put(u64::from(!sound), 1);
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
    ghost.gone = reader.take(2 + widths.secondaries) as u8;
    if reader.flag() {
        ghost.breaches = Breaches::of_bits(reader.take(16) as u16);
    }
}

fn put_device<const N: usize>(writer: &mut Writer<N>, widths: Widths, device: &Device) {
    let Device { server, client, errored, error_told, owner, stream, flushed, full } = *device;
    writer.put_listed(server, 2);
    writer.put_listed(client, 2);
    writer.put(errored.into(), 1);
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
    let mut beside: SmallVec<[Sent; 4]> = SmallVec::new();
    for (index, command) in commands.iter().enumerate() {
        let own = ghost.sent.iter().find(|sent| sent.id == command.id);
        writer.require(command.id.0 as usize == index);
        match own.filter(|sent| sent.device == command.device) {
            Some(sent) => {
                beside.push(*sent);
                put_command(writer, widths, command, sent.at);
            }
            None => writer.fits = false,
        }
    }
    if commands.len() > 1 {
        let mut ghost = Ghost { sent: beside, aborted: ghost.aborted, ..Ghost::default() };
        sent_order(&mut ghost);
        beside = ghost.sent;
    }
    writer.require(beside == ghost.sent);
}

fn put_command<const N: usize>(writer: &mut Writer<N>, widths: Widths, command: &Command, at: At) {
    let Command { id: _, device, code, buffer, size, used, stage, before_error, fails_device } =
        command;
    writer.put((*device).into(), widths.device);
    writer.put_listed(*code, 2);
    writer.put(buffer.map_or(0, |id| u64::from(id.0) + 1), widths.buffer);
    put_size(writer, *size);
    writer.require(!used);
    match *stage {
        Stage::Queued => writer.put(0, 2),
        Stage::Delivered => writer.put(1, 2),
        Stage::Completed { code, bytes, position } => {
            writer.put(2, 2);
            writer.put_listed(code, 3);
            put_size(writer, (bytes > 0).then_some(bytes));
            writer.require(position == 0);
        }
        Stage::Refused { code, lane } => {
            writer.put(3, 2);
            writer.put_listed(code, 3);
            writer.require(lane == MAIN);
        }
    }
    writer.put((*before_error).into(), 1);
    writer.put((*fails_device).into(), 1);
    put_at(writer, at);
}

fn take_command(reader: &mut Reader<'_>, widths: Widths, id: CommandId) -> (Command, At) {
    let device = reader.take(widths.device) as u8;
    let code = reader.listed(2);
    let buffer = reader.take(widths.buffer).checked_sub(1).map(|id| BufferId(id as u32));
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
    let (before_error, fails_device) = (reader.flag(), reader.flag());
    let command =
        Command { id, device, code, buffer, size, used: false, stage, before_error, fails_device };
    (command, take_at(reader))
}

/// Whatever is moved is of one size.
fn put_size<const N: usize>(writer: &mut Writer<N>, size: Option<u32>) {
    writer.require(size.is_none_or(|size| size == super::offer::KIND.size));
    writer.put(size.is_some().into(), 1);
}

fn take_size(reader: &mut Reader<'_>) -> Option<u32> {
    reader.flag().then_some(super::offer::KIND.size)
}

fn put_at<const N: usize>(writer: &mut Writer<N>, at: At) {
    let (kind, code) = match at {
        At::Queued => (0, None),
        At::Delivered => (1, None),
        At::Answered(code) => (2, Some(code)),
        At::Dropped(code) => (3, Some(code)),
        At::Refused => (4, None),
    };
    writer.put(kind, 3);
    if let Some(code) = code {
        writer.put_listed(code, 3);
    }
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

fn put_call<const N: usize>(writer: &mut Writer<N>, call: &InProgress) {
    let InProgress { lane, caller, pending } = call;
    writer.put(lane_number(*lane), 5);
    match caller {
        Caller::Server => writer.put(0, 3),
        Caller::Client(number) => writer.put(u64::from(*number) + 1, 3),
    }
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

fn take_call(reader: &mut Reader<'_>) -> InProgress {
    let lane = match reader.take(5) {
        number if number > 15 => secondary_lane(number as u8 - 15),
        number => LaneId(number as u16),
    };
    let caller = match reader.take(3) {
        0 => Caller::Server,
        number => Caller::Client(number as u8 - 1),
    };
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
