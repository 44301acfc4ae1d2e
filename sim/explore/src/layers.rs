//! Breadth-first search of a bounded world, layer after layer: the way to a state, and so to
//! a violation, is a shortest one, and the same whatever the number of threads.
//!
//! A layer is searched in blocks. First the threads take chunks of a block and write down what
//! their states lead to; then they take parts of the visited set, and enter what is new there,
//! in the chunks' order. Nothing depends on which thread takes what.

use std::collections::BTreeMap;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};

use smallvec::SmallVec;

use super::action::Action;
use super::node::Node;
use super::offer::Sink;
use super::properties::{INVARIANTS, look};
use super::visited::{Key, Place, SHARDS, Shard, shard_of};
use super::world::World;
use vdi_model::{Answer, Call, LaneId, Outcome, ServerCall};
use vdi_spec::clauses::Clause;

/// States that a thread takes at a time.
const CHUNK: usize = 512;
/// Chunks of a block.
const BLOCK: usize = 64;

/// How far a search has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// States found.
    pub states: usize,
    /// Of these, states whose steps have been taken.
    pub searched: usize,
    /// Steps taken.
    pub transitions: usize,
    /// Steps from the beginning to the states that are searched now.
    pub depth: usize,
    /// Bytes of the visited set.
    pub bytes: usize,
}

/// What a search has found.
pub(super) struct Searched {
    pub(super) end: Progress,
    /// The first state that violates an invariant, with a shortest way to it.
    pub(super) ways: BTreeMap<&'static str, Vec<Action>>,
}

/// The steps of the states of one chunk.
struct Chunk<K> {
    /// By part of the visited set: a state, its digest, and the state before it.
    found: Vec<Vec<(K, u64, Place)>>,
    transitions: usize,
    /// Invariants that are violated, by their numbers.
    violated: Vec<(usize, Place)>,
    fits: bool,
}

impl<K> Default for Chunk<K> {
    fn default() -> Self {
        Self::of(0)
    }
}

impl<K> Chunk<K> {
    /// With room for the steps of so many states, as many as they mostly have.
    fn of(states: usize) -> Self {
        let room = states * 8 / SHARDS;
        let found = (0..SHARDS).map(|_| Vec::with_capacity(room)).collect();
        Self { found, transitions: 0, violated: Vec::new(), fits: true }
    }
}

/// Takes steps and writes down where they lead.
struct Steps<'a, K> {
    world: &'a World,
    chunk: Chunk<K>,
    /// Where the state after a step is made.
    next: Node,
}

/// The same, from one state.
struct From<'a, 'b, K> {
    steps: &'a mut Steps<'b, K>,
    place: Place,
    key: &'a K,
    node: &'a Node,
    /// The kinds of refusals of SendCommand that were taken, and where they led.
    refusals: SmallVec<[(Refusal, K); 4]>,
}

/// All by which one refusal differs from another in the same state: the device, and what the
/// model says. What was asked for is gone with it, before anything could depend on it.
type Refusal = (u8, Answer, Clause);

impl<K: Key> From<'_, '_, K> {
    /// A copy of the state, and the world that takes a step from there.
    fn begin(&mut self) -> (&World, &mut Node) {
        self.steps.next.clone_from(self.node);
        (self.steps.world, &mut self.steps.next)
    }

    /// The key of the state after a step.
    fn arrive(&mut self) -> Option<K> {
        let Steps { world, next, .. } = &mut *self.steps;
        world.canonicalize(next);
        K::of(world, next)
    }

    /// Notes where a step led to.
    fn note(&mut self, next: Option<K>) {
        let chunk = &mut self.steps.chunk;
        match next {
            Some(next) if next != *self.key => {
                chunk.transitions += 1;
                let digest = next.digest();
                chunk.found[shard_of(digest)].push((next, digest, self.place));
            }
            Some(_) => {}
            None => chunk.fits = false,
        }
    }

    /// Where a call leads to.
    fn after(&mut self, lane: LaneId, call: &Call, outcome: &Outcome) -> Option<K> {
        let node = self.node;
        let (world, next) = self.begin();
        world.call_from(node, next, lane, call, outcome);
        self.arrive()
    }

