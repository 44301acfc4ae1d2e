//! The Virtual Device Interface of SQL Server as an executable specification.
//!
//! Given what happened, which results do the documents allow, and which clause
//! says so? The answer is in these rooms, each of which imports only the rooms
//! before it:
//!
//! | room | what it holds |
//! | --- | --- |
//! | [`codes`] | status codes, completion codes, commands, feature bits, citations |
//! | [`config`] | VDConfig and its rules |
//! | [`abi`] | the binary interface of the client library on Linux |
//! | [`clauses`] | what the documents demand, clause by clause, and the contested readings |
//! | [`model`] | the pure transition function: state x input -> allowed outcomes |
//! | [`trace`] | the event vocabulary and its file format |
//! | [`explore`] | every reachable state, the transition tables |
//! | [`check`] | a trace, judged |
//! | [`simulate`] | whole backups and restores from a seed, judged as they happen |
//! | [`runtime`] | a real implementation, of the codes and the configuration alone |
//! | [`record`] | that implementation, its calls recorded as a trace |
//!
//! Architecture invariants: the model knows no thread, no clock, no JSON and no
//! randomness; nothing here reads a file by itself or prints.

pub mod abi;
pub mod check;
pub mod clauses;
pub mod codes;
pub mod config;
pub mod explore;
pub mod model;
#[cfg(target_os = "linux")]
pub mod record;
#[cfg(target_os = "linux")]
pub mod runtime;
pub mod simulate;
#[cfg(target_os = "linux")]
mod sync;
pub mod trace;
