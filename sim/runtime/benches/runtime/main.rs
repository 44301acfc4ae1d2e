//! What the runtime costs between two processes, beside what the system itself takes.
//!
//! `cargo bench -p vdi_runtime --bench runtime` prints, within a minute: round trips beside a
//! bare futex and a pipe, the hand-off of buffers beside copying them, many devices, and
//! the memory of a set. The sides take turns within the same run, and each ratio is the
//! median of the rounds' ratios: a busy machine makes all sides slow, and the ratios stay.

mod peer;
mod sides;

use std::fs;
use std::hint::black_box;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Instant;

use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use sides::{Futex, Pipe, Runtime};
use vdi_runtime::remove_leftovers;
use vdi_spec::config::VdConfig;

const ROUNDS: usize = 15;
const SIZES: [u32; 3] = [64 << 10, 1 << 20, 4 << 20];
const DEVICES: [usize; 4] = [1, 4, 16, 64];

/// Microseconds for each of so many.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn timed(count: u32, work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e6 / f64::from(count)
}

fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// What each of some sides took, round by round.
struct Rounds<const SIDES: usize>(Vec<[f64; SIDES]>);

impl<const SIDES: usize> Rounds<SIDES> {
    /// All sides in turns; the first round only warms up.
    fn take(mut round: impl FnMut() -> [f64; SIDES]) -> Self {
        round();
        Self((0..ROUNDS).map(|_| round()).collect())
    }

    fn median(&self, side: usize) -> f64 {
        median(self.0.iter().map(|round| round[side]))
    }

    /// How many times as fast as `other` this side is.
    fn ratio(&self, side: usize, other: usize) -> f64 {
        median(self.0.iter().map(|round| round[other] / round[side]))
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn say(line: &str) {
    println!("{line}");
}

/// SendCommand, GetCommand, CompleteCommand, callback: two hand-offs. `place` says where
/// the threads run.
fn round_trips(prefix: &str, place: &str) {
    const COUNT: u32 = 3_000;
    let (runtime, futex) = (Runtime::start(prefix, 1, &[]), Futex::start());
    let mut pipe = Pipe::start();
    let rounds = Rounds::take(|| {
        [
            timed(COUNT, || runtime.round_trips(COUNT, None, 0)),
            timed(COUNT, || futex.round_trips(COUNT)),
            timed(COUNT, || pipe.round_trips(COUNT, &[])),
        ]
    });
    runtime.end();
    say(&format!("round trips a second, {place}, {ROUNDS} rounds of {COUNT}"));
    let per_second = |side| 1e6 / rounds.median(side);
    say(&format!("  runtime {:>9.0}", per_second(0)));
    for (side, name, aim) in [(1, "futex", " (at least 0.5)"), (2, "pipe", "")] {
        let (speed, ratio) = (per_second(side), rounds.ratio(0, side));
        say(&format!("  {name:<7} {speed:>9.0}   runtime / {name} {ratio:.2}{aim}"));
    }
}

/// Keeps this thread, and the threads and processes that it starts meanwhile, on one
/// processor. There a hand-off costs the same every time; between two it depends on how
/// soundly the other one sleeps.
fn on_one_processor(work: impl FnOnce()) {
    let everywhere = sched_getaffinity(None).expect("where this thread may run");
    let mut here = CpuSet::new();
    here.set(sched_getcpu());
    sched_setaffinity(None, &here).expect("it runs there");
    work();
    sched_setaffinity(None, &everywhere).expect("where it might run before");
}

/// A Write of a whole buffer, beside copying it and sending it through a pipe.
fn hand_offs(prefix: &str) {
    let runtime = Runtime::start(prefix, 1, &SIZES);
    let mut pipe = Pipe::start();
    say(&format!("\nhand-off of a buffer, microseconds, {ROUNDS} rounds"));
    say("      KiB  untouched    touched     memcpy       pipe  untouched/memcpy  /pipe    GiB/s");
    for size in SIZES {
        let (buffer, data) = (runtime.buffer(size), vec![7; size as usize]);
        buffer.bytes().expect("ours").copy_from(&data);
        let mut copy = data.clone();
        let (many, few) = (1_000, (64 << 20) / size);
        let rounds = Rounds::take(|| {
            [
                timed(many, || runtime.round_trips(many, Some(&buffer), 0)),
                timed(many, || runtime.round_trips(many, Some(&buffer), peer::TOUCH)),
                timed(few, || (0..few).for_each(|_| black_box(&mut copy).copy_from_slice(&data))),
                timed(few, || pipe.round_trips(few, &data)),
            ]
        });
        let [untouched, touched, memcpy, piped] = [0, 1, 2, 3].map(|side| rounds.median(side));
        let (by_copy, by_pipe) = (rounds.ratio(0, 2), rounds.ratio(0, 3));
        let speed = f64::from(size) / f64::from(1 << 30) / untouched * 1e6;
        say(&format!(
            "  {:>7} {untouched:>10.1} {touched:>10.1} {memcpy:>10.1} {piped:>10.1} \
             {by_copy:>17.2} {by_pipe:>6.1} {speed:>8.1}",
            size >> 10
        ));
    }
    runtime.end();
}

/// Commands spread over many devices, one on its way on each.
fn many_devices(prefix: &str) {
    const COUNT: u32 = 3_200;
    let sets = DEVICES.map(|devices| {
        let prefix = format!("{prefix}{devices}-");
        Runtime::start(&prefix, devices, &[])
    });
    let rounds = Rounds::take(|| {
        std::array::from_fn::<_, { DEVICES.len() }, _>(|side| {
            timed(COUNT, || sets[side].round_trips(COUNT, None, 0))
        })
    });
    sets.into_iter().for_each(Runtime::end);
    say(&format!("\ndevices, round trips a second over all, {ROUNDS} rounds of {COUNT}"));
    for (side, devices) in DEVICES.into_iter().enumerate() {
        let (speed, ratio) = (1e6 / rounds.median(side), rounds.ratio(side, 0));
        say(&format!("  {devices:>2} {speed:>9.0}   times one device {ratio:.2}"));
    }
}

/// The shared memory object of a set without buffers.
fn memory(prefix: &str) {
    say("\nmemory of a set without buffers, KiB");
    for devices in [1, 64] {
        let set = peer::machine(prefix).client_set();
        let config = VdConfig { device_count: devices, ..VdConfig::default() };
        set.create(None, "memory", &config).expect("created");
        let object = format!("{prefix}memory_SQLVDIMemoryName_0");
        let object = fs::metadata(Path::new("/dev/shm").join(object)).expect("there");
        let kib = |bytes: u64| bytes as f64 / 1024.0;
        let (length, held) = (kib(object.len()), kib(object.blocks() * 512));
        let each = length / f64::from(devices);
        say(&format!(
            "  {devices:>2} devices: {length:.0} long, {held:.0} held, {each:.1} a device"
        ));
    }
}

/// Removes what is left of sets with this prefix: something, if a measurement failed.
struct Leftovers(String);

impl Drop for Leftovers {
    fn drop(&mut self) {
        remove_leftovers(&self.0);
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["peer", part @ ..] = &arguments[..] {
        peer::play(part);
        return;
    }
    let leftovers = Leftovers(format!("vdi-bench-{}-", std::process::id()));
    let Leftovers(prefix) = &leftovers;
    on_one_processor(|| round_trips(prefix, "all on one processor"));
    round_trips(prefix, "wherever the system puts them");
    hand_offs(prefix);
    many_devices(prefix);
    memory(prefix);
}
