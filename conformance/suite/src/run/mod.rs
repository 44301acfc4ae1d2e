//! Scenario x implementation -> trace and verdict.
//!
//! Order comes from barriers: after each step the implementation comes to rest
//! before the next. The clock is asked for one thing only: whether an
//! implementation hangs.

mod agreement;
mod blocking;
mod brought;
mod capabilities;
mod combine;
mod default_races;
mod default_results;
mod disagreement;
mod driver;
mod expect;
mod held;
mod judge;
mod objects;
mod oracle_play;
mod outputs;
mod patience;
mod pin;
mod probes;
mod race;
mod readings;
mod record;
mod recorded_readings;
mod rest;
mod seen;
mod suite;
mod together;

pub use agreement::{Agreement, agreement, allowed_combinations, misuse_of};
pub use blocking::Blocking;
pub use capabilities::needed_roles;
pub(crate) use default_races::SIDE_BY_SIDE;
pub use default_races::{RACE_RUNS, RacesSeen, really_race};
pub use disagreement::Disagreement;
pub use driver::{Run, run_scenario};
pub use judge::{AdapterNotes, Races, ScenarioResult, Verdict, judge};
pub use pin::{PinnedAction, pin_actions, transitions};
pub use race::{CombinationSeen, Pace, RaceSeen, RaceTally, Repeat, combination_text};
pub use readings::{Answered, Followed, find_readings};
pub use record::steps_of_trace;
pub use recorded_readings::{NamedTrace, readings_of_traces};
pub use seen::Mismatch;
pub use suite::{SuiteOptions, run_suite, run_suite_repeated};
