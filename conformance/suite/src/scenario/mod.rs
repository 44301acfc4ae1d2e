//! Scenarios: what to do, and what the documents say comes of it.
//!
//! A scenario is one JSON document. Its pinned expectations are the second
//! description of what the model says; when they disagree the suite says so.

mod call;
mod coverage;
mod file;
mod given;
mod library;
mod parse;
mod pinned;
mod raw;
mod repeated;
#[cfg(feature = "schema")]
mod shapes;
mod shown;
mod validate;

pub(crate) use call::ExpectedReturn;
pub use call::StepCall;
pub use coverage::{WITHOUT_SCENARIO, coverage_page, excuse, uncovered};
pub use file::{
    Action, Await, Combination, Given, GivenAgent, GivenCommand, GivenStage, Phase, Scenario, Step,
    Times, Unblocked, file_text,
};
pub use given::expand;
pub use library::{Library, LibraryError, Loaded, schema};
pub use parse::{BadFile, parse, parse_profile, read};
pub use pinned::{Pin, Pinned, Truth};
pub use repeated::SHOWN_DEPTH;
