//! Calls that overlap: which order of effects explains what was seen?
//!
//! While every call of a set begins when the set is at rest, the checker needs one state
//! and no search. Once a call begins earlier, the set is followed here, in
//! [`Configuration`]s, until it comes to rest again.
//!
//! Two things keep the search small where many calls overlap. What does not bear on an event is
//! put off until after it, so that calls that commute are tried in one order only: [`bearing`],
//! by the [`footprint`] of each call in the [`parts`] of a state, and by what the calls in
//! progress leave open: [`outlook`]. And whether a call came before an abort, a Close, the end of
//! a process or the entry into Active, or after it, is left open until an event asks: [`past`].
//! Both say why nothing is lost by it.
//!
//! A [`Frontier`] holds every configuration that explains the events so far; a
//! [`context::Context`] holds what bears on the next one. All else is functions of the two.

mod bearing;
mod before;
mod between;
mod closing;
mod configuration;
mod context;
mod distinct;
mod explain;
mod footprint;
mod frontier;
mod linearization;
mod observation;
mod outlook;
mod parts;
mod past;
mod search;
mod slots;
mod steps;
mod switch;
mod ways;

pub(crate) use between::{answers_between, may_be_between};
pub(crate) use closing::{Closing, is_close};
pub(crate) use configuration::Configuration;
pub(crate) use explain::{
    Explained, Unexplained, explain_callback, explain_rest, explain_return, narrow, notice,
    search_for, withdraw,
};
pub(crate) use frontier::Frontier;
pub(crate) use linearization::{Linearization, Moment, Spontaneous, TentativeAnswer};
pub(crate) use slots::{SLOTS, Slot, SlotSet};
pub(crate) use switch::{enter, exit, expire, leave, note_call, settle_or_search};
