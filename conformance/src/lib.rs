//! The conformance suite: scenarios driven into any implementation of the
//! Virtual Device Interface, judged by the oracle in [`vdi_sim`], reported.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`reference`](mod@reference) | an implementation, one lock and condition variables, and the mutants seeded into it |
//! | [`scenario`] | scenario files: reading, checking, the embedded ones |
//! | [`adapter`] | how an implementation is driven: in this process, or over stdio |
//! | [`run`] | scenario x implementation -> trace and verdict |
//! | `generate` | scenarios from the exploration of the model, and from rules |
//! | [`mutants`] | mutants of the reference implementation, hunted with the scenarios |
//! | [`report`] | text, JSON, JUnit XML, Markdown |
//! | [`baseline`] | known failures, with a reason each |
//! | [`shrink`] | a failing scenario or trace, made small |
//! | [`server`] | a stand-in for the database server, over the runtime |
//! | [`gate`] | a client program put through a list of situations |
//! | [`diagnose`](mod@diagnose) | logs, and which side ended an operation first |
//! | [`campaign`] | campaigns of seeded worlds |
//! | [`cli`] | the command `vdi` |
//! | [`docs`] | the pages: how to gate an implementation first |
//!
//! Read first: [`ScenarioResult`], [`Scenario`], [`Adapter`]. The names that a test of one's own
//! needs stand here, too, beside the modules; [the page on such tests](docs::cargo_test) has
//! complete examples.
//!
//! Architecture invariants: expected answers never reach an adapter; reports
//! never judge; the reference implementation never sees the model.

#[cfg(any(doc, doctest))]
pub mod docs;

pub use vdi_campaign as campaign;
#[cfg(feature = "command")]
pub use vdi_cli as cli;
pub use vdi_diagnose as diagnose;
#[cfg(unix)]
pub use vdi_gate as gate;
pub use vdi_reference as reference;
pub use vdi_server as server;
#[cfg(feature = "explore")]
pub use vdi_suite::generate;
pub use vdi_suite::{adapter, baseline, mutants, report, run, scenario, shrink, walks};

pub use vdi_sim;
pub use vdi_suite::adapter::inprocess::{Call, Host, Implementation, InProcess, Reply, Session};
pub use vdi_suite::adapter::protocol::{Functions, Hello, Offer};
pub use vdi_suite::adapter::{Adapter, Limits, Stdio};
pub use vdi_suite::baseline::Baseline;
pub use vdi_suite::report::Summary;
pub use vdi_suite::run::{
    Repeat, ScenarioResult, SuiteOptions, Verdict, run_suite, run_suite_repeated,
};
pub use vdi_suite::scenario::{Library, Scenario};
