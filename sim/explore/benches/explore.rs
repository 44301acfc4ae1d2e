//! How fast the checker visits states on one core, and how many bytes a state takes.

use std::mem::size_of;
use std::time::Instant;

use divan::Bencher;
use divan::counter::ItemsCount;
use smallvec::SmallVec;
use vdi_explore::testing::reachable;
use vdi_explore::{Bounds, Exploration, Node, World, explore};
use vdi_spec::clauses::Profile;

/// Two devices and two commands: seconds, not minutes.
const BOUNDS: Bounds = Bounds { commands: 2, ..Bounds::FULL };

fn visit(bounds: Bounds, threads: usize) -> Exploration {
    explore(World::new(bounds, Profile::default()), threads)
}

#[divan::bench(sample_count = 20)]
fn small(bencher: Bencher<'_, '_>) {
    let count = visit(Bounds::SMALL, 1).transitions;
    bencher.counter(ItemsCount::new(count)).bench(|| visit(Bounds::SMALL, 1));
}

/// Bytes beside the state itself, where more is held than fits into it.
fn spilled(node: &Node) -> usize {
    fn heap<A: smallvec::Array>(held: &SmallVec<A>) -> usize {
        if held.spilled() { held.capacity() * size_of::<A::Item>() } else { 0 }
    }
    let state = &node.state;
    heap(&state.devices)
        + heap(&state.commands)
        + heap(&state.buffers)
        + heap(&state.calls)
        + heap(&node.ghost.sent)
}

#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn main() {
    divan::main();
    let start = Instant::now();
    let found = visit(BOUNDS, 1);
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{} states, {} transitions: {:.0} states and {:.0} transitions a second on one core",
        found.states,
        found.transitions,
        found.states as f64 / seconds,
        found.transitions as f64 / seconds,
    );
    let nodes = reachable(&World::new(BOUNDS, Profile::default()));
    let heap: usize = nodes.iter().map(spilled).sum();
    println!(
        "{} bytes a state, and {} on the heap on average",
        size_of::<Node>(),
        heap / nodes.len(),
    );
}
