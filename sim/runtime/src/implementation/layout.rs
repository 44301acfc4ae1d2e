//! The control part of a device set, as every process maps it: words only, all of
//! them atomic, and valid whatever they hold.
//!
//! Nothing read here is trusted. An index is checked before it is used, a state that
//! does not exist is [`Corrupt`], and no process keeps anything here that it needs
//! for its own safety: the server's table of outstanding commands and the client's of
//! delivered ones are private to each.

use crate::sync::limits::{BUFFERS, NAME_WORDS, RING, SEGMENTS, SIDES};
use crate::sync::{AtomicU32, AtomicU64, Bell, Cell, Lock, Mutant, Ordering, seeded};
use vdi_spec::codes::Features;
use vdi_spec::codes::HResult;
use vdi_spec::config::VdConfig;

/// What stands first in the mapping of a set that is ready to be used; its last byte is
/// the version of this layout.
pub(super) const MAGIC: u64 = u64::from_le_bytes(*b"VDI set\x02");

#[cfg(target_os = "linux")]
/// Whether this stands first in a set of another version of this layout.
pub(super) fn is_foreign(magic: u64) -> bool {
    magic != MAGIC && magic.to_le_bytes()[..7] == MAGIC.to_le_bytes()[..7]
}

/// Something read from the mapping cannot be: whoever shares it is broken or hostile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Corrupt;

/// How far a set has come. The names are those of the server's state diagram; what
/// leads to an abnormal end is a bit beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Created by the client; no server has opened it.
    Created = 1,
    Connected,
    Configurable,
    Initializing,
    /// All devices are open on both sides and the completion agent runs.
    Active,
    /// The server has closed all devices.
    NormallyTerminated,
}

impl Phase {
    const ALL: [Self; 6] = [
        Self::Created,
        Self::Connected,
        Self::Configurable,
        Self::Initializing,
        Self::Active,
        Self::NormallyTerminated,
    ];
}

/// The bit of the state word that says that the set is aborted. It is never taken back.
const ABORTED: u32 = 1 << 8;

/// The one word on which every end is decided.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(super) struct StateWord(AtomicU32);

/// What the state word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) aborted: bool,
}

impl StateWord {
    pub(super) fn begin(&self) {
        self.0.store(Phase::Created as u32, Ordering::Release);
    }

    pub(super) fn get(&self) -> Result<State, Corrupt> {
        let word = self.0.load(Ordering::Acquire);
        let phase = Phase::ALL.into_iter().find(|phase| *phase as u32 == word & !ABORTED);
        Ok(State { phase: phase.ok_or(Corrupt)?, aborted: word & ABORTED != 0 })
    }

    /// Whether it was not aborted before.
    pub(super) fn abort(&self) -> bool {
        self.0.fetch_or(ABORTED, Ordering::AcqRel) & ABORTED == 0
    }

    /// From one phase to another; false if the set is in neither that phase nor alive.
    pub(super) fn advance(&self, from: Phase, to: Phase) -> bool {
        let (from, to) = (from as u32, to as u32);
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// The defect that overlooks an abort.
    pub(super) fn overwrite(&self, to: Phase) {
        self.0.store(to as u32, Ordering::Release);
    }
}

/// Whether one side uses a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// OpenDevice has not given it.
    Unopened,
    /// It is open.
    Open,
    /// The server has called CloseDevice; the client has seen VD_E_CLOSE.
    Closed,
}

/// An [`End`], written by its own side only.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(super) struct EndWord(AtomicU32);

impl EndWord {
    pub(super) fn get(&self) -> Result<End, Corrupt> {
        match self.0.load(Ordering::Acquire) {
            0 => Ok(End::Unopened),
            1 => Ok(End::Open),
            2 => Ok(End::Closed),
            _ => Err(Corrupt),
        }
    }

    pub(super) fn set(&self, end: End) {
        self.0.store(end as u32, Ordering::Release);
    }
}

/// Everything of a set but its devices and its buffers' bytes.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Control {
    pub(super) identity: Identity,
    pub(super) state: StateWord,
    /// Not 0 once GetConfiguration has told a client.
    pub(super) seen: AtomicU32,
    pub(super) progress: Progress,
    pub(super) completions: CompletionWords,
    pub(super) history: HistoryWords,
    /// What the client asked for in Create.
    pub(super) asked: ConfigWords,
    /// The whole configuration, good from [`Phase::Initializing`] on.
    pub(super) granted: ConfigWords,
    /// Held while a device gets its name.
    pub(super) naming: Lock,
    pub(super) bells: Bells,
    /// The server, the primary client, secondary clients.
    pub(super) sides: [SideWord; SIDES],
    pub(super) area: AreaWords,
}

