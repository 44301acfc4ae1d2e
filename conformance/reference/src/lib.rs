//! The reference implementation of the Virtual Device Interface, kept plain: one lock, one
//! condition variable, both halves in one process.
//!
//! It is what mutants are made of: each has one seeded defect ([`Mutant`]). It is
//! written from the documents, never from the model, so that judging it proves
//! something; of the project it knows only the codes and VDConfig. To be read in this
//! order:
//!
//! | file | what it holds |
//! | --- | --- |
//! | `monitor` | the lock, waiting, time-outs, who is inside a call |
//! | `state` | what the lock guards: the sets of one machine, who holds which |
//! | `set` | one device set: its phase, SignalAbort processing |
//! | `device` | one device: queue, delivered commands, the error state |
//! | `buffers` | the shared buffer area |
//! | `pairs` | seeded defects of two calls of one kind at once |
//! | `lives` | seeded defects that outlast a set |
//! | `interfaces` | what the four interfaces have hold of |
//! | `server`, `server_device`, `agent` | the server's functions |
//! | `client`, `client_device`, `secondary` | the client's functions |
//! | `clock` | time-outs that pass by themselves or when told to |
//! | `mutant`, `races` | the mutants; those that need two threads |
//! | `types`, `deadline` | what functions take and give; points in time |
//!
//! Blocking is real: GetCommand, GetConfiguration and ExecuteCompletionAgent
//! sleep on the condition variable. The interface starts no thread of its own.
//!
//! Read first: [`Machine`], [`ServerSet`], [`ClientSet`].

mod implementation;
mod sync;

pub use implementation::*;
pub use sync::at_windows;
