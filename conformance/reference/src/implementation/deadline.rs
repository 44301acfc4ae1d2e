//! Points in real time.

use std::time::{Duration, Instant};

/// A point in time after which a call no longer waits.
#[derive(Clone, Copy)]
pub(super) struct Deadline(Instant);

impl Deadline {
    /// So many milliseconds from now.
    pub(super) fn after(milliseconds: u64) -> Option<Self> {
        now().checked_add(Duration::from_millis(milliseconds)).map(Self)
    }

    pub(super) fn passed(self) -> bool {
        self.0 <= now()
    }

    pub(super) fn remaining(self) -> Duration {
        self.0.saturating_duration_since(now())
    }
}

#[expect(clippy::disallowed_methods, reason = "a time-out that a caller asked for is real time")]
fn now() -> Instant {
    Instant::now()
}
