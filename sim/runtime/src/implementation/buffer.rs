//! Buffers as one side has them: bytes that the other side sees, too.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::sync::Mutex;
use std::sync::atomic::AtomicU8;

use super::locked::lock;
use super::mapping::SetMapping;
use super::record::BufferKey;
use super::shm::{Segment, copy_from, copy_into, read_file, write_file};
use crate::sync::limits::BUFFERS;
use crate::sync::{Arc, Ordering, fence};
use vdi_spec::codes::HResult;

/// A buffer in shared memory, without copying: what one side writes the other sees.
///
/// A buffer belongs to the client from the delivery of a command that uses it to the
/// completion, and to the server otherwise. Nothing enforces that: bytes that both use
/// at once are any mixture of old and new. It ends when the server frees it, or with
/// the Close of one's own side.
///
/// Source: SQL Server 2005 Virtual Backup Device Specification, Overview.
#[derive(Clone)]
pub struct Buffer(Option<Shared>);

/// In the number of a buffer: bits for the place in the area.
const OFFSET_BITS: u32 = 40;

/// In the number of a buffer: the bits for the set.
const SET_BITS: u64 = (1 << 23) - 1;

#[derive(Clone)]
struct Shared {
    mapping: Arc<SetMapping>,
    views: Arc<Views>,
    key: BufferKey,
    span: Span,
}

/// Where a buffer's data zone lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) segment: usize,
    /// Bytes from the start of the segment.
    pub(super) offset: usize,
    pub(super) length: usize,
}

/// The segments that one side has mapped, until its Close.
#[derive(Debug)]
pub(super) struct Views(Mutex<Option<BTreeMap<usize, Arc<Segment>>>>);

impl Views {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some(BTreeMap::new()))))
    }

    /// Close: unmaps everything that nobody is just using.
    pub(super) fn end(&self) {
        let gone = lock(&self.0).take();
        drop(gone);
    }

    fn is_open(&self) -> bool {
        lock(&self.0).is_some()
    }

    /// A segment, mapped if it is not yet: VD_E_ABORT after one's own Close, VD_E_MEMORY if
    /// that is refused.
    pub(super) fn map(&self, mapping: &SetMapping, number: usize) -> Result<Arc<Segment>, HResult> {
        let mut views = lock(&self.0);
        let views = views.as_mut().ok_or(HResult::VD_E_ABORT)?;
        if let Some(known) = views.get(&number) {
            return Ok(known.clone());
        }
        let segment = mapping.segment(number)?;
        views.insert(number, segment.clone());
        Ok(segment)
    }
}

impl SetMapping {
    /// Where a buffer that is allocated lies; `None` if it is not.
    pub(super) fn span(&self, key: BufferKey) -> Option<Span> {
        let words = self.control().area.buffers.get(key.index as usize)?;
        let span = Span {
            segment: usize::try_from(words.segment.get()).ok()?,
            offset: usize::try_from(words.offset.get()).ok()?,
            length: usize::try_from(words.length.get()).ok()?,
        };
        // What was read before this belongs to a generation no later than what is read
        // after it.
        fence(Ordering::Acquire);
        let now = words.generation.load(Ordering::Acquire);
        (now == key.generation && now % 2 == 1).then_some(span)
    }

    /// Every buffer that is allocated.
    pub(super) fn allocated(&self) -> impl Iterator<Item = BufferKey> {
        (0..).zip(&self.control().area.buffers).filter_map(|(index, words)| {
            let generation = words.generation.load(Ordering::Acquire);
            (generation % 2 == 1).then_some(BufferKey { index, generation })
        })
    }

    /// A place in the table of buffers that the server says is free.
    pub(super) fn publish_buffer(&self, index: usize, span: Span) -> Option<BufferKey> {
        let words = self.control().area.buffers.get(index)?;
        // Whoever reads one of these words sees that the last generation has ended.
        fence(Ordering::Release);
        words.segment.set(span.segment as u64);
        words.offset.set(span.offset as u64);
        words.length.set(span.length as u64);
        let generation = words.generation.load(Ordering::Acquire) & !1 | 1;
        words.generation.store(generation, Ordering::Release);
        Some(BufferKey { index: u32::try_from(index).ok()?, generation })
    }

    pub(super) fn retract_buffer(&self, key: BufferKey) {
        if let Some(words) = self.control().area.buffers.get(key.index as usize) {
            words.generation.store(key.generation.wrapping_add(1), Ordering::Release);
        }
    }
}

/// A buffer's bytes. They stay mapped while this is held, after Close too.
pub struct Bytes {
    segment: Arc<Segment>,
    span: Span,
}

impl Deref for Bytes {
    type Target = [AtomicU8];

    fn deref(&self) -> &[AtomicU8] {
        // Checked when this was made.
        self.segment.bytes(self.span.offset, self.span.length).unwrap_or_default()
    }
}

