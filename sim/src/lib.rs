//! The Virtual Device Interface of SQL Server as an executable specification.
//!
//! Given what happened, which results do the documents allow, and which clause says so?
//! The answer is in these modules, each a crate of its own that depends only on crates
//! before it:
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`codes`] | status codes, completion codes, commands, feature bits, citations |
//! | [`config`] | VDConfig and its rules |
//! | [`abi`] | the binary interface of the client library on Linux |
//! | [`clauses`] | what the documents demand, clause by clause, and the contested readings |
//! | [`states`] | the four states of a device set |
//! | [`spanish`] | the founding page in its Spanish edition |
//! | [`model`] | the pure transition function: state x input -> allowed outcomes |
//! | [`trace`] | the event vocabulary and its file format |
//! | [`explore`] | every reachable state, the transition tables |
//! | [`check`] | a trace, judged |
//! | [`mod@simulate`] | whole backups and restores from a seed, judged as they happen |
//! | [`runtime`] | a real implementation, of the codes and the configuration alone |
//! | [`record`] | that implementation, its calls recorded as a trace |
//! | [`docs`] | the pages: architecture first |
//!
//! Read first: [`check_reader`], [`model::State`], [`Profile`]. The names by which a trace is
//! judged and a world is run stand here, too, beside the modules.
//!
//! Architecture invariants: the model knows no thread, no clock, no JSON and no
//! randomness, which its `Cargo.toml` says; nothing here reads a file by itself or prints.

#[cfg(any(doc, doctest))]
pub mod docs;

pub use vdi_check as check;
pub use vdi_explore as explore;
pub use vdi_model as model;
#[cfg(any(target_os = "linux", windows))]
pub use vdi_recorder as record;
#[cfg(any(target_os = "linux", windows))]
pub use vdi_runtime as runtime;
pub use vdi_simulate as simulate;
pub use vdi_spec::{abi, clauses, codes, config, spanish, states};
pub use vdi_trace as trace;

pub use vdi_check::{Checker, Judged, Verdict, check_reader, check_trace};
pub use vdi_simulate::{
    Application, Outcome, Watch, options_of, simulate, simulate_on, simulate_with,
};
pub use vdi_spec::clauses::{Clause, Party, Profile, Reading};
pub use vdi_spec::codes::{CommandCode, HResult, Win32};
pub use vdi_trace::{Event, Function, Process, Recorder, Trace};
