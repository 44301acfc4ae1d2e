//! The tests of the exploration.

mod explore;
mod spin;
#[path = "../../../tests/support/mod.rs"]
mod support;
