//! Waiting for a process, and telling it to end.

use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How often it is asked whether the program has ended.
const POLL: Duration = Duration::from_millis(5);

/// How long what a program has started may live on when it has ended itself.
pub(super) const REST: Duration = Duration::from_secs(10);

/// Whether that comes to hold within this time.
#[expect(clippy::disallowed_methods, reason = "whether a program hangs is asked of the clock")]
pub(super) fn within(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    loop {
        match () {
            () if holds() => return true,
            () if begun.elapsed() >= limit => return false,
            () => std::thread::sleep(POLL),
        }
    }
}

/// Tells the program to end, as whoever has started it does who wants it no more.
pub(super) fn tell_to_end(child: &Child) {
    if let Some(process) = Pid::from_raw(child.id().cast_signed()) {
        // It may have ended at this moment.
        let _ = kill_process(process, Signal::TERM);
    }
}
