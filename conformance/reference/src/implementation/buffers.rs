//! The buffer area that server and client share: what was asked for, what is
//! taken, and where.
//!
//! Every request gets a stretch of its own, so that what was requested can be
//! allocated in whatever order buffers come and go. Any other buffer takes the
//! first place where it fits.
//!
//! Sources: SQL Server VDI reference, RequestBuffers, AllocateBuffer, FreeBuffer;
//! SQL Server 2005 Virtual Backup Device Specification, VDConfig Structure
//! (prefixZoneSize, alignment).

use std::collections::BTreeMap;

use super::mutant::{Mutant, Seed};
use super::{Buffer, BufferId};

/// The buffer area of one set. All numbers are bytes.
#[derive(Default)]
pub(super) struct Area {
    /// The prefix zone just before every data zone.
    prefix: u64,
    /// What every data zone is aligned to, a power of 2.
    basic: u64,
    /// Summed while configuring, not yet allocated.
    requests: Vec<(Shape, u32)>,
    stretches: Vec<Stretch>,
    capacity: u64,
    /// By the first byte. Blocks begin and end at a multiple of `basic`.
    blocks: BTreeMap<u64, Block>,
    seed: Seed,
    /// Calls that ask for a buffer, with the defect that counts them.
    pub(super) asking: u64,
}

#[derive(Clone, Copy)]
struct Block {
    end: u64,
    buffer: Buffer,
}

/// The place that one request made.
#[derive(Clone, Copy)]
struct Stretch {
    shape: Shape,
    start: u64,
    count: u32,
}

/// What a block for one buffer looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    /// From the first byte of the block to the data zone.
    lead: u64,
    /// Of the block.
    length: u64,
    alignment: u64,
}

/// What is allocated in an area.
pub(super) struct Taken(BTreeMap<u64, Block>);

/// What was requested of an area.
pub(super) struct Requests(Vec<(Shape, u32)>);

impl Shape {
    /// From one block to the next.
    const fn step(self) -> u64 {
        self.length.next_multiple_of(self.alignment)
    }

    /// How many fit from `start` to the byte before `end`.
    const fn fitting(self, start: u64, end: u64) -> u64 {
        let first = start.next_multiple_of(self.alignment).saturating_add(self.length);
        if first > end { 0 } else { 1 + (end - first) / self.step() }
    }
}

impl Stretch {
    fn places(self) -> impl Iterator<Item = u64> {
        (0..u64::from(self.count)).map(move |index| self.start + index * self.shape.step())
    }

    fn end(self) -> u64 {
        self.start.saturating_add(self.shape.step().saturating_mul(self.count.into()))
    }
}

impl Area {
    pub(super) fn new(prefix: u32, basic: u32, seed: Seed) -> Self {
        Self { prefix: prefix.into(), basic: basic.into(), seed, ..Self::default() }
    }

    /// Adds to what EndConfiguration is to allocate.
    pub(super) fn request(&mut self, size: u32, alignment: u32, count: u32) {
        self.requests.push((self.shape(size, alignment), count));
    }

    /// What was requested, and is so still.
    pub(super) fn requested(&self) -> Requests {
        let stretches = self.stretches.iter().map(|stretch| (stretch.shape, stretch.count));
        Requests(self.requests.iter().copied().chain(stretches).collect())
    }

    /// Takes this for all that was requested so far, if that is the defect.
    pub(super) fn request_anew(&mut self, requests: Requests) {
        self.requests = requests.0;
    }

    /// What is allocated.
    pub(super) fn taken(&self) -> Taken {
        Taken(self.blocks.clone())
    }

    /// Counts what is allocated in another area, if that is the defect.
    pub(super) fn inherit(&mut self, taken: Taken) {
        self.blocks = taken.0;
    }

    /// Allocates what was requested. If that is too much there is no buffer space,
    /// and the requests are forgotten.
    pub(super) fn allocate_requested(&mut self, limit: u64) -> bool {
        let requests = std::mem::take(&mut self.requests);
        let fits = requests.into_iter().all(|(shape, count)| self.stretch(shape, count, limit));
        if !fits {
            self.stretches.clear();
            self.capacity = 0;
        }
        fits
    }

    /// Makes the area larger by so many buffers, unless it would be larger than the
    /// limit.
    pub(super) fn grow(&mut self, size: u32, alignment: u32, count: u32, limit: u64) -> bool {
        self.stretch(self.shape(size, alignment), count, limit)
    }

    fn stretch(&mut self, shape: Shape, count: u32, limit: u64) -> bool {
        let stretch =
            Stretch { shape, start: self.capacity.next_multiple_of(shape.alignment), count };
        let fits = stretch.end() <= limit;
        if fits && count > 0 {
            self.capacity = stretch.end();
            self.stretches.push(stretch);
        }
        fits
    }

