//! A time by which an answer has to come: whatever else comes before it does not put it off.

use std::time::{Duration, Instant};

/// Answers that are still taken once the time is over, if they are there already: who was not
/// let run meanwhile, as on a machine that slept, finds them all at once.
const ALREADY_THERE: u32 = 10_000;

/// A time by which something has to come.
#[derive(Debug)]
pub struct Deadline {
    /// `None` is beyond what the clock can tell.
    ends: Option<Instant>,
    left: u32,
}

impl Deadline {
    /// So long from now.
    #[expect(clippy::disallowed_methods, reason = "whether somebody hangs is asked of the clock")]
    #[must_use]
    pub fn after(within: Duration) -> Self {
        Self { ends: Instant::now().checked_add(within), left: ALREADY_THERE }
    }

    /// How long may still be waited for the next answer; `None` if for none any more.
    #[expect(clippy::disallowed_methods, reason = "whether somebody hangs is asked of the clock")]
    pub fn wait(&mut self) -> Option<Duration> {
        let Some(ends) = self.ends else { return Some(Duration::MAX) };
        let rest = ends.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            self.left = self.left.checked_sub(1)?;
        }
        Some(rest)
    }

    /// Whether it has passed.
    #[expect(clippy::disallowed_methods, reason = "whether somebody hangs is asked of the clock")]
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.ends.is_some_and(|ends| Instant::now() >= ends)
    }
}

/// What tells how long something took.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Begins to measure.
    #[expect(
        clippy::disallowed_methods,
        reason = "a report tells it, and no verdict depends on it"
    )]
    #[must_use]
    pub fn started() -> Self {
        Self(Instant::now())
    }

    /// The time since it was started.
    #[expect(
        clippy::disallowed_methods,
        reason = "a report tells it, and no verdict depends on it"
    )]
    #[must_use]
    pub fn read(&self) -> Duration {
        Instant::now().saturating_duration_since(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_all_the_time_does_not_put_it_off() {
        let mut deadline = Deadline::after(Duration::ZERO);
        let taken = (0..2 * ALREADY_THERE).filter(|_| deadline.wait().is_some()).count();
        assert_eq!(taken, ALREADY_THERE as usize);
        assert!(deadline.is_over());
        assert!(!Deadline::after(Duration::MAX).is_over());
    }
}
