//! Calls that overlap: which order of effects explains what was seen?
//!
//! While every call of a set begins when the set is at rest, the judge needs one state
//! and no search. Once a call begins earlier, the set is followed here, in
//! [`config::Config`]urations, until it comes to rest again.

mod attempts;
mod config;
mod ground;
mod live;
mod meet;
mod search;
mod seen;
mod story;

pub use attempts::{Attempt, LaneChoices};
pub(super) use config::{SLOTS, Slot};
pub(super) use live::Live;

pub use story::Effect;
