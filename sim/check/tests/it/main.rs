//! The tests of the oracle.

mod answers;
mod ends;
mod half;
mod histories;
mod lives;
mod neighbours;
mod overlaps;
mod statement;
#[path = "../../../tests/support/mod.rs"]
mod support;
mod system;
