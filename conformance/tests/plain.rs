//! The plain implementation, one step after the other: its functions in every
//! phase, its waiting, and that every seeded defect shows.
//!
//! The sources are included by path, as in the test `loom`.

#[allow(
    dead_code,
    reason = "not every function of the interface is needed here"
)]
#[path = "../src/plain/mod.rs"]
pub mod plain;
#[path = "../src/sync.rs"]
mod sync;

#[path = "plain/buffers.rs"]
mod buffers;
#[path = "plain/close.rs"]
mod close;
#[path = "plain/commands.rs"]
mod commands;
#[path = "plain/defects.rs"]
mod defects;
#[path = "plain/phases.rs"]
mod phases;
#[path = "plain/stage.rs"]
mod stage;
#[path = "plain/waiting.rs"]
mod waiting;
