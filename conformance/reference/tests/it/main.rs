//! The reference implementation, one step after the other: its functions in every
//! phase, its waiting, and that every seeded defect shows.

mod buffers;
mod close;
mod commands;
mod errors;
mod histories;
mod lives;
mod mutants;
mod phases;
mod secondaries;
mod secondary;
mod stage;
mod time;
mod waiting;
