//! What a seed decides: draws from the streams of one ChaCha key.
//!
//! A seed is one key. What is drawn for different purposes comes from streams of that key
//! that have nothing to do with one another, each drawn from in order and by one purpose
//! alone. So the options that a seed draws can be overruled, one by one, without a shift of
//! everything that is drawn after them: the scheduler's picks stay those of the seed when a
//! fault is taken away.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng};

/// What is drawn from a stream, by its number.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    Options = 0,
    Schedule = 1,
    Answers = 2,
    Programs = 3,
    Faults = 4,
    Misuse = 5,
}

/// A stream of draws that depends on the seed alone, the same on every machine.
#[derive(Clone, Debug)]
pub struct Rng(ChaCha8Rng);

/// The streams of a world that runs.
#[derive(Clone, Debug)]
pub(crate) struct Rngs {
    /// Which lane acts next.
    pub(crate) schedule: Rng,
    /// What the backend does where it has a choice, and whether a call returns at once.
    pub(crate) answers: Rng,
    /// What server and clients choose to do.
    pub(crate) programs: Rng,
    /// Whether a fault that comes now and then comes now.
    pub(crate) faults: Rng,
    /// Calls out of the order.
    pub(crate) misuse: Rng,
}

impl Rngs {
    /// Those of a seed, with one of its schedules.
    pub(crate) fn new(seed: u64, order: u32) -> Self {
        let of = |purpose| Rng::of(seed, purpose);
        Self {
            schedule: Rng::of_many(seed, Purpose::Schedule, order),
            answers: of(Purpose::Answers),
            programs: of(Purpose::Programs),
            faults: of(Purpose::Faults),
            misuse: of(Purpose::Misuse),
        }
    }
}

impl Rng {
    /// The stream of a seed from which the options of its world are drawn.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::of(seed, Purpose::Options)
    }

    fn of(seed: u64, purpose: Purpose) -> Self {
        Self::of_many(seed, purpose, 0)
    }

    fn of_many(seed: u64, purpose: Purpose, number: u32) -> Self {
        let mut stream = ChaCha8Rng::seed_from_u64(seed);
        stream.set_stream(u64::from(number) << 8 | purpose as u64);
        Self(stream)
    }

    /// A number below `bound`, which is not 0. The slight bias does not matter for
    /// bounds this small.
    #[inline]
    pub fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// True once in `n`; never for 0.
    #[inline]
    pub fn once_in(&mut self, n: u32) -> bool {
        n != 0 && self.below(n) == 0
    }

    /// One of these, which are not none.
    pub fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u32) as usize]
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    /// A place in `length`, which is not 0, by the remainder of a larger draw: as histories
    /// draw it.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        (self.0.next_u64() % length as u64) as usize
    }

    /// True once in `n`, which is not 0, as histories draw it.
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.index(n) == 0
    }

    /// One of the items, each weighted.
    pub(crate) fn weighted<T: Copy>(&mut self, items: &[(usize, T)]) -> Option<T> {
        let total: usize = items.iter().map(|(weight, _)| weight).sum();
        let mut at = (total > 0).then(|| self.index(total))?;
        items.iter().find_map(|(weight, item)| {
            let chosen = at < *weight;
            at = at.wrapping_sub(*weight);
            chosen.then_some(*item)
        })
    }
}
