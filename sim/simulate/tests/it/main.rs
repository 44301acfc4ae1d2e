//! The tests of the simulator.

#[path = "../../../tests/support/mod.rs"]
mod support;
mod worlds;
