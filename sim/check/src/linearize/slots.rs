//! The numbers of a set's open calls, and sets of them.

/// How many calls of one set may be open at once.
pub(crate) const SLOTS: usize = 256;

/// The number of an open call within its set, free again after its return.
pub(crate) type Slot = u8;

/// A set of open calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct SlotSet([u64; SLOTS / 64]);

impl SlotSet {
    pub(crate) const fn of(slot: Slot) -> Self {
        let mut slots = Self([0; SLOTS / 64]);
        slots.add(slot);
        slots
    }

    pub(crate) const fn has(self, slot: Slot) -> bool {
        self.0[slot as usize / 64] & (1 << (slot % 64)) != 0
    }

    /// Whether any is in both.
    pub(crate) fn meets(self, other: Self) -> bool {
        self.0.iter().zip(other.0).any(|(one, other)| one & other != 0)
    }

    pub(crate) const fn add(&mut self, slot: Slot) {
        self.0[slot as usize / 64] |= 1 << (slot % 64);
    }

    pub(crate) const fn remove(&mut self, slot: Slot) {
        self.0[slot as usize / 64] &= !(1 << (slot % 64));
    }

    pub(crate) fn remove_all(&mut self, others: Self) {
        self.0.iter_mut().zip(others.0).for_each(|(one, other)| *one &= !other);
    }

    /// How many are in it.
    pub(crate) fn count(self) -> u32 {
        self.0.iter().map(|part| part.count_ones()).sum()
    }

    /// The lowest slot that is not in it.
    pub(crate) fn free(self) -> Option<Slot> {
        (0..=Slot::MAX).find(|slot| !self.has(*slot))
    }
}
