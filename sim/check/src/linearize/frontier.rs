//! Every way in which what was observed of a set can have come about.

use smallvec::SmallVec;

use super::configuration::Configuration;
use super::linearization::Spontaneous;
use super::slots::Slot;
use vdi_model::{LaneId, State};

/// Every way in which what was observed of a set can have come about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frontier {
    pub(crate) configurations: Vec<Configuration>,
    /// What was said to happen without a call, and may not have happened yet.
    pub(crate) spontaneous: SmallVec<[(Slot, Spontaneous); 1]>,
}

impl Frontier {
    pub(crate) fn states(&self) -> impl Iterator<Item = &State> {
        self.configurations.iter().map(|config| &config.state)
    }

    pub(crate) fn states_mut(&mut self) -> impl Iterator<Item = &mut State> {
        self.configurations.iter_mut().map(|config| &mut config.state)
    }

    /// The agent on a lane is about to come out of a completion routine. An interval that
    /// was said to pass may have passed within it, where it counts for nothing: no search
    /// comes between, which could put that off.
    pub(crate) fn pass_within_routine(&mut self, lane: LaneId) {
        let Self { configurations, spontaneous } = self;
        let of_lane =
            |known: &Spontaneous| matches!(known, Spontaneous::Passes(on, _) if *on == lane);
        for (slot, _) in spontaneous.iter().filter(|(_, known)| of_lane(known)) {
            let ahead = configurations.iter().filter(|config| !config.taken.has(*slot)).cloned();
            let mut passed: Vec<Configuration> = ahead.collect();
            passed.iter_mut().for_each(|config| config.taken.add(*slot));
            configurations.extend(passed);
        }
    }
}