/// What says that this is a set, and which.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Identity {
    /// [`MAGIC`], written when all the rest is there.
    pub(super) magic: AtomicU64,
    /// Tells the buffer handles of one set from those of another.
    pub(super) salt: Cell,
    pub(super) device_count: Cell,
}

/// What the clients have completed.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct CompletionWords {
    /// Devices with completions that the server has not looked at, a bit each.
    pub(super) completed: AtomicU64,
    pub(super) tickets: Tickets,
}

/// How far the set's history is numbered.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct HistoryWords {
    /// The next number.
    pub(super) sequence: AtomicU64,
    /// Secondary clients that are recorded.
    pub(super) recorded: AtomicU64,
}

/// What those listen to who do not wait for a device.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Bells {
    /// The completion agent listens.
    pub(super) agent: Bell,
    /// The clients' GetConfiguration listens.
    pub(super) configured: Bell,
}

/// The buffer area's segments and buffers.
#[derive(Debug)]
#[repr(C)]
pub(super) struct AreaWords {
    pub(super) segment_count: AtomicU32,
    pub(super) segments: [SegmentWords; SEGMENTS],
    pub(super) buffers: [BufferWords; BUFFERS],
}

impl Default for Control {
    fn default() -> Self {
        Self {
            identity: Identity::default(),
            state: StateWord::default(),
            seen: AtomicU32::default(),
            progress: Progress::default(),
            completions: CompletionWords::default(),
            history: HistoryWords::default(),
            asked: ConfigWords::default(),
            granted: ConfigWords::default(),
            naming: Lock::default(),
            bells: Bells::default(),
            sides: std::array::from_fn(|_| SideWord::default()),
            area: AreaWords::default(),
        }
    }
}

impl Default for AreaWords {
    fn default() -> Self {
        Self {
            segment_count: AtomicU32::default(),
            segments: std::array::from_fn(|_| SegmentWords::default()),
            buffers: std::array::from_fn(|_| BufferWords::default()),
        }
    }
}

/// One device of a set.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(super) struct DeviceWords {
    /// Written and read under [`Control::naming`].
    pub(super) name: Name,
    pub(super) server: EndWord,
    pub(super) client: EndWord,
    pub(super) error: ErrorWord,
    /// The client's GetCommand listens.
    pub(super) bell: Bell,
    pub(super) requests: Ring<REQUEST_WORDS>,
    pub(super) completions: Ring<COMPLETION_WORDS>,
}

/// The order of completions over all devices, until time is up. Whether a completion
/// was in time is decided here.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(super) struct Tickets(AtomicU64);

impl Tickets {
    /// Time is up: no ticket counts any more.
    const OVER: u64 = 1 << 63;

    /// The ticket of a completion, which is then made; `None` if time is up.
    pub(super) fn draw(&self) -> Option<u64> {
        let ticket = self.0.fetch_add(1, Ordering::AcqRel);
        (ticket & Self::OVER == 0).then_some(ticket)
    }

    /// Time is up, however many were drawn.
    pub(super) fn end_anyway(&self) {
        self.0.fetch_or(Self::OVER, Ordering::AcqRel);
    }

    /// Time is up, unless more than so many were drawn.
    pub(super) fn end(&self, drawn: u64) -> bool {
        let (from, to) = (drawn, drawn | Self::OVER);
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// What is still missing until a set is active, all in one word, so that whoever adds
/// the last piece knows it.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(super) struct Progress(AtomicU32);

/// One piece of [`Progress`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// The server has opened a device.
    Server = 1,
    /// A client has opened a device.
    Client = 1 << 8,
    /// The completion agent runs.
    Agent = 1 << 16,
}

impl Progress {
    /// Adds a piece; whether it was the last one for a set of so many devices.
    pub(super) fn add(&self, piece: Piece, devices: usize) -> bool {
        let before = if seeded(Mutant::ActiveByTwoLooks) {
            let before = self.0.load(Ordering::Acquire);
            self.0.fetch_add(piece as u32, Ordering::AcqRel);
            before
        } else {
            self.0.fetch_add(piece as u32, Ordering::AcqRel)
        };
        before.wrapping_add(piece as u32) == Self::complete(devices)
    }

