//! The scenarios: every one a table of steps, by what they are about.

mod alone;
mod endings;
mod misuse;
mod parts;
mod second;
mod transfers;

use crate::scenario::Scenario;

/// Every scenario, in the order of their ids.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let mut all = alone::scenarios();
    all.extend(transfers::scenarios());
    all.extend(misuse::scenarios());
    all.extend(endings::scenarios());
    all.extend(second::scenarios());
    all.sort_by(|one, other| one.id.cmp(&other.id));
    all
}
