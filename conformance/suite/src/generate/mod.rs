//! Scenarios that nobody wrote by hand.
//!
//! From the exploration of the model: what no written scenario does. And from the rules:
//! both sides of every edge of a bound, every name that nearly is the right one, and
//! *each* tried with several, the odd one out being the last.

mod folder;
mod rules;
mod ways;

use crate::scenario::Scenario;

pub use folder::{FOLDER, hand_written};
pub use rules::from_rules;
pub use ways::{from_ways, left_out};

use vdi_explore::Bounds;

/// Everything that is generated: the ways through the model which `known` do not take,
/// and what comes from the rules.
#[must_use]
pub fn generate(known: &[&Scenario], bounds: &Bounds) -> Vec<Scenario> {
    let mut all = from_ways(known, bounds);
    all.extend(from_rules());
    all
}
