//! The tests of the oracle.

mod answers;
mod blame;
mod causes;
mod contested;
mod ends;
mod half;
mod half_pinned;
mod held;
mod histories;
mod instances;
mod lives;
mod lives_pinned;
mod lives_world;
mod names;
mod neighbours;
mod overlaps;
mod parting;
mod racing;
mod reduction;
mod reduction_buffers;
mod reduction_ends;
mod secondaries;
mod statement;
#[path = "../../../tests/support/mod.rs"]
mod support;
mod system;
mod unseen_times;
