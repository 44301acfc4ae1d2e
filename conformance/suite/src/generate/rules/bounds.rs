//! The bounds of numbers, as the documents give them.

use std::collections::BTreeSet;

/// Which numbers between the least and the most are accepted.
pub(super) enum Grid {
    All,
    PowersOfTwo,
    MultiplesOf(u32),
}

/// The bounds of one field.
pub(super) struct Bound {
    pub(super) field: &'static str,
    /// Whether 0 has a meaning of its own.
    zero: bool,
    least: u32,
    most: u32,
    grid: Grid,
    /// Whether it is contested what is beyond the most.
    open: bool,
}

const KIB_64: u32 = 64 * 1024;

/// VDConfig Structure: the number of devices.
pub(super) const DEVICE_COUNT: Bound =
    Bound { field: "deviceCount", zero: false, least: 1, most: 64, grid: Grid::All, open: false };

/// The least alignment that the client needs: what the server's cannot be it cannot need.
pub(super) const CLIENT_ALIGNMENT: Bound = Bound {
    field: "alignment",
    zero: true,
    least: 1,
    most: KIB_64,
    grid: Grid::PowersOfTwo,
    open: false,
};

/// BeginConfiguration: the size of a block.
pub(super) const BLOCK_SIZE: Bound = Bound {
    field: "blockSize",
    zero: false,
    least: 512,
    most: KIB_64,
    grid: Grid::PowersOfTwo,
    open: false,
};

/// BeginConfiguration: the alignment, of blocks of 512 bytes.
pub(super) const SERVER_ALIGNMENT: Bound = Bound {
    field: "alignment",
    zero: true,
    least: 512,
    most: KIB_64,
    grid: Grid::PowersOfTwo,
    open: false,
};

/// BeginConfiguration: the largest transfer.
pub(super) const TRANSFER: Bound = Bound {
    field: "maxTransferSize",
    zero: false,
    least: KIB_64,
    most: 64 * KIB_64,
    grid: Grid::MultiplesOf(KIB_64),
    open: true,
};

/// AllocateBuffer: the alignment of one buffer. Where more than 64 KiB is asked for, no
/// document says what the area itself is aligned to.
pub(super) const BUFFER_ALIGNMENT: Bound = Bound {
    field: "alignment",
    zero: true,
    least: 1,
    most: KIB_64,
    grid: Grid::PowersOfTwo,
    open: true,
};

impl Bound {
    fn is_on_grid(&self, value: u32) -> bool {
        match self.grid {
            Grid::All => true,
            Grid::PowersOfTwo => value.is_power_of_two(),
            Grid::MultiplesOf(unit) => value.is_multiple_of(unit),
        }
    }

    fn accepts(&self, value: u32) -> bool {
        let within = (self.least..=self.most).contains(&value) && self.is_on_grid(value);
        within || self.zero && value == 0
    }

    /// Values on both sides of each edge.
    fn edges(&self) -> BTreeSet<u32> {
        let Self { least, most, .. } = *self;
        let around = |value: u32| [value.saturating_sub(1), value, value + 1];
        let mut edges = BTreeSet::from([0, 3, 255, 256, u32::MAX]);
        edges.extend([least, most, most / 2, 2 * most].into_iter().flat_map(around));
        edges.extend([least + least / 2, most / 4 * 3, most / 4 * 3 + least / 2]);
        // What a byte, 16 bits or a sign would make of it.
        edges.extend([most + 256, most + 65536, most + (1 << 31)]);
        match self.grid {
            Grid::All => {}
            Grid::PowersOfTwo => edges.extend((0..=31).map(|bit| 1 << bit)),
            Grid::MultiplesOf(unit) => {
                edges.extend((1..=4).map(|times| times * unit));
                edges.extend((1..=3).map(|part| unit / 4 * part));
            }
        }
        edges.retain(|value| !(self.open && *value > most && self.is_on_grid(*value)));
        edges
    }

    /// The values that have to be accepted.
    pub(super) fn accepted(&self) -> Vec<u32> {
        self.edges().into_iter().filter(|value| self.accepts(*value)).collect()
    }

    /// Values beyond the most that are not known to be refused.
    pub(super) fn beyond(&self) -> Vec<u32> {
        let Self { least, most, open, .. } = *self;
        let beyond = [most + least, 2 * most, most << 6];
        if open { beyond.into() } else { Vec::new() }
    }

    /// The values that have to be refused.
    pub(super) fn refused(&self) -> Vec<u32> {
        self.edges().into_iter().filter(|value| !self.accepts(*value)).collect()
    }
}
