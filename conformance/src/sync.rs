//! The synchronisation types of the plain implementation, all in one place.
//!
//! Here they are the standard library's. The test `loom` compiles the same
//! source with a module of this name that holds loom's, and so tries every
//! order of events.

pub(crate) use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
