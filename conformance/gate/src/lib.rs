//! The gate for client programs: a backup program is run through a list of situations
//! against the stand-in server, recorded, and judged as a client.
//!
//! The program is the real one: it is linked with, or loads, `libsqlvdi.so`, and hands its
//! statement to a `sqlcmd` that it finds on its path. What it does is in the trace; what it
//! says is its exit code; what it stored is what a restore brings back.
//!
//! Read first: [`Gate`], [`Situation`], [`SITUATIONS`].

mod door;
mod gate;
mod observation;
mod program;
mod run;
mod scale;
mod situation;
mod situations;
mod verdict;
mod waiting;

pub use gate::{Commands, Gate, Tds};
pub use observation::NotStarted;
pub use situation::{Around, Ends, Situation, Verb};
pub use situations::SITUATIONS;
