//! Scenario x implementation -> trace and verdict.
//!
//! Order comes from barriers: after each step the implementation comes to rest
//! before the next. The clock is asked for one thing only: whether an
//! implementation hangs.

mod agree;
mod driver;
mod expect;
mod given_out;
mod judge;
mod readings;
mod record;
mod suite;
mod written;

pub use agree::{Agreement, agreement, misuse_of};
pub use driver::{Run, run_scenario};
pub use expect::Mismatch;
pub use judge::{Disagreement, ScenarioResult, Verdict, judge};
pub use readings::{Answered, Followed, find_readings};
pub use record::steps_of_trace;
pub use suite::{SuiteOptions, run_suite};
pub use written::{Written, transitions, written};