impl Bytes {
    /// The address of the first byte, in this process. What is done through it is up
    /// to the caller: the other side sees these bytes, too.
    #[must_use]
    pub fn as_ptr(&self) -> *mut u8 {
        (**self).as_ptr().cast::<u8>().cast_mut()
    }

    /// Reads from a file, from `offset` on, straight into the buffer: how many bytes, at
    /// most `length`; 0 at the end of the file.
    ///
    /// # Errors
    /// The system's.
    pub fn read_from(&self, file: &File, offset: u64, length: usize) -> io::Result<usize> {
        read_file(file, offset, self.get(..length).unwrap_or(self))
    }

    /// Writes the first `length` bytes into a file, at `offset`, straight from the buffer.
    ///
    /// # Errors
    /// The system's.
    pub fn write_to(&self, file: &File, offset: u64, length: usize) -> io::Result<()> {
        write_file(file, offset, self.get(..length).unwrap_or(self))
    }

    /// Gives the first `length` bytes piece by piece, each copied out before it is looked at.
    pub fn for_each_piece(&self, length: usize, mut act: impl FnMut(&[u8])) {
        let mut piece = [0; 16 * 1024];
        for bytes in self.get(..length).unwrap_or(self).chunks(piece.len()) {
            copy_from(bytes, &mut piece);
            act(&piece[..bytes.len()]);
        }
    }

    /// A part of the bytes.
    #[must_use]
    pub fn part(&self, offset: usize, length: usize) -> Self {
        let offset = offset.min(self.span.length);
        let length = length.min(self.span.length - offset);
        let span = Span { offset: self.span.offset + offset, length, ..self.span };
        Self { segment: self.segment.clone(), span }
    }

    /// Copies to a place in the buffer, as far as there is room.
    pub fn copy_at(&self, offset: usize, from: &[u8]) {
        copy_into(from, self.get(offset..).unwrap_or_default());
    }

    /// Copies from the start of the buffer; how many bytes.
    pub fn copy_to(&self, into: &mut [u8]) -> usize {
        copy_from(self, into);
        self.len().min(into.len())
    }

    /// Copies to the start of the buffer; how many bytes.
    pub fn copy_from(&self, from: &[u8]) -> usize {
        copy_into(from, self);
        self.len().min(from.len())
    }
}

impl Buffer {
    /// What is no shared buffer at all, as a wrong address is none.
    #[must_use]
    pub const fn unshared() -> Self {
        Self(None)
    }

    pub(super) fn new(
        mapping: &Arc<SetMapping>,
        views: &Arc<Views>,
        key: BufferKey,
    ) -> Option<Self> {
        let span = mapping.span(key)?;
        Some(Self(Some(Shared { mapping: mapping.clone(), views: views.clone(), key, span })))
    }

    pub(super) fn key_in(&self, mapping: &Arc<SetMapping>) -> Option<BufferKey> {
        let shared = self.0.as_ref()?;
        Arc::ptr_eq(&shared.mapping, mapping).then_some(shared.key)
    }

