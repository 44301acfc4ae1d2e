//! The conformance suite: scenarios driven into any implementation of the
//! Virtual Device Interface, judged by the oracle in [`vdi_sim`], reported.
//!
//! | room | what it holds |
//! | --- | --- |
//! | [`plain`] | an implementation, one lock and condition variables; imports codes and config only |
//! | [`scenario`] | scenario files: reading, checking, the embedded ones |
//! | [`adapter`] | how an implementation is driven: in this process, or over stdio |
//! | [`run`] | scenario x implementation -> trace and verdict |
//! | [`generate`] | scenarios from the exploration of the model |
//! | [`mutants`] | seeded defects of the plain implementation, hunted with the scenarios |
//! | [`report`] | text, JSON, JUnit XML, Markdown |
//! | [`baseline`] | known failures, with a reason each |
//! | [`engine`] | a stand-in for the database server, over the runtime |
//! | [`gate`] | a client program put through a list of situations |
//! | [`worlds`] | campaigns of seeded worlds |
//! | [`cli`] | the command `vdi` |
//!
//! Architecture invariants: expected answers never reach an adapter; reports
//! never judge; the plain implementation never sees the model.

pub mod adapter;
pub mod baseline;
pub mod cli;
pub mod engine;
pub mod gate;
pub mod generate;
pub mod mutants;
pub mod plain;
pub mod report;
pub mod run;
pub mod scenario;
pub mod shrink;
pub mod sync;
pub mod worlds;
