//! How fast the search visits states, on one core and on two, beside the checker stateright on
//! the same worlds, both in turns; and how many bytes a state takes.

use std::time::Instant;

use divan::Bencher;
use divan::counter::ItemsCount;
use stateright::{Checker, Model};
use vdi_explore::{Bounds, Exploration, World, explore};
use vdi_spec::clauses::Profile;

/// Two devices and two commands: seconds, not minutes.
const BOUNDS: Bounds = Bounds { commands: 2, ..Bounds::FULL };

/// How often each side has its turn.
const TURNS: usize = 5;

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

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn seconds<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let done = work();
    (start.elapsed().as_secs_f64(), done)
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn main() {
    divan::main();
    let (mut own, mut two, mut peers) = (Vec::new(), Vec::new(), Vec::new());
    let found = visit(BOUNDS, 1);
    for _ in 0..TURNS {
        own.push(seconds(|| visit(BOUNDS, 1)).0);
        two.push(seconds(|| visit(BOUNDS, 2)).0);
        let (took, states) = seconds(|| peer(BOUNDS));
        assert_eq!(states, found.states, "both visit the same states");
        peers.push(took);
    }
    let (own, two, peers) = (median(own), median(two), median(peers));
    let Exploration { states, transitions, bytes, .. } = found;
    println!(
        "{states} states, {transitions} transitions: {:.0} states and {:.0} transitions a second \
         on one core",
        states as f64 / own,
        transitions as f64 / own,
    );
    println!("stateright on the same: {:.0} states a second", states as f64 / peers);
    println!("{:.2} times stateright, a second core {:.2} times", peers / own, own / two);
    println!("{} bytes a state, what is reserved included", bytes / states);
}
