//! Calls that overlap: which order of effects explains what was seen?
//!
//! While every call of a set begins when the set is at rest, the checker needs one state
//! and no search. Once a call begins earlier, the set is followed here, in
//! [`Configuration`]s, until it comes to rest again.
//!
//! A [`Frontier`] holds every configuration that explains the events so far; a
//! [`context::Context`] holds what bears on the next one. All else is functions of the two.

mod bearing;
mod configuration;
mod context;
mod distinct;
mod explain;
mod footprint;
mod frontier;
mod linearization;
mod parts;
mod past;
mod search;
mod steps;
mod switch;
mod ways;

pub(crate) use configuration::{Configuration, SLOTS, Slot, SlotSet};
pub(crate) use explain::{
    Explained, Unexplained, explain_callback, explain_rest, explain_return, narrow, search_for,
    withdraw,
};
pub(crate) use frontier::Frontier;
pub(crate) use linearization::{Linearization, Moment, Spontaneous, TentativeAnswer};
pub(crate) use switch::{enter, exit, expire, leave, note_call, settle_or_search};
