//! What it costs to judge calls that overlap, and how that grows; beside it, in the same
//! run, two linearizability checkers with the same model as their specification.
//!
//! `cargo bench -p vdi_check --bench overlaps` prints, for 4, 8 and 16 lanes besides the
//! agent's and for histories of 1,000, 10,000 and 100,000 events: time for an event, events
//! a second, what ten times the length makes of it, what a violation at the end makes of
//! it, and peak memory. Each number is the best of several rounds.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

mod others;

use std::hint::black_box;
use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;
use vdi_check::{Verdict, check_trace};
use vdi_simulate::{Overlaps, overlapping};
use vdi_spec::clauses::Profile;
use vdi_spec::codes::HResult;
use vdi_trace::{Event, Trace};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const ROUNDS: usize = 5;

/// A backup over as many devices as there are pairs of lanes, a thread for each side of
/// each, all of them free to run.
fn history(lanes: u8, events: usize) -> Trace {
    let overlaps = Overlaps {
        devices: lanes / 2,
        server_lanes: lanes / 2,
        client_lanes: lanes - lanes / 2,
        events,
        trouble: 0,
        from_active: true,
        thread_per_device: true,
        drained: true,
        ..Overlaps::default()
    };
    overlapping(1, overlaps, &Profile::default())
}

/// The same with a wrong answer in its last tenth.
fn violating(trace: &Trace) -> Trace {
    let mut wrong = trace.clone();
    let place = wrong.events.len() * 19 / 20;
    let answers = wrong.events.iter_mut().skip(place);
    for event in answers {
        if let Event::Return { status, out, .. } = event
            && out.command.is_none()
            && *status == HResult::NOERROR
        {
            *status = HResult::VD_E_CLOSE;
            break;
        }
    }
    wrong
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let made = black_box(work());
    (start.elapsed(), made)
}

/// The best time of several rounds, events judged, and the most memory that a judgement took.
fn judged(trace: &Trace, conformant: bool) -> (Duration, usize, f32) {
    let mut best = Duration::MAX;
    let (mut events, mut peak) = (0, 0.0);
    for _ in 0..ROUNDS {
        let before = MEMORY.current_usage_as_mb();
        MEMORY.reset_peak_usage();
        let (time, judged) = timed(|| check_trace(trace, &Profile::default()));
        peak = MEMORY.peak_usage_as_mb() - before;
        assert_eq!(matches!(judged.verdict, Verdict::Conformant), conformant);
        (best, events) = (best.min(time), judged.events);
    }
    (best, events, peak)
}

fn row(lanes: u8) {
    let mut last: Option<f64> = None;
    for length in [1_000, 10_000, 100_000] {
        let trace = history(lanes, length);
        let (time, events, peak) = judged(&trace, true);
        let (wrong_time, wrong_events, _) = judged(&violating(&trace), false);
        let each = time.as_nanos() as f64 / events as f64;
        let wrong = wrong_time.as_nanos() as f64 / wrong_events as f64;
        let growth = last.map_or("     ".to_owned(), |last| format!("{:5.2}", each / last));
        println!(
            "{lanes:5}  {events:7}  {each:8.0} ns  {:9.0}/s  {growth}  {:5.2}  {peak:8.2} MB",
            1e9 / each,
            wrong / each
        );
        last = Some(each);
    }
}

fn main() {
    println!("lanes   events   an event   events       x10    wrong  peak memory");
    [4, 8, 16].into_iter().for_each(row);
    println!("limits: x10 at most 1.50; at 8 lanes at least 200,000/s; wrong at most 2.00");
    println!();
    others::compare(history, |trace| judged(trace, true).0);
}