    /// Whether two are one buffer of one set, as this process sees it.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => {
                one.key == other.key && Arc::ptr_eq(&one.mapping, &other.mapping)
            }
            _ => false,
        }
    }

    /// Bytes of the data zone; 0 if it is no shared buffer.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |shared| shared.span.length)
    }

    /// Whether it has no data zone.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes from the start of the set's buffer area to the data zone: what it is known
    /// by in every process.
    #[must_use]
    pub fn offset(&self) -> u64 {
        let offset = |shared: &Shared| {
            let segment = shared.mapping.control().area.segments.get(shared.span.segment);
            let start = segment.map_or(0, |words| words.start.get());
            start.saturating_add(shared.span.offset as u64)
        };
        self.0.as_ref().map_or(0, offset)
    }

    /// What it is known by in every process of the machine, as [`Buffer::offset`] is in
    /// those of its set. 0 if it is no shared buffer.
    #[must_use]
    pub fn number(&self) -> u64 {
        let set = self.0.as_ref().map_or(0, |shared| {
            let salt = shared.mapping.control().identity.salt.get();
            (salt ^ salt >> 23 ^ salt >> 46) & SET_BITS
        });
        set << OFFSET_BITS | self.offset() & ((1 << OFFSET_BITS) - 1)
    }

    /// The bytes from the start of the area of the buffer that has this number.
    #[must_use]
    pub const fn offset_of(number: u64) -> u64 {
        number & ((1 << OFFSET_BITS) - 1)
    }

    /// The place among the set's buffers, counted from 0, and the how-manieth buffer it is
    /// there, counted from 1: the same in every process. `None` if it is no shared buffer.
    #[must_use]
    pub fn place(&self) -> Option<(u32, u32)> {
        let key = self.0.as_ref()?.key;
        Some((key.index, key.generation.div_ceil(2)))
    }

    /// Whether it may still be used: neither freed, nor is this side closed.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let alive = |shared: &Shared| {
            shared.views.is_open() && shared.mapping.span(shared.key) == Some(shared.span)
        };
        self.0.as_ref().is_some_and(alive)
    }

    /// Whether it was freed, whatever has its place now. False if it is no shared buffer.
    #[must_use]
    pub fn is_freed(&self) -> bool {
        self.0.as_ref().is_some_and(|shared| shared.mapping.span(shared.key) != Some(shared.span))
    }

    /// Its bytes; `None` once it may not be used any more.
    #[must_use]
    pub fn bytes(&self) -> Option<Bytes> {
        self.map().ok()
    }

    /// The same, with the reason why not.
    ///
    /// # Errors
    /// VD_E_ABORT: it may not be used any more; VD_E_MEMORY, with an abort: the system does
    /// not map it; VD_E_UNEXPECTED.
    pub fn map(&self) -> Result<Bytes, HResult> {
        let shared = self.0.as_ref().filter(|_| self.is_alive()).ok_or(HResult::VD_E_ABORT)?;
        let segment = shared.views.map(&shared.mapping, shared.span.segment);
        // Nobody can do anything with a command whose buffer is not to be had.
        let refused = |status: &HResult| {
            if *status == HResult::VD_E_MEMORY {
                shared.mapping.abort();
            }
        };
        let segment = segment.inspect_err(refused)?;
        segment.bytes(shared.span.offset, shared.span.length).ok_or(HResult::VD_E_UNEXPECTED)?;
        Ok(Bytes { segment, span: shared.span })
    }

    /// The bytes of the prefix zone, just before the data zone, which the server does
    /// not see; `prefix` is how many there are. `None` once the buffer may not be used
    /// any more.
    #[must_use]
    pub fn prefix_zone(&self, prefix: u32) -> Option<Bytes> {
        let shared = self.0.as_ref()?;
        let data = self.bytes()?;
        let length = prefix as usize;
        let span = Span { offset: shared.span.offset.checked_sub(length)?, length, ..shared.span };
        data.segment.bytes(span.offset, span.length)?;
        Some(Bytes { segment: data.segment, span })
    }
}

/// A handle of a buffer, from GetBufferHandle: good in every client process of the set
/// that gave it, and nowhere else. A number, so that it can be told to another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BufferHandle(pub u32);

impl BufferHandle {
    /// Bits for the place in the table of buffers; the others are for the set and for
    /// the use of that place.
    const PLACE: u32 = BUFFERS.next_power_of_two().trailing_zeros();
    const SET: u32 = 12;

    fn set_bits(mapping: &SetMapping) -> u32 {
        let salt = mapping.control().identity.salt.get();
        // The halves mixed, so that sets created one after another differ.
        ((salt ^ salt >> 16 ^ salt >> 28) as u32) & ((1 << Self::SET) - 1)
    }

    /// The place among the set's buffers, counted from 0, of the one that it is the handle
    /// of, and the how-manieth buffer there, counted from 1, as far as the number tells: what
    /// [`Buffer::place`] gives. Of a number that is no handle it is anything.
    #[must_use]
    pub const fn place(self) -> (u32, u32) {
        let index = self.0 >> Self::SET & ((1 << Self::PLACE) - 1);
        (index, (self.0 >> (Self::SET + Self::PLACE)) + 1)
    }

    /// The handle of a buffer of this set.
    pub(super) fn of(mapping: &SetMapping, key: BufferKey) -> Self {
        let uses = key.generation / 2 % (1 << (32 - Self::PLACE - Self::SET));
        Self(Self::set_bits(mapping) | key.index << Self::SET | uses << (Self::SET + Self::PLACE))
    }

    /// The buffer of this set that it is the handle of; VD_E_INVALID if of none that is
    /// allocated.
    pub(super) fn resolve(self, mapping: &SetMapping) -> Result<BufferKey, HResult> {
        let (index, _) = self.place();
        let words = mapping.control().area.buffers.get(index as usize);
        let generation = words.ok_or(HResult::VD_E_INVALID)?.generation.load(Ordering::Acquire);
        let key = BufferKey { index, generation };
        let allocated = mapping.span(key).is_some();
        let same = Self::of(mapping, key) == self;
        if allocated && same { Ok(key) } else { Err(HResult::VD_E_INVALID) }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.0.as_ref();
        let (key, span) = (shared.map(|of| of.key), shared.map(|of| of.span));
        f.debug_struct("Buffer").field("key", &key).field("span", &span).finish()
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bytes").field("span", &self.span).finish_non_exhaustive()
    }
}
