//! Ways through a bounded world that together take every kind of step, and what
//! else needs all its states at once.

use std::collections::{BTreeMap, BTreeSet};

use super::action::Action;
use super::node::Node;
use super::packed::Packed;
use super::properties::{INVARIANTS, look};
use super::search::{Found, breadth_first};
use super::world::{Bounds, Detail, World};
use vdi_model::{ClientPhase, DeviceSetState, ServerPhase, Stage};
use vdi_spec::clauses::Profile;

/// Steps of one class are alike: they start in the same states of the set and phases
/// of server and client, do the same, and rest on the same clauses.
type Class = (DeviceSetState, ServerPhase, ClientPhase, String, Vec<&'static str>);

fn class(node: &Node, action: &Action) -> Class {
    let state = &node.state;
    let clauses = action.clauses().map(|clause| clause.info().id).collect();
    let phases = (state.device_set_state(), state.server_phase(), state.client_phase());
    (phases.0, phases.1, phases.2, action.kind(), clauses)
}

/// Every state of a world, each with the state before it.
struct Graph(Found<Node>);

impl Graph {
    /// Searches; `met` is told every step with its source.
    fn search(world: &World, met: impl FnMut(usize, &Node, &Action, &Node)) -> Self {
        Self::walk(world, true, met)
    }

    /// The same; without `loops` no call is made that returns at once and changes nothing.
    fn walk(world: &World, loops: bool, mut met: impl FnMut(usize, &Node, &Action, &Node)) -> Self {
        let mut actions = Vec::new();
        Self(breadth_first(world.canonical(Node::default()), |at, node| {
            world.offer(node, loops, &mut actions);
            let mut step = |action: Action| {
                let next = world.canonical(world.step(node, &action));
                met(at, node, &action, &next);
                next
            };
            actions.drain(..).map(&mut step).collect()
        }))
    }

    /// The states on the shortest way to a state, without the first.
    fn way(&self, mut to: usize) -> Vec<&Node> {
        let mut way = Vec::new();
        while to != 0 {
            way.push(&self.0.states[to]);
            to = self.0.parents[to];
        }
        way.reverse();
        way
    }
}

/// Every state of a bounded world, in the order in which breadth-first search finds them.
#[must_use]
pub fn reachable(world: &World) -> Vec<Node> {
    Graph::search(world, |_, _, _, _| {}).0.states
}

/// For each invariant that a world violates how many steps the nearest violation is away, by
/// plain breadth-first search of states as they are.
#[must_use]
pub fn nearest_violations(world: &World) -> BTreeMap<&'static str, usize> {
    let Graph(found) = Graph::walk(world, false, |_, _, _, _| {});
    let mut depths = vec![0; found.states.len()];
    let mut nearest = BTreeMap::new();
    for (at, node) in found.states.iter().enumerate() {
        if at > 0 {
            depths[at] = depths[found.parents[at]] + 1;
        }
        look(world, node, |row| {
            nearest.entry(INVARIANTS[row].name).or_insert(depths[at]);
        });
    }
    nearest
}

/// The invariants that are violated at the end of this way, walked from the beginning.
#[must_use]
pub fn violated_after(world: &World, way: &[Action]) -> BTreeSet<&'static str> {
    let begin = world.canonical(Node::default());
    let end = way.iter().fold(begin, |node, action| world.canonical(world.step(&node, action)));
    let mut violated = BTreeSet::new();
    look(world, &end, |row| {
        violated.insert(INVARIANTS[row].name);
    });
    violated
}

/// Puts every state of a world into words and takes it out again; gives how many there are.
///
/// # Errors
/// The first state that does not fit, or is another afterwards.
pub fn packed_and_unpacked(world: &World) -> Result<usize, String> {
    let states = reachable(world);
    for node in &states {
        let narrow = Packed::<3>::of(world, node).map(|packed| packed.node(world));
        let wide = Packed::<12>::of(world, node).map(|packed| packed.node(world));
        let same = narrow.is_none_or(|known| known == *node) && wide.as_ref() == Some(node);
        if !same {
            return Err(format!("{node:#?}"));
        }
    }
    Ok(states.len())
}

/// Everything that is done in a bounded world: in which state and phases, with which
/// clauses, and whether the set is aborted or a device failed afterwards.
#[must_use]
pub fn everything_done(world: &World) -> BTreeSet<String> {
    let mut done = BTreeSet::new();
    Graph::search(world, |_, node, action, next| {
        let (state, server, client, kind, clauses) = class(node, action);
        let aborted = next.ghost.aborted;
        let failed = next.state.devices.iter().any(|device| device.errored);
        done.insert(format!("{state} {server} {client}: {kind} {clauses:?} {aborted} {failed}"));
    });
    done
}

