//! The tests of the oracle.

mod half;
mod histories;
mod overlaps;
#[path = "../../../tests/support/mod.rs"]
mod support;
mod system;
