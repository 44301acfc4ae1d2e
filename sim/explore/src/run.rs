//! Runs the checker over a bounded world.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use stateright::{Checker, HasDiscoveries, Model};

use super::properties::{INVARIANTS, SIGHTS};
use super::world::World;

/// What an exploration found.
#[derive(Clone, Debug)]
pub struct Exploration {
    /// States that differ.
    pub states: usize,
    /// Steps from one state to another, those to states already known included.
    pub transitions: usize,
    /// The length of the longest of the shortest ways to a state; with several
    /// threads perhaps a little more.
    pub depth: usize,
    /// The invariants that are violated, each with a way to a state that shows it.
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

/// Visits every state of the world, with so many threads; ends early at a violation,
/// unless the world is broken on purpose.
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
pub fn explore(world: World, threads: usize) -> Exploration {
    let bounds = world.bounds;
    // Of a world that is broken on purpose all violations are of interest.
    let until = match world.mutant {
        None => HasDiscoveries::AnyFailures,
        Some(_) => HasDiscoveries::All,
    };
    let checker = world.checker().threads(threads).finish_when(until).spawn_bfs().join();
    let mut violations = BTreeMap::new();
    for (name, path) in checker.discoveries() {
        if INVARIANTS.iter().any(|row| row.name == name) {
            let steps = path.into_actions().iter().map(ToString::to_string).collect();
            violations.insert(name, steps);
        }
    }
    let coverage = &checker.model().coverage;
    let unseen = (0u32..)
        .zip(SIGHTS)
        .filter(|(index, sight)| !coverage.saw(*index) && (sight.within)(&bounds))
        .map(|(_, sight)| sight.name)
        .collect();
    let clauses = |met| coverage.clauses(met).map(|row| row.id).collect();
    Exploration {
        states: checker.unique_state_count(),
        transitions: checker.state_count() - 1,
        depth: checker.max_depth() - 1,
        violations,
        unseen,
        met: clauses(true),
        unmet: clauses(false),
    }
}

/// Serves the checker's explorer to a browser at this address; does not return.
pub fn serve(world: World, address: SocketAddr) {
    let _ = world.checker().serve(address);
}
