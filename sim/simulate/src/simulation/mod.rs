//! One world as it runs: the programs on their lanes, the backend, the clock and the observer.

mod calls;
mod effects;
pub(crate) mod run;
mod set;
mod setup;
mod step;
