//! How fast the search visits states, on one core and on two, beside the checker stateright on
//! the same worlds and SPIN on a model of the same rules in Promela, `set.pml`, all in turns; and
//! how many bytes a state takes. It fails where the search is no faster than stateright's, or a
//! state takes more memory than it may.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use divan::Bencher;
use divan::counter::ItemsCount;
use rustix::time::{ClockId, clock_gettime};
use stateright::{Checker, Model};
use vdi_explore::{Bounds, Exploration, World, explore};
use vdi_spec::clauses::Profile;

/// Two devices and two commands: seconds, not minutes.
const BOUNDS: Bounds = Bounds { commands: 2, ..Bounds::FULL };

/// How often each side has its turn.
const TURNS: usize = 5;

/// Times stateright's rate, at least.
const TIMES_STATERIGHT: f64 = 1.2;

/// Bytes a state, at most.
const BYTES: usize = 48;

fn visit(bounds: Bounds, threads: usize) -> Exploration {
    explore(World::new(bounds, Profile::default()), threads)
}

#[divan::bench(sample_count = 20)]
fn small(bencher: Bencher<'_, '_>) {
    let count = visit(Bounds::SMALL, 1).transitions;
    bencher.counter(ItemsCount::new(count)).bench(|| visit(Bounds::SMALL, 1));
}

/// States that stateright finds in the same world, which it tells apart by 64-bit fingerprints.
fn peer(bounds: Bounds) -> usize {
    let world = World::new(bounds, Profile::default());
    world.checker().spawn_bfs().join().unique_state_count()
}

/// SPIN's search of the model in Promela, which knows no buffers and no deaths: the program that
/// it makes; `None` without SPIN.
fn spin() -> Option<PathBuf> {
    Command::new("spin").arg("-V").output().ok()?;
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("spin");
    std::fs::create_dir_all(&place).expect("a directory can be made");
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/set.pml");
    let sizes = ["-DDEVICES=2", "-DCOMMANDS=2", "-DBLIND"];
    let compile = ["-O2", "-w", "-DNOREDUCE", "-o", "pan", "pan.c"];
    for command in
        [Command::new("spin").arg("-a").args(sizes).arg(model), Command::new("cc").args(compile)]
    {
        let made = command.current_dir(&place).output().expect("it starts");
        assert!(made.status.success(), "{command:?}: {made:?}");
    }
    Some(place.join("pan"))
}

/// The states that it finds, and the steps that it takes.
fn visit_by_spin(program: &Path) -> (f64, f64) {
    let found = Command::new(program).args(["-E", "-m1000000"]).output().expect("it starts");
    let text = String::from_utf8(found.stdout).expect("SPIN writes text");
    let number = |what: &str| {
        let line = text.lines().find_map(|line| line.trim().split_once(what));
        line.and_then(|(number, _)| number.trim().parse().ok()).expect("SPIN counts")
    };
    (number(" states, stored"), number(" transitions (= stored+matched)"))
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn seconds<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let done = work();
    (start.elapsed().as_secs_f64(), done)
}

/// Seconds that this process has spent on processors meanwhile: other work on the machine does
/// not count.
fn processor_seconds<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let spent = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let start = spent();
    let done = work();
    (spent() - start, done)
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// A row of the table in the documents: ours and the peer's, the ratio and its limit.
#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn row(what: &str, [ours, peers]: [&str; 2], (ratio, limit): (f64, &str)) {
    println!("| {what} | {ours} | {peers} | {ratio:.2} | {limit} |");
}

#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn main() {
    divan::main();
    let (mut own, mut peers) = (Vec::new(), Vec::new());
    let (mut one, mut two) = (Vec::new(), Vec::new());
    let (spin, mut spins) = (spin(), Vec::new());
    let mut by_spin = (0.0, 0.0);
    let found = visit(BOUNDS, 1);
    for _ in 0..TURNS {
        let (waited, (took, _)) = seconds(|| processor_seconds(|| visit(BOUNDS, 1)));
        one.push(waited);
        own.push(took);
        two.push(seconds(|| visit(BOUNDS, 2)).0);
        let (took, states) = processor_seconds(|| peer(BOUNDS));
        assert_eq!(states, found.states, "both visit the same states");
        peers.push(took);
        if let Some(program) = &spin {
            let (took, counts) = seconds(|| visit_by_spin(program));
            by_spin = counts;
            spins.push(took);
        }
    }
    let (own, peers, one, two) = (median(own), median(peers), median(one), median(two));
    let Exploration { states, transitions, bytes, .. } = found;
    println!("{states} states, {transitions} transitions");
    let rate = |count: f64, took: f64| format!("{:.0}", count / took);
    let (states, transitions) = (states as f64, transitions as f64);
    row(
        "states a second of a processor, beside stateright on the same world",
        [&rate(states, own), &rate(states, peers)],
        (peers / own, &format!("at least {TIMES_STATERIGHT}")),
    );
    row(
        "states a second on two cores, beside one",
        [&rate(states, two), &rate(states, one)],
        (one / two, ""),
    );
    match spins.is_empty() {
        true => println!("SPIN is not installed: nothing stands beside it"),
        false => {
            let took = median(spins);
            row(
                "transitions a second on one core, beside SPIN on `sim/explore/benches/set.pml`",
                [&rate(transitions, one), &rate(by_spin.1, took)],
                (transitions / one / (by_spin.1 / took), ""),
            );
        }
    }
    let each = bytes / states as usize;
    println!("| bytes a state, what is reserved included | {each} | | | at most {BYTES} |");
    assert!(peers / own >= TIMES_STATERIGHT, "no faster than stateright");
    assert!(each <= BYTES, "a state takes too much memory");
}
