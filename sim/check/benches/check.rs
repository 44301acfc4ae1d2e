//! What it costs to judge a trace, beside what it costs merely to parse it.
//!
//! `cargo bench -p vdi_check --bench check` prints divan's table (time and memory) and then the
//! ratios, measured in turns within the same run: how long it takes to read a trace, and to read
//! and judge it, beside what serde takes to parse it into typed events. It fails where one takes
//! longer than its limit.

use std::hint::black_box;
use std::time::Duration;

use divan::{AllocProfiler, Bencher};
use rustix::time::{ClockId, clock_gettime};
use vdi_check::{Verdict, check_reader};
use vdi_simulate::{HistoryOptions, history};
use vdi_spec::clauses::Profile;
use vdi_trace::{Event, TraceReader};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const EVENTS: [usize; 3] = [1_000, 10_000, 100_000];

/// Times the parsing by serde, at most: reading, and reading and judging.
const LIMITS: [f64; 2] = [0.6, 2.0];

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

/// What this thread has spent on a processor meanwhile: other work on the machine does not count.
fn timed(work: impl FnOnce() -> usize) -> Duration {
    let spent = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    };
    let start = spent();
    black_box(work());
    spent() - start
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}

/// The ratios of the medians, the sides taking turns.
#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn ratios(events: usize) -> [f64; 2] {
    let text = recording(events);
    let count = parse(&text);
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..TURNS {
        let sides: [fn(&str) -> usize; 3] = [parse, read, judge];
        for (side, times) in sides.into_iter().zip(&mut times) {
            times.push(timed(|| side(&text)));
        }
    }
    let [parsing, reading, judging] = times.map(median);
    let per_event = |time: Duration| time.as_nanos() as usize / count;
    let row = |what: &str, time: Duration, limit: f64| {
        let ratio = time.as_secs_f64() / parsing.as_secs_f64();
        println!(
            "| nanoseconds an event of {count}, {what}, beside serde_json's parse | {} | {} | \
             {ratio:.2} | at most {limit} |",
            per_event(time),
            per_event(parsing),
        );
        ratio
    };
    [row("read", reading, LIMITS[0]), row("read and judged", judging, LIMITS[1])]
}

fn main() {
    divan::main();
    for ratios in EVENTS.map(ratios) {
        let within = ratios.iter().zip(LIMITS).all(|(ratio, limit)| *ratio <= limit);
        assert!(within, "{ratios:.2?} times what parsing takes, of {LIMITS:?}");
    }
}
