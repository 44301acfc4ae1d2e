//! Runs the search over a bounded world, and the explorer in the browser.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use stateright::Model;

use super::action::Action;
use super::layers::{Progress, Searched, search};
use super::node::Node;
use super::packed::Packed;
use super::properties::SIGHTS;
use super::world::World;

/// What an exploration found.
#[derive(Clone, Debug)]
pub struct Exploration {
    /// States that differ.
    pub states: usize,
    /// Steps from one state to another, those to states already known included.
    pub transitions: usize,
    /// The length of the longest of the shortest ways to a state.
    pub depth: usize,
    /// Bytes that the visited set took at the end.
    pub bytes: usize,
    /// The invariants that are violated, each with a shortest way to a state that shows it.
    pub violations: BTreeMap<&'static str, Vec<String>>,
    /// The sights that were looked for and not seen.
    pub unseen: Vec<&'static str>,
    /// The clauses that were decisive, or broken, somewhere.
    pub met: Vec<&'static str>,
    /// The clauses that were not.
    pub unmet: Vec<&'static str>,
}

impl Exploration {
    /// Whether every invariant holds and every sight was seen.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.violations.is_empty() && self.unseen.is_empty()
    }
}

/// Visits every state of the world, with so many threads. Unless the world is broken on purpose
/// it ends with the states that are as far from the beginning as the first violation. What is
/// found does not depend on the number of threads.
///
/// ```
/// use vdi_spec::clauses::Profile;
/// use vdi_explore::{Bounds, World, explore};
///
/// let bounds = Bounds { commands: 1, buffers: 0, ..Bounds::SMALL };
/// let found = explore(World::new(bounds, Profile::default()), 1);
/// assert!(found.violations.is_empty());
/// ```
#[must_use]
#[expect(
    clippy::needless_pass_by_value,
    reason = "a world is explored once: it counts what it met"
)]
pub fn explore(world: World, threads: usize) -> Exploration {
    explore_with(&world, threads, &mut |_| {})
}

/// The same; `observer` is told now and then how far it is.
#[must_use]
pub fn explore_with(
    world: &World,
    threads: usize,
    observer: &mut dyn FnMut(&Progress),
) -> Exploration {
    let Searched { end, ways } = searched(world, threads, observer);
    let steps = |way: &Vec<Action>| way.iter().map(ToString::to_string).collect();
    let coverage = &world.coverage;
    let unseen = (0u32..)
        .zip(SIGHTS)
        .filter(|(index, sight)| !coverage.saw(*index) && (sight.within)(&world.bounds))
        .map(|(_, sight)| sight.name)
        .collect();
    let clauses = |met| coverage.clauses(met).map(|row| row.id).collect();
    Exploration {
        states: end.states,
        transitions: end.transitions,
        depth: end.depth,
        bytes: end.bytes,
        violations: ways.iter().map(|(name, way)| (*name, steps(way))).collect(),
        unseen,
        met: clauses(true),
        unmet: clauses(false),
    }
}

/// The shortest way to a violation of each invariant that is violated.
#[must_use]
pub fn ways_to_violations(world: &World, threads: usize) -> BTreeMap<&'static str, Vec<Action>> {
    searched(world, threads, &mut |_| {}).ways
}

/// Searches with the narrowest words into which all states fit. What is broken on purpose has
/// states that fit into none.
fn searched(world: &World, threads: usize, observer: &mut dyn FnMut(&Progress)) -> Searched {
    // Of a world that is broken on purpose all violations are of interest.
    let all = world.mutant.is_some();
    if !all {
        let found = search::<Packed<3>>(world, threads, all, observer)
            .or_else(|| search::<Packed<4>>(world, threads, all, observer))
            .or_else(|| search::<Packed<12>>(world, threads, all, observer));
        if let Some(found) = found {
            return found;
        }
    }
    search::<Node>(world, threads, all, observer).expect("a state is its own key")
}

/// Serves the checker's explorer to a browser at this address; does not return.
pub fn serve(world: World, address: SocketAddr) {
    let _ = world.checker().serve(address);
}
