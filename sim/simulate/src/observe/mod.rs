//! What is seen of a world: its trace, what the oracle says of it, and whether its data is
//! what was written.

pub(crate) mod calls;
pub(crate) mod events;
pub(crate) mod names;
pub(crate) mod observer;
pub(crate) mod outcome;
mod told;
