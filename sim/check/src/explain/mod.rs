//! Verdicts in words: what was expected and what was seen, the states, the order of
//! effects, the readings on which it all rests.

mod ask;
mod attempts;
mod candidates;
mod cause;
mod detail;
mod expected;
mod in_progress;
mod narrower;
mod order;
mod readings;
mod report;
mod state;
pub mod text;
mod transitions;
mod verdict;
mod violation;

pub use ask::{AskError, Asked, ask};
pub use candidates::{Candidate, OwedCallback};
pub use state::describe_state;
pub(crate) use state::set_texts;
pub use transitions::Transitions;
pub use verdict::{
    Allowed, Attempt, Effect, Finding, InputError, Judged, LaneChoices, Note, StillOpen, Undecided,
    Verdict, Violation, Why, exit_code,
};

pub(crate) use attempts::attempts;
pub(crate) use cause::{Refusal, Shows};
pub(crate) use expected::{Expectations, callback_violated, not_at_rest, second_callback};
pub(crate) use in_progress::{in_progress, still_open};
pub(crate) use order::order_of_effects;
pub(crate) use report::Report;
pub(crate) use violation::violated;