    /// Where a refusal led to that is no other than this one.
    fn known(&self, refusal: Option<Refusal>) -> Option<K> {
        let refusal = refusal?;
        let known = self.refusals.iter().find(|(known, _)| *known == refusal);
        known.map(|(_, key)| key.clone())
    }
}

impl<K: Key> Sink for From<'_, '_, K> {
    fn call(&mut self, lane: LaneId, call: &Call, outcome: &Outcome) {
        let refusal = self.steps.world.refusal(call, outcome);
        if let Some(next) = self.known(refusal) {
            debug_assert!(self.after(lane, call, outcome).as_ref() == Some(&next), "it is another");
            self.steps.chunk.transitions += usize::from(next != *self.key);
            return;
        }
        let next = self.after(lane, call, outcome);
        self.refusals.extend(refusal.zip(next.clone()));
        self.note(next);
    }

    fn take(&mut self, action: Action) {
        let node = self.node;
        let (world, next) = self.begin();
        world.step_from(node, next, &action);
        let next = self.arrive();
        self.note(next);
    }
}

impl World {
    /// Of which kind a refusal is that comes and goes in one step.
    fn refusal(&self, call: &Call, outcome: &Outcome) -> Option<Refusal> {
        let passes = outcome.refuses() && !self.is_whole() && self.mutant.is_none();
        match call {
            Call::Server(ServerCall::SendCommand(request)) if passes => {
                Some((request.device, outcome.answer, outcome.clause))
            }
            Call::Server(_) | Call::Client(_) | Call::Secondary(..) => None,
        }
    }
}

struct Layers<'a, K> {
    world: &'a World,
    threads: usize,
    shards: Vec<RwLock<Shard<K>>>,
    progress: Progress,
    violated: BTreeMap<usize, Place>,
}

/// Visits every state of the world; ends after the first layer that has a violation, unless
/// `all`. `None`: a state does not fit into the key.
pub(super) fn search<K: Key>(
    world: &World,
    threads: usize,
    all: bool,
    observer: &mut dyn FnMut(&Progress),
) -> Option<Searched> {
    let shards = (0..SHARDS).map(|_| RwLock::new(Shard::default())).collect();
    let (progress, violated) = (Progress::default(), BTreeMap::new());
    let mut layers = Layers::<K> { world, threads: threads.max(1), shards, progress, violated };
    let first = K::of(world, &world.canonical(Node::default()))?;
    let digest = first.digest();
    let shard = shard_of(digest);
    layers.write(shard, |part| part.enter(first, digest, Place::new(shard, 0)));
    layers.progress.states = 1;
    let mut from = vec![0; SHARDS];
    loop {
        let layer = layers.layer(&mut from);
        if layer.is_empty() {
            layers.progress.depth -= 1;
            break;
        }
        for block in layer.chunks(BLOCK) {
            layers.block(block)?;
            observer(&layers.progress);
        }
        if !all && !layers.violated.is_empty() {
            break;
        }
        layers.progress.depth += 1;
    }
    let ways = layers.violated.iter().map(|(row, place)| {
        let way = layers.way(*place);
        (INVARIANTS[*row].name, way)
    });
    Some(Searched { end: layers.progress, ways: ways.collect() })
}

