//! The tests of the model as a whole.

#[path = "../../../tests/support/mod.rs"]
mod support;
mod tables;
