//! Who acts next: a lane of those that can, picked by the seed.

use crate::options::Strategy;
use crate::rng::Rng;

/// LaneSet, one bit each.
pub(crate) type LaneSet = u64;

/// Steps at which priorities change, at most.
const CHANGES: usize = 4;

/// Picks lanes.
#[derive(Clone, Debug)]
pub(crate) struct Strategist {
    strategy: Strategy,
    /// LaneSet from the highest priority to the lowest.
    order: Vec<u8>,
    changes: [u32; CHANGES],
    last: u8,
    left: u32,
}

impl Strategist {
    pub(crate) fn new(strategy: Strategy, lanes: usize, rng: &mut Rng) -> Self {
        let mut order: Vec<u8> = (0..lanes as u8).collect();
        let mut changes = [u32::MAX; CHANGES];
        if strategy == Strategy::Priorities {
            for index in (1..order.len()).rev() {
                order.swap(index, rng.below(index as u32 + 1) as usize);
            }
            changes = changes.map(|_| rng.below(400));
        }
        Self { strategy, order, changes, last: 0, left: 0 }
    }

    /// One of the lanes, of which there is at least one.
    #[inline]
    pub(crate) fn pick(&mut self, ready: LaneSet, step: u32, rng: &mut Rng) -> u8 {
        if ready.is_power_of_two() {
            return ready.trailing_zeros() as u8;
        }
        match self.strategy {
            Strategy::Uniform => any(ready, rng),
            Strategy::Priorities => self.first(ready, step),
            Strategy::Bursts => {
                if self.left == 0 || ready & 1 << self.last == 0 {
                    self.last = any(ready, rng);
                    self.left = 1 + rng.below(12);
                }
                self.left -= 1;
                self.last
            }
        }
    }

    /// The lane of the highest priority, which at some steps becomes the lowest.
    fn first(&mut self, ready: LaneSet, step: u32) -> u8 {
        let can = |lane: &u8| ready & 1 << lane != 0;
        let place = self.order.iter().position(can).unwrap_or_default();
        let lane = self.order[place];
        if self.changes.contains(&step) {
            self.order.remove(place);
            self.order.push(lane);
        }
        lane
    }
}

/// Any of the lanes, all equally likely.
#[inline]
fn any(ready: LaneSet, rng: &mut Rng) -> u8 {
    let nth = rng.below(ready.count_ones());
    let mut left = ready;
    for _ in 0..nth {
        left &= left - 1;
    }
    left.trailing_zeros() as u8
}

/// The lanes of a set of bits, in their order.
pub(crate) fn each(lanes: LaneSet) -> impl Iterator<Item = usize> {
    (0..LaneSet::BITS as usize).filter(move |lane| lanes & 1 << lane != 0)
}