impl<K: Key> Layers<'_, K> {
    fn read<T>(&self, shard: usize, then: impl FnOnce(&Shard<K>) -> T) -> T {
        then(&self.shards[shard].read().expect("no thread has panicked"))
    }

    fn write<T>(&self, shard: usize, then: impl FnOnce(&mut Shard<K>) -> T) -> T {
        then(&mut self.shards[shard].write().expect("no thread has panicked"))
    }

    /// The states found since the last layer, in chunks of one part each: where it begins,
    /// and how many there are.
    fn layer(&self, from: &mut [usize]) -> Vec<(Place, usize)> {
        let mut chunks = Vec::new();
        for (shard, from) in from.iter_mut().enumerate() {
            let to = self.read(shard, Shard::len);
            let begins = (*from..to).step_by(CHUNK);
            chunks.extend(begins.map(|at| (Place::new(shard, at), CHUNK.min(to - at))));
            *from = to;
        }
        chunks
    }

    /// Takes the steps of all states of these chunks.
    fn block(&mut self, block: &[(Place, usize)]) -> Option<()> {
        let chunks: Vec<Mutex<Chunk<K>>> = block.iter().map(|_| Mutex::default()).collect();
        self.each(block.len(), |number| {
            let (begin, count) = block[number];
            *chunks[number].lock().expect("no thread has panicked") = self.expand(begin, count);
        });
        let chunks = chunks.into_iter().map(|chunk| chunk.into_inner().expect("no panic"));
        let mut chunks: Vec<Chunk<K>> = chunks.collect();
        let mut found: Vec<Vec<Vec<(K, u64, Place)>>> = (0..SHARDS).map(|_| Vec::new()).collect();
        for chunk in &mut chunks {
            if !chunk.fits {
                return None;
            }
            self.progress.transitions += chunk.transitions;
            for (row, place) in &chunk.violated {
                self.violated.entry(*row).or_insert(*place);
            }
            let parts = mem::take(&mut chunk.found);
            found.iter_mut().zip(parts).for_each(|(all, part)| all.push(part));
        }
        let found: Vec<Mutex<Vec<_>>> = found.into_iter().map(Mutex::new).collect();
        self.each(SHARDS, |shard| {
            let parts = mem::take(&mut *found[shard].lock().expect("no thread has panicked"));
            self.write(shard, |part| {
                for (key, digest, parent) in parts.into_iter().flatten() {
                    part.enter(key, digest, parent);
                }
            });
        });
        let sizes = (0..SHARDS).map(|shard| self.read(shard, |part| (part.len(), part.bytes())));
        let (states, bytes) = sizes.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        (self.progress.states, self.progress.bytes) = (states, bytes);
        self.progress.searched += block.iter().map(|(_, count)| count).sum::<usize>();
        Some(())
    }

    /// Does each of so many things, on as many threads as there are.
    fn each(&self, count: usize, work: impl Fn(usize) + Sync) {
        let next = AtomicUsize::new(0);
        let run = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    break;
                }
                work(number);
            }
        };
        let threads = self.threads.min(count);
        if threads == 1 {
            return run();
        }
        std::thread::scope(|scope| {
            (0..threads).for_each(|_| {
                scope.spawn(run);
            });
        });
    }

    /// What these states lead to.
    fn expand(&self, begin: Place, count: usize) -> Chunk<K> {
        let mut steps = Steps { world: self.world, chunk: Chunk::of(count), next: Node::default() };
        let keys = self.read(begin.shard(), |part| {
            (begin.index()..begin.index() + count)
                .map(|at| part.key(at).clone())
                .collect::<Vec<_>>()
        });
        for (offset, key) in keys.iter().enumerate() {
            let place = Place::new(begin.shard(), begin.index() + offset);
            let node = key.node(self.world);
            look(self.world, &node, |row| steps.chunk.violated.push((row, place)));
            let refusals = SmallVec::new();
            let mut from = From { steps: &mut steps, place, key, node: &node, refusals };
            self.world.offer(&node, false, &mut from);
        }
        steps.chunk
    }

    /// The steps on a shortest way to a state, each with the numbers that the state before it
    /// has in canonical order.
    fn way(&self, to: Place) -> Vec<Action> {
        let key = |place: Place| self.read(place.shard(), |part| part.key(place.index()).clone());
        let mut way = Vec::new();
        let mut at = to;
        loop {
            let before = self.read(at.shard(), |part| part.parent(at.index()));
            if before == at {
                break;
            }
            way.push(self.between(&key(before), &key(at)));
            at = before;
        }
        way.reverse();
        way
    }

    /// The first step that leads from one state to another.
    fn between(&self, from: &K, to: &K) -> Action {
        let node = from.node(self.world);
        let mut actions: Vec<Action> = Vec::new();
        self.world.offer(&node, false, &mut actions);
        let leads = |action: &Action| {
            let next = self.world.canonical(self.world.step(&node, action));
            K::of(self.world, &next).as_ref() == Some(to)
        };
        actions.into_iter().find(leads).expect("a step led there before")
    }
}
