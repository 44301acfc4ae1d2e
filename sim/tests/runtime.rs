//! The runtime between threads and between processes: the same bodies in both, what
//! happens when a process dies, and what happens when the shared memory lies.
//!
//! A test that needs another process starts this program again, as [`roles`] says.

#![cfg(target_os = "linux")]

#[path = "runtime/boundary.rs"]
mod boundary;
#[path = "runtime/death.rs"]
mod death;
#[path = "runtime/roles.rs"]
mod roles;
#[path = "runtime/stress.rs"]
mod stress;
#[path = "runtime/time.rs"]
mod time;
