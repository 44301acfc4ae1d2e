//! The parts of a set's state, and what reads or changes which of them.

/// What is of the set as a whole, as bits.
pub(super) mod whole {
    /// The life of the server's interface.
    pub(in super::super) const SERVER: u16 = 1;
    /// The life of the primary's interface.
    pub(in super::super) const CLIENT: u16 = 1 << 1;
    /// The lives of the secondaries' interfaces.
    pub(in super::super) const SECONDARIES: u16 = 1 << 2;
    /// How far the server has configured.
    pub(in super::super) const CONFIGURATION: u16 = 1 << 3;
    /// Who has seen the configuration.
    pub(in super::super) const SEEN: u16 = 1 << 4;
    /// Whether, and by what, the set is aborted.
    pub(in super::super) const ABORT: u16 = 1 << 5;
    /// Whether the completion agent runs.
    pub(in super::super) const AGENT: u16 = 1 << 6;
    /// The buffers, and how many more can be had.
    pub(in super::super) const BUFFERS: u16 = 1 << 7;
    /// Who has the address of which buffer.
    pub(in super::super) const MAPPED: u16 = 1 << 8;
    /// Whether any device is full.
    pub(in super::super) const FULL: u16 = 1 << 9;
    /// All of them.
    pub(in super::super) const ALL: u16 = u16::MAX;
}

/// What is of each device by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aspect {
    /// Whether the server has opened it.
    Opened,
    /// Whether the server has closed it.
    Closed,
    /// Whether a client has opened it, and which.
    Joined,
    /// Whether its client has seen that it is closed.
    Ended,
    /// Its commands, where they are, and its error state.
    Commands,
    /// Whether it has commands whose callback is still to come.
    Owed,
}

/// A choice of parts: of the whole by their bits, of the devices by a bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    whole: u16,
    devices: [u64; 6],
}

impl Parts {
    pub(super) const ALL: Self = Self { whole: whole::ALL, devices: [u64::MAX; 6] };

    pub(super) const fn whole(bits: u16) -> Self {
        Self { whole: bits, devices: [0; 6] }
    }

    pub(super) const fn with(mut self, aspect: Aspect, devices: u64) -> Self {
        self.devices[aspect as usize] |= devices;
        self
    }

    pub(super) const fn and(mut self, bits: u16) -> Self {
        self.whole |= bits;
        self
    }

    pub(super) fn except(mut self, other: &Self) -> Self {
        self.whole &= !other.whole;
        self.devices.iter_mut().zip(other.devices).for_each(|(own, other)| *own &= !other);
        self
    }

    pub(super) const fn of(&self, aspect: Aspect) -> u64 {
        self.devices[aspect as usize]
    }

    pub(super) const fn has(&self, bits: u16) -> bool {
        self.whole & bits != 0
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.whole |= other.whole;
        self.devices.iter_mut().zip(other.devices).for_each(|(own, other)| *own |= other);
    }

    /// Whether any part is in both.
    pub(super) fn meet(&self, other: &Self) -> bool {
        self.whole & other.whole != 0
            || self.devices.iter().zip(other.devices).any(|(own, other)| own & other != 0)
    }
}

/// What a step reads and changes, at most, in any state that the set can come to before the
/// next event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Footprint {
    /// What its outcome depends on.
    pub(super) reads: Parts,
    /// What makes it possible, and once it is possible changes nothing about it.
    pub(super) awaits: Parts,
    /// What it changes. Two steps that change a part, and whose order matters there, read
    /// it too.
    pub(super) writes: Parts,
}

impl Footprint {
    /// What is not looked at closer.
    pub(super) const ALL: Self = Self { reads: Parts::ALL, awaits: Parts::ALL, writes: Parts::ALL };

    pub(super) fn new(reads: Parts, writes: Parts) -> Self {
        Self { reads, awaits: Parts::default(), writes }
    }
}

/// The bit of a device.
pub(super) const fn bit(device: u8) -> u64 {
    1 << (device % 64)
}