    /// How many such buffers could be allocated now.
    pub(super) fn available(&self, size: u32, alignment: u32) -> u64 {
        let apart = self.seed.is(Mutant::CountsBasicApart) && u64::from(alignment) == self.basic;
        if apart || self.seed.is(Mutant::CountsNoRequests) {
            return 0;
        }
        let shape = self.shape(size, alignment);
        if self.seed.is(Mutant::CountsTaken) {
            return shape.fitting(0, self.capacity);
        }
        // First its own places, as `allocate` does it, then what is left between
        // these and the blocks.
        let own: Vec<u64> = self.own_places(shape).collect();
        let mut taken: Vec<(u64, u64)> =
            self.blocks.iter().map(|(start, block)| (*start, block.end)).collect();
        taken.extend(own.iter().map(|start| (*start, start + shape.length)));
        taken.sort_unstable();
        let gaps = gaps(taken, self.capacity);
        own.len() as u64 + gaps.map(|(start, end)| shape.fitting(start, end)).sum::<u64>()
    }

    /// Takes a place that such a buffer was requested for, or else the first where it
    /// fits.
    /// `seen` is a place that it has taken for free, if that is the defect.
    pub(super) fn allocate(
        &mut self,
        id: BufferId,
        size: u32,
        alignment: u32,
        seen: Option<u64>,
    ) -> Option<Buffer> {
        let alignment = self.seed.instead(Mutant::AllocatesMisaligned, alignment, 0);
        let shape = self.shape(size, alignment);
        let start = seen.or_else(|| self.place(size, alignment)).or_else(|| {
            let end = self.blocks.values().map(|block| block.end).max().unwrap_or(self.capacity);
            let beyond = end.next_multiple_of(shape.alignment);
            self.seed.is(Mutant::AllocatesWithoutEnd).then_some(beyond)
        })?;
        let buffer = Buffer { id, offset: start + shape.lead, size };
        self.blocks.insert(start, Block { end: start + shape.length, buffer });
        Some(buffer)
    }

    /// Where such a buffer would be allocated.
    pub(super) fn place(&self, size: u32, alignment: u32) -> Option<u64> {
        let shape = self.shape(size, alignment);
        let own = self.own_places(shape).next();
        own.or_else(|| self.first_fit(shape))
    }

    pub(super) fn free(&mut self, buffer: BufferId) {
        self.blocks.retain(|_, block| block.buffer.id != buffer);
    }

    pub(super) fn holds(&self, buffer: BufferId) -> bool {
        self.blocks.values().any(|block| block.buffer.id == buffer)
    }

    /// Whether this is the size of the data zone of a buffer.
    pub(super) fn is_sized(&self, buffer: BufferId, size: u32) -> bool {
        self.blocks.values().any(|block| block.buffer.id == buffer && block.buffer.size == size)
    }

    /// A buffer other than this one, if there is another.
    pub(super) fn another(&self, than: Option<BufferId>) -> Option<BufferId> {
        let ids = self.blocks.values().map(|block| block.buffer.id);
        let mut others = ids.filter(|id| Some(*id) != than);
        others.next_back().or(than)
    }

    /// The prefix zone lies in the block, just before the data zone.
    fn shape(&self, size: u32, alignment: u32) -> Shape {
        // An alignment that is no power of 2 comes here with a defect only.
        let alignment = u64::from(alignment).max(self.basic).next_power_of_two();
        let basic = self.basic.max(1);
        let prefix = self.seed.instead(Mutant::PrefixZoneUncounted, self.prefix, 0);
        let lead = prefix.next_multiple_of(alignment);
        Shape { lead, length: (lead + u64::from(size)).next_multiple_of(basic), alignment }
    }

    /// The free places that were requested for this shape.
    fn own_places(&self, shape: Shape) -> impl Iterator<Item = u64> {
        let own = self.stretches.iter().filter(move |stretch| stretch.shape == shape);
        own.flat_map(|stretch| stretch.places())
            .filter(move |start| self.is_free(*start, start + shape.length))
    }

    fn is_free(&self, start: u64, end: u64) -> bool {
        let before = self.blocks.range(..end).next_back();
        before.is_none_or(|(_, block)| block.end <= start)
    }

    fn first_fit(&self, shape: Shape) -> Option<u64> {
        let taken = self.blocks.iter().map(|(start, block)| (*start, block.end));
        let mut gaps = gaps(taken, self.capacity);
        gaps.find(|(start, end)| shape.fitting(*start, *end) > 0)
            .map(|(start, _)| start.next_multiple_of(shape.alignment))
    }
}

/// The unused stretches between what is taken, in order, and up to `capacity`: from
/// the first byte to the byte after the last.
fn gaps(
    taken: impl IntoIterator<Item = (u64, u64)>,
    capacity: u64,
) -> impl Iterator<Item = (u64, u64)> {
    let mut free_from = 0;
    let ends = taken.into_iter().chain([(capacity, capacity)]);
    ends.filter_map(move |(start, end)| {
        let gap = (std::mem::replace(&mut free_from, end), start);
        (gap.0 < gap.1).then_some(gap)
    })
}
