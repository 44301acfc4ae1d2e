//! The buffer area that server and client share: what was asked for, what is
//! taken, and where.
//!
//! Sources: SQL Server VDI reference, RequestBuffers, AllocateBuffer, FreeBuffer;
//! SQL Server 2005 Virtual Backup Device Specification, VDConfig Structure
//! (prefixZoneSize, alignment).

use std::collections::BTreeMap;

use super::{Buffer, BufferId};

/// The buffer area of one set. All numbers are bytes.
#[derive(Default)]
pub(super) struct Area {
    /// The prefix zone just before every data zone.
    prefix: u64,
    /// What every data zone is aligned to, a power of 2.
    basic: u64,
    /// Summed while configuring, not yet allocated.
    requested: u64,
    capacity: u64,
    /// By the first byte. Blocks begin and end at a multiple of `basic`.
    blocks: BTreeMap<u64, Block>,
}

struct Block {
    end: u64,
    buffer: Buffer,
}

/// A place for one buffer.
#[derive(Clone, Copy)]
struct Shape {
    /// From the first byte of the block to the data zone.
    lead: u64,
    /// Of the block.
    length: u64,
    alignment: u64,
}

impl Area {
    pub(super) fn new(prefix: u32, basic: u32) -> Self {
        Self { prefix: prefix.into(), basic: basic.max(1).into(), ..Self::default() }
    }

    /// The most room `count` such buffers can need, in whatever order they and
    /// others are allocated.
    pub(super) fn need(&self, size: u32, alignment: u32, count: u32) -> u64 {
        let shape = self.shape(size, alignment);
        (shape.length + shape.alignment - self.basic).saturating_mul(count.into())
    }

    /// Adds to what EndConfiguration is to allocate.
    pub(super) fn request(&mut self, need: u64) {
        self.requested = self.requested.saturating_add(need);
    }

    /// Allocates what was requested; if that is too much, forgets the requests.
    pub(super) fn allocate_requested(&mut self, limit: u64) -> bool {
        let need = std::mem::take(&mut self.requested);
        self.grow(need, limit)
    }

    /// Makes the area larger, unless it would be larger than the limit.
    pub(super) fn grow(&mut self, need: u64, limit: u64) -> bool {
        let grown = self.capacity.saturating_add(need);
        let fits = grown <= limit;
        if fits {
            self.capacity = grown;
        }
        fits
    }

    /// How many such buffers could be allocated now.
    pub(super) fn available(&self, size: u32, alignment: u32) -> u64 {
        let shape = self.shape(size, alignment);
        let step = shape.length.next_multiple_of(shape.alignment);
        let fitting = |(start, end): (u64, u64)| {
            let first = start.next_multiple_of(shape.alignment) + shape.length;
            if first > end { 0 } else { 1 + (end - first) / step }
        };
        self.gaps().into_iter().map(fitting).sum()
    }

    /// Takes the first place where such a buffer fits.
    pub(super) fn allocate(&mut self, id: BufferId, size: u32, alignment: u32) -> Option<Buffer> {
        let shape = self.shape(size, alignment);
        let start = self.gaps().into_iter().find_map(|(start, end)| {
            let start = start.next_multiple_of(shape.alignment);
            (start + shape.length <= end).then_some(start)
        })?;
        let buffer = Buffer { id, offset: start + shape.lead, size };
        self.blocks.insert(start, Block { end: start + shape.length, buffer });
        Some(buffer)
    }

    pub(super) fn free(&mut self, buffer: BufferId) {
        self.blocks.retain(|_, block| block.buffer.id != buffer);
    }

    pub(super) fn holds(&self, buffer: BufferId) -> bool {
        self.blocks.values().any(|block| block.buffer.id == buffer)
    }

    fn shape(&self, size: u32, alignment: u32) -> Shape {
        let alignment = u64::from(alignment).max(self.basic);
        let lead = self.prefix.next_multiple_of(alignment);
        Shape { lead, length: (lead + u64::from(size)).next_multiple_of(self.basic), alignment }
    }

    /// The unused stretches, from the first byte to the byte after the last.
    fn gaps(&self) -> Vec<(u64, u64)> {
        let starts = [0].into_iter().chain(self.blocks.values().map(|block| block.end));
        let ends = self.blocks.keys().copied().chain([self.capacity]);
        starts.zip(ends).filter(|(start, end)| start < end).collect()
    }
}
