//! The tests of diagnoses, in one binary.

mod logs;
mod odd;
mod words;
