//! The tests of the exploration.

mod explore;
#[path = "../../../tests/support/mod.rs"]
mod support;
