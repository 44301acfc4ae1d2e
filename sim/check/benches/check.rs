//! What it costs to judge a trace, beside what it costs merely to parse it.
//!
//! `cargo bench -p vdi_check --bench check` prints divan's table (time and memory) and then the
//! ratio, measured in turns within the same run: to judge a trace, reading included, is to take
//! no longer than serde takes to parse it into typed events. It fails where it does.

use std::hint::black_box;
use std::time::{Duration, Instant};

use divan::{AllocProfiler, Bencher};
use vdi_check::{Verdict, check_reader};
use vdi_simulate::{HistoryOptions, history};
use vdi_spec::clauses::Profile;
use vdi_trace::{Event, TraceReader};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const EVENTS: [usize; 3] = [1_000, 10_000, 100_000];

/// Times the parsing alone, at most.
const LIMIT: f64 = 1.0;

/// How often each side has its turn.
const TURNS: usize = 15;

/// A backup on two devices: commands sent, fetched, completed, called back.
fn recording(events: usize) -> String {
    let options = HistoryOptions { devices: 2, events, trouble: 0 };
    history(1, options, &Profile::default()).to_json_lines()
}

/// Parses every line into the same typed events that the judge takes.
fn parse(text: &str) -> usize {
    let lines = text.lines().skip(1);
    lines
        .map(|line| serde_json::from_str::<Event<'_>>(line).expect("an event"))
        .map(black_box)
        .count()
}

fn read(text: &str) -> usize {
    let mut reader = TraceReader::new(text.as_bytes()).expect("a trace");
    let mut events = 0;
    while reader.next_line().expect("an event").is_some() {
        events += 1;
    }
    events
}

fn judge(text: &str) -> usize {
    let judged = check_reader(text.as_bytes(), &Profile::default());
    assert_eq!(judged.verdict, Verdict::Conformant);
    judged.events
}

#[divan::bench(args = EVENTS)]
fn serde_json_alone(bencher: Bencher<'_, '_>, events: usize) {
    let text = recording(events);
    bencher.bench(|| parse(&text));
}

#[divan::bench(args = EVENTS)]
fn trace_reader(bencher: Bencher<'_, '_>, events: usize) {
    let text = recording(events);
    bencher.bench(|| read(&text));
}

#[divan::bench(args = EVENTS)]
fn parse_and_judge(bencher: Bencher<'_, '_>, events: usize) {
    let text = recording(events);
    bencher.bench(|| judge(&text));
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn timed(work: impl FnOnce() -> usize) -> Duration {
    let start = Instant::now();
    black_box(work());
    start.elapsed()
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}

/// The ratio of the medians, the two sides taking turns.
#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn ratio(events: usize) -> f64 {
    let text = recording(events);
    let count = parse(&text);
    let (mut parsing, mut judging) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        parsing.push(timed(|| parse(&text)));
        judging.push(timed(|| judge(&text)));
    }
    let (parsing, judging) = (median(parsing), median(judging));
    let per_event = |time: Duration| time.as_nanos() as usize / count;
    let ratio = judging.as_secs_f64() / parsing.as_secs_f64();
    println!(
        "| nanoseconds an event of {count}, read and judged, beside serde_json's parse | {} | {} | \
         {ratio:.2} | at most {LIMIT} |",
        per_event(judging),
        per_event(parsing),
    );
    ratio
}

fn main() {
    divan::main();
    let most = EVENTS.into_iter().map(ratio).fold(0.0, f64::max);
    assert!(most <= LIMIT, "to judge takes {most:.2} times as long as to parse");
}
