//! The probe: a client library is called through scenarios, each in a process of its own, while
//! a real server is moved by statements; what was called is recorded as a half of a history,
//! and judged by the oracle.
//!
//! What the client does is a table of steps. What is to come of it no scenario says: the
//! oracle does, and of what no trace tells (a crash, a hang, time) a few rules beside it.
//!
//! Read first: [`Probe`], [`Scenario`], [`Step`].

mod again;
mod home;
mod judge;
mod plan;
mod play;
mod probe;
mod reach;
mod run;
mod scenario;
mod scenarios;
mod sql;
mod steps;
mod timing;

pub use again::{NotAgain, Recording};
pub use home::{About, HomeFile, home};
pub use plan::Plan;
pub use play::{NotPlayed, PROCESS, play};
pub use probe::{NotStarted, Probe};
pub use scenario::{Ends, Reach, Scenario};
pub use scenarios::scenarios;
pub use sql::{BadPrefix, BadSql, DatabasePrefix, Names, Sql};
pub use steps::{Asked, Naming, Odd, Serving, Step, Verb, Wait};
