//! Sleeping on a word that processes may share, by the kernel's futex.

use std::sync::atomic::AtomicU32;
use std::time::Duration;

use rustix::thread::futex::{self, Timespec};

/// Wakes everyone who sleeps on this word.
pub(super) fn wake_all(word: &AtomicU32, _: u32) {
    // Nobody to wake is no error, and no other can happen.
    let _ = futex::wake(word, futex::Flags::empty(), i32::MAX.cast_unsigned());
}

/// Sleeps while the word is `heard`, until it is woken; no longer than `limit`.
pub(super) fn wait(word: &AtomicU32, heard: u32, limit: Option<Duration>) {
    let limit = limit.map(|limit| Timespec {
        tv_sec: limit.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    });
    // Whatever ends the sleep, the caller looks again.
    let _ = futex::wait(word, futex::Flags::empty(), heard, limit.as_ref());
}
