//! What the documents name and demand, as tables.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`codes`] | status codes, completion codes, commands, feature bits, citations |
//! | [`config`] | VDConfig and its rules |
//! | [`abi`] | the binary interface of the client library on Linux |
//! | [`clauses`] | what the documents demand, clause by clause, and the contested readings |
//! | [`states`] | the four states of a device set |
//! | [`spanish`] | the founding page in its Spanish edition |
//!
//! Read first: [`clauses::Clause`], [`clauses::Profile`], [`codes::HResult`].
//!
//! Architecture invariant: this crate depends on no other of the project, and knows
//! JSON only with the feature `serde`.

pub mod abi;
pub mod clauses;
pub mod codes;
pub mod config;
pub mod spanish;
pub mod states;
