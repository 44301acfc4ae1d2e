//! Histories of single calls without a plan, drawn from a seed: to try checkers.

mod generated_call;
mod overlapping;
mod sequential;

pub use overlapping::{Overlaps, overlapping};
pub use sequential::{HistoryOptions, history};