    fn complete(devices: usize) -> u32 {
        // A set has 64 devices at most.
        let devices = u32::try_from(devices).unwrap_or_default();
        devices * (Piece::Server as u32 + Piece::Client as u32) + Piece::Agent as u32
    }
}

/// Whether a device is in the error state, and how often it was before.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(super) struct ErrorWord(AtomicU32);

/// A device's error state. Its count tells requests that were sent before an error
/// from those sent after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ErrorState {
    pub(super) errored: bool,
    pub(super) count: u32,
}

impl ErrorWord {
    pub(super) fn get(&self) -> ErrorState {
        let word = self.0.load(Ordering::Acquire);
        ErrorState { errored: word & 1 != 0, count: word >> 1 }
    }

    /// Enters the error state; the new count, or `None` if it is in it already.
    pub(super) fn enter(&self) -> Option<u32> {
        let mut word = self.0.load(Ordering::Acquire);
        while word & 1 == 0 {
            let entered = (word & !1).wrapping_add(2) | 1;
            let (yes, no) = (Ordering::AcqRel, Ordering::Acquire);
            match self.0.compare_exchange(word, entered, yes, no) {
                Ok(_) => return Some(entered >> 1),
                Err(now) => word = now,
            }
        }
        None
    }

    /// Leaves the error state.
    pub(super) fn leave(&self) {
        self.0.fetch_and(!1, Ordering::AcqRel);
    }
}

/// Who holds one side of a set: nobody yet, a process, or nobody any more.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(super) struct SideWord(AtomicU64);

/// The number of a process: of a virtual one that of its life; of a real one a hint for
/// whoever looks at the memory, since processes of other pid namespaces have others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ProcessId(pub(super) u32);

/// What a side word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Nobody,
    Open(ProcessId),
    Closed,
}

impl SideWord {
    const OPEN: u64 = 1 << 62;
    const CLOSED: u64 = 2 << 62;

    fn word(id: ProcessId) -> u64 {
        Self::OPEN | u64::from(id.0)
    }

    pub(super) fn get(&self) -> Holder {
        let word = self.0.load(Ordering::Acquire);
        match word >> 62 {
            0 => Holder::Nobody,
            1 => Holder::Open(ProcessId((word & u64::from(u32::MAX)) as u32)),
            _ => Holder::Closed,
        }
    }

    /// Takes the side if `from` holds it still.
    pub(super) fn take(&self, from: Holder, id: ProcessId) -> bool {
        let from = match from {
            Holder::Nobody => 0,
            Holder::Closed => Self::CLOSED,
            Holder::Open(other) => Self::word(other),
        };
        let taken =
            self.0.compare_exchange(from, Self::word(id), Ordering::AcqRel, Ordering::Acquire);
        taken.is_ok()
    }

    pub(super) fn close(&self) {
        self.0.store(Self::CLOSED, Ordering::Release);
    }
}

/// A VDConfig, word by word.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(super) struct ConfigWords([Cell; 11]);

impl ConfigWords {
    pub(super) fn set(&self, config: &VdConfig) {
        let words = [
            config.device_count,
            config.features.0,
            config.prefix_zone_size,
            config.alignment,
            config.soft_file_mark_block_size,
            config.eom_warning_size,
            config.server_time_out,
            config.block_size,
            config.max_io_depth,
            config.max_transfer_size,
            config.buffer_area_size,
        ];
        for (cell, word) in self.0.iter().zip(words) {
            cell.set(word.into());
        }
    }

    pub(super) fn get(&self) -> Result<VdConfig, Corrupt> {
        let word = |index: usize| u32::try_from(self.0[index].get()).map_err(|_| Corrupt);
        Ok(VdConfig {
            device_count: word(0)?,
            features: Features(word(1)?),
            prefix_zone_size: word(2)?,
            alignment: word(3)?,
            soft_file_mark_block_size: word(4)?,
            eom_warning_size: word(5)?,
            server_time_out: word(6)?,
            block_size: word(7)?,
            max_io_depth: word(8)?,
            max_transfer_size: word(9)?,
            buffer_area_size: word(10)?,
        })
    }
}

/// A name of a few hundred bytes at most; 0 bytes if there is none.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Name {
    length: Cell,
    words: [Cell; NAME_WORDS],
}

impl Default for Name {
    fn default() -> Self {
        Self { length: Cell::default(), words: std::array::from_fn(|_| Cell::default()) }
    }
}

