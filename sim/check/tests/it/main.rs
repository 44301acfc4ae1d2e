//! The tests of the oracle.

mod half;
mod histories;
mod overlaps;
mod statement;
#[path = "../../../tests/support/mod.rs"]
mod support;
mod system;