/// A small set of paths from the beginning that together take a step of every class: in
/// every combination of the set's state and the phases of server and client, every
/// action that is possible there, for every set of clauses it rests on. Calls that
/// change nothing are steps too.
///
/// The numbers in the actions of one path fit together: device 0 stays device 0, a
/// command keeps its number until its callback, [`World::step`] takes one after the
/// other, from [`Node::default`]. Devices are interchangeable, so the server may open
/// device 1 before device 0.
///
/// All states are held in memory: meant for bounds with some thousand states, such as
/// [`Bounds::SMALL`].
///
/// ```
/// use vdi_spec::clauses::Profile;
/// use vdi_explore::{Bounds, Node, World, paths_covering_transitions};
///
/// let bounds = Bounds { commands: 1, buffers: 0, ..Bounds::SMALL };
/// let world = World::new(bounds, Profile::default());
/// for path in paths_covering_transitions(&bounds, &Profile::default()) {
///     let _last = path.iter().fold(Node::default(), |node, action| world.step(&node, action));
/// }
/// ```
#[must_use]
pub fn paths_covering_transitions(bounds: &Bounds, profile: &Profile) -> Vec<Vec<Action>> {
    let world = World::new(*bounds, profile.clone());
    let mut first: BTreeMap<Class, (usize, Node)> = BTreeMap::new();
    let graph = Graph::search(&world, |at, node, action, next| {
        first.entry(class(node, action)).or_insert_with(|| (at, next.clone()));
    });
    // The longest first: what lies on its way need not be walked to again.
    let mut wanted: Vec<(&Class, usize, &Node)> =
        first.iter().map(|(class, (at, next))| (class, *at, next)).collect();
    wanted.sort_by_key(|(_, at, _)| std::cmp::Reverse(*at));
    let mut covered = BTreeSet::new();
    let mut paths = Vec::new();
    for (class, at, next) in wanted {
        if !covered.contains(class) {
            let walk = Walk { world: &world, covered: &mut covered, path: Vec::new() };
            paths.push(walk.along(&graph.way(at), class, next));
        }
    }
    paths
}

/// One path, with numbers that fit together.
struct Walk<'a> {
    world: &'a World,
    covered: &'a mut BTreeSet<Class>,
    path: Vec<Action>,
}

impl Walk<'_> {
    /// Walks through these states, makes every call that changes nothing and is not
    /// covered yet where it is possible, and ends with a step of `last`.
    fn along(mut self, way: &[&Node], last: &Class, end: &Node) -> Vec<Action> {
        let mut node = Node::default();
        for next in way {
            node = self.linger(node);
            node = self.step(node, next, None);
        }
        node = self.linger(node);
        if !self.covered.contains(last) {
            self.step(node, end, Some(last));
        }
        self.path
    }

    fn offered(&self, node: &Node) -> Vec<Action> {
        let mut actions = Vec::new();
        self.world.offer(node, true, &mut actions);
        actions
    }

    fn take(&mut self, node: &Node, action: Action) -> Node {
        self.covered.insert(class(node, &action));
        let next = self.world.step(node, &action);
        self.path.push(action);
        next
    }

    /// A step to a state, not covered yet if there is one, or of this class.
    fn step(&mut self, node: Node, to: &Node, of: Option<&Class>) -> Node {
        let mut fitting: Vec<Action> = self.offered(&node);
        fitting.retain(|action| {
            of.is_none_or(|of| class(&node, action) == *of)
                && self.world.canonical(self.world.step(&node, action)) == *to
        });
        let fresh = fitting.iter().position(|action| !self.covered.contains(&class(&node, action)));
        assert!(!fitting.is_empty(), "a way in canonical numbers can be walked in any");
        let action = fitting.swap_remove(fresh.unwrap_or(0));
        self.take(&node, action)
    }

    /// The steps that lead nowhere and are not covered yet.
    fn linger(&mut self, mut node: Node) -> Node {
        let here = self.world.canonical(node.clone());
        for action in self.offered(&node) {
            let fresh = !self.covered.contains(&class(&node, &action));
            if fresh && self.world.canonical(self.world.step(&node, &action)) == here {
                node = self.take(&node, action);
            }
        }
        node
    }
}

/// Whether dropping detail loses nothing: what [`Detail::Needed`] makes of every state
/// of the whole world leads to the same states as the state itself. Gives how many
/// states were compared.
///
/// # Errors
/// The first state of the whole world of which this is not true, and the difference.
pub fn same_up_to_detail(bounds: &Bounds, profile: &Profile) -> Result<usize, String> {
    let whole = World::new(Bounds { detail: Detail::Whole, ..*bounds }, profile.clone());
    let needed = World::new(Bounds { detail: Detail::Needed, ..*bounds }, profile.clone());
    let refused =
        |node: &Node| node.state.commands.iter().any(|c| matches!(c.stage, Stage::Refused { .. }));
    let kinds = |world: &World, node: &Node| -> Vec<(String, Node)> {
        let mut actions = Vec::new();
        world.offer(node, false, &mut actions);
        let here = needed.canonical(node.clone());
        let mut steps: Vec<(String, Node)> = actions
            .iter()
            .map(|action| (shape(action), world.step(node, action)))
            .filter(|(_, next)| !refused(next))
            .map(|(kind, next)| (kind, needed.canonical(next)))
            .filter(|(_, next)| *next != here)
            .collect();
        let mut distinct: Vec<(String, Node)> = Vec::new();
        for step in steps.drain(..) {
            if !distinct.contains(&step) {
                distinct.push(step);
            }
        }
        distinct
    };
    let states: Vec<Node> = reachable(&whole).into_iter().filter(|node| !refused(node)).collect();
    for node in &states {
        let (own, reduced) = (kinds(&whole, node), needed.canonical(node.clone()));
        let other = kinds(&needed, &reduced);
        let missing = own.iter().find(|step| !other.contains(step));
        let differing = missing.or_else(|| other.iter().find(|step| !own.contains(step)));
        if let Some((kind, next)) = differing {
            return Err(format!("{node:#?}\nreduced: {reduced:#?}\n{kind}: {next:#?}"));
        }
    }
    Ok(states.len())
}

/// The kind of an action without the completion code, which a dropped detail may be.
fn shape(action: &Action) -> String {
    match action {
        Action::Callback(callback) => format!("callback on {:?}", callback.lane),
        Action::Hold(callback) => format!("callback held on {:?}", callback.lane),
        other => other.kind(),
    }
}
