//! Scenarios driven into any implementation of the Virtual Device Interface, judged by
//! the oracle, reported.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`scenario`] | scenario files: reading, checking, the embedded ones |
//! | [`adapter`] | how an implementation is driven: in this process, or over stdio |
//! | [`run`] | scenario x implementation -> trace and verdict |
//! | `generate` | scenarios from the exploration of the model, and from rules |
//! | [`mutants`] | mutants of the reference implementation, hunted with the scenarios |
//! | [`report`] | text, JSON, JUnit XML, Markdown |
//! | [`baseline`] | known failures, with a reason each |
//! | [`interrupt`] | the end of a run that is wanted no more |
//! | [`shell`] | command lines |
//! | [`shrink`] | a failing scenario or trace, made small |
//! | [`walks`] | long programs that nobody wrote, each drawn from a number |
//!
//! Read first: [`scenario::Scenario`], [`adapter::Adapter`], [`run::run_suite`].
//!
//! Architecture invariants: expected answers never reach an adapter; reports never judge.

pub mod adapter;
pub mod baseline;
#[cfg(feature = "explore")]
pub mod generate;
pub mod interrupt;
mod locked;
pub mod mutants;
pub mod report;
pub mod run;
pub mod scenario;
pub mod shell;
pub mod shrink;
pub mod walks;
