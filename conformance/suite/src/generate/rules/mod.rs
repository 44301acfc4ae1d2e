//! Scenarios from the rules, which are written here once, as data.
//!
//! What is expected follows from the data, not from the model: the two must agree, as they
//! must where a person wrote the scenario.

mod among;
mod bounds;
mod buffers;
mod callbacks;
mod configuration;
mod counts;
mod create;
mod failures;
mod forgetting;
mod held;
mod lives;
mod names;
mod positions;
mod queue;
mod steps;
mod story;
mod time;
mod woken;

use crate::scenario::Scenario;

/// Every scenario that comes from a rule.
#[must_use]
pub fn from_rules() -> Vec<Scenario> {
    let mut all = create::stories();
    all.extend(configuration::stories());
    all.extend(names::stories());
    all.extend(queue::stories());
    all.extend(callbacks::stories());
    all.extend(positions::stories());
    all.extend(failures::stories());
    all.extend(buffers::stories());
    all.extend(counts::stories());
    all.extend(among::stories());
    all.extend(time::stories());
    all.extend(woken::stories());
    all.extend(forgetting::stories());
    all.extend(held::stories());
    all.extend(lives::stories());
    all.into_iter().map(story::Story::written).collect()
}