impl Name {
    /// Bytes that fit.
    pub(super) const ROOM: usize = NAME_WORDS * 8;

    /// Cut off at [`Name::ROOM`]; callers refuse what is longer.
    pub(super) fn set(&self, name: &str) {
        let bytes = &name.as_bytes()[..name.len().min(Self::ROOM)];
        for (cell, chunk) in self.words.iter().zip(bytes.chunks(8)) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            cell.set(u64::from_le_bytes(word));
        }
        self.length.set(bytes.len() as u64);
    }

    pub(super) fn is_set(&self) -> bool {
        self.length.get() != 0
    }

    pub(super) fn is(&self, name: &str) -> bool {
        let bytes = name.as_bytes();
        let same = |(cell, chunk): (&Cell, &[u8])| {
            let word = cell.get().to_le_bytes();
            &word[..chunk.len()] == chunk
        };
        self.length.get() == bytes.len() as u64
            && bytes.len() <= Self::ROOM
            && self.words.iter().zip(bytes.chunks(8)).all(same)
    }
}

/// A stretch of the buffer area that was allocated in one piece.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct SegmentWords {
    /// Bytes from the start of the buffer area.
    pub(super) start: Cell,
    pub(super) length: Cell,
    /// What its address in every process is a multiple of.
    pub(super) alignment: Cell,
}

/// One allocated buffer.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct BufferWords {
    /// Odd while it is allocated; goes up with each allocation and each release.
    pub(super) generation: AtomicU32,
    pub(super) segment: Cell,
    /// Bytes from the start of the segment to the data zone.
    pub(super) offset: Cell,
    /// Bytes of the data zone.
    pub(super) length: Cell,
}

/// Words of a request.
pub(super) const REQUEST_WORDS: usize = 6;
/// Words of a completion.
pub(super) const COMPLETION_WORDS: usize = 6;

/// Records from one writer to one reader, in order. Each side keeps its own place
/// itself, counted from 0 for ever, and reads only the other's from here.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Ring<const WORDS: usize> {
    written: Index,
    read: Index,
    records: [[Cell; WORDS]; RING],
}

#[derive(Debug, Default)]
#[repr(C, align(64))]
struct Index(AtomicU64);

impl<const WORDS: usize> Default for Ring<WORDS> {
    fn default() -> Self {
        let record = || std::array::from_fn(|_| Cell::default());
        Self {
            written: Index::default(),
            read: Index::default(),
            records: std::array::from_fn(|_| record()),
        }
    }
}

impl<const WORDS: usize> Ring<WORDS> {
    fn record(&self, place: u64) -> &[Cell; WORDS] {
        // RING is a power of 2, and the remainder is below it.
        &self.records[(place % RING as u64) as usize]
    }

    /// Whether the writer, which has written `written` records, may write one more.
    pub(super) fn has_room(&self, written: u64) -> Result<bool, Corrupt> {
        let unread = written.checked_sub(self.read.0.load(Ordering::Acquire)).ok_or(Corrupt)?;
        Ok(unread < RING as u64)
    }

    /// Puts down the record after `written` others, without publishing it. There must be
    /// room.
    pub(super) fn write(&self, written: u64, record: [u64; WORDS]) {
        for (cell, word) in self.record(written).iter().zip(record) {
            cell.set(word);
        }
    }

    /// Lets the reader see all records up to the one after `written` others.
    pub(super) fn publish(&self, written: u64) {
        self.written.0.store(written + 1, Ordering::Release);
    }

    /// The record after `read` others, if it was published.
    pub(super) fn peek(&self, read: u64) -> Result<Option<[u64; WORDS]>, Corrupt> {
        let unread = self.written.0.load(Ordering::Acquire).checked_sub(read).ok_or(Corrupt)?;
        if unread > RING as u64 {
            return Err(Corrupt);
        }
        Ok((unread > 0).then(|| std::array::from_fn(|word| self.record(read)[word].get())))
    }

    /// Lets the writer reuse the places of the first `read` records.
    pub(super) fn release(&self, read: u64) {
        self.read.0.store(read, Ordering::Release);
    }
}

/// VD_E_INVALID for a name that is empty, has a backslash or a zero character, or is
/// longer than the shared memory has room for.
pub(super) fn check_name(name: &str) -> Result<(), HResult> {
    let sound = !name.is_empty() && !name.contains(['\\', '\0']) && name.len() <= Name::ROOM;
    if sound { Ok(()) } else { Err(HResult::VD_E_INVALID) }
}
