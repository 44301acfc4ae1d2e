//! Who acts next, and when time passes.

pub(crate) mod clock;
pub(crate) mod lanes;
pub(crate) mod strategy;
