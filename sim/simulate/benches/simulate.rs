//! How fast worlds run on the model, on one core: steps of the model, commands and whole
//! backups a second, with and without the oracle and the trace; beside it the raw cost of
//! the ChaCha draws, of keeping the events, and of writing them as a trace.
//!
//! `cargo bench -p vdi_simulate --bench simulate`

use std::hint::black_box;
use std::time::{Duration, Instant};

use vdi_simulate::{
    Arrangement, Asks, Counts, Faults, Like, ModelBackend, Options, Plan, Rng, Strategy, Watch,
    Ways, options_of, simulate_on,
};
use vdi_spec::clauses::Profile;

/// Two backups and restores, of a pipe, by a thread, with nothing going wrong.
fn plain(transfers: u32, at_once: u8) -> Options {
    Options {
        plan: Plan::Backup,
        like: Like::Pipe,
        removable: false,
        devices: 1,
        sets: 1,
        arrangement: Arrangement::OneThread,
        metadata: 65_536,
        data: 65_536 * transfers,
        write_size: 65_536,
        read_size: 65_536,
        max_transfer_size: 65_536,
        block_size: 65_536,
        buffers: 4,
        queue_depth: 4,
        holds: 1,
        flushes: 1,
        deviation: None,
        faults: Faults::default(),
        strategy: Strategy::Uniform,
        at_once,
        server_time_out: 0,
        configuration_wait: 0,
        command_wait: 0,
        reads_to_end: false,
        positions: false,
        complete: false,
        discard: false,
        most_steps: u32::MAX,
        trusting: false,
        hasty: false,
        fails_in_order: false,
        closes_early: false,
        odd_calls: 0,
        overlaps: false,
        asks: Asks::default(),
        server_alignment: 0,
        same_name: false,
        ways: Ways::default(),
        ..options_of(0)
    }
}

/// Time that this thread has spent on a processor, where the system tells it: other work
/// on the machine does not count.
fn processor_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let (before, start) = (processor_time(), Instant::now());
    let result = black_box(work());
    let took = start.elapsed();
    let spent = processor_time().zip(before).map(|(after, before)| after - before);
    (spent.unwrap_or(took), result)
}

fn add(sum: Counts, more: Counts) -> Counts {
    Counts {
        steps: sum.steps + more.steps,
        model_steps: sum.model_steps + more.model_steps,
        calls: sum.calls + more.calls,
        commands: sum.commands + more.commands,
        milliseconds: sum.milliseconds + more.milliseconds,
    }
}

/// Runs so many worlds; the best of three rounds.
fn run(worlds: u64, options: Option<Options>, watch: Watch) -> (Duration, Counts, u64) {
    let profile = Profile::default();
    let round = || {
        timed(|| {
            let mut backend = ModelBackend::new(profile.clone());
            if !watch.judge {
                backend = backend.without_clauses();
            }
            let (mut sum, mut backups) = (Counts::default(), 0);
            for seed in 0..worlds {
                backend.reset();
                let options = options.unwrap_or_else(|| options_of(seed));
                let outcome =
                    simulate_on(&mut backend, "vdi-model", seed, &options, &profile, watch);
                sum = add(sum, outcome.counts);
                backups += u64::from(outcome.backup == vdi_simulate::StatementEnd::Succeeded);
            }
            (sum, backups)
        })
    };
    let mut best = round();
    for _ in 0..2 {
        let next = round();
        if next.0 < best.0 {
            best = next;
        }
    }
    (best.0, best.1.0, best.1.1)
}

#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn report(name: &str, worlds: u64, options: Option<Options>, watch: Watch) {
    let (took, counts, backups) = run(worlds, options, watch);
    let seconds = took.as_secs_f64();
    let rate = |count: u64| count as f64 / seconds;
    println!(
        "{name:44} {:6.2} M model steps/s  {:6.0} k commands/s  {:8.0} backups/s  {:8.0} worlds/s  \
         {:4.0} ns/model step",
        rate(counts.model_steps) / 1e6,
        rate(counts.commands) / 1e3,
        rate(backups),
        rate(worlds),
        seconds * 1e9 / counts.model_steps as f64,
    );
}

#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn draws() {
    const DRAWS: u32 = 20_000_000;
    let (took, _) = timed(|| {
        let mut rng = Rng::new(1);
        (0..DRAWS).fold(0_u64, |sum, _| sum + u64::from(rng.below(7)))
    });
    println!("{:44} {:6.2} ns", "a draw", took.as_secs_f64() * 1e9 / f64::from(DRAWS));
}

/// What it costs to write the trace of a long backup as JSON Lines: that is done once it has
/// run, and not while it runs.
#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn writing() {
    let (options, kept) = (plain(2_000, 8), Watch { judge: false, keep: true });
    let mut backend = ModelBackend::new(Profile::default());
    let outcome = simulate_on(&mut backend, "vdi-model", 0, &options, &Profile::default(), kept);
    let log = outcome.log.unwrap_or_else(|| panic!("the trace was to be kept"));
    let write = || timed(|| log.to_trace().to_json_lines());
    let (took, text) = (0..3).map(|_| write()).min_by_key(|(took, _)| *took).unwrap_or_else(write);
    let (nanoseconds, events) = (took.as_secs_f64() * 1e9, text.lines().count() as f64);
    println!(
        "{:44} {:6.0} ns an event, {:.0} ns a model step, {:.0} MB/s",
        "writing the trace of a long backup",
        nanoseconds / events,
        nanoseconds / outcome.counts.model_steps as f64,
        text.len() as f64 / took.as_secs_f64() / 1e6
    );
}

fn main() {
    draws();
    writing();
    let (nothing, kept) = (Watch { judge: false, keep: false }, Watch { judge: false, keep: true });
    let (judged, both) = (Watch { judge: true, keep: false }, Watch { judge: true, keep: true });
    let long = Some(plain(2_000, 8));
    report("long backups, nothing looks", 40, long, nothing);
    report("long backups, events kept", 40, long, kept);
    report("long backups, judged", 20, long, judged);
    report("long backups, judged and kept", 20, long, both);
    report("long backups, split returns, nothing looks", 40, Some(plain(2_000, 4)), nothing);
    report("drawn worlds, nothing looks", 20_000, None, nothing);
    report("drawn worlds, judged", 10_000, None, judged);
    report("drawn worlds, judged and kept", 10_000, None, both);
}
