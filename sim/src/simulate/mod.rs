//! Histories from a seed: the model plays the implementation, and a ChaCha
//! stream draws who calls what and which of the allowed outcomes comes.
//!
//! Same seed, same bytes, on every machine.

mod draw;
mod history;
mod overlapping;

pub use history::{Options, history};
pub use overlapping::{Overlaps, overlapping};
