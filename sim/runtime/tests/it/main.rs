//! The runtime between threads and between processes: the same bodies in both, what
//! happens when a process dies, and what happens when the shared memory lies.
//!
//! A test that needs another process starts this program again, as [`roles`] says.

#![cfg(target_os = "linux")]

mod alive;
mod boundary;
mod death;
mod mangled;
mod orderings;
mod roles;
mod stress;
mod time;
