//! The plain implementation, one step after the other: its functions in every
//! phase, its waiting, and that every seeded defect shows.

#[path = "plain/buffers.rs"]
mod buffers;
#[path = "plain/close.rs"]
mod close;
#[path = "plain/commands.rs"]
mod commands;
#[path = "plain/defects.rs"]
mod defects;
#[path = "plain/histories.rs"]
mod histories;
#[path = "plain/phases.rs"]
mod phases;
#[path = "plain/secondaries.rs"]
mod secondaries;
#[path = "plain/secondary.rs"]
mod secondary;
#[path = "plain/stage.rs"]
mod stage;
#[path = "plain/time.rs"]
mod time;
#[path = "plain/waiting.rs"]
mod waiting;

use vdi_conformance::plain;
