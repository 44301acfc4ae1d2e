//! How the server divides the buffer area: what was requested, what is taken.
//!
//! Every request becomes a pool that holds as many buffers of its shape as were asked
//! for, whatever comes and goes in it; what no pool was requested for takes the first
//! place where it fits. All of this is the server's own: nobody else can change it.
//!
//! Sources: SQL Server VDI reference, RequestBuffers, AllocateBuffer, FreeBuffer; SQL
//! Server 2005 Virtual Backup Device Specification, VDConfig Structure (prefixZoneSize,
//! alignment).

use std::collections::BTreeMap;

use super::shm::PAGE;

/// What a buffer looks like. All numbers are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// The prefix zone, just before the data zone.
    pub(super) prefix: u64,
    /// The data zone.
    pub(super) size: u64,
    /// What the data zone begins at a multiple of, a power of 2.
    pub(super) alignment: u64,
}

impl Shape {
    /// Where the first data zone lies if nothing before `start` may be used.
    const fn first(self, start: u64) -> u64 {
        (start + self.prefix).next_multiple_of(self.alignment)
    }

    /// From one data zone to the next.
    const fn step(self) -> u64 {
        (self.size + self.prefix).next_multiple_of(self.alignment)
    }

    /// How many lie between `start` and `end`.
    const fn fitting(self, start: u64, end: u64) -> u64 {
        let first_end = self.first(start) + self.size;
        if first_end > end { 0 } else { 1 + (end - first_end) / self.step() }
    }

    /// Bytes for so many; `None` beyond all numbers.
    fn room(self, count: u32) -> Option<u64> {
        let others = self.step().checked_mul(u64::from(count.checked_sub(1)?))?;
        self.first(0).checked_add(self.size)?.checked_add(others)
    }
}

/// The place of one request.
#[derive(Debug)]
struct Pool {
    shape: Shape,
    segment: usize,
    /// What its segment begins at a multiple of, in every process.
    alignment: u64,
    /// Bytes in the segment, from the first to the one after the last.
    start: u64,
    end: u64,
    /// Allocated buffers with their prefix zones: their ends by their starts.
    taken: BTreeMap<u64, u64>,
}

impl Pool {
    /// The unused stretches.
    fn gaps(&self) -> impl Iterator<Item = (u64, u64)> {
        let mut free_from = self.start;
        let taken = self.taken.iter().map(|(start, end)| (*start, *end));
        taken.chain([(self.end, self.end)]).map(move |(start, end)| {
            let gap = (free_from, start);
            free_from = end;
            gap
        })
    }

    fn available(&self, shape: Shape) -> u64 {
        if shape.alignment > self.alignment {
            return 0;
        }
        self.gaps().map(|(start, end)| shape.fitting(start, end)).sum()
    }

    fn allocate(&mut self, shape: Shape) -> Option<u64> {
        // Nothing that is aligned within it is aligned outside.
        if shape.alignment > self.alignment {
            return None;
        }
        let (start, _) = self.gaps().find(|(start, end)| shape.fitting(*start, *end) > 0)?;
        let data = shape.first(start);
        self.taken.insert(data - shape.prefix, data + shape.size);
        Some(data)
    }
}

/// Where a buffer's data zone lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) segment: usize,
    /// Bytes from the start of the segment.
    pub(super) offset: u64,
    pool: usize,
    prefix: u64,
}

/// A piece of memory that the area needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) length: u64,
    pub(super) alignment: u64,
}

/// The buffer area as the server knows it.
#[derive(Debug, Default)]
pub(super) struct Allocator {
    prefix: u64,
    basic: u64,
    /// Summed while configuring, not yet allocated.
    requests: Vec<(Shape, u32)>,
    pools: Vec<Pool>,
}

impl Allocator {
    /// An area whose buffers have such a prefix zone and are aligned to `basic` at least.
    pub(super) fn new(prefix: u32, basic: u32) -> Self {
        Self { prefix: prefix.into(), basic: u64::from(basic).max(1), ..Self::default() }
    }

    /// A buffer of so many bytes; alignment 0 is the basic one.
    pub(super) fn shape(&self, size: u32, alignment: u32) -> Shape {
        let alignment = u64::from(alignment).max(self.basic);
        Shape { prefix: self.prefix, size: size.into(), alignment }
    }

    /// Asks for so many buffers. Nothing is there until [`Allocator::provide`].
    pub(super) fn request(&mut self, shape: Shape, count: u32) {
        if count > 0 {
            self.requests.push((shape, count));
        }
    }

    /// Takes back all requests that were not provided for.
    pub(super) fn forget_requests(&mut self) {
        self.requests.clear();
    }

