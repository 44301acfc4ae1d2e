//! How much time has elapsed, for the lines of a trace.

#[cfg(target_os = "linux")]
use rustix::time::{ClockId, clock_gettime};

/// Milliseconds of the machine's own clock, which every process of it reads alike and nobody
/// sets: for [`vdi_trace::Recorder::timed`].
#[cfg(target_os = "linux")]
#[must_use]
pub fn elapsed() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let part = |number: i64| u64::try_from(number).unwrap_or_default();
    part(now.tv_sec).saturating_mul(1000).saturating_add(part(now.tv_nsec) / 1_000_000)
}

#[cfg(windows)]
pub use vdi_runtime::elapsed;