    /// What the requests come to in one piece; `None` beyond all numbers.
    pub(super) fn needed(&self) -> Option<Need> {
        let mut need = Need { length: 0, alignment: PAGE as u64 };
        for (shape, count) in &self.requests {
            let start = need.length.checked_next_multiple_of(shape.alignment)?;
            need.length = start.checked_add(shape.room(*count)?)?;
            need.alignment = need.alignment.max(shape.alignment);
        }
        Some(need)
    }

    /// The memory that [`Allocator::needed`] asked for is there, as this segment.
    pub(super) fn provide(&mut self, segment: usize) {
        let mut used: u64 = 0;
        let alignment = self.needed().map_or(PAGE as u64, |need| need.alignment);
        for (shape, count) in std::mem::take(&mut self.requests) {
            let start = used.next_multiple_of(shape.alignment);
            used = start + shape.room(count).unwrap_or_default();
            let taken = BTreeMap::new();
            self.pools.push(Pool { shape, segment, alignment, start, end: used, taken });
        }
    }

    /// How many buffers of this shape could be allocated now.
    pub(super) fn available(&self, shape: Shape) -> u64 {
        self.pools.iter().map(|pool| pool.available(shape)).sum()
    }

    /// A place for a buffer: in a pool for its shape, or else wherever it fits.
    pub(super) fn allocate(&mut self, shape: Shape) -> Option<Place> {
        let own = (0..self.pools.len()).filter(|pool| self.pools[*pool].shape == shape);
        let others = (0..self.pools.len()).filter(|pool| self.pools[*pool].shape != shape);
        let order: Vec<usize> = own.chain(others).collect();
        order.into_iter().find_map(|index| {
            let pool = &mut self.pools[index];
            let offset = pool.allocate(shape)?;
            Some(Place { segment: pool.segment, offset, pool: index, prefix: shape.prefix })
        })
    }

    /// Frees what `allocate` gave.
    pub(super) fn free(&mut self, place: Place) {
        self.pools[place.pool].taken.remove(&(place.offset - place.prefix));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(prefix: u32, basic: u32, requests: &[(u32, u32, u32)]) -> Allocator {
        let mut area = Allocator::new(prefix, basic);
        for (size, alignment, count) in requests {
            let shape = area.shape(*size, *alignment);
            area.request(shape, *count);
        }
        area.provide(0);
        area
    }

    #[test]
    fn what_was_requested_can_be_allocated_in_any_order() {
        let mut area = area(100, 512, &[(65_536, 0, 3), (512, 4096, 2)]);
        let (large, small) = (area.shape(65_536, 0), area.shape(512, 4096));
        assert_eq!((area.available(large), area.available(small) >= 2), (3, true));
        for shape in [small, large, small, large, large] {
            let place = area.allocate(shape).expect("requested");
            assert_eq!(place.offset % shape.alignment, 0);
            assert!(place.offset >= 100);
        }
        assert_eq!(area.allocate(large), None);
    }

    #[test]
    fn freed_places_come_again() {
        let mut area = area(0, 512, &[(1024, 0, 2)]);
        let shape = area.shape(1024, 0);
        let (one, other) = (area.allocate(shape).unwrap(), area.allocate(shape).unwrap());
        assert_ne!(one, other);
        area.free(one);
        assert_eq!(area.available(shape), 1);
        assert_eq!(area.allocate(shape), Some(one));
    }

    #[test]
    fn no_buffer_is_aligned_better_than_its_segment() {
        let mut pages = area(0, 512, &[(1 << 20, 0, 4)]);
        let coarse = pages.shape(512, 128 * 1024);
        assert_eq!((pages.available(coarse), pages.allocate(coarse)), (0, None));
        let fine = pages.shape(512, 64 * 1024);
        assert!(pages.available(fine) > 0 && pages.allocate(fine).is_some());
        let mut coarser = area(0, 512, &[(1 << 20, 128 * 1024, 4)]);
        assert!(coarser.allocate(coarse).is_some_and(|place| place.offset % (128 * 1024) == 0));
    }

    #[test]
    fn prefix_zones_do_not_overlap() {
        let mut area = area(700, 512, &[(1000, 0, 4)]);
        let shape = area.shape(1000, 0);
        let mut zones: Vec<(u64, u64)> = (0..4)
            .map(|_| area.allocate(shape).expect("requested").offset)
            .map(|data| (data - 700, data + 1000))
            .collect();
        zones.sort_unstable();
        assert!(zones.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{zones:?}");
    }

    #[test]
    fn too_much_is_beyond_all_numbers_or_counted() {
        let mut area = Allocator::new(0, 512);
        let shape = area.shape(u32::MAX, 1 << 31);
        area.request(shape, u32::MAX);
        assert!(area.needed().is_some_and(|need| need.length > 1 << 62));
        area.request(shape, u32::MAX);
        assert_eq!(area.needed(), None);
    }
}
